// A disk of the state folder that stands still: no call and no stop waits for it, and what was answered as stored is
// stored.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertProblem, scratch, until, withHost, withStall } from './harness.mjs';

const PLUG = 'shelly://127.0.0.1:1';
const health = async (host) => (await host.get('/host/health')).json;

/** Fails unless others are answered while `call` waits. */
async function whileWaiting(host, what, call) {
  let answered = false;
  const answer = call.finally(() => (answered = true));
  for (let i = 0; i < 3; i++) assert.equal((await host.get('/host/info')).status, 200);
  assert.equal(answered, false, `${what} waits for the disk, others do not`);
  return answer;
}

test('a disk that stands still: callers are told, others do not wait, and all is stored when it goes on', async (t) => {
  const { host, state, stall } = await withStall(t, { devices: { one: { attach: PLUG }, two: { attach: PLUG } } });
  const lease = (await host.post('/host/devices/one/lease', { ttl_s: 600 })).json.lease;
  assert.equal((await host.post('/host/devices', { id: 'before', attach: PLUG })).status, 201);
  stall.begin();
  const refused = await whileWaiting(host, 'device.add', host.post('/host/devices', { id: 'late', attach: PLUG }));
  assertProblem(refused, 503, { detail: /nothing was changed.*has not answered for 2 s/ });
  assertProblem(await host.get('/host/devices/late'), 404);
  const holder = { headers: { 'X-Lease': lease } };
  assert.equal((await host.put('/host/devices/one/lease', {}, holder)).status, 200, 'a heartbeat waits for no disk');
  const taken = await whileWaiting(host, 'lease.take', host.post('/host/devices/two/lease', { ttl_s: 600 }));
  assert.equal(taken.status, 200, 'it holds, and is stored later');
  const ill = await health(host);
  assert.equal(ill.status, 'degraded');
  assert.match(JSON.stringify(ill), /disk of the state folder has not answered for \d+ s/);
  assert.match(JSON.stringify(ill), /leases\.json is not stored yet/);
  for (let i = 0; i < 20; i++) {
    assertProblem(await host.patch('/host/devices/before', { label: `x${i}` }), 503);
    assert.equal((await host.put('/host/devices/one/power', { state: 'on' }, holder)).status >= 400, true);
  }
  stall.end();
  await until('health to be well', async () => !/state folder|stored yet/.test(JSON.stringify(await health(host))));
  assert.equal((await host.post('/host/devices', { id: 'late', attach: PLUG })).status, 201);
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(path.join(state, 'devices.json'), 'utf8'))).sort(), [
    'before',
    'late',
  ]);
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(path.join(state, 'leases.json'), 'utf8'))).sort(), [
    'one',
    'two',
  ]);
  await until('the audit trail', () => {
    const lines = readFileSync(path.join(state, 'audit.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    return (
      lines
        .filter((l) => l.verb === 'device.add')
        .map((l) => l.ok)
        .join() === 'true,false,true'
    );
  });
});

test('a change that was given up is not there after a restart', async (t) => {
  const { host, state, stall } = await withStall(t);
  stall.begin();
  assertProblem(await host.post('/host/devices', { id: 'late', attach: PLUG }), 503);
  stall.end();
  await until(
    'what is live to be stored',
    () => readFileSync(path.join(state, 'devices.json'), 'utf8').trim() === '{}',
  );
  await host.kill();
  const again = await withHost(t, {}, { state });
  assertProblem(await again.get('/host/devices/late'), 404);
});

test('SIGTERM does not wait for a disk that stands still, and says what is given up', async (t) => {
  const { host, stall } = await withStall(t, { devices: { one: { attach: PLUG } } });
  stall.begin();
  const pending = host.post('/host/devices', { id: 'late', attach: PLUG }).catch(() => null);
  await host.get('/host/info');
  await host.stop({ keepState: true });
  await pending;
  assert.match(host.program.text, /disk of the state folder does not answer.*given up/);
});

test('kill -9 right behind the answers: devices, their changes and leases are there', async (t) => {
  const state = scratch('tb-disk-');
  const host = await withHost(t, {}, { state });
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const made = await Promise.all(ids.map((id) => host.post('/host/devices', { id, attach: PLUG })));
  assert.deepEqual(
    made.map((m) => m.status),
    ids.map(() => 201),
  );
  assert.equal((await host.delete('/host/devices/b')).status, 204);
  const [label, lease] = await Promise.all([
    host.patch('/host/devices/a', { label: 'new' }),
    host.post('/host/devices/c/lease', { ttl_s: 600 }),
  ]);
  assert.deepEqual([label.status, lease.status], [200, 200]);
  await host.kill();
  const again = await withHost(t, {}, { state });
  const devices = (await again.get('/host/devices')).json;
  assert.deepEqual(
    devices.map((d) => d.id),
    ids.filter((id) => id !== 'b'),
  );
  assert.equal(devices[0].label, 'new');
  assert.ok((await again.get('/host/devices/c/lease')).json?.holder);
});
