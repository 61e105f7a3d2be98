/** The part of the Dockerfile that is written by `deno task generate`: how the program is started. */
import { V8_FLAGS } from "../src/runtime/commands.ts";
import { permissionWords } from "./permission_sets.ts";
import { CONTAINER_PERMISSIONS, HEALTH_PERMISSIONS, RUNTIME } from "./permissions.ts";

/** The Dockerfile, from the project's root. */
export const DOCKERFILE = "Dockerfile";

/** The line after which everything is generated. */
const MARK = "# What follows is written by `deno task generate`";

/** Where the image has the program, and beside it `deno.json` with the permission sets. */
const PROGRAM = "/opt/ooproxy/main.ts";

/** The words that start the program; its own arguments follow. */
export function entryPoint(): readonly string[] {
  return words([V8_FLAGS, ...permissionWords("start", CONTAINER_PERMISSIONS)]);
}

/** The words with which the program asks itself for its health. */
export function healthCheck(): readonly string[] {
  return [...words(permissionWords("start", HEALTH_PERMISSIONS)), "health"];
}

/** Nothing is written into the cache of modules, and nothing is fetched that is not in it. */
function words(flags: readonly string[]): readonly string[] {
  return [RUNTIME, "run", "--quiet", "--no-code-cache", "--cached-only", ...flags, PROGRAM];
}

/** The Dockerfile with its generated part written anew. */
export function withCommands(dockerfile: string): string {
  const at = dockerfile.indexOf(MARK);
  if (at === -1) throw new Error(`${DOCKERFILE} lacks the line: ${MARK}`);
  const end = dockerfile.indexOf("\n", at);
  return `${dockerfile.slice(0, end)}
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ${list(healthCheck())}
ENTRYPOINT ${list(entryPoint())}
CMD ["serve"]
`;
}

function list(parts: readonly string[]): string {
  return `[ \\\n${parts.map((part) => `  ${JSON.stringify(part)}`).join(", \\\n")} \\\n]`;
}
