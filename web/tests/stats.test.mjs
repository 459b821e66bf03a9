import assert from 'node:assert/strict';
import { test } from 'node:test';

import { captureLatency, clockOffset, figuresOf, gradeOf, pathOf } from '../core/stats.js';

const NTP = 2208988800000;
const NOW = 1_700_000_000_000;
const report = (inbound, extra = []) =>
  new Map([
    ['in', { id: 'in', type: 'inbound-rtp', kind: 'video', ssrc: 7, codecId: 'c', ...inbound }],
    ['c', { id: 'c', type: 'codec', mimeType: 'video/H264', sdpFmtpLine: 'packetization-mode=1' }],
    ['t', { id: 't', type: 'transport', selectedCandidatePairId: 'p' }],
    [
      'p',
      { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: 0.004 },
    ],
    ['l', { id: 'l', type: 'local-candidate', candidateType: 'host', protocol: 'udp' }],
    ['r', { id: 'r', type: 'remote-candidate', candidateType: 'host', address: '192.0.2.1', port: 5000 }],
    ...extra,
  ]);

test('rates come from two reports', () => {
  const a = figuresOf(
    report({
      timestamp: 1000,
      bytesReceived: 1000,
      packetsReceived: 10,
      packetsLost: 0,
      framesDecoded: 10,
      jitterBufferDelay: 0,
      jitterBufferEmittedCount: 0,
      totalDecodeTime: 0,
    }),
    null,
    { now: NOW },
  );
  assert.equal(a.kbps, null, 'one report tells no rate');
  const b = figuresOf(
    report({
      timestamp: 2000,
      bytesReceived: 251000,
      packetsReceived: 189,
      packetsLost: 1,
      framesDecoded: 40,
      jitterBufferDelay: 0.3,
      jitterBufferEmittedCount: 30,
      totalDecodeTime: 0.06,
      frameWidth: 1280,
      frameHeight: 720,
    }),
    a,
    { now: NOW + 1000 },
  );
  assert.equal(b.kbps, 2000);
  assert.equal(b.fps, 30);
  assert.equal(b.lossPct.toFixed(3), (100 / 180).toFixed(3));
  assert.equal(b.jitterMs, 10);
  assert.equal(b.decodeMs, 2);
  assert.deepEqual([b.codec, b.width, b.height, b.path, b.protocol, b.rttMs], ['H264', 1280, 720, 'direct', 'udp', 4]);
  assert.deepEqual([b.latencyMs, b.latencySource], [14, 'estimated'], 'half a round trip, the buffer, the decoder');
});

test('a new stream (other ssrc) does not make negative rates', () => {
  const a = figuresOf(report({ timestamp: 1000, bytesReceived: 9e6 }), null, { now: NOW });
  const b = figuresOf(report({ timestamp: 2000, bytesReceived: 10, ssrc: 8 }), a, { now: NOW + 1000 });
  assert.equal(b.kbps, null);
});

test('packets-lost of -1 is no gain', () => {
  const a = figuresOf(report({ timestamp: 1000, packetsLost: 0, packetsReceived: 0 }), null, { now: NOW });
  const b = figuresOf(report({ timestamp: 2000, packetsLost: -1, packetsReceived: 100 }), a, { now: NOW });
  assert.equal(b.lossPct, 0);
});

test('measured latency: from capture to the track', () => {
  const source = { captureTimestamp: NOW - 18 + NTP, timestamp: 5000 };
  assert.equal(
    captureLatency([source], { now: NOW + 9, timeOrigin: NOW - 5000 }),
    18,
    'delivery time, not the time of asking',
  );
  assert.equal(captureLatency([{ captureTimestamp: NOW - 18 + NTP }], { now: NOW }), 18);
  assert.equal(
    captureLatency([{ captureTimestamp: NOW - 2018 + NTP }], { now: NOW, clockOffsetMs: 2000 }),
    18,
    'a sender whose clock is behind',
  );
  assert.equal(
    captureLatency([{ captureTimestamp: NOW + 9000 + NTP }], { now: NOW }),
    null,
    'a clock that is ahead is not believed',
  );
  assert.equal(captureLatency([], { now: NOW }), null);
  assert.equal(captureLatency([{}], { now: NOW }), null);
  const f = figuresOf(report({ timestamp: 1 }), null, {
    now: NOW,
    timeOrigin: 0,
    sources: [{ captureTimestamp: NOW - 18 + NTP }],
  });
  assert.deepEqual([f.latencyMs, f.latencySource], [18, 'measured']);
});

test('clock offset from sender reports; noise is none', () => {
  assert.equal(clockOffset({ timestamp: NOW, remoteTimestamp: NOW - 2000 }, 10), 1995);
  assert.equal(clockOffset({ timestamp: NOW, remoteTimestamp: NOW - 30 }, 10), 0);
  assert.equal(clockOffset(null, 10), 0);
});

test('the path in words, relays included', () => {
  const relay = report({}, [['r', { id: 'r', type: 'remote-candidate', candidateType: 'relay' }]]);
  assert.equal(pathOf(relay).path, 'relayed (TURN)');
  assert.equal(pathOf(new Map()).path, null);
  const old = new Map([
    ['p', { type: 'candidate-pair', nominated: true, state: 'succeeded', localCandidateId: 'l' }],
    ['l', { candidateType: 'srflx' }],
  ]);
  assert.equal(pathOf(old).path, 'direct, through NAT');
});

test('grades', () => {
  const f = { fps: 30, kbps: 900, lossPct: 0, latencyMs: 20 };
  assert.equal(gradeOf(f), 'good');
  assert.equal(gradeOf({ ...f, lossPct: 3 }), 'fair');
  assert.equal(gradeOf({ ...f, latencyMs: 501 }), 'bad');
  assert.equal(gradeOf({ ...f, fps: 0 }), 'bad', 'bytes but no frames');
  assert.equal(gradeOf({ ...f, fps: 0, kbps: 0 }), 'good', 'a picture that does not change');
  assert.equal(gradeOf(null), 'unknown');
});
