/**
 * The permission sets of `deno.json`, and the words of a command that uses one: `-P=start`, and flags
 * for what differs from it. A flag takes the place of what the set says of its kind.
 */
import { permissionFlags, type Permissions } from "../src/runtime/permissions.ts";
import { DEMO_PERMISSIONS, startPermissions } from "./permissions.ts";

/**
 * What each set grants. What is written and started differs from one way of starting to the next, and is
 * granted by flags beside the set: nothing takes it away again, a folder of a set stays open to be
 * written whatever `--deny-write` says.
 */
const SETS = {
  start: { ...startPermissions(""), write: [], run: [] },
  demo: DEMO_PERMISSIONS,
} satisfies Readonly<Record<string, Permissions>>;

/** The kinds that a flag can replace; the other variables are hidden by the set alone. */
const REPLACEABLE = ["net", "read", "write", "run"] as const;

/** The sets as `deno.json` has them under `permissions`. */
export function renderPermissionSets(): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(SETS).map(([name, { net, read, write, run, env }]) => {
      const kinds = Object.entries({ net, read, write, run })
        .filter(([, grant]) => grant.length > 0)
        .map(([kind, grant]) => [kind, grant === "all" ? true : grant]);
      return [name, {
        ...Object.fromEntries(kinds),
        import: { deny: true },
        // What may not be read looks as if it were not set.
        env: { ignore: true, ...(env.length > 0 ? { allow: env } : {}) },
      }];
    }),
  );
}

/**
 * The words that grant exactly `wanted` by way of a set. A permission is never asked for: no set can
 * say that, so a flag does.
 */
export function permissionWords(set: keyof typeof SETS, wanted: Permissions): string[] {
  const given: Permissions = SETS[set];
  if (!same(given.env, wanted.env)) throw new Error(`${set} has other variables`);
  const words = REPLACEABLE.flatMap((kind) => {
    if (same(given[kind], wanted[kind])) return [];
    const flag = permissionFlags(wanted).find((word) => word.startsWith(`--allow-${kind}`));
    if (flag === undefined) throw new Error(`${set} grants ${kind}, which cannot be taken back`);
    return [flag];
  });
  return ["--no-prompt", `-P=${set}`, ...words];
}

function same(one: Permissions["read"], other: Permissions["read"]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
