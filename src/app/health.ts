/**
 * The command `health`: asks a running instance whether it is ready, for container engines and service managers.
 */
import type { Config } from "../config/schema.ts";
import { HEALTH_TIMEOUT_MS, MAX_HEALTH_RESPONSE_BYTES } from "../limits.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ListenAddress } from "../config/address_kinds.ts";
import { printable } from "../text.ts";
import { failedNow, type ProgramFailure, wrongConfiguration } from "./exit_code.ts";

/** The listener to ask. */
export interface HealthTarget {
  /** The setting that names the address. */
  readonly setting: "ADMIN_URL" | "LISTEN_URL" | "LISTEN_SSL_URL";
  /** Where to connect to: an address to listen on everywhere has become the loopback one. */
  readonly address: ListenAddress;
}

/**
 * The listener to ask: the admin listener, which knows best, else a public listener. Port 0 is left out:
 * the port that the running process got is not known here.
 */
export function healthTarget(
  config: Pick<Config, "process" | "listen">,
): HealthTarget | undefined {
  const { adminUrl } = config.process;
  const { listenUrl, listenSslUrl } = config.listen;
  const candidates = {
    ADMIN_URL: adminUrl === "off" ? undefined : adminUrl,
    LISTEN_URL: listenUrl,
    LISTEN_SSL_URL: listenSslUrl,
  };
  for (const setting of ["ADMIN_URL", "LISTEN_URL", "LISTEN_SSL_URL"] as const) {
    const address = candidates[setting];
    if (address === undefined || address.port === 0) continue;
    return { setting, address: { hostname: reachable(address.hostname), port: address.port } };
  }
  return undefined;
}

/** The loopback address in place of a wildcard address (`0.0.0.0`, `::`). */
function reachable(hostname: string): string {
  if (/^0+(\.0+){0,3}$/.test(hostname)) return "127.0.0.1";
  return /^[0:]*:[0:.]*$/.test(hostname) ? "::1" : hostname;
}

/**
 * Asks a running program: `/readyz` of the admin listener has to respond 200; of a plain public listener
 * any HTTP response will do (without a token it is 401); a TLS listener has to accept a connection, and
 * nothing is sent on it, since its certificate names another host than this machine.
 *
 * @returns one line about the outcome, without a line end.
 */
export async function askHealth(
  config: Pick<Config, "process" | "listen">,
  timeoutMs: number = HEALTH_TIMEOUT_MS,
): Promise<Result<string, ProgramFailure>> {
  const target = healthTarget(config);
  if (target === undefined) {
    return fail(wrongConfiguration(
      "no listener to ask: ADMIN_URL, LISTEN_URL or LISTEN_SSL_URL has to name a port other than 0",
    ));
  }
  const { hostname, port } = target.address;
  const where = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  const asked = await withinTime(target, where, timeoutMs);
  const who = `${target.setting} ${where}`;
  return asked.ok ? ok(`${who} ${asked.value}`) : fail(failedNow(`${who} ${asked.failure}`));
}

async function withinTime(
  target: HealthTarget,
  where: string,
  timeoutMs: number,
): Promise<Result<string, string>> {
  const abort = new AbortController();
  let connection: Deno.Conn | undefined;
  const timer = setTimeout(() => {
    abort.abort();
    connection?.close();
  }, timeoutMs);
  try {
    connection = await Deno.connect({ ...target.address, signal: abort.signal });
    if (target.setting === "LISTEN_SSL_URL") return ok("accepts connections");
    const path = target.setting === "ADMIN_URL" ? "/readyz" : "/";
    return judge(target, await ask(connection, path, where));
  } catch (error) {
    if (abort.signal.aborted) return fail(`did not respond within ${timeoutMs / 1000} s`);
    return fail(connectErrorText(error));
  } finally {
    clearTimeout(timer);
    if (!abort.signal.aborted) connection?.close();
  }
}

/** One request written by hand: `fetch` would go through a proxy that the environment names. */
async function ask(connection: Deno.Conn, path: string, host: string): Promise<string> {
  const head = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  const request = new TextEncoder().encode(head);
  for (let sent = 0; sent < request.length;) {
    sent += await connection.write(request.subarray(sent));
  }
  const response = new Uint8Array(MAX_HEALTH_RESPONSE_BYTES);
  let size = 0;
  while (size < response.length) {
    const read = await connection.read(response.subarray(size));
    if (read === null) break;
    size += read;
  }
  return new TextDecoder().decode(response.subarray(0, size));
}

function judge(target: HealthTarget, response: string): Result<string, string> {
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(response)?.[1];
  if (status === undefined) return fail("sent no HTTP response");
  if (target.setting !== "ADMIN_URL") return ok(`responds with status ${status}`);
  if (status === "200") return ok("is ready");
  // The failed checks; another program behind the address has none.
  const reasons = response.split("\n").filter((line) => line.startsWith("[-]"))
    .map((line) => printable(line.slice("[-]".length).trimEnd()));
  return fail([`is not ready (status ${status})`, ...reasons].join("; "));
}

function connectErrorText(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "refuses connections";
  return `cannot be reached (${error instanceof Error ? error.name : "unknown error"})`;
}
