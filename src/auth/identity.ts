import type { Claims } from "./claims.ts";

/** Who calls: what later steps need of a verified token. Small, since many are cached. */
export interface Identity {
  /** The provider that the token is from, by its name. */
  readonly provider: string;
  /** `sub`, where it is a text. */
  readonly subject: string | undefined;
  /** `client_id`, or `azp`, where it is a text. */
  readonly clientId: string | undefined;
  /** Only the claims that some requirement names. */
  readonly claims: Claims;
  /** The later of `nbf` and `iat`, seconds since the epoch. */
  readonly validFrom: number | undefined;
  /** `exp`, seconds since the epoch. */
  readonly validUntil: number;
}
