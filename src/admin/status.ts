import type { Clock } from "../ops/clock.ts";
import { renderMetrics } from "../ops/exposition.ts";
import type { Meter, MetricName } from "../ops/metrics.ts";
import type { AdminSource, Check } from "./admin.ts";
import type { Workers } from "../ipc/workers.ts";
import type { KeyBroker } from "../keys/key_broker.ts";

/** Where the status comes from. */
export interface StatusSources {
  readonly workers: Workers;
  /** The current key broker: a reload may replace it. */
  readonly keys: () => KeyBroker;
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
      keyCheck(),
      sources.stopping()
        ? { name: "shutdown", good: false, text: "shutting down" }
        : { name: "shutdown", good: true, text: "not shutting down" },
    ];
  }

  function keyCheck(): Check {
    const keys = sources.keys();
    const held = keys.current();
    const state = keys.state();
    if (held === undefined) {
      return state === "unavailable"
        ? { name: "keys", good: false, text: "none: JWKS fetch failed" }
        : { name: "keys", good: true, text: "not needed yet" };
    }
    const age = Math.round(ageSecs(held.startedAt));
    return { name: "keys", good: true, text: `${held.keys.length} held, fetched ${age} s ago` };
  }

  function ageSecs(startedAt: number): number {
    return Math.max(0, (clock.now() - startedAt) / 1000);
  }

  async function metrics(): Promise<string> {
    const absent = new Set<MetricName>();
    const gauge = (name: MetricName, value: number | undefined) => {
      if (value === undefined) absent.add(name);
      else meter.set(name, value);
    };
    const keys = sources.keys();
    const held = keys.current();
    const expiry = sources.certificateExpiresAt();
    gauge("keyAge", held && ageSecs(held.startedAt));
    gauge("keysHeld", held?.keys.length ?? 0);
    gauge("providerClockSkew", keys.clockSkewSecs);
    gauge("certificateExpiry", expiry && Math.floor(expiry / 1000));
    gauge("workers", workers.strength().ready);
    return renderMetrics({ workers: await workers.meter(), service: meter.data(), absent, build });
  }

  return { readiness, metrics };
}
