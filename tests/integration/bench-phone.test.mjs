// Phones of a host over REST, and phones that are not ours: python3-aiortc, which sends H.264 or VP8, and a bare socket
// that says what it likes.
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';

import { Host, Program, ROOT, assertProblem, documented, forFile, sse, until, withHost } from './harness.mjs';
import { decode } from './png.mjs';
import { withServer } from './server-harness.mjs';

const file = forFile();
let server, host;

before(async () => {
  server = await withServer(file);
  host = await Host.start({ server: { url: server.url, insecure: true } });
  file.after(() => host.stop());
  await until(
    'the host at the server',
    async () => (await host.get('/host/health')).json.services.server === 'running',
  );
  documented(host, (await host.get('/host/openapi.json')).json);
});

const add = async (json) => {
  const added = await host.post('/host/phones', json);
  assert.equal(added.status, 201, added.text);
  return added.json;
};
const paired = (phone) => {
  const [, sessionId, token] = /\/m\/([^#]+)#token=(.+)$/.exec(phone.phoneUrl);
  return { sessionId, token };
};
const stateOf = async (name) => (await host.get(`/host/phones/${name}`)).json.state;
const sensors = async (name) => (await host.get(`/host/devices/${name}/sensors`)).json;

for (const codec of ['H264', 'VP8'])
  test(`aiortc sends ${codec}: picture, readings, an event; a picture that turns`, async (t) => {
    const name = codec.toLowerCase();
    const phone = await add({ name });
    const peer = await server.join('phone', paired(phone));
    const events = await sse(host.url, `/host/events?device=${name}`);
    t.after(() => events.stop());
    const python = new Program(['/usr/bin/python3', path.join(ROOT, 'tests/integration/aiortc_phone.py'), codec]);
    t.after(() => python.kill());
    const tell = (message) => python.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { sdp } = await peer.find((m) => m.type === 'offer', { what: 'an offer' });
    tell({ offer: sdp });
    peer.send({ type: 'answer', sdp: JSON.parse(await python.line(/^\{"answer"/, { ms: 20000 })).answer });
    const seen = new Set();
    const trickle = async () => {
      for (;;) {
        const m = await peer.find((one) => one.type === 'ice' && !seen.has(one), { ms: 60000 });
        seen.add(m);
        tell({ ice: m.candidate });
      }
    };
    trickle().catch(() => {}); // until the socket ends

    const sees = (width, height) =>
      until(`a red picture of ${width} × ${height}`, async () => {
        const shot = await host.get(`/host/devices/${name}/video/snapshot.png`);
        if (shot.status !== 200) throw new Error(shot.text);
        const picture = decode(shot.body);
        const [r, g, b] = picture.data.subarray(((height >> 1) * picture.width + (width >> 1)) * picture.channels);
        if (picture.width !== width || picture.height !== height || r < 200 || g > 60 || b > 60)
          throw new Error(`${picture.width} × ${picture.height}: ${r} ${g} ${b}`);
        return true;
      });
    await sees(320, 240);
    tell({ turn: true });
    await sees(240, 320);
    assert.equal((await sensors(name))['gyro.x'].value, 1.5);
    await events.find((e) => e.data.event === 'button.down' && e.data.data.button === 'b');
    await python.kill();
    await peer.stop();
    await until('it to be away', async () => (await stateOf(name)) === 'away');
    assert.equal((await host.request('DELETE', `/host/phones/${name}`)).status, 204);
  });

test('what a hostile phone says: bounded, and of nothing but itself; readings by the server, none of which goes back', async (t) => {
  const phone = await add({});
  assert.equal(phone.name, 'phone1');
  assert.match(phone.qr, /^data:image\/svg\+xml;base64,/);
  const peer = await server.join('phone', paired(phone));
  const events = await sse(host.url, '/host/events');
  t.after(() => events.stop());
  const bench = await peer.find((m) => m.type === 'event' && m.event === 'phone.bench', { what: 'who sees it' });
  assert.deepEqual(bench.data, { host: 'bench', device: 'phone1' });
  peer.send({ type: 'answer', sdp: 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 1\r\n' }); // ends that call alone
  peer.send({ type: 'error', code: 'session-ended', message: 'Session ended' });
  peer.send({ type: 'event', event: 'power.state', t: 1, data: { observed: 'off', n: 1 } });
  peer.send({ type: 'event', event: 'touch.down', t: 1, data: { finger: 0, x: 9, y: 0.5, device: 'x', n: 2 } });
  peer.send({ type: 'event', event: 'touch.down', t: 1, data: { finger: 0, x: 9, y: 0.5, n: 2 } });
  peer.send({ type: 'sample', stream: 'a b', t: 1, seq: 1, value: 1 });
  for (const [seq, value] of [[1, 10], [3, 30], [2, 20]]) // prettier-ignore
    peer.send({ type: 'sample', stream: 'battery.level', t: 1, seq, unit: '%', value });
  await until('a reading by the server', async () => (await sensors('phone1'))['battery.level']?.value === 30);
  peer.send({ type: 'event', event: 'button.up', t: 1, data: { button: 'a', n: 3 } });
  const touch = await events.find((e) => e.data.event === 'touch.down');
  assert.deepEqual(touch.data.data, { finger: 0, x: 1, y: 0.5, n: 2 });
  await events.find((e) => e.data.event === 'button.up');
  const told = events.items.filter((e) => /^(touch|power|button)/.test(e.data.event)).map((e) => e.data.event);
  assert.deepEqual(told, ['touch.down', 'button.up']);
  assert.deepEqual(Object.keys(await sensors('phone1')), ['battery.level']);
  assert.equal(await stateOf('phone1'), 'connecting');
  // removed as a device it is removed as a phone
  assert.equal((await host.request('DELETE', '/host/devices/phone1')).status, 204);
  await peer.find((m) => m.type === 'error' && m.message === 'Session ended', { what: 'the end of its session' });
  assertProblem(await host.get('/host/phones/phone1'), 404);
});

test('a session that somebody took back: the phone gets a new code', async () => {
  const phone = await add({ name: 'again' });
  const { sessionId, token } = paired(phone);
  const ended = await server.request('DELETE', `/api/session/${sessionId}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  assert.ok([200, 204].includes(ended.status), ended.text);
  const fresh = await until('another code', async () => {
    const { json } = await host.get('/host/phones/again');
    return json.phoneUrl && json.phoneUrl !== phone.phoneUrl && json;
  });
  await (await server.join('phone', paired(fresh))).stop();
});

test('names, and whose they are', async () => {
  assertProblem(await host.post('/host/phones', { name: 'No Name' }), 400);
  await add({ name: 'mine' });
  assertProblem(await host.post('/host/phones', { name: 'mine' }), 409);
  assertProblem(await host.request('DELETE', '/host/phones/other'), 404);
});

test('a host without a server says what to do, and who may not attach may not add', async (t) => {
  const alone = await withHost(t, {
    tokens: [
      { name: 'v', role: 'viewer', token: 'a-token-of-the-viewer' },
      { name: 'a', role: 'admin', token: 'a-token-of-the-admin-' },
    ],
  });
  const as = (token) => ({ headers: { Authorization: `Bearer ${token}` } });
  const refused = await alone.post('/host/phones', {}, as('a-token-of-the-admin-'));
  assertProblem(refused, 503);
  assert.match(refused.json.detail, /server: \{url/);
  assertProblem(await alone.post('/host/phones', {}, as('a-token-of-the-viewer')), 403);
  assert.deepEqual((await alone.get('/host/phones', as('a-token-of-the-viewer'))).json, []);
});

test('PHONES: a host has so many', async (t) => {
  const devices = Object.fromEntries(
    [...Array(16).keys()].map((n) => [`p${n}`, { attach: `phone://p${n}`, optional: true }]),
  );
  const full = await withHost(t, { server: { url: 'http://127.0.0.1:9', insecure: true }, devices });
  assert.equal((await full.get('/host/phones')).json.length, 16);
  const refused = await full.post('/host/phones', {});
  assertProblem(refused, 429);
  assert.match(refused.json.detail, /16 phones/);
});
