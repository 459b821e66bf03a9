// Store, relay, formats: what the views show.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as format from '../core/format.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { append, merged, usualInterval, withGaps } from '../core/series.js';
import {
  describe,
  deviceState,
  initialState,
  interfacesOf,
  isPhone,
  MAX_POINTS,
  MAX_TIMELINE,
  reduce,
  samplesOf,
  Store,
} from '../core/store.js';
import { Telemetry } from '../core/telemetry.js';
import { record, settle } from './fakes.mjs';

// ---- store ----

const board = {
  id: 'board',
  label: 'U-Boot',
  interfaces: [
    { name: 'power', kind: 'power', state: 'ready', power: { commanded: 'on', observed: 'on' } },
    { name: 'video', kind: 'video', state: 'ready' },
  ],
  lease: null,
};
const loaded = reduce(initialState, { type: 'devices', devices: [board, { id: 'a', interfaces: [] }] });
const event = (type, device, iface, data, id = 7) => ({
  type: 'event',
  event: { type: 'event', event: type, id, t: 1, device, interface: iface, data },
});

test('events of the bus change what they name, and only that', () => {
  assert.deepEqual(loaded.order, ['a', 'board']);
  assert.equal(loaded.power['board/power'].observed, 'on');
  let s = reduce(loaded, event('interface.state', 'board', 'video', { state: 'fault', reason: 'QEMU ended' }));
  assert.deepEqual(s.devices.board.interfaces[1], {
    name: 'video',
    kind: 'video',
    state: 'fault',
    reason: 'QEMU ended',
  });
  assert.equal(s.devices.a, loaded.devices.a, 'others keep their identity');
  assert.equal(deviceState(s.devices.board), 'fault');
  s = reduce(s, event('power.state', 'board', 'power', { observed: 'off' }, 8));
  assert.deepEqual(s.power['board/power'], { commanded: 'on', observed: 'off' });
  s = reduce(s, event('lease.taken', 'board', undefined, { holder: 'anna' }, 9));
  assert.equal(s.devices.board.lease.holder, 'anna');
  s = reduce(s, event('lease.ended', 'board', undefined, {}, 10));
  assert.equal(s.devices.board.lease, null);
  s = reduce(s, event('device.removed', 'board', undefined, {}, 11));
  assert.deepEqual(s.order, ['a']);
  assert.deepEqual(
    s.timeline.map((e) => e.id),
    [11, 10, 9, 8, 7],
    'newest first',
  );
  const late = reduce(
    reduce(loaded, event('power.state', 'board', 'power', { observed: 'off' }, 20)),
    event('power.state', 'board', 'power', { observed: 'on' }, 21),
  );
  assert.equal(
    reduce(late, event('power.state', 'board', 'power', { observed: 'off' }, 20)),
    late,
    'what comes again, by another way, changes nothing',
  );
});

test('the timeline is bounded, without repeats, without what is transient', () => {
  let s = initialState;
  for (let i = 1; i <= MAX_TIMELINE + 1; i++) s = reduce(s, event('x', 'd', 'i', {}, i));
  assert.equal(s.timeline.length, MAX_TIMELINE);
  assert.equal(reduce(s, event('x', 'd', 'i', {}, MAX_TIMELINE + 1)).timeline.length, MAX_TIMELINE);
  assert.equal(reduce(s, event('line', 'd', 'i', {}, 0)).timeline[0].id, MAX_TIMELINE + 1);
});

test('samples: series are bounded, old ones are dropped', () => {
  let s = initialState;
  const sample = (seq, value = seq) => ({
    type: 'sample',
    sample: { device: 'd', interface: 'sensors', stream: 'load', t: seq, seq, unit: '1', value },
  });
  for (let i = 1; i <= MAX_POINTS + 5; i++) s = reduce(s, sample(i));
  const k = 'd/sensors/load';
  assert.equal(s.samples[k].points[0].length, MAX_POINTS);
  assert.equal(s.samples[k].value, MAX_POINTS + 5);
  assert.equal(reduce(s, sample(3)), s);
  assert.equal(reduce(s, sample(9999, NaN)), s);
});

test('samples: many at once are the same as one by one, and what is old or none is left out', () => {
  const one = (t, value, seq = t) => ({
    device: 'd',
    interface: 'i',
    stream: 's',
    t,
    seq,
    unit: 'V',
    quantity: 'voltage',
    value,
  });
  const list = [one(1, 5), one(2, 6), one(2, 7, 2), one(3, NaN), { ...one(4, 8), stream: 'other' }, one(5, 9)];
  const together = reduce(initialState, { type: 'samples', samples: list });
  const each = list.reduce((s, sample) => reduce(s, { type: 'sample', sample }), initialState);
  assert.deepEqual(together, each);
  assert.deepEqual(together.samples['d/i/s'].points, [
    [1, 2, 5],
    [5, 6, 9],
  ]);
  assert.equal(reduce(together, { type: 'samples', samples: list }), together);
  const many = Array.from({ length: MAX_POINTS + 5 }, (_, i) => one(i + 10, i));
  assert.equal(reduce(together, { type: 'samples', samples: many }).samples['d/i/s'].points[0].length, MAX_POINTS);
  assert.equal(together.samples['d/i/s'].points[0].length, 3, 'what was there before stays as it was');
});

test('samples: what the host remembers goes before and between what came live', () => {
  const live = (t, seq) => ({
    type: 'sample',
    sample: { device: 'd', interface: 'sensors', stream: 'load', t, seq, unit: '1', quantity: 'ratio', value: t },
  });
  const past = (...t) => ({
    type: 'sample-history',
    device: 'd',
    interface: 'sensors',
    streams: { load: { quantity: 'ratio', unit: '1', t, value: t } },
  });
  const k = 'd/sensors/load';
  let s = reduce(initialState, past(1, 2, 3));
  assert.deepEqual(s.samples[k], {
    device: 'd',
    interface: 'sensors',
    stream: 'load',
    quantity: 'ratio',
    unit: '1',
    t: 3,
    value: 3,
    points: [
      [1, 2, 3],
      [1, 2, 3],
    ],
  });
  assert.equal(reduce(s, live(3, 40)), s, 'the latest, said once more');
  s = reduce(s, live(4, 41));
  s = reduce(s, live(9, 46)); // the connection was lost in between
  s = reduce(s, past(1, 2, 3, 4, 5, 6, 7, 8, 9));
  assert.deepEqual(s.samples[k].points[0], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(s.samples[k].seq, 46);
  assert.equal(reduce(s, past()).samples[k], s.samples[k]);
  assert.deepEqual(reduce(initialState, past()).samples, {});
  s = reduce(s, past(...Array.from({ length: MAX_POINTS }, (_, i) => 100 + i)));
  assert.deepEqual(
    [s.samples[k].points[0].length, s.samples[k].points[0][0], s.samples[k].value],
    [MAX_POINTS, 100, 99 + MAX_POINTS],
  );
});

test('two series become one', () => {
  assert.deepEqual(
    merged(
      [
        [1, 3, 5],
        ['a', 'a', 'a'],
      ],
      [
        [2, 3, 9],
        ['b', 'b', 'b'],
      ],
    ),
    [
      [1, 2, 3, 5, 9],
      ['a', 'b', 'a', 'a', 'b'],
    ],
  );
  assert.deepEqual(
    merged(
      [[], []],
      [
        [1, 2],
        [3, 4],
      ],
      1,
    ),
    [[2], [4]],
  );
  assert.deepEqual(merged([[1], [3]], [[], []]), [[1], [3]]);
  assert.deepEqual(merged([[], []], [[], []]), [[], []]);
});

test('what sensors send, in every spelling', () => {
  const want = [{ stream: 'a', t: 5, seq: 1, unit: 'V', value: 2 }];
  assert.deepEqual(samplesOf({ a: { t: 5, seq: 1, unit: 'V', value: 2 } }), want);
  assert.deepEqual(samplesOf([{ stream: 'a', t: 5, seq: 1, unit: 'V', value: 2 }]), want);
  assert.deepEqual(samplesOf({ type: 'sample', t: 5, data: { stream: 'a', seq: 1, unit: 'V', value: 2 } }), want);
  assert.deepEqual(samplesOf({ a: { value: 'x' }, b: null }), []);
  assert.deepEqual(samplesOf(null), []);
});

test('views are told of what they watch, once', () => {
  const store = new Store();
  const seen = [];
  const undo = store.watch(
    (s) => s.order,
    (o) => seen.push(o.length),
  );
  store.dispatch({ type: 'devices', devices: [board] });
  store.dispatch({ type: 'health', health: {} });
  undo();
  store.dispatch({ type: 'devices', devices: [] });
  assert.deepEqual(seen, [0, 1]);
  assert.throws(() => reduce(initialState, { type: 'no such' }), TypeError);
});

test('kinds decide, not names', () => {
  assert.equal(interfacesOf(board, 'video').length, 1);
  assert.equal(isPhone(board), false);
  assert.equal(isPhone({ interfaces: [{ kind: 'apps' }] }), true);
  assert.deepEqual(interfacesOf(undefined, 'x'), []);
});

test('events in words; unknown ones in their own', () => {
  const e = (type, data, iface) => describe({ event: type, data, interface: iface });
  assert.equal(e('interface.state', { state: 'fault', reason: 'gone' }, 'power'), 'power has a fault: gone');
  assert.equal(
    e('usb.added', { port: '1-1.2', bus: 1, vendor_id: '0403', product_id: '6001' }),
    'USB 1-1.2: a device plugged in (0403:6001)',
  );
  assert.equal(
    e('resource.added', {
      uri: 'serial:///dev/ttyS0',
      label: 'serial line /dev/ttyS0',
      driver: 'serial',
      why: 'the kernel found a UART',
    }),
    'found serial line /dev/ttyS0, serial:///dev/ttyS0: the kernel found a UART',
  );
  assert.equal(e('server.lost', { url: 'http://s', reason: 'timeout' }), 'lost the server http://s: timeout');
  assert.equal(
    e('command', { verb: 'power.set', user: 'ann', via: 'rest', ok: true, params: { state: 'off' } }),
    'ann: power.set off (rest)',
  );
  assert.equal(
    e('command', { verb: 'power.cycle', user: 'ann', ok: false, error: { detail: 'locked' }, params: { off_s: 2 } }),
    'ann: power.cycle refused: locked',
  );
  assert.equal(
    e('command', { verb: 'shell.run', user: 'ann', ok: true, params: { command: 'x'.repeat(100), timeout_s: 30 } }),
    `ann: shell.run ${'x'.repeat(80)}…`,
  );
  assert.equal(e('camera.tilt', { port: '1-1.2', angle: 4, tree: {} }), 'camera tilt: port 1-1.2, angle 4');
  assert.equal(e('modem', undefined), 'modem');
});

// ---- relay, formats ----

test('relayed pictures: only JPEGs with the right first byte', () => {
  assert.deepEqual([...parseBinary(Uint8Array.of(1, 0xff, 0xd8, 9)).jpeg], [0xff, 0xd8, 9]);
  for (const bad of [[], [1], [2, 0xff, 0xd8], [1, 0, 0]]) assert.equal(parseBinary(Uint8Array.from(bad)), null);
  assert.equal(
    parseBinary(Object.assign(new Uint8Array(1024 * 1024 + 2), { 0: 1, 1: 0xff, 2: 0xd8 })),
    null,
    'limit + 1',
  );
});

test('a relayed picture that was made smaller says of which size the screen is', () => {
  const say = (text) => Uint8Array.of(1, 0xff, 0xd8, 0xff, 0xfe, 0, text.length + 2, ...Buffer.from(text), 0xff, 0xd9);
  assert.deepEqual(parseBinary(say('screen 1920x1080')).screen, { width: 1920, height: 1080 });
  for (const other of ['screen 0x5', 'screen 1920', 'Lavc59', '', 'screen 123456x1', `screen 1x1${' '.repeat(100)}`])
    assert.equal(parseBinary(say(other)).screen, null, other);
  assert.equal(parseBinary(Uint8Array.of(1, 0xff, 0xd8, 0xff, 0xfe)).screen, null);
});

test('the newest picture wins while one is decoded; a broken one is no end', async () => {
  const shown = [];
  let go;
  const sink = new PictureSink(
    (j) =>
      new Promise((resolve, reject) => {
        shown.push(j);
        go = j === 'bad' ? reject : resolve;
      }),
  );
  sink.push('1');
  sink.push('2');
  sink.push('bad');
  go();
  await settle();
  go();
  await settle();
  sink.push('4');
  go();
  await settle();
  assert.deepEqual(shown, ['1', 'bad', '4']);
  assert.deepEqual([sink.shown, sink.dropped], [2, 2]);
});

test('figures as people read them', () => {
  const f = (...a) => format.quantity(...a).replaceAll('\u00a0', ' ');
  assert.equal(f(3.2, 'W'), '3.20 W');
  assert.equal(f(0.03, 'A'), '30.0 mA');
  assert.equal(f(1.9e9, 'By'), '1.77 GiB');
  assert.equal(f(48.25, 'Cel'), '48.3 °C');
  assert.equal(f(0.4242, '1'), '0.42');
  assert.equal(f(NaN, 'W'), '–');
  assert.equal(f(7, 'furlong'), '7.00 furlong', 'unknown units are shown as they are');
  assert.equal(f(true, ''), 'yes');
  assert.equal(f(1, '1', 'state'), '1', 'a state has no decimals');
  assert.equal(f(2048, 'By/s'), '2.00 KiB/s');
  assert.equal(f(0, 'By/s'), '0 B/s');
  assert.equal(f(30, 's'), '30.0 s');
  assert.equal(f(747, 's'), '12 min 27 s');
  assert.equal(f(93784, 's'), '1 d 2 h');
  assert.equal(format.bitrate(2400).replaceAll('\u00a0', ' '), '2.4 Mbit/s');
  assert.equal(format.millis(3.25).replaceAll('\u00a0', ' '), '3.3 ms');
  assert.equal(format.percent(0.4).replaceAll('\u00a0', ' '), '0.4 %');
  assert.equal(format.duration(3723), '1:02:03');
  assert.equal(format.duration(65), '1:05');
  assert.equal(format.age(0.2).replaceAll('\u00a0', ' '), '0 s');
  assert.match(format.clockTime(Date.now(), true), /^\d\d:\d\d:\d\d\.\d{3}$/);
  assert.equal(format.toneOf('ready'), 'good');
  assert.equal(format.toneOf('fault'), 'bad');
  assert.equal(format.toneOf('never heard of'), 'neutral');
  assert.equal(format.humanize('cpu_load.1m'), 'cpu load 1m');
});

test('ticks of an axis can be told apart, in one unit', () => {
  const l = (v, unit) => format.tickLabels(v, unit).map((t) => t.replaceAll('\u00a0', ' '));
  const gib = 2 ** 30;
  assert.deepEqual(l([77.81 * gib, 77.82 * gib, 77.83 * gib], 'By'), ['77.81 GiB', '77.82 GiB', '77.83 GiB']);
  assert.deepEqual(l([-0.4, -0.2, 0], 'A'), ['-400 mA', '-200 mA', '0 mA']);
  assert.deepEqual(l([2.5, 5, 7.5], 'W'), ['2.5 W', '5.0 W', '7.5 W']);
  assert.deepEqual(l([0, 50, 100], '%'), ['0 %', '50 %', '100 %']);
  assert.deepEqual(l([], 'W'), []);
});

test('a pause in a series is a gap, jitter is not', () => {
  const times = [0, 1000, 2000, 3100, 9000, 10000];
  assert.equal(usualInterval(times), 1000);
  assert.deepEqual(withGaps([times, [1, 2, 3, 4, 5, 6]]), [
    [0, 1, 2, 3.1, 4.1, 9, 10],
    [1, 2, 3, 4, null, 5, 6],
  ]);
  assert.deepEqual(
    withGaps([
      [0, 60000],
      [1, 2],
    ]),
    [
      [0, 60],
      [1, 2],
    ],
    'two samples say nothing about the usual interval',
  );
  assert.deepEqual(withGaps([[], []]), [[], []]);
});

test('telemetry: a device is direct while any channel of it is open', () => {
  const t = new Telemetry();
  const said = record(t, 'change');
  const one = t.opened('board'),
    two = t.opened('board');
  one();
  one();
  assert.ok(t.direct('board'));
  two();
  assert.ok(!t.direct('board'));
  assert.deepEqual(said, [
    ['change', 'board'],
    ['change', 'board'],
  ]);
});

test('a series keeps its span, also where the clock that it goes by is set back', () => {
  const series = [[], []];
  for (let t = 0; t < 100_000; t += 10) append(series, t, 1, 1000);
  assert.ok(series[0].length < 400 && series[0].at(-1) === 99_990, `${series[0].length}`);
  for (let t = 50_000; t < 80_000; t += 10) append(series, t, 2, 1000);
  assert.ok(series[0].length < 400 && series[1].every((v) => v === 2), `${series[0].length}`);
});
