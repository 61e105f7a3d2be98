/** The programs of the proxies: where each is, which version, or why it is left out. */
import { fileURLToPath } from "node:url";
import { fail, ok, type Result } from "../../src/result.ts";
import { V8_FLAGS } from "../../src/runtime/commands.ts";
import type { ProxyName } from "./cases.ts";
import { denoCommand } from "./children.ts";
import { APACHE_MODULES } from "./configs.ts";
import { findTool, outputOf, UNKNOWN_VERSION, versionIn } from "./machine.ts";
import type { Options } from "./options.ts";

/** A program that can be started. */
export interface Program {
  /** The words that call it. */
  readonly command: readonly string[];
  /** Its name and version, as the report shows them. */
  readonly version: string;
}

/** The chosen proxies: those that are there, and why the others are not. */
export interface Programs {
  readonly found: ReadonlyMap<ProxyName, Program>;
  readonly missing: ReadonlyMap<ProxyName, string>;
}

/** Where oauth2-proxy comes from. */
export const OAUTH2_PROXY_INSTALL = "go install github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.2";

/** The packages of the peer Fastify. */
const FASTIFY_PACKAGES = {
  fastify: "5.12.8",
  "@fastify/http-proxy": "11.6.3",
  "fast-jwt": "6.3.6",
} as const;

/** Where they come from, for a directory of one's choice. */
export const FASTIFY_INSTALL = `npm install --prefix DIR ${
  Object.entries(FASTIFY_PACKAGES).map(([name, version]) => `${name}@${version}`).join(" ")
}`;

/** Debian's package of mod_auth_openidc. */
const OPENIDC_PACKAGE = "libapache2-mod-auth-openidc";

/** How the program of each proxy is found. */
const FINDERS: Readonly<Record<ProxyName, (options: Options) => Promise<Result<Program, string>>>> =
  {
    haproxy: findHaproxy,
    "oauth2-proxy": findOauth2Proxy,
    apache: findApache,
    fastify: findFastify,
    naive: async () =>
      ok({
        command: denoCommand(["--allow-net"], file("naive.ts")),
        version: `jose ${await importedVersion("jose")} on Deno ${Deno.version.deno}`,
      }),
    proxy: async () =>
      ok({
        // The flags of `deno task start`.
        command: denoCommand([
          V8_FLAGS,
          "--allow-net",
          "--allow-env",
          "--allow-read",
          `--allow-run=${Deno.execPath()}`,
        ], file("../../main.ts")),
        version: `ooproxy ${(await denoJson()).version} on Deno ${Deno.version.deno}`,
      }),
  };

/** Looks for the programs of the chosen proxies. */
export async function findPrograms(options: Options): Promise<Programs> {
  const found = new Map<ProxyName, Program>();
  const missing = new Map<ProxyName, string>();
  for (const name of options.peers) {
    const program = await FINDERS[name](options);
    if (program.ok) found.set(name, program.value);
    else missing.set(name, program.failure);
  }
  return { found, missing };
}

async function findHaproxy(): Promise<Result<Program, string>> {
  const path = await findTool("haproxy");
  if (path === undefined) return fail("not installed (`apt-get install haproxy`)");
  const version = versionIn(await outputOf(path, "-v"), /version (\S+)/i);
  return ok({ command: [path], version: `HAProxy ${version}` });
}

async function findOauth2Proxy(options: Options): Promise<Result<Program, string>> {
  const path = options.oauth2Proxy;
  if (path === undefined) return fail("not named by `--oauth2-proxy FILE`");
  if (!await isFile(path)) return fail("the file that `--oauth2-proxy` names is not there");
  const release = versionIn(await outputOf(path, "--version"), /oauth2-proxy v?(\d\S*)/);
  const version = release === UNKNOWN_VERSION
    ? goModuleVersion(await Deno.readFile(path), "github.com/oauth2-proxy/oauth2-proxy/v7")
    : release;
  return ok({ command: [await Deno.realPath(path)], version: `oauth2-proxy ${version}` });
}

async function findApache(): Promise<Result<Program, string>> {
  const path = await findTool("apache2");
  if (path === undefined || !await isFile(`${APACHE_MODULES}/mod_auth_openidc.so`)) {
    return fail(`not installed (\`apt-get install apache2 ${OPENIDC_PACKAGE}\`)`);
  }
  const version = versionIn(await outputOf(path, "-v"), /Apache\/(\S+)/);
  const dpkg = await findTool("dpkg-query");
  const openidc = dpkg === undefined
    ? UNKNOWN_VERSION
    : versionIn(await outputOf(dpkg, "-W", OPENIDC_PACKAGE), /\t(\S+)/);
  return ok({ command: [path], version: `Apache ${version}, mod_auth_openidc ${openidc}` });
}

async function findFastify(options: Options): Promise<Result<Program, string>> {
  const { fastify } = options;
  if (fastify === undefined) return fail("not named by `--fastify DIR`");
  const node = await findTool("node");
  if (node === undefined) return fail("Node is not installed");
  const dir = await Deno.realPath(fastify).catch(() => fastify);
  const versions: string[] = [];
  for (const name of Object.keys(FASTIFY_PACKAGES)) {
    const text = await Deno.readTextFile(`${dir}/node_modules/${name}/package.json`).catch(() =>
      ""
    );
    if (text === "") return fail(`the directory that \`--fastify\` names has no package ${name}`);
    versions.push(`${name} ${versionIn(text, /"version":\s*"([^"]+)"/)}`);
  }
  versions.push(`Node ${versionIn(await outputOf(node, "--version"), /^v(\S+)/)}`);
  return ok({ command: [node, file("fastify.mjs"), dir], version: versions.join(", ") });
}

/**
 * The version of the main module that the Go linker has written into a program, in the form of a
 * line `mod`, path, version, divided by tabs.
 */
export function goModuleVersion(program: Uint8Array, path: string): string {
  const text = new TextDecoder("latin1").decode(program);
  const line = `mod\t${path}\t`;
  const at = text.indexOf(line);
  if (at === -1) return UNKNOWN_VERSION;
  return versionIn(text.slice(at + line.length, at + line.length + 100), /^v([\w.+-]+)/);
}

async function importedVersion(name: string): Promise<string> {
  const { imports } = await denoJson();
  return versionIn(imports[name] ?? "", /@([^@]+)$/);
}

async function denoJson(): Promise<{ version: string; imports: Record<string, string> }> {
  return JSON.parse(await Deno.readTextFile(file("../../deno.json")));
}

async function isFile(path: string): Promise<boolean> {
  return (await Deno.stat(path).catch(() => undefined))?.isFile ?? false;
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
