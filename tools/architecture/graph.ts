/** The module graph as the runtime sees it. */
import type { Import, Module } from "./rules.ts";
import { readSource } from "./source.ts";

/** The project's root. */
const ROOT = new URL("../../", import.meta.url);

/** The parts of `deno info --json` that are read here. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly local?: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string };
      readonly isDynamic?: boolean;
    }[];
  }[];
}

/** Every file of the project that the two entries can reach. */
export async function readGraph(): Promise<Module[]> {
  const graphs = await Promise.all(["main.ts", "serve.ts"].map(graphOf));
  return [...new Map(graphs.flat().map((module) => [module.file, module])).values()];
}

async function graphOf(entry: string): Promise<Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--quiet", entry],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stderr: "inherit",
  }).output();
  const info: Info = JSON.parse(new TextDecoder().decode(stdout));
  const root = ROOT.href;
  const short = (specifier: string) =>
    specifier.startsWith(root) ? specifier.slice(root.length) : specifier;
  const ours = info.modules.filter(({ specifier }) => specifier.startsWith(root));
  return ours.map(({ specifier, local, error, dependencies = [] }) => {
    if (local === undefined || error !== undefined) throw new Error(`${specifier}: ${error}`);
    const imports = dependencies.map(({ specifier, code, type, isDynamic }): Import => ({
      to: short((code ?? type)?.specifier ?? specifier),
      typeOnly: code === undefined,
      lazy: isDynamic === true,
    }));
    const file = short(specifier);
    // What is imported as data does nothing.
    const text = file.endsWith(".json") ? "" : Deno.readTextFileSync(local);
    return { file, imports, source: readSource(file, text) };
  });
}
