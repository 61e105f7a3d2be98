/** wrk: the scripts it is given and the text it prints. Pure. */
import { fail, ok, type Result } from "../../src/result.ts";

/** What one load has seen. */
export interface LoadReport {
  /** Responses, whatever their status. */
  readonly requests: number;
  /** Length of the load, in seconds. */
  readonly secs: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Responses with another status than the case expects. */
  readonly unexpected: number;
  /** Connections that failed, were aborted or were too slow. */
  readonly broken: number;
}

/** Size of the uploaded body, in bytes. */
const UPLOAD_BYTES = 65_536;

/** How the count of 401 responses is announced at the end of the text. */
const REFUSED_LABEL = "responds with status 401:";

/** Units of wrk's times, in microseconds. */
const UNITS: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 6e7,
  h: 3.6e9,
};

/** The script that sends one token; a file, so that the token is in no argument list. */
export function getScript(token: string): string {
  return `wrk.headers["Authorization"] = "Bearer ${token}"\n`;
}

/** The script that uploads 64 KiB. */
export function uploadScript(token: string): string {
  return `${getScript(token)}wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", ${UPLOAD_BYTES})
`;
}

/** The script that sends one refused token and counts the 401 responses, which wrk itself does not. */
export function refusedScript(token: string): string {
  return `${getScript(token)}
local all = {}
refused = 0
function setup(thread) all[#all + 1] = thread end
function response(status) if status == 401 then refused = refused + 1 end end
function done()
  local sum = 0
  for _, thread in ipairs(all) do sum = sum + thread:get("refused") end
  print("${REFUSED_LABEL} " .. string.format("%d", sum))
end
`;
}

/** The script that sends the tokens of a file (one a line) in turn; every request is built before. */
export function manyScript(tokensFile: string): string {
  return `local ready, at = {}, 0
function init()
  for token in io.lines(${JSON.stringify(tokensFile)}) do
    ready[#ready + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end
end
function request()
  at = at % #ready + 1
  return ready[at]
end
`;
}

/**
 * Reads what `wrk --latency` has printed.
 *
 * @param expected `2xx`, or `401` with the count that the script for refused tokens adds. A 3xx
 * counts as 2xx: wrk does not tell them apart, and the upstream of the benchmark sends none.
 * @returns the report, or a reason with the text when it is not of that form
 */
export function parseWrk(text: string, expected: "2xx" | "401"): Result<LoadReport, string> {
  const total = /^\s*(\d+) requests in ([\d.]+)(\w+),/m.exec(text);
  const p50 = percentile(text, 50);
  const p99 = percentile(text, 99);
  const length = total && micros(total[2], total[3]);
  if (!total || !length || p50 === undefined || p99 === undefined) {
    return fail(`not understood:\n${text}`);
  }
  const requests = Number(total[1]);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const counted = new RegExp(`^${REFUSED_LABEL} (\\d+)$`, "m").exec(text);
  return ok({
    requests,
    secs: length / 1e6,
    p50Micros: p50,
    p99Micros: p99,
    unexpected: expected === "401"
      ? requests - Number(counted?.[1] ?? 0)
      : Number(refused?.[1] ?? 0),
    broken: (errors ?? []).slice(1).reduce((sum, part) => sum + Number(part), 0),
  });
}

function percentile(text: string, rank: number): number | undefined {
  const found = new RegExp(`^\\s*${rank}%\\s+([\\d.]+)(\\w+)\\s*$`, "m").exec(text);
  return found ? micros(found[1], found[2]) : undefined;
}

function micros(number: string | undefined, unit: string | undefined): number | undefined {
  const factor = UNITS[unit ?? ""];
  return factor === undefined ? undefined : Number(number) * factor;
}
