// A real board: U-Boot in QEMU. Power with read-back, console, screen, keyboard; its sudden death; the end of the host
// under load.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { UBOOT, childrenOf } from './bench.mjs';
import { Host, assertProblem, freePort, request, until, documented } from './harness.mjs';
import { Rfb } from './rfb-client.mjs';

const board = '/host/devices/board';
let host;
let answers;
let vncPort;

before(async () => {
  vncPort = await freePort();
  host = await Host.start({ vnc: { port: vncPort }, devices: { board: { label: 'U-Boot in QEMU', attach: UBOOT } } });
  await host.state_is('board/power');
  answers = documented(host, (await host.get('/host/openapi.json')).json);
});

after(async () => {
  if (host && !host.program.how) await host.stop();
});

const expect = (pattern, more = {}) =>
  host.post(`${board}/console/expect`, { pattern, timeout_s: 30, ...more }, { ms: 90000 });
const machine = () => childrenOf(host.pid, 'u-boot')[0];

test('the ten lines of the README: power on, wait for the prompt, a command, a screenshot', async () => {
  assert.deepEqual(
    (({ commanded, observed }) => [commanded, observed])((await host.get(`${board}/power`)).json),
    ['on', 'on'],
    'the configuration had it started',
  );
  const on = await host.put(`${board}/power`, { state: 'on' });
  assert.deepEqual([on.status, on.json.commanded, on.json.observed], [200, 'on', 'on'], on.text);
  assert.ok(machine(), 'a QEMU runs');
  const prompt = await expect('=> ', { from: 0 });
  assert.equal(prompt.status, 200, prompt.text);
  const version = await expect('(U-Boot \\d+\\.\\d+)[\\s\\S]*=> ', { send: 'version\r' });
  assert.equal(version.status, 200, version.text);
  assert.match(version.json.groups[0], /^U-Boot 20\d\d/);
  const shot = await host.get(`${board}/video/snapshot.png`);
  assert.equal(shot.status, 200, shot.text);
  assert.ok(shot.body.length > 500);
});

test('what is typed on the keyboard reaches U-Boot, and its screen changes', async () => {
  const { json: at } = await host.get(`${board}/console`);
  const before = (await host.get(`${board}/video/snapshot.png`)).body;
  const typed = await host.post(`${board}/input`, [
    { type: 'text', text: 'echo from-the-keyboard' },
    { type: 'key', key: 'Enter' },
  ]);
  assert.ok(typed.status < 300, typed.text);
  const echoed = await expect('\\nfrom-the-keyboard', { from: at.offset });
  assert.equal(echoed.status, 200, echoed.text);
  const { json: then } = await host.get(`${board}/console`);
  await host.post(`${board}/input`, [
    { type: 'text', text: 'echo one' },
    { type: 'key', key: '_', action: 'down' },
    { type: 'key', key: '_', action: 'up' },
    { type: 'key', key: 'Shift', action: 'down' },
    { type: 'key', key: 'T', action: 'down' },
    { type: 'key', key: 'T', action: 'up' },
    { type: 'key', key: 'W' },
    { type: 'key', key: 'O' },
    { type: 'key', key: 'Shift', action: 'up' },
    { type: 'key', key: 'Enter' },
  ]);
  const held = await expect('\\none_TWO', { from: then.offset });
  assert.equal(held.status, 200, `keys that need Shift, with and without it held: ${held.text}`);
  // modifiers that made a character, all that a US keyboard has, and what none can make: named, and not typed
  const { json: next } = await host.get(`${board}/console`);
  const refused = await host.post(`${board}/input`, [
    { type: 'text', text: 'echo ' },
    { type: 'key', key: 'Control', action: 'down' },
    { type: 'key', key: 'Alt', action: 'down' },
    { type: 'key', key: '@', action: 'down' },
    { type: 'key', key: '@', action: 'up' },
    { type: 'key', key: 'Alt', action: 'up' },
    { type: 'key', key: 'Control', action: 'up' },
    { type: 'text', text: 'Aa1!%^*()_+-={}[]:,./?~' },
    { type: 'text', text: 'x€' },
    { type: 'key', key: 'é' },
    { type: 'key', key: 'KP_7' },
    { type: 'key', code: 'Enter' },
  ]);
  assertProblem(refused, 422, { detail: /event 8.*€/ });
  const named = await expect('\\n@Aa1!%\\^\\*\\(\\)_\\+-=\\{\\}\\[\\]:,\\./\\?~7\\r?\\n', { from: next.offset });
  assert.equal(named.status, 200, named.text);
  await until('the screen', async () => !(await host.get(`${board}/video/snapshot.png`)).body.equals(before));
});

test('QEMU is killed: fault with its reason, the picture says so, power on brings it back', async () => {
  const events = await host.sse('/host/events?device=board');
  process.kill(machine(), 'SIGKILL');
  const fault = await events.find(
    (e) => e.data.type === 'interface.state' && e.data.data.state !== 'ready' && e.data.data.reason,
  );
  assert.ok(fault.data.data.reason.length > 5);
  const { json } = await host.get(`${board}/power`);
  assert.equal(json.observed ?? 'off', 'off');
  const shot = await host.get(`${board}/video/snapshot.png?timeout_s=2`);
  assert.ok([200, 410, 503, 504].includes(shot.status), shot.text);
  const { json: at } = await host.get(`${board}/console`);
  const on = await host.put(`${board}/power`, { state: 'on' });
  assert.equal(on.json.observed, 'on', on.text);
  const prompt = await expect('=> ', { from: at.offset });
  assert.equal(prompt.status, 200, prompt.text);
  await host.state_is('board/video');
  const log = (await host.get(`${board}/console/log?limit=10000`)).text;
  assert.match(log, /from-the-keyboard/, 'history from before the crash is there');
  events.stop();
});

test('cycle restarts it; off ends it', async () => {
  const first = machine();
  const { json: at } = await host.get(`${board}/console`);
  const cycled = await host.post(`${board}/power/cycle`, { off_s: 0.2 });
  assert.equal(cycled.json.observed, 'on', cycled.text);
  assert.equal((await expect('=> ', { from: at.offset })).status, 200);
  assert.ok(machine() && machine() !== first);
  const off = await host.put(`${board}/power`, { state: 'off' });
  assert.equal(off.json.observed, 'off');
  await until('no QEMU', () => machine() === undefined);
  const write = await host.post(`${board}/console/write`, { text: 'x' });
  assert.ok([410, 503].includes(write.status), write.text);
  assertProblem(write, write.status);
});

test('SIGTERM under load: exit 0 within 5 s, viewers are told, nothing is left', async () => {
  await host.put(`${board}/power`, { state: 'on' });
  assert.equal((await expect('=> ', { from: (await host.get(`${board}/console`)).json.start })).status, 200);
  const console_ = await host.websocket(`${board}/console`);
  const control = await host.websocket('/host/ws');
  control.send({ subscribe: ['event', 'console:board'] });
  const events = await host.sse('/host/events');
  const picture = await host.get(`${board}/video/stream.mjpeg?fps=30`, { stream: true });
  picture.stream.on('error', () => {}).resume();
  const viewer = await Rfb.connect(vncPort);
  let updates = 0;
  const watching = (async () => {
    for (;;) {
      viewer.request(false);
      await viewer.update();
      updates++;
    }
  })().catch((error) => error);
  const stalled = await Rfb.connect(vncPort); // asks, and never reads
  stalled.stream.pause();
  for (let i = 0; i < 100; i++) stalled.request(false);
  const waiting = host.post(`${board}/console/expect`, { pattern: 'never', timeout_s: 60 }).catch((e) => e);
  let served = 0;
  const hammer = Array.from({ length: 8 }, async () => {
    for (;;) {
      try {
        await request(host.url, 'GET', '/host/devices');
      } catch {
        return;
      }
      served++;
    }
  });
  await until('load', () => served > 100 && updates > 10);
  for (let i = 0; i < 50; i++) console_.send(Buffer.from('printenv\r'));
  const qemu = machine();
  await host.stop();
  await Promise.all(hammer);
  assert.match((await watching).message, /closed|EPIPE|ECONNRESET/); // reading, or asking for the next one
  stalled.close();
  assert.ok(console_.closed !== null || (await until('close', () => console_.closed)));
  assert.ok(control.closed !== null || (await until('close', () => control.closed)));
  assert.ok(events.closed !== null || (await until('end', () => events.closed)));
  const answer = await waiting;
  assert.ok(answer instanceof Error || answer.status === 503, `${answer.status}`);
  assert.ok(
    !readdirSync('/proc').includes(String(qemu)) || !readFileSync(`/proc/${qemu}/cmdline`, 'utf8').includes('u-boot'),
    'QEMU ended with the host',
  );
});

test('every answer above is among those that the document lists', () => {
  assert.deepEqual(answers.findings(), []);
});
