/**
 * Writes what comes from the tables in the code. Run from anywhere: `deno task generate`
 *
 * A new generated file is one more row of `GENERATED`.
 */
import { BINARY_IMPORTS, renderBinaryImports } from "./binary_imports.ts";
import { DOCKERFILE, withCommands } from "./dockerfile.ts";
import { renderMetricsList } from "./metrics_list.ts";
import { withSection } from "./sections.ts";
import { renderSettingsExample } from "./settings_example.ts";
import { renderCommonSettings, renderSettingsPage } from "./settings_page.ts";
import { withTaskCommands } from "./tasks.ts";
import { DENO_DROP_IN, renderDenoDropIn } from "./unit.ts";

/** The project's root. */
export const ROOT = new URL("../", import.meta.url);

/** A file, and what its text becomes; where all of it is generated, the old text does not matter. */
export interface Generated {
  /** From the project's root. */
  readonly file: string;
  readonly render: (old: string) => string;
  /** How the formatter calls its form, where it has a say. */
  readonly format?: "json" | "md";
}

/** Everything that is generated; a file with several sections has a row for each. */
export const GENERATED: readonly Generated[] = [
  { file: "settings.toml.example", render: () => renderSettingsExample() },
  { file: "docs/settings.md", render: () => renderSettingsPage(), format: "md" },
  section("README.md", "settings", renderCommonSettings),
  section("docs/operations.md", "metrics", renderMetricsList),
  { file: "deno.json", render: withTaskCommands, format: "json" },
  { file: BINARY_IMPORTS, render: renderBinaryImports, format: "json" },
  { file: DOCKERFILE, render: withCommands },
  { file: DENO_DROP_IN, render: renderDenoDropIn },
];

function section(file: string, name: string, render: () => string): Generated {
  return { file, render: (old) => withSection(old, name, render()), format: "md" };
}

/** The text that a file has to have, given the one that it has. */
export async function generate({ render, format }: Generated, old: string): Promise<string> {
  return format === undefined ? render(old) : await formatted(render(old), format);
}

/** A text as `deno fmt` leaves it, with the project's own widths. */
async function formatted(text: string, format: string): Promise<string> {
  const child = new Deno.Command("deno", {
    args: ["fmt", "--quiet", `--ext=${format}`, "-"],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = child.output();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(text));
  await input.close();
  const { success, stdout } = await output;
  if (!success) throw new Error(`deno fmt refused:\n${text}`);
  return new TextDecoder().decode(stdout);
}

/** The text of a file; empty where there is none yet. */
export function readGenerated({ file }: Generated): string {
  try {
    return Deno.readTextFileSync(new URL(file, ROOT));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

if (import.meta.main) {
  for (const row of GENERATED) {
    try {
      const text = await generate(row, readGenerated(row));
      Deno.writeTextFileSync(new URL(row.file, ROOT), text);
    } catch (cause) {
      throw new Error(`${row.file} cannot be written`, { cause });
    }
  }
}
