/** What is known about the connection a request came on. */
export interface Connection {
  /** Address of the peer. */
  readonly address: string;
  readonly secure: boolean;
}

/** Responds to one request. Never rejects. */
export type Handler = (request: Request, connection: Connection) => Promise<Response>;
