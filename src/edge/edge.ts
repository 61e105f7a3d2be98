/**
 * The proxy as one function, for `deno serve` and for platforms that call an exported `fetch`: the
 * platform listens, ends TLS and starts threads. Each thread or instance has its own keys, token cache
 * and connections.
 */
import { load } from "../config/load.ts";
import { problemLines } from "../config/problems.ts";
import { type Config, inputNames, logSettings, namesWith } from "../config/schema.ts";
import { failure, failureResponse } from "../failure.ts";
import { makeGenerations } from "../oidc/key_source.ts";
import { systemClock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { Meter } from "../ops/meter.ts";
import { fail, ok, type Result } from "../result.ts";
import type { EdgeFetch, EdgeInfo } from "./lazy_fetch.ts";
import { closeBrokers, openBrokers } from "../keys/key_brokers.ts";
import { makeProviderClient } from "../keys/provider_client.ts";
import { type Logging, startLogging } from "../ops/start_log.ts";
import { watchWindows, windowsOf } from "../app/accept_until.ts";
import { prepare } from "../app/prepare.ts";
import { logForProvider } from "../app/provider_log.ts";
import { buildService } from "../request/service.ts";

/** What an edge is built from. */
export interface EdgeOptions {
  /** The environment, which is where all settings come from. */
  readonly env: Readonly<Record<string, string>>;
  /** Reads the file of a secret, where the platform has files. */
  readonly readFile: (path: string) => Result<string, string>;
  readonly version: string;
  /** Sets the log up; that of the program if absent. */
  readonly logging?: typeof startLogging;
}

/** The proxy, ready for requests. */
export interface Edge {
  /** Responds to one request. Never rejects. */
  readonly fetch: EdgeFetch;
  /** Ends WebSockets and closes idle connections; requests that run go on. */
  close(): Promise<void>;
}

/** Stands for the address that the platform listens on: without any there are no complete settings. */
const LISTENED_ON_BY_THE_PLATFORM = { LISTEN_URL: "127.0.0.1:0" };

/**
 * Reads the settings and builds the pipeline. With an invalid configuration every problem is logged,
 * once, and every response is a 500 whose body does not mention it.
 */
export async function openEdge(options: EdgeOptions): Promise<Edge> {
  const { logging: start = startLogging } = options;
  const clock = systemClock;
  const read = readSettings(options);
  const meter = new Meter();
  // Threads of `deno serve --parallel` share the standard error.
  const logDeps = { meter, shared: true };
  if (!read.ok) {
    const settings = { level: "info", form: "auto", refusalsPerSec: 0 } as const;
    return refusing(read.failure, start(settings, logDeps));
  }
  const { config, warnings, ignored, secure } = read.value;
  const logging = start(logSettings(config), logDeps);
  const { log } = logging;
  log.info("starting as a handler", { version: options.version, deno: Deno.version.deno });
  if (ignored.length > 0) {
    log.info("ignoring settings that the platform decides", {
      settings: ignored.join(", "),
    });
  }
  for (const warning of warnings) log.warn(warning);
  const chosen = withTransport(config, log);
  if (!chosen.ok) return refusing([chosen.failure], logging);
  const prepared = await prepare(chosen.value, undefined, { clock, log });
  if (!prepared.ok) return refusing([prepared.failure.text], logging);

  const keys = openBrokers(prepared.value.keys, {
    clock,
    logFor: (provider) => logForProvider(log, provider),
    meter,
    nextGeneration: makeGenerations(),
  });
  const accessLog = logging.accessLog(logSettings(config));
  const service = buildService(prepared.value.worker, {
    keySources: keys,
    clock,
    log,
    accessLog,
    meter,
    openHttp: makeProviderClient,
  }, { open: 0, opening: 0 });

  const windows = watchWindows(clock, (provider) => logForProvider(log, provider));
  windows.use(windowsOf(config));

  let running = 0;
  let closing = false;
  /** A request that runs may still wait for keys. */
  const closeKeysIfUnused = () => {
    if (closing && running === 0) closeBrokers(keys);
  };

  async function close(): Promise<void> {
    closing = true;
    stopListening();
    windows.close();
    closeKeysIfUnused();
    service.close();
    await service.webSockets.closeAll();
    await logging.end();
  }

  const stopListening = listenForStop(close);
  return {
    async fetch(request, info) {
      running++;
      try {
        return await service.handler(request, {
          address: addressOf(info),
          secure: secure && request.url.startsWith("https:"),
        });
      } finally {
        running--;
        closeKeysIfUnused();
      }
    },
    close,
  };
}

interface EdgeSettings {
  readonly config: Config;
  readonly warnings: readonly string[];
  /** Names that were given and have no effect here. */
  readonly ignored: readonly string[];
  /** Whether a request's URL can be believed to say `https`. */
  readonly secure: boolean;
}

function readSettings(
  { env: given, readFile }: EdgeOptions,
): Result<EdgeSettings, readonly string[]> {
  const meaningless = new Set(namesWith("edge").flatMap(inputNames));
  const env = Object.fromEntries(Object.entries(given).filter(([name]) => !meaningless.has(name)));
  const loaded = load({ env: { ...env, ...LISTENED_ON_BY_THE_PLATFORM }, flags: {}, readFile });
  if (!loaded.ok) return fail(problemLines(loaded.failure));
  const { config, warnings } = loaded.value;
  return ok({
    config: { ...config, listen: { ...config.listen, listenUrl: undefined } },
    warnings,
    ignored: [...meaningless].filter((name) => (given[name] ?? "") !== ""),
    // Deno Deploy ends TLS and writes the URL itself; with `deno serve` it is the client who does so.
    secure: (given["DENO_DEPLOYMENT_ID"] ?? "") !== "",
  });
}

/** The same settings, with the upstream spoken to by `fetch` where the runtime gives no connections. */
function withTransport(config: Config, log: Log): Result<Config, string> {
  const { upstreamUrl, upstreamTransport } = config.upstream;
  const needed = upstreamUrl.origin.startsWith("https:") ? Deno.connectTls : Deno.connect;
  if (typeof needed === "function") return ok(config);
  if (upstreamUrl.socketPath !== undefined) {
    return fail("UPSTREAM_URL: this platform gives no connections to Unix sockets");
  }
  if (upstreamTransport === "fetch") return ok(config);
  log.warn("no TCP connections on this platform, using fetch without WebSockets");
  return ok({ ...config, upstream: { ...config.upstream, upstreamTransport: "fetch" } });
}

/** An edge that responds 500 to every request. */
function refusing(problems: readonly string[], { log, end }: Logging): Edge {
  for (const problem of problems) {
    log.error("invalid configuration, responding 500", { problem });
  }
  return {
    fetch: (request) =>
      Promise.resolve(failureResponse(failure("internal"), "ooproxy", request.body !== null)),
    close: end,
  };
}

/**
 * The peer's address; `unknown` (RFC 7239, section 6) where the platform does not give it. What the
 * client itself says about it is never passed on.
 */
function addressOf(info: EdgeInfo | undefined): string {
  const { remoteAddr } = info ?? {};
  const hostname = remoteAddr !== undefined && "hostname" in remoteAddr
    ? remoteAddr.hostname
    : undefined;
  return typeof hostname === "string" && hostname !== "" ? hostname : "unknown";
}

/** Calls `action` at SIGTERM and SIGINT, where the platform has signals; the returned function ends that. */
function listenForStop(action: () => Promise<void>): () => void {
  const listener = () => void action();
  const signals: Deno.Signal[] = [];
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    try {
      Deno.addSignalListener(signal, listener);
      signals.push(signal);
    } catch {
      // Then the platform ends instances in its own way.
    }
  }
  return () => signals.forEach((signal) => Deno.removeSignalListener(signal, listener));
}
