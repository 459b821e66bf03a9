#!/usr/bin/env node
// A simulated template, for tests: SIMULATOR, nothing here comes out of a real device.
//   node tests/sim/template/template-sim.mjs [--control]     prints `listening PORT`
// With --control it answers each line on stdin with one line, and ends when stdin does: fault none|garbage · state
import http from 'node:http';
import readline from 'node:readline';

const outputs = [{ on: false, watts: 0 }];
let fault = 'none';

const server = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://template');
  const output = outputs[Number(url.searchParams.get('output') ?? 0)];
  const reply = (status, value) =>
    response
      .writeHead(status, { 'Content-Type': 'application/json' })
      .end(typeof value === 'string' ? value : JSON.stringify(value));
  if (fault === 'garbage') return reply(200, '<html>');
  if (!output) return reply(422, { message: 'no such output' });
  if (url.pathname === '/set')
    Object.assign(output, url.searchParams.get('on') === '1' ? { on: true, watts: 3.2 } : { on: false, watts: 0 });
  return reply(200, { id: 'A1', outputs });
});
if (process.argv.includes('--control')) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [verb, word] = line.split(' ');
    if (verb === 'fault') fault = word;
    console.log(verb === 'state' ? JSON.stringify(outputs) : 'ok');
  });
  lines.on('close', () => process.exit(0));
}
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
