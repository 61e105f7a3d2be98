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
export const INSTALL_LINE = "apt-get install haproxy wrk nginx-light";

/** Paths of the tools. */
export interface Tools {
  readonly nginx: string;
  readonly wrk: string;
  readonly haproxy: string | undefined;
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
  for (const name of [...Object.keys(NEEDED), "haproxy"]) {
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
  return { nginx, wrk, haproxy: found.get("haproxy") };
}

/** Asks the tools for their versions. */
export async function describeMachine(tools: Tools): Promise<Machine> {
  const names = await processors();
  const versions = [`Deno ${Deno.version.deno}`, `V8 ${Deno.version.v8}`];
  const { haproxy, nginx, wrk } = tools;
  if (haproxy !== undefined) {
    versions.push(`HAProxy ${await version(haproxy, "-v", /version (\S+)/i)}`);
  }
  versions.push(`nginx ${await version(nginx, "-v", /nginx\/(\S+)/)}`);
  versions.push(`wrk ${await version(wrk, "-v", /^wrk (\S+)/)}`);
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

async function findTool(name: string): Promise<string | undefined> {
  const dirs = [...(Deno.env.get("PATH") ?? "").split(":"), ...SERVER_DIRS];
  for (const dir of dirs.filter((dir) => dir !== "")) {
    const path = `${dir}/${name}`;
    const info = await Deno.stat(path).catch(() => undefined);
    if (info?.isFile && ((info.mode ?? 0) & 0o111) !== 0) return path;
  }
  return undefined;
}

async function version(command: string, flag: string, pattern: RegExp): Promise<string> {
  const output = await new Deno.Command(command, {
    args: [flag],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  return pattern.exec(text)?.[1] ?? "of unknown version";
}
