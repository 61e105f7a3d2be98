/** Makes the command `ooproxy`, which runs this checkout: `deno task install` */
import { installArgs } from "./tasks.ts";

const { code } = await new Deno.Command("deno", {
  args: ["install", ...installArgs(Deno.execPath())],
  cwd: new URL("../", import.meta.url),
  stdout: "inherit",
  stderr: "inherit",
}).output();
Deno.exit(code);
