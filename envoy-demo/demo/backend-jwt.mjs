// What a backend does with the backend JWT: verify its signature with the gateway's published key, then read it.

import { createPublicKey, verify } from 'node:crypto';

const DIALECT = 'http://wso2.org/claims/';

/** The claims, those of the dialect by their bare names; throws when the signature does not hold. */
export function verifiedClaims(jwt, jwks) {
  if (!jwt) {
    throw new Error('there is no backend JWT to verify');
  }
  const [header, claims, signature] = jwt.split('.');
  const { alg, kid } = decode(header);
  if (alg !== 'ES256') {
    throw new Error(`the backend JWT is signed with ${alg}, expected ES256`);
  }
  const jwk = jwks.keys.find((candidate) => candidate.kid === kid);
  if (!jwk) {
    throw new Error(`the JWKS has no key ${kid}`);
  }
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' };
  if (!verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))) {
    throw new Error('the signature of the backend JWT does not hold');
  }
  const bare = ([name, value]) => [name.startsWith(DIALECT) ? name.slice(DIALECT.length) : name, value];
  return Object.fromEntries(Object.entries(decode(claims)).map(bare));
}

function decode(part) {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
}
