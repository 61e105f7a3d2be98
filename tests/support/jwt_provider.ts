/** One provider of JWTs as the program builds it, for tests of what stands above and below it. */
import { CheckQueue } from "../../src/auth/check_queue.ts";
import { makeProviderChoice } from "../../src/auth/choose_provider.ts";
import type { ChooseProvider, Verified } from "../../src/auth/provider.ts";
import { type JwtProviderOptions, makeJwtProvider } from "../../src/auth/verify_jwt.ts";
import type { Failure } from "../../src/failure.ts";
import { ALGORITHMS } from "../../src/jws/algorithms.ts";
import type { Result } from "../../src/result.ts";
import { CLIENT } from "./client.ts";

/** What a test has to say of it. */
export interface TestJwtOptions
  extends
    Pick<JwtProviderOptions, "keys" | "issuer" | "clock">,
    Partial<Omit<JwtProviderOptions, "keys" | "issuer" | "clock">> {
  readonly secret?: Uint8Array | undefined;
  readonly maxPending?: number;
}

/** The choice of this one provider. */
export function testJwtProvider(
  { secret, maxPending = 1_000_000, ...options }: TestJwtOptions,
): ChooseProvider {
  const provider = makeJwtProvider({
    name: "default",
    algorithms: new Set(ALGORITHMS.map(({ name }) => name)),
    secrets: secret === undefined ? [] : [{ bytes: secret, acceptUntilMs: undefined }],
    acceptUntilMs: undefined,
    types: { profile: "any", acceptIdTokens: false, acceptBound: false },
    needs: { kept: [], refuse: () => undefined },
    leewaySecs: 0,
    queue: new CheckQueue(maxPending, options.clock),
    ...options,
  });
  return makeProviderChoice({ jwt: [provider], opaque: [] });
}

/** Has a choice verify a token. */
export async function verifyWith(
  choose: ChooseProvider,
  token: string,
): Promise<Result<Verified, Failure>> {
  const chosen = choose(token);
  return chosen.ok ? await chosen.value.authenticate(CLIENT) : chosen;
}
