/**
 * The same job on Node, as one would build it of packages: Fastify, @fastify/http-proxy (undici) and
 * fast-jwt with its cache of verified tokens. Kept for comparison.
 *
 * Arguments: directory with the packages, port, port for TLS, file with certificate and key (PEM),
 * issuer, which is the upstream too (an origin), file with the public key (PEM), audience, and the
 * variant of the case: `no-cache` turns the cache off, `access-log` writes a line for each request.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";

const HOST = "127.0.0.1";

/** How many verified tokens are kept, as many as this project's proxy keeps. */
const CACHED_TOKENS = 10_000;

/** Connections to the upstream: more than the load has. */
const UPSTREAM_CONNECTIONS = 1024;

const [dir, port, tlsPort, certificateFile, issuer, keyFile, audience, variant] = process.argv
  .slice(2);
const require = createRequire(`${dir}/package.json`);
const fastify = require("fastify");
const httpProxy = require("@fastify/http-proxy");
const { createVerifier } = require("fast-jwt");

const verify = createVerifier({
  key: readFileSync(keyFile, "utf8"),
  algorithms: ["RS256"],
  allowedIss: issuer,
  allowedAud: audience,
  requiredClaims: ["exp"],
  cache: variant === "no-cache" ? false : CACHED_TOKENS,
});

function check(request, reply, done) {
  const [scheme, token] = request.headers.authorization?.split(" ") ?? [];
  try {
    if (scheme !== "Bearer") throw new Error("no bearer token");
    verify(token);
  } catch {
    reply.code(401).send();
    return;
  }
  done();
}

async function serve(port, options) {
  const app = fastify({
    ...options,
    logger: variant === "access-log",
    logController: new fastify.LogController({ disableRequestLogging: true }),
  });
  if (variant === "access-log") {
    app.addHook("onResponse", (request, reply, done) => {
      const { method, url, ip } = request;
      const { statusCode, elapsedTime } = reply;
      app.log.info({ method, url, ip, statusCode, elapsedTime }, "request completed");
      done();
    });
  }
  app.register(httpProxy, {
    upstream: issuer,
    // Its own two lines for each request stay out.
    logLevel: "warn",
    preHandler: check,
    undici: { connections: UPSTREAM_CONNECTIONS, pipelining: 1 },
  });
  await app.listen({ host: HOST, port: Number(port) });
}

const pem = readFileSync(certificateFile);
await serve(port, {});
await serve(tlsPort, { https: { cert: pem, key: pem } });
