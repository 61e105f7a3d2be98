/** A real SPIRE server with a bundle endpoint of its own certificate. */
import { fail, ok, type Result } from "../../src/result.ts";
import { freePort } from "../support/free_port.ts";
import type { TestAuthority } from "../support/pfx.ts";

const MODULE = "github.com/spiffe/spire";
const VERSION = "v1.13.3";

/** How long a build may take, in milliseconds: it is a large program. */
const BUILD_LIMIT_MS = 20 * 60_000;

/** How long a start may take, in milliseconds. */
const START_LIMIT_MS = 20_000;

/** A running server of the trust domain `example.org`. Disposing ends it. */
export interface SpireServer extends AsyncDisposable {
  /** Where its bundle is. */
  readonly bundleUrl: string;
  /** A JWT-SVID for this SPIFFE ID and audience. */
  svid(id: string, audience: string): Promise<string>;
  /** Has it sign with another key from now on, which it publishes first. */
  rotate(): Promise<void>;
}

/**
 * Finds the program (`SPIRE_SERVER`, `$PATH`, Go's folder for programs), or builds it by Go into `dir`.
 * Fails with the reason where it cannot be had.
 */
export async function findSpire(dir: string): Promise<Result<string, string>> {
  const gopath = await run("go", ["env", "GOPATH"], dir);
  const candidates = [
    Deno.env.get("SPIRE_SERVER") ?? "",
    "spire-server",
    gopath.ok ? `${gopath.value}/bin/spire-server` : "",
  ].filter((path) => path !== "");
  for (const path of candidates) {
    if ((await run(path, ["--version"], dir)).ok) return ok(path);
  }
  const program = `${MODULE}/cmd/spire-server`;
  const steps = [
    ["mod", "init", "example.org/spire"],
    // A module that lists no versions can be got as a tool of another one only.
    ["get", "-tool", `${program}@${VERSION}`],
    ["build", "-o", `${dir}/spire-server`, program],
  ];
  for (const step of steps) {
    const done = await run("go", step, dir);
    if (!done.ok) return done;
  }
  return ok(`${dir}/spire-server`);
}

/** Starts it; `authority` has made the certificate `spire`. */
export async function startSpire(
  program: string,
  dir: string,
  authority: TestAuthority,
): Promise<SpireServer> {
  const [port, bundlePort] = [freePort(), freePort()];
  const certificate = `${dir}/spire.pem`;
  await Deno.writeTextFile(certificate, await authority.certificate("spire"));
  const socket = `${dir}/server.sock`;
  await Deno.writeTextFile(
    `${dir}/server.conf`,
    `
server {
  bind_address = "127.0.0.1"
  bind_port = "${port}"
  trust_domain = "example.org"
  data_dir = "${dir}/data"
  socket_path = "${socket}"
  log_level = "WARN"
  ca_key_type = "ec-p256"
  federation {
    bundle_endpoint {
      address = "127.0.0.1"
      port = ${bundlePort}
      profile "https_web" {
        serving_cert_file {
          cert_file_path = "${certificate}"
          key_file_path = "${authority.dir}/spire.key"
          file_sync_interval = "1h"
        }
      }
    }
  }
}
plugins {
  DataStore "sql" {
    plugin_data { database_type = "sqlite3" connection_string = "${dir}/data.sqlite3" }
  }
  KeyManager "memory" { plugin_data {} }
  NodeAttestor "join_token" { plugin_data {} }
}
`,
  );
  const child = new Deno.Command(program, {
    args: ["run", "-config", `${dir}/server.conf`],
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const command = async (args: readonly string[]) => {
    const done = await run(program, [...args, "-socketPath", socket], dir);
    if (!done.ok) throw new Error(done.failure);
    return done.value;
  };
  const server: SpireServer = {
    bundleUrl: `https://127.0.0.1:${bundlePort}/`,
    svid: (id, audience) => command(["jwt", "mint", "-spiffeID", id, "-audience", audience]),
    async rotate() {
      const prepared = JSON.parse(
        await command(["localauthority", "jwt", "prepare", "-output", "json"]),
      );
      const id = prepared.prepared_authority?.authority_id;
      await command(["localauthority", "jwt", "activate", "-authorityID", id]);
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      await Promise.all([child.status, said]);
    },
  };
  const limit = Date.now() + START_LIMIT_MS;
  while (!(await run(program, ["healthcheck", "-socketPath", socket], dir)).ok) {
    if (Date.now() > limit) {
      await server[Symbol.asyncDispose]();
      throw new Error(`SPIRE did not start: ${await said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return server;
}

/** Runs a command to its end; fails with what it printed. */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<Result<string, string>> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: [...args],
      cwd,
      stdin: "null",
      signal: AbortSignal.timeout(BUILD_LIMIT_MS),
    }).output();
    const text = new TextDecoder().decode(stdout).trim();
    return success
      ? ok(text)
      : fail(`${command}: ${new TextDecoder().decode(stderr).slice(0, 500)}`);
  } catch (error) {
    return fail(`${command}: ${error instanceof Error ? error.message : error}`);
  }
}
