// Background processes of the demo: each has a log `.demo/<name>.log` and its pid in `.demo/<name>.pid`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

import { until } from './condition.mjs';
import { sources, state, stateFile } from './places.mjs';
import { processTable } from './process-table.mjs';

const START_TIMEOUT = 60_000;
const END_TIMEOUT = 5_000;
const LOG_TAIL_LINES = 30;

/**
 * Starts a process that outlives this one and waits until `isReady` gives something truthy, which is returned;
 * `isReady` is asked with the log so far.
 */
export async function start(name, [program, ...parameters], { environment = {}, isReady, interrupted }) {
  interrupted.throwIfAborted();
  const log = openSync(stateFile(`${name}.log`), 'w');
  const child = spawn(program, parameters, {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  await once(child, 'spawn');
  child.unref();
  writeFileSync(stateFile(`${name}.pid`), `${child.pid}\n`);

  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const ready = await until(async () => hasEnded() || (await isReady(readLog(name))), START_TIMEOUT, interrupted);
  if (!ready || hasEnded()) {
    const what = hasEnded() ? 'ended' : `is not ready after ${START_TIMEOUT / 1000} s`;
    throw new Error(`${name} ${what}; the end of its log:\n${logTail(name)}`);
  }
  return ready;
}

/** The names of what was started here, whether it still runs or not. */
export function startedNames() {
  return pidFiles().map((file) => file.replace(/\.pid$/, ''));
}

export async function isRunning(name) {
  const table = await processTable();
  return table.some((entry) => entry.pid === pidOf(name) && isOurs(entry));
}

/** Ends everything that was started here and still runs. */
export async function endAll() {
  const table = await processTable();
  const started = new Set(startedNames().map(pidOf));
  const pids = table.filter((entry) => started.has(entry.pid) && isOurs(entry)).map(({ pid }) => pid);
  // With func-e, Envoy is a child of what was started.
  for (const pid of pids) {
    pids.push(...table.filter(({ parent }) => parent === pid).map((child) => child.pid));
  }
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    for (const pid of await stillRunning(pids)) {
      kill(pid, signal);
    }
    if (await until(async () => (await stillRunning(pids)).length === 0, END_TIMEOUT)) {
      return;
    }
  }
  throw new Error(`these processes do not end: ${(await stillRunning(pids)).join(', ')}`);
}

async function stillRunning(pids) {
  const table = await processTable();
  return table.filter((entry) => pids.includes(entry.pid) && isOurs(entry)).map(({ pid }) => pid);
}

/** A pid may have passed on to a process that is none of ours; all of ours have our paths among their arguments. */
function isOurs({ command }) {
  return command.includes(`${sources}/`) || command.includes(`${state}/`);
}

function kill(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') {
      throw error;
    }
  }
}

function pidFiles() {
  try {
    return readdirSync(state).filter((file) => file.endsWith('.pid'));
  } catch {
    return []; // No demo was started.
  }
}

function pidOf(name) {
  return Number(readFileSync(stateFile(`${name}.pid`), 'utf8'));
}

function readLog(name) {
  return readFileSync(stateFile(`${name}.log`), 'utf8');
}

/** The last lines of its log. */
export function logTail(name) {
  return readLog(name).trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}
