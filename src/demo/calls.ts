/** The calls of `demo --once`: made, shown, and compared with what is expected. */
import { messageOf } from "../text.ts";
import type { Echo } from "./upstream.ts";
import { DEMO_SCOPE, type DemoProvider, OTHER_SCOPE } from "./provider.ts";

/** Takes one line of output. */
export type Print = (line: string) => void;

/** How long one call may take, in milliseconds. */
const CALL_LIMIT_MS = 10_000;

/** The path the calls ask for; it has to come through as it is. */
export const DEMO_PATH = "/hello?from=demo";

/** What the refusal of a token without the scope has to say. */
const MISSING_SCOPE = new RegExp(`error="insufficient_scope".*scope="${DEMO_SCOPE}"`);

interface Received {
  readonly status: number;
  readonly challenge: string | null;
  readonly text: string;
}

/**
 * Makes the calls in order and prints a transcript.
 *
 * @returns Whether every one of them behaved as expected. Never rejects: a call that fails is
 * shown with its reason. A token is never printed.
 */
export async function makeCalls(
  provider: DemoProvider,
  proxyUrl: string,
  print: Print,
): Promise<boolean> {
  const url = proxyUrl + DEMO_PATH;
  const step = async (title: string, call: () => Promise<string[]>) => {
    print("");
    print(title);
    try {
      (await call()).forEach((line) => print(`   ${line}`));
      return true;
    } catch (error) {
      print(`   UNEXPECTED: ${messageOf(error)}`);
      return false;
    }
  };

  let token = "";
  const results = [
    await step(
      `1. Get a token with the scope ${DEMO_SCOPE}: POST ${provider.tokenUrl}`,
      async () => {
        token = await provider.token({ scope: DEMO_SCOPE });
        return [`a token of ${token.length} characters`];
      },
    ),
    await step(
      `2. Call with the token: GET ${url}`,
      async () => showEcho(await call(url, token)),
    ),
    await step(
      `3. Call without a token: GET ${url}`,
      async () => showRefusal(await call(url), 401, /^Bearer\b/),
    ),
    await step(
      `4. Call with a token whose signature was altered: GET ${url}`,
      async () => showRefusal(await call(url, alterSignature(token)), 401, /error="invalid_token"/),
    ),
    await step(
      `5. Call with a token that lacks the scope: GET ${url}`,
      async () =>
        showRefusal(
          await call(url, await provider.token({ scope: OTHER_SCOPE })),
          403,
          MISSING_SCOPE,
        ),
    ),
  ];
  print("");
  const right = results.every((result) => result);
  print(right ? "All calls behaved as expected." : "Not all calls behaved as expected.");
  return right;
}

async function call(url: string, token?: string): Promise<Received> {
  const response = await fetch(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    redirect: "manual",
    signal: AbortSignal.timeout(CALL_LIMIT_MS),
  });
  const text = await response.text();
  return { status: response.status, challenge: response.headers.get("www-authenticate"), text };
}

/** The lines of a response that should be the upstream's own; throws if it is not. */
function showEcho({ status, text }: Received): string[] {
  if (status !== 200) throw new Error(`status ${status} instead of 200`);
  const echo: Partial<Echo> = JSON.parse(text);
  if (echo.path !== DEMO_PATH) throw new Error(`the upstream was asked for ${echo.path}`);
  return [String(status), ...text.trimEnd().split("\n")];
}

/** The lines of a response that should be a refusal (RFC 6750, section 3); throws if it is not. */
function showRefusal(
  { status, challenge, text }: Received,
  wanted: number,
  expected: RegExp,
): string[] {
  if (status !== wanted) throw new Error(`status ${status} instead of ${wanted}`);
  if (challenge === null || !expected.test(challenge)) {
    throw new Error(`the challenge is ${challenge ?? "missing"}`);
  }
  return [
    String(status),
    `WWW-Authenticate: ${challenge}`,
    ...text.trimEnd().split("\n").filter((line) => line !== ""),
  ];
}

/** Another signature of the same form: its first character is changed. */
function alterSignature(token: string): string {
  const start = token.lastIndexOf(".") + 1;
  const first = token.charAt(start) === "A" ? "B" : "A";
  return token.slice(0, start) + first + token.slice(start + 1);
}
