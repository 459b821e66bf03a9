import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../core/api.js';
import { Backoff } from '../core/backoff.js';
import { CommandClient } from '../core/command.js';
import { ConsoleClient } from '../core/console.js';
import { restVerbs, SocketRoute } from '../core/routes.js';
import { FakeClock, fakeWebSocket, record, settle } from './fakes.mjs';

function route(name, open = true) {
  const sent = [];
  return {
    name,
    open,
    sent,
    ready() {
      return this.open;
    },
    send(text) {
      if (!this.open) return false;
      sent.push(JSON.parse(text));
      return true;
    },
  };
}
function make(o = {}) {
  const clock = new FakeClock();
  const c = new CommandClient({ clock, ...o });
  return { c, clock, said: record(c, 'event', 'sample', 'console', 'problem', 'route') };
}

test('each command has an id and its own answer, in any order', async () => {
  const { c, clock } = make();
  const r = route('data channel');
  c.addRoute(r);
  const off = c.send('board', 'power.set', { state: 'off' });
  const key = c.send('board', 'input.send', { events: [{ type: 'key', key: 'Enter' }] });
  const { t, ...said } = r.sent[0];
  assert.deepEqual(said, { id: 1, device: 'board', verb: 'power.set', params: { state: 'off' } });
  assert.equal(t, clock.t, 'when it was sent: the host does nothing late');
  clock.t += 7;
  c.receive('{"id":2,"ok":true}');
  c.receive('{"id":1,"ok":true,"result":{"observed":"off"}}');
  assert.equal(await key, null);
  assert.deepEqual(await off, { observed: 'off' });
  assert.equal(c.lastAckMs, 7);
  assert.equal(clock.pending, 0);
});

test('a refusal carries the problem', async () => {
  const { c } = make({ lease: (d) => `lease-${d}` });
  const r = route('websocket');
  c.addRoute(r);
  const p = c.send('board', 'power.set', { state: 'on' });
  assert.equal(r.sent[0].lease, 'lease-board');
  c.receive('{"id":1,"ok":false,"error":{"status":423,"title":"Locked","detail":"anna has it"}}');
  await assert.rejects(p, (e) => e instanceof ApiError && e.status === 423 && e.detail === 'anna has it');
});

test('what is wrong is not sent at all', async () => {
  const { c } = make();
  const r = route('x');
  c.addRoute(r);
  await assert.rejects(c.send('board', 'power.set', { state: 'maybe' }), { status: 400, field: 'params.state' });
  await assert.rejects(c.send('../x', 'power.set', { state: 'on' }), { status: 400 });
  assert.equal(r.sent.length, 0);
});

test('no acknowledgement in time is an error of its own; a late one is ignored', async () => {
  const { c, clock } = make({ timeoutMs: 1000 });
  c.addRoute(route('x'));
  const p = c.send('board', 'power.set', { state: 'on' });
  const check = assert.rejects(p, { status: 504, title: 'No answer' });
  await clock.advance(1000);
  await check;
  c.receive('{"id":1,"ok":true}');
});

test('the best open route is taken: data channel, WebSocket, REST', async () => {
  const { c, said } = make();
  const rest = [];
  c.setRest(async (m) => {
    rest.push(m);
    return { by: 'rest' };
  });
  assert.deepEqual(await c.send('board', 'power.set', { state: 'on' }), { by: 'rest' });
  const ws = route('websocket'),
    dc = route('data channel');
  c.addRoute(ws);
  c.send('board', 'video.get');
  const undo = c.addRoute(dc, { first: true });
  c.send('board', 'video.get'); // its answer may come yet: the channel is open
  undo();
  c.send('board', 'video.get');
  assert.deepEqual([rest.length, ws.sent.length, dc.sent.length], [1, 2, 1]);
  assert.deepEqual(
    said.filter(([n]) => n === 'route').map(([, r]) => r),
    ['websocket', 'data channel', 'websocket'],
  );
});

test('a way that ends tells what was given to it at once, and says of the others only what it can know', async () => {
  const { c, said } = make();
  const relay = route('relay');
  const dc = route('data channel');
  let server = true;
  relay.tells = () => server;
  c.addRoute(relay);
  const sent = c.send('board', 'power.set', { state: 'off' }, { timeoutMs: 45000 });
  c.addRoute(dc, { first: true });
  const direct = c.send('board', 'power.set', { state: 'on' });
  server = false; // it was restarted: the host goes on, and so does what is between it and the page
  relay.open = false;
  c.routesChanged();
  await assert.rejects(sent, { status: 504, detail: /broke before/ });
  assert.equal(c.route, 'data channel');
  assert.deepEqual(
    said.filter(([n]) => n === 'route').map(([, r]) => r),
    ['relay', 'data channel'],
    'consoles stay connected',
  );
  c.receive(JSON.stringify({ id: dc.sent.find((m) => m.verb).id, ok: true }), 'data channel');
  await direct;
  server = relay.open = true;
  c.routesChanged();
  relay.open = false; // the host went: the channel has to show that it works
  c.routesChanged();
  assert.equal(c.route, null);
});

test('commands wait for a route, not for ever, and not too many', async () => {
  const { c, clock } = make({ maxQueue: 2, queueMs: 5000 });
  const r = route('x', false);
  c.addRoute(r);
  const a = c.send('board', 'power.set', { state: 'on' });
  const b = c.send('board', 'power.set', { state: 'off' });
  await assert.rejects(c.send('board', 'power.set', { state: 'on' }), { status: 0 }, 'limit + 1');
  await assert.rejects(c.send('board', 'video.get', {}, { queue: false }), { status: 0 }, 'input is never queued');
  assert.equal(c.queued, 2);
  r.open = true;
  c.routesChanged();
  assert.deepEqual(
    r.sent.map((m) => m.params.state),
    ['on', 'off'],
    'in order',
  );
  c.receive('{"id":1,"ok":true}');
  c.receive('{"id":2,"ok":true}');
  await Promise.all([a, b]);

  r.open = false;
  const late = c.send('board', 'power.set', { state: 'on' });
  const check = assert.rejects(late, /was not sent/);
  await clock.advance(5000);
  await check;
  r.open = true;
  c.routesChanged();
  assert.equal(r.sent.length, 2, 'a power switch that is too late is not sent');
});

test('a host that is away: REST is not tried, the command waits in sight, can be taken back, and leaves when a way opens', async () => {
  let away = true;
  const { c, clock } = make({ queueMs: 20000 });
  const r = route('websocket', false),
    rest = [];
  c.addRoute(r);
  c.setRest(
    async (m) => {
      rest.push(m.verb);
      return {};
    },
    async () => !away,
  );
  const queue = [];
  c.on('queue', () => queue.push(c.waiting().map((w) => w.verb)));
  const off = c.send('board', 'power.set', { state: 'off' });
  const cycle = assert.rejects(c.send('board', 'power.cycle', { off_s: 1 }), /taken back/);
  await settle();
  assert.deepEqual(
    c.waiting().map((w) => [w.id, w.device, w.verb, w.params.state, w.until]),
    [
      [1, 'board', 'power.set', 'off', clock.t + 20000],
      [2, 'board', 'power.cycle', undefined, clock.t + 20000],
    ],
  );
  assert.ok(c.cancel(2));
  assert.ok(!c.cancel(2), 'once');
  await cycle;
  await clock.advance(19000);
  r.open = true;
  c.routesChanged();
  assert.ok(!c.cancel(1), 'it is on its way');
  await clock.advance(2000); // longer than it could have waited: now it waits for its answer
  c.receive('{"id":1,"ok":true,"result":{"observed":"off"}}');
  assert.deepEqual(await off, { observed: 'off' });
  assert.deepEqual(
    r.sent.map((m) => m.verb),
    ['power.set'],
  );
  assert.deepEqual(queue, [['power.set'], ['power.set', 'power.cycle'], ['power.set'], []]);
  r.open = false;
  away = false;
  assert.deepEqual(await c.send('board', 'power.set', { state: 'on' }), {});
  assert.deepEqual(rest, ['power.set'], 'REST is a way while the host answers');
  assert.equal(clock.pending, 0);
});

test('too many without an answer are refused', async () => {
  const { c } = make();
  c.addRoute(route('x'));
  for (let i = 0; i < 256; i++) c.send('board', 'video.get').catch(() => {});
  await assert.rejects(c.send('board', 'video.get'), { status: 429 });
  c.close();
});

test('subscriptions are counted, and follow the route', () => {
  const { c } = make();
  const ws = route('websocket'),
    dc = route('data channel', false);
  c.addRoute(dc);
  c.addRoute(ws);
  const a = c.subscribe('sensor');
  const b = c.subscribe('sensor');
  assert.deepEqual(ws.sent, [{ subscribe: ['sensor'] }]);
  dc.open = true;
  c.routesChanged();
  assert.deepEqual(dc.sent, [{ subscribe: ['sensor'] }]);
  a();
  a();
  assert.equal(dc.sent.length, 1, 'somebody still listens');
  b();
  assert.deepEqual(dc.sent.at(-1), { unsubscribe: ['sensor'] });
});

test('pushed messages: the newest sample of each stream, events in both forms', () => {
  const { c, said } = make();
  const sample = (seq, stream = 'watts') =>
    JSON.stringify({ type: 'sample', device: 'board', stream, t: 1, seq, unit: 'W', value: seq });
  for (const s of [sample(2), sample(1), sample(2), sample(3), sample(1, 'volts')]) c.receive(s);
  c.receive('{"type":"event","event":"device.added","t":5,"device":"x","data":{}}');
  c.receive('{"id":9,"t":6,"type":"power.state","device":"board","interface":"power","data":{"observed":"on"}}');
  c.receive('nonsense');
  assert.deepEqual(
    said.filter(([n]) => n === 'sample').map(([, s]) => [s.stream, s.seq]),
    [
      ['watts', 2],
      ['watts', 3],
      ['volts', 1],
    ],
  );
  assert.deepEqual(
    said.filter(([n]) => n === 'event').map(([, e]) => [e.event, e.t]),
    [
      ['device.added', 5],
      ['power.state', 6],
    ],
  );
  assert.equal(said.filter(([n]) => n === 'problem').length, 1);
});

test('verbs as REST', async () => {
  const calls = [];
  const api = new Proxy(
    {},
    {
      get:
        (_, name) =>
        (...args) => {
          calls.push([name, ...args]);
          return name === 'iface' ? 'PATH' : {};
        },
    },
  );
  const rest = restVerbs(api);
  await rest({ device: 'b', verb: 'power.set', params: { state: 'on' } });
  await rest({ device: 'b', verb: 'relay2.cycle', params: { off_s: 3 } });
  await rest({ device: 'b', verb: 'input.send', params: { events: [1] } });
  assert.deepEqual(calls, [
    ['setPower', 'b', 'power', 'on'],
    ['cyclePower', 'b', 'relay2', 3],
    ['input', 'b', 'input', [1]],
  ]);
  assert.equal(await rest({ device: 'b', verb: 'video.get', params: {} }), undefined);
});

test('the socket route comes back by itself', async () => {
  const WebSocket = fakeWebSocket(),
    clock = new FakeClock();
  let n = 0;
  const r = new SocketRoute({
    url: () => `ws://x/${++n}`,
    WebSocket,
    clock,
    backoff: new Backoff({ firstMs: 100, jitter: 0 }),
  });
  r.start();
  assert.equal(r.send('x'), false);
  WebSocket.last.open();
  assert.ok(r.ready());
  WebSocket.last.lose();
  await clock.advance(100);
  assert.deepEqual(
    WebSocket.made.map((w) => w.url),
    ['ws://x/1', 'ws://x/2'],
    'the URL is made anew: the token may have changed',
  );
  r.stop();
  await clock.advance(10000);
  assert.equal(WebSocket.made.length, 2);
});

// ---- consoles ----

function console_(infos) {
  const WebSocket = fakeWebSocket(),
    clock = new FakeClock();
  const c = new ConsoleClient({
    info: async () => {
      const i = infos.length > 1 ? infos.shift() : infos[0];
      if (i instanceof Error) throw i;
      return i;
    },
    url: (from) => `ws://x?from=${from}`,
    WebSocket,
    clock,
    backoff: new Backoff({ firstMs: 100, jitter: 0 }),
    historyBytes: 1000,
  });
  return { c, WebSocket, clock, said: record(c, 'data', 'state', 'gap', 'refused') };
}

test('history first, then live; each byte has its offset', async () => {
  const { c, WebSocket, said } = console_([{ offset: 5000, start: 0 }]);
  c.start();
  await settle();
  assert.equal(WebSocket.last.url, 'ws://x?from=4000');
  WebSocket.last.open();
  WebSocket.last.bytes(new Uint8Array(1000));
  WebSocket.last.bytes([65, 66]);
  assert.deepEqual(
    said.filter(([n]) => n === 'data').map(([, b, o]) => [b.length, o.offset, o.replay]),
    [
      [1000, 4000, true],
      [2, 5000, false],
    ],
  );
  assert.equal(c.offset, 5002);
});

test('after a loss it goes on with the next byte', async () => {
  const { c, WebSocket, clock } = console_([
    { offset: 10, start: 0 },
    { offset: 25, start: 0 },
  ]);
  c.start();
  await settle();
  WebSocket.last.open();
  WebSocket.last.bytes(new Uint8Array(12));
  WebSocket.last.lose();
  assert.equal(c.state, 'waiting');
  assert.equal(c.write('x'), false);
  await clock.advance(100);
  assert.equal(WebSocket.last.url, 'ws://x?from=12');
});

test('history that is gone is told, a host that starts anew too', async () => {
  const { c, WebSocket, clock, said } = console_([
    { offset: 10, start: 0 },
    { offset: 9000, start: 8000 },
    { offset: 3, start: 0 },
  ]);
  c.start();
  await settle();
  WebSocket.last.open();
  WebSocket.last.lose();
  await clock.advance(100);
  assert.equal(WebSocket.last.url, 'ws://x?from=0', 'straight on: requests may wait on dead connections');
  WebSocket.last.lose(); // refused: it asks where the console stands
  await clock.advance(300);
  assert.equal(WebSocket.last.url, 'ws://x?from=8000');
  assert.deepEqual(
    said.filter(([n]) => n === 'gap'),
    [['gap', 0, 8000]],
  );
  WebSocket.last.lose();
  await clock.advance(1000);
  assert.equal(WebSocket.last.url, 'ws://x?from=0');
});

test('notices of the host: a gap, a refused write', async () => {
  const { c, WebSocket, said } = console_([{ offset: 0 }]);
  c.start();
  await settle();
  WebSocket.last.open();
  WebSocket.last.text({ type: 'gap', from: 0, to: 700 });
  WebSocket.last.bytes([1]);
  WebSocket.last.text({ type: 'error', status: 423, title: 'Locked', detail: 'anna has it', dropped: 3 });
  assert.equal(c.offset, 701);
  assert.equal(said.find(([n]) => n === 'refused')[1].status, 423);
});

test('a long paste goes in frames, in order, and not without bound', async () => {
  const { c, WebSocket } = console_([{ offset: 0 }]);
  c.start();
  await settle();
  WebSocket.last.open();
  const text = Array.from({ length: 65536 }, (_, i) => String.fromCharCode(33 + (i % 90))).join('');
  assert.ok(c.write(text));
  assert.ok(WebSocket.last.sent.every((f) => f.length <= 4096));
  assert.equal(Buffer.concat(WebSocket.last.sent).toString('latin1'), text);
  WebSocket.last.bufferedAmount = 1024 * 1024;
  assert.equal(c.write('x'), false);
});

test('a console that does not exist is not asked for again', async () => {
  const { c, clock, said } = console_([new ApiError({ status: 404, detail: 'no such device' })]);
  c.start();
  await clock.advance(60000);
  assert.deepEqual(said.at(-1), ['state', 'closed', 'no such device']);
  assert.equal(clock.pending, 0);
});

test('a host that was started anew: the way that is back first takes what is typed', async () => {
  const { c, clock } = make({ client: 'page' });
  const channel = route('data channel');
  const socket = route('websocket');
  c.addRoute(socket);
  c.addRoute(channel, { first: true });
  const input = (o = {}) =>
    c.send('d', 'input.send', { events: [{ type: 'key', key: 'a' }] }, { queue: false, fresh: true, ...o });
  clock.t = 500;
  const lost = input();
  for (const way of [channel, socket]) assert.deepEqual(way.sent[0], { type: 'ping', client: 'page' });
  assert.deepEqual([channel.sent[1].t, channel.sent[1].client], [500, 'page']);
  socket.open = false; // and the data channel swallows what it is given
  c.routesChanged();
  assert.deepEqual(channel.sent.at(-1), { type: 'ping' });
  await assert.rejects(input(), (e) => e.status === 0, 'nobody is there');
  socket.open = true;
  c.routesChanged();
  await assert.rejects(lost, (e) => e.status === 504);
  input().catch(() => {});
  assert.equal(socket.sent.at(-1).verb, 'input.send');
  assert.equal(c.route, 'websocket');
  c.receive('{"type":"pong"}', 'data channel'); // it was well all the time
  assert.equal(c.route, 'data channel');
  c.close();
});

test('one way breaks, the other one is well: nothing is lost', async () => {
  const { c, clock } = make();
  const channel = route('data channel');
  const socket = route('websocket');
  c.addRoute(socket);
  c.addRoute(channel, { first: true });
  socket.open = false;
  c.routesChanged();
  const off = c.send('board', 'power.set', { state: 'off' });
  assert.equal(channel.sent.length, 1, 'it has to answer first');
  c.receive('{"type":"pong"}', 'data channel');
  assert.equal(channel.sent.at(-1).verb, 'power.set');
  c.receive(`{"id":${channel.sent.at(-1).id},"ok":true}`);
  assert.equal(await off, null);
  channel.open = false;
  c.routesChanged();
  clock.t += 1;
  assert.equal(clock.pending, 0);
});

test('while something is held the host hears of us, by the way that commands take', async () => {
  const { c, clock } = make({ client: 'page' });
  const slow = route('websocket');
  c.addRoute(slow);
  slow.sent.length = 0;
  c.hold('screen', true);
  const beat = { type: 'ping', hold: 1500, client: 'page' };
  assert.deepEqual(slow.sent, [beat], 'at once');
  await clock.advance(1000);
  assert.deepEqual(slow.sent, [beat, beat, beat]);
  c.hold('other', true);
  c.hold('screen', false);
  const quick = route('data channel');
  c.addRoute(quick, { first: true });
  slow.sent.length = quick.sent.length = 0;
  await clock.advance(500);
  assert.deepEqual(quick.sent, [beat]);
  assert.deepEqual(slow.sent, [{ type: 'ping', hold: 0 }], 'silence means nothing here from now on');
  c.hold('other', false);
  assert.deepEqual(quick.sent.at(-1), { type: 'ping', hold: 0 });
  assert.equal(clock.pending, 0);
});
