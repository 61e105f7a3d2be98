import { assertEquals } from "../support/assert.ts";
import { projectFile, startProcess, type TestProcess } from "../support/process.ts";

const URL_OF_SIGNALS = new URL("../../src/ops/signals.ts", import.meta.url).href;

async function run(source: string, use: (process: TestProcess) => Promise<void>): Promise<void> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(script, `import * as signals from "${URL_OF_SIGNALS}";\n${source}`);
    await using process = startProcess({ script, cwd: projectFile(".") });
    await use(process);
  } finally {
    await Deno.remove(script);
  }
}

Deno.test("The first signal asks for the end, the second for it at once; SIGHUP for a reload.", async () => {
  const source = `const listening = signals.listenForSignals(() => console.log("reload"));
    void listening.stop.then((name) => console.log("stop", name));
    void listening.stopNow.then((name) => { console.log("now", name); listening.close();
      clearInterval(working); });
    const working = setInterval(() => {}, 1000); console.log("up");`;
  await run(source, async (process) => {
    await process.waitForLine(/^up$/);
    process.signal("SIGHUP");
    await process.waitForLine(/^reload$/);
    process.signal("SIGINT");
    await process.waitForLine(/^stop SIGINT$/);
    process.signal("SIGTERM");
    await process.waitForLine(/^now SIGTERM$/);
    // Once closed nothing keeps the process.
    assertEquals((await process.ended()).code, 0);
  });
});

Deno.test("A process that takes no notice of signals goes on.", async () => {
  const source = `signals.ignoreSignals(); console.log("up");
    setTimeout(() => { console.log("over"); Deno.exit(7); }, 400);`;
  await run(source, async (process) => {
    await process.waitForLine(/^up$/);
    for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.signal(name);
    await process.waitForLine(/^over$/);
    assertEquals((await process.ended()).code, 7);
  });
});

Deno.test("The same signal twice at the same time is one request; later it is a second one.", async () => {
  const source = `const listening = signals.listenForSignals(() => {});
    void listening.stop.then((name) => console.log("stop", name));
    void listening.stopNow.then((name) => { console.log("now", name); listening.close();
      clearInterval(working); });
    const working = setInterval(() => {}, 1000); console.log("up");`;
  await run(source, async (process) => {
    await process.waitForLine(/^up$/);
    process.signal("SIGINT");
    await process.waitForLine(/^stop SIGINT$/);
    process.signal("SIGINT");
    await new Promise((done) => setTimeout(done, 200));
    assertEquals(process.stdout.filter((line) => line.startsWith("now")), []);
    await new Promise((done) => setTimeout(done, 500));
    process.signal("SIGINT");
    await process.waitForLine(/^now SIGINT$/);
    assertEquals((await process.ended()).code, 0);
  });
});
