/** The documents: every link leads somewhere, pages and tables are short. */
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";
import { anchorsOf, codeSpansOf, type Link, linksOf } from "./markdown.ts";

/** Most lines of the pages that have to be read in one go. */
const MOST_LINES: Readonly<Record<string, number>> = {
  "README.md": 200,
  "SECURITY.md": 100,
  "ARCHITECTURE.md": 120,
};

/** Most characters of a table's line, so that it can be read as text. */
const MOST_WIDTH = 130;

/** Generated, with one heading a setting: links into it are held against the settings themselves. */
const SETTINGS = "docs/settings.md";

/** Written by `deno task bench`, columns included. */
const BENCHMARKS = "docs/benchmarks.md";

const DOCUMENTS = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "tests/chaos/README.md",
  ...[...Deno.readDirSync(projectFile("docs"))].map(({ name }) => `docs/${name}`)
    .filter((name) => name.endsWith(".md")).sort(),
];

/** Documents whose `paths/in/code` have to be there. */
const WITH_PATHS = [...DOCUMENTS, "ARCHITECTURE.md"];

/** `-A` among the flags of a command, and its long form. */
const EVERYTHING = /--allow-all\b|\bdeno\b[^\n]*\s-[B-Za-z]*A[A-Za-z]*\b/;

function read(name: string): string {
  return Deno.readTextFileSync(projectFile(name));
}

/** What is wrong with a link of a document; `undefined` if it leads to a file, and to a heading of it. */
function broken(from: string, { path, anchor }: Link): string | undefined {
  const folder = from.slice(0, from.lastIndexOf("/") + 1);
  const { pathname } = new URL(`${folder}${path}`, "file:///");
  const to = path === "" ? from : pathname.slice(1);
  const link = `${from}: ${path}${anchor && "#"}${anchor}`;
  if (to === SETTINGS) {
    const known = anchor === "" || SETTING_NAMES.some((name) => name.toLowerCase() === anchor);
    return known ? undefined : `${link}: no such setting`;
  }
  try {
    if (anchor === "") Deno.statSync(projectFile(to));
    else if (!anchorsOf(read(to)).includes(anchor)) return `${link}: no such heading`;
  } catch {
    return `${link}: no such file`;
  }
  return undefined;
}

for (const document of DOCUMENTS) {
  const text = read(document);

  Deno.test(`${document}: every link leads to a file and a heading that are there.`, () => {
    const wrong = linksOf(text).map((link) => broken(document, link));
    assertEquals(wrong.filter((problem) => problem !== undefined), []);
  });

  Deno.test(`${document}: no command of it has every permission, but for measuring programs.`, () => {
    const lines = text.replaceAll(/deno run -A tests\/\S+/g, "").split("\n");
    assertEquals(lines.filter((line) => EVERYTHING.test(line)), []);
  });
}

for (const document of DOCUMENTS.filter((name) => name !== BENCHMARKS)) {
  Deno.test(`${document}: its tables can be read as text.`, () => {
    const wide = read(document).split("\n")
      .filter((line) => line.startsWith("|") && line.length > MOST_WIDTH);
    assertEquals(wide, []);
  });
}

for (const document of WITH_PATHS) {
  Deno.test(`${document}: every file that it names is there.`, () => {
    const files = codeSpansOf(read(document))
      .filter((code) =>
        /^(?:src|tests|tools|docs|deploy)\/[\w/.-]+$/.test(code) || code === SETTINGS
      );
    for (const file of files) assert(Deno.statSync(projectFile(file)), file);
  });
}

for (const [document, most] of Object.entries(MOST_LINES)) {
  Deno.test(`${document} has ${most} lines at most.`, () => {
    assert(read(document).trimEnd().split("\n").length <= most);
  });
}

Deno.test("A link to a file, a heading or a setting that is not there is found.", () => {
  const text = "[a](README.md) [b](docs/none.md) [c](README.md#none) `[d](e)`\n\n" +
    "[f]: docs/settings.md#none\n[g]: https://example.com\n";
  assertEquals(linksOf(text).map((link) => broken("SECURITY.md", link)), [
    undefined,
    "SECURITY.md: docs/none.md: no such file",
    "SECURITY.md: README.md#none: no such heading",
    "SECURITY.md: docs/settings.md#none: no such setting",
  ]);
  assertEquals(broken("docs/a.md", { path: "../README.md", anchor: "" }), undefined);
});

Deno.test("Headings have the anchors that GitHub gives them.", () => {
  assertEquals(anchorsOf("# `deno serve` and Deno Deploy\n```sh\n# no\n```\n## A, b: C_D\n"), [
    "deno-serve-and-deno-deploy",
    "a-b-c_d",
  ]);
});
