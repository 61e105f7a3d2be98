/** CPU and memory of a process and everything it has started, from Linux' /proc. */

/** What a process tree has used. */
export interface Usage {
  /** User and system time so far, in microseconds. */
  readonly cpuMicros: number;
  /** Memory, shared pages divided among those who share them, in MB. */
  readonly pssMb: number;
  /** Memory, shared pages counted in full, in MB. */
  readonly rssMb: number;
}

/** Length of a tick in /proc: the kernel shows 100 a second to programs on every usual machine. */
const TICK_MICROS = 10_000;

const KB_PER_MB = 1024;

/** The whole tree's usage; processes that have ended meanwhile count nothing. */
export async function usageOf(pid: number): Promise<Usage> {
  const pids = await treeOf(pid);
  const parts = await Promise.all(pids.map(usageOfOne));
  const sum = (part: (usage: Usage) => number) => parts.reduce((all, one) => all + part(one), 0);
  return {
    cpuMicros: sum((usage) => usage.cpuMicros),
    pssMb: sum((usage) => usage.pssMb),
    rssMb: sum((usage) => usage.rssMb),
  };
}

/** User and system time in a text of `/proc/<pid>/stat`, in microseconds; 0 for anything else. */
export function cpuOfStat(stat: string): number {
  // The name, in parentheses, may hold blanks and parentheses; the fields behind it are counted.
  const fields = stat.slice(stat.lastIndexOf(")") + 1).trim().split(/\s+/);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Number.isFinite(ticks) ? ticks * TICK_MICROS : 0;
}

/** A value in a text of `/proc/<pid>/smaps_rollup`, in MB; 0 where it is missing. */
export function megabytesOfRollup(rollup: string, name: "Pss" | "Rss"): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(rollup);
  return Number(found?.[1] ?? 0) / KB_PER_MB;
}

async function usageOfOne(pid: number): Promise<Usage> {
  const rollup = await read(`/proc/${pid}/smaps_rollup`);
  return {
    cpuMicros: cpuOfStat(await read(`/proc/${pid}/stat`)),
    pssMb: megabytesOfRollup(rollup, "Pss"),
    rssMb: megabytesOfRollup(rollup, "Rss"),
  };
}

async function treeOf(pid: number): Promise<number[]> {
  const children: number[] = [];
  for (const task of await tasksOf(pid)) {
    const text = await read(`/proc/${pid}/task/${task}/children`);
    children.push(...text.split(" ").filter((part) => part !== "").map(Number));
  }
  const below = await Promise.all(children.map(treeOf));
  return [pid, ...below.flat()];
}

async function tasksOf(pid: number): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/task`))).map(({ name }) => name);
  } catch {
    return [];
  }
}

async function read(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch {
    return "";
  }
}
