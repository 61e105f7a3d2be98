import { jsonObject, messageOf, printable, quote, repeatsMember } from "../src/text.ts";
import { assertEquals } from "./support/assert.ts";

Deno.test("A quoted value is escaped and cut.", () => {
  assertEquals(quote('a"b\n'), '"a\\"b\\n"');
  assertEquals(quote("x".repeat(200)), `"${"x".repeat(100)}…"`);
  assertEquals(quote("xxxx", 3), '"xxx…"');
  assertEquals(quote("\u202e"), '"\\u202e"');
});

/** Text, and what a terminal may get of it. */
const TEXTS: readonly (readonly [text: string, shown: string])[] = [
  ["plain ASCII, ~ and all", "plain ASCII, ~ and all"],
  ["Grüße 日本 🙂", "Grüße 日本 🙂"],
  ["a\u001b[0m\u202eb", "a\\u001b[0m\\u202eb"],
  ["\u0000\u007f\u009b\r\n", "\\u0000\\u007f\\u009b\\u000d\\u000a"],
  ["\u00ad\u061c\u2060\u2064\u2069\ufeff", "\\u00ad\\u061c\\u2060\\u2064\\u2069\\ufeff"],
  ["\u{e0041}", "\\udb40\\udc41"],
];

for (const [text, shown] of TEXTS) {
  Deno.test(`${JSON.stringify(text)} is shown with its control characters escaped.`, () => {
    assertEquals(printable(text), shown);
  });
}

Deno.test("Anything thrown has a message.", () => {
  assertEquals(messageOf(new TypeError("no")), "no");
  assertEquals(messageOf("a text"), "a text");
  assertEquals(messageOf(undefined), "undefined");
});

Deno.test("Only the text of one JSON object is a JSON object.", () => {
  assertEquals(jsonObject('{"a":1,"a":2}'), { a: 2 });
  for (const text of ["", "[]", "null", '"{}"', "1", "{} {}", "{a:1}"]) {
    assertEquals(jsonObject(text), undefined, text);
  }
});

Deno.test("A name that stands twice in one object is found at any depth, by its spelling in JSON or not.", () => {
  const repeated = ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]', '{"a:":"\\":","a:":[]}'];
  const single = ["null", '"a:b"', "[]", "{}", '{"a":{"a":[{"a":null}]},"\\"a":":"}'];
  for (const text of repeated) assertEquals(repeatsMember(text, JSON.parse(text)), true, text);
  for (const text of single) assertEquals(repeatsMember(text, JSON.parse(text)), false, text);
});
