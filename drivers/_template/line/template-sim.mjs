#!/usr/bin/env node
// A simulated template, for tests: SIMULATOR, nothing here comes out of a real device.
//   node tests/sim/template/template-sim.mjs [--control]     prints `listening PORT`
// With --control it answers each line on stdin with one line, and ends when stdin does: fault none|garbage · state
import net from 'node:net';
import readline from 'node:readline';

const outlets = new Map();
let fault = 'none';

function answer(line) {
  const [verb, outlet, wish] = line.trim().split(' ');
  if (fault === 'garbage') return '<html>';
  if (verb === 'set' && ['on', 'off'].includes(wish)) outlets.set(outlet, wish === 'on');
  else if (verb !== 'get') return 'error unknown command';
  return outlets.get(outlet) ? 'on 3.2' : 'off';
}

const server = net.createServer((socket) => {
  socket.on('error', () => {});
  readline.createInterface({ input: socket }).on('line', (line) => socket.write(`${answer(line)}\n`));
});
if (process.argv.includes('--control')) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [verb, word] = line.split(' ');
    if (verb === 'fault') fault = word;
    console.log(verb === 'state' ? JSON.stringify([...outlets]) : 'ok');
  });
  lines.on('close', () => process.exit(0));
}
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
