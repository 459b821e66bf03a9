// WebSockets of a host through the server: consoles, /host/ws, RFB, with the caller's role, on a stream of the host's
// own socket each. Who stalls holds up himself; what a host sends that is no WebSocket ends that one alone.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice } from './bench.mjs';
import { forFile, Host, request, scratch, until, websocket } from './harness.mjs';
import { DATA, findFrame, frame, HEAD, headOf, RESET } from './link.mjs';
import { Server, withServer } from './server-harness.mjs';

const TOKENS = [
  { name: 'otto', role: 'operator', token: 'operator-token-123' },
  { name: 'vera', role: 'viewer', token: 'viewer-token-12345' },
  { name: 'lab', role: 'admin', token: 'admin-token-1234567' },
];
const as = (who) => ({ headers: { Authorization: `Bearer ${TOKENS.find((t) => t.name === who).token}` } });
const SECRET = 'of-a-signer-elsewhere-with-32-bytes-or-more';
const AT = '/api/hosts/lab-1/host';
const file = forFile();
let server;
let host;

before(async () => {
  server = await Server.start({ tokens: TOKENS }, { env: { JWT_SECRET: SECRET } });
  host = await Host.start({
    name: 'lab-1',
    server: { url: server.url, token: TOKENS[2].token },
    devices: {
      board: scriptedDevice(path.join(scratch(), 'power')),
      screen: { attach: 'testpattern://?width=320&height=240&fps=5' },
    },
  });
  file.after(async () => {
    await host.stop();
    await server.program.stop();
  });
  await host.state_is('board/console');
  await host.state_is('screen/video');
  await until('the host', async () => (await server.get('/api/devices', as('lab'))).text.includes('lab-1/screen'));
});

const open = (target, who, more = {}) => websocket(server.url, `${AT}${target}`, { ...as(who), ...more });

test('a console: bytes both ways, of any amount and in order, also while another client of it does not read', async (t) => {
  const stalled = await open('/devices/board/console', 'vera');
  t.after(() => stalled.ws.terminate());
  stalled.ws._socket.pause();
  const console_ = await open('/devices/board/console?control=true', 'otto');
  t.after(() => console_.stop());
  const sent = Buffer.alloc(200000, '0123456789abcdef\n');
  for (let at = 0; at < sent.length; at += 4096) console_.send(sent.subarray(at, at + 4096));
  await until('all of it to come back', () => console_.bytes().length >= sent.length, 60000);
  assert.ok(console_.bytes().subarray(-sent.length).equals(sent));
  console_.send({ type: 'ping' });
  await console_.find((m) => m.type === 'pong' && m.taken === sent.length);
  // the stalled one has what it has, and the host's other streams go on
  assert.equal((await server.get(`${AT}/devices`, as('vera'))).status, 200);
});

/** Who is with the board, as the host says: "name by mode path". */
const there = async () =>
  ((await host.get('/host/devices/board')).json.people ?? [])
    .map((p) => `${p.guest ? 'a guest' : p.user} ${p.by} ${p.mode} ${p.path ?? 'direct'}`)
    .sort();

test('who has nothing open but a console is there, by his name, once, as long as it is open', async (t) => {
  await until('nobody', async () => (await there()).length === 0);
  const [one, two, vera, own] = [
    await open('/devices/board/console', 'otto'),
    await open('/devices/board/console', 'otto'),
    await open('/devices/board/console', 'vera'),
    await websocket(host.url, '/host/devices/board/console'),
  ];
  t.after(() => [one, two, vera, own].forEach((ws) => ws.stop()));
  const [otto, watcher] = ['otto (via server) console control relay', 'vera (via server) console view relay'];
  assert.deepEqual(await there(), ['local console control direct', otto, watcher].sort());
  const { people } = (await server.get(`${AT}/devices/board`, as('vera'))).json;
  assert.ok(people.every((p) => Date.parse(p.since) <= Date.now()));
  [one, vera, own].forEach((ws) => ws.ws.close());
  await until('the second of otto alone', async () => (await there()).join() === otto);
  two.ws.terminate();
  await until('nobody again', async () => (await there()).length === 0);
});

test('a viewer sees and does not type; his name is the caller of the host', async (t) => {
  const mine = await open('/devices/board/console', 'vera');
  t.after(() => mine.stop());
  mine.send(Buffer.from('typed'));
  const refused = await mine.find((m) => m.type === 'error');
  assert.equal(refused.status, 403);
  const ws = await open('/ws', 'otto');
  t.after(() => ws.stop());
  const taken = await ws.command('board', 'lease.take', { ttl_s: 30 });
  assert.equal(taken.ok, true, JSON.stringify(taken));
  assert.match((await host.get('/host/devices/board')).json.lease.holder, /otto \(via server\)/);
  assert.equal((await ws.command('board', 'lease.release', {}, { lease: taken.result.lease })).ok, true);
});

test('RFB, by the subprotocol that the client offers', async (t) => {
  const rfb = await open('/devices/screen/video/vnc', 'otto', { protocols: ['binary'] });
  t.after(() => rfb.stop());
  assert.equal(rfb.ws.protocol, 'binary');
  await until('the version', () => rfb.bytes().toString('latin1').startsWith('RFB 003.008\n'));
});

test('what the host refuses is refused, and a close code arrives at either end', async () => {
  await assert.rejects(open('/devices/none/console', 'otto'), { status: 404 });
  await assert.rejects(open('/devices', 'otto'), (e) => e.status >= 400);
  await assert.rejects(websocket(server.url, `${AT}/ws`), { status: 401 });
  await assert.rejects(open('/ws', 'otto', { headers: { ...as('otto').headers, Origin: 'https://evil.example' } }), {
    status: 403,
  });
  const ws = await open('/ws', 'otto');
  ws.ws.close(4001, 'done');
  await until('the end', () => ws.code !== undefined);
  assert.equal(ws.code, 4001);
});

test("a link's sockets: as the link says, and no longer than it is good for", async () => {
  const s = await server.session({ device: 'lab-1/board', mode: 'control' }, as('otto'));
  const to = (url) => {
    const { search, hash } = new URL(url);
    const token = new URLSearchParams(search || hash.slice(1)).get('token');
    return websocket(server.url, `/api/session/${s.sessionId}/device/console?control=true&token=${token}`);
  };
  const [sees, types] = [await to(s.viewUrl), await to(s.controlUrl)];
  sees.send(Buffer.from('x'));
  assert.equal((await sees.find((m) => m.type === 'error')).status, 403);
  types.send(Buffer.from('by link\n'));
  await until('what was typed', () => sees.bytes().includes('by link'));
  // otto has made the link; who uses it is somebody else
  assert.deepEqual(await there(), ['a guest console control relay', 'a guest console view relay']);
  await server.request('DELETE', `/api/session/${s.sessionId}`, as('otto'));
  await until('both to end', () => sees.code === 1001 && types.code === 1001);
});

test('events are carried as they come', async (t) => {
  const answer = await request(server.url, 'GET', `${AT}/events?device=board`, { stream: true, ...as('vera') });
  t.after(() => answer.req.destroy());
  assert.match(answer.headers['content-type'], /event-stream/);
  let seen = '';
  answer.stream.on('data', (chunk) => (seen += chunk));
  await server.request('PUT', `${AT}/devices/board/power`, { json: { state: 'on' }, ...as('otto') });
  await until('the event', () => /power/.test(seen));
});

for (const [what, bytes] of [
  ['a masked frame', [0x82, 0x81, 0, 0, 0, 0, 1]],
  ['a message in pieces', [0x02, 0x01, 1]],
  ['a frame of an unknown kind', [0x83, 0x00]],
  ['a text that is not UTF-8', [0x81, 0x01, 0xff]],
  ['a message that is too large', [0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0]],
])
  test(`a rogue host sends ${what}: that WebSocket ends, alone`, async (t) => {
    const own = await withServer(t);
    const rogue = await own.host('rogue', []);
    const begin = async (name) => {
      const opening = websocket(own.url, `/api/hosts/rogue/host/${name}`);
      const { stream, head } = await headOf(rogue, (h) => h.path === `/host/${name}`);
      assert.equal(head.websocket, '');
      rogue.send(frame(HEAD, stream, { status: 101, headers: { 'sec-websocket-protocol': 'never-offered' } }));
      return { stream, ws: await opening };
    };
    const [bad, good] = [await begin('bad'), await begin('good')];
    assert.equal(bad.ws.ws.protocol, '');
    rogue.send(frame(DATA, bad.stream, Buffer.from(bytes)));
    await findFrame(rogue, (f) => f.type === RESET && f.stream === bad.stream);
    await until('its end', () => bad.ws.code !== undefined);
    rogue.send(frame(DATA, good.stream, Buffer.from([0x81, 0x02, 0x68, 0x69])));
    await good.ws.find((m) => m === 'hi');
    rogue.send(frame(DATA, good.stream, Buffer.from([0x88, 0x02, 0x0f, 0xa1]), true));
    await until('the close', () => good.ws.code === 4001);
  });

test('a page shows its token as a protocol: here it counts, and no host sees it', async (t) => {
  const bearer = (who) =>
    `testbed.bearer.${Buffer.from(TOKENS.find((k) => k.name === who).token).toString('base64url')}`;
  const through = (target, ...protocols) => websocket(server.url, target, { protocols });
  const ws = await through(`${AT}/ws`, 'testbed', bearer('vera'));
  t.after(() => ws.stop());
  assert.equal(ws.ws.protocol, 'testbed');
  assert.equal((await ws.command('board', 'lease.take', { ttl_s: 30 })).error.status, 403);
  const rfb = await through(`${AT}/devices/screen/video/vnc`, 'binary', bearer('otto'));
  t.after(() => rfb.stop());
  assert.equal(rfb.ws.protocol, 'binary');
  const rogue = await server.host('rogue', [], { token: TOKENS[2].token });
  const opening = through('/api/hosts/rogue/host/x', 'binary', bearer('lab'), 'testbed');
  const { stream, head } = await headOf(rogue, (h) => h.path === '/host/x');
  assert.equal(head.websocket, 'binary, testbed');
  assert.doesNotMatch(JSON.stringify(head), /bearer/);
  rogue.send(frame(HEAD, stream, { status: 101, headers: { 'sec-websocket-protocol': bearer('lab') } }));
  assert.equal((await opening).ws.protocol, 'testbed'); // never the token
  rogue.stop();
});

test('a host that answers a WebSocket with a page is told to be updated', async (t) => {
  const own = await withServer(t);
  const old = await own.host('old', []);
  const opening = websocket(own.url, '/api/hosts/old/host/ws').catch((e) => e);
  const { stream } = await headOf(old);
  old.send(frame(HEAD, stream, { status: 200, headers: {} }));
  const error = await opening;
  assert.equal(error.status, 502);
  assert.match(error.text, /update testbed-host/);
});

test('what a link opened for control ends when it is for watching; all of it is in the audit log', async () => {
  const made = { device: 'lab-1/board', mode: 'control' };
  const { sessionId, token } = (await server.post('/api/session', made, as('otto'))).json;
  const link = `/api/session/${sessionId}`;
  const typing = await websocket(server.url, `${link}/device/console?control=true&token=${token}`);
  const closed = new Promise((done) => typing.ws.once('close', (code) => done(code)));
  const power = { json: { state: 'on' }, headers: { 'X-Session-Token': token } };
  assert.equal((await server.request('PUT', `${link}/device/power`, power)).status, 200);
  const spelled = { json: { state: 'off' }, ...as('otto') };
  assert.equal((await server.request('PUT', `${AT}/devices/bo%61rd/power`, spelled)).status, 200);
  assert.equal((await server.request('PUT', `${link}/device/power`, { json: {} })).status, 401);
  assert.equal((await server.request('PATCH', link, { json: { mode: 'view' }, ...as('otto') })).status, 200);
  await closed;
  const { rows } = (await server.get('/api/audit?object=lab-1/board&action=PUT', as('lab'))).json;
  assert.deepEqual(rows.map((r) => [r.user, r.action]).sort(), [
    ['guest (link of otto)', 'PUT /host/devices/board/power'],
    ['otto', 'PUT /host/devices/board/power'],
  ]);
  // a console that he may type into is more than watching
  const opened = (await server.get('/api/audit?object=lab-1/board&action=control', as('lab'))).json.rows;
  assert.ok(
    opened.some((r) => r.user === 'guest (link of otto)'),
    JSON.stringify(opened),
  );
});

test('what was opened by a token that holds for a while ends with it', async () => {
  const leeway = 60;
  const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) - leeway + 2;
  const signed = `${part({ alg: 'HS256' })}.${part({ sub: 'jim', role: 'operator', exp })}`;
  const mac = createHmac('sha256', SECRET).update(signed).digest('base64url');
  const jim = { headers: { Authorization: `Bearer ${signed}.${mac}` } };
  const socket = await websocket(server.url, `${AT}/devices/board/console?control=true`, jim);
  const closed = new Promise((done) => socket.ws.once('close', (code) => done(code)));
  const stream = server.get(`${AT}/events`, jim);
  assert.equal(await closed, 1008);
  assert.equal((await stream).status, 200, 'it has an end');
});
