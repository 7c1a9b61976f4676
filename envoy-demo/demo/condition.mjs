// Waiting for conditions, never for time to pass.

import { setTimeout as pause } from 'node:timers/promises';

const INTERVAL = 50;

/**
 * Asks again and again until there is something truthy, which is returned; undefined when `milliseconds` have passed.
 * An AbortSignal as the last argument ends the wait by throwing.
 */
export async function until(condition, milliseconds, interrupted) {
  const deadline = Date.now() + milliseconds;
  do {
    interrupted?.throwIfAborted();
    const value = await condition();
    if (value) {
      return value;
    }
    await pause(INTERVAL);
  } while (Date.now() < deadline);
  return undefined;
}
