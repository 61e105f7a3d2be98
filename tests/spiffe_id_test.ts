import { isTrustDomain, trustDomainOf } from "../src/spiffe_id.ts";
import { assertEquals } from "./support/assert.ts";

const IDS: readonly (readonly [id: unknown, domain: string | undefined])[] = [
  ["spiffe://example.org", "example.org"],
  ["spiffe://example.org/billing/api", "example.org"],
  ["spiffe://example.org/a.b/..c/_-.x", "example.org"],
  ["spiffe://a_b-c.d/x", "a_b-c.d"],
  [`spiffe://${"a".repeat(255)}`, "a".repeat(255)],
  [`spiffe://${"a".repeat(256)}`, undefined],
  [`spiffe://a/${"b".repeat(2037)}`, "a"],
  [`spiffe://a/${"b".repeat(2038)}`, undefined],
  ["spiffe://example.org.evil.com/x", "example.org.evil.com"],
  ["spiffe://example.org@evil/x", undefined],
  ["spiffe://example.org:443/x", undefined],
  ["spiffe://Example.org/x", undefined],
  ["SPIFFE://example.org/x", undefined],
  ["https://example.org/x", undefined],
  ["spiffe:///x", undefined],
  ["spiffe://example.org/", undefined],
  ["spiffe://example.org//x", undefined],
  ["spiffe://example.org/x/", undefined],
  ["spiffe://example.org/./x", undefined],
  ["spiffe://example.org/a/..", undefined],
  ["spiffe://example.org/a%2fb", undefined],
  ["spiffe://example.org/x?y", undefined],
  ["spiffe://example.org/x#y", undefined],
  ["spiffe://example.org/x\n", undefined],
  [" spiffe://example.org/x", undefined],
  ["", undefined],
  [undefined, undefined],
  [["spiffe://example.org"], undefined],
];

for (const [id, domain] of IDS) {
  Deno.test(`The trust domain of ${JSON.stringify(id)?.slice(0, 60)} is ${domain?.slice(0, 30)}.`, () => {
    assertEquals(trustDomainOf(id), domain);
  });
}

Deno.test("The name of a trust domain stands alone.", () => {
  for (const name of ["example.org", "a_b-c.d", "a".repeat(255)]) {
    assertEquals(isTrustDomain(name), true, name);
  }
  for (const name of ["", "Example.org", "example.org/x", "a b", "a".repeat(256), "a\n"]) {
    assertEquals(isTrustDomain(name), false, name);
  }
});
