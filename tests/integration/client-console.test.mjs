// testbed console: on a real terminal, in a pipe, over restarts of the host, through a server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, cpSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { startSerialPort, scriptedDevice } from './bench.mjs';
import { TESTBED, environment, ok, onTerminal, started, testbed } from './cli.mjs';
import { Host, freePort, scratch, until, within, withHost } from './harness.mjs';
import { Server } from './server-harness.mjs';

const ESC = '\x1d';

async function serialBench(t, config = {}) {
  const device = await startSerialPort(t);
  const host = await withHost(t, { devices: { board: { attach: [device.uri] } }, ...config });
  await host.state_is('board/console');
  await device.connected();
  return { device, host };
}

test('a terminal: bytes both ways as they are, the menu, the terminal is as it was', async (t) => {
  const { device, host } = await serialBench(t);
  await device.say('before\r\n');
  await until('history', async () => (await host.get('/host/devices/board/console')).json.offset === 8);
  const terminal = onTerminal(host.url, ['console', 'board']);
  t.after(terminal.kill);
  await terminal.see('Ctrl-] opens the menu');
  await terminal.see('before\r\n'); // the tail of the history
  terminal.type('a\x03\x1a\x04\t\x7fz'); // what a terminal keeps for itself otherwise
  await until('what was typed', () => device.received().toString() === 'a\x03\x1a\x04\t\x7fz');
  await device.say('\x1b[6n\xff tail\r\n');
  await terminal.see('tail\r\n');
  terminal.type(ESC);
  await terminal.see('p power cycle');
  terminal.type('?');
  await terminal.see('sends a break');
  terminal.type('x');
  await terminal.see('[back]');
  terminal.type(ESC + ESC);
  await until('the key itself', () => device.received().toString().endsWith(ESC));
  terminal.type(`${ESC}p`);
  await terminal.see(/power cycle: .*no interface/);
  terminal.type(`${ESC}q`);
  const end = await terminal.end();
  assert.equal(end.code, 0);
  assert.equal(end.after, end.before, 'the terminal is as it was');
});

for (const signal of ['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGSEGV'])
  test(`a terminal is as it was after ${signal}`, async (t) => {
    const { device, host } = await serialBench(t);
    const terminal = onTerminal(host.url, ['console', 'board']);
    t.after(terminal.kill);
    await terminal.see('opens the menu');
    await device.say('hello\r\n');
    await terminal.see('hello');
    process.kill(terminal.pid, signal);
    const end = await terminal.end();
    assert.equal(end.after, end.before);
  });

test('a program in a terminal there is told how large ours is, and how large it has become', async (t) => {
  const console_ = ['sh', '-c', 'stty -echo; trap "stty size" WINCH; echo ready; while :; do read x; done'];
  const host = await withHost(t, { devices: { shell: { attach: [{ driver: 'exec', console: console_ }] } } });
  await host.state_is('shell/console');
  const terminal = onTerminal(host.url, ['console', 'shell']);
  t.after(terminal.kill);
  await terminal.see('ready');
  for (const [columns, rows] of [
    [132, 43],
    [90, 20],
  ]) {
    terminal.size(columns, rows);
    await terminal.see(`${rows} ${columns}`);
  }
  const other = onTerminal(host.url, ['console', 'shell', '--tail', '1']); /* without a size of its own */
  t.after(other.kill);
  await other.see('opens the menu');
  terminal.type(`${ESC}q`);
  await terminal.end();
  other.size(101, 31);
  await other.see('31 101');
  other.type(`${ESC}q`);
  await other.end();
});

test('what a device once asked of the terminal is not asked again', async (t) => {
  const { device, host } = await serialBench(t);
  const asked = 'x\x1b[6ny\x1b[31mred\x1b[0m\r\n';
  await device.say(asked);
  await until('history', async () => (await host.get('/host/devices/board/console')).json.offset === asked.length);
  const terminal = onTerminal(host.url, ['console', 'board']);
  t.after(terminal.kill);
  await terminal.see('xy\x1b[31mred\x1b[0m');
  await device.say('live\x1b[6n\r\n');
  await terminal.see('live\x1b[6n\r\n');
  terminal.type(`${ESC}q`);
  await terminal.end();
});

test('the log of the menu has what the device said, byte for byte', async (t) => {
  const { device, host } = await serialBench(t);
  const log = path.join(scratch('tb-cli-'), 'board.log');
  const terminal = onTerminal(host.url, ['console', 'board', '--log', log]);
  t.after(terminal.kill);
  await terminal.see('opens the menu');
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await device.say(bytes);
  await until('the log', () => readFileSync(log).equals(bytes));
  terminal.type(`${ESC}l`);
  await terminal.see('is closed');
  await device.say('not logged');
  await terminal.see('not logged');
  terminal.type(`${ESC}q`);
  await terminal.end();
  assert.ok(readFileSync(log).equals(bytes));
});

test('a pipe: all of it arrives, all of the answer comes, and then it ends', async (t) => {
  const device = await startSerialPort(t, { echo: true });
  const host = await withHost(t, { devices: { board: { attach: [device.uri] } } });
  await host.state_is('board/console');
  await device.connected();
  const bytes = Buffer.alloc(300000);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 0xff;
  const done = await testbed(host.url, ['console', 'board', '--quiet-s', '3'], { input: bytes, ms: 60000 });
  assert.equal(done.code, 0, done.err);
  assert.ok(device.received().equals(bytes), 'as it was sent');
  assert.ok(done.bytes.equals(bytes), `as it came: ${done.bytes.length} of ${bytes.length}`);
});

// cat on a terminal stops reading when nobody takes its echo: whoever only writes then waits for it for good.
for (const pty of [true, false])
  test(`a pipe into a program that echoes, by ${pty ? 'a terminal' : 'pipes'}: both ways at once`, async (t) => {
    const program = pty ? ['sh', '-c', 'stty raw -echo; echo ready; exec cat'] : ['sh', '-c', 'echo ready; exec cat'];
    const host = await withHost(t, { devices: { cat: { attach: [{ driver: 'exec', console: program, pty }] } } });
    await until('it to run', async () => (await host.get('/host/devices/cat/console')).json.offset >= 6);
    const bytes = Buffer.alloc(2 << 20);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 0xff;
    const done = await testbed(host.url, ['console', 'cat', '--quiet-s', '3'], { input: bytes, ms: 100000 });
    assert.equal(done.code, 0, done.err);
    assert.ok(done.bytes.equals(bytes), `as it came: ${done.bytes.length} of ${bytes.length}`);
    // one large write, while nobody watches
    const size = 700 * 1024;
    const before = (await host.get('/host/devices/cat/console')).json.offset;
    const sent = await host.post('/host/devices/cat/console/write', { base64: bytes.toString('base64', 0, size) });
    assert.deepEqual([sent.status, sent.json?.written], [200, size], JSON.stringify(sent.json));
    await until('its echo', async () => (await host.get('/host/devices/cat/console')).json.offset === before + size);
  });

test('CLI_TYPED: 65536 bytes are read ahead of a host that takes none, not one more', async (t) => {
  const { device, host } = await serialBench(t);
  const file = path.join(scratch('tb-cli-'), 'input');
  writeFileSync(file, Buffer.alloc(200000, 'x'));
  process.kill(host.pid, 'SIGSTOP');
  const fd = openSync(file, 'r');
  const child = spawn(TESTBED, ['console', 'board/console', '--quiet-s', '2'], {
    env: environment(host.url),
    stdio: [fd, 'ignore', 'pipe'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  t.after(() => child.kill('SIGKILL'));
  closeSync(fd);
  const read = () => Number(/pos:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/fdinfo/0`, 'utf8'))[1]);
  await until('it to be full', () => read() >= 65536);
  assert.equal(read(), 65536);
  process.kill(host.pid, 'SIGCONT');
  assert.equal(await within('its end', ended, 60000), 0);
  assert.equal(device.received().length, 200000);
});

// What a device says while the host is away is between the two: here it says nothing then. What it said before and
// after must come once, in order.
const numbers = (from, to) => Array.from({ length: to - from }, (_, i) => `line ${from + i}\r\n`).join('');

async function restarts(t, { end }) {
  const device = await startSerialPort(t);
  const port = await freePort();
  const state = scratch('tb-cli-state-');
  const config = { port, devices: { board: { attach: [device.uri] } } };
  let host = await Host.start(config, { state });
  t.after(async () => {
    if (!host.program.how) await host.stop();
  });
  await host.state_is('board/console');
  await device.connected();
  const console_ = started(host.url, ['console', 'board', '--follow']);
  t.after(() => console_.kill());
  await until('a reader', async () => (await host.get('/host/devices/board/console')).json.clients > 0);
  await device.say(numbers(0, 3000));
  await console_.line(/^line 2999/);
  for (let round = 1; round < 3; round++) {
    const from = console_.out.items.length;
    await end(host);
    await console_.out.find((l) => l.includes('connection lost'), { from });
    host = await Host.start(config, { state });
    await host.state_is('board/console');
    await device.connected();
    await device.say(numbers(round * 3000, round * 3000 + 3000));
    await console_.line(`line ${round * 3000 + 2999}`);
  }
  assert.deepEqual(
    console_.out.items.filter((l) => l.startsWith('line ')).map((l) => l.trimEnd()),
    numbers(0, 9000).trimEnd().split('\r\n'),
    'every line once',
  );
  await console_.stop();
  assert.equal(console_.how.code, 0);
  await host.stop();
}

test('a host that restarts: it goes on where it was, no byte is missed or doubled', async (t) => {
  await restarts(t, { end: (host) => host.stop({ keepState: true }) });
});

test('keys that are typed while nobody is there are dropped, and that is said', async (t) => {
  const device = await startSerialPort(t);
  const config = { port: await freePort(), devices: { board: { attach: [device.uri] } } };
  const state = scratch('tb-cli-state-');
  const first = await Host.start(config, { state });
  await first.state_is('board/console');
  await device.connected();
  const terminal = onTerminal(first.url, ['console', 'board']);
  t.after(terminal.kill);
  await terminal.see('opens the menu');
  terminal.type('before');
  await until('what was typed', () => device.received().toString() === 'before');
  await first.stop({ keepState: true });
  await terminal.see('connection lost');
  terminal.type('reboot\r');
  await terminal.see('not connected: what is typed is dropped until it is');
  const again = await withHost(t, config, { state });
  await again.state_is('board/console');
  await terminal.see('connected again');
  terminal.type(' after');
  await until('what was typed', () => device.received().toString().includes('after'));
  assert.equal(device.received().toString(), 'before after');
  assert.equal(terminal.text().split('is dropped until').length, 2, 'said once');
  terminal.type(`${ESC}q`);
  assert.equal((await terminal.end()).code, 0);
});

test('a host that is killed: the same', async (t) => {
  // Readers are told before the disk is: what it has not yet is the next test's.
  const written = async (host) => {
    const folder = path.join(host.state, 'history', 'board', 'console');
    const sizes = () =>
      readdirSync(folder).map((name) => name.endsWith('.log') && statSync(path.join(folder, name)).size);
    const { offset } = (await host.get('/host/devices/board/console')).json;
    await until('the disk to have it', () => sizes().reduce((sum, size) => sum + Number(size), 0) === offset);
  };
  await restarts(t, {
    end: async (host) => {
      await written(host);
      await host.kill();
    },
  });
});

test('a host that is killed and has lost the end of its history: it goes on where the two part', async (t) => {
  const device = await startSerialPort(t);
  const port = await freePort();
  const state = scratch('tb-cli-state-');
  const copy = scratch('tb-cli-copy-');
  const config = { port, devices: { board: { attach: [device.uri] } } };
  let host = await Host.start(config, { state });
  await host.state_is('board/console');
  await device.connected();
  await device.say('kept\r\n');
  await until('history', async () => (await host.get('/host/devices/board/console')).json.offset === 6);
  await host.stop({ keepState: true });
  cpSync(state, copy, { recursive: true }); // what a disk has that lost its last writes
  host = await Host.start(config, { state });
  await host.state_is('board/console');
  await device.connected();
  const console_ = started(host.url, ['console', 'board', '--follow', '--from', '0']);
  t.after(() => console_.kill());
  await console_.line(/^kept/);
  await device.say('lost\r\n');
  await console_.line(/^lost/);
  await host.kill();
  rmSync(state, { recursive: true });
  cpSync(copy, state, { recursive: true });
  host = await Host.start(config, { state });
  t.after(async () => {
    if (!host.program.how) await host.stop();
  });
  await host.state_is('board/console');
  await device.connected();
  await device.say('anew, and longer\r\n');
  await console_.line(/anew, and longer/);
  await console_.line(/lost the end of its history/);
  assert.equal(console_.text.split('kept').length, 2, 'nothing is shown twice');
  await console_.stop();
});

test('nobody there: it is said at once, and given up', async () => {
  const done = await testbed('http://127.0.0.1:1', ['console', 'board/console']);
  assert.equal(done.code, 3);
  assert.match(done.err, /127\.0\.0\.1:1: .*refused/);
});

test('input that has ended, and a host that is slow: it is waited for', async (t) => {
  const { device, host } = await serialBench(t);
  await device.say('here\r\n');
  await until('history', async () => (await host.get('/host/devices/board/console')).json.offset === 6);
  process.kill(host.pid, 'SIGSTOP');
  const program = started(host.url, ['console', 'board/console', '--from', '0', '--quiet-s', '0.1']);
  program.child.stdin.end();
  // as long as another one takes to give up silence that is the device's
  const other = await testbed('http://127.0.0.1:1', ['run', 'x', 'true']);
  assert.equal(other.code, 123);
  assert.equal(program.how, undefined);
  process.kill(host.pid, 'SIGCONT');
  await program.line('here');
  assert.equal((await program.exited).code, 0);
});

test('somebody else has the lease: a pipe is told so, a terminal as well', async (t) => {
  const { host } = await serialBench(t);
  await host.post('/host/devices/board/lease', { note: 'soak' });
  const done = await testbed(host.url, ['console', 'board'], { input: 'x' });
  assert.equal(done.code, 4, done.err);
  assert.match(done.err, /board is leased by/);
  const terminal = onTerminal(host.url, ['console', 'board']);
  t.after(terminal.kill);
  await terminal.see('opens the menu');
  terminal.type('x');
  await terminal.see('bytes were not sent: board is leased by');
  terminal.type(`${ESC}q`);
  assert.equal((await terminal.end()).code, 0);
});

test('power cycle from the menu', async (t) => {
  const file = path.join(scratch('tb-cli-'), 'power');
  const host = await withHost(t, { devices: { board: scriptedDevice(file) } });
  await host.state_is('board/power');
  await host.state_is('board/console');
  await ok(host.url, ['power', 'board', 'on']);
  const terminal = onTerminal(host.url, ['console', 'board']);
  t.after(terminal.kill);
  await terminal.see('opens the menu');
  terminal.type(`${ESC}p`);
  await terminal.see('[power cycle: done]', 30000);
  terminal.type(`${ESC}q`);
  assert.equal((await terminal.end()).code, 0);
});

test('through a server: the same, in a session on the device', async (t) => {
  const server = await Server.start();
  t.after(() => server.program.stop());
  const { device } = await serialBench(t, {
    name: 'lab-1',
    server: { url: server.url, insecure: true },
  });
  await until('the host', async () => (await server.get('/api/devices')).json.some((d) => d.id === 'lab-1/board'));
  const env = { TESTBED_SERVER: server.url };
  const console_ = started('', ['console', 'lab-1/board', '--follow'], { env });
  t.after(() => console_.kill());
  console_.child.stdin.write('typed');
  await until('what was typed', () => device.received().toString() === 'typed');
  await device.say('from afar\r\n');
  await console_.line(/from afar/);
  await console_.stop();
  assert.equal(console_.how.code, 0);
});
