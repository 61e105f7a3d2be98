/** Below an upstream with a path no request leaves that path, whatever the server behind it makes of dots. */
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { readTarget } from "../../src/proxy/target.ts";
import { assert, assertEquals } from "../support/assert.ts";

function accepts(path: string, prefix = "/tenant"): boolean {
  const line = { method: "GET", url: `http://h${path}`, host: "h", http2: false };
  return readTarget(line, prefix).ok;
}

/** Each leaves `/tenant` at some server. */
const CLIMBING: readonly (readonly [spelling: string, paths: readonly string[]])[] = [
  ["plain", ["/..", "/../x", "/a/../../x", "//../x", "/./../x", "/a/./../../x"]],
  ["encoded once", ["/%2e%2e/x", "/.%2E/x", "/..%2fx", "/a%2f..%2f..%2fx", "/%2e%2e%2fx"]],
  ["encoded more often", ["/%252e%252e/x", "/..%252fx", "/%25252e%25252e/x", "/..%25252fx"]],
  ["with encoded digits", [
    "/..%25%32%66x",
    "/..%25%35%63x",
    "/..%2525%35%63x",
    "/%25%32%65%25%32%65/x",
    "/%%32%65%%32%65/x",
    "/%%32e%%32e/x",
    "/%2%65%2%65/x",
    "/..%%32%66x",
    "/..%2%66x",
  ]],
  ["with backslashes", ["/..\\x", "/a\\..\\..\\x", "/..%5cx", "/..%255cx", "/a\\b%2f..%2f..%2fx"]],
  ["behind parameters", [
    "/..;/x",
    "/..;a=b/x",
    "/..%3bx/y",
    "/x/..;\\a/../y",
    "/a;/..;/..;/x",
    "/..%253b/x",
  ]],
  ["that end early", ["/..%00/x", "/..%00", "/..%3fx", "/..%23x", "/..%2500x", "/..%253fx"]],
  ["in overlong UTF-8", [
    "/%c0%ae%c0%ae/x",
    "/.%c0%ae/x",
    "/..%c0%afx",
    "/..%c1%9cx",
    "/%c0%2e%c0%2e/x",
    "/%e0%80%ae%e0%80%ae/x",
    "/..%e0%80%afx",
    "/%e0%40%ae%e0%40%ae/x",
    "/%f0%80%80%ae%f0%80%80%ae/x",
    "/%f8%80%80%80%ae%f8%80%80%80%ae/x",
    "/%fc%80%80%80%80%ae%fc%80%80%80%80%ae/x",
    "/%25c0%25ae%25c0%25ae/x",
    "/%e0%25%38%30%ae./x",
  ]],
  ["in %u", ["/%u002e%u002e/x", "/..%u002fx", "/..%u2215x", "/%25u002e%25u002e/x", "/%uff0e./x"]],
  ["in full width and its kin", [
    "/%ef%bc%8e%ef%bc%8e/x",
    "/.%ef%bc%8e/x",
    "/..%ef%bc%8fx",
    "/..%ef%bc%bcx",
    "/%25ef%25bc%258e./x",
    "/%ef%bc%85%32%65./x",
    "/%e2%80%a5/x",
    "/%e2%80%a4./x",
    "/..%e2%88%95x",
    "/..%e2%81%84x",
    "/..%c2%a5x",
  ]],
  ["with blanks and control characters", [
    "/..%09/x",
    "/..%20/x",
    "/..%0a/x",
    "/..%0d%0a/x",
    "/%20../x",
    "/.%00./x",
    "/.%09./x",
    "/.%0d./x",
    "/..%7f/x",
    "/..%c2%a0/x",
    "/..%a0/x",
    "/%ef%bb%bf../x",
    "/..%e2%80%8b/x",
    "/..%20./x",
    "/%00..%00%/x",
    "/.%%002e/x",
    "/.%25%0a2e/x",
    "/..%2520/x",
  ]],
  ["hidden by names that are none", [
    "/%2e/../x",
    "/%00/../x",
    "/%20/../x",
    "/;a/../x",
    "/a%2fb/../../x",
    "/a%5cb/../../x",
    "/a\\b/../../x",
    "/.../../x",
  ]],
  ["encoded without end", ["/%252525252e%252525252e/x", "/a%25252525252fb"]],
];

for (const [spelling, paths] of CLIMBING) {
  Deno.test(`dot segments ${spelling} do not leave the upstream's path`, () => {
    assertEquals(paths.filter((path) => accepts(path)), []);
    // Without a path there is nothing to leave: everything goes on as it came.
    assertEquals(paths.filter((path) => !accepts(path, "")), []);
  });
}

const ORDINARY: readonly string[] = [
  "/",
  "//",
  "/a/",
  "/a//b",
  "/v1.0/users",
  "/.well-known/openid-configuration",
  "/..foo/foo../foo..bar",
  "/a%2eb/%2efoo/foo%2e",
  "/...",
  "/a/.../b",
  "/Dr.%20No.pdf",
  "/My%20Files/report%20.txt",
  "/%C3%A9t%C3%A9/%E2%82%AC.txt",
  "/caf%e9",
  "/%E4%BD%A0%E5%A5%BD.html",
  "/a/../b",
  "/a/b/..%2f..%2fc",
  "/a%2Fb%2Fc",
  "/a;v=1/b;c",
  "/100%25",
  "/100%25/up",
  "/100%25up/100%2525",
  "/50%25%2010.pdf",
  "/a\\b",
  "/a%00b",
  "/users/me@example.com:1/$x,y+z(!)*'",
  "/x?../../y",
  "/x?%c0%ae",
  "/%ef%bc%a1.txt",
  "/%zz/%",
];

for (const path of ORDINARY) {
  Deno.test(`the ordinary path ${path} is accepted below an upstream's path`, () => {
    assert(accepts(path));
  });
}

/** One server: how it finds out which of its resources a path is. */
interface Model {
  /** How often it decodes. */
  readonly decodes: number;
  /** Whether it resolves dot segments before each decoding as well. */
  readonly staged: boolean;
  readonly backslash: boolean;
  /** When it drops what follows `;` in a segment. */
  readonly parameters: "kept" | "dropped first" | "dropped last";
  /** Whether it takes overlong UTF-8 and `%u`. */
  readonly lenient: boolean;
  /** Whether it takes characters for those of ASCII that look alike. */
  readonly folds: boolean;
  readonly collapses: boolean;
  readonly blanks: "kept" | "trimmed" | "removed";
  /** Whether its path ends at NUL, `?` and `#`. */
  readonly ends: boolean;
}

const MODEL: fc.Arbitrary<Model> = fc.record({
  decodes: fc.integer({ min: 0, max: 5 }),
  staged: fc.boolean(),
  backslash: fc.boolean(),
  parameters: fc.constantFrom("kept", "dropped first", "dropped last"),
  lenient: fc.boolean(),
  folds: fc.boolean(),
  collapses: fc.boolean(),
  blanks: fc.constantFrom("kept", "trimmed", "removed"),
  ends: fc.boolean(),
});

/** Whether a server of this kind leaves `/tenant` with this path behind it. */
function leaves(model: Model, path: string): boolean {
  const dropParameters = (text: string) =>
    text.split("/").map((segment) => segment.split(";")[0] ?? "").join("/");
  let bytes = path;
  if (model.parameters === "dropped first") bytes = dropParameters(bytes);
  for (let i = 0; i < model.decodes; i++) {
    if (model.staged) {
      const resolved = resolve(model, bytes);
      if (resolved === undefined) return true;
      bytes = resolved;
    }
    bytes = percentDecoded(bytes, model.lenient);
  }
  let text = model.lenient ? leniently(bytes) : Buffer.from(bytes, "latin1").toString("utf8");
  if (model.folds) text = text.normalize("NFKC").replace(/[\u2044\u2215]/g, "/");
  if (model.ends) text = text.split(/[\0?#]/)[0] ?? "";
  if (model.backslash) text = text.replaceAll("\\", "/");
  if (model.parameters === "dropped last") text = dropParameters(text);
  return resolve(model, text) === undefined;
}

/** The path without dot segments; `undefined` if there are too many. */
function resolve({ collapses, blanks }: Model, text: string): string | undefined {
  const stack: string[] = [];
  for (const written of text.split("/").slice(1)) {
    let segment = written;
    if (blanks === "trimmed") segment = segment.replace(/^[\0-\x20\x7f]+|[\0-\x20\x7f]+$/g, "");
    // deno-lint-ignore no-control-regex
    if (blanks === "removed") segment = segment.replace(/[\0-\x1f\x7f]/g, "");
    if (segment === "..") {
      if (stack.pop() === undefined) return undefined;
    } else if (segment !== "." && !(collapses && segment === "")) stack.push(segment);
  }
  return `/${stack.join("/")}`;
}

function percentDecoded(bytes: string, lenient: boolean): string {
  let decoded = "";
  for (let i = 0; i < bytes.length; i++) {
    const hex = /^%([0-9a-f]{2})/i.exec(bytes.slice(i, i + 3))?.[1];
    const wide = lenient ? /^%u([0-9a-f]{4})/i.exec(bytes.slice(i, i + 6))?.[1] : undefined;
    if (wide !== undefined) {
      decoded += Buffer.from(String.fromCharCode(parseInt(wide, 16)), "utf8").toString("latin1");
      i += 5;
    } else if (hex !== undefined) {
      decoded += String.fromCharCode(parseInt(hex, 16));
      i += 2;
    } else decoded += bytes.charAt(i);
  }
  return decoded;
}

/** UTF-8 as a decoder reads it that looks at the length of a sequence and nothing else. */
function leniently(bytes: string): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    const first = bytes.charCodeAt(i);
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    let point = more === 0 ? first : first & (0x3f >> more);
    for (let j = 1; j <= more; j++) point = point << 6 | (bytes.charCodeAt(i + j) & 0x3f);
    text += String.fromCodePoint(point);
    i += more;
  }
  return text;
}

/** What paths are made of: much of what has ever been taken for a dot, a slash or nothing. */
const PIECES = [
  ..."/////....\\;aab",
  ...["..", "../", "/..", "..;", "a/b", "foo", ".well", "%2e", "%2E%2e", "%252e", "%25%32%65"],
  ...["%%32%65", "%2%65", "%25252e", "%2f", "%252F", "%25%32%66", "%5c", "%255c", "%3b", "%3f"],
  ...["%23", "%00", "%09", "%20", "%0a", "%0d", "%2520", "%2500", "%c0%ae", "%c0%af", "%c1%9c"],
  ...["%e0%80%ae", "%e0%80%af", "%f0%80%80%ae", "%u002e", "%u002f", "%25c0%25ae", "%ef%bc%8e"],
  ...["%ef%bc%8f", "%ef%bc%bc", "%ef%bc%9b", "%e2%80%a4", "%e2%80%a5", "%e2%84%80", "%c3%a9"],
  ...["%e2%82%ac", "%25", "%", "%u", "2e", "%e2%88%95"],
];

const PATH = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 14 })
  .map((pieces) => `/${pieces.join("")}`);

Deno.test("no accepted path leaves the upstream's path at any kind of server", () => {
  let climbing = 0;
  let accepted = 0;
  fc.assert(
    fc.property(PATH, MODEL, (path, model) => {
      const out = leaves(model, path);
      const taken = accepts(path);
      if (out) climbing++;
      if (taken && path.includes("..")) accepted++;
      assert(!(out && taken), `${path} leaves at ${JSON.stringify(model)}`);
    }),
    { numRuns: 20_000 },
  );
  // The test can fail: many of its paths leave, and many with dots are accepted.
  assert(climbing > 500 && accepted > 500, `${climbing} and ${accepted}`);
});

/** Segments of every day, none of which is a dot segment to anybody. */
const NAMES = [
  ...["foo", "..foo", "foo..bar", "a%2eb", "%2efoo", "v1.0", ".well-known", "a;v=1", "x%2Fy", "~u"],
  ...["%C3%A9t%C3%A9", "Dr.%20No.pdf", "100%25", "a+b", "%E2%82%AC", "a:b@c", "(x)", "caf%e9"],
];

Deno.test("ordinary paths are accepted, with as many dot segments as they have names", () => {
  const segments = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(segments, fc.nat(), (names, drawn) => {
      const back = drawn % (names.length + 1);
      assert(accepts(`/${[...names, ...Array.from({ length: back }, () => "..")].join("/")}`));
      assert(!accepts(`/${[...names, ...names.map(() => ".."), ".."].join("/")}`));
    }),
    { numRuns: 2000 },
  );
});
