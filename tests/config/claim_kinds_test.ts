import {
  type ClaimRule,
  claimRuleOf,
  claimRules,
  claimRulesOf,
} from "../../src/config/claim_kinds.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

const ACCEPTED: readonly (readonly [given: string, rules: readonly ClaimRule[]])[] = [
  ['{"tid":"a"}', [{ path: ["tid"], any: ["a"] }]],
  ['{"tid":["a","b"]}', [{ path: ["tid"], any: ["a", "b"] }]],
  ['{"n":1,"b":true,"e":""}', [
    { path: ["n"], any: [1] },
    { path: ["b"], any: [true] },
    { path: ["e"], any: [""] },
  ]],
  ['{"n":[1,"1",false,-1.5]}', [{ path: ["n"], any: [1, "1", false, -1.5] }]],
  ['{"n":9007199254740991}', [{ path: ["n"], any: [9007199254740991] }]],
  ['{"g":{"any":["a"]}}', [{ path: ["g"], any: ["a"] }]],
  ['{"g":{"all":["a","b"]}}', [{ path: ["g"], all: ["a", "b"] }]],
  ['{"sub":{"pattern":"team-a:*"}}', [{ path: ["sub"], pattern: "team-a:*" }]],
  [String.raw`{"[\"realm_access\",\"roles\"]":"r"}`, [{
    path: ["realm_access", "roles"],
    any: ["r"],
  }]],
  [String.raw`{"[\"a\"]":1}`, [{ path: ["a"], any: [1] }]],
  ['{"https://h/roles":"r","a.b":1}', [
    { path: ["https://h/roles"], any: ["r"] },
    { path: ["a.b"], any: [1] },
  ]],
  ['[{"name":"tid","value":"a"}]', [{ path: ["tid"], any: ["a"] }]],
  ['[{"path":["a","b"],"all":[1]},{"name":"[x","pattern":"*"}]', [
    { path: ["a", "b"], all: [1] },
    { path: ["[x"], pattern: "*" },
  ]],
  [String.raw`{"a":"x:\"y\":{\\","b":"\\\":"}`, [
    { path: ["a"], any: ['x:"y":{\\'] },
    { path: ["b"], any: ['\\":'] },
  ]],
  [' { "tid" : "a" } ', [{ path: ["tid"], any: ["a"] }]],
];

for (const [given, value] of ACCEPTED) {
  Deno.test(`${given} is accepted as rules for claims.`, () => {
    assertEquals(claimRules().parse(given), { ok: true, value });
    assertEquals(claimRulesOf(JSON.parse(given)), { ok: true, value });
  });
}

const REFUSED: readonly (readonly [given: string, hint: string])[] = [
  ["tid=a", "JSON in the form"],
  ['{"tid":"a"', "JSON in the form"],
  ['"tid"', "an object"],
  ["null", "an object"],
  ["1", "an object"],
  ["{}", "names no claim"],
  ["[]", "names no claim"],
  ['{"":"a"}', "is empty"],
  ['{"tid":[]}', '"tid": the list is empty'],
  ['{"tid":{"any":[]}}', '"tid": the list is empty'],
  ['{"tid":{"all":[]}}', '"tid": the list is empty'],
  ['{"tid":{"any":"a"}}', "any is a list"],
  ['{"tid":null}', '"tid": null is no value'],
  ['{"tid":["a",null]}', '"tid": null is no value'],
  ['{"tid":[["a"]]}', '"tid": a value is a text'],
  ['{"tid":[{}]}', '"tid": a value is a text'],
  ['{"tid":{}}', '"tid": needs one of any, all, pattern'],
  ['{"tid":{"value":"a"}}', 'unknown member "value"'],
  ['{"tid":{"none":["a"]}}', 'unknown member "none"'],
  ['{"tid":{"any":["a"],"all":["a"]}}', "any and all exclude"],
  ['{"tid":{"any":["a"],"pattern":"*"}}', "any and pattern exclude"],
  ['{"tid":{"pattern":""}}', "pattern is a text"],
  ['{"tid":{"pattern":1}}', "pattern is a text"],
  ['{"n":9007199254740993}', "too large"],
  ['{"n":[1e400]}', "too large"],
  ['{"tid":"a","tid":"b"}', "stands twice"],
  ['{"tid":{"any":["a"],"any":["b"]}}', "stands twice"],
  [String.raw`{"a\"b:":1,"a\"b:":2}`, "stands twice"],
  ['{"[a]":"x"}', "no JSON list"],
  ['{"[]":"x"}', "a path is empty"],
  [String.raw`{"[\"\"]":"x"}`, "a name in a path is empty"],
  ['{"[1]":"x"}', "a path is a list of texts"],
  ['["a"]', "entry 1 is no object"],
  ['[{"name":"a","value":1},{"value":1}]', "entry 2: an entry needs a name or a path"],
  ['[{"name":"a","path":["a"],"value":1}]', "not both"],
  ['[{"name":"a"}]', '"a": needs one of value, any, all, pattern'],
  ['[{"name":"a","value":1,"any":[1]}]', "value and any exclude"],
  ['[{"name":"a","value":[1]}]', "any or all"],
  ['[{"name":"a","value":{}}]', "a value is a text"],
  ['[{"name":"a","values":[1]}]', 'unknown member "values"'],
  ['[{"name":["a"],"value":1}]', "the name of a claim is a text"],
  ['[{"name":"","value":1}]', "is empty"],
  ['[{"path":[],"value":1}]', "a path is empty"],
  ['[{"path":"a","value":1}]', "a path is a list of texts"],
  ['[{"path":["a",""],"value":1}]', "a name in a path is empty"],
  ['[{"path":["a","b"],"any":[]}]', '"a → b": the list is empty'],
  ['[{"name":"a","value":1,"__proto__":1}]', 'unknown member "__proto__"'],
];

for (const [given, hint] of REFUSED) {
  Deno.test(`${given} is refused as rules for claims: ${hint}.`, () => {
    const parsed = claimRules().parse(given);
    assertIncludes(parsed.ok ? "accepted" : parsed.failure.hint ?? "", hint);
  });
}

Deno.test("An entry of a file gives a rule with the types that the file has.", () => {
  const rule = (entry: Readonly<Record<string, unknown>>) => claimRuleOf(entry);
  assertEquals(rule({ name: "t", value: true }), { ok: true, value: { path: ["t"], any: [true] } });
  assertEquals(rule({ path: ["a", "b"], any: [1, "1"] }), {
    ok: true,
    value: { path: ["a", "b"], any: [1, "1"] },
  });
  for (const value of [9007199254740993n, new Date(0), undefined, NaN, Infinity]) {
    assertEquals(rule({ name: "t", value }).ok, false, String(value));
  }
});
