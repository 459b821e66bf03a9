import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Api } from '../core/api.js';
import { Backoff } from '../core/backoff.js';
import { changed, Lists } from '../core/lists.js';
import { FakeClock, fakeWebSocket, settle } from './fakes.mjs';

const row = (name, label = '') => ({ name, label });

/** A server of one list, hosts: {rows, version}; `asked`: what GET was asked with. */
function bench() {
  const clock = new FakeClock();
  const WebSocket = fakeWebSocket();
  const server = { rows: [row('a'), row('b')], etag: '"1"', asked: [], away: false };
  const fetch = async (url, { headers }) => {
    server.asked.push(headers['If-None-Match'] ?? null);
    if (server.away) throw new TypeError('away');
    const same = headers['If-None-Match'] === server.etag;
    const body = server.rows;
    return {
      ok: !same,
      status: same ? 304 : 200,
      headers: new Map([['ETag', server.etag]]),
      json: async () => body,
      text: async () => JSON.stringify(body),
    };
  };
  const api = new Api({ base: 'http://x/', fetch, token: () => 'geheim/+ü' });
  const lists = new Lists({ api, WebSocket, clock, backoff: new Backoff({ firstMs: 1000, jitter: 0 }) });
  const shown = [];
  const failures = [];
  lists.read(
    'hosts',
    (rows) => shown.push(rows.map((r) => r.name + r.label).join(' ')),
    (error) => failures.push(error.status),
  );
  lists.start();
  return { clock, WebSocket, server, lists, shown, failures };
}

test('a change replaces the rows of its keys, in the order of the list', () => {
  const rows = [row('a'), row('c')];
  assert.deepEqual(
    changed('hosts', rows, { keys: ['b'], set: [row('b')] }).map((r) => r.name),
    ['a', 'b', 'c'],
  );
  assert.deepEqual(changed('hosts', rows, { keys: ['a'], set: [] }), [row('c')]);
  const devices = [
    { host: 'a', device: 'x' },
    { host: 'a', device: 'y' },
    { host: 'b', device: 'x' },
  ];
  assert.deepEqual(
    changed('devices', devices, { keys: ['a'], set: [{ host: 'a', device: 'z' }] }).map((d) => d.host + d.device),
    ['az', 'bx'],
  );
});

test('while the socket tells, nothing is asked', async () => {
  const { clock, WebSocket, server, shown } = bench();
  await settle();
  const socket = WebSocket.last;
  assert.equal(socket.url, 'ws://x/ws'); // no token in an address
  socket.open();
  assert.deepEqual(socket.json[0], { subscribe: [{ list: 'hosts', etag: '"1"' }] });
  socket.text({ list: 'hosts', etag: '"1"' });
  for (let i = 0; i < 10; i++) {
    await clock.advance(3000);
    socket.text({ type: 'pong' });
  }
  socket.text({ list: 'hosts', from: '"1"', etag: '"2"', keys: ['b'], set: [row('b', '!')] });
  assert.deepEqual(shown, ['a b', 'a b!']);
  assert.deepEqual(server.asked, [null]);
});

test('a change that does not fit what is there is asked for; those that came meanwhile count', async () => {
  const { WebSocket, server, shown } = bench();
  await settle();
  WebSocket.last.open();
  Object.assign(server, { rows: [row('a', '3'), row('b')], etag: '"3"' });
  WebSocket.last.text({ list: 'hosts', from: '"2"', etag: '"3"', keys: ['a'], set: [row('a', '3')] });
  WebSocket.last.text({ list: 'hosts', from: '"3"', etag: '"4"', keys: ['b'], set: [row('b', '4')] });
  await settle();
  assert.deepEqual(shown.at(-1), 'a3 b4');
  assert.deepEqual(server.asked, [null, '"1"']);
  server.etag = '"5"';
  WebSocket.last.text({ list: 'hosts', etag: '"5"', get: 'api/hosts' });
  await settle();
  assert.equal(server.asked.at(-1), '"4"');
});

test('cut off it asks every 5 s for what it has not, and comes back by itself', async () => {
  const { clock, WebSocket, server, shown, failures } = bench();
  await settle();
  WebSocket.last.open();
  WebSocket.last.lose();
  await clock.advance(5000);
  assert.equal(WebSocket.made.length, 2);
  assert.deepEqual(server.asked, [null, '"1"']);
  assert.equal(shown.length, 1); // it was the same
  server.away = true;
  WebSocket.last.lose();
  await clock.advance(5000);
  assert.deepEqual(failures, [0]);
  server.away = false;
  WebSocket.last.open();
  WebSocket.last.text({ list: 'hosts', etag: '"1"' });
  await clock.advance(65000);
  assert.equal(shown.at(-1), 'a b');
});

test('a token goes as the name of a protocol', () => {
  const api = new Api({ base: 'http://x/', fetch: null, token: () => 'geheim/+ü' });
  const [first, second] = api.wsProtocols();
  assert.equal(first, 'testbed');
  assert.equal(Buffer.from(second.replace('testbed.bearer.', ''), 'base64url').toString(), 'geheim/+ü');
  assert.match(second, /^[\w.-]+$/);
  assert.deepEqual(api.wsProtocols(['binary'])[0], 'binary');
});
