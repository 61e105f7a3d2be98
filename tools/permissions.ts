/**
 * What the program may do for each way of starting it that is written down in a file: tasks, binary,
 * image and unit. What it starts by itself, and what `check` prints, is in `src/runtime/permissions.ts`.
 */
import { READABLE_VARIABLES } from "../src/config/environment.ts";
import { NOTHING, type Permissions, SELF } from "../src/runtime/permissions.ts";

/** The folder for KEY_CACHE_FILE that is open without further flags. */
export const STATE_FOLDER = "/var/lib/ooproxy";

/** Where upstreams on Unix sockets are reached by a binary. */
const SOCKET_FOLDER = "/run";

/** Where systemd puts the credentials of the unit: `%d`. */
const CREDENTIALS = "/run/credentials/ooproxy.service";

/** Where image and unit have the runtime. */
export const RUNTIME = "/usr/bin/deno";

/**
 * `deno task start` and `dev`. The network is open because the hosts come from settings, which a
 * reload can change, and from the provider's discovery document. Reading is open because settings
 * name the files: `check` prints the flags that close it.
 *
 * @param runtime the path of the runtime, to start workers with.
 */
export function startPermissions(runtime: string): Permissions {
  return {
    net: "all",
    env: READABLE_VARIABLES,
    read: "all",
    write: [STATE_FOLDER],
    run: [runtime],
  };
}

/**
 * The binary, whose permissions are fixed when it is made: it may start itself, wherever it is, and
 * connect to sockets below one folder (the runtime wants to read and write what it connects to).
 */
export const BINARY_PERMISSIONS: Permissions = {
  ...startPermissions(SELF),
  write: [STATE_FOLDER, SOCKET_FOLDER],
};

/** The container: what a binary may, with the runtime in place of the program's file. */
export const CONTAINER_PERMISSIONS: Permissions = { ...BINARY_PERMISSIONS, run: [RUNTIME] };

/** Asking for health needs the settings and a connection. */
export const HEALTH_PERMISSIONS: Permissions = { ...CONTAINER_PERMISSIONS, run: [], write: [] };

/** The unit with the runtime in place of the binary: the folders for files are known. */
export const UNIT_PERMISSIONS: Permissions = {
  ...startPermissions(RUNTIME),
  read: ["/etc/ooproxy", CREDENTIALS, STATE_FOLDER],
};

/** `deno task demo`: everything happens on this machine. */
export const DEMO_PERMISSIONS: Permissions = { ...NOTHING, net: ["127.0.0.1"] };
