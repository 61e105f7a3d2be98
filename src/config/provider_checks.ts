/**
 * Rules between the settings of a provider, and between providers.
 */
import { UNNAMED } from "../provider_name.ts";
import { isLoopback } from "./address_kinds.ts";
import type { Problem } from "./problems.ts";
import { addressesOf, apiServerAudiences } from "./provider.ts";
import { expectation } from "./row.ts";
import { type ProviderConfig, rowOf, type SettingName } from "./schema.ts";

/** A provider as it was set. */
export interface CheckedProvider {
  /** Its values; where one was wrong there is none, whatever the type says. */
  readonly values: ProviderConfig;
  /** Whether a setting was given, right or wrong. */
  given(name: SettingName): boolean;
  /** What problems call a setting, and where it stands. */
  place(name: SettingName): Pick<Problem, "setting" | "source">;
}

/** Least length of a client secret in bytes: RFC 7518, section 3.2, wants the size of the hash. */
const LEAST_SECRET_BYTES = 32;

/** Settings that are of use together with another one only. */
const NEEDS: readonly (readonly [name: SettingName, needed: SettingName])[] = [
  ["AUDIENCE_MATCH", "AUDIENCE"],
  ["AUDIENCE_CLAIM", "AUDIENCE"],
  ["PREVIOUS_AUDIENCE", "AUDIENCE"],
  ["PREVIOUS_AUDIENCE", "PREVIOUS_AUDIENCE_ACCEPT_UNTIL"],
  ["PREVIOUS_AUDIENCE_ACCEPT_UNTIL", "PREVIOUS_AUDIENCE"],
  ["SCOPES_MATCH", "REQUIRED_SCOPES"],
  ["CLIENT_SECRET_ACCEPT_UNTIL", "CLIENT_SECRET"],
  ["PREVIOUS_CLIENT_SECRET", "CLIENT_SECRET"],
  ["PREVIOUS_CLIENT_SECRET", "PREVIOUS_CLIENT_SECRET_ACCEPT_UNTIL"],
  ["PREVIOUS_CLIENT_SECRET_ACCEPT_UNTIL", "PREVIOUS_CLIENT_SECRET"],
  ["INTROSPECTION_AUTH", "INTROSPECTION"],
  ["INTROSPECTION_CLIENT_ID", "INTROSPECTION"],
  ["INTROSPECTION_CLIENT_SECRET", "INTROSPECTION"],
  ["INTROSPECTION_KEY", "INTROSPECTION"],
  ["INTROSPECTION_CACHE_SECS", "INTROSPECTION"],
  ["TOKEN_PREFIX", "INTROSPECTION"],
];

/** Settings that only one kind of provider has. */
const OF_KIND: readonly (readonly [name: SettingName, type: ProviderConfig["type"]])[] = [
  ["PROVIDER_TOKEN_FILE", "kubernetes"],
  ["TRUST_DOMAIN", "spiffe"],
];

/** Settings that mean nothing for trust domains: no discovery, no secrets, no opaque tokens. */
const NOT_FOR_SPIFFE: readonly SettingName[] = [
  "PROVIDER_URL",
  "CLIENT_SECRET",
  "PREVIOUS_CLIENT_SECRET",
  "INTROSPECTION",
  "TOKEN_PROFILE",
];

/** What is wrong between the settings of one provider. */
export function providerProblems(provider: CheckedProvider): Problem[] {
  const { values, given, place } = provider;
  const problems: Problem[] = [];
  const needs = (name: SettingName, because: string) => {
    if (given(name)) return;
    const row = rowOf(name);
    const { setting } = place(name);
    problems.push({
      setting,
      source: "not set",
      expected: because === "" ? expectation(row, true) : `${row.accepts}, because ${because}`,
    });
  };
  const clashes = (name: SettingName, fault: string, hint?: string) =>
    problems.push({ ...place(name), fault, ...(hint === undefined ? {} : { hint }) });

  for (const [name, needed] of NEEDS) {
    if (given(name) && !given(needed)) needs(needed, `${place(name).setting} is set`);
  }
  if (values.type !== "openid" && given("AUDIENCE_CLAIM")) {
    clashes("AUDIENCE_CLAIM", `means nothing for ${values.type}: aud is what such tokens are for`);
  }
  for (const [name, type] of OF_KIND) {
    if (given(name) && values.type !== type) {
      clashes(name, `is for ${place("PROVIDER_TYPE").setting}=${type} alone`);
    }
  }
  if (given("SUBJECT") && given("SUBJECTS")) {
    clashes("SUBJECTS", `given together with ${place("SUBJECT").setting}`, "list it there too");
  }
  if (values.tokenProfile === "rfc9068") {
    needs("AUDIENCE", `${place("TOKEN_PROFILE").setting} asks for it`);
  }
  problems.push(...secretProblems(provider), ...introspectionProblems(provider, needs));
  switch (values.type) {
    case "openid":
      needs("PROVIDER_URL", "");
      break;
    case "kubernetes":
      needs("AUDIENCE", "every pod has a token of the same issuer for the API server");
      problems.push(...apiServerAudience(provider));
      break;
    case "spiffe":
      needs("TRUST_DOMAIN", "tokens are told by it");
      needs("JWKS_URI", "it is the bundle endpoint");
      needs("AUDIENCE", "a JWT-SVID is for its audience alone");
      for (const name of NOT_FOR_SPIFFE) {
        if (given(name)) clashes(name, "means nothing for a trust domain (spiffe)");
      }
  }
  return problems;
}

function secretProblems({ values, given, place }: CheckedProvider): Problem[] {
  const { algorithms, clientSecret } = values;
  const bySecret = algorithms?.filter((name) => name.startsWith("HS")) ?? [];
  if (bySecret.length > 0 && !given("CLIENT_SECRET")) {
    return [{
      ...place("ALGORITHMS"),
      fault: `${bySecret.join(", ")} needs ${place("CLIENT_SECRET").setting}`,
    }];
  }
  if (algorithms !== undefined && bySecret.length === 0 && clientSecret !== undefined) {
    return [{
      ...place("CLIENT_SECRET"),
      fault: `is of no use: ${place("ALGORITHMS").setting} has none of HS256, HS384, HS512`,
    }];
  }
  return [];
}

function introspectionProblems(
  { values, given, place }: CheckedProvider,
  needs: (name: SettingName, because: string) => void,
): Problem[] {
  const { introspection, introspectionAuth } = values;
  if (introspection === undefined || introspection === "off") return [];
  if (values.type === "kubernetes") {
    return [{ ...place("INTROSPECTION"), fault: "an API server has no introspection (RFC 7662)" }];
  }
  if (introspection === "on" && values.issuer !== undefined && values.jwksUri !== undefined) {
    return [{
      ...place("INTROSPECTION"),
      fault: "on needs discovery, which ISSUER and JWKS_URI leave out",
      hint: "name the endpoint's URL instead",
    }];
  }
  needs("INTROSPECTION_CLIENT_ID", `${place("INTROSPECTION").setting} is set`);
  const byKey = introspectionAuth === "private_key_jwt";
  const [needed, other] = byKey
    ? ["INTROSPECTION_KEY", "INTROSPECTION_CLIENT_SECRET"] as const
    : ["INTROSPECTION_CLIENT_SECRET", "INTROSPECTION_KEY"] as const;
  needs(needed, `the proxy authenticates by ${introspectionAuth}`);
  return given(other) ? [{ ...place(other), fault: `is of no use with ${introspectionAuth}` }] : [];
}

/** A token for the API server must be refused, or this proxy could act as its caller there. */
function apiServerAudience({ values, place }: CheckedProvider): Problem[] {
  const { audience, previousAudience } = values;
  const forbidden = apiServerAudiences(values);
  return ([["AUDIENCE", audience], ["PREVIOUS_AUDIENCE", previousAudience]] as const)
    .flatMap(([name, wanted]) =>
      [wanted ?? []].flat().some((member) => forbidden.includes(member))
        ? [{
          ...place(name),
          fault: "is the API server's own audience",
          hint: "choose a name of its own, and ask for it in the projected volume (audience)",
        }]
        : []
    );
}

/** What is wrong between several providers. */
export function problemsBetween(all: readonly CheckedProvider[]): Problem[] {
  const problems: Problem[] = [];
  const twice = (
    name: SettingName,
    valueOf: (values: ProviderConfig) => string | undefined,
    fault: (first: string) => string,
  ) => {
    const seen = new Map<string, string>();
    for (const { values, place } of all) {
      const value = valueOf(values);
      if (value === undefined) continue;
      const first = seen.get(value);
      if (first === undefined) seen.set(value, values.name);
      else problems.push({ ...place(name), fault: fault(first) });
    }
  };
  const names = new Set<string>();
  for (const { values: { name }, place } of all) {
    if (name === undefined) continue;
    if (names.has(name)) {
      const { setting, source } = place("PROVIDER_TYPE");
      problems.push({
        setting: setting.replace(/type$/, "name"),
        source,
        fault: `another provider is called ${name} as well`,
      });
    }
    names.add(name);
  }
  twice(
    "ISSUER",
    (values) => issuerOf(values),
    (first) => `the same issuer as that of the provider ${first}: a token would have two providers`,
  );
  twice(
    "TRUST_DOMAIN",
    ({ trustDomain }) => trustDomain,
    (first) => `the same trust domain as that of the provider ${first}`,
  );
  twice(
    "KEY_CACHE_FILE",
    ({ keyCacheFile }) => keyCacheFile,
    (first) => `the same file as that of the provider ${first}`,
  );
  const introspecting = (values: ProviderConfig) =>
    values.introspection === undefined || values.introspection === "off"
      ? undefined
      : values.tokenPrefix ?? "";
  twice(
    "TOKEN_PREFIX",
    introspecting,
    (first) => `which opaque tokens belong to this provider, and which to ${first}?`,
  );
  return problems;
}

/** The issuer without a slash at its end: which of the two it is shows with discovery. */
function issuerOf(values: ProviderConfig): string | undefined {
  const { issuer } = addressesOf(values);
  return issuer === "" || issuer === "spiffe://" ? undefined : issuer.replace(/\/$/, "");
}

/** What a public key looks like as PEM and as JWK. */
const PUBLIC_KEY = /-----BEGIN [A-Z ]*PUBLIC KEY-----|"kty"\s*:/;

/** What works but is probably not meant, or is risky: sentences without any secret value. */
export function providerWarnings({ values, place }: CheckedProvider): string[] {
  const warnings: string[] = [];
  const { url, issuer, jwksUri, introspection } = values;
  const name = (setting: SettingName) => place(setting).setting;
  // Where keys or their address are fetched from: with both set there is no discovery.
  const asked: readonly (readonly [SettingName, string | undefined])[] = [
    ["PROVIDER_URL", issuer === undefined || jwksUri === undefined ? url?.text : undefined],
    ["JWKS_URI", jwksUri],
  ];
  for (const [setting, address] of asked) {
    if (address === undefined || !isPlainHttp(address)) continue;
    warnings.push(
      `${name(setting)} is plain http: an attacker on the network can replace the provider's keys`,
    );
  }
  if (introspection !== undefined && /^http/.test(introspection) && isPlainHttp(introspection)) {
    warnings.push(
      `${name("INTROSPECTION")} is plain http: an attacker on the network can read tokens`,
    );
  }
  for (const setting of ["CLIENT_SECRET", "PREVIOUS_CLIENT_SECRET"] as const) {
    const secret = setting === "CLIENT_SECRET" ? values.clientSecret : values.previousClientSecret;
    if (secret === undefined) continue;
    if (new TextEncoder().encode(secret).length < LEAST_SECRET_BYTES) {
      warnings.push(
        `${
          name(setting)
        } is shorter than ${LEAST_SECRET_BYTES} bytes: it can be guessed from a token`,
      );
    }
    if (PUBLIC_KEY.test(secret)) {
      warnings.push(
        `${name(setting)} looks like a public key: anybody who knows it can make tokens`,
      );
    }
  }
  if (values.audience === undefined) {
    const of = values.name === UNNAMED ? "this provider" : `the provider ${values.name}`;
    warnings.push(`${name("AUDIENCE")} is not set: any token of ${of} is accepted`);
  }
  return warnings;
}

/** Whether a URL leads over a network without TLS. */
function isPlainHttp(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === "http:" && !isLoopback(hostname);
}
