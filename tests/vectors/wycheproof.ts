/** Files of signatures from Project Wycheproof, and the check of RSA signatures held against them. */
import { readPublicKey } from "../../src/jws/public_key.ts";
import { rsaCheck, type RsaHash } from "../../src/jws/rsa.ts";

/** The outcome of one file. */
export interface FileReport {
  readonly file: string;
  readonly accepted: number;
  readonly refused: number;
  /** Vectors of the kind "acceptable", which have to be refused; counted in `refused` as well. */
  readonly acceptable: number;
  /** Keys of the file that would be skipped in a key set. */
  readonly weakKeys: number;
  /** One line for each vector whose outcome is not the right one. */
  readonly wrong: readonly string[];
}

/** What is used of a file (`rsassa_pkcs1_verify_schema.json`). Every other member is ignored. */
interface VectorFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly {
    readonly sha: string;
    readonly publicKey: { readonly modulus: string; readonly publicExponent: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: "valid" | "acceptable" | "invalid";
    }[];
  }[];
}

/** Whether a file holds signatures by an algorithm that is accepted. */
export function isUsed(file: string): boolean {
  return /^rsa_signature_\d+_sha(?:256|384|512)_test\.json$/.test(file);
}

/**
 * Checks every signature of a file. Valid ones have to be accepted; invalid ones, and those that some
 * libraries let pass ("acceptable", where DigestInfo has no NULL), refused.
 *
 * Keys are taken as they are: some have the exponent 3, which no key set may bring. Throws for a file of
 * another form, so that nothing of it can be passed over.
 */
export function runFile(file: string, text: string): FileReport {
  const { numberOfTests, testGroups }: VectorFile = JSON.parse(text);
  const wrong: string[] = [];
  const count = { accepted: 0, refused: 0, acceptable: 0, weakKeys: 0 };
  for (const { sha, publicKey, tests } of testGroups) {
    const members = { n: base64url(publicKey.modulus), e: base64url(publicKey.publicExponent) };
    if (!readPublicKey({ kty: "RSA", ...members }).ok) count.weakKeys++;
    const check = rsaCheck(members, hashOf(sha));
    for (const { tcId, comment, msg, sig, result } of tests) {
      const accepted = check(Uint8Array.fromHex(msg), Uint8Array.fromHex(sig));
      count[accepted ? "accepted" : "refused"]++;
      if (result === "acceptable") count.acceptable++;
      if (accepted !== (result === "valid")) {
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

function base64url(hex: string): string {
  return Uint8Array.fromHex(hex).toBase64({ alphabet: "base64url", omitPadding: true });
}

function hashOf(sha: string): RsaHash {
  if (sha === "SHA-256") return "sha256";
  if (sha === "SHA-384") return "sha384";
  if (sha === "SHA-512") return "sha512";
  throw new Error(`the hash ${sha}`);
}
