// What bounds the peers of testbed-server (lib/limits.h), from outside: at the limit all goes on, one beyond it is
// refused or cut, and nothing stays behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertProblem, held, until } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const typed = (type) => (m) => m.type === type;
const DEVICES = [{ id: 'board', label: 'Board', state: 'ready', interfaces: [] }];

test('SESSIONS_PER_MINUTE: 30 from one address, then 429 with the time to wait', async (t) => {
  const server = await withServer(t, { sessions_per_minute: undefined }); // the default
  const kept = async () => Number(/^testbed_sessions\S* (\d+)/m.exec((await server.get('/metrics')).text)[1]);
  // at once: one comes free every 2 s
  const answers = await Promise.all(Array.from({ length: 31 }, () => server.post('/api/session', {})));
  const refused = answers.filter((a) => a.status !== 201);
  assert.equal(refused.length, 1);
  assertProblem(refused[0], 429, { detail: /more than 30 sessions a minute from one address/ });
  assert.ok(['1', '2'].includes(refused[0].headers['retry-after']), refused[0].headers['retry-after']);
  assert.equal(await kept(), 30);
  assert.equal(
    (await server.post('/api/session', {}, { headers: { 'X-Forwarded-For': '192.0.2.7' } })).status,
    201,
    'another address',
  );
  await until('the next one', async () => (await server.post('/api/session', {})).status === 201, 5000);
  assert.equal(await kept(), 32);
});

test('OBSERVERS: 32 of one session, the next is refused, and a place that is left is free', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab', DEVICES);
  assertProblem(await server.post('/api/session', { device: 'lab/board', observers: 33 }), 400, { field: 'observers' });
  const s = await server.session({ device: 'lab/board', observers: 32 });
  const all = await Promise.all(Array.from({ length: 32 }, () => server.join('desktop', s)));
  await until('the host to know of them', () => host.items.filter(typed('peer-connected')).length === 32);
  const hello = { type: 'hello', role: 'desktop', sessionId: s.sessionId, token: s.token };
  const more = await server.websocket();
  more.send(hello);
  const error = await more.find(typed('error'));
  assert.deepEqual([error.code, error.message], ['too-many-observers', 'Too many observers']);
  await until('its end', () => more.code);
  assert.equal(more.code, 1008);
  assert.equal((await server.get(`/api/session/${s.sessionId}`)).json.observers, 32);
  await all[7].stop();
  await host.find((m) => m.type === 'peer-disconnected' && m.peerId === all[7].ready.peerId);
  all[7] = await server.join('desktop', s);
  await host.find((m) => m.type === 'peer-connected' && m.peerId === all[7].ready.peerId);
  assert.equal(host.items.filter(typed('peer-connected')).length, 33, 'nobody heard of the one that was refused');
  await Promise.all([...all, host].map((peer) => peer.stop()));
});

test('WS_HELLO: a first message of 4000 bytes is heard, one byte more ends the socket', async (t) => {
  const server = await withServer(t);
  const hello = (size) => {
    const text = JSON.stringify({ type: 'hello', role: 'host', host: `lab-${size}`, protocol: 2, pad: '' });
    return text.replace('"pad":""', `"pad":"${'x'.repeat(size - text.length)}"`);
  };
  const one = await server.websocket(),
    two = await server.websocket();
  assert.equal(hello(4000).length, 4000);
  one.send(hello(4000));
  await one.find(typed('ready'));
  two.send(hello(4001));
  await until('the second to be cut', () => two.code !== undefined);
  assert.equal(two.code, 1009);
  await one.stop();
});

test('BYTES_PER_S: 8 MB at once, then 4 MB a second; told, and cut when it goes on', async (t) => {
  const server = await withServer(t);
  const session = await server.session();
  const desktop = await server.join('desktop', session),
    phone = await server.join('phone', session);
  const block = 64 * 1024,
    picture = Buffer.alloc(block, 1); // pictures: even under a sanitizer the server takes more of them than it may
  const since = Date.now();
  const age = () => (Date.now() - since) / 1000;
  const burst = (8 * 1024 * 1024) / block;
  let sent = 0;
  // as fast as the server reads, until it cuts the line
  for (; !phone.code && age() < 20; sent++)
    // a send after the close frame is answered at once: the end must be heard, too
    await new Promise((done) => phone.ws.send(picture, () => setImmediate(done)));
  const seconds = age();
  if (!phone.code) {
    // a machine that takes less than 4 MB a second has nothing to cut
    const held = 256; // what the kernel's buffers may hold of it
    assert.ok(sent <= burst + (seconds * burst) / 2 + held, `${sent} pictures in ${seconds} s, and nobody was told`);
    assert.deepEqual(phone.items.filter(typed('error')), []);
    t.diagnostic(`this machine takes ${((sent * block) / 1e6 / seconds).toFixed(1)} MB/s: the limit was not reached`);
    return;
  }
  assert.equal((await phone.find(typed('error'))).message, 'Too many messages');
  assert.equal(phone.code, 1008);
  assert.equal(phone.items.filter(typed('error')).length, 2, 'told once, and once more with the end');
  await desktop.find(typed('peer-disconnected'));
  const metrics = (await server.get('/metrics')).text;
  const total = (name) => Number(new RegExp(`^testbed_${name}_total (\\d+)`, 'm').exec(metrics)[1]);
  const taken = total('relayed_messages') + total('dropped_pictures'); // the newest wins: some never went out
  // the hello was some of it, one may wait
  assert.ok(taken >= burst - 2 && taken <= burst + (seconds * burst) / 2, `${taken} pictures in ${seconds} s`);
  const again = await server.join('phone', session); // it may come back
  again.send({ type: 'event', n: 7 });
  await desktop.find((m) => m.n === 7);
  await Promise.all([again, desktop].map((peer) => peer.stop()));
});

test('WS_QUEUE: an observer that does not read is cut with 4 MB waiting; the other misses nothing', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab', DEVICES);
  const s = await server.session({ device: 'lab/board', observers: 2 });
  await until('the connections of before to be gone', () => held(server.url) === 1);
  const fast = await server.join('desktop', s),
    slow = await server.join('desktop', s);
  await until('both to be held', () => held(server.url) === 3);
  slow.ws.pause();
  const blocks = 120,
    x = 'x'.repeat(200 * 1024); // more than the kernel and the queue hold
  for (let n = 0; n < blocks; n++) {
    host.send({ type: 'event', n, x, sessionId: s.sessionId });
    await fast.find((m) => m.n === n);
  }
  await host.find((m) => m.type === 'peer-disconnected' && m.peerId === slow.ready.peerId);
  await fast.find((m) => m.type === 'peer-disconnected' && m.peerId === slow.ready.peerId);
  assert.equal((await server.get(`/api/session/${s.sessionId}`)).json.observers, 1);
  await until('its connection to be gone', () => held(server.url) === 2);
  slow.ws.resume();
  await until('it to notice', () => slow.code);
  assert.ok([1006, 1008].includes(slow.code), `closed with ${slow.code}`);
  const got = slow.items.filter(typed('event')).map((m) => m.n);
  assert.ok(got.length < blocks && got.every((n, i) => n === i), `${got.length} of ${blocks}, in order`);
  const back = await server.join('desktop', s);
  host.send({ type: 'event', n: 'again', sessionId: s.sessionId });
  await Promise.all([back, fast].map((peer) => peer.find((m) => m.n === 'again')));
  await Promise.all([host, fast, back].map((peer) => peer.stop()));
});

// `size` bytes of JSON: 256 devices of the same shape, the last one takes the rest
function devicesOf(size) {
  const interfaces = Array.from({ length: 10 }, () => ({ name: 'u', kind: 'uart', state: 'ready' }));
  const list = Array.from({ length: 256 }, (_, i) => ({ id: `d${100 + i}`, label: '', state: 'ready', interfaces }));
  let left = size - JSON.stringify(list).length;
  for (const device of list) {
    device.label = 'x'.repeat(Math.min(200, left));
    left -= device.label.length;
  }
  assert.equal(JSON.stringify(list).length, size);
  return list;
}

test('DEVICE_LIST: 160 KB of one host are kept, one byte more is refused, the list of before stays', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab', []),
    limit = 160 * 1024;
  host.send({ type: 'devices', devices: devicesOf(limit) });
  await until('the list', async () => (await server.get('/api/devices')).json.length === 256);
  assert.deepEqual((await server.get('/api/hosts')).json[0].devices, devicesOf(limit));
  assert.deepEqual(host.items.filter(typed('error')), []);
  host.send({
    type: 'devices',
    devices: devicesOf(limit + 1)
      .slice()
      .reverse(),
  });
  const error = await host.find(typed('error'));
  assert.equal(error.code, 'too-large');
  assert.match(error.message, /list of devices is too large: at most 163840 bytes/);
  assert.deepEqual((await server.get('/api/hosts')).json[0].devices, devicesOf(limit), 'as before');
  assert.equal((await server.session({ device: 'lab/d100' })).sessionId.length > 0, true);
  const junk = 'x'.repeat(limit); // what nobody knows is not kept
  host.send({ type: 'devices', devices: [{ ...DEVICES[0], junk }] });
  await until('the next list', async () => (await server.get('/api/devices')).json.length === 1);
  assert.deepEqual((await server.get('/api/hosts')).json[0].devices, DEVICES);
  assert.match((await server.get('/metrics')).text, /^testbed_device_lists_refused_total 1$/m);
  const line = /devices of the host refused: The list of devices is too large/;
  await until('the line about it', () => line.test(server.program.text));
  await host.stop();
});

test('DEVICE_LIST: each string is bounded as a host bounds it', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab', DEVICES);
  const interfaces = Array.from({ length: 32 }, () => ({ name: 'n'.repeat(64), kind: 'power', state: 'off' }));
  const fits = { id: 'a'.repeat(64), label: 'x'.repeat(200), state: 'ready', interfaces };
  host.send({ type: 'devices', devices: [fits] });
  await until('all of it', async () => (await server.get('/api/devices')).json[0].device === fits.id);
  const beyond = [
    { id: 'a'.repeat(65) },
    { label: 'x'.repeat(201) },
    { label: 7 },
    { state: 's'.repeat(65) },
    { interfaces: [...interfaces, interfaces[0]] },
    { interfaces: 'x' },
    { interfaces: [{ name: 'n'.repeat(65) }] },
    { interfaces: [{ name: 'u', kind: 'k'.repeat(65) }] },
    { interfaces: [{ name: 'u', state: {} }] },
  ];
  for (const [i, part] of beyond.entries()) {
    host.send({ type: 'devices', devices: [{ ...fits, ...part }] });
    await until(`refusal ${i}`, () => host.items.filter(typed('error')).length === i + 1);
    const { code, message } = host.items.filter(typed('error'))[i];
    assert.deepEqual([code, message.slice(0, 15)], ['invalid', 'Invalid devices'], JSON.stringify(part).slice(0, 60));
  }
  assert.deepEqual((await server.get('/api/hosts')).json[0].devices, [fits]);
  await host.stop();
});

test('DEVICE_LISTS_OF_HOST_PER_S: 20 lists at once, then 10 a second; told, and cut when it goes on', async (t) => {
  const server = await withServer(t);
  const host = await server.host('lab', DEVICES),
    since = Date.now();
  for (let i = 0; i < 20; i++) host.send({ type: 'devices', devices: DEVICES });
  host.send({ type: 'nonsense' }); // the answer to it comes behind theirs
  await host.find(typed('error'));
  assert.deepEqual(
    host.items.filter(typed('error')).map((m) => m.code),
    ['invalid'],
  );
  let sent = 20;
  const again = JSON.stringify({ type: 'devices', devices: DEVICES });
  for (; !host.code && sent < 100000; sent++)
    await new Promise((done) => host.ws.send(again, () => setImmediate(done)));
  await until('its end', () => host.code); // it may have read less yet than the kernel took
  assert.equal(host.code, 1008);
  const rate = host.items.filter((m) => m.code === 'rate');
  assert.ok(rate.every((m) => m.message === 'Too many lists of devices'));
  assert.ok(sent > 420, `${sent} lists in ${Date.now() - since} ms`);
  assert.equal((await server.get('/api/devices')).json.length, 1);
});

test('REPORTS_PER_MINUTE: 60 of one session, of those who have its token; operators see them', async (t) => {
  const tokens = [
    { name: 'eve', role: 'viewer', token: 'a-viewers-token-of-it' },
    { name: 'bob', role: 'operator', token: 'operators-token-of-it' },
  ];
  const server = await withServer(t, { tokens });
  const bob = { headers: { Authorization: `Bearer ${tokens[1].token}` } };
  const { sessionId, token } = (await server.post('/api/session', {}, bob)).json;
  const tell = (query, report) => server.post(`/api/session/${sessionId}/telemetry${query}`, report);
  const report = { peer: 'p', connected: true, path: 'direct', connect_ms: 200 };
  assertProblem(await tell('', report), 401);
  assertProblem(await tell('?token=guess', report), 403);
  assertProblem(await tell(`?token=${token}`, { ...report, path: 'pigeon' }), 400);
  const answers = await Promise.all(Array.from({ length: 61 }, () => tell(`?token=${token}`, report)));
  assert.equal(answers.filter((a) => a.status === 204).length, 60);
  assertProblem(
    answers.find((a) => a.status !== 204),
    429,
  );
  const look = (bearer) => server.get('/api/telemetry', { headers: { Authorization: `Bearer ${bearer}` } });
  assertProblem(await look(tokens[0].token), 403);
  const { summary, reports } = (await look(tokens[1].token)).json;
  assert.deepEqual([summary.connected, summary.paths, reports.length], [1, { direct: 1 }, 1]);
  assert.match((await server.get('/metrics')).text, /^testbed_connections_total\{path="direct"\} 1$/m);
});

test('REFUSALS_PER_MINUTE: 600 sockets of one address may come to nothing, then that is all a stranger learns', async (t) => {
  const server = await withServer(t, { refusals_per_minute: undefined }); // the default
  const s = await server.session();
  const begun = Date.now();
  const guess = async () => {
    const ws = await server.websocket();
    ws.send({ type: 'hello', role: 'phone', sessionId: s.sessionId, token: 'guess' });
    const { message } = await ws.find(typed('error'));
    await until('its end', () => ws.code !== undefined);
    return message;
  };
  for (let n = 0; ; ) {
    const told = await Promise.all(Array.from({ length: 20 }, guess));
    const heard = told.filter((message) => message === 'Invalid session or token').length;
    n += heard;
    if (n <= 600) assert.equal(heard, 20, `after ${n}`);
    if (heard < 20) break;
    // ten a second come free
    assert.ok(n <= 621 + ((Date.now() - begun) / 1000) * 10, `${n} in ${Date.now() - begun} ms`);
  }
});

test('limits: of the configuration hold, in the API document too', async (t) => {
  const limits = { sessions: 2, sessions_reserve: 0, observers: 3, messages_per_s: 5 };
  const server = await withServer(t, { limits });
  const fields = (await server.get('/openapi.json')).json.paths['/api/session'].post.requestBody.content;
  assert.equal(fields['application/json'].schema.properties.observers.maximum, 3);
  assertProblem(await server.post('/api/session', { device: 'a/b', observers: 4 }), 400);
  const s = await server.session();
  const phone = await server.join('phone', s),
    desktop = await server.join('desktop', s);
  for (let n = 0; n < 11; n++) phone.send({ type: 'event', n });
  await phone.find(typed('error'));
  await desktop.find((m) => m.n === 8); // ten at once, twice as many as in a second; the hello was one
  assert.ok(!desktop.items.some((m) => m.n === 10));
  await server.session();
  assertProblem(await server.post('/api/session', {}), 429); // a network has no more than all
});
