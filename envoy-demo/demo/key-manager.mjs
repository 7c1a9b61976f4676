// The key manager: its configuration, and calls to its REST API as the administrator.

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';

import { keyManagerProgram, stateFile } from './places.mjs';
import { start } from './processes.mjs';

const CONFIGURATION = 'key-manager.json';

/** Starts it with a database of its own; what others need to reach it. */
export async function startKeyManager({ port, operatorsPort, interrupted }) {
  const secret = () => randomBytes(24).toString('base64url');
  const [adminToken, gatewayCredential] = [secret(), secret()];
  const configuration = {
    // Nothing spreads requests over it and others, so that nobody has to notice that it goes.
    server: { listen: `127.0.0.1:${port}`, lameDuck: '0s' },
    operators: { listen: `127.0.0.1:${operatorsPort}` },
    database: { path: stateFile('key-manager.db') },
    sealing: { key: randomBytes(32).toString('base64') },
    callers: { bootstrapCredential: adminToken },
    gateways: [{ name: GATEWAY, credential: gatewayCredential }],
  };
  // For this user alone: it holds the key that seals what is in the database.
  writeFileSync(stateFile(CONFIGURATION), JSON.stringify(configuration, null, 2), { mode: 0o600 });
  const ready = `http://127.0.0.1:${operatorsPort}/readyz`;
  await start('key-manager', [keyManagerProgram, 'serve', '--config', stateFile(CONFIGURATION)], {
    isReady: async () => (await fetch(ready).catch(() => undefined))?.ok,
    interrupted,
  });
  return { url: `http://127.0.0.1:${port}`, operators: `http://127.0.0.1:${operatorsPort}`, adminToken, gatewayCredential };
}

// As gatehouse.json has it.
const GATEWAY = 'demo';

export class KeyManager {
  constructor({ KEY_MANAGER_URL, KEY_MANAGER_ADMIN_TOKEN }) {
    this.url = KEY_MANAGER_URL;
    this.token = KEY_MANAGER_ADMIN_TOKEN;
  }

  admin(method, path, body) {
    return this.#call(method, `/api/am/admin/v4${path}`, body);
  }

  publisher(method, path, body) {
    return this.#call(method, `/api/am/publisher/v4${path}`, body);
  }

  store(method, path, body) {
    return this.#call(method, `/api/am/devportal/v3${path}`, body);
  }

  /** The body of a good answer. */
  async #call(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path} -> ${response.status} ${text}`);
    }
    return text ? JSON.parse(text) : undefined;
  }
}
