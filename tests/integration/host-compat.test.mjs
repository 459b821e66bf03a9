// pdudaemon's and labgrid's routes name an outlet; the wrong one is never switched.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertProblem, scratch, withHost } from './harness.mjs';

/** An outlet that is a file. */
const outlet = (file) => ({
  driver: 'exec',
  power_on: ['touch', file],
  power_off: ['rm', '-f', file],
  power_get: ['sh', '-c', 'test -e "$0" && echo on || echo off', file],
});

test('a number or a name means one outlet, or 404 and nothing is switched', async (t) => {
  const dir = scratch();
  const file = (name) => path.join(dir, name);
  const host = await withHost(t, {
    devices: {
      pdu: { attach: [outlet(file('1')), outlet(file('2'))] }, // power, power2
      named: {
        attach: Object.fromEntries(
          ['outlet4', 'outlet7', 'fan'].map((name) => [name, { ...outlet(file(name)), kind: 'power' }]),
        ),
      },
      twice: {
        attach: Object.fromEntries(['left1', 'right1'].map((name) => [name, { ...outlet(file(name)), kind: 'power' }])),
      },
      one: { attach: [outlet(file('only'))] },
    },
  });
  const pdud = (device, port) =>
    host.get(`/power/control/on?hostname=${device}${port === undefined ? '' : `&port=${port}`}`);
  const on = () =>
    ['1', '2', 'outlet4', 'outlet7', 'fan', 'left1', 'right1', 'only'].filter((name) => existsSync(file(name)));

  for (const [device, port] of [
    ['pdu', 3],
    ['pdu', 0],
    ['pdu', '02x'],
    ['pdu', 'power3'],
    ['pdu', undefined],
    ['named', 1],
    ['named', 2],
    ['twice', 1],
    ['twice', 2],
    ['one', 2],
    ['one', '99999999999999999999'],
    ['none', 1],
  ])
    assertProblem(await pdud(device, port), 404);
  assert.deepEqual(on(), [], 'nothing was switched');

  for (const [device, port, name] of [
    ['pdu', 2, '2'],
    ['pdu', 1, '1'],
    ['named', 7, 'outlet7'],
    ['named', 3, 'fan'],
    ['named', 'outlet4', 'outlet4'],
    ['twice', 'left1', 'left1'],
    ['one', undefined, 'only'],
  ]) {
    const before = on();
    assert.equal((await pdud(device, port)).status, 200, `${device} ${port}`);
    assert.deepEqual(
      on().filter((n) => !before.includes(n)),
      [name],
      `${device} ${port}`,
    );
  }
  // pdudaemon's alias: an outlet's own name
  for (const alias of ['pdu', 'pdu/power3', 'none', 'pdu/', '/power'])
    assertProblem(await host.get(`/power/control/off?alias=${alias}`), 404);
  for (const query of ['', 'alias=pdu/power2&hostname=pdu', 'alias=pdu&port=2'])
    assertProblem(await host.get(`/power/control/off?${query}`), 400);
  assert.deepEqual(on().slice(0, 2), ['1', '2'], 'nothing was switched');
  assert.equal((await host.get('/power/control/off?alias=pdu/power2')).status, 200);
  assert.equal((await host.get('/power/control/off?alias=one')).status, 200);
  assert.deepEqual([on().includes('2'), on().includes('1'), on().includes('only')], [false, true, false]);
  await host.get('/power/control/on?alias=one');
  // labgrid's: the whole device where it has one outlet, else by ?port=
  assertProblem(await host.get('/host/compat/power/pdu'), 404);
  assertProblem(await host.request('PUT', '/host/compat/power/pdu?port=9', { body: '0' }), 404);
  assert.equal((await host.request('PUT', '/host/compat/power/pdu?port=2', { body: '0' })).status, 200);
  assert.equal((await host.get('/host/compat/power/pdu?port=2')).text, '0');
  assert.equal((await host.get('/host/compat/power/pdu?port=1')).text, '1');
  assert.equal((await host.get('/host/compat/power/one')).text, '1');
});

test('a token as the password of Basic, for programs that know nothing else; not from a page', async (t) => {
  const token = 'operator-token-0001';
  const host = await withHost(t, { tokens: [{ name: 'ci', role: 'operator', token }], devices: {} });
  const basic = (text, more = {}) => ({
    headers: { Authorization: `Basic ${Buffer.from(text).toString('base64')}`, ...more },
  });
  const status = async (options) => (await host.get('/host/devices', options)).status;
  for (const text of [`ci:${token}`, `:${token}`, `whoever:${token}`])
    assert.equal(await status(basic(text)), 200, text);
  for (const text of ['ci:wrong', token, `${token}:`, `ci:x:${token}`, ''])
    assert.equal(await status(basic(text)), 401, text);
  assert.equal(await status(basic(`ci:${token}`, { 'Sec-Fetch-Site': 'same-origin' })), 401);
  assert.equal(await status(basic(`ci:${token}`, { Origin: host.url })), 401);
});

test('an interface is not named after another kind', async (t) => {
  const host = await withHost(t, { devices: {} });
  for (const name of ['power', 'power2', 'video'])
    assertProblem(await host.post('/host/devices', { id: 'dut', attach: { [name]: 'tcp://127.0.0.1:1' } }), 400, {
      detail: /give the interface a name/,
    });
  assert.equal((await host.post('/host/devices', { id: 'dut', attach: { uart1: 'tcp://127.0.0.1:1' } })).status, 201);
});
