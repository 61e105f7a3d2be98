/** The provider of a chaos run: its keys, their changes and its faults, all written down. */
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import type { KeysAt, ProviderHistory, ProviderName, Span } from "./history.ts";
import type { ProviderFault, Rotation } from "./schedule.ts";

/** Different key pairs: making one takes its time, and under another `kid` it is another key. */
const PAIRS = 8;

/** The first of each provider's: the same `kid`s, never the same pair. */
const FIRST_PAIR: Readonly<Record<ProviderName, number>> = { first: 0, second: PAIRS };

/** Keys that a growing set gets at once besides the new one. */
const GROWTH = 60;

/** A key of the provider. */
export interface ChaosKey {
  /** `<kid>#<number of the pair>`. */
  readonly name: string;
  readonly kid: string;
  readonly pair: number;
  /** Whether its `kid` was that of another key before. */
  readonly reused: boolean;
}

/** One provider. */
export interface ChaosProvider extends ProviderHistory {
  readonly name: ProviderName;
  readonly url: string;
  /** What is published now; tokens are signed with the last one. */
  keys(): readonly ChaosKey[];
  /** Keys that were published once. */
  retired(): readonly ChaosKey[];
  rotate(how: Rotation): Promise<void>;
  /** Fails in this way until `recover`. */
  fail(how: ProviderFault): Promise<void>;
  recover(): void;
  close(): Promise<void>;
}

/** Starts one with one key. `now` gives the time of the run. */
export async function startChaosProvider(
  name: ProviderName,
  now: () => number,
): Promise<ChaosProvider> {
  const firstPair = FIRST_PAIR[name];
  await Promise.all(Array.from({ length: PAIRS }, (_, pair) => rsaKey(firstPair + pair)));
  const provider = startProvider();
  const published: KeysAt[] = [];
  const given: KeysAt[] = [];
  const troubles: Span[] = [];
  let keys: readonly ChaosKey[] = [];
  let retired: readonly ChaosKey[] = [];
  let made = 0;
  let failingSince: number | undefined;
  let refusing = false;

  function makeKey(reusedKid?: string): ChaosKey {
    const kid = reusedKid ?? `kid-${made}`;
    const pair = firstPair + made++ % PAIRS;
    return { name: `${kid}#${pair}`, kid, pair, reused: reusedKid !== undefined };
  }

  async function publish(next: readonly ChaosKey[], fillers = 0): Promise<void> {
    const jwks = await Promise.all(
      [
        ...Array.from({ length: fillers }, (_, i) => ({ kid: `filler-${i}`, pair: firstPair })),
        ...next,
      ]
        .map(async ({ kid, pair }) => publicJwk(await rsaKey(pair), { kid })),
    );
    const names = next.map(({ name }) => name);
    retired = [...retired, ...keys.filter(({ name }) => !names.includes(name))];
    keys = next;
    published.push({ at: now(), keys: names });
    // Made into text at the moment in which it is given out: that is the moment to write down.
    provider.setJwks({
      toJSON() {
        given.push({ at: now(), keys: names });
        return { keys: jwks };
      },
    });
  }

  await publish([makeKey()]);

  return {
    name,
    url: provider.url,
    keys: () => keys,
    retired: () => retired,
    async rotate(how) {
      const current = keys.at(-1);
      if (current === undefined) throw new Error("there is always a key");
      switch (how) {
        case "overlap":
          return await publish([current, makeKey()]);
        case "swap":
          return await publish([makeKey()]);
        case "growth":
          return await publish([current, makeKey()], GROWTH);
        case "same kid":
          return await publish([makeKey(current.kid)]);
      }
    },
    async fail(how) {
      failingSince = now();
      switch (how) {
        case "refuses":
          refusing = true;
          return await provider.refuse();
        case "hangs":
          return provider.hang();
        case "key set alone hangs":
          return provider.hang("jwks");
        case "drips":
          return provider.drip(200);
        case "status 500":
          return provider.status(500);
        case "status 404":
          return provider.status(404);
        case "HTML":
          return provider.html();
        case "broken JSON":
          return provider.brokenJson();
        case "redirect":
          return provider.redirectTo(`${provider.url}/elsewhere`);
        case "big body":
          return provider.bigBody(2_000_000);
      }
    },
    recover() {
      provider.recover();
      if (refusing) provider.comeBack();
      refusing = false;
      if (failingSince !== undefined) troubles.push({ from: failingSince, to: now() });
      failingSince = undefined;
    },
    published,
    given,
    troubles,
    close: () => provider.close(),
  };
}
