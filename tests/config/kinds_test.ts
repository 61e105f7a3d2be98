import {
  audience,
  boolean,
  bytes,
  isoTime,
  type Kind,
  orWord,
  port,
  seconds,
  text,
  wholeNumber,
  word,
} from "../../src/config/kinds.ts";
import { assertEquals, assertIncludes } from "../support/assert.ts";

interface Accepted {
  readonly what: string;
  readonly kind: Kind<unknown>;
  readonly given: string;
  readonly value: unknown;
}

const level = word({ error: "error", warn: "warning" });
const workers = orWord(wholeNumber({ min: 1, max: 256 }), "auto");

const ACCEPTED: readonly Accepted[] = [
  { what: "seconds", kind: seconds(1), given: "1", value: 1 },
  { what: "seconds", kind: seconds(0), given: "0", value: 0 },
  { what: "seconds", kind: seconds(1), given: "007", value: 7 },
  { what: "a port", kind: port(), given: "65535", value: 65535 },
  { what: "workers", kind: workers, given: "256", value: 256 },
  { what: "workers", kind: workers, given: "auto", value: "auto" },
  { what: "bytes", kind: bytes(1), given: "65536", value: 65536 },
  { what: "bytes", kind: bytes(1), given: "64KiB", value: 65536 },
  { what: "bytes", kind: bytes(1), given: "1 mib", value: 1048576 },
  { what: "bytes", kind: bytes(1), given: "2GiB", value: 2147483648 },
  { what: "a word", kind: level, given: "WARN", value: "warning" },
  { what: "a boolean", kind: boolean(), given: "true", value: true },
  { what: "a boolean", kind: boolean(), given: "Off", value: false },
  { what: "a boolean", kind: boolean(), given: "1", value: true },
  { what: "a text", kind: text(), given: " a b ", value: " a b " },
  { what: "a time", kind: isoTime(), given: "2027-01-31T00:00:00Z", value: 1801353600000 },
  { what: "a time", kind: isoTime(), given: "2027-01-31t00:00:00z", value: 1801353600000 },
  { what: "a time", kind: isoTime(), given: "2027-01-31 01:30:00+01:30", value: 1801353600000 },
  { what: "a time", kind: isoTime(), given: "2027-01-30T19:00:00.999-05:00", value: 1801353600000 },
  { what: "a time", kind: isoTime(), given: "2028-02-29T23:59:59Z", value: 1835481599000 },
  { what: "a time", kind: isoTime(), given: "2026-12-31T23:30:00-00:00", value: 1798759800000 },
  { what: "an audience", kind: audience(), given: '"c"', value: "c" },
  { what: "an audience", kind: audience(), given: '["a","b"]', value: ["a", "b"] },
  { what: "an audience", kind: audience(), given: ' [ "a" ] ', value: ["a"] },
  { what: "an audience", kind: audience(), given: '\\"c\\"', value: "c" },
  { what: "an audience", kind: audience(), given: '[\\"a\\", \\"b\\"]', value: ["a", "b"] },
  { what: "an audience", kind: audience(), given: '"a\\"b"', value: 'a"b' },
];

for (const { what, kind, given, value } of ACCEPTED) {
  Deno.test(`${JSON.stringify(given)} is accepted as ${what}: ${JSON.stringify(value)}.`, () => {
    assertEquals(kind.parse(given), { ok: true, value });
  });
}

const REFUSED: readonly { what: string; kind: Kind<unknown>; given: readonly string[] }[] = [
  {
    what: "whole seconds from 1",
    kind: seconds(1),
    given: ["0", "-1", "+1", "1.5", "1e3", " 1", "ten", "0x10", "9007199254741", "1_000", "٣"],
  },
  { what: "a port", kind: port(), given: ["65536", "-1", "http"] },
  { what: "workers", kind: workers, given: ["0", "257", "AUTO ", "all"] },
  {
    what: "bytes from 1",
    kind: bytes(1),
    given: ["0", "1KB", "1.5MiB", "-1", "MiB", "1TiB", "9007199254740991GiB", "1constructor"],
  },
  { what: "a word", kind: level, given: ["warning", "constructor", "__proto__", "error "] },
  { what: "a boolean", kind: boolean(), given: ["maybe", "2", "toString"] },
  { what: "a text", kind: text(), given: [""] },
  {
    what: "a time",
    kind: isoTime(),
    given: [
      "2027-01-31",
      "2027-01-31T00:00:00",
      "2027-01-31T00:00Z",
      "2027-02-29T00:00:00Z",
      "2027-02-30T00:00:00Z",
      "2027-04-31T00:00:00Z",
      "2027-13-01T00:00:00Z",
      "2027-00-01T00:00:00Z",
      "2027-01-00T00:00:00Z",
      "2027-01-31T24:00:00Z",
      "2027-01-31T23:60:00Z",
      "2027-01-31T23:59:60Z",
      "9999-12-31T24:00:00Z",
      "0050-01-01T00:00:00Z",
      "2027-01-31T00:00:00+24:00",
      "2027-01-31T00:00:00+00:60",
      "2027-01-31T00:00:00+01",
      "2027-01-31T00:00:00+0100",
      "2027-01-31T00:00:00.Z",
      "2027-01-31T00:00:00Z ",
      "20270131T000000Z",
      "31.01.2027",
      "1801353600",
      "2027-1-31T00:00:00Z",
      "+002027-01-31T00:00:00Z",
    ],
  },
  {
    what: "an audience",
    kind: audience(),
    given: ["myapi", '""', "[]", '["a",""]', '["a",1]', "1", "null", "{}", '[["a"]]', '"a', "true"],
  },
];

for (const { what, kind, given } of REFUSED) {
  for (const one of given) {
    Deno.test(`${JSON.stringify(one)} is refused as ${what}.`, () => {
      assertEquals(kind.parse(one).ok, false);
    });
  }
}

const HINTS: readonly { kind: Kind<unknown>; given: string; hint: string }[] = [
  { kind: audience(), given: "myapi", hint: `AUDIENCE='"myapi"'` },
  { kind: audience(), given: "a b", hint: `AUDIENCE='"myapi"'` },
  { kind: isoTime(), given: "2027-01-31T00:00:00", hint: "a zone is missing" },
  { kind: isoTime(), given: "2027-01-31", hint: "2027-01-31T00:00:00Z" },
  { kind: seconds(1), given: "10s", hint: "number alone" },
  { kind: wholeNumber({ min: 1, max: 9 }), given: "10", hint: "largest accepted is 9" },
];

for (const { kind, given, hint } of HINTS) {
  Deno.test(`The refusal of ${JSON.stringify(given)} says: ${hint}.`, () => {
    const parsed = kind.parse(given);
    assertIncludes(parsed.ok ? "" : parsed.failure.hint ?? "", hint);
  });
}
