import fc from "fast-check";
import {
  type ClientFacts,
  ReceivedFields,
  requestHeaders,
  responseHeaders,
} from "../../src/proxy/headers.ts";
import { assert, assertEquals } from "../support/assert.ts";

const CLIENT: ClientFacts = {
  address: "192.0.2.1",
  protocol: "https",
  host: "client.test",
  requestId: "the-id",
};

const ADDED = ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"];

Deno.test("A request without fields gets those that say where it came from.", () => {
  assertEquals(requestHeaders(new ReceivedFields(new Headers()), CLIENT), [
    ["host", "client.test"],
    ["x-forwarded-for", "192.0.2.1"],
    ["x-forwarded-proto", "https"],
    ["x-forwarded-host", "client.test"],
    ["x-request-id", "the-id"],
  ]);
});

Deno.test("Responses keep order and repetition of their fields.", () => {
  const fields: [string, string][] = [
    ["x-b", "1"],
    ["set-cookie", "a=1"],
    ["x-a", "2"],
    ["set-cookie", "a=1"],
  ];
  assertEquals(responseHeaders(fields), fields);
});

Deno.test("Several Connection fields of a response count together.", () => {
  const fields: [string, string][] = [
    ["x-a", "1"],
    ["connection", "x-a"],
    ["x-b", "2"],
    ["connection", "keep-alive, X-B"],
    ["x-c", "3"],
  ];
  assertEquals(responseHeaders(fields), [["x-c", "3"]]);
});

/** Names of fields: made up, and those that matter, in any mixture of `-`, `_`, `.` and case. */
const fieldName = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/),
  fc.constantFrom(
    "connection",
    "te",
    "upgrade",
    "keep-alive",
    "transfer-encoding",
    "proxy-authorization",
    "authorization",
    "host",
    "expect",
    "forwarded",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-anything",
    "cookie",
  ).chain((name) =>
    fc.array(fc.constantFrom("-", "_", "."), { minLength: 3, maxLength: 3 }).map((marks) => {
      let at = 0;
      return name.replaceAll("-", () => marks[at++] ?? "-");
    })
  ),
);
const fieldList = fc.array(fc.tuple(fieldName, fc.stringMatching(/^[a-z0-9-]{0,12}$/)));

Deno.test("The upstream gets each of our fields once, with our value, for any fields of the client.", () => {
  fc.assert(fc.property(fieldList, fc.array(fieldName), (fields, named) => {
    const received = new Headers(fields);
    if (named.length > 0) received.set("connection", named.join(", "));
    const sent = requestHeaders(new ReceivedFields(received), CLIENT);
    for (const name of ADDED) {
      const spelt = sent.filter(([known]) => known.replaceAll(/[_.]/g, "-") === name);
      const exact = spelt.filter(([known]) => known === name);
      assertEquals(exact.length, 1, name);
      if (name !== "host") assertEquals(spelt.length, 1, name);
    }
    const names = sent.map(([name]) => name);
    for (
      const name of ["connection", "te", "upgrade", "transfer-encoding", "keep-alive", "expect"]
    ) {
      assert(!names.includes(name), name);
    }
    assertEquals(names.includes("authorization"), received.has("authorization"));
  }));
});
