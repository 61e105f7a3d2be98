import type { Config } from "../config/schema.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import type { Meter } from "../ops/metrics.ts";
import type { Admin } from "./admin.ts";
import type { Crew } from "./crew.ts";
import type { KeyBroker, KeyBrokerDeps } from "./key_broker.ts";
import type { Logging } from "./logging.ts";
import type { Prepared } from "./prepare.ts";

/** Settings as they were read. */
export interface ReadSettings {
  readonly config: Config;
  /** Sentences about the settings for the log. */
  readonly warnings: readonly string[];
  /** The settings file that was read, if any. */
  readonly file: string | undefined;
  /** Every file that the settings depend on. */
  readonly files: readonly string[];
}

/** The program while it serves: what stays, and what a reload exchanges. */
export interface Running {
  readonly clock: Clock;
  readonly log: Log;
  readonly logging: Logging;
  readonly meter: Meter;
  readonly crew: Crew;
  readonly keyDeps: KeyBrokerDeps;
  settings: ReadSettings;
  prepared: Prepared;
  keys: KeyBroker;
  admin: Admin | undefined;
  /** Whether it is on its way out. */
  stopping: boolean;
}
