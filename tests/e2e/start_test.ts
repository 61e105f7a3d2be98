/** The way from the command line to the first request, in real processes. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProcess } from "../support/process.ts";
import { childrenOf, type Service, startService } from "./harness.ts";
import { freePort } from "../support/free_port.ts";

/** Valid settings, with nothing behind the addresses. */
const GOOD = {
  LISTEN_URL: "127.0.0.1:0",
  ADMIN_URL: "off",
  PROVIDER_URL: "http://127.0.0.1:9/realms/x",
  UPSTREAM_URL: "http://127.0.0.1:9",
};

Deno.test("Missing and wrong settings end the start with 64 and every problem, nothing bound.", async () => {
  const port = freePort();
  await using process = startProcess({
    env: { LISTEN_URL: `127.0.0.1:${port}`, AUDIENCE: "no json", NUM_WORKERS: "0", LEEWAY: "-1" },
  });
  const { code } = await process.ended();
  assertEquals([code, process.stdout], [64, []]);
  for (const name of ["PROVIDER_URL", "UPSTREAM_URL", "AUDIENCE", "NUM_WORKERS", "LEEWAY"]) {
    assertIncludes(process.output(), name);
  }
  assertIncludes(process.output(), "invalid configuration: 5 problems");
  assertExcludes(process.output(), '"starting"');
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});

Deno.test("A wrong certificate password ends the start with 64.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf");
  await using process = startProcess({
    env: {
      ...GOOD,
      LISTEN_SSL_URL: "127.0.0.1:0",
      CERT_FILE: `${authority.dir}/leaf.pfx`,
      CERT_PASSWORD: "not this one",
    },
  });
  assertEquals((await process.ended()).code, 64);
  assertIncludes(process.stderr.at(-1) ?? "", "error: ");
  assertIncludes(process.stderr.at(-1) ?? "", "password");
  assertExcludes(process.output(), "not this one");
});

for (const setting of ["LISTEN_URL", "ADMIN_URL"]) {
  Deno.test(`An address in use for ${setting} ends the start with 1 and one line that names it.`, async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${taken.addr.port}`;
    await using process = startProcess({ env: { ...GOOD, [setting]: address } });
    assertEquals((await process.ended()).code, 1);
    const errors = process.stderr.filter((line) => line.startsWith("error:"));
    assertEquals(errors.length, 1, process.output());
    assertIncludes(errors[0] ?? "", setting);
    assertIncludes(errors[0] ?? "", address);
    assertIncludes(errors[0] ?? "", "in use");
    assertExcludes(process.output(), '"ready"');
  });
}

Deno.test("A second instance on the port of a running one is refused.", async () => {
  await using first = await startService();
  const address = first.url().replace("http://", "");
  await using second = startProcess({ env: { ...GOOD, LISTEN_URL: address } });
  assertEquals((await second.ended()).code, 1);
  assertIncludes(second.output(), "in use");
  assertEquals((await first.get("/still")).text, "echo /still");
});

Deno.test("The settings file is found in the working directory, by --config and in $PATH, and named.", async () => {
  const [here, there] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  try {
    for (const dir of [here, there]) {
      await Deno.writeTextFile(
        `${dir}/settings.toml`,
        'listen_url = "127.0.0.1:0"\nadmin_url = "off"\nnum_workers = 1\n' +
          'provider_url = "http://127.0.0.1:9"\nupstream_url = "http://127.0.0.1:9"\n',
      );
    }
    const [elsewhere, path] = [await Deno.makeTempDir(), Deno.env.get("PATH") ?? ""];
    const ways = [
      { cwd: here, args: [], env: {}, file: `${here}/settings.toml` },
      { cwd: here, args: ["--config", "settings.toml"], env: {}, file: "settings.toml" },
      { cwd: here, args: ["--config", `${there}/settings.toml`], env: {}, file: there },
      { cwd: elsewhere, args: [], env: { PATH: `${there}:${path}` }, file: there },
    ];
    for (const { file, ...way } of ways) {
      await using process = startProcess(way);
      const [line] = await process.waitForLine(/.*"configuration loaded".*/);
      assertIncludes(JSON.parse(line).file, file);
      await process.waitForLine(/"ready"/);
    }
    await Deno.remove(elsewhere);
  } finally {
    await Promise.all([here, there].map((dir) => Deno.remove(dir, { recursive: true })));
  }
});

Deno.test("Flag wins over environment over file over default, as check shows with secrets masked.", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(
      `${dir}/settings.toml`,
      'leeway = 1\nsubject = "file"\naudience = ["file"]\nclient_secret = "the secret of the file 123456789"\n',
    );
    await using process = startProcess({
      cwd: dir,
      args: ["check", "--leeway", "3"],
      env: { ...GOOD, LEEWAY: "2", SUBJECT: "environment" },
    });
    assertEquals((await process.ended()).code, 0, process.output());
    const shown = (name: string) =>
      process.stdout.find((line) => line.startsWith(`${name} `))?.split(/\s{2,}/).slice(1);
    assertEquals(shown("LEEWAY"), ["3", "flag --leeway"]);
    assertEquals(shown("SUBJECT")?.[0], "environment");
    assertIncludes(shown("AUDIENCE")?.[1] ?? "", "settings.toml");
    assertEquals(shown("KEY_COOLDOWN_SECS"), ["10", "default"]);
    assertEquals(shown("CLIENT_SECRET")?.[0], "***");
    assertExcludes(process.output(), "the secret of");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("--help and --version print and end with 0.", async () => {
  await using help = startProcess({ args: ["--help"] });
  await using one = startProcess({ args: ["help", "num-workers"] });
  await using version = startProcess({ args: ["--version"] });
  for (const process of [help, one, version]) assertEquals((await process.ended()).code, 0);
  assertIncludes(help.output(), "--num-workers");
  assertIncludes(one.output(), "NUM_WORKERS");
  assertIncludes(version.output(), `Deno ${Deno.version.deno}`);
});

Deno.test("An unknown command ends with 64 and the one that was probably meant.", async () => {
  await using process = startProcess({ args: ["serv"] });
  assertEquals((await process.ended()).code, 64);
  assertEquals(process.stderr[0], 'error: unknown command "serv", did you mean serve?');
});

Deno.test("One worker runs in the one process, without children.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "1" } });
  assertEquals((await service.get("/one")).text, "echo /one");
  assertEquals(childrenOf(service.process.pid), []);
  assertIncludes(
    (await service.admin("/readyz?verbose")).text,
    "[+]workers 1 of 1 accept requests",
  );
});

Deno.test("Three workers share one port, and the supervisor holds no client connection.", async () => {
  await using service = await startService({ settings: { NUM_WORKERS: "3" } });
  assertEquals(service.urls().length, 1);
  assertEquals(service.workers().length, 3);
  const port = Number(new URL(service.url()).port);
  const clients = await Promise.all(
    Array.from({ length: 24 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
  );
  try {
    assertEquals((await service.get()).status, 200);
    const held = (pid: number) => socketsOn(port, pid);
    assertEquals(held(service.process.pid), { listening: 0, connected: 0 });
    const workers = service.workers().map(held);
    assert(workers.every(({ listening }) => listening === 1), JSON.stringify(workers));
    const connected = workers.reduce((sum, worker) => sum + worker.connected, 0);
    assert(connected >= clients.length, `${connected} connections in the workers`);
  } finally {
    for (const client of clients) client.close();
  }
});

Deno.test("Without the permission to start workers the start ends with 1 and says what to do.", async () => {
  await using service: Service = await startService({
    denoFlags: ["--allow-net", "--allow-env", "--allow-read"],
    wait: false,
  });
  assertEquals((await service.process.ended()).code, 1);
  assertIncludes(
    service.process.stderr.at(-1) ?? "",
    "run with --allow-run, or with NUM_WORKERS=1",
  );
});

/** How many sockets a process has on a local port: listening and connected. */
function socketsOn(port: number, pid: number): { listening: number; connected: number } {
  const held = new Set<string>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(Deno.readLinkSync(`/proc/${pid}/fd/${name}`))?.[1];
      if (inode !== undefined) held.add(inode);
    } catch {
      // It was closed while this was looking.
    }
  }
  const rows = Deno.readTextFileSync("/proc/net/tcp").trim().split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => parseInt(row[1]?.split(":")[1] ?? "", 16) === port && held.has(row[9] ?? ""));
  const inState = (state: string) => rows.filter((row) => row[3] === state).length;
  return { listening: inState("0A"), connected: inState("01") };
}
