/**
 * A load of WebSocket messages: each connection sends one, waits until it comes back, and sends the
 * next. Prints a `LoadReport` as JSON. Arguments: URL, connections, seconds; the token comes in the
 * variable BENCH_TOKEN, so that it is in no argument list.
 */
import { quantile } from "./summary.ts";
import type { LoadReport } from "./wrk.ts";

/** What is sent, 64 bytes. */
const MESSAGE = "x".repeat(64);

/** How long connecting, and the last reply after the end, may take, in milliseconds. */
const PATIENCE_MS = 2000;

interface Counts {
  readonly roundTrips: number[];
  unexpected: number;
  broken: number;
}

async function run(url: string, conns: number, secs: number, token: string): Promise<LoadReport> {
  const counts: Counts = { roundTrips: [], unexpected: 0, broken: 0 };
  const start = performance.now();
  const deadline = start + secs * 1000;
  await Promise.all(Array.from({ length: conns }, () => converse(url, token, deadline, counts)));
  return {
    requests: counts.roundTrips.length,
    secs: (Math.min(performance.now(), deadline) - start) / 1000,
    p50Micros: quantile(counts.roundTrips, 0.5) * 1000,
    p99Micros: quantile(counts.roundTrips, 0.99) * 1000,
    unexpected: counts.unexpected,
    broken: counts.broken,
  };
}

/** One connection until the deadline; resolves in any case. */
function converse(url: string, token: string, deadline: number, counts: Counts): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } });
    let sentAt = 0;
    let over = false;
    const end = (broken: boolean) => {
      if (over) return;
      over = true;
      if (broken) counts.broken++;
      clearTimeout(timer);
      socket.close();
      resolve();
    };
    const timer = setTimeout(() => end(true), deadline - performance.now() + PATIENCE_MS);
    const send = () => {
      sentAt = performance.now();
      socket.send(MESSAGE);
    };
    socket.onopen = send;
    socket.onerror = () => end(true);
    socket.onclose = () => end(true);
    socket.onmessage = ({ data }) => {
      const now = performance.now();
      counts.roundTrips.push(now - sentAt);
      if (data !== MESSAGE) counts.unexpected++;
      if (now >= deadline) end(false);
      else send();
    };
  });
}

if (import.meta.main) {
  const [url = "", conns, secs] = Deno.args;
  const report = await run(url, Number(conns), Number(secs), Deno.env.get("BENCH_TOKEN") ?? "");
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(report)}\n`));
  // Closing handshakes without a reply of the other side are not waited for.
  Deno.exit(0);
}
