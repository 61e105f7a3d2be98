/** What every run needs: a directory, ports, keys, tokens, a certificate, scripts for wrk. */
import { makeAuthority } from "../support/pfx.ts";
import {
  breakSignature,
  type Members,
  publicJwk,
  rawToken,
  rsaKey,
  type Signer,
} from "../support/tokens.ts";
import { type Load, MANY_TOKENS } from "./cases.ts";
import { AUDIENCE, nginxConfig } from "./configs.ts";
import { getScript, manyScript, refusedScript, uploadScript } from "./wrk.ts";

/** Size of the download, in bytes. */
const DOWNLOAD_BYTES = 1 << 20;

/** How long the tokens are valid, in seconds: longer than the longest run. */
const TOKEN_LIFETIME_SECS = 24 * 3600;

/** How many tokens are signed between two looks at the abort signal. */
const SIGNED_AT_ONCE = 64;

/** A prepared run. Disposing removes all its files. */
export interface Lab extends AsyncDisposable {
  /** Working directory of the children: no settings file lies there. */
  readonly dir: string;
  /** The port of nginx. */
  readonly upstreamPort: number;
  /** The port of the WebSocket upstream. */
  readonly echoPort: number;
  /** The issuer of the tokens, which is nginx, the upstream too. */
  readonly issuer: string;
  readonly token: string;
  /** Tokens that every peer has to refuse, by what is wrong with them. */
  readonly badTokens: ReadonlyMap<string, string>;
  readonly nginxConfigFile: string;
  /** The public key that signs tokens, PEM. */
  readonly publicKeyFile: string;
  /** The certificate of TLS and its key, PEM. */
  readonly certificateFile: string;
  /** The same as PFX. */
  readonly pfxFile: string;
  readonly pfxPassword: string;
  /** Who signed the certificate, PEM. */
  readonly authority: string;
  /** Where the script of a load is. */
  scriptFile(load: Load): string;
}

/** Prepares everything in a temporary directory; `many` says whether thousands of tokens are needed. */
export async function openLab(many: boolean, signal: AbortSignal): Promise<Lab> {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_bench_" });
  try {
    return await fillLab(dir, many, signal);
  } catch (error) {
    await Deno.remove(dir, { recursive: true });
    throw error;
  }
}

async function fillLab(dir: string, many: boolean, signal: AbortSignal): Promise<Lab> {
  const [upstreamPort, echoPort] = freePorts();
  const issuer = `http://127.0.0.1:${upstreamPort}`;
  const file = (name: string) => `${dir}/${name}`;
  const write = (name: string, text: string) => Deno.writeTextFile(file(name), text);
  const scriptFile = (load: Load) => file(`${load}.lua`);

  const key = await rsaKey();
  const jwk = publicJwk(key, { kid: "bench", alg: "RS256", use: "sig" });
  await write("public.pem", await pemOf(key.publicJwk));
  const authority = await certify(dir);
  await Deno.mkdir(file("www"));
  await Deno.writeFile(file("www/big"), randomBytes(DOWNLOAD_BYTES));
  await Deno.mkdir(file("nginx"));
  await write(
    "nginx.conf",
    nginxConfig({
      dir: file("nginx"),
      www: file("www"),
      port: upstreamPort,
      issuer,
      jwks: JSON.stringify({ keys: [jwk] }),
    }),
  );
  const signer = await signerOf(key.privateJwk);
  const token = await signedToken(claimsOf(0, issuer), signer);
  await Deno.writeTextFile(scriptFile("get"), getScript(token));
  await Deno.writeTextFile(scriptFile("upload"), uploadScript(token));
  await Deno.writeTextFile(scriptFile("refused"), refusedScript(breakSignature(token)));
  const badTokens = new Map([["a bad signature", breakSignature(token)]]);
  for (const [what, claims] of Object.entries(BAD_CLAIMS)) {
    badTokens.set(what, await signedToken({ ...claimsOf(0, issuer), ...claims }, signer));
  }
  if (many) {
    await Deno.writeTextFile(scriptFile("many"), manyScript(file("tokens")));
    await write("tokens", (await manyTokens(issuer, signer, signal)).join("\n") + "\n");
  }
  return {
    dir,
    upstreamPort,
    echoPort,
    issuer,
    token,
    badTokens,
    nginxConfigFile: file("nginx.conf"),
    publicKeyFile: file("public.pem"),
    certificateFile: file("certificate.pem"),
    pfxFile: file("certificate.pfx"),
    pfxPassword: PFX_PASSWORD,
    authority,
    scriptFile,
    [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }),
  };
}

/** Claims that make a token unacceptable, each for a reason of its own; times in seconds. */
const BAD_CLAIMS = {
  "an exp that has passed": { exp: 1_700_000_000 },
  "another issuer": { iss: "https://issuer.invalid" },
  "another audience": { aud: "other" },
};

/** The password of the certificate's file, which lives as long as the run. */
const PFX_PASSWORD = "bench";

/** One certificate with its key, as PFX for this proxy and as PEM for the others; gives its authority. */
async function certify(dir: string): Promise<string> {
  await using authority = await makeAuthority();
  await authority.leaf("bench", "RSA 2048", "root");
  const pfx = await authority.pfx("bench", { password: PFX_PASSWORD });
  await Deno.writeFile(`${dir}/certificate.pfx`, pfx);
  const parts = ["bench.crt", "bench.key"].map((name) =>
    Deno.readTextFile(`${authority.dir}/${name}`)
  );
  await Deno.writeTextFile(`${dir}/certificate.pem`, (await Promise.all(parts)).join(""));
  return await authority.certificate("root");
}

/** Two ports that are free now; the first is held until the second is found, so they differ. */
export function freePorts(): readonly [number, number] {
  using first = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using second = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return [first.addr.port, second.addr.port];
}

async function signerOf(privateJwk: JsonWebKey): Promise<Signer> {
  const parameters = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", privateJwk, parameters, false, ["sign"]);
  return async (input) => new Uint8Array(await crypto.subtle.sign(parameters, key, input));
}

/** The claims of client number `index`. */
function claimsOf(index: number, issuer: string): Members {
  const iat = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: AUDIENCE,
    sub: `client-${index}`,
    client_id: `client-${index}`,
    scope: "api:read",
    jti: crypto.randomUUID(),
    iat,
    exp: iat + TOKEN_LIFETIME_SECS,
  };
}

/** An access token (RFC 9068) with such claims. */
function signedToken(claims: Members, signer: Signer): Promise<string> {
  const header = { alg: "RS256", kid: "bench", typ: "at+jwt" };
  return rawToken(JSON.stringify(header), JSON.stringify(claims), signer);
}

async function manyTokens(issuer: string, signer: Signer, signal: AbortSignal): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < MANY_TOKENS) {
    signal.throwIfAborted();
    const count = Math.min(SIGNED_AT_ONCE, MANY_TOKENS - tokens.length);
    const batch = Array.from({ length: count }, (_, i) => tokens.length + i);
    tokens.push(
      ...await Promise.all(batch.map((index) => signedToken(claimsOf(index, issuer), signer))),
    );
  }
  return tokens;
}

async function pemOf(publicKey: JsonWebKey): Promise<string> {
  const parameters = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("jwk", publicKey, parameters, true, ["verify"]);
  const text = new Uint8Array(await crypto.subtle.exportKey("spki", key)).toBase64();
  const lines = text.match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""].join("\n");
}

/** Bytes that do not compress; the runtime gives at most 64 KiB at once. */
function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}
