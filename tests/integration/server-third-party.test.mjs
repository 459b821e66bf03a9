// The server's TURN credentials and QR codes before programs that we did not write: coturn and zbar.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { assertProblem, BUILD, freePort, Program, scratch, until } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const run = promisify(execFile);

/** coturn on a free port, and whether it relays for a name and a password. */
async function startTurn(t, ...how) {
  const port = await freePort();
  const turn = new Program([
    'turnserver',
    '-n',
    ...how,
    '--realm=testbed',
    '-p',
    String(port),
    '-L',
    '127.0.0.1',
    '-E',
    '127.0.0.1',
    '--allow-loopback-peers',
    '--no-tls',
    '--no-dtls',
    '--no-cli',
    '--log-file=stdout',
    '--simple-log',
    `--pidfile=${path.join(scratch(), 'pid')}`,
  ]);
  t.after(() => turn.kill());
  const client = (username, password) =>
    run(
      'turnutils_uclient',
      ['-u', username, '-w', password, '-p', String(port), '-y', '-n', '1', '-m', '1', '127.0.0.1'],
      { timeout: 30000 },
    ).then(
      (r) => r.stdout,
      (e) => e.stdout ?? '',
    );
  const relays = ({ username, credential }) =>
    until('coturn to answer', async () => (await client(username, credential)).includes('Total lost packets 0'), 40000);
  return { url: `turn:127.0.0.1:${port}`, client, relays };
}

test('coturn accepts our time-limited credentials, and refuses others', async (t) => {
  const turn = await startTurn(t, '--use-auth-secret', '--static-auth-secret=north-secret');
  const server = await withServer(t, {
    turn: { servers: [turn.url], secret: 'north-secret', ttl_s: 600 },
    stun: ['stun.example:3478'],
  });
  const { iceServers } = (await server.get('/api/ice')).json;
  assert.deepEqual(iceServers[0], { urls: ['stun:stun.example:3478'] });
  const { username, urls } = iceServers[1];
  assert.deepEqual(urls, [turn.url]);
  const left = Number(username.split(':')[0]) - Date.now() / 1000;
  assert.ok(left > 500 && left <= 601, `${left} s`);
  await turn.relays(iceServers[1]);
  assert.match(await turn.client(username, 'wrong'), /Cannot complete Allocation/);
  const desktop = await server.join('desktop', await server.session());
  assert.equal(desktop.ready.iceServers.length, 2);
  await desktop.stop();
});

test('coturn with one user: everybody is given that name and password, no log has it', async (t) => {
  const turn = await startTurn(t, '--lt-cred-mech', '--user=lab:the-turn-password');
  const env = {
    WEBRTC_TURN_SERVERS: turn.url,
    WEBRTC_TURN_USERNAME: 'lab',
    WEBRTC_TURN_PASSWORD: 'the-turn-password',
  };
  const server = await withServer(t, {}, { env });
  const expected = [{ urls: [turn.url], username: 'lab', credential: 'the-turn-password' }];
  assert.deepEqual((await server.get('/api/ice')).json.iceServers, expected);
  await turn.relays(expected[0]);
  const desktop = await server.join('desktop', await server.session());
  assert.deepEqual(desktop.ready.iceServers, expected);
  await desktop.stop();
  assert.doesNotMatch(server.program.text, /the-turn-password/);

  for (const [given, said] of [
    [{ ...env, WEBRTC_TURN_PASSWORD: '' }, /turn: a username and a password are needed, and one of them is missing/],
    [{ ...env, WEBRTC_TURN_SECRET: 'north-secret' }, /turn: a secret .*, or a username and a password/],
  ]) {
    const check = spawnSync(
      path.join(BUILD, 'testbed-server'),
      ['--check', '--config', path.join(server.folder, 'server.yaml')],
      {
        encoding: 'utf8',
        env: { ...process.env, ...given },
      },
    );
    assert.equal(check.status, 1);
    assert.match(check.stderr, said);
  }
});

test('zbar reads the QR code: it is the phone URL, with the prefix of a proxy', async (t) => {
  const server = await withServer(t);
  const headers = { Host: 'localhost:8080', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Prefix': '/staging' };
  const s = await server.session({}, { headers });
  assert.equal(s.phoneUrl, `https://localhost:8080/staging/m/${s.sessionId}#token=${s.token}`);
  const png = await server.get(`/api/session/${s.sessionId}/qr.png?token=${s.token}`, { headers });
  assert.equal(png.headers['content-type'], 'image/png');
  const file = path.join(server.folder, 'qr.png');
  writeFileSync(file, png.body);
  const { stdout } = await run('zbarimg', ['-q', '--raw', file]);
  assert.equal(stdout.trim(), s.phoneUrl);
  const svg = await server.get(`/api/session/${s.sessionId}/qr.svg?token=${s.token}`);
  assert.equal(svg.headers['content-type'], 'image/svg+xml');
  assert.match(svg.text, /^<svg xmlns=/);
  assertProblem(await server.get(`/api/session/${s.sessionId}/qr.svg`), 401);
  assertProblem(await server.get(`/api/session/${s.sessionId}/qr.svg?token=wrong`), 403);
});

test('session creation is limited per address', async (t) => {
  const server = await withServer(t, { sessions_per_minute: 3 });
  for (let i = 0; i < 3; i++) await server.session();
  const answer = await server.post('/api/session', {});
  assertProblem(answer, 429);
  assert.ok(Number(answer.headers['retry-after']) >= 1);
  assert.equal(
    (await server.post('/api/session', {}, { headers: { 'X-Forwarded-For': '192.0.2.1, 192.0.2.9' } })).status,
    201,
  ); // another client of a proxy here
});

test('connections that come to nothing are counted per address, and lock nobody out who has a token', async (t) => {
  const server = await withServer(t, {
    refusals_per_minute: 3,
    hosts: [{ name: 'lab-1', token: 'host-token-0123456789' }],
  });
  const s = await server.session();
  const desktop = await server.join('desktop', s); // one that is let in does not count
  const guess = async (hello) => {
    const ws = await server.websocket();
    ws.send(hello);
    const answer = await ws.find((m) => m.type === 'error');
    await until('its end', () => ws.code !== undefined);
    return answer;
  };
  const wrong = { type: 'hello', role: 'phone', sessionId: s.sessionId, token: 'guess' };
  for (let i = 0; i < 3; i++) assert.equal((await guess(wrong)).message, 'Invalid session or token');
  const spent = 'Too many connections from this address came to nothing';
  for (const hello of [
    wrong,
    { type: 'hello', role: 'host', host: 'lab-1', token: 'guess-0123456789' },
    { type: 'offer', sdp: '' },
    '{',
  ])
    assert.deepEqual(await guess(hello), { type: 'error', code: 'rate', message: spent });
  const phone = await server.join('phone', s); // the same address, a right token: now, not in a minute
  // and is told what is the matter
  assert.equal((await guess({ ...wrong, token: s.token })).message, 'Phone already connected');
  const host = await server.host('lab-1', [], { token: 'host-token-0123456789' });
  for (const peer of [phone, desktop, host]) await peer.stop();
});

test('every problem of the configuration is told with its line', async () => {
  const file = path.join(scratch(), 'server.yaml');
  writeFileSync(
    file,
    'port: 70000\naddress: 0.0.0.0\ntokens:\n  - name: ci\n    token: short\nturn:\n  servers: [x]\ncolour: blue\n',
  );
  const result = spawnSync(path.join(BUILD, 'testbed-server'), ['--config', file, '--check'], {
    encoding: 'utf8',
    env: { ...process.env, TESTBED_TOKEN: '' },
  });
  assert.equal(result.status, 1);
  for (const [line, text] of [
    [1, 'port must be from 0 to 65535'],
    [2, 'without a token'],
    [5, 'token must be 16 to 256 bytes'],
    [6, 'a secret is needed'],
    [8, 'unknown field "colour"'],
  ])
    assert.match(result.stderr, new RegExp(`^${file.replaceAll('.', '\\.')}:${line}: .*${text}`, 'm'));
  writeFileSync(file, 'port: 0\n');
  assert.equal(spawnSync(path.join(BUILD, 'testbed-server'), ['--config', file, '--check']).status, 0);
});
