/**
 * Every fixed limit on what others can cause, each with its reason. What an operator may want to change
 * is a setting instead, whose bounds stand beside its row (`config/tables`); what a standard or the
 * runtime fixes stands beside its parser.
 */

// Tokens and keys.

/** Longest token looked at, in characters. Real access tokens are 1 to 4 KiB; Deno's server refuses a whole head beyond 64 KiB anyway. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** Longest `kid` accepted, in characters: key ids are thumbprints or short names, and the unknown ones are remembered. */
export const MAX_KID_LENGTH = 512;

/** Longest token that is remembered, in characters, so that the size of the cache bounds its memory. */
export const MAX_CACHED_TOKEN_LENGTH = 8 * 1024;

/** Most different sets of claims that cached identities share: audiences of a provider, not of its clients. */
export const MAX_SHARED_CLAIMS = 256;

/** Most refused tokens that are remembered: enough for the clients that misbehave, small beside the good ones. */
export const MAX_REMEMBERED_REFUSALS = 1_000;

/** How long a refusal is remembered, in milliseconds. */
export const REFUSAL_MEMORY_MS = 30_000;

/** How long signature checks that succeed run before the event loop gets its turn, in milliseconds: half a dozen of them; yielding after each costs a tenth more. */
export const CHECKS_AT_A_TIME_MS = 1;

/** Time for one request to the provider, in milliseconds: a client is waiting for its response. */
export const PROVIDER_FETCH_TIMEOUT_MS = 5_000;

/** Largest discovery document or key set read, in bytes: a hundred RSA keys with certificate chains stay well below it. */
export const MAX_PROVIDER_BODY_BYTES = 512 * 1024;

/** Difference between the provider's clock and ours from which on it is logged, in seconds: tokens of so short a life that less matters are rare. */
export const MAX_CLOCK_SKEW_SECS = 5;

/** How many key fetches clients may cause at once, before it is one each cool-down: a rotation, one more right after it, and one for a client that is wrong. */
export const KEY_FETCH_BURST = 3;

/** How many requests may wait for the key fetch in flight; each holds a client connection, its token and a timer. */
export const MAX_KEY_WAITERS = 256;

/** How long a request may wait for key fetches, in milliseconds: the time of one request to a provider that hangs. */
export const MAX_KEY_WAIT_MS = 5_000;

/** How many requests may wait for signature checks: several for each check that may wait, since requests with the same new token share one. */
export const MAX_CHECK_WAITERS = 1_024;

/** Longest pause between two attempts to fetch keys from a provider that fails, in milliseconds, unless the cool-down is longer: it doubles up to this. */
export const MAX_FETCH_PAUSE_MS = 60_000;

/** How many introspections of opaque tokens a worker has in flight with one provider: enough for a thousand new tokens a second at 15 ms each. */
export const MAX_INTROSPECTIONS_AT_ONCE = 16;

/** How many opaque tokens may wait for their introspection: those of one second with a provider that takes 60 ms. */
export const MAX_WAITING_INTROSPECTIONS = 256;

/** How long a provider that cannot be reached is not asked about opaque tokens, in milliseconds: short, since nothing else ends the refusals. */
export const INTROSPECTION_PAUSE_MS = 1_000;

/** How often at most it is logged that introspection fails, in milliseconds: a provider may fail for some tokens alone, which anybody can send. */
export const INTROSPECTION_LOG_PAUSE_MS = 60_000;

/** How long the proxy's own proof of being a client is valid, in seconds: time for one request between clocks that differ a little. */
export const CLIENT_ASSERTION_SECS = 60;

/** How many `kid`s that a fetch did not bring are remembered; bounded because clients choose them. */
export const MAX_UNKNOWN_KIDS = 256;

/** How long such a `kid` is refused without another fetch, in milliseconds, unless a fetch brings it or the cool-down is longer: clients with retired tokens come again and again. */
export const UNKNOWN_KID_MEMORY_MS = 30_000;

/** Most keys taken from one key set: far above any real provider, low enough that trying them all stays cheap. */
export const MAX_KEYS = 256;

/** Most keys tried for one token without a `kid`, since each costs a signature check. */
export const MAX_KEYS_TRIED = 16;

/** Smallest RSA modulus accepted, in bits (RFC 7518, section 3.3). */
export const MIN_RSA_BITS = 2048;

/** Largest RSA modulus accepted, in bits: checks get slow with the square of the size. */
export const MAX_RSA_BITS = 8192;

/** Smallest RSA public exponent accepted: with 1 anyone can sign, with 3 weak padding checks have been fooled. */
export const MIN_RSA_EXPONENT = 65_537n;

/** Largest RSA public exponent accepted, so that a check cannot be made slow: it squares once for each bit of it. Real keys have 65537. */
export const MAX_RSA_EXPONENT = 4_294_967_296n;

// Requests.

/** What `Retry-After` says when nothing better is known, in seconds. */
export const DEFAULT_RETRY_AFTER_SECS = 10;

/** What `Retry-After` says when a worker has as many requests as it may have, in seconds: requests end all the time. */
export const WORKER_BUSY_RETRY_AFTER_SECS = 1;

/** Longest `X-Request-Id` taken over from a client, in characters: a UUID has 36, and it stands in every log line of its request. */
export const MAX_REQUEST_ID_LENGTH = 128;

/** Longest rest of a request body that is read to be thrown away after a part of it was forwarded, in bytes: most of it is on its way already. */
export const MAX_DISCARDED_BODY_BYTES = 64 * 1024;

/** Time for a client to read its response before its connection is closed, in milliseconds. Meanwhile the runtime takes in what the client sends and holds it: 6 MB at 1 Gb/s, 30 MB on loopback. */
export const LINGERING_CLOSE_MS = 50;

/** How often the bodies on their way are checked for clients that have stalled, in milliseconds: one timer for all of them. */
export const TRANSFER_SWEEP_MS = 1_000;

/** How long a client has to be waited for in an upload before its rate counts, in milliseconds: long enough for one that thinks before it goes on, or whose line is lost for a moment. */
export const MIN_RATE_AFTER_MS = 30_000;

/** How long the upstream may take before it is checked whether the client is still there, in milliseconds: the check costs more than all else about a quick request. */
export const WATCH_CLIENT_AFTER_MS = 100;

/** How long a listener that is no longer wanted asks its clients to leave before it closes, in milliseconds: time for busy clients to send one more request. */
export const LISTENER_GRACE_MS = 3_000;

/** How often a listener that closes looks whether requests still run, in milliseconds, and how long none may have run before it waits no longer for the connections that are left: time for the runtime to send the last responses. */
export const LISTENER_LOOK_MS = 50;
export const LISTENER_QUIET_MS = 1_000;

/** Pause between two attempts to open a listener again, in milliseconds: short, since nothing is accepted meanwhile. */
export const LISTENER_REOPEN_PAUSE_MS = 100;

/** How often a path below that of the upstream is decoded to see where it leads: no honest one is encoded more than twice. */
export const MAX_PATH_DECODINGS = 4;

// Upstream (HTTP/1.1).

/** How many requests wait for a connection to the upstream, for each connection that there may be: at usual response times they wait well below a second. */
export const UPSTREAM_QUEUED_PER_CONNECTION = 4;

/** Longest time a connection to the upstream waits for its next request, in milliseconds. Servers close between 5 and 75 seconds; those that say when are believed. */
export const UPSTREAM_IDLE_CONNECTION_MS = 60_000;

/** Time before an announced close from which a connection is not used any more, in milliseconds: the clocks of both sides and the way between them. */
export const UPSTREAM_CLOSE_MARGIN_MS = 1_000;

/** Longest life of a connection to the upstream in milliseconds, so that a changed address is followed. */
export const UPSTREAM_CONNECTION_LIFE_MS = 300_000;

/** How often the deadlines of running requests are looked at, in milliseconds: one timer for all costs less than one for each. */
export const UPSTREAM_SWEEP_MS = 250;

/** Bytes read at once from the upstream while heads and small bodies come: holds nearly every API response whole. */
export const UPSTREAM_READ_BYTES = 16 * 1024;

/** Buffer for the head of a request to the upstream, in bytes: enough for one with a long token; a longer head gets memory of its own. */
export const UPSTREAM_HEAD_BUFFER_BYTES = 8 * 1024;

/** Most bytes of the heads of one response, interim ones included. Servers' own limits are 8 to 64 KiB. */
export const MAX_RESPONSE_HEAD_BYTES = 64 * 1024;

/** Most fields of one head: far above any real response, so that a flood of tiny fields stays cheap. */
export const MAX_RESPONSE_FIELDS = 256;

/** Most interim responses (1xx) before the final one; real upstreams send one or two. */
export const MAX_INTERIM_RESPONSES = 16;

/** Longest line with a chunk's size, extensions included, in bytes: real ones have a dozen. */
export const MAX_CHUNK_LINE_BYTES = 4096;

/** Most hexadecimal digits of a chunk's size: 4 PiB, which a double holds exactly. */
export const MAX_CHUNK_SIZE_DIGITS = 13;

/** Most bytes of a trailer section, which is read and dropped. */
export const MAX_TRAILER_BYTES = 16 * 1024;

/** What is still to come of a response counts as a large body from here on, in bytes, and is read in large pieces. */
export const LARGE_BODY_BYTES = 32 * 1024;

/** Bytes read at once from a large body, each time into memory of their own that is handed over. Measured: half of it costs a fifth more for a body of 1 MiB, twice of it gains nothing. */
export const LARGE_READ_BYTES = 128 * 1024;

/** Pieces of an upload up to this size, in bytes, are copied to be sent together with their chunk line; larger ones are sent by themselves. */
export const MAX_COPIED_CHUNK_BYTES = 64 * 1024;

// WebSockets.

/** Largest WebSocket message passed on, in bytes: each is held whole in memory, since the client's side takes whole messages only. */
export const WEBSOCKET_MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Most bytes of a client's WebSocket messages that wait for a slow upstream: the client's side cannot be paused, so beyond it the relay ends. */
export const WEBSOCKET_MAX_WAITING_BYTES = 32 * 1024 * 1024;

/** What a waiting frame counts beside its bytes: what the objects around a tiny one take in memory. */
export const WEBSOCKET_FRAME_OVERHEAD_BYTES = 256;

/** From how many unsent bytes on a slow WebSocket client keeps the upstream from being read, and below which it goes on. */
export const WEBSOCKET_HIGH_WATER_BYTES = 1024 * 1024;
export const WEBSOCKET_LOW_WATER_BYTES = 512 * 1024;

/** How often a slow WebSocket client is looked at, in milliseconds; the runtime has no event for an empty buffer. */
export const WEBSOCKET_DRAIN_POLL_MS = 5;

/** Bytes read at once from a WebSocket upstream: each open relay holds a buffer of this size. */
export const WEBSOCKET_READ_BYTES = 16 * 1024;

/** Most bytes of WebSocket frames joined into one write. */
export const WEBSOCKET_WRITE_BYTES = 64 * 1024;

/** Bytes of random WebSocket masks made at a time: 256 frames for one call of the random source. */
export const WEBSOCKET_MASK_POOL_BYTES = 1024;

/** How long a peer may take to reply to a WebSocket close frame, in milliseconds, before its connection is closed. */
export const WEBSOCKET_CLOSE_TIMEOUT_MS = 5_000;

/** A WebSocket client that was silent for half of this is pinged, and given up if it stays silent for the other half; in seconds. */
export const WEBSOCKET_CLIENT_SILENCE_SECS = 120;

// Workers and the process.

/** How often the supervisor asks each worker for its metrics, in milliseconds; the reply also shows that the worker is alive. */
export const REPORT_INTERVAL_MS = 2_000;

/** A worker that has missed so many reports in a row (10 s) is replaced. */
export const MAX_MISSED_REPORTS = 5;

/** How long a scrape waits for fresh metrics from a worker, in milliseconds, before it takes the last ones. */
export const SCRAPE_WAIT_MS = 1_000;

/** Shortest and longest pause before a worker that exited is restarted, in milliseconds; it doubles in between. */
export const MIN_RESTART_PAUSE_MS = 100;
export const MAX_RESTART_PAUSE_MS = 10_000;

/** A worker that has served so long, in milliseconds, is restarted without a growing pause. */
export const STEADY_MS = 10_000;

/** How long a worker may take until it listens, in milliseconds; starting takes well below a second. */
export const WORKER_START_MS = 30_000;

/** How long workers go on with running requests once their supervisor has exited, in milliseconds. */
export const ORPHAN_DRAIN_MS = 3_000;

/** A worker that has not exited so long after its drain should be over, in milliseconds, is killed. */
export const DRAIN_GRACE_MS = 2_000;

/** How often watched files are read, in milliseconds; they are few and small. */
export const WATCH_INTERVAL_MS = 1_000;

/** The same signal again within this time is the same request, in milliseconds: a terminal signals the whole group, and the task runner above passes its own copy on as well. */
export const SAME_SIGNAL_MS = 500;

/** How long running requests may take when the demo ends, in milliseconds: all of them are its own. */
export const DEMO_DRAIN_MS = 1_000;

// Log and messages.

/** Most characters of a path that are logged. */
export const MAX_LOGGED_PATH = 1_024;

/** Most bytes written to the log at once: pipes keep writes of this size whole (`PIPE_BUF`), so lines of several workers do not mix. */
export const MAX_LOG_WRITE_BYTES = 4_096;

/** How many characters each text of a log line may keep: tried in turn until the line is short enough for one write. */
export const LOG_TEXT_LENGTHS = [1024, 256, 64, 16] as const;

/** Access log lines are kept back until there are so many characters of them: one system call writes them all. */
export const LOG_BATCH_CHARACTERS = 16 * 1024;

/** Longest time an access log line is kept back, in milliseconds. */
export const LOG_BATCH_MS = 100;

/** Most bytes of log lines that a process holds while they cannot be written: some 4,000 lines, a short pause of the collector; beyond it lines are dropped. */
export const MAX_LOG_QUEUE_BYTES = 1024 * 1024;

/** Pause after a log write that failed, in milliseconds: soon enough after room was made on a full disk, rare enough to cost nothing. */
export const LOG_RETRY_MS = 250;

/** How long the end of a process waits for its log to be written, in milliseconds: a working disk or pipe takes 1 MiB in far less. Less than DRAIN_GRACE_MS. */
export const LOG_END_MS = 1_000;

/** For how long refusals that are logged are counted, in milliseconds: LOG_REFUSALS_PER_SEC says so. */
export const REFUSAL_WINDOW_MS = 1_000;

/** Longest value that a message quotes, in characters: enough to recognise it, short enough for one line. */
export const MAX_QUOTED_LENGTH = 100;

/** The same for an issuer: URLs are longer than other values. */
export const MAX_QUOTED_ISSUER = 200;

/** Longest beginning of a key's `kid`, or of another member of it, that a message quotes, in characters. */
export const MAX_QUOTED_KID = 64;

/** Most keys that a message about a useless key set names. */
export const MAX_NAMED_KEYS = 5;

// Health.

/** How long `health` waits for a response, in milliseconds: less than the time limits that container engines have for their checks. */
export const HEALTH_TIMEOUT_MS = 3_000;

/** Most bytes of a response that `health` looks at; the longest readiness report has a tenth. */
export const MAX_HEALTH_RESPONSE_BYTES = 8 * 1024;
