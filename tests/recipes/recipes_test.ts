import { failure, failureResponse, statusOf } from "../../src/failure.ts";
import { startService } from "../e2e/harness.ts";
import { assert, assertEquals, assertIncludes, assertThrows } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import type { Case, Fixture } from "./fixture.ts";
import { auth0 } from "./fixtures/auth0.ts";
import { authentik } from "./fixtures/authentik.ts";
import { cognito } from "./fixtures/cognito.ts";
import { entra, entraV1 } from "./fixtures/entra.ts";
import { github } from "./fixtures/github.ts";
import { gitlab } from "./fixtures/gitlab.ts";
import { google } from "./fixtures/google.ts";
import { keycloak } from "./fixtures/keycloak.ts";
import { kubernetes } from "./fixtures/kubernetes.ts";
import { okta } from "./fixtures/okta.ts";
import { spiffe } from "./fixtures/spiffe.ts";
import { zitadel } from "./fixtures/zitadel.ts";
import {
  commandBlocks,
  readPage,
  readRecipes,
  readRows,
  readSettings,
  type Recipe,
  shellBlocks,
} from "./page.ts";
import { loadRecipe, type Replay, startReplay, tokenOf } from "./replay.ts";

const FIXTURES: readonly Fixture[] = [
  keycloak,
  auth0,
  entra,
  entraV1,
  okta,
  cognito,
  zitadel,
  authentik,
  google,
  kubernetes,
  spiffe,
  github,
  gitlab,
];

/** Statuses of a token that is not accepted; all else is a fault of the recipe or of its fixture. */
const REFUSED = [401, 403];

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
  await sendAndCompare(replay, await tokenOf(token, published), wanted);
  if (wanted !== 200) return;
  // A pod and a trust domain know where keys are; all others ask for the discovery document, once.
  const asked = recipe.settings.PROVIDER_TYPE === undefined ? 1 : 0;
  const counts = replay.providers.map((provider) => provider.count("discovery"));
  assertEquals(counts.reduce((sum, count) => sum + count), asked);
}

async function sendAndCompare(replay: Replay, token: string, wanted: Case["wanted"]) {
  const before = replay.upstream.requests.length;
  const response = await replay.send(token);
  const body = await response.text();
  if (wanted === 200) {
    assertEquals({ status: response.status, body }, { status: 200, body: "hello" });
  } else {
    const expected = await failureResponse(failure(wanted), "any").text();
    assertEquals({ status: response.status, body }, { status: statusOf(wanted), body: expected });
    assert(REFUSED.includes(response.status));
    assertEquals(replay.proxy.access.at(-1)?.reason, wanted);
  }
  assertEquals(replay.upstream.requests.length - before, wanted === 200 ? 1 : 0);
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
  }
});

Deno.test("No recipe of the page has to say that something cannot be said.", () => {
  assertEquals(readPage().match(/not expressible/gi), null);
});

Deno.test("The program accepts the settings of every recipe and of every row, without a warning.", () => {
  for (const recipe of RECIPES) {
    for (const more of [{}, ...Object.values(recipe.rows)]) {
      assertEquals(loadRecipe(recipe, more).warnings, [], recipe.section);
    }
  }
});

Deno.test("Every row of a recipe's table has an accepted and a refused token.", () => {
  for (const fixture of FIXTURES) {
    assertEquals(Object.keys(fixture.rows), Object.keys(recipeOf(fixture).rows), fixture.section);
  }
});

Deno.test("A shell understands every command of the page.", async () => {
  const script = shellBlocks(readPage()).join("\n");
  assertIncludes(script, "client_credentials");
  const { success, stderr } = await new Deno.Command("sh", { args: ["-n", "-c", script] }).output();
  assert(success, new TextDecoder().decode(stderr));
});

Deno.test("No command of the page has a secret or a token in an argument.", () => {
  for (const block of commandBlocks(readPage())) {
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
  const table = "| For | Settings |\n| --- | --- |\n";
  assertEquals(readRows(`${table}| two | \`CLIENTS=a,b\` \`LEEWAY=5\` |\n`), {
    two: { CLIENTS: "a,b", LEEWAY: "5" },
  });
  assertThrows(() => readRows(`${table}| a role | \`ROLES=a\` |\n`), /not a setting/);
  assertThrows(() => readRows(`${table}| a role | CLIENTS=a |\n`), /without settings/);
});

Deno.test("The Kubernetes recipe shows the pod's token to the API server, behind the cluster's own authority.", async () => {
  await using authority = await makeAuthority();
  await authority.leaf("api-server", "P-256", "root");
  const [members = {}] = kubernetes.keys;
  await using provider = startProvider({
    keys: [publicJwk(await rsaKey(), members)],
    path: "/openid/v1",
    tls: {
      cert: await authority.certificate("api-server"),
      key: await Deno.readTextFile(`${authority.dir}/api-server.key`),
    },
  });
  const tokenFile = `${authority.dir}/token`;
  await Deno.writeTextFile(tokenFile, "token-of-the-pod\n");
  await using service = await startService({
    settings: {
      ...recipeOf(kubernetes).settings,
      PROVIDER_URL: provider.origin,
      ISSUER: String(kubernetes.good.claims.iss),
      PROVIDER_CA_FILE: `${authority.dir}/root.crt`,
      PROVIDER_TOKEN_FILE: tokenFile,
      NUM_WORKERS: "1",
    },
  });
  const authorization = `Bearer ${await tokenOf(kubernetes.good)}`;
  const { status, text } = await service.get("/", { headers: { authorization } });
  assertEquals({ status, text }, { status: 200, text: "echo /" });
  assertEquals(
    provider.requests.map(({ path, headers }) => [path, headers.get("authorization")]),
    [["/openid/v1/jwks", "Bearer token-of-the-pod"]],
  );
});

Deno.test("A refusal for scopes names those that the recipe's row asks for.", async () => {
  const recipe = recipeOf(keycloak);
  const settings = recipe.rows["a scope"] ?? {};
  await using replay = await startReplay(recipe, keycloak, settings);
  const response = await replay.send(await tokenOf(keycloak.good));
  await response.body?.cancel();
  assertEquals(response.status, 403);
  const challenge = response.headers.get("www-authenticate") ?? "";
  assertIncludes(challenge, `error="insufficient_scope"`);
  assertIncludes(challenge, `scope="${settings.REQUIRED_SCOPES}"`);
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
  for (const [name, { accepts, refuses, what, because }] of Object.entries(fixture.rows)) {
    Deno.test(`The recipe for ${fixture.section}, for ${name}, accepts it, but not ${what}.`, async () => {
      const recipe = recipeOf(fixture);
      await using replay = await startReplay(recipe, fixture, recipe.rows[name]);
      await sendAndCompare(replay, await tokenOf(accepts), 200);
      await sendAndCompare(replay, await tokenOf(refuses), because);
    });
  }
}
