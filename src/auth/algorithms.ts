/** What belongs to one JWS algorithm (RFC 7518, section 3.1). */
export interface Algorithm {
  readonly name: string;
  /** `rsa` takes a public key of the provider, `hmac` the client secret; never the other way round. */
  readonly family: "rsa" | "hmac";
}

const TABLE: readonly Algorithm[] = [
  { name: "RS256", family: "rsa" },
  { name: "RS384", family: "rsa" },
  { name: "RS512", family: "rsa" },
  { name: "HS256", family: "hmac" },
  { name: "HS384", family: "hmac" },
  { name: "HS512", family: "hmac" },
];

// A Map has no inherited members, so `alg: "__proto__"` finds nothing.
const BY_NAME: ReadonlyMap<string, Algorithm> = new Map(TABLE.map((row) => [row.name, row]));

/** The algorithm of that exact name, or `undefined`: `none` and every spelling of it are not there. */
export function algorithm(name: string): Algorithm | undefined {
  return BY_NAME.get(name);
}
