import { flagName, tomlKey } from "../../src/config/names.ts";
import { INPUT_NAMES, namesWith, rowOf, SETTING_NAMES } from "../../src/config/schema.ts";
import { renderSettingsExample } from "../../tools/settings_example.ts";
import { renderCommonSettings, renderSettingsPage } from "../../tools/settings_page.ts";
import { text } from "../../src/config/kinds.ts";
import { load } from "../../src/config/load.ts";
import { entriesOf } from "../../src/config/load_tables.ts";
import type { Table } from "../../src/config/table.ts";
import { fail } from "../../src/result.ts";
import { loadOk, MINIMAL, NOT_BESIDE_OTHERS } from "../config/support.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

/** Longest line of a table that can be read as it stands. */
const MOST_WIDTH = 110;

Deno.test("The page has one heading a setting, in the table's order.", () => {
  const headings = [...renderSettingsPage([]).matchAll(/^### (.+)$/gm)].map(([, name]) => name);
  assertEquals(headings, [...SETTING_NAMES]);
});

Deno.test("The page names every flag and key, and no flag for a secret itself.", () => {
  const page = renderSettingsPage();
  for (const name of INPUT_NAMES) {
    const secret = SETTING_NAMES.some((known) => known === name && rowOf(known).secret === true);
    const flag = `\`--${flagName(name)}\``;
    if (secret) assertExcludes(page, flag);
    else assertIncludes(page, flag);
    assertIncludes(page, `\`${tomlKey(name)} = `);
  }
});

Deno.test("The examples of the page load together, but for those that exclude others.", () => {
  const alone = NOT_BESIDE_OTHERS.map((name) => `${tomlKey(name)} = `);
  const lines = [...renderSettingsPage().matchAll(/^- In `settings\.toml`: `(.+)`$/gm)]
    .flatMap(([, line = ""]) => alone.some((key) => line.startsWith(key)) ? [] : [line]);
  const loaded = loadOk({ file: lines.join("\n") });
  for (const name of SETTING_NAMES.filter((name) => !NOT_BESIDE_OTHERS.includes(name))) {
    assertIncludes(loaded.origins[name], "settings.toml:");
  }
});

Deno.test("The README's table has a row for each common setting, and is narrow.", async () => {
  const rows = renderCommonSettings().split("\n").slice(2);
  assertEquals(rows.length, namesWith("common").length);
  assert(rows.length >= 10 && rows.length <= 16, `${rows.length} rows`);
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const [section = ""] = /<!-- settings:begin -->[^]*<!-- settings:end -->/.exec(readme) ?? [];
  const wide = section.split("\n").filter((line) => line.length > MOST_WIDTH);
  assertEquals(wide, []);
});

/** A table with many entries, made up. */
const SHOPS = {
  key: "shop",
  heading: "Shops",
  doc: "One shop.",
  rows: {
    street: { ...text(), doc: "Where it is.", example: "Main Street", required: true },
    key: { ...text(), doc: "Of its door.", example: "x", unset: "open", secret: true },
  },
} as const satisfies Table;

Deno.test("A table with many entries has a section of the page, and a heading for each key.", () => {
  const page = renderSettingsPage([SHOPS]);
  assertIncludes(page, "## Shops: `[[shop]]`\n\nOne shop.");
  assertIncludes(page, "### shop: street\n\nWhere it is.\n\n- Accepts: a text\n- Required\n");
  assertIncludes(page, '`key_file = "/run/secrets/key"`');
});

Deno.test("The example shows an entry of such a table, and loads with it in force.", () => {
  const example = renderSettingsExample([SHOPS]);
  const entry = example.slice(example.indexOf("# [[shop]]")).split("\n")
    .map((line) => line.replace(/^# (?=\[\[|[a-z_]+ = )/, ""))
    .filter((line) => !line.startsWith("key_file"));
  const file = { name: "settings.toml", text: entry.join("\n") };
  const loaded = load({ file, env: MINIMAL, flags: {}, readFile: () => fail("none") }, [SHOPS]);
  assert(loaded.ok);
  const [shop] = entriesOf(loaded.value.tables, SHOPS);
  assertEquals([shop?.street, shop?.key], ["Main Street", "x"]);
});
