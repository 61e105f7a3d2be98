/** Bodies far larger than the memory that they may take. */
import { assert, assertEquals } from "../support/assert.ts";
import { projectFile, startProcess } from "../support/process.ts";
import { startProvider } from "../support/provider.ts";
import { httpUpstream } from "../support/upstream.ts";
import { SECRET, tokenOf, TRANSPORTS } from "./harness.ts";

const MEBIBYTE = 1024 * 1024;

/** Size of the long response, in bytes. */
const RESPONSE_BYTES = 200 * MEBIBYTE;

/**
 * Size of the long upload, in bytes. The server takes uploads in at some 20 MB a second when they come
 * faster than they go on: a longer one would take too long here.
 */
const UPLOAD_BYTES = 32 * MEBIBYTE;

/** What bodies may add to the memory of the proxy: buffers, and garbage not yet collected. */
const ALLOWED_BYTES = 150 * MEBIBYTE;

const PIECE = new Uint8Array(256 * 1024).fill(120);

/** A body of so many bytes, made as it is taken. */
function longBody(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(PIECE);
      left -= PIECE.length;
      if (left <= 0) controller.close();
    },
  });
}

/** Reads a body and counts its bytes. */
async function count(body: ReadableStream<Uint8Array> | null): Promise<number> {
  let bytes = 0;
  for await (const piece of body ?? []) bytes += piece.length;
  return bytes;
}

for (const transport of TRANSPORTS) {
  Deno.test(`Over ${transport.name}: long bodies pass in flat memory, down and up.`, async () => {
    await using provider = startProvider();
    await using upstream = httpUpstream(async (request) =>
      request.method === "GET"
        ? new Response(longBody(RESPONSE_BYTES))
        : new Response(String(await count(request.body)))
    );
    await using process = startProcess({
      script: projectFile("tests/proxy/memory_probe.ts"),
      denoFlags: ["--allow-all", "--no-check", `--config=${projectFile("deno.json")}`],
      args: [JSON.stringify({
        PROVIDER_URL: provider.url,
        UPSTREAM_URL: upstream.url,
        CLIENT_SECRET: SECRET,
        ...transport.settings,
      })],
    });
    const [, port] = await process.waitForLine(/^port (\d+)$/);
    const url = `http://127.0.0.1:${port}/`;
    const headers = { authorization: `Bearer ${await tokenOf(provider.url)}` };
    const memory = () =>
      process.stdout.flatMap((line) => /^rss (\d+)$/.exec(line)?.[1] ?? []).map(Number);

    const small = await fetch(url, { method: "POST", headers, body: "warm" });
    assertEquals(await small.text(), "4");
    const [before = 0] = memory().slice(-1);

    const down = await fetch(url, { headers });
    assertEquals(await count(down.body), RESPONSE_BYTES);
    const up = await fetch(url, { method: "POST", headers, body: longBody(UPLOAD_BYTES) });
    assertEquals(await up.text(), String(UPLOAD_BYTES));

    const most = Math.max(...memory());
    const added = most - before;
    assert(
      before > 0 && added < ALLOWED_BYTES,
      `${added / MEBIBYTE} MiB more than ${before / MEBIBYTE}`,
    );
  });
}
