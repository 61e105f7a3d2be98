/**
 * The benchmark: this proxy and what one would pick instead, side by side in one run.
 * `deno task bench`, `--help` lists the options.
 *
 * Exit codes: 0 everything was measured, 1 something is missing, failed or wrong,
 * 64 the command line is wrong, 130 interrupted. A missed aim is reported, not a failure.
 */
import { fileURLToPath } from "node:url";
import { PEER_TITLES } from "./cases.ts";
import { chart } from "./chart.ts";
import type { Findings } from "./findings.ts";
import { describeMachine, findTools, type Tools } from "./machine.ts";
import { openLab } from "./lab.ts";
import { DEFAULTS, HELP, type Options, parseOptions } from "./options.ts";
import { findPrograms } from "./programs.ts";
import { withSummary } from "./readme.ts";
import { comparisonTable, document, faults, memoryLine, peerTable, resultTable } from "./report.ts";
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
  const { cases, rounds, secs } = options.value;
  const measurements = cases.reduce((sum, { peers }) => sum + peers.length, 0) * rounds;
  const limitSecs = PREPARATION_SECS + measurements * (secs + OVERHEAD_SECS);
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
  const programs = await findPrograms(options);
  for (const [name, why] of programs.missing) {
    await print(`${PEER_TITLES[name]} left out: ${why}\n`);
  }
  for (const { version } of programs.found.values()) await print(`${version}\n`);
  const [load = 0] = Deno.loadavg();
  if (load > QUIET_LOAD) {
    await note(`the machine was busy before the run (load average ${load.toFixed(1)})`);
  }
  const machine = await describeMachine(tools);
  await print("preparing keys and tokens\n");
  const many = options.cases.some(({ load }) => load === "many");
  await using lab = await openLab(many, signal);
  const measured = await runCases({ lab, tools, options, signal }, programs, note, print);
  const { memory } = measured;
  const rows = summarise(measured.samples, options.cases);
  const wrong = [...faults(rows), ...measured.faults];
  const missing = new Map([...programs.missing, ...measured.missing]);
  const versions = new Map(
    [...programs.found].filter(([name]) => !missing.has(name))
      .map(([name, { version }]) => [name, version]),
  );
  const findings: Findings = {
    rows,
    memory,
    versions,
    missing,
    notes,
    faults: wrong,
    machine,
    options,
    date: new Date(),
  };
  await print(`\n${resultTable(rows)}\n${peerTable(findings)}\n${comparisonTable(findings)}`);
  await print(`\n${memoryLine(memory.get("proxy"))}\n`);
  await print(wrong.map((sentence) => `wrong: ${sentence}\n`).join(""));
  await write(findings);
  return wrong.length === 0 ? 0 : EXIT_FAILED;
}

/**
 * Writes both files, and the README's sentence where they go to the project's own documents; lets the
 * formatter wrap them, as the project's check demands.
 */
async function write(findings: Findings): Promise<void> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const { out } = findings.options;
  const dir = out.startsWith("/") ? out : root + out;
  await Deno.mkdir(dir, { recursive: true });
  const files = [`${dir}/benchmarks.md`, `${dir}/benchmarks.svg`];
  await Deno.writeTextFile(`${dir}/benchmarks.md`, document(findings));
  await Deno.writeTextFile(`${dir}/benchmarks.svg`, chart(findings.rows));
  if (out === DEFAULTS.out) {
    const readme = `${root}README.md`;
    await Deno.writeTextFile(readme, withSummary(await Deno.readTextFile(readme), findings));
    files.push(readme);
  }
  const formatted = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--config", `${root}deno.json`, ...files],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!formatted.success) throw new Error(new TextDecoder().decode(formatted.stderr));
  const names = files.map((file) => file.replace(root, ""));
  await print(`\nwritten: ${names.join(", ")}\n`);
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
