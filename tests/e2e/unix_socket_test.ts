/** An upstream on a Unix socket, with no more permissions than `deno task start` gives. */
import denoJson from "../../deno.json" with { type: "json" };
import { assert, assertEquals } from "../support/assert.ts";
import { startService } from "./harness.ts";

/** A body larger than any buffer on the way, in bytes. */
const BODY_BYTES = 1_000_000;

/** The flags of the task `start`, as a shell would have them; the harness adds these two itself. */
function startFlags(): string[] {
  const [, flags = ""] = /^deno run (.*) main\.ts$/.exec(denoJson.tasks.start.command) ?? [];
  const parts = flags.replace(/\$\(deno eval '[^']*'\)/, Deno.execPath()).split(" ");
  return parts.filter((flag) => flag !== "--quiet" && flag !== "--no-prompt");
}

Deno.test("The flags of the start task are understood by this test.", () => {
  const flags = startFlags();
  assert(flags.includes(`--allow-run=${Deno.execPath()}`), flags.join(" "));
  assert(flags.every((flag) => flag.startsWith("--")), flags.join(" "));
  assert(!flags.some((flag) => flag.startsWith("--allow-all") || flag === "-A"));
});

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
        denoFlags: startFlags(),
      });
      const body = "unix".repeat(BODY_BYTES / 4);
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => service.get("/x?y", { method: "POST", body })),
      );
      for (const { status, text } of answers) {
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
