import { SETTING_NAMES } from "../../src/config/schema.ts";
import { renderSettingsExample } from "../../tools/settings_example.ts";
import { loadOk, NOT_BESIDE_OTHERS } from "../config/support.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

Deno.test("The example sets the smallest working set alone, and that loads.", () => {
  const loaded = loadOk({ file: renderSettingsExample() });
  const set = SETTING_NAMES.filter((name) => loaded.origins[name].startsWith("settings.toml"));
  assertEquals(set, ["LISTEN_URL", "PROVIDER_URL", "UPSTREAM_URL"]);
});

Deno.test("The example loads with every line of it in force.", () => {
  const lines = renderSettingsExample().split("\n")
    .map((line) => line.replace(/^# (?=[a-z_]+ = )/, ""))
    .filter((line) => !/_(secret|password|key)_file = |^providers_file = /.test(line));
  const alone = NOT_BESIDE_OTHERS.map((name) => `${name.toLowerCase()} = `);
  const [settings = ""] = lines.filter((line) => !alone.some((key) => line.startsWith(key)))
    .join("\n").split("# [[");
  const loaded = loadOk({ file: settings });
  for (const name of SETTING_NAMES.filter((name) => !NOT_BESIDE_OTHERS.includes(name))) {
    assertIncludes(loaded.origins[name], "settings.toml:");
  }
});
