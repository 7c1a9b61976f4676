// Starts the demo: the identity provider, the key manager, the backend, and Envoy in front of them.

import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';

import { readAddresses, writeAddresses } from './addresses.mjs';
import { down } from './down.mjs';
import { furnish } from './furnish.mjs';
import { startKeyManager } from './key-manager.mjs';
import { fillIn } from './placeholders.mjs';
import { filterModule, keyManagerProgram, repository, source, state, stateFile } from './places.mjs';
import { freePort } from './ports.mjs';
import { isRunning, logTail, start, startedNames } from './processes.mjs';

const PREFERRED_PORTS = { gateway: 8080, admin: 9901, idp: 9000, backend: 9001, keyManager: 8090, operators: 8091 };

export async function isUp() {
  const names = startedNames();
  const running = await Promise.all(names.map(isRunning));
  return readAddresses() !== undefined && running.length > 0 && running.every(Boolean);
}

/** Starts it all anew, or nothing: what is left of another demo of this checkout is ended first. */
export async function up(interrupted) {
  for (const [built, target] of [[filterModule, 'build'], [keyManagerProgram, 'key-manager']]) {
    if (!existsSync(built)) {
      throw new Error(`${built} is missing: run \`make ${target}\` first`);
    }
  }
  await down();
  mkdirSync(state, { recursive: true });
  try {
    const addresses = await startAll(interrupted);
    writeAddresses(addresses);
    announce(addresses);
  } catch (error) {
    console.error(`the end of Envoy's log:\n${logTail('envoy')}`);
    await down();
    throw error;
  }
}

async function startAll(interrupted) {
  const { clients, users, initialAccessToken } = JSON.parse(readFileSync(source('idp.json'), 'utf8'));
  const gatewaySecret = clients.find((client) => client.client_id === 'gateway').client_secret;

  const idp = await startServer('idp', ['--config', source('idp.json')], interrupted);
  const backend = await startServer('backend', [], interrupted);
  const keyManager = await startKeyManager({
    port: await freePort(PREFERRED_PORTS.keyManager),
    operatorsPort: await freePort(PREFERRED_PORTS.operators),
    interrupted,
  });
  const reached = {
    IDP_URL: idp,
    BACKEND_URL: backend,
    KEY_MANAGER_URL: keyManager.url,
    KEY_MANAGER_OPERATORS_URL: keyManager.operators,
    KEY_MANAGER_ADMIN_TOKEN: keyManager.adminToken,
  };
  const { gateway, admin } = await startEnvoy(idp, backend, keyManager, gatewaySecret, interrupted);
  reached.GATEWAY_URL = gateway;
  reached.ENVOY_ADMIN_URL = admin;
  const client = await furnish(reached, gatewaySecret, initialAccessToken, interrupted);
  return {
    ...reached,
    DEMO_CLIENT_ID: client.id,
    DEMO_CLIENT_SECRET: client.secret,
    DEMO_USERNAME: users[0].username,
    DEMO_PASSWORD: users[0].password,
  };
}

/** Starts `<name>.mjs`; the URL that it says it is ready on. */
async function startServer(name, parameters, interrupted) {
  const port = await freePort(PREFERRED_PORTS[name]);
  const command = [process.execPath, source(`${name}.mjs`), '--port', `${port}`, ...parameters];
  return start(name, command, { isReady: (log) => /^ready (\S+)$/m.exec(log)?.[1], interrupted });
}

async function startEnvoy(idp, backend, keyManager, idpSecret, interrupted) {
  const gatewayPort = await freePort(PREFERRED_PORTS.gateway);
  const adminPort = await freePort(PREFERRED_PORTS.admin);
  const admin = `http://127.0.0.1:${adminPort}`;
  const configuration = fillIn(readFileSync(source('envoy.yaml'), 'utf8'), {
    GATEWAY_PORT: gatewayPort,
    ADMIN_PORT: adminPort,
    IDP_PORT: Number(new URL(idp).port),
    KEY_MANAGER_PORT: Number(new URL(keyManager.url).port),
    BACKEND_PORT: Number(new URL(backend).port),
    MODULE: filterModule,
    ACCESS_LOG: stateFile('access.log'),
    GATEHOUSE_CONFIGURATION: fillIn(readFileSync(source('gatehouse.json'), 'utf8'), {
      IDP_ISSUER: idp,
      IDP_AUTHORITY: new URL(idp).host,
      KEY_MANAGER_AUTHORITY: new URL(keyManager.url).host,
    }),
  });
  writeFileSync(stateFile('envoy.yaml'), configuration);

  await start('envoy', [...(await envoyCommand()), '-c', stateFile('envoy.yaml'), ...ENVOY_OPTIONS], {
    environment: {
      GATEHOUSE_IDP_SECRET: idpSecret,
      GATEHOUSE_SIGNING_KEY: freshSigningKey(),
      GATEHOUSE_GATEWAY_CREDENTIAL: keyManager.gatewayCredential,
    },
    isReady: async () => (await fetch(`${admin}/ready`).catch(() => undefined))?.ok,
    interrupted,
  });
  return { gateway: `http://127.0.0.1:${gatewayPort}`, admin };
}

const ENVOY_OPTIONS = [
  // Two workers suffice to show that they share what they know.
  ...['--concurrency', '2'],
  // Lets several Envoys run on one machine.
  '--disable-hot-restart',
  ...['--file-flush-interval-msec', '100'],
  ...['--log-level', 'warning', '--component-log-level', 'wasm:info'],
];

async function envoyCommand() {
  const { stdout } = await promisify(execFile)(`${repository}/scripts/envoy-path`, ['--command']);
  return stdout.trimEnd().split('\n');
}

function freshSigningKey() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
}

function announce({ GATEWAY_URL, ENVOY_ADMIN_URL, IDP_URL, KEY_MANAGER_URL, BACKEND_URL }) {
  console.log(`gateway            ${GATEWAY_URL}`);
  console.log(`Envoy's admin      ${ENVOY_ADMIN_URL}`);
  console.log(`identity provider  ${IDP_URL}`);
  console.log(`key manager        ${KEY_MANAGER_URL}`);
  console.log(`backend            ${BACKEND_URL}`);
  console.log('these and the demo client are in .demo/env, logs in .demo/*.log');
}
