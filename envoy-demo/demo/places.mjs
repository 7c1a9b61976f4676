// Where things are: the checkout, the demo's sources in it, and `.demo` for everything that a running demo writes.

import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const sources = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
export const repository = path.dirname(sources);
export const state = path.join(repository, '.demo');
export const keyManagerProgram = path.join(repository, 'target/debug/gatehouse-key-manager');
export const filterModule = path.join(repository, 'target/wasm32-wasip1/release/gatehouse.wasm');

export const source = (name) => path.join(sources, name);
export const stateFile = (name) => path.join(state, name);
