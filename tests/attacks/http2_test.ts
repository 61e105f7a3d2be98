/** HTTP/2 clients that leave before their response: what was begun for them ends. */
import { assertEquals } from "../support/assert.ts";
import { openStreams, type RawFields } from "../support/raw_http2.ts";
import { hang, rawUpstream } from "../support/upstream.ts";
import { eventually, pause } from "../support/waiting.ts";
import { protect, TRANSPORTS } from "../proxy/harness.ts";
import { get, makeTrust } from "../rules/hostile_http2.ts";

const STREAMS = 64;

/** Sooner than it is checked whether the client is still there, in milliseconds. */
const LEAVES_AFTER_MS = 40;

/** The plain listener is not meant for HTTP/2; there the look costs HTTP/1.1 a tenth of a request. */
const WAYS: readonly (readonly [name: string, more: RawFields])[] = [
  [":authority alone", []],
  ["Host besides :authority", [["host", "client.test"]]],
];

for (const transport of TRANSPORTS) {
  for (const [name, more] of WAYS) {
    Deno.test(`Streams with ${name} that are reset at once leave nothing behind, over ${transport.name}.`, async () => {
      const { identity, root } = await makeTrust();
      await using upstream = await rawUpstream(async (socket) => {
        await socket.readUntil("\r\n\r\n");
        await hang(socket);
      });
      await using guarded = await protect(upstream.url, transport, {
        identity,
        settings: { LISTEN_SSL_URL: "127.0.0.1:0", CERT_FILE: "not read here" },
      });
      const fields = [...get(), ...more]
        .map(([name, value]) => [name, value.replaceAll("{token}", guarded.token)] as const);
      await using streams = await openStreams(
        guarded.port,
        fields,
        STREAMS,
        { tls: { caCert: root, alpn: ["h2"] } },
      );
      await pause(LEAVES_AFTER_MS);
      await streams.reset();
      await eventually("the end of every request", () => guarded.proxy.access.length === STREAMS);
      await eventually(
        "the end of every connection to the upstream",
        () => upstream.connections.every((socket) => socket.ended),
      );
      assertEquals(
        new Set(guarded.proxy.access.map(({ reason }) => reason)),
        new Set(["client_gone"]),
      );
    });
  }
}
