import { SETTING_NAMES } from "../../src/config/schema.ts";
import { COMPOSE_FILE, composeEnvironment, composeList, composeMap, readRealm } from "./compose.ts";
import { readPage, readRecipes } from "../recipes/page.ts";
import { assert, assertEquals, assertIncludes, assertThrows } from "../support/assert.ts";
import { projectFile, startProcess } from "../support/process.ts";
import { readYaml } from "../support/yaml.ts";

/** Whether Python with its YAML package is here, to read the file a second time. */
const PYTHON_READS_YAML = await succeeds("python3", ["-c", "import yaml"]);

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args: [...args] }).output()).success;
  } catch {
    return false; // not installed
  }
}

Deno.test("Every variable of Compose's proxy is a setting.", () => {
  const names = Object.keys(composeEnvironment("proxy"));
  assert(names.length > 0);
  assertEquals(names.filter((name) => !SETTING_NAMES.some((known) => known === name)), []);
});

Deno.test("The program's check accepts the settings of Compose's proxy.", async () => {
  const cwd = await Deno.makeTempDir({ prefix: "ooproxy_compose_" });
  try {
    const env = composeEnvironment("proxy");
    await using check = startProcess({ args: ["check"], cwd, env });
    assertEquals((await check.ended()).code, 0, check.output());
    assertIncludes(check.output(), "environment variable PROVIDER_URL");
    // Plain HTTP is right between containers of one machine, and nothing else is to be said.
    assertEquals(check.stderr.filter((line) => !line.includes("plain http")), []);
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
});

Deno.test("Compose's proxy has the audience that the realm's mapper gives, as the recipe has.", () => {
  const { realm, clients } = readRealm();
  const { AUDIENCE = "", PROVIDER_URL = "", ISSUER = "" } = composeEnvironment("proxy");
  const recipe = readRecipes().find(({ section }) => section === "Keycloak");
  assertEquals(recipe?.settings.AUDIENCE, AUDIENCE);
  const reports = clients.find(({ clientId }) => clientId === "reports");
  const mappers = reports?.protocolMappers ?? [];
  assertEquals(mappers.map(({ protocolMapper }) => protocolMapper), ["oidc-audience-mapper"]);
  assertEquals(mappers[0]?.config["included.custom.audience"], JSON.parse(AUDIENCE));
  assertEquals(mappers[0]?.config["access.token.claim"], "true");
  for (const url of [PROVIDER_URL, ISSUER, recipe?.settings.PROVIDER_URL ?? ""]) {
    assertEquals(new URL(url).pathname, `/realms/${realm}`);
  }
});

Deno.test("The realm's clients get tokens by client credentials and hold no secret.", () => {
  const { clients } = readRealm();
  assertEquals(clients.map(({ clientId }) => clientId), ["reports", "no-mapper"]);
  for (const client of clients) {
    assertEquals([client.publicClient, client.serviceAccountsEnabled], [false, true]);
    assertEquals(client.secret, "${SECRET}");
    assertIncludes(readPage(), `client_id=${client.clientId}`);
  }
  assertEquals(clients.map(({ protocolMappers }) => protocolMappers?.length), [1, undefined]);
  // Full scope would put `account` beside the mapper's audience.
  assertEquals(clients[0]?.fullScopeAllowed, false);
});

Deno.test("Compose gives Keycloak the secret by name alone, and nothing by arguments.", () => {
  const { SECRET = "" } = composeEnvironment("keycloak");
  assert(SECRET.startsWith("${SECRET:?"), SECRET);
  assertEquals(composeList("services", "keycloak", "command"), ["start-dev", "--import-realm"]);
});

Deno.test("Compose's proxy waits for Keycloak's health; the addresses fit together.", () => {
  const waits = composeMap("services", "proxy", "depends_on");
  assertEquals(waits, {
    keycloak: { condition: "service_healthy" },
    echo: { condition: "service_started" },
  });
  const { PROVIDER_URL = "", UPSTREAM_URL = "", ISSUER = "", LISTEN_URL } = composeEnvironment(
    "proxy",
  );
  const services = Object.keys(composeMap("services"));
  assert(services.includes(new URL(PROVIDER_URL).hostname), PROVIDER_URL);
  assert(services.includes(new URL(UPSTREAM_URL).hostname), UPSTREAM_URL);
  const { KC_HOSTNAME = "" } = composeEnvironment("keycloak");
  assertEquals(new URL(ISSUER).origin, KC_HOSTNAME);
  const published = composeList("services", "keycloak", "ports");
  assertEquals(published, [`127.0.0.1:${new URL(KC_HOSTNAME).port}:8080`]);
  assertEquals(LISTEN_URL, ":8080");
  assertEquals(composeList("services", "proxy", "ports"), ["127.0.0.1:8080:8080"]);
});

Deno.test("Compose's images are pinned.", () => {
  const images = Object.entries(composeMap("services")).map(([name]) =>
    composeMap("services", name).image
  );
  for (const image of images) {
    assert(
      image === "ooproxy" || /:v?\d+\.\d+\.\d+(@sha256:\w{64})?$/.test(String(image)),
      String(image),
    );
  }
});

Deno.test({
  name: "Our reader and Python's see the same in compose.yaml (skipped without python3 and yaml).",
  ignore: !PYTHON_READS_YAML,
  async fn() {
    const program = "import json, sys, yaml\n" +
      "print(json.dumps(yaml.load(open(sys.argv[1]), yaml.BaseLoader)))";
    const path = projectFile(COMPOSE_FILE);
    const { stdout } = await new Deno.Command("python3", { args: ["-c", program, path] }).output();
    const theirs: unknown = JSON.parse(new TextDecoder().decode(stdout));
    const ours: unknown = { ...readYaml(Deno.readTextFileSync(path)) };
    assertEquals(ours, theirs);
  },
});

Deno.test("Our reader refuses YAML that it does not know.", () => {
  const refused = ["a: [1]", "a: |", "a: &b c", "a: b # c", "a:", "a: b\n  c: d", "a: b\na: c"];
  for (const text of refused) assertThrows(() => readYaml(text), Error, text);
  assertEquals(readYaml("# x\na:\n  - 'b''c'\n  - \"d\"\ne: :1\n"), { a: ["b'c", "d"], e: ":1" });
});
