/** A raw client, the whole proxy and a raw upstream. */
import { openRaw, type RawSocket } from "../support/raw.ts";
import { type ConnectionScript, rawUpstream } from "../support/upstream.ts";
import { protect, type Protected, type Transport } from "./harness.ts";
import { eventually } from "../support/waiting.ts";

/** Both ends of the proxy. Disposing closes everything. */
export interface Connected extends AsyncDisposable {
  readonly guarded: Protected;
  readonly client: RawSocket;
  /** Everything that the upstream was sent. */
  sent(): string;
  /** Waits until the first connection to the upstream has ended. */
  left(): Promise<void>;
}

/** Starts an upstream with a script, the proxy, and a client that is connected to it. */
export type Connect = (
  script: ConnectionScript,
  settings?: Readonly<Record<string, string>>,
) => Promise<Connected>;

/** Connects over one transport. */
export function connecting(transport: Transport): Connect {
  return async (script, settings) => {
    const upstream = await rawUpstream(script);
    const guarded = await protect(upstream.url, transport, { settings: settings ?? {} });
    const client = await openRaw(guarded.port);
    return {
      guarded,
      client,
      sent: () => upstream.connections.map((one) => one.all()).join(""),
      async left() {
        await eventually(
          "the end of the upstream's connection",
          () => upstream.connections[0]?.ended === true,
        );
      },
      async [Symbol.asyncDispose]() {
        await client.close();
        await guarded[Symbol.asyncDispose]();
        await upstream.close();
      },
    };
  };
}

/** Sends, and returns whether the other side took it within so many milliseconds. */
export async function taken(client: RawSocket, data: string, timeoutMs: number): Promise<boolean> {
  const stalled = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => stalled.resolve(false), timeoutMs);
  const outcome = await Promise.race([client.send(data).then(() => true), stalled.promise]);
  clearTimeout(timer);
  return outcome;
}
