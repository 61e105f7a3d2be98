/** From single measurements to rows: medians over the rounds, ratios within a round. Pure. */
import type { BenchCase, PeerName } from "./cases.ts";

/** One case with one peer in one round. */
export interface Sample {
  readonly caseName: string;
  readonly peer: PeerName;
  readonly round: number;
  /** CPU of the peer's process tree for one request, in microseconds; absent where not measured. */
  readonly cpuMicros: number | undefined;
  readonly perSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Memory of the process tree right after the load, in MB of PSS. */
  readonly pssMb: number | undefined;
  readonly requests: number;
  readonly unexpected: number;
  readonly broken: number;
}

/** One case with one peer: medians over the rounds, sums of what is counted. */
export interface Row extends Omit<Sample, "round" | "caseName"> {
  readonly benchCase: BenchCase;
  readonly lowestCpu: number | undefined;
  readonly highestCpu: number | undefined;
  /** CPU as a share of HAProxy's in the same round, the median. */
  readonly ratio: number | undefined;
  /** Whether the case's aim is reached; absent where there is no aim or nothing to compare with. */
  readonly reached: boolean | undefined;
}

/** The value in the middle, the mean of the two in the middle of an even number; none of none. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** The value below which this share (0 to 1) of the values lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** One row for each pair of case and peer that was measured, in the order of the cases. */
export function summarise(samples: readonly Sample[], cases: readonly BenchCase[]): Row[] {
  return cases.flatMap((benchCase) =>
    benchCase.peers.flatMap((peer) => {
      const own = samples.filter((s) => s.caseName === benchCase.name && s.peer === peer);
      return own.length === 0 ? [] : [rowOf(benchCase, peer, own, samples)];
    })
  );
}

function rowOf(
  benchCase: BenchCase,
  peer: PeerName,
  own: readonly Sample[],
  all: readonly Sample[],
): Row {
  const cpu = defined(own.map((sample) => sample.cpuMicros));
  const ratio = median(defined(own.map((sample) => ratioOf(sample, all))));
  const { aim } = benchCase;
  const sum = (part: (sample: Sample) => number) =>
    own.reduce((total, sample) => total + part(sample), 0);
  return {
    benchCase,
    peer,
    cpuMicros: median(cpu),
    lowestCpu: cpu.length === 0 ? undefined : Math.min(...cpu),
    highestCpu: cpu.length === 0 ? undefined : Math.max(...cpu),
    perSecond: median(own.map((sample) => sample.perSecond)) ?? 0,
    p50Micros: median(own.map((sample) => sample.p50Micros)) ?? 0,
    p99Micros: median(own.map((sample) => sample.p99Micros)) ?? 0,
    pssMb: median(defined(own.map((sample) => sample.pssMb))),
    requests: sum((sample) => sample.requests),
    unexpected: sum((sample) => sample.unexpected),
    broken: sum((sample) => sample.broken),
    ratio,
    reached: peer !== "proxy" || aim === undefined || ratio === undefined
      ? undefined
      : ratio <= aim,
  };
}

/** The sample's CPU as a share of HAProxy's in the same case and round. */
function ratioOf(sample: Sample, all: readonly Sample[]): number | undefined {
  const reference = all.find((other) =>
    other.peer === "haproxy" && other.caseName === sample.caseName && other.round === sample.round
  );
  const cpu = reference?.cpuMicros;
  return sample.cpuMicros === undefined || !cpu ? undefined : sample.cpuMicros / cpu;
}

function defined(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}
