/**
 * `main.ts` is two things: the program (`deno run`, the compiled binary), and the module that
 * `deno serve` and platforms of its kind take their handler from.
 */

/** What is known of a request beside itself; a platform may know nothing. */
export interface EdgeInfo {
  readonly remoteAddr?: object | undefined;
}

/** Answers one request, as `deno serve` asks for it. */
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

/**
 * Calls `begin` when the main module has been read, unless the runtime serves its handler.
 *
 * Nothing in the runtime tells `deno run` from `deno serve`, and both call the module the main one. But
 * `deno serve` calls `Deno.serve`, in each of its threads, before the event `load`; nobody else does so
 * by then. So the module has to be read to its end, and `deno run` warns that a handler was exported:
 * whoever starts the program with a command does without this and is not warned.
 */
export function unlessServed(begin: () => void): void {
  const { serve } = Deno;
  let served = false;
  const note = (...args: unknown[]) => {
    served = true;
    return Reflect.apply(serve, Deno, args);
  };
  Reflect.set(Deno, "serve", note);
  addEventListener("load", () => {
    Reflect.set(Deno, "serve", serve);
    if (!served) begin();
  }, { once: true });
}
