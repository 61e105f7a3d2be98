/**
 * JWT-SVIDs of a real SPIRE server, with its own bundle endpoint over TLS: `deno task test:spire`. Needs
 * Go, which builds the server in some minutes where it is not there; not part of `ok`, so its name does
 * not end in `_test.ts`.
 */
import { startService } from "../e2e/harness.ts";
import { assertEquals } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { findSpire, startSpire } from "./server.ts";

Deno.test("A real SPIRE server.", async (t) => {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_spire_" });
  try {
    const program = await findSpire(dir);
    if (!program.ok) {
      const name = `Not run, SPIRE cannot be had here: ${program.failure}`;
      await t.step({ name, ignore: true, fn() {} });
      return;
    }
    await using authority = await makeAuthority();
    await authority.leaf("spire", "P-256", "root");
    await using spire = await startSpire(program.value, dir, authority);
    await using service = await startService({
      settings: {
        PROVIDER_URL: "",
        PROVIDER_TYPE: "spiffe",
        TRUST_DOMAIN: "example.org",
        JWKS_URI: spire.bundleUrl,
        PROVIDER_CA_FILE: `${authority.dir}/root.crt`,
        AUDIENCE: '["myapi"]',
        SUBJECTS: '["spiffe://example.org/billing/*"]',
        KEY_COOLDOWN_SECS: "1",
      },
    });
    const call = async (id: string, audience = "myapi") => {
      const authorization = `Bearer ${await spire.svid(id, audience)}`;
      const { status } = await service.get("/", { headers: { authorization } });
      return status;
    };
    await t.step("An SVID of the workload that is listed gets 200.", async () => {
      assertEquals(await call("spiffe://example.org/billing/api"), 200);
    });
    await t.step("Another workload, and another audience, get 401.", async () => {
      assertEquals(await call("spiffe://example.org/reports"), 401);
      assertEquals(await call("spiffe://example.org/billing/api", "other"), 401);
    });
    await t.step("After a rotation the new key is fetched.", async () => {
      await spire.rotate();
      assertEquals(await call("spiffe://example.org/billing/api"), 200);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
