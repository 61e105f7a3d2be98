import type { Admin } from "../admin/admin.ts";
import type { Workers } from "../ipc/workers.ts";
import type { KeyBrokers, KeyBrokersDeps } from "../keys/key_brokers.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/meter.ts";
import type { Logging } from "../ops/start_log.ts";
import type { WindowWatch } from "./accept_until.ts";
import type { Prepared } from "./prepare.ts";
import type { ReadSettings } from "./settings_source.ts";

/** The serving program: what stays, and what a reload replaces. */
export interface Running {
  readonly clock: Clock;
  readonly log: Log;
  readonly logging: Logging;
  readonly meter: Meter;
  readonly workers: Workers;
  readonly keyDeps: KeyBrokersDeps;
  settings: ReadSettings;
  prepared: Prepared;
  keys: KeyBrokers;
  /** Warns of what is accepted until a date only. */
  readonly windows: WindowWatch;
  admin: Admin | undefined;
  /** Whether it is shutting down. */
  stopping: boolean;
}
