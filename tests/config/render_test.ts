import { renderCheck, renderReadmeTable, renderSettingsExample } from "../../src/config/render.ts";
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { loadOk, withEnv } from "./support.ts";

Deno.test("The README's table has one row a setting, none with a raw bar in a cell.", () => {
  const lines = renderReadmeTable().trim().split("\n");
  assertEquals(lines.length, SETTING_NAMES.length + 2);
  for (const line of lines) assertEquals(line.replaceAll("\\|", "").split("|").length, 6);
});

Deno.test("The example sets the smallest working set alone, and that loads.", () => {
  const loaded = loadOk({ file: renderSettingsExample() });
  const set = SETTING_NAMES.filter((name) => loaded.origins[name].startsWith("settings.toml"));
  assertEquals(set, ["LISTEN_URL", "PROVIDER_URL", "UPSTREAM_URL"]);
});

Deno.test("The example loads with every line of it in force.", () => {
  const lines = renderSettingsExample().split("\n")
    .map((line) => line.replace(/^# (?=[a-z_]+ = )/, ""))
    .filter((line) => !/_(secret|password)_file = /.test(line));
  const loaded = loadOk({ file: lines.join("\n") });
  for (const name of SETTING_NAMES) assertIncludes(loaded.origins[name], "settings.toml:");
});

Deno.test("The check output shows every value and its origin, secrets masked.", () => {
  const text = renderCheck(withEnv({ CLIENT_SECRET: "hush", AUDIENCE: '"a"' }));
  assertExcludes(text, "hush");
  const rows = text.trim().split("\n").map((line) => line.split(/ {3,}/));
  assertEquals(rows.map((row) => row[0]), [...SETTING_NAMES]);
  const find = (name: string) => rows.find((row) => row[0] === name)?.slice(1);
  assertEquals(find("CLIENT_SECRET"), ["***", "environment variable CLIENT_SECRET"]);
  assertEquals(find("CERT_PASSWORD"), ["(not set)", "empty"]);
  assertEquals(find("AUDIENCE"), ['"a"', "environment variable AUDIENCE"]);
  assertEquals(find("NUM_WORKERS"), ["2", "default"]);
  assertEquals(find("SUBJECT"), ["(not set)", "not checked"]);
});
