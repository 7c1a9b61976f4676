// A walk: steps that say what was sent and what came back, one line each, and whether it came out as told.

import { isDeepStrictEqual } from 'node:util';

const colourful = process.stdout.isTTY && !process.env.NO_COLOR;
const colour = (code) => (text) => (colourful ? `\x1b[${code}m${text}\x1b[0m` : text);
const [bold, dim, green, red] = [1, 2, 32, 31].map(colour);

// Steps of one process are counted on, whoever walks.
let number = 0;

export class Walk {
  #steps = 0;
  #failures = 0;

  constructor(interrupted) {
    this.interrupted = interrupted;
  }

  /**
   * `act` does the step and returns what came back, in words; when it throws, the step did not come out as told and
   * the walk goes on, with undefined for the result.
   */
  async step(purpose, sent, act) {
    const what = this.#begin(purpose, sent);
    try {
      console.log(`${green('ok')}     ${what} ${await act()}`);
    } catch (error) {
      this.#failed(what, error);
    }
  }

  /** A step without which none of those that follow can be: `act` gives `{said, value}`, and the value is returned. */
  async must(purpose, sent, act) {
    const what = this.#begin(purpose, sent);
    try {
      const { said, value } = await act();
      console.log(`${green('ok')}     ${what} ${said}`);
      return value;
    } catch (error) {
      this.#failed(what, error);
      throw error;
    }
  }

  #begin(purpose, sent) {
    this.interrupted.throwIfAborted();
    this.#steps += 1;
    number += 1;
    return `${String(number).padStart(2)}. ${bold(purpose)}: ${sent} ${dim('->')}`;
  }

  #failed(what, error) {
    this.#failures += 1;
    console.log(`${red('FAILED')} ${what} ${[error.message, error.cause?.message].filter(Boolean).join(': ')}`);
  }

  /** Says how it went; true when every step came out as told. */
  conclude() {
    const told = this.#steps - this.#failures;
    const verdict = `${told} of ${this.#steps} steps came out as told`;
    console.log(this.#failures === 0 ? green(verdict) : red(verdict));
    return this.#failures === 0;
  }
}

/** Throws unless the two are equal, saying what was expected. */
export function expectEqual(what, found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what} is ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
}
