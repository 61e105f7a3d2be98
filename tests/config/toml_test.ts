import { linesOf, type Path } from "../../src/config/toml.ts";
import { assertEquals } from "../support/assert.ts";

const TEXT = `\ufeff# [[a]] in a comment
top = """
[[a]]
name = 'not here'
"""
list = [
  "x", # y = 1
  "[[a]]",
]
inline = { x = { y = 1 } }
dotted.x."a.b" = 1

[[a]]
name = "one"

  [[ "a" ]] # the second
  "na\\u006de" = '''
name = "x"
'''
[a.inner]
deep = 1
[[a.more]]
x = 1
[[a.more]]
y = 1
[plain.table]
z = 1
[[a]]
b = [{ c = 1 }, { d = 2 }]
`;

const LINES: readonly (readonly [path: Path, line: number | undefined])[] = [
  [["top"], 2],
  [["list"], 6],
  [["inline"], 10],
  [["inline", "x", "y"], 10],
  [["dotted", "x", "a.b"], 11],
  [["a"], 13],
  [["a", 1], 13],
  [["a", 1, "name"], 14],
  [["a", 2], 16],
  [["a", 2, "name"], 17],
  [["a", 2, "inner"], 20],
  [["a", 2, "inner", "deep"], 21],
  [["a", 2, "more", 1], 22],
  [["a", 2, "more", 2, "y"], 25],
  [["plain", "table", "z"], 27],
  [["a", 3], 28],
  [["a", 3, "b", 2, "d"], 29],
  [["name"], undefined],
  [["y"], undefined],
  [["a", 4], undefined],
  [["a", 1, "inner"], undefined],
];

for (const [ends, text] of [["LF", TEXT], ["CRLF", TEXT.replaceAll("\n", "\r\n")]] as const) {
  const lineOf = linesOf(text);
  for (const [path, line] of LINES) {
    Deno.test(`With ${ends}, ${path.join(".")} begins on line ${line ?? "none"}.`, () => {
      assertEquals(lineOf(path), line);
    });
  }
}
