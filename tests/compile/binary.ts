/**
 * The binary itself, with a real base: the one that `DENORT_BIN` names, else the one that the runtime
 * downloads. Where neither is to be had the test says so and why, and the rest is up to
 * `check.ts`.
 */
import { assert, assertEquals, assertIncludes } from "../support/assert.ts";
import { compileFlags } from "../../tools/tasks.ts";
import { projectFile } from "../support/process.ts";
import { startProvider } from "../support/provider.ts";
import { defaultClaims, publicJwk, rsaKey, signToken } from "../support/tokens.ts";
import { httpUpstream } from "../support/upstream.ts";

/** How long the download of a base may take before it counts as impossible, in milliseconds. */
const DOWNLOAD_LIMIT_MS = 60_000;

/** What `deno compile` said when it could not make the binary; nothing where it could. */
async function compile(output: string): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--quiet", ...compileFlags(), `--output=${output}`, "main.ts"],
    cwd: projectFile("."),
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS),
  }).output();
  return success ? undefined : new TextDecoder().decode(stderr);
}

/** The lines of a stream until one matches; the rest is read and forgotten. */
async function linesUntil(stream: ReadableStream<Uint8Array<ArrayBuffer>>, last: RegExp) {
  const lines: string[] = [];
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!lines.some((line) => last.test(line))) {
    const { done, value } = await reader.read();
    assert(!done, `it ended before ${last}:\n${lines.join("\n")}\n${text}`);
    const parts = (text + value).split("\n");
    text = parts.pop() ?? "";
    lines.push(...parts);
  }
  const rest = (async () => {
    while (!(await reader.read()).done);
  })();
  return { lines, rest };
}

/** Starts a program with two workers, calls it with a token and without, and ends it. */
async function drive(command: string, args: readonly string[], cwd: string): Promise<void> {
  await using provider = startProvider({ keys: [publicJwk(await rsaKey(), { kid: "key" })] });
  await using upstream = httpUpstream((_request, { target }) => new Response(`echo ${target}`));
  const child = new Deno.Command(command, {
    args: [...args],
    cwd,
    clearEnv: true,
    env: {
      LISTEN_URL: "127.0.0.1:0",
      ADMIN_URL: "off",
      NUM_WORKERS: "2",
      PROVIDER_URL: provider.url,
      UPSTREAM_URL: upstream.url,
    },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    const { lines, rest } = await linesUntil(child.stderr, /"ready"/);
    const listening = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === "listening");
    const claims = defaultClaims(Date.now(), { iss: provider.url });
    const token = await signToken(await rsaKey(), claims, { kid: "key" });
    const good = await fetch(`${listening.url}/x`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assertEquals([good.status, await good.text()], [200, "echo /x"]);
    const without = await fetch(`${listening.url}/x`);
    await without.body?.cancel();
    assertEquals(without.status, 401);
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 0);
    await rest;
  } finally {
    try {
      child.kill("SIGKILL");
    } catch {
      // It has ended, as it should.
    }
    await child.status;
  }
}

Deno.test("The binary shows its versions, has no demo, and serves with two workers.", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ooproxy_binary_" });
  try {
    const binary = `${dir}/ooproxy`;
    const failure = await compile(binary);
    if (failure !== undefined) {
      if (Deno.env.has("DENORT_BIN")) throw new Error(failure);
      assertIncludes(failure, "dl.deno.land", "only the download may fail");
      const why = failure.split("\n").find((line) => line.includes("dl.deno.land"))?.trim();
      const text = `SKIPPED: no binary could be made. DENORT_BIN is not set, and ${why}\n`;
      await Deno.stderr.write(new TextEncoder().encode(text));
      return;
    }
    const run = async (...args: string[]) => {
      const { code, stdout } = await new Deno.Command(binary, { args, cwd: dir }).output();
      return { code, text: new TextDecoder().decode(stdout) };
    };
    const version = await run("--version");
    assertEquals(version.code, 0);
    assertIncludes(version.text, `Deno ${Deno.version.deno}, V8 `);
    const demo = await run("demo");
    assertEquals(demo.code, 64);
    assertIncludes(demo.text, "not part of this build");
    await drive(binary, [], dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
