/** `KEY_CACHE_FILE`: a restart while the provider is down, and files that are of no use. */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { startProvider, type TestProvider } from "../support/provider.ts";
import { publicJwk, rsaKey } from "../support/tokens.ts";
import { eventually, kid, type Service, startService } from "./harness.ts";

/** What the program needs, but for writing to the folder of the file. */
const FLAGS = ["--allow-net", "--allow-env", "--allow-read", `--allow-run=${Deno.execPath()}`];

interface Scene {
  readonly provider: TestProvider;
  readonly folder: string;
  readonly file: string;
  /** Starts a service of its own with the same provider and file. */
  start(settings?: Record<string, string>, mayWrite?: boolean): Promise<Service>;
  status(service: Service): Promise<number>;
}

async function withFile(use: (scene: Scene) => Promise<void>): Promise<void> {
  await using provider = startProvider({ keys: [publicJwk(await rsaKey(), { kid: kid() })] });
  const folder = await Deno.makeTempDir({ prefix: "ooproxy_cache_" });
  const file = `${folder}/keys.json`;
  try {
    await use({
      provider,
      folder,
      file,
      start: (settings = {}, mayWrite = true) =>
        startService({
          settings: { PROVIDER_URL: provider.url, KEY_CACHE_FILE: file, ...settings },
          denoFlags: mayWrite ? [...FLAGS, `--allow-write=${folder}`] : FLAGS,
        }),
      async status(service) {
        const authorization = `Bearer ${await service.token({ iss: provider.url })}`;
        return (await service.get("/", { headers: { authorization } })).status;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The warnings and errors about the file. */
const warnings = (service: Service) =>
  service.log().filter(({ level, msg }) => level === "warning" && msg.includes("KEY_CACHE_FILE"));

for (const workers of ["1", "2"]) {
  Deno.test(`A restart while the provider is down lets good tokens in, with NUM_WORKERS=${workers}.`, async () => {
    await withFile(async ({ provider, file, start, status }) => {
      {
        await using before = await start({ NUM_WORKERS: workers });
        assertEquals(await status(before), 200);
        // Written after the response, so that no request waits for it.
        await eventually("the file", () => Deno.stat(file).then(() => true, () => false));
      }
      const { keys } = JSON.parse(await Deno.readTextFile(file));
      assertEquals(Object.keys(keys[0]).toSorted(), ["e", "kid", "kty", "n"]);
      await provider.refuse();
      await using after = await start({ NUM_WORKERS: workers });
      assertEquals(await status(after), 200);
      assertEquals(warnings(after), []);
      // A token that no key of the file has signed is not accepted.
      const foreign = await after.token({ iss: provider.url }, {}, 1);
      const headers = { authorization: `Bearer ${foreign}` };
      assert((await after.get("/", { headers })).status >= 400);
      assertEquals(after.upstream.requests.length, 1);
      provider.comeBack();
    });
  });
}

Deno.test("A file that is damaged or of another provider is logged once, and replaced by a good one.", async () => {
  await withFile(async ({ provider, file, start, status }) => {
    await Deno.writeTextFile(file, "{");
    {
      await using service = await start({ NUM_WORKERS: "1" });
      assertEquals(await status(service), 200);
      assertEquals(warnings(service).map(({ why }) => why), ["it is damaged, or no key cache"]);
      await eventually("a good file", () => Deno.readTextFileSync(file).includes(provider.url));
    }
    await using elsewhere = startProvider({ keys: [publicJwk(await rsaKey(), { kid: kid() })] });
    await using service = await start({ NUM_WORKERS: "1", PROVIDER_URL: elsewhere.url });
    assertIncludes(String(warnings(service)[0]?.why), "another PROVIDER_URL");
    const token = await service.token({ iss: elsewhere.url });
    const headers = { authorization: `Bearer ${token}` };
    assertEquals((await service.get("/", { headers })).status, 200);
    assertEquals(elsewhere.count("jwks"), 1);
    await eventually("its own", () => Deno.readTextFileSync(file).includes(elsewhere.url));
    assertEquals(warnings(service).length, 1);
  });
});

Deno.test("Without the permission to write, the start says which flag is missing, and serving goes on.", async () => {
  await withFile(async ({ folder, file, start, status }) => {
    await using service = await start({ NUM_WORKERS: "1" }, false);
    assertEquals(await status(service), 200);
    assertEquals(warnings(service).map(({ file, hint }) => [file, hint]), [
      [file, `start it with --allow-write=${folder}`],
    ]);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  });
});
