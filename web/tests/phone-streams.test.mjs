// What a phone sends and what a desktop makes of it, without a browser: switches, streams, the controller, recordings.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BUTTONS, FINGERS, Pad } from '../core/pad.js';
import { Intake, MAX_ROWS, Recording, valuesOf } from '../core/pairing-streams.js';
import { Battery, Light, Media, Motion, Place } from '../server/phone-sources.js';
import { StreamPump } from '../core/phone-streams.js';
import { check } from '../core/proto.js';
import { FakeClock, settle } from './fakes.mjs';

/** A peer that keeps what it is given; `full`: it takes nothing. */
function bench({ path = 'data channel' } = {}) {
  const clock = new FakeClock();
  const peer = {
    path,
    full: false,
    sent: [],
    events: [],
    tracks: {},
    send: (m) => !peer.full && peer.sent.push(m) > 0,
    sendEvent: (m) => !peer.full && peer.events.push(m) > 0,
    setTrack: async (kind, track) => (peer.tracks[kind] = track),
  };
  const pump = new StreamPump({ peer, clock });
  return { clock, peer, pump };
}

test('the newest of each stream goes out, the same value once, with a seq of its own and no gap where the path was full', async () => {
  const { clock, peer, pump } = bench();
  pump.start();
  for (let i = 0; i < 50; i++) {
    pump.sample('stick.x', i / 50, { quantity: 'deflection' });
    pump.sample('battery.level', 80, { unit: '%' });
    pump.motion({ gyro: { x: i, y: 0, z: 0 } });
    peer.full = i > 10 && i < 30;
    await clock.advance(10);
  }
  const of = (stream) => peer.sent.filter((m) => (m.stream ?? m.type) === stream);
  assert.equal(of('battery.level').length, 1);
  for (const stream of ['stick.x', 'sensor']) {
    assert.ok(of(stream).length >= 15 && of(stream).length <= 31, `${of(stream).length} of ${stream}`);
    assert.deepEqual(of(stream).map((m) => m.seq), of(stream).map((_, i) => i + 1)); // prettier-ignore
  }
  assert.deepEqual(of('sensor')[0].units, { gyro: 'rad/s' });
  for (const m of peer.sent) check(m);

  // what was switched off is not sent again when somebody else comes; what is on is
  const before = peer.sent.length;
  pump.forget('stick');
  pump.forget('motion');
  pump.again();
  await clock.advance(100);
  assert.deepEqual(
    peer.sent.slice(before).map((m) => m.stream),
    ['battery.level'],
  );
  pump.sample('place.altitude', null, { unit: 'm' });
  await clock.advance(100);
  assert.equal(peer.sent.length, before + 1, 'what is not known is not sent');
  pump.stop();
});

test('fingers: numbered from the lowest that is free, no more than there are places, let go at once', async () => {
  const { clock, peer, pump } = bench();
  const pad = new Pad({ pump });
  pump.start();
  pad.touch('down', 71, 0.1, 0.2, 0.5);
  pad.touch('down', 72, 2, -1, 0.5);
  pad.touch('move', 99, 0.5, 0.5); // hovers: it was never down
  pad.touch('up', 71);
  pad.touch('down', 73, 0.3, 0.3);
  await clock.advance(50);
  assert.deepEqual(
    peer.events.map((m) => [m.event, m.data.n, m.data.finger, m.data.x]),
    [
      ['touch.down', 1, 0, 0.1],
      ['touch.down', 2, 1, 1],
      ['touch.up', 3, 0, 0.1],
      ['touch.down', 4, 0, 0.3],
    ],
  );
  assert.deepEqual(
    peer.sent.at(-1).points.map((p) => p.n),
    [1, 0],
  );
  for (let id = 100; id < 100 + FINGERS + 1; id++) pad.touch('down', id, 0, 0);
  assert.equal(pad.fingers.length, FINGERS);
  pad.letGo();
  assert.equal(pad.fingers.length, 0);
  assert.equal(peer.events.filter((m) => m.event === 'touch.up').length, peer.events.length / 2);
  await clock.advance(50);
  assert.equal(peer.sent.at(-2).value, 0);
  for (const m of [...peer.sent, ...peer.events]) check(m);
  pump.stop();
});

test('a gamepad: sticks with a dead middle and up upwards, each button once, all let go when it is gone', async () => {
  const { clock, peer, pump } = bench();
  const pad = new Pad({ pump });
  pump.start();
  const buttons = BUTTONS.map(() => ({ pressed: false }));
  const gamepad = { connected: true, index: 1, id: 'Pad', axes: [0.05, -1, 1, 1], buttons };
  assert.equal(pad.gamepads([null, gamepad]), 'Pad');
  buttons[0].pressed = true;
  pad.gamepads([null, gamepad]);
  pad.gamepads([null, gamepad]);
  await clock.advance(50);
  const value = (stream) => peer.sent.findLast((m) => m.stream === stream).value;
  assert.deepEqual(['left.x', 'left.y'].map((s) => value(`gamepad.${s}`)), [0, 1]); // prettier-ignore
  assert.ok(Math.abs(Math.hypot(value('gamepad.right.x'), value('gamepad.right.y')) - 1) < 0.01, 'a circle');
  assert.deepEqual(
    peer.events.map((m) => [m.event, m.data.button]),
    [['button.down', 'gamepad.a']],
  );
  assert.equal(pad.gamepads([]), null);
  await clock.advance(50);
  assert.equal(value('gamepad.left.y'), 0);
  assert.deepEqual(peer.events.at(-1).data.button, 'gamepad.a');
  assert.equal(peer.events.at(-1).event, 'button.up');
  pump.stop();
});

test('a button that comes up while there is no way out is told as up when there is one; who comes then learns what is down', () => {
  const { peer, pump } = bench();
  const pad = new Pad({ pump });
  const told = () => peer.events.splice(0).map((m) => [m.event, m.data.button]);
  for (const name of ['a', 'b']) pad.button(name, true);
  told();
  peer.full = true;
  pad.button('a', false);
  pad.button('x', true);
  pad.button('x', false); // nobody is told late that it was down
  pad.retry();
  peer.full = false;
  pad.retry();
  pad.retry();
  assert.deepEqual(told(), [
    ['button.up', 'a'],
    ['button.up', 'x'],
  ]);
  pad.again();
  assert.deepEqual(told(), [['button.down', 'b']]);
});

/** A window with what is given; everything else is missing. */
const browser = (more = {}) => Object.assign(new EventTarget(), { isSecureContext: true, navigator: {}, ...more });

test('each switch says why there is nothing, and what helps; nothing is asked for before it was pressed', async () => {
  const asked = [];
  const denies = (name) => {
    asked.push(name);
    return Promise.reject(Object.assign(new Error('no'), { name: 'NotAllowedError' }));
  };
  class AmbientLightSensor extends EventTarget {
    start() {
      asked.push('light');
      this.dispatchEvent(Object.assign(new Event('error'), { error: { name: 'NotAllowedError' } }));
    }
    stop() {}
  }
  const refusing = browser({
    DeviceMotionEvent: { requestPermission: async () => (asked.push('motion'), 'denied') },
    AmbientLightSensor,
    navigator: {
      geolocation: { watchPosition: (_, no) => (asked.push('place'), no({ code: 1 })), clearWatch() {} },
      mediaDevices: { getUserMedia: (c) => denies(Object.keys(c)[0]) },
    },
  });
  const kinds = [
    [Motion, {}, 'motion'],
    [Place, {}, 'place'],
    [Light, {}, 'light'],
    [Media, { kind: 'video' }, 'video'],
    [Media, { kind: 'audio' }, 'audio'],
  ];
  for (const [Kind, more, name] of kinds) {
    const { peer, pump, clock } = bench();
    const source = new Kind({ window: refusing, pump, peer, clock, ...more });
    assert.ok(!asked.includes(name));
    await source.start();
    assert.ok(asked.includes(name));
    assert.equal(source.state, 'refused');
    assert.match(source.words, /settings/);

    const bare = new Kind({ window: browser(), pump, peer, clock, ...more });
    await bare.start();
    await clock.advance(5000);
    assert.match(bare.words, /\w+/, `${name}: it says why there is nothing`);
    assert.notEqual(bare.state, 'asking');

    const plain = new Kind({ window: browser({ isSecureContext: false }), pump, peer, clock, ...more });
    await plain.start();
    assert.match(plain.words, /HTTPS/);
  }
  for (const name of ['NotFoundError', 'OverconstrainedError', 'AbortError', 'NotReadableError']) {
    const { peer, pump, clock } = bench();
    const getUserMedia = () => Promise.reject(Object.assign(new Error(name), { name }));
    const window = browser({ navigator: { mediaDevices: { getUserMedia } } });
    const source = new Media({ window, pump, peer, clock, kind: 'video' });
    await source.start();
    assert.match(source.words, /camera/);
    assert.doesNotMatch(source.words, /Error/);
  }
  const { pump, clock } = bench();
  const battery = new Battery({ window: browser(), pump, clock });
  await battery.start();
  assert.equal(battery.state, 'missing');
});

test('a switch that is turned off stops its source, and what it had goes no further', async () => {
  const { clock, peer, pump } = bench();
  const window = browser();
  const motion = new Motion({ window, pump, clock });
  await motion.start();
  const turn = (alpha) =>
    window.dispatchEvent(Object.assign(new Event('deviceorientation'), { alpha, beta: 0, gamma: 0 }));
  turn(10);
  pump.start();
  await clock.advance(50);
  turn(20);
  motion.stop();
  turn(30);
  await clock.advance(100);
  assert.deepEqual(
    peer.sent.map((m) => m.orientation.alpha),
    [10],
  );
  pump.stop();

  // switched off while the browser still asks: the camera that comes then is closed again
  const tracks = [];
  let allow;
  const track = () => Object.assign(new EventTarget(), { stop: () => tracks.push('stopped') });
  const camera = new Media({
    window: browser({
      navigator: { mediaDevices: { getUserMedia: () => new Promise((yes) => (allow = () => yes(stream(track())))) } },
    }),
    pump,
    peer,
    clock,
    kind: 'video',
  });
  const stream = (t) => ({ getTracks: () => [t] });
  const starts = camera.start();
  await settle();
  camera.stop();
  allow();
  await starts;
  assert.deepEqual(tracks, ['stopped']);
  assert.equal(camera.state, 'off');
  assert.equal(peer.tracks.video, null);

  // off and on again while it asks: two cameras come, and one stays
  const answers = [];
  camera.window.navigator.mediaDevices.getUserMedia = () => new Promise((yes) => answers.push(yes));
  tracks.length = 0;
  const first = camera.start();
  camera.stop();
  const second = camera.start();
  await settle();
  const [early, late] = [track(), track()];
  answers[0](stream(early));
  await first;
  assert.equal(camera.state, 'asking');
  answers[1](stream(late));
  await second;
  assert.deepEqual([camera.state, tracks, peer.tracks.video === late], ['on', ['stopped'], true]);
  // another choice while the browser still asks for the one before counts, too
  const wishes = [];
  camera._wish = () => wishes.push('asked') && true;
  camera.again();
  camera.again();
  assert.equal(wishes.length, 2);
  camera.stop();
  peer.sent.length = 0;

  const asks = [];
  const phone = browser({ DeviceMotionEvent: { requestPermission: () => new Promise((yes) => asks.push(yes)) } });
  const again = new Motion({ window: phone, pump, clock });
  const both = [again.start(), again.stop(), again.start()];
  for (const yes of asks) yes('granted');
  await Promise.all(both);
  again.stop();
  pump.start();
  phone.dispatchEvent(Object.assign(new Event('deviceorientation'), { alpha: 9, beta: 0, gamma: 0 }));
  await clock.advance(50);
  assert.ok(!peer.sent.some((m) => m.orientation), 'nothing is heard any more');
  pump.stop();
});

test('what is taken away while it is on is told as such', async () => {
  const { clock, pump } = bench();
  let deny;
  const geolocation = {
    watchPosition: (yes, no) => ((deny = no), yes({ coords: { latitude: 1, longitude: 2, accuracy: 3 } }), 7),
    clearWatch: () => {},
  };
  const place = new Place({ window: browser({ navigator: { geolocation } }), pump, clock });
  await place.start();
  assert.equal(place.state, 'on');
  deny({ code: 1 });
  assert.deepEqual([place.state, /not allowed/.test(place.words)], ['refused', true]);

  let sensor;
  class AmbientLightSensor extends EventTarget {
    start() {
      sensor = this;
      this.dispatchEvent(new Event('activate'));
    }
    stop() {}
  }
  const light = new Light({ window: browser({ AmbientLightSensor }), pump, clock });
  await light.start();
  assert.equal(light.state, 'on');
  sensor.dispatchEvent(Object.assign(new Event('error'), { error: { name: 'NotReadableError' } }));
  assert.equal(light.state, 'missing');
});

test('the desktop: what is older is dropped, what is missing is counted, and lateness goes by the phone’s own clock', () => {
  const intake = new Intake();
  const at = 1_700_000_000_000;
  const ahead = 5000; // the phone's clock
  intake.clock(at, at + 20, at + 10 + ahead);
  for (const seq of [1, 2, 4, 3, 5])
    intake.take({ type: 'sensor', seq, t: at + ahead + seq, gyro: { x: 0, y: 0, z: 0 } }, at + seq + 30);
  const f = intake.figures(at + 100);
  assert.deepEqual([f.rate, f.lossPct, f.latencyMs], [4, 20, 30]);
  intake.clock(at, at + 900, at + 9000); // a slow answer says less than a quick one
  intake.take({ type: 'sensor', seq: 6, t: at + ahead + 6, gyro: { x: 0, y: 0, z: 0 } }, at + 36);
  assert.equal(intake.figures(at + 100).latencyMs, 30);
  assert.deepEqual(intake.figures(at + 5000), { rate: 0, lossPct: null, latencyMs: null });
  for (const [n, news] of [[1, true], [1, false], [2, true]]) // prettier-ignore
    assert.equal(intake.takeEvent({ event: 'button.down', data: { n } }), news);
});

test('a recording is CSV that any program reads: a row per value, quotes where they are needed, and an end', () => {
  const r = new Recording();
  const t = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  r.add({ type: 'sensor', t, seq: 1, gyro: { x: 1, y: 2, z: 3 } });
  r.add({
    type: 'sample',
    stream: 'touch',
    t,
    seq: 1,
    unit: '1',
    value: 1,
    points: [{ n: 0, x: 0.5, y: 1, pressure: 0 }],
  });
  r.add({ type: 'event', event: 'button.down', t, data: { button: 'a,"b"' } });
  const rows = r.csv().join('').split('\r\n');
  assert.equal(rows[0], 'time,stream,unit,value');
  assert.equal(rows[1], '2026-01-02T03:04:05.006Z,gyro.x,rad/s,1');
  assert.ok(rows.includes('2026-01-02T03:04:05.006Z,touch.0.x,1,0.5'));
  assert.ok(rows.includes('2026-01-02T03:04:05.006Z,button.down,,"{""button"":""a,\\""b\\""""}"'), rows.at(-2));
  assert.deepEqual(valuesOf({ type: 'sample', stream: 'light', unit: 'lx', value: 3 }), [
    { stream: 'light', unit: 'lx', value: 3 },
  ]);
  while (!r.full) r.add({ type: 'sensor', t, seq: 1, gyro: { x: 1, y: 2, z: 3 } });
  assert.equal(r.length, MAX_ROWS);
});
