import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { CASES } from "./cases.ts";
import { HELP, type Options, parseOptions } from "./options.ts";

function good(...args: string[]): Options {
  const options = parseOptions(args);
  assert(options.ok, "these should be good");
  return options.value;
}

function fault(...args: string[]): string {
  const options = parseOptions(args);
  assert(!options.ok, "these should be wrong");
  return options.failure;
}

Deno.test("without options everything is run", () => {
  const { cases, peers, rounds, out } = good();
  assertEquals(cases.length, CASES.length);
  assertEquals(peers, ["haproxy", "oauth2-proxy", "apache", "fastify", "naive", "proxy"]);
  assertEquals([rounds, out], [3, "docs"]);
});

Deno.test("the whole run with the defaults is planned for less than twelve minutes", () => {
  const { rounds, secs } = good();
  const measurements = CASES.reduce((sum, { peers }) => sum + peers.length, 0) * rounds;
  assert(measurements * secs < 480, "measurements alone");
});

Deno.test("chosen cases and peers keep the order of the tables", () => {
  const { cases, peers } = good("--cases", "tls,warm", "--peers=proxy,haproxy");
  assertEquals(cases.map(({ name }) => name), ["warm", "tls"]);
  assertEquals(peers, ["haproxy", "proxy"]);
});

Deno.test("programs that no package manager knows are named on the command line", () => {
  const { oauth2Proxy, fastify } = good("--oauth2-proxy", "/a/oauth2-proxy", "--fastify=/b");
  assertEquals([oauth2Proxy, fastify], ["/a/oauth2-proxy", "/b"]);
  assertEquals([good().oauth2Proxy, good().fastify], [undefined, undefined]);
  assertIncludes(fault("--oauth2-proxy"), HELP);
});

Deno.test("numbers have bounds", () => {
  assertEquals(good("--rounds", "1", "--secs", "1", "--conns", "8").conns, 8);
  for (const wrong of ["0", "1.5", "x", "61"]) {
    assertIncludes(fault("--secs", wrong), "from 1 to 60");
  }
});

Deno.test("unknown cases are named together with the known ones", () => {
  const text = fault("--cases", "warm,cold");
  assertIncludes(text, "unknown: cold");
  assertIncludes(text, "many");
});

Deno.test("an unknown option shows the help, and so does --help", () => {
  assertIncludes(fault("--speed"), HELP);
  assertEquals(fault("--help"), HELP);
});
