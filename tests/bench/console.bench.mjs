// Console: 64 KB pasted and 1 MB printed through a tcp:// console, byte for byte; the latency that the daemon adds to
// one keystroke's echo, against the same echo server spoken to directly.
import { createServer, connect } from 'node:net';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { host, percentile, until } from './lib.mjs';

const require = createRequire(import.meta.url);
const WebSocket = require('ws');
const hash = (b) => createHash('sha256').update(b).digest('hex');

/** An echo server that prints a megabyte when it reads the byte 0x01. */
function echoServer(megabyte) {
  return new Promise((done) => {
    const server = createServer((s) => {
      s.setNoDelay(true);
      s.on('error', () => {});
      s.on('data', (d) => s.write(d.length === 1 && d[0] === 1 ? megabyte : d));
    }).listen(0, '127.0.0.1', () => done(server));
  });
}

async function roundTrips(write, onData, n) {
  const times = [];
  for (let i = 0; i < n; i++) {
    const begin = performance.now();
    await new Promise((done) => {
      onData(done);
      write(Buffer.from('k'));
    });
    times.push(performance.now() - begin);
  }
  return times;
}

export default async function bench() {
  const megabyte = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < megabyte.length; i++) megabyte[i] = 32 + ((i * 7 + (i >> 8)) % 95);
  const server = await echoServer(megabyte);
  const { port } = server.address();
  const h = await host({ dut: { attach: { console: `tcp://127.0.0.1:${port}` } } });
  await until('the console', async () => (await (await fetch(`${h.url}/host/devices/dut`)).json()).state === 'ready');

  const ws = new WebSocket(`${h.url.replace('http', 'ws')}/host/devices/dut/console`);
  const received = [];
  let size = 0,
    wake = () => {};
  ws.on('message', (data, binary) => {
    if (binary) {
      received.push(data);
      size += data.length;
      wake();
    }
  });
  await new Promise((done, fail) => {
    ws.on('open', done);
    ws.on('error', fail);
  });

  const paste = Buffer.from(Array.from({ length: 64 * 1024 }, (_, i) => 33 + (i % 90)));
  ws.send(paste);
  await until('64 KB back', () => size >= paste.length);
  const pasted = Buffer.concat(received.splice(0));
  size = 0;
  const begin = performance.now();
  ws.send(Buffer.from([1]));
  await until('1 MB', () => size >= megabyte.length);
  const seconds = (performance.now() - begin) / 1000;
  const printed = Buffer.concat(received.splice(0));
  if (hash(pasted) !== hash(paste) || hash(printed) !== hash(megabyte)) throw new Error('bytes were lost or changed');

  const direct = connect(port, '127.0.0.1');
  direct.setNoDelay(true);
  await new Promise((done) => direct.on('connect', done));
  const n = 1000;
  const through = await roundTrips(
    (b) => ws.send(b),
    (done) => {
      wake = done;
    },
    n,
  );
  let directWake = () => {};
  direct.on('data', () => directWake());
  const plain = await roundTrips(
    (b) => direct.write(b),
    (done) => {
      directWake = done;
    },
    n,
  );
  ws.terminate();
  direct.destroy();
  server.close();
  const p50 = [percentile(through, 0.5), percentile(plain, 0.5)];
  return [
    {
      what: 'console: 64 KB pasted, 1 MB printed',
      ours: `byte for byte, ${(1 / seconds).toFixed(0)} MB/s`,
      target: 'nothing lost',
      met: true,
      rounds: 1,
    },
    {
      what: 'console: echo of a keystroke, p50',
      ours: `${p50[0].toFixed(2)} ms`,
      peer: `${p50[1].toFixed(2)} ms (the same TCP port without us)`,
      ratio: `+${(p50[0] - p50[1]).toFixed(2)} ms`,
      target: '≤ +2 ms',
      met: p50[0] - p50[1] <= 2,
      rounds: n,
    },
  ];
}
