/** The exported `fetch`: under `deno serve`, in its threads, and called by a platform of another kind. */
import { type EdgeOptions, openEdge } from "../../src/edge/edge.ts";
import type { EdgeInfo } from "../../src/edge/lazy_fetch.ts";
import type { Log } from "../../src/ops/log.ts";
import { fail, ok } from "../../src/result.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { MemoryLog } from "../support/log.ts";
import { projectFile, startProcess, type TestProcess } from "../support/process.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { openRaw, rawRequest } from "../support/raw.ts";
import { defaultClaims, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { type HttpUpstream, httpUpstream, type UpstreamHandler } from "../support/upstream.ts";
import { eventually } from "./harness.ts";

/** Those around an edge. */
interface Surroundings extends AsyncDisposable {
  readonly provider: TestProvider;
  readonly upstream: HttpUpstream;
  /** The settings that every edge needs. */
  readonly env: Readonly<Record<string, string>>;
  /** `Bearer` with a good token. */
  readonly authorization: string;
}

async function surroundings(handler?: UpstreamHandler): Promise<Surroundings> {
  const key = await rsaKey();
  const provider = startProvider({ keys: [publicJwk(key, { kid: "one" })] });
  const upstream = httpUpstream(handler);
  const claims = defaultClaims(Date.now(), { iss: provider.url });
  return {
    provider,
    upstream,
    env: { PROVIDER_URL: provider.url, UPSTREAM_URL: upstream.url },
    authorization: `Bearer ${await signToken(key, claims, { kid: "one" })}`,
    async [Symbol.asyncDispose]() {
      await Promise.all([provider.close(), upstream.close()]);
    },
  };
}

/** Where `deno serve` listens. */
async function urlOf(process: TestProcess): Promise<string> {
  const [, url = ""] = await process.waitForLine(/^deno serve: Listening on (http:\S+)\/( |$)/);
  return url;
}

async function get(url: string, authorization?: string) {
  const response = await fetch(url, authorization ? { headers: { authorization } } : {});
  return { status: response.status, text: await response.text() };
}

/** The log lines with this message. */
function logged(process: TestProcess, msg: string): Record<string, unknown>[] {
  return process.stderr.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
    .filter((line) => line.msg === msg);
}

const IGNORED = "ignoring settings that the platform decides";
const REFUSING = "invalid configuration, responding 500";

Deno.test("`deno serve serve.ts` checks tokens, ignores what is the platform's, and ends when asked to.", async () => {
  await using around = await surroundings();
  const meaningless = {
    LISTEN_URL: "no address",
    LISTEN_SSL_URL: ":0",
    CERT_FILE: "not there",
    CERT_PASSWORD: "hush",
    KEY_CACHE_FILE: "/not/there",
    NUM_WORKERS: "no number",
    ADMIN_URL: ":0",
  };
  await using process = startProcess({
    served: true,
    denoFlags: ["--allow-net", "--allow-env"],
    env: { ...around.env, ...meaningless },
  });
  const url = await urlOf(process);
  assertEquals(logged(process, "starting as a handler"), []);
  assertEquals((await get(`${url}/a`)).status, 401);
  assertEquals(await get(`${url}/a`, around.authorization), { status: 200, text: "hello" });
  const [request] = around.upstream.requests;
  assertEquals(request?.headers.get("x-forwarded-for"), "127.0.0.1");
  assertEquals(logged(process, "starting as a handler").length, 1);
  assertEquals(logged(process, IGNORED).map(({ settings }) => settings), [
    Object.keys(meaningless).join(", "),
  ]);
  assertExcludes(process.output(), "hush");
  process.signal("SIGTERM");
  // Keys are held and have an age: nothing of the kind may keep the process.
  assertEquals((await process.ended()).code, 0);
});

Deno.test("A client cannot make a request look as if it came over TLS.", async () => {
  await using around = await surroundings();
  await using process = startProcess({ served: true, env: around.env });
  const { port } = new URL(await urlOf(process));
  const response = await rawRequest(
    Number(port),
    `GET https://here/a HTTP/1.1\r\nHost: here\r\nAuthorization: ${around.authorization}\r\n` +
      "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
  );
  assertEquals(response.status, 200);
  const [request] = around.upstream.requests;
  assertEquals(request?.headers.get("x-forwarded-proto"), "http");
  assertEquals(request?.headers.get("x-forwarded-for"), "127.0.0.1");
});

Deno.test("WebSockets pass through `deno serve`, and are closed when it ends.", async () => {
  const codes: number[] = [];
  await using around = await surroundings((request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
    socket.onclose = ({ code }) => void codes.push(code);
    return response;
  });
  await using process = startProcess({ served: true, env: around.env });
  const url = await urlOf(process);
  const { authorization } = around;
  const socket = new WebSocket(url.replace("http", "ws"), { headers: { authorization } });
  const message = Promise.withResolvers<unknown>();
  const closed = Promise.withResolvers<number>();
  socket.onopen = () => socket.send("there?");
  socket.onmessage = ({ data }) => message.resolve(data);
  socket.onerror = () => message.reject(new Error(process.output()));
  socket.onclose = ({ code }) => {
    closed.resolve(code);
    message.reject(new Error("it was closed before"));
  };
  assertEquals(await message.promise, "echo there?");
  process.signal("SIGTERM");
  assertEquals(await closed.promise, 1001);
  assertEquals((await process.ended()).code, 0);
  await eventually("the upstream's close", () => codes.length > 0);
  assertEquals(codes, [1001]);
});

Deno.test("Threads of `deno serve --parallel` all respond, each with keys of its own.", async () => {
  await using around = await surroundings();
  await using process = startProcess({
    served: true,
    denoFlags: ["--allow-net", "--allow-env", "--parallel"],
    env: { ...around.env, DENO_JOBS: "2" },
  });
  const { port } = new URL(await urlOf(process));
  assertIncludes(process.output(), "with 2 threads");
  const threads = new Set<string>();
  await eventually("a response of each thread", async () => {
    // A connection for each request: the system hands them to the threads.
    const response = await rawRequest(
      Number(port),
      `GET / HTTP/1.1\r\nHost: here\r\nAuthorization: ${around.authorization}\r\n` +
        "Connection: close\r\n\r\n",
    );
    assertEquals([response.status, response.body], [200, "hello"]);
    // Each maker of ids has its own beginning for them.
    threads.add((response.header("x-request-id") ?? "").replace(/-\d+$/, ""));
    return threads.size === 2;
  }, process);
  assertEquals(around.provider.count("jwks"), 2);
  process.signal("SIGTERM");
  assertEquals((await process.ended()).code, 0);
});

Deno.test("With wrong settings every request gets 500 without a word, and all that is wrong is logged once.", async () => {
  await using around = await surroundings();
  await using process = startProcess({
    served: true,
    env: { ...around.env, PROVIDER_URL: "", LEEWAY: "-1", CLIENT_SECRET: "hush-hush" },
  });
  const url = await urlOf(process);
  const responses = [await get(url), await get(`${url}/x`, around.authorization), await get(url)];
  const text = '{"error":"internal_error","error_description":"internal server error"}\n';
  assertEquals(responses, responses.map(() => ({ status: 500, text })));
  const problems = logged(process, REFUSING).map(({ problem }) => String(problem).split(";")[0]);
  assertEquals(problems, ["LEEWAY", "PROVIDER_URL"]);
  assertExcludes(process.output(), "hush-hush");
  assertEquals(around.upstream.requests.length, 0);
});

Deno.test("Where there are no connections of our own, `fetch` carries requests, and one line says so.", async () => {
  await using around = await surroundings();
  await using process = startProcess({
    served: true,
    script: projectFile("tests/e2e/without_connections.ts"),
    env: around.env,
  });
  const url = await urlOf(process);
  for (const path of ["/a", "/b"]) {
    assertEquals(await get(url + path, around.authorization), { status: 200, text: "hello" });
  }
  const [request] = around.upstream.requests;
  assertEquals([request?.target, request?.headers.get("x-forwarded-for")], ["/a", "127.0.0.1"]);
  const lines = logged(
    process,
    "no TCP connections on this platform, using fetch without WebSockets",
  );
  assertEquals(lines.map(({ level }) => level), ["warning"]);
  await using socket = await openRaw(Number(new URL(url).port));
  await socket.send(
    `GET /ws HTTP/1.1\r\nHost: here\r\nAuthorization: ${around.authorization}\r\n` +
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const refused = await socket.readResponse();
  assertEquals([refused.status, around.upstream.requests.length], [502, 2]);
});

Deno.test("`deno run main.ts` without a command is the program all the same.", async () => {
  await using around = await surroundings();
  await using process = startProcess({
    args: [],
    env: { ...around.env, LISTEN_URL: "127.0.0.1:0", ADMIN_URL: "off", NUM_WORKERS: "1" },
  });
  await process.waitForLine(/"ready"/);
  const [listening] = logged(process, "listening");
  const response = await get(String(listening?.url), around.authorization);
  assertEquals(response, { status: 200, text: "hello" });
  process.signal("SIGTERM");
  assertEquals((await process.ended()).code, 0);
  assertIncludes(process.output(), "every running request finished");
});

/** An edge in this process, with its log. */
async function open(
  env: EdgeOptions["env"],
  readFile: EdgeOptions["readFile"] = () => fail("none"),
) {
  const log = new MemoryLog();
  const logging = () => ({
    log: log as Log,
    accessLog: () => undefined,
    use() {},
    end: async () => {},
  });
  const edge = await openEdge({ env, readFile, version: "0", logging });
  return { ...edge, log, [Symbol.asyncDispose]: edge.close };
}

/** Platforms, and how they name the peer. */
const PLATFORMS: readonly (readonly [string, unknown, string])[] = [
  [
    "gives the address",
    { remoteAddr: { transport: "tcp", hostname: "10.1.2.3", port: 4 } },
    "10.1.2.3",
  ],
  ["gives a socket", { remoteAddr: { transport: "unix", path: "/run/x" } }, "unknown"],
  ["gives something else", { remoteAddr: { hostname: 7 } }, "unknown"],
  ["gives an empty address", { remoteAddr: { hostname: "" } }, "unknown"],
  ["gives nothing", {}, "unknown"],
  ["gives no second argument", undefined, "unknown"],
];

for (const [what, info, expected] of PLATFORMS) {
  Deno.test(`On a platform that ${what} the upstream hears of the client ${expected}.`, async () => {
    await using around = await surroundings();
    await using edge = await open(around.env);
    const { authorization } = around;
    const request = new Request("https://here/x", {
      headers: { authorization, host: "here", "x-forwarded-for": "9.9.9.9" },
    });
    const response = await edge.fetch(request, info as EdgeInfo);
    assertEquals([response.status, await response.text()], [200, "hello"]);
    const headers = around.upstream.requests[0]?.headers;
    assertEquals(headers?.get("x-forwarded-for"), expected);
    assertEquals(headers?.get("x-forwarded-proto"), "http");
  });
}

Deno.test("On Deno Deploy the URL says whether a request came over TLS, and whose it is.", async () => {
  await using around = await surroundings();
  await using edge = await open({ ...around.env, DENO_DEPLOYMENT_ID: "abc" });
  for (const [url, expected] of [["https://here/x", "https"], ["http://here/x", "http"]] as const) {
    const { authorization } = around;
    const headers: Record<string, string> = { authorization, host: "here" };
    const response = await edge.fetch(new Request(url, { headers }));
    assertEquals(await response.text(), "hello");
    const sent = around.upstream.requests.at(-1)?.headers;
    assertEquals([sent?.get("x-forwarded-proto"), sent?.get("host")], [expected, "here"]);
  }
});

Deno.test("A secret can come from a file where the platform has files; a missing one is reported.", async () => {
  await using around = await surroundings();
  const env = { ...around.env, CLIENT_SECRET_FILE: "/run/secret" };
  await using edge = await open(env, () => ok("a secret that no one can guess, at least 32 bytes"));
  assertEquals(edge.log.lines.filter(({ level }) => level === "error"), []);
  await using broken = await open(env);
  assertEquals(broken.log.lines.map(({ level }) => level), ["error"]);
  assertIncludes(broken.log.text(), "CLIENT_SECRET_FILE");
  assertEquals((await broken.fetch(new Request("http://here/"))).status, 500);
});

Deno.test("Problems that show when certificates are opened are reported in the same way.", async () => {
  await using around = await surroundings();
  await using edge = await open({ ...around.env, UPSTREAM_CA_FILE: "/not/there.pem" });
  assertIncludes(edge.log.text(), "UPSTREAM_CA_FILE");
  assertEquals((await edge.fetch(new Request("http://here/"))).status, 500);
});

Deno.test("Importing the handler starts nothing.", async () => {
  const { default: handler } = await import("../../serve.ts");
  assert(typeof handler.fetch === "function");
  assertEquals(Object.keys(handler), ["fetch"]);
});
