import { createRemoteJWKSet, jwtVerify } from "jose";
import { type DemoProxySettings, runDemo, type StartProxy } from "../../src/demo/demo.ts";
import { startDemoUpstream } from "../../src/demo/upstream.ts";
import { assert, assertEquals, assertExcludes, assertIncludes } from "../support/assert.ts";

const OPTIONS = { once: true, providerPort: 0, upstreamPort: 0, proxyPort: 0 };

/** A few lines that behave like the proxy towards the demo; `check` false lets everything in. */
function standIn(check = true): StartProxy {
  return (settings) => {
    const stop = new AbortController();
    const keys = createRemoteJWKSet(new URL(`${settings.providerUrl}/jwks`));
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port: settings.listenPort,
      signal: stop.signal,
      onListen: () => {},
    }, async (request) => {
      const refusal = check ? await refuse(request, keys, settings) : undefined;
      if (refusal !== undefined) {
        const status = refusal.includes("insufficient_scope") ? 403 : 401;
        return new Response("{}", { status, headers: { "www-authenticate": refusal } });
      }
      const { pathname, search } = new URL(request.url);
      return await fetch(settings.upstreamUrl + pathname + search, { headers: request.headers });
    });
    return Promise.resolve({
      url: `http://127.0.0.1:${server.addr.port}`,
      close: () => (stop.abort(), server.finished),
    });
  };
}

async function refuse(
  request: Request,
  keys: ReturnType<typeof createRemoteJWKSet>,
  { providerUrl: issuer, audience, scope }: DemoProxySettings,
): Promise<string | undefined> {
  const token = request.headers.get("authorization")?.replace("Bearer ", "");
  if (token === undefined) return 'Bearer realm="demo"';
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience });
    return payload.scope === scope
      ? undefined
      : `Bearer realm="demo", error="insufficient_scope", scope="${scope}"`;
  } catch {
    return 'Bearer realm="demo", error="invalid_token"';
  }
}

async function run(
  startProxy: StartProxy,
  options = OPTIONS,
): Promise<{ code: number; lines: string[]; text: string }> {
  const lines: string[] = [];
  const code = await runDemo(options, startProxy, (line) => lines.push(line));
  return { code, lines, text: lines.join("\n") };
}

Deno.test("the demo makes its five calls, shows what came back and ends with 0", async () => {
  const { code, text } = await run(standIn());
  assertEquals(code, 0);
  assertIncludes(text, '"path": "/hello?from=demo"');
  assertIncludes(text, 'WWW-Authenticate: Bearer realm="demo"\n');
  assertIncludes(text, 'error="invalid_token"');
  assertIncludes(text, 'error="insufficient_scope", scope="read"');
  assertIncludes(text, "All calls behaved as expected.");
  assertExcludes(text, "eyJ", "a token was printed");
});

Deno.test("the demo ends with 1 when the proxy lets a call without a token through", async () => {
  const { code, text } = await run(standIn(false));
  assertEquals(code, 1);
  assertIncludes(text, "UNEXPECTED: status 200 instead of 401");
});

Deno.test("the demo prints commands that work in a shell, and closes all when stopped", async () => {
  const lines: string[] = [];
  let results: string[] = [];
  const useCommands = async () => {
    const script = lines.filter((line) => line.startsWith("  ")).join("\n");
    const shell = await new Deno.Command("sh", { args: ["-c", script] }).output();
    const text = new TextDecoder().decode(shell.stdout);
    results = text.split("\n").filter((line) => line.startsWith("HTTP/"));
    // The calls above went over the wire; now the demo may end.
  };
  const code = await runDemo(
    { ...OPTIONS, once: false },
    standIn(),
    (line) => lines.push(line),
    useCommands,
  );
  assertEquals(code, 0);
  assertEquals(results.map((line) => line.split(" ")[1]), ["200", "401"]);
});

Deno.test("the demo says in one line which port is in use, and with which option to change it", async () => {
  const taken = startDemoUpstream();
  try {
    const port = Number(new URL(taken.url).port);
    const names = ["provider", "upstream", "proxy"];
    const outcomes = await Promise.all(
      names.map((name) => run(standIn(), { ...OPTIONS, [`${name}Port`]: port })),
    );
    outcomes.forEach(({ code, lines }, index) => {
      assertEquals([code, lines.length], [1, 1]);
      assertIncludes(lines[0] ?? "", `${names[index]} cannot use port ${port}`);
      assertIncludes(lines[0] ?? "", `--${names[index]}-port`);
    });
  } finally {
    await taken.close();
  }
});

Deno.test("the demo says in one line why the proxy did not start, and closes the other parts", async () => {
  const { code, lines } = await run(() => Promise.reject(new Error("no certificate")));
  assertEquals([code, lines], [1, ["The demo's proxy did not start: no certificate"]]);
});

Deno.test("the demo waits for a signal and ends in order", async () => {
  const lines: string[] = [];
  const running = runDemo({ ...OPTIONS, once: false }, standIn(), (line) => {
    lines.push(line);
    // The last line comes just before the demo starts to wait.
    if (line.startsWith("Ctrl-C")) setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"), 20);
  });
  assertEquals(await running, 0);
  assert(lines.length > 5);
});
