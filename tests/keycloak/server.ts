/** A real Keycloak, of the version that `deploy/compose.yaml` names, with its realm. */
import { Buffer } from "node:buffer";
import { fail, ok, type Result } from "../../src/result.ts";
import { composeEnvironment, composeList, composeMap } from "../deploy/compose.ts";
import { eventually } from "../e2e/harness.ts";
import { projectFile } from "../support/process.ts";
import { realm } from "./realms.ts";

/** The Maven plugin that fetches one file by its coordinates, pinned. */
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";

/** How long Keycloak may take to start, in milliseconds: it prepares itself at its first start. */
const START_LIMIT_MS = 180_000;

/** Variables of the machine that Java and Maven may need. */
const KEPT_VARIABLES = ["PATH", "HOME", "JAVA_HOME", "LANG"];

/** A running Keycloak. Disposing ends it and waits for that. */
export interface Keycloak extends AsyncDisposable {
  /** What it calls itself: `http://localhost:<port>`. */
  readonly publicOrigin: string;
  /** Another address of it, as a container would have one. */
  readonly internalOrigin: string;
}

/**
 * Fetches Keycloak by the machine's own Maven and unpacks it into `dir`. Returns where it is; fails
 * with the reason where it cannot be had.
 */
export async function fetchKeycloak(dir: string): Promise<Result<string, string>> {
  const version = String(composeMap("services", "keycloak").image).split(":").at(-1) ?? "";
  const java = await run("java", ["-version"]);
  if (!java.ok) return java;
  const fetched = await run("mvn", [
    "-q",
    "-B",
    MAVEN_COPY,
    `-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:tar.gz`,
    `-DoutputDirectory=${dir}`,
  ]);
  if (!fetched.ok) return fetched;
  const archive = `${dir}/keycloak-quarkus-dist-${version}.tar.gz`;
  const unpacked = await run("tar", ["-xzf", archive, "-C", dir]);
  return unpacked.ok ? ok(`${dir}/keycloak-${version}`) : unpacked;
}

/**
 * Starts it as Compose does: the same arguments, variables and realm, and those of `realms.ts`; only
 * ports differ. Returns once Compose's own health check is content.
 *
 * @param secret what stands for `SECRET`.
 */
export async function startKeycloak(home: string, secret: string): Promise<Keycloak> {
  await Deno.mkdir(`${home}/data/import`, { recursive: true });
  await Deno.copyFile(projectFile("deploy/keycloak/realm.json"), `${home}/data/import/realm.json`);
  for (const name of ["ps", "ed", "es"] as const) {
    const file = `${home}/data/import/${name}-realm.json`;
    await Deno.writeTextFile(file, JSON.stringify(realm(name, secret)));
  }
  const [port, healthPort] = freePorts();
  const publicOrigin = `http://localhost:${port}`;
  const child = new Deno.Command("bash", {
    args: [`${home}/bin/kc.sh`, ...composeList("services", "keycloak", "command")],
    clearEnv: true,
    env: {
      ...keptVariables(),
      ...composeEnvironment("keycloak"),
      SECRET: secret,
      KC_HOSTNAME: publicOrigin,
      KC_HTTP_HOST: "127.0.0.1",
      KC_HTTP_PORT: String(port),
      KC_HTTP_MANAGEMENT_PORT: String(healthPort),
      KC_CACHE: "local",
    },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = watchOutput(child.stdout);
  const keycloak = {
    publicOrigin,
    internalOrigin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      await Promise.all([child.status, output.ended]);
    },
  };
  try {
    await output.started;
    const check = healthCheck(healthPort);
    await eventually("Keycloak's health", async () => (await run("bash", check)).ok);
  } catch (error) {
    await keycloak[Symbol.asyncDispose]();
    throw error;
  }
  return keycloak;
}

/** Compose's health check as arguments for bash, at another port. */
function healthCheck(port: number): readonly string[] {
  const [, , flag = "", script = ""] = composeList("services", "keycloak", "healthcheck", "test");
  return [flag, script.replaceAll("$$", "$").replace("/127.0.0.1/9000", `/127.0.0.1/${port}`)];
}

/** Reads all output; `started` is kept once the server says so, and broken when it does not. */
function watchOutput(stream: ReadableStream<Uint8Array>) {
  const started = Promise.withResolvers<void>();
  const chunks: Uint8Array[] = [];
  const output = () => Buffer.concat(chunks).toString();
  const timer = setTimeout(
    () => started.reject(new Error(`too late:\n${output()}`)),
    START_LIMIT_MS,
  );
  const read = async () => {
    for await (const chunk of stream) {
      chunks.push(chunk);
      if (/Listening on: /.test(output())) started.resolve();
    }
    clearTimeout(timer);
    started.reject(new Error(`Keycloak ended:\n${output()}`));
  };
  return { started: started.promise.finally(() => clearTimeout(timer)), ended: read() };
}

/** Two ports that were free a moment ago. */
function freePorts(): [number, number] {
  const listeners = [0, 0].map((port) => Deno.listen({ hostname: "127.0.0.1", port }));
  const [first = 0, second = 0] = listeners.map((listener) => (listener.addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return [first, second];
}

/** Runs a command to its end; fails with what it printed. */
async function run(command: string, args: readonly string[]): Promise<Result<string, string>> {
  try {
    const process = new Deno.Command(command, { args: [...args], stdin: "null" });
    const { success, stdout, stderr } = await process.output();
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim()).join("\n");
    return success ? ok(text) : fail(`${command}: ${text.trim().slice(0, 500)}`);
  } catch (error) {
    return fail(`${command}: ${error instanceof Error ? error.message : error}`);
  }
}

function keptVariables(): Record<string, string> {
  return Object.fromEntries(KEPT_VARIABLES.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
