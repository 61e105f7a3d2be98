import { renderReadmeTable, renderSettingsExample } from "../../src/config/render.ts";
import { assertEquals } from "../support/assert.ts";
import { ROOT, settingsSection, withSettingsSection } from "../support/write_generated.ts";
import { loadOk } from "./support.ts";

const HOW = "run `deno run -A tests/support/write_generated.ts` and commit the result";

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

Deno.test("The README's table of settings is what the table of settings gives.", () => {
  assertEquals(settingsSection(read("README.md")), renderReadmeTable().trim(), HOW);
});

Deno.test("Writing the README's section keeps everything around it.", () => {
  const readme = "a\n\n<!-- settings:begin -->\nold\n<!-- settings:end -->\n\nb\n";
  const written = withSettingsSection(readme, "| new |\n");
  assertEquals(
    written,
    "a\n\n<!-- settings:begin -->\n\n| new |\n\n<!-- settings:end -->\n\nb\n",
  );
  assertEquals(withSettingsSection(written, "| new |\n"), written);
});
