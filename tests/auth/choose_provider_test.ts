import { makeProviderChoice } from "../../src/auth/choose_provider.ts";
import type { JwtProvider, OpaqueProvider } from "../../src/auth/provider.ts";
import { failure } from "../../src/failure.ts";
import { fail } from "../../src/result.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CLIENT } from "../support/client.ts";
import { type Members, noSigner, rawToken } from "../support/tokens.ts";

/** A provider of JWTs that says who it is instead of verifying. */
function issuer(name: string, more: Partial<JwtProvider> = {}): JwtProvider {
  return {
    name,
    issuer: `https://${name}.test`,
    generation: () => 7,
    authenticate: ({ token }) => fail(failure("bad_signature", `${name} got ${token}`)),
    ...more,
  };
}

function introspecting(name: string, prefix?: string): OpaqueProvider {
  return {
    name,
    prefix,
    authenticate: (token) => fail(failure("inactive_token", `${name} got ${token}`)),
  };
}

/** A JWT with these claims; its signature does not matter here. */
const jwt = (claims: Members) =>
  rawToken('{"alg":"RS256"}', JSON.stringify(claims), () => Promise.resolve(new Uint8Array(8)));

/** Who gets a token, or why nobody does. */
async function chosen(
  token: string,
  choice: { readonly jwt?: readonly JwtProvider[]; readonly opaque?: readonly OpaqueProvider[] },
): Promise<string> {
  const found = makeProviderChoice({ jwt: [], opaque: [], ...choice })(token);
  if (!found.ok) return found.failure.reason;
  const asked = await found.value.authenticate(CLIENT);
  assert(!asked.ok);
  const [name, got] = String(asked.failure.detail).split(" got ");
  assertEquals(got, token, "a provider gets the token as it came");
  return String(name);
}

Deno.test("The issuer decides, compared exactly but for one slash at its end.", async () => {
  const providers = [
    issuer("a"),
    issuer("b", { issuer: "https://b.test/realms/main/" }),
    issuer("c"),
  ];
  for (
    const [iss, expected] of [
      ["https://a.test", "a"],
      ["https://a.test/", "a"],
      ["https://b.test/realms/main", "b"],
      ["https://b.test/realms/main/", "b"],
      ["https://c.test", "c"],
      ["https://a.test//", "wrong_issuer"],
      ["https://A.test", "wrong_issuer"],
      ["https://a.test:443", "wrong_issuer"],
      ["https://a.test/x", "wrong_issuer"],
      ["https://b.test", "wrong_issuer"],
      ["https://nobody.test", "wrong_issuer"],
      ["__proto__", "wrong_issuer"],
      ["", "wrong_issuer"],
      ["/", "wrong_issuer"],
      [undefined, "wrong_issuer"],
      [null, "wrong_issuer"],
      [["https://a.test"], "wrong_issuer"],
      [{ toString: "https://a.test" }, "wrong_issuer"],
    ] as const
  ) {
    assertEquals(
      await chosen(await jwt({ iss }), { jwt: providers }),
      expected,
      JSON.stringify(iss),
    );
  }
});

Deno.test("One provider gets every JWT, and says itself what is wrong with the issuer.", async () => {
  for (const iss of ["https://a.test", "https://nobody.test", undefined]) {
    assertEquals(await chosen(await jwt({ iss }), { jwt: [issuer("a")] }), "a");
  }
});

Deno.test("The trust domain of sub decides where no listed issuer is named.", async () => {
  const spiffe = (name: string) =>
    issuer(name, { issuer: `spiffe://${name}.test`, trustDomain: `${name}.test` });
  const providers = [issuer("a"), spiffe("one"), spiffe("two")];
  const sub = "spiffe://two.test/ns/shop/sa/cart";
  for (
    const [claims, expected] of [
      [{ sub }, "two"],
      [{ sub, iss: "https://spire.test" }, "two"],
      [{ sub, iss: "https://a.test" }, "a"],
      [{ sub: "spiffe://one.test/x" }, "one"],
      [{ sub: "spiffe://three.test/x" }, "wrong_issuer"],
      [{ sub: "spiffe://two.test.evil.test/x" }, "wrong_issuer"],
      [{ sub: "two.test" }, "wrong_issuer"],
      [{ sub: 1 }, "wrong_issuer"],
      [{}, "wrong_issuer"],
    ] as const
  ) {
    const token = await jwt(claims);
    assertEquals(await chosen(token, { jwt: providers }), expected, JSON.stringify(claims));
  }
});

Deno.test("Without trust domains sub decides nothing.", async () => {
  const token = await jwt({ sub: "spiffe://a.test/x" });
  assertEquals(await chosen(token, { jwt: [issuer("a"), issuer("b")] }), "wrong_issuer");
});

Deno.test("The longest prefix that fits decides about an opaque token, and who has none gets the rest.", async () => {
  const opaque = [introspecting("short", "t_"), introspecting("long", "t_long_")];
  const rest = [...opaque, introspecting("rest")];
  for (
    const [token, expected, withRest] of [
      ["t_1", "short", "short"],
      ["t_long_1", "long", "long"],
      ["T_1", "not_a_jwt", "rest"],
      ["x", "not_a_jwt", "rest"],
    ] as const
  ) {
    assertEquals(await chosen(token, { jwt: [issuer("a")], opaque }), expected, token);
    assertEquals(await chosen(token, { jwt: [issuer("a")], opaque: rest }), withRest, token);
  }
});

Deno.test("A JWT is never shown to an introspecting provider, whatever it begins with.", async () => {
  const both = { jwt: [issuer("a"), issuer("b")], opaque: [introspecting("rest", "e")] };
  const signed = await jwt({ iss: "https://nobody.test" });
  assert(signed.startsWith("e"));
  assertEquals(await chosen(signed, both), "wrong_issuer");
  assertEquals(await chosen(await jwt({ iss: "https://b.test" }), both), "b");
  const unsecured = await rawToken('{"alg":"none"}', '{"iss":"https://a.test"}', noSigner);
  assert(["not_a_jwt", "a"].includes(await chosen(unsecured, both)));
});

Deno.test("Without introspection an opaque token is no JWT.", async () => {
  assertEquals(await chosen("opaque", { jwt: [issuer("a")] }), "not_a_jwt");
});

Deno.test("A choice has the generation of its provider's keys, and a constant one where there are none.", async () => {
  const current: { generation?: number } = {};
  const choose = makeProviderChoice({
    jwt: [issuer("a", { generation: () => current.generation })],
    opaque: [introspecting("rest")],
  });
  const [signed, opaque] = [choose(await jwt({ iss: "https://a.test" })), choose("opaque")];
  assert(signed.ok && opaque.ok);
  const seen = () => [signed.value.keys.generation(), opaque.value.keys.generation()];
  assertEquals([signed.value.opaque, opaque.value.opaque], [false, true]);
  assertEquals(seen(), [undefined, 0]);
  current.generation = 3;
  assertEquals(seen(), [3, 0]);
});
