import { assert, assertEquals } from "../support/assert.ts";
import { cpuOfStat, megabytesOfRollup, usageOf } from "./procfs.ts";

Deno.test("CPU time is user and system time, whatever the program is called", () => {
  const fields = "S 1 2 3 4 5 6 7 8 9 10 250 50 7 8 20 0 5 0 100";
  assertEquals(cpuOfStat(`42 (a) b (c) ${fields}`), 3_000_000);
});

Deno.test("a process that is gone has used nothing", () => {
  assertEquals(cpuOfStat(""), 0);
  assertEquals(megabytesOfRollup("", "Pss"), 0);
});

Deno.test("memory is read in megabytes, each kind from its own line", () => {
  const text = "Rss:              4096 kB\nPss:              2048 kB\nPss_Dirty:        1024 kB\n";
  assertEquals([megabytesOfRollup(text, "Pss"), megabytesOfRollup(text, "Rss")], [2, 4]);
});

Deno.test({
  name: "what a process has started counts with it, until both are gone",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const script = 'sh -c "read line; true"; true';
    const child = new Deno.Command("sh", { args: ["-c", script], stdin: "piped" }).spawn();
    try {
      const deadline = performance.now() + 5000;
      let [tree, alone] = [0, 0];
      while (tree <= alone && performance.now() < deadline) {
        alone = megabytesOfRollup(
          await Deno.readTextFile(`/proc/${child.pid}/smaps_rollup`),
          "Rss",
        );
        tree = (await usageOf(child.pid)).rssMb;
      }
      assert(alone > 0 && tree > alone, `${tree} MB with its child, ${alone} MB without`);
    } finally {
      await child.stdin.close();
      await child.status;
    }
    assertEquals(await usageOf(child.pid), { cpuMicros: 0, pssMb: 0, rssMb: 0 });
  },
});
