/** What a run hands to the documents. Types alone. */
import type { ProxyName } from "./cases.ts";
import type { Machine } from "./machine.ts";
import type { Options } from "./options.ts";
import type { Usage } from "./procfs.ts";
import type { Row } from "./summary.ts";

/** Everything a run has found out. */
export interface Findings {
  readonly rows: readonly Row[];
  /** Memory of each proxy at the very end. */
  readonly memory: ReadonlyMap<ProxyName, Usage>;
  /** Name and version of each proxy that was run. */
  readonly versions: ReadonlyMap<ProxyName, string>;
  /** Why a chosen proxy was left out. */
  readonly missing: ReadonlyMap<ProxyName, string>;
  /** What was left out or noticed, a sentence each. */
  readonly notes: readonly string[];
  /** Failures, a sentence each. */
  readonly faults: readonly string[];
  readonly machine: Machine;
  readonly options: Options;
  readonly date: Date;
}
