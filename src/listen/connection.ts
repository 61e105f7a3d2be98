/** What one server is doing, counted by those who do it. */
export interface ServerLoad {
  /** Requests whose response is not known, or not handed over to the runtime yet. */
  running: number;
  /** Whether clients are asked to leave (`Connection: close`). */
  leaving: boolean;
}

/** What is known about the connection a request came on. */
export interface Connection {
  /** Address of the peer. */
  readonly address: string;
  readonly secure: boolean;
  /** The server that it belongs to, where that is ours. */
  readonly load?: ServerLoad;
  /** The request runs on until its response has been sent: for one that comes piece by piece. */
  runsUntilSent?(): void;
}

/** Responds to one request. Never rejects. */
export type Handler = (request: Request, connection: Connection) => Promise<Response>;
