/** What is known of a request beside itself; a platform may know nothing. */
export interface EdgeInfo {
  readonly remoteAddr?: object | undefined;
}

/** Responds to one request, as `deno serve` asks for it. */
export type EdgeFetch = (request: Request, info?: EdgeInfo) => Promise<Response>;

/** A handler that is made when the first request comes; making it is tried again if it fails. */
export function lazyFetch(open: () => Promise<EdgeFetch>): EdgeFetch {
  let opening: Promise<EdgeFetch> | undefined;
  const fetch = () =>
    opening ??= open().catch((error) => {
      opening = undefined;
      throw error;
    });
  return async (request, info) => await (await fetch())(request, info);
}
