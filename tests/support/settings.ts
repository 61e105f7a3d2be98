import { keySettings } from "../../src/app/prepare.ts";
import type { KeySettings } from "../../src/keys/key_broker.ts";
import { load, type Loaded } from "../../src/config/load.ts";
import { renderProblems } from "../../src/config/problems.ts";
import type { Config } from "../../src/config/schema.ts";
import { fail } from "../../src/result.ts";

/** Settings as an operator writes them, over the few that are needed. */
export function settings(env: Readonly<Record<string, string>> = {}): Config {
  return loadSettings(env).config;
}

/** The same, with where each value came from. */
export function loadSettings(env: Readonly<Record<string, string>> = {}): Loaded {
  const loaded = load({
    env: {
      LISTEN_URL: "127.0.0.1:0",
      PROVIDER_URL: "http://127.0.0.1:9",
      UPSTREAM_URL: "http://127.0.0.1:9",
      ...env,
    },
    flags: {},
    readFile: () => fail("no files here"),
  });
  if (!loaded.ok) throw new Error(renderProblems(loaded.failure));
  return loaded.value;
}

/** What the settings of the one provider say about its keys. */
export function keysOf(env: Readonly<Record<string, string>> = {}): KeySettings {
  const [only] = keySettings(settings(env));
  if (only === undefined) throw new Error("no provider");
  return only;
}
