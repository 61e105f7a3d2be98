/**
 * The tables of a settings file that may have many entries.
 */
import { fail, ok } from "../result.ts";
import type { Kind } from "./kinds.ts";
import { PER_PROVIDER, providerKey, rowOf } from "./schema.ts";
import type { Table, TableRow } from "./table.ts";

/** How many characters a provider's name may have: it stands in log lines and metric labels. */
const LONGEST_NAME = 32;

/** A name that needs no quoting in a log line or a metric label. */
function entryName(): Kind<string> {
  return {
    accepts: `1 to ${LONGEST_NAME} of the characters a-z, 0-9, _ and -`,
    parse: (given) =>
      /^[a-z0-9_-]+$/.test(given) && given.length <= LONGEST_NAME ? ok(given) : fail({}),
  };
}

/** `[[provider]]`: the settings that each provider has for itself. */
export const PROVIDER_TABLE: Table = {
  key: "provider",
  variable: "PROVIDERS",
  heading: "Several providers",
  doc:
    "One of several providers, in place of the one that the settings at the top describe. The iss " +
    "of a token decides which of them it belongs to; keys, secrets and requirements never mix.",
  rows: {
    name: {
      ...entryName(),
      doc: "What the provider is called in logs, metrics and rules.",
      example: "main",
      required: true,
    },
    ...Object.fromEntries(PER_PROVIDER.map((name): [string, TableRow] => {
      const { minimal: _minimal, ...row } = rowOf(name);
      return [providerKey(name), { ...row, setting: name }];
    })),
  },
};

/** Every table that a settings file may have. */
export const TABLES: readonly Table[] = [PROVIDER_TABLE];
