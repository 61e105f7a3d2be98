/**
 * The whole service as its users run it: the program in processes of its own, between a provider and
 * an upstream, with settings as an operator gives them.
 */
import { type ErrorsTo, startProcess, type TestProcess } from "../support/process.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { defaultClaims, type Members, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { type HttpUpstream, httpUpstream, type UpstreamHandler } from "../support/upstream.ts";
import { eventually, pause } from "../support/waiting.ts";

export { eventually, pause };

/** The `kid` under which the test key number `index` is published. */
export const kid = (index = 0) => `key-${index}`;

/** One line of the log. */
export type LogLine = Record<string, unknown> & {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
};

/** What a service is started with. */
export interface ServiceOptions {
  /** Settings by environment name, over those that every test has. `undefined` drops one. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  /** Settings file, put into the working directory. */
  readonly toml?: string;
  /** The same, where it depends on the provider. */
  readonly tomlFor?: (provider: TestProvider) => string;
  /** Variables that are no settings. */
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly upstream?: UpstreamHandler;
  readonly denoFlags?: readonly string[];
  /** Where its log goes; to a reader if absent. */
  readonly errorsTo?: ErrorsTo;
  /** Whether to wait until it is ready; it does so unless this is false. */
  readonly wait?: false;
}

/** A running service. Disposing ends its process, then provider and upstream. */
export interface Service extends AsyncDisposable {
  readonly process: TestProcess;
  readonly provider: TestProvider;
  readonly upstream: HttpUpstream;
  /** Its working directory. */
  readonly dir: string;
  /** The URLs it listens on, plain first. */
  urls(): readonly string[];
  url(): string;
  adminUrl(): string;
  /** A token that is accepted, signed with the test key number `key`. */
  token(claims?: Members, header?: Members, key?: number): Promise<string>;
  /** A request with a good token and its whole response. */
  get(path?: string, init?: RequestInit): Promise<{ status: number; text: string }>;
  /** The log so far. */
  log(): LogLine[];
  /** The first line with this message and these fields. */
  logged(msg: string, fields?: Record<string, unknown>): Promise<LogLine>;
  /** A path of the admin listener. */
  admin(path: string): Promise<{ status: number; text: string; type: string | null }>;
  /** The value of a series, such as `ooproxy_workers`, in a fresh scrape. */
  metric(series: string): Promise<number>;
  /** The process ids of the workers. */
  workers(): number[];
}

/** Responds with the request's target, as `tests/support/load.ts` expects it. */
export const echo: UpstreamHandler = (_request, { target }) => new Response(`echo ${target}`);

/** Starts everything. Without other settings: two workers, plain HTTP, an admin listener. */
export async function startService(options: ServiceOptions = {}): Promise<Service> {
  const key = await rsaKey();
  const provider = startProvider({ keys: [publicJwk(key, { kid: kid() })] });
  const upstream = httpUpstream(options.upstream ?? echo);
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_e2e_" });
  const toml = options.tomlFor?.(provider) ?? options.toml;
  if (toml !== undefined) await Deno.writeTextFile(`${dir}/settings.toml`, toml);
  const settings: Record<string, string | undefined> = {
    LISTEN_URL: "127.0.0.1:0",
    ADMIN_URL: "127.0.0.1:0",
    PROVIDER_URL: provider.url,
    UPSTREAM_URL: upstream.url,
    KEY_COOLDOWN_SECS: "1",
    ...options.settings,
  };
  const env = Object.entries({ ...settings, ...options.env })
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  const process = startProcess({
    cwd: dir,
    env: Object.fromEntries(env),
    ...(options.args === undefined ? {} : { args: options.args }),
    ...(options.denoFlags === undefined ? {} : { denoFlags: options.denoFlags }),
    ...(options.errorsTo === undefined ? {} : { errorsTo: options.errorsTo }),
  });

  const log = () => process.stderr.map((line) => JSON.parse(line) as LogLine);
  const urls = () => log().filter(({ msg }) => msg === "listening").map(({ url }) => String(url));
  const adminUrl = () => String(log().find(({ msg }) => msg === "admin")?.url);
  const token = async (claims: Members = {}, header: Members = {}, index = 0) =>
    await signToken(
      await rsaKey(index),
      defaultClaims(Date.now(), { iss: provider.url, ...claims }),
      { kid: kid(index), ...header },
    );

  async function close(): Promise<void> {
    await process.close();
    await Promise.all([provider.close(), upstream.close()]);
    await Deno.remove(dir, { recursive: true });
  }

  async function admin(path: string) {
    const response = await fetch(adminUrl() + path);
    const type = response.headers.get("content-type");
    return { status: response.status, text: await response.text(), type };
  }

  const service: Service = {
    process,
    provider,
    upstream,
    dir,
    urls,
    url: () => urls()[0] ?? "",
    adminUrl,
    token,
    async get(path = "/", init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has("authorization")) headers.set("authorization", `Bearer ${await token()}`);
      const response = await fetch(service.url() + path, { ...init, headers });
      return { status: response.status, text: await response.text() };
    },
    log,
    logged: (msg, fields = {}) =>
      eventually(
        `the log line ${JSON.stringify({ msg, ...fields })}`,
        () =>
          log().find((line) =>
            line.msg === msg &&
            Object.entries(fields).every(([name, value]) => line[name] === value)
          ),
        process,
      ),
    admin,
    async metric(series) {
      return seriesOf((await admin("/metrics")).text).get(series) ?? NaN;
    },
    workers: () => childrenOf(process.pid),
    close,
    [Symbol.asyncDispose]: close,
  } as Service;
  if (options.wait !== false) {
    try {
      await process.waitForLine(/"ready"/);
    } catch (error) {
      await close();
      throw error;
    }
  }
  return service;
}

/** All series of a scrape with their values. */
export function seriesOf(metrics: string): Map<string, number> {
  return new Map(
    metrics.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** The sum of all series of one metric. */
export function total(metrics: string, name: string): number {
  return [...seriesOf(metrics)].filter(([series]) => series.split("{")[0] === name)
    .reduce((sum, [, value]) => sum + value, 0);
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    return text.trim().split(" ").filter((part) => part !== "").map(Number).filter(runs);
  } catch {
    return [];
  }
}

/** Whether a process runs: a dead one that has not been waited for yet does not. */
export function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
