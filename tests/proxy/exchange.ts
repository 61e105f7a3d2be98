/** One exchange through the whole proxy, seen from both of its ends. */
import { parseMessage, type RawMessage } from "../support/raw.ts";
import { rawUpstream, responding } from "../support/upstream.ts";
import { type Ask, protect, type Transport } from "./harness.ts";

/** A small good response. */
export const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Registers a test over one transport. */
export type Test = (sentence: string, action: () => Promise<void>) => void;

/** Sends one request to an upstream that responds like this; gives both messages. */
export async function exchange(
  transport: Transport,
  line: string,
  ask: Ask = {},
  response: string | Uint8Array = OK,
): Promise<{ sent: RawMessage; got: RawMessage }> {
  await using upstream = await rawUpstream(responding(response));
  await using guarded = await protect(upstream.url, transport);
  const got = await guarded.ask(line, ask);
  return { sent: parseMessage(upstream.connections[0]?.all() ?? "", true), got };
}

/** The values of every field of this name. */
export function named({ headers }: RawMessage, name: string): string[] {
  return headers.filter(([known]) => known.toLowerCase() === name).map(([, value]) => value);
}
