/**
 * The straightforward build of the same job, kept for comparison: `Deno.serve`, one `jwtVerify` for
 * each request, `fetch` to the upstream. It cleans no headers and explains no refusal.
 *
 * Arguments: port, upstream (an origin), issuer (an origin with /jwks).
 */
import { createRemoteJWKSet, jwtVerify } from "jose";
import { AUDIENCE } from "./configs.ts";

/** Idle upstream connections that are kept: more than the load has, so that none is opened anew. */
const IDLE_CONNECTIONS = 1024;

function serve(port: number, upstream: string, issuer: string): void {
  const keys = createRemoteJWKSet(new URL("/jwks", issuer));
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: IDLE_CONNECTIONS });
  Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, async (request) => {
    const [scheme, token] = request.headers.get("authorization")?.split(" ") ?? [];
    if (scheme !== "Bearer" || token === undefined) return new Response(null, { status: 401 });
    try {
      await jwtVerify(token, keys, { issuer, audience: AUDIENCE, algorithms: ["RS256"] });
    } catch {
      return new Response(null, { status: 401 });
    }
    const { pathname, search } = new URL(request.url);
    return await fetch(upstream + pathname + search, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      redirect: "manual",
      client,
    });
  });
}

if (import.meta.main) {
  const [port = "", upstream = "", issuer = ""] = Deno.args;
  serve(Number(port), upstream, issuer);
}
