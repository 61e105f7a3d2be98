/** The report counts every request once, in the right row and column, and names what failed. */
import { assertEquals, assertIncludes } from "../support/assert.ts";
import type { History, Outcome, RequestRecord, TokenKind } from "./history.ts";
import { describe, tables } from "./report.ts";

const refusal = (status: number): Outcome => ({
  kind: "refusal",
  status,
  retryAfter: false,
  text: "",
});

const REQUESTS: readonly (readonly [TokenKind, Outcome])[] = [
  ["good", { kind: "response", status: 200, right: true }],
  ["good", { kind: "broken", status: 200, what: "closed" }],
  ["good", { kind: "unconnected", what: "refused" }],
  ["good", { kind: "late" }],
  ["good", refusal(502)],
  ["expired", refusal(401)],
  ["expired", refusal(418)],
];

function history(): History {
  const requests = REQUESTS.map(([kind, outcome], i): RequestRecord => ({
    id: `${i}`,
    kind,
    operation: "GET",
    method: "GET",
    target: "/",
    token: "secret-token",
    bodyHash: "",
    connectedAt: 0,
    begin: 1,
    end: 2,
    outcome,
  }));
  return {
    cooldownMs: 0,
    requests,
    seen: [],
    upstreamFaults: [],
    published: [],
    given: [],
    providerTroubles: [],
    upstreamTroubles: [],
    breaks: [],
    restarts: [],
    leeways: [],
    complaints: [],
  };
}

Deno.test("Requests are counted by kind of token and outcome, events by kind.", () => {
  const text = tables(history(), new Map([["reload", 3]]), []);
  const rows = text.split("\n").filter((line) => /^\| (good|expired|all|reload) \|/.test(line));
  assertEquals(rows, [
    "| good | 5 | 1 | 0 | 0 | 0 | 1 | 0 | 1 | 1 | 1 |",
    "| expired | 2 | 0 | 0 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |",
    "| all | 7 | 1 | 0 | 1 | 0 | 1 | 0 | 1 | 1 | 2 |",
    "| reload | 3 |",
  ]);
  assertIncludes(text, "violations: 0");
});

Deno.test("Violations are shown by rule, the first of each one by one.", () => {
  const [request] = history().requests;
  if (request === undefined) throw new Error("there is one");
  const text = describe(Array.from({ length: 9 }, () => ({ rule: "a rule", what: "it", request })));
  assertIncludes(text, "9 times: a rule\n- it\n    0 good");
  assertEquals(text.split("- it").length - 1, 6);
});
