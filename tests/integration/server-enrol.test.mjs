// Hosts elsewhere join by one command: a token that an admin makes, is shown once, becomes the first host's that comes
// by it, and ends when it is revoked. The hosts are real ones.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, Host, ROOT, assertProblem, scratch, until } from './harness.mjs';
import { hostKey, withServer } from './server-harness.mjs';

const tokens = ['admin', 'operator', 'viewer'].map((role) => ({ name: role, role, token: `${role}-0123456789abcdef` }));
const as = (role) => ({ headers: { Authorization: `Bearer ${role}-0123456789abcdef` } });
const admin = as('admin');

const enrol = async (server, json = {}) => {
  const answer = await server.post('/api/enrol', json, admin);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const row = async (server, id) => (await server.get('/api/enrol', admin)).json.find((e) => e.id === id);
const stateOf = async (server, { id }) => (await row(server, id))?.state;

/** A real host with a state folder, and so a key, of its own; it stops with the test. */
async function hostOf(t, server, name, { token, state, env } = {}) {
  const ca = process.env.TESTBED_TLS ? { ca: path.join(server.folder, 'localhost.cert') } : {};
  const link = token ? { server: { url: server.url, token, ...ca } } : {};
  const host = await Host.start({ name, ...link }, { state, env });
  t.after(async () => {
    if (!host.program.how) await host.stop({ keepState: Boolean(state) });
  });
  return host;
}

const refusal = async (host, words) => host.program.line(words, { ms: 20000 });

/** Somebody else's transaction, so that the server's find no way to the disk until release(). */
async function lock(t, file) {
  const script = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()`;
  const locker = spawn('python3', ['-c', script, file]);
  t.after(() => locker.kill());
  await new Promise((resolve, reject) => {
    locker.stdout.once('data', resolve);
    locker.once('exit', (code) => reject(new Error(`exit ${code}`)));
  });
  return () => locker.stdin.end();
}

/** A host by hand: what the server answers to its hello with this key, and to its proof. */
async function answerTo(server, name, token, key) {
  const peer = await server.websocket();
  const hello = { type: 'hello', role: 'host', host: name, protocol: 2, devices: [], token };
  peer.send(key ? { ...hello, key: key.publicKey.export({ format: 'jwk' }).x } : hello);
  const first = await peer.find((m) => ['challenge', 'error', 'ready'].includes(m.type));
  if (first.type !== 'challenge') return { ...first, peer };
  const text = Buffer.from(`testbed host link\n${name}\n${first.nonce}`);
  peer.send({ type: 'proof', signature: sign(null, text, key.privateKey).toString('base64url') });
  return { ...(await peer.find((m) => ['error', 'ready'].includes(m.type))), peer };
}

test('a host joins by its token, which is its own from then on; another is refused; revoked it is sent away for good', async (t) => {
  const server = await withServer(t, { tokens });
  const made = await enrol(server, { name: 'lab-7' });
  assert.match(made.token, /^enrol-[\w-]{43}$/);
  assert.ok(
    Math.abs(Date.parse(made.expiresAt) - Date.parse(made.createdAt) - 3600000) < 1000,
    'TB_LIMIT_ENROL_TTL_DEFAULT_S',
  );
  assert.equal(await stateOf(server, made), 'waiting');

  const host = await hostOf(t, server, 'lab-7', { token: made.token });
  const joined = await until('the host to be listed', async () => {
    const e = await row(server, made.id);
    return e.online && e;
  });
  assert.deepEqual(
    [joined.state, joined.host, joined.name, joined.expiresAt, joined.firstSeen !== null && joined.lastSeen !== null],
    ['joined', 'lab-7', 'lab-7', null, true],
  );
  assert.deepEqual(
    (await server.get('/api/hosts', admin)).json.map((h) => [h.name, h.online]),
    [['lab-7', true]],
  );
  assert.ok(!(await server.get('/api/enrol', admin)).text.includes(made.token), 'the token is shown once');

  const thief = await hostOf(t, server, 'lab-7', { token: made.token });
  await refusal(thief, 'Another host has used this token');
  await thief.stop();
  assert.equal((await server.get('/api/hosts', admin)).json.length, 1);

  assert.equal((await server.request('DELETE', `/api/enrol/${made.id}`, admin)).status, 204);
  await refusal(host, 'The token was revoked');
  const refused = async () =>
    Number(/^testbed_hellos_refused_total (\d+)$/m.exec((await server.get('/metrics', admin)).text)[1]);
  const before = await refused();
  await until('the host to have tried again', async () => (await refused()) > before, 20000);
  assert.equal((await server.get('/api/hosts', admin)).json[0].online, false);
  assert.deepEqual((await server.get('/api/enrol', admin)).json, []);
  assertProblem(await server.request('DELETE', `/api/enrol/${made.id}`, admin), 404);
});

test("a host's proof names its server: passed on to another one it is nothing, nor is one that names none any more", async (t) => {
  const server = await withServer(t, { url: 'http://bench.example' });
  const key = hostKey();
  const prove = async (dialled) => {
    const peer = await server.websocket();
    const hello = { type: 'hello', role: 'host', host: 'lab-1', protocol: 2, devices: [] };
    peer.send({ ...hello, key: key.publicKey.export({ format: 'jwk' }).x });
    const { nonce, names } = await peer.find((m) => m.type === 'challenge');
    assert.equal(names, true);
    const text = dialled ? `testbed host link to\n${dialled}\nlab-1\n${nonce}` : `testbed host link\nlab-1\n${nonce}`;
    const signature = sign(null, Buffer.from(text), key.privateKey).toString('base64url');
    peer.send({ type: 'proof', signature, ...(dialled ? { server: dialled } : {}) });
    return peer.find((m) => ['error', 'ready'].includes(m.type));
  };
  assert.equal((await prove(null)).type, 'ready', 'an older host');
  assert.match((await prove('rogue.example')).message, /dials the server rogue\.example/);
  assert.match((await prove('203.0.113.7')).message, /goes by another name/);
  assert.equal((await prove('bench.example')).type, 'ready');
  assert.equal((await prove('192.168.1.4')).type, 'ready', 'an address of the own network');
  assert.match((await prove(null)).message, /names no server/);
  await server.stop({ keepState: true });
  const again = await withServer(t, { url: 'http://bench.example' }, { state: server.folder });
  server.url = again.url;
  assert.match((await prove(null)).message, /names no server/);
  assert.equal((await prove('bench.example')).type, 'ready');
});

test('restarts of both keep it: SIGKILL of the server too', async (t) => {
  const first = await withServer(t, { tokens });
  const made = await enrol(first);
  const gone = await enrol(first);
  const state = scratch('tb-host-');
  t.after(() => rmSync(state, { recursive: true, force: true }));
  const host = await hostOf(t, first, 'lab-1', { token: made.token, state });
  await until('the host', async () => (await row(first, made.id)).online);
  assert.equal((await first.request('DELETE', `/api/enrol/${gone.id}`, admin)).status, 204);
  await host.stop({ keepState: true });
  await first.program.kill();
  const files = readdirSync(first.folder).filter((f) => f.startsWith('server.db'));
  const bytes = files.map((f) => readFileSync(path.join(first.folder, f), 'latin1')).join('');
  assert.ok(bytes.includes(made.id) && !bytes.includes(made.token.slice(6)), 'the hash alone is in the file');

  const server = await withServer(t, { tokens }, { state: first.folder });
  const kept = await row(server, made.id);
  assert.deepEqual([kept.state, kept.host, kept.online], ['joined', 'lab-1', false]);
  assert.ok(!(await row(server, gone.id)), 'what was revoked stays so');
  const other = await answerTo(server, 'lab-1', made.token, hostKey());
  assert.match(other.message, /Another host has used this token/);
  await hostOf(t, server, 'lab-1', { token: made.token, state });
  await until('the same host, back', async () => (await row(server, made.id)).online);
});

test('who is refused is told why: time, name, no key, revoked between hello and proof', async (t) => {
  const server = await withServer(t, { tokens });
  const key = hostKey();
  const late = await enrol(server, { ttl_s: 1 });
  await until('its time to be over', async () => (await stateOf(server, late)) === 'expired');
  assert.match((await answerTo(server, 'lab-1', late.token, key)).message, /time of this token is over/);
  const named = await enrol(server, { name: 'lab-2' });
  assert.match((await answerTo(server, 'lab-1', named.token, key)).message, /for the host "lab-2" alone/);
  assert.match((await answerTo(server, 'lab-2', named.token)).message, /update testbed-host/);
  assert.equal(await stateOf(server, named), 'waiting', 'none of these has used it up');

  const peer = await server.websocket();
  const hello = { type: 'hello', role: 'host', host: 'lab-2', protocol: 2, devices: [], token: named.token };
  peer.send({ ...hello, key: key.publicKey.export({ format: 'jwk' }).x });
  const { nonce } = await peer.find((m) => m.type === 'challenge');
  await server.request('DELETE', `/api/enrol/${named.id}`, admin);
  const text = Buffer.from(`testbed host link\nlab-2\n${nonce}`);
  peer.send({ type: 'proof', signature: sign(null, text, key.privateKey).toString('base64url') });
  assert.match((await peer.find((m) => m.type === 'error')).message, /revoked/);
  assert.equal((await answerTo(server, 'lab-2', 'a-token-of-nobody-0', key)).message, 'Invalid host or token');
  await server.program.line(/a connection was refused: .*for the host \\?"lab-2\\?" alone/);
  assert.deepEqual((await server.get('/api/hosts', admin)).json, []);
});

test('a host that lost its key gets its name back by a new token for that name, unless the host of before is connected', async (t) => {
  const server = await withServer(t, { tokens });
  const keys = [1, 2, 3].map(() => hostKey());
  const came = async (key, json) => (await answerTo(server, 'lab-1', (await enrol(server, json)).token, key)).host;
  const first = await enrol(server, { name: 'lab-1' });
  const state = scratch('tb-state-');
  t.after(() => rmSync(state, { recursive: true, force: true }));
  const host = await hostOf(t, server, 'lab-1', { token: first.token, state });
  await until('the host', async () => (await row(server, first.id)).online);
  assert.equal(await came(keys[0], { name: 'lab-1' }), 'lab-1~2', 'it is here');
  await host.stop();
  await until('the host to be gone', async () => !(await row(server, first.id)).online);
  assert.equal(await came(keys[1], {}), 'lab-1~3', "a token for any name takes nobody's");
  assert.equal(await came(keys[2], { name: 'lab-1' }), 'lab-1');
  await server.program.line(/the key of before is forgotten/);
});

test('a server without tokens: the token is bound all the same, and revoked it lets nobody in', async (t) => {
  const server = await withServer(t);
  const made = await enrol(server);
  const key = hostKey();
  assert.equal((await answerTo(server, 'lab-1', made.token, key)).type, 'ready');
  assert.match((await answerTo(server, 'x', made.token, hostKey())).message, /Another host/);
  await server.request('DELETE', `/api/enrol/${made.id}`);
  assert.match((await answerTo(server, 'lab-1', made.token, key)).message, /revoked/);
});

test('admins alone; bad input; TB_LIMIT_ENROL_TTL_S, TB_LIMIT_ENROLMENTS', async (t) => {
  const server = await withServer(t, { tokens });
  const { id } = await enrol(server);
  for (const [method, target] of [
    ['POST', '/api/enrol'],
    ['GET', '/api/enrol'],
    ['DELETE', `/api/enrol/${id}`],
  ]) {
    const json = method === 'POST' ? { json: {} } : {};
    assertProblem(await server.request(method, target, json), 401);
    for (const role of ['viewer', 'operator'])
      assertProblem(await server.request(method, target, { ...json, ...as(role) }), 403);
  }
  for (const [json, field] of [
    [{ name: 'lab 1' }, 'name'],
    [{ name: 'x'.repeat(65) }, 'name'],
    [{ ttl_s: 0 }, 'ttl_s'],
    [{ ttl_s: 7 * 86400 + 1 }, 'ttl_s'],
    [{ role: 'admin' }, 'role'],
  ])
    assertProblem(await server.post('/api/enrol', json, admin), 400, { field });
  assert.equal((await server.get('/api/enrol', admin)).json.length, 1);
  await enrol(server, { ttl_s: 7 * 86400, name: 'x'.repeat(64) });
  for (let i = 2; i < 256; i++) await enrol(server);
  assertProblem(await server.post('/api/enrol', {}, admin), 429, { detail: /revoke one/ });
  await server.request('DELETE', `/api/enrol/${id}`, admin);
  await enrol(server);
});

test('the commands: what docker is told makes a host join; what goes into host.yaml does, quotes and all', async (t) => {
  const server = await withServer(t, { tokens, url: "https://lab.example/it's" });
  const { token, commands } = await enrol(server, { name: 'lab-3' });
  const words = (command) =>
    spawnSync('sh', ['-c', `docker() { printf '%s\n' "$@"; }; ${command}`], { encoding: 'utf8' }).stdout.split('\n');
  assert.deepEqual(words(commands.docker).slice(0, -1), [
    ...'run -d --name testbed-host --restart unless-stopped --network host -v testbed:/var/lib/testbed'.split(' '),
    ...['HOST_ADDRESS=127.0.0.1', "SERVER_URL=https://lab.example/it's", `SERVER_TOKEN=${token}`, 'HOST_NAME=lab-3']
      .map((e) => ['-e', e])
      .flat(),
    'testbed-host',
  ]);

  // what the unit reads: systemd's own reading of EnvironmentFile= is in `make deb-test`; here a shell's, which agrees on
  // double quotes
  const bin = scratch('tb-bin-');
  t.after(() => rmSync(bin, { recursive: true, force: true }));
  const file = path.join(bin, 'join.env');
  writeFileSync(
    path.join(bin, 'sudo'),
    `#!/bin/sh\n[ "$1" = install ] && exec install -m "$3" "$4" ${file}\necho "$@" >&2\n`,
    { mode: 0o755 },
  );
  for (let twice = 0; twice < 2; twice++) {
    const run = spawnSync('sh', ['-c', commands.systemd], {
      encoding: 'utf8',
      env: { PATH: `${bin}:${process.env.PATH}` },
    });
    assert.deepEqual([run.status, run.stderr], [0, 'systemctl restart testbed-host\n']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const said = spawnSync('sh', ['-c', `. ${file}; printf '%s\n' "$SERVER_URL" "$SERVER_TOKEN" "$HOST_NAME"`], {
      encoding: 'utf8',
    });
    assert.deepEqual(said.stdout.split('\n').slice(0, -1), ["https://lab.example/it's", token, 'lab-3']);
  }
  const unit = readFileSync(path.join(ROOT, 'mk/install/testbed-host.service'), 'utf8');
  assert.match(unit, /^EnvironmentFile=-\/etc\/testbed\/join\.env$/m);
  assert.ok(commands.systemd.includes('/dev/stdin /etc/testbed/join.env &&'));

  const real = await withServer(t, { tokens });
  const made = await enrol(real, { name: 'lab-4' });
  const env = Object.fromEntries(
    words(made.commands.docker)
      .filter((w) => /^[A-Z_]+=/.test(w))
      .map((w) => [w.slice(0, w.indexOf('=')), w.slice(w.indexOf('=') + 1)]),
  );
  if (process.env.TESTBED_TLS) env.SERVER_CA = path.join(real.folder, 'localhost.cert');
  // the image's own configuration, which listens on every address, and needs a token there
  await Host.start({ address: '0.0.0.0' }, { env }).then((host) => t.after(() => host.stop()));
  await until('the host of the command', async () => (await row(real, made.id)).online);
  assert.equal((await row(real, made.id)).host, 'lab-4');
});

test('a server whose certificate is its own: the commands bring its authority, and the host joins without a warning', async (t) => {
  const server = await withServer(t, { tokens, tls: 'local' });
  const { id, commands, notes } = await enrol(server, { name: 'lab-5' });
  assert.ok(!notes.some((n) => /certificate/.test(n)), 'there is nothing left to do');
  const bin = scratch('tb-bin-');
  t.after(() => rmSync(bin, { recursive: true, force: true }));
  const file = path.join(bin, 'server-ca.crt');
  const fake = (name, lines) => writeFileSync(path.join(bin, name), `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  fake('sudo', `case "$*" in *" /dev/stdin /etc/testbed/server-ca.crt") cat > ${file};; *install*) cat;; esac`);
  fake('docker', `printf '%s\n' "$@"`);
  const says = (command) =>
    spawnSync('sh', ['-c', command], { encoding: 'utf8', env: { PATH: `${bin}:${process.env.PATH}` } }).stdout;
  for (const [command, line] of [
    [commands.systemd, 'SERVER_CA="/etc/testbed/server-ca.crt"'],
    [commands.docker, '/etc/testbed/server-ca.crt:/etc/testbed/server-ca.crt:ro'],
  ]) {
    rmSync(file, { force: true });
    assert.ok(says(command).split('\n').includes(line));
    assert.equal(readFileSync(file, 'utf8'), (await server.get('/authority.crt')).text);
  }
  // given again, it takes the place of the container that it made; that there is none does not matter
  fake('docker', `echo "$1" >> ${bin}/asked; printf '%s\n' "$@"; [ "$1" != rm ]`);
  assert.match(says(commands.docker), /^run\n(.*\n)*--name\ntestbed-host\n/);
  assert.equal(readFileSync(path.join(bin, 'asked'), 'utf8'), 'rm\nrun\n');
  const env = Object.fromEntries(
    says(commands.docker)
      .split('\n')
      .filter((w) => /^[A-Z_]+=/.test(w))
      .map((w) => [w.slice(0, w.indexOf('=')), w.slice(w.indexOf('=') + 1)]),
  );
  assert.equal(env.SERVER_CA, '/etc/testbed/server-ca.crt');
  await Host.start({ address: '0.0.0.0' }, { env: { ...env, SERVER_CA: file } }).then((host) =>
    t.after(() => host.stop()),
  );
  await until('the host of the command', async () => (await row(server, id)).online);
});

test('a disk that takes nothing: the token works; a revocation says that it is not kept yet', async (t) => {
  const server = await withServer(t, { tokens });
  const made = await enrol(server);
  const key = hostKey();
  const host = await answerTo(server, 'lab-1', made.token, key);
  const release = await lock(t, path.join(server.folder, 'server.db'));
  assertProblem(await server.request('DELETE', `/api/enrol/${made.id}`, admin), 503, { detail: /not written yet/ });
  assert.match((await host.peer.find((m) => m.type === 'error')).message, /revoked/);
  release();
  const inFile = `import sqlite3, sys
print(sqlite3.connect(sys.argv[1], timeout=10).execute("SELECT count(*) FROM enrolments").fetchone()[0])`;
  const rows = () => spawnSync('python3', ['-c', inFile, path.join(server.folder, 'server.db')], { encoding: 'utf8' });
  // tries are 15 s apart at most
  await until('it to be written', () => rows().stdout === '0\n', 60000);
  await server.program.kill();
  const again = await withServer(t, { tokens }, { state: server.folder });
  assert.deepEqual((await again.get('/api/enrol', admin)).json, [], 'it was written when the disk took it again');
});
