/** The cases of the benchmark: one table, read by everything else. Plain data, nothing runs here. */

/** Who can be measured. `direct` is the upstream without anything in front of it. */
export type PeerName = ProxyName | "direct";

/** The proxies: the peers that can be chosen, in the order in which they are measured. */
export const PROXIES = [
  "haproxy",
  "oauth2-proxy",
  "apache",
  "fastify",
  "naive",
  "proxy",
] as const;

/** One of the proxies. */
export type ProxyName = typeof PROXIES[number];

/** How a peer is called in tables and charts. */
export const PEER_TITLES: Readonly<Record<PeerName, string>> = {
  haproxy: "HAProxy",
  "oauth2-proxy": "oauth2-proxy",
  apache: "Apache",
  fastify: "Fastify",
  naive: "plain Deno build",
  proxy: "this proxy",
  direct: "no proxy",
};

/**
 * How the peers are set up for a case. Where a peer's settings differ from the standard ones, it has
 * a process of its own for the case (`OWN_PROCESSES`).
 */
export type Variant = "standard" | "no-cache" | "tls" | "access-log" | "websocket";

/** Who has a process of its own for a case of this variant; the others serve as in all other cases. */
export const OWN_PROCESSES: Readonly<Record<Variant, readonly ProxyName[]>> = {
  "standard": [],
  "no-cache": ["fastify", "proxy"],
  // With TLS it does not listen without.
  "tls": ["oauth2-proxy"],
  "access-log": ["oauth2-proxy", "apache", "fastify", "proxy"],
  "websocket": ["proxy"],
};

/** What the load generator sends; `echo` is the WebSocket load, the others are wrk scripts. */
export type Load = "get" | "many" | "refused" | "upload" | "echo";

/** One row of the table. */
export interface BenchCase {
  readonly name: string;
  readonly title: string;
  readonly peers: readonly PeerName[];
  readonly variant: Variant;
  readonly load: Load;
  readonly path: string;
  readonly tls: boolean;
  /** At most this share of HAProxy's CPU a request is aimed at. */
  readonly aim?: number;
}

/** The proxies that have TLS listeners and access lines: all but the build that has neither. */
const ALL_BUT_NAIVE = PROXIES.filter((name) => name !== "naive");

/** Small requests with one token: what the cases differ from, and what warms a process up. */
export const SMALL: BenchCase = {
  name: "warm",
  title: "one token, used again",
  peers: PROXIES,
  variant: "standard",
  load: "get",
  path: "/hello",
  tls: false,
};

/** Every case, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  { ...SMALL, aim: 0.65 },
  { ...SMALL, name: "many", title: "6,000 tokens in turn", load: "many", aim: 0.7 },
  {
    ...SMALL,
    name: "no-cache",
    title: "every token verified, caches off",
    variant: "no-cache",
    // Requests with one token would share checks that wait.
    load: "many",
    aim: 2.7,
  },
  {
    ...SMALL,
    name: "refused",
    title: "refused token, used again",
    load: "refused",
    aim: 0.42,
  },
  { ...SMALL, name: "upload", title: "64 KiB upload", load: "upload", aim: 2 },
  { ...SMALL, name: "download", title: "1 MiB download", path: "/big", aim: 1.6 },
  {
    ...SMALL,
    name: "tls",
    title: "one token over TLS",
    peers: ALL_BUT_NAIVE,
    variant: "tls",
    tls: true,
    aim: 0.68,
  },
  {
    ...SMALL,
    name: "access-log",
    title: "one token, an access line each",
    peers: ALL_BUT_NAIVE,
    variant: "access-log",
    aim: 0.75,
  },
  {
    ...SMALL,
    name: "websocket",
    title: "WebSocket echo, 64 bytes",
    peers: ["direct", "proxy"],
    variant: "websocket",
    load: "echo",
  },
];

/** Most memory of one worker after the whole run that is aimed at, in MB of PSS. */
export const MEMORY_AIM_MB = 130;

/** How many tokens the case `many` walks through. */
export const MANY_TOKENS = 6000;
