/**
 * Hostile requests as rows of a table: exactly these bytes go in, exactly these responses come out, and an
 * upstream that reads strictly says what arrived there.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { openRaw, rawRequest } from "../support/raw.ts";
import {
  type JudgedRequest,
  type JudgingUpstream,
  judgingUpstream,
} from "../support/raw_upstream.ts";
import { protect, type Protected, type Transport, TRANSPORTS } from "../proxy/harness.ts";
import { eventually } from "../support/waiting.ts";

/** The field with the good token; `{token}` stands for it in every row. */
export const AUTH = "Authorization: Bearer {token}";

/** The request that is sent behind every row: whether and how it arrives shows where the row ended. */
const LAST = "GET /last";

/** What becomes of a row. */
export interface Outcome {
  /**
   * The statuses that come back, that of the last request among them; then the connection closes.
   * `broken` is for bodies, which are sent twice: with their head, when the server closes without a word
   * or with a 400, and after it has gone on, when the response is a 400.
   */
  readonly responses: readonly number[] | "broken";
  /** What arrives: method and target, then the body if there is one, e.g. `POST /a abc`. */
  readonly arrives?: readonly string[];
}

/** One hostile piece of input. */
export interface Row extends Outcome {
  readonly name: string;
  /** What the client sends, byte for byte, before the last request. */
  readonly bytes: string;
  /** Fields that have to arrive with the first request, `null` for one that must not. */
  readonly fields?: Readonly<Record<string, string | null>>;
  /** What becomes of it over `fetch`, where that differs. */
  readonly overFetch?: Outcome;
}

/** A text as it may stand in the name of a row. */
export function brief(text: string): string {
  const { length } = text;
  return length > 60 ? `${JSON.stringify(text.slice(0, 40))}… (${length})` : JSON.stringify(text);
}

/** A request with a good token, then a body. */
export function request(line: string, fields: readonly string[] = [], body = ""): string {
  return bare(`${line} HTTP/1.1`, ["Host: client.test", AUTH, ...fields]) + body;
}

/** A request line as it is and exactly these fields. */
export function bare(line: string, fields: readonly string[]): string {
  return [line, ...fields, "", ""].join("\r\n");
}

/** A row whose first request is refused with a status, and whose connection then closes. */
export function refused(name: string, bytes: string, status = 400): Row {
  return { name, bytes, responses: [status] };
}

/** A row whose body is broken: its connection closes and nothing arrives whole. */
export function broken(name: string, bytes: string): Row {
  return { name, bytes, responses: "broken" };
}

/**
 * A row whose first request is refused by itself: what follows is judged on its own. The server does so
 * even behind a response with `Connection: close`, if it has come by then.
 */
export function refusedAlone(name: string, bytes: string, status = 400): Row {
  return { name, bytes, responses: [status, 200], arrives: [LAST] };
}

/** A row whose requests arrive like this; the last request is added. */
export function passes(name: string, bytes: string, ...arrives: readonly string[]): Row {
  return {
    name,
    bytes,
    responses: [...arrives.map(() => 200), 200],
    arrives: [...arrives, LAST],
  };
}

/**
 * Registers one test for each transport, with one step for each row. Rows that are refused before there
 * is anything to send run over the first transport alone.
 */
export function hostile(title: string, all: readonly Row[]): void {
  for (const transport of TRANSPORTS) {
    const rows = all.filter(({ responses, arrives }) =>
      transport === TRANSPORTS[0] || arrives !== undefined || responses === "broken"
    );
    Deno.test(`Over ${transport.name}: ${title}`, async (t) => {
      await using upstream = await judgingUpstream();
      await using guarded = await protect(upstream.url, transport);
      for (const row of rows) {
        await t.step(row.name, () => play(row, upstream, guarded, transport));
      }
      const bodies = rows.filter(({ responses }) => responses === "broken");
      if (bodies.length === 0) return;
      await t.step(
        "broken bodies when their heads have gone on",
        () => playLate(bodies, upstream, guarded),
      );
    });
  }
}

/** A row's bytes and the last request. */
function whole({ bytes }: Row, { token }: Protected): string {
  return (bytes + request(LAST, ["Connection: close"])).replaceAll("{token}", token);
}

async function play(
  row: Row,
  upstream: JudgingUpstream,
  guarded: Protected,
  transport: Transport,
): Promise<void> {
  const { responses, arrives = [] } = transport.exactTargets ? row : row.overFetch ?? row;
  const got = await rawRequest(guarded.port, whole(row, guarded));
  const arrived = upstream.take();
  const statuses = statusesOf(got.text);
  if (responses === "broken") assert(["", "400"].includes(statuses.join()), `${statuses}`);
  else assertEquals(statuses, [...responses]);
  assertEquals(arrived.map(shown), [...arrives]);
  assert(got.closed, "the connection is still open");
  await nothingBegun(upstream);
  for (const one of arrived) assertOurs(one, guarded);
  for (const [name, value] of Object.entries(row.fields ?? {})) {
    const [first] = arrived;
    assertEquals(first === undefined ? [] : valuesOf(first, name), value === null ? [] : [value]);
  }
}

/** A request goes on when its body has begun. */
const FIRST_CHUNK = "1\r\ny\r\n";

/** Sends all heads and a good chunk at once, and the broken bodies when the heads have gone on. */
async function playLate(
  rows: readonly Row[],
  upstream: JudgingUpstream,
  guarded: Protected,
): Promise<void> {
  const clients = await Promise.all(rows.map(() => openRaw(guarded.port)));
  const parts = rows.map((row) => {
    const bytes = whole(row, guarded);
    const bodyAt = bytes.indexOf("\r\n\r\n") + 4;
    return [bytes.slice(0, bodyAt) + FIRST_CHUNK, bytes.slice(bodyAt)];
  });
  const send = (part: number) =>
    Promise.all(clients.map((client, at) => client.send(parts[at]?.[part] ?? "")));
  await send(0);
  await eventually("the heads", () => upstream.unfinished().length === rows.length);
  await send(1);
  const closed = await Promise.all(clients.map((client) => client.untilClosed()));
  const responses = clients.map((
    client,
    at,
  ) => [rows[at]?.name, closed[at], statusesOf(client.all())]);
  assertEquals(responses, rows.map(({ name }) => [name, true, [400]]));
  await nothingBegun(upstream);
  assertEquals(upstream.take(), []);
  await Promise.all(clients.map((client) => client.close()));
}

/** Holds the upstream to have nothing of a request that does not go on. */
async function nothingBegun(upstream: JudgingUpstream): Promise<void> {
  await eventually("the end of every request that began", () => upstream.unfinished().length === 0);
  assertEquals(upstream.faults, []);
}

/** The statuses in a response, in order. */
function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
}

/** Method, target and body of a request. */
export function shown({ line, body }: JudgedRequest): string {
  const start = line.replace(/ HTTP\/1\.1$/, "");
  return body === "" ? start : `${start} ${body}`;
}

/** Every value of the fields that some server reads under this name. */
export function valuesOf({ fields }: JudgedRequest, name: string): string[] {
  return fields.filter(([known]) => known.replaceAll(/[^a-z\d]/g, "-") === name)
    .map(([, value]) => value);
}

/**
 * Holds a request to be one that this proxy has authorised and framed: one `Host`, the token that was
 * checked, our own word about the client and nobody else's, nothing for one hop.
 */
export function assertOurs(
  request: JudgedRequest,
  { token }: Pick<Protected, "token">,
  host = "client.test",
  protocol = "http",
): void {
  const values = (name: string) => valuesOf(request, name);
  assertEquals(values("host"), [host]);
  assertEquals(values("authorization"), [`Bearer ${token}`]);
  assertEquals(values("x-request-id").length, 1);
  const claims = request.fields.filter(([name]) => {
    const plain = name.replaceAll(/[^a-z\d]/g, "-");
    return plain.startsWith("x-forwarded") || plain === "forwarded" || plain === "x-real-ip";
  });
  assertEquals(claims.toSorted(), [
    ["x-forwarded-for", "127.0.0.1"],
    ["x-forwarded-host", host],
    ["x-forwarded-proto", protocol],
  ]);
  for (
    const name of [
      "connection",
      "keep-alive",
      "proxy-connection",
      "proxy-authorization",
      "proxy-authenticate",
      "te",
      "trailer",
      "upgrade",
      "expect",
      "http2-settings",
    ]
  ) assertEquals(values(name), [], name);
  const lengths = values("content-length");
  assertEquals(values("transfer-encoding"), request.chunked ? ["chunked"] : []);
  assertEquals(lengths, lengths.length === 0 ? [] : [String(request.body.length)]);
  assert(!request.chunked || lengths.length === 0, "two framings");
}
