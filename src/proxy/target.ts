import { type Failure, failure } from "../failure.ts";
import { fail, ok, type Result } from "../result.ts";
import { climbsOut } from "./climbs_out.ts";

/** What a request asks for, parsed once: the same value is decided on, forwarded and logged. */
export interface Target {
  /** Path and query in origin-form (RFC 9112, section 3.2.1), byte for byte as the client sent them. */
  readonly pathAndQuery: string;
  /** The path alone, for the log. */
  readonly path: string;
  /** The `Host` (HTTP/2: `:authority`) as the client sent it. */
  readonly host: string;
}

/** The parts of a request that name its target. */
export interface RequestLine {
  readonly method: string;
  /** What the server made of the request line, e.g. `http://host/path?query`. */
  readonly url: string;
  /** The `Host` field, `null` without one. */
  readonly host: string | null;
  /** Whether HTTP/2 can be spoken here, which has `:authority` in the URL instead of a `Host` field. */
  readonly http2: boolean;
}

/**
 * Takes the target out of the URL that the server makes of request line and `Host`.
 *
 * The authority is never used: a target in absolute-form is accepted only for the very `Host` that
 * the request names (RFC 9112, section 3.2.2), so no request line can choose another server.
 * Refused: a missing or malformed `Host`, a fragment, the asterisk-form, anything but printable ASCII
 * (HTTP/2 lets UTF-8 through, which would go on as other bytes), and, below an upstream with a path of
 * its own, what could leave it (see `climbsOut`).
 *
 * Does not normalise anything.
 *
 * @param prefix the path of the upstream URL, "" without one.
 */
export function readTarget(line: RequestLine, prefix: string): Result<Target, Failure> {
  const { method, url } = line;
  const authority = url.indexOf("://") + 3;
  const host = line.host ?? (line.http2 ? authorityOf(url, authority) : "");
  if (!isHost(host)) return fail(failure("bad_host"));
  let rest = url.slice(authority + host.length);
  const next = rest.charCodeAt(0);
  const ends = rest === "" || next === SLASH || next === QUESTION_MARK;
  if (!ends || !url.startsWith(host, authority)) {
    return fail(failure("bad_target", "absolute-form for another host"));
  }
  if (next !== SLASH) rest = `/${rest}`;
  if (NOT_PRINTABLE.test(rest)) return fail(failure("bad_target", "not printable ASCII"));
  if (rest.includes("#")) return fail(failure("bad_target", "fragment"));
  if (method === "OPTIONS" && rest === "/*") return fail(failure("bad_target", "asterisk-form"));
  const query = rest.indexOf("?");
  const path = query === -1 ? rest : rest.slice(0, query);
  if (prefix !== "" && climbsOut(path)) {
    return fail(failure("bad_target", "could leave the upstream's path"));
  }
  return ok({ pathAndQuery: rest, path, host });
}

/** The authority of a URL: what stands before the first `/`, `?` or `#` after the scheme. */
function authorityOf(url: string, start: number): string {
  let end = start;
  while (end < url.length && !"/?#".includes(url.charAt(end))) end++;
  return url.slice(start, end);
}

const NOT_PRINTABLE = /[^\x21-\x7e]/;
const SLASH = 0x2f;
const QUESTION_MARK = 0x3f;

/** A name, an IPv4 address or a bracketed IPv6 address; then, possibly, a port. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{0,5})?$/i;

/**
 * Whether a `Host` is a host and at most a port (RFC 9110, section 7.2), with the characters that
 * names have in practice: no percent-encoding, no sub-delimiters.
 */
function isHost(host: string): boolean {
  return HOST.test(host);
}

/** Whether a path has `.` or `..` segments in any spelling that `fetch` or its kin resolve. */
export function hasDotSegments(path: string): boolean {
  if (!path.includes(".") && !path.includes("%")) return false;
  return path.replace(/%2e/gi, ".").split(/\/|\\|%2f|%5c/i)
    .some((segment) => segment === "." || segment === "..");
}
