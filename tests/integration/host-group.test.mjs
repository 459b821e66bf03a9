// Several outlets as one: order, what is told when one fails or differs, leases of members, groups in themselves, and
// one outlet for two devices.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { scratch, until, withHost } from './harness.mjs';

test('outlets of other devices as one', async (t) => {
  const dir = scratch();
  const outlet = (name, on = `echo on > ${name}; echo ${name} on >> order`) => ({
    attach: {
      power: {
        driver: 'exec',
        power_on: ['sh', '-c', `cd ${dir}; ${on}`],
        power_off: ['sh', '-c', `cd ${dir}; echo off > ${name}; echo ${name} off >> order`],
        power_get: ['cat', path.join(dir, name)],
      },
    },
  });
  for (const name of ['psu-a', 'psu-b', 'psu-c']) fs.writeFileSync(path.join(dir, name), 'off\n');
  const order = () => fs.readFileSync(path.join(dir, 'order'), 'utf8').trim().split('\n');
  const host = await withHost(t, {
    devices: {
      'psu-a': outlet('psu-a'),
      'psu-b': outlet('psu-b'),
      'psu-c': outlet('psu-c', 'echo "the fuse is blown" >&2; exit 3'),
      server: { attach: 'group://?members=psu-a/power,psu-b&delay_ms=50&poll_ms=1000' },
      half: { attach: 'group://?members=psu-a,psu-c,psu-b&poll_ms=1000' },
    },
  });
  const power = (device) => `/host/devices/${device}/power`;
  const set = (device, state) => host.put(power(device), { state });
  await host.state_is('server/power', 'ready', 20000);

  await t.test('on in order, off in the opposite one, read back', async () => {
    const on = await set('server', 'on');
    assert.deepEqual([on.status, on.json.observed], [200, 'on']);
    const off = await set('server', 'off');
    assert.deepEqual([off.status, off.json.observed], [200, 'off']);
    assert.deepEqual(order(), ['psu-a on', 'psu-b on', 'psu-b off', 'psu-a off']);
    assert.equal((await set('server', 'on')).status, 200);
  });

  await t.test('one that differs is told in words', async () => {
    assert.equal((await set('psu-b', 'off')).status, 200);
    assert.equal((await host.get(power('server'))).json.observed, 'unknown');
    const device = await until('the reason', async () => {
      const { json } = await host.get('/host/devices/server');
      return json.interfaces[0].reason ? json : null;
    });
    assert.match(device.interfaces[0].reason, /not all are the same: psu-a\/power is on, psu-b is off/);
  });

  await t.test('a failure half-way ends in a state that is told', async () => {
    assert.equal((await set('psu-a', 'off')).status, 200);
    const on = await set('half', 'on');
    assert.equal(on.status, 502, on.text);
    assert.match(on.json.detail, /psu-c could not be switched on: .*the fuse is blown/);
    assert.match(on.json.detail, /now psu-a is on, psu-c is off, psu-b is off/); // what comes behind was not begun
    fs.writeFileSync(path.join(dir, 'psu-c'), 'on\n'); // by hand
    assert.equal((await set('half', 'off')).status, 200);
    assert.equal((await host.get(power('half'))).json.observed, 'off');
  });

  await t.test("a member's lease holds", async () => {
    const lease = await host.post('/host/devices/psu-b/lease', { ttl_s: 60 });
    assert.equal(lease.status, 200, lease.text);
    const on = await set('server', 'on');
    assert.equal(on.status, 423, on.text);
    assert.match(on.json.detail, /psu-b could not be switched on.*now psu-a\/power is on, psu-b is off/);
    const back = await host.delete('/host/devices/psu-b/lease', { headers: { 'X-Lease': lease.json.lease } });
    assert.ok(back.status < 300, back.text);
  });

  await t.test('nothing is in itself', async () => {
    const add = (id, members) => host.post('/host/devices', { id, attach: `group://?members=${members}` });
    const own = await add('own', 'psu-a,own/power');
    assert.equal(own.status, 400, own.text);
    assert.match(own.json.detail, /own\/power would be in itself/);
    assert.equal((await add('first', 'second/power')).status, 201); // not there yet
    const second = await add('second', 'psu-a,first');
    assert.equal(second.status, 400, second.text);
    assert.match(second.json.detail, /second\/power would be in itself, by its member first/);
    assert.equal((await add('second', 'psu-a')).status, 201);
    await host.state_is('first/power', 'ready', 20000); // it has come
    const twice = await add('twice', 'psu-a,psu-a');
    assert.deepEqual([twice.status, twice.json.field], [400, 'members']);
  });

  await t.test("an outlet is one device's: the error names both", async () => {
    const add = (id, attach) => host.post('/host/devices', { id, attach });
    assert.equal((await add('rack-1', { power: 'snmp://127.0.0.1:9?model=apc&outlet=3&poll_ms=60000' })).status, 201);
    const other = await add('rack-2', { power: 'snmp://127.0.0.1:9?model=apc&outlet=3&community=geheim' });
    assert.equal(other.status, 409, other.text);
    assert.match(other.json.detail, /is that of rack-1\/power: rack-2\/power cannot have it/);
    assert.doesNotMatch(other.text, /geheim/);
    assert.equal((await add('rack-2', { power: 'snmp://127.0.0.1:9?model=apc&outlet=4&poll_ms=60000' })).status, 201);
  });
});
