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
