/** The settings of the upstream (nginx) and of the peer HAProxy, as texts. Pure. */

/** The audience that every peer demands. */
export const AUDIENCE = "api";

/** What the nginx settings need to know. */
export interface NginxOptions {
  /** A directory of its own for everything that nginx writes. */
  readonly dir: string;
  /** The directory with the file `big`. */
  readonly www: string;
  readonly port: number;
  readonly issuer: string;
  /** The provider's key set, as JSON. */
  readonly jwks: string;
}

/**
 * nginx as upstream and as OpenID provider at once: a short JSON response, a 1 MiB file, the discovery
 * document (OpenID Connect Discovery 1.0, section 4) and the key set. One process, no access log.
 */
export function nginxConfig({ dir, www, port, issuer, jwks }: NginxOptions): string {
  const discovery = JSON.stringify({
    issuer,
    jwks_uri: `${issuer}/jwks`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    response_types_supported: ["code"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256"],
  });
  const writable = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((part) => `  ${part}_temp_path "${dir}/${part}";`);
  return `daemon off;
master_process off;
pid "${dir}/nginx.pid";
error_log stderr crit;
events { worker_connections 4096; }
http {
${writable.join("\n")}
  access_log off;
  default_type application/json;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 '{"hello":"world"}'; }
    location = /big { root "${www}"; default_type application/octet-stream; }
    location = /jwks { return 200 '${jwks}'; }
    location = /.well-known/openid-configuration { return 200 '${discovery}'; }
  }
}
`;
}

/** What the HAProxy settings need to know. */
export interface HaproxyOptions {
  readonly port: number;
  readonly tlsPort: number;
  readonly upstreamPort: number;
  readonly issuer: string;
  /** The file with the public key that signs tokens, PEM. */
  readonly publicKeyFile: string;
  /** The file with the certificate and its key, PEM. */
  readonly certificateFile: string;
}

/**
 * HAProxy doing the same job on one thread: a bearer token, RS256 alone, the signature, `exp`,
 * `iss` and `aud`; everything else gets 401.
 */
export function haproxyConfig(options: HaproxyOptions): string {
  const { port, tlsPort, upstreamPort, issuer, publicKeyFile, certificateFile } = options;
  const refuse = "http-request deny deny_status 401";
  return `global
  nbthread 1
  maxconn 4096

defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always

frontend checked
  bind 127.0.0.1:${port}
  bind 127.0.0.1:${tlsPort} ssl crt "${certificateFile}" alpn http/1.1
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  ${refuse} unless { var(txn.alg) -m str RS256 }
  ${refuse} unless { var(txn.token),jwt_verify(txn.alg,"${publicKeyFile}") -m int 1 }
  http-request set-var(txn.now) date()
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  ${refuse} if { var(txn.exp),sub(txn.now) -m int lt 0 }
  ${refuse} unless { var(txn.token),jwt_payload_query('$.iss') -m str "${issuer}" }
  ${refuse} unless { var(txn.token),jwt_payload_query('$.aud') -m str "${AUDIENCE}" }
  default_backend upstream

backend upstream
  server nginx 127.0.0.1:${upstreamPort}
`;
}
