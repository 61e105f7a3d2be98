import { renderProblems } from "../../src/config/problems.ts";
import { assertEquals, assertExcludes } from "../support/assert.ts";
import { loadProblems, MINIMAL } from "./support.ts";

Deno.test("Problems are shown in columns, with a last line that leads to the demo.", () => {
  const { LISTEN_URL = "", PROVIDER_URL = "" } = MINIMAL;
  const problems = loadProblems({
    file: "# settings\n\nupstream_url = 'http//api:80'\nprovider_uri = 'x'\n",
    env: { LISTEN_URL, PROVIDER_URL },
  });
  assertEquals(
    renderProblems(problems),
    [
      "error: 2 settings are wrong (nothing was started)",
      "  provider_uri   settings.toml:4                  unknown setting, did you mean provider_url?",
      "  UPSTREAM_URL   settings.toml:3 (upstream_url)   " +
      'got "http//api:80"   wanted an absolute http(s) URL such as http://127.0.0.1:9000',
      "hint: `deno task demo` shows a working set-up without any settings",
      "",
    ].join("\n"),
  );
});

Deno.test("A single problem is spoken of in the singular, its hint stands below it.", () => {
  const problem = { setting: "A", source: "b", found: '"c"', expected: "d", hint: "e" };
  assertEquals(
    renderProblems([problem]),
    [
      "error: 1 setting is wrong (nothing was started)",
      '  A   b   got "c"   wanted d',
      "      hint: e",
      "hint: `deno task demo` shows a working set-up without any settings",
      "",
    ].join("\n"),
  );
});

Deno.test("A key of the file cannot forge lines of the output.", () => {
  const text = renderProblems(loadProblems({ env: MINIMAL, file: '"a\\nerror: b\\u001b" = 1' }));
  assertExcludes(text, "\nerror: b");
  assertExcludes(text, "\u001b");
});
