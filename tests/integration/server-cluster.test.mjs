// Several testbed-servers on one PostgreSQL and one Redis are one server: whoever comes to any of them meets the
// others. Killed, stopped, and without Redis.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { ROOT, assertProblem, linkToken, scratch, until } from './harness.mjs';
import { Server, hostKey } from './server-harness.mjs';

const ADMIN = 'an-admin-of-all-servers';
const admin = { headers: { Authorization: `Bearer ${ADMIN}` } };
const devices = [{ id: 'board', label: 'Board', state: 'ready', interfaces: [] }];
const config = {
  tokens: [{ name: 'boss', role: 'admin', token: ADMIN }],
  hosts: [{ name: 'lab', token: 'a-token-of-the-lab' }],
};
const typed = (type) => (m) => m.type === type;

async function freePort() {
  const listener = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => listener.once('listening', done));
  const { port } = listener.address();
  await new Promise((done) => listener.close(done));
  return port;
}

class Redis {
  static async start(port) {
    const redis = new Redis();
    redis.port = port ?? (await freePort());
    redis.child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', 'redis-server', '--port', redis.port, '--bind', '127.0.0.1', '--save', ''],
      { stdio: 'ignore' },
    );
    return redis;
  }
  async kill() {
    const ended = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** Three servers, and what they share. */
async function cluster(t, n = 3) {
  const folder = scratch('tb-pg-');
  const url = `postgresql:///postgres?host=${folder}&user=testbed`;
  const postgres = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), folder], { stdio: 'ignore' });
  const all = { url, postgres, redis: await Redis.start(), servers: [] };
  t.after(async () => {
    for (const server of all.servers) if (!server.program.how) await server.stop();
    await all.redis.kill();
    postgres.kill('SIGQUIT');
  });
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', folder]).status === 0);
  all.start = async () => {
    const env = { DATABASE_URL: url, REDIS_URL: `redis://127.0.0.1:${all.redis.port}/0` };
    const server = await Server.start(config, { env });
    all.servers.push(server);
    return server;
  };
  for (let i = 0; i < n; i++) await all.start();
  return all;
}

const leads = (server) => /this server has the database/.test(server.program.text);

/** Says hello until it is let in, as pages do; to any of `servers`. */
async function back(servers, role, session, peerId) {
  for (let i = 0; ; i++) {
    try {
      return await servers[i % servers.length].join(role, session, peerId);
    } catch (error) {
      if (i > 40) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

test('a phone here, a desktop there; a host there, observers here; one is killed', async (t) => {
  const all = await cluster(t);
  const [a, b, c] = all.servers;
  await until('a server that has the database', () => all.servers.some(leads));
  assert.equal(all.servers.filter(leads).length, 1);

  // a session that one has made is every one's
  const session = await a.session({}, admin);
  for (const server of all.servers) assert.equal((await server.get(`/api/session/${session.sessionId}`)).status, 200);
  const desktop = await b.join('desktop', session),
    phone = await c.join('phone', session);
  await desktop.find((m) => m.type === 'peer-connected');
  for (let n = 0; n < 300; n++) phone.send({ type: 'event', n, pad: 'x'.repeat(200) });
  let last = -1;
  await desktop.find((m) => m.type === 'event' && m.n === ++last && m.n === 299, { what: 'all of them, in order' });
  assert.equal(last, 299);
  const occupied = await a.websocket();
  occupied.send({ type: 'hello', role: 'desktop', ...session });
  await occupied.find((m) => m.type === 'error' && m.message === 'Desktop already connected');

  // a host on one, who watches on another, requests through a third
  const key = hostKey();
  const host = await a.host('lab', devices, { token: 'a-token-of-the-lab', key });
  assert.equal((await b.get('/api/hosts', admin)).json[0].name, 'lab');
  const link = await b.session({ device: 'lab/board', mode: 'view', observers: 2 }, admin);
  const watcher = await c.join('desktop', { sessionId: link.sessionId, token: linkToken(link.viewUrl) });
  const came = await host.find((m) => m.type === 'peer-connected');
  host.send({ type: 'event', sessionId: link.sessionId, to: came.peerId, n: 7 });
  await watcher.find((m) => m.type === 'event' && m.n === 7);

  // who makes sessions too fast is too fast everywhere: it is one rate; and one health
  await until('all three are known', async () => (await b.get('/health')).json.servers === 3);
  const metrics = (await c.get('/metrics')).text;
  assert.match(metrics, /^testbed_servers 3$/m);
  assert.match(metrics, /^testbed_parties\{role="host"\} 1$/m);

  // the one that has the database is killed: its clients, and those of the others, go on elsewhere
  const killed = all.servers.find(leads),
    left = all.servers.filter((s) => s !== killed);
  const at = performance.now();
  await killed.program.kill();
  const desktop2 = await back(left, 'desktop', session, desktop.ready.peerId),
    phone2 = await back(left, 'phone', session, phone.ready.peerId);
  const took = performance.now() - at;
  t.diagnostic(`both were back after ${Math.round(took)} ms`);
  assert.deepEqual([desktop2.ready.peerId, phone2.ready.peerId], [desktop.ready.peerId, phone.ready.peerId]);
  phone2.send({ type: 'event', n: 1 });
  await desktop2.find((m) => m.type === 'event' && m.n === 1);
  await until('the others lead', () => left.filter(leads).length === 1);
  const host2 = await left[0].host('lab', devices, { token: 'a-token-of-the-lab', key });
  const watcher2 = await left[1].join('desktop', { sessionId: link.sessionId, token: linkToken(link.viewUrl) });
  await host2.find(typed('peer-connected'));
  assert.equal(watcher2.ready.type, 'ready');

  // an upgrade: a new one comes, then the one that has the database is stopped
  const newer = await all.start();
  const old = left.find(leads);
  const other = left.find((s) => s !== old);
  await old.stop();
  const desktop3 = await back([other, newer], 'desktop', session, desktop.ready.peerId);
  assert.equal(desktop3.ready.peerId, desktop.ready.peerId);
});

test('Redis is killed and comes back: what is connected goes on, and it is said', async (t) => {
  const all = await cluster(t, 2);
  const [a, b] = all.servers;
  await until('a server that has the database', () => all.servers.some(leads));
  const session = await a.session({}, admin);
  const desktop = await a.join('desktop', session),
    phone = await b.join('phone', session);
  await all.redis.kill();
  await until('it is said', async () => /Redis at 127/.test((await b.get('/health')).json.reason ?? ''));
  phone.send({ type: 'event', n: 1 });
  await desktop.find((m) => m.type === 'event' && m.n === 1);
  assert.equal((await b.get(`/api/session/${session.sessionId}`)).status, 200);
  // also without it another takes over
  const killed = all.servers.find(leads),
    left = all.servers.find((s) => s !== killed);
  await killed.program.kill();
  await back([left], 'desktop', session, desktop.ready.peerId);
  assert.equal((await left.get('/health')).json.status, 'degraded');
  all.redis = await Redis.start(all.redis.port);
  await until('it is well again', async () => (await left.get('/health')).json.status === 'running', 15000);
});

test('one that was cut off from the database finds that another has it, and carries its clients there', async (t) => {
  const all = await cluster(t, 2);
  await until('a server that has the database', () => all.servers.some(leads));
  const first = all.servers.find(leads),
    other = all.servers.find((s) => s !== first);
  const session = await first.session({}, admin);
  const desktop = await first.join('desktop', session);
  first.program.child.kill('SIGSTOP');
  const cut = 'SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = $$advisory$$';
  assert.equal(spawnSync('psql', ['-qtA', all.url, '-c', cut]).status, 0);
  await until('the other has it', () => leads(other));
  const phone = await other.join('phone', session);
  first.program.child.kill('SIGCONT');
  await until('it knows', () => /this one brings its clients there/.test(first.program.text));
  const desktop2 = await back([first], 'desktop', session, desktop.ready.peerId);
  await phone.find((m) => m.type === 'peer-connected');
  phone.send({ type: 'event', n: 1 });
  await desktop2.find((m) => m.type === 'event' && m.n === 1);
});

test('without a database who comes waits, then is told so in words', async (t) => {
  const server = await Server.start(config, {
    env: { DATABASE_URL: 'postgresql:///postgres?host=/nowhere&user=testbed', REDIS_URL: 'redis://127.0.0.1:1' },
  });
  t.after(() => server.stop());
  const answer = await server.get('/health');
  assertProblem(answer, 503, /none of the servers has the database/);
});
