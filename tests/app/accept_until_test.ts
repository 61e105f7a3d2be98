import { watchWindows, type Window, windowsOf } from "../../src/app/accept_until.ts";
import { assertEquals } from "../support/assert.ts";
import { FakeClock } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";
import { settings } from "../support/settings.ts";

const DAY_MS = 86_400_000;
const SOON = "migration window ends soon, tokens will be refused";
const OVER = "migration window over, tokens refused";

/** A watch, the time since its begin, and what it has said, each line with the day it was said on. */
function makeScene() {
  const clock = new FakeClock();
  const begin = clock.now();
  const said: [day: number, provider: string, message: string, daysLeft: unknown][] = [];
  const watch = watchWindows(clock, (provider) =>
    new class extends MemoryLog {
      override warn(message: string, fields = {}): void {
        const day = (clock.now() - begin) / DAY_MS;
        said.push([day, provider, message, new Map(Object.entries(fields)).get("daysLeft")]);
        super.warn(message, fields);
      }
    }());
  const windowAt = (days: number, provider = "old"): Window => ({
    provider,
    what: "provider",
    untilMs: begin + days * DAY_MS,
  });
  return { clock, watch, said, windowAt };
}

Deno.test("A window is warned of 14, 7 and 1 days before its end, and when it is over.", async () => {
  const { clock, watch, said, windowAt } = makeScene();
  watch.use([windowAt(100)]);
  assertEquals(said, []);
  // Far more than the 24 days that a timer of the platform holds.
  await clock.advance(400 * DAY_MS);
  assertEquals(said, [
    [86, "old", SOON, 14],
    [93, "old", SOON, 7],
    [99, "old", SOON, 1],
    [100, "old", OVER, undefined],
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("No timer is longer than the platform's timers hold.", () => {
  const clock = new FakeClock();
  const asked: number[] = [];
  const after = clock.after.bind(clock);
  clock.after = (ms, action) => {
    asked.push(ms);
    return after(ms, action);
  };
  const watch = watchWindows(clock, () => new MemoryLog());
  watch.use([{ provider: "old", what: "secret", untilMs: clock.now() + 3_650 * DAY_MS }]);
  assertEquals(asked.length, 1);
  assertEquals(asked.filter((ms) => ms > 2 ** 31 - 1), []);
  watch.close();
});

Deno.test("What is near its end or over is said at once.", async () => {
  const { clock, watch, said, windowAt } = makeScene();
  watch.use([windowAt(3), windowAt(0.5, "close"), windowAt(0, "now"), windowAt(-5, "past")]);
  assertEquals(said, [
    [0, "old", SOON, 3],
    [0, "close", SOON, 1],
    [0, "now", OVER, undefined],
    [0, "past", OVER, undefined],
  ]);
  said.length = 0;
  await clock.advance(30 * DAY_MS);
  assertEquals(said, [
    [0.5, "close", OVER, undefined],
    [2, "old", SOON, 1],
    [3, "old", OVER, undefined],
  ]);
});

Deno.test("Other windows replace those before, and a closed watch says nothing more.", async () => {
  const { clock, watch, said, windowAt } = makeScene();
  watch.use([windowAt(20, "dropped"), windowAt(20, "kept")]);
  watch.use([windowAt(40, "kept"), windowAt(15, "added")]);
  assertEquals(clock.pending, 2);
  await clock.advance(16 * DAY_MS);
  assertEquals([...new Set(said.map(([, provider]) => provider))], ["added"]);
  watch.close();
  assertEquals(clock.pending, 0);
  said.length = 0;
  await clock.advance(100 * DAY_MS);
  assertEquals(said, []);
});

Deno.test("A clock that is set back is waited for: nothing is said to be over before it is.", async () => {
  const { clock, watch, said, windowAt } = makeScene();
  watch.use([windowAt(0.5)]);
  said.length = 0;
  const now = clock.now.bind(clock);
  clock.now = () => now() - DAY_MS;
  await clock.advance(1.2 * DAY_MS);
  assertEquals(said, []);
  await clock.advance(0.4 * DAY_MS);
  assertEquals(said.map(([, , message]) => message), [OVER]);
});

Deno.test("The warning names what ends, when, and where to see whether it is still in use.", () => {
  const clock = new FakeClock(Date.parse("2027-01-20T00:00:00Z"));
  const log = new MemoryLog();
  watchWindows(clock, () => log).use([
    { provider: "old", what: "audience", untilMs: Date.parse("2027-01-20T00:00:00Z") },
  ]);
  const watch = watchWindows(clock, () => log);
  watch.use([{ provider: "old", what: "audience", untilMs: Date.parse("2027-01-31T00:00:00Z") }]);
  assertEquals(log.lines.map(({ fields }): unknown => fields), [
    { what: "audience", until: "2027-01-20T00:00:00.000Z" },
    {
      what: "audience",
      until: "2027-01-31T00:00:00.000Z",
      daysLeft: 11,
      hint: "ooproxy_deprecated_tokens_total shows whether some are still in use",
    },
  ]);
  watch.close();
});

Deno.test("The windows of settings are those of each provider: its own, of secrets and of an audience.", () => {
  const [first, second, third, fourth] = [1, 2, 3, 4].map((day) => `2027-01-0${day}T00:00:00Z`);
  const config = settings({
    PROVIDER_URL: "",
    PROVIDERS: JSON.stringify([
      { name: "plain", url: "http://127.0.0.1:9", client_secret: "x".repeat(32) },
      {
        name: "old",
        url: "http://127.0.0.1:10",
        accept_until: first,
        client_secret: "x".repeat(32),
        client_secret_accept_until: second,
        previous_client_secret: "y".repeat(32),
        previous_client_secret_accept_until: third,
        audience: '"new"',
        previous_audience: '"old"',
        previous_audience_accept_until: fourth,
      },
    ]),
  });
  assertEquals(
    windowsOf(config),
    ([["provider", first], ["secret", second], ["secret", third], ["audience", fourth]] as const)
      .map(([what, until]) => ({ provider: "old", what, untilMs: Date.parse(String(until)) })),
  );
  assertEquals(windowsOf(settings()), []);
});
