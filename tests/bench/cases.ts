/** The cases of the benchmark: one table, read by everything else. Plain data, nothing runs here. */

/** Who can be measured. `direct` is the upstream without anything in front of it. */
export type PeerName = "haproxy" | "naive" | "proxy" | "direct";

/** The peers that can be chosen on the command line, in the order in which they are measured. */
export const CHOOSABLE_PEERS = ["haproxy", "naive", "proxy"] as const satisfies PeerName[];

/** How a peer is called in tables and charts. */
export const PEER_TITLES: Readonly<Record<PeerName, string>> = {
  haproxy: "HAProxy jwt_verify",
  naive: "straightforward build",
  proxy: "this proxy",
  direct: "no proxy",
};

/** How this proxy is set up for a case; each but the first has a process of its own. */
export type Variant = "standard" | "no-cache" | "access-log" | "websocket";

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

/** The peers of most cases. */
const ALL = CHOOSABLE_PEERS;

const WARM = {
  peers: ALL,
  variant: "standard",
  load: "get",
  path: "/hello",
  tls: false,
} as const;

/** Every case, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  { ...WARM, name: "warm", title: "one token, used again", aim: 0.5 },
  { ...WARM, name: "many", title: "6,000 tokens in turn", load: "many", aim: 0.5 },
  {
    ...WARM,
    name: "no-cache",
    title: "cache off, every request verified",
    variant: "no-cache",
    aim: 4.5,
  },
  {
    ...WARM,
    name: "refused",
    title: "refused token (bad signature), repeated",
    load: "refused",
    aim: 0.4,
  },
  { ...WARM, name: "upload", title: "64 KiB upload", load: "upload", aim: 2 },
  { ...WARM, name: "download", title: "1 MiB download", path: "/big", aim: 2 },
  {
    ...WARM,
    name: "tls",
    title: "one token over TLS",
    peers: ["haproxy", "proxy"],
    tls: true,
    aim: 0.6,
  },
  {
    ...WARM,
    name: "access-log",
    title: "one token, one access line a request",
    peers: ["haproxy", "proxy"],
    variant: "access-log",
    aim: 0.65,
  },
  {
    ...WARM,
    name: "websocket",
    title: "WebSocket echo, 64 bytes",
    peers: ["direct", "proxy"],
    variant: "websocket",
    load: "echo",
  },
];

/** Most memory of one worker after the whole run that is aimed at, in MB of PSS. */
export const MEMORY_AIM_MB = 110;

/** How many tokens the case `many` walks through. */
export const MANY_TOKENS = 6000;
