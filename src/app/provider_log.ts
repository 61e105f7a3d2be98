import { UNNAMED } from "../provider_name.ts";
import { type Log, withFields } from "../ops/log.ts";

/** The log for what concerns one provider: its lines name it, where it has a name. */
export function logForProvider(log: Log, provider: string): Log {
  return provider === UNNAMED ? log : withFields(log, { provider });
}
