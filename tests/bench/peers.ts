/** Starts the peers and waits until they serve. */
import { fileURLToPath } from "node:url";
import { pause } from "../support/waiting.ts";
import { PEER_TITLES, type ProxyName, type Variant } from "./cases.ts";
import { statusOf } from "./checks.ts";
import { type Child, denoCommand, LOAD_CORE, PROXY_CORE, startChild } from "./children.ts";
import { LAUNCHES } from "./commands.ts";
import { freePorts, type Lab } from "./lab.ts";
import type { Tools } from "./machine.ts";
import type { Program } from "./programs.ts";

/** How long a peer may take until it serves, in milliseconds. */
const START_LIMIT_MS = 30_000;

/** Pause between two attempts to reach a peer that starts, in milliseconds. */
const ATTEMPT_PAUSE_MS = 100;

/** A proxy that serves. */
export interface Peer extends AsyncDisposable {
  readonly name: ProxyName;
  readonly child: Child;
  readonly port: number;
  /** Where it serves TLS, if it does. */
  readonly tlsPort: number;
}

/** Starts nginx, the upstream and provider. */
export async function startUpstream(lab: Lab, tools: Tools, signal: AbortSignal): Promise<Child> {
  const child = startChild({
    name: "nginx",
    core: LOAD_CORE,
    cwd: lab.dir,
    command: [tools.nginx, "-e", "stderr", "-p", lab.dir, "-c", lab.nginxConfigFile],
  });
  return await serving("nginx", child, lab.issuer, lab, signal);
}

/** Starts the WebSocket echo upstream. */
export async function startEcho(lab: Lab, signal: AbortSignal): Promise<Child> {
  const child = startChild({
    name: "echo",
    core: LOAD_CORE,
    cwd: lab.dir,
    command: [
      ...denoCommand(
        ["--allow-net=127.0.0.1"],
        fileURLToPath(new URL("websocket_echo.ts", import.meta.url)),
      ),
      String(lab.echoPort),
    ],
  });
  return await serving("the echo upstream", child, `http://127.0.0.1:${lab.echoPort}`, lab, signal);
}

/** Starts one of the proxies with ports of its own, in a directory of its own. */
export async function startPeer(
  name: ProxyName,
  program: Program,
  variant: Variant,
  lab: Lab,
  signal: AbortSignal,
): Promise<Peer> {
  const [port, tlsPort] = freePorts();
  const dir = `${lab.dir}/${name}-${variant}`;
  await Deno.mkdir(dir);
  const settingsFile = `${dir}/settings`;
  const { issuer, publicKeyFile, certificateFile, pfxFile, pfxPassword, echoPort } = lab;
  const { args, env = {}, settings } = LAUNCHES[name]({
    variant,
    port,
    tlsPort,
    dir,
    settingsFile,
    issuer,
    publicKeyFile,
    certificateFile,
    pfxFile,
    pfxPassword,
    echo: `http://127.0.0.1:${echoPort}`,
  });
  if (settings !== undefined) await Deno.writeTextFile(settingsFile, settings);
  const command = [...program.command, ...args];
  const child = startChild({ name, core: PROXY_CORE, cwd: dir, command, env });
  const origin = variant === "tls" ? `https://127.0.0.1:${tlsPort}` : `http://127.0.0.1:${port}`;
  await serving(PEER_TITLES[name], child, origin, lab, signal);
  return {
    name,
    child,
    port,
    tlsPort,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

/** Waits until the child responds with 200; ends it and throws, with its output, when it does not. */
async function serving(
  what: string,
  child: Child,
  origin: string,
  lab: Lab,
  signal: AbortSignal,
): Promise<Child> {
  const deadline = performance.now() + START_LIMIT_MS;
  let last = "no response";
  try {
    while (child.running() && performance.now() < deadline) {
      signal.throwIfAborted();
      last = await statusOf(`${origin}/hello`, lab.token, lab.authority);
      if (last === "200") return child;
      await pause(ATTEMPT_PAUSE_MS);
    }
    throw new Error(`${what} does not serve (${last}). ${await child.lastWords()}`);
  } catch (error) {
    await child[Symbol.asyncDispose]();
    throw error;
  }
}
