/**
 * What a provider is like, as far as a recipe needs it: its documents and its tokens, with the
 * members that the provider's have. Keys and signatures are made by the test.
 */
import type { Reason } from "../../src/failure.ts";
import type { Members } from "../support/tokens.ts";

/** A token before it is signed. Times (`iat`, `exp`, …) are seconds from now. */
export interface TokenShape {
  readonly header: Members;
  readonly claims: Members;
}

/** Something a client may send, and what becomes of it. */
export interface Case {
  /** Completes "the recipe lets in/refuses …". */
  readonly what: string;
  /** A token's shape, or an opaque token as it is. */
  readonly token: TokenShape | string;
  /** 200, or why the request is refused. */
  readonly wanted: 200 | Reason;
  /** Settings other than the recipe's, where the case is about them; `undefined` leaves one out. */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  /** Whether the key that signs it is published; it is, unless this is false. */
  readonly published?: false;
}

/** What a row of the recipe's table does. */
export interface RowCase {
  readonly accepts: TokenShape | string;
  readonly refuses: TokenShape | string;
  /** Completes "but not …". */
  readonly what: string;
  readonly because: Reason;
}

/** The documents of an issuer. */
export interface Issuer {
  /** Its discovery document. The test puts its own address in for `jwks_uri` alone. */
  readonly discovery: Members;
  /** Members of the published keys beside those of the key itself. */
  readonly keys: readonly Members[];
  /** The tokens that its introspection endpoint calls active, with what it says of them. */
  readonly active?: Readonly<Record<string, Members>>;
}

/** One recipe's provider. */
export interface Fixture extends Issuer {
  /** The heading of its recipe. */
  readonly section: string;
  /** The other providers of a recipe that has several, in the order of the recipe. */
  readonly others?: readonly Issuer[];
  /** The token that the recipe's command gets. */
  readonly good: TokenShape;
  /** What else clients send; the first one is the trap that the recipe warns of. */
  readonly cases: readonly [Case, ...Case[]];
  /** By the first cell of each row of the recipe's table, in its order. */
  readonly rows: Readonly<Record<string, RowCase>>;
}

/** The shape with some claims changed; `undefined` leaves one out. */
export function withClaims({ header, claims }: TokenShape, changed: Members): TokenShape {
  return { header, claims: { ...claims, ...changed } };
}
