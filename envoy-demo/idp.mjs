// The identity provider of the demo and of the end-to-end tests: npm oidc-provider, a certified implementation, with
// opaque tokens, introspection (RFC 7662), revocation (RFC 7009) and client credentials.
//
//   node idp.mjs --config idp.json [--port 9000]
//
// Prints `ready <issuer>` once it listens. Clients, users and scopes come from the configuration:
//   clients              [{client_id, client_secret, token_endpoint_auth_method?, grants: [..], scope?: "a b"}]
//   users                [{username, password, sub, email, groups}]
//   scopes               every scope there is
//   introspectors        clients that may ask about the tokens of others
//   accessTokenLifetime  in seconds
//   initialAccessToken   permits the registration of clients (RFC 7591, RFC 7592); none can be registered without it

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import { Provider } from 'oidc-provider';

import { addPasswordGrant } from './idp/password-grant.mjs';
import { unboundedStore } from './idp/store.mjs';

const { values: options } = parseArgs({
  options: { config: { type: 'string' }, port: { type: 'string', default: '0' } },
});
if (!options.config) {
  console.error('usage: node idp.mjs --config FILE [--port PORT]');
  process.exit(2);
}
const config = JSON.parse(readFileSync(options.config, 'utf8'));

// The issuer names the port, so the port has to be there before the provider is.
const server = createServer();
// Envoy keeps connections for the next call; one that were closed from here just then would fail it.
server.keepAliveTimeout = 0;
server.listen(Number(options.port), '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, providerConfiguration(config));
addPasswordGrant(provider, config);
provider.on('server_error', (_ctx, error) => console.error(error));
// For whoever has to know which clients there are: the standards have no list of them.
provider.on('registration_create.success', (_ctx, { clientId }) => console.log(`registered ${clientId}`));
provider.on('registration_delete.success', (_ctx, { clientId }) => console.log(`deleted ${clientId}`));
server.on('request', provider.callback());
console.log(`ready ${issuer}`);

function providerConfiguration({ clients, users, scopes, introspectors, accessTokenLifetime, initialAccessToken }) {
  const userOf = (sub) => users.find((user) => user.sub === sub);
  return {
    adapter: unboundedStore(),
    clients: clients.map(({ grants, ...metadata }) => ({
      redirect_uris: [],
      response_types: [],
      grant_types: grants,
      ...metadata,
    })),
    clientDefaults: { id_token_signed_response_alg: 'ES256', introspection_signed_response_alg: 'ES256' },
    cookies: { keys: [randomUUID()] },
    jwks: { keys: [signingKey()] },
    scopes,
    ttl: { AccessToken: accessTokenLifetime, ClientCredentials: accessTokenLifetime, Grant: accessTokenLifetime },
    findAccount: async (_ctx, sub) => userOf(sub) && { accountId: sub, claims: async () => ({ sub }) },
    // What stands on the token is what introspection tells about it.
    extraTokenClaims: async (_ctx, token) => {
      const user = userOf(token.accountId);
      return user && { username: user.username, email: user.email, groups: user.groups };
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: Boolean(initialAccessToken), initialAccessToken },
      registrationManagement: { enabled: Boolean(initialAccessToken), rotateRegistrationAccessToken: true },
      introspection: {
        enabled: true,
        allowedPolicy: async (_ctx, client, token) =>
          client.clientId === token.clientId || introspectors.includes(client.clientId),
      },
      // Signed by the key at /jwks, for clients that accept it.
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: async (_ctx, client, token) => client.clientId === token.clientId },
    },
  };
}

/** For ID tokens, which nobody here asks for; without a key of our own the provider warns about its built-in one. */
function signingKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
}
