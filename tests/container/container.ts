/**
 * The container: built by buildah as Docker would build it, looked into, started and called:
 * `deno task test:container`. Needs root on Linux and takes about a minute, so it is not one of the
 * tests of `deno task test` and its name does not end in `_test.ts`; CI runs it after those.
 */
import { INPUT_NAMES } from "../../src/config/schema.ts";
import { eventually } from "../e2e/harness.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { projectFile } from "../support/process.ts";
import { build, builderIn, type ImageConfig, layersOf } from "./buildah.ts";
import { run, whyNot } from "./command.ts";
import { filesOf, listing, purposeOf, sumsOf } from "./contents.ts";
import { entryPoint, healthCheck } from "../../tools/dockerfile.ts";
import { type Image, runToEnd, start } from "./engine.ts";
import { contextWith, SECRETS } from "./context.ts";
import { say } from "./say.ts";
import { baseImages, makeStandIns } from "./stand_ins.ts";
import { openSurroundings } from "./surroundings.ts";

/** The most that all layers may take as a registry keeps them: 48 MB. */
const MOST_GZIP_BYTES = 48_000_000;

/** How it can be built; the two words come from users of the original and mean nothing. */
const FEATURES = ["tls", ""];

/** What differs between the containers here and those of an engine such as Docker. */
const DIFFERENCES = [
  "base images: made here, of the runtime that runs this test and of this machine's C library",
  "started by unshare, mount, chroot and setpriv (tests/container/enter.sh)",
  "as in an engine: the image's files, read-only; its user, variables, directory, entry point;",
  "  process 1 of a process table of its own; no capabilities, no new privileges",
  "not as in an engine: the network is the machine's, but no name of a server can be resolved;",
  "  no seccomp profile, no limits of memory and processes; the health check is called by the test",
];

Deno.test("The container.", async (t) => {
  const reason = await whyNot();
  if (reason !== undefined) {
    say(`Not run, no container can be built here: ${reason}`);
    await t.step({ name: `Not run: ${reason}`, ignore: true, fn() {} });
    return;
  }
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_container_" });
  const builder = builderIn(`${dir}/images`);
  try {
    await makeStandIns(builder);
    const context = await contextWith(`${dir}/context`);
    const configs: ImageConfig[] = [];
    for (const features of FEATURES) {
      const tag = `ooproxy-${configs.length}`;
      configs.push(await build(builder, context, tag, [`features=${features}`]));
      say(`buildah bud --build-arg features=${features}`);
    }
    const [config] = configs;
    assert(config !== undefined);
    const root = await builder.mount("ooproxy-0");
    const image: Image = { root, config: config.config };
    const layers = await layersOf(builder, "ooproxy-0", config, `${dir}/oci`);
    say("", ...DIFFERENCES, "", ...listing(layers, await filesOf(root)), "");

    await t.step("Both `features` of the original give the same image.", async () => {
      assertEquals(configs[1]?.config, config.config);
      assertEquals(await sumsOf(await builder.mount("ooproxy-1")), await sumsOf(root));
    });
    await t.step(`All layers together take at most ${MOST_GZIP_BYTES / 1e6} MB.`, () => {
      const bytes = layers.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0);
      assert(bytes > 0 && bytes <= MOST_GZIP_BYTES, `${bytes} bytes`);
      assertEquals(layers.length, 6);
    });
    await t.step("Nothing is in it that does not belong there.", () => contents(image));
    await t.step("The image says how it is started, by which user, and no secret.", async () => {
      about(config);
      assertEquals((await baseImages()).length, 2);
    });
    await t.step("The original's documented line works.", () => documentedLine(image, dir));
    await t.step("A mounted settings.toml is read.", () => settingsFile(image, dir));
    await t.step("What ends at once says why.", () => shortOnes(image));
  } finally {
    // Images hold mounts of their own, which buildah has to let go first.
    await builder.buildah("rm", "--all");
    await Deno.remove(dir, { recursive: true });
  }
});

async function contents({ root }: Image): Promise<void> {
  const files = await filesOf(root);
  assertEquals(files.filter(({ path }) => purposeOf(path) === undefined), []);
  // Set-user-id, set-group-id; writable for others than the owner.
  assertEquals(files.filter(({ mode }) => (mode & 0o6022) !== 0), []);
  const programs = files.filter(({ path, mode }) =>
    (mode & 0o111) !== 0 && purposeOf(path) !== "C library"
  );
  assertEquals(programs.map(({ path }) => path), ["/usr/bin/deno"]);
  // The one folder that the user may write to: a volume that is put there gets its owner.
  const state = await Deno.stat(`${root}/var/lib/ooproxy`);
  assertEquals([state.uid, state.gid], [65532, 65532]);
  const lockOf = async (path: string) => JSON.parse(await Deno.readTextFile(path)) as Lock;
  const lock = await lockOf(`${root}/opt/ooproxy/deno.lock`);
  const { npm: known } = await lockOf(projectFile("deno.lock"));
  assertEquals(Object.keys(lock.npm).map((name) => name.replace(/@[^@]*$/, "")), [
    "jose",
    "smol-toml",
  ]);
  for (const [name, { integrity }] of Object.entries(lock.npm)) {
    assertEquals(integrity, known[name]?.integrity, name);
  }
  // Texts alone: the runtime holds words of all kinds.
  const texts = [`${root}/app`, `${root}/etc`, `${root}/opt`, `${root}/deno-dir`];
  assertEquals(await filesWith("Deno.serve", texts) !== "", true);
  for (const secret of SECRETS) assertEquals(await filesWith(secret, texts), "");
  for (const name of ["fast-check", "oidc-provider"]) {
    const program = [`${root}/opt`, `${root}/deno-dir/gen`];
    assertEquals(await filesWith(`"${name}"`, program), "");
  }
}

/** The files that hold a text, one a line. */
async function filesWith(text: string, places: readonly string[]): Promise<string> {
  return (await run("grep", ["-rlF", "-e", text, ...places])).stdout;
}

interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

function about({ config, history }: ImageConfig): void {
  assertEquals(config.Entrypoint, entryPoint());
  assertEquals(config.Healthcheck.Test, ["CMD", ...healthCheck()]);
  assertEquals(config.Cmd, ["serve"]);
  assertEquals([config.User, config.WorkingDir, config.StopSignal], [
    "65532:65532",
    "/app",
    "SIGTERM",
  ]);
  assertEquals(Object.keys(config.ExposedPorts), ["8080/tcp", "8443/tcp"]);
  const labels = ["description", "licenses", "source", "title", "version"];
  assertEquals(
    Object.keys(config.Labels).filter((name) => name.startsWith("org.")),
    labels.map((name) => `org.opencontainers.image.${name}`),
  );
  const variables = config.Env.map((line) => line.split("=")[0] ?? "");
  assertEquals(variables, ["PATH", "DENO_DIR", "DENO_NO_UPDATE_CHECK"]);
  assertEquals(variables.filter((name) => INPUT_NAMES.includes(name)), []);
  const shown = JSON.stringify({ config, history });
  for (const secret of SECRETS) assertExcludes(shown, secret);
}

/** Settings as the original's users give them, TLS by a PFX file included; and how it ends. */
async function documentedLine(image: Image, dir: string): Promise<void> {
  await using around = await openSurroundings(dir);
  const { token, call } = around;
  const before = await filesOf(image.root);
  const env = {
    LISTEN_URL: "0.0.0.0:0",
    LISTEN_SSL_URL: "0.0.0.0:0",
    PROVIDER_URL: around.providerUrl,
    CLIENT_SECRET: around.clientSecret,
    UPSTREAM_URL: around.upstreamUrl,
    RUST_LOG: "info",
    KEY_EXPIRY_SECS: "3600",
    UPSTREAM_TIMEOUT_SECS: "60",
    NUM_WORKERS: "4",
    AUDIENCE: '\\"myproxy\\"',
    SUBJECT: "myuser",
    LEEWAY: "2",
    CERT_FILE: "cert.pfx",
    CERT_PASSWORD: "hunter2",
    // Not in the line: the usual port may be taken on a machine that this network is shared with.
    ADMIN_URL: around.adminAddress,
  };
  say(
    `docker run ${Object.entries(env).map(([name, value]) => `-e ${name}='${value}'`).join(" ")}`,
  );
  say("  -v cert.pfx:/app/cert.pfx:ro --read-only --cap-drop ALL ooproxy");
  await using container = await start(image, {
    env,
    hosts: around.hosts,
    mounts: { "/app/cert.pfx": around.pfxFile },
  });
  const url = (scheme: string) => {
    const line = container.log().find(({ msg, url }) =>
      msg === "listening" && String(url).startsWith(`${scheme}:`)
    );
    return `${scheme}://localhost:${new URL(String(line?.url)).port}`;
  };
  for (const scheme of ["http", "https"]) {
    const base = url(scheme);
    const calls: readonly (readonly [what: string, status: number, token?: string])[] = [
      ["a good token", 200, await token()],
      ["a good token signed with CLIENT_SECRET", 200, await around.sharedSecretToken()],
      ["no token", 401],
      ["a token for another audience", 401, await token({ aud: "other" })],
      ["a token of another subject", 401, await token({ sub: "other" })],
    ];
    for (const [what, status, given] of calls) {
      const response = await call(`${base}/hello`, given);
      say(`GET ${base}/hello with ${what} → ${response.status} ${response.text.trim()}`);
      assertEquals(response.status, status, what);
      if (status === 200) assertEquals(response.text, "echo /hello");
    }
  }

  const status = async (pid: number | string) => await Deno.readTextFile(`/proc/${pid}/status`);
  const workers = around.childrenOf(container.pid);
  assertEquals(workers.length, 4);
  for (const pid of [container.pid, ...workers]) {
    const text = await status(pid);
    assert(/^Uid:(\s+65532){4}$/m.test(text) && /^Gid:(\s+65532){4}$/m.test(text), text);
    assert(/^CapEff:\s+0+$/m.test(text) && /^NoNewPrivs:\s+1$/m.test(text), text);
  }
  assert(/^NSpid:\s+\d+\s+1$/m.test(await status(container.pid)), "it is not process 1");
  const mounts = await Deno.readTextFile(`/proc/${container.pid}/mountinfo`);
  assert(/^\S+ \S+ \S+ \S+ \/ ro\b/m.test(mounts), mounts);
  say("4 workers and their supervisor: uid 65532, no capabilities, read-only root");

  const health = await container.exec(healthCheck());
  say(`docker exec … health → ${health.code}: ${health.stdout}${health.stderr}`.trimEnd());
  assertEquals(health.code, 0, health.stderr);
  const closed = await around.unusedAddress();
  const unhealthy = await container.exec([...healthCheck(), `--admin-url=${closed}`]);
  say(`the same, with nothing there → ${unhealthy.code}: ${unhealthy.stderr}`.trimEnd());
  assertEquals(unhealthy.code, 1);

  const shell = await container.exec(["/bin/sh", "-c", "true"]);
  say(`docker exec … /bin/sh → ${shell.code}: ${shell.stderr}`.trimEnd());
  assertEquals(shell.code, 127);

  const running = call(`${url("https")}/held`, await token());
  await eventually("the held request", () => around.held());
  container.signal("SIGTERM");
  await container.logged("shutting down, finishing running requests");
  around.release();
  assertEquals(await running, { status: 200, text: "echo /held" });
  assertEquals(await container.ended(), 0);
  await container.logged("shutdown complete, every running request finished");
  say("docker stop, with a request running → it gets its response, then exit code 0");

  const empty = (path: string) => before.some((file) => file.path === path);
  const after = (await filesOf(image.root)).filter(({ path, bytes }) => bytes > 0 || empty(path));
  assertEquals(after, before);
  for (const secret of ["hunter2", around.clientSecret]) {
    assertExcludes(container.output(), secret);
  }
}

async function settingsFile(image: Image, dir: string): Promise<void> {
  await using around = await openSurroundings(dir);
  const file = `${dir}/settings.toml`;
  const lines = {
    listen_url: "127.0.0.1:0",
    provider_url: around.providerUrl,
    upstream_url: around.upstreamUrl,
    audience: '"myproxy"',
    num_workers: 2,
    admin_url: around.adminAddress,
  };
  const toml = Object.entries(lines).map(([name, value]) => `${name} = ${literal(value)}\n`);
  await Deno.writeTextFile(file, toml.join(""));
  const mounts = { "/app/settings.toml": file };
  const check = await runToEnd(image, { mounts, args: ["check"] });
  assertEquals(check.code, 0, check.stderr);
  assertIncludes(check.stdout, "/app/settings.toml");
  await using container = await start(image, { mounts, hosts: around.hosts });
  const url = String((await container.logged("listening")).url);
  const response = await around.call(`${url}/from-file`, await around.token());
  say(
    `docker run -v settings.toml:/app/settings.toml:ro ooproxy → ${response.status} ${response.text}`,
  );
  assertEquals(response, { status: 200, text: "echo /from-file" });
  assertEquals((await around.call(`${url}/from-file`)).status, 401);
  const health = await container.exec(healthCheck());
  assertEquals(health.code, 0, health.stderr);
}

/** A value as TOML has it; without escapes, so that quotes reach the program. */
function literal(value: string | number): string {
  return typeof value === "number" ? String(value) : `'${value}'`;
}

async function shortOnes(image: Image): Promise<void> {
  const version = await runToEnd(image, { args: ["--version"] });
  say(`docker run ooproxy --version → ${version.code}: ${version.stdout.trim()}`);
  assertEquals(version.code, 0);
  assertIncludes(version.stdout, `Deno ${Deno.version.deno}`);
  const demo = await runToEnd(image, { args: ["demo"] });
  say(`docker run ooproxy demo → ${demo.code}: ${demo.stdout.trim()}`);
  assertEquals(demo.code, 64);
  assertIncludes(demo.stdout, "not part of this build");
  const nothing = await runToEnd(image, {});
  say(`docker run ooproxy → ${nothing.code}: ${nothing.stderr.split("\n")[0]}`);
  assertEquals(nothing.code, 64);
  assertIncludes(nothing.stderr, "PROVIDER_URL");
}
