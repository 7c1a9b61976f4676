// `.demo/env`: where a running demo is found, one NAME=value a line. Written last, so it also says that all is up.

import { readFileSync, writeFileSync } from 'node:fs';

import { stateFile } from './places.mjs';

export function writeAddresses(addresses) {
  const lines = Object.entries(addresses).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(stateFile('env'), lines.join(''));
}

/** undefined when no demo has come up. */
export function readAddresses() {
  try {
    const lines = readFileSync(stateFile('env'), 'utf8').trimEnd().split('\n');
    return Object.fromEntries(lines.map((line) => /^(\w+)=(.*)$/.exec(line).slice(1)));
  } catch (error) {
    if (error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
