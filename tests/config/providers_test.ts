/** Several providers, and the rules between the settings of each. */
import { renderProblems } from "../../src/config/problems.ts";
import { renderCheck } from "../../src/config/render.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { type Given, loadOk, loadProblems, MINIMAL } from "./support.ts";

const { PROVIDER_URL: _, ...REST } = MINIMAL;

/** Settings with these providers in the settings file. */
function file(...providers: readonly string[]): Given {
  return { file: providers.map((text) => `[[provider]]\n${text}\n`).join("\n"), env: REST };
}

const MAIN = 'name = "main"\nurl = "https://id.example.com"\naudience = ["api"]';
const CI = 'name = "ci"\nurl = "https://ci.example.com"';

Deno.test("Each [[provider]] has its own settings, with the defaults of the settings at the top.", () => {
  const { config } = loadOk(
    file(MAIN, `${CI}\nkey_cooldown_secs = 3\nrequired_scopes = ["a", "b"]`),
  );
  assertEquals(
    config.providers.map((provider) => [
      provider.name,
      provider.url?.text,
      provider.audience,
      provider.keyCooldownSecs,
      provider.requiredScopes,
    ]),
    [
      ["main", "https://id.example.com", ["api"], 10, undefined],
      ["ci", "https://ci.example.com", undefined, 3, ["a", "b"]],
    ],
  );
});

Deno.test("PROVIDERS is the same as JSON, from the environment or a file, and wins over [[provider]].", () => {
  const json = JSON.stringify([
    { name: "main", url: "https://id.example.com", audience: ["api"], client_secret: "hush-hush" },
    { name: "ci", url: "https://ci.example.com", required_claims: { tid: ["x", "y"] } },
  ]);
  for (
    const given of [
      { env: { ...REST, PROVIDERS: json } },
      { env: { ...REST, PROVIDERS_FILE: "/p" }, files: { "/p": json } },
      {
        ...file('name = "other"\nurl = "https://other.example.com"'),
        env: { ...REST, PROVIDERS: json },
      },
    ]
  ) {
    const loaded = loadOk(given);
    const [main, ci] = loaded.config.providers;
    assertEquals([main.name, ci?.name, main.audience], ["main", "ci", ["api"]]);
    assertEquals([main.clientSecret, ci?.requiredClaims?.length], ["hush-hush", 1]);
    assertExcludes(renderCheck(loaded), "hush");
    assertExcludes(JSON.stringify(loaded.config.provider), "hush");
  }
});

Deno.test("PROVIDERS that is no list of objects, or holds what no provider has, is a problem without its text.", () => {
  for (const text of ['{"name":"hush"}', "hush", "[]", '["hush"]', "[null]"]) {
    const problems = loadProblems({ env: { ...REST, PROVIDERS: text } });
    assertIncludes(problems.map(({ setting }) => setting).join(), "PROVIDERS");
    assertExcludes(renderProblems(problems), "hush");
  }
  const [problem] = loadProblems({
    env: { ...REST, PROVIDERS: '[{"name":"a","url":"https://a.example","audiense":"x"}]' },
  });
  assertEquals(problem?.setting, "provider[1].audiense");
  assertIncludes(problem?.fault ?? "", "did you mean audience?");
});

Deno.test("Settings of a provider at the top beside [[provider]] are each a problem that says where they go.", () => {
  const problems = loadProblems({ ...file(MAIN), env: { ...MINIMAL, AUDIENCE: '"a"' } });
  assertEquals(problems.map(({ setting, hint }) => [setting, hint]), [
    ["PROVIDER_URL", "move it into [[provider]] as url"],
    ["AUDIENCE", "move it into [[provider]] as audience"],
  ]);
});

Deno.test("The check shows each provider's settings, and none of the one at the top.", () => {
  const lines = renderCheck(loadOk(file(MAIN, CI))).split("\n");
  assert(lines.some((line) => /^provider\[2\]\.url +https:\/\/ci\.example\.com/.test(line)));
  assert(!lines.some((line) => line.startsWith("PROVIDER_URL ")));
});

Deno.test("[[claim]] is another way to write REQUIRED_CLAIMS, at the top and inside [[provider]].", () => {
  const entry = 'path = ["realm_access", "roles"]\nany = ["reader"]\n';
  const top = loadOk({
    env: MINIMAL,
    file: `[[claim]]\n${entry}\n[[claim]]\nname = "tid"\nvalue = "x"\n`,
  });
  assertEquals(top.config.providers[0].requiredClaims, [
    { path: ["realm_access", "roles"], any: ["reader"] },
    { path: ["tid"], any: ["x"] },
  ]);
  const inside = loadOk(file(`${MAIN}\n[[provider.claim]]\n${entry}`, CI));
  assertEquals(inside.config.providers.map(({ requiredClaims }) => requiredClaims?.length), [
    1,
    undefined,
  ]);
  const [problem] = loadProblems({
    env: MINIMAL,
    file: `required_claims = '{"a":"b"}'\n[[claim]]\n${entry}`,
  });
  assertIncludes(problem?.fault ?? "", "given twice");
});

/** What is wrong: the settings, the name of the problem, and words of it. */
const WRONG: readonly (readonly [title: string, given: Given, setting: string, words: string])[] = [
  ["no name", file('url = "https://a.example"'), "provider[1].name", "not set"],
  [
    "a name with a blank",
    file('name = "a b"\nurl = "https://a.example"'),
    "provider[1].name",
    "a-z",
  ],
  ["the same name twice", file(MAIN, CI.replace("ci", "main")), "provider[2].name", "called main"],
  ["no url", file('name = "a"'), "provider[1].url", "an absolute http(s) URL"],
  [
    "the same issuer twice",
    file(MAIN, 'name = "b"\nurl = "https://id.example.com/"'),
    "provider[2].issuer",
    "the same issuer as that of the provider main",
  ],
  [
    "the same key cache file twice",
    file(`${MAIN}\nkey_cache_file = "/k"`, `${CI}\nkey_cache_file = "/k"`),
    "provider[2].key_cache_file",
    "the same file",
  ],
  [
    "two that introspect every opaque token",
    file(
      ...[MAIN, CI].map((text) =>
        `${text}\nintrospection = "on"\nintrospection_client_id = "p"\nintrospection_client_secret = "s"`
      ),
    ),
    "provider[2].token_prefix",
    "which opaque tokens belong to this provider",
  ],
];

/** The same for one provider at the top, by its environment. */
const WRONG_ALONE:
  readonly (readonly [env: Record<string, string>, setting: string, words: string])[] = [
    [{ AUDIENCE_MATCH: "any" }, "AUDIENCE", "because AUDIENCE_MATCH is set"],
    [{ AUDIENCE_CLAIM: "client_id" }, "AUDIENCE", "because AUDIENCE_CLAIM is set"],
    [{ SCOPES_MATCH: "any" }, "REQUIRED_SCOPES", "because SCOPES_MATCH is set"],
    [{ SUBJECT: "a", SUBJECTS: '["b"]' }, "SUBJECTS", "given together with SUBJECT"],
    [{ TOKEN_PROFILE: "rfc9068" }, "AUDIENCE", "because TOKEN_PROFILE asks for it"],
    [{ ALGORITHMS: '["HS256"]' }, "ALGORITHMS", "HS256 needs CLIENT_SECRET"],
    [{ ALGORITHMS: '["RS256"]', CLIENT_SECRET: "x" }, "CLIENT_SECRET", "is of no use"],
    [{ ALGORITHMS: '["none"]' }, "ALGORITHMS", "expected"],
    [{ ALGORITHMS: '["rs256"]' }, "ALGORITHMS", "letter by letter: RS256"],
    [{ ALGORITHMS: '["ES256K"]' }, "ALGORITHMS", "expected"],
    [{ PREVIOUS_AUDIENCE: '"a"', AUDIENCE: '"b"' }, "PREVIOUS_AUDIENCE_ACCEPT_UNTIL", "because"],
    [
      { PREVIOUS_CLIENT_SECRET: "a", CLIENT_SECRET: "b" },
      "PREVIOUS_CLIENT_SECRET_ACCEPT_UNTIL",
      "because",
    ],
    [{ PROVIDER_ACCEPT_UNTIL: "2027-01-31T00:00:00" }, "PROVIDER_ACCEPT_UNTIL", "zone"],
    [{ TRUST_DOMAIN: "example.org" }, "TRUST_DOMAIN", "PROVIDER_TYPE=spiffe alone"],
    [{ PROVIDER_TOKEN_FILE: "/t" }, "PROVIDER_TOKEN_FILE", "PROVIDER_TYPE=kubernetes alone"],
    [{ PROVIDER_TYPE: "kubernetes" }, "AUDIENCE", "for the API server"],
    [
      { PROVIDER_TYPE: "kubernetes", AUDIENCE: '["https://id.example.com"]' },
      "AUDIENCE",
      "the API server's own audience",
    ],
    [
      { PROVIDER_TYPE: "kubernetes", AUDIENCE: '"https://kubernetes.default.svc"' },
      "AUDIENCE",
      "the API server's own audience",
    ],
    [
      { INTROSPECTION: "on", INTROSPECTION_CLIENT_SECRET: "s" },
      "INTROSPECTION_CLIENT_ID",
      "because INTROSPECTION is set",
    ],
    [
      { INTROSPECTION: "on", INTROSPECTION_CLIENT_ID: "p" },
      "INTROSPECTION_CLIENT_SECRET",
      "client_secret_basic",
    ],
    [
      { INTROSPECTION: "on", INTROSPECTION_CLIENT_ID: "p", INTROSPECTION_AUTH: "private_key_jwt" },
      "INTROSPECTION_KEY",
      "private_key_jwt",
    ],
    [
      { PROVIDER_TYPE: "kubernetes", AUDIENCE: '["a"]', AUDIENCE_CLAIM: "sub" },
      "AUDIENCE_CLAIM",
      "means nothing for kubernetes",
    ],
    [{ TOKEN_PREFIX: "a" }, "INTROSPECTION", "because TOKEN_PREFIX is set"],
  ];

for (const [title, given, setting, words] of WRONG) {
  Deno.test(`A provider with ${title} is a problem of ${setting}.`, () => {
    const problems = loadProblems(given);
    assertEquals(problems.map((problem) => problem.setting), [setting]);
    assertIncludes(renderProblems(problems), words);
  });
}

for (const [env, setting, words] of WRONG_ALONE) {
  Deno.test(`${JSON.stringify(env)} is a problem of ${setting}.`, () => {
    const problems = loadProblems({ env: { ...MINIMAL, ...env } });
    assert(problems.some((problem) => problem.setting === setting), renderProblems(problems));
    assertIncludes(renderProblems(problems), words);
    assertEquals(problems.length, 1, renderProblems(problems));
  });
}

Deno.test("A trust domain needs its name, bundle endpoint and audience, and has no issuer's URL.", () => {
  const { PROVIDER_URL: _, ...rest } = MINIMAL;
  const problems = loadProblems({ env: { ...rest, PROVIDER_TYPE: "spiffe" } });
  assertEquals(problems.map(({ setting }) => setting), ["TRUST_DOMAIN", "JWKS_URI", "AUDIENCE"]);
  const complete = {
    ...rest,
    PROVIDER_TYPE: "spiffe",
    TRUST_DOMAIN: "example.org",
    JWKS_URI: "https://spire.example.org/bundle",
    AUDIENCE: '"myapi"',
  };
  assertEquals(loadOk({ env: complete }).config.providers[0].trustDomain, "example.org");
  const [url] = loadProblems({ env: { ...complete, PROVIDER_URL: "https://id.example.com" } });
  assertIncludes(url?.fault ?? "", "means nothing for a trust domain");
});

Deno.test("In a pod the API server's addresses need not be named.", () => {
  const { PROVIDER_URL: _, ...rest } = MINIMAL;
  const { config } = loadOk({
    env: { ...rest, PROVIDER_TYPE: "kubernetes", AUDIENCE: '["myapi"]' },
  });
  assertEquals(config.providers[0].url, undefined);
});
