/** The schedule is the same for the same seed, and has in it what the run is for. */
import { assert, assertEquals } from "../support/assert.ts";
import { readOptions } from "./options.ts";
import { type ProviderName, PROVIDERS } from "./history.ts";
import { CALM_END_MS, type ChaosEvent, makeSchedule, RESTART_OUTAGE_MS } from "./schedule.ts";

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
    for (const event of events) {
      if (event === restart || event.what === "upstream fault") continue;
      const end = event.at + ("ms" in event ? event.ms : 0);
      assert(
        end < from || event.at > from + RESTART_OUTAGE_MS,
        `${seed}: ${JSON.stringify(event)}`,
      );
    }
    for (const name of PROVIDERS) {
      const faults = faultsOf(events, name);
      faults.forEach(({ at }, i) => {
        const before = faults[i - 1];
        assert(before === undefined || before.at + before.ms < at, `${seed}`);
      });
    }
  }
});

/** How long each provider has to fail in all while the other one does not, in milliseconds. */
const ALONE_MS = 4_000;

Deno.test("Both providers change their keys, and each fails for long while the other is healthy.", () => {
  for (const seed of SEEDS) {
    const events = makeSchedule(seed, SECS);
    for (const name of PROVIDERS) {
      assert(events.some((event) => event.what === "rotation" && event.of === name), `${seed}`);
    }
    for (const [name, other] of [["first", "second"], ["second", "first"]] as const) {
      const others = faultsOf(events, other);
      const aloneMs = faultsOf(events, name).filter((fault) =>
        !others.some(({ at, ms }) => at <= fault.at + fault.ms && fault.at <= at + ms)
      ).reduce((sum, { ms }) => sum + ms, 0);
      assert(aloneMs >= ALONE_MS, `${seed}, ${name}: ${aloneMs} ms`);
    }
  }
});

function faultsOf(events: readonly ChaosEvent[], name: ProviderName) {
  return events.flatMap((event) =>
    event.what === "provider fault" && event.of === name ? [event] : []
  );
}

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
