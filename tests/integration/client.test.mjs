// testbed, the command line: against a real host, below a real server. The console is in client-console.test.mjs,
// phones in client-phone.test.mjs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice, startSerialPort } from './bench.mjs';
import { TESTBED, environment, ok, onTerminal, refused, started, testbed } from './cli.mjs';
import { BUILD, Host, certificate, forFile, freePort, scratch, until, within, withHost } from './harness.mjs';
import { Server } from './server-harness.mjs';

const file = forFile();
const TOKEN = 'a-token-of-an-admin-0123456789';
let host;
let server;
let serial;

before(async () => {
  server = await Server.start();
  file.after(() => server.program.stop());
  serial = await startSerialPort(file);
  host = await Host.start({
    name: 'lab-1',
    server: { url: server.url, insecure: true, role: 'admin', allow: ['attach'] },
    devices: {
      board: { ...scriptedDevice(path.join(scratch('tb-cli-'), 'power')), label: 'A board' },
      screen: { attach: ['testpattern://'] },
      vitals: { attach: ['vitals://'] },
      line: { attach: [serial.uri] },
    },
  });
  file.after(() => host.stop());
  for (const id of ['board/power', 'board/console', 'screen/video', 'line/console', 'vitals/sensors'])
    await host.state_is(id);
  await serial.connected();
  await until('the server to know', async () => (await server.get('/api/devices')).json.length === 4);
});

const far = () => ({ env: { TESTBED_SERVER: server.url } });
const run = (args, options) => ok(host.url, args, options);
const lease = async (device = 'board') => (await host.get(`/host/devices/${device}/lease`)).json;

test('ls, show: what there is, for people and as JSON', async () => {
  const table = (await run(['ls'])).split('\n');
  assert.match(table[0], /^DEVICE +STATE +LEASE +INTERFACES +LABEL/);
  assert.match(table[1], /^board +ready +- +power, console +A board$/);
  assert.equal(await run(['ls', '-q']), 'board\nline\nscreen\nvitals\n');
  const json = JSON.parse(await run(['ls', '--json']));
  assert.deepEqual(json, (await host.get('/host/devices')).json);
  assert.match(await run(['show', 'board']), /power +power +ready/);
  assert.equal(JSON.parse(await run(['show', 'board', '-j'])).id, 'board');
});

test('power: set, read back, cycle; what is not understood changes nothing', async () => {
  assert.equal(await run(['power', 'board', 'on']), 'board/power: on\n');
  assert.equal(await run(['power', 'board']), 'board/power: on\n');
  const cycled = JSON.parse(await run(['power', 'board', 'cycle', '--off-s', '0', '--json']));
  assert.equal(cycled.observed, 'on');
  assert.equal(await run(['power', 'board', 'off']), 'board/power: off\n');
  await refused(host.url, ['power', 'board', 'blink'], 2, /on, off, cycle or status/);
  await refused(host.url, ['power', 'board', 'on', '--off-s', '1'], 2, /--off-s is for cycle/);
  await refused(host.url, ['power', 'vitals', 'on'], 1, /vitals has no power; it has: sensors/);
  await refused(host.url, ['power', 'boar', 'on'], 1, /no device "boar"/);
  assert.equal(await run(['power', 'board']), 'board/power: off\n');
});

test('expect: matched, its groups, and what came instead; log', async () => {
  const said = await run(['expect', 'board', 'abc(\\d+)', '--send', 'x abc42\\n', '--json']);
  assert.deepEqual(JSON.parse(said).groups, ['42']);
  assert.equal(await run(['expect', 'board', 'abc\\d+', '--from', '0']), 'abc42\n');
  const late = await refused(host.url, ['expect', 'board', 'never', '--send', 'other\\n', '-t', '0.5'], 5, /no match/);
  assert.match(late.err, /board\/console said: .*other/);
  await refused(host.url, ['expect', 'board', '(', '-t', '1'], 2, /pattern/);
  await refused(host.url, ['expect', 'board', 'x', '--send', '\\q'], 2, /known are/);

  await serial.say(Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join(''));
  await run(['expect', 'line', 'line 499', '--from', '0']);
  const all = (await run(['log', 'line'])).trimEnd().split('\n');
  assert.deepEqual([all.length, all[0], all.at(-1)], [500, 'line 0', 'line 499']);
  assert.equal(await run(['log', 'line', '--tail', '2']), 'line 498\nline 499\n');
  assert.match(await run(['log', 'line', '-n', '1', '-t']), /^\d{4}-\d\d-\d\dT[\d:.]+Z line 499\n$/);
  assert.equal(await run(['log', 'line', '--since', '0s']), '');
  assert.equal((await run(['log', 'line', '--since', '1h'])).split('\n').length, 501);
});

test('lease: the program has the device, its environment, its exit code, and gives it back', async () => {
  const script = 'env | grep ^TESTBED_ | sort; "$0" power board on; "$0" lease board --json; exit 7';
  const done = await testbed(host.url, ['lease', 'board', '--note', 'soak', '--', 'sh', '-c', script, TESTBED]);
  assert.equal(done.code, 7, done.err);
  assert.match(done.out, /^TESTBED_DEVICE=board$/m);
  assert.match(done.out, /^TESTBED_LEASE=\S{20,}$/m);
  assert.match(done.out, new RegExp(`^TESTBED_URL=${host.url}/host/devices/board$`, 'm'));
  assert.match(done.out, /^board\/power: on$/m);
  assert.match(done.out, /"note":"soak"/);
  assert.equal(await lease(), null);
  assert.equal((await testbed(host.url, ['lease', 'board', 'sh', '-c', 'kill -9 $$'])).code, 137);
  assert.equal((await testbed(host.url, ['lease', 'board', '--', '/no/such/program'])).code, 127);
  assert.equal(await lease(), null);
});

test('lease: Ctrl-C is for the program, and the device is given back', async (t) => {
  const script = 'trap "echo told; exit 5" INT; echo on; while :; do read x; done';
  const terminal = onTerminal(host.url, ['lease', 'board', '--', 'bash', '-c', script]);
  t.after(terminal.kill);
  await terminal.see(/^on/m);
  terminal.type('\x03');
  await terminal.see('told');
  assert.equal((await terminal.end()).code, 5);
  assert.equal(await lease(), null);
});

test('lease: the ports of its console, as the program reaches them', async (t) => {
  const [raw, telnet] = [await freePort(), await freePort()];
  const other = await withHost(t, { devices: { a: { attach: [serial.uri], tcp: raw, rfc2217: telnet } } });
  await other.state_is('a/console');
  const out = await ok(other.url, ['lease', 'a', '--', 'sh', '-c', 'echo "$TESTBED_TCP $TESTBED_RFC2217"']);
  assert.equal(out, `127.0.0.1:${raw} 127.0.0.1:${telnet}\n`);
});

test('lease: taken by another, waited for, shown, taken away', async (t) => {
  const held = (await run(['lock', 'board', '--ttl', '60', '--note', 'mine'])).trim();
  t.after(() => host.delete('/host/devices/board/lease', { headers: { 'X-Lease': held } }));
  assert.match(await run(['lease', 'board']), /^board: local until \S+: mine\n$/);
  await refused(host.url, ['power', 'board', 'on'], 4, /board is leased by local until/);
  await refused(host.url, ['lease', 'board', '--', 'true'], 124, /leased by/);
  await refused(host.url, ['unlock', 'board'], 4, /X-Lease is not the lease/);
  await run(['power', 'board', 'off'], { env: { TESTBED_LEASE: held } });
  await run(['power', 'board', 'off', '--lease', held]);
  const waiting = started(host.url, ['lease', 'board', '-w', '30', '--', 'echo', 'now it is mine']);
  const events = await host.sse('/host/events?device=board');
  await run(['unlock', 'board'], { env: { TESTBED_LEASE: held } });
  await waiting.line('now it is mine');
  assert.equal((await waiting.exited).code, 0);
  await events.find((e) => e.data.type === 'lease.ended');
  events.stop();
});

test('unlock: who locked it gives it back without its secret, also through a server; nobody else does', async () => {
  for (const [base, device, env] of [
    [host.url, 'board', {}],
    [undefined, 'lab-1/board', { TESTBED_SERVER: server.url }],
  ]) {
    const mine = { env: { ...env, XDG_STATE_HOME: scratch('tb-cli-') } };
    const secret = (await ok(base, ['lock', device], mine)).trim();
    const [kept] = readdirSync(path.join(mine.env.XDG_STATE_HOME, 'testbed', 'leases'), { withFileTypes: true });
    const file_ = path.join(mine.env.XDG_STATE_HOME, 'testbed', 'leases', kept.name);
    assert.equal(statSync(file_).mode & 0o777, 0o600);
    await refused(base, ['unlock', device], 4, /X-Lease is not the lease/, { env });
    await refused(base, ['power', device, 'on'], 4, /is leased by/, mine); /* what is kept is for unlock alone */
    await ok(base, ['unlock', device], mine);
    assert.deepEqual([await lease(), existsSync(file_)], [null, false]);
    await ok(base, ['lock', device], mine); /* its time is over, and somebody else has it: what is kept opens nothing */
    await host.delete('/host/devices/board/lease', { headers: { 'X-Lease': readFileSync(file_, 'utf8') } });
    const other = (await ok(base, ['lock', device], { env })).trim();
    assert.notEqual(other, secret);
    await refused(base, ['unlock', device], 4, /X-Lease is not the lease/, mine);
    await ok(base, ['unlock', device, '--lease', other], { env });
  }
});

test('lease: SIGTERM and SIGINT reach the program, and the device is given back', async () => {
  for (const signal of ['SIGTERM', 'SIGHUP']) {
    const program = started(host.url, [
      'lease',
      'board',
      '--',
      'sh',
      '-c',
      'trap "echo told; exit 3" TERM; echo on; while :; do read x; done',
    ]);
    await program.line(/^on/);
    process.kill(program.pid, signal);
    await program.line(/^told/);
    assert.deepEqual(await program.exited, { code: 3, signal: null });
    assert.equal(await lease(), null);
  }
});

test('lease: is it lost, the program is told, and the exit code says so', async () => {
  const program = started(host.url, [
    'lease',
    'board',
    '--ttl',
    '3',
    '--',
    'sh',
    '-c',
    'trap "echo told; exit 0" TERM; echo on; echo $TESTBED_LEASE; while :; do read x; done',
  ]);
  await program.line(/^on/);
  const secret = await program.line(/^\S{20,}$/);
  assert.equal((await host.delete('/host/devices/board/lease', { headers: { 'X-Lease': secret } })).status, 204);
  await program.line(/^told/);
  assert.equal((await program.exited).code, 124);
  assert.match(program.text, /the lease was lost while the program ran: it has ended/);
});

test('lease: testbed is killed, and so is its program; the lease ends when its time is over', async () => {
  const events = await host.sse('/host/events?device=board');
  const program = started(host.url, [
    'lease',
    'board',
    '--ttl',
    '2',
    '--',
    'sh',
    '-c',
    'trap "echo told; exit 0" TERM; echo on; while :; do read x; done',
  ]);
  await program.line(/^on/);
  program.child.kill('SIGKILL');
  await program.line(/^told/);
  await events.find((e) => e.data.type === 'lease.ended' || e.data.type === 'lease.ended');
  assert.equal(await lease(), null);
  events.stop();
});

test('lease: heartbeats keep it beyond its time', async () => {
  const events = await host.sse('/host/events?device=board&type=lease.*');
  const program = started(host.url, ['lease', 'board', '--ttl', '2', '--', 'sh', '-c', 'read x']);
  for (let from = 0, n = 0; n < 5; n++) {
    await events.find((e) => e.data.type === 'lease.renewed', { from });
    from = events.items.length;
  }
  assert.ok(await lease());
  program.child.stdin.end('\n');
  assert.equal((await program.exited).code, 0);
  assert.ok(!events.items.some((e) => e.data.type === 'lease.ended' && e.data.data.reason !== 'released'));
  events.stop();
});

test('screenshot, record: pictures that others read', async () => {
  const folder = scratch('tb-cli-');
  const png = path.join(folder, 'a.png');
  assert.equal(await run(['screenshot', 'screen', '-o', png]), `${png}\n`);
  assert.deepEqual([...readFileSync(png).subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  const jpeg = await testbed(host.url, ['screenshot', 'screen', '-o', path.join(folder, 'a.jpg')]);
  assert.equal(jpeg.code, 0, jpeg.err);
  assert.deepEqual([...readFileSync(path.join(folder, 'a.jpg')).subarray(0, 2)], [0xff, 0xd8]);
  assert.equal((await testbed(host.url, ['screenshot', 'screen', '-o', '-'])).bytes[0], 0x89);
  const film = path.join(folder, 'a.mjpeg');
  const done = await testbed(host.url, ['record', 'screen', '2s', '-o', film, '--fps', '10'], { ms: 60000 });
  assert.equal(done.code, 0, done.err);
  const pictures = Number(/(\d+) pictures/.exec(done.err)[1]);
  assert.ok(pictures > 2, done.err);
  const bytes = readFileSync(film).toString('latin1');
  assert.equal(bytes.slice(0, 2), '\xff\xd8');
  assert.equal(bytes.slice(-2), '\xff\xd9', 'the last picture is whole');
  assert.equal(bytes.split('\xff\xd9\xff\xd8').length, pictures);
  await refused(host.url, ['record', 'screen', '1s', '-o', path.join(folder, 'a.mp4')], 2, /what is written is MJPEG/);
  await refused(host.url, ['record', 'screen', 'soon'], 2, /no time/);
  assert.ok(!existsSync(path.join(folder, 'a.mp4')));
});

test('watch, sensors: lines as they come; the stream is made again when the host restarts', async (t) => {
  const state = scratch('tb-cli-state-');
  const config = { port: await freePort(), devices: { a: scriptedDevice(path.join(scratch('tb-cli-'), 'p')) } };
  const other = await Host.start(config, { state });
  await other.state_is('a/power');
  const watch = started(other.url, ['watch', 'a', '--after', '0', '--type', 'power.*', '--json']);
  t.after(() => watch.kill());
  await ok(other.url, ['power', 'a', 'on']);
  const on = JSON.parse(await watch.line(/"observed":"on"/));
  assert.equal(on.device, 'a');
  const plain = started(other.url, ['watch', '--after', String(on.id - 1)]);
  t.after(() => plain.kill());
  await plain.line(/^\S+Z {2}a\/power {2}power\.state commanded=on observed=on/);
  await other.stop({ keepState: true });
  await plain.line(/connection to the host is lost; trying again/);
  const again = await withHost(t, config, { state });
  await again.state_is('a/power');
  await ok(again.url, ['power', 'a', 'off']);
  await watch.line(/"commanded":"off","observed":"off"/);
  await plain.line(/commanded=off observed=off/);
  assert.equal(watch.out.items.filter((l) => l.includes(`"id":${on.id},`)).length, 1, 'no event comes twice');
  assert.match(await run(['sensors', 'vitals']), /^memory\.available +[\d.e+]+ +By/m);
  const samples = started(host.url, ['sensors', 'vitals', '-f', '-j']);
  t.after(() => samples.kill());
  assert.equal(JSON.parse(await samples.line(/"stream":"uptime"/)).unit, 's');
});

test('attach, discover, detach', async () => {
  assert.match(await run(['discover']), /^ATTACH BY/);
  await run(['attach', 'extra', 'testpattern://', '--label', 'More']);
  assert.match(await run(['ls']), /^extra .* More$/m);
  await refused(host.url, ['attach', 'extra2', 'nonsense://x'], 2, /nonsense/);
  await run(['detach', 'extra']);
  await refused(host.url, ['detach', 'board'], 1, /./);
});

test('input: what is not understood is said', async () => {
  await run(['input', 'screen', 'tap', '10', '20']);
  await run(['input', 'screen', 'key', 'Control+c', 'Enter']);
  await refused(host.url, ['input', 'screen', 'tap', '1'], 2, /tap X Y/);
});

test('through a server: names are HOST/DEVICE, everything else is the same', async () => {
  const table = await ok('', ['ls'], far());
  assert.match(table, /^lab-1\/board +ready +lab-1 +power, console/m);
  assert.match(await ok('', ['ls', 'lab-1'], far()), /^lab-1\/board +ready +- +power/m);
  assert.equal(await ok('', ['power', 'lab-1/board', 'on'], far()), 'lab-1/board/power: on\n');
  assert.equal(await ok('', ['expect', 'lab-1/board', 'far\\d', '--send', 'far1\\n'], far()), 'far1\n');
  const done = await testbed(
    '',
    ['lease', 'lab-1/board', '--', 'sh', '-c', '"$0" power $TESTBED_DEVICE off; env', TESTBED],
    far(),
  );
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^lab-1\/board\/power: off$/m);
  assert.match(done.out, new RegExp(`^TESTBED_SERVER=${server.url}$`, 'm'));
  assert.doesNotMatch(done.out, /^TESTBED_HOST=/m);
  await refused('', ['power', 'board'], 2, /HOST\/DEVICE/, far());
  await refused('', ['power', 'lab-9/board'], 3, /no host "lab-9"/, far());
  await refused('', ['watch'], 2, /say which host/, far());
  await refused(server.url, ['ls'], 1, /is a testbed server: name it with --server/);
  await refused('', ['ls', '--server', host.url], 1, /is a testbed host: name it with --host/);
  const watch = started('', ['watch', 'lab-1/board', '--after', '0'], far());
  await watch.line(/power\.state commanded=off/);
  await watch.kill();
});

test('who may: tokens by environment, file and client.yaml; never by a file that others read', async (t) => {
  const closed = await withHost(t, {
    tokens: [{ name: 'anna', role: 'admin', token: TOKEN }],
    devices: { vitals: { attach: ['vitals://'] } },
  });
  await refused(closed.url, ['ls'], 3, /token.*TESTBED_TOKEN/);
  await refused(closed.url, ['ls'], 3, /token/, { env: { TESTBED_TOKEN: 'a-wrong-token-0123456789' } });
  await ok(closed.url, ['ls'], { env: { TESTBED_TOKEN: TOKEN } });
  const folder = scratch('tb-cli-');
  const secret = path.join(folder, 'token');
  writeFileSync(secret, `${TOKEN}\n`, { mode: 0o644 });
  await refused(closed.url, ['ls', '--token-file', secret], 3, /chmod 600/);
  chmodSync(secret, 0o600);
  await ok(closed.url, ['ls', '--token-file', secret]);
  writeFileSync(secret, `${TOKEN}\nmore\n`);
  await refused(closed.url, ['ls', '--token-file', secret], 2, /one token/);

  mkdirSync(path.join(folder, 'testbed'));
  const config = path.join(folder, 'testbed', 'client.yaml');
  const env = { XDG_CONFIG_HOME: folder };
  writeFileSync(
    config,
    `default: lab\nhosts:\n  lab: {url: "${closed.url}", token: ${TOKEN}}\n  other: {url: "${host.url}"}\n`,
    { mode: 0o600 },
  );
  assert.match(await ok('', ['ls'], { env }), /vitals/);
  assert.match(await ok('', ['ls', '--host', 'other'], { env }), /board/);
  await refused('', ['ls', '--host', 'lab2'], 2, /neither a URL .* nor the name/, { env });
  chmodSync(config, 0o640);
  await refused('', ['ls'], 3, /client\.yaml has a token in it and others may read it: chmod 600/, { env });
  chmodSync(config, 0o600);
  writeFileSync(config, 'default: lab\nhosts:\n  lab: {uri: x}\n');
  const bad = await refused('', ['ls'], 2, /client\.yaml:3/, { env });
  assert.doesNotMatch(bad.err, new RegExp(TOKEN));
});

test('https: the system vouches, or --ca; whom it does not know is refused in words', async (t) => {
  const folder = scratch('tb-cli-');
  const ca = certificate(folder, 'lab-ca', { ca: true });
  const closed = await withHost(t, {
    tls: certificate(folder, 'localhost', { by: ca }),
    devices: { v: { attach: [serial.uri] } },
  });
  const url = closed.url.replace('127.0.0.1', 'localhost');
  assert.match(url, /^https:/);
  await closed.state_is('v/console');
  // LeakSanitizer falls over the thread-local storage of GnuTLS
  const env = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` };
  await refused(url, ['ls'], 3, /its certificate is vouched for by nobody who is known here: .*--ca FILE/, { env });
  await ok(url, ['ls', '--ca', ca.cert], { env });
  await refused(url, ['console', 'v/console'], 3, /its certificate/, { env });
  await refused(url, ['ls', '--ca', ca.key], 2, /--ca/, { env });
  const console_ = started(url, ['console', 'v', '-f'], { env: { ...env, TESTBED_CA: ca.cert } });
  t.after(() => console_.kill());
  await until('a reader', async () => (await closed.get('/host/devices/v/console')).json.clients > 0);
  await serial.say('by tls\r\n');
  await console_.line(/by tls/);
});

test('a connection that breaks: what only reads is asked again, what changes something is not', async (t) => {
  let calls = [];
  const proxy = http.createServer((req, res) => {
    calls.push(req.method);
    if (calls.length < 3 || req.method !== 'GET') return req.socket.destroy();
    res.setHeader('Content-Type', 'application/json');
    return res.end('[]');
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => proxy.close());
  const url = `http://127.0.0.1:${proxy.address().port}`;
  await ok(url, ['ls']);
  assert.deepEqual(calls, ['GET', 'GET', 'GET']);
  calls = [];
  await refused(url, ['power', 'a/power', 'on'], 3, /./);
  assert.deepEqual(calls, ['PUT'], 'asked once');
});

test('nobody there, something else there: one line, code 3', async () => {
  await refused('http://127.0.0.1:1', ['ls'], 3, /^testbed: http:\/\/127\.0\.0\.1:1: .*refused/);
  await refused('http://no-such-name.invalid', ['ls'], 3, /no-such-name\.invalid/);
  await refused('ftp://x', ['ls'], 2, /http:\/\/host:6109/);
  await refused(host.url, ['ls', '--host', 'http://user:secret@x'], 2, /without a password/);
});

test('completion, in bash: commands, options, words, devices', async () => {
  const folder = scratch('tb-cli-');
  const script = path.join(folder, 'completion');
  writeFileSync(script, await run(['completion', 'bash']));
  const complete = (...words) => {
    const ask = `
source ${script}
COMP_LINE='${words.join(' ')}'
COMP_POINT=\${#COMP_LINE}
_testbed
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const done = spawnSync('bash', ['--norc', '-c', ask], {
      encoding: 'utf8',
      env: { ...environment(host.url), PATH: `${BUILD}:${process.env.PATH}` },
      cwd: folder,
    });
    assert.equal(done.stderr, '');
    return done.stdout.trim().split('\n');
  };
  assert.deepEqual(complete('testbed', 'pow'), ['power']);
  assert.ok(complete('testbed', '').includes('console'));
  assert.deepEqual(complete('testbed', 'power', 'b'), ['board']);
  assert.deepEqual(complete('testbed', '--json', 'power', 'board', 'c'), ['cycle']);
  assert.deepEqual(complete('testbed', 'power', '--off-s', '3', 'board', 'o'), ['on', 'off']);
  assert.deepEqual(complete('testbed', 'console', '--rec'), ['--reconnect-s']);
  assert.deepEqual(complete('testbed', 'push', 'board', 'compl'), ['completion']);
  assert.deepEqual(complete('testbed', '--host', 'http://127.0.0.1:1', 'power', 'b'), ['']);
  assert.deepEqual(complete('testbed', 'lease', 'board', '--', 'ma'), ['']);
  assert.deepEqual(complete('testbed', '--host', host.url, 'power', 'b'), ['board']);
  assert.deepEqual(complete('testbed', `--host=${host.url}`, 'power', 'b'), ['board']);
  writeFileSync(path.join(folder, 'a:b'), '');
  assert.deepEqual(complete('testbed', 'push', 'board', 'a:'), ['b'], 'readline keeps what stands before the colon');
});

test('help and version of everything, without a host', async () => {
  const all = await ok('http://127.0.0.1:1', ['--help']);
  for (const [, name] of all.matchAll(/^ {2}([a-z]+) +\S/gm)) {
    assert.match(await ok('http://127.0.0.1:1', [name, '--help']), new RegExp(`^usage: testbed ${name} `));
    assert.equal(await ok('', ['help', name]), await ok('', [name, '-h']));
  }
  assert.match(await ok('', ['--version']), /^testbed \S+\n$/);
  assert.equal((await testbed('', [])).code, 2);
});

test('no colour without a terminal; a reader that goes ends it', async () => {
  assert.doesNotMatch(await run(['ls']), /\x1b/);
  const done = spawnSync('bash', ['-c', `set -o pipefail; ${TESTBED} watch --after 0 | head -1`], {
    env: environment(host.url),
    timeout: 20000,
    encoding: 'utf8',
  });
  assert.equal(done.signal, null);
  assert.match(done.stdout, /device\.added/);
  // also while there is nothing more to print
  const silent = spawnSync('bash', ['-c', `${TESTBED} watch --type none | sleep 0.5`], {
    env: environment(host.url),
    timeout: 20000,
  });
  assert.equal(silent.signal, null);
});
