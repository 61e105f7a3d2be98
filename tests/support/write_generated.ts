/**
 * Writes what is generated from the table of settings: `settings.toml.example` and the table in
 * `README.md`. Run from the project's root: `deno run -A tests/support/write_generated.ts`
 */
import { renderReadmeTable, renderSettingsExample } from "../../src/config/render.ts";

const BEGIN = "<!-- settings:begin -->";
const END = "<!-- settings:end -->";

/** The project's root. */
export const ROOT = new URL("../../", import.meta.url);

/** What stands between the markers of a README, without the blank lines around it. */
export function settingsSection(readme: string): string {
  const { from, to } = section(readme);
  return readme.slice(from, to).trim();
}

/** The README with its section replaced. */
export function withSettingsSection(readme: string, table: string): string {
  const { from, to } = section(readme);
  return `${readme.slice(0, from)}\n\n${table.trim()}\n\n${readme.slice(to)}`;
}

function section(readme: string): { from: number; to: number } {
  const begin = readme.indexOf(BEGIN);
  const to = readme.indexOf(END);
  if (begin === -1 || to < begin) throw new Error(`README.md lacks ${BEGIN} and ${END}`);
  return { from: begin + BEGIN.length, to };
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("settings.toml.example", ROOT), renderSettingsExample());
  const readme = new URL("README.md", ROOT);
  Deno.writeTextFileSync(
    readme,
    withSettingsSection(Deno.readTextFileSync(readme), renderReadmeTable()),
  );
}
