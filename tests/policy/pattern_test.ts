import fc from "fast-check";
import { MAX_TOKEN_LENGTH } from "../../src/limits.ts";
import { makePattern } from "../../src/policy/pattern.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A pattern, what it matches, and what it does not. */
const PATTERNS: readonly (readonly [
  pattern: string,
  matched: readonly string[],
  others: readonly string[],
])[] = [
  ["abc", ["abc"], ["ABC", "abcd", "ab", "", "abc "]],
  ["*", ["a", "a.b-c", " "], ["", "a:b", "a/b", ":", "/"]],
  ["a*", ["a", "ab", "aaa"], ["", "b", "ba", "a:", "a/b"]],
  ["*a", ["a", "ba"], ["", "ab", ":a", "b/a"]],
  ["a*b", ["ab", "a-b", "abb"], ["a", "b", "aba", "a:b", "a/b"]],
  ["a*a", ["aa", "aba"], ["a"]],
  ["*ab*", ["ab", "xaby", "aab"], ["a", "ba", "a:b"]],
  ["a*b*c", ["abc", "axbxc", "abcbc"], ["acb", "ac", "ab:c"]],
  ["**", ["a", "ab"], ["", "a:b"]],
  ["a**", ["a", "ab"], ["a:b"]],
  [
    "system:serviceaccount:team-a:*",
    ["system:serviceaccount:team-a:api"],
    [
      "system:serviceaccount:team-a:",
      "system:serviceaccount:team-a",
      "system:serviceaccount:team-a:api:x",
      "system:serviceaccount:team-a:api/x",
      "system:serviceaccount:team-b:api",
      "system:serviceaccount:team-a/api",
      "xsystem:serviceaccount:team-a:api",
    ],
  ],
  [
    "repo:octo/*:ref:refs/heads/*",
    ["repo:octo/app:ref:refs/heads/main"],
    [
      "repo:octo/app:ref:refs/heads/a/b",
      "repo:octo/app:ref:refs/tags/main",
      "repo:octo/a/b:ref:refs/heads/main",
      "repo:octo/:ref:refs/heads/main",
    ],
  ],
  ["spiffe://prod.example/*/api", ["spiffe://prod.example/ns/api"], ["spiffe://prod.example//api"]],
  ["a:*", ["a:b"], ["a:", "a/b"]],
  ["*:", ["a:"], ["a", ":", "a:b", "a/"]],
  [".+(?:a)[*]\\*$", [".+(?:a)[*]\\*$"], ["xa", ".+(?:a)[]\\"]],
];

for (const [pattern, matched, others] of PATTERNS) {
  const matches = makePattern(pattern);
  for (const text of matched) {
    Deno.test(`pattern: ${pattern} matches ${JSON.stringify(text)}`, () => assert(matches(text)));
  }
  for (const text of others) {
    Deno.test(`pattern: ${pattern} does not match ${JSON.stringify(text)}`, () => {
      assert(!matches(text));
    });
  }
}

/** The same in a few words that nobody would run on long texts: each way to go on is tried. */
function oracle(pattern: string, text: string): boolean {
  const ends = (part: string) => part === "" || /^[:/]/.test(part);
  const go = (pattern: string, text: string): boolean => {
    if (pattern === "") return text === "";
    if (!pattern.startsWith("*")) {
      return text !== "" && pattern[0] === text[0] && go(pattern.slice(1), text.slice(1));
    }
    return go(pattern.slice(1), text) || (!ends(text) && go(pattern, text.slice(1)));
  };
  // A segment of stars alone stands for one character and any more.
  const segments = pattern.split(/([:/])/);
  const texts = text.split(/([:/])/);
  return go(pattern, text) &&
    segments.every((segment, at) => !/^\*+$/.test(segment) || texts[at] !== "");
}

Deno.test("pattern: it matches what a search through all possibilities finds", () => {
  const counts = { matched: 0, others: 0 };
  const parts = fc.constantFrom("a", "b", "ab", "aab", "*", "*", "**", ":", "/");
  const pattern = fc.array(parts, { maxLength: 8 }).map((parts) => parts.join(""));
  const letters = fc.array(fc.constantFrom("a", "b", "ab", "a", ":", "/"), { maxLength: 4 })
    .map((parts) => parts.join(""));
  // Mostly texts that could fit: something in the place of each star.
  const pair = pattern.chain((pattern) =>
    fc.tuple(
      fc.constant(pattern),
      fc.oneof(
        letters,
        fc.array(letters, { minLength: 9, maxLength: 9 }).map((fillings) => {
          let at = 0;
          return pattern.replaceAll("*", () => fillings[at++] ?? "");
        }),
      ),
    )
  );
  fc.assert(
    fc.property(pair, ([pattern, text]) => {
      const expected = oracle(pattern, text);
      counts[expected ? "matched" : "others"]++;
      assertEquals(makePattern(pattern)(text), expected);
    }),
    { numRuns: 4000 },
  );
  assert(counts.matched > 400 && counts.others > 400, JSON.stringify(counts));
});

Deno.test("pattern: the longest hostile texts take a time that their length decides", () => {
  const long = MAX_TOKEN_LENGTH;
  const half = "a".repeat(long / 2);
  const hostile: readonly (readonly [pattern: string, text: string])[] = [
    ["*a*a*a*a*a*a*a*a*b", "a".repeat(long)],
    [`*${half}b*`, "a".repeat(long)],
    [`${"*a".repeat(200)}b`, "a".repeat(long)],
    [`*${"ab".repeat(1000)}c*`, "ab".repeat(long / 2)],
    ["*:*:*:*/b", ":".repeat(long)],
    [`${"*:".repeat(200)}b`, "a:".repeat(long / 2)],
  ];
  const began = performance.now();
  for (const [pattern, text] of hostile) {
    const matches = makePattern(pattern);
    for (let i = 0; i < 10; i++) assert(!matches(text), pattern.slice(0, 20));
  }
  // Some 10 ms; one of them alone would take hours if it went back.
  assert(performance.now() - began < 5_000);
});
