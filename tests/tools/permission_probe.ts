/** Prints what this process may do: started by `permission_sets_test.ts`. */
const FILES = [undefined, "/", "/etc/ooproxy/a", "/run/a", "/var/lib/ooproxy/a", "/var/lib/a"];
const HOSTS = [undefined, "127.0.0.1", "127.0.0.1:80", "example.com"];
const VARIABLES = [undefined, "PROVIDER_URL", "OTEL_A", "PATH", "HIDDEN"];
const COMMANDS = [undefined, Deno.execPath(), "/bin/true", "/proc/self/exe"];

const QUERIES: readonly Deno.PermissionDescriptor[] = [
  ...FILES.map((path) => ({ name: "read" as const, ...(path && { path }) })),
  ...FILES.map((path) => ({ name: "write" as const, ...(path && { path }) })),
  ...HOSTS.map((host) => ({ name: "net" as const, ...(host && { host }) })),
  ...VARIABLES.map((variable) => ({ name: "env" as const, ...(variable && { variable }) })),
  ...COMMANDS.map((command) => ({ name: "run" as const, ...(command && { command }) })),
  { name: "sys" },
  { name: "ffi" },
  { name: "import" },
];

const lines = QUERIES.map((query) =>
  `${Object.values(query).join(" ")}: ${Deno.permissions.querySync(query).state}`
);
const seen = Object.keys(Deno.env.toObject()).toSorted().join(" ");
const text = [...lines, `variables: ${seen}`, ""].join("\n");
Deno.stdout.writeSync(new TextEncoder().encode(text));
