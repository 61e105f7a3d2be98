/**
 * What the program may do when it starts itself, as flags of the runtime; `tools/permissions.ts` has the
 * rows for tasks, binary, image and unit, in the same form. Nothing else is granted anywhere: no access
 * to information on the system, no native libraries, no code from the network.
 */
import { dirname, resolve } from "node:path";
import { READABLE_VARIABLES } from "../config/environment.ts";

/** Everything of a kind, or what is named; nothing where the list is empty. */
type Grant = "all" | readonly string[];

/** What a process may do. */
export interface Permissions {
  /** Hosts to connect to and to listen on. */
  readonly net: Grant;
  /** Variables of the environment; the others look as if they were not set. */
  readonly env: readonly string[];
  /** Files and folders to read. */
  readonly read: Grant;
  /** Files and folders to write. */
  readonly write: Grant;
  /** Programs to start. */
  readonly run: readonly string[];
}

/** A running program's own file, by a path that never changes (Linux). */
export const SELF = "/proc/self/exe";

/** No permission at all. */
export const NOTHING: Permissions = { net: [], env: [], read: [], write: [], run: [] };

/**
 * A worker process: settings and secrets reach it over a pipe. The network is open because the hosts
 * come from settings, which a reload can change.
 *
 * @param socketPath the Unix socket that it connects to, if any.
 */
export function workerPermissions(socketPath: string | undefined): Permissions {
  const sockets = socketPath === undefined ? [] : [socketPath];
  return { ...NOTHING, net: "all", read: sockets, write: sockets };
}

/**
 * The least that these settings need, with every file by its name.
 *
 * @param caches the files in which keys are kept.
 * @param files the files that the settings name.
 * @param variables the names of the variables that can be read.
 * @param runtime the path of the runtime.
 */
export function exactPermissions(
  caches: readonly string[],
  files: readonly string[],
  variables: readonly string[],
  runtime: string,
): Permissions {
  const cache = [...new Set(caches.map((file) => dirname(resolve(file))))];
  // Looked for in any case, unless another file is named.
  const read = ["settings.toml", ...files].map((file) => resolve(file));
  return {
    net: "all",
    env: variables.filter(isReadable).toSorted(),
    read: [...new Set([...read, ...cache])],
    write: cache,
    run: [runtime],
  };
}

function isReadable(name: string): boolean {
  return READABLE_VARIABLES.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern
  );
}

/** The flags of `deno run`, `deno compile` and `deno install`. A permission is never asked for. */
export function permissionFlags({ net, env, read, write, run }: Permissions): string[] {
  return [
    "--no-prompt",
    ...flag("--allow-net", net),
    ...flag("--allow-env", env),
    "--ignore-env",
    ...flag("--allow-read", read),
    ...flag("--allow-write", write),
    ...flag("--allow-run", run),
    "--deny-import",
  ];
}

function flag(name: string, grant: Grant): string[] {
  if (grant === "all") return [name];
  return grant.length === 0 ? [] : [`${name}=${grant.map(withoutComma).join(",")}`];
}

/** A comma ends a value and nothing escapes it: the folder above such a path is granted instead. */
function withoutComma(path: string): string {
  return path.includes(",") ? withoutComma(dirname(path)) : path;
}

/** What a worker may keep of what it was started with. */
const WORKER_KEEPS: readonly Deno.PermissionName[] = ["net"];

/** What it keeps as well where the upstream is on a Unix socket. */
const SOCKET_KEEPS: readonly Deno.PermissionName[] = ["read", "write"];

const ALL_NAMES: readonly Deno.PermissionName[] = [
  "run",
  "env",
  "write",
  "read",
  "sys",
  "ffi",
  "net",
];

/** The argument of a worker that connects to a Unix socket. */
export const WITH_SOCKET = "socket";

/**
 * Gives back for good what a worker does not need. A worker of a binary has the permissions of its
 * supervisor to begin with; under `deno run` there is nothing left to give back.
 *
 * @param argument what follows the role on the command line.
 */
export function keepWorkerPermissions(argument: string | undefined): void {
  const kept = [...WORKER_KEEPS, ...(argument === WITH_SOCKET ? SOCKET_KEEPS : [])];
  for (const name of ALL_NAMES) {
    if (!kept.includes(name)) Deno.permissions.revokeSync({ name });
  }
}
