/** The schedule is the same for the same seed, and has in it what the run is for. */
import { assert, assertEquals } from "../support/assert.ts";
import { readOptions } from "./options.ts";
import { CALM_END_MS, makeSchedule, RESTART_OUTAGE_MS } from "./schedule.ts";

const SECS = 90;
const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

Deno.test("The same seed gives the same schedule, another one another.", () => {
  for (const seed of SEEDS) {
    assertEquals(makeSchedule(seed, SECS), makeSchedule(seed, SECS));
    assert(
      JSON.stringify(makeSchedule(seed, SECS)) !== JSON.stringify(makeSchedule(seed + 1, SECS)),
    );
  }
});

Deno.test("Every schedule has each kind of event, in order, and a calm end.", () => {
  for (const seed of SEEDS) {
    const events = makeSchedule(seed, SECS);
    const kinds = new Set(events.map(({ what }) => what));
    for (
      const what of [
        "rotation",
        "provider fault",
        "upstream fault",
        "worker killed",
        "reload",
        "restart in an outage",
        "log stalls",
        "attack",
      ] as const
    ) assert(kinds.has(what), `${seed}: ${what}`);
    assertEquals(events, events.toSorted((a, b) => a.at - b.at));
    const ends = events.map((event) => event.at + ("ms" in event ? event.ms : 0));
    assert(Math.max(...ends) <= SECS * 1000 - CALM_END_MS, `${seed}`);
  }
});

Deno.test("While all is started again, provider and processes are left alone, and faults never lie over each other.", () => {
  for (const seed of SEEDS) {
    const events = makeSchedule(seed, SECS);
    const restart = events.find(({ what }) => what === "restart in an outage");
    const from = restart?.at ?? NaN;
    const faults = events.flatMap((event) => event.what === "provider fault" ? [event] : []);
    for (const event of events) {
      if (event === restart || event.what === "upstream fault") continue;
      const end = event.at + ("ms" in event ? event.ms : 0);
      assert(
        end < from || event.at > from + RESTART_OUTAGE_MS,
        `${seed}: ${JSON.stringify(event)}`,
      );
    }
    faults.forEach(({ at }, i) => {
      const before = faults[i - 1];
      assert(before === undefined || before.at + before.ms < at, `${seed}`);
    });
  }
});

Deno.test("The options take a seed and a bounded length.", () => {
  assertEquals(readOptions(["--seed", "7", "--secs", "20"]), {
    ok: true,
    value: { seed: 7, secs: 20 },
  });
  const drawn = readOptions([]);
  assert(drawn.ok && drawn.value.secs === SECS);
  for (const args of [["--secs", "1000"], ["--secs", "x"], ["--seed", "-1"], ["--other"], ["7"]]) {
    assert(!readOptions(args).ok, args.join(" "));
  }
});
