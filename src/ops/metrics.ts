import { type Outcome, outcomeOf, REASONS } from "../failure.ts";

export const OUTCOMES: readonly Outcome[] = ["allowed", "refused", "failed"];

/** How a key fetch ended: well, or by the kind of error. */
export const FETCH_RESULTS = [
  "ok",
  "unreachable",
  "credentials",
  "certificate",
  "timeout",
  "status",
  "redirect",
  "too_large",
  "not_json",
  "bad_document",
  "wrong_issuer",
  "no_keys",
] as const;
export type FetchResult = typeof FETCH_RESULTS[number];

export const REFUSAL_REASONS = REASONS.filter((reason) => outcomeOf(reason) === "refused");
export const FAILURE_REASONS = REASONS.filter((reason) => outcomeOf(reason) === "failed");

/** What can be accepted until a date only. */
export const DEPRECATED = ["provider", "secret", "audience"] as const;
/** One of these. */
export type Deprecated = typeof DEPRECATED[number];

export const STATUS_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;

/** Upper bounds in seconds: from responses out of a cache to slow reports. */
const REQUEST_BUCKETS = [
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  60,
];
/** Upper bounds in seconds: a signature check takes a tenth of a millisecond, a key fetch seconds. */
const CHECK_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.1, 1, 10];

interface Row {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Label names; every combination of their values is a series, so their number is bounded. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
  /** Every series exists once for each provider, with its name as the label `provider`. */
  readonly perProvider?: true;
  /** Who counts: each worker (the sum is shown), the service as a whole, or each process (the sum of both). */
  readonly by: "worker" | "service" | "process";
}

/** The one table of metrics, but for `build_info` (`exposition.ts`); the list in `docs/operations.md` comes from it. */
export const METRICS = {
  requests: {
    name: "ooproxy_requests_total",
    type: "counter",
    help: "Completed requests, by decision and class of the status.",
    labels: { decision: OUTCOMES, status: STATUS_CLASSES },
    by: "worker",
  },
  refusals: {
    name: "ooproxy_refusals_total",
    type: "counter",
    help: "Requests refused, by reason.",
    labels: { reason: REFUSAL_REASONS },
    by: "worker",
  },
  upstreamFailures: {
    name: "ooproxy_upstream_failures_total",
    type: "counter",
    help: "Requests that failed while proxying, by reason.",
    labels: { reason: FAILURE_REASONS },
    by: "worker",
  },
  requestDuration: {
    name: "ooproxy_request_duration_seconds",
    type: "histogram",
    help: "Time from the head of a request to the end of its response.",
    buckets: REQUEST_BUCKETS,
    by: "worker",
  },
  upstreamDuration: {
    name: "ooproxy_upstream_duration_seconds",
    type: "histogram",
    help: "Time from sending a request upstream to the head of its response.",
    buckets: REQUEST_BUCKETS,
    by: "worker",
  },
  verificationDuration: {
    name: "ooproxy_verification_duration_seconds",
    type: "histogram",
    help: "Time to verify a token that is not cached, waiting for keys included.",
    buckets: CHECK_BUCKETS,
    by: "worker",
  },
  tokenCache: {
    name: "ooproxy_token_cache_lookups_total",
    type: "counter",
    help: "Token cache lookups, by result.",
    labels: { result: ["hit", "miss"] },
    by: "worker",
  },
  tokenCacheEntries: {
    name: "ooproxy_token_cache_entries",
    type: "gauge",
    help: "Verified tokens in the token cache.",
    by: "worker",
  },
  inFlight: {
    name: "ooproxy_requests_in_flight",
    type: "gauge",
    help: "Requests in progress.",
    by: "worker",
  },
  allowedInFlight: {
    name: "ooproxy_allowed_requests_in_flight",
    type: "gauge",
    help: "Requests in progress that were let through; MAX_REQUESTS bounds them in each worker.",
    by: "worker",
  },
  upstreamConnections: {
    name: "ooproxy_upstream_connections",
    type: "gauge",
    help: "Open connections to the upstream, WebSockets included.",
    by: "worker",
  },
  keyFetches: {
    name: "ooproxy_key_fetches_total",
    type: "counter",
    help: "Attempts to fetch the provider's keys, by result.",
    labels: { result: FETCH_RESULTS },
    perProvider: true,
    by: "service",
  },
  keyAge: {
    name: "ooproxy_keys_age_seconds",
    type: "gauge",
    help: "Age of the cached keys, since their fetch began.",
    perProvider: true,
    by: "service",
  },
  keysHeld: {
    name: "ooproxy_keys",
    type: "gauge",
    help: "Cached keys of the provider.",
    perProvider: true,
    by: "service",
  },
  providerClockSkew: {
    name: "ooproxy_provider_clock_skew_seconds",
    type: "gauge",
    help: "Least difference by which the provider's clock is ahead; negative where it is behind.",
    perProvider: true,
    by: "service",
  },
  deprecatedTokens: {
    name: "ooproxy_deprecated_tokens_total",
    type: "counter",
    help: "Requests with a token that is accepted until a date only (ACCEPT_UNTIL), by what ends.",
    labels: { what: DEPRECATED },
    perProvider: true,
    by: "worker",
  },
  certificateExpiry: {
    name: "ooproxy_certificate_expiry_timestamp_seconds",
    type: "gauge",
    help: "Expiry of the TLS certificate, in seconds since the epoch.",
    by: "service",
  },
  workers: {
    name: "ooproxy_workers",
    type: "gauge",
    help: "Workers that accept requests.",
    by: "service",
  },
  workerRestarts: {
    name: "ooproxy_worker_restarts_total",
    type: "counter",
    help: "Workers restarted after they had exited or stopped responding.",
    by: "service",
  },
  reloads: {
    name: "ooproxy_reloads_total",
    type: "counter",
    help: "Configuration reloads, by result.",
    labels: { result: ["ok", "refused"] },
    by: "service",
  },
  logLinesDropped: {
    name: "ooproxy_log_lines_dropped_total",
    type: "counter",
    help: "Log lines lost because standard error could not be written (disk full, reader stalled).",
    by: "process",
  },
} as const satisfies Record<string, Row>;

export type MetricName = keyof typeof METRICS;

/** All metrics in the order of the table. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** One metric's row, without its exact type. */
export function metricRow(name: MetricName): Row {
  return METRICS[name];
}

/**
 * All label sets of a metric, in the order of its values: `{a="x",b="y"}`, or "" without labels.
 *
 * @param provider whose series they are, for a metric that each provider has.
 */
export function seriesOf(row: Row, provider?: string): readonly string[] {
  let sets: string[][] = [provider === undefined ? [] : [`provider="${provider}"`]];
  for (const [label, values] of Object.entries(row.labels ?? {})) {
    sets = sets.flatMap((set) => values.map((value) => [...set, `${label}="${value}"`]));
  }
  return sets.map((set) => set.length === 0 ? "" : `{${set.join(",")}}`);
}

/** How many numbers a metric has (of each provider, where each has it). */
export function width(row: Row): number {
  return row.buckets === undefined ? seriesOf(row).length : row.buckets.length + 2;
}
