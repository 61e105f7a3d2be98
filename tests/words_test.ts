/** The program, its tools and its documents use the field's words; and made-up texts that do not. */
import { describeWord, findWords } from "../tools/words.ts";
import { assert, assertEquals } from "./support/assert.ts";
import { projectFile } from "./support/process.ts";

/** Files and folders that are read, from the project's root. */
const READ = [
  "main.ts",
  "serve.ts",
  "src",
  "tools",
  "docs",
  "tests/chaos/README.md",
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "ARCHITECTURE.md",
  "deploy",
];

/** The list itself. */
const LIST = "tools/words.ts";

/** All code and documents at or below a path. */
function filesOf(path: string): string[] {
  if (Deno.statSync(projectFile(path)).isFile) {
    return /\.(?:ts|md|service|conf|ya?ml)$/.test(path) ? [path] : [];
  }
  return [...Deno.readDirSync(projectFile(path))].flatMap(({ name }) => filesOf(`${path}/${name}`));
}

const files = READ.flatMap(filesOf).filter((file) => file !== LIST).sort();
const found = files.flatMap((file) => findWords(file, Deno.readTextFileSync(projectFile(file))));

Deno.test("Program, tools and documents use the field's words.", () => {
  assert(files.length > 100);
  assertEquals(found.map(describeWord), []);
});

/** Made-up texts, and the words that are found in them. */
const TEXTS: readonly (readonly [file: string, text: string, words: readonly string[]])[] = [
  ["a.ts", "// Nobody is told of it,\n// whoever asks.", ["told of", "whoever", "Nobody"]],
  ["a.ts", "/**\n * The keys at\n * hand.\n */\n// in\n// vain", ["at hand", "in vain"]],
  ["a.ts", "const answers: UpstreamAnswer[] = [];", ["answers", "UpstreamAnswer"]],
  ["a.ts", 'log.warn("keys", { todo: "wait" });', ["todo"]],
  ["a.ts", "`got ${found}, wanted ${expected}`", ["got ${found}, wanted"]],
  ["a.ts", 'fail("3 settings are wrong"); new KeyDesk();', ["KeyDesk", "settings are wrong"]],
  ["a.md", "The answer\ncomes near\nenough.", ["answer", "near enough"]],
  ["a.md", 'A response (not "answer").', []],
  ["a.ts", "const wanted = todoList; // a history of what is told, handled and unanimous", []],
];

for (const [file, text, words] of TEXTS) {
  Deno.test(`${JSON.stringify(text)} in ${file} has ${words.length} words to replace.`, () => {
    assertEquals(findWords(file, text).map(({ word }) => word), words);
  });
}

Deno.test("A word that is found is shown with its file, its line and the field's word.", () => {
  assertEquals(findWords("src/a.ts", "f();\n// in vain\n").map(describeWord), [
    'src/a.ts:2: "in vain", in the field: failed, timed out',
  ]);
});
