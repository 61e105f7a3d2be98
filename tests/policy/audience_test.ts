import fc from "fast-check";
import type { Audience } from "../../src/config/kinds.ts";
import { type AudienceMatch, makeAudienceMatch } from "../../src/policy/audience.ts";
import { assert, assertEquals } from "../support/assert.ts";

type Row = readonly [sentence: string, accepted: Audience, audience: unknown, good: boolean];

const ROWS: Readonly<Record<AudienceMatch, readonly Row[]>> = {
  exact: [
    ["a text equals the same text", "c", "c", true],
    ["a text does not equal another", "c", "d", false],
    ["case counts", "c", "C", false],
    ["a text does not equal a list of it", "c", ["c"], false],
    ["a text is not contained in a list", "c", ["c", "d"], false],
    ["a list of one does not equal a text", ["c"], "c", false],
    ["a list equals the same list", ["a", "b"], ["a", "b"], true],
    ["a list equals it in another order", ["a", "b"], ["b", "a"], true],
    ["a list of one equals a list of one", ["c"], ["c"], true],
    ["a list that lacks a member is refused", ["a", "b"], ["a"], false],
    ["a list with one member more is refused", ["a", "b"], ["a", "b", "c"], false],
    ["a member twice is not the member once", ["a", "b"], ["a", "a", "b"], false],
    ["a member twice does not stand for two", ["a", "b"], ["a", "a"], false],
    ["a member twice equals the same twice", ["a", "a"], ["a", "a"], true],
    ["a member twice is not two others", ["a", "a"], ["a", "b"], false],
    ["an empty list equals an empty list", [], [], true],
    ["an empty list does not accept a member", [], ["a"], false],
    ["a missing one is refused", "c", undefined, false],
    ["a missing one is refused by a list", ["c"], undefined, false],
    ["null is refused", "c", null, false],
    ["a number does not equal its text", "1", 1, false],
    ["a number in a list does not equal its text", ["1"], [1], false],
    ["a list inside a list is refused", ["a"], [["a"]], false],
    ["an object is refused", ["a"], { 0: "a", length: 1 }, false],
  ],
  any: [
    ["a text equals the same text", "c", "c", true],
    ["a text is found in a list", "c", ["c", "d"], true],
    ["a text is one of a list", ["c", "d"], "d", true],
    ["one of a list is one of another", ["c", "d"], ["x", "d"], true],
    ["none of them is refused", ["c", "d"], ["x", "y"], false],
    ["case counts", "c", ["C"], false],
    ["a part of a text is another", "https://h", "https://h/", false],
    ["an empty list is refused", ["c"], [], false],
    ["a missing one is refused", "c", undefined, false],
    ["null is refused", "null", null, false],
    ["a number does not equal its text", "1", 1, false],
    ["a number in a list does not equal its text", "1", [1], false],
    ["a list inside a list is refused", "a", [["a"]], false],
    ["an object is refused", "a", { 0: "a", length: 1 }, false],
    ["where none is accepted, none is", [], "a", false],
  ],
  all: [
    ["a text equals the same text", "c", "c", true],
    ["a text is found in a list", "c", ["d", "c"], true],
    ["each is found in a longer list", ["c", "d"], ["d", "x", "c"], true],
    ["one of two is refused", ["c", "d"], ["c"], false],
    ["a text is not two", ["c", "d"], "c", false],
    ["a list of one is found in a text", ["c"], "c", true],
    ["a missing one is refused", ["c"], undefined, false],
    ["null is refused", "null", null, false],
    ["a number in a list does not equal its text", ["1"], [1], false],
    ["an object is refused", ["a"], { 0: "a", length: 1 }, false],
    ["where none is accepted, none is", [], [], false],
  ],
};

for (const match of ["exact", "any", "all"] as const) {
  for (const [sentence, accepted, audience, good] of ROWS[match]) {
    Deno.test(`audience, ${match}: ${sentence}`, () => {
      assertEquals(makeAudienceMatch(accepted, match)(audience), good);
    });
  }
}

const name = fc.constantFrom("a", "b", "c", "A", "1");
const accepted: fc.Arbitrary<Audience> = fc.oneof(
  name,
  fc.array(name, { minLength: 1, maxLength: 3 }),
);
const given = fc.oneof(
  { weight: 2, arbitrary: name },
  {
    weight: 4,
    arbitrary: fc.array(fc.oneof(name, fc.constantFrom<unknown>(1, null, ["a"], {})), {
      maxLength: 4,
    }),
  },
  { weight: 4, arbitrary: fc.array(name, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(undefined, null, 1, {}, true) },
);

/** In other words: by how often each name stands where. */
function oracle(accepted: Audience, match: AudienceMatch, given: unknown): boolean {
  const members = (of: unknown): unknown[] => Array.isArray(of) ? of : [of];
  const times = (of: unknown, name: string) => members(of).filter((one) => one === name).length;
  const names = ["a", "b", "c", "A", "1"];
  switch (match) {
    case "exact":
      return typeof accepted === typeof given && Array.isArray(accepted) === Array.isArray(given) &&
        members(given).every((one) => names.some((name) => name === one)) &&
        names.every((name) => times(accepted, name) === times(given, name));
    case "any":
      return names.some((name) => times(accepted, name) > 0 && times(given, name) > 0);
    case "all":
      return names.every((name) => times(accepted, name) === 0 || times(given, name) > 0);
  }
}

for (const match of ["exact", "any", "all"] as const) {
  Deno.test(`audience, ${match}: it accepts exactly what counting names accepts`, () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(accepted, given, (accepted, given) => {
        const expected = oracle(accepted, match, given);
        counts[expected ? "accepted" : "refused"]++;
        assertEquals(makeAudienceMatch(accepted, match)(given), expected);
      }),
      { numRuns: 3000 },
    );
    assert(counts.accepted > 15 && counts.refused > 300, JSON.stringify(counts));
  });
}
