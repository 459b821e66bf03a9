// What making a session costs the server's loop when 20,000 exist already: CPU of the main thread per session (its HTTP
// request and its part of the write included; the store lane is a thread of its own), beside the first ones of the same
// server.
import http from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, run, until, usage } from './lib.mjs';

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

export default async function bench() {
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
