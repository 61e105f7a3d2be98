/** What comes back from the upstream and is not to be seen from the client's side. */
import { assert, assertEquals } from "../support/assert.ts";
import { responding } from "../support/upstream.ts";
import { asking, type Connected, ended, OK, type Suite } from "./upstream_suite_support.ts";

/** Registers the tests of responses. */
export function responseTests({ test, connect }: Suite): void {
  test("fields for one hop come back as well, names in lower case.", async () => {
    await using connected = await connect(
      responding("HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nContent-Length: 0\r\n\r\n"),
    );
    const { headers } = await responseOf(connected);
    const fields = headers.filter(([name]) => name !== "content-length");
    assertEquals(fields, [["connection", "x-hop"], ["x-hop", "1"]]);
  });

  for (const interim of ["100 Continue", "102 Processing", "103 Early Hints"]) {
    test(`an interim ${interim} is not taken for the response.`, async () => {
      await using connected = await connect(
        responding(`HTTP/1.1 ${interim}\r\nLink: </x>\r\n\r\n${OK}`),
      );
      const { status, body, headers } = await responseOf(connected);
      assertEquals([status, body], [200, "ok"]);
      assertEquals(new Headers(headers).has("link"), false);
    });
  }
}

/** The response to a GET, read whole. */
async function responseOf(
  { upstream, clock }: Connected,
): Promise<{ status: number; headers: [string, string][]; body: string }> {
  const { request, ends } = asking();
  const response = await upstream.send(request);
  assert(response.ok, JSON.stringify(response));
  const { status, headers } = response.value;
  const body = await new Response(response.value.body).text();
  assertEquals(ended(response.value, ends), [{ bytes: body.length }]);
  assertEquals(clock.pending, 0);
  return { status, headers: [...headers], body };
}
