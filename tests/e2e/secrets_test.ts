/** Where secrets may not be seen: other processes' view of the workers, the log, the metrics. */
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertExcludes, assertMatch } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { rawRequest } from "../support/raw.ts";
import {
  breakSignature,
  defaultClaims,
  rsaKey,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { type ConnectionScript, rawUpstream } from "../support/upstream.ts";
import { protect, SECRET, TRANSPORTS } from "../proxy/harness.ts";
import { freePort } from "../support/free_port.ts";
import { eventually, kid, startService } from "./harness.ts";

const CLIENT_SECRET = "client-secret-7f3a9c1e5b2d8f60-Zq";
const PASSWORD = "certificate-password-41c7";
const UPSTREAM_PASSWORD = "upstream-password-83e0";

/** Whether the memory of a process holds a text, in one byte a character as the runtime keeps it. */
function holds(pid: number, text: string): boolean {
  using memory = Deno.openSync(`/proc/${pid}/mem`);
  const wanted = Buffer.from(text);
  const maps = Deno.readTextFileSync(`/proc/${pid}/maps`).split("\n");
  for (const map of maps) {
    const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(map) ?? [];
    if (from === "") continue;
    const bytes = new Uint8Array(Number.parseInt(to, 16) - Number.parseInt(from, 16));
    try {
      memory.seekSync(BigInt(`0x${from}`), Deno.SeekMode.Start);
      const read = memory.readSync(bytes) ?? 0;
      if (Buffer.from(bytes.buffer, 0, read).includes(wanted)) return true;
    } catch {
      // A part that cannot be read, such as one that was only reserved.
    }
  }
  return false;
}

Deno.test("Neither arguments nor environment of a worker hold a setting or a secret.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { password: PASSWORD });
  await authority.leaf("client", "P-256");
  await authority.pfx("client", { password: UPSTREAM_PASSWORD });
  await using service = await startService({
    settings: {
      CLIENT_SECRET,
      LISTEN_SSL_URL: "127.0.0.1:0",
      CERT_FILE: `${authority.dir}/leaf.pfx`,
      CERT_PASSWORD: PASSWORD,
      UPSTREAM_CERT_FILE: `${authority.dir}/client.pfx`,
      UPSTREAM_CERT_PASSWORD: UPSTREAM_PASSWORD,
      AUDIENCE: '"test-audience"',
    },
    env: { KEPT_FOR_WORKERS: "yes" },
  });
  const workers = service.workers();
  assertEquals(workers.length, 2);
  for (const pid of workers) {
    const cmdline = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ");
    const environ = (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0");
    for (const secret of [CLIENT_SECRET, PASSWORD, "test-audience", service.provider.url]) {
      assertExcludes(cmdline, secret);
      assertExcludes(environ.join("\n"), secret);
    }
    const names = environ.map((entry) => entry.split("=")[0] ?? "");
    assertEquals(names.filter((name) => SETTING_NAMES.some((one) => name.startsWith(one))), []);
    assert(names.includes("KEPT_FOR_WORKERS"), "other variables are kept");
    // What a worker may do: talk to the network.
    assertMatch(cmdline, / --allow-net /);
    assertExcludes(cmdline.replace("--allow-net", ""), "--allow");
  }
  // What opens files stays in the process that opens them; what verifies tokens has arrived.
  for (const pid of workers) {
    assertEquals([holds(pid, PASSWORD), holds(pid, UPSTREAM_PASSWORD)], [false, false]);
    assert(holds(pid, CLIENT_SECRET));
  }
  const token = await signHsToken(
    CLIENT_SECRET,
    defaultClaims(Date.now(), { iss: service.provider.url }),
  );
  const headers = { authorization: `Bearer ${token}` };
  assertEquals((await service.get("/hs", { headers })).text, "echo /hs");
});

/** Characters that end lines, act on terminals or turn text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** Bytes that would end a line, colour a screen or move a cursor. */
const CONTROL = "\x1b[31m\x07\x9b";

Deno.test("A busy run at LOG_LEVEL=all shows no token, secret or query, and every line is one JSON object.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "3", LOG_LEVEL: "all", LOG_FORMAT: "json", CLIENT_SECRET },
  });
  const { provider } = service;
  const now = Date.now();
  const good = await service.token({ sub: "the subject", client_id: "the client" });
  const claims = defaultClaims(now, { iss: provider.url });
  const tokens = [
    good,
    await service.token({ exp: 1_000_000 }),
    await service.token({ aud: 7, sub: `evil\n{"level":"info"}${CONTROL}`, azp: "x\r\ny" }),
    await service.token({ iss: "http://elsewhere.test" }),
    // Longer than what a pipe takes whole.
    await service.token({ sub: "é\x1b".repeat(1500), azp: "z".repeat(3000) }),
    await service.token({}, { kid: `unknown\n${CONTROL}` }),
    await signToken(await rsaKey(2), claims, { kid: kid() }),
    breakSignature(good),
    await signHsToken(CLIENT_SECRET, claims),
    await signHsToken("another secret that is long enough 1", claims),
    `${good.slice(0, -20)}!!!!`,
    "opaque-token-value-000111222",
  ];
  const queries = ["access_token=query-secret-1", "pw=query-secret-2%0a%1b", "k=query-secret-3&x"];
  const paths = ["/plain", "/percent%0a%0d%1b%5b31m", "/a%22b%27c%7b%7d", "/%e2%80%ae", "/a;b=c"];
  const ids = ["well-formed.id", `bad id${CONTROL}`, 'bad"id', "x".repeat(200)];
  const port = Number(new URL(service.url()).port);
  const refusals: string[] = [];
  let sent = 0;
  for (let round = 0; round < 3; round++) {
    await Promise.all(tokens.flatMap((token, at) =>
      paths.map(async (path, other) => {
        const id = ids[(at + other) % ids.length] ?? "";
        const { status, text, body } = await rawRequest(
          port,
          `GET ${path}?${queries[other % queries.length]} HTTP/1.1\r\nHost: h\r\n` +
            `Authorization: Bearer ${token}\r\nX-Request-Id: ${id}\r\nCookie: c=cookie-secret\r\n` +
            `X-Api-Key: header-secret\r\nConnection: close\r\n\r\n`,
        );
        // Control bytes in a head are refused by the server itself, with nothing but a status.
        if (body !== "") sent++;
        if (status !== 200) refusals.push(text);
      })
    ));
  }
  await eventually(
    "a line for each request",
    () => service.log().filter(({ msg }) => msg === "request").length >= sent,
  );
  const pages = await Promise.all(
    ["/metrics", "/readyz", "/livez", "/", `/?access_token=${good}`].map((path) =>
      service.admin(path)
    ),
  );
  const shown = pages.map(({ text }) => text).join("\n");
  assertMatch(shown, /^ooproxy_requests_total/m);
  service.process.signal("SIGTERM");
  await service.process.ended();

  const output = service.process.output();
  const parts = tokens.flatMap((token) => token.split(".").filter((part) => part.length > 12));
  const secrets = [
    "query-secret",
    "cookie-secret",
    "header-secret",
    CLIENT_SECRET,
    "another secret",
  ];
  for (const secret of new Set([...tokens, ...parts, ...secrets])) {
    assertExcludes(output, secret);
    assertExcludes(shown, secret);
    assertExcludes(refusals.join("\n"), secret);
  }
  assert(refusals.length > sent / 2, "most of these tokens are bad");
  assertEquals(service.process.stderr.filter((line) => UNPRINTABLE.test(line)), []);
  assertEquals(service.process.stdout, []);
  const lines = service.log();
  assertEquals(lines.filter(({ msg }) => msg === "request").length, sent);
  assertEquals(lines.filter(({ level }) => level === "error"), []);
  assert(lines.every(({ time, level, msg }) => [time, level, msg].every((x) => x !== undefined)));
});

const RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

/** Upstreams that fail in ways that are logged. */
const FAILING: readonly (readonly [name: string, script: ConnectionScript | undefined])[] = [
  ["that is not running", undefined],
  ["that closes at once", () => {}],
  ["that speaks no HTTP", async (socket) => {
    await socket.readUntil("\r\n\r\n");
    // Broken in the very line that holds what it was sent.
    await socket.send(`SSH-2.0 ${socket.all().replaceAll(/[\r\n]/g, " ")}\r\n\r\n`);
  }],
  ["that aborts a response", async (socket) => {
    await socket.readUntil("\r\n\r\n");
    await socket.send(`${RESPONSE}part`);
    await socket.reset();
  }],
  ["whose field is broken", async (socket) => {
    const request = await socket.readUntil("\r\n\r\n");
    const token = /authorization: (.*)/i.exec(request)?.[1] ?? "";
    await socket.send(`HTTP/1.1 200 OK\r\nBroken ${token}\r\nContent-Length: 0\r\n\r\n`);
  }],
];

for (const transport of TRANSPORTS) {
  for (const [name, script] of FAILING) {
    Deno.test(`Over ${transport.name}, no failure of an upstream ${name} shows a token or a query.`, async () => {
      await using upstream = script === undefined ? undefined : await rawUpstream(script);
      const url = upstream?.url ?? `http://127.0.0.1:${freePort()}`;
      await using guarded = await protect(url, transport);
      const { proxy, token } = guarded;
      const fields = ["Cookie: c=cookie-secret", "X-Api-Key: header-secret"];
      const query = "?access_token=query-secret";
      const responses = [
        await guarded.ask(`GET /1${query}`, { fields }),
        await guarded.ask(`PUT /2${query}`, {
          fields: [...fields, "Content-Length: 11"],
          body: "body-secret",
        }),
        await guarded.ask(`GET http://user:userinfo-secret@client.test/3${query}`, { fields }),
        await guarded.ask(`GET /4${query}#fragment-secret`, { fields }),
        await guarded.ask(`GET /5${query}`, { fields: [...fields, "Authorization: Bearer x"] }),
        await guarded.ask(`POST /6${query}`, {
          fields: [...fields, "Content-Length: 01"],
          body: "x",
        }),
        await guarded.ask(`GET /\\7${query}`, { fields }),
      ];
      // Some are logged after their response has ended.
      await guarded.record(responses.length - 1);
      const logged = [
        ...responses.filter(({ status }) => status !== 200).map(({ text }) => text),
        ...proxy.log.lines.map((line) => JSON.stringify(line)),
        ...proxy.access.map((record) => JSON.stringify(record)),
      ].join("\n");
      assertMatch(logged, /"reason":"upstream_/);
      assertMatch(logged, /"reason":"repeated_credentials"/);
      assertMatch(logged, /"path":"\/1"/);
      for (const secret of [token, ...token.split("."), SECRET, "-secret", "access_token"]) {
        assertExcludes(logged, secret);
      }
    });
  }
}

Deno.test("No client can add a line to the pretty log.", async () => {
  await using service = await startService({
    settings: { LOG_FORMAT: "pretty", ADMIN_URL: "off" },
    wait: false,
  });
  const [, url = ""] = await service.process.waitForLine(/listening {2}url=(\S+)/);
  await service.process.waitForLine(/INFO {2}ready/);
  const subject = `mallory${CONTROL}\n12:00:00.000 INFO  request  status=200\u2028\u202e`;
  const token = await service.token({ sub: subject, client_id: "two words" });
  const { status } = await rawRequest(
    Number(new URL(url).port),
    `GET /%0a%1b HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
  );
  assertEquals(status, 200);
  const [line] = await service.process.waitForLine(/.*mallory.*/);
  assertMatch(line, /^\d\d:\d\d:\d\d\.\d{3} INFO {2}request {2}/);
  assertMatch(line, / {2}status=200 {2}/);
  assertMatch(line, / {2}subject="mallory\S*\\n12:00:00.000 INFO {2}request {2}status=200/);
  assertMatch(line, / {2}clientId="two words"/);
  assertEquals(
    service.process.stderr.filter((line) => UNPRINTABLE.test(line)),
    [],
  );
  assertEquals(service.process.stderr.filter((l) => l.startsWith("12:00:00.000")), []);
});

Deno.test("The access line says who asked for what and what became of it, and carries the request id.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "2" } });
  const token = await service.token({ sub: "s-1", client_id: "c-1" });
  const call = (headers: Record<string, string>, path: string) =>
    fetch(service.url() + path, { headers }).then(async (response) => {
      await response.body?.cancel();
      return response.headers.get("x-request-id");
    });
  const authorization = `Bearer ${token}`;
  const taken = await call({ authorization, "x-request-id": "mine-1" }, "/a/b?secret=1");
  assertEquals(taken, "mine-1");
  const { time, ...line } = await service.logged("request", { requestId: "mine-1" });
  assert(Math.abs(Date.parse(time) - Date.now()) < 10_000);
  assertEquals(Object.keys(line).sort(), [
    "bytes",
    "client",
    "clientId",
    "durationMs",
    "level",
    "method",
    "msg",
    "path",
    "requestId",
    "status",
    "subject",
    "upstreamMs",
  ]);
  assertEquals(
    [line.level, line.client, line.method, line.path, line.status, line.subject, line.clientId],
    ["info", "127.0.0.1", "GET", "/a/b", 200, "s-1", "c-1"],
  );
  assertEquals(line.bytes, "echo /a/b?secret=1".length);
  assert(Number(line.durationMs) >= Number(line.upstreamMs));
  assertEquals(service.upstream.requests[0]?.headers.get("x-request-id"), "mine-1");

  const made = await call({ authorization, "x-request-id": "not well formed!" }, "/c");
  assertMatch(made ?? "", /^[\w-]{36,}$/);
  assertEquals(service.upstream.requests[1]?.headers.get("x-request-id"), made);
  assertEquals((await service.logged("request", { requestId: made })).path, "/c");

  await call({ authorization: `Bearer ${await service.token({ exp: 1_000_000 })}` }, "/d");
  const refused = await service.logged("request", { path: "/d" });
  assertEquals([refused.status, refused.reason, refused.level], [401, "expired", "info"]);
  assertEquals(refused.subject, undefined);
});
