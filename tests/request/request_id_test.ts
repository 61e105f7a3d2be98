import { makeRequestIds } from "../../src/request/request_id.ts";
import { assert, assertEquals } from "../support/assert.ts";

const KEPT = ["a", "0", "A-Za-z_0.9:/+=", "x".repeat(128), "7f9c1c9e-8d3b-4c61-9f0e-1c2d3e4f5a6b"];

for (const id of KEPT) {
  Deno.test(`The request id ${id.slice(0, 40)} (${id.length} characters) is taken over.`, () => {
    assertEquals(makeRequestIds()(id), id);
  });
}

const REPLACED = [
  null,
  "",
  "x".repeat(129),
  "a b",
  "a,b",
  "a\nb",
  "a\n",
  "a\x00",
  "é",
  '"',
  "<a>",
  "{a}",
  "%41",
];

for (const id of REPLACED) {
  Deno.test(`The request id ${JSON.stringify(id)?.slice(0, 40)} is replaced by a new one.`, () => {
    const ids = makeRequestIds();
    const made = [ids(id), ids(id), makeRequestIds()(id)];
    assert(made.every((one) => /^[\w-]{36,60}$/.test(one)), made.join());
    assertEquals(new Set(made).size, 3);
  });
}
