import type { Kind } from "../../src/config/kinds.ts";
import { scopeList, textList } from "../../src/config/list_kinds.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

type Accepted = readonly [given: string, value: readonly string[]];
type Refused = readonly [given: string, hint: string];

interface Group {
  readonly kind: Kind<readonly string[]>;
  readonly accepted: readonly Accepted[];
  readonly refused: readonly Refused[];
}

const GROUPS: Readonly<Record<string, Group>> = {
  "a list of texts": {
    kind: textList("clients"),
    accepted: [
      ["a", ["a"]],
      ["a,b", ["a", "b"]],
      [" a , b ", ["a", "b"]],
      ["a b", ["a b"]],
      ["system:serviceaccount:team-a:*", ["system:serviceaccount:team-a:*"]],
      ['["a","b"]', ["a", "b"]],
      [' [ "a,b" , " c" ] ', ["a,b", " c"]],
      ["a=[1]", ["a=[1]"]],
    ],
    refused: [
      ["a,,b", "empty"],
      ["a,", "empty"],
      [",", "empty"],
      [" ", "empty"],
      ["[]", "empty"],
      ['["a",""]', "empty"],
      ["a,b,a", '"a" stands twice'],
      ['["a","a"]', '"a" stands twice'],
      ['["a",1]', "has to be a text"],
      ["[null]", "has to be a text"],
      ['[["a"]]', "has to be a text"],
      ["[a,b]", "no JSON array"],
      ['["a"', "no JSON array"],
      ['"a"', "quotes"],
      ['"a","b"', "quotes"],
      ["'a'", "quotes"],
    ],
  },
  "a list of scopes": {
    kind: scopeList(),
    accepted: [
      ["read", ["read"]],
      ["read write", ["read", "write"]],
      ["  read   write ", ["read", "write"]],
      ['["read","write"]', ["read", "write"]],
      ["api://app/.default https://h/auth#x !~", ["api://app/.default", "https://h/auth#x", "!~"]],
      ['["a,b"]', ["a,b"]],
    ],
    refused: [
      [" ", "empty"],
      ["[]", "empty"],
      ['["a",""]', "empty"],
      ["a b a", '"a" stands twice'],
      ["read,write", "blanks separate"],
      ["read, write", "blanks separate"],
      ['["a b"]', "no scope"],
      ['a"b', "no scope"],
      ['"a"', "no scope"],
      ["a\\b", "no scope"],
      ["a\tb", "no scope"],
      ["a\nb", "no scope"],
      ["\u00e4", "no scope"],
      ["a\u007f", "no scope"],
      ['["a\\r\\nX: 1"]', "no scope"],
      ['["a", 1]', "has to be a text"],
    ],
  },
};

for (const [what, { kind, accepted, refused }] of Object.entries(GROUPS)) {
  for (const [given, value] of accepted) {
    Deno.test(`${JSON.stringify(given)} is accepted as ${what}.`, () => {
      assertEquals(kind.parse(given), { ok: true, value });
    });
  }
  for (const [given, hint] of refused) {
    Deno.test(`${JSON.stringify(given)} is refused as ${what}: ${hint}.`, () => {
      const parsed = kind.parse(given);
      assertIncludes(parsed.ok ? "accepted" : parsed.failure.hint ?? "", hint);
    });
  }
}

Deno.test("Lists may be lists in settings.toml too.", () => {
  assertEquals([textList().list, scopeList().list], [true, true]);
});
