import {
  type Environment,
  READABLE_VARIABLES,
  readVariables,
  SETTING_VARIABLES,
} from "../../src/config/environment.ts";
import { INPUT_NAMES } from "../../src/config/schema.ts";
import { assert, assertEquals } from "../support/assert.ts";

const covers = (pattern: string, name: string) =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

Deno.test("Every setting can be read, and no pattern covers another.", () => {
  for (const name of INPUT_NAMES) {
    assert(SETTING_VARIABLES.some((pattern) => covers(pattern, name)), name);
  }
  const twice = SETTING_VARIABLES.filter((pattern) =>
    SETTING_VARIABLES.some((other) => other !== pattern && covers(other, pattern.replace("*", "")))
  );
  assertEquals(twice, []);
});

Deno.test("Every pattern stands for a setting, and misspelt last words are seen.", () => {
  for (const pattern of SETTING_VARIABLES) {
    assert(INPUT_NAMES.some((name) => covers(pattern, name)), pattern);
  }
  assert(SETTING_VARIABLES.some((pattern) => covers(pattern, "PROVIDER_URI")));
});

Deno.test("No other program's secrets can be read.", () => {
  const secrets = ["AWS_SECRET_ACCESS_KEY", "DENO_AUTH_TOKENS", "GITHUB_TOKEN", "KEY", "TOKEN"];
  for (const secret of secrets) {
    assertEquals(READABLE_VARIABLES.filter((pattern) => covers(pattern, secret)), []);
  }
});

/** An environment of which only some names can be read. */
function guarded(granted: Record<string, string>, lists: boolean): Environment {
  return {
    toObject() {
      if (lists) return granted;
      throw new Error("not capable");
    },
    get(name) {
      if (name in granted) return granted[name];
      throw new Error("not capable");
    },
  };
}

Deno.test("Where the environment cannot be listed, each setting is asked for.", () => {
  const granted = {
    LISTEN_URL: ":8080",
    CLIENT_SECRET_FILE: "/s",
    PATH: "/bin",
    PROVIDER_URI: "x",
  };
  assertEquals(readVariables(guarded(granted, true)), granted);
  const { PROVIDER_URI: _misspelt, ...known } = granted;
  assertEquals(readVariables(guarded(granted, false)), known);
  assertEquals(readVariables(guarded({}, false)), {});
});
