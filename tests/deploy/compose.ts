/** What the tests read out of `deploy/compose.yaml` and its realm. */
import { projectFile } from "../support/process.ts";
import { readYaml, type Yaml } from "../support/yaml.ts";

/** Path of the file from the project's root. */
export const COMPOSE_FILE = "deploy/compose.yaml";

/** A map inside the file, by the keys that lead to it. Throws where there is none. */
export function composeMap(...path: readonly string[]): Readonly<Record<string, Yaml>> {
  const value = composeValue(...path);
  if (typeof value === "string" || Array.isArray(value)) throw new Error(`${path} is no map`);
  return value as Readonly<Record<string, Yaml>>; // the only kind that is left
}

/** A list inside the file. Throws where there is none. */
export function composeList(...path: readonly string[]): readonly string[] {
  const value = composeValue(...path);
  if (!Array.isArray(value)) throw new Error(`${path} is no list`);
  return value as readonly string[]; // lists hold texts alone
}

/** The environment of a service. */
export function composeEnvironment(service: string): Readonly<Record<string, string>> {
  const entries = Object.entries(composeMap("services", service, "environment"));
  return Object.fromEntries(entries.map(([name, value]) => {
    if (typeof value !== "string") throw new Error(`${name} of ${service} is no text`);
    return [name, value];
  }));
}

function composeValue(...path: readonly string[]): Yaml {
  const all: Yaml = readYaml(Deno.readTextFileSync(projectFile(COMPOSE_FILE)));
  return path.reduce<Yaml>((value, key) => {
    const inner = typeof value === "string" ? undefined : Object.entries(value)
      .find(([name]) => name === key)?.[1];
    if (inner === undefined) throw new Error(`${COMPOSE_FILE} has no ${path.join(".")}`);
    return inner;
  }, all);
}

/** A client of the realm, as far as the tests care. */
export interface RealmClient {
  readonly clientId: string;
  readonly publicClient: boolean;
  readonly serviceAccountsEnabled: boolean;
  readonly fullScopeAllowed: boolean;
  readonly secret: string;
  readonly protocolMappers?: readonly {
    readonly protocolMapper: string;
    readonly config: Readonly<Record<string, string>>;
  }[];
}

/** The realm that the Compose file imports. */
export function readRealm(): { readonly realm: string; readonly clients: readonly RealmClient[] } {
  return JSON.parse(Deno.readTextFileSync(projectFile("deploy/keycloak/realm.json")));
}
