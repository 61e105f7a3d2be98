/** Every kind of PFX file that must work, really served and called by clients that trust the root. */
import { pemCertificates, pfxToPem } from "../../src/tls/pfx.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type KeyKind, makeAuthority, PASSWORD, type PfxRequest } from "../support/pfx.ts";

interface Row extends PfxRequest {
  readonly title: string;
  readonly key: KeyKind;
}

const LEGACY = ["-legacy"];
const NON_ASCII = "pässwörd→𝄞";

const ROWS: readonly Row[] = [
  { title: "an RSA key (as OpenSSL 3 packs it)", key: "RSA 2048" },
  { title: "an RSA key (packed with RC2 and 3DES)", key: "RSA 2048", options: LEGACY },
  { title: "a P-256 key (as OpenSSL 3 packs it)", key: "P-256" },
  { title: "a P-256 key (packed with RC2 and 3DES)", key: "P-256", options: LEGACY },
  { title: "a P-384 key (as OpenSSL 3 packs it)", key: "P-384" },
  { title: "a P-384 key (packed with RC2 and 3DES)", key: "P-384", options: LEGACY },
  { title: "a P-521 key (as OpenSSL 3 packs it)", key: "P-521" },
  { title: "an Ed25519 key (as OpenSSL 3 packs it)", key: "Ed25519" },
  { title: "an Ed25519 key (packed with RC2 and 3DES)", key: "Ed25519", options: LEGACY },
  { title: "an empty password", key: "P-256", password: "" },
  { title: "an empty password and RC2 and 3DES", key: "P-256", password: "", options: LEGACY },
  { title: "a non-ASCII password", key: "P-256", password: NON_ASCII },
  {
    title: "a non-ASCII password and RC2 and 3DES",
    key: "P-256",
    password: NON_ASCII,
    options: LEGACY,
  },
  { title: "a SHA-512 MAC", key: "P-256", options: ["-macalg", "sha512"] },
  { title: "a SHA-1 MAC", key: "P-256", options: ["-macalg", "sha1"] },
  { title: "no MAC", key: "P-256", options: ["-nomac"] },
  { title: "certificates that are not encrypted", key: "P-256", options: ["-certpbe", "NONE"] },
  { title: "600000 rounds of key derivation", key: "P-256", options: ["-iter", "600000"] },
];

for (const row of ROWS) {
  Deno.test(`A PFX file with ${row.title} is served over HTTP/1.1 and HTTP/2.`, async () => {
    await using authority = await makeAuthority();
    await authority.leaf("leaf", row.key);
    const bytes = await authority.pfx("leaf", { others: ["outer", "inner"], ...row });
    const root = await authority.certificate("root");

    await serve(bytes, row.password ?? PASSWORD, async (port) => {
      assertEquals(await call(port, root, "HTTP/1.1"), "served");
      assertEquals(await call(port, root, "HTTP/2"), "served");
      assertEquals(await negotiate(port, root, ["http/1.1"]), "http/1.1");
      assertEquals(await negotiate(port, root, ["h2", "http/1.1"]), "h2");
    });
  });
}

const ORDERS: readonly (readonly [others: readonly string[], sent: readonly string[]])[] = [
  [["inner", "outer"], ["leaf", "inner", "outer"]],
  [["outer", "inner"], ["leaf", "inner", "outer"]],
  [["root", "outer", "inner"], ["leaf", "inner", "outer", "root"]],
];

for (const [others, sent] of ORDERS) {
  const title = `Clients get the chain ${sent.join(", ")} of a file that holds ${
    others.join(", ")
  }`;
  Deno.test(`${title} beside the leaf.`, async () => {
    await using authority = await makeAuthority();
    await authority.leaf("leaf", "P-256");
    const bytes = await authority.pfx("leaf", { others });
    const expected = await Promise.all(sent.map((name) => authority.certificate(name)));

    await serve(bytes, PASSWORD, async (port) => {
      const shown = await authority.openssl(
        ["s_client", "-connect", `127.0.0.1:${port}`, "-showcerts", "-CAfile", "root.crt"],
      );
      assert(shown.includes("Verify return code: 0 (ok)"), shown);
      assertEquals(pemCertificates(shown), expected.flatMap(pemCertificates));
    });
  });
}

/** Serves the identity of a PFX file on a free port while `action` runs. */
async function serve(
  bytes: Uint8Array,
  password: string,
  action: (port: number) => Promise<void>,
): Promise<void> {
  const opened = pfxToPem(bytes, password);
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: opened.value.certPem,
    key: opened.value.keyPem,
    onListen() {},
  }, () => new Response("served"));
  try {
    await action(server.addr.port);
  } finally {
    await server.shutdown();
  }
}

/** One request over the one protocol, trusting only `root`. */
async function call(port: number, root: string, protocol: "HTTP/1.1" | "HTTP/2"): Promise<string> {
  using client = Deno.createHttpClient({
    caCerts: [root],
    http1: protocol === "HTTP/1.1",
    http2: protocol === "HTTP/2",
  });
  const response = await fetch(`https://localhost:${port}/`, { client });
  return await response.text();
}

/** The protocol that a handshake which offers `protocols` ends with. */
async function negotiate(port: number, root: string, protocols: string[]): Promise<string | null> {
  using connection = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [root],
    alpnProtocols: protocols,
  });
  return (await connection.handshake()).alpnProtocol;
}
