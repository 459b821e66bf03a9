// Pools of the host that users share (lib/places.h): a viewer who takes all that it can get has half of them, an
// operator comes in beside it, and what is given back can be had again. By one user's token, so that the address (this
// machine's) does not matter.
import assert from 'node:assert/strict';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { scriptedDevice } from './bench.mjs';
import { Host, assertProblem, scratch, until } from './harness.mjs';

const READERS = 128,
  MJPEG = 32,
  STREAMS = 1024; // TB_LIMIT_CONSOLE_READERS, TB_LIMIT_MJPEG_VIEWERS, TB_LIMIT_HTTP_STREAMS
const TOKEN = { eve: 'eve-watches-0123456789', mallory: 'mallory-watches-0123456789', bob: 'bob-controls-0123456789' };
const state = scratch('tb-shares-');
let host;

const as = (user, target) => `${target}${target.includes('?') ? '&' : '?'}access_token=${TOKEN[user]}`;

before(async () => {
  host = await Host.start(
    {
      tokens: [
        { name: 'eve', role: 'viewer', token: TOKEN.eve },
        { name: 'mallory', role: 'viewer', token: TOKEN.mallory },
        { name: 'bob', role: 'operator', token: TOKEN.bob },
      ],
      devices: { dut: scriptedDevice(path.join(state, 'power')), screen: { attach: 'testpattern://' } },
    },
    { state },
  );
  await until(
    'the console',
    async () =>
      (await host.get(as('bob', '/host/devices/dut'))).json.interfaces.find((i) => i.kind === 'console').state ===
      'ready',
  );
});

after(() => host?.stop());

/** Opens as many as `open` gets, at most `limit` + 1; resolves with them and what refused the next. */
async function takeAll(open, limit) {
  const held = [];
  for (;;) {
    assert.ok(held.length <= limit, `${held.length} are held, and no end`);
    try {
      held.push(await open());
    } catch (refused) {
      return { held, refused };
    }
  }
}

/** A pushed answer that nobody reads: rejects with the status when it is refused. */
const stream = (user, target) =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(host.url);
    const request = http.get({ hostname, port, path: as(user, target), agent: false }, (answer) => {
      if (answer.statusCode === 200) return resolve({ stop: () => request.destroy() });
      answer.resume();
      return reject(Object.assign(new Error(`status ${answer.statusCode}`), { status: answer.statusCode }));
    });
    request.on('error', reject);
  });

test('sockets of one console', async () => {
  const target = '/host/devices/dut/console',
    open = (user) => () => host.websocket(as(user, target));
  const { held, refused } = await takeAll(open('eve'), READERS);
  assert.equal(held.length, READERS / 2);
  assert.equal(refused.status, 429);
  const control = await host.websocket(as('eve', '/host/ws'));
  control.send({ id: 1, subscribe: ['console:dut'] });
  assert.equal((await control.find((m) => m.id === 1)).error.status, 429, 'nor by a subscription');
  const others = await takeAll(open('mallory'), READERS);
  assert.equal(others.held.length, READERS / 4, 'the last quarter is kept for who controls');
  const bob = await open('bob')();
  await Promise.all([...held.splice(0, 1), ...others.held].map((ws) => ws.stop()));
  await until('the place', async () => {
    try {
      held.push(await open('eve')());
      return true;
    } catch {
      return false;
    }
  });
  await Promise.all([...held, bob, control].map((ws) => ws.stop()));
});

test('MJPEG streams', async () => {
  const target = '/host/devices/screen/video/stream.mjpeg';
  await until('the screen', async () => (await host.get(as('bob', '/host/devices/screen'))).json.state !== 'opening');
  const { held, refused } = await takeAll(() => stream('eve', target), MJPEG);
  assert.equal(held.length, MJPEG / 2);
  assert.equal(refused.status, 429);
  (await stream('bob', target)).stop();
  for (const one of held) one.stop();
});

test('event streams and sockets of the host', async () => {
  const { held, refused } = await takeAll(() => stream('eve', '/host/events'), STREAMS);
  assert.ok(
    held.length <= STREAMS / 2 && held.length > STREAMS / 2 - 16,
    `${held.length}: what the tests before held may still be ending`,
  );
  assert.equal(refused.status, 429);
  await assert.rejects(host.websocket(as('eve', '/host/ws')), (e) => e.status === 429);
  assertProblem(await host.get(as('eve', '/host/events')), 429, { detail: /one user's share/ });
  assert.equal((await host.get(as('eve', '/host/devices'))).status, 200, 'what is no stream is served');
  (await stream('bob', '/host/events')).stop();
  await (await host.websocket(as('bob', '/host/ws'))).stop();
  for (const one of held) one.stop();
});
