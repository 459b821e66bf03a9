// A phone over REST: the whole way from a script through the host, the real adb server and the simulated phone.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { BUILD, Host, Program, ROOT, assertProblem, documented, freePort, scratch, until } from './harness.mjs';

const exec = promisify(execFile);
const sim = path.join(BUILD, 'sim', 'android');
let dir, phone, host, serial, adbPort, answers;

const control = async (line) =>
  (await exec(sim, ['--state', path.join(dir, 'phone'), '--control', line])).stdout.trim();
const phoneState = async () => JSON.parse(await control('state'));
const shell = (command, more = {}) => host.post('/host/devices/phone/shell', { command, timeout_s: 20, ...more });

async function startPhone(port) {
  phone = new Program([sim, '--port', String(port), '--state', path.join(dir, 'phone')], { name: 'phone' });
  serial = `127.0.0.1:${/listening (\d+)/.exec(await phone.line(/^listening/))[1]}`;
}

before(async () => {
  dir = scratch('tb-phone-');
  await startPhone(0);
  adbPort = await freePort();
  // No adb server runs there: the host starts one, and it ends with the host.
  host = await Host.start(
    { devices: { phone: { attach: `adb://${serial}?log_replay=10&interval_ms=500` } } },
    { env: { ADB_HOST: `127.0.0.1:${adbPort}`, HOME: dir } },
  );
  for (const kind of ['shell', 'input', 'video', 'logs']) await host.state_is(`phone/${kind}`, 'ready', 20000);
  answers = documented(host, (await host.get('/host/openapi.json')).json);
});

after(async () => {
  await host?.stop();
  await phone?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('the kinds of a phone are interfaces, each named by its kind', async () => {
  const { json } = await host.get('/host/devices/phone');
  assert.deepEqual(json.interfaces.map((i) => i.name).sort(), [
    'apps',
    'files',
    'input',
    'logs',
    'sensors',
    'shell',
    'video',
  ]);
  assert.ok(json.interfaces.every((i) => i.driver === 'adb'));
});

test('the phone is a resource with its attach URI', async () => {
  await until('the resource', async () => (await host.get('/host/resources')).text.includes(`adb://${serial}`));
});

test('shell: exit code, both outputs, stdin, exact arguments', async () => {
  const { status, json } = await shell('cat; echo err >&2; exit 7', { stdin: 'in' });
  assert.equal(status, 200);
  assert.equal(json.exit_code, 7);
  assert.equal(json.stdout, 'in');
  assert.equal(json.stderr, 'err\n');
  const argv = ['printf', '%s|', "a 'b' $HOME `id`", '', 'é\n"'];
  const exact = await host.post('/host/devices/phone/shell', { argv, timeout_s: 20 });
  assert.equal(exact.json.stdout, "a 'b' $HOME `id`||é\n\"|");
  const late = await shell('sleep 60', { timeout_s: 1 });
  assertProblem(late, 504);
});

test('shell: several calls at once do not wait for each other', async () => {
  // ends only if the second one runs beside it
  const first = shell('until [ -e /data/local/tmp/go ]; do sleep 0.05; done; echo first');
  assert.equal((await shell('touch /data/local/tmp/go')).json.exit_code, 0);
  assert.equal((await first).json.stdout, 'first\n');
});

test('files: a large file goes up and comes back unchanged', async () => {
  const body = Buffer.alloc(9 * 1024 * 1024 + 17);
  for (let i = 0; i < body.length; i += 4) body.writeUInt32LE((i * 2654435761) >>> 0, Math.min(i, body.length - 4));
  const target = `/host/devices/phone/files?path=${encodeURIComponent("/sdcard/Download/a 'b' $c")}`;
  const up = await host.request('PUT', target, { body, headers: { 'Content-Type': 'application/octet-stream' } });
  assert.ok(up.status === 200 || up.status === 201 || up.status === 204, `${up.status} ${up.text}`);
  const back = await host.get(target);
  assert.equal(back.status, 200);
  assert.equal(Buffer.compare(back.body, body), 0);
  const list = await host.get('/host/devices/phone/files?path=/sdcard/Download');
  assert.match(list.text, /a 'b' \$c/);
  assert.ok((await host.delete(target)).status < 300);
  assertProblem(await host.get(target), 404);
});

test('apps: install a real APK, start, stop, remove', async () => {
  const apk = readFileSync(path.join(ROOT, 'drivers/adb/fixtures/hello.apk'));
  const put = await host.request('POST', '/host/devices/phone/apps', {
    body: apk,
    headers: { 'Content-Type': 'application/vnd.android.package-archive' },
  });
  assert.ok(put.status === 200 || put.status === 201, `${put.status} ${put.text}`);
  assert.equal(put.json.package, 'com.example.hello');
  assert.match((await host.get('/host/devices/phone/apps')).text, /com\.example\.hello/);
  assert.ok((await host.post('/host/devices/phone/apps/com.example.hello/start')).status < 300);
  assert.equal((await phoneState()).app, 'com.example.hello');
  assert.ok((await host.post('/host/devices/phone/apps/com.example.hello/stop')).status < 300);
  assert.equal((await phoneState()).app, 'com.testbed.launcher');
  assert.ok((await host.delete('/host/devices/phone/apps/com.example.hello')).status < 300);
  assertProblem(await host.post('/host/devices/phone/apps/com.example.hello/start'), 404);
  assertProblem(
    await host.request('POST', '/host/devices/phone/apps', {
      body: 'no apk',
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
    400,
  );
});

test('input: what is typed arrives, whatever the characters', async () => {
  await host.post('/host/devices/phone/apps/com.testbed.demo/start');
  const text = 'it\'s $HOME; 100%s `id` "q" \\ | & <> * ? {} ~ !';
  const sent = await host.post('/host/devices/phone/input', [
    { type: 'tap', x: 200, y: 170 },
    { type: 'text', text },
  ]);
  assert.ok(sent.status < 300, sent.text);
  assert.equal((await phoneState()).text, text);
  await host.post('/host/devices/phone/input', [
    { type: 'key', key: 'Enter' },
    { type: 'tap', x: 100, y: 290 },
  ]);
  const state = await phoneState();
  assert.equal(state.entered, text);
  assert.deepEqual(state.taps, [1, 0, 0]);
  assertProblem(await host.post('/host/devices/phone/input', [{ type: 'text', text: 'é' }]), 422);
});

test("video: the picture is the phone's, also with nobody watching", async () => {
  const png = await host.get('/host/devices/phone/video/snapshot.png');
  assert.equal(png.status, 200, png.text.slice(0, 300));
  assert.equal(png.body.subarray(1, 4).toString(), 'PNG');
  assert.equal(png.body.readUInt32BE(16), 540);
  assert.equal(png.body.readUInt32BE(20), 1170);
});

test('logs: lines come as they are written', async () => {
  const events = await host.sse('/host/devices/phone/logs');
  await control('log Testbed over the whole way');
  const event = await events.find((e) => JSON.stringify(e.data).includes('over the whole way'));
  assert.match(JSON.stringify(event.data), /I Testbed +: over the whole way/);
  events.stop();
});

test('sensors: battery and temperatures', async () => {
  await control('battery level 55');
  const values = await until(
    'samples',
    async () => {
      const { json } = await host.get('/host/devices/phone/sensors');
      return json?.['thermal.cpu'] && json['battery.level']?.value === 55 && json;
    },
    25000,
  );
  assert.equal(values['battery.level'].unit, '%');
  assert.equal(values['battery.temperature'].value, 28.4);
  assert.equal(values['thermal.cpu'].unit, 'Cel');
});

test('a phone that goes away is absent, and ready again when it is back', async () => {
  const port = Number(serial.split(':')[1]);
  await phone.stop();
  await host.state_is('phone/input', 'absent');
  await host.state_is('phone/logs', 'absent');
  assertProblem(await shell('true'), 410);
  await startPhone(port);
  for (const kind of ['shell', 'input', 'video', 'logs']) await host.state_is(`phone/${kind}`, 'ready', 30000);
  assert.equal((await shell('echo back')).json.stdout, 'back\n');
});

test('an adb server that is killed is started again', async () => {
  await exec('adb', ['-P', String(adbPort), 'kill-server']);
  await until('the shell to work again', async () => (await shell('echo alive')).json?.stdout === 'alive\n', 30000);
  for (const kind of ['shell', 'input', 'video', 'logs']) await host.state_is(`phone/${kind}`, 'ready', 30000);
});

test('a phone that wants to be asked says so', async () => {
  await control('unauthorized on');
  const { reason } = await host.state_is('phone/input', 'fault', 20000);
  assert.match(reason, /allow USB debugging/);
  await control('unauthorized off');
  await host.state_is('phone/input', 'ready', 30000);
});

test('every answer above is among those that the document lists', () => {
  assert.deepEqual(answers.findings(), []);
});
