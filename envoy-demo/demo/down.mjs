// Ends the demo and removes what it wrote; harmless when nothing runs.

import { rm } from 'node:fs/promises';

import { state } from './places.mjs';
import { endAll } from './processes.mjs';

export async function down() {
  await endAll();
  await rm(state, { recursive: true, force: true });
}
