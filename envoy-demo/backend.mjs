// A backend that shows what reached it: answers every request with JSON {method, path, headers: [[name, value], ..]},
// the headers in their order, duplicates and spelling kept.
//
//   node backend.mjs [--port 9001]
//
// Prints `ready <url>` once it listens.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({ options: { port: { type: 'string', default: '0' } } });

// Envoy lets up to 60 KiB of headers pass, and the filter adds one; Node's own limit is 16 KiB.
const server = createServer({ maxHeaderSize: 128 * 1024 }, echo);
// Envoy keeps connections for the next request; one that were closed from here just then would fail it.
server.keepAliveTimeout = 0;
server.listen(Number(options.port), '127.0.0.1');
await once(server, 'listening');
console.log(`ready http://127.0.0.1:${server.address().port}`);

function echo(request, response) {
  request.resume();
  request.on('end', () => {
    const body = { method: request.method, path: request.url, headers: pairs(request.rawHeaders) };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  });
}

/** `[name, value, name, value]` as `[[name, value], [name, value]]`. */
function pairs(rawHeaders) {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => rawHeaders.slice(2 * index, 2 * index + 2));
}
