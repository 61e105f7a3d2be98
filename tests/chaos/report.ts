/** The counts of a chaos run, as tables that can go into a document. Pure. */
import type { Violation } from "./checker.ts";
import { type History, type Outcome, type RequestRecord, TOKEN_KINDS } from "./history.ts";

const COLUMNS = ["accepted", "400", "401", "503", "502", "504", "broken", "no connection", "other"];

/** The column in which a request is counted. */
function columnOf({ kind, ...rest }: Outcome): string {
  if (kind === "response") return "accepted";
  if (kind === "broken") return "broken";
  if (kind === "unconnected") return "no connection";
  const status = "status" in rest ? String(rest.status) : "";
  return COLUMNS.includes(status) ? status : "other";
}

/** Requests by kind of token and by outcome, events by kind, and violations. */
export function tables(
  { requests }: History,
  events: ReadonlyMap<string, number>,
  violations: readonly Violation[],
): string {
  const kinds = [...TOKEN_KINDS, "all"];
  const rows = kinds.map((kind) => {
    const of = requests.filter((request) => kind === "all" || request.kind === kind);
    const counts = COLUMNS.map((column) =>
      of.filter(({ outcome }) => columnOf(outcome) === column).length
    );
    return [kind, of.length, ...counts];
  });
  const happened = [...events].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    table(["token", "requests", ...COLUMNS], rows),
    table(["event", "times"], happened),
    `violations: ${violations.length}`,
  ].join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const all = [head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...rows];
  return all.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Most violations of one rule that are shown one by one. */
const MOST_SHOWN = 6;

/** The violations in lines for people: how many of each rule, and the first of them. */
export function describe(violations: readonly Violation[]): string {
  return [...Map.groupBy(violations, ({ rule }) => rule)].flatMap(([rule, all]) => [
    `${all.length} times: ${rule}`,
    ...all.slice(0, MOST_SHOWN).map(describeOne),
  ]).join("\n");
}

function describeOne({ what, request }: Violation): string {
  const first = `- ${what}`;
  return request === undefined ? first : `${first}\n    ${describeRequest(request)}`;
}

function describeRequest(request: RequestRecord): string {
  const { id, kind, key, operation, method, begin, end, connectedAt, outcome } = request;
  const times = [connectedAt, begin, end].map(Math.round).join(" → ");
  return `${id} ${kind} ${key ?? ""} ${method} (${operation}) ${times} ms ${
    JSON.stringify(outcome)
  }`;
}
