import { type Failure, failure } from "../failure.ts";
import { WORKER_BUSY_RETRY_AFTER_SECS } from "../limits.ts";
import type { HeaderList } from "../proxy/headers.ts";
import type { WorkerConfig } from "../config/schema.ts";

/** What clients may ask of one worker. */
export interface ClientLimits {
  /** Largest request body; `undefined` without a limit. */
  readonly maxBodyBytes: number | undefined;
  /** Longest path and query. */
  readonly maxUrlBytes: number;
  /** Largest sum of the header fields, see `headTooLarge`. */
  readonly maxHeaderBytes: number;
  /** Most requests at once. */
  readonly maxRequests: number;
  /** How long a client may keep a transfer waiting, in milliseconds. */
  readonly idleTimeoutMs: number;
  /** Least average rate of an upload, in bytes per second; 0 for none. */
  readonly minRate: number;
}

/** The limits that the settings ask for. */
export function clientLimits(config: WorkerConfig): ClientLimits {
  return {
    maxBodyBytes: config.listen.maxBodyBytes,
    maxUrlBytes: config.listen.maxUrlBytes,
    maxHeaderBytes: config.listen.maxHeaderBytes,
    maxRequests: config.listen.maxRequests,
    idleTimeoutMs: config.listen.clientIdleTimeoutSecs * 1000,
    minRate: config.listen.clientMinRate,
  };
}

/** The refusal of a request that comes when there are as many as there may be. */
export const BUSY: Failure = {
  reason: "worker_busy",
  retryAfterSecs: WORKER_BUSY_RETRY_AFTER_SECS,
};

/** Colon, space and line end of a header field. */
const FIELD_FRAME_BYTES = 4;

/**
 * What is too large about the head of a request; `undefined` if nothing is. Fields count as lines of
 * their own, `name: value` and a line end; one that came more often counts as the one line that the
 * server makes of it.
 *
 * Does not see a head that the runtime refuses: 64 KiB or more, or more than 128 fields.
 */
export function headTooLarge(
  pathAndQuery: string,
  fields: HeaderList,
  { maxUrlBytes, maxHeaderBytes }: ClientLimits,
): Failure | undefined {
  // Both hold one character for each byte.
  if (pathAndQuery.length > maxUrlBytes) return failure("uri_too_long");
  let bytes = FIELD_FRAME_BYTES * fields.length;
  for (const [name, value] of fields) bytes += name.length + value.length;
  return bytes > maxHeaderBytes ? failure("header_fields_too_large") : undefined;
}
