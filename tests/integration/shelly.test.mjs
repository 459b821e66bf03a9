// A Shelly plug over REST: from a script through the host to a plug's relay (simulated: tests/sim/shelly), and what a
// user is told when it goes wrong.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Host, Program, ROOT, assertProblem } from './harness.mjs';

async function startPlug(...options) {
  const plug = new Program(
    [process.execPath, path.join(ROOT, 'tests/sim/shelly/shelly-sim.mjs'), '--control', ...options],
    { name: 'plug' },
  );
  plug.port = Number((await plug.line(/^listening \d+/)).split(' ')[1]);
  plug.ask = async (line) => {
    const from = plug.out.items.length;
    plug.child.stdin.write(`${line}\n`);
    return plug.out.find(() => true, { from, what: `an answer to ${line}` });
  };
  return plug;
}

let host;
let plug;
let old;

before(async () => {
  plug = await startPlug('--gen', '2', '--auth', 'digest', '--password', 'pa55 wörd');
  old = await startPlug('--gen', '1', '--auth', 'basic');
  host = await Host.start({
    devices: {
      board: {
        attach: {
          power: `shelly://127.0.0.1:${plug.port}?poll_ms=1000&timeout_ms=1000&password=${encodeURIComponent('pa55 wörd')}`,
        },
      },
      lamp: { attach: [`shelly://127.0.0.1:${old.port}?password=secret&interval_ms=1000`] },
      locked: { attach: [`shelly://localhost:${old.port}?password=guess`] },
    },
  });
  await host.state_is('board/power');
  await host.state_is('lamp/power');
});

after(async () => {
  if (host) await host.stop();
  for (const p of [plug, old]) await p?.kill();
});

test('on, measured, off, cycled', async () => {
  const on = await host.put('/host/devices/board/power', { state: 'on' });
  assert.equal(on.status, 200, on.text);
  assert.equal(on.json.commanded, 'on');
  assert.equal(on.json.observed, 'on');
  assert.equal(on.json.watts, 27.5);
  assert.equal(on.json.volts, 227.9);
  assert.equal(on.json.energy_wh, 7258.589);
  assert.deepEqual(JSON.parse(await plug.ask('state')).outputs, [true]);
  const off = await host.put('/host/devices/board/power', { state: 'off' });
  assert.equal(off.json.observed, 'off');
  assert.deepEqual(JSON.parse(await plug.ask('state')).outputs, [false]);
  const cycled = await host.post('/host/devices/lamp/power/cycle', { off_s: 0.2 });
  assert.equal(cycled.status, 200, cycled.text);
  assert.equal(cycled.json.observed, 'on');
});

test('the button on the plug is an event', async () => {
  const events = await host.sse('/host/events?device=board');
  await plug.ask('press');
  const event = await events.find((e) => e.data.type === 'power.state');
  assert.equal(event.data.data.observed, 'on');
  assert.equal(event.data.data.commanded, 'off');
  events.stop();
  await host.put('/host/devices/board/power', { state: 'off' });
});

test('sensors', async () => {
  const events = await host.sse('/host/devices/lamp/sensors/stream');
  await events.find((e) => JSON.stringify(e.data).includes('power.watts'));
  events.stop();
  const { json } = await host.get('/host/devices/lamp/sensors');
  assert.equal(json['power.watts'].unit, 'W');
  assert.equal(json.temperature.value, 29.04);
});

test('no password is shown', async () => {
  for (const target of ['/host/devices', '/host/devices/board', '/host/devices/lamp']) {
    const answer = await host.get(target);
    assert.equal(answer.status, 200);
    assert.ok(!/pa55|secret|guess/.test(answer.text), answer.text);
  }
  assert.ok(!/pa55|=secret|guess/.test(host.program.text), 'nor is it logged');
});

test('what goes wrong is said', async () => {
  const { reason } = await host.state_is('locked/power', 'fault');
  assert.match(reason, /SHPLG-S at localhost:\d+ refuses the password: correct "password"/);
  await plug.ask('fault stuck');
  assertProblem(await host.put('/host/devices/board/power', { state: 'on' }), 502, {
    detail: /commanded on and still reads off/,
  });
  await plug.ask('fault refuse');
  assertProblem(await host.put('/host/devices/board/power', { state: 'on' }), 422, { detail: /Overpower/ });
  await plug.ask('fault silent');
  const silent = await host.put('/host/devices/board/power', { state: 'on' });
  assert.ok([504, 410].includes(silent.status), silent.text); // 410 when the polls have seen it first
  const gone = await host.state_is('board/power', 'absent');
  assert.match(gone.reason, /127\.0\.0\.1/);
  assertProblem(await host.put('/host/devices/board/power', { state: 'on' }), 410);
  await plug.ask('fault none');
  await host.state_is('board/power', 'ready', 20000);
  assert.equal((await host.put('/host/devices/board/power', { state: 'on' })).json.observed, 'on');
});
