// Sockets that do nothing: what each costs in memory, what all cost of the CPU, and how long a new session takes beside
// them. 20,000, or as many as the machine's limits allow.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { folder, freePort, percentile, run, sleep, until, usage } from './lib.mjs';

const SOCKETS = 20000;
const ROOM = 3 * SOCKETS; // descriptors: a daemon keeps half of them for other things
const SECONDS = 20;
const NEW = 500;
const build = (name) => join(process.env.TESTBED_BUILD ?? 'build', name);

/** What a program is started by, so that it may open as many; []: this user may not. */
function raise() {
  const raised = ['prlimit', `--nofile=${ROOM}:${ROOM}`];
  try {
    execFileSync(raised[0], [...raised.slice(1), 'true'], { stdio: 'ignore' });
    return { raised, n: SOCKETS };
  } catch {
    const most = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }));
    return { raised: [], n: Math.min(SOCKETS, 2 * Math.floor((most / 2 - 600) / 2)) };
  }
}

function create(port, agent) {
  const begun = performance.now();
  const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': '203.0.113.7' };
  return new Promise((resolve, reject) =>
    http
      .request({ port, path: '/api/session', method: 'POST', agent, headers }, (answer) => {
        answer.resume().on('end', () => {
          if (answer.statusCode === 201) resolve(performance.now() - begun);
          else reject(new Error(`status ${answer.statusCode}`));
        });
      })
      .on('error', reject)
      .end('{}'),
  );
}

export default async function bench() {
  const dir = folder('sockets'),
    config = join(dir, 'server.yaml'),
    port = await freePort(),
    { raised, n } = raise();
  writeFileSync(config, JSON.stringify({ port, sessions_per_minute: 100000 }));
  const server = run([...raised, build('testbed-server'), '--config', config, '--state-dir', dir]);
  await until('the server', () => /url="?(http:[^\s"]+)/.exec(server.text)?.[1]);
  const empty = usage(server.pid).rss;
  const client = run([...raised, process.execPath, 'tests/bench/sockets_client.mjs', String(port), String(n)]);
  await until(`${n} sockets`, () => /open/.test(client.text), 180);
  const full = usage(server.pid);
  await sleep(SECONDS * 1000); // what is measured
  const cpu = (100 * (usage(server.pid).cpu - full.cpu)) / SECONDS;
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  for (const role of ['desktop', 'phone'])
    if (!metrics.includes(`testbed_parties{role="${role}"} ${n / 2}\n`)) throw new Error(`not ${n / 2} of ${role}`);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const took = [];
  for (let i = 0; i < NEW; i++) took.push(await create(port, agent));
  agent.destroy();
  const each = (full.rss - empty) / n / 1024;
  const p99 = percentile(took, 0.99);
  const of = `${n.toLocaleString('en')} idle sockets in ${(n / 2).toLocaleString('en')} sessions`;
  return [
    { what: `${of}: memory of each`, ours: `${each.toFixed(2)} KB`, target: '≤ 4 KB', met: each <= 4, rounds: 1 },
    { what: `${of}: CPU`, ours: `${cpu.toFixed(1)} % of a core`, target: '≤ 2 %', met: cpu <= 2, rounds: 1 },
    {
      what: `${of}: a new session`,
      ours: `p99 ${p99.toFixed(1)} ms, p50 ${percentile(took, 0.5).toFixed(1)} ms`,
      target: 'p99 ≤ 5 ms',
      met: p99 <= 5,
      rounds: NEW,
    },
  ];
}
