import { assertEquals, assertExcludes, assertIncludes, assertRejects } from "./assert.ts";
import { startProcess, type TestProcess } from "./process.ts";

async function run(
  source: string,
  options: { args?: string[]; env?: Record<string, string>; input?: string },
  use: (process: TestProcess) => Promise<void>,
): Promise<void> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, source);
    await using process = startProcess({ script, ...options });
    await use(process);
  } finally {
    await Deno.remove(script);
  }
}

Deno.test("a process gives its lines, its arguments and its exit code", async () => {
  const source = `console.log("got " + Deno.args[0]); console.error(Deno.env.get("A"));
    Deno.stdout.writeSync(new TextEncoder().encode("tail")); Deno.exit(7);`;
  await run(source, { args: ["this"], env: { A: "variable" } }, async (process) => {
    assertEquals((await process.waitForLine(/got (\w+)/))[1], "this");
    assertEquals((await process.ended()).code, 7);
    assertEquals([process.stdout, process.stderr], [["got this", "tail"], ["variable"]]);
  });
});

Deno.test("a process sees no variable of the machine but the few it needs", async () => {
  const source = `console.log(Object.keys(Deno.env.toObject()).join(" "));
    console.log(await new Response(Deno.stdin.readable).text());`;
  await run(source, { input: "from outside" }, async (process) => {
    await process.ended();
    assertExcludes(process.output(), "SSL_CERT_FILE");
    assertIncludes(process.output(), "PATH");
    assertIncludes(process.output(), "from outside");
  });
});

Deno.test("a process gets signals, and a wait that times out shows its output", async () => {
  const source = `Deno.addSignalListener("SIGHUP", () => console.log("hup"));
    console.log("up"); setInterval(() => {}, 1000);`;
  await run(source, {}, async (process) => {
    await process.waitForLine(/^up$/);
    process.signal("SIGHUP");
    await process.waitForLine(/^hup$/);
    await assertRejects(() => process.waitForLine(/never/, 20), /up\nhup/);
    await assertRejects(() => process.ended(20), /did not end/);
    process.signal("SIGKILL");
    assertEquals((await process.ended()).signal, "SIGKILL");
    await assertRejects(() => process.waitForLine(/never/), /no line matched/);
  });
});

Deno.test("a process whose child still holds its pipes can be closed", async () => {
  const source = `const child = new Deno.Command("sleep", { args: ["2"] }).spawn();
    console.log("up", child.pid); setInterval(() => {}, 1000);`;
  await run(source, {}, async (process) => {
    const [, pid] = await process.waitForLine(/^up (\d+)$/);
    const started = performance.now();
    await process.close();
    assertEquals(performance.now() - started < 1500, true);
    Deno.kill(Number(pid));
  });
});
