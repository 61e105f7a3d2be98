/** A `Date` header tells whole seconds: its answer was made within one of these, in milliseconds. */
const RESOLUTION_MS = 1000;

/**
 * How far the other end's clock is ahead of ours at least, in seconds; negative where it is behind.
 *
 * The answer was made some time between `sentMs` and `receivedMs`, and `Date` (RFC 9110, section
 * 6.6.1) leaves the fraction of its second open: what these two can explain is no difference, so the
 * real one may be larger by up to one second and the time that the request took.
 *
 * @param sentMs when the request was sent, milliseconds since the epoch, by our clock.
 * @param receivedMs when the head of the answer had arrived, likewise.
 * @returns `undefined` where the answer does not tell: without a `Date`, or from a cache (`Age`, RFC
 * 9111, section 5.1), because then its `Date` is of the time at which it was stored.
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
