import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseOffer, sdpFragment, iceServersOf, wantCaptureTime, ABS_CAPTURE_TIME } from '../core/sdp.js';
import { WhepClient } from '../core/whep.js';
import { FakeClock, fakeFetch, fakePeerConnection, OFFER, record, response, settle } from './fakes.mjs';

const URL_ = 'http://bench:6109/staging/host/devices/board/video/whep';
const CREATED = () =>
  response(201, 'v=0 answer', { Location: '/staging/host/devices/board/video/whep/abc', ETag: '"1"' });

function make(answers) {
  const RTCPeerConnection = fakePeerConnection();
  const clock = new FakeClock();
  const fetch = fakeFetch(answers);
  const client = new WhepClient({
    url: URL_,
    fetch,
    RTCPeerConnection,
    clock,
    headers: () => ({ Authorization: 'Bearer t' }),
  });
  return {
    client,
    clock,
    fetch,
    pc: RTCPeerConnection.last,
    said: record(client, 'state', 'track', 'control', 'channel', 'stats', 'log'),
  };
}

test('the browser offers: recvonly video and its two channels; the answer is set; candidates trickle', async () => {
  const { client, clock, fetch, pc } = make([CREATED(), response(204), response(204)]);
  const started = client.start();
  await settle();
  await started;
  assert.deepEqual(
    pc.transceivers.map((t) => [t.kind, t.direction]),
    [['video', 'recvonly']],
  );
  assert.deepEqual(
    pc.channels.map((c) => [c.label, c.options]),
    [
      ['control', { ordered: true }],
      ['sensor', { ordered: false, maxRetransmits: 0 }],
    ],
  );
  const [post] = fetch.calls;
  assert.deepEqual(
    [post.method, post.url, post.headers['Content-Type'], post.headers.Authorization, post.body],
    ['POST', URL_, 'application/sdp', 'Bearer t', OFFER],
  );
  assert.deepEqual(pc.remoteDescription, { type: 'answer', sdp: 'v=0 answer' });

  pc.candidate('candidate:1 1 udp 1 192.0.2.1 5000 typ host');
  pc.candidate('candidate:2 1 udp 1 192.0.2.1 5001 typ host');
  await clock.advance(30);
  pc.candidate(null);
  await clock.advance(30);
  const patches = fetch.calls.slice(1);
  assert.deepEqual(
    patches.map((p) => [p.method, p.url, p.headers['Content-Type'], p.headers['If-Match']]),
    Array(2).fill([
      'PATCH',
      'http://bench:6109/staging/host/devices/board/video/whep/abc',
      'application/trickle-ice-sdpfrag',
      '"1"',
    ]),
  );
  assert.equal(
    patches[0].body,
    'a=ice-ufrag:tUQM\r\na=ice-pwd:pimyGfJcjjRwvUjnmGOODSjt\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:0\r\n' +
      'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=candidate:2 1 udp 1 192.0.2.1 5001 typ host\r\n',
  );
  assert.match(patches[1].body, /a=mid:0\r\na=end-of-candidates\r\n$/);
});

test('ICE servers of the answer are those of the next attempt', async () => {
  const ice = { servers: [] };
  const link =
    '<turn:t.example?transport=tcp>; rel="ice-server"; username="1700003600:p"; credential="c="; credential-type="password"';
  const attempt = () =>
    new WhepClient({
      url: URL_,
      RTCPeerConnection: fakePeerConnection(),
      clock: new FakeClock(),
      ice,
      fetch: fakeFetch([response(201, 'v=0 answer', { Location: '/s/1', Link: link })]),
    });
  const first = attempt();
  assert.deepEqual(first.connection.pc.config.iceServers, []);
  await first.start();
  assert.deepEqual(attempt().connection.pc.config.iceServers, [
    { urls: ['turn:t.example?transport=tcp'], username: '1700003600:p', credential: 'c=' },
  ]);
});

test('candidates that come before the 201 wait for it', async () => {
  let answer;
  const { client, clock, fetch, pc } = make((url, { method }) =>
    method === 'POST'
      ? new Promise((r) => {
          answer = r;
        })
      : response(204),
  );
  client.start();
  await settle();
  pc.candidate('candidate:1 1 udp 1 192.0.2.1 5000 typ host');
  await clock.advance(1000);
  assert.equal(fetch.calls.length, 1);
  answer(CREATED());
  await clock.advance(100);
  assert.equal(fetch.calls[1].method, 'PATCH');
});

test('connected: statistics flow, data goes both ways, stop deletes the session', async () => {
  const { client, clock, fetch, pc, said } = make([CREATED(), response(200)]);
  await client.start();
  const receiver = { getSynchronizationSources: () => [] };
  pc.fire('track', { track: {}, streams: ['stream'], receiver });
  assert.equal(receiver.jitterBufferTarget, 0);
  pc.become('connected');
  pc.openChannels();
  pc.channels[0].fire('message', { data: '{"id":1,"ok":true}' });
  assert.ok(client.send('control', 'x'));
  assert.deepEqual(pc.channels[0].sent, ['x']);
  await clock.advance(2000);
  assert.deepEqual(said.filter(([n]) => n === 'stats').length, 2);
  assert.deepEqual(
    said.filter(([n]) => n === 'control'),
    [['control', '{"id":1,"ok":true}']],
  );
  assert.deepEqual(
    said.filter(([n]) => n === 'track'),
    [['track', 'stream']],
  );
  client.stop();
  client.stop();
  await settle();
  assert.deepEqual(
    fetch.calls.slice(1).map((c) => [c.method, c.keepalive]),
    [['DELETE', true]],
    'once',
  );
  assert.ok(pc.closed);
  assert.equal(clock.pending, 0, 'no timer is left');
  assert.ok(!client.send('control', 'late'));
});

test('a refusal is told with its reason', async () => {
  const { client, clock, pc, said } = make([
    response(429, { title: 'Too Many Requests', detail: '32 viewers are watching already' }),
  ]);
  await assert.rejects(client.start(), { message: '32 viewers are watching already' });
  assert.deepEqual(
    said
      .filter(([n]) => n === 'state')
      .at(-1)
      .slice(0, 2),
    ['state', 'failed'],
  );
  assert.ok(pc.closed);
  assert.equal(clock.pending, 0);
});

test('no connection in time fails, and ends the session on the host', async () => {
  const { client, clock, fetch, said } = make([CREATED(), response(200)]);
  await client.start();
  await clock.advance(8000);
  const [, state, error] = said.filter(([n]) => n === 'state').at(-1);
  assert.equal(state, 'failed');
  assert.match(error.message, /UDP may be blocked/);
  assert.equal(fetch.calls.at(-1).method, 'DELETE');
});

test('stopped while the host thinks: its session is deleted when the answer comes', async () => {
  let answer;
  const { client, fetch, pc } = make((url, { method }) =>
    method === 'POST'
      ? new Promise((r) => {
          answer = r;
        })
      : response(200),
  );
  const started = client.start();
  await settle();
  client.stop();
  answer(CREATED());
  await started;
  await settle();
  assert.equal(fetch.calls.at(-1).method, 'DELETE');
  assert.equal(pc.remoteDescription, null);
});

test('a host without trickle is not asked again', async () => {
  const { client, clock, fetch, pc } = make([CREATED(), response(405), response(204)]);
  await client.start();
  pc.candidate('candidate:1 1 udp 1 192.0.2.1 5000 typ host');
  await clock.advance(100);
  pc.candidate('candidate:2 1 udp 1 192.0.2.1 5000 typ host');
  await clock.advance(100);
  assert.equal(fetch.calls.length, 2);
});

test('a broken answer fails', async () => {
  const { client } = make([response(201, 'broken', { Location: 'abc' }), response(200)]);
  await assert.rejects(client.start(), { message: 'bad SDP' });
});

test('offers are read, fragments written per media', () => {
  const offer = parseOffer(OFFER);
  assert.equal(offer.ufrag, 'tUQM');
  assert.deepEqual(
    offer.medias.map((m) => m.mid),
    ['0', '1'],
  );
  const text = sdpFragment(
    offer,
    [
      { candidate: 'a=candidate:9', sdpMid: '1' },
      { candidate: 'candidate:8', sdpMLineIndex: 0 },
    ],
    true,
  );
  assert.deepEqual(text.split('\r\n').slice(2), [
    'm=video 9 UDP/TLS/RTP/SAVPF 96 97',
    'a=mid:0',
    'a=candidate:8',
    'a=end-of-candidates',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'a=mid:1',
    'a=candidate:9',
    '',
  ]);
});

test('ICE servers of a Link header, quotes and all', () => {
  assert.deepEqual(
    iceServersOf(
      '<stun:stun.example.net>; rel="ice-server", <turns:turn.example.com>; rel="ice-server"; username="myuser\\"a?2;B"; credential="mypwd"; credential-type="password", <x>; rel="other"',
    ),
    [
      { urls: ['stun:stun.example.net'] },
      { urls: ['turns:turn.example.com'], username: 'myuser"a?2;B', credential: 'mypwd' },
    ],
  );
  assert.deepEqual(iceServersOf(null), []);
});

test('the capture time is asked for where the browser can', () => {
  const list = [
    { uri: 'x', direction: 'sendrecv' },
    { uri: ABS_CAPTURE_TIME, direction: 'stopped' },
  ];
  let set = null;
  assert.ok(
    wantCaptureTime({
      getHeaderExtensionsToNegotiate: () => list,
      setHeaderExtensionsToNegotiate: (l) => {
        set = l;
      },
    }),
  );
  assert.equal(set[1].direction, 'sendrecv');
  assert.equal(wantCaptureTime({}), false);
});

test('check: a session that the host does not have any more fails at once; others go on', async () => {
  const { client, fetch, pc, said } = make([CREATED(), response(204), response(404)]);
  await client.check(); // no session yet
  await client.start();
  await settle();
  pc.become('connected');
  await client.check();
  assert.equal(client.state, 'connected');
  await Promise.all([client.check(), client.check()]);
  const patches = fetch.calls.slice(1);
  assert.deepEqual(
    patches.map((p) => [p.method, p.body.includes('a=candidate')]),
    Array(2).fill(['PATCH', false]),
  );
  const [, state, error] = said.findLast(([name]) => name === 'state');
  assert.deepEqual([state, error.message], ['failed', 'media: restarting']);
});
