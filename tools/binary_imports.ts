/** The import map of the binary. */
import denoJson from "../deno.json" with { type: "json" };

/** The import map, from the project's root. */
export const BINARY_IMPORTS = "deploy/binary_imports.json";

/** Packages that are not needed where the program serves: for the demo and for tests. */
const DEVELOPMENT = ["fast-check", "oidc-provider"];

/**
 * The packages that the binary needs, and a stand-in for the demo, without which the demo's provider
 * would become part of it.
 */
export function renderBinaryImports(): string {
  const packages = Object.entries(denoJson.imports).filter(([name]) => !DEVELOPMENT.includes(name));
  const imports = {
    ...Object.fromEntries(packages),
    "../src/app/demo.ts": "./demo_proxy.ts",
  };
  return `${JSON.stringify({ imports }, null, 2)}\n`;
}
