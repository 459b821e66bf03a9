// The host's own outbound socket, against a pairing server played by this test: registering, coming back, observers
// over the relay, the reduced picture, requests that are carried to the host's routes. (The real server and a browser
// meet it in tests/e2e.)
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

import {
  bodyOf,
  CHUNK,
  credit,
  DATA,
  findFrame,
  frame,
  frames,
  framesOf,
  HEAD,
  headOf,
  RESET,
  WINDOW,
} from './link.mjs';
import { BUILD, Host, Inbox, Program, ROOT, SLOW, until, within } from './harness.mjs';
import { heldGStreamer } from './bench.mjs';

const { WebSocketServer } = createRequire(path.join(ROOT, 'tests', 'package.json'))('ws');

/**
 * A pairing server that only speaks; `connections` are inboxes of what the host says (text parsed, binary as Buffer).
 */
class FakeServer {
  static async start(t, { port = 0, ready = true } = {}) {
    const server = new FakeServer();
    server.connections = new Inbox('connections');
    server.wss = new WebSocketServer({ port, host: '127.0.0.1', path: '/staging/ws' });
    await new Promise((yes, no) => {
      server.wss.once('listening', yes);
      server.wss.once('error', no);
    });
    server.port = server.wss.address().port;
    server.url = `http://127.0.0.1:${server.port}/staging/`;
    server.wss.on('connection', (ws) => {
      const inbox = new Inbox('the host');
      inbox.ws = ws;
      inbox.send = (message) => ws.send(JSON.stringify(message));
      inbox.pongs = true;
      ws.on('message', (data, binary) => {
        const item = binary ? data : JSON.parse(data.toString());
        if (item.type === 'ping') return inbox.pongs && inbox.send({ type: 'pong', t: item.t });
        if (item.type === 'hello' && ready)
          inbox.send({
            type: 'ready',
            role: 'host',
            peerId: 'h1',
            protocol: server.protocol ?? 2,
            access: server.access ?? 'tokens',
            peers: [],
            iceServers: [],
          });
        return inbox.push(item);
      });
      ws.on('close', () => inbox.close());
      ws.on('error', () => {});
      server.connections.push(inbox);
    });
    t.after(() => server.stop());
    return server;
  }

  next(from = 0) {
    return this.connections.find(() => true, { from, what: 'a connection of the host' });
  }

  async stop() {
    for (const ws of this.wss.clients) ws.terminate();
    await new Promise((yes) => this.wss.close(yes));
  }
}

async function bench(t, server, config = {}, options = {}) {
  const source = new Program([path.join(BUILD, 'tools/vnc_room'), '--fps', '10']);
  const line = await source.line(/^port /);
  const host = await Host.start(
    {
      name: 'lab-1',
      server: { url: server.url, token: 'a-secret-host-token' },
      devices: { screen: { label: 'Test screen', attach: [`vnc://127.0.0.1:${line.slice(5)}`] } },
      ...config,
    },
    options,
  );
  t.after(async () => {
    if (!host.program.how) await host.stop();
    source.child.stdin.end();
    assert.equal((await within('the room to end', source.exited)).code, 0, source.text);
  });
  await host.state_is('screen/input');
  return { host, source };
}

const observe = (link, peerId, mode, device = 'screen') =>
  link.send({ type: 'peer-connected', sessionId: 's1', peerId, peer: 'desktop', device, mode });
const relay = (link, from, message) => link.send({ ...message, sessionId: 's1', from });
const to = (peer, id) => (m) => m.to === peer && m.id === id;

test('registers, announces changes, says server.connected and server.lost, and comes back', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const events = await host.sse('/host/events');
  const link = await server.next();
  const hello = await link.find((m) => m.type === 'hello');
  assert.equal(hello.role, 'host');
  assert.equal(hello.host, 'lab-1');
  assert.equal(hello.token, 'a-secret-host-token');
  assert.deepEqual(
    hello.devices.map((d) => [d.id, d.label]),
    [['screen', 'Test screen']],
  );
  assert.deepEqual(hello.devices[0].interfaces.map((i) => i.kind).sort(), ['input', 'video']);
  await until('health', async () => (await host.get('/host/health')).json.services.server === 'running');

  await host.post('/host/devices', { id: 'second', attach: ['tcp://127.0.0.1:1'] });
  await link.find((m) => m.type === 'devices' && m.devices.some((d) => d.id === 'second'));
  await host.delete('/host/devices/second');
  await link.find((m) => m.type === 'devices' && !m.devices.some((d) => d.id === 'second'), {
    from: link.items.length - 1,
  });

  link.ws.terminate();
  await events.find((e) => e.data.type === 'server.lost');
  const again = await server.next(1);
  await again.find((m) => m.type === 'hello');
  await events.find((e) => e.data.type === 'server.connected', {
    from: events.items.findIndex((e) => e.data.type === 'server.lost'),
  });
  events.stop();
  // a copy of its state folder somewhere else: whose fault it is, and no race of the two
  again.send({ type: 'error', code: 'replaced', message: 'Host connected again' });
  again.ws.close(1008, 'Host connected again');
  await host.program.line(/error .*has this host's key.*was the state folder .* copied\? Stop that host, or remove/);
  assert.ok(!host.program.text.includes('a-secret-host-token'), 'no secret in the log');
});

test('a server that is away, refuses, or closes at once does no harm', async (t) => {
  const refusing = await FakeServer.start(t, { ready: false });
  const { host } = await bench(t, refusing);
  const link = await refusing.next();
  await link.find((m) => m.type === 'hello');
  link.send({ type: 'error', code: 'unauthorized', message: 'Invalid host or token' });
  await host.program.line(/the server says: Invalid host or token/);
  const second = await refusing.next(1); // it goes on trying
  second.ws.close(1000);
  await refusing.next(2);
  const { port } = refusing;
  await refusing.stop();
  assert.equal((await host.get('/host/health')).json.services.server, 'connecting');
  const server = await FakeServer.start(t, { port });
  const back = await within('the host to come back', server.next(), 20000);
  await back.find((m) => m.type === 'hello');
});

test('relay: a view observer sees and may not control, a control observer may, a lease shuts it out', async (t) => {
  const server = await FakeServer.start(t);
  const { host, source } = await bench(t, server);
  const events = await host.sse('/host/events');
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  observe(link, 'v1', 'view');
  observe(link, 'c1', 'control');
  const joined = await events.find((e) => e.data.type === 'viewer.joined' && e.data.data.viewer === 'c1');
  assert.deepEqual([joined.data.device, joined.data.data.mode], ['screen', 'control']);

  const press = { device: 'screen', verb: 'input.send', params: { events: [{ type: 'key', key: 'x' }] } };
  relay(link, 'v1', { id: 1, ...press });
  const refused = await link.find(to('v1', 1));
  assert.equal(refused.sessionId, 's1');
  assert.equal(refused.ok, false);
  assert.equal(refused.error.status, 403);

  relay(link, 'c1', { id: 2, ...press, params: { events: [{ type: 'key', key: 'y' }] } });
  assert.equal((await link.find(to('c1', 2))).ok, true);
  await source.line(/"key":"y","action":"up"/);

  for (const peer of ['v1', 'c1']) {
    // what the observer's page asks first
    relay(link, peer, { id: 20, device: 'screen', verb: 'device.get', params: {} });
    assert.equal((await link.find(to(peer, 20))).result?.id, 'screen');
  }
  relay(link, 'c1', { id: 3, device: 'other', verb: 'input.send', params: press.params });
  assert.ok((await link.find(to('c1', 3))).error.status >= 400, "only the session's device");

  const lease = await host.post('/host/devices/screen/lease', { ttl_s: 60 });
  relay(link, 'c1', { id: 4, ...press });
  assert.equal((await link.find(to('c1', 4))).error.status, 423);
  await host.delete('/host/devices/screen/lease', { headers: { 'X-Lease': lease.json.lease } });
  assert.ok(!source.text.includes('"key":"x"'));

  link.send({ type: 'peer-disconnected', sessionId: 's1', peerId: 'v1', peer: 'desktop' });
  await events.find((e) => e.data.type === 'viewer.left' && e.data.data.viewer === 'v1');
  relay(link, 'v1', { id: 5, ...press });
  link.send({ type: 'session-closed', sessionId: 's1' });
  await events.find((e) => e.data.type === 'viewer.left' && e.data.data.viewer === 'c1');
  assert.ok(!link.items.some((m) => m.id === 5));
  observe(link, 'n1', 'view', 'nobody');
  assert.equal((await link.find((m) => m.to === 'n1')).type, 'error');
  events.stop();
});

test('an offer that comes before GStreamer is there is answered when it is', async (t) => {
  const server = await FakeServer.start(t);
  const { env, release } = heldGStreamer();
  const { host } = await bench(t, server, {}, { env });
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  const sdp = readFileSync(path.join(ROOT, 'tests/fixtures/offers/chromium-balanced-video.sdp'), 'utf8');
  for (const peer of ['gone', 'stays']) {
    observe(link, peer, 'view');
    relay(link, peer, { type: 'offer', sdp });
    relay(link, peer, { type: 'ice', candidate: 'candidate:1 1 UDP 1 127.0.0.1 9 typ host', sdpMLineIndex: 0 });
  }
  link.send({ type: 'peer-disconnected', sessionId: 's1', peerId: 'gone', peer: 'desktop' });
  assert.equal((await host.get('/host/health')).json.services.media, 'starting');
  const answered = link.find((m) => m.type === 'answer' || m.type === 'bye', { ms: 60000 });
  await until(
    'media to run',
    async () => {
      release();
      return (await host.get('/host/health')).json.services.media === 'running';
    },
    60000,
  );
  const { type, to: whom, reason } = await answered;
  assert.deepEqual([type, whom], ['answer', 'stays'], reason);
});

test('the server goes and comes back: who has a connection with the host keeps it, and is taken back', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const events = await host.sse('/host/events');
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  const sdp = readFileSync(path.join(ROOT, 'tests/fixtures/offers/chromium-balanced-video.sdp'), 'utf8');
  for (const [peer, mode] of Object.entries({ v1: 'view', c1: 'control', r1: 'view' })) observe(link, peer, mode);
  for (const peer of ['v1', 'c1']) {
    relay(link, peer, { type: 'offer', sdp });
    await link.find((m) => m.type === 'answer' && m.to === peer, { what: `the answer to ${peer}` });
  }
  const seen = (type, viewer) => events.find((e) => e.data.type === type && e.data.data.viewer === viewer);
  link.ws.terminate();
  await seen('viewer.left', 'r1'); // all it had went by the server
  const again = await server.next(1);
  await again.find((m) => m.type === 'hello');
  observe(again, 'v1', 'view');
  observe(again, 'c1', 'view'); // not who it was: it may no longer do what it could
  await host.program.line(
    /observer is known to the server again.*peer=v1|peer=v1.*observer is known to the server again/,
  );
  await seen('viewer.left', 'c1');
  relay(again, 'v1', { id: 5, device: 'screen', verb: 'lease.get', params: {} });
  await again.find(to('v1', 5));
  const of = (type, viewer) => events.items.filter((e) => e.data.type === type && e.data.data.viewer === viewer).length;
  assert.deepEqual([of('viewer.joined', 'v1'), of('viewer.left', 'v1'), of('viewer.joined', 'c1')], [1, 0, 2]);
  events.stop();
});

test('HOST_OBSERVERS: 128, half for one maker of links, a quarter kept for who controls', async (t) => {
  const server = await FakeServer.start(t);
  await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  let n = 0;
  const join = (name, mode) => {
    const peerId = `${name}${n++}`;
    link.send({ type: 'peer-connected', sessionId: 's1', peerId, peer: 'desktop', device: 'screen', mode, name });
    return peerId;
  };
  const refusal = (peer) => link.find((m) => m.type === 'error' && m.to === peer);
  const many = (count, name, mode) => Array.from({ length: count }, () => join(name, mode));
  const answer = async (peer) => {
    relay(link, peer, { id: 1, device: 'screen', verb: 'lease.get', params: {} });
    return link.find(to(peer, 1));
  };
  const [first] = many(64, 'vera', 'view');
  assert.match((await refusal(join('vera', 'view'))).message, /64 observers of this host are vera's already/);
  many(32, 'wim', 'view');
  const late = await refusal(join('wim', 'view'));
  assert.deepEqual([late.code, /kept for who controls/.test(late.message)], ['too-many', true]);
  const [otto] = many(32, 'otto', 'control');
  await answer(otto); // it is served
  assert.match((await refusal(join('otto', 'control'))).message, /there are 128 observers/);
  link.send({ type: 'peer-disconnected', sessionId: 's1', peerId: first, peer: 'desktop' });
  await answer(join('vera', 'view')); // a place that was given back
});

test('relay: the reduced picture is a JPEG, a few a second, and waits for a server that does not keep up', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  observe(link, 'v1', 'view');
  relay(link, 'v1', { id: 1, subscribe: ['picture'] });
  const picture = await link.find((m) => Buffer.isBuffer(m), { what: 'a picture' });
  const n = picture[1];
  const m = picture[2 + n];
  assert.deepEqual(
    [picture[0], picture.toString('latin1', 2, 2 + n), picture.toString('latin1', 3 + n, 3 + n + m)],
    [1, 'v1', 's1'],
  );
  assert.equal(picture.readUInt16BE(3 + n + m), 0xffd8);
  const pictures = () => link.items.filter(Buffer.isBuffer);
  const arrived = () =>
    link.send({
      type: 'picture-arrived',
      sessionId: 's1',
      peerId: 'v1',
      bytes: pictures().at(-1).length - (3 + n + m),
    });
  for (let i = 1; i < 5; i++) {
    assert.equal(pictures().length, i, 'one at a time is on its way');
    arrived();
    await until('the next picture', () => pictures().length > i);
  }
  arrived();
  link.pongs = false; // nothing is acknowledged from here on: at most one more is under way
  const before = link.items.filter(Buffer.isBuffer).length;
  const seen = new Set(); // the source paints 10 a second: eight of its pictures are time enough for three of ours
  await until(
    'eight pictures of the source',
    async () => seen.add((await host.get('/host/devices/screen/video/snapshot.png')).body.toString('base64')).size >= 8,
  );
  assert.ok(link.items.filter(Buffer.isBuffer).length <= before + 2, 'pictures wait');
  relay(link, 'v1', { id: 2, unsubscribe: ['picture'] });
  await link.find(to('v1', 2));
  await until('the source to stop', async () => (await host.get('/host/devices/screen/video')).json.state === 'idle');
});

test("carried requests: the host's own routes, by the role that the server names", async (t) => {
  const server = await FakeServer.start(t);
  const { host, source } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  let next = 0;
  const carry = async (method, target, { role, json, headers } = {}) => {
    const id = ++next;
    link.ws.send(
      frame(
        HEAD,
        id,
        {
          method,
          path: target,
          headers: { ...headers, ...(json ? { 'content-type': 'application/json' } : {}) },
          role,
          user: 'anna',
        },
        !json,
      ),
    );
    if (json) link.ws.send(frame(DATA, id, JSON.stringify(json), true));
    const { head } = await headOf(link, (h, f) => f.stream === id, { what: `the answer to ${method} ${target}` });
    // the list of routes is longer than some windows
    for (let n = 0; n < 4 && !framesOf(link, id).some((f) => f.end); n++) link.ws.send(credit(id, WINDOW));
    await findFrame(link, (f) => f.stream === id && f.end, { what: 'the end of the answer' });
    return { status: head.status, headers: head.headers, body: bodyOf(link, id) };
  };
  const devices = await carry('GET', '/host/devices', { role: 'viewer' });
  assert.equal(devices.status, 200);
  assert.match(devices.headers['content-type'], /^application\/json/);
  assert.equal(JSON.parse(devices.body)[0].id, 'screen');
  const together = link.items.filter(Buffer.isBuffer).some((m) => frames(m).length > 1);
  assert.ok(together, 'head and body of an answer go as one message');
  const press = [{ type: 'key', key: 'q' }];
  assert.equal((await carry('POST', '/host/devices/screen/input', { role: 'viewer', json: press })).status, 403);
  assert.equal(
    (await carry('POST', '/host/devices/screen/input', { json: press })).status,
    403,
    'no role is the least',
  );
  assert.ok(!source.text.includes('"key":"q"'));
  assert.equal((await carry('POST', '/host/devices/screen/input', { role: 'operator', json: press })).status, 204);
  await source.line(/"key":"q","action":"up"/);
  assert.equal(
    (await carry('POST', '/host/devices', { role: 'operator', json: { id: 'n', attach: ['tcp://127.0.0.1:1'] } }))
      .status,
    403,
  );
  const shot = await carry('GET', '/host/devices/screen/video/snapshot.png', { role: 'viewer' });
  assert.equal(shot.body.readUInt32BE(0), 0x89504e47);
  const openapi = await carry('GET', '/host/openapi.json', { role: 'viewer' });
  assert.equal(JSON.parse(openapi.body).openapi.slice(0, 2), '3.');
  assert.equal((await carry('GET', '/metrics', { role: 'admin' })).status, 404);
  assert.equal((await carry('GET', '/host/../metrics', { role: 'admin' })).status, 404);
  assert.equal((await carry('GET', '/host/nothing', { role: 'admin' })).status, 404);
  // what the host refuses before any route is asked bears the id, too, by which both logs know the request
  for (const [method, target, status] of [
    ['TRACE', '/host/devices', 405],
    ['GET', '/metrics', 404],
    ['GET', '/host/nothing', 404],
  ]) {
    const refused = await carry(method, target, { role: 'viewer', headers: { 'X-Request-Id': 'r-17' } });
    assert.deepEqual([refused.status, JSON.parse(refused.body).requestId], [status, 'r-17'], `${method} ${target}`);
  }

  const events = ++next;
  // a stream without end
  link.ws.send(frame(HEAD, events, { method: 'GET', path: '/host/events', role: 'viewer' }, true));
  await headOf(link, (h, f) => f.stream === events);
  await host.post('/host/devices', { id: 'third', attach: ['tcp://127.0.0.1:1'] });
  await until('the event', () => bodyOf(link, events).includes('device.added'));
  link.ws.send(frame(RESET, events, 'nobody waits'));
  assert.equal((await carry('GET', '/host/devices', { role: 'viewer' })).status, 200);
  const lease = await carry('POST', '/host/devices/screen/lease', { role: 'operator', json: { ttl_s: 60 } });
  assert.equal(JSON.parse(lease.body).holder, 'anna (via server)');
});

test("no proxy sees what goes to this machine's own loopback, or to a device", async (t) => {
  const seen = [];
  const proxy = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end('proxied');
  });
  proxy.on('connect', (request, socket) => {
    seen.push(`CONNECT ${request.url}`);
    socket.destroy();
  });
  await new Promise((yes) => proxy.listen(0, '127.0.0.1', yes));
  t.after(() => proxy.close());
  const url = `http://127.0.0.1:${proxy.address().port}`;
  const server = await FakeServer.start(t);
  const host = await Host.start(
    {
      name: 'lab-1',
      server: { url: server.url, token: 'a-secret-host-token' },
      devices: { plug: { attach: [`shelly://127.0.0.1:${proxy.address().port}`] } },
    },
    { env: { http_proxy: url, https_proxy: url, all_proxy: url, HTTP_PROXY: url, no_proxy: '', NO_PROXY: '' } },
  );
  t.after(() => host.stop());
  const link = await server.next();
  await link.find((m) => m.type === 'hello', { what: 'the host without a proxy in between' });
  link.ws.send(
    frame(HEAD, 1, { method: 'GET', path: '/host/devices', headers: {}, role: 'viewer', user: 'anna' }, true),
  );
  const { head } = await headOf(link, (h, f) => f.stream === 1, { what: 'the answer' });
  await findFrame(link, (f) => f.stream === 1 && f.end, { what: 'the end of the answer' });
  assert.equal(head.status, 200);
  assert.equal(JSON.parse(bodyOf(link, 1))[0].id, 'plug');
  await until('the plug is asked', () => seen.length > 0);
  assert.deepEqual(
    seen.filter((line) => !/^(GET|POST) \//.test(line)),
    [],
    'a proxy is asked with a whole URL, or by CONNECT',
  );
});

test('the ceiling: what the server may not do here unless the configuration says so', async (t) => {
  const exec = { id: 'pwn', attach: { console: { driver: 'exec', console: ['id'] } } };
  for (const [config, expected] of [
    [{}, { attach: 403, exec: 403 }],
    [{ role: 'viewer' }, { attach: 403, exec: 403, press: 403 }],
    [{ role: 'admin' }, { attach: 201, exec: 403 }],
    [
      { role: 'admin', allow: ['attach', 'exec'] },
      { attach: 201, exec: 201 },
    ],
    [
      { role: 'operator', allow: ['attach'] },
      { attach: 403, exec: 403 },
    ],
  ]) {
    const server = await FakeServer.start(t);
    const { host } = await bench(t, server, { server: { url: server.url, ...config } });
    const link = await server.next();
    await link.find((m) => m.type === 'hello');
    let id = 0;
    const carry = async (method, target, json) => {
      id++;
      link.ws.send(
        Buffer.concat([
          frame(HEAD, id, {
            method,
            path: target,
            headers: { 'content-type': 'application/json' },
            role: 'admin',
            user: 'mallory',
          }),
          frame(DATA, id, JSON.stringify(json), true),
        ]),
      );
      return (await headOf(link, (h, f) => f.stream === id)).head.status;
    };
    const what = JSON.stringify(config);
    assert.equal(
      await carry('POST', '/host/devices', { id: 'n', attach: ['tcp://127.0.0.1:1'] }),
      expected.attach,
      `${what}: attach`,
    );
    assert.equal(await carry('POST', '/host/devices', exec), expected.exec, `${what}: exec`);
    assert.equal(
      await carry('POST', '/host/devices/screen/input', [{ type: 'key', key: 'q' }]),
      expected.press ?? 204,
      `${what}: input`,
    );
    if (expected.press) {
      // and by the relay
      observe(link, 'c1', 'control');
      relay(link, 'c1', {
        id: 2,
        device: 'screen',
        verb: 'input.send',
        params: { events: [{ type: 'key', key: 'y' }] },
      });
      assert.equal((await link.find(to('c1', 2))).error.status, 403);
    }
    // a link to control a device is none to change the bench, whatever the server may do
    observe(link, 'c2', 'control');
    for (const [k, device, verb, params] of [
      [1, 'more', 'device.add', { id: 'more', attach: 'tcp://127.0.0.1:1' }],
      [2, 'screen', 'device.patch', { label: 'x' }],
      [3, 'screen', 'device.remove', {}],
    ]) {
      relay(link, 'c2', { id: k, device, verb, params });
      assert.equal((await link.find(to('c2', k))).error.status, 403, `${what}: ${verb}`);
    }
    await host.stop();
  }
});

test('a server that asks nobody for a token is joined only when the configuration says so', async (t) => {
  const server = await FakeServer.start(t);
  server.access = 'open';
  const tokens = [{ name: 'anna', role: 'admin', token: 'admin-token-0123456789' }];
  const closed = await Host.start({ name: 'lab-1', server: { url: server.url }, tokens });
  await closed.program.line(/asks nobody for a token/);
  await closed.stop();
  const told = await Host.start({ name: 'lab-1', server: { url: server.url, insecure: true }, tokens });
  await told.program.line(/registered with the server/);
  await told.stop();
  // nobody needs a token there either, and nothing leaves this machine
  const demo = await Host.start({ name: 'lab-1', server: { url: server.url } });
  await demo.program.line(/registered with the server/);
  await demo.stop();
});

test('carried uploads stop at a window; a server that breaks the protocol, or is too old, is left', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  server.protocol = 1; // from the next connection on
  // in one message: what comes after the answer is of a stream that has ended
  const asked = frame(HEAD, 1, { method: 'PUT', path: '/host/nothing', role: 'operator' });
  const body = Array.from({ length: 20 }, () => frame(DATA, 1, Buffer.alloc(CHUNK)));
  link.ws.send(Buffer.concat([asked, ...body]));
  await host.program.line(/breaks the protocol/);
  const again = await server.next(1);
  await again.find((m) => m.type === 'hello');
  await host.program.line(/update testbed-server/);
  await host.stop();
});

test('carried answers: small ones in one message, large ones as far as there is credit, none for who has left', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  const ask = (id, path, more) => frame(HEAD, id, { method: 'GET', path, role: 'viewer', user: 'anna', ...more }, true);
  // asked together, answered together: a message whose frames are those of both, unless the host was slow just then
  let id = 0;
  const { message, both } = await until('two answers in one message', async () => {
    const [a, b] = [++id, ++id];
    link.ws.send(Buffer.concat([ask(a, '/host/devices'), ask(b, '/host/devices/screen')]));
    const last = await link.find((m) => Buffer.isBuffer(m) && frames(m).some((f) => f.stream === b));
    return frames(last).some((f) => f.stream === a) && { message: last, both: [a, b] };
  });
  for (const one of both) {
    const [head, ...body] = frames(message).filter((f) => f.stream === one);
    assert.deepEqual([head.type, head.head.status, body.at(-1).end], [HEAD, 200, true]);
    assert.equal(Number(head.head.headers['content-length']), bodyOf(link, one).length);
  }
  link.ws.send(ask(203, '/host/nothing/at/all'));
  assert.equal((await headOf(link, (h, f) => f.stream === 203)).head.status, 404);

  const large = '/host/openapi.json';
  link.ws.send(Buffer.concat([ask(204, large), ask(205, large), ask(206, large)]));
  const cost = (id) =>
    framesOf(link, id)
      .filter((f) => f.type === DATA)
      .reduce((sum, f) => sum + f.payload.length + 32, 0);
  await until('windows that are used up', () => [204, 205, 206].every((id) => cost(id) > WINDOW - CHUNK));
  link.ws.send(Buffer.concat([frame(RESET, 205, 'nobody waits'), ask(207, '/host/info')]));
  assert.equal((await headOf(link, (h, f) => f.stream === 207)).head.status, 200);
  assert.ok([204, 205, 206].every((id) => cost(id) <= WINDOW && !framesOf(link, id).some((f) => f.end)));
  link.ws.send(Buffer.concat([credit(204, 4 * WINDOW), credit(206, 4 * WINDOW)]));
  for (const id of [204, 206]) await findFrame(link, (f) => f.stream === id && f.end, { what: `the end of ${id}` });
  const text = bodyOf(link, 204).toString();
  assert.equal(JSON.parse(text).openapi, '3.1.0');
  assert.ok(bodyOf(link, 206).toString() === text && cost(205) <= WINDOW);
  await host.stop();
});

test('streams that are opened and reset as fast as it goes cost nobody else their turn', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  const descriptors = () => readdirSync(`/proc/${host.program.child.pid}/fd`).length;
  const before = descriptors();
  let stream = 0;
  const request = () => frame(HEAD, ++stream, { method: 'GET', path: '/host/health', role: 'viewer' }, true);
  const message = () =>
    Buffer.concat(Array.from({ length: 800 }, () => Buffer.concat([request(), frame(RESET, stream, 'no')])));
  let written = 0;
  const all = Array.from({ length: 40 }, () => new Promise((yes) => link.ws.send(message(), () => yes(++written))));
  const t0 = Date.now();
  assert.equal((await host.get('/host/health')).status, 200);
  assert.ok(Date.now() - t0 < 2000 * SLOW, `others waited ${Date.now() - t0} ms`);
  await Promise.all(all);
  const last = frame(HEAD, ++stream, { method: 'GET', path: '/host/health', role: 'viewer' }, true);
  link.ws.send(last);
  await findFrame(link, (f) => f.type === HEAD && f.stream === stream, { ms: 20000 * SLOW });
  assert.equal(written, 40);
  // what was reset holds no connection within the host: as many as are kept for the next request
  await until('its descriptors', () => descriptors() <= before + 40);
  for (let i = 0; i < 10; i++) link.ws.send(message());
  await host.stop();
  assert.doesNotMatch(host.program.text, / error /);
});

test("what an observer can make the host log is logged at the host's rate, and counted", async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  observe(link, 'v1', 'view');
  const before = host.program.text.length;
  for (let i = 0; i < 300; i++) {
    relay(link, 'v1', { type: 'offer', sdp: 5 });
    relay(link, 'v1', { type: 'offer', sdp: 'v=0\r\n' });
    relay(link, 'v1', { type: 'error', message: 'A'.repeat(3500) });
    observe(link, `w${i}`, 'view');
    link.send({ type: 'ready', role: 'host', protocol: 2, access: 'tokens', peers: [], iceServers: [] });
    link.send({ type: 'peer-disconnected', sessionId: 's1', peerId: `w${i}`, peer: 'desktop' });
  }
  link.send({ type: 'ping', t: 1 });
  await link.find((m) => m.type === 'pong'); // all of it was read
  await host.stop();
  const said = host.program.text.slice(before),
    times = (pattern) => said.match(new RegExp(pattern, 'g'))?.length ?? 0;
  for (const pattern of [
    'sdp must be a string',
    'offer was refused',
    'AAAA\\S* ',
    'observer joined to',
    'observer left',
  ])
    assert.ok(times(pattern) <= 10 * SLOW, `${pattern}: ${times(pattern)} lines`); // 5 of each in 10 s
  assert.ok(times('registered with the server') <= 1, 'that is said once, until the line is lost');
  assert.match(said, /malformed messages, session s1: and \d+ more in /);
  assert.match(said, /offers refused, session s1: and \d+ more in /);
});

test('nonsense of the server is survived, and the host ends at once while it is connected', async (t) => {
  const server = await FakeServer.start(t);
  const { host } = await bench(t, server);
  const link = await server.next();
  await link.find((m) => m.type === 'hello');
  observe(link, 'v1', 'control');
  for (const text of [
    '',
    '{',
    '[]',
    'null',
    '{"type":5}',
    '{"type":"offer"}',
    '{"type":"http"}',
    '{"type":"http","id":1,"method":"GET","path":"x"}',
    '{"type":"peer-connected"}',
    JSON.stringify({ type: 'offer', sdp: 'no sdp', sessionId: 's1', from: 'v1' }),
    `{"a":${'['.repeat(100)}${']'.repeat(100)}}`,
  ])
    link.ws.send(text);
  link.ws.send(Buffer.from([1, 2, 3]));
  const bye = await link.find((m) => m.type === 'bye' && m.to === 'v1');
  assert.ok(bye.reason, 'an offer that is none is answered with a reason');
  relay(link, 'v1', { id: 7, device: 'screen', verb: 'input.send', params: { events: [{ type: 'key', key: 'a' }] } });
  assert.equal((await link.find(to('v1', 7))).ok, true);
  await host.stop();
});
