// testbed-host's VNC doors, end to end: a made-up screen behind a VNC server (tests/tools/vnc_room.c) is the device,
// the driver `vnc` reads it, and viewers see and drive it by 5900's successor, a port of its own, noVNC's socket and
// the console page's socket.
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import path from 'node:path';
import { test } from 'node:test';

import {
  BUILD,
  Program,
  WebSocket,
  assertProblem,
  freePort,
  request,
  until,
  websocket,
  withHost,
  within,
} from './harness.mjs';
import { Rfb } from './rfb-client.mjs';

async function room(t, ...args) {
  const program = new Program([path.join(BUILD, 'tools/vnc_room'), ...args]);
  t.after(async () => {
    program.child.stdin.end();
    assert.equal((await within('the room to end', program.exited)).code, 0, program.text);
  });
  const line = await program.line(/^port /);
  return { port: Number(line.slice(5)), program };
}

/** A host with the device `screen`, and its ports. */
async function bench(t, { roomArgs = [], vnc = {}, ...config } = {}) {
  const source = await room(t, ...roomArgs);
  const ports = { vnc: await freePort(), own: await freePort(), novnc: await freePort() };
  const host = await withHost(t, {
    vnc: { port: ports.vnc, ...vnc },
    novnc: { port: ports.novnc },
    devices: { screen: { label: 'Test screen', attach: [`vnc://127.0.0.1:${source.port}`], vnc: ports.own } },
    ...config,
  });
  await host.state_is('screen/video');
  return { host, source, ports };
}

async function expectPicture(client) {
  const expected = (x, y) => [x & 255, y & 255, (x ^ y) & 255];
  await until("the device's picture", async () => {
    // a slate may come first
    client.request(false);
    await within('an update', client.update());
    return [
      [100, 200],
      [5, 7],
      [639, 479],
    ].every(([x, y]) => String(client.pixel(x, y)) === String(expected(x, y)));
  });
}

/** RFB in the binary frames of a WebSocket. */
async function rfbOverWebSocket(url, options = {}, headers = {}) {
  const ws = new WebSocket(url, ['binary'], { headers });
  const stream = new Duplex({
    read() {},
    write(chunk, _, done) {
      ws.send(chunk, done);
    },
    destroy(error, done) {
      ws.terminate();
      done(error);
    },
  });
  ws.on('message', (data) => stream.push(data));
  ws.on('close', () => stream.push(null));
  const client = new Rfb(stream); // before it opens: the first bytes may come with the upgrade
  await within(
    'the WebSocket',
    new Promise((yes, no) => {
      ws.once('open', yes);
      ws.once('error', no);
    }),
  );
  await client.greet(options);
  client.protocol = ws.protocol;
  return client;
}

test('every door shows the device and drives it; nothing is captured while nobody watches', async (t) => {
  const { host, source, ports } = await bench(t, { url: 'http://lab.example:6109', insecure: true });
  const events = await host.sse('/host/events');
  const pages = await Promise.all(
    ['/', '/vnc.html', '/vnc_lite.html'].map((p) =>
      request(`http://127.0.0.1:${ports.novnc}`, 'GET', p, { headers: { Host: 'lab.example:6080' } }),
    ),
  );
  for (const page of pages)
    assert.deepEqual([page.status, page.text], [200, pages[0].text], 'also by the name in HOST_URL');
  assert.equal(
    (await request(`http://127.0.0.1:${ports.novnc}`, 'GET', '/', { headers: { Host: 'evil.example' } })).status,
    421,
  );
  const doors = {
    default: () => Rfb.connect(ports.vnc),
    own: () => Rfb.connect(ports.own),
    noVNC: () => rfbOverWebSocket(`ws://127.0.0.1:${ports.novnc}/websockify?device=screen`),
    console: () => rfbOverWebSocket(`${host.url.replace('http', 'ws')}/host/devices/screen/video/vnc`),
  };
  for (const [name, connect] of Object.entries(doors)) {
    const from = events.items.length;
    const client = await connect();
    assert.equal(client.name, 'Test screen (bench)', name);
    await expectPicture(client);
    const at = source.program.out.items.length;
    client.key(0xff0d, true);
    client.key(0xff0d, false);
    client.pointer(30, 40, 1);
    client.pointer(30, 40, 0);
    await source.program.out.find((l) => /"key":"Enter","action":"up"/.test(l), { from: at, what: `${name}: Enter` });
    await source.program.out.find((l) => /"x":30,"y":40,"buttons":1/.test(l), { from: at, what: `${name}: click` });
    if (client.protocol) assert.equal(client.protocol, 'binary');
    client.close();
    const joined = await events.find((e) => e.data.type === 'viewer.joined', { from });
    assert.equal(joined.data.device, 'screen');
    assert.equal(joined.data.data.mode, 'control');
    const left = await events.find((e) => e.data.type === 'viewer.left', { from });
    assert.equal(left.data.data.viewer, joined.data.data.viewer);
  }
  await until('the source to stop', async () => (await host.get('/host/devices/screen/video')).json.state === 'idle');
  events.stop();
});

test('a lease shuts VNC input out, watching goes on, and its end lets it in again', async (t) => {
  const { host, source, ports } = await bench(t);
  const client = await Rfb.connect(ports.vnc);
  t.after(() => client.close());
  await expectPicture(client);
  const lease = await host.post('/host/devices/screen/lease', { ttl_s: 60 });
  assert.ok(lease.json.lease, lease.text);
  client.key(0x78, true); // x: must not arrive
  client.key(0x78, false);
  await host.program.line(/VNC input was refused/);
  await expectPicture(client);
  const holder = await rfbOverWebSocket(
    `${host.url.replace('http', 'ws')}/host/devices/screen/video/vnc?lease=${lease.json.lease}`,
  );
  t.after(() => holder.close());
  holder.key(0x79, true);
  holder.key(0x79, false);
  await source.program.line(/"key":"y","action":"up"/);
  const released = await host.delete('/host/devices/screen/lease', { headers: { 'X-Lease': lease.json.lease } });
  assert.ok(released.status < 300, released.text);
  client.key(0x7a, true);
  client.key(0x7a, false);
  await source.program.line(/"key":"z","action":"up"/);
  assert.ok(!source.program.text.includes('"key":"x"'));
});

test("VNC passwords: full, view-only, wrong; also over noVNC's socket", async (t) => {
  const { source, ports } = await bench(t, { vnc: { password: 'secretpw', view_password: 'lookonly' } });
  const novnc = `ws://127.0.0.1:${ports.novnc}/websockify`;
  for (const connect of [
    (password) => Rfb.connect(ports.vnc, { password }),
    (password) => rfbOverWebSocket(novnc, { password }),
  ]) {
    await assert.rejects(connect('wrong'), /wrong password/);
    const viewer = await connect('lookonly');
    viewer.key(0x78, true);
    await expectPicture(viewer);
    const controller = await connect('secretpw');
    const at = source.program.out.items.length;
    controller.key(0x79, true);
    controller.key(0x79, false);
    await source.program.out.find((l) => /"key":"y","action":"up"/.test(l), { from: at, what: 'y' });
    viewer.close();
    controller.close();
  }
  assert.ok(!source.program.text.includes('"key":"x"'));
});

test("tokens: raw ports stay closed without a VNC password, sockets ask for the token, a viewer's token only watches", async (t) => {
  const source = await room(t);
  const ports = { vnc: await freePort(), novnc: await freePort() };
  const tokens = [
    { name: 'anna', token: 'operator-token-0123456789', role: 'operator' },
    { name: 'bob', token: 'viewer-token-0123456789', role: 'viewer' },
  ];
  const host = await withHost(t, {
    vnc: { port: ports.vnc },
    novnc: { port: ports.novnc },
    tokens,
    devices: { screen: { attach: [`vnc://127.0.0.1:${source.port}`] } },
  });
  await host.program.line(/VNC ports stay closed/);
  const health = (await host.get('/host/health')).json;
  assert.equal(health.services.vnc, 'off', 'closed on purpose: not missed');
  await assert.rejects(Rfb.connect(ports.vnc), /ECONNREFUSED/);
  const novnc = `ws://127.0.0.1:${ports.novnc}/websockify`;
  await assert.rejects(rfbOverWebSocket(novnc), /401/);
  const [anna, bob] = await Promise.all(tokens.map((k) => rfbOverWebSocket(`${novnc}?access_token=${k.token}`)));
  t.after(() => {
    anna.close();
    bob.close();
  });
  bob.key(0x78, true);
  await expectPicture(bob);
  anna.key(0x79, true);
  anna.key(0x79, false);
  await source.program.line(/"key":"y","action":"up"/);
  assert.ok(!source.program.text.includes('"key":"x"'));
  // who is there is told, by name, as long as he is
  const by = (k) => ({ headers: { Authorization: `Bearer ${k.token}` } });
  const stream = await request(host.url, 'GET', '/host/devices/screen/video/stream.mjpeg', {
    stream: true,
    ...by(tokens[1]),
  });
  const there = async () => (await request(host.url, 'GET', '/host/devices/screen', by(tokens[0]))).json.people ?? [];
  const told = (all) => all.map((p) => `${p.user} ${p.by} ${p.mode}`).sort();
  assert.deepEqual(told(await there()), ['anna vnc control', 'bob mjpeg view', 'bob vnc view']);
  stream.req.destroy();
  bob.close();
  await until('bob to be gone', async () => told(await there()).join() === 'anna vnc control');
  const [{ since }] = await there();
  assert.ok(Date.parse(since) <= Date.now());
});

test('a VNC password opens screens, and does not say which there are: the list asks for a token as /host/devices does', async (t) => {
  const token = 'viewer-token-0123456789';
  const source = await room(t);
  const ports = { vnc: await freePort(), novnc: await freePort() };
  const host = await withHost(t, {
    vnc: { port: ports.vnc, password: 'secretpw' },
    novnc: { port: ports.novnc },
    tokens: [{ name: 'bob', token, role: 'viewer' }],
    devices: { screen: { attach: [`vnc://127.0.0.1:${source.port}`] } },
  });
  const novnc = `http://127.0.0.1:${ports.novnc}`;
  for (const [base, target] of [
    [host.url, '/host/devices'],
    [novnc, '/screens.json'],
  ]) {
    assert.equal((await request(base, 'GET', target)).status, 401, target);
    assert.equal((await request(base, 'GET', `${target}?access_token=not-a-token-0123456789`)).status, 401, target);
    const told = await request(base, 'GET', `${target}?access_token=${token}`);
    assert.equal(told.status, 200, target);
    assert.match(told.text, /"screen"/);
  }
  const url = `ws://127.0.0.1:${ports.novnc}/websockify?device=screen`;
  await assert.rejects(rfbOverWebSocket(url, { password: 'wrong' }), /wrong password/);
  await assert.rejects(rfbOverWebSocket(`${url}&access_token=${token}`, { password: 'wrong' }), /wrong password/);
  // nor does the door: a device that is not there asks for the password, too
  const other = `ws://127.0.0.1:${ports.novnc}/websockify?device=nobody`;
  await assert.rejects(rfbOverWebSocket(other, { password: 'wrong' }), /wrong password/);
  await assert.rejects(rfbOverWebSocket(other, { password: 'secretpw' }));
  await assert.rejects(rfbOverWebSocket(`${other}&access_token=${token}`, { password: 'secretpw' }), /404/);
  const me = async (q) => (await request(novnc, 'GET', `/me.json${q}`)).json;
  assert.deepEqual(await me(''), { user: '', role: 'none', named: true, password: true });
  assert.deepEqual(await me(`?access_token=${token}`), { user: 'bob', role: 'viewer', named: true, password: true });
  const viewer = await rfbOverWebSocket(url, { password: 'secretpw' });
  await expectPicture(viewer);
  viewer.close();
});

test('bad requests at the sockets: unknown device, no video, a foreign page', async (t) => {
  const { host, ports } = await bench(t);
  await assert.rejects(websocket(host.url, '/host/devices/nobody/video/vnc'), (e) => e.status === 404);
  await assert.rejects(websocket(host.url, '/host/devices/screen/input/vnc'), (e) => e.status === 404);
  await assert.rejects(
    websocket(`http://127.0.0.1:${ports.novnc}`, '/websockify?device=nobody'),
    (e) => e.status === 404,
  );
  await assert.rejects(
    websocket(`http://127.0.0.1:${ports.novnc}`, '/websockify', { headers: { Origin: 'http://evil.example' } }),
    (e) => e.status === 403,
  );
  const page = await host.request('GET', '/host/devices/screen/video/vnc');
  assert.ok(page.status >= 400, 'not without an upgrade');
  assertProblem(page, page.status);
});

test('the host ends with viewers on it, stalled ones too', async (t) => {
  const { host, ports } = await bench(t, { roomArgs: ['--size', '1280x720', '--fps', '25'] });
  const clients = await Promise.all(Array.from({ length: 8 }, () => Rfb.connect(ports.vnc)));
  t.after(() => clients.forEach((c) => c.close()));
  clients.forEach((c) => {
    c.stream.pause();
    c.request(false);
  });
  await host.stop();
});
