/** Fields as a list: order and repetition are kept. */
export type HeaderList = [name: string, value: string][];

/** What the forwarded request says about the client, from the connection itself. */
export interface ClientFacts {
  /** Address of the peer. */
  readonly address: string;
  readonly protocol: "http" | "https";
  /** The `Host` as the client sent it. */
  readonly host: string;
  readonly requestId: string;
}

/** Fields for one hop only (RFC 9110, section 7.6.1), with those that older software treats so. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "proxy-connection", // never standard, still sent
  "keep-alive",
  "te",
  "trailer", // trailers are not forwarded
  "transfer-encoding", // each hop frames its messages itself
  "upgrade",
  "proxy-authenticate",
  "proxy-authorization",
]);

/** Fields that a `Connection` field cannot remove: they decide who is let in and where a message ends. */
const NOT_REMOVABLE: ReadonlySet<string> = new Set([
  "authorization",
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "cookie",
  "set-cookie",
]);

/** Fields that this hop has dealt with: `Expect` was answered, `Host` is set again below. */
const ENDS_HERE: ReadonlySet<string> = new Set(["expect", "host"]);

const NONE: ReadonlySet<string> = new Set();

/**
 * The fields of the request that goes upstream: everything the client sent, less hop-by-hop fields
 * (those that `Connection` names too), less every spelling of the fields that say who the client is,
 * plus our own `X-Forwarded-For`, `-Proto`, `-Host` and `X-Request-Id`.
 *
 * `Authorization` and `Host` go on as they came (HTTP/2: `:authority` becomes `Host`).
 */
export function requestHeaders(received: Headers, client: ClientFacts): HeaderList {
  const named = namedByConnection(received.get("connection"));
  const sent: HeaderList = [];
  for (const [name, value] of received) {
    if (HOP_BY_HOP.has(name) || named.has(name) || ENDS_HERE.has(name) || isForwarding(name)) {
      continue;
    }
    sent.push([name, value]);
  }
  sent.push(
    ["host", client.host],
    ["x-forwarded-for", client.address],
    ["x-forwarded-proto", client.protocol],
    ["x-forwarded-host", client.host],
    ["x-request-id", client.requestId],
  );
  return sent;
}

/**
 * The fields of the answer that goes to the client: everything the upstream sent, repeated fields
 * too, less hop-by-hop fields and those that `Connection` names.
 */
export function responseHeaders(received: Iterable<[string, string]>): HeaderList {
  let sent: HeaderList = [];
  let connection: string | null = null;
  for (const [name, value] of received) {
    if (name === "connection") connection = connection === null ? value : `${connection},${value}`;
    if (!HOP_BY_HOP.has(name)) sent.push([name, value]);
  }
  const named = namedByConnection(connection);
  if (named.size > 0) sent = sent.filter(([name]) => !named.has(name));
  return sent;
}

/** The fields that a `Connection` value declares to be for one hop, in lower case. */
function namedByConnection(value: string | null): ReadonlySet<string> {
  if (value === null || value === "close" || value === "keep-alive") return NONE;
  const names = new Set<string>();
  for (const option of value.split(",")) {
    const name = option.trim().toLowerCase();
    if (name !== "" && !NOT_REMOVABLE.has(name)) names.add(name);
  }
  return names;
}

/**
 * Whether a field says who the client is or where it came from. Servers that turn names into
 * variables read `_` and `.` as `-`, so those spellings count as well.
 */
function isForwarding(name: string): boolean {
  const first = name.charCodeAt(0);
  if (first !== 0x78 && first !== 0x66) return false; // x, f: nearly all fields end here
  const plain = name.includes("_") || name.includes(".") ? name.replace(/[_.]/g, "-") : name;
  return plain.startsWith("x-forwarded") || plain === "forwarded" || plain === "x-real-ip" ||
    plain === "x-request-id";
}
