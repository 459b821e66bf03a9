// Hosts behind the pairing server: registry, sessions on their devices, relay, pictures, carried HTTP
// (docs/PROTOCOL.md).
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { test } from 'node:test';

import { assertProblem, request, until, linkToken } from './harness.mjs';
import {
  CHUNK,
  CREDIT,
  DATA,
  HEAD,
  RESET,
  WINDOW,
  answerTo,
  bodyOf,
  credit,
  findFrame,
  frame,
  framesOf,
  headOf,
  serve,
} from './link.mjs';
import { hostKey, withServer } from './server-harness.mjs';

const typed = (type) => (m) => m.type === type;
const DEVICES = [
  { id: 'board', label: 'U-Boot', state: 'ready', interfaces: [{ name: 'power', kind: 'power', state: 'ready' }] },
  { id: 'desktop', label: 'Desk', state: 'ready', interfaces: [] },
];

test('hosts and devices with presence', async (t) => {
  const server = await withServer(t);
  assert.deepEqual((await server.get('/api/hosts')).json, []);
  const host = await server.host('lab-1', DEVICES);
  assert.equal(host.ready.role, 'host');
  const hosts = (await server.get('/api/hosts')).json;
  assert.deepEqual([hosts.length, hosts[0].name, hosts[0].online, hosts[0].version], [1, 'lab-1', true, 'test']);
  let devices = (await server.get('/api/devices')).json;
  assert.deepEqual(
    devices.map((d) => [d.id, d.host, d.device, d.label]),
    [
      ['lab-1/board', 'lab-1', 'board', 'U-Boot'],
      ['lab-1/desktop', 'lab-1', 'desktop', 'Desk'],
    ],
  );
  host.send({ type: 'devices', devices: [{ ...DEVICES[0], state: 'fault' }] });
  await until('the new list', async () => (await server.get('/api/devices')).json.length === 1);
  assert.equal((await server.get('/api/devices')).json[0].state, 'fault');
  host.send({ type: 'devices', devices: [{ id: '../x' }] });
  assert.equal((await host.find(typed('error'))).message, 'Invalid devices');
  await host.stop();
  await until('the host to be offline', async () => (await server.get('/api/hosts')).json[0]?.online === false);
  devices = (await server.get('/api/devices')).json;
  assert.deepEqual(
    devices.map((d) => [d.id, d.online]),
    [['lab-1/board', false]],
  );
});

test('host tokens: each is good for its own name', async (t) => {
  const token = 'host-token-0123456789';
  const server = await withServer(t, {
    hosts: [
      { name: 'lab-1', token },
      { name: 'lab-2', token: `${token}x` },
    ],
  });
  const refused = async (hello) => {
    const peer = await server.websocket();
    peer.send({ type: 'hello', role: 'host', ...hello });
    return (await peer.find(typed('error'))).message;
  };
  assert.equal(await refused({ host: 'lab-1' }), 'Invalid host or token');
  assert.equal(await refused({ host: 'lab-2', token }), 'Invalid host or token');
  assert.equal(await refused({ host: 'lab 1', token }), 'Invalid host name');
  assert.equal(await refused({ host: 'lab-1', token, devices: {} }), 'Invalid devices');
  const host = await server.host('lab-1', DEVICES, { token });
  // a reconnect before the old socket was noticed to be dead
  const again = await server.host('lab-1', DEVICES, { token });
  assert.equal((await host.find(typed('error'))).code, 'replaced');
  assert.equal((await server.get('/api/hosts')).json.filter((h) => h.online).length, 1);
  await again.stop();
});

test('a name belongs to a key: another host is told apart, never mixed, also after a restart', async (t) => {
  const [a, b] = [hostKey(), hostKey()];
  const first = await withServer(t);
  const lab = await first.host('lab-1', DEVICES, { key: a });
  assert.equal(lab.ready.host, 'lab-1');
  const other = await first.host('lab-1', [DEVICES[1]], { key: b });
  assert.equal(other.ready.host, 'lab-1~2');
  const shown = (await first.get('/api/hosts')).json;
  assert.deepEqual(
    shown.map((h) => [h.name, h.online, h.devices.length]),
    [
      ['lab-1', true, 2],
      ['lab-1~2', true, 1],
    ],
  );
  assert.notEqual(shown[0].instance, shown[1].instance);
  assert.match(shown[0].instance, /^[0-9a-f]{16}$/);
  const again = await first.host('lab-1', DEVICES, { key: a }); // the same one, from a new connection
  assert.equal((await lab.find(typed('error'))).code, 'replaced');
  assert.equal(again.ready.host, 'lab-1');
  await assert.rejects(first.host('lab-1', DEVICES), /1008/, 'without a key nobody takes it');

  const liar = await first.websocket(); // somebody else's key, an old proof, no proof
  liar.send({
    type: 'hello',
    role: 'host',
    host: 'lab-1',
    protocol: 2,
    key: a.publicKey.export({ format: 'jwk' }).x,
    devices: [],
  });
  const { nonce } = await liar.find(typed('challenge'));
  liar.send({
    type: 'proof',
    signature: sign(null, Buffer.from(`testbed host link\nlab-1\n${nonce}`), b.privateKey).toString('base64url'),
  });
  assert.equal((await liar.find(typed('error'))).code, 'unauthorized');
  const eager = await first.websocket();
  eager.send({
    type: 'hello',
    role: 'host',
    host: 'lab-1',
    protocol: 2,
    key: a.publicKey.export({ format: 'jwk' }).x,
    devices: [],
  });
  await eager.find(typed('challenge'));
  eager.send({ type: 'devices', devices: [] });
  assert.equal((await eager.find(typed('error'))).code, 'expected-hello');
  assertProblem(await first.request('DELETE', '/api/hosts/lab-1'), 409);
  await first.stop({ keepState: true });

  const server = await withServer(t, {}, { state: first.folder });
  const back = await server.host('lab-1', [DEVICES[1]], { key: b }); // it comes first, and still is the other one
  assert.equal(back.ready.host, 'lab-1~2');
  // an admin says that the old one is gone
  assert.equal((await server.request('DELETE', '/api/hosts/lab-1')).status, 204);
  assert.equal((await server.host('lab-1', DEVICES, { key: hostKey() })).ready.host, 'lab-1');
});

test('TB_LIMIT_HOST_INSTANCES: nine keys may have one name, the next is refused in words', async (t) => {
  const server = await withServer(t);
  const keys = Array.from({ length: 9 }, () => hostKey()),
    names = [];
  for (const key of keys) names.push((await server.host('lab-1', [], { key })).ready.host);
  assert.deepEqual(names, ['lab-1', ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => `lab-1~${n}`)]);
  const key = hostKey(),
    tenth = await server.websocket();
  tenth.send({
    type: 'hello',
    role: 'host',
    host: 'lab-1',
    protocol: 2,
    key: key.publicKey.export({ format: 'jwk' }).x,
    devices: [],
  });
  const { nonce } = await tenth.find(typed('challenge'));
  tenth.send({
    type: 'proof',
    signature: sign(null, Buffer.from(`testbed host link\nlab-1\n${nonce}`), key.privateKey).toString('base64url'),
  });
  const refused = await tenth.find(typed('error'));
  assert.equal(refused.code, 'name-taken');
  assert.match(refused.message, /Too many hosts have this name/);
  assert.equal((await server.request('DELETE', '/api/hosts/lab-1~9')).status, 409); // it is connected
  assert.equal((await server.host('lab-1', [], { key: keys[4] })).ready.host, 'lab-1~5'); // those that are known stay
});

test('TB_LIMIT_HOST_KEYS: throw-away keys push nobody out; above it newcomers are refused in words', async (t) => {
  const server = await withServer(t);
  const keys = () => hostKey();
  const there = keys(),
    away = keys();
  const stays = await server.host('there', [], { key: there });
  await (await server.host('away', [], { key: away })).stop();
  let next = 0;
  const fill = async () => {
    while (next < 1022) await (await server.host(`n${next++}`, [], { key: keys() })).stop();
  };
  await Promise.all(Array.from({ length: 16 }, fill));
  for (const name of ['there', 'away', 'new-1'])
    await assert.rejects(server.host(name, [], { key: keys() }), /too many are known/);
  await stays.stop();
  assert.equal((await server.host('away', [], { key: away })).ready.host, 'away');
  assert.equal((await server.host('there', [], { key: there })).ready.host, 'there');
  assert.equal((await server.request('DELETE', '/api/hosts/n7')).status, 204);
  assert.equal((await server.host('new-1', [], { key: keys() })).ready.host, 'new-1');
});

test("observers share a host's line: who sends too much is refused, the host stays", async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const session = await server.session({ device: 'lab-1/board', mode: 'view', observers: 2 });
  const bad = await server.join('desktop', session),
    good = await server.join('desktop', session);
  for (let i = 0; i < 40; i++) bad.send({ type: 'junk', pad: 'x'.repeat(40000) });
  assert.equal((await bad.find(typed('error'))).code, 'busy');
  good.send({ id: 1, verb: 'power.get', device: 'board' });
  await host.find((m) => m.id === 1 && m.verb === 'power.get');
  assert.ok(host.items.filter(typed('junk')).length < 20, 'only what its budget allows');
  await Promise.all([bad.stop(), good.stop(), host.stop()]);
});

test('user tokens and roles', async (t) => {
  const tokens = [
    { name: 'tv', role: 'viewer', token: 'viewer-token-12345' },
    { name: 'ci', role: 'operator', token: 'operator-token-123' },
    { name: 'lab', role: 'admin', token: 'admin-token-1234567' },
  ];
  const server = await withServer(t, { tokens }, { env: { LOG_LEVEL: 'debug' } });
  for (const token of [undefined, 'operator-token-123', 'no-such-token-12345'])
    await assert.rejects(server.host('lab-1', DEVICES, { token }), /1008/, 'a stranger is not taken for the lab');
  const host = await server.host('lab-1', DEVICES, { token: 'admin-token-1234567' });
  const as = (token) => ({ headers: { Authorization: `Bearer ${token}` } });
  assertProblem(await server.get('/api/hosts'), 401);
  assertProblem(await server.post('/api/session', {}), 401);
  assert.equal((await server.get('/api/hosts', as('viewer-token-12345'))).status, 200);
  // one in an address, as a download has it, is in no log, and no page takes it along to another one
  const byAddress = await server.get('/api/hosts?access_token=viewer-token-12345');
  assert.equal(byAddress.status, 200);
  const page = await server.get('/links?access_token=viewer-token-12345');
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assertProblem(await server.get('/api/hosts?access_token=another-token-12345'), 401);
  await server.program.line(new RegExp(`request=${byAddress.headers['x-request-id']}`));
  assert.ok(!/(viewer|another)-token-12345/.test(server.program.text));
  assert.equal(
    (await server.post('/api/session', { device: 'lab-1/board', mode: 'view' }, as('viewer-token-12345'))).status,
    201,
  );
  assertProblem(
    await server.post('/api/session', { device: 'lab-1/board', mode: 'control' }, as('viewer-token-12345')),
    403,
  );
  assert.equal(
    (await server.post('/api/session', { device: 'lab-1/board', mode: 'control' }, as('operator-token-123'))).status,
    201,
  );
  assertProblem(
    await server.request('PUT', '/api/hosts/lab-1/host/devices/board/power', {
      json: { state: 'on' },
      ...as('viewer-token-12345'),
    }),
    403,
  );
  await host.stop();
});

test('without tokens, who is not on this machine pairs a phone and sees no host', async (t) => {
  const open = await withServer(t, { url: 'https://lab.example' });
  await open.host('lab-1', DEVICES);
  const elsewhere = [
    { 'X-Forwarded-For': '203.0.113.9' },
    { Forwarded: 'for=203.0.113.9' },
    { 'X-Real-IP': '203.0.113.9' },
    { Host: 'lab.example' },
  ];
  for (const headers of elsewhere) {
    for (const target of ['/api/hosts', '/api/devices', '/api/ice', '/api/hosts/lab-1/host/devices'])
      assertProblem(await open.get(target, { headers }), 403, { detail: /no tokens are configured/ });
    for (const mode of ['view', 'control'])
      assertProblem(await open.post('/api/session', { device: 'lab-1/board', mode }, { headers }), 403, {
        detail: /needs the role/,
      });
    const phone = await open.post('/api/session', {}, { headers });
    assert.equal(phone.status, 201, phone.text);
    assertProblem(await open.post('/api/session', { ttl_s: 0 }, { headers }), 403, { field: 'ttl_s' });
    assertProblem(await open.get('/api/session', { headers }), 403);
    assert.equal((await open.get(`/api/session/${phone.json.sessionId}`, { headers })).status, 200);
    assert.equal((await open.get('/', { headers })).status, 200);
  }
  assert.equal(
    (await open.post('/api/session', { device: 'lab-1/board', mode: 'control' })).status,
    201,
    'a person here',
  );
  const meant = await withServer(t, { insecure: true });
  assert.equal((await meant.get('/api/hosts', { headers: elsewhere[0] })).status, 200);
});

test('a session on a device: view and control observers, relay with from and to', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const s = await server.session({ device: 'lab-1/board', mode: 'control', observers: 2 });
  assert.ok(s.viewUrl.startsWith(`${server.url}/v/${s.sessionId}#token=`));
  assert.equal(linkToken(s.controlUrl), s.token);
  assert.notEqual(linkToken(s.viewUrl), s.token);

  const boss = await server.join('desktop', s);
  const guest = await server.join('desktop', { ...s, token: linkToken(s.viewUrl) });
  assert.deepEqual([boss.ready.mode, guest.ready.mode], ['control', 'view']);
  assert.deepEqual([boss.ready.device, boss.ready.host], ['board', 'lab-1']);
  assert.equal(guest.ready.peers.find((p) => p.peer === 'phone').peerId, host.ready.peerId);
  assert.ok(guest.ready.peers.some((p) => p.peer === 'desktop' && p.peerId === boss.ready.peerId));
  const seen = await host.find((m) => m.type === 'peer-connected' && m.peerId === boss.ready.peerId);
  assert.deepEqual([seen.sessionId, seen.device, seen.mode, seen.peer], [s.sessionId, 'board', 'control', 'desktop']);
  assert.equal((await host.find((m) => m.type === 'peer-connected' && m.peerId === guest.ready.peerId)).mode, 'view');

  const third = await server.websocket();
  third.send({ type: 'hello', role: 'desktop', sessionId: s.sessionId, token: s.token });
  assert.equal((await third.find(typed('error'))).message, 'Too many observers');
  const phone = await server.websocket();
  phone.send({ type: 'hello', role: 'phone', sessionId: s.sessionId, token: s.token });
  assert.equal((await phone.find(typed('error'))).message, 'Invalid role');

  boss.send({ type: 'offer', sdp: 'v=0', to: host.ready.peerId, sessionId: 'forged', from: 'forged' });
  assert.deepEqual(await host.find(typed('offer')), {
    type: 'offer',
    sdp: 'v=0',
    sessionId: s.sessionId,
    from: boss.ready.peerId,
  });
  host.send({ type: 'answer', sdp: 'v=0', sessionId: s.sessionId, to: boss.ready.peerId });
  assert.deepEqual(await boss.find(typed('answer')), { type: 'answer', sdp: 'v=0', from: host.ready.peerId });
  boss.send({ id: 7, device: 'board', verb: 'power.set', params: { state: 'off' } });
  assert.equal((await host.find((m) => m.verb)).from, boss.ready.peerId);
  host.send({ id: 7, ok: true, result: {}, sessionId: s.sessionId, to: boss.ready.peerId });
  assert.equal((await boss.find((m) => m.id === 7)).ok, true);
  host.send({ type: 'sample', stream: 'w', t: 1, seq: 1, unit: 'W', value: 1, sessionId: s.sessionId }); // without `to`: everybody
  await Promise.all([boss.find(typed('sample')), guest.find(typed('sample'))]);
  assert.equal(guest.items.filter((m) => m.type === 'answer').length, 0);

  const status = (await server.get(`/api/session/${s.sessionId}`)).json;
  assert.deepEqual(
    [status.observers, status.phoneConnected, status.device, status.mode],
    [2, true, 'lab-1/board', 'control'],
  );
  await guest.stop();
  assert.equal((await host.find(typed('peer-disconnected'))).peerId, guest.ready.peerId);
  host.send({ type: 'ice', candidate: '', sessionId: s.sessionId, to: guest.ready.peerId });
  assert.equal((await host.find(typed('error'))).code, 'no-peer');
  host.send({ type: 'ice', candidate: '', sessionId: 'not-mine', to: 'p1' });
  await host.find((m) => m.code === 'no-session');

  await host.stop(); // the observers are told, and the host learns of them again when it is back
  assert.equal(
    (await boss.find((m) => m.type === 'peer-disconnected' && m.peer === 'phone')).peerId,
    host.ready.peerId,
  );
  boss.send({ type: 'offer', sdp: 'v=0' });
  assert.equal((await boss.find(typed('error'))).message, 'Peer not connected');
  const back = await server.host('lab-1', DEVICES);
  assert.equal((await back.find(typed('peer-connected'))).peerId, boss.ready.peerId);
  await boss.find((m) => m.type === 'peer-connected' && m.peerId === back.ready.peerId);
  await Promise.all([boss.stop(), back.stop()]);
});

test('a host cannot reach sessions of another host', async (t) => {
  const server = await withServer(t);
  const one = await server.host('lab-1', DEVICES);
  const two = await server.host('lab-2', DEVICES);
  const s = await server.session({ device: 'lab-1/board' });
  const observer = await server.join('desktop', s);
  two.send({ type: 'answer', sdp: 'v=0', sessionId: s.sessionId, to: observer.ready.peerId });
  assert.equal((await two.find(typed('error'))).code, 'no-session');
  assert.equal(observer.items.filter(typed('answer')).length, 0);
  await Promise.all([one.stop(), two.stop(), observer.stop()]);
});

function picture(peerId, sessionId, jpeg) {
  return Buffer.concat([
    Buffer.from([1, peerId.length]),
    Buffer.from(peerId),
    Buffer.from([sessionId.length]),
    Buffer.from(sessionId),
    jpeg,
  ]);
}

test('pictures go to their observer; one that does not read gets the newest, and slows nobody', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const s = await server.session({ device: 'lab-1/board', observers: 2 });
  const reader = await server.join('desktop', s);
  const stuck = await server.join('desktop', s);
  stuck.ws._socket.pause();
  const jpeg = (n) => {
    const b = Buffer.alloc(200 * 1024, n);
    b.writeUInt16BE(0xffd8);
    return b;
  };
  for (let n = 1; n <= 60; n++) {
    host.send(picture(stuck.ready.peerId, s.sessionId, jpeg(n)));
    host.send(picture(reader.ready.peerId, s.sessionId, jpeg(n).subarray(0, 100)));
  }
  host.send({ type: 'ping', t: 1 });
  await host.find(typed('pong'));
  const last = await reader.find((m) => Buffer.isBuffer(m) && m[50] === 60);
  assert.equal(last[0], 1);
  assert.equal(last.length, 101);
  // the host is told of each that has arrived, by the pong of whoever has it
  const told = (peer) => host.items.filter((m) => m.type === 'picture-arrived' && m.peerId === peer.ready.peerId);
  await until('word of the arrival', () => told(reader).length === reader.items.filter(Buffer.isBuffer).length);
  const { took_ms, trip_ms, ...word } = told(reader)[0];
  assert.deepEqual(word, {
    type: 'picture-arrived',
    sessionId: s.sessionId,
    peerId: reader.ready.peerId,
    bytes: 100,
  });
  assert.ok(took_ms >= 0 && trip_ms >= 0, `${took_ms} ms beyond a way of ${trip_ms} ms`);
  assert.equal(told(stuck).length, 0, 'what is on its way has not arrived');
  stuck.ws._socket.resume();
  await stuck.find((m) => Buffer.isBuffer(m) && m[1000] === 60, { what: 'the newest picture' });
  assert.ok(stuck.items.filter(Buffer.isBuffer).length < 60, 'some were left out');
  await until('word of those, too', () => told(stuck).length === stuck.items.filter(Buffer.isBuffer).length);
  const words = told(reader).length + told(stuck).length;
  reader.ws.pong(Buffer.from([0, 0, 1, 0, 0, 0, 0, 0])); // nobody has asked: said to nobody
  reader.send({ type: 'ping', t: 2 });
  await reader.find(typed('pong'));
  host.send({ type: 'ping', t: 3 });
  await host.find((m) => m.type === 'pong' && m.t === 3);
  assert.equal(told(reader).length + told(stuck).length, words);
  assert.match((await server.get('/metrics')).text, /^testbed_dropped_pictures_total [1-9]/m);
  // who is named without a picture has the last one, also when that was for somebody who is gone
  host.send(picture('nobody', s.sessionId, jpeg(77)));
  const again = picture(reader.ready.peerId, s.sessionId, Buffer.alloc(0));
  again[0] = 2;
  host.send(again);
  const named = await reader.find((m) => Buffer.isBuffer(m) && m[50] === 77);
  assert.equal(named.length, 200 * 1024 + 1);
  host.send(Buffer.from([1, 200, 1]));
  assert.equal((await host.find(typed('error'))).message, 'Invalid picture');
  await Promise.all([reader.stop(), stuck.stop(), host.stop()]);
});

test('HTTP is carried to the host and back', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  serve(host, (head, stream, body) =>
    answerTo(
      host,
      stream,
      201,
      { 'Content-Type': 'application/json', 'Set-Cookie': 'x=1', ETag: '"7"' },
      JSON.stringify({ ...head, text: body.toString() }),
    ),
  );
  const put = await server.request('PUT', '/api/hosts/lab-1/host/devices/a%2Fb/power?x=1&access_token=secret&y=%20', {
    json: { state: 'on' },
    headers: { 'X-Lease': 'L1', 'X-Request-Id': 'req-1' },
  });
  assert.equal(put.status, 201);
  assert.deepEqual(
    [put.json.method, put.json.path, put.json.text, put.json.role],
    ['PUT', '/host/devices/a%2Fb/power?x=1&y=%20', '{"state":"on"}', 'admin'],
  );
  assert.deepEqual(
    [put.json.headers['X-Lease'], put.json.headers['X-Request-Id'], put.json.headers['Content-Type'], put.json.length],
    ['L1', 'req-1', 'application/json', 14],
  );
  assert.equal(put.headers.etag, '"7"');
  assert.equal(put.headers['set-cookie'], undefined);
  assert.match(put.headers['content-security-policy'], /sandbox/);
  const get = await server.get('/api/hosts/lab-1/host/health');
  assert.deepEqual([get.json.method, get.json.path, get.json.text], ['GET', '/host/health', '']);
  assertProblem(await server.get('/api/hosts/nobody/host/health'), 404);
  assertProblem(await server.get('/api/hosts/lab-1/host/health', { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 403);
  await host.stop();
});

test('what is no text is refused here: it never reaches the connection that all share', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  serve(host, (head, stream) => answerTo(host, stream, 200, { 'Content-Type': 'application/json' }, '{}'));
  for (const query of ['x=\xff', '\xc3\x28=1', 'access_token=secret&x=\x80'])
    assertProblem(await server.get(`/api/hosts/lab-1/host/devices?${query}`), 400, { detail: /query is not UTF-8/ });
  for (const name of ['Accept', 'Content-Type', 'X-Lease', 'If-Match'])
    assertProblem(await server.get('/api/hosts/lab-1/host/devices', { headers: { [name]: 'a\xff' } }), 400, {
      detail: new RegExp(`header ${name} is not UTF-8`),
    });
  assert.equal((await server.get('/api/hosts/lab-1/host/devices?x=%ff')).status, 200, 'escapes are the host to judge');
  assert.deepEqual(framesOf(host).filter((f) => f.type === HEAD).length, 1, 'nothing else was sent');
  assert.ok((await server.get('/api/hosts')).json[0].online);
  await host.stop();
});

test('an older host is told what to update, and nothing is carried to it', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES, { protocol: 1 });
  const said = await host.find(typed('error'));
  assert.equal(said.code, 'protocol');
  assert.match(said.message, /update testbed-host/);
  const answer = await server.get('/api/hosts/lab-1/host/health');
  assertProblem(answer, 501);
  assert.match(answer.json.detail, /update testbed-host/);
  await host.stop();
});

test('carried bodies of any size, both ways, at the pace of the reader', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const upload = server.request('PUT', '/api/hosts/lab-1/host/up', { body: Buffer.alloc(3 * 1024 * 1024, 7) });
  const up = await headOf(host);
  assert.equal(up.head.length, 3 * 1024 * 1024);
  const cost = () =>
    framesOf(host, up.stream)
      .filter((f) => f.type === DATA)
      .reduce((n, f) => n + f.payload.length + 32, 0);
  await until('the first window', () => cost() > WINDOW - CHUNK - 64);
  const other = server.get('/api/hosts/lab-1/host/other'); // the upload stands; others go on
  const small = await headOf(host, (h) => h.path === '/host/other');
  answerTo(host, small.stream, 200, {}, 'quick');
  assert.equal((await other).text, 'quick');
  assert.ok(cost() <= WINDOW, 'no more than there is credit for');
  while (bodyOf(host, up.stream).length < 3 * 1024 * 1024) {
    const before = host.items.length;
    host.send(credit(up.stream, WINDOW));
    await host.find((m) => Buffer.isBuffer(m) && m.readUInt32BE(4) === up.stream, {
      from: before,
      what: 'more of the upload',
    });
  }
  await until('its end', () => framesOf(host, up.stream).at(-1).end);
  assert.ok(bodyOf(host, up.stream).every((b) => b === 7));
  answerTo(host, up.stream, 200, {}, 'thanks');
  assert.equal((await upload).text, 'thanks');

  const down = request(server.url, 'GET', '/api/hosts/lab-1/host/down', { stream: true });
  const d = await headOf(host, (h) => h.path === '/host/down');
  host.send(frame(HEAD, d.stream, { status: 200, headers: {} }));
  const slow = await down;
  slow.stream.pause();
  let left = WINDOW,
    sent = 0; // as much as there is credit for, until no more is given
  const creditFor = () =>
    framesOf(host, d.stream)
      .filter((f) => f.type === CREDIT)
      .reduce((n, f) => n + f.payload.readUInt32BE(0), 0);
  for (let quiet = 0; quiet < 20; ) {
    left = WINDOW + creditFor() - sent;
    if (left >= CHUNK + 32) {
      host.send(frame(DATA, d.stream, Buffer.alloc(CHUNK, 1)));
      sent += CHUNK + 32;
      quiet = 0;
    } else {
      host.send({ type: 'ping', t: ++quiet }); // the server has read all that came before
      await host.find((m) => m.type === 'pong' && m.t === quiet);
    }
  }
  assert.ok(sent < 8 * 1024 * 1024, 'a reader that reads nothing stops its sender');
  const after = server.get('/api/hosts/lab-1/host/after');
  answerTo(host, (await headOf(host, (h) => h.path === '/host/after')).stream, 200, {}, 'still quick');
  assert.equal((await after).text, 'still quick');
  slow.req.destroy();
  await findFrame(host, (f) => f.type === RESET && f.stream === d.stream, { what: 'the reset' });
  await host.stop();
});

test('carried answers in pieces; an error after the head cuts the body', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const whole = server.get('/api/hosts/lab-1/host/whole');
  const m = await headOf(host);
  host.send(
    Buffer.concat([
      frame(HEAD, m.stream, { status: 200, headers: { 'Content-Type': 'text/event-stream' } }),
      frame(DATA, m.stream, 'one '),
    ]),
  );
  host.send(frame(DATA, m.stream, 'two '));
  host.send(frame(DATA, m.stream, 'three', true));
  assert.equal((await whole).text, 'one two three');
  assert.equal((await whole).headers['transfer-encoding'], 'chunked');
  const together = server.get('/api/hosts/lab-1/host/together');
  const o = await headOf(host, (x) => x.path === '/host/together');
  host.send(Buffer.concat([frame(HEAD, o.stream, { status: 200, headers: {} }), frame(DATA, o.stream, 'all', true)]));
  const answer = await together;
  assert.equal(answer.text, 'all');
  assert.deepEqual(
    ['content-length', 'transfer-encoding'].map((name) => answer.headers[name]),
    ['3', undefined],
  );
  const refused = server.get('/api/hosts/lab-1/host/refused');
  host.send(frame(RESET, (await headOf(host, (h) => h.path === '/host/refused')).stream, 'no such luck'));
  assertProblem(await refused, 502);
  assert.match((await refused).json.detail, /no such luck/);
  const half = request(server.url, 'GET', '/api/hosts/lab-1/host/half', { stream: true });
  const h = await headOf(host, (x) => x.path === '/host/half');
  host.send(frame(HEAD, h.stream, { status: 200, headers: {} }));
  host.send(frame(DATA, h.stream, 'half'));
  const cut = await half;
  const ended = new Promise((resolve) => {
    cut.stream.on('aborted', () => resolve('cut'));
    cut.stream.on('end', () => resolve('complete'));
    cut.stream.on('error', () => {});
    cut.stream.resume();
  });
  host.send(frame(RESET, h.stream, 'the disk is gone'));
  assert.equal(await ended, 'cut');
  await host.stop();
});

test('a client that leaves cancels; a lost host ends its answers', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab-1', DEVICES);
  const begin = async (name) => {
    const answer = request(server.url, 'GET', `/api/hosts/lab-1/host/${name}`, { stream: true });
    const { stream } = await headOf(host, (h) => h.path === `/host/${name}`);
    return { answer, stream };
  };
  const first = await begin('events');
  host.send(frame(HEAD, first.stream, { status: 200, headers: { 'Content-Type': 'text/event-stream' } }));
  host.send(frame(DATA, first.stream, 'data: 1\n\n'));
  const open = await first.answer;
  assert.equal(open.headers['content-type'], 'text/event-stream');
  open.req.destroy();
  await findFrame(host, (f) => f.type === RESET && f.stream === first.stream);
  host.send(frame(DATA, first.stream, '', true)); // too late: ignored

  const waiting = await begin('waiting');
  const half = await begin('half');
  host.send(frame(HEAD, half.stream, { status: 200, headers: {} }));
  host.send(frame(DATA, half.stream, 'half'));
  const cut = await half.answer;
  const ended = new Promise((resolve) => {
    cut.stream.on('aborted', () => resolve('cut'));
    cut.stream.on('end', () => resolve('complete'));
    cut.stream.on('error', () => {});
    cut.stream.resume();
  });
  host.ws.terminate();
  assert.equal((await waiting.answer).status, 502);
  assert.equal(await ended, 'cut');
});

test('shares: who reads much leaves room for others, and for what changes something', async (t) => {
  const tokens = [
    { name: 'vera', role: 'viewer', token: 'viewer-token-12345' },
    { name: 'vito', role: 'viewer', token: 'viewer-token-54321' },
    { name: 'vic', role: 'viewer', token: 'viewer-token-99999' },
    { name: 'otto', role: 'operator', token: 'operator-token-123' },
    { name: 'lab', role: 'admin', token: 'admin-token-1234567' },
    { name: 'oda', role: 'operator', token: 'operator-token-456' },
  ];
  const server = await withServer(t, { tokens });
  const host = await server.host('lab-1', DEVICES, { token: 'admin-token-1234567' });
  const heads = (path) => framesOf(host).filter((f) => f.type === HEAD && f.head.path === path).length;
  const as = (i) => ({ headers: { Authorization: `Bearer ${tokens[i].token}` } });
  // TB_LIMIT_CARRY_READS_EACH + 1
  const all = Array.from({ length: 33 }, () => server.get('/api/hosts/lab-1/host/slow', as(0)));
  const first = await Promise.race(all);
  assertProblem(first, 429);
  assert.ok(first.headers['retry-after']);
  await until('32 to arrive', () => framesOf(host).filter((f) => f.type === HEAD).length === 32);
  all.push(...Array.from({ length: 32 }, () => server.get('/api/hosts/lab-1/host/slow', as(1))));
  await until('64 to arrive', () => framesOf(host).filter((f) => f.type === HEAD).length === 64);
  // viewers have had theirs: TB_LIMIT_CARRY_VIEWERS + 1
  assertProblem(await server.get('/api/hosts/lab-1/host/slow', as(2)), 429);
  all.push(...Array.from({ length: 32 }, () => server.get('/api/hosts/lab-1/host/slow', as(3))));
  await until('96 to arrive', () => heads('/host/slow') === 96);
  // TB_LIMIT_CARRY_READS + 1
  assertProblem(await server.get('/api/hosts/lab-1/host/slow', as(5)), 429, { detail: /answers 96 requests at once/ });
  const writes = Array.from({ length: 16 }, () =>
    server.request('PUT', '/api/hosts/lab-1/host/write', { json: {}, ...as(5) }),
  );
  await until('16 to arrive', () => heads('/host/write') === 16);
  // TB_LIMIT_CARRY_WRITES_EACH + 1
  assertProblem(await server.request('PUT', '/api/hosts/lab-1/host/write', { json: {}, ...as(5) }), 429);
  const off = server.request('PUT', '/api/hosts/lab-1/host/off', { json: {}, ...as(3) });
  const { stream, head } = await headOf(host, (h) => h.path === '/host/off');
  assert.deepEqual([head.user, head.role], ['otto', 'operator']);
  answerTo(host, stream, 200, {}, 'off');
  assert.equal((await off).status, 200);
  for (const f of framesOf(host).filter((x) => x.type === HEAD && ['/host/slow', '/host/write'].includes(x.head.path)))
    host.send(frame(HEAD, f.stream, { status: 204, headers: {} }, true));
  const statuses = (await Promise.all(all)).map((a) => a.status).sort();
  assert.deepEqual(statuses, [...Array(96).fill(204), 429]);
  for (const a of await Promise.all(writes)) assert.equal(a.status, 204);
  await host.stop();
});

test('a host that breaks the protocol is cut, and nothing else is', async (t) => {
  const server = await withServer(t);
  const most = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
  const tricks = {
    'a stream that was never opened': (s) => frame(DATA, s + 7, 'x'),
    'data before the head': (s) => frame(DATA, s, 'x'),
    'heads without end': (s) => Buffer.concat([frame(HEAD, s, { status: 200 }), frame(HEAD, s, { status: 200 })]),
    'credit without end': (s) => frame(CREDIT, s, most),
    'negative credit': (s) => frame(CREDIT, s, Buffer.from([0xff, 0xff, 0xff, 0xff])),
    'more than there is credit for': (s) =>
      Buffer.concat([
        frame(HEAD, s, { status: 200 }),
        ...Array.from({ length: 12 }, () => frame(DATA, s, Buffer.alloc(CHUNK))),
      ]),
    'half a frame': (s) => frame(DATA, s, 'abc', true).subarray(0, 9),
  };
  const good = await server.host('good', DEVICES);
  for (const [what, trick] of Object.entries(tricks)) {
    const host = await server.host('bad', DEVICES);
    const answer = server.get('/api/hosts/bad/host/x').catch((e) => e);
    host.send(trick((await headOf(host)).stream));
    assert.equal((await host.find(typed('error'), { what })).code, 'protocol', what);
    const { status } = await answer;
    assert.ok(status === undefined || status === 502 || status === 200, `${what}: ${status}`);
    await until(
      `${what}: gone`,
      async () => (await server.get('/api/hosts')).json.find((h) => h.name === 'bad').online === false,
    );
  }
  const fine = server.get('/api/hosts/good/host/x');
  answerTo(good, (await headOf(good)).stream, 200, {}, 'fine');
  assert.equal((await fine).text, 'fine');
  await good.stop();
});

test('a restart keeps sessions: links go on, tokens are kept as hashes only', async (t) => {
  const first = await withServer(t);
  const lab = await first.host('lab-1', DEVICES);
  const pairing = await first.session({}),
    control = await first.session({ device: 'lab-1/board', mode: 'control', observers: 3 });
  await lab.stop();
  await first.stop({ keepState: true });

  const server = await withServer(t, {}, { state: first.folder });
  const status = (await server.get(`/api/session/${control.sessionId}`)).json;
  assert.deepEqual(
    [status.device, status.mode, status.phoneConnected, status.observers],
    ['lab-1/board', 'control', false, 0],
  );
  const again = await server.host('lab-1', DEVICES);
  const view = linkToken(control.viewUrl);
  assert.equal((await server.join('desktop', control)).ready.mode, 'control');
  assert.equal((await server.join('desktop', { ...control, token: view })).ready.mode, 'view');
  await again.find((m) => m.type === 'peer-connected' && m.sessionId === control.sessionId && m.mode === 'control');
  assert.equal((await server.join('phone', pairing)).ready.role, 'phone');
  const wrong = await server.websocket();
  wrong.send({ type: 'hello', role: 'desktop', sessionId: pairing.sessionId, token: 'wrong' });
  assert.equal((await wrong.find((m) => m.type === 'error')).message, 'Invalid session or token');
});
