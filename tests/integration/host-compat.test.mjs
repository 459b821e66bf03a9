// pdudaemon's and labgrid's routes name an outlet; the wrong one is never switched.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { assertProblem, freePort, scratch, until, withHost, within } from './harness.mjs';

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

// TB_LIMIT_PDU_CLIENTS, TB_LIMIT_PDU_REQUEST, TB_LIMIT_PDU_SILENT_MS
const [CLIENTS, REQUEST, SILENT_MS] = [32, 512, 5000];

/** What pdudaemon's TCP listener at this port says, until it closes. `text` null: nothing is asked. */
async function pduTcp(port, text) {
  const socket = net.connect(port, '127.0.0.1');
  let said = '';
  socket.on('data', (bytes) => {
    said += bytes;
  });
  socket.on('error', () => {});
  if (text !== null) socket.write(text);
  await within('the answer', new Promise((resolve) => socket.once('close', resolve)));
  return said;
}

test("pdudaemon's TCP protocol: an outlet is switched, or nothing is, and why", async (t) => {
  const dir = scratch();
  const file = (name) => path.join(dir, name);
  const port = await freePort();
  const host = await withHost(t, {
    compat: { pdudaemon: port },
    devices: { pdu: { attach: [outlet(file('1')), outlet(file('2'))] } },
  });
  const silent = pduTcp(port, null);
  const began = Date.now();
  assert.equal(await pduTcp(port, 'pdu 2 on'), 'ack\n', 'as pduclient: a packet without a line end');
  assert.deepEqual([existsSync(file('1')), existsSync(file('2'))], [false, true]);
  assert.equal(await pduTcp(port, 'pdu 02 off\n'), 'ack\n');
  assert.ok(!existsSync(file('2')));
  const late = pduTcp(port, 'pdu 1 on 1');
  assert.equal(await pduTcp(port, 'pdu 2 reboot 0\n'), 'ack\n');
  assert.ok(!existsSync(file('1')), 'not before its delay');
  assert.equal(await late, 'ack\n');
  assert.ok(existsSync(file('1')));
  for (const [text, why] of [
    ['pdu 3 off\n', /no outlet 3/],
    ['none 1 off\n', /no device "none"/],
    ['pdu 1 explode\n', /no command/],
    ['pdu 1\n', /HOSTNAME PORT COMMAND/],
    ['pdu 1 off 1 1\n', /HOSTNAME PORT COMMAND/],
    ['pdu 1 off 121\n', /0 to 120/], // TB_LIMIT_CYCLE_OFF_S
    ['pdu 1 off -1\n', /0 to 120/],
    ['POST / HTTP/1.1\r\n\r\npdu 1 off\n', /command/],
    ['\xff 1 off\n', /no device/],
    [`${'x'.repeat(REQUEST)} 1 off\n`, /nack: /],
  ]) {
    const said = await pduTcp(port, text);
    assert.match(said, /^nack: .*\n$/, text);
    assert.match(said, why);
  }
  assert.equal(
    await pduTcp(port, `pdu 1 on${' '.repeat(REQUEST - 9)}\n`),
    'ack\n',
    'one of as many bytes as it may have',
  );
  assert.ok(existsSync(file('1')), 'nothing was switched');
  const { json } = await host.post('/host/devices/pdu/lease', { ttl_s: 60 });
  assert.match(await pduTcp(port, 'pdu 1 off\n'), /nack: .*leased/);
  await host.request('DELETE', '/host/devices/pdu/lease', { headers: { 'X-Lease': json.lease } });
  assert.equal(await silent, '');
  assert.ok(Date.now() - began >= SILENT_MS - 1000, 'who says nothing is let go, in time');
  const held = Array.from({ length: CLIENTS }, () => net.connect(port, '127.0.0.1').on('error', () => {}));
  t.after(() => held.forEach((s) => s.destroy()));
  await until('all places taken', async () => /connections of pdudaemon/.test(await pduTcp(port, 'pdu 1 on\n')));
});

test("pdudaemon's delay of on and off is waited for by HTTP, too; with tokens its TCP port has a list", async (t) => {
  const dir = scratch();
  const flag = path.join(dir, 'on');
  const port = await freePort();
  const devices = { one: { attach: [outlet(flag)] } };
  const host = await withHost(t, { devices });
  const late = host.get('/power/control/on?hostname=one&delay=1');
  await host.get('/host/devices/one/power');
  assert.ok(!existsSync(flag));
  assert.equal((await late).text, 'OK - accepted request\n');
  assert.ok(existsSync(flag));
  const tokens = [{ name: 'ci', role: 'operator', token: 'operator-token-0001' }];
  const closed = await withHost(t, { tokens, devices, compat: { pdudaemon: port } });
  assert.match(await pduTcp(port, 'one 1 off\n'), /nack: 127\.0\.0\.1 may not switch without a token/);
  assert.ok(existsSync(flag));
  await closed.stop();
  await withHost(t, { tokens, devices, compat: { pdudaemon: port, allow: ['127.0.0.0/8'] } });
  assert.equal(await pduTcp(port, 'one 1 off\n'), 'ack\n');
  assert.ok(!existsSync(flag));
});
