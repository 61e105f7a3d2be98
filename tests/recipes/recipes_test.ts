import { failure, failureResponse, statusOf } from "../../src/failure.ts";
import { startService } from "../e2e/harness.ts";
import { assert, assertEquals, assertIncludes, assertThrows } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import type { Case, Fixture } from "./fixture.ts";
import { auth0 } from "./fixtures/auth0.ts";
import { cognito } from "./fixtures/cognito.ts";
import { entra, entraV1 } from "./fixtures/entra.ts";
import { github } from "./fixtures/github.ts";
import { keycloak } from "./fixtures/keycloak.ts";
import { kubernetes } from "./fixtures/kubernetes.ts";
import { okta } from "./fixtures/okta.ts";
import { zitadel } from "./fixtures/zitadel.ts";
import { readPage, readRecipes, readSettings, type Recipe, shellBlocks } from "./page.ts";
import { startReplay, tokenOf } from "./replay.ts";

const FIXTURES: readonly Fixture[] = [
  keycloak,
  auth0,
  entra,
  entraV1,
  okta,
  cognito,
  zitadel,
  kubernetes,
  github,
];

const RECIPES = readRecipes();

function recipeOf(fixture: Fixture): Recipe {
  const recipe = RECIPES.find(({ section }) => section === fixture.section);
  assert(recipe !== undefined, `docs/recipes.md has no settings in a section ${fixture.section}`);
  return recipe;
}

/** Sends what the case says and compares the whole response. */
async function play({ token, wanted, settings, published }: Case, fixture: Fixture) {
  const recipe = recipeOf(fixture);
  await using replay = await startReplay(recipe, fixture, settings);
  const response = await replay.send(await tokenOf(token, published));
  const body = await response.text();
  if (wanted === 200) {
    assertEquals({ status: response.status, body }, { status: 200, body: "hello" });
  } else {
    const expected = await failureResponse(failure(wanted), "any").text();
    assertEquals({ status: response.status, body }, { status: statusOf(wanted), body: expected });
    assertEquals(statusOf(wanted), 401);
  }
  assertEquals(replay.upstream.requests.length, wanted === 200 ? 1 : 0);
  // With JWKS_URI and ISSUER no one asks for the discovery document.
  const asked = recipe.settings.JWKS_URI === undefined ? 1 : 0;
  if (wanted === 200) assertEquals(replay.provider.count("discovery"), asked);
}

Deno.test("Every recipe of the page has a fixture, and every fixture a recipe.", () => {
  assertEquals(
    RECIPES.map(({ section }) => section),
    FIXTURES.map(({ section }) => section),
  );
});

Deno.test("Every recipe has a command and one trap in bold.", () => {
  for (const { section, text, commands } of RECIPES) {
    assert(commands.length > 0, `${section} does not say how to get a token`);
    const bold = text.match(/\*\*[^*]+\*\*/g) ?? [];
    assertEquals(bold.length, 1, `${section}: ${bold.length} sentences in bold`);
    assertIncludes(text, "\nNot expressible: ", `${section} does not say what it cannot check`);
  }
});

Deno.test("A shell understands every command of the page.", async () => {
  const script = shellBlocks(readPage()).join("\n");
  assertIncludes(script, "client_credentials");
  const { success, stderr } = await new Deno.Command("sh", { args: ["-n", "-c", script] }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("No command of the page has a secret or a token in an argument.", () => {
  for (const block of shellBlocks(readPage())) {
    // printf is part of the shell: what it is given never becomes a process.
    const rest = block.replaceAll(/printf (%s|'[^']*') "\$\w+" \|/g, "");
    assert(!/\$(SECRET|TOKEN|ACTIONS_ID_TOKEN_REQUEST_TOKEN)\b/.test(rest), block);
  }
});

Deno.test("Settings on the page that are misspelt or need a shell's help are found.", () => {
  assertEquals(readSettings("AUDIENCE='[\"a\"]'\nSUBJECT=a:b\n"), {
    AUDIENCE: '["a"]',
    SUBJECT: "a:b",
  });
  assertThrows(() => readSettings("PROVIDER_URI=https://id.example.com"), /not a setting/);
  assertThrows(() => readSettings("SUBJECT=$NAME"), /not a setting/);
  assertThrows(() => readSettings('AUDIENCE="a"'), /not a setting/);
});

Deno.test("The Kubernetes recipe reaches keys behind the cluster's own authority.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("api-server", "P-256", "root");
  const { PROVIDER_URL: _, ...recipe } = recipeOf(kubernetes).settings;
  const [members = {}] = kubernetes.keys;
  await using provider = startProvider({
    keys: [publicJwk(await rsaKey(), members)],
    tls: {
      cert: await authority.certificate("api-server"),
      key: await Deno.readTextFile(`${authority.dir}/api-server.key`),
    },
  });
  await using service = await startService({
    settings: {
      ...recipe,
      PROVIDER_URL: provider.url,
      JWKS_URI: provider.jwksUrl,
      PROVIDER_CA_FILE: `${authority.dir}/root.crt`,
      NUM_WORKERS: "1",
    },
  });
  const authorization = `Bearer ${await tokenOf(kubernetes.good)}`;
  const { status, text } = await service.get("/", { headers: { authorization } });
  assertEquals({ status, text }, { status: 200, text: "echo /" });
  assertEquals([provider.count("jwks"), provider.count("discovery")], [1, 0]);
});

for (const fixture of FIXTURES) {
  Deno.test(`The recipe for ${fixture.section} lets in the token that its command gets.`, async () => {
    await play({ what: "", token: fixture.good, wanted: 200 }, fixture);
  });
  for (const one of fixture.cases) {
    const verb = one.wanted === 200 ? "accepts" : "refuses";
    Deno.test(`The recipe for ${fixture.section} ${verb} ${one.what}.`, async () => {
      await play(one, fixture);
    });
  }
}
