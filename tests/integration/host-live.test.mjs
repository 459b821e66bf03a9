// What pushes: events with resume, consoles, samples, commands over /host/ws.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { before, describe, test } from 'node:test';

import { parse } from '../../web/core/proto.js';
import { scriptedDevice, startSerialPort } from './bench.mjs';
import { Host, assertProblem, forFile, scratch, until } from './harness.mjs';

const state = scratch('tb-live-');
const file = forFile();
let host;
let wire; // says nothing by itself
let echo; // says what it is told

before(async () => {
  wire = await startSerialPort(file);
  echo = await startSerialPort(file, { echo: true });
  host = await Host.start(
    {
      devices: {
        dut: scriptedDevice(path.join(state, 'power')),
        wire: { attach: { console: wire.uri } },
        echo: { attach: { console: echo.uri } },
        pattern: { attach: { sensors: 'testpattern://?interval_ms=200' } },
      },
    },
    { state },
  );
  file.after(() => host.stop());
  for (const id of ['dut/power', 'wire/console', 'echo/console', 'pattern/sensors']) await host.state_is(id);
});

describe('events', () => {
  test('what happens comes, with rising ids; filters; resume without loss or repetition', async () => {
    const all = await host.sse('/host/events');
    const only = await host.sse('/host/events?device=dut&type=power.*');
    await host.put('/host/devices/dut/power', { state: 'on' });
    const seen = await all.find((e) => e.data.type === 'power.state' && e.data.data.observed === 'on');
    assert.ok(seen.id > 0);
    assert.equal(seen.data.device, 'dut');
    assert.equal(parse(JSON.stringify(seen.data)).kind, 'event', 'the same message as on /host/ws');
    assert.equal(seen.data.event, 'power.state');
    assertProblem(await host.get('/host/events?type=pow*'), 400, { field: 'type' });
    assert.equal(seen.data.interface, 'power');
    await only.find((e) => e.data.type === 'power.state');
    all.stop();
    for (const state of ['off', 'on', 'off']) await host.put('/host/devices/dut/power', { state });
    const again = await host.sse('/host/events', { headers: { 'Last-Event-ID': seen.id } });
    await again.find((e) => e.data.type === 'command', { what: 'the audit of a command' });
    await until('three changes', () => again.items.filter((e) => e.data.type === 'power.state').length >= 3);
    const ids = again.items.map((e) => Number(e.id)).filter(Boolean);
    assert.ok(
      ids.every((id, i) => id > (i ? ids[i - 1] : Number(seen.id))),
      'rising, none twice',
    );
    assert.ok(only.items.every((e) => e.data.device === 'dut' && e.data.type.startsWith('power.')));
    only.stop();
    again.stop();
  });

  test('an id that is not kept any more: one event "gap" first', async () => {
    const old = await host.sse('/host/events?last_event_id=1');
    assert.equal((await old.find(() => true)).data.type, 'gap');
    old.stop();
    assertProblem(await host.get('/host/events', { headers: { 'Last-Event-ID': 'nonsense' } }), 400, {
      field: 'Last-Event-ID',
    });
    assertProblem(await host.get('/host/events?device=nix'), 404);
  });
});

describe('events by WebSocket', () => {
  test('who waits for a lease asks its holder', async () => {
    const events = await host.websocket('/host/events?device=dut&type=lease.*');
    const { json: lease } = await host.post('/host/devices/dut/lease', { ttl_s: 60 });
    const waits = host.post('/host/devices/dut/lease', { ttl_s: 60, wait_s: 60, note: 'five minutes' });
    const asked = await events.find((e) => e.type === 'lease.asked');
    const { ask, ...said } = asked.data;
    assert.ok(ask > 0, 'a number to answer it by');
    assert.deepEqual([asked.device, said], ['dut', { by: 'local', note: 'five minutes', wait_s: 60 }]);
    await host.delete('/host/devices/dut/lease', { headers: { 'X-Lease': lease.lease } });
    const got = await waits;
    assert.equal(got.status, 200, got.text);
    await host.delete('/host/devices/dut/lease', { headers: { 'X-Lease': got.json.lease } });
    await events.stop();
  });

  test('the same objects, filtered and resumed the same way; a ping is answered', async () => {
    const all = await host.websocket('/host/events');
    const only = await host.websocket('/host/events?device=dut&type=power.*');
    const old = await host.sse('/host/events?type=power.*');
    await host.put('/host/devices/dut/power', { state: 'on' });
    const seen = await all.find((e) => e.type === 'power.state' && e.data.observed === 'on');
    assert.deepEqual((await old.find((e) => e.data.id === seen.id)).data, seen);
    old.stop();
    assert.equal(parse(JSON.stringify(seen)).kind, 'event');
    await only.find((e) => e.id === seen.id);
    all.send({ type: 'ping' });
    await all.find((e) => e.type === 'pong');
    await all.stop();
    for (const state of ['off', 'on']) await host.put('/host/devices/dut/power', { state });
    await until('changes', () => only.items.filter((e) => e.type === 'power.state').length >= 3);
    const again = await host.websocket(`/host/events?last_event_id=${seen.id}`);
    await until('what was missed', () => again.items.filter((e) => e.type === 'power.state').length >= 2);
    assert.ok(again.items.every((e) => e.id > seen.id));
    assert.ok(only.items.every((e) => e.device === 'dut' && e.type.startsWith('power.')));
    await Promise.all([only.stop(), again.stop()]);
    await assert.rejects(host.websocket('/host/events?device=nix'), (e) => e.status === 404);
    await assert.rejects(host.websocket('/host/events?type=pow*'), (e) => e.status === 400);
  });

  test('samples by WebSocket: a ping is answered, anything else ends it', async () => {
    const ws = await host.websocket('/host/devices/pattern/sensors/stream');
    ws.send({ type: 'ping' });
    await ws.find((m) => m.type === 'pong');
    ws.send('x');
    await until('the end', () => ws.code === 1003);
  });

  test('EVENTS_MESSAGE: a ping of 1024 bytes is answered, a longer message or another one ends the socket', async () => {
    const ping = (size) => JSON.stringify({ type: 'ping', x: 'x'.repeat(size - 22) });
    assert.equal(ping(1024).length, 1024);
    for (const [message, code] of [
      [ping(1024), 0],
      [ping(1025), 1009],
      [JSON.stringify({ subscribe: ['event'] }), 1003],
    ]) {
      const ws = await host.websocket('/host/events');
      ws.send(message);
      if (code) await until('the end', () => ws.code === code);
      else await ws.find((e) => e.type === 'pong');
      await ws.stop();
    }
  });
});

describe('console with messages (control=true)', () => {
  const open = (more = '') => host.websocket(`/host/devices/wire/console?control=true${more}`);

  test('a pong says how much of what was written the device was given; text frames are no bytes for it', async () => {
    const ws = await open();
    const before = wire.size;
    ws.send(Buffer.from('version\n'));
    await until('it arrives', () => wire.size - before === 8);
    ws.send({ type: 'ping' });
    const pong = await ws.find((m) => m.type === 'pong' && m.taken === 8);
    assert.equal(pong.end, (await host.get('/host/devices/wire/console')).json.offset);
    ws.send('{"type":"nothing"}');
    assert.match((await ws.find((m) => m.type === 'error')).detail, /binary frames/);
    ws.send('no JSON');
    await until('another refusal', () => ws.items.filter((m) => m.type === 'error').length === 2);
    assert.equal(wire.size - before, 8);
    await ws.stop();
  });

  test('who is behind goes to the end, and is told what was left out', async () => {
    const { json: at } = await host.get('/host/devices/wire/console');
    const ws = await open();
    ws.ws.pause();
    const printed = randomBytes(12 * 1024 * 1024);
    await wire.say(printed);
    await until(
      'all of it',
      async () => (await host.get('/host/devices/wire/console')).json.offset === at.offset + printed.length,
      30000,
    );
    ws.send({ type: 'end', keep: 1000 });
    ws.send({ type: 'ping' });
    ws.ws.resume();
    const gap = await ws.find((m) => m.type === 'gap', { ms: 30000 });
    const seen = () => ws.items.filter(Buffer.isBuffer).reduce((n, b) => n + b.length, 0);
    await until('the end', () => seen() === printed.length - (gap.to - gap.from), 30000);
    assert.equal(gap.to, at.offset + printed.length - 1000);
    const got = ws.bytes();
    assert.ok(got.subarray(0, gap.from - at.offset).equals(printed.subarray(0, gap.from - at.offset)));
    assert.ok(got.subarray(-1000).equals(printed.subarray(-1000)));
    await ws.stop();
  });
});

describe('console', () => {
  const log = '/host/devices/wire/console/log';

  test('64 KB pasted arrive whole and in order, 1 MB printed too', async () => {
    const ws = await host.websocket('/host/devices/wire/console');
    const paste = randomBytes(64 * 1024);
    const before = wire.size;
    for (let i = 0; i < paste.length; i += 1000) ws.send(paste.subarray(i, i + 1000));
    await until('the paste', () => wire.size - before >= paste.length);
    assert.ok(wire.received().subarray(before).equals(paste));
    const printed = randomBytes(1024 * 1024);
    await wire.say(printed);
    await until('the print', () => ws.bytes().length >= printed.length, 20000);
    assert.ok(ws.bytes().equals(printed));
    await ws.stop();
  });

  test('a reader that stops reading slows nobody and loses nothing', async () => {
    const { json: at } = await host.get('/host/devices/wire/console');
    const slow = await host.websocket('/host/devices/wire/console');
    const fast = await host.websocket('/host/devices/wire/console');
    slow.ws.pause();
    const printed = randomBytes(6 * 1024 * 1024);
    await wire.say(printed);
    await until('the fast one', () => fast.bytes().length >= printed.length, 30000);
    assert.ok(fast.bytes().equals(printed));
    slow.ws.resume();
    await until('the slow one', () => slow.bytes().length >= printed.length, 30000);
    assert.ok(slow.bytes().equals(printed));
    assert.equal((await host.get('/host/devices/wire/console')).json.offset, at.offset + printed.length);
    await Promise.all([slow.stop(), fast.stop()]);
  });

  test('?from= replays, exactly', async () => {
    const { json: at } = await host.get('/host/devices/wire/console');
    await wire.say('hello\nworld\n');
    await until('history', async () => (await host.get('/host/devices/wire/console')).json.offset === at.offset + 12);
    const ws = await host.websocket(`/host/devices/wire/console?from=${at.offset + 6}`);
    await until('replay', () => ws.bytes().toString() === 'world\n');
    await wire.say('more');
    await until('live behind it', () => ws.bytes().toString() === 'world\nmore');
    await ws.stop();
    await assert.rejects(
      host.websocket(`/host/devices/wire/console?from=${at.offset + 1000000}`),
      (e) => e.status === 400,
    );
  });

  test('write, expect with groups, expect that times out', async () => {
    assert.equal((await host.post('/host/devices/echo/console/write', { text: 'U-Boot 2023.01\n' })).json.written, 15);
    const sent = await host.post('/host/devices/echo/console/expect', {
      send: 'version=12.34\n',
      pattern: 'version=(\\d+)\\.(\\d+)',
      timeout_s: 5,
    });
    assert.equal(sent.status, 200, sent.text);
    assert.equal(sent.json.matched, true);
    assert.equal(sent.json.match, 'version=12.34');
    assert.deepEqual(sent.json.groups, ['12', '34']);
    const late = await host.post('/host/devices/echo/console/expect', {
      send: 'something\n',
      pattern: 'never',
      timeout_s: 0.4,
    });
    assertProblem(late, 504);
    assert.match(JSON.stringify(late.json), /something/, 'what was seen');
    assertProblem(await host.post('/host/devices/echo/console/expect', { pattern: '(' }), 400, { field: 'pattern' });
    assertProblem(await host.post('/host/devices/echo/console/break', {}), 501);
    assertProblem(await host.patch('/host/devices/echo/console', { baud: 9600 }), 501);
  });

  test('a lease: what another one types is refused and said, watching goes on', async () => {
    const { json: lease } = await host.post('/host/devices/echo/lease', { ttl_s: 60 });
    const other = await host.websocket('/host/devices/echo/console');
    const mine = await host.websocket(`/host/devices/echo/console?lease=${lease.lease}`);
    other.send(Buffer.from('refused'));
    const notice = await other.find((m) => m.type === 'error');
    assert.equal(notice.status, 423);
    assert.ok(notice.holder && notice.expires_at);
    mine.send(Buffer.from('taken'));
    await until(
      'both see it',
      () => other.bytes().toString().endsWith('taken') && mine.bytes().toString().endsWith('taken'),
    );
    assert.ok(!other.bytes().toString().includes('refused'));
    await host.delete('/host/devices/echo/lease', { headers: { 'X-Lease': lease.lease } });
    await Promise.all([other.stop(), mine.stop()]);
  });

  test('the log: text and lines with times, limits', async () => {
    const text = await host.get('/host/devices/echo/console/log');
    assert.match(text.headers['content-type'], /^text\/plain/);
    assert.match(text.text, /^U-Boot 2023\.01$/m);
    const first = await host.get('/host/devices/echo/console/log?format=jsonl&limit=1');
    const line = JSON.parse(first.text);
    assert.deepEqual([line.offset, line.text], [0, 'U-Boot 2023.01']);
    const next = await host.get(`/host/devices/echo/console/log?limit=1&from=${first.headers['x-next-offset']}`);
    assert.match(next.text, /^version=12\.34\n$/);
    assertProblem(await host.get(`${log}?limit=10001`), 400, { field: 'limit' });
    assertProblem(await host.get(`${log}?format=xml`), 400, { field: 'format' });
  });

  test('the device is removed under its viewers: they are told', async () => {
    await host.post('/host/devices', { id: 'short', attach: { console: echo.uri } });
    const ws = await host.websocket('/host/devices/short/console');
    await host.delete('/host/devices/short');
    await until('the close', () => ws.code);
    assert.equal(ws.code, 1001);
  });
});

describe('/host/ws', () => {
  test('every command is acknowledged, errors too', async () => {
    const ws = await host.websocket('/host/ws');
    const on = await ws.command('dut', 'power.set', { state: 'on' });
    assert.deepEqual([on.ok, on.result.observed], [true, 'on']);
    const bad = await ws.command('dut', 'power.set', { state: 'maybe' });
    assert.deepEqual([bad.ok, bad.error.status, bad.error.field], [false, 400, 'state']);
    assert.equal((await ws.command('nix', 'power.get')).error.status, 404);
    const many = await Promise.all(Array.from({ length: 40 }, () => ws.command('dut', 'power.get')));
    assert.ok(many.every((m) => m.ok));
    ws.send('{broken');
    await ws.find((m) => m.type === 'error');
    ws.send({ type: 'ping', t: 7 });
    await ws.find((m) => m.type === 'pong' && m.t === 7);
    await ws.stop();
  });

  test('subscriptions: events, samples, console bytes', async () => {
    const ws = await host.websocket('/host/ws');
    ws.send({ id: 100000, subscribe: ['event', 'sensor:pattern', 'console:wire'] });
    assert.equal((await ws.find((m) => m.id === 100000)).ok, true);
    await host.put('/host/devices/dut/power', { state: 'off' });
    const event = await ws.find((m) => m.type === 'event' && m.event === 'power.state');
    assert.equal(event.device, 'dut');
    const sample = await ws.find((m) => m.type === 'sample' && m.device === 'pattern');
    assert.ok(Number.isFinite(sample.value) && Number.isInteger(sample.seq) && Number.isInteger(sample.t));
    await wire.say('over the socket');
    await until(
      'the bytes',
      () =>
        Buffer.concat(
          ws.items.filter((m) => m.type === 'console').map((m) => Buffer.from(m.base64, 'base64')),
        ).toString() === 'over the socket',
    );
    await ws.stop();
  });

  test('a binary message ends the connection with a reason', async () => {
    const ws = await host.websocket('/host/ws');
    ws.send(Buffer.from([1, 2, 3]));
    await until('the close', () => ws.code);
    assert.equal(ws.code, 1003);
  });
});

describe('sensors', () => {
  const sensors = '/host/devices/pattern/sensors';
  test('latest values, streams by SSE and WebSocket, own samples', async () => {
    const stream = await host.sse(`${sensors}/stream`);
    const ws = await host.websocket(`${sensors}/stream?stream=script.volts`);
    assert.deepEqual(
      (await host.post(sensors, { stream: 'script.volts', value: 3.3, unit: 'V', quantity: 'voltage' })).json,
      { accepted: 1 },
    );
    const sample = await stream.find((e) => e.data.stream === 'script.volts');
    assert.deepEqual([sample.data.type, sample.data.value, sample.data.unit], ['sample', 3.3, 'V']);
    assert.equal((await ws.find((m) => m.stream === 'script.volts')).value, 3.3);
    assert.ok(ws.items.every((m) => m.stream === 'script.volts'));
    const answer = await host.get(sensors),
      latest = answer.json;
    assert.match(answer.text, /"value":3\.3[,}]/, 'and not 3.2999999999999998');
    assert.equal(latest['script.volts'].value, 3.3);
    assert.ok(latest['pattern.counter'].seq > 0);
    assert.deepEqual(
      (
        await host.post(sensors, [
          { stream: 'a', value: 1 },
          { stream: 'b', value: 2 },
        ])
      ).json,
      { accepted: 2 },
    );
    stream.stop();
    await ws.stop();
  });

  test('what was measured before: oldest first, chosen streams, after a moment; over /host/ws too', async () => {
    const t = Date.now();
    await host.post(
      sensors,
      [1, 2, 3, 4].map((i) => ({ stream: 'past', value: i / 4, unit: 'A', quantity: 'current', t: t + i })),
    );
    const all = (await host.get(`${sensors}/history`)).json;
    assert.deepEqual(all.past, {
      quantity: 'current',
      unit: 'A',
      t: [t + 1, t + 2, t + 3, t + 4],
      value: [0.25, 0.5, 0.75, 1],
    });
    assert.ok(all['pattern.counter'].t.length > 0);
    const some = (await host.get(`${sensors}/history?stream=past,none&since=${t + 2}`)).json;
    assert.deepEqual(some, { past: { ...all.past, t: [t + 3, t + 4], value: [0.75, 1] } });
    assertProblem(await host.get(`${sensors}/history?since=-1`), 400, { field: 'since' });
    const ws = await host.websocket('/host/ws');
    assert.deepEqual((await ws.command('pattern', 'sensors.history', { stream: 'past', since: t + 2 })).result, some);
    await ws.stop();
  });

  test('bad samples: none of the batch is taken', async () => {
    assertProblem(await host.post(sensors, [{ stream: 'good', value: 1 }, { stream: 'bad' }]), 400, { field: 'value' });
    assertProblem(await host.post(sensors, { stream: 'no/slash', value: 1 }), 400, { field: 'stream' });
    assertProblem(await host.post(sensors, Array(257).fill({ stream: 'a', value: 1 })), 413);
    assertProblem(await host.post(sensors, 'text'), 400);
    assert.equal((await host.get(sensors)).json.good, undefined);
  });
});
