/**
 * What somebody reads who can look into a worker's process, the one that every byte of clients reaches:
 * keys for the collector of traces are not there unless the worker itself sends traces.
 */
import { assertEquals } from "../support/assert.ts";
import { startService } from "../e2e/harness.ts";

const KEY = "x-api-key=key-of-the-collector";

const CASES: readonly (readonly [traces: string | undefined, held: readonly string[]])[] = [
  [undefined, []],
  ["false", []],
  // The runtime takes the word in any case.
  ["True", ["OTEL_DENO", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"]],
];

for (const [traces, held] of CASES) {
  Deno.test(`With OTEL_DENO ${traces ?? "not set"}, workers hold ${held.length} variables of traces.`, async () => {
    await using service = await startService({
      env: {
        ...(traces === undefined ? {} : { OTEL_DENO: traces }),
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_HEADERS: KEY,
      },
    });
    const workers = service.workers();
    assertEquals(workers.length, 2);
    for (const pid of workers) {
      const entries = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
      const names = entries.map((entry) => entry.split("=")[0] ?? "");
      assertEquals(names.filter((name) => name.startsWith("OTEL_")).toSorted(), held);
      assertEquals(entries.some((entry) => entry.includes(KEY)), held.length > 0);
    }
    assertEquals((await service.get("/on")).text, "echo /on");
  });
}
