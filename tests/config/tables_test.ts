/** Tables of a settings file, shown by one that is made up. */
import { documentUrl } from "../../src/config/address_kinds.ts";
import { audience, seconds, text, word } from "../../src/config/kinds.ts";
import { load } from "../../src/config/load.ts";
import { entriesOf } from "../../src/config/load_tables.ts";
import { renderProblems } from "../../src/config/problems.ts";
import { renderCheck } from "../../src/config/render.ts";
import { readSettingsFile } from "../../src/config/settings_file.ts";
import type { EntryOf, Table } from "../../src/config/table.ts";
import { fail, ok } from "../../src/result.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { MINIMAL } from "./support.ts";

const SHOPS = {
  key: "shop",
  heading: "Shops",
  doc: "One shop.",
  rows: {
    url: { ...documentUrl(), doc: "Where.", example: "https://shop.test", required: true },
    wait_secs: { ...seconds(1), doc: "How long.", example: "5", default: "5" },
    colour: { ...word({ red: "red" }), doc: "Of the door.", example: "red", unset: "no door" },
    for_whom: { ...audience(), doc: "Whom.", example: '"a"', unset: "all" },
    key: { ...text(), doc: "Of the door.", example: "x", unset: "open", secret: true },
  },
} as const satisfies Table;

function loaded(file: string, files: Readonly<Record<string, string>> = {}) {
  return load({
    file: { name: "settings.toml", text: file },
    env: MINIMAL,
    flags: {},
    readFile: (path) => {
      const content = files[path];
      return content === undefined ? fail("no such file") : ok(content);
    },
  }, [SHOPS]);
}

function problemsOf(file: string) {
  const result = loaded(file);
  return result.ok ? [] : result.failure;
}

const TWO = `leeway = 7

[[shop]]
url = "https://one.test"
key_file = "/key"

[[shop]]
url = "https://two.test"
wait_secs = 9
colour = "red"
for_whom = ["a", "b"]
key = "hush"
`;

Deno.test("Entries are read in order, by the kinds of their rows, with defaults and secrets.", () => {
  const result = loaded(TWO, { "/key": "from the file\n" });
  assert(result.ok);
  const shops: readonly EntryOf<typeof SHOPS>[] = entriesOf(result.value.tables, SHOPS);
  assertEquals(shops, [
    {
      url: "https://one.test",
      waitSecs: 5,
      colour: undefined,
      forWhom: undefined,
      key: "from the file",
    },
    { url: "https://two.test", waitSecs: 9, colour: "red", forWhom: ["a", "b"], key: "hush" },
  ]);
  assert(Object.isFrozen(shops[1]?.forWhom));
  assertEquals(result.value.config.token.leeway, 7);
  assertEquals(result.value.tables.shop?.map(({ source }) => source), [
    "settings.toml:3",
    "settings.toml:7",
  ]);
});

Deno.test("The check shows every value of every entry with its line, secrets masked.", () => {
  const result = loaded(TWO, { "/key": "from the file" });
  assert(result.ok);
  const lines = renderCheck(result.value).split("\n").filter((line) => line.startsWith("shop["));
  assertEquals(lines.map((line) => line.split(/ {3,}/)), [
    ["shop[1].url", "https://one.test", "settings.toml:4"],
    ["shop[1].wait_secs", "5", "default"],
    ["shop[1].colour", "(not set)", "no door"],
    ["shop[1].for_whom", "(not set)", "all"],
    ["shop[1].key", "***", "settings.toml:5"],
    ["shop[2].url", "https://two.test", "settings.toml:8"],
    ["shop[2].wait_secs", "9", "settings.toml:9"],
    ["shop[2].colour", "red", "settings.toml:10"],
    ["shop[2].for_whom", '["a","b"]', "settings.toml:11"],
    ["shop[2].key", "***", "settings.toml:12"],
  ]);
});

Deno.test("Without any entry there is nothing of a table.", () => {
  for (const file of ["", "shop = []"]) {
    const result = loaded(file);
    assert(result.ok);
    assertEquals(entriesOf(result.value.tables, SHOPS), []);
  }
});

Deno.test("All mistakes of two entries are reported at once, each with its line.", () => {
  const problems = problemsOf(`# shops
[[shop]]
urll = "https://one.test"
wait_secs = 0

[[shop]]
url = "https://two.test"
colour = """
[[shop]]
url = "blue"
"""
for_whom = "a"
key = ["hush"]
leeway = 1
nested.x = 1
`);
  assertEquals(renderProblems(problems).split("\n"), [
    "error: invalid configuration: 8 problems",
    "  shop[1].urll        settings.toml:3    unknown setting, did you mean url?",
    "  shop[2].leeway      settings.toml:14   unknown setting",
    "      hint: settings stand at the top, before any [name] line",
    "  shop[2].nested.x    settings.toml:15   unknown setting",
    "  shop[1].url         settings.toml:2    not set   " +
    "expected an absolute http(s) URL, such as https://shop.test",
    '  shop[1].wait_secs   settings.toml:4    got "0"   expected whole seconds, 1 or more',
    '  shop[2].colour      settings.toml:8    got "[[shop]]\\nurl = \\"blue\\"\\n"   expected one of red',
    '  shop[2].for_whom    settings.toml:12   got "a"   ' +
    'expected JSON: a string or an array of strings, none empty, such as "a"',
    "      hint: the quotes belong to the value: AUDIENCE='\"a\"', in settings.toml audience = '\"a\"'",
    "  shop[2].key         settings.toml:13   got a list   expected a text",
    "hint: `ooproxy help` lists the common settings, `ooproxy help NAME` explains one",
    "",
  ]);
  assertExcludes(JSON.stringify(problems), "hush");
});

Deno.test("A secret of an entry that is given twice is a problem that names both keys.", () => {
  const [problem, ...more] = problemsOf(
    "[[shop]]\nurl = 'http://a'\nkey = 'hush'\nkey_file = '/s'",
  );
  assertEquals(more, []);
  assertEquals(problem, {
    setting: "shop[1].key",
    source: "settings.toml:3",
    fault: "given twice, also by settings.toml:4",
    expected: "shop[1].key or shop[1].key_file, not both",
  });
});

/** Wrong tables: setting, place, and words of what is said. */
const WRONG: readonly (readonly [file: string, setting: string, source: string, words: string])[] =
  [
    ["[shop]\nurl = 'hush'", "shop", "settings.toml:1", "in double brackets: [[shop]]"],
    ["\n[shop]\nurl = 'hush'", "shop", "settings.toml:2", "[shop]"],
    ["shop = 'hush'", "shop", "settings.toml:1", "a text or a number"],
    ["shop = ['hush']", "shop", "settings.toml:1", "a list"],
    ["\n[[shopp]]\nurl = 'hush'", "shopp", "settings.toml:2", "did you mean [[shop]]?"],
    ["[shopp]\nurl = 'hush'", "shopp", "settings.toml:1", "did you mean [[shop]]?"],
    ["[[colours]]\nurl = 'hush'", "colours", "settings.toml:1", "unknown table"],
    ["[[colours]]\nurl = 'hush'", "colours", "settings.toml:1", "before any [name] line"],
    ["[proxy]\nleeway = 1", "proxy.leeway", "settings.toml:2", "before any [name] line"],
    [
      "shop = [{ url = 'http://a' }, { url = 'http://a', x = 1 }]",
      "shop[2].x",
      "settings.toml:1",
      "unknown setting",
    ],
    [
      "[[shop]]\nurl = 'http://a'\n[shop.url2]\nx = 1",
      "shop[1].url2.x",
      "settings.toml:4",
      "unknown setting",
    ],
  ];

for (const [file, setting, source, words] of WRONG) {
  Deno.test(`${JSON.stringify(file)} is a problem of ${setting} at ${source}: ${words}.`, () => {
    const problems = problemsOf(file);
    assertEquals(problems.map((problem) => [problem.setting, problem.source]), [
      [setting, source],
    ]);
    assertIncludes(Object.values(problems[0] ?? {}).join(), words);
    assertExcludes(JSON.stringify(problems), "hush");
  });
}

Deno.test("The program itself has no tables yet.", () => {
  const { problems } = readSettingsFile({ name: "settings.toml", text: "[[shop]]\nurl = 'x'" });
  assertEquals(problems.map(({ fault }) => fault), ["unknown table"]);
});
