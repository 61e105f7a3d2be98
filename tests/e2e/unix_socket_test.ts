/** An upstream on a Unix socket, with no more permissions than `deno task start` gives. */
import { assert, assertEquals } from "../support/assert.ts";
import { taskFlags } from "../support/task_flags.ts";
import { startService } from "./harness.ts";

/** A body larger than any buffer on the way, in bytes. */
const BODY_BYTES = 1_000_000;

for (const workers of ["1", "2"]) {
  Deno.test(`An upstream on a Unix socket gets and gives bodies, with NUM_WORKERS=${workers}.`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "ooproxy_unix_" });
    const path = `${dir}/api.sock`;
    const server = Deno.serve(
      { path, onListen: () => {} },
      (request) => new Response(request.body, { headers: { "x-method": request.method } }),
    );
    try {
      await using service = await startService({
        settings: { NUM_WORKERS: workers, UPSTREAM_URL: `unix:${path}` },
        denoFlags: taskFlags("start"),
      });
      const body = "unix".repeat(BODY_BYTES / 4);
      const responses = await Promise.all(
        Array.from({ length: 6 }, () => service.get("/x?y", { method: "POST", body })),
      );
      for (const { status, text } of responses) {
        assertEquals(status, 200);
        assert(text === body, `${text.length} bytes came back`);
      }
      assertEquals(await service.get("/"), { status: 200, text: "" });
      await service.logged("request", { path: "/x", status: 200, bytes: BODY_BYTES });
    } finally {
      await server.shutdown();
      await Deno.remove(dir, { recursive: true });
    }
  });
}
