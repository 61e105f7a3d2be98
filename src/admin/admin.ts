import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { serveWithReopen } from "../listen/reopening_server.ts";
import type { ListenAddress } from "../config/address_kinds.ts";
import { listenErrorText, urlOf } from "../listen/listener.ts";
import { isOwnHost } from "./host.ts";

/** One readiness check. */
export interface Check {
  readonly name: string;
  readonly good: boolean;
  /** A few words for `?verbose`. */
  readonly text: string;
  /** Shown, and not counted: readiness does not depend on it. */
  readonly forInformation?: true;
}

/** What the admin listener shows. */
export interface AdminSource {
  /** The checks that all have to pass for the service to get requests. */
  readiness(): readonly Check[];
  /** The metrics in Prometheus text format. */
  metrics(): Promise<string>;
}

/** What the admin listener needs from the program. */
export interface AdminOwner {
  readonly clock: Clock;
  readonly log: Log;
  /** Names besides that of the address under which requests are served; looked at each time. */
  allowedHosts(): readonly string[];
}

/** An open admin listener. */
export interface Admin {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Opens the listener for `/livez`, `/readyz` and `/metrics`: read-only, never on the public ports.
 * A request under the name of another host gets 421 (RFC 9110, section 15.5.20) and nothing else. One
 * without `Host` is served, since every browser sends it.
 *
 * Fails with one line for the operator when the address cannot be used.
 */
export function openAdmin(
  address: ListenAddress,
  source: AdminSource,
  owner: AdminOwner,
): Result<Admin, string> {
  const { hostname, port } = address;
  try {
    const server = serveWithReopen(port, {
      ...owner,
      url: (port) => urlOf(false, { hostname, port }),
      serve: (port, signal) =>
        Deno.serve({
          hostname,
          port,
          signal,
          onListen() {},
          // A `Host` that makes no URL; the server would write its own error to standard error.
          onError: () => text(400, "bad request\n"),
        }, (request) => respond(request, [hostname, ...owner.allowedHosts()], source)),
    });
    return ok({ url: server.url, close: () => server.shutdown() });
  } catch (error) {
    return fail(
      `ADMIN_URL: cannot listen on ${hostname}:${port}: ${
        listenErrorText(error)
      } (ADMIN_URL=off does without)`,
    );
  }
}

/** What a request under the name of another host is told. */
const OTHER_HOST = "this host name is not served: use an IP address, localhost or the name in " +
  "ADMIN_URL, or add the name to ADMIN_ALLOWED_HOSTS\n";

async function respond(
  request: Request,
  names: readonly string[],
  source: AdminSource,
): Promise<Response> {
  const { hostname, pathname, searchParams } = new URL(request.url);
  if (!isOwnHost(hostname, names)) return text(421, OTHER_HOST);
  if (request.method !== "GET" && request.method !== "HEAD") {
    return text(405, "only GET and HEAD\n", { allow: "GET, HEAD" });
  }
  const verbose = searchParams.has("verbose");
  switch (pathname) {
    case "/livez":
      return checked(
        "livez",
        [{ name: "ping", good: true, text: "the event loop responds" }],
        verbose,
      );
    case "/readyz":
      return checked("readyz", source.readiness(), verbose);
    case "/metrics":
      return text(200, await source.metrics(), {
        "content-type": "text/plain; version=0.0.4; charset=utf-8",
      });
    default:
      return text(404, "not found; paths: /livez and /readyz (both with ?verbose), /metrics\n");
  }
}

function checked(name: string, checks: readonly Check[], verbose: boolean): Response {
  const good = checks.every((check) => check.good || check.forInformation);
  const lines = checks.filter((check) => verbose || !check.good)
    .map((check) => `[${check.good ? "+" : "-"}]${check.name} ${check.text}`);
  if (verbose || !good) lines.push(`${name} check ${good ? "passed" : "failed"}`);
  return text(good ? 200 : 503, `${lines.length === 0 ? "ok" : lines.join("\n")}\n`);
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(body, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      ...headers,
    },
  });
}
