import { MAX_PROVIDER_BODY_BYTES, PROVIDER_FETCH_TIMEOUT_MS } from "../limits.ts";
import type { Clock } from "../ops/clock.ts";
import { fail, ok, type Result } from "../result.ts";
import { jsonObject } from "../text.ts";
import { clockSkewSecs } from "./clock_skew.ts";
import { requestError, statusError } from "./fetch_error.ts";
import { type KeyFetchError, keyFetchError } from "./key_fetch_error.ts";

/** Sends a request to the provider: the platform's `fetch`, or one with its own trusted CAs. */
export type Fetcher = (url: string, init: RequestInit) => Promise<Response>;

/** What is sent where it is more than a GET. */
export interface FormRequest {
  /** Sent by POST, form-encoded. */
  readonly form: URLSearchParams;
  readonly authorization?: string | undefined;
}

/** The provider's response. */
export interface Fetched {
  readonly document: Readonly<Record<string, unknown>>;
  /** How far the provider's clock is ahead of ours at least, in seconds, where its response has a `Date`. */
  readonly skewSecs: number | undefined;
}

/** An HTTP client for one provider. */
export interface ProviderHttp {
  readonly fetch: Fetcher;
  close(): void;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one JSON object from the provider: one request, no redirects, a time limit over everything and
 * a byte limit that holds while the body arrives.
 *
 * Of duplicate members the last one counts (RFC 7517, section 4, allows that): both come from the same
 * trusted document. Does not check the object's members.
 *
 * @param stop aborts the request.
 * @param request makes it a POST.
 */
export async function fetchJson(
  url: string,
  fetcher: Fetcher,
  clock: Clock,
  stop?: AbortSignal,
  request?: FormRequest,
): Promise<Result<Fetched, KeyFetchError>> {
  const abort = new AbortController();
  let timedOut = false;
  const cancel = clock.after(PROVIDER_FETCH_TIMEOUT_MS, () => {
    timedOut = true;
    abort.abort();
  });
  try {
    const sentMs = clock.now();
    const response = await fetcher(url, {
      redirect: "manual",
      headers: {
        accept: "application/json",
        ...(request?.authorization === undefined ? {} : { authorization: request.authorization }),
      },
      ...(request === undefined ? {} : { method: "POST", body: request.form }),
      signal: stop === undefined ? abort.signal : AbortSignal.any([abort.signal, stop]),
    });
    const skewSecs = clockSkewSecs(response.headers, sentMs, clock.now());
    if (response.status !== 200) {
      await response.body?.cancel();
      return fail(statusError(url, response.status));
    }
    const bytes = await readLimited(response.body);
    if (bytes === undefined) {
      const text = `responded with more than ${MAX_PROVIDER_BODY_BYTES} bytes`;
      return fail(keyFetchError("too_large", url, text));
    }
    const document = parseObject(bytes);
    return document === undefined
      ? fail(keyFetchError("not_json", url, "did not respond with a JSON object"))
      : ok({ document, skewSecs });
  } catch (error) {
    if (!timedOut) return fail(requestError(url, error));
    const text = `sent no complete response within ${PROVIDER_FETCH_TIMEOUT_MS / 1000} s`;
    return fail(keyFetchError("timeout", url, text));
  } finally {
    cancel();
  }
}

/** The whole body, or `undefined` as soon as it exceeds the limit. */
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

function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    return jsonObject(utf8.decode(bytes));
  } catch {
    // Not UTF-8.
    return undefined;
  }
}
