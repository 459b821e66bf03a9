// testbed run, push, pull, install, apps, input: against the simulated phone behind the real adb server.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { startPhone } from './bench.mjs';
import { ok, onTerminal, refused, testbed } from './cli.mjs';
import { Host, ROOT, forFile, scratch, until } from './harness.mjs';

const file = forFile();
let host;
let phone;

before(async () => {
  phone = await startPhone(file);
  host = await Host.start({ devices: { phone: { attach: `${phone.uri}&terminal=true` } } }, { env: phone.env });
  file.after(() => host.stop());
  for (const id of ['phone/shell', 'phone/files', 'phone/apps', 'phone/input', 'phone/console'])
    await host.state_is(id, 'ready', 20000);
});

const run = (args, options) => ok(host.url, args, options);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
const there = (...parts) => path.join(phone.state, 'sdcard', ...parts);

test('run: output, errors, exit code, input, time', async () => {
  const done = await testbed(host.url, ['run', 'phone', '--', 'sh', '-c', 'echo out; echo err >&2; exit 9']);
  assert.deepEqual([done.code, done.out, done.err], [9, 'out\n', 'err\n']);
  assert.equal(await run(['run', 'phone', 'echo', 'a  b', '$HOME', '--json']), 'a  b $HOME --json\n');
  assert.equal(await run(['run', 'phone', '-c', 'echo $((6 * 7)) | cat']), '42\n');
  assert.equal(await run(['run', 'phone', '-i', 'cat'], { input: 'grün\n' }), 'grün\n');
  assert.equal(JSON.parse(await run(['run', '-j', 'phone', 'echo', 'x'])).stdout, 'x\n');
  await refused(host.url, ['run', 'phone', '-t', '1', '-c', 'echo begun; sleep 60'], 125, /phone/);
  await refused(host.url, ['run', 'phone', '-i', 'cat'], 122, /no text/, { input: Buffer.from([0xff, 0xfe]) });
  await refused(host.url, ['run', 'phone', '-i', 'cat'], 122, /1 MiB/, { input: Buffer.alloc(1024 * 1024 + 1, 'x') });
  const fits = 'x'.repeat(1024 * 1024 - Buffer.byteLength('{"argv":["wc","-c"],"timeout_s":30.0,"stdin":""}'));
  assert.equal((await run(['run', 'phone', '-i', 'wc', '-c'], { input: fits })).trim(), String(fits.length));
  await refused(host.url, ['run', 'phone', '-i', 'wc', '-c'], 122, /requests of 1 MiB.* 1048577 bytes/, {
    input: `${fits}x`,
  });
  await refused(host.url, ['run', 'phone', '-i', 'cat'], 122, /byte 1 is NUL.*testbed push/, { input: 'a\0b' });
  await refused(host.url, ['run', 'nobody', 'true'], 121, /no device/);
});

test('console: a shell of the phone in a terminal as large as ours; another one when it ends', async (t) => {
  const terminal = onTerminal(host.url, ['console', 'phone']);
  t.after(terminal.kill);
  await terminal.see('opens the menu');
  const said = async (line, answer) => {
    terminal.type(`${line}\r`);
    await terminal.see(answer);
  };
  await said('stty size', '24 80');
  terminal.size(132, 43);
  await until('the size', async () => {
    terminal.type('stty size\r');
    return await terminal.see('43 132', 300).catch(() => null);
  });
  await said('tty -s && echo "a $((6 * 7)) tty"', 'a 42 tty');
  const bytes = 'x'.repeat(400 * 1024); /* more than anything on the way holds, and it echoes */
  await said('stty raw; head -c 409600 | wc -c; stty sane; exit', 'stty sane; exit\r\n');
  const sent = await host.post('/host/devices/phone/console/write', { text: bytes });
  assert.equal(sent.status, 200, sent.text);
  await terminal.see(/[x\n] *409600/);
  await until('another shell', async () => {
    const found = await host.post('/host/devices/phone/console/expect', {
      send: 'echo "pid $(($$ + 0)), size $(stty size)"\n',
      pattern: 'pid [0-9]+, size 43 132',
      timeout_s: 2,
    });
    return found.status === 200;
  });
  terminal.type('\x1dq');
  await terminal.end();
});

test('push, pull: any bytes, any size, the mode goes along', async () => {
  const folder = scratch('tb-cli-');
  const big = path.join(folder, 'big');
  const bytes = randomBytes(24 * 1024 * 1024 + 7);
  writeFileSync(big, bytes, { mode: 0o750 });
  await run(['push', 'phone', big, '/sdcard/'], { ms: 120000 });
  assert.equal(hash(readFileSync(there('big'))), hash(bytes));
  await run(['pull', 'phone', '/sdcard/big', path.join(folder, 'back')], { ms: 120000 });
  assert.equal(hash(readFileSync(path.join(folder, 'back'))), hash(bytes));
  assert.equal(statSync(path.join(folder, 'back')).mode & 0o777, statSync(there('big')).mode & 0o777);
  await run(['push', 'phone', '-', '/sdcard/from a pipe & more'], { input: 'piped' });
  assert.equal(await run(['pull', 'phone', '/sdcard/from a pipe & more', '-']), 'piped');
  assert.equal(await run(['pull', 'phone', '/sdcard/big', folder]), '');
  const copied = { device: 'phone', remote: '/sdcard/json', files: 1, bytes: 3, left_out: 0 };
  writeFileSync(path.join(folder, 'json'), 'abc');
  const json = async (...args) => JSON.parse(await run([...args, '--json'], { cwd: folder }));
  assert.deepEqual(await json('push', 'phone', 'json', '/sdcard/'), { ...copied, local: 'json' });
  assert.deepEqual(await json('pull', 'phone', '/sdcard/json', 'back'), { ...copied, local: 'back' });
  await refused(host.url, ['pull', 'phone', '/sdcard/json', '-', '--json'], 2, /the standard output is the file/);
  assert.equal(hash(readFileSync(big)), hash(bytes));
});

test('push, pull: what cannot be leaves nothing behind', async () => {
  const folder = scratch('tb-cli-');
  await refused(host.url, ['pull', 'phone', '/sdcard/none', path.join(folder, 'none')], 1, /none/);
  await refused(host.url, ['pull', 'phone', '/sdcard', path.join(folder, 'x')], 2, /is a folder: testbed pull -r/);
  await refused(host.url, ['push', 'phone', path.join(folder, 'none'), '/sdcard/none'], 2, /No such file/);
  await refused(host.url, ['push', 'phone', folder, '/sdcard/x'], 2, /is a folder: testbed push -r/);
  assert.deepEqual(readdirSync(folder), []);
  const held = (await host.post('/host/devices/phone/lease', {})).json.lease;
  writeFileSync(path.join(folder, 'f'), 'f');
  await refused(host.url, ['push', 'phone', path.join(folder, 'f'), '/sdcard/f'], 4, /leased/);
  await host.delete('/host/devices/phone/lease', { headers: { 'X-Lease': held } });
  assert.ok(!existsSync(there('f')));
});

test('push, pull: folders', async () => {
  const folder = scratch('tb-cli-');
  mkdirSync(path.join(folder, 'tree', 'sub', 'none'), { recursive: true });
  writeFileSync(path.join(folder, 'tree', 'a'), 'a');
  writeFileSync(path.join(folder, 'tree', 'sub', 'b'), 'b');
  symlinkSync('/etc/passwd', path.join(folder, 'tree', 'link'));
  const done = await testbed(host.url, ['push', '-r', 'phone', path.join(folder, 'tree'), '/sdcard/']);
  assert.equal(done.code, 1, 'not all of it is there');
  assert.match(done.err, /tree\/link: left out/);
  assert.match(done.err, /tree\/sub\/none: left out \(an empty folder/);
  assert.match(done.err, /2 of .*tree left out, as said above/);
  assert.equal(readFileSync(there('tree', 'sub', 'b'), 'utf8'), 'b');
  assert.ok(!existsSync(there('tree', 'link')));
  await run(['pull', '-r', 'phone', '/sdcard/tree', path.join(folder, 'back')]);
  assert.equal(readFileSync(path.join(folder, 'back', 'sub', 'b'), 'utf8'), 'b');
  assert.equal(readFileSync(path.join(folder, 'back', 'a'), 'utf8'), 'a');
});

test('CLI_DEPTH: 64 folders in each other are copied, 65 are not', async () => {
  const folder = scratch('tb-cli-');
  const chain = (n) => Array.from({ length: n }, () => 'd');
  for (const [n, code] of [
    [64, 0],
    [65, 2],
  ]) {
    mkdirSync(path.join(folder, `up${n}`, ...chain(n - 1)), { recursive: true });
    mkdirSync(there(`down${n}`, ...chain(n - 1)), { recursive: true });
    writeFileSync(path.join(folder, `up${n}`, ...chain(n - 1), 'f'), '');
    const up = await testbed(host.url, ['push', '-r', 'phone', path.join(folder, `up${n}`), '/sdcard/']);
    assert.equal(up.code, code, up.err);
    const down = await testbed(host.url, ['pull', '-r', 'phone', `/sdcard/down${n}`, path.join(folder, `back${n}`)]);
    assert.equal(down.code, code, down.err);
    if (code) assert.match(up.err + down.err, /more than 64 folders in each other.*\n.*more than 64 folders/);
  }
});

test('install, apps, input', async () => {
  const apk = path.join(ROOT, 'drivers/adb/fixtures/hello.apk');
  const name = (await run(['install', 'phone', apk])).trim();
  assert.match(name, /^[a-z]+(\.[a-z]+)+$/);
  assert.ok((await run(['apps', 'phone'])).split('\n').includes(name));
  await run(['apps', 'phone', 'start', name]);
  await run(['apps', 'phone', 'stop', name]);
  await run(['apps', 'phone', 'remove', name]);
  assert.ok(!(await run(['apps', 'phone'])).split('\n').includes(name));
  await refused(host.url, ['install', 'phone', path.join(ROOT, 'README.md')], 2, /./);
  await refused(host.url, ['apps', 'phone', 'burn', 'x'], 2, /start, stop or remove/);
  await run(['input', 'phone', 'tap', '10', '10']);
  await run(['input', 'phone', 'text', 'hello']);
});

test('progress is for terminals', async (t) => {
  const big = path.join(scratch('tb-cli-'), 'big');
  writeFileSync(big, randomBytes(32 * 1024 * 1024));
  const quiet = await testbed(host.url, ['push', 'phone', big, '/sdcard/quiet'], { ms: 120000 });
  assert.equal(quiet.err, '');
  const terminal = onTerminal(host.url, ['push', 'phone', big, '/sdcard/shown']);
  t.after(terminal.kill);
  await terminal.see(/shown .*\d %/, 60000);
  assert.equal((await terminal.end()).code, 0);
});
