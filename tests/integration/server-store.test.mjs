// What testbed-server keeps, and what becomes of it: SIGKILL, full and locked disks, damaged and newer files, the
// clock, and whose place a session takes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, Program, ROOT, assertProblem, scratch, until, within } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const WALLCLOCK = path.join(BUILD, 'preload/wallclock.so');
const database = (server) => path.join(server.folder, 'server.db');
const all = (server) =>
  readdirSync(server.folder)
    .filter((f) => f.startsWith('server.db'))
    .map((f) => readFileSync(path.join(server.folder, f), 'latin1'))
    .join('');
const health = async (server) => (await server.get('/health')).json;

/** Python's own SQLite on the server's file: the counterpart that we did not write. */
function sql(file, ...statements) {
  const script =
    'import sqlite3, sys, json\nc = sqlite3.connect(sys.argv[1], timeout=10)\nfor s in sys.argv[2:]: r = c.execute(s).fetchall()\nc.commit()\nprint(json.dumps(r))';
  const run = spawnSync('python3', ['-c', script, file, ...statements], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

const kill = (server) => server.program.kill(); // SIGKILL

async function refusedStart(folder) {
  const program = new Program([
    path.join(BUILD, 'testbed-server'),
    '--config',
    path.join(folder, 'server.yaml'),
    '--state-dir',
    folder,
  ]);
  const how = await within('the refusal', program.exited, 20000);
  assert.equal(how.code, 1, program.text);
  return program.text;
}

test('SIGKILL while sessions are made, again and again: what was answered is there afterwards', async (t) => {
  let server = await withServer(t);
  const made = [];
  for (let round = 0; round < 8; round++) {
    let alive = true;
    const makers = Array.from({ length: 8 }, async () => {
      while (alive) {
        const answer = await server.post('/api/session', {}).catch(() => null);
        if (answer?.status === 201) made.push(answer.json);
      }
    });
    const before = made.length;
    await until('some sessions', () => made.length > before + 5 + randomBytes(1)[0] / 4);
    await kill(server);
    alive = false;
    await Promise.all(makers);
    server = await withServer(t, {}, { state: server.folder });
  }
  assert.equal((await health(server)).status, 'running');
  for (const s of made)
    assert.equal((await server.get(`/api/session/${s.sessionId}`)).status, 200, 'a session that was answered is lost');
  const file = all(server);
  for (const s of made) assert.ok(!file.includes(s.token), 'tokens are not in the file');
  assert.equal(statSync(database(server)).mode & 0o777, 0o600);
});

test('a session in use when the server is killed goes on with the tokens that its parties have', async (t) => {
  const first = await withServer(t);
  const session = await first.session();
  await first.join('desktop', session);
  await first.join('phone', session);
  await kill(first);
  const server = await withServer(t, {}, { state: first.folder });
  const desktop = await server.join('desktop', session),
    phone = await server.join('phone', session);
  phone.send({ type: 'event', n: 3 });
  await desktop.find((m) => m.n === 3);
  await Promise.all([desktop, phone].map((p) => p.stop()));
});

test('sessions of the JSON file of before go on; the file is kept aside, read once', async (t) => {
  const folder = scratch('tb-server-'),
    now = Date.now();
  const token = randomBytes(32).toString('base64url'),
    hash = createHash('sha256').update(token).digest('base64');
  const old = (id, more) => ({
    id,
    token: hash,
    view: hash,
    mode: 'view',
    observers: 1,
    created: now - 60000,
    active: now - 50000,
    ...more,
  });
  writeFileSync(
    path.join(folder, 'server-sessions.json'),
    JSON.stringify([
      old('good'),
      old('expired', { created: now - 700000, active: now - 601000 }),
      old('x'.repeat(65)),
      { id: 'no-hash' },
      7,
    ]),
  );
  const server = await withServer(t, {}, { state: folder });
  await until('the file to be put aside', () => existsSync(path.join(folder, 'server-sessions.json.imported')));
  assert.ok(!existsSync(path.join(folder, 'server-sessions.json')));
  for (const id of ['expired', 'no-hash', 'x'.repeat(65)]) assertProblem(await server.get(`/api/session/${id}`), 404);
  await kill(server);
  const again = await withServer(t, {}, { state: folder });
  assert.equal((await again.join('desktop', { sessionId: 'good', token })).ready.role, 'desktop');
  await again.stop({ keepState: true });
  writeFileSync(path.join(folder, 'server-sessions.json'), '{"broken');
  const broken = await withServer(t, {}, { state: folder });
  assert.match(
    (await health(broken)).reason,
    /sessions of before are lost: .*server-sessions\.json was not understood/,
  );
  assert.equal((await broken.get('/api/session/good')).status, 200);
  assert.equal(readdirSync(folder).filter((f) => /^server-sessions\.json\..*kept$/.test(f)).length, 1);
});

test('a damaged file is put aside, a new one begun, and health says so', async (t) => {
  const first = await withServer(t);
  await first.session();
  await first.stop({ keepState: true });
  writeFileSync(database(first), randomBytes(8192));
  const server = await withServer(t, {}, { state: first.folder });
  const { status, reason } = await health(server);
  assert.equal(status, 'degraded');
  assert.match(reason, /the file is damaged: .*put aside as .*server\.db\.damaged-/);
  assert.equal(readdirSync(server.folder).filter((f) => /^server\.db\.damaged-[0-9TZ]+$/.test(f)).length, 1);
  const session = await server.session();
  await kill(server);
  const again = await withServer(t, {}, { state: first.folder });
  assert.equal((await again.get(`/api/session/${session.sessionId}`)).status, 200);
  assert.equal((await health(again)).status, 'running');
});

test('a file of a newer program, and a folder in use: refused in words, nothing is touched', async (t) => {
  const first = await withServer(t);
  await first.session();
  assert.match(await refusedStart(first.folder), /is in use by another testbed-server \(pid \d+\)/);
  await first.stop({ keepState: true });
  sql(database(first), "INSERT INTO migrations VALUES (999, 'of-tomorrow', 1)");
  assert.match(
    await refusedStart(first.folder),
    /server\.db: it was written by a newer testbed-server \(schema 999, this program knows \d+\)/,
  );
  sql(database(first), 'DELETE FROM migrations WHERE number = 999');
  const server = await withServer(t, {}, { state: first.folder });
  assert.match((await server.get('/metrics')).text, /^testbed_sessions 1$/m);
});

test('a disk that is locked or slow: sessions are made and answered, health tells, all is written afterwards', async (t) => {
  const server = await withServer(t);
  await server.session();
  const locker = spawn('python3', [
    '-c',
    'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute("BEGIN IMMEDIATE")\nprint("locked", flush=True)\nsys.stdin.read()',
    database(server),
  ]);
  t.after(() => locker.kill());
  await new Promise((resolve) => {
    locker.stdout.once('data', resolve);
  });
  const made = [];
  for (let i = 0; i < 5; i++) made.push(await server.session());
  await until('health to tell', async () => (await health(server)).status === 'degraded');
  assert.match((await health(server)).reason, /^sessions are not written: /);
  const since = performance.now();
  made.push(await server.session()); // nobody waits for a disk that is known to fail
  const ms = performance.now() - since;
  assert.ok(ms < 450, `${ms} ms`);
  locker.stdin.end();
  await until('all to be well', async () => (await health(server)).status === 'running', 30000);
  await kill(server);
  const again = await withServer(t, {}, { state: server.folder });
  for (const s of made) assert.equal((await again.get(`/api/session/${s.sessionId}`)).status, 200);
});

test(
  'a disk that is full: the same',
  { skip: process.getuid() !== 0 && 'mounting a small disk needs root' },
  async (t) => {
    const folder = scratch('tb-server-'),
      disk = path.join(folder, 'disk');
    mkdirSync(disk);
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tb-small', disk]).status, 0);
    t.after(() => spawnSync('umount', ['-l', disk]));
    let server = await withServer(t, {}, { state: disk });
    const made = [];
    await until(
      'the disk to be full',
      async () => {
        // a read between keeps what is written in the WAL
        for (let i = 0; i < 50; i++) made.push(await server.session({}));
        return (await health(server)).status === 'degraded';
      },
      60000,
    );
    assert.match((await health(server)).reason, /full|disk/);
    made.push(await server.session());
    assert.equal(spawnSync('mount', ['-o', 'remount,size=20m', disk]).status, 0);
    await until('all to be well', async () => (await health(server)).status === 'running', 30000);
    await kill(server);
    server = await withServer(t, {}, { state: disk });
    for (const s of made) assert.equal((await server.get(`/api/session/${s.sessionId}`)).status, 200);
    await server.stop({ keepState: true });
  },
);

test('a wall clock that is set ends nothing, stops nothing, and is understood after a kill', async (t) => {
  const folder = scratch('tb-server-'),
    clock = path.join(folder, 'clock');
  const env = {
    LD_PRELOAD: WALLCLOCK,
    WALLCLOCK: clock,
    ASAN_OPTIONS: `${process.env.ASAN_OPTIONS || ''}:verify_asan_link_order=0`,
  };
  for (const jump of ['+900', '-7200', '+100000']) {
    writeFileSync(clock, '+0\n');
    const server = await withServer(t, { sessions_per_minute: 30 }, { env, state: folder });
    const host = await server.host('lab', [{ id: 'd', label: 'D', state: 'ready', interfaces: [] }]);
    const session = await server.session(),
      device = await server.session({ device: 'lab/d' });
    const desktop = await server.join('desktop', session),
      phone = await server.join('phone', session),
      observer = await server.join('desktop', device);
    const ping = await host.find((m) => m.type === 'ping');
    host.send({ type: 'pong', t: ping.t });
    writeFileSync(clock, `${jump}\n`);
    await server.program.line('the wall clock was set by', { ms: 20000 });
    await host.find((m) => m.type === 'ping' && m !== ping, { ms: 20000, what: 'the next ping of the host' });
    await observer.find((m) => m.type === 'peer-disconnected', { ms: 20000, what: 'a silent host to be noticed' });
    phone.send({ type: 'event', jump });
    await desktop.find((m) => m.jump === jump);
    const shown = (await server.get(`/api/session/${session.sessionId}`)).json;
    assert.ok(
      Math.abs(Date.parse(shown.expiresAt) - Date.now() - Number(jump) * 1000 - 600000) < 60000,
      shown.expiresAt,
    );
    await until(
      'the times to be written',
      () =>
        Math.abs(
          sql(database(server), `SELECT active FROM sessions WHERE id = '${session.sessionId}'`)[0][0] -
            Date.now() -
            Number(jump) * 1000,
        ) < 60000,
    );
    await kill(server);
    const again = await withServer(t, {}, { env, state: folder });
    for (const s of [session, device])
      assert.equal((await again.get(`/api/session/${s.sessionId}`)).status, 200, `after ${jump} s`);
    await again.stop({ keepState: true });
  }
});

test('sessions per network: an IPv6 /64 has one share, others find places, also after a restart', async (t) => {
  const config = { sessions_per_network: 4 };
  let server = await withServer(t, config);
  const from = (address) => ({ headers: { 'X-Forwarded-For': address } });
  for (let i = 0; i < 4; i++)
    assert.equal((await server.post('/api/session', {}, from(`2001:db8:1:1::${i}`))).status, 201);
  for (let restart = 0; restart < 2; restart++) {
    const more = await server.post('/api/session', {}, from('2001:db8:1:1:ffff::9'));
    assertProblem(more, 429, { detail: /4 sessions exist that 2001:db8:1:1::\/64 has made/ });
    assert.ok(Number(more.headers['retry-after']) > 0);
    assert.equal((await server.post('/api/session', {}, from('2001:db8:1:2::1'))).status, 201, 'the network beside it');
    await kill(server);
    server = await withServer(t, config, { state: server.folder });
  }
});

test('sessions per minute: an IPv6 /64 and a mapped IPv4 address have one bucket', async (t) => {
  const server = await withServer(t, { sessions_per_minute: 5 });
  const statuses = async (address) =>
    (
      await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          server.post('/api/session', {}, { headers: { 'X-Forwarded-For': address(i) } }),
        ),
      )
    )
      .map((a) => a.status)
      .sort();
  assert.deepEqual(await statuses((i) => `2001:db8:7:7::${i}`), [201, 201, 201, 201, 201, 429, 429, 429]);
  assert.deepEqual(
    await statuses((i) => (i % 2 ? '192.0.2.7' : '::ffff:192.0.2.7')),
    [201, 201, 201, 201, 201, 429, 429, 429],
  );
});

test('WAITING: 512 sockets without a hello from one network; for the next the oldest gives way, for a right token always', async (t) => {
  const server = await withServer(t, { refusals_per_minute: 100000 });
  const session = await server.session();
  const crowd = [];
  for (let i = 0; i < 512; i++) crowd.push(await server.websocket());
  assert.equal(crowd[0].code, undefined);
  const next = await server.join('phone', session); // the 513th
  const why = await crowd[0].find((m) => m.type === 'error');
  assert.deepEqual(why, {
    type: 'error',
    code: 'rate',
    message: 'Too many connections from this address have not said hello',
  });
  await until('the oldest to be closed', () => crowd[0].code !== undefined);
  // the others wait on
  crowd[1].send({ type: 'hello', role: 'desktop', sessionId: session.sessionId, token: session.token });
  await crowd[1].find((m) => m.type === 'ready');
  const again = await server.websocket(); // one has said hello, one has gone: there is room
  assert.equal(crowd[2].code, undefined);
  await Promise.all([...crowd, next, again].map((c) => c.stop()));
});

test('--backup while sessions are made: a whole copy, to a transaction; nothing is written over; it starts a server', async (t) => {
  const server = await withServer(t);
  const before = [];
  for (let i = 0; i < 50; i++) before.push(await server.session());
  const backup = async (file, ...more) => {
    const args = ['--config', path.join(server.folder, 'server.yaml'), '--state-dir', server.folder, ...more];
    const program = new Program([path.join(BUILD, 'testbed-server'), ...args, '--backup', file]);
    return { ...(await within('the backup', program.exited, 30000)), text: program.text };
  };
  let busy = true;
  const made = [];
  const writers = Array.from({ length: 4 }, async () => {
    while (busy) made.push(await server.session());
  });
  const folder = scratch('tb-backup-');
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (let i = 0; i < 5; i++) {
    const file = path.join(folder, `${i}.db`);
    const { code, text } = await backup(file);
    assert.equal(code, 0, text);
    assert.deepEqual(sql(file, 'PRAGMA integrity_check'), [['ok']]);
    assert.ok(sql(file, 'SELECT count(*) FROM sessions')[0][0] >= before.length);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  }
  busy = false;
  await Promise.all(writers);
  assert.ok(made.length > 0, 'it was written meanwhile');
  assert.deepEqual(readdirSync(folder).sort(), ['0.db', '1.db', '2.db', '3.db', '4.db'], 'nothing is left beside them');
  const kept = readFileSync(path.join(folder, '0.db'));
  const again = await backup(path.join(folder, '0.db'));
  assert.equal(again.code, 1);
  assert.match(again.text, /0\.db: it is there already, and nothing is written over/);
  assert.ok(readFileSync(path.join(folder, '0.db')).equals(kept));
  assert.match((await backup(path.join(folder, 'none/x.db'))).text, /x\.db: No such file/);
  const other = scratch('tb-restored-');
  const missing = await backup(path.join(folder, 'y.db'), '--state-dir', other);
  assert.equal(missing.code, 1);
  assert.match(missing.text, /server\.db: No such file/);
  assert.ok(!existsSync(path.join(folder, 'y.db')));

  writeFileSync(path.join(other, 'server.db'), readFileSync(path.join(folder, '4.db')), { mode: 0o600 });
  const restored = await withServer(t, {}, { state: other });
  for (const { sessionId } of before) assert.equal((await restored.get(`/api/session/${sessionId}`)).status, 200);
});
