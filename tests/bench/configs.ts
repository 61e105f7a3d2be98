/** The settings files of the upstream (nginx) and of the peers that have one, as texts. Pure. */
import type { Variant } from "./cases.ts";

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

/** What a peer's settings need to know. */
export interface PeerOptions {
  readonly port: number;
  readonly tlsPort: number;
  /** The issuer of the tokens, which is the upstream too: an origin. */
  readonly issuer: string;
  /** The file with the public key that signs tokens, PEM. */
  readonly publicKeyFile: string;
  /** The file with the certificate and its key, PEM. */
  readonly certificateFile: string;
  readonly variant: Variant;
  /** A directory of the peer's own. */
  readonly dir: string;
}

/**
 * HAProxy doing the same job on one thread: a bearer token, RS256 alone, the signature, `exp`,
 * `iss` and `aud`; everything else gets 401.
 */
export function haproxyConfig(options: PeerOptions): string {
  const { port, tlsPort, issuer, publicKeyFile, certificateFile } = options;
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
  server nginx ${new URL(issuer).host}
`;
}

/** Where Debian's Apache has its modules. */
export const APACHE_MODULES = "/usr/lib/apache2/modules";

/** The modules that the settings need. */
const APACHE_PARTS = [
  "mpm_event",
  "authn_core",
  "authz_core",
  "authz_user",
  "proxy",
  "proxy_http",
  "ssl",
  "auth_openidc",
];

/**
 * Apache with mod_auth_openidc as a resource server: RS256 signatures by one key, `exp`, `iss` and
 * `aud`. One process with 128 threads: with fewer it
 * closes connections that rest whenever all of them work.
 */
export function apacheConfig(options: PeerOptions): string {
  const { port, tlsPort, issuer, publicKeyFile, certificateFile, variant, dir } = options;
  const modules = APACHE_PARTS.map((part) =>
    `LoadModule ${part}_module ${APACHE_MODULES}/mod_${part}.so`
  );
  return `ServerRoot "${dir}"
DefaultRuntimeDir "${dir}"
PidFile "${dir}/apache.pid"
ServerName localhost
Listen 127.0.0.1:${port}
Listen 127.0.0.1:${tlsPort} https
ErrorLog /dev/stderr
LogLevel crit
${modules.join("\n")}
User "#65534"
Group "#65534"
${
    variant === "access-log"
      ? 'CustomLog /dev/stdout "%h %l %u %t \\"%r\\" %>s %b"\n'
      : ""
  }StartServers 1
ServerLimit 1
ThreadLimit 128
ThreadsPerChild 128
MaxRequestWorkers 128
AsyncRequestWorkerFactor 16
KeepAlive On
KeepAliveTimeout 60
MaxKeepAliveRequests 0
OIDCOAuthVerifyCertFiles "bench#${publicKeyFile}"
OIDCOAuthRemoteUserClaim sub
OIDCCryptoPassphrase bench
<VirtualHost 127.0.0.1:${tlsPort}>
  SSLEngine on
  SSLCertificateFile "${certificateFile}"
  SSLCertificateKeyFile "${certificateFile}"
</VirtualHost>
<Location />
  AuthType oauth20
  <RequireAll>
    Require claim "iss:${issuer}"
    Require claim "aud:${AUDIENCE}"
  </RequireAll>
  ProxyPass "${issuer}/" enablereuse=on keepalive=On
</Location>
`;
}

/**
 * oauth2-proxy for bearer tokens alone: what the provider has signed for the audience is let through,
 * everything else gets 401 instead of a login. The secrets are for logins, which do not happen here.
 */
export function oauth2ProxyConfig(options: PeerOptions): string {
  const { port, tlsPort, issuer, certificateFile, variant } = options;
  const settings = {
    provider: "oidc",
    oidc_issuer_url: issuer,
    oidc_email_claim: "sub",
    insecure_oidc_allow_unverified_email: true,
    client_id: AUDIENCE,
    client_secret: "unused",
    cookie_secret: "sixteen unused b",
    email_domains: ["*"],
    redirect_url: `http://127.0.0.1:${port}/oauth2/callback`,
    skip_jwt_bearer_tokens: true,
    api_routes: [".*"],
    upstreams: [`${issuer}/`],
    ...(variant === "tls"
      ? {
        https_address: `127.0.0.1:${tlsPort}`,
        tls_cert_file: certificateFile,
        tls_key_file: certificateFile,
      }
      : { http_address: `127.0.0.1:${port}` }),
    request_logging: variant === "access-log",
    auth_logging: false,
    standard_logging: false,
  };
  // Strings, switches and lists of strings are written in TOML as in JSON.
  return Object.entries(settings).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}
