// Calls without a browser: the socket that comes back, what is given up of a poor line, who speaks, and the negotiation
// of two who offer at once, lose their way, and find it again.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Call } from '../core/call.js';
import { CallLine } from '../core/call-line.js';
import { CallPeer } from '../core/call-peer.js';
import { Fallback, measured, reportOf, Speaker, troubleOf } from '../core/call-quality.js';
import { FakeClock, fakeWebSocket, settle } from './fakes.mjs';

const lineWith = () => {
  const clock = new FakeClock();
  const WebSocket = fakeWebSocket();
  const line = new CallLine({ url: 'ws://x/ws', WebSocket, clock, hello: () => ({ userId: 'anna' }) });
  const states = [];
  line.on('state', (state) => states.push(state));
  line.start();
  return { clock, WebSocket, line, states };
};
const welcome = (socket) => {
  socket.open();
  socket.text({ event: 'authenticated', data: { userId: 'anna' } });
};

test('the socket says who one is, comes back when it is lost, and not when nobody is known by it', async () => {
  const { clock, WebSocket, line, states } = lineWith();
  welcome(WebSocket.last);
  assert.deepEqual(WebSocket.last.json[0], { event: 'authenticate', data: { userId: 'anna' } });
  assert.equal(line.state, 'open');
  WebSocket.last.lose();
  await clock.advance(20000);
  assert.equal(WebSocket.made.length, 2);
  // silent: it is asked, and given up
  welcome(WebSocket.last);
  await clock.advance(5000);
  assert.equal(WebSocket.last.json.at(-1).event, 'ping');
  await clock.advance(30000);
  assert.ok(WebSocket.made.length >= 3);
  WebSocket.last.open();
  WebSocket.last.text('no JSON');
  WebSocket.last.text({
    event: 'error',
    data: { event: 'authenticate', status: 401, message: 'Invalid or expired token' },
  });
  const sockets = WebSocket.made.length;
  await clock.advance(60000);
  assert.equal(WebSocket.made.length, sockets);
  assert.equal(states.at(-1), 'refused');
});

const stats = (t, { received, lost, rtt = 0.02, out = 1e6, bytes = 0 }) =>
  new Map(
    [
      {
        id: 'v',
        type: 'inbound-rtp',
        kind: 'video',
        timestamp: t,
        packetsReceived: received,
        packetsLost: lost,
        jitter: 0.004,
        bytesReceived: bytes,
        frameWidth: 640,
        frameHeight: 480,
      },
      {
        id: 'p',
        type: 'candidate-pair',
        nominated: true,
        state: 'succeeded',
        currentRoundTripTime: rtt,
        availableOutgoingBitrate: out,
        localCandidateId: 'l',
      },
      { id: 'l', type: 'local-candidate', candidateType: 'relay' },
    ].map((s) => [s.id, s]),
  );

test('what is measured is of the time between, the worst line counts, and is said in words', () => {
  const before = measured(stats(1000, { received: 100, lost: 50 }), null);
  assert.equal(before.packetLoss, 0);
  const now = measured(stats(3000, { received: 180, lost: 70, rtt: 0.4, bytes: 25000 }), before);
  assert.deepEqual([now.packetLoss, now.latency, now.way, Math.round(now.receiving)], [20, 400, 'relay', 100]);
  const report = reportOf([now, { latency: 30, packetLoss: 0, bandwidth: 200 }]);
  assert.deepEqual(report, { latency: 400, packetLoss: 20, jitter: 4, bandwidth: 200, videoResolution: '640x480' });
  assert.equal(troubleOf(report), '20 % is lost on the way, 400 ms there and back');
  assert.equal(troubleOf({ latency: 300, packetLoss: 10 }), '', 'at the limit nothing is said');
  assert.deepEqual(reportOf([]), {});
});

test('of a poor line first the picture is given up, then the direct way; it comes back when it is good for a while', () => {
  const fallback = new Fallback();
  const looks = (report, n) => Array.from({ length: n }, () => fallback.look(report)).filter(Boolean);
  const bad = { latency: 501, packetLoss: 0, bandwidth: 2000 };
  assert.deepEqual(looks({ latency: 500, packetLoss: 20, bandwidth: 300 }, 9), [], 'at the limit nothing is given up');
  assert.deepEqual(looks(bad, 2), []);
  assert.deepEqual(looks({ latency: 10, packetLoss: 0 }, 1), [], 'one good look begins anew');
  assert.deepEqual(looks(bad, 9), ['video-off', 'relay']);
  assert.deepEqual(looks({ latency: 10, packetLoss: 0, bandwidth: 20 }, 7), []);
  assert.deepEqual(looks({ latency: 10, packetLoss: 0, bandwidth: 20 }, 1), ['video-on']);
});

test('who speaks: the loudest, who keeps it through a pause; nobody when it is quiet', () => {
  const speaker = new Speaker();
  assert.equal(speaker.look({ a: 0.01, b: 0 }, 0), null);
  assert.equal(speaker.look({ a: 0.1, b: 0.05 }, 100), 'a');
  assert.equal(speaker.look({ a: 0, b: 0.5 }, 600), 'a');
  assert.equal(speaker.look({ a: 0, b: 0.5 }, 1400), 'b');
  assert.equal(speaker.look({ a: 0, b: 0 }, 9000), null);
});

/** As much of a connection as the negotiation sees. */
class Pc extends EventTarget {
  constructor(config) {
    super();
    Object.assign(this, {
      config,
      signalingState: 'stable',
      connectionState: 'new',
      restarts: 0,
      transceivers: [],
      closed: false,
    });
    Pc.made.push(this);
  }
  addTransceiver(track) {
    const kind = track.kind ?? track;
    const sender = {
      track: track.kind ? track : null,
      replaceTrack: async (t) => (sender.track = t),
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async (p) => (this.bound = p.encodings[0]),
    };
    this.transceivers.push({ sender, receiver: { track: { kind } }, direction: 'sendrecv' });
    if (this.transceivers.length === 2) queueMicrotask(() => this.dispatchEvent(new Event('negotiationneeded')));
  }
  getTransceivers = () => this.transceivers;
  getReceivers = () => [];
  getStats = async () => new Map();
  restartIce() {
    this.restarts += 1;
    this.dispatchEvent(new Event('negotiationneeded'));
  }
  async setLocalDescription() {
    const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
    this.localDescription = { type, sdp: `${type} ${this.restarts}` };
    this.signalingState = type === 'answer' ? 'stable' : 'have-local-offer';
  }
  async setRemoteDescription({ type, sdp }) {
    this.remoteDescription = { type, sdp };
    this.signalingState = type === 'answer' ? 'stable' : 'have-remote-offer';
    if (type === 'offer' && !this.transceivers.length) for (const kind of ['audio', 'video']) this.addTransceiver(kind);
  }
  async addIceCandidate() {}
  to(state) {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
  close() {
    this.closed = true;
  }
}
Pc.made = [];
class Stream {
  addTrack() {}
}
const tracks = { audio: { kind: 'audio' }, video: { kind: 'video' } };
const peer = (more, clock = new FakeClock()) => {
  const sent = [];
  const p = new CallPeer({
    RTCPeerConnection: Pc,
    MediaStream: Stream,
    iceServers: [],
    tracks,
    clock,
    polite: true,
    send: (type, payload) => sent.push({ type, ...payload }),
    ...more,
  });
  return { p, sent, clock, pc: Pc.made.at(-1) };
};

test('two who offer at once: who is polite gives way, the other one goes on with his own', async () => {
  const polite = peer({ polite: true });
  const other = peer({ polite: false });
  await settle();
  assert.deepEqual([polite.sent[0].type, other.sent[0].type], ['offer', 'offer']);
  await other.p.hear('offer', polite.sent[0]);
  assert.equal(other.sent.length, 1, 'he ignores it');
  await other.p.hear('ice-candidate', { candidate: {} });
  await polite.p.hear('offer', other.sent[0]);
  assert.equal(polite.sent.at(-1).type, 'answer');
  await other.p.hear('answer', polite.sent.at(-1));
  assert.equal(other.pc.signalingState, 'stable');
});

test('a way that is lost: three tries by an ICE restart, then it has failed; one that stands begins anew', async () => {
  const { p, pc, clock, sent } = peer({});
  await settle();
  await p.hear('answer', { sdp: 'x' });
  const states = [];
  p.on('state', (state) => states.push(state));
  pc.to('connected');
  pc.to('disconnected');
  await clock.advance(2900);
  assert.equal(pc.restarts, 0, 'it may come back by itself');
  await clock.advance(200);
  assert.equal(pc.restarts, 1);
  await p.hear('answer', { sdp: 'y' });
  pc.to('connected');
  assert.deepEqual(states, ['connected', 'reconnecting', 'connected']);
  pc.to('failed');
  await clock.advance(60000);
  assert.equal(pc.restarts, 4);
  assert.equal(p.state, 'failed');
  assert.ok(sent.filter((m) => m.type === 'offer').length >= 4, 'an offer that was lost is made again');
  p.setLow(true);
  assert.equal(pc.bound.maxBitrate, 150000);
  p.close();
  assert.ok(pc.closed);
});

test('a call: who comes in offers, who is there answers; a socket that comes back keeps what stands; the end', async () => {
  const { WebSocket, line, clock } = lineWith();
  const call = new Call({ line, callId: 'c', RTCPeerConnection: Pc, MediaStream: Stream, clock });
  call.join({ name: 'Anna', tracks });
  welcome(WebSocket.last);
  assert.deepEqual(WebSocket.last.json.at(-1), {
    event: 'join-call',
    data: { callId: 'c', videoEnabled: true, audioEnabled: true, name: 'Anna' },
  });
  const who = (userId, more = {}) => ({ userId, name: userId, status: 'connected', ...more });
  const room = {
    callId: 'c',
    participants: [who('anna'), who('bert'), who('carl', { status: 'disconnected' })],
    iceServers: [{ urls: 'turn:t' }],
    chat: [],
    devices: [],
  };
  const says = (event, data) => WebSocket.last.text({ event, data: { callId: 'c', ...data } });
  says('room-participants', room);
  await settle();
  assert.deepEqual([...call.peers.keys()], ['bert']);
  const offer = WebSocket.last.json.find((m) => m.event === 'signal').data;
  assert.deepEqual([offer.type, offer.targetUserId], ['offer', 'bert']);
  says('signal', { type: 'answer', fromUserId: 'bert', payload: { sdp: 'a', link: 'of another page' } });
  says('signal', { type: 'answer', fromUserId: 'bert', payload: { sdp: 'a', link: offer.payload.link } });
  await settle();
  const pc = Pc.made.at(-1);
  assert.equal(pc.remoteDescription.type, 'answer');
  pc.to('connected');
  // one who comes offers himself
  says('participant-joined', { userId: 'dora', participant: who('dora') });
  assert.equal(call.peers.has('dora'), false);
  says('signal', { type: 'offer', fromUserId: 'dora', payload: { sdp: 'o', link: 'l' } });
  await settle();
  assert.deepEqual(WebSocket.last.json.filter((m) => m.event === 'signal').at(-1).data.type, 'answer');
  says('request-quality-stats', {});

  WebSocket.last.lose();
  await clock.advance(20000);
  welcome(WebSocket.last);
  assert.equal(WebSocket.last.json.at(-1).event, 'reconnect-call');
  says('room-participants', { ...room, participants: [who('anna'), who('bert')] });
  assert.deepEqual([...call.peers.keys()], ['bert']);
  assert.equal(call.peers.get('bert').pc, pc, 'what stands goes on');
  // no way at all: by the relay, once
  pc.to('failed');
  await clock.advance(60000);
  assert.equal(call.peers.get('bert').pc.config.iceTransportPolicy, 'relay');
  let ended = null;
  call.on('ended', (data) => {
    ended = data;
  });
  says('call-ended', { status: 'ended', reason: 'done' });
  assert.equal(ended.reason, 'done');
  assert.equal(call.peers.size, 0);
});
