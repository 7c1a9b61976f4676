// The steps before a call: publish APIs, create an application and its keys, subscribe. All through the key manager.

import { readFileSync } from 'node:fs';

import { until } from './condition.mjs';
import { Gateway } from './gateway.mjs';
import { IdentityProvider } from './identity-provider.mjs';
import { KeyManager } from './key-manager.mjs';
import { source } from './places.mjs';
import { Walk } from './steps.mjs';

/** Within which a change is at a gateway, in milliseconds. */
export const ARRIVAL = 2000;

/** The application's client, which the key manager has registered at the identity provider. */
export async function furnish(addresses, gatewaySecret, initialAccessToken, interrupted) {
  const keyManager = new KeyManager(addresses);
  const steps = new Walk(interrupted);

  await steps.must('an identity provider', 'POST /api/am/admin/v4/key-managers', async () => {
    const additionalProperties = { clientId: 'gateway', clientSecret: gatewaySecret, initialAccessToken };
    const body = { name: 'demo', type: 'oidc', issuer: addresses.IDP_URL, additionalProperties };
    const { name, issuer } = await keyManager.admin('POST', '/key-managers', body);
    return { said: `201, ${name} at ${issuer}` };
  });
  const ids = await publishAll(steps, keyManager);

  const application = await steps.must('an application', 'POST /api/am/devportal/v3/applications', async () => {
    const body = { name: 'Shop', throttlingPolicy: 'Unlimited' };
    const { applicationId, name, owner } = await keyManager.store('POST', '/applications', body);
    return { said: `201, ${name} of ${owner}`, value: applicationId };
  });
  const client = await steps.must('its keys', 'POST .../applications/{id}/generate-keys', async () => {
    const body = { keyType: 'PRODUCTION', grantTypesToBeSupported: ['client_credentials', 'password'] };
    const keys = await keyManager.store('POST', `/applications/${application}/generate-keys`, body);
    return { said: `200, the identity provider has a client ${keys.consumerKey.slice(0, 8)}...`, value: keys };
  });
  await subscribe(steps, keyManager, application, ids);
  await steps.must('the gateway has it', 'GET /loyalty/2.1.0/points until the block, the last of it, is there', async () => {
    const gateway = new Gateway(addresses);
    const credentials = { DEMO_CLIENT_ID: client.consumerKey, DEMO_CLIENT_SECRET: client.consumerSecret };
    const { access_token: token } = await new IdentityProvider({ ...addresses, ...credentials }).applicationToken('');
    const call = ['GET', '/loyalty/2.1.0/points', { token }];
    const isBlocked = ({ body }) => body.code === '900907';
    if (!(await until(() => gateway.callEverywhere(isBlocked, ...call), ARRIVAL, interrupted))) {
      throw new Error(`it answers ${JSON.stringify((await gateway.call(...call)).body)}`);
    }
    return { said: '403, 900907' };
  });
  return { id: client.consumerKey, secret: client.consumerSecret };
}

async function publishAll(steps, keyManager) {
  const ids = {};
  for (const api of JSON.parse(readFileSync(source('demo/apis.json'), 'utf8'))) {
    await steps.must(`publish ${api.name}`, 'POST /api/am/publisher/v4/apis, .../change-lifecycle', async () => {
      const { id } = await keyManager.publisher('POST', '/apis', api);
      const { lifecycleState } = await keyManager.publisher('POST', `/apis/change-lifecycle?action=Publish&apiId=${id}`);
      ids[api.name] = id;
      return { said: `201, 200, ${lifecycleState.state}` };
    });
  }
  return ids;
}

async function subscribe(steps, keyManager, applicationId, ids) {
  const subscription = (name, throttlingPolicy) =>
    keyManager.store('POST', '/subscriptions', { apiId: ids[name], applicationId, throttlingPolicy });
  await steps.must('subscribe to PizzaShack', 'POST /api/am/devportal/v3/subscriptions', async () => {
    const { status, throttlingPolicy } = await subscription('PizzaShack', 'Gold');
    return { said: `201, ${status}, tier ${throttlingPolicy}` };
  });
  await steps.must('subscribe to Loyalty', 'POST .../subscriptions, and block it: .../block-subscription', async () => {
    const { subscriptionId } = await subscription('Loyalty', 'Gold');
    const query = `subscriptionId=${subscriptionId}&blockState=BLOCKED`;
    const { subscriptionStatus } = await keyManager.publisher('POST', `/subscriptions/block-subscription?${query}`);
    return { said: `201, 200, ${subscriptionStatus}` };
  });
}
