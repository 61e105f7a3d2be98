/**
 * Writes what is generated from the tables in the code: `settings.toml.example`, the tables of settings
 * and of metrics in `README.md`, the permissions in the tasks of `deno.json`, in the Dockerfile and in the
 * unit's drop-in, and the binary's import map. Run from the project's root: `deno task generate`
 */
import { renderReadmeTable, renderSettingsExample } from "../src/config/render.ts";
import { renderMetricsTable } from "../src/ops/exposition.ts";
import { DOCKERFILE, withCommands } from "./dockerfile.ts";
import { DENO_DROP_IN, renderDenoDropIn } from "./unit.ts";
import { BINARY_IMPORTS, renderBinaryImports, withTaskCommands } from "./tasks.ts";

/** The project's root. */
export const ROOT = new URL("../", import.meta.url);

/** The sections of the README that are generated, by the name in their markers. */
export const SECTIONS = {
  settings: renderReadmeTable,
  metrics: () => aligned(renderMetricsTable()),
} as const;

/** The name of a generated section. */
export type SectionName = keyof typeof SECTIONS;

/** What stands between the markers of a section, without the blank lines around it. */
export function sectionOf(readme: string, name: SectionName): string {
  const { from, to } = find(readme, name);
  return readme.slice(from, to).trim();
}

/** The README with one section replaced. */
export function withSection(readme: string, name: SectionName, text: string): string {
  const { from, to } = find(readme, name);
  return `${readme.slice(0, from)}\n\n${text.trim()}\n\n${readme.slice(to)}`;
}

function find(readme: string, name: SectionName): { from: number; to: number } {
  const begin = `<!-- ${name}:begin -->`;
  const end = `<!-- ${name}:end -->`;
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from === -1 || to < from) throw new Error(`README.md lacks ${begin} and ${end}`);
  return { from: from + begin.length, to };
}

/** A Markdown table (no `|` within cells) with its columns aligned, as the formatter leaves it. */
function aligned(table: string): string {
  const rows = table.trim().split("\n")
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row, line) => line === 1 ? 3 : row[at]?.length ?? 0))
  );
  return rows.map((row, line) => {
    const cells = row.map((cell, at) =>
      line === 1 ? "-".repeat(widths[at] ?? 3) : cell.padEnd(widths[at] ?? 0)
    );
    return `| ${cells.join(" | ")} |`;
  }).join("\n");
}

if (import.meta.main) {
  Deno.writeTextFileSync(new URL("settings.toml.example", ROOT), renderSettingsExample());
  Deno.writeTextFileSync(new URL(BINARY_IMPORTS, ROOT), renderBinaryImports());
  Deno.writeTextFileSync(new URL(DENO_DROP_IN, ROOT), renderDenoDropIn());
  const tasks = new URL("deno.json", ROOT);
  Deno.writeTextFileSync(tasks, withTaskCommands(Deno.readTextFileSync(tasks)));
  const dockerfile = new URL(DOCKERFILE, ROOT);
  Deno.writeTextFileSync(dockerfile, withCommands(Deno.readTextFileSync(dockerfile)));
  const file = new URL("README.md", ROOT);
  let readme = Deno.readTextFileSync(file);
  for (const name of Object.keys(SECTIONS) as SectionName[]) {
    readme = withSection(readme, name, SECTIONS[name]());
  }
  Deno.writeTextFileSync(file, readme);
}
