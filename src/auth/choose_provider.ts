import { failure } from "../failure.ts";
import { withoutSlash } from "../oidc/discovery.ts";
import { fail, ok } from "../result.ts";
import { trustDomainOf } from "../spiffe_id.ts";
import type { Claims } from "./claims.ts";
import { decodeJwt } from "./decode_jwt.ts";
import { isJwtLike } from "./jwt_like.ts";
import type { ChooseProvider, JwtProvider, KeysInUse, OpaqueProvider } from "./provider.ts";

/** The providers to choose from. */
export interface ProviderChoice {
  readonly jwt: readonly JwtProvider[];
  /** Those that are asked about opaque tokens. */
  readonly opaque: readonly OpaqueProvider[];
}

/** The outcome of an introspection depends on no keys. */
const NO_KEYS: KeysInUse = { generation: () => 0 };

/**
 * Builds the choice of the provider that a token belongs to: by the unverified `iss` of a JWT, compared
 * exactly but for one trailing slash, which the provider itself settles; by the trust domain of `sub`
 * where it names no listed issuer; by its prefix where it is opaque. Only listed providers are found, so
 * that no token can cause a request to another host.
 *
 * With one provider its own checks say what is wrong, the issuer's name included.
 *
 * Fails with `not_a_jwt`, and with `wrong_issuer` for an issuer that is not listed.
 */
export function makeProviderChoice({ jwt, opaque }: ProviderChoice): ChooseProvider {
  const byIssuer = new Map(jwt.map((provider) => [withoutSlash(provider.issuer), provider]));
  const byTrustDomain = new Map(
    jwt.flatMap((provider) =>
      provider.trustDomain === undefined ? [] : [[provider.trustDomain, provider] as const]
    ),
  );
  const prefixed = opaque.filter(({ prefix }) => prefix !== undefined)
    // Of two that fit the longer one says more.
    .toSorted((a, b) => (b.prefix?.length ?? 0) - (a.prefix?.length ?? 0));
  const otherwise = opaque.find(({ prefix }) => prefix === undefined);
  const [only, ...others] = jwt;

  function providerOf(claims: Claims): JwtProvider | undefined {
    if (others.length === 0) return only;
    const { iss, sub } = claims;
    const named = typeof iss === "string" ? byIssuer.get(withoutSlash(iss)) : undefined;
    if (named !== undefined || byTrustDomain.size === 0) return named;
    return byTrustDomain.get(trustDomainOf(sub) ?? "");
  }

  return function chooseProvider(token) {
    if (opaque.length > 0 && !isJwtLike(token)) {
      const asked = prefixed.find(({ prefix = "" }) => token.startsWith(prefix)) ?? otherwise;
      if (asked === undefined) return fail(failure("not_a_jwt", "no TOKEN_PREFIX fits"));
      return ok({
        keys: NO_KEYS,
        opaque: true,
        authenticate: (client) => asked.authenticate(token, client),
      });
    }
    const decoded = decodeJwt(token);
    if (!decoded.ok) return decoded;
    const provider = providerOf(decoded.value.claims);
    if (provider === undefined) return fail(failure("wrong_issuer", "no provider has that issuer"));
    const received = { token, decoded: decoded.value };
    return ok({
      keys: provider,
      opaque: false,
      authenticate: (client) => provider.authenticate(received, client),
    });
  };
}
