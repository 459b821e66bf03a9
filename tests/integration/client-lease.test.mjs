// testbed lease and lock: leases in each other, several programs with one token; nothing runs on without its lease.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { before, test } from 'node:test';

import { TESTBED, environment, ok, onTerminal, refused, started, testbed } from './cli.mjs';
import { Host, forFile, scratch, until, within, withHost } from './harness.mjs';
import { Server } from './server-harness.mjs';

const file = forFile();
const TOKEN = 'a-token-of-an-operator-0123456789';
const SECRET = { TESTBED_TOKEN: TOKEN };
let host; // without tokens
let closed; // with one token

before(async () => {
  host = await Host.start({ devices: { board: { attach: ['vitals://'] }, other: { attach: ['vitals://'] } } });
  closed = await Host.start({
    tokens: [
      { name: 'anna', role: 'operator', token: TOKEN },
      { name: 'root', role: 'admin', token: 'a-token-of-an-admin-0123456789' },
    ],
    devices: { board: { attach: ['vitals://'] }, other: { attach: ['vitals://'] } },
  });
  file.after(() => Promise.all([host.stop(), closed.stop()]));
});

const over = (program) => within(`${program.name} to end`, program.exited, 30000);
const bearer = { headers: { Authorization: `Bearer ${TOKEN}` } };
const holder = async (at = host) => (await at.get('/host/devices/board/lease', bearer)).json;
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const gone = (what, pid) => until(`${what} to end`, () => !alive(pid), 20000);

for (const [name, at, env] of [
  ['without tokens', () => host, {}],
  ['with a token', () => closed, SECRET],
])
  test(`lease, lock and unlock inside a lease ride on it: ${name}`, async () => {
    const script = `
      set -e
      "$0" lease board -- sh -c 'echo inner $TESTBED_LEASE'
      "$0" lease board --json
      [ "$("$0" lock board)" = "$TESTBED_LEASE" ] && echo the same
      "$0" unlock board
      "$0" lease board --json
      "$0" lease other -- sh -c '"$0" lease other --json; "$0" unlock other' "$0"
      "$0" lease other --json
      echo outer $TESTBED_LEASE`;
    const done = await testbed(at().url, ['lease', 'board', '--', 'sh', '-c', script, TESTBED], { env });
    assert.equal(done.code, 0, done.err);
    const lines = done.out.trim().split('\n');
    assert.equal(lines[0].replace('inner', 'outer'), lines[6]);
    for (const i of [1, 3, 4]) assert.match(lines[i], /"holder"/);
    assert.deepEqual([lines[2], lines[5]], ['the same', 'null']);
    assert.match(done.err, /board: the program that testbed lease runs has it/);
    assert.equal(await holder(at()), null);

    // one that was locked stays locked
    const lock = (await ok(at().url, ['lock', 'board', '--ttl', '60'], { env })).trim();
    const with_ = { env: { ...env, TESTBED_LEASE: lock } };
    assert.equal(await ok(at().url, ['lease', 'board', '--', 'echo', 'ran'], with_), 'ran\n');
    assert.ok(await holder(at()));
    assert.match(await ok(at().url, ['unlock', 'board'], with_), /^$/);
    assert.equal(await holder(at()), null);
    // a lease that is over is no reason not to take a new one
    assert.equal(await ok(at().url, ['lease', 'board', '--', 'echo', 'ran'], with_), 'ran\n');
  });

test('lease: two programs with one token take turns', async () => {
  const run = (args) => started(closed.url, args, { env: SECRET });
  const first = run(['lease', 'board', '--note', 'job 1', '--', 'sh', '-c', 'echo on; read x']);
  await first.line('on');
  const at = (await holder(closed)).expires_at;
  await refused(
    closed.url,
    ['lease', 'board', '--ttl', '3600', '--', 'true'],
    124,
    /leased by anna until .*job 1 \(--wait/,
    {
      env: SECRET,
    },
  );
  await refused(closed.url, ['lock', 'board'], 4, /leased by anna until .*--wait/, { env: SECRET });
  assert.ok(Date.parse((await holder(closed)).expires_at) - Date.parse(at) < 120e3, 'it has the length that it had');
  await refused(closed.url, ['lock', 'board', '-w', '1'], 4, /another program of anna/, { env: SECRET });
  const second = run(['lease', 'board', '--wait', '60', '--', 'echo', 'second']);
  const third = run(['lease', 'board', '--wait', '60', '--', 'sh', '-c', 'echo third; exit 3']);
  first.child.stdin.end('\n');
  assert.equal((await over(first)).code, 0);
  await second.line('second');
  await third.line('third');
  assert.equal((await over(second)).code, 0);
  assert.equal((await over(third)).code, 3);

  const killed = run(['lease', 'board', '--ttl', '2', '--', 'sh', '-c', 'echo on; read x']);
  await killed.line('on');
  killed.child.kill('SIGKILL');
  assert.equal(
    await ok(closed.url, ['lease', 'board', '-w', '30', '--', 'echo', 'it is free'], { env: SECRET }),
    'it is free\n',
  );

  // whose lease is over does not give back the next one's
  const stale = (await ok(closed.url, ['lock', 'board'], { env: SECRET })).trim();
  await ok(closed.url, ['unlock', 'board'], { env: SECRET });
  await ok(closed.url, ['lock', 'board'], { env: SECRET });
  for (const method of ['put', 'delete']) {
    const headers = { ...bearer.headers, 'X-Lease': stale };
    const answer = await (method === 'put'
      ? closed.put('/host/devices/board/lease', {}, { headers })
      : closed.delete('/host/devices/board/lease', { headers }));
    assert.equal(answer.status, 423, method);
  }
  await ok(closed.url, ['unlock', 'board'], { env: SECRET });
});

test('lease: the program finds the host, and its token, by the name in client.yaml', async (t) => {
  const server = await Server.start();
  t.after(() => server.program.stop());
  const folder = scratch('tb-cli-');
  mkdirSync(path.join(folder, 'testbed'));
  const config = path.join(folder, 'testbed', 'client.yaml');
  const env = { XDG_CONFIG_HOME: folder };
  const inner = ['--', 'sh', '-c', '"$0" ls -q; env', TESTBED];
  writeFileSync(config, `default: lab\nhosts:\n  lab: {url: "${closed.url}", token: ${TOKEN}}\n`, { mode: 0o600 });
  const done = await ok('', ['lease', 'board', ...inner], { env });
  assert.match(done, /^board\nother\n/);
  assert.match(done, /^TESTBED_HOST=lab$/m);
  assert.match(await ok('', ['lease', 'board', '--host', 'lab', ...inner], { env }), /^board\nother\n/);

  const behind = await withHost(t, {
    name: 'lab-1',
    server: { url: server.url, insecure: true, role: 'operator' },
    devices: { far: { attach: ['vitals://'] } },
  });
  await behind.state_is('far/sensors');
  await until('the server to know', async () => (await server.get('/api/devices')).json.length === 1);
  writeFileSync(config, `default: far\nhosts:\n  far: {server: "${server.url}"}\n`, { mode: 0o600 });
  const far = await ok('', ['lease', 'lab-1/far', ...inner], { env });
  assert.match(far, /^lab-1\/far\n/);
  assert.match(far, /^TESTBED_HOST=far$/m);
});

test('lease: descriptors go on to the program, our own do not', async () => {
  const child = spawn(
    'bash',
    ['-c', `"$0" lease board -- sh -c 'cat "$0"; ls -l /proc/self/fd' <(echo by a pipe)`, TESTBED],
    {
      env: environment(host.url),
    },
  );
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  await new Promise((resolve) => child.on('close', resolve));
  assert.match(out, /^by a pipe$/m);
  assert.doesNotMatch(out, /socket:.*\n[^]*socket:.*\n[^]*socket:.*\n[^]*socket:|eventfd|pidfd/, 'but for the streams');
});

// Of what the program starts, one has a session of its own; without a word to them they would outlive it.
const FAMILY = `
  (trap "exit 0" TERM; sleep 300 & wait) &
  echo child $!
  setsid sh -c 'echo child $$; exec sleep 300' &
  sleep 300 & echo child $!
  trap "exit 5" TERM
  echo on; while :; do read x; done`;

async function family(args = []) {
  const program = started(host.url, ['lease', 'board', ...args, '--', 'bash', '-c', FAMILY]);
  const children = [];
  for (let i = 0; i < 3; i++)
    children.push(
      Number((await program.line(new RegExp(`^child (?!${children.join('$|') || 'x'}$)\\d+`))).split(' ')[1]),
    );
  await program.line('on');
  return { program, children };
}

test('lease: ended, killed or lost, nothing that the program started runs on', async () => {
  const term = await family();
  process.kill(term.program.pid, 'SIGTERM');
  assert.equal((await over(term.program)).code, 5);
  for (const pid of term.children) assert.ok(!alive(pid), 'at the moment at which the device is free');
  assert.equal(await holder(), null);

  const kill = await family(['--ttl', '2']);
  kill.program.child.kill('SIGKILL');
  for (const pid of kill.children) await gone('a child of the program', pid);
  await until('the lease to end', async () => (await holder()) === null);

  const lost = await family(['--ttl', '2']);
  await host.delete('/host/devices/board/lease');
  assert.equal((await over(lost.program)).code, 124);
  for (const pid of lost.children) assert.ok(!alive(pid));
});

test('lease: the program that ends by itself may leave something behind; the terminal is its', async (t) => {
  const done = await ok(host.url, ['lease', 'board', '--', 'sh', '-c', 'sleep 300 >/dev/null 2>&1 & echo $!']);
  assert.ok(alive(Number(done)));
  process.kill(Number(done));
  const terminal = onTerminal(host.url, ['lease', 'board', '--', 'bash', '-c', 'echo on; read x; echo "got $x"']);
  t.after(terminal.kill);
  await terminal.see(/^on/m);
  terminal.type('word\r');
  await terminal.see('got word');
  assert.equal((await terminal.end()).code, 0);
});

test('a program that is not there: 127, and nobody waits for the device', async () => {
  const lock = (await ok(host.url, ['lock', 'board'])).trim();
  const done = await testbed(host.url, ['lease', 'board', '-w', '30', '--', 'no-such-program']);
  assert.deepEqual([done.code, done.out], [127, '']);
  assert.match(done.err, /^testbed: no-such-program: there is no such program$/m);
  await ok(host.url, ['unlock', 'board'], { env: { TESTBED_LEASE: lock } });
  const bad = path.join(scratch('tb-cli-'), 'bad');
  writeFileSync(bad, '#!/no/such/interpreter\n', { mode: 0o755 });
  assert.equal((await testbed(host.url, ['lease', 'board', '--', bad])).code, 127);
  assert.equal(await holder(), null);
});

/** A host that grants a lease; the device is shown when `shown` is resolved. `deleted`: the lease that was given back. */
async function slowHost(t, asked, shown) {
  const seen = { deleted: [] };
  const server = http.createServer(async (req, res) => {
    if (req.method === 'DELETE') {
      seen.deleted.push(req.headers['x-lease']);
      return res.writeHead(204).end();
    }
    if (req.method === 'GET' && !req.url.endsWith('/lease')) {
      asked();
      await shown;
    }
    res.setHeader('Content-Type', 'application/json');
    const answers = { POST: { lease: 'a-lease-0123456789' }, PUT: {} };
    const device = { id: 'board', interfaces: [] };
    return res.end(JSON.stringify(req.url.endsWith('/lease') ? (answers[req.method] ?? null) : device));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  seen.url = `http://127.0.0.1:${server.address().port}`;
  return seen;
}

test('a signal between the lease and the program: it is given back, and nothing is started', async (t) => {
  for (const [signal, code] of [
    ['SIGHUP', 129],
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ]) {
    const mark = path.join(scratch('tb-cli-'), 'mark');
    let program;
    let show;
    const shown = new Promise((resolve) => (show = resolve));
    const told = () => {
      process.kill(program.pid, signal);
      show();
    };
    const slow = await slowHost(t, told, shown);
    program = started(slow.url, ['lease', 'board', '--', 'touch', mark]);
    assert.deepEqual(await over(program), { code, signal: null });
    assert.deepEqual(slow.deleted, ['a-lease-0123456789']);
    assert.equal(existsSync(mark), false);
  }
});

test('what nohup and a script in the background ignore is ignored by testbed, too, and by its program', async () => {
  const child = spawn(
    'sh',
    ['-c', `trap '' HUP INT; exec "$0" lease board -- sh -c 'echo on; kill -HUP $$; read x; echo "got $x"'`, TESTBED],
    { env: environment(host.url), stdio: ['pipe', 'pipe', 'inherit'] },
  );
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  await until('the program', () => out.includes('on'));
  for (const signal of ['SIGHUP', 'SIGINT']) child.kill(signal);
  child.stdin.end('word\n');
  assert.deepEqual(await within('testbed to end', ended), { code: 0, signal: null });
  assert.match(out, /got word/);
  assert.equal(await holder(), null);
});

test('words that are not UTF-8: refused with the code of run, and by name', async () => {
  for (const [words, said] of [
    [`board printf 'a' $'b\\xff'`, /word 3 of the program: "b\uFFFD" is no text/],
    [`board -c $'ls \\xff'`, /--command: "ls \uFFFD" is no text/],
  ]) {
    const child = spawn('bash', ['-c', `exec "$0" run ${words}`, TESTBED], { env: environment(host.url) });
    let err = '';
    child.stderr.on('data', (chunk) => (err += chunk));
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), 122);
    assert.match(err, said);
  }
});

test('a redirect is said, not followed: nobody else sees the lease', async (t) => {
  const seen = [];
  const thief = http.createServer((req, res) => {
    seen.push(req.headers);
    res.end('[]');
  });
  const proxy = http.createServer((req, res) => {
    res.writeHead(307, { Location: `http://localhost:${thief.address().port}${req.url}` });
    res.end();
  });
  for (const one of [thief, proxy]) {
    await new Promise((resolve) => one.listen(0, '127.0.0.1', resolve));
    t.after(() => one.close());
  }
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const env = { ...SECRET, TESTBED_LEASE: 'a-lease-0123456789' };
  await refused(url, ['ls'], 3, /sends us on to http:\/\/localhost:\d+/, { env });
  await refused(url, ['console', 'a/console'], 3, /sends us on to/, { env });
  assert.deepEqual(seen, []);
});

test('a token in the environment is checked as one in a file', async () => {
  for (const bad of [`${TOKEN}\nX-Other: 1`, 'two words', 'x'.repeat(5000)])
    await refused(closed.url, ['ls'], 2, /TESTBED_TOKEN is to hold one token/, { env: { TESTBED_TOKEN: bad } });
  await ok(closed.url, ['ls'], { env: { TESTBED_TOKEN: `${TOKEN}\n` } });
});
