import { discoveryUrl, readIssuer, readJwksUri, sameIssuer } from "../../src/oidc/discovery.ts";
import { ok } from "../../src/result.ts";
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";

const ISSUER = "https://id.test/realm";
const URL_HTTPS = `${ISSUER}/.well-known/openid-configuration`;
const URL_HTTP = "http://id.test/.well-known/openid-configuration";
const JWKS = "https://id.test/jwks";

/** Both things that are read from a discovery document. */
function readDiscovery(document: Record<string, unknown>, url: string, expectedIssuer: string) {
  const issuer = readIssuer(document, url, expectedIssuer);
  if (!issuer.ok) return issuer;
  const jwksUri = readJwksUri(document, url);
  return jwksUri.ok ? ok({ issuer: issuer.value, jwksUri: jwksUri.value }) : jwksUri;
}

const URLS: readonly (readonly [sentence: string, provider: string, url: string])[] = [
  ["of a bare host", "https://id.test", "https://id.test/.well-known/openid-configuration"],
  [
    "of a host with a slash",
    "https://id.test/",
    "https://id.test/.well-known/openid-configuration",
  ],
  ["of a path", ISSUER, URL_HTTPS],
  ["of a path with a slash", `${ISSUER}/`, URL_HTTPS],
];

for (const [sentence, provider, url] of URLS) {
  Deno.test(`discovery: the address of the document ${sentence}`, () => {
    assertEquals(discoveryUrl(provider), url);
  });
}

const ISSUERS: readonly (readonly [sentence: string, issuer: string, same: boolean])[] = [
  ["the same text", ISSUER, true],
  ["one trailing slash more", `${ISSUER}/`, true],
  ["two trailing slashes more", `${ISSUER}//`, false],
  ["another case of the path", "https://id.test/Realm", false],
  ["another case of the host", "https://ID.test/realm", false],
  ["another scheme", "http://id.test/realm", false],
  ["the default port spelt out", "https://id.test:443/realm", false],
  ["a query", `${ISSUER}?x=1`, false],
  ["a fragment", `${ISSUER}#x`, false],
  ["a blank behind", `${ISSUER} `, false],
  ["a longer host", "https://id.test.evil/realm", false],
  ["a shorter path", "https://id.test", false],
  ["a dot segment", "https://id.test/x/../realm", false],
  ["a percent sign for a letter", "https://id.test/r%65alm", false],
];

for (const [sentence, issuer, same] of ISSUERS) {
  Deno.test(`discovery: ${sentence} is ${same ? "the same" : "another"} issuer`, () => {
    assertEquals([sameIssuer(issuer, ISSUER), sameIssuer(ISSUER, issuer)], [same, same]);
    const read = readDiscovery({ issuer, jwks_uri: JWKS }, URL_HTTPS, ISSUER);
    // The document's own spelling is what tokens have to carry.
    if (same) assertEquals(read, { ok: true, value: { issuer, jwksUri: JWKS } });
    else assertEquals(!read.ok && read.failure.kind, "wrong_issuer");
  });
}

Deno.test("discovery: the expected issuer may have the slash that the document lacks", () => {
  const read = readDiscovery({ issuer: ISSUER, jwks_uri: JWKS }, URL_HTTPS, `${ISSUER}/`);
  assertEquals(read.ok && read.value.issuer, ISSUER);
});

Deno.test("discovery: a wrong issuer is reported with both names and with what to set", () => {
  const read = readDiscovery({ issuer: "https://public.test", jwks_uri: JWKS }, URL_HTTPS, ISSUER);
  assert(!read.ok);
  assertIncludes(read.failure.text, "https://public.test");
  assertIncludes(read.failure.text, ISSUER);
  assertIncludes(read.failure.hint, "ISSUER=");
  assertIncludes(read.failure.hint, "https://public.test");
  assertIncludes(read.failure.hint, "PROVIDER_URL");
});

Deno.test("discovery: a long wrong issuer is cut and its control characters are escaped", () => {
  const issuer = `https://x\n${"y".repeat(5000)}`;
  const read = readDiscovery({ issuer, jwks_uri: JWKS }, URL_HTTPS, ISSUER);
  assert(!read.ok);
  const report = read.failure.text + read.failure.hint;
  assert(report.length < 1000 && !report.includes("\n"));
});

const BAD_DOCUMENTS: readonly (readonly [sentence: string, members: Record<string, unknown>])[] = [
  ["no issuer", { issuer: undefined }],
  ["an empty issuer", { issuer: "" }],
  ["an issuer that is a list", { issuer: [ISSUER] }],
  ["an issuer that is null", { issuer: null }],
  ["no jwks_uri", { jwks_uri: undefined }],
  ["an empty jwks_uri", { jwks_uri: "" }],
  ["a jwks_uri that is a number", { jwks_uri: 1 }],
  ["a jwks_uri that is a list", { jwks_uri: [JWKS] }],
  ["a jwks_uri without a host", { jwks_uri: "/jwks" }],
  ["a jwks_uri that is a file", { jwks_uri: "file:///etc/passwd" }],
  ["a jwks_uri that is data", { jwks_uri: "data:application/json,{}" }],
  ["a jwks_uri that is a script", { jwks_uri: "javascript:0" }],
  ["a jwks_uri on plain http after https", { jwks_uri: "http://id.test/jwks" }],
];

for (const [sentence, members] of BAD_DOCUMENTS) {
  Deno.test(`discovery: a document with ${sentence} is refused`, () => {
    const read = readDiscovery({ issuer: ISSUER, jwks_uri: JWKS, ...members }, URL_HTTPS, ISSUER);
    assertEquals(!read.ok && read.failure.kind, "bad_document");
    assertEquals(!read.ok && read.failure.url, URL_HTTPS);
  });
}

const GOOD_JWKS: readonly (readonly [sentence: string, url: string, jwksUri: string])[] = [
  ["on another host", URL_HTTPS, "https://keys.test/certs?v=3"],
  ["on another port", URL_HTTPS, "https://id.test:8443/jwks"],
  ["on https after plain http", URL_HTTP, JWKS],
  ["on plain http after plain http", URL_HTTP, "http://id.test/jwks"],
];

for (const [sentence, url, jwksUri] of GOOD_JWKS) {
  Deno.test(`discovery: a jwks_uri ${sentence} is taken`, () => {
    const read = readDiscovery({ issuer: ISSUER, jwks_uri: jwksUri }, url, ISSUER);
    assertEquals(read.ok && read.value.jwksUri, jwksUri);
  });
}

Deno.test("discovery: members hidden in __proto__ are not members", () => {
  const document = JSON.parse(`{"__proto__":{"issuer":"${ISSUER}","jwks_uri":"${JWKS}"}}`);
  const read = readDiscovery(document, URL_HTTPS, ISSUER);
  assertEquals(!read.ok && read.failure.kind, "bad_document");
});
