// A program that was written for VirtualPyTest's host drives this one: the calls that its server makes, as it makes
// them (with fields that we do not know, without a token or with one for all), against the real adb server and a phone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';

import { scriptedDevice, startPhone } from './bench.mjs';
import {
  BUILD,
  Host,
  Program,
  assertProblem,
  documented,
  forFile,
  scratch,
  until,
  withHost,
  within,
} from './harness.mjs';

const file = forFile();
const state = scratch('tb-vpt-');
let host;
let answers;

before(async () => {
  const phone = await startPhone(file);
  host = await Host.start(
    {
      devices: {
        device1: { label: 'Pixel', attach: phone.uri },
        device2: { attach: [...scriptedDevice(path.join(state, 'power')).attach, 'testpattern://'] },
        host: { attach: [{ driver: 'exec', shell: ['sh', '-c'] }] },
      },
    },
    { env: phone.env },
  );
  file.after(() => host.stop());
  answers = documented(host, (await host.get('/host/openapi.json')).json);
  for (const name of ['shell', 'apps', 'input', 'video']) await host.state_is(`device1/${name}`, 'ready', 20000);
  await host.state_is('device2/power');
});

/** As its server's proxy does: with what the browser had said to it. */
async function ask(route, body = {}, options = {}) {
  const { status, json, text } = await host.post(
    `/host/${route}`,
    { host_name: 'lab', team_id: '7fdeb4bb', params: null, ...body },
    options,
  );
  assert.equal(typeof json?.success, 'boolean', `${route}: ${status} ${text}`);
  if (status !== 200) assert.equal(typeof json.error, 'string', text);
  return { status, ...json };
}

/** A refusal is both: what its programs read, and what everybody else does. */
async function refused(status, route, body, options) {
  const answer = await host.post(`/host/${route}`, body, options);
  assertProblem(answer, status);
  assert.deepEqual([answer.json.success, answer.json.error], [false, answer.json.detail]);
  return answer.json;
}

test('system/health: ok, without a token', async () => {
  const { json } = await host.get('/host/system/health');
  assert.deepEqual([json.status, json.mode, json.host_name], ['ok', 'host', 'bench']);
  assert.ok(Math.abs(json.timestamp - Date.now() / 1000) < 60);
  assert.ok('supabase' in json);
});

test('takeControl always succeeds and says what there is; releaseControl; controllerStatus', async () => {
  const phone = await ask('takeControl', {});
  assert.deepEqual([phone.status, phone.success, phone.device_id], [200, true, 'device1']);
  assert.deepEqual(phone.available_controllers.sort(), ['av', 'desktop', 'remote']);
  assert.equal('warning' in phone, false, JSON.stringify(phone));
  const nobody = await ask('takeControl', { device_id: 'default' });
  assert.deepEqual([nobody.success, nobody.available_controllers], [true, []]);
  assert.match(nobody.warning, /no device "default"/);
  assert.equal((await ask('releaseControl')).success, true);
  assert.equal((await ask('releaseControl', { device_id: 'default' })).success, true);
  const { json } = await host.get('/host/controllerStatus');
  assert.equal(json.success, true);
  assert.deepEqual(
    [json.controllers['device1/input'].available, json.controllers['device1/input'].type],
    [true, 'input'],
  );
  // the contract's list stays what it is
  assert.ok(Array.isArray((await host.get('/host/devices')).json));
});

test('power: off, on, status, reboot', async () => {
  const power = (command) => ask('power/executeCommand', { command, device_id: 'device2' });
  for (const [command, want] of [
    ['power_off', 'off'],
    ['power_on', 'on'],
  ]) {
    const answer = await power(command);
    assert.deepEqual([answer.success, answer.device_id], [true, 'device2'], JSON.stringify(answer));
    assert.match(answer.message, new RegExp(`Command ${command} executed successfully`));
    const status = (await host.post('/host/power/getStatus', { device_id: 'device2' })).json.status;
    assert.deepEqual([status.power_state, status.connected], [want, true]);
  }
  const events = await host.sse('/host/events?device=device2');
  const began = Date.now();
  assert.equal((await power('reboot')).success, true);
  assert.ok(Date.now() - began >= 5000, 'off for 5 s');
  await events.find((e) => JSON.stringify(e.data).includes('"observed":"off"'));
  events.stop();
  await refused(404, 'power/executeCommand', { command: 'power_on' }); // the phone has no outlet
  await refused(404, 'power/executeCommand', { command: 'power_on', device_id: 'nix' });
  await refused(400, 'power/executeCommand', { command: 'explode', device_id: 'device2' });
  await refused(400, 'power/executeCommand', {});
});

describe('remote', () => {
  test('screenshot, elements, both', async () => {
    await ask('remote/executeCommand', { command: 'launch_app', params: { package: 'com.testbed.demo' } });
    const shot = await ask('remote/takeScreenshot');
    assert.equal(Buffer.from(shot.screenshot, 'base64').subarray(1, 4).toString(), 'PNG');
    const { elements } = await ask('remote/dumpUi');
    const field = elements.find((e) => e.text === 'Tap and type');
    assert.deepEqual(
      { ...field, id: 0 },
      {
        id: 0,
        text: 'Tap and type',
        className: 'android.widget.EditText',
        contentDesc: '<no content-desc>',
        package: 'com.testbed.demo:id/field',
        bounds: { left: 30, top: 140, right: 510, bottom: 210 },
        clickable: true,
        enabled: true,
        xpath: null,
      },
    );
    assert.deepEqual(
      elements.map((e) => e.id),
      elements.map((_, i) => i + 1),
    );
    const both = await ask('remote/screenshotAndDump', { device_id: 'device1' });
    assert.equal(both.device_id, 'device1');
    assert.ok(both.screenshot.length > 1000);
    assert.deepEqual(both.elements, elements);
  });

  test('apps', async () => {
    const { apps } = await ask('remote/getApps');
    assert.ok(
      apps.some((a) => a.packageName === 'com.testbed.demo' && a.label === 'demo'),
      JSON.stringify(apps),
    );
  });

  const command = (name, params) => ask('remote/executeCommand', { command: name, params });
  const texts = async () => (await ask('remote/dumpUi')).elements.map((e) => e.text);
  const done = async (name, params) => {
    const answer = await command(name, params);
    assert.deepEqual([answer.status, answer.success], [200, true], JSON.stringify(answer));
    return answer;
  };

  test('taps, text, keys, elements: what it did is on the screen', async () => {
    await done('launch_app', { package: 'com.testbed.demo' });
    assert.match((await ask('remote/tapCoordinates', { x: 270, y: 175 })).message, /\(270, 175\)/);
    await done('input_text', { text: 'typed by a program' });
    assert.ok((await texts()).includes('typed by a program'));
    await done('press_key', { key: 'DEL' });
    assert.ok((await texts()).includes('typed by a progra'));
    const red = async () => (await ask('remote/dumpUi')).elements.find((e) => e.contentDesc === 'red');
    assert.equal((await red()).text, '0');
    await done('click_element', { element_id: 'no such thing|RED' });
    assert.equal((await red()).text, '1');
    await done('click_element_by_id', { element_id: String((await red()).id) });
    assert.equal((await red()).text, '2');
    const found = await done('find_element', { search_term: 'row 1' });
    assert.equal(found.matches[0].text, 'Row 1');
    assert.match(found.matches[0].match_reason, /^Text: /);
    assert.equal(found.total_matches, found.matches.length);
    assert.equal((await done('find_element', { search_term: 'nowhere' })).total_matches, 0);
    await done('swipe_up', { from_x: 270, from_y: 1000, to_y: 600 });
    assert.ok(!(await texts()).includes('Row 1'), 'the list has moved');
    await done('press_key', { key: 'HOME' });
    assert.ok((await texts()).includes('Paint'));
    await done('close_app', { package: 'com.testbed.demo' });
    await done('get_installed_apps', {});
    assert.ok((await done('dump_elements')).elements.length > 3);
  });

  test('COMPAT_WAIT_MS: wait_time passes before the answer', async () => {
    const began = Date.now();
    await done('press_key', { key: 'HOME', wait_time: 700 });
    assert.ok(Date.now() - began >= 700);
    assert.equal((await command('press_key', { key: 'HOME', wait_time: 60000 + 1 })).status, 400);
  });

  test('what is wrong is said, and nothing is done', async () => {
    for (const [name, params, field] of [
      ['fly', {}, 'command'],
      ['press_key', {}, 'params.key'],
      ['press_key', { key: 7 }, 'params.key'],
      ['tap_coordinates', { x: 1 }, 'params.y'],
      ['swipe', { from_x: 1, from_y: 1, to_x: 1 }, 'params.to_y'],
      ['swipe_up', { duration: 10001 }, 'params.duration'],
      ['input_text', { text: 'x'.repeat(4097) }, 'params.text'],
      ['click_element_by_id', { element_id: 'first' }, 'params.element_id'],
    ])
      assert.equal((await refused(400, 'remote/executeCommand', { command: name, params })).field, field, name);
    const none = await refused(404, 'remote/executeCommand', {
      command: 'click_element',
      params: { element_id: 'no such thing' },
    });
    assert.match(none.error, /"no such thing" is on the screen of device1/);
    await refused(404, 'remote/executeCommand', { command: 'click_element_by_id', params: { element_id: 999 } });
    const has = await refused(404, 'remote/dumpUi', { device_id: 'device2' });
    assert.ok(has.available_capabilities.includes('power'), JSON.stringify(has));
    await refused(404, 'remote/takeScreenshot', { device_id: 'nix' });
  });

  test('a screen that is off has no elements: uiautomator says so', async () => {
    await done('press_key', { key: 'POWER' });
    const dark = await refused(502, 'remote/dumpUi', {});
    assert.match(dark.error, /null root node/);
    await done('press_key', { key: 'POWER' });
    await until('elements again', async () => (await texts()).length > 0);
  });
});

test('system: what a restart means here', async () => {
  const stream = await ask('system/restartHostStreamService', { quality: 'sd' });
  assert.deepEqual([stream.success, stream.restarted, stream.device_id], [true, false, 'device1']);
  assert.match((await refused(403, 'system/restartHostService', {})).error, /compat: \{restart: true\}/);
  await refused(501, 'system/rebootHost', {});
});

test('desktop/bash: the shell of a device, this machine where it was attached', async () => {
  const run = (params, more = {}) =>
    ask('desktop/bash/executeCommand', { command: 'execute_bash_command', params, ...more });
  const here = await run({ command: 'echo out; echo err >&2; pwd; exit 3', working_dir: state });
  assert.deepEqual(
    [here.success, here.output, here.error, here.exit_code, here.device_id],
    [false, `out\n${state}\n`, 'err\n', 3, 'host'],
  );
  assert.ok(here.execution_time >= 0);
  assert.equal(
    (await run({ bash_command: 'getprop ro.product.model' }, { device_id: 'device1' })).output,
    'Testbed Simulated Phone\n',
  );
  await refused(400, 'desktop/bash/executeCommand', { command: 'execute_bash_command', params: {} });
  await refused(400, 'desktop/bash/executeCommand', { command: 'rm' });
  await refused(404, 'desktop/bash/executeCommand', {
    command: 'execute_bash_command',
    params: { command: 'true' },
    device_id: 'device2',
  });
  await refused(504, 'desktop/bash/executeCommand', {
    command: 'execute_bash_command',
    params: { command: 'sleep 60', timeout: 0.3 },
  });
});

test('restartHostService, where it is allowed: ends in order, with a code that a supervisor restarts on', async (t) => {
  const other = await withHost(t, { compat: { restart: true } });
  const { status, json } = await other.post('/host/system/restartHostService', {});
  assert.deepEqual([status, json.success], [200, true]);
  assert.deepEqual(await within('the end', other.program.exited), { code: 75, signal: null });
});

test('UI_DUMP, UI_ELEMENTS: a dump at each limit, and one beyond it', async (t) => {
  const dump = path.join(scratch('tb-dump-'), 'dump.xml');
  const screen = (n) => `<hierarchy>${'<node text="x" enabled="true"/>'.repeat(n)}</hierarchy>`;
  const other = await withHost(t, {
    devices: { device1: { attach: [{ driver: 'exec', shell: ['sh', '-c', `cat ${dump}`] }] } },
  });
  await other.state_is('device1/shell');
  const dumped = (text) => {
    writeFileSync(dump, text);
    return other.post('/host/remote/dumpUi', {});
  };
  assert.equal((await dumped(screen(2048))).json.elements.length, 2048);
  assertProblem(await dumped(screen(2048 + 1)), 413, { detail: /more than 2048 elements/ });
  assert.equal((await dumped(screen(1).padEnd(1024 * 1024))).status, 200);
  assertProblem(await dumped(screen(1).padEnd(1024 * 1024 + 1)), 413, { detail: /larger than 1048576 bytes/ });
  assertProblem(await dumped('ERROR: could not get idle state.'), 502, { detail: /no dump of a screen/ });
  assertProblem(await dumped('<hierarchy><node text="cut'), 502, { detail: /no dump of a screen/ });
});

describe('roles, leases, foreign pages', () => {
  const token = (role) => `${role}-token-0123456789`;
  const as = (role, more = {}) => ({ headers: { Authorization: `Bearer ${token(role)}`, ...more } });
  let lab;
  before(async () => {
    lab = await Host.start({
      tokens: ['viewer', 'operator', 'admin'].map((role) => ({ name: `the-${role}`, role, token: token(role) })),
      devices: { device1: { attach: [...scriptedDevice(path.join(state, 'lab')).attach, 'testpattern://'] } },
    });
    file.after(() => lab.stop());
    await until('power', async () =>
      (await lab.get('/host/devices/device1', as('viewer'))).json.interfaces.every((i) => i.state === 'ready'),
    );
  });

  test('each role may what it may', async () => {
    const bash = { command: 'execute_bash_command', params: { command: 'true' } };
    for (const [route, body, none, viewer, operator, admin] of [
      ['takeControl', {}, 401, 403, 200, 200],
      ['releaseControl', {}, 401, 403, 200, 200],
      ['power/getStatus', {}, 401, 200, 200, 200],
      ['power/executeCommand', { command: 'power_on' }, 401, 403, 200, 200],
      ['remote/takeScreenshot', {}, 401, 200, 200, 200],
      ['remote/tapCoordinates', { x: 1, y: 1 }, 401, 403, 200, 200],
      ['remote/dumpUi', {}, 401, 403, 404, 404],
      ['remote/executeCommand', { command: 'press_key', params: { key: 'a' } }, 401, 403, 200, 200],
      ['system/restartHostService', {}, 401, 403, 403, 403],
      ['system/rebootHost', {}, 401, 403, 403, 501],
      ['system/restartHostStreamService', {}, 401, 403, 403, 200],
      ['desktop/bash/executeCommand', bash, 401, 403, 403, 404],
    ])
      for (const [role, want] of Object.entries({ none, viewer, operator, admin })) {
        const answer = await lab.post(`/host/${route}`, body, role === 'none' ? {} : as(role));
        assert.equal(answer.status, want, `${role}: ${route}: ${answer.text}`);
        assert.equal(answer.json.success, want === 200, answer.text);
      }
    assert.equal((await lab.get('/host/controllerStatus')).status, 401);
    assert.equal((await lab.get('/host/system/health')).status, 200);
  });

  test('a lease of somebody else refuses commands, and is said when control is taken', async () => {
    const lease = '/host/devices/device1/lease';
    assert.equal((await lab.post(lease, { ttl_s: 60 }, as('admin'))).status, 200);
    for (const [route, body] of [
      ['power/executeCommand', { command: 'power_off' }],
      ['remote/tapCoordinates', { x: 1, y: 1 }],
      ['remote/executeCommand', { command: 'press_key', params: { key: 'a' } }],
    ]) {
      const answer = await lab.post(`/host/${route}`, body, as('operator'));
      assertProblem(answer, 423);
      assert.deepEqual([answer.json.success, answer.json.holder], [false, 'the-admin']);
    }
    const taken = await lab.post('/host/takeControl', {}, as('operator'));
    assert.equal(taken.status, 200);
    assert.match(taken.json.warning, /leased by the-admin until/);
    assert.equal((await lab.post('/host/releaseControl', {}, as('operator'))).status, 200);
    assert.equal((await lab.get(lease, as('viewer'))).json.holder, 'the-admin', 'nobody else ends it');
    assert.equal((await lab.post('/host/releaseControl', {}, as('admin'))).status, 200);
    assert.equal((await lab.get(lease, as('viewer'))).json, null);
  });

  test('a page of another origin is refused', async () => {
    for (const headers of [{ Origin: 'http://evil.example' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
      const answer = await host.post(
        '/host/power/executeCommand',
        { command: 'power_off', device_id: 'device2' },
        { headers },
      );
      assertProblem(answer, 403);
      assert.equal(answer.json.success, false);
    }
  });
});

test('the .env of its host: devices, DEBUG, and what means nothing is said once, by name', async (t) => {
  const phone = await startPhone(t);
  const [, ip, port] = /adb:\/\/([^:]+):(\d+)/.exec(phone.uri);
  const env = {
    ...phone.env,
    HOST_NAME: 'docker-host',
    DEBUG: 'true',
    DEVICE1_NAME: 'Pixel',
    DEVICE1_MODEL: 'android_mobile',
    DEVICE1_IP: ip,
    DEVICE1_PORT: port,
    DEVICE1_POWER_IP: '127.0.0.1',
    FLASK_SECRET_KEY: 'geheim',
    NEXT_PUBLIC_SUPABASE_URL: 'https://geheim.example',
    DATABASE_URL: 'postgres://geheim',
  };
  const other = await withHost(t, { name: undefined }, { env });
  await other.state_is('device1/shell', 'ready', 20000);
  const [device] = (await other.get('/host/devices')).json;
  assert.deepEqual([device.id, device.label], ['device1', 'Pixel']);
  assert.ok(device.interfaces.some(({ kind, driver }) => kind === 'power' && driver === 'tapo'));
  assert.equal((await other.get('/host/health')).json.host_name, 'docker-host');
  const said = other.program.text.split('\n').filter((line) => /no meaning/.test(line));
  assert.equal(said.length, 1, said.join('\n'));
  assert.match(said[0], /DATABASE_URL, FLASK_SECRET_KEY, NEXT_PUBLIC_SUPABASE_URL/);
  assert.doesNotMatch(other.program.text, /geheim/);
  assert.match(other.program.text, / debug /, 'DEBUG=true is the level debug');

  const bad = new Program([path.join(BUILD, 'testbed-host'), '--check'], {
    env: { ...env, DEVICE1_PORT: '70000', DEVICE2_NAME: 'TV', DEVICE2_MODEL: 'android_tv' },
  });
  assert.equal((await within('--check', bad.exited)).code, 1);
  assert.match(bad.text, /DEVICE1_PORT: a port number is expected/);
  assert.match(bad.text, /DEVICE2_IP: the phone's address is missing/);
});

test('every refusal above is among the answers that the document lists, and the routes are marked', async () => {
  assert.deepEqual(answers.findings(), []);
  const { paths } = (await host.get('/host/openapi.json')).json;
  for (const route of [
    'takeControl',
    'power/getStatus',
    'remote/dumpUi',
    'system/rebootHost',
    'desktop/bash/executeCommand',
  ])
    assert.deepEqual(paths[`/host/${route}`].post.tags, ['compatibility'], route);
});
