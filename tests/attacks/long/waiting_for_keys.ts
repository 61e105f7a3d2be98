/**
 * A minute of tokens with unknown `kid`s on two workers, while keys rotate: known tokens are served, new
 * keys work, memory stays.
 */
import { startService } from "../../e2e/harness.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { publicJwk, rsaKey } from "../../support/tokens.ts";
import { pause } from "../../support/waiting.ts";
import {
  callSteadily,
  dropConnections,
  memoryOf,
  report,
  resetStreams,
  unsignedToken,
} from "../support/attackers.ts";

/** How long it lasts, in seconds. */
const ATTACK_SECS = 60;

/** From when on memory has to stay, in seconds: the heap has grown to its size at work. */
const WARM_SECS = 15;

/** By how much the memory of all processes may change then, in MB, for each of the three. */
const MEMORY_CHANGE_MB = 30;

Deno.test("A minute of unknown keys from 131 connections on two workers, while keys rotate.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "2", KEY_COOLDOWN_SECS: "2" },
  });
  const url = service.url();
  const good = await service.token();
  assertEquals((await service.get()).status, 200);
  service.provider.delay(500, "jwks");
  let count = 0;
  const made = () => unsignedToken(service.provider.url, `made up ${++count}`);
  const retired = unsignedToken(service.provider.url, "retired");

  const started = performance.now();
  const client = callSteadily(url, good);
  const attacks = [resetStreams(url, () => retired), dropConnections(url, made, 130)];
  const memory: number[] = [];
  const rotated: number[] = [];
  for (let second = 1; second <= ATTACK_SECS; second++) {
    await pause(1_000);
    if (second > WARM_SECS) memory.push(memoryOf(service));
    if (second % 10 !== 0) continue;
    // A key that is published now: its first token gets 200, or 503 until the next permitted fetch.
    const key = await rsaKey(1);
    const kid = `new ${second}`;
    service.provider.rotate([publicJwk(await rsaKey(), { kid: "key-0" }), publicJwk(key, { kid })]);
    const began = performance.now();
    for (let status = 0; status !== 200;) {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${await service.token({}, { kid }, 1)}` },
      });
      await response.body?.cancel();
      ({ status } = response);
      assert(status === 200 || status === 503, `status ${status}`);
      if (status === 503) await pause(100);
    }
    rotated.push(Math.round(performance.now() - began));
  }
  await Promise.all(attacks.map((attack) => attack.stop()));
  await client.stop();
  const [least, most] = [Math.min(...memory), Math.max(...memory)];
  report("unknown keys for a minute", {
    requests: attacks.map(({ sent }) => sent),
    known: client.statuses,
    newKeyMs: rotated,
    memoryMb: [least, most].map(Math.round),
    fetches: service.provider.count("jwks"),
  });
  assertEquals(Object.keys(client.statuses), ["200"]);
  assert(most - least <= 3 * MEMORY_CHANGE_MB, `${least} to ${most} MB`);
  const coolDowns = (performance.now() - started) / 2_000;
  assert(service.provider.count("jwks") <= 4 + coolDowns);
});
