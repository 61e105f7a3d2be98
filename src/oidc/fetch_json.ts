import { MAX_PROVIDER_BODY_BYTES, PROVIDER_FETCH_TIMEOUT_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import type { ProviderTrouble } from "./trouble.ts";

/** How a request to the provider is made: the `fetch` of the platform, or one with its own trust. */
export type Fetcher = (url: string, init: RequestInit) => Promise<Response>;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one JSON object from the provider: one GET, no redirects, a time limit over everything and
 * a byte limit that holds while the body arrives.
 *
 * Does not check what the object says.
 *
 * @param stop ends the request before its time.
 */
export async function fetchJson(
  url: string,
  fetcher: Fetcher,
  clock: Clock,
  stop?: AbortSignal,
): Promise<Result<Readonly<Record<string, unknown>>, ProviderTrouble>> {
  const abort = new AbortController();
  let timedOut = false;
  const cancel = clock.after(PROVIDER_FETCH_TIMEOUT_MS, () => {
    timedOut = true;
    abort.abort();
  });
  try {
    const response = await fetcher(url, {
      redirect: "manual",
      headers: { accept: "application/json" },
      signal: stop === undefined ? abort.signal : AbortSignal.any([abort.signal, stop]),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return response.status >= 300 && response.status < 400
        ? fail({ kind: "redirect", url, text: `answered with a redirect (${response.status})` })
        : fail({ kind: "status", url, text: `answered with status ${response.status}` });
    }
    const bytes = await readLimited(response.body);
    if (bytes === undefined) {
      return fail({
        kind: "too_large",
        url,
        text: `answered with more than ${MAX_PROVIDER_BODY_BYTES} bytes`,
      });
    }
    return parseObject(url, bytes);
  } catch (error) {
    return timedOut
      ? fail({
        kind: "timeout",
        url,
        text: `gave no whole answer within ${PROVIDER_FETCH_TIMEOUT_MS / 1000} s`,
      })
      : fail({ kind: "unreachable", url, text: `cannot be reached: ${reasonOf(error)}` });
  } finally {
    cancel();
  }
}

/** The whole body, or `undefined` as soon as it grows over the limit. */
async function readLimited(
  body: ReadableStream<Uint8Array> | null,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    // Leaving the loop cancels the stream, and with it the transfer.
    if (size > MAX_PROVIDER_BODY_BYTES) return undefined;
    parts.push(part);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function parseObject(
  url: string,
  bytes: Uint8Array,
): Result<Readonly<Record<string, unknown>>, ProviderTrouble> {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return ok(value as Record<string, unknown>);
    }
  } catch {
    // Told below; the error's text would quote the document.
  }
  return fail({ kind: "not_json", url, text: "did not answer with a JSON object" });
}

/** The innermost message of a failed fetch, where the runtime says what really happened. */
function reasonOf(error: unknown): string {
  let reason = error;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  return reason instanceof Error ? reason.message : String(reason);
}
