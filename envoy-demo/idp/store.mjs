// Where the identity provider keeps its tokens: in memory, for as long as it runs.
// The store that oidc-provider brings along forgets all but the last 1000 entries, so that under load valid tokens
// would turn inactive.

export function unboundedStore() {
  const entries = new Map();
  const keysByGrant = new Map();

  return (model) => {
    const key = (id) => `${model}:${id}`;
    return {
      async upsert(id, payload) {
        entries.set(key(id), payload);
        if (payload.grantId) {
          keysByGrant.set(payload.grantId, [...(keysByGrant.get(payload.grantId) ?? []), key(id)]);
        }
      },
      // Expiry is checked by the provider, which reads it in the payload.
      async find(id) {
        return entries.get(key(id));
      },
      async consume(id) {
        entries.get(key(id)).consumed = Math.floor(Date.now() / 1000);
      },
      async destroy(id) {
        entries.delete(key(id));
      },
      async revokeByGrantId(grantId) {
        for (const granted of keysByGrant.get(grantId) ?? []) {
          entries.delete(granted);
        }
        keysByGrant.delete(grantId);
      },
    };
  };
}
