/** Fields as a list: order and repetition are kept. */
export type HeaderList = [name: string, value: string][];

/** The fields of a request, read once; those that decide about it by name. */
export class ReceivedFields {
  /** All of them, names in lower case; repeated ones are joined. */
  readonly all: HeaderList = [];
  host: string | null = null;
  authorization: string | null = null;
  connection: string | null = null;
  upgrade: string | null = null;
  contentLength: string | null = null;
  transferEncoding: string | null = null;
  requestId: string | null = null;

  /**
   * One walk costs less than asking the runtime for each field by name. It hides an empty one that is
   * repeated, which must not happen to credentials.
   */
  constructor(headers: Headers) {
    headers.forEach((value, name) => {
      this.all.push([name, value]);
      switch (name) {
        case "host":
          this.host = value;
          break;
        case "authorization":
          this.authorization = headers.get(name);
          break;
        case "connection":
          this.connection = value;
          break;
        case "upgrade":
          this.upgrade = value;
          break;
        case "content-length":
          this.contentLength = value;
          break;
        case "transfer-encoding":
          this.transferEncoding = value;
          break;
        case "x-request-id":
          this.requestId = value;
          break;
      }
    });
  }

  /** Whether they announce a body (RFC 9112, section 6). */
  get framed(): boolean {
    return this.transferEncoding !== null ||
      (this.contentLength !== null && this.contentLength !== "0");
  }
}

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
  "http2-settings", // RFC 7540, section 3.2.1: of use together with an upgrade alone
  "proxy-authenticate",
  "proxy-authorization",
]);

/** Fields that a `Connection` field cannot remove: they decide about access and about where a message ends. */
const NOT_REMOVABLE: ReadonlySet<string> = new Set([
  "authorization",
  "host",
  "content-length",
  "content-type",
  "content-encoding",
  "cookie",
  "set-cookie",
]);

/** Fields of a request that are not sent on: `Expect` was dealt with here, `Host` is set again below. */
const ENDS_HERE: ReadonlySet<string> = new Set([...HOP_BY_HOP, "expect", "host"]);

const NONE: ReadonlySet<string> = new Set();

/**
 * The fields of the request that goes upstream: everything the client sent, less hop-by-hop fields
 * (those that `Connection` names too), less the fields that say who the client is, plus our own
 * `X-Forwarded-For`, `-Proto`, `-Host` and `X-Request-Id`.
 *
 * What ends here does so in every spelling (see `plainName`), and so does a `Content-Length` that is
 * spelt otherwise: none of them may look to the upstream like what this proxy says or how it frames.
 *
 * `Authorization` and `Host` go on as they came (HTTP/2: `:authority` becomes `Host`).
 */
export function requestHeaders(received: ReceivedFields, client: ClientFacts): HeaderList {
  const named = namedByConnection(received.connection);
  const sent: HeaderList = [];
  for (const field of received.all) {
    const [name] = field;
    const plain = plainName(name);
    if (ENDS_HERE.has(plain) || isForwarding(plain)) continue;
    if (named.has(name) || (plain === "content-length" && name !== plain)) continue;
    sent.push(field);
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
 * The fields of the response that goes to the client: everything the upstream sent, repeated fields
 * too, less hop-by-hop fields and those that `Connection` names.
 */
export function responseHeaders(received: Iterable<[string, string]>): HeaderList {
  let sent: HeaderList = [];
  let connection: string | null = null;
  for (const field of received) {
    const [name, value] = field;
    if (name === "connection") connection = connection === null ? value : `${connection},${value}`;
    if (!HOP_BY_HOP.has(name)) sent.push(field);
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

/** Everything that a field name may hold (RFC 9110, section 5.6.2) besides letters, digits and `-`. */
const ODD_MARK = /[^a-z\d-]/;
const ODD_MARKS = /[^a-z\d-]/g;

/**
 * The name that a lenient server may read: those that turn names into variables read `_`, and some of
 * them every other mark, as `-`.
 *
 * @param name in lower case.
 */
function plainName(name: string): string {
  return ODD_MARK.test(name) ? name.replace(ODD_MARKS, "-") : name;
}

/** Whether a field says who the client is or where it came from. */
function isForwarding(plain: string): boolean {
  const first = plain.charCodeAt(0);
  if (first !== 0x78 && first !== 0x66) return false; // x, f: nearly all fields end here
  return plain.startsWith("x-forwarded") || plain === "forwarded" || plain === "x-real-ip" ||
    plain === "x-request-id";
}
