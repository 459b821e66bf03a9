// A disk of the state folder that stands still: no call and no stop waits for it, and what was answered as stored is
// stored.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertProblem, scratch, until, withHost, withStall } from './harness.mjs';

const plug = (n) => `shelly://127.0.0.1:${n}`; // an outlet is one device's
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
  const { host, state, stall } = await withStall(t, {
    devices: { one: { attach: plug(1) }, two: { attach: plug(2) } },
  });
  const lease = (await host.post('/host/devices/one/lease', { ttl_s: 600 })).json.lease;
  assert.equal((await host.post('/host/devices', { id: 'before', attach: plug(3) })).status, 201);
  stall.begin();
  const refused = await whileWaiting(host, 'device.add', host.post('/host/devices', { id: 'late', attach: plug(4) }));
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
  assert.equal((await host.post('/host/devices', { id: 'late', attach: plug(4) })).status, 201);
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

test('what is not kept is named in health: a console without its history, an audit trail without its lines', async (t) => {
  const state = scratch();
  writeFileSync(path.join(state, 'history'), 'no folder');
  mkdirSync(path.join(state, 'audit.jsonl'));
  const host = await withHost(t, { devices: { board: { attach: 'tcp://127.0.0.1:1' } } }, { state });
  await host.post('/host/devices', { id: 'more', attach: plug(1) });
  await until('both reasons', async () => {
    const { status, reasons } = await health(host);
    const said = (what) => reasons.some((reason) => what.test(reason));
    return (
      status === 'degraded' &&
      said(/^board\/console: what it says is not stored: .*history/) &&
      said(/^the audit trail is not written: /)
    );
  });
});

test('a change that was given up is not there after a restart', async (t) => {
  const { host, state, stall } = await withStall(t);
  stall.begin();
  assertProblem(await host.post('/host/devices', { id: 'late', attach: plug(4) }), 503);
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
  const { host, stall } = await withStall(t, { devices: { one: { attach: plug(1) } } });
  stall.begin();
  const pending = host.post('/host/devices', { id: 'late', attach: plug(4) }).catch(() => null);
  await host.get('/host/info');
  await host.stop({ keepState: true });
  await pending;
  assert.match(host.program.text, /disk of the state folder does not answer.*given up/);
});

test('kill -9 right behind the answers: devices, their changes and leases are there', async (t) => {
  const state = scratch('tb-disk-');
  const host = await withHost(t, {}, { state });
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
  const made = await Promise.all(ids.map((id, n) => host.post('/host/devices', { id, attach: plug(n + 1) })));
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
