/**
 * Ten minutes of mixed load on one worker: is its memory flat, is every response right?
 * `deno task soak`; `--minutes N` for a shorter run. Bounded, on loopback, the same set-up as the benchmark.
 */
import { CASES } from "./cases.ts";
import { openLab } from "./lab.ts";
import { findTools } from "./machine.ts";
import { measure } from "./measure.ts";
import { HELP, parseOptions } from "./options.ts";
import { startPeer, startUpstream } from "./peers.ts";
import { findPrograms } from "./programs.ts";
import { usageOf } from "./procfs.ts";

/** The cases of a round: small responses, many tokens, refusals, bodies both ways, TLS. */
const ROUND = ["warm", "many", "refused", "upload", "download", "tls"];

/** Length of one case, in seconds. */
const SECS = 10;

const MOST_MINUTES = 60;

async function soak(minutes: number): Promise<number> {
  const tools = await findTools();
  const options = parseOptions(["--secs", String(SECS), "--peers", "proxy"]);
  if (typeof tools === "string" || !options.ok) {
    await print(`error: ${typeof tools === "string" ? tools : HELP}\n`);
    return 1;
  }
  const program = (await findPrograms(options.value)).found.get("proxy");
  if (program === undefined) throw new Error("this proxy has no program");
  const signal = AbortSignal.timeout((minutes + 3) * 60_000);
  await using lab = await openLab(true, signal);
  await using _upstream = await startUpstream(lab, tools, signal);
  await using proxy = await startPeer("proxy", program, "standard", lab, signal);
  const setting = { lab, tools, options: options.value, signal };
  const target = { port: proxy.port, tlsPort: proxy.tlsPort, pid: proxy.child.pid };
  let requests = 0;
  let wrong = 0;
  await print("| minute | requests so far | wrong or broken | PSS |\n| --- | --- | --- | --- |\n");
  for (let minute = 1; minute <= minutes; minute++) {
    for (const name of ROUND) {
      const benchCase = CASES.find((one) => one.name === name);
      if (benchCase === undefined) throw new Error(`there is no case ${name}`);
      const sample = await measure(benchCase, target, setting);
      requests += sample.requests;
      wrong += sample.unexpected + sample.broken;
    }
    const { pssMb } = await usageOf(proxy.child.pid);
    await print(`| ${minute} | ${requests} | ${wrong} | ${pssMb.toFixed(0)} MB |\n`);
  }
  return wrong === 0 ? 0 : 1;
}

async function print(text: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(text));
}

if (import.meta.main) {
  const [flag, value = "10"] = Deno.args;
  const minutes = Number(flag === "--minutes" ? value : "10");
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MOST_MINUTES) {
    await print(`deno task soak [--minutes N], N from 1 to ${MOST_MINUTES}\n`);
    Deno.exit(64);
  }
  Deno.exit(await soak(minutes));
}
