// One stranger who sends as fast as it can, in every way there is: others hardly notice, memory stays where it was, and
// the daemon ends when it is told to.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { Host, SLOW, request, within } from './harness.mjs';
import { Server } from './server-harness.mjs';

// In a thread of its own: what is measured here must not be this program's own work.
const FLOODER = `
const { parentPort, workerData } = require('node:worker_threads');
const net = require('node:net');
const { port, target, kind } = workerData;
const frame = (first, payload) => {
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = Buffer.from(payload.map((b, i) => b ^ mask[i % 4]));
  return Buffer.concat([Buffer.from([first, 0x80 | payload.length]), mask, masked]);
};
const times = (n, block) => Buffer.concat(Array(n).fill(block));
const upgrade = 'GET ' + target + ' HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n';
const floods = {
  ping: [null, frame(0x89, Buffer.alloc(125, 120))], // 120: x
  'empty ping': [null, frame(0x89, Buffer.alloc(0))],
  pong: [null, frame(0x8a, Buffer.alloc(0))],
  'empty continuation': [frame(0x01, Buffer.alloc(0)), frame(0x00, Buffer.alloc(0))],
  'fragment of one byte': [frame(0x01, Buffer.alloc(1, 97)), frame(0x00, Buffer.alloc(1, 97))],
  text: [null, frame(0x81, Buffer.from('{"type":"nothing","id":1}'))],
  request: [null, Buffer.from('GET /nothing HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n')],
};
let told = false, over = false;
const begun = () => { if (!told) { told = true; parentPort.postMessage('begun'); } };
function connect() {
  if (over) return;
  const socket = net.connect(port, '127.0.0.1');
  const [first, each] = floods[kind];
  const block = times(Math.ceil(65536 / each.length), each);
  const go = () => { begun(); if (!socket.destroyed && socket.write(block)) setImmediate(go); };
  socket.on('drain', go);
  socket.on('error', () => {});
  socket.on('close', connect); // thrown out: the next one
  if (kind === 'request') return socket.on('connect', go).resume();
  socket.on('connect', () => socket.write(upgrade));
  // and reads nothing from here on
  socket.once('data', () => { socket.pause(); if (first) socket.write(first); go(); });
}
connect();
parentPort.on('message', () => { over = true; parentPort.close(); process.exit(); });
`;

async function flood(url, target, kind) {
  const worker = new Worker(FLOODER, { eval: true, workerData: { port: Number(new URL(url).port), target, kind } });
  await within(
    `the flood of ${kind}s to begin`,
    new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    }),
    20000,
  );
  return worker;
}

const rss = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;

/** The 90th of a hundred answers, in ms. */
async function latency(url, target, agent) {
  const all = [];
  for (let i = 0; i < 100; i++) {
    const begin = performance.now();
    assert.equal((await request(url, 'GET', target, { agent })).status, 200);
    all.push(performance.now() - begin);
  }
  return all.sort((a, b) => a - b)[89];
}

const KINDS = ['ping', 'empty ping', 'pong', 'empty continuation', 'fragment of one byte', 'text', 'request'];
// A machine may be busy with other things: the best of some rounds counts, and times below FLOOR_MS are all the same.
// What is not bounded takes seconds.
const ROUNDS = 5,
  RATIO = 3,
  FLOOR_MS = 2;
const GROWTH_MB = SLOW > 1 ? 200 : 4; // sanitizers keep freed memory

for (const [name, start, target, health] of [
  ['host', () => Host.start({}), '/host/ws', '/host/health'],
  ['server', () => Server.start({ refusals_per_minute: 100000 }), '/ws', '/health'],
]) {
  for (const kind of KINDS) {
    test(`${name}: a flood of ${kind}s is the sender's alone`, async (t) => {
      const daemon = await start();
      t.after(async () => {
        if (!daemon.program.how) await daemon.stop();
      });
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      t.after(() => agent.destroy());
      await latency(daemon.url, health, agent); // warm
      const before = rss(daemon.program.pid),
        ratios = [];
      let worker;
      t.after(() => worker?.postMessage('end'));
      for (let i = 0; i < ROUNDS && !(Math.min(...ratios) <= RATIO); i++) {
        const quiet = await latency(daemon.url, health, agent);
        worker = await flood(daemon.url, target, kind);
        const loud = await latency(daemon.url, health, agent);
        ratios.push(loud / Math.max(quiet, FLOOR_MS));
        if (Math.min(...ratios) > RATIO && i + 1 < ROUNDS) {
          worker.postMessage('end');
          await within('its end', new Promise((r) => worker.once('exit', r)));
        }
      }
      assert.ok(
        Math.min(...ratios) <= RATIO,
        `others wait ${ratios.map((r) => r.toFixed(1)).join(', ')} times as long as without it`,
      );
      assert.ok(
        rss(daemon.program.pid) - before <= GROWTH_MB,
        `${before} MB before, ${rss(daemon.program.pid)} MB under the flood`,
      );
      await daemon.stop(); // within 5 s, with exit code 0, while the flood goes on
    });
  }
}
