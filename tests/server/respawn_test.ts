import { respawn } from "../../src/server/respawn.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("A compiled program starts itself in the other role.", () => {
  const runtime = {
    standalone: true,
    execPath: "/usr/bin/ooproxy",
    mainModule: "file:///x/main.ts",
  };
  assertEquals(respawn("worker", runtime), { command: "/usr/bin/ooproxy", args: ["worker"] });
});

Deno.test("A script is started by the same runtime, with no permission but the network.", () => {
  const runtime = { standalone: false, execPath: "/bin/deno", mainModule: "file:///app/main.ts" };
  const { command, args } = respawn("worker", runtime);
  assertEquals(command, "/bin/deno");
  assertEquals(args.filter((arg) => arg.startsWith("--allow")), ["--allow-net"]);
  assertEquals(args.slice(-2), ["file:///app/main.ts", "worker"]);
  assertEquals(args.includes("--no-prompt"), true);
});
