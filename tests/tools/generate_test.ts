import { renderSettingsExample } from "../../src/config/render.ts";
import { assertEquals } from "../support/assert.ts";
import { BINARY_IMPORTS, renderBinaryImports, withTaskCommands } from "../../tools/tasks.ts";
import { ROOT, type SectionName, sectionOf, SECTIONS, withSection } from "../../tools/generate.ts";
import { loadOk } from "../config/support.ts";

const HOW = "run `deno task generate` and commit the result";

function read(name: string): string {
  try {
    return Deno.readTextFileSync(new URL(name, ROOT));
  } catch (error) {
    throw new Error(`${name} cannot be read`, { cause: error });
  }
}

Deno.test("The committed settings.toml.example is what the table of settings gives.", () => {
  assertEquals(read("settings.toml.example"), renderSettingsExample(), HOW);
});

Deno.test("The committed settings.toml.example loads.", () => {
  assertEquals(loadOk({ file: read("settings.toml.example") }).config.numWorkers, 2);
});

Deno.test("The tasks grant what the table of permissions gives, and so does the binary's import map.", () => {
  assertEquals(read("deno.json"), withTaskCommands(read("deno.json")), HOW);
  assertEquals(read(BINARY_IMPORTS), renderBinaryImports(), HOW);
});

for (const name of Object.keys(SECTIONS) as SectionName[]) {
  Deno.test(`The README's table of ${name} is what the table in the code gives.`, () => {
    assertEquals(sectionOf(read("README.md"), name), SECTIONS[name]().trim(), HOW);
  });
}

Deno.test("Writing a section of the README keeps everything around it.", () => {
  const readme = "a\n\n<!-- settings:begin -->\nold\n<!-- settings:end -->\n\nb\n";
  const written = withSection(readme, "settings", "| new |\n");
  assertEquals(
    written,
    "a\n\n<!-- settings:begin -->\n\n| new |\n\n<!-- settings:end -->\n\nb\n",
  );
  assertEquals(withSection(written, "settings", "| new |\n"), written);
});
