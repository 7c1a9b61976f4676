// Calls to the gateway, and what there is to see of them: the answer, the request as it reached the backend, the
// calls that the filter has made to the identity provider.

import { expectEqual } from './steps.mjs';

// Envoy gives each connection to one of its two workers.
const CONNECTIONS = 16;

export class Gateway {
  constructor({ GATEWAY_URL, ENVOY_ADMIN_URL }) {
    this.url = GATEWAY_URL;
    this.adminUrl = ENVOY_ADMIN_URL;
  }

  /** `{status, challenge, body}`; the body of a forwarded call is the backend's account of the request. */
  async call(method, path, { token, headers = {} } = {}) {
    const credentials = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(this.url + path, { method, headers: { ...credentials, ...headers } });
    const text = await response.text();
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      throw new Error(`${response.status} with a body that is not JSON: ${text.slice(0, 200)}`);
    }
    return { status: response.status, challenge: response.headers.get('www-authenticate'), body };
  }

  /** The answer to a call when all workers give one that is expected, as far as connections at the same time reach them. */
  async callEverywhere(isExpected, method, path, options) {
    const calls = Array.from({ length: CONNECTIONS }, () => this.call(method, path, options));
    const answers = await Promise.all(calls);
    return answers.every(isExpected) ? answers[0] : undefined;
  }

  async jwks() {
    const { status, body } = await this.call('GET', '/.well-known/gatehouse/jwks.json');
    expectEqual('the status of the JWKS', status, 200);
    return body;
  }

  /** How often the filter has asked the identity provider. */
  async introspectionCalls() {
    const response = await fetch(`${this.adminUrl}/stats/prometheus`);
    const samples = (await response.text()).matchAll(
      /^gatehouse_introspection_calls\{idp="demo",outcome="[^"]+"\} (\d+)$/gm,
    );
    return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}

/** Every backend JWT that reached the backend, whoever sent it and however its header was spelt. */
export function backendJwts(account) {
  return valuesOf(account, 'x-jwt-assertion');
}

export function valuesOf(account, header) {
  return account.headers
    .filter(([name]) => name.toLowerCase().replaceAll('_', '-') === header)
    .map(([, value]) => value);
}
