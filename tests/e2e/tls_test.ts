/** TLS as an operator sets it up: a PFX file, its password, and the program in a process of its own. */
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProcess } from "../support/process.ts";
import { type Service, startService } from "./harness.ts";

/** One worker: these tests are about its listeners. */
const ONE = { NUM_WORKERS: "1", ADMIN_URL: "off" };

/** A root, and a PFX file of a leaf that it signed, while `use` runs. */
async function withPfx(
  use: (files: { root: string; rootFile: string; pfxFile: string; dir: string }) => Promise<void>,
  password = "pässwörd",
): Promise<void> {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256");
  await authority.pfx("leaf", { password, others: ["outer", "inner"] });
  const { dir } = authority;
  const root = await authority.certificate("root");
  await use({ root, rootFile: `${dir}/root.crt`, pfxFile: `${dir}/leaf.pfx`, dir });
}

/** The URL of the listener with this scheme, by the name in the certificate. */
function urlOf(service: Service, scheme: "http" | "https"): string {
  const url = service.urls().find((one) => one.startsWith(`${scheme}:`));
  assert(url !== undefined, service.process.output());
  return url.replace("127.0.0.1", "localhost");
}

/** One request over one protocol, trusting only `root`. */
async function call(url: string, root: string, protocol: "http1" | "http2", headers: HeadersInit) {
  using client = Deno.createHttpClient({
    caCerts: [root],
    http1: protocol === "http1",
    http2: protocol === "http2",
  });
  const response = await fetch(url, { client, headers });
  return { status: response.status, text: await response.text() };
}

Deno.test("Both listeners serve at once: plain HTTP/1.1, and TLS with HTTP/1.1 and HTTP/2.", async (t) => {
  await withPfx(async ({ root, rootFile, pfxFile }) => {
    await using service = await startService({
      settings: {
        ...ONE,
        LISTEN_SSL_URL: "https://127.0.0.1:0",
        CERT_FILE: pfxFile,
        CERT_PASSWORD: "pässwörd",
      },
      upstream: (request, { target }) =>
        new Response(`${target} ${request.headers.get("x-forwarded-proto")}`),
    });
    const authorization = `Bearer ${await service.token()}`;
    const secure = urlOf(service, "https");

    await t.step("plain HTTP", async () => {
      const response = await fetch(`${urlOf(service, "http")}/a?b`, { headers: { authorization } });
      assertEquals([response.status, await response.text()], [200, "/a?b http"]);
    });

    for (const protocol of ["http1", "http2"] as const) {
      await t.step(`TLS with ${protocol}`, async () => {
        const good = await call(`${secure}/a?b`, root, protocol, { authorization });
        assertEquals([good.status, good.text], [200, "/a?b https"]);
        assertEquals((await call(secure, root, protocol, {})).status, 401);
      });
    }

    await t.step("curl over HTTP/2, if it is there", async () => {
      const version = await runCurl(["--version"]);
      if (version === undefined || !/\bHTTP2\b/.test(version)) {
        printSkip("no curl with HTTP/2 on this machine");
        return;
      }
      const shown = await runCurl([
        "--silent",
        "--http2",
        "--cacert",
        rootFile,
        "--header",
        `authorization: ${authorization}`,
        "--write-out",
        " %{http_version} %{http_code}",
        `${secure}/a?b`,
      ]);
      assertEquals(shown, "/a?b https 2 200");
    });

    await t.step("the log shows the certificate and never its password", () => {
      assertIncludes(service.process.output(), "certificate loaded");
      assertExcludes(service.process.output(), "pässwörd");
    });
  });
});

Deno.test("TLS alone is served when no plain listener is asked for.", async () => {
  await withPfx(async ({ root, pfxFile, dir }) => {
    await Deno.writeTextFile(`${dir}/password`, "pässwörd\n");
    await using service = await startService({
      settings: {
        ...ONE,
        LISTEN_URL: undefined,
        LISTEN_SSL_URL: "127.0.0.1:0",
        CERT_FILE: pfxFile,
        CERT_PASSWORD_FILE: `${dir}/password`,
      },
    });
    assertEquals(service.urls().length, 1);
    const headers = { authorization: `Bearer ${await service.token()}` };
    const good = await call(`${urlOf(service, "https")}/x`, root, "http1", headers);
    assertEquals([good.status, good.text], [200, "echo /x"]);
  });
});

const WRONG: readonly (readonly [
  name: string,
  settings: (files: { pfxFile: string; dir: string }) => Promise<Record<string, string>>,
  says: RegExp,
])[] = [
  [
    "a wrong password",
    ({ pfxFile }) => Promise.resolve({ CERT_FILE: pfxFile, CERT_PASSWORD: "SECRETwrong" }),
    /password/i,
  ],
  [
    "no password for a file that has one",
    ({ pfxFile }) => Promise.resolve({ CERT_FILE: pfxFile }),
    /password/i,
  ],
  [
    "a file that is not there",
    ({ dir }) => Promise.resolve({ CERT_FILE: `${dir}/nothing.pfx` }),
    /no such file/i,
  ],
  [
    "a directory",
    ({ dir }) => Promise.resolve({ CERT_FILE: dir }),
    /directory/i,
  ],
  [
    "garbage",
    async ({ dir }) => {
      await Deno.writeTextFile(`${dir}/garbage.pfx`, "SECRET garbage ".repeat(100));
      return { CERT_FILE: `${dir}/garbage.pfx`, CERT_PASSWORD: "SECRETpassword" };
    },
    /PFX|PKCS/i,
  ],
  [
    "an empty file",
    async ({ dir }) => {
      await Deno.writeTextFile(`${dir}/empty.pfx`, "");
      return { CERT_FILE: `${dir}/empty.pfx` };
    },
    /empty|PFX|PKCS/i,
  ],
];

Deno.test("A certificate that cannot be used ends the start with 64 and one clear line.", async (t) => {
  await withPfx(async (files) => {
    for (const [name, settings, says] of WRONG) {
      await t.step(name, async () => {
        const given = await settings(files);
        await using process = startProcess({
          env: {
            ...ONE,
            LISTEN_SSL_URL: "127.0.0.1:0",
            PROVIDER_URL: "http://127.0.0.1:9",
            UPSTREAM_URL: "http://127.0.0.1:9",
            ...given,
          },
        });
        assertEquals((await process.ended()).code, 64, process.output());
        const lines = process.stderr.filter((line) => !line.startsWith("{"));
        assertEquals(lines.length, 1, process.output());
        const [line = ""] = lines;
        assert(line.startsWith("error: ") && says.test(line), line);
        assertIncludes(line, "CERT_FILE");
        assertIncludes(line, String(given.CERT_FILE));
        assertExcludes(process.output(), "SECRET");
        assertExcludes(process.output(), '"listening"');
      });
    }
  });
});

/** What curl prints, `undefined` where there is no curl. */
async function runCurl(args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("curl", { args: [...args] }).output();
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function printSkip(reason: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`skipped: ${reason}\n`));
}
