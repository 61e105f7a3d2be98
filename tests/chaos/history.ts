/**
 * What happened in a chaos run, as plain data: the checker reads nothing else. All times are
 * milliseconds since the beginning of the run, on one clock.
 */

/** A stretch of time. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The providers of a run. Each fails by itself, and their keys have the same `kid`s. */
export const PROVIDERS = ["first", "second"] as const;
export type ProviderName = typeof PROVIDERS[number];

/** What a client meant to send. */
export const TOKEN_KINDS = [
  "good",
  "good, kid reused",
  "retired key",
  "just expired",
  "expired",
  "other audience",
  "other issuer",
  "wrong key",
  "other provider's key",
  "unknown kid",
  "alg none",
  "HMAC with the public key",
  "garbage",
  "no token",
] as const;
export type TokenKind = typeof TOKEN_KINDS[number];

/** What a request asks for. */
export const OPERATIONS = [
  "GET",
  "download",
  "chunked download",
  "upload",
  "chunked upload",
  "event stream",
  "WebSocket",
] as const;
export type Operation = typeof OPERATIONS[number];

/** How a request ended. */
export type Outcome =
  /** A whole response of the upstream; `right` where it is the response to this request, byte for byte. */
  | { readonly kind: "response"; readonly status: number; readonly right: boolean }
  /** A whole response of the proxy itself. */
  | {
    readonly kind: "refusal";
    readonly status: number;
    readonly retryAfter: boolean;
    readonly text: string;
  }
  /** The connection ended before the response was whole. */
  | { readonly kind: "broken"; readonly status: number; readonly what: string }
  /** There was no connection to be had. */
  | { readonly kind: "unconnected"; readonly what: string }
  /** The client gave up. */
  | { readonly kind: "late" };

/** One request of a client. */
export interface RequestRecord {
  readonly id: string;
  readonly kind: TokenKind;
  /** The provider that the token names. */
  readonly provider: ProviderName;
  /** The key that signed the token, `<kid>#<number of the pair>`, where it was one of the provider's. */
  readonly key?: string;
  /** How long ago the token ended when the request began, in seconds; absent where it had not. */
  readonly expiredSecs?: number;
  readonly operation: Operation;
  readonly method: string;
  readonly target: string;
  readonly token: string | undefined;
  /** SHA-256 of the body in hex. */
  readonly bodyHash: string;
  readonly connectedAt: number;
  readonly begin: number;
  readonly end: number;
  readonly outcome: Outcome;
}

/** How the upstream treats a request. */
export type Treatment =
  | "right"
  /** Rightly, after a while. */
  | "late"
  /** Not at all. */
  | "hang"
  /** With one half of the response. */
  | "truncate"
  /** With something that is no HTTP. */
  | "garbage"
  /** Rightly, and then the connection ends, although it was not said to. */
  | "closing"
  /** The connection ends without a byte. */
  | "drop";

/** One request as the upstream saw it. */
export interface Seen {
  readonly id: string;
  readonly at: number;
  readonly treatment: Treatment;
  readonly method: string;
  readonly target: string;
  readonly token: string | undefined;
  /** Absent where the request never came to its end. */
  readonly bodyHash?: string;
}

/** Keys, by name, that are so from a moment on. */
export interface KeysAt {
  readonly at: number;
  readonly keys: readonly string[];
}

/** The leeway that was asked for at `from` and known to be in use at `settled`. */
export interface LeewayAt {
  readonly from: number;
  readonly settled: number;
  readonly secs: number;
}

/** What happened to one provider. */
export interface ProviderHistory {
  /** Its keys, each state until the next. */
  readonly published: readonly KeysAt[];
  /** The key sets that it has given out. */
  readonly given: readonly KeysAt[];
  /** When it failed. */
  readonly troubles: readonly Span[];
}

/** A whole run. */
export interface History {
  readonly cooldownMs: number;
  readonly providers: Readonly<Record<ProviderName, ProviderHistory>>;
  readonly requests: readonly RequestRecord[];
  readonly seen: readonly Seen[];
  /** What the upstream got that is no request. */
  readonly upstreamFaults: readonly string[];
  readonly upstreamTroubles: readonly Span[];
  /** Kills of a worker, and the restart of all. */
  readonly breaks: readonly Span[];
  /** The times in which nothing listened. */
  readonly restarts: readonly Span[];
  readonly leeways: readonly LeewayAt[];
  /** What the run itself found wrong: a reload that took no effect, an exit code. */
  readonly complaints: readonly string[];
}

/** Whether two stretches of time touch. */
export function overlap(one: Span, other: Span): boolean {
  return one.from <= other.to && other.from <= one.to;
}
