// Who may do what: tokens and roles, foreign web pages, foreign host names, the start without tokens.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { scriptedDevice } from './bench.mjs';
import { BUILD, Host, Program, ROOT, assertProblem, request, scratch, until, withHost, within } from './harness.mjs';

const TOKEN = {
  viewer: 'viewer-token-0123456789',
  operator: 'operator-token-0123456789',
  admin: 'admin-token-0123456789',
};
const bearer = (role) => ({ headers: { Authorization: `Bearer ${TOKEN[role]}` } });
const state = scratch('tb-access-');
let host;

before(async () => {
  host = await Host.start(
    {
      tokens: Object.entries(TOKEN).map(([role, token]) => ({ name: `the-${role}`, role, token })),
      devices: { dut: scriptedDevice(path.join(state, 'power')) },
    },
    { state },
  );
  await until(
    'power to be ready',
    async () =>
      (await host.get('/host/devices/dut', bearer('viewer'))).json.interfaces.find((i) => i.name === 'power').state ===
      'ready',
  );
});

after(() => host?.stop());

test('roles: each may do what it may, and no more', async () => {
  const cases = [
    ['GET', '/host/health', undefined, { none: 200, viewer: 200, operator: 200, admin: 200 }],
    ['GET', '/host/devices', undefined, { none: 401, viewer: 200, operator: 200, admin: 200 }],
    ['GET', '/metrics', undefined, { none: 401, viewer: 200, operator: 200, admin: 200 }],
    ['PUT', '/host/devices/dut/power', { state: 'on' }, { none: 401, viewer: 403, operator: 200, admin: 200 }],
    ['POST', '/host/devices/dut/console/write', { text: 'x' }, { none: 401, viewer: 403, operator: 200, admin: 200 }],
    ['POST', '/host/devices/dut/lease', { ttl_s: 0 }, { none: 401, viewer: 403, operator: 400, admin: 400 }],
    [
      'POST',
      '/host/devices',
      { id: 'dut', attach: 'vitals://' },
      { none: 401, viewer: 403, operator: 403, admin: 409 },
    ],
    ['DELETE', '/host/devices/dut', undefined, { none: 401, viewer: 403, operator: 403, admin: 409 }],
    [
      'GET',
      '/power/control/on?hostname=dut&port=power',
      undefined,
      { none: 401, viewer: 403, operator: 200, admin: 200 },
    ],
  ];
  for (const [method, target, json, want] of cases) {
    for (const [role, status] of Object.entries(want)) {
      const answer = await host.request(method, target, { json, ...(role === 'none' ? {} : bearer(role)) });
      assert.equal(answer.status, status, `${role}: ${method} ${target}: ${answer.status} ${answer.text}`);
      if (status === 401) assert.match(answer.headers['www-authenticate'], /Bearer/);
    }
  }
});

test('a lease names its holder by the token, and only an admin takes it over', async () => {
  const lease = '/host/devices/dut/lease';
  const taken = await host.post(lease, { ttl_s: 60 }, bearer('operator'));
  assert.equal(taken.json.holder, 'the-operator');
  const refused = await host.put('/host/devices/dut/power', { state: 'off' }, bearer('admin'));
  assertProblem(refused, 423);
  assert.equal(refused.json.holder, 'the-operator');
  assert.equal((await host.delete(lease, bearer('admin'))).status, 204);
  const cut = await host.put(
    '/host/devices/dut/power',
    { state: 'off' },
    { headers: { ...bearer('operator').headers, 'X-Lease': taken.json.lease } },
  );
  assert.equal(cut.status, 200, 'with no lease at all an operator may go on');
});

test('a token in the query, for what cannot set headers', async () => {
  assert.equal((await host.get(`/host/devices?access_token=${TOKEN.viewer}`)).status, 200);
  assertProblem(await host.get('/host/devices?access_token=wrong-token-0123456789'), 401);
  await assert.rejects(host.websocket('/host/ws'), (e) => e.status === 401);
  const ws = await host.websocket(`/host/ws?access_token=${TOKEN.viewer}`);
  const answer = await ws.command('dut', 'power.set', { state: 'on' });
  assert.equal(answer.error.status, 403);
  assert.equal((await ws.command('dut', 'power.get')).ok, true);
  await ws.stop();
  const consoleWs = await host.websocket(`/host/devices/dut/console?access_token=${TOKEN.viewer}`);
  consoleWs.send(Buffer.from('not allowed'));
  const notice = await consoleWs.find((m) => m.type === 'error');
  assert.equal(notice.status, 403);
  await consoleWs.stop();
});

test('no token is shown or logged', async () => {
  const all = await Promise.all(
    ['/host/info', '/host/devices', '/metrics', '/host/openapi.json'].map((p) => host.get(p, bearer('admin'))),
  );
  for (const secret of Object.values(TOKEN)) {
    for (const answer of all) assert.ok(!answer.text.includes(secret));
    assert.ok(!host.program.text.includes(secret), 'in the log');
  }
});

test('pages of another origin press nothing', async () => {
  const foreign = [
    { Origin: 'https://evil.example' },
    { Origin: 'null' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { Origin: 'http://localhost:1' },
  ];
  for (const headers of foreign) {
    const all = { ...bearer('admin').headers, ...headers };
    assertProblem(await host.put('/host/devices/dut/power', { state: 'on' }, { headers: all }), 403);
    assertProblem(await host.get('/power/control/on?hostname=dut', { headers: all }), 403);
    await assert.rejects(host.websocket(`/host/ws?access_token=${TOKEN.admin}`, { headers }), (e) => e.status === 403);
    await assert.rejects(
      host.websocket(`/host/devices/dut/console?access_token=${TOKEN.admin}`, { headers }),
      (e) => e.status === 403,
    );
    const read = await host.get('/host/devices', { headers: all });
    assert.equal(read.status, 200);
    assert.equal(read.headers['access-control-allow-origin'], undefined);
  }
  const own = { ...bearer('admin').headers, Origin: host.url, 'Sec-Fetch-Site': 'same-origin' };
  assert.equal((await host.put('/host/devices/dut/power', { state: 'on' }, { headers: own })).status, 200);
});

test('a host name that is not ours is refused', async () => {
  for (const name of ['evil.example', 'evil.example:6109', '127.0.0.1.evil.example']) {
    const answer = await host.get('/host/devices', { headers: { ...bearer('admin').headers, Host: name } });
    assert.equal(answer.status, 421, answer.text);
  }
  for (const name of ['localhost', `127.0.0.1:${new URL(host.url).port}`, '[::1]'])
    assert.equal(
      (await host.get('/host/devices', { headers: { ...bearer('viewer').headers, Host: name } })).status,
      200,
      name,
    );
});

test('every answer has a request id, which the log bears', async () => {
  const read = await host.get('/host/health');
  assert.equal(read.status, 200);
  await host.program.line(read.headers['x-request-id']);
  const answer = await host.get('/nowhere', { headers: { 'X-Request-Id': 'my-own-id-7' } });
  assertProblem(answer, 404);
  assert.equal(answer.headers['x-request-id'], 'my-own-id-7');
  await host.program.line('my-own-id-7');
});

test('beyond loopback without a token: refused at start, --insecure overrides', async (t) => {
  const folder = scratch('tb-open-');
  const file = path.join(folder, 'host.yaml');
  writeFileSync(file, JSON.stringify({ address: '0.0.0.0', port: 0, vnc: { port: 0 }, novnc: { port: 0 } }));
  const refused = new Program([path.join(BUILD, 'testbed-host'), '--config', file, '--state-dir', folder]);
  t.after(() => refused.kill());
  const how = await refused.exited;
  assert.equal(how.code, 1);
  assert.match(refused.text, /token/);
  assert.match(refused.text, /--insecure/);
  const open = new Program([path.join(BUILD, 'testbed-host'), '--config', file, '--state-dir', folder, '--insecure']);
  t.after(() => open.kill());
  await open.line(/\burl=/);
  assert.deepEqual(await open.stop(), { code: 0, signal: null });
});

test('a url that leads here from elsewhere, without a token: refused at start', async (t) => {
  const folder = scratch('tb-public-'),
    file = path.join(folder, 'host.yaml');
  for (const [url, code] of [
    ['https://lab.example.com/', 1],
    ['http://192.0.2.7:6109', 1],
    ['http://localhost:6109', 0],
    ['http://127.0.0.1/staging', 0],
  ]) {
    writeFileSync(file, JSON.stringify({ port: 0, url }));
    const check = (...args) => {
      const p = new Program([
        path.join(BUILD, 'testbed-host'),
        '--config',
        file,
        '--state-dir',
        folder,
        '--check',
        ...args,
      ]);
      t.after(() => p.kill());
      return p;
    };
    const strict = check();
    assert.equal((await strict.exited).code, code, `${url}: ${strict.text}`);
    if (code) assert.match(strict.text, /host\.yaml:\d+: url: .*token/);
    assert.equal((await check('--insecure').exited).code, 0);
  }
});

test('without tokens, whom a proxy brings is refused, whatever form it says it in', async (t) => {
  const open = await withHost(t, {});
  const strangers = [
    { 'X-Forwarded-For': '203.0.113.9' },
    { 'X-Forwarded-For': '203.0.113.9:4711' },
    { 'X-Forwarded-For': '127.0.0.1, 203.0.113.9' },
    { 'X-Forwarded-For': 'unknown' },
    { 'X-Forwarded-For': '[2001:db8::1]:80' },
    { Forwarded: 'for=203.0.113.9;proto=https' },
    { Forwarded: 'for="[2001:db8::1]:80"' },
    { Forwarded: 'proto=https' },
    { 'X-Real-IP': '203.0.113.9' },
  ];
  for (const headers of strangers) {
    for (const target of ['/host/devices', '/', '/host/health'])
      assertProblem(await open.get(target, { headers }), 403, { detail: /tokens/ });
    await assert.rejects(open.websocket('/host/ws', { headers }), (e) => e.status === 403);
  }
  for (const headers of [
    {},
    { 'X-Forwarded-For': '127.0.0.1' },
    { Forwarded: 'for="[::1]:80"' },
    { 'X-Forwarded-Prefix': '/staging' },
  ])
    assert.equal((await open.get('/host/devices', { headers })).status, 200, JSON.stringify(headers));
});

test('a GET that switches wants more than an address beyond this machine', async (t) => {
  const device = { dut: scriptedDevice(path.join(state, 'compat')) },
    far = { 'X-Forwarded-For': '192.0.2.9' },
    on = '/power/control/on?hostname=dut';
  const open = await withHost(t, { insecure: true, devices: device });
  assert.equal((await open.get(on)).status, 200, 'curl on this machine');
  assertProblem(await open.get(on, { headers: { Referer: 'http://evil.example/' } }), 403, { detail: /compat/ });
  assertProblem(await open.get(on, { headers: far }), 403, { detail: /compat/ });
  assert.equal(
    (await open.get(on, { headers: { ...far, 'X-Testbed-Compat': '1' } })).status,
    200,
    'a header that no page can send',
  );
  const allowed = await withHost(t, { insecure: true, compat: { allow: ['192.0.2.0/24'] }, devices: device });
  assert.equal((await allowed.get(on, { headers: far })).status, 200);
  assertProblem(await allowed.get(on, { headers: { 'X-Forwarded-For': '198.51.100.9' } }), 403);
});

test('the host of a target in absolute form counts, and not Host', async () => {
  const ask = (target, name) =>
    request(host.url, 'GET', target, { headers: { Host: name, ...bearer('viewer').headers } });
  assert.equal((await ask('http://evil.example/host/devices', 'localhost')).status, 421);
  assert.equal((await ask('http://localhost/host/devices', 'evil.example')).status, 200);
});

test("a state folder is one host's: a second one says who has it, and ends", async (t) => {
  const first = await withHost(t, {});
  const second = new Program(
    [path.join(BUILD, 'testbed-host'), '--config', path.join(first.state, 'host.yaml'), '--state-dir', first.state],
    { name: 'second' },
  );
  t.after(() => second.kill());
  assert.equal((await within('the second to end', second.exited)).code, 1);
  assert.match(second.text, new RegExp(`in use by another testbed-host \\(pid ${first.pid}\\)`));
  await first.kill();
  const third = await withHost(t, {}, { state: first.state }); // a host that was killed leaves no lock behind
  assert.equal((await third.get('/host/health')).status, 200);
});

test('--check names every problem with file and line; --version, --help', async (t) => {
  const folder = scratch('tb-check-');
  const file = path.join(folder, 'bad.yaml');
  writeFileSync(
    file,
    'name: bench\nport: 70000\ndevices:\n  board:\n    attach: nonsense://x\n  "Bad Id":\n    attach: vitals://\nsurprise: 1\n',
  );
  const run = async (...args) => {
    const p = new Program([path.join(BUILD, 'testbed-host'), ...args]);
    t.after(() => p.kill());
    return { ...(await p.exited), text: p.text };
  };
  const bad = await run('--config', file, '--state-dir', folder, '--check');
  assert.equal(bad.code, 1);
  for (const line of [2, 5, 7, 8]) assert.match(bad.text, new RegExp(`bad\\.yaml:${line}:`), bad.text);
  assert.match((await run('--version')).text, /^testbed-host \S+/);
  assert.equal((await run('--help')).code, 0);
  assert.equal((await run('--nonsense')).code, 2);
});

test('TESTBED_TOKEN is a token like those of the configuration; FRONTEND_URL is a page that may use the API; DEBUG is heard', async (t) => {
  const secret = 'a-secret-of-the-environment',
    page = 'https://console.example';
  const open = await withHost(
    t,
    { address: '0.0.0.0', devices: { pat: { attach: 'testpattern://' } } },
    { env: { TESTBED_TOKEN: secret, FRONTEND_URL: `${page}/, https://other.example`, DEBUG: '1' } },
  );
  const base = open.url.replace('0.0.0.0', '127.0.0.1');
  const as = (headers) => request(base, 'POST', '/host/devices', { json: { id: 'made', attach: 'nonsense' }, headers });
  assertProblem(await as({}), 401);
  assertProblem(await as({ Authorization: 'Bearer another-secret-of-mine' }), 401);
  const answer = await as({ Authorization: `Bearer ${secret}`, Origin: page });
  assertProblem(answer, 400, { field: 'attach' });
  assert.equal(answer.headers['access-control-allow-origin'], page);
  assertProblem(await as({ Authorization: `Bearer ${secret}`, Origin: 'https://evil.example' }), 403);
  assert.equal((await request(base, 'GET', `/host/devices/pat/video/snapshot.png?access_token=${secret}`)).status, 200);
  await open.program.line(/ debug .*video is/);
  assert.ok(!open.program.text.includes(secret));
  const file = path.join(state, 'h.yaml');
  writeFileSync(file, 'name: bench\n');
  const short = new Program([path.join(BUILD, 'testbed-host'), '--check', '-c', file, '--state-dir', state], {
    env: { TESTBED_TOKEN: 'short' },
  });
  t.after(() => short.kill());
  assert.equal((await short.exited).code, 1);
  assert.match(short.text, /^environment: TESTBED_TOKEN: .*shorter than 16/m, 'not as if it stood in the file');
  const nameless = new Program([path.join(BUILD, 'testbed-host'), '--check', '-c', file, '--state-dir', state], {
    env: { DEVICE1_MODEL: 'host_vnc', DEVICE1_IP: '10.0.0.7' },
  });
  t.after(() => nameless.kill());
  assert.equal((await nameless.exited).code, 0);
  assert.match(nameless.text, /DEVICE1_MODEL, DEVICE1_IP: there is no device1 without DEVICE1_NAME/);
});

test('the pages are found from any folder; --log-json is one object a line with time and level', async (t) => {
  const folder = scratch('tb-cwd-'),
    file = path.join(folder, 'host.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, vnc: { port: 0 }, novnc: { port: 0 } }));
  const program = new Program(
    [path.join(ROOT, 'build', 'testbed-host'), '--config', file, '--state-dir', folder, '--log-json'],
    { cwd: folder },
  );
  t.after(() => program.kill());
  const line = JSON.parse(await program.line('"listening"'));
  assert.equal(line.level, 'info');
  assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const page = await request(line.url, 'GET', '/');
  assert.equal(page.status, 200);
  const logged = JSON.parse(await program.line(page.headers['x-request-id']));
  assert.equal(logged.request, page.headers['x-request-id']);
  assert.deepEqual(await program.stop(), { code: 0, signal: null });
});
