import type { Check } from "../../src/admin/admin.ts";
import { openAdmin } from "../../src/admin/admin.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";

const OWNER = { clock: new FakeClock(), log: new MemoryLog(), allowedHosts: () => [] };

const GOOD: Check = { name: "workers", good: true, text: "2 of 2" };
const BAD: Check = { name: "keys", good: false, text: "none" };

async function ask(checks: readonly Check[], path: string, method = "GET") {
  const opened = openAdmin({ hostname: "127.0.0.1", port: 0 }, {
    readiness: () => checks,
    metrics: () => Promise.resolve("# nothing\n"),
  }, OWNER);
  assert(opened.ok);
  try {
    const response = await fetch(opened.value.url + path, { method });
    return { status: response.status, text: await response.text(), headers: response.headers };
  } finally {
    await opened.value.close();
  }
}

Deno.test("Passed checks are one word, or one line each with ?verbose.", async () => {
  assertEquals((await ask([GOOD], "/readyz")).text, "ok\n");
  assertEquals(
    (await ask([GOOD], "/readyz?verbose")).text,
    "[+]workers 2 of 2\nreadyz check passed\n",
  );
});

Deno.test("One check that fails is enough for 503, and is named without being asked.", async () => {
  const { status, text, headers } = await ask([GOOD, BAD], "/readyz");
  assertEquals([status, text], [503, "[-]keys none\nreadyz check failed\n"]);
  assertEquals(headers.get("cache-control"), "no-store");
});

Deno.test("Being alive does not depend on being ready.", async () => {
  assertEquals((await ask([BAD], "/livez")).status, 200);
});

Deno.test("Metrics come in the format that they are announced in.", async () => {
  const { text, headers } = await ask([], "/metrics");
  assertEquals(text, "# nothing\n");
  assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("Other paths are 404, other methods 405.", async () => {
  assertEquals((await ask([], "/admin")).status, 404);
  assertEquals((await ask([], "/livez", "DELETE")).status, 405);
});

Deno.test("A taken address is reported in one line that names the setting.", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const opened = openAdmin({ hostname: "127.0.0.1", port }, {
    readiness: () => [],
    metrics: () => Promise.resolve(""),
  }, OWNER);
  assert(!opened.ok);
  assertIncludes(
    opened.failure,
    `ADMIN_URL: cannot listen on 127.0.0.1:${port}: the address is in`,
  );
  assertEquals(opened.failure.includes("\n"), false);
});
