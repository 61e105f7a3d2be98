/** Hostile requests over HTTP/2 as rows of a table, with an upstream that reads strictly as the judge. */
import { assertEquals } from "../support/assert.ts";
import { makeAuthority } from "../support/pfx.ts";
import { type RawFields, rawHttp2, type RawHttp2Request } from "../support/raw_http2.ts";
import { judgingUpstream } from "../support/raw_upstream.ts";
import { protect, type Transport } from "../proxy/harness.ts";
import { eventually } from "../support/waiting.ts";
import { assertOurs, shown, valuesOf } from "./hostile.ts";

/** One request and what becomes of it; `{token}` in a value stands for the good token. */
export interface Row extends RawHttp2Request {
  readonly name: string;
  /** The status, or how stream or connection were ended. */
  readonly outcome: string;
  readonly arrives?: string;
  /** What arrives of these fields, `null` for nothing. */
  readonly got?: Readonly<Record<string, string | null>>;
  /** What becomes of it over `fetch`, where that differs; nothing arrives. */
  readonly overFetch?: string;
}

export const AUTH = ["authorization", "Bearer {token}"] as const;
export const PROTOCOL_ERROR = "reset 1";
export const BROKEN_CONNECTION = "goaway 1";

/** The pseudo-header fields of a GET, some of them changed or (`null`) left out. */
export function pseudo(changed: Readonly<Record<string, string | null>> = {}): RawFields {
  const all = {
    ":method": "GET",
    ":scheme": "https",
    ":authority": "client.test",
    ":path": "/a",
    ...changed,
  };
  return Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
}

export const get = (...fields: RawFields): RawFields => [...pseudo(), AUTH, ...fields];
export const post = (
  ...fields: RawFields
): RawFields => [...pseudo({ ":method": "POST" }), AUTH, ...fields];
export const changed = (fields: Readonly<Record<string, string | null>>): RawFields => [
  ...pseudo(fields),
  AUTH,
];

/** A GET that goes on as `GET /a`. */
export const passes = (name: string, fields: RawFields, got: Row["got"] = {}): Row => ({
  name,
  fields,
  outcome: "200",
  arrives: "GET /a",
  got,
});

export const refused = (name: string, fields: RawFields, outcome = "400"): Row => ({
  name,
  fields,
  outcome,
});

/** A certificate for localhost, and the root that vouches for it. */
export async function makeTrust() {
  await using authority = await makeAuthority();
  await authority.leaf("leaf", "P-256", "root");
  const keyPem = await Deno.readTextFile(`${authority.dir}/leaf.key`);
  const certPem = await authority.certificate("leaf");
  return { identity: { certPem, keyPem }, root: await authority.certificate("root") };
}

/** One step for each row, over TLS or on the plain port. */
export async function run(
  t: Deno.TestContext,
  rows: readonly Row[],
  transport: Transport,
  secure: boolean,
): Promise<void> {
  const trust = secure ? await makeTrust() : undefined;
  await using upstream = await judgingUpstream();
  await using guarded = await protect(
    upstream.url,
    transport,
    trust === undefined ? {} : {
      identity: trust.identity,
      settings: { LISTEN_SSL_URL: "127.0.0.1:0", CERT_FILE: "not read here" },
    },
  );
  const options = trust === undefined ? {} : { tls: { caCert: trust.root, alpn: ["h2"] } };
  const good = (fields: RawFields) =>
    fields.map(([name, value]) => [name, value.replaceAll("{token}", guarded.token)] as const);
  for (const row of rows) {
    await t.step(`${row.name}: ${row.outcome}`, async () => {
      const { body, trailers } = row;
      const outcome = await rawHttp2(guarded.port, {
        fields: good(secure ? row.fields : [...row.fields, ["host", "client.test"]]),
        ...(body === undefined ? {} : { body }),
        ...(trailers === undefined ? {} : { trailers: good(trailers) }),
      }, options);
      const instead = transport.exactTargets ? undefined : row.overFetch;
      assertEquals(outcome, instead ?? row.outcome);
      const arrived = upstream.take();
      const nothing = row.arrives === undefined || instead !== undefined;
      assertEquals(arrived.map(shown), nothing ? [] : [row.arrives]);
      await eventually(
        "the end of every request that began",
        () => upstream.unfinished().length === 0,
      );
      assertEquals(upstream.faults, []);
      for (const one of arrived) {
        assertOurs(one, guarded, "client.test", secure ? "https" : "http");
        for (const [name, value] of Object.entries(row.got ?? {})) {
          assertEquals(valuesOf(one, name), value === null ? [] : [value]);
        }
      }
    });
  }
}
