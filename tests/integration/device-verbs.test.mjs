// device.* and lease.* are verbs like all others: the same over /host/ws and by REST, with the same authority, in the
// audit trail, and nothing secret in it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { assertProblem, scratch, until, withHost } from './harness.mjs';

const TOKENS = ['viewer', 'operator', 'admin'].map((role) => ({ name: role, role, token: `${role}-token-0123456789` }));
const bearer = (role) => ({ headers: { Authorization: `Bearer ${role}-token-0123456789` } });
const SECRET = 'pw0rd-of-the-plug';
const PLUG = `shelly://admin:${SECRET}@127.0.0.1:1`;
const OTHER = PLUG.replace(/1$/, '2'); // an outlet is one device's
const audit = (host) =>
  readFileSync(path.join(host.state, 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l));

test('over /host/ws: an admin adds, changes and removes a device; nobody else does', async (t) => {
  const host = await withHost(t, { tokens: TOKENS, devices: { fixed: { attach: 'vitals://' } } });
  const socket = (role) => host.websocket('/host/ws', bearer(role));
  const admin = await socket('admin');
  for (const role of ['viewer', 'operator']) {
    const ws = await socket(role);
    for (const [device, verb, params] of [
      ['n', 'device.add', { id: 'n', attach: 'vitals://' }],
      ['fixed', 'device.patch', { label: 'x' }],
      ['fixed', 'device.remove', {}],
    ])
      assert.equal((await ws.command(device, verb, params)).error.status, 403, `${role} ${verb}`);
    if (role === 'viewer')
      for (const verb of ['lease.take', 'lease.renew', 'lease.release'])
        assert.equal((await ws.command('fixed', verb, {})).error.status, 403, verb);
    assert.equal((await ws.command('fixed', 'lease.get', {})).result ?? null, null);
    await ws.stop();
  }
  const wrong = await admin.command('n', 'device.add', { id: 'm', attach: 'vitals://' });
  assert.deepEqual([wrong.error.status, wrong.error.field], [400, 'id']);
  assert.equal((await admin.command('n', 'device.patch', { label: 'x' })).error.status, 404);
  assert.equal((await admin.command('n', 'device.nonsense', {})).error.status, 404);
  const added = await admin.command('n', 'device.add', { id: 'n', label: 'New', attach: 'vitals://' });
  assert.deepEqual([added.result.id, added.result.label], ['n', 'New']);
  await until('both to say the same', async () =>
    isDeepStrictEqual(
      (await host.get('/host/devices/n', bearer('viewer'))).json.interfaces,
      (await admin.command('n', 'device.get', {})).result.interfaces,
    ),
  );
  assert.equal((await admin.command('n', 'device.add', { id: 'n', attach: 'vitals://' })).error.status, 409);
  assert.equal((await admin.command('n', 'device.patch', { label: 'Newer' })).result.label, 'Newer');
  assert.equal((await admin.command('fixed', 'device.remove', {})).error.status, 409, 'the configuration names it');
  // a lease of somebody else refuses it, as by REST
  const operator = await socket('operator');
  await operator.command('n', 'lease.take', { ttl_s: 60 });
  const locked = await admin.command('n', 'device.remove', {});
  assert.deepEqual([locked.error.status, locked.error.holder], [423, 'operator']);
  assertProblem(await host.delete('/host/devices/n', bearer('admin')), 423);
  assert.equal((await operator.command('n', 'lease.release', {})).ok, true);
  assert.equal((await admin.command('n', 'device.remove', {})).ok, true);
  assertProblem(await host.get('/host/devices/n', bearer('admin')), 404);
});

test('a password in an attach string reaches neither the audit trail nor the events, however the device is added or changed', async (t) => {
  const host = await withHost(t, {});
  const events = await host.sse('/host/events');
  const ws = await host.websocket('/host/ws');
  assert.equal((await host.post('/host/devices', { id: 'a', attach: PLUG })).status, 201);
  assert.equal(
    (await host.patch('/host/devices/a', { attach: `${PLUG}?x=${SECRET}` })).status,
    400,
    'no such parameter',
  );
  assert.equal((await host.patch('/host/devices/a', { attach: [PLUG] })).status, 200);
  assert.equal((await host.patch('/host/devices/a', { attach: PLUG })).status, 200);
  assert.equal((await ws.command('b', 'device.add', { id: 'b', attach: { power: OTHER } })).ok, true);
  assert.equal((await ws.command('b', 'device.patch', { attach: OTHER })).ok, true);
  assert.equal((await ws.command('b', 'device.remove', {})).ok, true);
  await events.find((e) => e.data.event === 'command' && e.data.data.verb === 'device.remove');
  await until('the last line of the audit trail', () => audit(host).at(-1).verb === 'device.remove');
  const trail = audit(host);
  assert.deepEqual(
    trail.map((e) => [e.verb, e.ok]),
    [
      ['device.add', true],
      ['device.patch', false],
      ['device.patch', true],
      ['device.patch', true],
      ['device.add', true],
      ['device.patch', true],
      ['device.remove', true],
    ],
  );
  assert.match(trail.at(0).params.attach, /^shelly:\/\/.*127\.0\.0\.1:1/, 'as users may see it');
  for (const [what, text] of [
    ['audit', JSON.stringify(trail)],
    ['events', JSON.stringify(events.items)],
    ['log', host.program.text],
  ])
    assert.ok(
      !text.includes(SECRET),
      `${what}: ${text.slice(Math.max(0, text.indexOf(SECRET) - 200), text.indexOf(SECRET) + 40)}`,
    );
  await ws.stop();
  events.stop();
});

test('a stored device that cannot be attached any more is removed by its name', async (t) => {
  const state = scratch('tb-verbs-');
  const first = await withHost(t, {}, { state });
  await first.post('/host/devices', { id: 'old', attach: 'vitals://' });
  await first.stop({ keepState: true });
  const file = path.join(state, 'devices.json');
  writeFileSync(file, readFileSync(file, 'utf8').replace('vitals://', 'gone://'));
  const host = await withHost(t, {}, { state });
  assertProblem(await host.get('/host/devices/old'), 404);
  assertProblem(await host.post('/host/devices', { id: 'old', attach: 'vitals://' }), 409, { detail: /DELETE/ });
  assert.equal((await host.delete('/host/devices/old')).status, 204);
  assertProblem(await host.delete('/host/devices/old'), 404);
  assert.equal((await host.post('/host/devices', { id: 'old', attach: 'vitals://' })).status, 201);
});
