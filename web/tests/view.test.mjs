// Ladder, lease, input, store, relay, formats: what the views decide by.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { Emitter } from '../core/emitter.js';
import * as format from '../core/format.js';
import { chord, KeyState, SPECIAL_KEYS } from '../core/keys.js';
import { VideoLadder } from '../core/ladder.js';
import { LeaseKeeper, leaseState, secondsLeft } from '../core/lease.js';
import { buttonsOf, contain, GestureState, InputBatcher, toPixel, WheelState } from '../core/pointer.js';
import { checkInput } from '../core/proto.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { describe, deviceState, initialState, interfacesOf, isPhone, MAX_POINTS, MAX_TIMELINE, reduce, samplesOf, Store } from '../core/store.js';
import { FakeClock, record, settle } from './fakes.mjs';

// ---- ladder ----

class Attempt extends Emitter {
  constructor(outcome) {
    super();
    this.outcome = outcome;
    this.stopped = 0;
  }

  async start() {
    if (this.outcome instanceof Error) throw this.outcome;
  }

  stop() { this.stopped += 1; }
}
function ladder(outcomes, o = {}) {
  const clock = new FakeClock();
  const made = [];
  const l = new VideoLadder({ clock, backoff: new Backoff({ firstMs: 2000, factor: 2, jitter: 0 }), connect: () => { const a = new Attempt(outcomes.shift()); made.push(a); return a; }, ...o });
  return { l, clock, made, said: record(l, 'change') };
}
const rungs = (said) => said.map(([, c]) => c.rung);

test('webrtc works: no fallback is seen', async () => {
  const { l, made, said } = ladder([null]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  assert.deepEqual(rungs(said), ['connecting', 'webrtc']);
});

test('webrtc fails: fallback with the reason; it is tried again behind it, and climbs back', async () => {
  const { l, clock, made, said } = ladder([new Error('UDP may be blocked'), new Error('still'), null]);
  l.start();
  await settle();
  assert.deepEqual([l.rung, l.reason], ['fallback', 'UDP may be blocked']);
  await clock.advance(2000);
  assert.deepEqual([l.rung, l.reason], ['fallback', 'still']);
  await clock.advance(4000);
  made[2].emit('state', 'connected');
  assert.deepEqual(rungs(said), ['connecting', 'fallback', 'fallback', 'webrtc'], 'the fallback stays up while it tries');
});

test('a short loss is waited out, a long one is not', async () => {
  const { l, clock, made } = ladder([null, null]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  made[0].emit('state', 'disconnected');
  await clock.advance(3000);
  made[0].emit('state', 'connected');
  await clock.advance(60000);
  assert.equal(l.rung, 'webrtc');
  made[0].emit('state', 'disconnected');
  await clock.advance(4000);
  assert.deepEqual([l.rung, l.reason], ['fallback', 'the connection was lost']);
  assert.equal(made[0].stopped, 1);
});

test('Retry-After of a full host is obeyed', async () => {
  const { l, clock, made } = ladder([Object.assign(new Error('32 viewers'), { extra: { retry_after_s: 30 } }), null]);
  l.start();
  await clock.advance(29000);
  assert.equal(made.length, 1);
  await clock.advance(1000);
  assert.equal(made.length, 2);
});

test('the switch, a browser without WebRTC, a picture that never comes, stop', async () => {
  const off = ladder([null]);
  off.l.enabled = false;
  off.l.start();
  assert.equal(off.l.rung, 'fallback');
  assert.equal(off.made.length, 0);
  off.l.enable(true);
  await settle();
  off.made[0].emit('state', 'connected');
  off.l.giveUp(new Error('no picture'));
  assert.deepEqual([off.l.rung, off.l.reason], ['fallback', 'no picture']);
  off.l.stop();
  assert.equal(off.clock.pending, 0);
  assert.equal(off.l.rung, 'stopped');

  const without = ladder([], { unsupported: () => 'this browser has no WebRTC' });
  without.l.start();
  await without.clock.advance(1e6);
  assert.deepEqual([without.l.rung, without.made.length], ['fallback', 0]);

  const thrown = ladder([], { connect: () => { throw new Error('the host is not connected'); } });
  thrown.l.start();
  assert.equal(thrown.l.reason, 'the host is not connected');
});

test('states of an attempt that is over change nothing', async () => {
  const { l, made } = ladder([null, null]);
  l.start();
  await settle();
  made[0].emit('state', 'failed', new Error('x'));
  l.retry();
  await settle();
  made[1].emit('state', 'connected');
  made[0].emit('state', 'failed', new Error('late'));
  assert.equal(l.rung, 'webrtc');
});

// ---- lease ----

test('a lease is renewed while somebody works, warned about and lost when nobody does', async () => {
  const clock = new FakeClock();
  let renewed = 0;
  const k = new LeaseKeeper({ ttlS: 60, expiresAt: new Date(clock.t + 60000).toISOString(), clock, idleMs: 100000, renew: async () => { renewed += 1; return { expires_at: new Date(clock.t + 60000).toISOString() }; } });
  const said = record(k, 'warning', 'lost', 'renewed');
  k.start();
  await clock.advance(90000);
  assert.equal(renewed, 2);
  await clock.advance(100000);         // idle by now
  assert.equal(said.filter(([n]) => n === 'warning').length, 1);
  assert.equal(said.filter(([n]) => n === 'lost').length, 1);
  assert.equal(clock.pending, 0);
});

test('a lease that was taken over is lost at once; a host that does not answer is waited for', async () => {
  for (const [status, lost] of [[423, 1], [404, 1], [0, 0]]) {
    const clock = new FakeClock();
    const k = new LeaseKeeper({ ttlS: 60, expiresAt: new Date(clock.t + 60000).toISOString(), clock, renew: async () => { throw Object.assign(new Error('no'), { status }); } });
    const said = record(k, 'lost');
    k.start();
    await clock.advance(35000);
    assert.equal(said.length, lost, `status ${status}`);
    k.stop();
  }
});

test('whose lease it is', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const lease = { holder: 'anna', expires_at: '2026-01-01T00:01:00Z' };
  assert.equal(leaseState(null, null, now), 'free');
  assert.equal(leaseState(lease, null, now), 'other');
  assert.equal(leaseState(lease, 'secret', now), 'mine');
  assert.equal(leaseState(lease, null, now + 61000), 'free', 'expired');
  assert.equal(secondsLeft(lease, now), 60);
  assert.equal(secondsLeft({}, now), null);
});

// ---- input ----

const key = (key, code = key, o = {}) => ({ key, code, ...o });

test('keys go down and up by name, and all come up when the page loses the keyboard', () => {
  const k = new KeyState();
  assert.deepEqual(k.down(key('A', 'KeyA')).events, [{ type: 'key', key: 'A', action: 'down' }]);
  assert.deepEqual(k.up(key('a', 'KeyA')).events, [{ type: 'key', key: 'A', action: 'up' }], 'as it went down, although Shift was let go before');
  k.down(key('Shift', 'ShiftLeft'));
  k.down(key('F1'));
  assert.deepEqual(k.releaseAll().map((e) => [e.key, e.action]), [['Shift', 'up'], ['F1', 'up']]);
  assert.deepEqual(k.up(key('F1')).events, []);
  for (const dead of ['Dead', 'Unidentified', 'Process', '']) assert.deepEqual(k.down(key(dead)).events, []);
  assert.deepEqual(k.down(key('x', 'KeyX', { isComposing: true })).events, []);
});

test('Ctrl+Alt alone gives the keyboard back, Ctrl+Alt+Del does not', () => {
  const k = new KeyState();
  k.down(key('Control', 'ControlLeft'));
  k.down(key('Alt', 'AltLeft'));
  const up = k.up(key('Alt', 'AltLeft'));
  assert.equal(up.release, true);
  assert.deepEqual(up.events.map((e) => [e.key, e.action]), [['Alt', 'up'], ['Control', 'up']]);
  k.down(key('Control', 'ControlLeft'));
  k.down(key('Alt', 'AltLeft'));
  k.down(key('Delete'));
  assert.equal(k.up(key('Delete')).release, false);
  assert.equal(k.up(key('Alt', 'AltLeft')).release, false);
  assert.equal(k.up(key('Control', 'ControlLeft')).release, false);
});

test('every special key is a message that the host accepts', () => {
  for (const s of SPECIAL_KEYS) for (const e of s.keys.length > 1 ? chord(...s.keys) : [{ type: 'key', key: s.keys[0] }]) checkInput(e);
  assert.deepEqual(chord('Control', 'c').map((e) => `${e.key} ${e.action}`), ['Control down', 'c down', 'c up', 'Control up']);
});

test('page coordinates become pixels of the picture', () => {
  const box = { left: 100, top: 50, width: 800, height: 800 };      // 1280×720 in it: 800×450, 175 from the top
  assert.deepEqual(contain(box, 1280, 720), { x: 0, y: 175, width: 800, height: 450 });
  assert.deepEqual(toPixel({ x: 100, y: 225 }, box, 1280, 720), { x: 0, y: 0 });
  assert.deepEqual(toPixel({ x: 500, y: 450 }, box, 1280, 720), { x: 640, y: 360 });
  assert.deepEqual(toPixel({ x: 899.9, y: 674.9 }, box, 1280, 720), { x: 1279, y: 719 });
  assert.equal(toPixel({ x: 500, y: 100 }, box, 1280, 720), null, 'above the picture');
  assert.deepEqual(toPixel({ x: 500, y: 100 }, box, 1280, 720, true), { x: 640, y: 0 }, 'a drag stays inside');
  assert.deepEqual(toPixel({ x: 5000, y: 5000 }, box, 1280, 720, true), { x: 1279, y: 719 });
  assert.equal(toPixel({ x: 1, y: 1 }, box, 0, 0), null, 'no picture yet');
});

test('buttons, wheels, gestures', () => {
  assert.equal(buttonsOf({ buttons: 5 }), 5);
  assert.equal(buttonsOf({ pointerType: 'touch', type: 'pointerdown', buttons: 0 }), 1);
  const w = new WheelState();
  assert.equal(w.add({ deltaX: 0, deltaY: 40, deltaMode: 0 }), null, 'a touch pad sends crumbs');
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 70, deltaMode: 0 }), { dx: 0, dy: 1 });
  assert.deepEqual(w.add({ deltaX: -3, deltaY: 0, deltaMode: 1 }), { dx: -1, dy: 0 });
  assert.deepEqual(w.add({ deltaX: 0, deltaY: 1e9, deltaMode: 2 }), { dx: 0, dy: 100 }, 'bounded');
  const g = new GestureState();
  g.down({ x: 5, y: 6 }, { x: 0, y: 0 }, 0);
  assert.deepEqual(g.up({ x: 6, y: 6 }, { x: 3, y: 0 }, 90), { type: 'tap', x: 5, y: 6 });
  g.down({ x: 5, y: 6 }, { x: 0, y: 0 }, 0);
  assert.deepEqual(g.up({ x: 5, y: 6 }, { x: 0, y: 0 }, 900), { type: 'swipe', x1: 5, y1: 6, x2: 5, y2: 6, ms: 900 }, 'a long press');
  g.down({ x: 5, y: 600 }, { x: 0, y: 300 }, 0);
  assert.deepEqual(g.up({ x: 5, y: 100 }, { x: 0, y: 50 }, 210), { type: 'swipe', x1: 5, y1: 600, x2: 5, y2: 100, ms: 210 });
  assert.equal(g.up({ x: 1, y: 1 }, { x: 1, y: 1 }, 1), null);
});

test('moves are thinned out, clicks never, and the order holds', () => {
  const sent = [], due = [];
  const b = new InputBatcher({ send: (e) => sent.push(...e), schedule: (fn) => due.push(fn) });
  const p = (x, buttons = 0) => ({ type: 'pointer', x, y: 0, buttons });
  b.pointer(p(1));
  b.pointer(p(2));
  b.pointer(p(3));
  assert.equal(due.length, 1);
  due.shift()();
  assert.deepEqual(sent.map((e) => e.x), [3]);
  b.pointer(p(4));
  b.pointer(p(4, 1));
  b.pointer(p(9, 1));
  b.pointer(p(9, 0));
  assert.deepEqual(sent.map((e) => [e.x, e.buttons]), [[3, 0], [4, 0], [4, 1], [9, 1], [9, 0]]);
  for (const fn of due) fn();
  assert.equal(sent.length, 5);
});

// ---- store ----

const board = { id: 'board', label: 'U-Boot', interfaces: [{ name: 'power', kind: 'power', state: 'ready', power: { commanded: 'on', observed: 'on' } }, { name: 'video', kind: 'video', state: 'ready' }], lease: null };
const loaded = reduce(initialState, { type: 'devices', devices: [board, { id: 'a', interfaces: [] }] });
const event = (type, device, iface, data, id = 7) => ({ type: 'event', event: { id, t: 1, type, device, interface: iface, data } });

test('events of the bus change what they name, and only that', () => {
  assert.deepEqual(loaded.order, ['a', 'board']);
  assert.equal(loaded.power['board/power'].observed, 'on');
  let s = reduce(loaded, event('interface.state', 'board', 'video', { state: 'fault', reason: 'QEMU ended' }));
  assert.deepEqual(s.devices.board.interfaces[1], { name: 'video', kind: 'video', state: 'fault', reason: 'QEMU ended' });
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
  assert.deepEqual(s.timeline.map((e) => e.id), [11, 10, 9, 8, 7], 'newest first');
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
  const sample = (seq, value = seq) => ({ type: 'sample', sample: { device: 'd', interface: 'sensors', stream: 'load', t: seq, seq, unit: '1', value } });
  for (let i = 1; i <= MAX_POINTS + 5; i++) s = reduce(s, sample(i));
  const k = 'd/sensors/load';
  assert.equal(s.samples[k].points[0].length, MAX_POINTS);
  assert.equal(s.samples[k].value, MAX_POINTS + 5);
  assert.equal(reduce(s, sample(3)), s);
  assert.equal(reduce(s, sample(9999, NaN)), s);
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
  const undo = store.watch((s) => s.order, (o) => seen.push(o.length));
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
  const e = (type, data, iface) => describe({ type, data, interface: iface });
  assert.equal(e('interface.state', { state: 'fault', reason: 'gone' }, 'power'), 'power is fault: gone');
  assert.equal(e('usb.added', { port: '1-1.2', ids: '0403:6001', tree: {} }), 'usb added: port 1-1.2, ids 0403:6001');
  assert.equal(e('modem', undefined), 'modem');
});

// ---- relay, formats ----

test('relayed pictures: only JPEGs with the right first byte', () => {
  assert.deepEqual([...parseBinary(Uint8Array.of(1, 0xff, 0xd8, 9)).jpeg], [0xff, 0xd8, 9]);
  for (const bad of [[], [1], [2, 0xff, 0xd8], [1, 0, 0]]) assert.equal(parseBinary(Uint8Array.from(bad)), null);
  assert.equal(parseBinary(Object.assign(new Uint8Array(1024 * 1024 + 2), { 0: 1, 1: 0xff, 2: 0xd8 })), null, 'limit + 1');
});

test('the newest picture wins while one is decoded; a broken one is no end', async () => {
  const shown = [];
  let go;
  const sink = new PictureSink((j) => new Promise((resolve, reject) => { shown.push(j); go = j === 'bad' ? reject : resolve; }));
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
  assert.equal(format.bitrate(2400).replaceAll('\u00a0', ' '), '2.4 Mbit/s');
  assert.equal(format.millis(3.25).replaceAll('\u00a0', ' '), '3.3 ms');
  assert.equal(format.percent(0.4).replaceAll('\u00a0', ' '), '0.4 %');
  assert.equal(format.duration(3723), '1:02:03');
  assert.equal(format.duration(65), '1:05');
  assert.match(format.clockTime(Date.now(), true), /^\d\d:\d\d:\d\d\.\d{3}$/);
  assert.equal(format.toneOf('ready'), 'good');
  assert.equal(format.toneOf('fault'), 'bad');
  assert.equal(format.toneOf('never heard of'), 'neutral');
  assert.equal(format.humanize('cpu_load.1m'), 'cpu load 1m');
});
