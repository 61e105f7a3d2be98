/** The clients of a chaos run: each sends one request after the other and writes down what became of it. */
import { masked, nextFrame } from "../proxy/websocket/support.ts";
import { openRaw, parseMessage, type RawMessage, type RawSocket } from "../support/raw.ts";
import { pause } from "../support/waiting.ts";
import type { Operation, Outcome, RequestRecord } from "./history.ts";
import { makeRandom, type Random } from "./random.ts";
import type { ChaosToken, Mint } from "./tokens.ts";
import { hashOf, ID_FIELD, MAX_DOWNLOAD_BYTES, rightBody } from "./upstream.ts";

/**
 * How long a client waits for a response, in milliseconds: longer than a request may wait for a key (5 s)
 * and then for the upstream.
 */
const PATIENCE_MS = 30_000;

/** Longest pause between two requests of a client, in milliseconds. */
const MOST_PAUSE_MS = 50;

/** Most requests on one connection. */
const MOST_ON_CONNECTION = 60;

/** From which size on the proxy does not read an upload that it refuses, in bytes. */
const LONG_UPLOAD_BYTES = 64 * 1024;

/** Largest upload, in bytes. */
const MOST_UPLOAD_BYTES = 150_000;

const WEIGHTS: readonly (readonly [Operation, number])[] = [
  ["GET", 55],
  ["download", 10],
  ["chunked download", 8],
  ["upload", 12],
  ["chunked upload", 8],
  ["event stream", 3],
  ["WebSocket", 4],
];

/** Where and with what to call. */
export interface ClientsOptions {
  readonly port: number;
  readonly seed: number;
  readonly mint: Mint;
  readonly now: () => number;
  /** How many keep their connection, and how many open one for each request. */
  readonly keepAlive: number;
  readonly fresh: number;
}

/** Clients at work. */
export interface Clients {
  readonly records: readonly RequestRecord[];
  /** Lets the requests that run end. */
  stop(): Promise<void>;
}

/** Starts them. */
export function startClients(options: ClientsOptions): Clients {
  const records: RequestRecord[] = [];
  let over = false;
  const all = Array.from({ length: options.keepAlive + options.fresh }, async (_, number) => {
    const random = makeRandom(options.seed * 1_000 + number);
    const keep = number < options.keepAlive;
    let open: Connection | undefined;
    for (let n = 0; !over; n++) {
      const token = await options.mint.next(random);
      const plan = { ...planOf(random, `${number}-${n}`), token };
      const { record, connection } = await send(plan, open, keep, options);
      records.push(record);
      open = connection;
      await pause(random.between(1, MOST_PAUSE_MS));
    }
    await open?.socket.close();
  });
  return {
    records,
    async stop() {
      over = true;
      await Promise.all(all);
    },
  };
}

/** One more request, for which `PATIENCE_MS` holds too. */
export async function sendOne(
  id: string,
  token: ChaosToken,
  options: ClientsOptions,
): Promise<RequestRecord> {
  const plan = { ...planOf(makeRandom(0), id), operation: "GET", token } as const;
  const shaped = { ...plan, method: "GET", target: `/echo/${id}`, body: "" };
  return (await send(shaped, undefined, false, options)).record;
}

interface Connection {
  readonly socket: RawSocket;
  readonly connectedAt: number;
  uses: number;
}

interface Plan {
  readonly id: string;
  readonly operation: Operation;
  readonly method: string;
  readonly target: string;
  readonly body: string;
  readonly token: ChaosToken;
}

function planOf(random: Random, id: string): Omit<Plan, "token"> {
  const operation = random.weighed(WEIGHTS);
  const size = random.between(1, random.next() < 0.2 ? MAX_DOWNLOAD_BYTES : 4_000);
  switch (operation) {
    case "download":
      return { id, operation, method: "GET", target: `/download/${size}/${id}`, body: "" };
    case "chunked download":
      return { id, operation, method: "GET", target: `/chunks/${size}/${id}`, body: "" };
    case "upload":
    case "chunked upload": {
      const body = hashOf(id).repeat(Math.ceil(size / 64)).slice(0, MOST_UPLOAD_BYTES);
      return { id, operation, method: "POST", target: `/echo/${id}?${size}`, body };
    }
    case "event stream":
      return { id, operation, method: "GET", target: `/events/${id}`, body: "" };
    case "GET":
    case "WebSocket":
      return { id, operation, method: "GET", target: `/echo/${id}`, body: "" };
  }
}

async function send(
  plan: Plan,
  open: Connection | undefined,
  keep: boolean,
  { port, now }: ClientsOptions,
): Promise<{ readonly record: RequestRecord; readonly connection: Connection | undefined }> {
  const { id, operation, method, target, body, token } = plan;
  const begin = now();
  const expiredSecs = token.expiredAt === undefined
    ? undefined
    : Date.now() / 1000 - token.expiredAt;
  let connection: Connection | undefined;
  let outcome: Outcome;
  let again = false;
  try {
    connection = open ?? { socket: await openRaw(port), connectedAt: begin, uses: 0 };
    connection.uses++;
    const lasts = keep && operation !== "WebSocket" && connection.uses < MOST_ON_CONNECTION;
    ({ outcome, again } = await exchange(connection.socket, plan, lasts));
    if (!lasts || !again) {
      await connection.socket.close();
      again = false;
    }
  } catch (error) {
    outcome = { kind: "unconnected", what: error instanceof Error ? error.message : "" };
  }
  const record: RequestRecord = {
    id,
    kind: token.kind,
    provider: token.provider,
    ...(token.key === undefined ? {} : { key: token.key }),
    ...(expiredSecs === undefined ? {} : { expiredSecs }),
    operation,
    method,
    target,
    token: token.token,
    bodyHash: hashOf(body),
    connectedAt: connection?.connectedAt ?? begin,
    begin,
    end: now(),
    outcome,
  };
  return { record, connection: again ? connection : undefined };
}

interface Exchanged {
  readonly outcome: Outcome;
  /** Whether the connection may be used again. */
  readonly again: boolean;
}

async function exchange(socket: RawSocket, plan: Plan, lasts: boolean): Promise<Exchanged> {
  void socket.send(requestText(plan, lasts));
  let message: RawMessage;
  try {
    if (plan.operation === "WebSocket") return { outcome: await webSocket(socket), again: false };
    message = await socket.readResponse(PATIENCE_MS, plan.method);
  } catch {
    return { outcome: unfinished(socket, plan), again: false };
  }
  const again = message.header("connection")?.toLowerCase() !== "close" && !socket.ended;
  return { outcome: outcomeOf(message, plan), again };

  async function webSocket(client: RawSocket): Promise<Outcome> {
    const begins = (text: string) => text.includes("\r\n\r\n");
    if (!await client.waitFor(begins, PATIENCE_MS)) return unfinished(client, plan);
    if (!client.unread().startsWith("HTTP/1.1 101 ")) {
      return outcomeOf(await client.readResponse(PATIENCE_MS, plan.method), plan);
    }
    const head = parseMessage(await client.readUntil("\r\n\r\n"), false, "GET");
    const text = `message of ${plan.id}`;
    await client.send(masked(0x81, text));
    const echoed = await nextFrame(client, PATIENCE_MS);
    await client.send(masked(0x88, "\x03\xe8"));
    // A close frame that says that the upstream failed is the visible end of an aborted response.
    if (echoed.opcode === 8) return { kind: "broken", status: 101, what: "closed by a frame" };
    const right = echoed.payload === text && head.header(ID_FIELD) === plan.id;
    return { kind: "response", status: 101, right };
  }
}

function outcomeOf(message: RawMessage, { id, method, target, body }: Plan): Outcome {
  const { status } = message;
  const from = message.header(ID_FIELD);
  if (from === undefined) {
    const retryAfter = Number(message.header("retry-after")) >= 1;
    return { kind: "refusal", status, retryAfter, text: message.body.trim() };
  }
  const right = status === 200 && from === id &&
    message.body === rightBody(id, method, target, hashOf(body));
  return { kind: "response", status, right };
}

/** What it means that no whole response came. */
function unfinished(socket: RawSocket, plan: Plan): Outcome {
  if (!socket.ended) return { kind: "late" };
  const message = parseMessage(socket.unread(), false, plan.method);
  const { status } = message;
  if (isLastWord(message, plan)) return outcomeOf(message, plan);
  return { kind: "broken", status, what: socket.error ?? "closed" };
}

/**
 * Whether this is how the proxy refuses an upload that it will not read: the response without its last
 * byte, a line end, and the end of the connection.
 */
function isLastWord(message: RawMessage, { operation, body }: Plan): boolean {
  const long = operation === "chunked upload" ||
    (operation === "upload" && body.length > LONG_UPLOAD_BYTES);
  return long && message.status >= 400 && message.header(ID_FIELD) === undefined &&
    Number(message.header("content-length")) === message.rawBody.length + 1;
}

function requestText({ id, operation, method, target, body, token }: Plan, lasts: boolean): string {
  const chunked = operation === "chunked upload";
  const chunks = () =>
    [body.slice(0, body.length >> 1), body.slice(body.length >> 1)]
      .filter((piece) => piece !== "")
      .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
  return [
    `${method} ${target} HTTP/1.1`,
    "Host: chaos.test",
    `${ID_FIELD}: ${id}`,
    ...(token.token === undefined ? [] : [`Authorization: Bearer ${token.token}`]),
    ...(operation === "WebSocket"
      ? [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ]
      : lasts
      ? []
      : ["Connection: close"]),
    ...(chunked ? ["Transfer-Encoding: chunked"] : []),
    ...(operation === "upload" ? [`Content-Length: ${body.length}`] : []),
    "",
    chunked ? `${chunks()}0\r\n\r\n` : body,
  ].join("\r\n");
}
