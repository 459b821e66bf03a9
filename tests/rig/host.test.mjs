// testbed-host in the lab, seen from outside: REST, events and the console's WebSocket while hardware comes and goes.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { assertProblem, request, sse, until, websocket, within } from '../integration/harness.mjs';
import { Rig, build, top } from './rig.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const CYCLES = Number(process.env.TB_RIG_CYCLES || 10);

let rig, events;
const get = (target) => request(rig.url, 'GET', target);
const put = (target, json) => request(rig.url, 'PUT', target, { json });
const post = (target, json) => request(rig.url, 'POST', target, { json });
const next = (type, fits = () => true, from = 0, ms = 30_000) =>
  events.find((item) => item.data.type === type && fits(item.data), { from, ms, what: type });
const interfaceState = (id, state) => {
  const [device, name] = id.split('/');
  return until(
    `${id} ${state}`,
    async () => {
      const { json } = await get(`/host/devices/${device}`);
      const iface = json.interfaces.find((i) => i.name === name);
      if (iface.state !== state) throw new Error(`${iface.state}: ${iface.reason}`);
      return iface;
    },
    30_000,
  );
};

before(
  async () => {
    build();
    assert.ok(fs.existsSync(path.join(top, 'build/rig/host/usr/bin/testbed-host')), 'testbed-host is built');
    rig = await Rig.boot({
      cameras: 1,
      files: { '/etc/testbed/host.yaml': fs.readFileSync(path.join(top, 'tests/rig/guest/host.yaml')) },
    });
    await rig.hostReady();
    events = await sse(rig.url, '/host/events');
  },
  { timeout: 300_000 },
);
after(async () => {
  events?.stop();
  // A daemon that died is started again by the lab's init; its end and its core tell more than the requests that failed
  // meanwhile.
  const crashed = /testbed-host ended with (?!0\b)\d+/.exec(rig?.bootLog ?? '');
  if (crashed) {
    const core = path.join(top, 'build/rig/core');
    await rig.pull('/core').then(
      (bytes) => fs.writeFileSync(core, bytes),
      (error) => console.log(error.message),
    );
    console.log(`${crashed[0]}; core in ${core}\n${rig.hostLog().slice(-4000)}`);
  }
  await rig?.stop();
});

test('the bench is ready: power by hub port, FTDI console, camera', async () => {
  for (const id of ['board/power', 'board/console', 'keyboard/power', 'camera/video'])
    await interfaceState(id, 'ready');
  const resources = await until('resources', async () => {
    const { json } = await get('/host/resources');
    return ['usb', 'serial', 'v4l2'].every((driver) => json.some((r) => r.driver === driver)) && json;
  });
  const line = resources.find((r) => r.uri.includes('RIG0001'));
  assert.equal(line.device, 'board');
  assert.match(line.why, /ftdi_sio line; udev names it/);
});

test('GET /host/usb is the tree with speed, ids, driver and port power', async () => {
  const { status, json } = await get('/host/usb');
  assert.equal(status, 200);
  const hub = json.buses.find((b) => b.port === 'usb1').ports.find((p) => p.port === '1-1').device;
  assert.equal(hub.power_switching, 'per-port');
  const ftdi = hub.ports[0];
  assert.deepEqual(
    [ftdi.port, ftdi.power, ftdi.device.vendor_id, ftdi.device.speed_mbps, ftdi.device.interfaces[0].driver],
    ['1-1.1', 'on', '0403', 12, 'ftdi_sio'],
  );
});

test(`plug and unplug reach the bus, ${CYCLES} cycles, none missed`, async () => {
  const latency = [];
  for (let i = 0; i < CYCLES; i++) {
    const from = events.items.length;
    const start = process.hrtime.bigint();
    await rig.plug(`cycle${i}`, 'usb-tablet', '3');
    const added = await next('usb.added', (e) => e.data.port === '1-3', from);
    latency.push(Number(process.hrtime.bigint() - start) / 1e6);
    assert.equal(added.data.data.vendor_id, '0627');
    // QEMU loses transfers of a device that goes while the kernel still asks it who it is; the kernel then waits for
    // seconds.
    await next('usb.bound', (e) => e.data.port === '1-3', from);
    await rig.unplug(`cycle${i}`);
    await next('usb.removed', (e) => e.data.port === '1-3', from);
  }
  latency.sort((a, b) => a - b);
  const at = (p) => latency[Math.min(latency.length - 1, Math.floor(p * latency.length))].toFixed(0);
  console.log(`plug -> event: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms, ${CYCLES} cycles`);
});

test('a hub port is switched by /host/usb: the device disappears and the device that is attached to it knows', async () => {
  const from = events.items.length;
  const off = await put('/host/usb/1-1.2/power', { state: 'off' });
  assert.equal(off.status, 200, off.text);
  assert.deepEqual([off.json.commanded, off.json.observed], ['off', 'off']);
  await next('usb.removed', (e) => e.data.port === '1-1.2', from);
  assert.match(await rig.sh('uhubctl -l 1-1 -p 2'), /Port 2: 0000 off/);
  await until(
    'keyboard/power observed off',
    async () => (await get('/host/devices/keyboard/power')).json.observed === 'off',
  );
  const on = await put('/host/usb/1-1.2/power', { state: 'on' });
  assert.equal(on.json.observed, 'on');
  await next('usb.added', (e) => e.data.port === '1-1.2', from);
});

test('power of a device by its hub port answers what was read back', async () => {
  const from = events.items.length;
  const off = await put('/host/devices/keyboard/power', { state: 'off' });
  assert.deepEqual([off.status, off.json.commanded, off.json.observed], [200, 'off', 'off']);
  await next('usb.removed', (e) => e.data.port === '1-1.2', from);
  const cycle = await post('/host/devices/keyboard/power/cycle', { off_s: 1 });
  assert.deepEqual([cycle.status, cycle.json.observed], [200, 'on']);
  await next('usb.added', (e) => e.data.port === '1-1.2', from);
});

test('what cannot be switched is refused with a problem', async () => {
  assertProblem(await put('/host/usb/1-2.1/power', { state: 'off' }), 501, { detail: /cannot switch power/ });
  assertProblem(await put('/host/usb/1-1.9/power', { state: 'off' }), 400, { field: 'port' });
  assertProblem(await put('/host/usb/9-1/power', { state: 'off' }), 404);
  assertProblem(await put('/host/usb/1-1.2/power', { state: 'half' }), 400, { field: 'state' });
  assertProblem(await post('/host/usb/usb1/reset', {}), 400);
  const reset = await post('/host/usb/1-1.3/reset', {});
  assert.ok([200, 204].includes(reset.status), reset.text);
});

test('the FTDI console both ways: 64 KB pasted, 1 MB printed, byte by byte', async () => {
  const far = await rig.serial('ftdi1');
  const parts = [];
  let bytes = 0;
  far.on('data', (part) => {
    parts.push(part);
    bytes += part.length;
  });
  const offset = (await get('/host/devices/board/console')).json.offset;
  const console_ = await websocket(rig.url, `/host/devices/board/console?from=${offset}`);
  const pasted = randomBytes(65536),
    printed = randomBytes(1 << 20);
  console_.send(pasted);
  far.write(printed);
  await until('pasted bytes at the far end', () => bytes >= pasted.length, 60_000);
  assert.equal(sha256(Buffer.concat(parts)), sha256(pasted));
  await until('printed bytes in the console', () => console_.bytes().length >= printed.length, 120_000);
  assert.equal(sha256(console_.bytes()), sha256(printed));
  await console_.stop();
  far.destroy();
  assert.equal((await get('/host/devices/board/console')).json.offset, offset + printed.length);
});

test('pulled in the middle and plugged again: the console returns by itself and the history is whole', async () => {
  let far = await rig.serial('ftdi1');
  const before = (await get('/host/devices/board/console')).json.offset;
  far.write('\n'); // ends the line of random bytes
  const offset = await until('end of the line', async () => {
    const now = (await get('/host/devices/board/console')).json.offset;
    return now > before && now;
  });
  const viewer = await websocket(rig.url, `/host/devices/board/console?from=${offset}`);
  far.write('before\n');
  await until('before', () => viewer.bytes().includes('before\n'));
  let from = events.items.length;
  await rig.unplug('ftdi1');
  far.destroy();
  await next('interface.state', (e) => e.interface === 'console' && e.data.state === 'absent', from);
  assertProblem(await post('/host/devices/board/console/write', { text: 'nobody there' }), 410);
  from = events.items.length;
  const start = Date.now();
  await rig.plugFtdi('ftdi1', '1.1', 'RIG0001');
  await next('interface.state', (e) => e.interface === 'console' && e.data.state === 'ready', from);
  console.log(`re-plug -> console ready: ${Date.now() - start} ms`);
  far = await rig.serial('ftdi1');
  let got = '';
  far.setEncoding('utf8').on('data', (text) => {
    got += text;
  });
  far.write('after\n');
  await until('after', () => viewer.bytes().toString() === 'before\nafter\n');
  const write = await post('/host/devices/board/console/write', { text: 'hello' });
  assert.ok([200, 204].includes(write.status), write.text);
  await until('hello at the far end', () => got === 'hello');
  await viewer.stop();
  const replay = await websocket(rig.url, `/host/devices/board/console?from=${offset}`);
  await until('history', () => replay.bytes().toString() === 'before\nafter\n');
  await replay.stop();
  const log = await get(`/host/devices/board/console/log?from=${offset}&format=text`);
  assert.match(log.text, /before[\s\S]*after/);
  far.destroy();
});

test('hub port off takes the console away, on brings it back', async () => {
  let from = events.items.length;
  const off = await put('/host/devices/board/power', { state: 'off' });
  assert.equal(off.json.observed, 'off', off.text);
  await next(
    'interface.state',
    (e) => e.device === 'board' && e.interface === 'console' && e.data.state === 'absent',
    from,
  );
  from = events.items.length;
  const on = await put('/host/devices/board/power', { state: 'on' });
  assert.equal(on.json.observed, 'on');
  await next(
    'interface.state',
    (e) => e.device === 'board' && e.interface === 'console' && e.data.state === 'ready',
    from,
  );
});

test('console settings are set and read back from the adapter; a wish it cannot meet changes nothing', async () => {
  const patch = (json) => request(rig.url, 'PATCH', '/host/devices/board/console', { json });
  const set = await patch({ baud: 9600, parity: 'even', flow: 'rtscts' });
  assert.equal(set.status, 200, set.text);
  assertProblem(await patch({ baud: 11999999 }), 501, { field: 'baud' });
  assertProblem(await patch({ baud: 0 }), 400, { field: 'baud' });
  const { json } = await get('/host/devices/board/console');
  const settings = json.settings ?? json;
  assert.deepEqual([settings.baud, settings.parity, settings.flow], [9600, 'even', 'rtscts']);
  assert.equal((await patch({ baud: 115200, parity: 'none', flow: 'none' })).status, 200);
  const wait = await post('/host/devices/board/console/break', { ms: 100 });
  assert.ok([200, 204].includes(wait.status), wait.text);
});

test('a snapshot of the camera is a picture of its size; without the camera it says so, with it again it is a picture', async () => {
  const snapshot = () => request(rig.url, 'GET', '/host/devices/camera/video/snapshot.png', { ms: 60_000 });
  const png = await snapshot();
  assert.equal(png.status, 200, png.text);
  assert.equal(png.headers['content-type'], 'image/png');
  assert.deepEqual([png.body.readUInt32BE(16), png.body.readUInt32BE(20)], [640, 360]);
  assert.ok(png.body.length > 2000, 'more than one colour');
  let from = events.items.length;
  await rig.sh('echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind');
  await next('interface.state', (e) => e.device === 'camera' && e.data.state === 'absent', from);
  from = events.items.length;
  await rig.sh('echo vivid.0 >/sys/bus/platform/drivers/vivid/bind');
  await next('interface.state', (e) => e.device === 'camera' && e.data.state === 'ready', from);
  assert.equal((await snapshot()).status, 200);
});

test('SIGTERM ends the daemon with 0 within 5 s; started again, the history is there', async () => {
  const offset = (await get('/host/devices/board/console')).json.offset;
  assert.ok(offset > 1 << 20);
  events.stop();
  await rig.sh('touch /run/hold; kill -TERM $(cat /run/testbed-host.pid)');
  await within(
    'end of the daemon',
    until('exit', () => rig.bootLog.includes('testbed-host ended with 0')),
    10_000,
  );
  await rig.sh('rm /run/hold');
  await rig.hostReady();
  assert.equal((await get('/host/devices/board/console')).json.offset, offset);
});
