/** A curve of ECDSA (RFC 7518, section 6.2.1.1), as far as its keys and signatures show it. */
export interface Curve {
  /** `crv` of a JWK. */
  readonly crv: "P-256" | "P-384" | "P-521";
  /** Length of a coordinate, and of each of the two numbers of a signature. */
  readonly bytes: number;
  /** How many points there are: the numbers of a signature are below it (FIPS 186-5, section 6.4.2). */
  readonly order: bigint;
}

export const P256: Curve = {
  crv: "P-256",
  bytes: 32,
  order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};

export const P384: Curve = {
  crv: "P-384",
  bytes: 48,
  order:
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

export const P521: Curve = {
  crv: "P-521",
  bytes: 66,
  order: BigInt(
    `0x01${"ff".repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`,
  ),
};
