import { parseArguments } from "../../src/config/args.ts";
import { renderProblems, renderUsageProblems } from "../../src/config/problems.ts";
import { assertEquals, assertExcludes } from "../support/assert.ts";
import { loadProblems, MINIMAL } from "./support.ts";

/** Right in a checkout, in the image and in the binary: two of them have no demo, nor a task for it. */
const LAST_LINE =
  "hint: `ooproxy help` lists the common settings, `ooproxy help NAME` explains one";

Deno.test("Problems are shown in columns, with a last line that leads to the help.", () => {
  const { LISTEN_URL = "", PROVIDER_URL = "" } = MINIMAL;
  const problems = loadProblems({
    file: "# settings\n\nupstream_url = 'http//api:80'\nprovider_uri = 'x'\n",
    env: { LISTEN_URL, PROVIDER_URL },
  });
  assertEquals(
    renderProblems(problems),
    [
      "error: invalid configuration: 2 problems",
      "  provider_uri   settings.toml:4                  unknown setting, did you mean provider_url?",
      "  UPSTREAM_URL   settings.toml:3 (upstream_url)   " +
      'got "http//api:80"   expected an absolute http(s) URL, such as http://127.0.0.1:9000',
      LAST_LINE,
      "",
    ].join("\n"),
  );
});

Deno.test("A single problem is counted in the singular, its hint stands below it.", () => {
  const problem = { setting: "A", source: "b", found: '"c"', expected: "d", hint: "e" };
  assertEquals(
    renderProblems([problem]),
    [
      "error: invalid configuration: 1 problem",
      '  A   b   got "c"   expected d',
      "      hint: e",
      LAST_LINE,
      "",
    ].join("\n"),
  );
});

Deno.test("A key of the file cannot forge lines of the output.", () => {
  const text = renderProblems(loadProblems({ env: MINIMAL, file: '"a\\nerror: b\\u001b" = 1' }));
  assertExcludes(text, "\nerror: b");
  assertExcludes(text, "\u001b");
});

/** Command lines, and all but the last line of what is said about them. */
const COMMAND_LINES: readonly (readonly [args: readonly string[], lines: readonly string[]])[] = [
  [["serv"], ['error: unknown command "serv", did you mean serve?']],
  [["start"], [
    'error: unknown command "start", expected one of serve, check, health, demo, version, help',
  ]],
  [["--leewy", "1"], [
    "error: invalid command line: 1 problem",
    "  --leewy   unknown flag, did you mean --leeway?",
  ]],
  [["serv", "--leeway"], [
    "error: invalid command line: 2 problems",
    '  command    unknown command "serv", did you mean serve?',
    "  --leeway   needs a value: --leeway VALUE",
  ]],
  [["a\u001b[0m"], [
    'error: unknown command "a\\u001b[0m", expected one of serve, check, health, demo, version, help',
  ]],
];

for (const [args, lines] of COMMAND_LINES) {
  Deno.test(`The arguments ${JSON.stringify(args)} are refused as a command line, not as settings.`, () => {
    const parsed = parseArguments(args);
    assertEquals(renderUsageProblems(parsed.ok ? [] : parsed.failure).split("\n"), [
      ...lines,
      "hint: `ooproxy help` lists the commands and the common flags",
      "",
    ]);
  });
}
