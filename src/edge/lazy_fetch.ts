/** What the platform gives beside a request; it may give nothing. */
export interface EdgeInfo {
  readonly remoteAddr?: object | undefined;
}

/** Responds to one request, as `deno serve` asks for it. */
export type EdgeFetch = (request: Request, info?: EdgeInfo) => Promise<Response>;

/** A handler that is made at the first request, and again at the next one if that failed. */
export function lazyFetch(open: () => Promise<EdgeFetch>): EdgeFetch {
  let opening: Promise<EdgeFetch> | undefined;
  const fetch = () =>
    opening ??= open().catch((error) => {
      opening = undefined;
      throw error;
    });
  return async (request, info) => await (await fetch())(request, info);
}
