import { flagName, tomlKey } from "../../src/config/names.ts";
import { INPUT_NAMES, rowOf, SETTING_NAMES } from "../../src/config/schema.ts";
import { isCommon } from "../../tools/row_facts.ts";
import { renderCommonSettings, renderSettingsPage } from "../../tools/settings_page.ts";
import { loadOk } from "../config/support.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

/** Longest line of a table that can be read as it stands. */
const MOST_WIDTH = 110;

Deno.test("The page has one heading a setting, in the table's order.", () => {
  const headings = [...renderSettingsPage().matchAll(/^### (.+)$/gm)].map(([, name]) => name);
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

Deno.test("The examples of the page load together.", () => {
  const lines = [...renderSettingsPage().matchAll(/^- In `settings\.toml`: `(.+)`$/gm)];
  const loaded = loadOk({ file: lines.map(([, line]) => line).join("\n") });
  for (const name of SETTING_NAMES) assertIncludes(loaded.origins[name], "settings.toml:");
});

Deno.test("The README's table has a row for each common setting, and is narrow.", async () => {
  const rows = renderCommonSettings().split("\n").slice(2);
  assertEquals(rows.length, SETTING_NAMES.filter(isCommon).length);
  assert(rows.length >= 10 && rows.length <= 16, `${rows.length} rows`);
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  const [section = ""] = /<!-- settings:begin -->[^]*<!-- settings:end -->/.exec(readme) ?? [];
  const wide = section.split("\n").filter((line) => line.length > MOST_WIDTH);
  assertEquals(wide, []);
});
