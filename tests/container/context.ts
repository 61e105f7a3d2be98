/** The checkout as it is sent to a build, with what must not get into an image lying about. */
import { projectFile } from "../support/process.ts";
import { withoutDigests } from "../../tools/images.ts";
import { must } from "./command.ts";

/** Texts of which no trace may be in the image. */
export const SECRETS: readonly string[] = ["secret-of-the-settings", "secret-of-the-checkout"];

/** Files that people leave in a checkout. */
const LEFT_BEHIND = ["settings.toml", ".env", "proxy.pfx", "src/settings.toml", "src/proxy.pem"];

/** What is copied: what could be of use to a build, and tests and tools, which are of none. */
const PARTS = [".dockerignore", "Dockerfile", "LICENSE", "deno.json", "deno.lock", "main.ts"];
const FOLDERS = ["deploy", "src", "tests/support", "tests/e2e", "tools"];

/** Copies the checkout to `dir` and adds files with secrets; returns `dir`. */
export async function contextWith(dir: string): Promise<string> {
  await must("mkdir", ["-p", `${dir}/tests`]);
  const paths = (names: readonly string[]) => names.map(projectFile);
  await must("cp", ["-p", ...paths(PARTS), dir]);
  // The images that stand in for those of a registry have other digests.
  const dockerfile = withoutDigests(await Deno.readTextFile(`${dir}/Dockerfile`));
  await Deno.writeTextFile(`${dir}/Dockerfile`, dockerfile);
  for (const folder of FOLDERS) await must("cp", ["-rp", projectFile(folder), `${dir}/${folder}`]);
  for (const name of LEFT_BEHIND) {
    await Deno.writeTextFile(`${dir}/${name}`, SECRETS.map((text) => `x = "${text}"\n`).join(""));
  }
  return dir;
}
