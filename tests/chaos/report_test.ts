/** The report counts every request once, in the right row and column, and names what failed. */
import { assertEquals, assertIncludes } from "../support/assert.ts";
import type { History, Outcome, ProviderHistory, RequestRecord, TokenKind } from "./history.ts";
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

/** A provider whose key all tokens are signed with. */
const CALM: ProviderHistory = {
  published: [{ at: 0, keys: ["a#0"] }],
  given: [{ at: 100, keys: ["a#0"] }],
  troubles: [],
};

function history(): History {
  const requests = REQUESTS.map(([kind, outcome], i): RequestRecord => ({
    id: `${i}`,
    kind,
    provider: "first",
    key: "a#0",
    operation: "GET",
    method: "GET",
    target: "/",
    token: "secret-token",
    bodyHash: "",
    connectedAt: 9_000,
    begin: 9_001,
    end: 9_002,
    outcome,
  }));
  return {
    cooldownMs: 0,
    requests,
    seen: [],
    upstreamFaults: [],
    providers: { first: CALM, second: CALM },
    upstreamTroubles: [],
    breaks: [],
    restarts: [],
    leeways: [{ from: 0, settled: 0, secs: 0 }],
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

Deno.test("Tokens of known keys of a provider are counted for the time in which the other one alone fails.", () => {
  const healthy = (
    troubles: Partial<Record<"first" | "second", ProviderHistory["troubles"]>>,
    more: Partial<History> = {},
  ) => {
    const providers = {
      first: { ...CALM, troubles: troubles.first ?? [] },
      second: { ...CALM, troubles: troubles.second ?? [] },
    };
    return tables({ ...history(), providers, ...more }, new Map(), []).split("\n")
      .filter((line) => /^\| (first|second), /.test(line))
      .map((line) => line.split(" | ").slice(0, 3));
  };
  const row = (name: "first" | "second", requests: number, accepted: number) => [
    name === "first" ? "| first, the second fails" : "| second, the first fails",
    `${requests}`,
    `${accepted}`,
  ];
  const around = [{ from: 9_000, to: 9_500 }];
  assertEquals(healthy({ second: around }), [row("first", 5, 1), row("second", 0, 0)]);
  assertEquals(healthy({ second: [{ from: 9_001.5, to: 9_500 }] })[0], row("first", 0, 0));
  assertEquals(healthy({ first: around, second: around })[0], row("first", 0, 0));
  const requests = history().requests.map((request) => ({ ...request, key: "new#1" }));
  assertEquals(healthy({ second: around }, { requests })[0], row("first", 0, 0));
  assertEquals(healthy({ first: around }), [row("first", 0, 0), row("second", 0, 0)]);
});

Deno.test("Violations are shown by rule, the first of each one by one.", () => {
  const [request] = history().requests;
  if (request === undefined) throw new Error("there is one");
  const text = describe(Array.from({ length: 9 }, () => ({ rule: "a rule", what: "it", request })));
  assertIncludes(text, "9 times: a rule\n- it\n    0 good of first");
  assertEquals(text.split("- it").length - 1, 6);
});
