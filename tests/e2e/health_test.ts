/** `health`: what a container engine runs to find out whether the program is well. */
import { askHealth, healthTarget } from "../../src/app/health.ts";
import { settings } from "../support/settings.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { startProcess } from "../support/process.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startService } from "./harness.ts";

const TARGETS: readonly (readonly [Record<string, string>, string])[] = [
  [{}, "ADMIN_URL 127.0.0.1:9110"],
  [{ ADMIN_URL: ":9000" }, "ADMIN_URL 127.0.0.1:9000"],
  [{ ADMIN_URL: "0.0.0.0:9000" }, "ADMIN_URL 127.0.0.1:9000"],
  [{ ADMIN_URL: "[::]:9000" }, "ADMIN_URL ::1:9000"],
  [{ ADMIN_URL: "[0:0:0:0:0:0:0:0]:9000" }, "ADMIN_URL ::1:9000"],
  [{ ADMIN_URL: "[::1]:9000" }, "ADMIN_URL ::1:9000"],
  [{ ADMIN_URL: "[fe80::1:0]:9000" }, "ADMIN_URL fe80::1:0:9000"],
  [{ ADMIN_URL: "10.0.0.1:9000" }, "ADMIN_URL 10.0.0.1:9000"],
  [{ ADMIN_URL: "localhost:9000" }, "ADMIN_URL localhost:9000"],
  [{ ADMIN_URL: "off", LISTEN_URL: "http://[::]:80/" }, "LISTEN_URL ::1:80"],
  [{ ADMIN_URL: ":0", LISTEN_URL: ":80" }, "LISTEN_URL 127.0.0.1:80"],
  [
    { ADMIN_URL: "off", LISTEN_URL: ":0", LISTEN_SSL_URL: ":443", CERT_FILE: "a.pfx" },
    "LISTEN_SSL_URL 127.0.0.1:443",
  ],
  [{ ADMIN_URL: "off" }, "no listener"],
];

for (const [env, expected] of TARGETS) {
  Deno.test(`With ${JSON.stringify(env)} health asks ${expected}.`, () => {
    const target = healthTarget(settings(env));
    const { hostname, port } = target?.address ?? {};
    assertEquals(
      target === undefined ? "no listener" : `${target.setting} ${hostname}:${port}`,
      expected,
    );
  });
}

/** What the command says about a program, with the fewest permissions and a useless HTTP proxy. */
async function health(env: Readonly<Record<string, string>>) {
  await using process = startProcess({
    args: ["health"],
    env: {
      PROVIDER_URL: "http://127.0.0.1:9",
      UPSTREAM_URL: "http://127.0.0.1:9",
      HTTP_PROXY: "http://127.0.0.1:9",
      ...env,
    },
    denoFlags: ["--allow-net", "--allow-env", "--allow-read"],
  });
  const { code } = await process.ended();
  return { code, stdout: process.stdout, stderr: process.stderr };
}

Deno.test("A program is healthy while it is ready, and its own words say why it is not.", async () => {
  const service = await startService({ settings: { NUM_WORKERS: "1" } });
  const address = new URL(service.adminUrl()).host;
  try {
    const env = { ADMIN_URL: address, LISTEN_URL: ":1" };
    assertEquals(await health(env), {
      code: 0,
      stdout: [`healthy: ADMIN_URL ${address} is ready`],
      stderr: [],
    });
    await service.provider.refuse();
    assertEquals((await service.get()).status, 503);
    assertEquals(await health(env), {
      code: 1,
      stdout: [],
      stderr: [
        `unhealthy: ADMIN_URL ${address} is not ready (status 503); keys none: JWKS fetch failed`,
      ],
    });
  } finally {
    await service[Symbol.asyncDispose]();
  }
  assertEquals(await health({ ADMIN_URL: address, LISTEN_URL: ":1" }), {
    code: 1,
    stdout: [],
    stderr: [`unhealthy: ADMIN_URL ${address} refuses connections`],
  });
});

Deno.test("Without an admin listener any response of a public one suffices; over TLS a connection.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf");
  const off = { ADMIN_URL: "off", CERT_FILE: `${authority.dir}/leaf.pfx`, CERT_PASSWORD: "secret" };
  await using service = await startService({
    settings: { ...off, NUM_WORKERS: "1", LISTEN_SSL_URL: "127.0.0.1:0" },
  });
  const [plain, secure] = service.urls().map((url) => new URL(url).host);
  assert(plain !== undefined && secure !== undefined);
  const asked = await askHealth(settings({ ...off, LISTEN_URL: plain }));
  assertEquals(asked, { ok: true, value: `LISTEN_URL ${plain} responds with status 401` });
  const env = settings({ ...off, LISTEN_URL: ":0", LISTEN_SSL_URL: secure });
  assertEquals(await askHealth(env), {
    ok: true,
    value: `LISTEN_SSL_URL ${secure} accepts connections`,
  });
  assertEquals(service.upstream.requests.length, 0);
});

Deno.test("Wrong settings, and settings that leave no listener to ask, end health with 64.", async () => {
  const wrong = await health({ LEEWAY: "-1" });
  assertEquals([wrong.code, wrong.stdout], [64, []]);
  assertIncludes(wrong.stderr.join("\n"), "LEEWAY");
  assertIncludes(wrong.stderr.join("\n"), "LISTEN_URL");
  const outcome = await health({ ADMIN_URL: "off", LISTEN_URL: ":0" });
  assertEquals([outcome.code, outcome.stdout, outcome.stderr.length], [64, [], 1]);
  assertIncludes(outcome.stderr[0] ?? "", "no listener to ask");
});

/** A listener that reads what comes and sends these bytes; closes then, unless they are endless. */
function responding(bytes: Uint8Array | undefined, endless = false) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const connection of listener) {
      try {
        await connection.read(new Uint8Array(1024));
        if (bytes === undefined) await connection.read(new Uint8Array(1));
        else do await connection.write(bytes); while (endless);
      } catch {
        // The other side had enough.
      }
      connection.close();
    }
  })();
  return {
    address: `127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const STRANGERS: readonly (readonly [string, Uint8Array, string])[] = [
  ["speaks no HTTP", bytesOf("220 mail ready\r\n"), "sent no HTTP response"],
  ["says nothing", bytesOf(""), "sent no HTTP response"],
  ["knows no /readyz", bytesOf("HTTP/1.1 404 Not Found\r\n\r\nx"), "is not ready (status 404)"],
  [
    "sends control characters",
    bytesOf("HTTP/1.1 503 No\r\n\r\n[-]\x1b[2J\n"),
    "is not ready (status 503); \\u001b[2J",
  ],
];

for (const [what, bytes, expected] of STRANGERS) {
  Deno.test(`A program at the admin address that ${what} is not healthy.`, async () => {
    await using stranger = responding(bytes);
    const asked = await askHealth(settings({ ADMIN_URL: stranger.address }));
    assertEquals(asked, {
      ok: false,
      failure: { text: `ADMIN_URL ${stranger.address} ${expected}`, exitCode: 1 },
    });
  });
}

Deno.test("Of a response without end only the beginning is read.", async () => {
  await using stranger = responding(bytesOf(`HTTP/1.1 200 OK\r\n\r\n${"x".repeat(1000)}`), true);
  const asked = await askHealth(settings({ ADMIN_URL: stranger.address }));
  assertEquals(asked, { ok: true, value: `ADMIN_URL ${stranger.address} is ready` });
});

Deno.test("A program that does not respond in time is not healthy.", async () => {
  await using stranger = responding(undefined);
  const asked = await askHealth(settings({ ADMIN_URL: stranger.address }), 50);
  const text = `ADMIN_URL ${stranger.address} did not respond within 0.05 s`;
  assertEquals(asked, { ok: false, failure: { text, exitCode: 1 } });
});
