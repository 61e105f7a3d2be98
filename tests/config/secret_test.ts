import { valuesOf } from "../../src/config/schema.ts";
import { assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { loadOk, loadProblems, MINIMAL } from "./support.ts";

const SECRETS = [
  "CLIENT_SECRET",
  "CERT_PASSWORD",
] as const;

for (const name of SECRETS) {
  const lower = name.toLowerCase();

  Deno.test(`${name} comes from the environment or the settings file.`, () => {
    assertEquals(valuesOf(loadOk({ env: { ...MINIMAL, [name]: "hush" } }).config, name), ["hush"]);
    assertEquals(valuesOf(loadOk({ env: MINIMAL, file: `${lower} = 'hush'` }).config, name), [
      "hush",
    ]);
  });

  const layers = [
    { where: "environment", given: { env: { ...MINIMAL, [`${name}_FILE`]: "/s" } } },
    { where: "settings file", given: { env: MINIMAL, file: `${lower}_file = "/s"` } },
    {
      where: "command line",
      given: { env: MINIMAL, flags: { [`${lower.replace("_", "-")}-file`]: "/s" } },
    },
  ];
  for (const { where, given } of layers) {
    Deno.test(`The file named in the ${where} gives ${name}.`, () => {
      const loaded = loadOk({ ...given, files: { "/s": "hush\n" } });
      assertEquals(valuesOf(loaded.config, name), ["hush"]);
      assertEquals(loaded.shown[name], "***");
      assertIncludes(loaded.origins[name].toLowerCase().replaceAll("-", "_"), `${lower}_file`);
    });
  }

  Deno.test(`${name} and ${name}_FILE together are a problem that names both, not the value.`, () => {
    const problems = loadProblems({
      file: `${lower} = 'hush'`,
      env: { ...MINIMAL, [`${name}_FILE`]: "/s" },
      files: { "/s": "hush" },
    });
    assertEquals(problems.length, 1);
    assertIncludes(problems[0]?.source ?? "", `settings.toml:1 (${lower})`);
    assertIncludes(problems[0]?.fault ?? "", `environment variable ${name}_FILE`);
    assertExcludes(JSON.stringify(problems), "hush");
  });

  for (const [what, content] of [["empty", ""], ["a line end only", "\n"]] as const) {
    Deno.test(`A file for ${name} that is ${what} is a problem.`, () => {
      const env = { ...MINIMAL, [`${name}_FILE`]: "/s" };
      const problems = loadProblems({ env, files: { "/s": content } });
      assertEquals(problems.map((problem) => [problem.setting, problem.fault]), [
        [`${name}_FILE`, "the file is empty"],
      ]);
    });
  }

  Deno.test(`A secret put into ${name}_FILE by mistake is not shown.`, () => {
    const problems = loadProblems({ env: { ...MINIMAL, [`${name}_FILE`]: "hush" } });
    assertIncludes(problems[0]?.fault ?? "", "cannot be read (no such file");
    assertExcludes(JSON.stringify(problems), "hush");
  });

  Deno.test(`A ${name} of the wrong type is a problem without its value.`, () => {
    for (const file of [`${lower} = ["hush"]`, `${lower} = { hush = "hush" }`]) {
      const problems = loadProblems({ env: MINIMAL, file });
      assertEquals(problems.map((problem) => problem.setting), [name]);
      assertExcludes(JSON.stringify(problems), "hush");
    }
  });
}

const CONTENTS: readonly [string, string][] = [
  ["hush", "hush"],
  ["hush\n", "hush"],
  ["hush\r\n", "hush"],
  ["hush\n\n", "hush\n"],
  [" hush ", " hush "],
];

for (const [content, value] of CONTENTS) {
  Deno.test(`A secret's file ${JSON.stringify(content)} holds ${JSON.stringify(value)}.`, () => {
    const env = { ...MINIMAL, CLIENT_SECRET_FILE: "/s" };
    assertEquals(loadOk({ env, files: { "/s": content } }).config.providers[0].clientSecret, value);
  });
}

Deno.test("A higher layer's file name replaces a lower one's.", () => {
  const loaded = loadOk({
    file: 'client_secret_file = "/a"',
    env: { ...MINIMAL, CLIENT_SECRET_FILE: "/b" },
    files: { "/b": "b" },
  });
  assertEquals(loaded.config.providers[0].clientSecret, "b");
});
