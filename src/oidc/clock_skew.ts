/** Resolution of a `Date` header, in milliseconds: it has whole seconds only. */
const RESOLUTION_MS = 1000;

/**
 * How far the other end's clock is ahead of ours at least, in seconds; negative where it is behind.
 *
 * The response was made between `sentMs` and `receivedMs`, and `Date` (RFC 9110, section 6.6.1) has no
 * fraction of a second. A difference that these two can explain counts as none, so the real one may be
 * larger by up to one second plus the duration of the request.
 *
 * @param sentMs when the request was sent, milliseconds since the epoch, by our clock.
 * @param receivedMs when the head of the response had arrived, likewise.
 * @returns `undefined` without a `Date`, or for a response from a cache (`Age`, RFC 9111, section 5.1),
 * whose `Date` is the time at which it was stored.
 */
export function clockSkewSecs(
  headers: Headers,
  sentMs: number,
  receivedMs: number,
): number | undefined {
  const date = Date.parse(headers.get("date") ?? "");
  if (Number.isNaN(date) || headers.has("age")) return undefined;
  const least = date - receivedMs;
  const most = date + RESOLUTION_MS - sentMs;
  if (least > 0) return least / 1000;
  return most < 0 ? most / 1000 : 0;
}
