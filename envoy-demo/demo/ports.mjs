// Free ports on 127.0.0.1, the preferred one if it is free.

import { once } from 'node:events';
import { createServer } from 'node:net';

export async function freePort(preferred) {
  return (await portIfFree(preferred)) ?? portIfFree(0);
}

/** The port, or undefined when something has it; port 0 stands for any. */
async function portIfFree(port) {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  } catch {
    return undefined;
  }
  const { port: bound } = server.address();
  server.close();
  await once(server, 'close');
  return bound;
}
