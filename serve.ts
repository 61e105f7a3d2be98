/** The entry for `deno serve` and similar platforms: they listen, and call the exported `fetch`. */
import denoJson from "./deno.json" with { type: "json" };
import { readText } from "./src/app/read_text.ts";
import { readVariables } from "./src/config/environment.ts";
import { type EdgeFetch, lazyFetch } from "./src/edge/lazy_fetch.ts";

async function openFetch(): Promise<EdgeFetch> {
  const { openEdge } = await import("./src/edge/edge.ts");
  const env = readVariables(Deno.env);
  return (await openEdge({ env, readFile: readText, version: denoJson.version })).fetch;
}

/** Nothing is read or built before the first request. */
export default { fetch: lazyFetch(openFetch) };
