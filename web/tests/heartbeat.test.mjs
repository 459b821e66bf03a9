// Dead lines: a socket that is open and says nothing any more is told within 10 s, and what was typed meanwhile is
// named.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { ConsoleClient } from '../core/console.js';
import { EventStream } from '../core/events.js';
import { SocketRoute } from '../core/routes.js';
import { FakeClock, fakeFetch, fakeWebSocket, record, response, settle } from './fakes.mjs';

const backoff = () => new Backoff({ firstMs: 100, maxMs: 1000, jitter: 0 });
const text = (bytes) => Buffer.from(bytes).toString();

/** Everything with a socket of its own: {name, make(WebSocket, clock)}: what was made says whether it is up. */
const CHANNELS = [
  {
    name: 'events',
    make: (WebSocket, clock) => {
      const s = new EventStream({
        url: 'http://x/host/events',
        wsUrl: (last) => `ws://x/host/events?last_event_id=${last}`,
        WebSocket,
        fetch: fakeFetch([]),
        clock,
        backoff: backoff(),
        lastEventId: '0',
      });
      s.start();
      return { up: () => s.state === 'open' };
    },
  },
  {
    name: 'commands',
    make: (WebSocket, clock) => {
      const s = new SocketRoute({ url: 'ws://x/host/ws', WebSocket, clock, backoff: backoff() });
      s.start();
      return { up: () => s.ready() };
    },
  },
  {
    name: 'a console',
    make: (WebSocket, clock) => {
      const info = async () => ({ offset: 0, start: 0 });
      const s = new ConsoleClient({
        info,
        url: (from) => `ws://x/c?from=${from}`,
        WebSocket,
        clock,
        backoff: backoff(),
      });
      s.start();
      return { up: () => s.state === 'open' };
    },
  },
];

for (const { name, make } of CHANNELS) {
  test(`${name}: an answered ping is life; none within 10 s is the end, and a new connection follows`, async () => {
    const WebSocket = fakeWebSocket();
    const clock = new FakeClock();
    const channel = make(WebSocket, clock);
    await settle();
    const first = WebSocket.last;
    first.close = () => {
      first.readyState = 2; // half open: the close handshake is not answered
    };
    first.open();
    for (let s = 0, answered = 0; s < 30; s++) {
      await clock.advance(1000);
      if (first.json.length > answered) first.text({ type: 'pong', taken: 0, end: 0 });
      answered = first.json.length;
    }
    assert.ok(channel.up());
    assert.ok(first.json.length >= 5 && first.json.length <= 15, `${first.json.length} pings in 30 s`);
    let after = 0;
    while (channel.up() && after < 20000) {
      await clock.advance(500);
      after += 500;
    }
    assert.ok(after <= 10000, `told after ${after} ms`);
    await clock.advance(1000);
    assert.notEqual(WebSocket.last, first, 'a new socket');
    first.fire('close', { code: 1006, reason: 'late' });
    WebSocket.last.open();
    assert.ok(channel.up(), 'what the old one says is nobody’s');
  });

  test(`${name}: a page that stood still looks at what came before it gives up`, async () => {
    const WebSocket = fakeWebSocket();
    const clock = new FakeClock();
    const channel = make(WebSocket, clock);
    await settle();
    const socket = WebSocket.last;
    socket.open();
    await clock.advance(4000);
    assert.equal(socket.json.at(-1).type, 'ping');
    clock.t += 60000; // a frozen tab: timers come first, then the messages
    for (const timer of clock._timers.values()) timer.at += 60000;
    await clock.advance(1000);
    assert.ok(channel.up());
    socket.text({ type: 'pong', taken: 0, end: 0 });
    await clock.advance(2000);
    assert.ok(channel.up());
  });
}

const open = async () => {
  const WebSocket = fakeWebSocket();
  const clock = new FakeClock();
  const c = new ConsoleClient({
    info: async () => ({ offset: 0, start: 0 }),
    url: (from) => `ws://x/c?from=${from}`,
    WebSocket,
    clock,
    backoff: backoff(),
  });
  const said = record(c, 'unsure', 'gap', 'refused');
  c.start();
  await settle();
  WebSocket.last.open();
  return { c, clock, said, WebSocket, socket: WebSocket.last };
};
const unsure = (said) => said.filter(([name]) => name === 'unsure').map(([, bytes]) => text(bytes));

test('what was typed and not acknowledged is named when the connection ends, the rest is not', async () => {
  const { c, clock, said, socket } = await open();
  assert.ok(c.write('echo one\r'));
  await clock.advance(1000);
  assert.deepEqual(socket.json, [{ type: 'ping' }], 'asked at once');
  socket.text({ type: 'pong', taken: 9, end: 0 });
  c.write('echo ');
  c.write('two\r');
  await clock.advance(1000);
  socket.text({ type: 'pong', taken: 12, end: 0 });
  socket.lose();
  assert.deepEqual(unsure(said), ['o two\r']);
});

test('nothing is unsure after a refusal, which says so itself, nor when all was acknowledged or the page leaves', async () => {
  const a = await open();
  a.c.write('x');
  a.socket.text({ type: 'error', status: 423, title: 'Locked', detail: 'anna has it' });
  a.socket.lose();
  const b = await open();
  b.c.write('x');
  b.socket.text({ type: 'pong', taken: 1, end: 0 });
  b.socket.lose();
  const c = await open();
  c.c.write('x');
  c.c.stop();
  assert.deepEqual(
    [a, b, c].map(({ said }) => unsure(said)),
    [[], [], []],
  );
});

test('a console that is far behind goes to the end', async () => {
  const { clock, said, socket } = await open();
  await clock.advance(4000);
  socket.text({ type: 'pong', taken: 0, end: 8 * 1024 * 1024 });
  assert.deepEqual(socket.json, [{ type: 'ping' }], 'not yet');
  await clock.advance(4000);
  socket.text({ type: 'pong', taken: 0, end: 8 * 1024 * 1024 + 1 });
  assert.deepEqual(socket.json.at(-1), { type: 'end', keep: 131072 });
  socket.text({ type: 'gap', from: 0, to: 8000000, reason: 'skipped' });
  assert.deepEqual(said.at(-1), ['gap', 0, 8000000, true]);
});

test('events by WebSocket resume after the last one; where no WebSocket opens, HTTP serves, or says why', async () => {
  const WebSocket = fakeWebSocket();
  const clock = new FakeClock();
  const make = (answers) =>
    new EventStream({
      url: 'http://x/host/events',
      wsUrl: (last) => `ws://x/host/events?last_event_id=${last}`,
      WebSocket,
      fetch: fakeFetch(answers),
      clock,
      backoff: backoff(),
      lastEventId: '0',
    });
  const s = make([response(403, JSON.stringify({ title: 'Forbidden', detail: 'the Host "x" is not ours' }))]);
  const said = record(s, 'event', 'state');
  s.start();
  WebSocket.last.open();
  WebSocket.last.text({ type: 'power.state', event: 'power.state', id: 7, t: 1, data: {} });
  WebSocket.last.lose();
  await clock.advance(100);
  assert.equal(WebSocket.last.url, 'ws://x/host/events?last_event_id=7');
  assert.equal(said.filter(([n]) => n === 'event').length, 1);
  WebSocket.last.lose(); // before it opened
  await settle();
  assert.deepEqual([s.state, s.problem.status], ['closed', 403]);
  assert.match(said.at(-1)[2], /is not ours/);
});
