import denoJson from "../../deno.json" with { type: "json" };
import { installArgs } from "../../tools/tasks.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";

Deno.test("The command that `deno task install` makes runs this checkout with the table's permissions.", async () => {
  const root = await Deno.makeTempDir({ prefix: "ooproxy_install_" });
  try {
    const made = await new Deno.Command(Deno.execPath(), {
      args: ["install", ...installArgs(Deno.execPath())],
      cwd: projectFile("."),
      env: { DENO_INSTALL_ROOT: root, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    }).output();
    assert(made.success, new TextDecoder().decode(made.stderr));
    const script = await Deno.readTextFile(`${root}/bin/ooproxy`);
    for (const flag of ["--ignore-env", "--no-prompt", "--deny-import", "--allow-write=/var/lib"]) {
      assertIncludes(script, ` ${flag}`);
    }
    const { code, stdout } = await new Deno.Command(`${root}/bin/ooproxy`, {
      args: ["--version"],
      cwd: root,
    }).output();
    assertEquals(code, 0);
    assertIncludes(new TextDecoder().decode(stdout), `ooproxy ${denoJson.version} `);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
