// What the key manager tells gateways, as an inline registry: all pages of its first snapshot (docs/feed.md).

import { GATEWAY } from './key-manager.mjs';

const LISTS = { api: 'apis', application: 'applications', subscription: 'subscriptions', revocation: 'revocations' };

export async function registryOf({ url, gatewayCredential }) {
  const registry = { apis: [], applications: [], subscriptions: [], revocations: [] };
  let query = '';
  do {
    const headers = { authorization: `Bearer ${gatewayCredential}`, 'x-gatehouse-gateway': GATEWAY };
    const response = await fetch(`${url}/internal/gateway/v1/registry${query}`, { headers });
    if (!response.ok) {
      throw new Error(`the registry feed answers ${response.status} ${await response.text()}`);
    }
    const { changes, next } = await response.json();
    for (const { kind, record } of changes) {
      registry[LISTS[kind]].push(record);
    }
    query = next ? `?cursor=${next}` : '';
  } while (query);
  return registry;
}
