// The demo: a real identity provider, the key manager, a backend that echoes, Envoy with the gateway filter, and a walk
// through them.
//
//   node demo.mjs up     starts everything and leaves it running
//   node demo.mjs walk   calls the APIs of a running demo, one line a step; exit status 0 if all came out as told
//   node demo.mjs down   ends everything
//   node demo.mjs run    up, walk and down

import { down } from './demo/down.mjs';
import { logTail } from './demo/processes.mjs';
import { isUp, up } from './demo/up.mjs';
import { walk } from './demo/walk.mjs';

const commands = {
  up: async (interrupted) => {
    if (await isUp()) {
      console.log('the demo is running already: its addresses are in .demo/env, `make demo-down` ends it');
      return true;
    }
    await up(interrupted);
    return true;
  },
  walk,
  down: async () => {
    await down();
    return true;
  },
  run: async (interrupted) => {
    try {
      await up(interrupted);
      const asTold = await walk(interrupted);
      if (!asTold) {
        console.error(`the end of Envoy's log:\n${logTail('envoy')}`);
      }
      return asTold;
    } finally {
      await down();
    }
  },
};

const command = commands[process.argv[2]];
if (!command || process.argv.length > 3) {
  console.error(`usage: node demo.mjs ${Object.keys(commands).join(' | ')}`);
  process.exit(2);
}

// What is under way stops at its next step and cleans up behind itself, instead of leaving processes behind.
const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => interruption.abort(new Error(`interrupted by ${signal}`)));
}
process.stdout.on('error', (error) => interruption.abort(error));

try {
  process.exitCode = (await command(interruption.signal)) ? 0 : 1;
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
