/** The unit of systemd: what systemd itself says about it, and what it has to say to be of use. */
import { inputNames, SETTING_NAMES, SETTINGS } from "../../src/config/schema.ts";
import { DRAIN_GRACE_MS } from "../../src/limits.ts";
import { STATE_FOLDER } from "../../tools/permissions.ts";
import { denoCommand, renderDenoDropIn } from "../../tools/unit.ts";
import { composeMap } from "./compose.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { projectFile, startProcess } from "../support/process.ts";

/** Most exposure that systemd may find, of 10; what remains is the network and V8's machine code. */
const MOST_EXPOSURE = 1.2;

/** Most exposure with the drop-in for low ports, which takes a capability and a user namespace. */
const MOST_EXPOSURE_LOW_PORTS = 1.5;

/** Files that a worker has open for itself: listeners, pipes, timers, what the runtime needs. */
const OWN_FILES = 64;

/** Memory of a process under load, its token cache full, in bytes (docs/performance.md). */
const PROCESS_BYTES = 70e6;

const DROP_INS = ["certificate.conf", "deno.conf", "low-ports.conf", "secrets.conf"];

const read = (name: string) => Deno.readTextFileSync(projectFile(`deploy/${name}`));
const unit = read("ooproxy.service");
const dropIn = (name: string) => read(`drop-ins/${name}`);

/** Why systemd's tool cannot be asked here, if it cannot. */
async function missingTool(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command("systemd-analyze", { args: ["--version"] }).output();
    return success ? undefined : "systemd-analyze does not run here";
  } catch {
    return "systemd-analyze is not installed: it is in Debian's package systemd";
  }
}

const missing = await missingTool();
if (missing !== undefined) {
  Deno.stderr.writeSync(
    new TextEncoder().encode(`systemd's tests of the unit skipped: ${missing}\n`),
  );
}

/** The values of a key in the text of a unit, in order, the section's name not looked at. */
function valuesOf(unit: string, key: string): string[] {
  return unit.split("\n").flatMap((line) =>
    line.startsWith(`${key}=`) ? line.slice(key.length + 1) : []
  );
}

/** Puts the unit and these drop-ins into a folder, with programs that are there, and asks about it. */
async function analyze(args: readonly string[], dropIns: readonly string[], text = unit) {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_unit_" });
  // What is looked at is the unit: neither the binary nor the runtime has to be there.
  const here = (text: string) =>
    text.replaceAll("/usr/bin/ooproxy", "/bin/true").replaceAll("=/usr/bin/deno ", "=/bin/true ");
  try {
    await Deno.writeTextFile(`${dir}/ooproxy.service`, here(text));
    await Deno.mkdir(`${dir}/ooproxy.service.d`);
    for (const name of dropIns) {
      await Deno.writeTextFile(`${dir}/ooproxy.service.d/${name}`, here(dropIn(name)));
    }
    const { success, stdout, stderr } = await new Deno.Command("systemd-analyze", {
      args: [...args, `${dir}/ooproxy.service`],
      env: { SYSTEMD_PAGER: "cat", SYSTEMD_COLORS: "0" },
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { success, stdout: decode(stdout), stderr: decode(stderr) };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Tests that need systemd's own tool. */
function systemd(name: string, body: () => Promise<void>): void {
  Deno.test({ name, ignore: missing !== undefined, fn: body });
}

for (const dropIns of [[], ...DROP_INS.map((name) => [name]), DROP_INS]) {
  systemd(
    `systemd finds nothing wrong with the unit and ${dropIns.join(", ") || "no drop-in"}.`,
    async () => {
      assertEquals(await analyze(["verify"], dropIns), { success: true, stdout: "", stderr: "" });
    },
  );
}

systemd("systemd reports a key that it does not know.", async () => {
  const { stderr } = await analyze(["verify"], [], unit.replace("ProtectClock", "ProtectClok"));
  assertIncludes(stderr, "Unknown key");
});

/** The exposure that systemd finds. */
async function exposure(dropIns: readonly string[], text = unit): Promise<number> {
  const { stdout } = await analyze(["security", "--offline=yes"], dropIns, text);
  return Number(/Overall exposure level for ooproxy\.service: ([\d.]+) /.exec(stdout)?.[1]);
}

systemd(
  "systemd finds the unit little exposed, and would see a lock that was taken off.",
  async () => {
    const found = await exposure([]);
    assert(found <= MOST_EXPOSURE, `exposure ${found}`);
    const others = DROP_INS.filter((name) => name !== "low-ports.conf");
    assertEquals(await exposure(others), found);
    const lowPorts = await exposure(DROP_INS);
    assert(lowPorts <= MOST_EXPOSURE_LOW_PORTS, `exposure ${lowPorts}`);
    const open = await exposure([], unit.replace("SystemCallFilter=@system-service", ""));
    assert(open > MOST_EXPOSURE, `exposure ${open}`);
  },
);

Deno.test("The folder of drop-ins holds what is tested here, all of it named in the unit.", () => {
  const names = [...Deno.readDirSync(projectFile("deploy/drop-ins"))].map(({ name }) => name);
  assertEquals(names.toSorted(), DROP_INS);
  for (const name of names) assertIncludes(unit, `#   ${name} `);
});

Deno.test("The drop-in for the runtime grants what the program's table says.", () => {
  assertEquals(dropIn("deno.conf"), renderDenoDropIn());
});

Deno.test("Stopping may take as long as the program takes by default.", () => {
  const { SHUTDOWN_DELAY_SECS, SHUTDOWN_TIMEOUT_SECS } = SETTINGS;
  const longest = Number(SHUTDOWN_DELAY_SECS.default) + Number(SHUTDOWN_TIMEOUT_SECS.default) +
    DRAIN_GRACE_MS / 1000;
  const [limit] = valuesOf(unit, "TimeoutStopSec").map(Number);
  assert(limit !== undefined && limit > longest, `${limit} s for ${longest} s`);
});

Deno.test("Open files suffice for every request, and what clients can hold by them fits into the memory.", () => {
  const [files = NaN] = valuesOf(unit, "LimitNOFILE").map(Number);
  const { MAX_REQUESTS, UPSTREAM_MAX_CONNECTIONS, NUM_WORKERS } = SETTINGS;
  const needed = Number(MAX_REQUESTS.default) + Number(UPSTREAM_MAX_CONNECTIONS.default);
  assert(files >= needed + OWN_FILES, `${files} files for ${needed}`);
  assertEquals(valuesOf(unit, "MemoryMax"), ["2G"]);
  const workers = Number(NUM_WORKERS.default);
  const held = workers * files * mostKibHeld() * 1024;
  assert(held + (workers + 1) * PROCESS_BYTES <= 2 * 1024 ** 3, `${held} bytes held`);
  // The other ways to run it have the same limits.
  const proxy = composeMap("services", "proxy");
  assertEquals([proxy.mem_limit, proxy.ulimits], ["2g", { nofile: String(files), core: "0" }]);
  const page = Deno.readTextFileSync(projectFile("docs/deployment.md"));
  assertIncludes(page, `--memory 2g --ulimit nofile=${files} `);
  assertIncludes(page, `${files.toLocaleString("en-US")} open files`);
});

/** The most that one connection was measured to hold, in KiB: the table of docs/limitations.md. */
function mostKibHeld(): number {
  const page = Deno.readTextFileSync(projectFile("docs/limitations.md"));
  const found = [...page.matchAll(/(\d+) KiB a connection/g)].map(([, kib]) => Number(kib));
  assert(found.length >= 5, `${found.length} figures`);
  return Math.max(...found);
}

Deno.test("The settings are looked at before the program is asked to reload them.", () => {
  assertEquals(valuesOf(unit, "ExecReload"), ["/usr/bin/ooproxy check", "/bin/kill -HUP $MAINPID"]);
  const [, again, ...rest] = valuesOf(dropIn("deno.conf"), "ExecReload");
  assertEquals([again, ...rest], [`${denoCommand()} check`, "/bin/kill -HUP $MAINPID"]);
});

Deno.test("Keys are kept in the unit's state folder, which the program may write to.", () => {
  assertEquals(valuesOf(unit, "StateDirectory").map((name) => `/var/lib/${name}`), [STATE_FOLDER]);
  // `%S` is /var/lib.
  assert(valuesOf(unit, "Environment").includes("KEY_CACHE_FILE=%S/ooproxy/keys.json"));
});

Deno.test("What unit and drop-ins set are settings, and every credential is read.", () => {
  const known = new Set(SETTING_NAMES.flatMap(inputNames));
  for (const text of [unit, ...DROP_INS.filter((name) => name !== "deno.conf").map(dropIn)]) {
    const variables = valuesOf(text, "Environment").map((value) => value.split("=", 2));
    for (const [name = ""] of variables) assert(known.has(name), name);
    const used = variables.flatMap(([, value = ""]) =>
      value.startsWith("%d/") ? value.slice(3) : []
    );
    const credentials = valuesOf(text, "LoadCredential").map((value) => value.split(":", 1)[0]);
    assertEquals(used.toSorted(), credentials.toSorted());
  }
});

Deno.test("No secret stands in the unit or its drop-ins.", () => {
  const secrets = SETTING_NAMES.filter((name) => "secret" in SETTINGS[name]);
  assert(secrets.length > 0);
  for (const text of [unit, ...DROP_INS.map(dropIn)]) {
    for (const name of secrets) assertEquals(new RegExp(`\\b${name}=`).test(text), false, name);
  }
});

Deno.test("With the drop-in's flags, paths made those of this machine, the settings are read and shown.", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_unit_" });
  try {
    await Deno.writeTextFile(`${dir}/client_secret`, "a secret that is hard to guess, 32 bytes");
    await Deno.writeTextFile(`${dir}/settings.toml`, 'listen_url = ":8080"\n');
    const flags = denoCommand().split(" ").filter((word) =>
      /^(-P=|--(allow|deny|ignore))/.test(word)
    )
      .map((flag) =>
        flag.replace("/etc/ooproxy", dir).replace("/run/credentials/ooproxy.service", dir)
          .replace("/usr/bin/deno", Deno.execPath())
      );
    await using process = startProcess({
      args: ["check"],
      cwd: dir,
      denoFlags: flags,
      env: {
        PROVIDER_URL: "http://127.0.0.1:9",
        UPSTREAM_URL: "http://127.0.0.1:9",
        CLIENT_SECRET_FILE: `${dir}/client_secret`,
      },
    });
    assertEquals((await process.ended()).code, 0, process.output());
    assertIncludes(process.output(), ":8080");
    assert(!process.output().includes("hard to guess"));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
