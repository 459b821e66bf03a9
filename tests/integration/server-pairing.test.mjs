// Pairing of a phone and a desktop as the origin's clients and tests know it (REQUIREMENTS S0.23-S0.61, S0.R*).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { assertProblem, documented, SLOW, until } from './harness.mjs';
import { scrape } from './prometheus.mjs';
import { Server, withServer } from './server-harness.mjs';

let server;
let answers;
before(async () => {
  server = await Server.start();
  answers = documented(server, (await server.get('/openapi.json')).json);
});
after(() => server.stop());

const typed = (type) => (m) => m.type === type;

async function pair() {
  const session = await server.session();
  const desktop = await server.join('desktop', session);
  const phone = await server.join('phone', session);
  await desktop.find(typed('peer-connected'));
  return { session, desktop, phone, stop: () => Promise.all([desktop.stop(), phone.stop()]) };
}

/** Sends one hello and expects to be refused with this text. */
async function refused(hello, message) {
  const peer = await server.websocket();
  peer.send(hello);
  const error = await peer.find(typed('error'));
  assert.equal(error.message, message);
  await assert.rejects(
    peer.find(() => false, { from: peer.items.length }),
    /ended/,
  );
}

test('a session is created', async () => {
  const s = await server.session();
  assert.match(s.sessionId, /^[A-Za-z0-9_-]{22,}$/);
  assert.match(s.token, /^[A-Za-z0-9_-]{43}$/);
  assert.equal(s.phoneUrl, `${server.url}/m/${s.sessionId}#token=${s.token}`);
  assert.ok(s.desktopUrl.includes(s.sessionId));
  const left = Date.parse(s.expiresAt) - Date.now();
  assert.ok(left > 590000 && left <= 600000, `${left} ms`);
});

test('a session is created without a body and without a Content-Type', async () => {
  const answer = await server.request('POST', '/api/session');
  assert.equal(answer.status, 201);
});

test('sessions and tokens are unique', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => server.session()));
  assert.equal(new Set(all.map((s) => s.sessionId)).size, 50);
  assert.equal(new Set(all.map((s) => s.token)).size, 50);
});

test('a session is ended by its own token: who is in it is told, its links open nothing any more', async () => {
  const { session, desktop, phone } = await pair();
  assert.equal((await server.request('DELETE', '/api/session/nobody')).status, 404);
  const ended = await server.request('DELETE', `/api/session/${session.sessionId}?token=${session.token}`);
  assert.equal(ended.status, 204, ended.text);
  for (const party of [desktop, phone]) assert.equal((await party.find(typed('error'))).message, 'Session ended');
  assert.equal((await server.get(`/api/session/${session.sessionId}`)).status, 404);
  await refused({ type: 'hello', role: 'phone', ...session }, 'Invalid session or token');
});

test('status and presence', async () => {
  const s = await server.session();
  const at = async () => (await server.get(`/api/session/${s.sessionId}`)).json;
  let now = await at();
  assert.equal(now.sessionId, s.sessionId);
  assert.deepEqual([now.desktopConnected, now.phoneConnected, now.observers], [false, false, 0]);
  assert.ok(Math.abs(Date.parse(now.createdAt) - Date.now()) < 60000);
  const desktop = await server.join('desktop', s);
  now = await at();
  assert.deepEqual([now.desktopConnected, now.phoneConnected, now.observers], [true, false, 1]);
  const phone = await server.join('phone', s);
  assert.equal((await at()).phoneConnected, true);
  await phone.stop();
  await desktop.find(typed('peer-disconnected'));
  assert.equal((await at()).phoneConnected, false);
  await desktop.stop();
  assert.ok(!JSON.stringify(await at()).includes(s.token));
});

test('an unknown session is 404', async () => {
  assertProblem(await server.get('/api/session/no-such-session'), 404);
  assertProblem(await server.get('/api/session/no-such-session/qr.svg?token=x'), 404);
});

test('health and favicon', async () => {
  const health = await server.get('/health');
  assert.equal(health.status, 200);
  assert.equal(health.json.status, 'running');
  assert.ok(health.json.service);
  const icon = await server.get('/favicon.ico');
  assert.equal(icon.status, 200);
  assert.match(icon.headers['content-type'], /^image\//);
});

test('hello of a desktop', async () => {
  const desktop = await server.join('desktop', await server.session());
  assert.equal(desktop.ready.role, 'desktop');
  assert.ok(desktop.ready.peerId);
  assert.deepEqual(desktop.ready.peers, []);
  assert.ok(Array.isArray(desktop.ready.iceServers));
  await desktop.stop();
});

test('hello of a phone', async () => {
  const phone = await server.join('phone', await server.session());
  assert.equal(phone.ready.role, 'phone');
  await phone.stop();
});

test('hellos that are refused', async () => {
  const s = await server.session();
  await refused({ ...s, type: 'hello', role: 'tablet' }, 'Invalid role');
  await refused({ type: 'hello', sessionId: s.sessionId, token: s.token }, 'Invalid role');
  await refused({ type: 'hello', role: 'desktop', sessionId: 'nope', token: s.token }, 'Invalid session or token');
  await refused({ type: 'hello', role: 'desktop', sessionId: s.sessionId, token: 'nope' }, 'Invalid session or token');
  await refused(
    { type: 'hello', role: 'desktop', sessionId: s.sessionId, token: `${s.token}x` },
    'Invalid session or token',
  );
  await refused({ type: 'hello', role: 'desktop', sessionId: s.sessionId }, 'Invalid session or token');
  await refused({ type: 'hello', role: 'desktop', sessionId: 7, token: {} }, 'Invalid session or token');
  await refused({ type: 'offer', sdp: 'v=0' }, 'Expected hello message');
  await refused('not json', 'Expected hello message');
  await refused('[]', 'Expected hello message');
  await refused('null', 'Expected hello message');
  await refused(Buffer.from([1, 2, 3]), 'Expected hello message');
});

test('no hello: timeout after ten seconds', async () => {
  const peer = await server.websocket();
  const start = Date.now();
  const error = await peer.find(typed('error'), { ms: 15000 });
  assert.equal(error.message, 'Hello timeout');
  assert.ok(Date.now() - start > 9000 && Date.now() - start < 14000 * SLOW);
  await assert.rejects(
    peer.find(() => false, { from: peer.items.length }),
    /ended/,
  );
});

test('the peer is announced', async () => {
  const s = await server.session();
  const desktop = await server.join('desktop', s);
  const phone = await server.join('phone', s);
  const seen = await desktop.find(typed('peer-connected'));
  assert.equal(seen.peer, 'phone');
  assert.equal(seen.peerId, phone.ready.peerId);
  assert.deepEqual(phone.ready.peers, [{ peer: 'desktop', peerId: desktop.ready.peerId }]);
  await Promise.all([desktop.stop(), phone.stop()]);
});

test('messages are relayed both ways, unchanged', async () => {
  const { desktop, phone, stop } = await pair();
  const offer = { type: 'offer', sdp: 'v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\n' };
  const answer = { type: 'answer', sdp: 'v=0\r\n', extra: { kept: [1, 2.5, 'ü'] } };
  desktop.send(offer);
  assert.deepEqual(await phone.find(typed('offer')), offer);
  phone.send(answer);
  assert.deepEqual(await desktop.find(typed('answer')), answer);
  // byte for byte: spacing and numbers as they came
  const raw = '{ "type":"sensor" , "data":{"alpha":1.0,"beta":1e2,"gamma":-0.0,"ts":1700000000000} }';
  const got = new Promise((resolve) => desktop.ws.once('message', (data) => resolve(data.toString())));
  phone.send(raw);
  assert.equal(await got, raw);
  await stop();
});

test('a second desktop or phone is refused, the first stays', async () => {
  const { session, desktop, phone, stop } = await pair();
  const { sessionId, token } = session;
  await refused({ type: 'hello', role: 'desktop', sessionId, token }, 'Desktop already connected');
  await refused({ type: 'hello', role: 'phone', sessionId, token }, 'Phone already connected');
  desktop.send({ type: 'bye' });
  await phone.find(typed('bye'));
  await stop();
});

test('the other one hears of a disconnect, and of the return', async () => {
  const { session, desktop, phone } = await pair();
  await phone.stop();
  const gone = await desktop.find(typed('peer-disconnected'));
  assert.equal(gone.peer, 'phone');
  const again = await server.join('phone', session);
  await desktop.find((m) => m.type === 'peer-connected' && m.peerId === again.ready.peerId);
  desktop.ws.terminate(); // without a close frame
  assert.equal((await again.find(typed('peer-disconnected'))).peer, 'desktop');
  await again.stop();
});

test('a phone that stands still, whose TCP stays open, keeps nobody out: the next one has its place', async () => {
  const { session, desktop, phone } = await pair();
  phone.ws.pause(); /* the kernel takes what comes and says nothing: a stopped process, a laptop that sleeps */
  const { sessionId, token } = session;
  const next = await server.websocket();
  next.send({ type: 'hello', role: 'phone', sessionId, token });
  const ready = await next.find(typed('ready'));
  await desktop.find((m) => m.type === 'peer-connected' && m.peerId === ready.peerId);
  next.send({ type: 'bye' });
  await desktop.find(typed('bye'));
  phone.ws.resume();
  assert.equal((await phone.find(typed('error'))).code, 'replaced');
  await assert.rejects(
    phone.find(() => false, { from: phone.items.length }),
    /ended/,
  );
  await Promise.all([next.stop(), desktop.stop()]);
});

test('candidates in both spellings', async () => {
  const { desktop, phone, stop } = await pair();
  const ice = { type: 'ice', candidate: 'candidate:1 1 udp 2 192.0.2.1 9 typ host', sdpMid: '0', sdpMLineIndex: 0 };
  const old = { type: 'ice-candidate', data: { candidate: 'candidate:1', sdpMLineIndex: 0 } };
  desktop.send(ice);
  assert.deepEqual(await phone.find(typed('ice')), ice);
  phone.send(old);
  assert.deepEqual(await desktop.find(typed('ice-candidate')), old);
  await stop();
});

test('a message without a peer is an error and the socket stays', async () => {
  const desktop = await server.join('desktop', await server.session());
  desktop.send({ type: 'offer', sdp: 'v=0' });
  assert.equal((await desktop.find(typed('error'))).message, 'Peer not connected');
  desktop.send({ type: 'ping', t: 42 });
  assert.equal((await desktop.find(typed('pong'))).t, 42);
  await desktop.stop();
});

test('what only the server says cannot be forged; nonsense is refused, the socket stays', async () => {
  const { desktop, phone, stop } = await pair();
  const from = phone.items.length;
  desktop.send({ type: 'peer-disconnected', peer: 'phone' });
  assert.equal((await desktop.find(typed('error'))).message, 'Not a message for clients');
  desktop.send('{"type":');
  await desktop.find((m) => m.message === 'Invalid message');
  desktop.send({ type: 'ice', candidate: 'x'.repeat(5000) });
  await desktop.find((m) => m.message === 'Message too large');
  desktop.send({ type: 'bye', reason: 'done' });
  assert.deepEqual(await phone.find(() => true, { from }), { type: 'bye', reason: 'done' }); // and nothing before it
  await stop();
});

test('too many messages: told, and cut when it goes on', async () => {
  const { desktop, phone } = await pair();
  for (let i = 0; i < 2000; i++) desktop.send({ type: 'sample', stream: 'x', t: i, seq: i, unit: '', value: i });
  assert.equal((await desktop.find(typed('error'))).message, 'Too many messages');
  await assert.rejects(
    desktop.find(() => false, { from: desktop.items.length, ms: 5000 }),
    /ended \(close 1008/,
  );
  await phone.find(typed('peer-disconnected'));
  await phone.stop();
});

test('message size by type: at the limit it is relayed, one byte more is refused, and who goes on is cut', async () => {
  const session = await server.session();
  const desktop = await server.join('desktop', session),
    phone = await server.join('phone', session);
  const sized = (type, size) => {
    const message = { type, x: '' };
    message.x = 'x'.repeat(size - JSON.stringify(message).length);
    return JSON.stringify(message);
  };
  for (const [type, limit] of [
    ['offer', 128 * 1024],
    ['answer', 128 * 1024],
    ['ice', 4096],
    ['bye', 4096],
    ['sensor', 4096],
    ['sample', 4096],
    ['event', 64 * 1024],
  ]) {
    phone.send(sized(type, limit));
    const arrived = await desktop.find((m) => m.type === type);
    assert.equal(JSON.stringify(arrived).length, limit, type);
    phone.send(sized(type, limit + 1));
    assert.equal((await phone.find((m) => m.type === 'error')).message, 'Message too large', type);
    phone.items.length = 0;
  }
  for (let i = 0; i < 10; i++) phone.send(sized('ice', 4097));
  await until('the phone to be cut', () => phone.code);
  assert.equal(phone.code, 1008);
  await desktop.stop();
});

test('pictures in binary: the first byte says what it is', async () => {
  const { desktop, phone, stop } = await pair();
  const picture = Buffer.from([1, 0xff, 0xd8, 1, 2, 3]);
  phone.send(picture);
  assert.deepEqual(await desktop.find(Buffer.isBuffer), picture);
  phone.send(Buffer.from([9, 9]));
  assert.equal((await phone.find(typed('error'))).message, 'Invalid picture');
  await stop();
});

test('a foreign page may not open a WebSocket or create a session', async () => {
  await assert.rejects(
    server.websocket('/ws', { headers: { Origin: 'http://evil.example' } }),
    (e) => e.status === 403,
  );
  assertProblem(await server.post('/api/session', {}, { headers: { Origin: 'http://evil.example' } }), 403);
  assertProblem(await server.post('/api/session', {}, { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 403);
  assertProblem(await server.get('/health', { headers: { Host: 'evil.example' } }), 421);
});

test('FRONTEND_URL: a page from there may call and read, with credentials; another one may not', async (t) => {
  const page = 'https://console.example';
  const named = await withServer(t, {}, { env: { FRONTEND_URL: `${page}/, https://other.example` } });
  const from = (Origin) => named.post('/api/session', {}, { headers: { Origin } });
  for (const origin of [page, 'https://other.example']) {
    const { status, headers } = await from(origin);
    assert.deepEqual(
      [status, headers['access-control-allow-origin'], headers['access-control-allow-credentials']],
      [201, origin, 'true'],
    );
  }
  const peer = await named.websocket('/ws', { headers: { Origin: page } });
  await peer.stop();
  assertProblem(await from('https://evil.example'), 403);
});

test('wrong requests', async () => {
  assertProblem(await server.post('/api/session', { observers: 0 }), 400, { field: 'observers' });
  assertProblem(await server.post('/api/session', { observers: 33, device: 'a/b' }), 400, { field: 'observers' });
  assertProblem(await server.post('/api/session', { mode: 'own' }), 400, { field: 'mode' });
  assertProblem(await server.post('/api/session', { device: 'nothing/board' }), 404, { field: 'device' });
  assertProblem(await server.post('/api/session', { devices: 1 }), 400);
  assertProblem(
    await server.request('POST', '/api/session', { body: '{}', headers: { 'Content-Type': 'text/plain' } }),
    415,
  );
  assertProblem(await server.request('DELETE', '/api/session'), 405);
  assertProblem(await server.get('/nothing'), 404);
  assertProblem(await server.get('/ws'), 426);
});

test('every refusal is among the answers that the document lists', async () => {
  const json = { 'Content-Type': 'application/json' };
  for (const [method, target, options, status] of [
    ['POST', '/api/session', { body: '{', headers: json }, 400],
    ['POST', '/api/session', { json: { nonsense: 1 } }, 400],
    ['POST', '/api/session', { body: 'x', headers: { 'Content-Type': 'text/plain' } }, 415],
    ['POST', '/api/session', { json: { device: 'no/such' } }, 404],
    ['POST', '/api/session', { body: `{"x":"${'y'.repeat(1024 * 1024)}"}`, headers: json }, 413],
    ['POST', '/api/session', { json: {}, headers: { 'Sec-Fetch-Site': 'cross-site' } }, 403],
    ['GET', '/api/session/nosuchsession', {}, 404],
    ['GET', '/api/session/nosuchsession/qr.svg', {}, 404],
    ['GET', '/api/hosts/nosuchhost/host/info', {}, 404],
    ['DELETE', '/api/hosts/nosuchhost', {}, 404],
    ['GET', '/ws', {}, 426],
    ['GET', '/api/ice', { body: '{}', headers: json }, 400],
    ['GET', '/api/session/%zz', {}, 400],
  ])
    assertProblem(await server.request(method, target, options), status);
  assert.ok(answers.seen >= 13, `${answers.seen} refusals`);
  assert.deepEqual(answers.findings(), []);
});

test('openapi and metrics', async () => {
  const api = (await server.get('/openapi.json')).json;
  assert.equal(api.openapi, '3.1.0');
  assert.equal(
    new URL(api.servers[0].url, `${server.url}/openapi.json`).href,
    `${server.url}/`,
    'where the paths begin',
  );
  assert.ok(api.paths['/api/session'].post.requestBody);
  const page = await server.get('/metrics');
  assert.ok(scrape(page).find((f) => f.name === 'testbed_relayed_bytes'));
  const metrics = page.text;
  assert.match(metrics, /^testbed_sessions \d+$/m);
  assert.match(metrics, /^testbed_parties\{role="desktop"\} \d+$/m);
});
