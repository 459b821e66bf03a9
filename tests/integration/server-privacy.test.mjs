// All of one person, given out and taken out: afterwards his name is nowhere in the store, and the audit log's chain
// holds.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, ROOT, assertProblem, scratch, until } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const ADMIN = { headers: { Authorization: 'Bearer an-admin-of-sixteen' } };
const must = async (status, answer) => {
  const got = await answer;
  assert.equal(got.status, status, `${got.status} ${got.text}`);
  return got.json;
};

/** Somebody of whom the server has something of every kind; gives what opened it. */
async function live(server, name) {
  const password = 'correct horse 1';
  await must(201, server.request('POST', '/api/users', { json: { name, role: 'operator', password }, ...ADMIN }));
  await must(401, server.post('/api/login', { name, password: 'not the horse 1' }));
  await must(200, server.post('/api/login', { name, password }));
  const { token } = await must(
    201,
    server.request('POST', `/api/users/${name}/sessions`, { json: { about: `of ${name}` }, ...ADMIN }),
  );
  const as = { headers: { Authorization: `Bearer ${token}`, 'X-Request-Id': `by-${name}` } };
  await must(201, server.request('POST', '/api/session', { json: { ttl_s: null, note: `for ${name}` }, ...as }));
  const phone = { device_id: `${name}-phone`, label: `the phone of ${name}` };
  await must(200, server.request('POST', '/devices/register', { json: phone, ...as }));
  const watching = await must(
    200,
    server.request('POST', '/sessions/start', { json: { device_id: `${name}-phone` }, ...as }),
  );
  await must(
    200,
    server.request('POST', '/events', {
      json: {
        session_id: watching.session_id,
        device_id: `${name}-phone`,
        trigger_type: 'motion',
        duration_seconds: 2,
        clip_uri: 'local://x',
        clip_mime: 'video/webm',
        clip_size_bytes: 9,
      },
      ...as,
    }),
  );
  const call = { providerId: name, patientId: 'somebody', type: 'video', metadata: { of: name } };
  await must(201, server.request('POST', '/webrtc/calls', { json: call, ...as }));
  return as;
}

async function erasesAll(server, look, sql) {
  const name = 'wilhelmina';
  const as = await live(server, name);
  // one more than TB_LIMIT_PERSON_ROWS
  sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1001)
       INSERT INTO ev_charges (seq, user_id, at, credits) SELECT i, 'account:${name}', i, 1 FROM n`);
  await live(server, 'wilhelm');
  // given out: to himself, and to an administrator, who is in the log for it
  const own = await until('what was written', async () => {
    const all = await must(200, server.get('/api/me/data', as));
    return all.audit.length >= 4 && all.links.length && all;
  });
  assert.deepEqual([own.account.name, own.signIns.length], [name, 2]);
  assert.deepEqual([own.charges.length, own.charges[0].chargedAt > own.charges[999].chargedAt], [1000, true]);
  assert.equal(own.links[0].note, `for ${name}`);
  assert.deepEqual([own.calls[0].caller, own.calls[0].endedAt], [name, null]);
  assert.deepEqual([own.eventDevices[0].id, own.events[0].trigger], [`${name}-phone`, 'motion']);
  assert.match(own.audit[0].happenedAt, /^\d{4}-\d\d-\d\dT/);
  assert.ok(!JSON.stringify(own).includes('argon2'));
  assert.equal((await must(200, server.get(`/api/users/${name}/data`, ADMIN))).account.name, name);
  assertProblem(await server.get('/api/users/wilhelm/data', as), 403);
  assertProblem(await server.request('DELETE', '/api/users/wilhelm/data', as), 403);
  assertProblem(await server.request('DELETE', '/api/users/boss/data', ADMIN), 409); // himself
  assert.ok(look(name), 'it was there');
  // taken out
  const gone = await must(200, server.request('DELETE', `/api/users/${name}/data`, ADMIN));
  assert.match(gone.pseudonym, /^erased-/);
  assert.ok(gone.auditEntries >= 5);
  await must(401, server.get('/api/me', as));
  assert.equal(look(name), false, 'nothing has the name');
  assert.ok(look('wilhelm'), 'others are there');
  // what he did is there still, without him, and the chain holds
  const check = await must(200, server.get('/api/audit/check', ADMIN));
  assert.deepEqual([check.ok, check.erased], [true, gone.auditEntries]);
  const { rows } = await must(200, server.get(`/api/audit?user=${gone.pseudonym}`, ADMIN));
  assert.ok(rows.some((r) => r.action === 'link.make' && r.address === '' && r.request === ''));
  const [said] = (await must(200, server.get('/api/audit?action=privacy.erase', ADMIN))).rows;
  assert.deepEqual([said.user, said.object], ['boss', `${gone.pseudonym} ${gone.auditEntries}`]);
  const left = await must(200, server.get(`/api/users/${name}/data`, ADMIN));
  assert.deepEqual(
    [left.account, left.signIns, left.links, left.events, left.eventDevices, left.audit, left.calls].map(
      (v) => v?.length ?? v,
    ),
    [null, 0, 0, 0, 0, 0, 0],
  );
}

const config = { tokens: [{ name: 'boss', role: 'admin', token: 'an-admin-of-sixteen' }] };

test('somebody is erased: SQLite, every byte of its files', async (t) => {
  const server = await withServer(t, config);
  const files = () => readdirSync(server.folder).filter((f) => f.startsWith('server.db'));
  await erasesAll(
    server,
    (name) => {
      // "wilhelm" is in "wilhelmina", too
      const all = Buffer.concat(files().map((f) => readFileSync(path.join(server.folder, f)))).toString('latin1');
      return new RegExp(name === 'wilhelm' ? 'wilhelm(?!ina)' : name).test(all);
    },
    (text) => {
      const script =
        'import sqlite3, sys\nsqlite3.connect(sys.argv[1], timeout=10, isolation_level=None).execute(sys.argv[2])';
      assert.equal(spawnSync('python3', ['-c', script, path.join(server.folder, 'server.db'), text]).status, 0);
    },
  );
  const verify = spawnSync(path.join(BUILD, 'testbed-server'), ['--state-dir', server.folder, '--verify-audit'], {
    encoding: 'utf8',
  });
  assert.equal(verify.status, 0, verify.stdout);
});

test('somebody is erased: PostgreSQL, every column of its tables', async (t) => {
  const folder = scratch('tb-pg-');
  const url = `postgresql:///postgres?host=${folder}&user=testbed`;
  const child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), folder], { stdio: 'ignore' });
  const ended = new Promise((done) => child.once('exit', done));
  t.after(() => child.kill('SIGQUIT') && ended);
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', folder]).status === 0);
  const server = await withServer(t, config, { env: { DATABASE_URL: url } });
  await erasesAll(
    server,
    (name) => {
      const dump = spawnSync('pg_dump', ['--data-only', '--inserts', url], { encoding: 'utf8' });
      assert.equal(dump.status, 0, dump.stderr);
      return new RegExp(name === 'wilhelm' ? 'wilhelm(?!ina)' : name).test(dump.stdout);
    },
    (text) => assert.equal(spawnSync('psql', ['-q', url, '-c', text]).status, 0),
  );
});
