import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { RemotePeer } from '../core/peer.js';
import { motionOf, orientationOf } from '../core/motion.js';
import { PhonePeer } from '../core/phone.js';
import { StreamPump } from '../core/phone-streams.js';
import { Signaling } from '../core/signaling.js';
import { FakeClock, fakePeerConnection, fakeWebSocket, OFFER, record, settle } from './fakes.mjs';

const HELLO = { role: 'desktop', sessionId: 's1', token: 't1' };
const READY = {
  type: 'ready',
  role: 'desktop',
  peerId: 'me',
  peers: [{ peer: 'phone', peerId: 'host1' }],
  iceServers: [{ urls: ['stun:x'] }],
};

function make(hello = HELLO) {
  const WebSocket = fakeWebSocket();
  const clock = new FakeClock();
  const s = new Signaling({
    url: 'ws://server/ws',
    protocols: () => ['testbed', 'testbed.bearer.x'],
    WebSocket,
    hello,
    clock,
    backoff: new Backoff({ firstMs: 100, jitter: 0 }),
  });
  return { s, WebSocket, clock, said: record(s, 'state', 'ready', 'message', 'peer', 'problem', 'binary') };
}
function ready(o = make()) {
  o.s.start();
  assert.deepEqual(o.WebSocket.last.protocols, ['testbed', 'testbed.bearer.x']); // no log has these
  o.WebSocket.last.open();
  o.WebSocket.last.text(READY);
  return o;
}

test('hello first, then ready with peers and ICE servers', () => {
  const { s, WebSocket, said } = make();
  s.start();
  assert.equal(s.send({ type: 'ping' }), false, 'not before it is open');
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.json, [{ type: 'hello', ...HELLO }]);
  WebSocket.last.text(READY);
  assert.equal(s.state, 'ready');
  assert.equal(s.peerWithRole('phone'), 'host1');
  assert.deepEqual(s.iceServers, READY.iceServers);
  assert.deepEqual(
    said.filter(([n]) => n === 'state').map(([, v]) => v),
    ['connecting', 'ready'],
  );
});

test('dialled early: the hello waits for start(), also of a connection that opens later or ended meanwhile', () => {
  for (const openFirst of [true, false]) {
    const { s, WebSocket, said } = make();
    s.dial();
    const early = WebSocket.last;
    if (openFirst) early.open();
    assert.deepEqual(early.json, []);
    s.start();
    if (!openFirst) early.open();
    assert.equal(WebSocket.last, early, 'one connection');
    assert.deepEqual(early.json, [{ type: 'hello', ...HELLO }]);
    early.text(READY);
    assert.equal(s.state, 'ready');
    assert.deepEqual(
      said.filter(([n]) => n === 'problem'),
      [],
    );
  }
  const { s, WebSocket, said } = make();
  s.dial();
  const late = WebSocket.last;
  late.open();
  late.text({ type: 'error', message: 'Expected hello message' });
  late.close();
  assert.deepEqual(said, [], 'nobody has begun');
  s.start();
  assert.notEqual(WebSocket.last, late);
  WebSocket.last.open();
  WebSocket.last.text(READY);
  assert.equal(s.state, 'ready');
});

test('presence, relayed messages, binary, and what is not understood', () => {
  const { s, WebSocket, said } = ready();
  const w = WebSocket.last;
  w.text({ type: 'peer-disconnected', peer: 'phone', peerId: 'host1' });
  assert.equal(s.peerWithRole('phone'), null);
  w.text({ type: 'peer-connected', peer: 'phone', peerId: 'host2' });
  assert.equal(s.peerWithRole('phone'), 'host2');
  w.text({ type: 'answer', sdp: 'x', from: 'host2' });
  w.text({ type: 'ice-candidate', data: { candidate: 'c', sdpMLineIndex: 0 }, from: 'host2' });
  w.bytes([1, 0xff, 0xd8]);
  w.text('{"type":');
  w.text({ type: 'teleport' });
  assert.deepEqual(
    said.filter(([n]) => n === 'message').map(([, , kind]) => kind),
    ['answer', 'ice-candidate'],
  );
  assert.deepEqual(
    said.filter(([n]) => n === 'binary').map(([, b]) => [...b]),
    [[1, 0xff, 0xd8]],
  );
  assert.deepEqual(said.filter(([n]) => n === 'problem').length, 2);
  assert.equal(s.state, 'ready', 'nothing of it ends the connection');
});

test('a lost connection comes back, with growing pauses', async () => {
  const { s, WebSocket, clock } = ready();
  WebSocket.last.lose();
  assert.equal(s.state, 'waiting');
  assert.equal(s.peers.size, 0);
  await clock.advance(100);
  WebSocket.last.lose();
  await clock.advance(100);
  assert.equal(WebSocket.made.length, 2, 'the second pause is longer');
  await clock.advance(70);
  assert.equal(WebSocket.made.length, 3);
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.json, [{ type: 'hello', ...HELLO, peerId: 'me' }], 'as whom it was');
  WebSocket.last.text(READY);
  assert.equal(s.state, 'ready');
});

for (const message of [
  'Invalid session or token',
  'Invalid role',
  'Desktop already connected',
  'Phone already connected',
  'Too many observers',
]) {
  test(`“${message}” is final`, async () => {
    const { s, WebSocket, clock, said } = make();
    s.start();
    WebSocket.last.open();
    WebSocket.last.text({ type: 'error', code: 'x', message });
    await clock.advance(120000);
    assert.equal(WebSocket.made.length, 1);
    assert.deepEqual(said.at(-1), ['state', 'refused', message]);
  });
}

test('who was in already waits for its own dead socket to end', async () => {
  const { s, WebSocket, clock } = ready();
  WebSocket.last.lose();
  await clock.advance(100);
  WebSocket.last.open();
  WebSocket.last.text({ type: 'error', code: 'desktop-connected', message: 'Desktop already connected' });
  assert.equal(s.state, 'connecting', 'the server closes; it is not over');
  WebSocket.last.lose();
  assert.equal(s.state, 'waiting');
  await clock.advance(1000);
  assert.equal(WebSocket.made.length, 3);
  WebSocket.last.open();
  WebSocket.last.text(READY);
  assert.equal(s.state, 'ready');
  s.stop();
  s.start();
  WebSocket.last.open();
  WebSocket.last.text({ type: 'error', code: 'desktop-connected', message: 'Desktop already connected' });
  assert.equal(s.state, 'refused', 'a new beginning is a newcomer');
});

for (const message of ['Session ended', 'Session expired', 'Too many observers: somebody who controls came']) {
  test(`“${message}” is the end for who is in, too`, async () => {
    const { s, WebSocket, clock, said } = ready();
    WebSocket.last.text({ type: 'error', code: 'x', message });
    WebSocket.last.lose();
    await clock.advance(120000);
    assert.equal(WebSocket.made.length, 1);
    assert.deepEqual(said.at(-1), ['state', 'refused', message]);
  });
}

test('“Peer not connected” is not', () => {
  const { s, WebSocket, said } = ready();
  WebSocket.last.text({ type: 'error', message: 'Peer not connected' });
  assert.equal(s.state, 'ready');
  assert.deepEqual(said.at(-1), ['problem', 'Peer not connected']);
});

test('a silent server is noticed by ping', async () => {
  const { s, WebSocket, clock } = ready();
  await clock.advance(20000);
  assert.equal(WebSocket.last.json.at(-1).type, 'ping');
  WebSocket.last.text({ type: 'pong' });
  await clock.advance(20000);
  assert.equal(s.state, 'ready');
  await clock.advance(10000);
  assert.equal(s.state, 'waiting');
  const first = WebSocket.made[0];
  assert.equal(first.closed, 1000);
});

test('no ready in time is a lost connection', async () => {
  const { s, WebSocket, clock } = make();
  s.start();
  WebSocket.last.open();
  await clock.advance(10000);
  assert.equal(s.state, 'waiting');
});

test('stop says bye and leaves nothing behind', async () => {
  const { s, WebSocket, clock } = ready();
  s.stop();
  assert.equal(WebSocket.last.json.at(-1).type, 'bye');
  assert.equal(clock.pending, 0);
  await clock.advance(60000);
  assert.equal(WebSocket.made.length, 1);
});

// ---- the observer's peer connection ----

function observer() {
  const o = ready();
  const RTCPeerConnection = fakePeerConnection();
  const peer = new RemotePeer({ signaling: o.s, to: 'host1', RTCPeerConnection, clock: o.clock });
  return { ...o, peer, pc: RTCPeerConnection.last, told: record(peer, 'state', 'control') };
}

test('the browser offers to the producer, by name', async () => {
  const { peer, pc, WebSocket } = observer();
  await peer.start();
  assert.deepEqual(pc.config.iceServers, READY.iceServers);
  assert.deepEqual(WebSocket.last.json.at(-1), { type: 'offer', sdp: OFFER, attempt: 1, to: 'host1' });
  pc.candidate('candidate:1');
  pc.candidate(null);
  assert.deepEqual(WebSocket.last.json.slice(-2), [
    { type: 'ice', candidate: 'candidate:1', sdpMid: '0', sdpMLineIndex: 0, attempt: 1, to: 'host1' },
    { type: 'ice', candidate: '', sdpMid: null, sdpMLineIndex: null, attempt: 1, to: 'host1' },
  ]);
});

test('the server is restarted under a connection: it goes on, we say who we were, and the producer has another id', async () => {
  const { s, peer, pc, WebSocket, clock, told } = observer();
  await peer.start();
  WebSocket.last.text({ type: 'answer', sdp: 'v=0', from: 'host1' });
  pc.become('connected');
  await settle();
  WebSocket.last.close();
  assert.equal(s.state, 'waiting');
  await clock.advance(30000); // an attempt, and nobody there for longer than a connection may take
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.json, [{ type: 'hello', ...HELLO, peerId: 'me' }]);
  WebSocket.last.text({ ...READY, peers: [] }); // its host is not back yet
  WebSocket.last.text({ type: 'peer-connected', peer: 'phone', peerId: 'host2' });
  assert.deepEqual(
    told.filter(([n]) => n === 'state').map(([, state]) => state),
    ['connecting', 'connected'],
  );
  assert.equal(pc.closed, false);
  assert.ok(!WebSocket.last.json.some((m) => m.type === 'offer'), 'no new offer');
  WebSocket.last.text({ type: 'bye', reason: 'device removed', from: 'host2' });
  assert.equal(peer.state, 'closed');
});

test('the producer was started anew: who does not answer by data channel is given up within seconds', async () => {
  for (const [answers, id] of [
    [true, 'host1'],
    [false, 'host1'],
    [false, 'host2'],
  ]) {
    const o = ready();
    const RTCPeerConnection = fakePeerConnection();
    const peer = new RemotePeer({ signaling: o.s, to: 'host1', asks: true, RTCPeerConnection, clock: o.clock });
    const pc = RTCPeerConnection.last;
    await peer.start();
    o.WebSocket.last.text({ type: 'answer', sdp: 'v=0', from: 'host1' });
    pc.become('connected');
    const [control] = pc.channels;
    control.readyState = 'open';
    o.WebSocket.last.text({ type: 'peer-disconnected', peer: 'phone', peerId: 'host1' });
    o.WebSocket.last.text({ type: 'peer-connected', peer: 'phone', peerId: id });
    o.WebSocket.last.text({ type: 'peer-connected', peer: 'desktop', peerId: 'another' });
    assert.deepEqual(control.sent, ['{"type":"ping"}']);
    if (answers) control.fire('message', { data: '{"type":"pong"}' });
    await o.clock.advance(2500);
    assert.equal(pc.closed, !answers);
    peer.stop();
  }
});

test('candidates may come before the answer; those of others are not ours', async () => {
  const { peer, pc, WebSocket } = observer();
  await peer.start();
  WebSocket.last.text({ type: 'ice', candidate: 'early', sdpMid: '0', sdpMLineIndex: 0, from: 'host1' });
  WebSocket.last.text({ type: 'ice', candidate: 'foreign', sdpMid: '0', sdpMLineIndex: 0, from: 'host9' });
  await settle();
  assert.deepEqual(pc.candidates, []);
  WebSocket.last.text({ type: 'answer', sdp: 'v=0', from: 'host1' });
  await settle();
  WebSocket.last.text({ type: 'ice-candidate', data: { candidate: 'late', sdpMLineIndex: 0 }, from: 'host1' });
  await settle();
  assert.deepEqual(
    pc.candidates.map((c) => c.candidate),
    ['early', 'late'],
  );
});

test('a bye, a bad answer, or no connection in time fails with its reason', async () => {
  for (const [act, reason] of [
    [(o) => o.WebSocket.last.text({ type: 'bye', reason: 'device removed', from: 'host1' }), /device removed/],
    [(o) => o.WebSocket.last.text({ type: 'answer', sdp: 'broken', from: 'host1' }), /bad SDP/],
    [(o) => o.clock.advance(12000), /UDP may be blocked/],
    [(o) => o.pc.become('failed'), /ICE/],
  ]) {
    const o = observer();
    await o.peer.start();
    await act(o);
    await settle();
    const [, state, error] = o.told.filter(([n]) => n === 'state').at(-1);
    assert.equal(state, 'failed');
    assert.match(error.message, reason);
    assert.ok(o.pc.closed);
  }
});

// ---- the phone ----

function phone() {
  const o = make({ ...HELLO, role: 'phone' });
  const RTCPeerConnection = fakePeerConnection();
  const peer = new PhonePeer({ signaling: o.s, RTCPeerConnection });
  o.s.start();
  o.WebSocket.last.open();
  o.WebSocket.last.text({ type: 'ready', role: 'phone', peerId: 'p', peers: [{ peer: 'desktop', peerId: 'd' }] });
  return { ...o, peer, RTC: RTCPeerConnection };
}

test('a phone answers, and streams by the data channel; by the relay without one', async () => {
  const { peer, WebSocket, RTC } = phone();
  assert.equal(peer.path, 'relay');
  WebSocket.last.text({ type: 'ice', candidate: 'early', sdpMid: '0', sdpMLineIndex: 0 });
  WebSocket.last.text({ type: 'offer', sdp: OFFER, from: 'd' });
  await settle();
  assert.deepEqual(WebSocket.last.json.at(-1), { type: 'answer', sdp: 'v=0 answer', to: 'd' });
  const channel = Object.assign(RTC.last.createDataChannel('sensor'), { readyState: 'open' });
  RTC.last.fire('datachannel', { channel });
  assert.equal(peer.path, 'data channel');
  assert.ok(peer.send({ type: 'sensor', t: 1, seq: 1, gyro: { x: 0, y: 0, z: 0 } }));
  assert.equal(channel.sent.length, 1);
  channel.bufferedAmount = 513; // packets were lost, and it waits for its timer
  assert.ok(peer.send({ type: 'sensor', t: 1, seq: 2, gyro: { x: 0, y: 0, z: 0 } }));
  assert.equal(channel.sent.length, 1);
  assert.equal(WebSocket.last.json.at(-1).seq, 2, 'the server carries the newest meanwhile');
  WebSocket.last.bufferedAmount = 513;
  assert.equal(
    peer.send({ type: 'sensor', t: 1, seq: 3, gyro: { x: 0, y: 0, z: 0 } }),
    false,
    'where both stand it is dropped, never queued',
  );
  WebSocket.last.bufferedAmount = 0;
  channel.bufferedAmount = 0;
  assert.ok(peer.send({ type: 'sensor', t: 1, seq: 3, gyro: { x: 0, y: 0, z: 0 } }));
  assert.equal(channel.sent.length, 2);
  channel.readyState = 'closed';
  channel.fire('close');
  assert.equal(peer.path, 'relay');
  assert.ok(peer.send({ type: 'sensor', t: 1, seq: 3, gyro: { x: 0, y: 0, z: 0 } }));
  assert.equal(WebSocket.last.json.at(-1).seq, 3);
  WebSocket.last.text({ type: 'peer-disconnected', peer: 'desktop', peerId: 'd' });
  assert.equal(peer.path, 'none');
  assert.ok(RTC.last.closed);
});

test('readings go out at the rate of their path, the newest only, with seq and t', async () => {
  const { peer, WebSocket, RTC, clock } = phone();
  WebSocket.last.text({ type: 'offer', sdp: OFFER, from: 'd' });
  await settle();
  const pump = new StreamPump({ peer, clock });
  pump.start();
  for (let i = 0; i < 100; i++) {
    pump.motion({ orientation: { alpha: i, beta: 0, gamma: 0 } });
    await clock.advance(10);
  }
  pump.stop();
  const sent = WebSocket.last.json.filter((m) => m.type === 'sensor');
  assert.ok(sent.length >= 15 && sent.length <= 20, `${sent.length} in a second by the relay`);
  assert.deepEqual(
    sent.map((m) => m.seq),
    sent.map((_, i) => i + 1),
  );
  assert.ok(sent.every((m, i) => i === 0 || m.t > sent[i - 1].t));
  const n = sent.length;
  pump.start();
  await clock.advance(1000);
  pump.stop();
  assert.ok(WebSocket.last.json.filter((m) => m.type === 'sensor').length <= n + 1, 'nothing new, nothing sent');

  const channel = Object.assign(RTC.last.createDataChannel('sensor'), { readyState: 'open' });
  RTC.last.fire('datachannel', { channel });
  pump.start();
  for (let i = 0; i < 200; i++) {
    pump.motion({ orientation: { alpha: i, beta: 0, gamma: 0 } });
    await clock.advance(5);
  }
  pump.stop();
  const { length } = channel.sent;
  assert.ok(length >= 30 && length <= 60, `${length} in a second by data channel, of 200 readings`);
});

test('events of the sensors become readings; empty ones none', () => {
  assert.deepEqual(orientationOf({ alpha: 1.23456, beta: 2, gamma: null }), {
    orientation: { alpha: 1.2346, beta: 2, gamma: 0 },
  });
  assert.equal(orientationOf({ alpha: null, beta: null, gamma: null }), null);
  assert.deepEqual(
    motionOf({
      rotationRate: { alpha: 180, beta: 90, gamma: 0 },
      accelerationIncludingGravity: { x: 0, y: 0, z: 9.81 },
    }),
    { gyro: { x: 3.1416, y: 1.5708, z: 0 }, accel: { x: 0, y: 0, z: 9.81 } },
  );
  assert.equal(motionOf({ rotationRate: null, acceleration: { x: null, y: null, z: null } }), null);
});

test('TURN credentials that come later are those of the next connection', () => {
  const { s, WebSocket } = ready();
  const told = record(s, 'renewed');
  const iceServers = [{ urls: ['turn:x'], username: '2:me', credential: 'c' }];
  WebSocket.last.text({ type: 'ice-servers', iceServers });
  assert.deepEqual(s.iceServers, iceServers);
  assert.deepEqual(told, [['renewed', iceServers]]);
});

test('attempts have numbers: each hears of its own, and says goodbye to no other', async () => {
  const { s, WebSocket } = ready();
  const RTCPeerConnection = fakePeerConnection();
  const [first, second] = [1, 2].map(() => new RemotePeer({ signaling: s, to: 'host1', RTCPeerConnection }));
  await first.start();
  await second.start();
  const said = () => WebSocket.last.json.filter((m) => m.type !== 'hello');
  assert.deepEqual(
    said().map((m) => [m.type, m.attempt]),
    [
      ['offer', 1],
      ['offer', 2],
    ],
  );
  WebSocket.last.text({ type: 'answer', sdp: OFFER, attempt: 2, from: 'host1' });
  await settle();
  assert.equal(first._answered, false);
  assert.equal(second._answered, true);
  WebSocket.last.text({ type: 'bye', attempt: 1, reason: 'none', from: 'host1' });
  assert.equal(first._stopped, true);
  assert.equal(second._stopped, false);
  assert.equal(said().length, 2, 'who had no answer is known by no number');
  second.stop();
  assert.deepEqual(said().at(-1), { type: 'bye', to: 'host1', attempt: 2 });
});

test('a producer that knows no numbers: its answer counts, and no goodbye is sent that would end what it has', async () => {
  const { s, WebSocket } = ready();
  const RTCPeerConnection = fakePeerConnection();
  const peer = new RemotePeer({ signaling: s, to: 'host1', RTCPeerConnection });
  await peer.start();
  WebSocket.last.text({ type: 'answer', sdp: OFFER, from: 'host1' });
  await settle();
  assert.equal(peer._answered, true);
  peer.stop();
  assert.ok(!WebSocket.last.json.some((m) => m.type === 'bye'));
});
