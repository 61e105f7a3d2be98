/** The counts of a chaos run, as tables that can go into a document. Pure. */
import { entitlement, type Violation } from "./checker.ts";
import {
  type History,
  type Outcome,
  overlap,
  PROVIDERS,
  type RequestRecord,
  TOKEN_KINDS,
} from "./history.ts";
import { factsOf, shadows } from "./knowledge.ts";

const COLUMNS = ["accepted", "400", "401", "503", "502", "504", "broken", "no connection", "other"];

const OTHER = { first: "second", second: "first" } as const;

/** The column in which a request is counted. */
function columnOf({ kind, ...rest }: Outcome): string {
  if (kind === "response") return "accepted";
  if (kind === "broken") return "broken";
  if (kind === "unconnected") return "no connection";
  const status = "status" in rest ? String(rest.status) : "";
  return COLUMNS.includes(status) ? status : "other";
}

/** Requests by kind of token and by outcome, those of one provider while the other fails, events, violations. */
export function tables(
  history: History,
  events: ReadonlyMap<string, number>,
  violations: readonly Violation[],
): string {
  const { requests } = history;
  const kinds = [...TOKEN_KINDS, "all"];
  const rows = kinds.map((kind) =>
    row(kind, requests.filter((request) => kind === "all" || request.kind === kind))
  );
  const healthy = PROVIDERS.map((name) =>
    row(`${name}, the ${OTHER[name]} fails`, besideAFailure(history, name))
  );
  const happened = [...events].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    table(["token", "requests", ...COLUMNS], rows),
    table(["tokens of known keys", "requests", ...COLUMNS], healthy),
    table(["event", "times"], happened),
    `violations: ${violations.length}`,
  ].join("\n\n");
}

function row(name: string, requests: readonly RequestRecord[]): (string | number)[] {
  const counts = COLUMNS.map((column) =>
    requests.filter(({ outcome }) => columnOf(outcome) === column).length
  );
  return [name, requests.length, ...counts];
}

/** Requests with tokens of a healthy provider and its known keys, while the other one failed all the time. */
function besideAFailure(
  history: History,
  name: RequestRecord["provider"],
): readonly RequestRecord[] {
  const facts = factsOf(history, name);
  const own = shadows(facts);
  const others = history.providers[OTHER[name]].troubles;
  return history.requests.filter((request) => {
    const { provider, begin, end } = request;
    return provider === name && others.some(({ from, to }) => from <= begin && end <= to) &&
      !own.some((shadow) => overlap(shadow, { from: begin, to: end })) &&
      entitlement(facts, request) === "must";
  });
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
  const { id, kind, provider, key, operation, method, begin, end, connectedAt, outcome } = request;
  const times = [connectedAt, begin, end].map(Math.round).join(" → ");
  return `${id} ${kind} of ${provider} ${key ?? ""} ${method} (${operation}) ${times} ms ${
    JSON.stringify(outcome)
  }`;
}
