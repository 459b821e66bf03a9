// SIGHUP: the devices of the configuration, without cutting what did not change.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { startSerialPort } from './bench.mjs';
import { assertProblem, freePort, until, withHost, within } from './harness.mjs';

const PATTERN = 'testpattern://';

async function reload(host, change) {
  const file = path.join(host.state, 'host.yaml');
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  const from = host.program.out.items.length;
  host.program.child.kill('SIGHUP');
  await host.program.line(/all of it holds now/, { from });
  return from;
}

/** A viewer at a TCP port: what it is greeted with; null: nobody listens. */
const greeting = (port) =>
  within(
    'the greeting',
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1');
      socket.once('data', (b) => {
        socket.destroy();
        resolve(b.toString('latin1'));
      });
      socket.once('error', () => resolve(null));
    }),
  );

test('SIGHUP: devices come, change and go; a console that did not change goes on, with its clients', async (t) => {
  const [kept, moved] = [await startSerialPort(t), await startSerialPort(t)];
  const [a, b, c] = [await freePort(), await freePort(), await freePort()];
  const host = await withHost(t, {
    devices: {
      kept: { attach: kept.uri, tcp: a },
      moved: { attach: moved.uri, tcp: b },
      named: { label: 'before', attach: PATTERN, vnc: c },
      gone: { attach: PATTERN },
    },
  });
  await host.state_is('kept/console');
  const lease = (await host.post('/host/devices/moved/lease', { ttl_s: 60 })).json.lease;
  await host.post('/host/devices', { id: 'ours', attach: PATTERN });
  const client = net.connect(a, '127.0.0.1');
  t.after(() => client.destroy());
  let said = '';
  client.on('data', (bytes) => {
    said += bytes;
  });
  let ended = false;
  client.on('close', () => {
    ended = true;
  });
  await until('the client', async () => (await host.get('/host/devices/kept/console')).json.clients === 1);
  assert.match(await greeting(c), /^RFB 003/);

  const from = await reload(host, (config) => ({
    ...config,
    devices: {
      kept: config.devices.kept,
      moved: { ...config.devices.moved, tcp: c },
      named: { ...config.devices.named, label: 'after', vnc: b },
      fresh: { attach: PATTERN },
      ours: { attach: PATTERN },
    },
  }));
  await host.program.line(/devices: 1 added, 2 attached anew, 0 renamed, 1 removed/, { from });
  assert.match(host.program.text, /it was added over the API: DELETE that one/);
  const ids = (await host.get('/host/devices')).json.map((d) => d.id);
  assert.deepEqual(ids, ['fresh', 'kept', 'moved', 'named', 'ours']);
  assert.equal((await host.get('/host/devices/named')).json.label, 'after');
  assert.equal((await host.get('/host/devices/moved/console')).json.tcp.listen, `127.0.0.1:${c}`);
  assert.match(await greeting(b), /^RFB 003/, 'two have exchanged their ports');
  assertProblem(await host.post('/host/devices/moved/console/write', { text: 'x' }), 423);
  assert.ok(
    (await host.post('/host/devices/moved/console/write', { text: 'x' }, { headers: { 'X-Lease': lease } })).json,
  );
  await kept.say('still here');
  await until('its bytes', () => said === 'still here');
  assert.ok(!ended);
  assert.equal(kept.connections, 1, 'its line was not opened anew');

  const again = await reload(host, (config) => ({
    ...config,
    devices: { ...config.devices, fresh: { label: 'new', attach: PATTERN } },
  }));
  await host.program.line(/devices: 0 added, 0 attached anew, 1 renamed, 0 removed/, { from: again });
});

test('a device added over the API has its VNC port at once, and none when it is gone', async (t) => {
  const port = await freePort();
  const host = await withHost(t, { devices: {} });
  assert.equal((await host.post('/host/devices', { id: 'p', attach: PATTERN, vnc: port })).status, 201);
  assert.match(await greeting(port), /^RFB 003/);
  await host.request('DELETE', '/host/devices/p');
  assert.equal(await greeting(port), null);
});
