import { algorithm, type PublicKeyAlgorithm } from "../../src/jws/algorithms.ts";

/** The row of an algorithm whose keys a provider publishes. */
export function publicRow(name: string): PublicKeyAlgorithm {
  const row = algorithm(name);
  if (row?.keysFrom !== "key set") throw new Error(`${name} takes no public key`);
  return row;
}
