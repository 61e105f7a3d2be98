import { generate, GENERATED, readGenerated } from "../../tools/generate.ts";
import { withSection } from "../../tools/sections.ts";
import { loadOk } from "../config/support.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

const HOW = "run `deno task generate` and commit the result";

for (const row of GENERATED) {
  Deno.test(`The committed ${row.file} is what the tables in the code give.`, async () => {
    const text = readGenerated(row);
    assertEquals(text, await generate(row, text), HOW);
  });
}

Deno.test("The committed settings.toml.example loads.", () => {
  const row = GENERATED.find(({ file }) => file === "settings.toml.example");
  assertEquals(row && loadOk({ file: readGenerated(row) }).config.process.numWorkers, 2);
});

Deno.test("Writing a section of a document keeps everything around it.", () => {
  const old = "a\n\n<!-- settings:begin -->\nold\n<!-- settings:end -->\n\nb\n";
  const written = withSection(old, "settings", "| new |\n");
  assertEquals(
    written,
    "a\n\n<!-- settings:begin -->\n\n| new |\n\n<!-- settings:end -->\n\nb\n",
  );
  assertEquals(withSection(written, "settings", "| new |\n"), written);
});

Deno.test("A document without the marks of a section is refused.", () => {
  for (const text of ["", "<!-- a:begin -->", "<!-- a:end --><!-- a:begin -->"]) {
    assertThrows(() => withSection(text, "a", "x"));
  }
});
