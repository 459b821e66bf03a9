// testbed-server on a PostgreSQL of Debian's: what it keeps outlives SIGKILL of the server and of the database, and
// health has words for it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, ROOT, scratch, until } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const health = async (server) => (await server.get('/health')).json;

/** tests/postgres.sh: `stop` as its user would, `kill` as the kernel does. */
class Postgres {
  constructor() {
    this.folder = scratch('tb-pg-');
    this.url = `postgresql:///postgres?host=${this.folder}&user=testbed`;
  }
  async start() {
    this.child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), this.folder], { stdio: 'ignore' });
    this.ended = new Promise((done) => this.child.once('exit', done));
    await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', this.folder]).status === 0);
  }
  async end(signal) {
    this.child.kill(signal);
    await this.ended;
  }
  sql(text) {
    const run = spawnSync('psql', ['-qtA', this.url, '-c', text], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout.trim();
  }
}

test('sessions in PostgreSQL: SIGKILL of the server, a database that ends and comes back', async (t) => {
  const postgres = new Postgres();
  await postgres.start();
  t.after(() => postgres.end('SIGQUIT'));
  const options = { env: { DATABASE_URL: postgres.url } };

  const run = (...args) =>
    spawnSync(path.join(BUILD, 'testbed-server'), [...args, '--state-dir', postgres.folder], {
      env: { ...process.env, ...options.env },
      encoding: 'utf8',
    });
  const migrate = run('--migrate');
  assert.match(migrate.stdout, /the store is of schema \d+/, migrate.stderr);
  assert.match(postgres.sql('SELECT max(number) FROM migrations'), /^\d+$/);

  // what a server kept in a file goes on in the database
  let server = await withServer(t);
  const moved = await server.session();
  await server.program.kill();
  const file = path.join(server.folder, 'server.db');
  assert.match(run('--import', file).stdout, /is in the database now: \d+ rows/);
  assert.match(run('--import', file).stderr, /something is kept there already/);

  server = await withServer(t, {}, options);
  assert.equal((await server.get(`/api/session/${moved.sessionId}`)).status, 200);
  const first = await server.session();
  assert.equal(postgres.sql('SELECT count(*) FROM sessions'), '2');
  assert.ok(!postgres.sql('SELECT encode(token, $$escape$$) FROM sessions').includes(first.token), 'no token is there');
  assert.ok(!existsSync(path.join(server.folder, 'server.db')));
  // a command beside the server that has the database for itself
  const command = ['--add-user', 'anna', '--role', 'admin', '--state-dir', postgres.folder];
  const added = spawnSync(path.join(BUILD, 'testbed-server'), command, {
    env: { ...process.env, ...options.env },
    input: 'correct horse 1\n',
    encoding: 'utf8',
  });
  assert.match(added.stdout, /anna may sign in, as admin/, added.stderr);
  assert.equal(postgres.sql('DELETE FROM users RETURNING name'), 'anna');
  await server.program.kill();

  const again = { ...options, state: server.folder };
  server = await withServer(t, {}, again);
  const desktop = await server.join('desktop', first);
  assert.equal((await health(server)).status, 'running');

  for (const signal of ['SIGINT', 'SIGQUIT']) {
    await postgres.end(signal);
    const meanwhile = await server.session(); // from memory
    await until('health to tell', async () => /sessions are not written: /.test((await health(server)).reason));
    desktop.send({ type: 'ping', t: signal });
    await desktop.find((m) => m.type === 'pong' && m.t === signal);
    await postgres.start();
    await until('health to be well', async () => (await health(server)).status === 'running');
    await until('the row', () => postgres.sql(`SELECT id FROM sessions WHERE id = $$${meanwhile.sessionId}$$`));
  }
  await desktop.stop();
  await server.program.kill();
  server = await withServer(t, {}, again);
  assert.equal((await server.get(`/api/session/${first.sessionId}`)).status, 200);
  assert.match((await server.get('/metrics')).text, /^testbed_sessions 4$/m);
});

test('accounts, groups and the audit log in PostgreSQL: the first one by the command line, over SIGKILL', async (t) => {
  const postgres = new Postgres();
  await postgres.start();
  t.after(() => postgres.end('SIGQUIT'));
  const env = { DATABASE_URL: postgres.url };
  const state = scratch('tb-server-');
  const made = spawnSync(
    path.join(BUILD, 'testbed-server'),
    ['--state-dir', state, '--add-user', 'root', '--role', 'admin'],
    { input: 'correct horse\n', encoding: 'utf8', env: { ...process.env, ...env } },
  );
  assert.equal(made.status, 0, made.stderr);
  for (const status of [201, 200]) {
    const server = await withServer(t, {}, { state, env });
    const headers = { Origin: server.url };
    const answer = await server.post('/api/login', { name: 'root', password: 'correct horse' }, { headers });
    assert.equal(answer.status, 200, answer.text);
    headers.Cookie = [answer.headers['set-cookie']]
      .flat()
      .map((c) => c.split(';')[0])
      .join('; ');
    assert.equal((await server.post('/api/groups', { name: 'g', devices: ['lab-*'] }, { headers })).status, status);
    await until('the rows', async () => {
      const { rows } = (await server.get('/api/audit?action=login&object=root', { headers })).json;
      return rows.length === (status === 201 ? 1 : 2);
    });
    await server.program.kill();
  }
  assert.equal(postgres.sql("SELECT name, role, password LIKE '$argon2id$%' FROM users"), 'root|admin|t');
  assert.equal(postgres.sql('SELECT name, devices FROM user_groups'), 'g|lab-*');
});
