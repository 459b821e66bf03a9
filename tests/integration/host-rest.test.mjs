// Devices, leases and history over REST, and what of it survives a restart.
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice, startSerialPort } from './bench.mjs';
import { Host, assertProblem, forFile, scratch, until, documented } from './harness.mjs';
import { scrape } from './prometheus.mjs';

const file = forFile();
const state = scratch('tb-rest-');
let host;
let answers;
let port;
let config;

before(async () => {
  file.after(() => rmSync(state, { recursive: true, force: true }));
  port = await startSerialPort(file);
  config = { devices: { dut: scriptedDevice(path.join(state, 'power')), wire: { attach: { console: port.uri } } } };
  host = await Host.start(config, { state });
  file.after(() => host.program.how || host.stop()); // the one that runs then
  await host.state_is('dut/power');
  await host.state_is('wire/console');
  answers = documented(host, (await host.get('/host/openapi.json')).json);
});

test('health and info', async () => {
  const { status, json } = await host.get('/host/health');
  assert.equal(status, 200);
  assert.equal(json.host_name, 'bench');
  assert.equal(json.services.host, 'running');
  assert.ok(['healthy', 'degraded'].includes(json.status));
  assert.ok(Number.isInteger(json.uptime_s));
  const old = (await host.get('/host/system/health')).json;
  assert.deepEqual([old.status, old.mode, old.host_name], ['ok', 'host', 'bench']);
  const info = (await host.get('/host/info')).json;
  assert.equal(info.version, json.version);
  assert.equal(info.limits.json_depth, 32);
  const drivers = (await host.get('/host/drivers')).json;
  assert.ok(drivers.find((d) => d.name === 'exec').kinds.includes('power'));
  const metrics = await host.get('/metrics');
  assert.ok(scrape(metrics).find((f) => f.name === 'testbed_video_frames'));
  assert.match(metrics.text, /^testbed_devices 2$/m);
  assert.match(metrics.text, /^testbed_interfaces\{state="ready"\} [1-9]/m);
});

test('the list of devices', async () => {
  const { json, headers } = await host.get('/host/devices');
  assert.match(headers['content-type'], /^application\/json/);
  assert.deepEqual(
    json.map((d) => d.id),
    ['dut', 'wire'],
  );
  const power = json[0].interfaces.find((i) => i.name === 'power');
  assert.deepEqual([power.kind, power.driver, power.state], ['power', 'exec', 'ready']);
  assert.equal(json[0].lease, null);
  assert.deepEqual((await host.get('/host/devices/dut')).json, json[0]);
});

test('an attachment that was given as an object is told as a URI that attaches the same: what a form edits', async () => {
  const { interfaces } = (await host.get('/host/devices/dut')).json;
  const uris = [...new Set(interfaces.map((i) => i.uri))];
  assert.match(uris[0], /^exec:\/\/\?.*power_on=\[/);
  const made = await host.post('/host/devices', { id: 'again', attach: uris });
  assert.equal(made.status, 201, made.text);
  const told = (list) => list.map((i) => [i.name, i.kind, i.uri]);
  assert.deepEqual(told((await host.get('/host/devices/again')).json.interfaces), told(interfaces));
  assert.equal((await host.delete('/host/devices/again')).status, 204);
});

test('power answers with what was read back', async () => {
  for (const want of ['on', 'off']) {
    const { status, json } = await host.put('/host/devices/dut/power', { state: want });
    assert.equal(status, 200);
    assert.deepEqual([json.commanded, json.observed], [want, want]);
  }
  const cycled = await host.post('/host/devices/dut/power/cycle', { off_s: 0.05 });
  assert.equal(cycled.json.observed, 'on');
  assert.equal((await host.get('/host/devices/dut/power')).json.observed, 'on');
});

test('a device by REST: made, changed, removed; the ones of the configuration are protected', async () => {
  const made = await host.post('/host/devices', { id: 'made', attach: 'vitals://' });
  assert.equal(made.status, 201, made.text);
  assert.match(made.headers.location, /\/host\/devices\/made$/);
  assertProblem(await host.post('/host/devices', { id: 'made', attach: 'vitals://' }), 409, { field: 'id' });
  assert.equal((await host.patch('/host/devices/made', { label: 'Made' })).json.label, 'Made');
  const other = await host.patch('/host/devices/made', { attach: { screen: 'testpattern://?width=320&height=240' } });
  assert.equal(other.status, 400, 'the interface is not named after a kind, and several are offered');
  assert.equal((await host.get('/host/devices/made')).json.interfaces[0].kind, 'sensors', 'nothing changed');
  const named = await host.patch('/host/devices/made', { attach: { sensors: 'vitals://?interval_ms=500' } });
  assert.equal(named.status, 200, named.text);
  assertProblem(await host.delete('/host/devices/dut'), 409);
  assertProblem(await host.patch('/host/devices/dut', { label: 'x' }), 409);
  assert.equal((await host.delete('/host/devices/made')).status, 204);
  assertProblem(await host.get('/host/devices/made'), 404);
});

test('a lease: taken, refused to others, waited for, renewed, released', async () => {
  const lease = '/host/devices/dut/lease';
  const power = '/host/devices/dut/power';
  const taken = await host.post(lease, { ttl_s: 60, note: 'nightly' });
  assert.equal(taken.status, 200);
  assert.ok(taken.json.lease.length >= 16);
  const mine = { headers: { 'X-Lease': taken.json.lease } };
  const refused = await host.put(power, { state: 'off' });
  assertProblem(refused, 423);
  assert.equal(refused.json.holder, taken.json.holder);
  assert.equal(refused.json.note, 'nightly');
  assert.ok(Date.parse(refused.json.expires_at) > Date.now());
  assertProblem(await host.post(lease, { ttl_s: 60 }), 423);
  assertProblem(await host.post(lease, { ttl_s: 60, wait_s: 1 }), 423);
  assert.equal((await host.get(power)).status, 200, 'watching needs no lease');
  assert.equal((await host.put(power, { state: 'off' }, mine)).status, 200);
  assert.equal((await host.put(lease, {}, mine)).status, 200);
  assertProblem(await host.put(lease, {}), 423);
  assert.ok(!(await host.get('/host/devices')).text.includes(taken.json.lease), 'the secret is never shown');
  const waiting = host.post(lease, { ttl_s: 60, wait_s: 30 });
  assert.equal((await host.delete(lease, mine)).status, 204);
  const next = await waiting;
  assert.equal(next.status, 200);
  assert.notEqual(next.json.lease, taken.json.lease);
  // loopback without tokens: everybody is admin
  assert.equal((await host.delete(lease)).status, 204, 'an admin takes over');
  assertProblem(await host.put(lease, {}, mine), 410);
  assert.equal((await host.get(lease)).json, null);
});

test('an abandoned waiter does not get the lease', async () => {
  const lease = '/host/devices/dut/lease';
  const first = await host.post(lease, { ttl_s: 60 });
  const gone = host.post(lease, { ttl_s: 60, wait_s: 60 }, { ms: 300 }).catch((e) => e);
  await gone;
  // the harness gave up, but its socket lives; the next request of the same kind is cut by hand
  const { request } = await import('node:http');
  const url = new URL(host.url);
  const req = request({
    host: url.hostname,
    port: url.port,
    method: 'POST',
    path: lease,
    headers: { 'Content-Type': 'application/json' },
  });
  req.on('error', () => {});
  req.end(JSON.stringify({ ttl_s: 60, wait_s: 60 }));
  await new Promise((resolve) => req.once('finish', resolve));
  req.destroy();
  await host.delete(lease, { headers: { 'X-Lease': first.json.lease } });
  // of the two, only the one that still listens holds it now
  await until('one holder', async () => (await host.get(lease)).json?.holder);
  await host.delete(lease);
  await until('free', async () => (await host.get(lease)).json === null);
});

test('after a restart: devices, leases and console history are there', async () => {
  await host.post('/host/devices', { id: 'kept', label: 'Kept', attach: 'vitals://' });
  const t = Date.now() - 60000,
    sensors = '/host/devices/kept/sensors';
  await host.post(
    sensors,
    [1, 2, 3, 4].map((value) => ({ stream: 'before', value, unit: 'V', quantity: 'voltage', t: t + value })),
  );
  const { json: lease } = await host.post('/host/devices/kept/lease', { ttl_s: 600 });
  await port.connected();
  await port.say('before the restart\n');
  const log = '/host/devices/wire/console/log';
  await until('the line', async () => (await host.get(log)).text.includes('before the restart'));
  await host.stop({ keepState: true });
  host = await Host.start(config, { state });
  const kept = (await host.get('/host/devices/kept')).json;
  assert.equal(kept.label, 'Kept');
  assertProblem(await host.delete('/host/devices/kept'), 423);
  assert.equal((await host.put('/host/devices/kept/lease', {}, { headers: { 'X-Lease': lease.lease } })).status, 200);
  assert.match((await host.get(log)).text, /before the restart/);
  // what sensors said is read in the background; a fast one's samples by the second
  const past = await until('the samples of before', async () => {
    const { json } = await host.get(`${sensors}/history?stream=before&step_s=3600`);
    return json.before?.t.length && json.before;
  });
  assert.deepEqual([past.unit, past.min, past.mean, past.max, past.n], ['V', [1], [2.5], [4], [4]]);
  assert.equal((await host.get(sensors)).json.before, undefined, 'it is nobody’s latest value');
  await port.connected();
  await port.say('after it\n');
  await until('the next line', async () => (await host.get(log)).text.includes('after it'));
  const lines = (await host.get(`${log}?format=jsonl`)).text
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l));
  assert.deepEqual(
    lines.map((l) => l.text).filter((l) => /restart|after/.test(l)),
    ['before the restart', 'after it'],
  );
  assert.ok(lines.every((l) => Number.isInteger(l.offset) && Math.abs(Date.now() - l.t) < 600000));
});

test('kill -9: what was kept is still there', async () => {
  const log = '/host/devices/wire/console/log',
    folder = path.join(state, 'history', 'wire', 'console');
  await port.connected();
  await host.state_is('wire/console');
  await port.say('before the crash\n');
  // another thread writes it: the API shows a line before it is on the disk
  const kept = (name) => name.endsWith('.log') && readFileSync(path.join(folder, name)).includes('before the crash');
  await until('the line on the disk', () => readdirSync(folder).some(kept));
  await host.kill();
  appendFileSync(path.join(state, 'sensors.jsonl'), '{"d":"kept","i":"sens'); // as a killed write leaves it
  writeFileSync(path.join(state, 'sensors-day.jsonl'), 'no line of ours\n');
  host = await Host.start(config, { state });
  const sensors = '/host/devices/kept/sensors/history?stream=before';
  await until('the samples of before', async () => (await host.get(sensors)).json.before?.t.length);
  assertProblem(await host.get(`${sensors}&from=2000&to=1000`), 400, { field: 'to' });
  const table = await host.get(sensors, { headers: { Accept: 'text/csv' } });
  assert.match(table.headers['content-type'], /^text\/csv/);
  assert.match(table.text, /^stream,t,value,unit\r\n"before",\d{13},[\d.]+,".*"\r\n/);
  const late = { stream: 'late', value: 1, t: Date.now() + 2 * 3600000 };
  assertProblem(await host.post('/host/devices/kept/sensors', late), 400, { field: 't' });
  const problems = (await host.get('/host/health')).text;
  assert.match(
    problems,
    /sensors-day\.jsonl has 1 lines that are no samples; it is kept as sensors-day\.jsonl\.\S+\.kept/,
  );
  assert.doesNotMatch(problems, /sensors\.jsonl/);
  assert.match((await host.get(log)).text, /before the crash/);
  assert.equal((await host.get('/host/devices/kept')).status, 200);
});

test('tools that exist: pdudaemon and labgrid', async () => {
  await host.state_is('dut/power');
  const on = await host.get('/power/control/on?hostname=dut&port=power');
  assert.equal(on.status, 200);
  assert.match(on.text, /^OK/);
  assert.equal((await host.get('/host/compat/power/dut')).text, '1');
  assert.equal((await host.request('PUT', '/host/compat/power/dut', { body: '0' })).status, 200);
  assert.equal((await host.get('/host/compat/power/dut')).text, '0');
  assert.equal((await host.get('/power/control/reboot?hostname=dut&port=1&delay=0.05')).status, 200);
  assert.equal((await host.get('/host/compat/power/dut')).text, '1');
  assertProblem(await host.request('PUT', '/host/compat/power/dut', { body: '2' }), 400, { field: 'body' });
  assertProblem(await host.get('/power/control/explode?hostname=dut&port=1'), 404);
  assertProblem(await host.get('/power/control/on?port=1'), 400, { field: 'hostname' });
  assertProblem(await host.get('/power/control/on?hostname=dut&port=console'), 400, { field: 'port' });
  assertProblem(await host.get('/host/compat/power/wire'), 404);
  assertProblem(await host.get('/power/control/on?hostname=dut', { headers: { 'Sec-Fetch-Site': 'cross-site' } }), 403);
});

test('every answer above is among those that the document lists', () => {
  assert.deepEqual(answers.findings(), []);
});
