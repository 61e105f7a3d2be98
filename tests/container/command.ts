/** Commands of the machine, and what this test needs of them. */

/** What a command said when it ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Packages of Debian by the commands that are taken from them. */
const PACKAGES = {
  buildah: "buildah",
  gzip: "gzip",
  nsenter: "util-linux",
  openssl: "openssl",
  setpriv: "util-linux",
  tar: "tar",
  unshare: "util-linux",
} as const;

/** Runs a command to its end. `env` comes on top of the machine's. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return await outcomeOf(new Deno.Command(command, { args: [...args], env, stdin: "null" }));
}

/** Runs a command to its end, as it stands. */
export async function outcomeOf(command: Deno.Command): Promise<Outcome> {
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Runs a command that must succeed; returns its output, trimmed. Rejects with what it said. */
export async function must(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, env);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  }
  return stdout.trim();
}

/** Where a command is; `undefined` if it is not installed. */
export async function find(command: string): Promise<string | undefined> {
  const { code, stdout } = await run("sh", ["-c", 'command -v "$0"', command]);
  return code === 0 ? stdout.trim() : undefined;
}

/**
 * Installs what is missing. Returns why containers cannot be built or run here; `undefined` if they
 * can.
 */
export async function whyNot(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return `a container needs Linux, this is ${Deno.build.os}`;
  if (Deno.uid() !== 0) return "only root may mount file systems and start namespaces";
  const missing = new Set<string>();
  for (const [command, name] of Object.entries(PACKAGES)) {
    if (await find(command) === undefined) missing.add(name);
  }
  if (missing.size > 0) {
    const failed = await install([...missing]);
    if (failed !== undefined) return failed;
  }
  const args = ["--mount", "--pid", "--fork", "--mount-proc", "true"];
  const { code, stderr } = await run("unshare", args);
  return code === 0 ? undefined : `this machine allows no namespaces: ${stderr.trim()}`;
}

async function install(names: readonly string[]): Promise<string | undefined> {
  const wanted = `${names.join(", ")} not installed`;
  if (await find("apt-get") === undefined) return `${wanted}, and there is no apt-get to do so`;
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], env);
  const args = ["install", "-y", "-qq", "--no-install-recommends", ...names];
  const { code, stderr } = await run("apt-get", args, env);
  return code === 0 ? undefined : `${wanted}, and apt-get cannot: ${stderr.trim()}`;
}
