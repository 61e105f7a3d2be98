/** Files of signatures from Project Wycheproof, and the checks of signatures held against them. */
import { ecdsaCheck } from "../../src/jws/ecdsa.ts";
import { P256, P384, P521 } from "../../src/jws/curves.ts";
import { ed25519Check } from "../../src/jws/ed25519.ts";
import type { KeyMembers } from "../../src/jws/key_types.ts";
import { readPublicKey } from "../../src/jws/public_key.ts";
import { rsaCheck } from "../../src/jws/rsa.ts";
import { rsaPssCheck } from "../../src/jws/rsa_pss.ts";
import type { Sha2, SignatureCheck } from "../../src/jws/signature.ts";

/** The outcome of one file. */
export interface FileReport {
  readonly file: string;
  readonly accepted: number;
  readonly refused: number;
  /** Vectors of the kind "acceptable", which have to be refused; counted in `refused` as well. */
  readonly acceptable: number;
  /** Right signatures with a salt or a hash that JWS has not: to be refused, counted there as well. */
  readonly otherParameters: number;
  /** Keys of the file that would be skipped in a key set. */
  readonly weakKeys: number;
  /** One line for each vector whose outcome is not the right one. */
  readonly wrong: readonly string[];
}

/** What is used of a file, whatever its schema. Every other member is ignored. */
interface VectorFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly VectorGroup[];
}

/** The key and the parameters of some vectors. */
interface VectorGroup {
  readonly type: string;
  readonly sha?: string;
  readonly mgf?: string;
  readonly mgfSha?: string;
  /** Length of the salt, in bytes. */
  readonly sLen?: number;
  readonly publicKey: Readonly<Record<string, string>>;
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly msg: string;
    readonly sig: string;
    readonly result: "valid" | "acceptable" | "invalid";
  }[];
}

/** One kind of file: its name, the type of its groups, and what they are checked by. */
interface Kind {
  readonly name: RegExp;
  readonly type: string;
  prepare(group: VectorGroup): Prepared;
}

interface Prepared {
  readonly kty: string;
  readonly members: KeyMembers;
  /** Whether signatures with these parameters are what an algorithm of JWS makes. */
  readonly ours: boolean;
  readonly check: SignatureCheck;
}

const CURVES = {
  secp256r1: [P256, "sha256"],
  secp384r1: [P384, "sha384"],
  secp521r1: [P521, "sha512"],
} as const;

const KINDS: readonly Kind[] = [
  {
    name: /^rsa_signature_\d+_sha(?:256|384|512)_test\.json$/,
    type: "RsassaPkcs1Verify",
    prepare({ sha, publicKey }) {
      const members = rsaMembers(publicKey);
      return { kty: "RSA", members, ours: true, check: rsaCheck(members, hashOf(sha)) };
    },
  },
  {
    name: /^rsa_pss_\d+_sha(?:256|384|512)_mgf1_\d+_test\.json$/,
    type: "RsassaPssVerify",
    prepare({ sha, mgf, mgfSha, sLen, publicKey }) {
      const members = rsaMembers(publicKey);
      const hash = hashOf(sha);
      const ours = mgf === "MGF1" && mgfSha === sha && sLen === Number(hash.slice(3)) / 8;
      return { kty: "RSA", members, ours, check: rsaPssCheck(members, hash) };
    },
  },
  {
    name: /^ecdsa_secp(?:256r1_sha256|384r1_sha384|521r1_sha512)_p1363_test\.json$/,
    type: "EcdsaP1363Verify",
    prepare({ sha, publicKey }) {
      const [curve, hash] = CURVES[publicKey.curve as keyof typeof CURVES];
      if (hashOf(sha) !== hash) throw new Error(`${publicKey.curve} with ${sha}`);
      const { crv, bytes } = curve;
      // Coordinates are written as signed numbers: with a zero in front, or shorter than they are.
      const [x, y] = [publicKey.wx, publicKey.wy].map((hex = "") =>
        base64url(hex.replace(/^(?:00)+/, "").padStart(2 * bytes, "0"))
      );
      const members = { crv, x: x ?? "", y: y ?? "" };
      return { kty: "EC", members, ours: true, check: ecdsaCheck(members, curve, hash) };
    },
  },
  {
    name: /^ed25519_test\.json$/,
    type: "EddsaVerify",
    prepare({ publicKey: { curve, pk = "" } }) {
      if (curve !== "edwards25519") throw new Error(`the curve ${curve}`);
      const members = { crv: "Ed25519", x: base64url(pk) };
      return { kty: "OKP", members, ours: true, check: ed25519Check(members) };
    },
  },
];

/** Whether a file holds signatures by an algorithm that is accepted. */
export function isUsed(file: string): boolean {
  return kindOf(file) !== undefined;
}

/**
 * Checks every signature of a file. Valid ones have to be accepted; invalid ones, those that some
 * libraries let pass ("acceptable", where DigestInfo has no NULL), and right ones with parameters that
 * JWS has not, refused.
 *
 * Keys are taken as they are: some have the exponent 3, which no key set may bring. Throws for a file of
 * another form, so that nothing of it can be passed over.
 */
export function runFile(file: string, text: string): FileReport {
  const kind = kindOf(file);
  if (kind === undefined) throw new Error(`${file}: of no kind that is known`);
  const { numberOfTests, testGroups }: VectorFile = JSON.parse(text);
  const wrong: string[] = [];
  const count = { accepted: 0, refused: 0, acceptable: 0, otherParameters: 0, weakKeys: 0 };
  for (const group of testGroups) {
    if (group.type !== kind.type) throw new Error(`${file}: a group of the type ${group.type}`);
    const { kty, members, ours, check } = kind.prepare(group);
    if (!readPublicKey({ kty, ...members }).ok) count.weakKeys++;
    for (const { tcId, comment, msg, sig, result } of group.tests) {
      const accepted = check(Uint8Array.fromHex(msg), Uint8Array.fromHex(sig));
      count[accepted ? "accepted" : "refused"]++;
      if (result === "acceptable") count.acceptable++;
      if (result === "valid" && !ours) count.otherParameters++;
      if (accepted !== (result === "valid" && ours)) {
        wrong.push(
          `${file} tcId ${tcId}: ${result}, ${accepted ? "accepted" : "refused"} ${comment}`,
        );
      }
    }
  }
  const counted = count.accepted + count.refused;
  if (counted !== numberOfTests) {
    throw new Error(`${file}: ${counted} vectors instead of ${numberOfTests}`);
  }
  return { file, ...count, wrong };
}

function kindOf(file: string): Kind | undefined {
  return KINDS.find(({ name }) => name.test(file));
}

function rsaMembers({ modulus = "", publicExponent = "" }: VectorGroup["publicKey"]): KeyMembers {
  return { n: base64url(modulus), e: base64url(publicExponent) };
}

function base64url(hex: string): string {
  return Uint8Array.fromHex(hex).toBase64({ alphabet: "base64url", omitPadding: true });
}

function hashOf(sha: string | undefined): Sha2 {
  if (sha === "SHA-256") return "sha256";
  if (sha === "SHA-384") return "sha384";
  if (sha === "SHA-512") return "sha512";
  throw new Error(`the hash ${sha}`);
}
