/** Clients whose uploads never get anywhere: they take nothing from the others. */
import { assert, assertEquals } from "../support/assert.ts";
import { openRaw, rawRequest, type RawSocket } from "../support/raw.ts";
import { sayHello } from "../support/upstream.ts";
import { eventually, type Service, startService } from "../e2e/harness.ts";

/** Connections that there may be to the upstream, and uploads that want one: more than those. */
const MAX_CONNECTIONS = 20;
const UPLOADS = 25;

/** How long a good request may take, in milliseconds; it needs a hundredth. */
const GOOD_MS = 3000;

const portOf = (service: Service) => Number(new URL(service.url()).port);

function head(method: string, ...fields: readonly string[]): string {
  return [`${method} / HTTP/1.1`, "Host: a", ...fields, "", ""].join("\r\n");
}

/** Begins uploads: heads, and what else is given. */
async function begin(service: Service, count: number, text: string): Promise<RawSocket[]> {
  return await Promise.all(Array.from({ length: count }, async () => {
    const socket = await openRaw(portOf(service));
    await socket.send(text);
    return socket;
  }));
}

for (const framing of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
  for (const expect of [[], ["Expect: 100-continue"]]) {
    Deno.test(`Uploads (${[framing, ...expect].join(", ")}) without a byte hold no connection to the upstream.`, async () => {
      await using service = await startService({
        upstream: sayHello,
        settings: {
          NUM_WORKERS: "1",
          UPSTREAM_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
          CLIENT_IDLE_TIMEOUT_SECS: "2",
        },
      });
      const good = `Authorization: Bearer ${await service.token()}`;
      const uploads = await begin(service, UPLOADS, head("POST", framing, ...expect, good));
      await eventually(
        "the uploads",
        async () => await service.metric("ooproxy_requests_in_flight") === UPLOADS,
      );
      const options = { until: "response", timeoutMs: GOOD_MS } as const;
      assertEquals((await rawRequest(portOf(service), head("GET", good), options)).status, 200);
      assertEquals(await service.metric("ooproxy_upstream_connections"), 1);

      const [first, ...others] = uploads;
      assert(first !== undefined);
      if (expect.length > 0) await first.readUntil("100 Continue\r\n\r\n");
      const body = "x".repeat(100);
      await first.send(framing.startsWith("C") ? body : `64\r\n${body}\r\n0\r\n\r\n`);
      assertEquals((await first.readResponse()).status, 200);
      // The others get their time and no more.
      for (const other of others) {
        if (expect.length > 0) await other.readUntil("100 Continue\r\n\r\n");
        assertEquals((await other.readResponse()).status, 408);
      }
      assertEquals(service.upstream.requests.map(({ method }) => method), ["GET", "POST"]);
      await Promise.all(uploads.map((socket) => socket.close()));
    });
  }
}
