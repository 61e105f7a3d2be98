/** Provider, upstream and certificate for a container, and the calls of its clients. */
import { childrenOf } from "../e2e/harness.ts";
import { makeAuthority } from "../support/pfx.ts";
import { startProvider } from "../support/provider.ts";
import {
  defaultClaims,
  type Members,
  publicJwk,
  rsaKey,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import { httpUpstream } from "../support/upstream.ts";

/** Names by which the container knows the machine: it has to look them up in /etc/hosts. */
const PROVIDER_HOST = "provider.test";
const UPSTREAM_HOST = "upstream.test";

const CLIENT_SECRET = "a client secret that is long enough for HS256";
const KID = "key-0";

/** Starts everything; `dir` gets the PFX file, with the password of the original's documented line. */
export async function openSurroundings(dir: string) {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await makeAuthority());
  await authority.leaf("leaf", "P-256");
  const pfxFile = `${dir}/cert.pfx`;
  const others = ["outer", "inner"];
  await Deno.writeFile(pfxFile, await authority.pfx("leaf", { password: "hunter2", others }));
  await Deno.chmod(pfxFile, 0o644); // the container's user is another one
  const client = stack.adopt(
    Deno.createHttpClient({ caCerts: [await authority.certificate("root")] }),
    (opened) => opened.close(),
  );

  const key = await rsaKey();
  const provider = stack.use(startProvider({ keys: [publicJwk(key, { kid: KID })] }));
  const providerUrl = `http://${PROVIDER_HOST}:${provider.port}`;
  provider.setIssuer(providerUrl);
  const gate = Promise.withResolvers<void>();
  const upstream = stack.use(httpUpstream(async (_request, { target }) => {
    if (target === "/held") await gate.promise;
    return new Response(`echo ${target}`);
  }));
  const claims = (members: Members) =>
    defaultClaims(Date.now(), { iss: providerUrl, sub: "myuser", aud: "myproxy", ...members });

  const owned = stack.move();
  return {
    providerUrl,
    upstreamUrl: `http://${UPSTREAM_HOST}:${upstream.port}`,
    hosts: [PROVIDER_HOST, UPSTREAM_HOST],
    clientSecret: CLIENT_SECRET,
    pfxFile,
    adminAddress: unusedAddress(),
    unusedAddress,
    childrenOf,
    token: (members: Members = {}) => signToken(key, claims(members), { kid: KID }),
    sharedSecretToken: () => signHsToken(CLIENT_SECRET, claims({})),
    async call(url: string, token?: string) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(url, { client, headers });
      return { status: response.status, text: await response.text() };
    },
    held: () => upstream.requests.some(({ target }) => target === "/held"),
    release: gate.resolve,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** An address of this machine that nothing listens on. */
function unusedAddress(): string {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return `127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
}
