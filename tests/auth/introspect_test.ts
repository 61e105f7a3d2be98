import { type Introspection, makeIntrospection } from "../../src/auth/introspect.ts";
import { failure } from "../../src/failure.ts";
import {
  INTROSPECTION_LOG_PAUSE_MS,
  INTROSPECTION_PAUSE_MS,
  MAX_INTROSPECTIONS_AT_ONCE,
} from "../../src/limits.ts";
import type { Introspected } from "../../src/oidc/introspection.ts";
import { type KeyFetchError, keyFetchError } from "../../src/oidc/key_fetch_error.ts";
import { fail, ok, type Result } from "../../src/result.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CLIENT, clientAt } from "../support/client.ts";
import { FakeClock } from "../support/clock.ts";
import { MemoryLog } from "../support/log.ts";

type Said = Result<Introspected, KeyFetchError>;

/** A provider whose responses are given by the test, and the tokens that it was asked about. */
function makeScene() {
  const clock = new FakeClock();
  const log = new MemoryLog();
  const asked: string[] = [];
  const scene = {
    clock,
    log,
    asked,
    closed: 0,
    say: (_token: string): Said | Promise<Said> => ok({ active: true, claims: { sub: "s" } }),
    located: Promise.resolve(),
    introspection: undefined as unknown as Introspection,
    async outcome(token: string, client = CLIENT) {
      const verified = await scene.introspection.authenticate(token, client);
      return verified.ok ? "accepted" : verified.failure.reason;
    },
  };
  scene.introspection = makeIntrospection({
    name: "main",
    prefix: undefined,
    locate: async (client) => {
      await scene.located;
      return client.signal.aborted
        ? fail(failure("client_gone"))
        : ok({ url: "https://id.example.com/introspect", issuer: "https://id.example.com" });
    },
    ask: async (token) => {
      asked.push(token);
      return await scene.say(token);
    },
    cacheMs: 30_000,
    acceptUntilMs: undefined,
    acceptBound: false,
    leewaySecs: 0,
    needs: { kept: [] },
    clock,
    log,
    onClosed: () => void scene.closed++,
  });
  return scene;
}

Deno.test("Requests with one token share one question, and one that leaves does not end it for the others.", async () => {
  const scene = makeScene();
  const gate = Promise.withResolvers<void>();
  scene.located = gate.promise;
  const leaving = clientAt();
  const outcomes = [leaving, CLIENT, CLIENT].map((client) => scene.outcome("a", client));
  leaving.leave();
  gate.resolve();
  assertEquals(await Promise.all(outcomes), ["client_gone", "accepted", "accepted"]);
  assertEquals(scene.asked, ["a"]);
});

Deno.test("So many are in flight at once and no more; one address alone never keeps others out.", async () => {
  const scene = makeScene();
  const gates: PromiseWithResolvers<Said>[] = [];
  scene.say = () => {
    const gate = Promise.withResolvers<Said>();
    gates.push(gate);
    return gate.promise;
  };
  const flood = Array.from(
    { length: 600 },
    (_, i) => scene.outcome(`junk ${i}`, clientAt("10.0.0.1")),
  );
  const good = scene.outcome("good", clientAt("10.0.0.2"));
  await scene.clock.advance(0);
  assertEquals(scene.asked.length, MAX_INTROSPECTIONS_AT_ONCE);
  for (let i = 0; i < gates.length; i++) {
    gates[i]?.resolve(
      scene.asked[i] === "good" ? ok({ active: true, claims: {} }) : ok({ active: false }),
    );
    await scene.clock.advance(0);
  }
  assertEquals(await good, "accepted");
  const outcomes = await Promise.all(flood);
  assert(outcomes.includes("overloaded") && outcomes.includes("inactive_token"));
  assertEquals(outcomes.filter((one) => one !== "overloaded" && one !== "inactive_token"), []);
});

Deno.test("A provider that cannot be reached is left alone for a moment; one that responds wrongly is not.", async () => {
  const scene = makeScene();
  const url = "https://id.example.com/introspect";
  scene.say = () => fail(keyFetchError("unreachable", url, "cannot be reached"));
  for (const token of ["a", "b"]) {
    assertEquals(await scene.outcome(token), "introspection_unavailable");
  }
  assertEquals(scene.asked, ["a"]);
  await scene.clock.advance(INTROSPECTION_PAUSE_MS);
  scene.say = () => fail(keyFetchError("status", url, "responded with status 500"));
  for (const token of ["c", "d"]) {
    assertEquals(await scene.outcome(token), "introspection_unavailable");
  }
  assertEquals(scene.asked, ["a", "c", "d"]);
  scene.say = () => ok({ active: true, claims: {} });
  assertEquals(await scene.outcome("e"), "accepted");
});

Deno.test("Failures that tokens cause are logged once a minute, other ones among them too, and so is their end.", async () => {
  const scene = makeScene();
  const url = "https://id.example.com/introspect";
  const errors = [
    keyFetchError("status", url, "responded with status 500"),
    keyFetchError("status", url, "responded with status 502"),
  ];
  scene.say = (token) => {
    const error = errors[Number(token.at(-1))];
    return error === undefined ? ok({ active: true, claims: {} }) : fail(error);
  };
  for (let i = 0; i < 300; i++) await scene.outcome(`${i}-${i % 3}`); // 500, 502 and success by turns
  const shown = () => scene.log.lines.map(({ message, fields }) => [message, fields.error]);
  const first = [
    ["introspection failed, responding 503", "responded with status 500"],
    ["introspection succeeded again", undefined],
  ];
  assertEquals(shown(), first);
  await scene.clock.advance(INTROSPECTION_LOG_PAUSE_MS);
  await scene.outcome("later-1");
  await scene.outcome("later-0");
  assertEquals(shown().slice(2), [
    ["introspection failed, responding 503", "responded with status 502"],
  ]);
});

Deno.test("Closed, it ends what it has begun, and then says so once.", async () => {
  const scene = makeScene();
  const gate = Promise.withResolvers<Said>();
  scene.say = () => gate.promise;
  const outcome = scene.outcome("a");
  scene.introspection.close();
  assertEquals(scene.closed, 0);
  gate.resolve(ok({ active: true, claims: {} }));
  assertEquals([await outcome, scene.closed], ["accepted", 1]);
  await scene.outcome("b");
  assertEquals(scene.closed, 1);
});

Deno.test("An outcome is cached for the configured time at most, and says so.", async () => {
  const scene = makeScene();
  const verified = await scene.introspection.authenticate("a", CLIENT);
  assert(verified.ok);
  assertEquals(verified.value.cacheUntilMs, scene.clock.now() + 30_000);
  assertEquals([verified.value.identity.validUntil, verified.value.generation], [Infinity, 0]);
});
