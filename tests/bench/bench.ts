/**
 * The benchmark: this proxy, the straightforward build and HAProxy, side by side in one run.
 * `deno task bench`, `--help` lists the options.
 *
 * Exit codes: 0 everything was measured, 1 something is missing, failed or wrong,
 * 64 the command line is wrong, 130 interrupted. A missed aim is reported, not a failure.
 */
import { fileURLToPath } from "node:url";
import { chart } from "./chart.ts";
import { describeMachine, findTools, INSTALL_LINE, type Tools } from "./machine.ts";
import { openLab } from "./lab.ts";
import { HELP, type Options, parseOptions } from "./options.ts";
import { document, faults, type Findings, memoryLine, resultTable } from "./report.ts";
import { runCases } from "./run.ts";
import { summarise } from "./summary.ts";

const EXIT_FAILED = 1;
const EXIT_USAGE = 64;
const EXIT_INTERRUPTED = 130;

/** Time beyond the measurements themselves, in seconds: preparing, starting, ending. */
const PREPARATION_SECS = 180;

/** Time of one measurement beyond its length, in seconds, generously. */
const OVERHEAD_SECS = 5;

/** Load average (processes that run, over the last minute) above which a run says that it is not alone. */
const QUIET_LOAD = 0.5;

/** The most peers of one case. */
const MOST_PEERS = 3;

/** Signals that end a run. */
const ENDING_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (!options.ok) {
    await print(options.failure);
    return options.failure === HELP ? 0 : EXIT_USAGE;
  }
  const tools = await findTools();
  if (typeof tools === "string") {
    await print(`error: ${tools}\n`);
    return EXIT_FAILED;
  }
  const stop = new AbortController();
  const limitSecs = PREPARATION_SECS + options.value.cases.length * options.value.rounds *
      MOST_PEERS * (options.value.secs + OVERHEAD_SECS);
  const limit = setTimeout(
    () => stop.abort(new Error(`the run took longer than ${limitSecs} s`)),
    limitSecs * 1000,
  );
  const interrupt = () => stop.abort(INTERRUPTED);
  ENDING_SIGNALS.forEach((name) => Deno.addSignalListener(name, interrupt));
  try {
    return await benchmark(options.value, tools, stop.signal);
  } catch (error) {
    await print(`error: ${error instanceof Error ? error.message : error}\n`);
    return error === INTERRUPTED ? EXIT_INTERRUPTED : EXIT_FAILED;
  } finally {
    clearTimeout(limit);
    ENDING_SIGNALS.forEach((name) => Deno.removeSignalListener(name, interrupt));
  }
}

/** Why a run ended that somebody interrupted. */
const INTERRUPTED = new Error("interrupted");

async function benchmark(options: Options, tools: Tools, signal: AbortSignal): Promise<number> {
  const notes: string[] = [];
  const note = async (sentence: string) => {
    notes.push(sentence);
    await print(`note: ${sentence}\n`);
  };
  if (tools.haproxy === undefined && options.peers.includes("haproxy")) {
    await note(`HAProxy is not installed: no ratios (${INSTALL_LINE})`);
  }
  const [load = 0] = Deno.loadavg();
  if (load > QUIET_LOAD) {
    await note(`the machine was busy before the run (load average ${load.toFixed(1)})`);
  }
  const machine = await describeMachine(tools);
  await print("preparing keys and tokens\n");
  const many = options.cases.some(({ load }) => load === "many");
  await using lab = await openLab(many, signal);
  const { samples, memory, faults: more } = await runCases(
    { lab, tools, options, signal },
    note,
    print,
  );
  const rows = summarise(samples, options.cases);
  const wrong = [...faults(rows), ...more];
  const findings = { rows, memory, notes, faults: wrong, machine, options, date: new Date() };
  await print(`\n${resultTable(rows)}\n${memoryLine(memory)}\n`);
  await print(wrong.map((sentence) => `wrong: ${sentence}\n`).join(""));
  await write(findings);
  return wrong.length === 0 ? 0 : EXIT_FAILED;
}

/** Writes both files and lets the formatter wrap them, as the project's check demands. */
async function write(findings: Findings): Promise<void> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { out } = findings.options;
  const dir = out.startsWith("/") ? out : root + out;
  await Deno.mkdir(dir, { recursive: true });
  const files = [`${dir}/benchmarks.md`, `${dir}/benchmarks.svg`] as const;
  await Deno.writeTextFile(files[0], document(findings));
  await Deno.writeTextFile(files[1], chart(findings.rows));
  const formatted = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--config", `${root}deno.json`, ...files],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!formatted.success) throw new Error(new TextDecoder().decode(formatted.stderr));
  await print(`\nwritten: ${out}/benchmarks.md, ${out}/benchmarks.svg\n`);
}

/** Prints; a terminal that is gone does not end the run, which still writes its report. */
async function print(text: string): Promise<void> {
  try {
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await Deno.stdout.write(rest));
  } catch {
    // The output is no longer read.
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
