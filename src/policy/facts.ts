/**
 * What a decision may look at: known of a request before anything is decided, taken from HTTP itself or
 * from what a gateway says.
 */
export interface RequestFacts {
  /** Names the request in logs. */
  readonly id: string;
  readonly method: string;
  readonly target: {
    /** The path alone, byte for byte as the client sent it. */
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
}
