// Devices that send as fast as they can, a disk that stands still, patterns that explode: what is held is bounded,
// whoever sends waits, nothing is lost, and everybody else is served meanwhile.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { SLOW, assertProblem, request, scratch, until, websocket, withHost, withStall } from './harness.mjs';

const MB = 1024 * 1024;
const rss = (host) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))[1]) * 1024;

/**
 * A program of its own that sends numbered lines of 16 bytes to each connection, 4096 of them over and over: `rate` bytes
 * a second, 0: as fast as they are taken. It tells how many bytes the sockets took.
 */
async function flood(t, rate) {
  const code = `
    const net = require('node:net'), LINE = 16, CHUNK = 4096;
    let taken = 0;
    const b = Buffer.alloc(LINE * CHUNK);
    for (let i = 0; i < CHUNK; i++) b.write(String(i).padStart(LINE - 1, '0') + '\\n', i * LINE, 'latin1');
    const server = net.createServer((s) => {
      let begin = Date.now(), sent = 0;
      s.on('error', () => {}); s.resume();
      const more = () => {
        if (s.destroyed) return;
        if (${rate} && sent > (Date.now() - begin) / 1000 * ${rate}) return void setTimeout(more, 5);
        sent += b.length;
        s.write(b, () => { taken += b.length; more(); });
      };
      more();
    });
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));
    process.stdin.on('data', () => console.log(taken)).on('end', () => process.exit());`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.stdin.end());
  let heard = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    heard += text;
  });
  const line = async () => {
    await until('the sender to speak', () => heard.includes('\n'));
    const [first, ...rest] = heard.split('\n');
    heard = rest.join('\n');
    return Number(first);
  };
  const port = await line();
  return {
    uri: `tcp://127.0.0.1:${port}`,
    taken: () => {
      child.stdin.write('?');
      return line();
    },
  };
}

const numbered = (from, size) => {
  let text = '';
  for (let n = Math.floor(from / 16); text.length < size + 16; n++) text += `${String(n % 4096).padStart(15, '0')}\n`;
  return text.slice(from % 16, (from % 16) + size);
};

test('six consoles that print without end: memory stays, REST and commands are served, what is kept is whole', async (t) => {
  const sender = await flood(t, 25e6);
  const devices = Object.fromEntries(
    Array.from({ length: 6 }, (_, i) => [`wire${i}`, { attach: { console: sender.uri } }]),
  );
  const host = await withHost(t, { devices });
  const offset = async (i) => (await host.get(`/host/devices/wire${i}/console`)).json.offset;
  await until(
    'all to print',
    async () => (await Promise.all([0, 1, 2, 3, 4, 5].map(offset))).every((n) => n > MB),
    30000,
  );
  const before = rss(host);
  for (let round = 0; round < 30; round++) {
    assert.equal((await host.get('/host/health')).status, 200);
    assert.equal((await host.post(`/host/devices/wire${round % 6}/console/write`, { text: 'x' })).status, 200);
  }
  const end = await offset(0);
  await until('much more to come', async () => (await offset(0)) > end + 4 * MB, 30000);
  assert.ok(rss(host) - before < 32 * MB * SLOW, `${((rss(host) - before) / MB).toFixed(1)} MB more`);
  const { json } = await host.post('/host/devices/wire0/console/expect', {
    pattern: '^\\d{15}$',
    from: end - (end % 16),
  });
  assert.equal(json.match, numbered(end - (end % 16), 15));
  const ws = await websocket(host.url, `/host/devices/wire0/console?from=${end}`);
  const first = await ws.find((m) => Buffer.isBuffer(m));
  assert.ok(numbered(end, first.length).startsWith(first.toString()), 'bytes are those that were sent, in order');
  await ws.stop();
  assert.equal((await host.delete('/host/devices/wire5')).status, 409, 'of the configuration');
});

test('a disk that stands still: the device waits, everybody else does not, and no byte is lost', async (t) => {
  const sender = await flood(t, 10e6);
  const { host, state, stall } = await withStall(
    t,
    { devices: { wire: { attach: { console: sender.uri } }, other: { attach: 'testpattern://' } } },
    { dir: 'history' },
  );
  const folder = path.join(state, 'history', 'wire', 'console');
  const offset = async () => (await host.get('/host/devices/wire/console')).json.offset;
  await until('the first bytes', async () => (await offset()) > 0);
  stall.begin();
  let last = -1,
    taken = -1,
    same = 0;
  await until(
    'the device to be held',
    async () => {
      const n = await offset(),
        by = await sender.taken();
      same = n === last && by === taken ? same + 1 : 0;
      [last, taken] = [n, by];
      return same > 10;
    },
    30000,
  );
  const before = rss(host);
  for (let round = 0; round < 20; round++) {
    assert.equal((await host.get('/host/health')).status, 200);
    assert.equal(
      (await host.post('/host/devices/wire/console/write', { text: 'x' })).status,
      200,
      'a held lane takes commands',
    );
  }
  assert.equal(await sender.taken(), taken, 'the sender waits');
  assert.equal(await offset(), last);
  const kept = () =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .map((name) => path.join(folder, name));
  const size = () => kept().reduce((sum, name) => sum + statSync(name).size, 0);
  assert.ok(last - size() <= MB && rss(host) - before < 4 * MB * SLOW, `${last} of which ${size()} are on the disk`);
  // the disk goes on: what is in the history is what was sent, from the first byte on
  const wanted = last + MB;
  stall.end();
  await until('the disk to have what was held, and more', () => size() > wanted, 60000);
  const text = Buffer.concat(kept().map((name) => readFileSync(name))).toString('latin1', 0, wanted);
  assert.equal(text, numbered(0, wanted));
});

test('patterns that explode: each ends by its deadline or in words, and nobody waits for them', async (t) => {
  const server = net.createServer((s) => {
    s.on('error', () => {}).resume();
    s.write(`${'a'.repeat(200000)}!\n`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const host = await withHost(t, {
    devices: { echo: { attach: { console: `tcp://127.0.0.1:${server.address().port}` } } },
  });
  const at = 0;
  await until('what it prints', async () => (await host.get('/host/devices/echo/console')).json.offset >= 200002);
  const patterns = [
    '(a+)+b',
    '(a|a)*b',
    '(a*)*b',
    'a*a*a*b',
    '(?:a{1,100}){1,100}b',
    '(.*)(.*)(.*)(.*)(.*)[^a!]x',
    '(?s)(?=(.*)\\1x)',
    '(\\w+\\s?)+#',
    'a.*b.*c',
    '(?<=a{100})b|(a+)\\1+b',
    '\\w{3,}[:=]',
  ];
  const url = '/host/devices/echo/console/expect';
  const bad = Array.from({ length: 44 }, (_, i) =>
    host.post(url, { pattern: patterns[i % patterns.length], from: at, timeout_s: 2 }, { ms: 60000 }),
  );
  const good = await host.post(url, { pattern: 'a!$', from: at, timeout_s: 30 }, { ms: 60000 });
  assert.equal(good.status, 200, good.text);
  assert.equal(good.json.offset, at + 200001);
  assert.equal((await host.get('/host/health')).status, 200);
  for (const answer of await Promise.all(bad)) assert.ok([400, 504].includes(answer.status), answer.text);
  const now = await host.post(url, { pattern: 'never', from: at, timeout_s: 0 });
  assert.equal(now.status, 504);
  assertProblem(await host.post(url, { pattern: '(*UTF8)a' }), 400, { field: 'pattern' });
  assertProblem(await host.post(url, { pattern: 'a)b' }), 400, { field: 'pattern', detail: /offset 1/ });
});

test('a sensor that fails says so, once, and is ready again when it works', async (t) => {
  const state = scratch(),
    flag = path.join(state, 'works');
  const host = await withHost(
    t,
    {
      devices: {
        probe: {
          attach: [
            {
              driver: 'exec',
              sensors: ['sh', '-c', `test -e ${flag} && echo n 1 W || { echo boom >&2; exit 3; }`],
              interval_ms: 100,
            },
          ],
        },
      },
    },
    { state },
  );
  const events = await host.sse('/host/events?type=interface.state');
  const fault = await host.state_is('probe/sensors', 'fault');
  assert.match(fault.reason, /exit code 3: boom/);
  writeFileSync(flag, '');
  await host.state_is('probe/sensors', 'ready');
  assert.ok(events.items.filter((e) => e.data.data.state === 'fault').length <= 1, 'told once');
  events.stop();
});

test('one user cannot fill what others need: searches', async (t) => {
  const host = await withHost(
    t,
    {
      tokens: [
        { name: 'eve', role: 'viewer', token: 'viewer-token-of-eve' },
        { name: 'bob', role: 'operator', token: 'operator-token-of-bob' },
      ],
      devices: { echo: { attach: [{ driver: 'exec', console: ['cat'] }] } },
    },
    { token: 'operator-token-of-bob' },
  );
  const as = (token, json) =>
    request(host.url, 'POST', '/host/devices/echo/console/expect', {
      json,
      headers: { authorization: `Bearer ${token}` },
      ms: 60000,
    });
  await until(
    'the console',
    async () =>
      (
        await request(host.url, 'GET', '/host/devices/echo', {
          headers: { authorization: 'Bearer operator-token-of-bob' },
        })
      ).json.state === 'ready',
  );
  const many = Array.from({ length: 97 }, () => as('viewer-token-of-eve', { pattern: 'never', timeout_s: 20 }));
  const over = await Promise.race(many);
  assertProblem(over, 429, { detail: /96 searches are eve/ });
  const own = await as('operator-token-of-bob', { send: 'ping\n', pattern: 'ping', timeout_s: 10 });
  assert.equal(own.status, 200, own.text);
  await host.stop();
  await Promise.allSettled(many);
});
