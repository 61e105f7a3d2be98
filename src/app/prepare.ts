import { Buffer } from "node:buffer";
import { addressesOf, withDefaults } from "../config/provider.ts";
import { UNNAMED } from "../provider_name.ts";
import {
  type Config,
  logSettings,
  type ProviderConfig,
  workerConfig,
  workerProviderConfig,
} from "../config/schema.ts";
import type { Clock } from "../ops/clock.ts";
import type { Log } from "../ops/log.ts";
import { fail, ok, type Result } from "../result.ts";
import { readProviderToken } from "../keys/provider_client.ts";
import { jsonObject, quote } from "../text.ts";
import type { UpstreamTls } from "../proxy/dial.ts";
import type { WorkerProvider, WorkerSettings } from "../ipc/workers.ts";
import type { KeySettings } from "../keys/key_broker.ts";
import type { ListenAddress } from "../config/address_kinds.ts";
import { probe } from "../listen/listener.ts";
import { fileErrorText } from "./read_text.ts";
import { failedNow, type ProgramFailure, wrongConfiguration } from "./exit_code.ts";

/** Settings together with the files and ports they refer to. */
export interface Prepared {
  /** As configured: what the next reload is compared with. */
  readonly config: Config;
  /** What workers serve with: real ports, the certificate loaded. */
  readonly worker: WorkerSettings;
  /** What the key brokers work with, one for each provider. */
  readonly keys: readonly KeySettings[];
  /** When the certificate expires, milliseconds since the epoch. */
  readonly certificateExpiresAt: number | undefined;
}

/**
 * Gets ready what settings ask for, without serving anything yet: opens the certificate, makes sure
 * that the addresses are free and finds the ports that 0 stands for.
 *
 * @param before the current settings: their addresses are in use by this program itself.
 */
export async function prepare(
  config: Config,
  before: Prepared | undefined,
  { clock, log }: { clock: Clock; log: Log },
): Promise<Result<Prepared, ProgramFailure>> {
  const certificate = await openCertificate(config, clock, log);
  if (!certificate.ok) return fail(wrongConfiguration(certificate.failure));
  const upstreamTls = await openUpstreamTls(config, clock, log);
  if (!upstreamTls.ok) return fail(wrongConfiguration(upstreamTls.failure));
  const providerCaCerts = readProviderAuthorities(config);
  if (!providerCaCerts.ok) return fail(wrongConfiguration(providerCaCerts.failure));
  const ownAudience = await apiServersAudience(config);
  if (ownAudience !== undefined) return fail(wrongConfiguration(ownAudience));
  const listenUrl = takeAddress("listenUrl", config, before);
  if (!listenUrl.ok) return fail(failedNow(listenUrl.failure));
  const listenSslUrl = takeAddress("listenSslUrl", config, before);
  if (!listenSslUrl.ok) return fail(failedNow(listenSslUrl.failure));
  return ok({
    config,
    worker: {
      ...workerSettings({
        ...config,
        listen: {
          ...config.listen,
          listenUrl: listenUrl.value,
          listenSslUrl: listenSslUrl.value,
        },
      }, providerCaCerts.value),
      identity: certificate.value?.identity,
      upstreamTls: upstreamTls.value,
    },
    keys: keySettings(config, providerCaCerts.value),
    certificateExpiresAt: certificate.value?.notAfter,
  });
}

/** CA certificates of each provider, by its name. */
type Authorities = ReadonlyMap<string, readonly string[]>;

/**
 * The part of a worker's settings that comes from the configuration.
 *
 * @param authorities the contents of `PROVIDER_CA_FILE`, read already.
 */
export function workerSettings(
  config: Config,
  authorities: Authorities = new Map(),
): WorkerSettings {
  const [first, ...more] = config.providers;
  const providerOf = (provider: ProviderConfig): WorkerProvider => ({
    config: workerProviderConfig(provider),
    issuer: addressesOf(provider).issuer,
    caCerts: authorities.get(provider.name) ?? [],
  });
  return {
    config: workerConfig(config),
    providers: [providerOf(first), ...more.map(providerOf)],
    log: logSettings(config),
  };
}

/** The settings of each provider's keys; `authorities` as above. */
export function keySettings(
  config: Config,
  authorities: Authorities = new Map(),
): readonly KeySettings[] {
  return config.providers.map(withDefaults).map((provider) => {
    const { url, issuer, knownIssuer, jwksUri } = addressesOf(provider);
    return {
      name: provider.name,
      provider: {
        providerUrl: url,
        issuer: knownIssuer,
        expectedIssuer: issuer,
        jwksUri,
        keyUse: provider.type === "spiffe" ? "jwt-svid" : "sig",
        cooldownMs: provider.keyCooldownSecs * 1000,
        expiryMs: provider.keyExpirySecs && provider.keyExpirySecs * 1000,
        staleMs: provider.keyStaleSecs * 1000,
        // Tokens may be signed with a secret, or be no JWTs.
        keysOptional: provider.clientSecret !== undefined || provider.introspection !== "off",
      },
      caCerts: authorities.get(provider.name) ?? [],
      tokenFile: provider.tokenFile,
      cacheFile: provider.keyCacheFile,
    };
  });
}

/**
 * What is wrong with the audience of a cluster's provider: the pod's own token shows for what audiences
 * tokens for the API server are. One of them here, and this proxy could act as its callers there.
 *
 * Says nothing where the token cannot be read: that shows when keys are fetched.
 */
async function apiServersAudience(config: Config): Promise<string | undefined> {
  for (const provider of config.providers.map(withDefaults)) {
    const { name, type, tokenFile, audience, previousAudience } = provider;
    if (type !== "kubernetes" || tokenFile === undefined) continue;
    const token = await readProviderToken(tokenFile).catch(() => "");
    const [, payload = ""] = token.split(".");
    const { aud } = jsonObject(Buffer.from(payload, "base64url").toString()) ?? {};
    const own: readonly unknown[] = [aud].flat();
    for (const [key, wanted] of Object.entries({ audience, previous_audience: previousAudience })) {
      const both = [wanted ?? []].flat().find((member) => own.includes(member));
      if (both === undefined) continue;
      const setting = name === UNNAMED ? key.toUpperCase() : `${key} of the provider ${name}`;
      return `${setting}: ${quote(both)} is the API server's own audience, as the token in ` +
        `${tokenFile} shows: choose another name, and ask for it in the projected volume`;
    }
  }
  return undefined;
}

function readProviderAuthorities(config: Config): Result<Authorities, string> {
  const found = new Map<string, readonly string[]>();
  for (const { name, caFile } of config.providers.map(withDefaults)) {
    const setting = name === UNNAMED ? "PROVIDER_CA_FILE" : `ca_file of the provider ${name}`;
    const certificates = readAuthorities(setting, caFile);
    if (!certificates.ok) return certificates;
    found.set(name, certificates.value);
  }
  return ok(found);
}

function takeAddress(
  name: "listenUrl" | "listenSslUrl",
  config: Config,
  before: Prepared | undefined,
): Result<ListenAddress | undefined, string> {
  const wanted = config.listen[name];
  if (wanted === undefined) return ok(undefined);
  const had = before?.config.listen[name];
  const ours = had?.hostname === wanted.hostname && had.port === wanted.port;
  return ours ? ok(before?.worker.config.listen[name]) : probe(wanted, name === "listenSslUrl");
}

/** The certificate for TLS, where there is a TLS listener. */
async function openCertificate(config: Config, clock: Clock, log: Log) {
  const { certFile, certPassword = "", listenSslUrl } = config.listen;
  if (certFile === undefined || listenSslUrl === undefined) return ok(undefined);
  // Only a process with a TLS listener pays for the modules that open PFX files.
  const { loadIdentity } = await import("../tls/identity.ts");
  const loaded = await loadIdentity({ certFile, certPassword, now: clock.now() });
  if (!loaded.ok) return fail(loaded.failure);
  for (const warning of loaded.value.warnings) log.warn(warning);
  log.info("certificate loaded", {
    names: loaded.value.names.join(", "),
    daysLeft: loaded.value.daysLeft,
  });
  return ok(loaded.value);
}

/** What is shown to and expected of an upstream over TLS beyond the usual. */
async function openUpstreamTls(
  config: Config,
  clock: Clock,
  log: Log,
): Promise<Result<UpstreamTls | undefined, string>> {
  const { upstreamCaFile, upstreamCertFile, upstreamCertPassword = "" } = config.upstream;
  const caCerts = readAuthorities("UPSTREAM_CA_FILE", upstreamCaFile);
  if (!caCerts.ok) return caCerts;
  if (upstreamCertFile === undefined) {
    return ok(caCerts.value.length === 0 ? undefined : { caCerts: caCerts.value });
  }
  const { loadIdentity } = await import("../tls/identity.ts");
  const loaded = await loadIdentity({
    certFile: upstreamCertFile,
    certPassword: upstreamCertPassword,
    setting: "UPSTREAM_CERT_FILE",
    pem: true,
    now: clock.now(),
  });
  if (!loaded.ok) return fail(loaded.failure);
  for (const warning of loaded.value.warnings) log.warn(warning);
  const { certPem, keyPem } = loaded.value.identity;
  return ok({ caCerts: caCerts.value, cert: certPem, key: keyPem });
}

/** The certificates of a PEM file, one text each; none where no file is named. */
function readAuthorities(name: string, path: string | undefined): Result<string[], string> {
  if (path === undefined) return ok([]);
  const setting = `${name} ${JSON.stringify(path)}`;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    return fail(`${setting}: cannot be read (${fileErrorText(error)})`);
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return fail(`${setting}: holds no certificate in PEM`);
  const certificates = blocks.map((block) => `${block}\n`);
  try {
    // The runtime looks at them when a client is made.
    Deno.createHttpClient({ caCerts: certificates }).close();
  } catch {
    return fail(`${setting}: holds a certificate that is damaged`);
  }
  return ok(certificates);
}
