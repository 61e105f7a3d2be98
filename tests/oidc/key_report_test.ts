import { makeKeyReport } from "../../src/oidc/key_report.ts";
import { readKeySet } from "../../src/oidc/key_set.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";

Deno.test("key report: a key for encryption is no warning, a key that cannot be used is", () => {
  const log = new MemoryLog();
  const set = readKeySet({ keys: [{ kty: "RSA", use: "enc", kid: "a" }, { kty: "EC", kid: "b" }] });
  assert(set.ok);
  const snapshot = { generation: 1, startedAt: 0, issuer: "i", keys: [] };
  makeKeyReport(log).fetched(snapshot, true, set.value.skipped);
  const logged = log.lines.filter(({ message }) => message === "ignoring a key of the provider");
  assertEquals(logged.map(({ level, fields }) => [level, String(fields.why).slice(0, 7)]), [
    ["debug", 'key "a"'],
    ["warn", 'key "b"'],
  ]);
});
