import { startDemoUpstream } from "../../src/demo/upstream.ts";
import { assertEquals, assertExcludes, assertThrows } from "../support/assert.ts";

Deno.test("the demo upstream says what it was asked, and of a token only its length", async () => {
  const upstream = startDemoUpstream();
  try {
    const response = await fetch(`${upstream.url}/a/b?c=d`, {
      method: "PUT",
      headers: { authorization: "Bearer se.cr.et", "x-mine": "1" },
      body: "text ✓",
    });
    const text = await response.text();
    const echo = JSON.parse(text);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals([echo.method, echo.path], ["PUT", "/a/b?c=d"]);
    assertEquals([echo.body, echo.bodyBytes], ["text ✓", 8]);
    assertEquals(echo.headers["x-mine"], "1");
    assertEquals(echo.headers.authorization, "Bearer <8 characters>");
    assertExcludes(text, "se.cr.et");
  } finally {
    await upstream.close();
  }
});

Deno.test("the demo upstream shows no credentials of another scheme, or without one", async () => {
  const upstream = startDemoUpstream();
  try {
    const shown = await Promise.all(["Basic dTpw", "secret"].map(async (authorization) => {
      const response = await fetch(upstream.url, { headers: { authorization } });
      return (await response.json()).headers.authorization;
    }));
    assertEquals(shown, ["Basic <4 characters>", "<6 characters>"]);
  } finally {
    await upstream.close();
  }
});

Deno.test("the demo upstream shows the beginning of a big body and counts all of it", async () => {
  const upstream = startDemoUpstream();
  try {
    const body = "x".repeat(1_000_000);
    const echo = await (await fetch(upstream.url, { method: "POST", body })).json();
    assertEquals([echo.body.length, echo.bodyBytes], [65_536, 1_000_000]);
  } finally {
    await upstream.close();
  }
});

Deno.test("a demo upstream on a port in use throws", async () => {
  const upstream = startDemoUpstream();
  try {
    const port = Number(new URL(upstream.url).port);
    assertThrows(() => startDemoUpstream({ port }), Deno.errors.AddrInUse);
  } finally {
    await upstream.close();
  }
});
