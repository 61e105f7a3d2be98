/**
 * Local images under the names that the Dockerfile asks for, for a machine that reaches no registry of
 * images: the runtime that runs this test, and the shell and C library of this machine.
 */
import { withoutDigests } from "../../tools/images.ts";
import { projectFile } from "../support/process.ts";
import type { Builder } from "./buildah.ts";
import { find, must, run } from "./command.ts";

/** Commands of the Debian stage: those of the Dockerfile's RUN lines, and the shells for them. */
const STAGE_COMMANDS = ["sh", "bash", "cp", "grep", "ldd", "mkdir", "rm", "xargs"];

/** Where the machine's certificate authorities are: what fetches packages may need them. */
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";

/** The images that the Dockerfile begins with. */
export async function baseImages(): Promise<readonly string[]> {
  const text = withoutDigests(await Deno.readTextFile(projectFile("Dockerfile")));
  return [...text.matchAll(/^FROM (\S+[:/]\S+)/gm)].map(([, name = ""]) => name);
}

/** Makes them; rejects when the Dockerfile asks for another one, or another version of the runtime. */
export async function makeStandIns(builder: Builder): Promise<void> {
  for (const name of await baseImages()) {
    if (name === `docker.io/denoland/deno:bin-${Deno.version.deno}`) {
      await builder.make(name, [], runtimeImage);
    } else if (/^docker\.io\/library\/debian:\d+-slim$/.test(name)) {
      const env = ["PATH=/usr/bin", `NODE_EXTRA_CA_CERTS=${AUTHORITIES}`];
      await builder.make(name, env, stageImage);
    } else {
      throw new Error(`no stand-in for ${name} with Deno ${Deno.version.deno}`);
    }
  }
}

async function runtimeImage(root: string): Promise<void> {
  await copy(Deno.execPath(), `${root}/deno`);
}

async function stageImage(root: string): Promise<void> {
  await Deno.mkdir(`${root}/tmp`);
  // On a merged machine these are links into /usr, and have to be links in the image too.
  for (const dir of ["/bin", "/sbin", "/lib", "/lib64"]) {
    if (!(await Deno.lstat(dir)).isSymlink) continue;
    const target = await Deno.readLink(dir);
    await Deno.mkdir(`${root}/${target}`, { recursive: true });
    await Deno.symlink(target, root + dir);
  }
  const commands = await Promise.all(STAGE_COMMANDS.map(async (name) => await find(name) ?? name));
  const files = [...commands, Deno.execPath()];
  const libraries = (await Promise.all(files.map(librariesOf))).flat();
  for (const path of new Set([...commands, ...libraries])) await copy(path, root + path);
  if (await exists(AUTHORITIES)) await copy(AUTHORITIES, root + AUTHORITIES);
}

async function librariesOf(file: string): Promise<string[]> {
  const { stdout } = await run("ldd", [file]); // fails for scripts, which need none
  return [...stdout.matchAll(/\/[^ ]+/g)].map(([path]) => path).filter((path) =>
    path !== `${file}:`
  );
}

/** Copies a file, following links, into a directory that is made where it is missing. */
async function copy(from: string, to: string): Promise<void> {
  await must("mkdir", ["-p", to.slice(0, to.lastIndexOf("/"))]);
  await must("cp", ["-L", from, to]);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
