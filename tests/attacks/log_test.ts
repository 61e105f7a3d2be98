/** The log's way out fails: a full disk, a reader that is gone or does not read. Nobody notices but the log. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { freePort } from "../support/free_port.ts";
import { type ErrorsTo, projectFile, startProcess } from "../support/process.ts";
import { eventually, seriesOf, type Service, startService } from "../e2e/harness.ts";

/** For each worker. Each leaves a line of 1.3 kB: together more than a worker's queue and a pipe hold. */
const REFUSALS = 1300;

/** How many requests run at once. */
const AT_ONCE = 20;

/** How long a program may take to end, in milliseconds: far less than `SHUTDOWN_TIMEOUT_SECS`. */
const END_LIMIT_MS = 5_000;

/** A service whose log cannot be asked for its addresses. */
interface Mute extends AsyncDisposable {
  readonly service: Service;
  readonly url: string;
  admin(path: string): Promise<{ status: number; text: string }>;
}

async function start(
  workers: number,
  errorsTo: ErrorsTo,
  settings: Record<string, string> = {},
): Promise<Mute> {
  const [url, adminUrl] = [freePort(), freePort()].map((port) => `http://127.0.0.1:${port}`);
  assert(url !== undefined && adminUrl !== undefined);
  const service = await startService({
    wait: false,
    errorsTo,
    settings: {
      LISTEN_URL: url.slice("http://".length),
      ADMIN_URL: adminUrl.slice("http://".length),
      NUM_WORKERS: String(workers),
      LOG_REFUSALS_PER_SEC: "unlimited",
      ...settings,
    },
  });
  const admin = (path: string) => get(adminUrl + path);
  try {
    await eventually(
      "a ready service",
      async () => (await admin("/readyz").catch(() => undefined))?.status === 200,
      service.process,
    );
  } catch (error) {
    await service.process.close();
    throw error;
  }
  return { service, url, admin, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() };
}

async function get(url: string, token?: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(5_000),
  });
  return { status: response.status, text: await response.text() };
}

/** Requests without a token; the statuses they got, with how often. */
async function refusals(url: string, requests: number): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  const path = "/" + "x".repeat(1100);
  let left = requests;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const status = await get(url + path).then(({ status }) => status, () => "no response");
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status !== 401) left = 0;
    }
  }));
  return statuses;
}

async function endsInTime({ service }: Mute): Promise<void> {
  const began = performance.now();
  service.process.signal("SIGTERM");
  const { code } = await service.process.ended();
  assertEquals(code, 0);
  assert(performance.now() - began < END_LIMIT_MS);
}

const SINKS: readonly (readonly [ErrorsTo | "gone reader", boolean])[] = [
  ["full disk", true],
  ["gone reader", true],
  ["unread pipe", true],
  ["closed descriptor", false],
];

for (const workers of [1, 2]) {
  const many = REFUSALS * workers;

  for (const [sink, drops] of SINKS) {
    Deno.test(`With ${workers} workers and a log that goes to: ${sink}, every request gets its response.`, async () => {
      await using mute = await start(workers, sink === "gone reader" ? "unread pipe" : sink);
      const { service, url, admin } = mute;
      if (sink === "gone reader") await service.process.dropErrors();
      const token = await service.token();
      assertEquals(await refusals(url, many), { 401: many });
      assertEquals((await get(url + "/good", token)).text, "echo /good");
      assertEquals((await admin("/livez")).status, 200);
      assertEquals((await admin("/readyz")).status, 200);
      const metrics = seriesOf((await admin("/metrics")).text);
      assertEquals(metrics.get("ooproxy_workers"), workers);
      assertEquals(metrics.get("ooproxy_worker_restarts_total"), 0);
      const dropped = metrics.get("ooproxy_log_lines_dropped_total") ?? NaN;
      assertEquals([dropped > 0, dropped <= many + 1], [drops, true], String(dropped));
      await endsInTime(mute);
    });
  }

  Deno.test(`With ${workers} workers a log that is read again says how many lines were dropped.`, async () => {
    await using mute = await start(workers, "unread pipe");
    const { service, url, admin } = mute;
    assertEquals(await refusals(url, many), { 401: many });
    service.process.readErrors();
    // Every line is whole, also where several processes wrote at once: `log` reads each as JSON.
    const dropped = () =>
      service.log().filter(({ msg }) => msg === "log lines dropped")
        .reduce((sum, { lines }) => sum + Number(lines), 0);
    const logged = () => service.log().filter(({ msg }) => msg === "request").length;
    await eventually("every line or its count", () => logged() + dropped() === many);
    assert(dropped() > 0);
    const { text } = await admin("/metrics");
    assertEquals(seriesOf(text).get("ooproxy_log_lines_dropped_total"), dropped());
    await get(url + "/again");
    await service.logged("request", { path: "/again" });
    await endsInTime(mute);
  });

  Deno.test(`With ${workers} workers no line is lost at the end of a healthy log.`, async () => {
    await using mute = await start(workers, "reader");
    const { service, url } = mute;
    assertEquals(await refusals(url, many), { 401: many });
    await endsInTime(mute);
    const lines = service.log();
    assertEquals(lines.filter(({ msg }) => msg === "request").length, many);
    assertIncludes(String(lines.at(-1)?.msg), "shutdown complete");
  });
}

Deno.test("A pipe that is full from the start neither holds the start up nor its end.", async () => {
  await using mute = await start(2, "filled pipe");
  assertEquals((await get(mute.url)).status, 401);
  await endsInTime(mute);
});

/** The lines of requests, and how many were counted instead, by reason. */
function requestLines(service: Service) {
  const lines = service.log();
  const unlogged = lines.filter(({ msg }) => msg === "refusals not logged");
  const sum = (name: string) => unlogged.reduce((sum, line) => sum + Number(line[name] ?? 0), 0);
  return { logged: lines.filter(({ msg }) => msg === "request"), sum };
}

Deno.test("Refusals without a verified token leave a few lines a second, the rest is counted by reason.", async () => {
  await using service = await startService({
    settings: { NUM_WORKERS: "1", LOG_REFUSALS_PER_SEC: "7" },
  });
  const began = performance.now();
  const expired = await service.token({ exp: 1 });
  assertEquals(await refusals(service.url(), 300), { 401: 300 });
  for (let i = 0; i < 20; i++) assertEquals((await get(service.url(), expired)).status, 401);
  for (let i = 0; i < 30; i++) assertEquals((await service.get("/good")).status, 200);
  // The counts of the second that runs are written before the end.
  service.process.signal("SIGTERM");
  await service.process.ended();
  const { logged, sum: total } = requestLines(service);
  const refused = logged.filter(({ status }) => status === 401);
  const windows = Math.ceil((performance.now() - began) / 1000) + 1;
  assert(refused.length >= 7 && refused.length <= 7 * windows, `${refused.length} lines`);
  assertEquals(total("requests"), total("missing_token") + total("expired"));
  assertEquals(refused.length + total("requests"), 320);
  assertEquals(logged.length - refused.length, 30);
});

Deno.test("A reload changes how many refusals are logged, down to none.", async () => {
  await using service = await startService({ toml: "log_refusals_per_sec = 0\n" });
  assertEquals(await refusals(service.url(), 50), { 401: 50 });
  const counted = () => requestLines(service).sum("missing_token");
  await eventually("the counts", () => counted() === 50, service.process);
  assertEquals(requestLines(service).logged, []);
  await Deno.writeTextFile(`${service.dir}/settings.toml`, 'log_refusals_per_sec = "unlimited"\n');
  service.process.signal("SIGHUP");
  await service.logged("configuration reloaded");
  assertEquals(await refusals(service.url(), 300), { 401: 300 });
  await eventually("every line", () => requestLines(service).logged.length === 300);
  assertEquals(counted(), 50);
});

/** Settings with nothing behind the addresses. */
const BEHIND = { PROVIDER_URL: "http://127.0.0.1:9", UPSTREAM_URL: "http://127.0.0.1:9" };

for (const errorsTo of ["full disk", "filled pipe"] as const) {
  Deno.test(`A start that fails ends with its exit code when the log goes to: ${errorsTo}.`, async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const inUse = { ...BEHIND, LISTEN_URL: `127.0.0.1:${taken.addr.port}`, ADMIN_URL: "off" };
    for (const [env, expected] of [[{}, 64], [inUse, 1]] as const) {
      await using process = startProcess({ env, errorsTo });
      assertEquals((await process.ended(END_LIMIT_MS)).code, expected);
    }
  });
}

Deno.test("What was logged before a start fails is there, and before the error.", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const LISTEN_URL = `127.0.0.1:${taken.addr.port}`;
  await using process = startProcess({ env: { ...BEHIND, LISTEN_URL, ADMIN_URL: "off" } });
  assertEquals((await process.ended()).code, 1);
  const [starting, , warning, error] = process.stderr;
  assertIncludes(starting ?? "", '"starting"');
  assertIncludes(warning ?? "", "AUDIENCE");
  assertIncludes(error ?? "", "error: ");
});

/** Runs a command line of a shell in which `ooproxy` is the program. */
async function shell(line: string): Promise<{ code: number; out: string; errors: string }> {
  const program = `ooproxy() { "${Deno.execPath()}" run --quiet -A "${
    projectFile("main.ts")
  }" "$@"; }`;
  const { code, stdout, stderr } = await new Deno.Command("/bin/bash", {
    args: ["-o", "pipefail", "-c", `${program}; ${line}`],
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), errors: text(stderr) };
}

Deno.test("A command whose reader has seen enough ends without a word.", async () => {
  const demo = await shell("ooproxy demo --once | head -n 1");
  assertEquals([demo.code, demo.errors], [0, ""]);
  assertIncludes(demo.out, "provider");
  const help = await shell("(sleep 0.5; ooproxy help all) | true");
  assertEquals([help.code, help.errors], [0, ""]);
});

Deno.test("A command that cannot write what it was asked for says so and fails.", async () => {
  const { code, errors } = await shell("ooproxy help all >/dev/full");
  assertEquals(code, 1);
  assertIncludes(errors, "error: cannot write to the standard output");
  assertExcludes(errors, "Uncaught");
});
