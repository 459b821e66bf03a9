// Several servers that are one: what it adds to a message that it crosses two of them, what an idle socket costs on
// each, and how soon clients are back when the one that has the database is killed. Beside it one server alone.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';

import { ROOT, scratch } from '../integration/harness.mjs';
import { Server } from '../integration/server-harness.mjs';
import { freePort, median, percentile, run, sleep, until, usage } from './lib.mjs';

const ROUNDS = 5;
const PINGS = 2000;
const PAIRS = 8;
const MESSAGES = 10000; // of each
const WINDOW = 256;
const SESSIONS = Number(process.env.TB_SEVERAL_SESSIONS ?? 500); // two sockets each
const KILLS = Number(process.env.TB_SEVERAL_KILLS ?? 3);
const KILL_EACH_S = Number(process.env.TB_SEVERAL_EACH_S ?? 10);
const IDLE = 2000;
const config = {
  sessions_per_minute: 100000,
  sessions_per_network: 15000,
  refusals_per_minute: 100000,
  limits: { messages_per_s: 1000000, bytes_per_s: 1073741824, waiting: 1000000 },
};
const text = (n) => JSON.stringify({ type: 'event', n, pad: 'x'.repeat(220) }); // 250 bytes
const leads = (server) => /this server has the database/.test(server.program.text);

/** A phone that has come to one server, and the desktop of its session that has come to another. */
async function pair(phoneAt, desktopAt) {
  const session = await phoneAt.session();
  const phone = await phoneAt.join('phone', session),
    desktop = await desktopAt.join('desktop', session);
  desktop.ws.removeAllListeners('message');
  return { phone: phone.ws, desktop: desktop.ws };
}

/** Sends MESSAGES, WINDOW of them under way at once. */
const pump = ({ phone, desktop }) =>
  new Promise((done) => {
    let sent = 0,
      came = 0;
    const more = () => {
      while (sent < MESSAGES && sent - came < WINDOW) phone.send(text(sent++));
    };
    desktop.on('message', () => {
      if (++came === MESSAGES) done();
      else if (sent - came < WINDOW / 2) more();
    });
    more();
  });

/** Latencies in ms of one session, messages a second of PAIRS of them. */
async function relay(phoneAt, desktopAt) {
  const { phone, desktop } = await pair(phoneAt, desktopAt);
  const ms = [];
  for (let n = 0; n < PINGS; n++) {
    const at = performance.now();
    const came = new Promise((done) => desktop.once('message', done));
    phone.send(text(n));
    await came;
    if (n >= PINGS / 10) ms.push(performance.now() - at);
  }
  const pairs = [];
  for (let i = 0; i < PAIRS; i++) pairs.push(await pair(phoneAt, desktopAt));
  const begun = performance.now();
  await Promise.all(pairs.map(pump));
  const rate = (PAIRS * MESSAGES) / ((performance.now() - begun) / 1000);
  for (const each of [{ phone, desktop }, ...pairs]) {
    each.phone.terminate();
    each.desktop.terminate();
  }
  return { p50: percentile(ms, 0.5), p99: percentile(ms, 0.99), rate };
}

/** One side of a session that comes back, as a page does, to whoever is there. */
class Client {
  constructor(all, role, session) {
    Object.assign(this, { all, role, session, back: [], retries: 0 });
  }
  async come() {
    for (;;) {
      const there = this.all.servers[Math.floor(Math.random() * this.all.servers.length)];
      try {
        const peer = await there.join(this.role, this.session, this.id);
        this.id ??= peer.ready.peerId;
        if (this.id !== peer.ready.peerId) throw new Error(`came back as another: ${peer.ready.peerId}`);
        this.peer = peer;
        peer.ws.once('close', () => {
          this.peer = null;
          if (this.all.over) return;
          const lost = performance.now();
          this.come().then(() => this.back.push(performance.now() - lost));
        });
        return;
      } catch (error) {
        this.last = error.message;
        if (++this.retries > 1000) throw error;
        await sleep(100 + Math.random() * 200); // lint: tests - as a page waits before it tries again
      }
    }
  }
}

async function kills(all, start) {
  const clients = [];
  for (let i = 0; i < SESSIONS; i++) {
    const session = await all.servers[i % all.servers.length].session();
    for (const role of ['desktop', 'phone']) clients.push(new Client(all, role, session));
  }
  for (let i = 0; i < clients.length; i += 50) await Promise.all(clients.slice(i, i + 50).map((c) => c.come()));
  for (let n = 0; n < KILLS; n++) {
    await until('one that has the database', () => all.servers.find(leads));
    const killed = all.servers.find(leads);
    all.servers = all.servers.filter((s) => s !== killed);
    await killed.program.kill();
    const isBack = (c) => c.peer && c.back.length > n;
    await until('all are back', () => clients.every(isBack), 60).catch((error) => {
      const late = clients.filter((c) => !isBack(c)).map((c) => `${c.role}: ${c.back.length}, ${c.retries}, ${c.last}`);
      throw new Error(`${error.message}: ${late.length} of ${clients.length} (${late.slice(0, 3).join('; ')})`);
    });
    await start();
    await sleep(KILL_EACH_S * 1000); // lint: tests - measured over a length of time
  }
  all.over = true;
  for (const c of clients) c.peer?.ws.terminate();
  return clients.flatMap((c) => c.back);
}

/** Bytes of memory that a socket costs [the one that carries it, the one that has it]. */
async function idle(carrier, leader) {
  const before = [carrier, leader].map((s) => usage(s.program.pid).rss);
  const port = new URL(carrier.url).port;
  const client = run([process.execPath, 'tests/bench/sockets_client.mjs', port, String(IDLE)]);
  await until(`${IDLE} sockets`, () => /open/.test(client.text), 120);
  const after = [carrier, leader].map((s) => usage(s.program.pid).rss);
  await client.stop?.();
  return after.map((rss, i) => (rss - before[i]) / IDLE);
}

export default async function bench() {
  const folder = scratch('tb-pg-'),
    redisPort = await freePort();
  const postgres = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), folder], { stdio: 'ignore' });
  const redis = spawn('redis-server', ['--port', redisPort, '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' });
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', folder]).status === 0);
  const env = {
    DATABASE_URL: `postgresql:///postgres?host=${folder}&user=testbed`,
    REDIS_URL: `redis://127.0.0.1:${redisPort}`,
  };
  const all = { servers: [], over: false };
  const start = async () => all.servers.push(await Server.start(config, { env }));
  const alone = await Server.start(config);
  try {
    for (let i = 0; i < 3; i++) await start();
    await until('one that has the database', () => all.servers.some(leads));
    const leader = all.servers.find(leads);
    const [b, c] = all.servers.filter((s) => s !== leader);
    const rounds = { one: [], two: [] };
    for (let i = 0; i < ROUNDS; i++) {
      rounds.one.push(await relay(alone, alone));
      rounds.two.push(await relay(b, c));
    }
    const [one, two] = [rounds.one, rounds.two].map((of) => ({
      p50: median(of, 'p50'),
      p99: median(of, 'p99'),
      rate: median(of, 'rate'),
    }));
    const added = two.p99 - one.p99;
    const [carries, has] = await idle(b, leader);
    const back = await kills(all, start);
    const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
    return [
      {
        what: 'a message of 250 bytes across two servers that carry, p50 / p99',
        ours: `${two.p50.toFixed(2)} / ${two.p99.toFixed(2)} ms`,
        peer: `one server alone: ${one.p50.toFixed(2)} / ${one.p99.toFixed(2)} ms`,
        target: 'p99 ≤ 3 ms more',
        met: added <= 3,
        rounds: ROUNDS,
      },
      {
        what: `… messages a second, ${PAIRS} sessions`,
        ours: two.rate.toFixed(0),
        peer: `one server alone: ${one.rate.toFixed(0)}`,
        ratio: (two.rate / one.rate).toFixed(2),
        target: '≥ 0.6 ×',
        met: two.rate / one.rate >= 0.6,
        rounds: ROUNDS,
      },
      {
        what: `${IDLE} idle sockets that one carries: memory of each there, and where the database is`,
        ours: `${kb(carries)}, ${kb(has)}`,
        target: '≤ 10 KB',
        met: Math.max(carries, has) <= 10240,
        rounds: IDLE,
      },
      {
        what: `the one that has the database is killed, ${2 * SESSIONS} sockets: back after p50 / p95`,
        ours: `${percentile(back, 0.5).toFixed(0)} / ${percentile(back, 0.95).toFixed(0)} ms`,
        target: 'p95 ≤ 5 s',
        met: percentile(back, 0.95) <= 5000,
        rounds: back.length,
      },
    ];
  } finally {
    all.over = true;
    for (const server of [alone, ...all.servers]) await server.program.kill();
    redis.kill();
    postgres.kill('SIGQUIT');
  }
}
