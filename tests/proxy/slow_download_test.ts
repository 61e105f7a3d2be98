/** Large bodies for clients that take their time: what waits for them is not written over. */
import { createHash, randomBytes } from "node:crypto";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { httpUpstream } from "../support/upstream.ts";
import { pause } from "../support/waiting.ts";
import { protect, type Protected, TRANSPORTS } from "./harness.ts";

const MEBIBYTE = 1024 * 1024;

/** More than the sockets on the way hold, so that the proxy has to wait with pieces on its hands. */
const BODY_BYTES = 16 * MEBIBYTE;

/** Bytes that a client takes at once, and how long it rests before it takes more, in milliseconds. */
const READ_BYTES = 128 * 1024;
const RESTS_MS = [0, 1, 5, 0, 2, 10];

/** How long the first clients take nothing at all, in milliseconds: meanwhile the others use memory. */
const STALL_MS = 400;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** A GET of a path on a connection of its own; the hash of the body that came, and its length. */
async function slowly(guarded: Protected, path: string, restMs: number): Promise<[string, number]> {
  using socket = await Deno.connect({ port: guarded.port });
  await socket.write(new TextEncoder().encode(guarded.head(`GET ${path}`, ["Connection: close"])));
  const hash = createHash("sha256");
  const room = new Uint8Array(READ_BYTES);
  let head = "";
  let length = 0;
  for (;;) {
    const count = await socket.read(room);
    if (count === null) break;
    let from = 0;
    if (!head.endsWith("\r\n\r\n")) {
      const text = new TextDecoder("latin1").decode(room.subarray(0, count));
      const end = text.indexOf("\r\n\r\n");
      head += end === -1 ? text : text.slice(0, end + 4);
      from = end === -1 ? count : end + 4;
      if (restMs > 0) await pause(STALL_MS);
    }
    hash.update(room.subarray(from, count));
    length += count - from;
    if (restMs > 0) await pause(restMs);
  }
  assertMatch(head, /^HTTP\/1\.1 200 /);
  return [hash.digest("hex"), length];
}

for (const transport of TRANSPORTS) {
  Deno.test(`Over ${transport.name}: slow clients get every byte of large bodies, whatever others get.`, async () => {
    const bodies = RESTS_MS.map(() => new Uint8Array(randomBytes(BODY_BYTES)));
    await using upstream = httpUpstream((request) =>
      new Response(bodies[Number(new URL(request.url).pathname.slice(1))])
    );
    await using guarded = await protect(upstream.url, transport);
    const got = await Promise.all(RESTS_MS.map((ms, i) => slowly(guarded, `/${i}`, ms)));
    assertEquals(got, bodies.map((body) => [sha256(body), BODY_BYTES]));
  });
}
