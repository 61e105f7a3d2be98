/** The program with the permissions that it is started with in earnest, and everything that it can do. */
import { permissionFlags } from "../../src/runtime/permissions.ts";
import { BINARY_PERMISSIONS } from "../../tools/permissions.ts";
import { TASK_COMMANDS } from "../../tools/tasks.ts";
import { assert, assertEquals, assertIncludes, assertMatch } from "../support/assert.ts";
import { makeAuthority, PASSWORD, type TestAuthority } from "../support/pfx.ts";
import { projectFile, startProcess } from "../support/process.ts";
import { startProvider } from "../support/provider.ts";
import { forProcess, taskFlags } from "../support/task_flags.ts";
import { defaultClaims, publicJwk, rsaKey, signHsToken } from "../support/tokens.ts";
import { httpUpstream, type UpstreamHandler } from "../support/upstream.ts";
import { echo, eventually, kid, type Service, startService } from "./harness.ts";

const SECRET = "the-secret-of-hs-tokens-0123456789";

/** What a permission that is missing, or asked for, looks like in any output. */
const MISSING = /NotCapable|run again with|Deno requests|no permission|Allow\?/;

/** Responds like `echo`, and opens WebSockets that send everything back. */
const upstreamHandler: UpstreamHandler = (request, recorded) => {
  if (request.headers.get("upgrade") !== "websocket") return echo(request, recorded);
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(data);
  return response;
};

/** A collector of traces on a free port of 127.0.0.1. */
function startCollector() {
  let exports = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    await request.body?.cancel();
    if (request.url.endsWith("/v1/traces")) exports++;
    return Response.json({});
  });
  return {
    exports: () => exports,
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Everything that settings can name, in the folder of an authority. */
async function withEverything(
  use: (scene: {
    authority: TestAuthority;
    settings: Record<string, string>;
    issuer: string;
  }) => Promise<void>,
): Promise<void> {
  await using authority = await makeAuthority();
  const { dir } = authority;
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { others: ["inner", "outer"] });
  const chain = await Promise.all(["leaf", "inner", "outer"].map(authority.certificate));
  const tls = { cert: chain.join(""), key: await Deno.readTextFile(`${dir}/leaf.key`) };
  await using provider = startProvider({ keys: [publicJwk(await rsaKey(), { kid: kid() })], tls });
  await using upstream = httpUpstream(upstreamHandler, tls);
  await Deno.mkdir(`${dir}/state`);
  await Deno.writeTextFile(`${dir}/password`, `${PASSWORD}\n`);
  await Deno.writeTextFile(`${dir}/secret`, SECRET);
  await use({
    authority,
    issuer: provider.url,
    settings: {
      LISTEN_SSL_URL: "127.0.0.1:0",
      CERT_FILE: `${dir}/leaf.pfx`,
      CERT_PASSWORD_FILE: `${dir}/password`,
      PROVIDER_URL: provider.url,
      PROVIDER_CA_FILE: `${dir}/root.crt`,
      CLIENT_SECRET_FILE: `${dir}/secret`,
      KEY_CACHE_FILE: `${dir}/state/keys.json`,
      UPSTREAM_URL: upstream.url,
      UPSTREAM_CA_FILE: `${dir}/root.crt`,
      UPSTREAM_CERT_FILE: `${dir}/leaf.pfx`,
      UPSTREAM_CERT_PASSWORD_FILE: `${dir}/password`,
      WATCH_FILES: "true",
    },
  });
}

/** Calls a service in every way that it has, and has it read its settings again. */
async function driveAll(
  service: Service,
  { dir, certificate }: TestAuthority,
  issuer: string,
  settingsFile: string,
): Promise<void> {
  const authorization = `Bearer ${await service.token({ iss: issuer })}`;
  assertEquals((await service.get("/plain", { headers: { authorization } })).text, "echo /plain");
  const hs = await signHsToken(SECRET, defaultClaims(Date.now(), { iss: issuer }));
  const secret = await service.get("/hs", { headers: { authorization: `Bearer ${hs}` } });
  assertEquals(secret.text, "echo /hs");
  using client = Deno.createHttpClient({ caCerts: [await certificate("root")] });
  const secure = service.urls().find((url) => url.startsWith("https:")) ?? "";
  const response = await fetch(`${secure}/tls`, { headers: { authorization }, client });
  assertEquals(await response.text(), "echo /tls");
  assertEquals((await service.get("/none", { headers: { authorization: "" } })).status, 401);

  const socket = new WebSocket(`${service.url().replace("http", "ws")}/ws`, {
    headers: { authorization },
  });
  assertEquals(await sentBack(socket, "over the relay"), "over the relay");
  for (const path of ["/livez", "/readyz", "/metrics"]) {
    assertEquals((await service.admin(path)).status, 200);
  }
  const cache = `${dir}/state/keys.json`;
  await eventually("the key cache", () => Deno.readTextFileSync(cache).includes(kid()));

  const inUse = () => service.log().filter(({ msg }) => msg === "configuration reloaded").length;
  service.process.signal("SIGHUP");
  await eventually("a reload", () => inUse() === 1, service.process);
  await Deno.writeTextFile(settingsFile, "leeway = 2\n");
  await eventually("a reload of what is watched", () => inUse() === 2, service.process);
  assertEquals((await service.get("/after", { headers: { authorization } })).status, 200);
}

/** What comes back for a message; the socket is closed after it. */
async function sentBack(socket: WebSocket, message: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const closed = new Promise((over) => socket.onclose = over);
  socket.onopen = () => socket.send(message);
  socket.onmessage = ({ data }) => resolve(data);
  socket.onerror = () => reject(new Error("the WebSocket failed"));
  try {
    return await promise;
  } finally {
    socket.close();
    await closed;
  }
}

/** Stops the service, which has to end well and without a word about permissions. */
async function endWell({ process }: Service): Promise<void> {
  process.signal("SIGTERM");
  assertEquals((await process.ended()).code, 0, process.output());
  assertEquals(process.output().split("\n").filter((line) => MISSING.test(line)), []);
}

/** The flags that `check` prints for these settings. */
async function exactFlags(dir: string, settings: Record<string, string>): Promise<string[]> {
  await using process = startProcess({
    cwd: dir,
    args: ["check"],
    env: { LISTEN_URL: "127.0.0.1:0", ADMIN_URL: "127.0.0.1:0", ...settings },
    denoFlags: taskFlags("start"),
  });
  assertEquals((await process.ended()).code, 0, process.output());
  const command = process.stdout.at(-1) ?? "";
  assertMatch(command, / \S+\/main\.ts$/);
  return command.split(" ").slice(2, -2);
}

for (const workers of ["1", "2"]) {
  Deno.test(`The start task's permissions suffice for everything, with NUM_WORKERS=${workers}.`, async () => {
    await withEverything(async ({ authority, settings, issuer }) => {
      await using collector = startCollector();
      // The one folder that is open for writing is the system's own: here another stands for it.
      const flags = [...taskFlags("start"), `--allow-write=${authority.dir}/state`];
      const options = { settings: { ...settings, NUM_WORKERS: workers }, env: collector.env };
      await using service = await startService({
        ...options,
        denoFlags: flags,
        toml: "leeway = 1\n",
      });
      await driveAll(service, authority, issuer, `${service.dir}/settings.toml`);
      await eventually("traces", () => collector.exports() > 0);
      await endWell(service);
    });
  });
}

Deno.test("The permissions that check prints suffice for everything.", async () => {
  await withEverything(async ({ authority, settings, issuer }) => {
    const all = { ...settings, NUM_WORKERS: "2" };
    const exact = await exactFlags(authority.dir, all);
    assert(!exact.includes("--allow-read"), exact.join(" "));
    // The service has a working directory of its own, so its settings file is named.
    const file = `${authority.dir}/settings.toml`;
    await Deno.writeTextFile(file, "leeway = 1\n");
    const args = ["serve", "--config", file];
    await using service = await startService({
      settings: all,
      args,
      denoFlags: forProcess(exact),
    });
    await driveAll(service, authority, issuer, file);
    await endWell(service);
  });
});

Deno.test("A file that is not named cannot be read, and the start says which setting needs it.", async () => {
  await using authority = await makeAuthority();
  await Deno.writeTextFile(`${authority.dir}/secret`, SECRET);
  const settings = {
    CLIENT_SECRET_FILE: `${authority.dir}/secret`,
    PROVIDER_URL: "http://127.0.0.1:9",
    UPSTREAM_URL: "http://127.0.0.1:9",
  };
  const flags = (await exactFlags(authority.dir, settings)).map((flag) =>
    flag.replace(`,${authority.dir}/secret`, "")
  );
  await using process = startProcess({
    cwd: authority.dir,
    env: { LISTEN_URL: "127.0.0.1:0", ...settings },
    denoFlags: forProcess(flags),
  });
  assertEquals((await process.ended()).code, 64, process.output());
  assertIncludes(process.output(), "CLIENT_SECRET_FILE");
  assertMatch(process.output(), MISSING);
});

Deno.test("A misspelt setting is reported with the start task's permissions.", async () => {
  await using process = startProcess({
    args: ["check"],
    env: { LISTEN_URL: ":0", PROVIDER_URI: "http://127.0.0.1:9", UPSTREAM_URL: "http://h" },
    denoFlags: taskFlags("start"),
  });
  assertEquals((await process.ended()).code, 64);
  assertIncludes(process.output(), "PROVIDER_URI is set: is PROVIDER_URL meant?");
});

Deno.test("With permission for single variables and no more, misspelt ones are not seen, and all else is as ever.", async () => {
  await using process = startProcess({
    args: ["check"],
    env: {
      LISTEN_URL: ":0",
      PROVIDER_URL: "http://127.0.0.1:9",
      PROVIDER_URI: "x",
      UPSTREAM_URL: "http://127.0.0.1:9",
    },
    denoFlags: ["--allow-read", "--allow-env=LISTEN_URL,PROVIDER_URL,UPSTREAM_URL"],
  });
  assertEquals((await process.ended()).code, 0, process.output());
  assertEquals(process.stderr.filter((line) => line.includes("PROVIDER_URI")), []);
});

Deno.test("The binary's permissions, which its workers begin with, suffice to serve.", async () => {
  const flags = permissionFlags(BINARY_PERMISSIONS).map((flag) =>
    // Under `deno run` the program calls the runtime by its own path.
    flag.replace("/proc/self/exe", Deno.execPath())
  );
  await using service = await startService({ denoFlags: forProcess(flags) });
  assertEquals((await service.get("/few")).text, "echo /few");
  await endWell(service);
});

Deno.test("The demo runs with the permissions of its task.", async () => {
  const denoFlags = taskFlags("demo");
  await using process = startProcess({ args: ["demo", "--once"], denoFlags });
  assertEquals((await process.ended()).code, 0, process.output());
  assertEquals(process.output().split("\n").filter((line) => MISSING.test(line)), []);
});

/** `-A` among the flags of a command, and its long form. */
const EVERYTHING = /--allow-all\b|\bdeno\b[^\n]*\s-[B-Za-z]*A[A-Za-z]*\b/;

Deno.test("No document asks to start the program with every permission, and nothing does.", async () => {
  // Tasks that test and measure start other programs, read /proc and write reports: they keep it.
  const { tasks } = JSON.parse(await Deno.readTextFile(projectFile("deno.json")));
  const texts = new Map<string, string>();
  for (const task of [...Object.keys(TASK_COMMANDS), "install"]) {
    texts.set(`task ${task}`, tasks[task].command);
  }
  for (const file of ["Dockerfile", "README.md", ...filesBelow("deploy")]) {
    const text = await Deno.readTextFile(projectFile(file));
    // The measuring programs again.
    texts.set(file, text.replaceAll(/deno run -A tests\/\S+/g, ""));
  }
  assertEquals([...texts].filter(([, text]) => EVERYTHING.test(text)).map(([name]) => name), []);
  for (
    const broken of ["deno run -A main.ts", "deno run --allow-all x", "deno serve -qA main.ts"]
  ) {
    assertMatch(broken, EVERYTHING);
  }
});

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(projectFile(folder))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}
