import { hasDotSegments, readTarget, type RequestLine } from "../../src/proxy/target.ts";
import { assertEquals } from "../support/assert.ts";

/** What comes out of a request: path and query, or the reason why not. */
function read(url: string, line: Partial<RequestLine> = {}, prefix = ""): string {
  const target = readTarget({ method: "GET", url, host: "h", http2: false, ...line }, prefix);
  return target.ok ? target.value.pathAndQuery : target.failure.reason;
}

const ACCEPTED: readonly (readonly [url: string, pathAndQuery: string])[] = [
  ["http://h/", "/"],
  ["http://h", "/"],
  ["http://h?x", "/?x"],
  ["https://h/a/../b//c?d=%2e#".slice(0, -1), "/a/../b//c?d=%2e"],
  ["http://h//h/", "//h/"],
  ["http://h/\\x", "/\\x"],
  ["http://h/?a\\b/../c", "/?a\\b/../c"],
];

for (const [url, pathAndQuery] of ACCEPTED) {
  Deno.test(`The URL ${url} stands for the target ${pathAndQuery}.`, () => {
    assertEquals(read(url), pathAndQuery);
  });
}

const REFUSED: readonly (readonly [url: string, reason: string])[] = [
  ["http://hh/", "bad_target"],
  ["http://g/", "bad_target"],
  ["http://h.g/", "bad_target"],
  ["http://h:80/", "bad_target"],
  ["http://h@g/", "bad_target"],
  ["http://h\\g/", "bad_target"],
  ["http://g/h", "bad_target"],
  ["http://h/#", "bad_target"],
  ["http://h#/", "bad_target"],
  ["http://h/?a#b", "bad_target"],
];

for (const [url, reason] of REFUSED) {
  Deno.test(`The URL ${url} for the host h is refused.`, () => {
    assertEquals(read(url), reason);
  });
}

Deno.test("A target is parsed into path, query and host without changing either.", () => {
  const target = readTarget(
    { method: "GET", url: "http://H:80/a%2f/..?b?c", host: "H:80", http2: false },
    "",
  );
  assertEquals(target, {
    ok: true,
    value: { pathAndQuery: "/a%2f/..?b?c", path: "/a%2f/..", host: "H:80" },
  });
});

Deno.test("Without a Host field the authority counts where HTTP/2 is spoken, and only there.", () => {
  assertEquals(read("https://name:8443/x?y", { host: null, http2: true }), "/x?y");
  assertEquals(read("https://[::1]:8443/x", { host: null, http2: true }), "/x");
  assertEquals(read("http://name/x", { host: null, http2: false }), "bad_host");
  assertEquals(read("https://a@b/x", { host: null, http2: true }), "bad_host");
  assertEquals(read("https:///x", { host: null, http2: true }), "bad_host");
  assertEquals(read("https://a/x", { host: "b", http2: true }), "bad_target");
});

Deno.test("The asterisk-form is refused for OPTIONS, and is a path for every other method.", () => {
  assertEquals(read("http://h/*", { method: "OPTIONS" }), "bad_target");
  assertEquals(read("http://h/*"), "/*");
});

Deno.test("Dot segments are refused only where they could leave the upstream's path.", () => {
  assertEquals(read("http://h/../x", {}, ""), "/../x");
  assertEquals(read("http://h/../x", {}, "/api"), "bad_target");
  assertEquals(read("http://h/a/../x", {}, "/api"), "/a/../x");
  assertEquals(read("http://h/a/../../api/x", {}, "/api"), "bad_target");
  assertEquals(read("http://h/a?../../x", {}, "/api"), "/a?../../x");
});

const DOT_SEGMENTS: readonly (readonly [path: string, has: boolean])[] = [
  ["/", false],
  ["/a.b/..c/d../...", false],
  ["/%2ea", false],
  ["/.", true],
  ["/a/.", true],
  ["/a/..", true],
  ["/a/../b", true],
  ["/%2e", true],
  ["/a/%2E./b", true],
  ["/a/.%2e/b", true],
  ["/a\\..\\b", true],
  ["/a%2f..%2fb", true],
  ["/a%5C.%5cb", true],
];

for (const [path, has] of DOT_SEGMENTS) {
  Deno.test(`The path ${path} has ${has ? "a dot segment" : "no dot segment"}.`, () => {
    assertEquals(hasDotSegments(path), has);
  });
}
