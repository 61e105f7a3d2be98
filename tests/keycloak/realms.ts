/** Realms beside the recipe's own: other algorithms, roles, and a client that introspects. */

/** The names of the realms, and how they sign. */
export const SIGNED_BY = { ps: "PS256", ed: "EdDSA", es: "ES384" } as const;

/** A realm's document, as Keycloak imports it. */
export function realm(name: keyof typeof SIGNED_BY, secret: string): Record<string, unknown> {
  const confidential = {
    enabled: true,
    publicClient: false,
    secret,
    serviceAccountsEnabled: true,
    standardFlowEnabled: false,
    directAccessGrantsEnabled: false,
  };
  return {
    realm: name,
    enabled: true,
    accessTokenLifespan: 300,
    defaultSignatureAlgorithm: SIGNED_BY[name],
    roles: { realm: [{ name: "reader" }, { name: "writer" }] },
    users: [{
      username: "service-account-reports",
      enabled: true,
      serviceAccountClientId: "reports",
      realmRoles: ["reader"],
    }],
    clients: [
      {
        ...confidential,
        clientId: "reports",
        fullScopeAllowed: true,
        protocolMappers: [{
          name: "audience myapi",
          protocol: "openid-connect",
          protocolMapper: "oidc-audience-mapper",
          config: { "included.custom.audience": "myapi", "access.token.claim": "true" },
        }],
      },
      { ...confidential, clientId: "proxy", fullScopeAllowed: false },
    ],
  };
}
