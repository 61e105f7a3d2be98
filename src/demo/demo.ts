/**
 * Everything in one process: a provider, an upstream, and the proxy between them. The
 * proxy is passed in, so that the demo does not import the serving path.
 */
import { messageOf } from "../text.ts";
import { DEMO_PATH, makeCalls, type Print } from "./calls.ts";
import { DEMO_AUDIENCE, DEMO_SCOPE, type DemoProvider, startDemoProvider } from "./provider.ts";
import { startDemoUpstream } from "./upstream.ts";

/** How the demo is to run. */
export interface DemoOptions {
  /** Makes the calls by itself, shows them and ends. */
  readonly once: boolean;
  /** Ports of 127.0.0.1; any free one where absent. */
  readonly providerPort?: number | undefined;
  readonly upstreamPort?: number | undefined;
  readonly proxyPort?: number | undefined;
}

/** What the proxy of the demo is to be started with. */
export interface DemoProxySettings {
  /** Also the issuer. */
  readonly providerUrl: string;
  readonly upstreamUrl: string;
  /** Port of 127.0.0.1; 0 for a free one. */
  readonly listenPort: number;
  /** The `aud` claim of the demo's tokens: one string. */
  readonly audience: string;
  /** The scope that its tokens have to have. */
  readonly scope: string;
}

/** A part of the demo that runs. */
export interface Running {
  /** Its address, without a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the proxy; rejects if it cannot listen. */
export type StartProxy = (settings: DemoProxySettings) => Promise<Running>;

/** Resolves when the demo shall end. */
export type WaitForStop = () => Promise<void>;

/**
 * Runs the demo: starts the three parts and either makes the calls itself (`once`) or prints
 * commands to paste and waits for Ctrl-C (or SIGTERM). Everything is closed at the end.
 *
 * @param print Takes every line of output.
 * @param waitForStop Only for tests: what to wait for instead of a signal.
 * @returns The exit code: 0 if every call behaved as expected, else 1.
 */
export async function runDemo(
  options: DemoOptions,
  startProxy: StartProxy,
  print: Print,
  waitForStop: WaitForStop = stopSignal,
): Promise<number> {
  const { providerPort = 0, upstreamPort = 0, proxyPort = 0 } = options;
  await using parts = new AsyncDisposableStack();
  const start = async <T extends Running>(
    name: string,
    port: number,
    starting: () => T | Promise<T>,
  ): Promise<T> => {
    try {
      const part = await starting();
      parts.defer(() => part.close());
      return part;
    } catch (error) {
      throw new StartFailure(explain(name, port, error));
    }
  };

  try {
    const provider = await start(
      "provider",
      providerPort,
      () => startDemoProvider({ port: providerPort }),
    );
    const upstream = await start(
      "upstream",
      upstreamPort,
      () => startDemoUpstream({ port: upstreamPort }),
    );
    const proxy = await start("proxy", proxyPort, () =>
      startProxy({
        providerUrl: provider.url,
        upstreamUrl: upstream.url,
        listenPort: proxyPort,
        audience: DEMO_AUDIENCE,
        scope: DEMO_SCOPE,
      }));
    print(`provider  ${provider.url}`);
    print(`upstream  ${upstream.url}`);
    print(`proxy     ${proxy.url}`);
    if (options.once) return await makeCalls(provider, proxy.url, print) ? 0 : 1;
    commands(provider, proxy.url).forEach(print);
    await waitForStop();
    return 0;
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    print(error.message);
    return 1;
  }
}

/** A part did not start; the message is the one line to show. */
class StartFailure extends Error {}

function explain(name: string, port: number, error: unknown): string {
  const inUse = error instanceof Deno.errors.AddrInUse ||
    (error instanceof Error && "code" in error && error.code === "EADDRINUSE");
  if (inUse) {
    return `The demo's ${name} cannot use port ${port}: it is in use. Choose another with ` +
      `--${name}-port, or leave that out to take a free one.`;
  }
  return `The demo's ${name} did not start: ${messageOf(error)}`;
}

/** What to print for a user who wants to try it by hand; needs curl and sed alone. */
function commands(provider: DemoProvider, proxyUrl: string): string[] {
  const { clientId, clientSecret, tokenUrl } = provider;
  const url = proxyUrl + DEMO_PATH;
  return [
    "",
    "Get a token, in another terminal:",
    "",
    `  TOKEN=$(curl -s -u ${clientId}:${clientSecret} -d grant_type=client_credentials -d scope=${DEMO_SCOPE} \\`,
    `    ${tokenUrl} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    "",
    "Call with it (200, from the upstream), and without it (401, from the proxy); a token without the",
    `scope ${DEMO_SCOPE} gets 403:`,
    "",
    `  curl -i -H "Authorization: Bearer $TOKEN" '${url}'`,
    `  curl -i '${url}'`,
    "",
    "Ctrl-C ends the demo.",
  ];
}

/** Resolves at the first SIGINT or SIGTERM. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      STOP_SIGNALS.forEach((name) => Deno.removeSignalListener(name, stop));
      resolve();
    };
    STOP_SIGNALS.forEach((name) => Deno.addSignalListener(name, stop));
  });
}

const STOP_SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
