/** Starts the peers and waits until they serve. */
import { V8_FLAGS } from "../../src/runtime/commands.ts";
import { fileURLToPath } from "node:url";
import { pause } from "../support/waiting.ts";
import type { PeerName, Variant } from "./cases.ts";
import { type Child, LOAD_CORE, PROXY_CORE, runPinned, startChild } from "./children.ts";
import { AUDIENCE } from "./configs.ts";
import type { Lab } from "./lab.ts";
import type { Tools } from "./machine.ts";

/** How long a peer may take until it serves, in milliseconds. */
const START_LIMIT_MS = 30_000;

/** Pause between two attempts to reach a peer that starts, in milliseconds. */
const ATTEMPT_PAUSE_MS = 100;

/** How long one attempt, or a look at the settings, may take, in milliseconds. */
const ATTEMPT_LIMIT_MS = 5000;

/** The setting that turns the token cache off. */
const CACHE_OFF = { TOKEN_CACHE_SIZE: "0" };

/** A peer that serves. */
export interface Peer extends AsyncDisposable {
  readonly name: PeerName;
  readonly child: Child;
  readonly port: number;
  /** Where it serves TLS, if it does. */
  readonly tlsPort?: number;
}

/** Starts nginx, the upstream and provider. */
export async function startUpstream(lab: Lab, tools: Tools, signal: AbortSignal): Promise<Child> {
  const child = startChild({
    name: "nginx",
    core: LOAD_CORE,
    cwd: lab.dir,
    command: [tools.nginx, "-e", "stderr", "-p", lab.dir, "-c", lab.nginxConfigFile],
  });
  return await serving("nginx", child, lab.ports.nginx, lab, signal);
}

/** Starts the WebSocket echo upstream. */
export async function startEcho(lab: Lab, signal: AbortSignal): Promise<Child> {
  const child = startChild({
    name: "echo",
    core: LOAD_CORE,
    cwd: lab.dir,
    command: deno(["--allow-net=127.0.0.1"], file("websocket_echo.ts"), [`${lab.ports.echo}`]),
  });
  return await serving("the echo upstream", child, lab.ports.echo, lab, signal);
}

/** Starts one of the peers. */
export async function startPeer(
  name: PeerName,
  variant: Variant,
  lab: Lab,
  tools: Tools,
  signal: AbortSignal,
): Promise<Peer> {
  const { ports } = lab;
  if (name === "haproxy") {
    const command = [tools.haproxy ?? name, "-db", "-f", lab.haproxyConfigFile];
    const child = startChild({ name, core: PROXY_CORE, cwd: lab.dir, command });
    await serving("HAProxy", child, ports.haproxy, lab, signal);
    return { ...peerOf(name, child, ports.haproxy), tlsPort: ports.haproxyTls };
  }
  if (name === "naive") {
    const args = [`${ports.naive}`, lab.issuer, lab.issuer];
    const command = deno(["--allow-net"], file("naive.ts"), args);
    const child = startChild({ name, core: PROXY_CORE, cwd: lab.dir, command });
    await serving("the straightforward build", child, ports.naive, lab, signal);
    return peerOf(name, child, ports.naive);
  }
  const [port, tlsPort] = variant === "standard"
    ? [ports.proxy, ports.proxyTls]
    : [ports.variant, ports.variantTls];
  const child = startChild({
    name: `proxy-${variant}`,
    core: PROXY_CORE,
    cwd: lab.dir,
    command: proxyCommand([]),
    env: { ...proxyEnv(lab, port, tlsPort), ...await variantEnv(variant, lab, signal) },
  });
  await serving("this proxy", child, port, lab, signal);
  return { ...peerOf("proxy", child, port), tlsPort };
}

/** Whether this HAProxy takes the settings: it may be too old for `jwt_verify`. The reason if not. */
export async function haproxyFault(
  lab: Lab,
  command: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const limits = { limitMs: ATTEMPT_LIMIT_MS, signal };
  const args = [command, "-c", "-f", lab.haproxyConfigFile];
  const checked = await runPinned(PROXY_CORE, args, limits);
  return checked.success ? undefined : checked.stderr.trim().split("\n")[0] ?? "unknown";
}

/** Whether this proxy knows the setting that turns the token cache off. */
export async function knowsCacheSetting(lab: Lab, signal: AbortSignal): Promise<boolean> {
  const flags = Object.entries(CACHE_OFF).flatMap(([name, value]) => [
    `--${name.toLowerCase().replaceAll("_", "-")}`,
    value,
  ]);
  const limits = { limitMs: ATTEMPT_LIMIT_MS, signal };
  const command = proxyCommand(["check", ...flags]);
  const env = proxyEnv(lab, lab.ports.variant, lab.ports.variantTls);
  const checked = await runPinned(PROXY_CORE, command, limits, env);
  return checked.success;
}

function peerOf(name: PeerName, child: Child, port: number): Peer {
  return { name, child, port, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

/** The settings of every variant. */
function proxyEnv(lab: Lab, port: number, tlsPort: number): Record<string, string> {
  return {
    LISTEN_URL: `127.0.0.1:${port}`,
    LISTEN_SSL_URL: `127.0.0.1:${tlsPort}`,
    CERT_FILE: lab.pfxFile,
    CERT_PASSWORD: lab.pfxPassword,
    PROVIDER_URL: lab.issuer,
    UPSTREAM_URL: lab.issuer,
    AUDIENCE: JSON.stringify(AUDIENCE),
    NUM_WORKERS: "1",
    ADMIN_URL: "off",
    RUST_LOG: "error",
    SHUTDOWN_TIMEOUT_SECS: "1",
  };
}

async function variantEnv(
  variant: Variant,
  lab: Lab,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  switch (variant) {
    case "standard":
      return {};
    case "no-cache":
      return await knowsCacheSetting(lab, signal) ? CACHE_OFF : {};
    case "access-log":
      return { LOG_FORMAT: "json", RUST_LOG: "info" };
    case "websocket":
      return { UPSTREAM_URL: `http://127.0.0.1:${lab.ports.echo}` };
  }
}

/** The program with the flags of `deno task start`. */
function proxyCommand(args: readonly string[]): string[] {
  const permissions = [
    V8_FLAGS,
    "--allow-net",
    "--allow-env",
    "--allow-read",
    `--allow-run=${Deno.execPath()}`,
  ];
  return deno(permissions, file("../../main.ts"), args);
}

function deno(permissions: readonly string[], script: string, args: readonly string[]): string[] {
  return [Deno.execPath(), "run", "--quiet", "--no-prompt", ...permissions, script, ...args];
}

function file(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Waits until the child responds with 200; ends it and throws, with its output, when it does not. */
async function serving(
  what: string,
  child: Child,
  port: number,
  lab: Lab,
  signal: AbortSignal,
): Promise<Child> {
  const deadline = performance.now() + START_LIMIT_MS;
  let last = "no response";
  try {
    while (child.running() && performance.now() < deadline) {
      signal.throwIfAborted();
      last = await statusOf(port, lab.token);
      if (last === "200") return child;
      await pause(ATTEMPT_PAUSE_MS);
    }
    throw new Error(`${what} does not serve (${last}). ${await child.lastWords()}`);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}

async function statusOf(port: number, token: string): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/hello`, {
      headers: { authorization: `Bearer ${token}`, connection: "close" },
      signal: AbortSignal.timeout(ATTEMPT_LIMIT_MS),
    });
    await response.body?.cancel();
    return String(response.status);
  } catch (error) {
    return error instanceof Error ? error.message : "no response";
  }
}
