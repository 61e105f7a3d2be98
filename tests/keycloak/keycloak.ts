/**
 * The recipe for Keycloak and the settings of `deploy/compose.yaml` against a real Keycloak:
 * `deno task test:keycloak`. Needs Java and Maven, takes about a minute, and is not part of `ok`:
 * so its name does not end in `_test.ts`.
 */
import { composeEnvironment } from "../deploy/compose.ts";
import { startService } from "../e2e/harness.ts";
import { readRecipes } from "../recipes/page.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { SIGNED_BY } from "./realms.ts";
import { fetchKeycloak, type Keycloak, startKeycloak } from "./server.ts";

/** The secret of the realm's clients, for this run alone. */
const SECRET = "a-secret-of-this-run-alone";

const recipe = readRecipes().find(({ section }) => section === "Keycloak");
assert(recipe !== undefined);

/** A token by the recipe's own command, at another address and perhaps for another client. */
async function getToken({ publicOrigin }: Keycloak, client: string): Promise<string> {
  const [command = ""] = recipe?.commands ?? [];
  const script = command.replace("https://id.example.com", publicOrigin)
    .replace("client_id=reports", `client_id=${client}`);
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `${script}\nprintf %s "$TOKEN"`],
    env: { SECRET },
  }).output();
  const token = new TextDecoder().decode(stdout);
  assert(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token), `the command got no token: ${token}`);
  return token;
}

/** A token of one of the other realms. */
async function realmToken({ publicOrigin }: Keycloak, realm: string): Promise<string> {
  const response = await fetch(`${publicOrigin}/realms/${realm}/protocol/openid-connect/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: "reports",
      client_secret: SECRET,
    }),
  });
  const { access_token: token } = await response.json();
  assert(typeof token === "string", `no token of the realm ${realm}`);
  return token;
}

/** Status and reason of a call with settings for such a realm. */
async function outcome(
  { publicOrigin }: Keycloak,
  realm: string,
  settings: Readonly<Record<string, string>>,
  token: string,
) {
  const { status, reason } = await call({
    PROVIDER_URL: `${publicOrigin}/realms/${realm}`,
    AUDIENCE: '"myapi"',
    AUDIENCE_MATCH: "any",
    ...settings,
  }, token);
  return [status, reason];
}

/** Another algorithm, nested roles, and the client by azp. */
async function algorithmSteps(
  t: Deno.TestContext,
  keycloak: Keycloak,
  realm: string,
  algorithm: string,
): Promise<void> {
  const token = await realmToken(keycloak, realm);
  const [head = "", body = ""] = token.split(".");
  const decode = (part: string) => JSON.parse(atob(part.replaceAll("-", "+").replaceAll("_", "/")));
  assertEquals(decode(head).alg, algorithm);
  const { azp } = decode(body);
  const roles = (wanted: string) =>
    JSON.stringify([{ path: ["realm_access", "roles"], any: [wanted] }]);
  const rows = [
    [{ ALGORITHMS: JSON.stringify([algorithm]) }, 200, undefined],
    [{ ALGORITHMS: '["RS256"]' }, 401, "algorithm_not_allowed"],
    [{ REQUIRED_CLAIMS: roles("reader") }, 200, undefined],
    [{ REQUIRED_CLAIMS: roles("writer") }, 403, "claim_not_accepted"],
    [{ CLIENTS: JSON.stringify([azp]) }, 200, undefined],
    [{ CLIENTS: '["another"]' }, 401, "wrong_client"],
    [{ REQUIRED_SCOPES: "email profile" }, 200, undefined],
    [{ REQUIRED_SCOPES: "email reports.read" }, 403, "insufficient_scope"],
    [{ TOKEN_PROFILE: "rfc9068" }, 401, "wrong_type"],
  ] as const;
  for (const [settings, ...wanted] of rows) {
    await t.step(`${algorithm}, ${JSON.stringify(settings)}: ${wanted[0]}.`, async () => {
      assertEquals(await outcome(keycloak, realm, settings, token), [...wanted]);
    });
  }
}

/** Its access tokens are JWTs, which are never introspected: an opaque text it calls inactive. */
async function introspectionSteps(t: Deno.TestContext, keycloak: Keycloak): Promise<void> {
  const client = { INTROSPECTION: "on", INTROSPECTION_CLIENT_ID: "proxy" };
  const right = { ...client, INTROSPECTION_CLIENT_SECRET: SECRET };
  const rows = [
    ["an opaque text", right, "opaque", 401, "inactive_token"],
    [
      "the secret as a form field",
      { ...right, INTROSPECTION_AUTH: "client_secret_post" },
      "opaque",
      401,
      "inactive_token",
    ],
    [
      "a wrong secret",
      { ...client, INTROSPECTION_CLIENT_SECRET: "wrong" },
      "opaque",
      503,
      "introspection_unavailable",
    ],
    ["a JWT", right, await realmToken(keycloak, "ps"), 200, undefined],
  ] as const;
  for (const [what, settings, token, ...wanted] of rows) {
    await t.step(`Introspection, ${what}: ${wanted[1] ?? wanted[0]}.`, async () => {
      assertEquals(await outcome(keycloak, "ps", settings, token), [...wanted]);
    });
  }
}

/** How the whole program responds to a token. */
async function call(settings: Readonly<Record<string, string>>, token: string) {
  await using service = await startService({ settings });
  const response = await service.get("/hello", { headers: { authorization: `Bearer ${token}` } });
  const { reason, clientId } = await service.logged("request");
  return { ...response, reason, clientId };
}

Deno.test("A real Keycloak.", async (t) => {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_keycloak_" });
  try {
    const home = await fetchKeycloak(dir);
    if (!home.ok) {
      const name = `Not run, Keycloak cannot be had here: ${home.failure}`;
      await t.step({ name, ignore: true, fn() {} });
      return;
    }
    await using keycloak = await startKeycloak(home.value, SECRET);
    const byRecipe = {
      ...recipe.settings,
      PROVIDER_URL: `${keycloak.publicOrigin}/realms/demo`,
    };
    const { AUDIENCE = "", PROVIDER_URL = "", ISSUER = "" } = composeEnvironment("proxy");
    const byCompose = {
      AUDIENCE,
      PROVIDER_URL: keycloak.internalOrigin + new URL(PROVIDER_URL).pathname,
      ISSUER: keycloak.publicOrigin + new URL(ISSUER).pathname,
    };
    for (const [name, algorithm] of Object.entries(SIGNED_BY)) {
      await algorithmSteps(t, keycloak, name, algorithm);
    }
    await introspectionSteps(t, keycloak);
    for (const [name, settings] of Object.entries({ byRecipe, byCompose })) {
      await t.step(`${name}: the token of the client with the mapper gets 200.`, async () => {
        const { status, text, clientId } = await call(
          settings,
          await getToken(keycloak, "reports"),
        );
        assertEquals({ status, text, clientId }, {
          status: 200,
          text: "echo /hello",
          clientId: "reports",
        });
      });
      await t.step(`${name}: the token of the client without a mapper gets 401.`, async () => {
        const { status, text, reason } = await call(
          settings,
          await getToken(keycloak, "no-mapper"),
        );
        assertEquals([status, reason], [401, "wrong_audience"]);
        assertIncludes(text, "another audience");
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
