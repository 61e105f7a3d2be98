import { renderCheck } from "../../src/config/render.ts";
import { SETTING_NAMES } from "../../src/config/schema.ts";
import { assertEquals, assertExcludes } from "../support/assert.ts";
import { withEnv } from "./support.ts";

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
