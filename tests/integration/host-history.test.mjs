// What consoles have said, on a disk that stands still: nobody waits for it who does not want what is there alone, and
// who does has it, whole and in order, when the disk goes on.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { startSerialPort } from './bench.mjs';
import { assertProblem, freePort, request, scratch, until, withHost, withStall } from './harness.mjs';

const MB = 1024 * 1024;
const WIDTH = 32;

/** `size` bytes of numbered lines. */
const lines = (size, word = 'line') => {
  let text = '';
  for (let n = 0; text.length < size; n++) text += `${`${word} ${n}`.padEnd(WIDTH - 1, '.')}\n`;
  return Buffer.from(text.slice(0, size), 'latin1');
};

/** A history as an earlier run of the host left it: bytes, and where the lines, all of one length, begin. */
function leave(state, device, iface, bytes, width = WIDTH) {
  const folder = path.join(state, 'history', device, iface);
  const index = Buffer.alloc((bytes.length / width) * 16);
  for (let i = 0; i < bytes.length / width; i++) {
    index.writeBigUInt64LE(BigInt(i * width), i * 16);
    index.writeBigInt64LE(1700000000000n, i * 16 + 8);
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, '00000000000000000000.log'), bytes);
  writeFileSync(path.join(folder, '00000000000000000000.idx'), index);
  return folder;
}

async function answers(host, what) {
  for (let i = 0; i < 5; i++) assert.equal((await host.get('/host/health')).status, 200, `health, while ${what}`);
}

/** What `call` answers; `over()`: it has. */
function pending(call) {
  const p = { over: false };
  p.answer = call.finally(() => (p.over = true));
  p.answer.catch(() => {});
  return p;
}

test('a disk that stands still: who replays waits alone, and has it all, in order, when it goes on', async (t) => {
  const state = scratch('tb-disk-'),
    past = lines(3 * MB);
  leave(state, 'wire', 'console', past);
  leave(state, 'phone', 'logs', past);
  const wire = await startSerialPort(t);
  const { host, stall } = await withStall(
    t,
    {
      devices: {
        wire: { attach: { console: wire.uri } },
        phone: { attach: { logs: 'adb://127.0.0.1:1' } },
      },
    },
    { dir: 'history', state, env: { ADB_HOST: '127.0.0.1:1' } },
  );
  const url = '/host/devices/wire/console';
  await host.state_is('wire/console');
  await wire.connected();
  const said = lines(64 * 1024, 'new');
  await wire.say(said);
  const all = Buffer.concat([past, said]);
  await until('the console', async () => (await host.get(url)).json.offset === all.length);
  stall.begin();
  const replay = await host.websocket(`${url}?from=0`);
  const subscription = await host.websocket('/host/ws');
  subscription.send({ id: 1, subscribe: ['console:wire'], offset: 0 });
  const logs = await host.sse('/host/devices/phone/logs?from=0');
  const slow = [
    pending(host.get(`${url}/log?from=0&limit=10&format=jsonl`)),
    pending(host.post(`${url}/expect`, { pattern: 'line 77\\.', from: 0, timeout_s: 20 })),
    pending(host.post(`${url}/expect`, { pattern: 'line 90000\\.', from: 0, timeout_s: 20 })),
    pending(host.post(`${url}/expect`, { pattern: 'line 77\\.', from: 0, timeout_s: 20 })),
  ];
  await answers(host, 'readers wait for the disk');
  // who needs no disk has what he asks for
  const near = await host.websocket(`${url}?from=${past.length}`);
  await until('what is in memory', () => near.bytes().equals(said));
  const found = await host.post(`${url}/expect`, { pattern: 'new 7\\.', from: past.length, timeout_s: 10 });
  assert.equal(found.status, 200, found.text);
  const recent = await host.get(`${url}/log?from=${past.length}&limit=3&format=jsonl`);
  assert.match(recent.text, /new 0\.[^]*new 2\./);
  // who leaves while his read is under way leaves
  const leaver = await host.websocket(`${url}?from=0`);
  await leaver.stop();
  // one that gives up is told in time
  assertProblem(await host.post(`${url}/expect`, { pattern: 'line 1\\.', from: 0, timeout_s: 0.2 }), 504);
  await until('health to say so', async () =>
    /console histories has not answered for \d+ s: what they said before/.test((await host.get('/host/health')).text),
  );
  await answers(host, 'readers still wait');
  assert.equal(replay.bytes().length + logs.items.length, 0);
  assert.deepEqual(
    slow.map((s) => s.over),
    slow.map(() => false),
  );
  stall.end();
  await until('the replay', () => replay.bytes().length >= all.length, 30000);
  assert.ok(replay.bytes().equals(all), 'whole and in order');
  const chunks = () => subscription.items.filter((m) => m.type === 'console');
  await until('the subscription', () => chunks().length && chunks().at(-1).offset + 16384 >= all.length, 30000);
  const size = () => chunks().reduce((sum, m) => sum + Buffer.from(m.base64, 'base64').length, 0);
  await until('the rest of it', () => size() >= all.length, 30000);
  assert.ok(Buffer.concat(chunks().map((m) => Buffer.from(m.base64, 'base64'))).equals(all), 'whole and in order');
  await until('the log', () => logs.items.length >= past.length / WIDTH, 60000);
  logs.items.forEach((e, i) => assert.equal(Number(e.id), i * WIDTH));
  const [log, one, two] = await Promise.all(slow.map((s) => s.answer));
  assert.match(log.text, /"line 0\.[^]*"line 9\./);
  assert.equal(one.json.match, 'line 77.', one.text);
  assert.equal(two.json.match, 'line 90000.', two.text);
  await wire.say('live\n');
  await until('live behind it', () => replay.bytes().subarray(all.length).toString() === 'live\n');
  logs.stop();
  await Promise.all([replay.stop(), subscription.stop(), near.stop()]);
});

test('a log of long lines is replayed to its end', async (t) => {
  const state = scratch('tb-disk-'),
    width = 60000,
    text = Array.from({ length: 100 }, (_, i) => `${`${i} `.padEnd(width - 1, '\u0001')}\n`).join('');
  leave(state, 'phone', 'logs', Buffer.from(text, 'latin1'), width);
  const host = await withHost(
    t,
    { devices: { phone: { attach: { logs: 'adb://127.0.0.1:1' } } } },
    { state, env: { ADB_HOST: '127.0.0.1:1' } },
  );
  const logs = await host.sse('/host/devices/phone/logs?from=0');
  await until('all lines', () => logs.items.length >= 100, 30000);
  logs.items.forEach((e, i) => assert.equal(e.data.text, text.slice(i * width, (i + 1) * width - 1)));
  logs.stop();
});

test('a raw port whose client was slow goes on where it stood, and nobody waits for it', async (t) => {
  const wire = await startSerialPort(t);
  const port = await freePort();
  const { host, stall } = await withStall(
    t,
    { devices: { wire: { attach: { console: wire.uri }, tcp: port } } },
    { dir: 'history' },
  );
  await host.state_is('wire/console');
  await wire.connected();
  const got = [];
  let size = 0;
  const client = net.connect(port, '127.0.0.1').on('data', (b) => {
    got.push(b);
    size += b.length;
  });
  t.after(() => client.destroy());
  await until('the client', async () => (await host.get('/host/devices/wire/console')).json.clients === 1);
  client.pause();
  const all = lines(16 * MB);
  await wire.say(all);
  await until(
    'the console',
    async () => (await host.get('/host/devices/wire/console')).json.offset === all.length,
    60000,
  );
  stall.begin();
  client.resume();
  await until('what was under way', () => size > 0);
  await answers(host, 'the client waits for the disk');
  assert.ok(size < all.length);
  stall.end();
  await until('the rest', () => size >= all.length, 60000);
  assert.ok(Buffer.concat(got).equals(all), 'whole and in order');
});

test('a device whose history the disk does not open: it is there, what concerns it waits, offsets stay true', async (t) => {
  const state = scratch('tb-disk-'),
    past = lines(64 * 1024);
  const folder = leave(state, 'wire', 'console', past);
  const wire = await startSerialPort(t);
  const { host, stall } = await withStall(t, {}, { dir: 'history', state });
  stall.begin();
  const add = () => host.post('/host/devices', { id: 'wire', attach: { console: wire.uri } });
  assert.equal((await add()).status, 201);
  await answers(host, 'a history is being opened');
  // removed while it is being opened: who asked is told, and nothing keeps it
  const asked = pending(host.get('/host/devices/wire/console'));
  await answers(host, 'a command waits for it');
  assert.equal(asked.over, false);
  assert.equal((await host.delete('/host/devices/wire')).status, 204);
  assertProblem(await asked.answer, 404);
  assert.equal((await add()).status, 201);
  await wire.connected();
  await wire.say('boot\n');
  const shown = await until('the lane to be ready', async () => {
    const { json } = await host.get('/host/devices/wire');
    return json.interfaces[0].reason && json.interfaces[0];
  });
  assert.equal(shown.state, 'opening');
  assert.match(shown.reason, /disk has not opened its history/);
  const ws = await host.websocket('/host/devices/wire/console');
  const whole = await host.websocket('/host/devices/wire/console?from=0');
  const written = pending(host.post('/host/devices/wire/console/write', { text: 'x' }));
  const found = pending(host.post('/host/devices/wire/console/expect', { pattern: 'line 7\\.', from: 0 }));
  await answers(host, 'readers wait for it');
  await until('health to say so', async () =>
    /console histories has not answered for \d+ s: what consoles say now/.test((await host.get('/host/health')).text),
  );
  stall.end();
  await host.state_is('wire/console');
  assert.equal((await written.answer).status, 200);
  assert.equal((await found.answer).json.match, 'line 7.');
  const all = Buffer.concat([past, Buffer.from('boot\n')]);
  await until('the replay', () => whole.bytes().length >= all.length);
  assert.ok(whole.bytes().equals(all));
  await wire.say('more\n');
  await until('live', () => ws.bytes().toString().endsWith('more\n'));
  assert.ok(Buffer.from('boot\nmore\n').toString().endsWith(ws.bytes().toString()), 'nothing of what was before');
  assert.equal((await host.get('/host/devices/wire/console')).json.offset, all.length + 5);
  await until(
    'the disk',
    () =>
      readdirSync(folder)
        .filter((name) => name.endsWith('.log'))
        .sort()
        .map((name) => `${Number.parseInt(name, 10)}:${readFileSync(path.join(folder, name)).length}`)
        .join() === `0:${past.length},${past.length}:10`,
  );
  await Promise.all([ws.stop(), whole.stop()]);
});

test('SIGTERM while histories are opened and read: it ends', async (t) => {
  const state = scratch('tb-disk-');
  leave(state, 'wire', 'console', lines(2 * MB));
  const wire = await startSerialPort(t);
  const { host, stall } = await withStall(
    t,
    { devices: { wire: { attach: { console: wire.uri } } } },
    { dir: 'history', state },
  );
  await host.state_is('wire/console');
  stall.begin();
  const replay = await host.websocket('/host/devices/wire/console?from=0');
  const asked = pending(
    request(host.url, 'POST', '/host/devices/wire/console/expect', { json: { pattern: 'never', from: 0 } }),
  );
  assert.equal((await host.post('/host/devices', { id: 'late', attach: { console: wire.uri } })).status, 201);
  await answers(host, 'all stands');
  await host.stop({ keepState: true });
  await Promise.allSettled([asked.answer, replay.stop()]);
});
