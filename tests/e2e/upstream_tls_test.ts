/** An upstream over TLS: whom the proxy trusts, and what it shows of itself. */
import type { AddressInfo } from "node:net";
import https from "node:https";
import type { TLSSocket } from "node:tls";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { makeAuthority, type TestAuthority } from "../support/pfx.ts";
import { startProcess } from "../support/process.ts";
import { eventually, type Service, startService } from "./harness.ts";

const PASSWORD = "pässwörd";

/** An authority with a leaf for the upstream and one for the proxy as a client, in all forms. */
async function withFiles(use: (authority: TestAuthority) => Promise<void>): Promise<void> {
  await using authority = await makeAuthority();
  const { dir, leaf, pfx, certificate } = authority;
  await leaf("server", "P-256");
  await leaf("client", "RSA 2048");
  await pfx("client", { password: PASSWORD, others: ["inner", "outer"] });
  const chain = await Promise.all(["client", "inner", "outer"].map(certificate));
  const key = await Deno.readTextFile(`${dir}/client.key`);
  await Deno.writeTextFile(`${dir}/client.pem`, key + chain.join(""));
  await Deno.writeTextFile(`${dir}/without_key.pem`, chain.join(""));
  await use(authority);
}

/** An upstream that responds with the name in the client's certificate. */
async function tlsUpstream({ dir, certificate }: TestAuthority, needsCertificate: boolean) {
  const chain = await Promise.all(["server", "inner", "outer"].map(certificate));
  const server = https.createServer({
    key: await Deno.readTextFile(`${dir}/server.key`),
    cert: chain.join(""),
    ca: await certificate("root"),
    requestCert: needsCertificate,
    rejectUnauthorized: needsCertificate,
  }, ({ socket }, response) => {
    const { subject } = (socket as TLSSocket).getPeerCertificate();
    response.end(`seen ${subject?.CN ?? "nobody"}`);
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Serves with other settings of the upstream from now on. */
async function use(service: Service, settings: Record<string, string>): Promise<void> {
  const inUse = () => service.log().filter(({ msg }) => msg === "configuration reloaded");
  const before = inUse().length;
  const toml = Object.entries(settings).map(([name, value]) =>
    `${name} = ${JSON.stringify(value)}\n`
  );
  await Deno.writeTextFile(`${service.dir}/settings.toml`, toml.join(""));
  service.process.signal("SIGHUP");
  await eventually("the settings", () => inUse().length > before, service.process);
}

for (const transport of ["http1", "fetch"]) {
  Deno.test(`Over UPSTREAM_TRANSPORT=${transport} certificates are checked, and shown.`, async (t) => {
    await withFiles(async (authority) => {
      await using plain = await tlsUpstream(authority, false);
      await using strict = await tlsUpstream(authority, true);
      const { dir } = authority;
      const url = (port: number, host = "localhost") => `https://${host}:${port}`;
      const trusting = { upstream_ca_file: `${dir}/root.crt` };
      await using service = await startService({
        settings: {
          NUM_WORKERS: "1",
          ADMIN_URL: "off",
          UPSTREAM_URL: undefined,
          UPSTREAM_TRANSPORT: transport,
        },
        toml: `upstream_url = "${url(plain.port)}"\n`,
      });

      await t.step(
        "an authority that is not trusted is refused, and the log says why",
        async () => {
          const { status, text } = await service.get("/untrusted");
          assertEquals(status, 502);
          assertExcludes(text, "ertificate");
          const line = await service.logged("request", { path: "/untrusted", status: 502 });
          assertEquals(line.reason, "upstream_refused");
          assertIncludes(String(line.detail), "invalid peer certificate: UnknownIssuer");
        },
      );

      await t.step("UPSTREAM_CA_FILE makes it trusted", async () => {
        await use(service, { upstream_url: url(plain.port), ...trusting });
        assertEquals(await service.get(), { status: 200, text: "seen nobody" });
      });

      await t.step("a certificate for another host is refused", async () => {
        await use(service, { upstream_url: url(plain.port, "127.0.0.2"), ...trusting });
        assertEquals((await service.get("/other")).status, 502);
        const line = await service.logged("request", { path: "/other", status: 502 });
        assertEquals(line.reason, "upstream_refused");
        assertIncludes(String(line.detail), "certificate not valid for name");
      });

      await t.step(
        "an upstream that asks for a certificate refuses a proxy without one",
        async () => {
          await use(service, { upstream_url: url(strict.port), ...trusting });
          assertEquals((await service.get("/nobody")).status, 502);
          const line = await service.logged("request", { path: "/nobody", status: 502 });
          assertIncludes(String(line.reason), "upstream_");
        },
      );

      for (const [form, extra] of [["pfx", { upstream_cert_password: PASSWORD }], ["pem", {}]]) {
        await t.step(`UPSTREAM_CERT_FILE as ${form} is shown to it`, async () => {
          await use(service, {
            upstream_url: url(strict.port),
            ...trusting,
            upstream_cert_file: `${dir}/client.${form}`,
            ...(extra as Record<string, string>),
          });
          assertEquals(await service.get(), { status: 200, text: "seen client" });
        });
      }

      assertExcludes(service.process.output(), PASSWORD);
      assertExcludes(service.process.output(), "PRIVATE KEY");
    });
  });
}

Deno.test("A client certificate that cannot be used ends the start with one line and exit code 64.", async () => {
  await withFiles(async ({ dir }) => {
    const cases = [
      ["client.pfx", "hunter2", "wrong password; check UPSTREAM_CERT_PASSWORD"],
      ["missing.pfx", "", "no such file"],
      ["without_key.pem", "", "no private key found"],
    ] as const;
    await Promise.all(cases.map(async ([file, password, said]) => {
      await using program = startProcess({
        cwd: dir,
        env: {
          LISTEN_URL: "127.0.0.1:0",
          ADMIN_URL: "off",
          PROVIDER_URL: "http://127.0.0.1:9",
          UPSTREAM_URL: "https://localhost:9",
          UPSTREAM_CERT_FILE: `${dir}/${file}`,
          ...(password === "" ? {} : { UPSTREAM_CERT_PASSWORD: password }),
        },
      });
      assertEquals((await program.ended()).code, 64, program.output());
      const lines = program.stderr.filter((line) => line.includes("UPSTREAM_CERT_FILE"));
      assertEquals(lines.length, 1, program.output());
      const [line = ""] = lines;
      assert(line.startsWith(`error: UPSTREAM_CERT_FILE "${dir}/${file}": ${said}`), line);
      assertExcludes(program.output(), "hunter2");
    }));
  });
});
