/**
 * The recipe for Keycloak and the settings of `deploy/compose.yaml` against a real Keycloak:
 * `deno task test:keycloak`. Needs Java and Maven, takes about a minute, and is not part of `ok`:
 * so its name does not end in `_test.ts`.
 */
import { composeEnvironment } from "../deploy/compose.ts";
import { startService } from "../e2e/harness.ts";
import { readRecipes } from "../recipes/page.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
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
