/** docs/guarantees.md says nothing that is not so: its numbers are those of the source, its tests exist. */
import { rowOf, SETTING_NAMES, type SettingName } from "../../src/config/schema.ts";
import * as limits from "../../src/limits.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";
import { itemsOf, linksOf, sectionOf } from "./markdown.ts";

/** Everything that a fixed number can be taken from. */
const SOURCES: Readonly<Record<string, unknown>> = limits;

/** The fewest promises of each kind: the lists are there, and are read. */
const LEAST_NUMBERS = 66;
const LEAST_FACTS = 35;

const TEXT = Deno.readTextFileSync(projectFile("docs/guarantees.md"));

/** An item with a number: promise, number, unit, where it is set, tests. */
const NUMBER =
  /^[^`].*?: `([^`]+)`[^`]*\. From (?:\[`([A-Z0-9_]+)`\]\(settings\.md#(\w+)\)|`([A-Z0-9_]+)`)\. Tests: (.+)\.$/;

/** A file with tests, linked from the page. */
const TEST = /^\.\.\/(tests\/(?:\w+\/)+\w+\.ts)$/;

const numbers = itemsOf(sectionOf(TEXT, "Numbers"));
const facts = itemsOf(sectionOf(TEXT, "Facts"));

/** The default of a setting as the page writes it. */
function defaultOf(name: string): string {
  assert(SETTING_NAMES.some((known) => known === name), `${name} is no setting`);
  return rowOf(name as SettingName).default ?? "not set";
}

Deno.test("docs/guarantees.md: every number is the one in the source.", () => {
  assert(numbers.length >= LEAST_NUMBERS, `${numbers.length} numbers`);
  for (const item of numbers) {
    assertMatch(item, NUMBER);
    const [, value, setting, anchor, constant] = NUMBER.exec(item) ?? [];
    if (setting !== undefined) {
      assertEquals(anchor, setting.toLowerCase(), item);
      assertEquals(defaultOf(setting), value, item);
    } else {
      assert(constant !== undefined && Object.hasOwn(SOURCES, constant), item);
      assertEquals(String(SOURCES[constant]), value, item);
    }
  }
});

Deno.test("docs/guarantees.md: no number stands there twice.", () => {
  const names = numbers.map((item) => /From \[?`(\w+)`/.exec(item)?.[1]);
  assertEquals(names.length, new Set(names).size);
});

Deno.test("docs/guarantees.md: every promise links to a file with tests.", () => {
  assert(facts.length >= LEAST_FACTS, `${facts.length} facts`);
  for (const item of [...facts, ...numbers]) {
    const [, tests = ""] = /\. Tests: (.+)$/.exec(item) ?? [];
    const links = linksOf(tests);
    assert(links.length > 0, item);
    for (const { path } of links) {
      const [, file] = TEST.exec(path) ?? [];
      assert(file !== undefined, `${path} is no file with tests`);
      assert(Deno.statSync(projectFile(file)).isFile, file);
    }
  }
});

Deno.test("tests/chaos/README.md: the run that it shows had no violation.", () => {
  const text = Deno.readTextFileSync(projectFile("tests/chaos/README.md"));
  assertEquals([...text.matchAll(/violations: (\d+)/g)].map(([, count]) => count), ["0"]);
});
