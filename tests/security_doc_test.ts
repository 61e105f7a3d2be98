/** SECURITY.md says nothing that is not so: its numbers are those of the source, its tests exist. */
import { rowOf, SETTING_NAMES, type SettingName } from "../src/config/schema.ts";
import * as limits from "../src/limits.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { projectFile } from "./support/process.ts";

const LIMITS: Readonly<Record<string, unknown>> = limits;

/** The fewest promised numbers: the table is there, and is read. */
const LEAST_NUMBERS = 40;

const TEXT = Deno.readTextFileSync(projectFile("SECURITY.md"));

/** A test quoted as `tests/x_test.ts`: "its title". */
const QUOTED = /`(tests\/[\w/]+\.ts)`: "([^"]+)"/g;

/** A row of the table of numbers: promise, number, where it is set, tests. */
const ROW = /^\| ([^|]+) \| +`([^`]+)`([^|]*)\| `([A-Z][A-Z0-9_]+)` *\| (.+) \|$/gm;

/** What the source says about a name: the default of a setting, or a fixed limit. */
function valueOf(name: string): string | undefined {
  if (SETTING_NAMES.some((known) => known === name)) {
    const { default: value, unset } = rowOf(name as SettingName);
    return value ?? `unset: ${unset}`;
  }
  return Object.hasOwn(LIMITS, name) ? String(LIMITS[name]) : undefined;
}

Deno.test("SECURITY.md: every promised number is the one in the source, and names a test.", () => {
  const rows = [...TEXT.matchAll(ROW)];
  assert(rows.length >= LEAST_NUMBERS, `${rows.length} rows`);
  for (const [row, , number, , name = "", tests = ""] of rows) {
    assertEquals(valueOf(name), number, row);
    assert([...tests.matchAll(QUOTED)].length > 0, row);
  }
});

Deno.test("SECURITY.md: every row with a number is read, whatever its form.", () => {
  const inTable = TEXT.split("\n").filter((line) => /^\|.*\| `[A-Z][A-Z0-9_]+` *\|/.test(line));
  assertEquals(inTable.length, [...TEXT.matchAll(ROW)].length);
});

Deno.test("SECURITY.md: every file that it names is there.", () => {
  const files = [...TEXT.matchAll(/`((?:src|tests|docs|deploy)\/[\w/.*-]+)`/g)].map(([, f]) =>
    f ?? ""
  );
  assert(files.length > 0);
  for (const file of files.filter((name) => !name.includes("*"))) {
    assert(Deno.statSync(projectFile(file)), file);
  }
});

Deno.test("SECURITY.md: every test that it quotes is in the file that it names.", () => {
  const quotes = [...TEXT.matchAll(QUOTED)];
  assert(quotes.length >= LEAST_NUMBERS);
  const missing = quotes.filter(([, file = "", title = ""]) =>
    !Deno.readTextFileSync(projectFile(file)).includes(title)
  );
  assertEquals(missing.map(([quote]) => quote), []);
});

Deno.test("SECURITY.md: the chaos run that it shows had no violation.", () => {
  assertEquals([...TEXT.matchAll(/violations: (\d+)/g)].map(([, count]) => count), ["0"]);
});
