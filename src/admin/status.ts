import type { Clock } from "../ops/clock.ts";
import { renderMetrics } from "../ops/exposition.ts";
import type { Meter } from "../ops/meter.ts";
import type { AdminSource, Check } from "./admin.ts";
import type { Workers } from "../ipc/workers.ts";
import type { KeyBroker } from "../keys/key_broker.ts";
import type { KeyBrokers } from "../keys/key_brokers.ts";

/** Where the status comes from. */
export interface StatusSources {
  readonly workers: Workers;
  /** The current key brokers: a reload may replace them. */
  readonly keys: () => KeyBrokers;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly build: Readonly<Record<string, string>>;
  /** Whether the program is shutting down. */
  readonly stopping: () => boolean;
  /** When the certificate expires, milliseconds since the epoch. */
  readonly certificateExpiresAt: () => number | undefined;
}

/** What the admin listener shows, gathered at each request. */
export function makeStatus(sources: StatusSources): AdminSource {
  const { workers, meter, clock, build } = sources;

  function readiness(): readonly Check[] {
    const { ready, wanted } = workers.strength();
    return [
      { name: "workers", good: ready > 0, text: `${ready} of ${wanted} accept requests` },
      ...keyChecks(),
      sources.stopping()
        ? { name: "shutdown", good: false, text: "shutting down" }
        : { name: "shutdown", good: true, text: "not shutting down" },
    ];
  }

  /** Of several providers one is enough: a failing one must not take the others' clients with it. */
  function keyChecks(): readonly Check[] {
    const brokers = [...sources.keys()];
    const [first, ...more] = brokers.map(([, broker]) => keyCheck("keys", broker));
    if (first === undefined || more.length === 0) return first === undefined ? [] : [first];
    const each = brokers.map(([name, broker]) => keyCheck(`keys ${name}:`, broker));
    const good = each.filter((check) => check.good).length;
    const text = `${good} of ${each.length} providers can be asked or have keys`;
    return [
      { name: "keys", good: good > 0, text },
      ...each.map((check) => ({ ...check, forInformation: true as const })),
    ];
  }

  function keyCheck(name: string, keys: KeyBroker): Check {
    const held = keys.current();
    if (held === undefined) {
      return keys.state() === "unavailable"
        ? { name, good: false, text: "none: JWKS fetch failed" }
        : { name, good: true, text: "not needed yet" };
    }
    const age = Math.round(ageSecs(held.startedAt));
    return { name, good: true, text: `${held.keys.length} held, fetched ${age} s ago` };
  }

  function ageSecs(startedAt: number): number {
    return Math.max(0, (clock.now() - startedAt) / 1000);
  }

  async function metrics(): Promise<string> {
    meter.keepGaugesOf([...sources.keys().keys()]);
    for (const [provider, keys] of sources.keys()) {
      const held = keys.current();
      meter.set("keyAge", held && ageSecs(held.startedAt), provider);
      meter.set("keysHeld", held?.keys.length ?? 0, provider);
      meter.set("providerClockSkew", keys.clockSkewSecs, provider);
    }
    const expiry = sources.certificateExpiresAt();
    meter.set("certificateExpiry", expiry && Math.floor(expiry / 1000));
    meter.set("workers", workers.strength().ready);
    return renderMetrics({ workers: await workers.meter(), service: meter.data(), build });
  }

  return { readiness, metrics };
}
