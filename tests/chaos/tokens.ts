/** The tokens of a chaos run: good ones of both providers' keys, and one kind for each way to be bad. */
import {
  base64url,
  breakSignature,
  defaultClaims,
  keySigner,
  type Members,
  noSigner,
  rawToken,
  rsaKey,
  signHsToken,
  signToken,
} from "../support/tokens.ts";
import type { ProviderName, TokenKind } from "./history.ts";
import type { ChaosKey, ChaosProvider } from "./provider.ts";
import type { Random } from "./random.ts";

/** The audience of the proxy. */
export const AUDIENCE = "chaos-api";

/** How long ago a token of the kind `just expired` ended at first, in seconds. */
const JUST_EXPIRED_SECS = 20;

/** The leeway with which such a token is accepted, and the one without. */
export const LEEWAYS_SECS = [0, 60] as const;

/** A pair that the provider never publishes. */
const FOREIGN_PAIR = 100;

/** Tokens of one kind and key that are sent again and again. */
const KEPT = 12;

/** How long a token is sent again, in milliseconds, so that its age stays what its kind says. */
const KEPT_MS = 5_000;

/** How often each kind is sent. */
const WEIGHTS: readonly (readonly [TokenKind, number])[] = [
  ["good", 60],
  ["retired key", 6],
  ["just expired", 6],
  ["expired", 4],
  ["other audience", 4],
  ["other issuer", 2],
  ["wrong key", 4],
  ["other provider's key", 3],
  ["unknown kid", 3],
  ["alg none", 2],
  ["HMAC with the public key", 2],
  ["garbage", 3],
  ["no token", 4],
];

/** How often the tokens of each provider are sent. */
const SHARES: readonly (readonly [ProviderName, number])[] = [["first", 3], ["second", 2]];

/** A token to send. */
export interface ChaosToken {
  readonly kind: TokenKind;
  /** The provider that it names; where it names none, the one that it would have been of. */
  readonly provider: ProviderName;
  readonly token: string | undefined;
  /** Name of the provider's key that signed it. */
  readonly key?: string;
  /** When it ended, seconds since the epoch; absent where that is yet to come. */
  readonly expiredAt?: number;
}

/** Gives tokens, some of them several times. */
export interface Mint {
  next(random: Random): Promise<ChaosToken>;
  good(name: ProviderName): Promise<ChaosToken>;
}

/** Sets a mint up. */
export function makeMint(providers: Readonly<Record<ProviderName, ChaosProvider>>): Mint {
  const shelves = new Map<string, { readonly until: number; readonly tokens: ChaosToken[] }>();

  function keyFor(provider: ChaosProvider, kind: TokenKind, random: Random): ChaosKey {
    const keys = provider.keys();
    const retired = provider.retired();
    const of = (all: readonly ChaosKey[]) => all[random.between(0, all.length - 1)];
    const key = kind === "retired key" && retired.length > 0
      ? of(retired.slice(-4))
      : random.next() < 0.75
      ? keys.at(-1)
      : of(keys);
    if (key === undefined) throw new Error("there is always a key");
    return key;
  }

  async function next(random: Random): Promise<ChaosToken> {
    const provider = providers[random.weighed(SHARES)];
    const other = providers[provider.name === "first" ? "second" : "first"];
    let kind = random.weighed(WEIGHTS);
    if (kind === "retired key" && provider.retired().length === 0) kind = "good";
    // A `kid` that is yet to be published would be remembered as one that no fetch brings.
    const known = new Set([...provider.keys(), ...provider.retired()].map(({ kid }) => kid));
    const shared = kind === "other provider's key"
      ? other.keys().find(({ kid }) => known.has(kid))
      : undefined;
    if (kind === "other provider's key" && shared === undefined) kind = "wrong key";
    const key = shared ?? keyFor(provider, kind, random);
    if (kind === "good" && key.reused) kind = "good, kid reused";
    const name = `${provider.name} ${kind} ${key.name}`;
    let shelf = shelves.get(name);
    if (shelf === undefined || shelf.until < performance.now()) {
      shelf = { until: performance.now() + KEPT_MS, tokens: [] };
      shelves.set(name, shelf);
    }
    const slot = random.between(0, KEPT);
    const kept = shelf.tokens[slot];
    if (kept !== undefined && slot < KEPT) return kept;
    const made = await make(kind, key, provider, random.between(0, 1_000_000_000));
    if (slot < KEPT) shelf.tokens[slot] = made;
    return made;
  }

  async function good(name: ProviderName): Promise<ChaosToken> {
    const provider = providers[name];
    const key = provider.keys().at(-1);
    if (key === undefined) throw new Error("there is always a key");
    return await make("good", key, provider, 0);
  }

  return { next, good };
}

async function make(
  kind: TokenKind,
  key: ChaosKey,
  { name: provider, url: issuer }: Pick<ChaosProvider, "name" | "url">,
  serial: number,
): Promise<ChaosToken> {
  const now = Date.now();
  const claims = defaultClaims(now, { iss: issuer, aud: AUDIENCE, jti: `${serial}` });
  const pair = await rsaKey(key.pair);
  const sign = (more: Members = {}, header: Members = {}) =>
    signToken(pair, { ...claims, ...more }, { kid: key.kid, ...header });
  const secs = Math.floor(now / 1000);
  const of = { kind, provider } as const;
  switch (kind) {
    case "good":
    case "good, kid reused":
    case "retired key":
      return { ...of, token: await sign(), key: key.name };
    case "other provider's key":
      return { ...of, token: await sign() };
    case "just expired": {
      const exp = secs - JUST_EXPIRED_SECS;
      const token = await sign({ iat: exp - 300, exp });
      return { ...of, token, key: key.name, expiredAt: exp };
    }
    case "expired":
      return { ...of, token: await sign({ iat: secs - 7_200, exp: secs - 3_600 }) };
    case "other audience":
      return { ...of, token: await sign({ aud: "another-api" }) };
    case "other issuer":
      return { ...of, token: await sign({ iss: "https://issuer.test" }) };
    case "wrong key": {
      if (serial % 2 === 0) return { ...of, token: breakSignature(await sign()) };
      const foreign = await rsaKey(FOREIGN_PAIR);
      return { ...of, token: await signToken(foreign, claims, { kid: key.kid }) };
    }
    case "unknown kid": {
      const foreign = await rsaKey(FOREIGN_PAIR);
      return { ...of, token: await signToken(foreign, claims, { kid: `made-up-${serial}` }) };
    }
    case "alg none": {
      const header = JSON.stringify({ alg: "none", typ: "JWT", kid: key.kid });
      return { ...of, token: await rawToken(header, JSON.stringify(claims), noSigner) };
    }
    case "HMAC with the public key":
      return {
        ...of,
        token: await signHsToken(JSON.stringify(pair.publicJwk), claims, { kid: key.kid }),
      };
    case "garbage": {
      // Signed by the right key, but no claims; or nothing like a token at all.
      const header = JSON.stringify({ alg: "RS256", kid: key.kid });
      const signed = await rawToken(header, `[${serial}]`, keySigner(pair, "RS256"));
      return { ...of, token: serial % 2 === 0 ? signed : base64url(`garbage ${serial}`) };
    }
    case "no token":
      return { ...of, token: undefined };
  }
}
