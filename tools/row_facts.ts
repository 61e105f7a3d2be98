/** What the documents say of a setting beyond its row in the table, until the row has it. */
import { rowOf, type SettingName } from "../src/config/schema.ts";

/** The settings that most people need, each in a few words. */
const COMMON: Readonly<Record<string, string>> = {
  LISTEN_URL: "Where plain HTTP is served",
  LISTEN_SSL_URL: "Where TLS is served",
  CERT_FILE: "Certificate and key for LISTEN_SSL_URL, a PFX file",
  CERT_PASSWORD: "Password of CERT_FILE",
  PROVIDER_URL: "Root URL of the OpenID provider",
  ISSUER: "The provider's own name, where that is another",
  AUDIENCE: "Audience that tokens must have (aud)",
  SUBJECT: "Subject that tokens must have (sub)",
  UPSTREAM_URL: "Where requests are sent",
  NUM_WORKERS: "Worker processes",
  ADMIN_URL: "Where health and metrics are served",
  LOG_LEVEL: "How much is logged",
};

/** Whether the README shows a setting. */
export function isCommon(name: SettingName): boolean {
  return fact(name, "common") === true || Object.hasOwn(COMMON, name);
}

/** A setting in a few words, without a full stop: the first clause of its text if nothing is better. */
export function summaryOf(name: SettingName): string {
  const summary = fact(name, "summary") ?? COMMON[name];
  return typeof summary === "string" ? summary : rowOf(name).doc.replace(/[.,:;] .*$|\.$/s, "");
}

/** Whether a change takes effect at the next start alone. */
export function needsRestart(name: SettingName): boolean {
  return fact(name, "restart") === true;
}

/** A fact that not every version of the row has. */
function fact(name: SettingName, key: string): unknown {
  return Reflect.get(rowOf(name), key);
}
