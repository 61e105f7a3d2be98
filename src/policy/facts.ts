/**
 * What a decision may depend on: the facts of a request, from HTTP itself or from a gateway's headers.
 */
export interface RequestFacts {
  /** Identifies the request in logs. */
  readonly id: string;
  readonly method: string;
  readonly target: {
    /** The path only, byte for byte as the client sent it. */
    readonly path: string;
    readonly host: string;
  };
  /** The other end of the connection. */
  readonly peer: {
    readonly address: string;
    readonly secure: boolean;
  };
  readonly fields: {
    readonly authorization: string | null;
  };
  /** Aborts when the client leaves. Only read for a request that has to wait: making it costs time. */
  readonly signal: AbortSignal;
}
