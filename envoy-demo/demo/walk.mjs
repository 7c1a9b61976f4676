// The walk: calls to the APIs of apis.json, from the public one to each main reason for a denial.

import { readAddresses } from './addresses.mjs';
import { verifiedClaims } from './backend-jwt.mjs';
import { until } from './condition.mjs';
import { ARRIVAL } from './furnish.mjs';
import { Gateway, backendJwts, valuesOf } from './gateway.mjs';
import { IdentityProvider } from './identity-provider.mjs';
import { KeyManager } from './key-manager.mjs';
import { Walk, expectEqual } from './steps.mjs';

const ORDERS = '/pizzashack/1.0.0/order';

/** True when every step came out as told. */
export async function walk(interrupted) {
  const addresses = readAddresses();
  if (!addresses) {
    throw new Error('no demo is running: `make demo-up` starts it');
  }
  const gateway = new Gateway(addresses);
  const idp = new IdentityProvider(addresses);
  const steps = new Walk(interrupted);

  await withoutToken(steps, gateway);
  const token = await withApplicationToken(steps, gateway, idp);
  await deniedDespiteToken(steps, gateway, token);
  await withUserToken(steps, gateway, idp);
  await changedWhileItRuns(steps, gateway, new KeyManager(addresses), token);
  return steps.conclude();
}

async function withoutToken(steps, gateway) {
  await steps.step('a public operation', 'GET /pizzashack/menu with a forged X-JWT-Assertion', async () => {
    const { status, body } = await gateway.call('GET', '/pizzashack/menu', {
      headers: { 'X-JWT-Assertion': 'forged' },
    });
    expectEqual('the status', status, 200);
    expectEqual('the list of JWTs at the backend', backendJwts(body), []);
    return '200, the backend got no JWT, not the forged one either';
  });
  await steps.step('no token', `POST ${ORDERS}`, async () => {
    return denial(await gateway.call('POST', ORDERS), 401, '900902');
  });
  await steps.step('a made-up token', `POST ${ORDERS} with Bearer made-up`, async () => {
    return denial(await gateway.call('POST', ORDERS, { token: 'made-up' }), 401, '900901');
  });
}

/** The application's token, for the steps that follow. */
async function withApplicationToken(steps, gateway, idp) {
  let token;
  await steps.step("the application's token", 'POST /token to the identity provider, client credentials', async () => {
    const answer = await idp.applicationToken('order_pizza');
    token = answer.access_token;
    return `an opaque token of ${token.length} characters, scope ${answer.scope}`;
  });

  let jwts;
  await steps.step('a good token', `POST ${ORDERS} with it and a forged X-JWT-Assertion`, async () => {
    const { status, body } = await gateway.call('POST', ORDERS, { token, headers: { 'X-JWT-Assertion': 'forged' } });
    expectEqual('the status', status, 200);
    jwts = backendJwts(body);
    expectEqual('the number of JWTs at the backend', jwts.length, 1);
    expectEqual('Authorization at the backend', valuesOf(body, 'authorization'), []);
    return "200, the backend got one JWT and not the caller's token";
  });
  await steps.step('the backend JWT', 'GET /.well-known/gatehouse/jwks.json', async () => {
    const claims = verifiedClaims(jwts?.[0], await gateway.jwks());
    expectEqual('applicationname', claims.applicationname, 'Shop');
    expectEqual('usertype', claims.usertype, 'APPLICATION');
    return `its ES256 signature holds; ${told(claims, 'iss', 'sub', 'applicationname', 'subscriber', 'tier', 'keytype')}`;
  });
  await steps.step('from the cache', `POST ${ORDERS} again`, async () => {
    const before = await gateway.introspectionCalls();
    const { status } = await gateway.call('POST', ORDERS, { token });
    const after = await gateway.introspectionCalls();
    expectEqual('the status', status, 200);
    if (before === 0) {
      throw new Error('gatehouse_introspection_calls counts nothing');
    }
    expectEqual('gatehouse_introspection_calls', after, before);
    return `200, the identity provider was not asked (gatehouse_introspection_calls stays ${after})`;
  });
  return token;
}

async function deniedDespiteToken(steps, gateway, token) {
  await steps.step('a scope missing', `DELETE ${ORDERS}/42, which needs manage_orders`, async () => {
    const answer = await gateway.call('DELETE', `${ORDERS}/42`, { token });
    const said = denial(answer, 403, '900910');
    const challenge = answer.challenge ?? '';
    if (!challenge.includes('error="insufficient_scope"') || !challenge.includes('scope="manage_orders"')) {
      throw new Error(`the challenge is ${challenge || 'missing'}, expected insufficient_scope with manage_orders`);
    }
    return `${said}; ${challenge}`;
  });
  await steps.step('no subscription', 'GET /delivery/1.0.0/couriers', async () => {
    return denial(await gateway.call('GET', '/delivery/1.0.0/couriers', { token }), 403, '900908');
  });
  await steps.step('a blocked subscription', 'GET /loyalty/2.1.0/points', async () => {
    return denial(await gateway.call('GET', '/loyalty/2.1.0/points', { token }), 403, '900907');
  });
  await steps.step("an application's token for a user's operation", `GET ${ORDERS}/42`, async () => {
    return denial(await gateway.call('GET', `${ORDERS}/42`, { token }), 403, '900905');
  });
}

async function withUserToken(steps, gateway, idp) {
  await steps.step("a user's token", `GET ${ORDERS}/42 with alice's token`, async () => {
    const { access_token: token } = await idp.userToken('order_pizza');
    const { status, body } = await gateway.call('GET', `${ORDERS}/42`, { token });
    expectEqual('the status', status, 200);
    const claims = verifiedClaims(backendJwts(body)[0], await gateway.jwks());
    expectEqual('usertype', claims.usertype, 'APPLICATION_USER');
    expectEqual('enduser', claims.enduser, 'alice');
    return `200, the backend JWT says ${told(claims, 'sub', 'enduser', 'email', 'groups', 'usertype')}`;
  });
}

async function changedWhileItRuns(steps, gateway, keyManager, token) {
  const order = () => gateway.call('POST', ORDERS, { token });
  const arrives = async (expected) => {
    const begun = performance.now();
    const isExpected = ({ status }) => status === expected;
    const answer = await until(() => gateway.callEverywhere(isExpected, 'POST', ORDERS, { token }), ARRIVAL);
    if (!answer) {
      throw new Error(`the gateway answers ${(await order()).status} after ${ARRIVAL} ms, expected ${expected}`);
    }
    return { answer, after: Math.round(performance.now() - begun) };
  };
  const { list } = await keyManager.store('GET', '/subscriptions');
  const { subscriptionId } = list.find(({ apiInfo }) => apiInfo.name === 'PizzaShack');

  await steps.step('a block', `POST .../block-subscription, then POST ${ORDERS} with the token from before`, async () => {
    const query = `subscriptionId=${subscriptionId}&blockState=BLOCKED`;
    await keyManager.publisher('POST', `/subscriptions/block-subscription?${query}`);
    const { answer, after } = await arrives(403);
    return `${denial(answer, 403, '900907')}, after ${after} ms`;
  });
  await steps.step('no block any more', 'POST .../unblock-subscription, then the same call', async () => {
    await keyManager.publisher('POST', `/subscriptions/unblock-subscription?subscriptionId=${subscriptionId}`);
    const { after } = await arrives(200);
    return `200, after ${after} ms`;
  });
}

/** The denial in words, if it is the one expected. */
function denial({ status, body }, expectedStatus, expectedCode) {
  expectEqual('the answer', [status, body.code], [expectedStatus, expectedCode]);
  return `${status}, ${body.code} ${body.message}`;
}

function told(claims, ...names) {
  return names.map((name) => `${name} ${claims[name]}`).join(', ');
}
