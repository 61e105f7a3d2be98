/** The machine: which tools there are, which versions, which processor. */

/** The tools that a run cannot do without, and their Debian packages. */
const NEEDED = {
  taskset: "util-linux",
  openssl: "openssl",
  nginx: "nginx-light",
  wrk: "wrk",
} as const;

/** Directories that a user's search path may lack, though servers are installed there. */
const SERVER_DIRS = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** The documented set-up. */
export const INSTALL_LINE =
  "apt-get install wrk nginx-light haproxy apache2 libapache2-mod-auth-openidc";

/** What stands where a program does not say its version. */
export const UNKNOWN_VERSION = "of unknown version";

/** Paths of the tools, those of the peers aside. */
export interface Tools {
  readonly nginx: string;
  readonly wrk: string;
}

/** What the report says about the machine. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly system: string;
  readonly versions: readonly string[];
}

/** Looks for the tools; gives them, or the text that says what is missing and how to get it. */
export async function findTools(): Promise<Tools | string> {
  if (Deno.build.os !== "linux") return "the benchmark needs Linux: it reads /proc and pins cores";
  if ((await processors()).length < 2) return "the benchmark needs two cores: load and proxy";
  const found = new Map<string, string>();
  for (const name of Object.keys(NEEDED)) {
    const path = await findTool(name);
    if (path !== undefined) found.set(name, path);
  }
  const missing = Object.entries(NEEDED).filter(([name]) => !found.has(name));
  const [nginx, wrk] = [found.get("nginx"), found.get("wrk")];
  if (missing.length > 0 || nginx === undefined || wrk === undefined) {
    const names = missing.map(([name]) => name).join(", ");
    const others = missing.map(([, packageName]) => packageName)
      .filter((packageName) => !INSTALL_LINE.includes(packageName));
    return `missing: ${names}. To install what the benchmark needs:\n\n  ` +
      [INSTALL_LINE, ...others].join(" ");
  }
  return { nginx, wrk };
}

/** Asks the tools for their versions. */
export async function describeMachine({ nginx, wrk }: Tools): Promise<Machine> {
  const names = await processors();
  const versions = [
    `Deno ${Deno.version.deno}`,
    `V8 ${Deno.version.v8}`,
    `nginx ${versionIn(await outputOf(nginx, "-v"), /nginx\/(\S+)/)}`,
    `wrk ${versionIn(await outputOf(wrk, "-v"), /^wrk (\S+)/)}`,
  ];
  return {
    processor: names[0] ?? "unknown",
    cores: names.length,
    system: `Linux ${Deno.osRelease()}`,
    versions,
  };
}

async function processors(): Promise<string[]> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const names = [...text.matchAll(/^model name\s*:\s*(.+)$/gm)].map(([, name = ""]) => name.trim());
  // Some architectures list processors without a name.
  return names.length > 0 ? names : [...text.matchAll(/^processor\s*:/gm)].map(() => "unknown");
}

/** The path of a program, looked for in the search path and where servers are installed. */
export async function findTool(name: string): Promise<string | undefined> {
  const dirs = [...(Deno.env.get("PATH") ?? "").split(":"), ...SERVER_DIRS];
  for (const dir of dirs.filter((dir) => dir !== "")) {
    const path = `${dir}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return undefined;
}

/** What a command prints that ends at once. */
export async function outputOf(command: string, ...args: string[]): Promise<string> {
  const output = await new Deno.Command(command, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  return new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
}

/** The version in a text, by the group of a pattern. */
export function versionIn(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? UNKNOWN_VERSION;
}
