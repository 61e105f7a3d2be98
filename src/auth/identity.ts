import type { Claims } from "./claims.ts";

/** The caller: what later steps need of a verified token. Small, since many are cached. */
export interface Identity {
  /** Name of the provider that issued the token. */
  readonly provider: string;
  /** `sub`, where it is a string. */
  readonly subject: string | undefined;
  /** `client_id`, else `azp`, where it is a string. */
  readonly clientId: string | undefined;
  /** Only the claims that a requirement names. */
  readonly claims: Claims;
  /** The later of `nbf` and `iat`, seconds since the epoch. */
  readonly validFrom: number | undefined;
  /** `exp`, seconds since the epoch. */
  readonly validUntil: number;
}
