/**
 * What the settings of one provider mean: its addresses and names, with the defaults of its kind.
 */
import type { ProviderConfig } from "./schema.ts";

/** Where a pod finds what it needs to speak to the API server. */
const IN_POD = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server, as pods reach it; also the issuer and the audience of most clusters. */
const API_SERVER = "https://kubernetes.default.svc";

/** The issuer of clusters that kubeadm and its kin have set up. */
const CLUSTER_ISSUER = `${API_SERVER}.cluster.local`;

/** The settings of a provider with the files that its kind has by default. */
export function withDefaults<P extends ProviderConfig>(provider: P): P {
  if (provider.type !== "kubernetes") return provider;
  const { caFile = `${IN_POD}/ca.crt`, tokenFile = `${IN_POD}/token` } = provider;
  return { ...provider, caFile, tokenFile };
}

/** Where a provider is. */
export interface Addresses {
  /** Its root, without a slash at the end. */
  readonly url: string;
  /** The issuer that tokens have to name, but for a trailing slash, which discovery settles. */
  readonly issuer: string;
  /** The issuer, where it is known without discovery. */
  readonly knownIssuer: string | undefined;
  /** The key set, where it is known without discovery. */
  readonly jwksUri: string | undefined;
}

/** The addresses of a provider whose settings have been checked. */
export function addressesOf(
  { type, url, issuer, jwksUri, trustDomain = "" }: ProviderConfig,
): Addresses {
  if (type === "spiffe") {
    const named = issuer ?? spiffeIssuer(trustDomain);
    return { url: url?.base ?? "", issuer: named, knownIssuer: named, jwksUri };
  }
  if (type === "kubernetes") {
    const base = url?.base ?? API_SERVER;
    const named = issuer ?? url?.text ?? CLUSTER_ISSUER;
    return {
      url: base,
      issuer: named,
      knownIssuer: named,
      jwksUri: jwksUri ?? `${base}/openid/v1/jwks`,
    };
  }
  return {
    url: url?.base ?? "",
    issuer: issuer ?? url?.text ?? "",
    knownIssuer: issuer,
    jwksUri,
  };
}

/** What stands for the issuer of JWT-SVIDs, which need not name one. */
export function spiffeIssuer(trustDomain: string): string {
  return `spiffe://${trustDomain}`;
}

/** Audiences that tokens for the API server have: one of them here, and this proxy could act as the caller. */
export function apiServerAudiences(provider: ProviderConfig): readonly string[] {
  const { url, issuer } = addressesOf(provider);
  return [url, issuer, API_SERVER, CLUSTER_ISSUER];
}
