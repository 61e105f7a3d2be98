import { audience, seconds, text, wholeNumber } from "../kinds.ts";
import type { Row } from "../row.ts";

/** Most tokens to remember: about 1.5 GB in each worker. */
const MOST_TOKENS = 1_000_000;

/** Most signature checks at once: more would only make each of them later. */
const MOST_PENDING = 100_000;

/** The settings for what a token must say. */
export const TOKEN_SETTINGS = {
  AUDIENCE: {
    ...audience(),
    group: "token",
    doc: 'What aud must equal: "a" only "a", ["a","b"] exactly these two in any order. ' +
      'In settings.toml also a plain list: audience = ["a", "b"].',
    example: '"myapi"',
    unset: "not checked",
    common: true,
    summary: "audience (aud) that a token must have",
  },
  SUBJECT: {
    ...text(),
    group: "token",
    doc: "What sub must equal.",
    example: "service-account-reports",
    unset: "not checked",
  },
  LEEWAY: {
    ...seconds(0),
    group: "token",
    doc: "Clock difference allowed in exp, nbf and iat.",
    example: "5",
    default: "0",
    common: true,
    summary: "clock difference allowed, in seconds",
  },
  TOKEN_CACHE_SIZE: {
    ...wholeNumber({ min: 0, max: MOST_TOKENS }),
    group: "token",
    doc:
      "Most verified tokens that each worker caches, so that a token that is sent again is not " +
      "verified again; 0 caches none.",
    example: "10000",
    default: "10000",
  },
  TOKEN_CACHE_TTL_SECS: {
    ...seconds(1),
    group: "token",
    doc: "Longest time a verified token is cached. Never past its exp, nor after a change of the " +
      "provider's keys.",
    example: "300",
    default: "300",
  },
  MAX_PENDING_VERIFICATIONS: {
    ...wholeNumber({ min: 1, max: MOST_PENDING }),
    group: "token",
    doc: "Most concurrent signature checks of each worker; beyond it the newest request of the " +
      "address with the most of them gets 503 with Retry-After.",
    example: "256",
    default: "256",
  },
} as const satisfies Readonly<Record<string, Row<unknown>>>;
