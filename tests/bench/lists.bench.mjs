// What it costs the server that pages show hosts and devices: 256 hosts with 30 devices each, of which a few change
// every second, read by 100 pages; told by event, beside the same pages that ask for both lists every 4 s, in turns.
// What the hosts cost with nobody looking is measured before each, and taken off.
import http from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import WebSocket from 'ws';
import { folder, median, run, sleep, spread, until, usage } from './lib.mjs';

const HOSTS = 256,
  DEVICES = 30,
  PAGES = 100,
  CHANGES_PER_S = 4,
  POLL_MS = 4000,
  SECONDS = 8,
  ROUNDS = 3;

const interfaces = ['power', 'console', 'video'].map((kind) => ({ name: kind, kind, state: 'ready' }));
const devicesOf = (n, turn) =>
  Array.from({ length: DEVICES }, (_, i) => ({
    id: `dut${i}`,
    label: `Device ${i} of rack ${n}`,
    state: i === turn % DEVICES ? 'absent' : 'ready',
    interfaces,
  }));

async function hosts(base) {
  const all = [];
  for (let n = 0; n < HOSTS; n++) {
    const ws = new WebSocket(`${base.replace('http', 'ws')}/ws`, { perMessageDeflate: false });
    await new Promise((done, failed) => ws.on('open', done).on('error', failed));
    const ready = new Promise((done) =>
      ws.on('message', (text) => {
        const m = JSON.parse(text);
        if (m.type === 'ready') done();
        if (m.type === 'ping') ws.send('{"type":"pong"}');
      }),
    );
    ws.send(JSON.stringify({ type: 'hello', role: 'host', host: `lab-${n}`, protocol: 2 }));
    await ready;
    ws.send(JSON.stringify({ type: 'devices', devices: devicesOf(n, -1) }));
    all.push(ws);
  }
  return all;
}

async function told(base) {
  const heard = { n: 0 };
  const pages = [];
  for (let i = 0; i < PAGES; i++) {
    const ws = new WebSocket(`${base.replace('http', 'ws')}/ws`, { perMessageDeflate: false });
    await new Promise((done, failed) => ws.on('open', done).on('error', failed));
    ws.on('message', () => heard.n++);
    ws.send('{"subscribe":["hosts"]}');
    pages.push(ws);
  }
  return { heard, end: () => pages.forEach((ws) => ws.close()) };
}

/** As the pages did: both lists, every 4 s, whatever has changed. */
function polled(base) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: PAGES });
  const heard = { n: 0 };
  const get = (path) =>
    http.get(`${base}${path}`, { agent }, (answer) => answer.on('end', () => heard.n++).resume()).on('error', () => {});
  const timers = Array.from({ length: PAGES }, (_, i) => {
    const ask = () => (get('/api/devices'), get('/api/hosts'));
    let every;
    const first = setTimeout(
      () => {
        ask();
        every = setInterval(ask, POLL_MS);
      },
      (POLL_MS / PAGES) * i,
    );
    return () => (clearTimeout(first), clearInterval(every));
  });
  return { heard, end: () => (timers.forEach((stop) => stop()), agent.destroy()) };
}

export default async function bench() {
  const dir = folder('lists'),
    config = join(dir, 'server.yaml');
  writeFileSync(config, JSON.stringify({ port: 0, limits: { host_joins_per_s: 10000, host_joins: 10000 } }));
  const server = run([
    join(process.env.TESTBED_BUILD ?? 'build', 'testbed-server'),
    '--config',
    config,
    '--state-dir',
    dir,
  ]);
  const base = await until('the server', () => /url="?(http:[^\s"]+)/.exec(server.text)?.[1]);
  const labs = await hosts(base);
  let turn = 0;
  const changing = setInterval(() => {
    const n = turn++ % HOSTS;
    labs[n].send(JSON.stringify({ type: 'devices', devices: devicesOf(n, turn) }));
  }, 1000 / CHANGES_PER_S);
  const share = async () => {
    const before = usage(server.pid).cpu;
    await sleep(SECONDS * 1000);
    return (100 * (usage(server.pid).cpu - before)) / SECONDS;
  };
  const rounds = { told: [], polled: [] };
  for (let n = 0; n < ROUNDS; n++)
    for (const [name, begin] of Object.entries({ told, polled })) {
      const quiet = await share();
      const pages = await begin(base);
      await sleep(1000);
      pages.heard.n = 0;
      const busy = await share();
      rounds[name].push({ cpu: Math.max(0, busy - quiet), quiet, heard: pages.heard.n });
      pages.end();
      await sleep(500);
    }
  clearInterval(changing);
  labs.forEach((ws) => ws.close());
  if (rounds.told.some((r) => r.heard < PAGES)) throw new Error('the pages were told nothing');
  const text = (r) => `${median(r, 'cpu').toFixed(2)} % of a core (${spread(r, 'cpu', 2)})`;
  const cpu = median(rounds.told, 'cpu');
  return [
    {
      what: `${PAGES} open pages, ${HOSTS} hosts × ${DEVICES} devices, ${CHANGES_PER_S} changes/s: CPU of the server`,
      ours: `${text(rounds.told)}; without pages ${median(rounds.told, 'quiet').toFixed(2)} %`,
      peer: `both lists every 4 s: ${text(rounds.polled)}`,
      ratio: (cpu / median(rounds.polled, 'cpu')).toFixed(2),
      target: '≤ 1 %',
      met: cpu <= 1,
      rounds: ROUNDS,
    },
  ];
}
