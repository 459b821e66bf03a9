// What relaying a message costs beside the least that it can (tests/tools/relay_floor.c: epoll, recv, unmask, send),
// paced and flat out, in turns in one run. And what making a session costs the server's loop when 20,000 exist already:
// CPU of the main thread per session (its HTTP request and its part of the write included; the store lane is a thread
// of its own), beside the first ones of the same server.
import http from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { folder, freePort, host, median, output, run, spread, until, usage } from './lib.mjs';

const SESSIONS = 20000,
  ROUND = 500,
  AT_ONCE = 16;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

function create(url, i) {
  const body = '{}',
    headers = {
      'Content-Type': 'application/json',
      'Content-Length': body.length,
      'X-Forwarded-For': `198.51.${(i >> 8) & 127}.${i & 255}`,
    };
  return new Promise((resolve, reject) => {
    const request = http.request(`${url}/api/session`, { method: 'POST', agent, headers }, (answer) => {
      answer
        .resume()
        .on('end', () =>
          answer.statusCode === 201 ? resolve() : reject(new Error(`status ${answer.statusCode} for session ${i}`)),
        );
    });
    request.on('error', reject).end(body);
  });
}

/** ms of CPU of the main thread so far. */
const loop = (pid) => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;

async function make(server, from, n) {
  const before = loop(server.pid);
  let next = from;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < from + n) await create(server.url, next++);
    }),
  );
  return (loop(server.pid) - before) / n;
}

const build = (name) => join(process.env.TESTBED_BUILD ?? 'build', name);
const ROUNDS = 5;

/** Of `mode` in turns: [{cpu_us, p99_us, per_s}] of us and of the floor. */
async function relay(ports, pids, ...mode) {
  const rounds = ports.map(() => []);
  for (let n = 0; n < ROUNDS; n++)
    for (const [i, port] of ports.entries()) {
      const args = [port, pids[i], ...mode].map(String);
      rounds[i].push(JSON.parse((await promisify(execFile)(build('tools/relay_load'), args)).stdout));
    }
  return rounds;
}

async function relaying() {
  const dir = folder('relay'),
    config = join(dir, 'server.yaml'),
    ports = [await freePort(), await freePort()];
  const limits = { messages_per_s: 1000000 };
  writeFileSync(config, JSON.stringify({ port: ports[0], sessions_per_minute: 100000, limits }));
  const ours = run([build('testbed-server'), '--config', config, '--state-dir', dir]);
  const floor = run([build('tools/relay_floor'), String(ports[1])]);
  await until('the server', () => /url="?(http:[^\s"]+)/.exec(ours.text)?.[1]);
  const rows = [];
  for (const [what, ...mode] of [
    ['15,000 a second', 'rate', 100, 15000, 3],
    ['flat out', 'flat', 100, 8, 3],
  ]) {
    const [us, least] = await relay(ports, [ours.pid, floor.pid], ...mode);
    const ratio = median(us, 'cpu_us') / median(least, 'cpu_us');
    const text = (r) =>
      `${median(r, 'cpu_us').toFixed(1)} µs (${spread(r, 'cpu_us')}), p99 ${(median(r, 'p99_us') / 1000).toFixed(1)} ms`;
    rows.push({
      what: `relay, 250 bytes, 100 sessions, ${what}: CPU of a message`,
      ours: text(us),
      peer: `floor: ${text(least)}`,
      ratio: ratio.toFixed(2),
      target: '≤ 1.3',
      met: ratio <= 1.3,
      rounds: ROUNDS,
    });
  }
  return rows;
}

export default async function bench() {
  return [...(await carrying()), ...(await relaying()), ...(await creating())];
}

/** GET /host/devices through the server and the host's own socket, beside the same without a way in between. */
async function carrying() {
  const dir = folder('carry'),
    config = join(dir, 'server.yaml');
  writeFileSync(config, JSON.stringify({ port: 0, limits: { carry_reads_each: 64 } }));
  const server = run([build('testbed-server'), '--config', config, '--state-dir', dir]);
  const base = await until('the server', () => /url="?(http:[^\s"]+)/.exec(server.text)?.[1]);
  const devices = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`dut${i}`, { attach: 'testpattern://' }]));
  const direct = `${(await host(devices, { config: { name: 'lab-1', server: { url: base } } })).url}/host/devices`;
  const carried = `${base}/api/hosts/lab-1/host/devices`;
  await until('the host', async () => (await fetch(carried)).ok);
  const rounds = [[], []];
  for (let n = 0; n < ROUNDS; n++)
    for (const [i, url] of [direct, carried].entries()) {
      const { text } = await output(['wrk', '-t1', '-c16', '-d3s', url]);
      const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
      if (!requests || /Non-2xx/.test(text)) throw new Error(`wrk on ${url}: ${text}`);
      rounds[i].push({ rate: requests / 3 });
    }
  const [straight, through] = rounds.map((r) => median(r, 'rate'));
  return [
    {
      what: 'GET /host/devices, carried through a server, 16 connections: requests/s',
      ours: `${through.toFixed(0)} (${spread(rounds[1], 'rate', 0)})`,
      peer: `direct: ${straight.toFixed(0)} (${spread(rounds[0], 'rate', 0)})`,
      ratio: (through / straight).toFixed(2),
      target: '≥ 0.5',
      met: through / straight >= 0.5,
      rounds: ROUNDS,
    },
  ];
}

async function creating() {
  const dir = folder('server'),
    config = join(dir, 'server.yaml');
  writeFileSync(config, JSON.stringify({ port: 0, sessions_per_minute: 100000 }));
  const server = run([
    join(process.env.TESTBED_BUILD ?? 'build', 'testbed-server'),
    '--config',
    config,
    '--state-dir',
    dir,
  ]);
  server.url = await until('the server', () => /url="?(http:[^\s"]+)/.exec(server.text)?.[1]);
  const first = await make(server, 0, ROUND);
  await make(server, ROUND, SESSIONS - 2 * ROUND);
  const last = await make(server, SESSIONS - ROUND, ROUND);
  const rss = usage(server.pid).rss / 1e6;
  return [
    {
      what: 'session creation with 20,000 sessions: ms of the loop',
      ours: `${last.toFixed(2)} ms (the first ${ROUND}: ${first.toFixed(2)} ms; RSS ${rss.toFixed(0)} MB)`,
      target: '≤ 0.3 ms',
      met: last <= 0.3,
      rounds: 1,
    },
  ];
}
