// The images as their users use them: built, started by the scripts and by compose, looked at by VNC and in a browser,
// killed, stopped, started again. Long: make image-test, no part of make test.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { before, test } from 'node:test';

import { ROOT, forFile, request, scratch, until } from '../integration/harness.mjs';
import { assertPlays, inPage, openPage, showsPictureBy, startBrowser } from '../e2e/browser.mjs';
import { BASE, docker, imageOf, loudly, startEngine } from './engine.mjs';

const file = forFile();
// coturn relays to no loopback
const ADDRESS = Object.values(os.networkInterfaces())
  .flat()
  .find((a) => a.family === 'IPv4' && !a.internal).address;
const TOKEN = '0123456789abcdef0123456789abcdef';
const MB = 1e6;
const HOST = 'http://localhost:6109';
let project; // a copy of what the scripts need, with an .env of its own

const auth = { Authorization: `Bearer ${TOKEN}` };
const script = (name, ...args) =>
  spawnSync(path.join(project, 'docker/scripts', `${name}.sh`), args, { encoding: 'utf8', timeout: 300000 });
const works = (name, ...args) => {
  const done = script(name, ...args);
  assert.equal(done.status, 0, `${name}.sh ${args}: ${done.stdout}${done.stderr}`);
  return done.stdout + done.stderr;
};
const env = (lines) => writeFileSync(path.join(project, '.env'), `${lines.join('\n')}\n`);
const health = async (url = HOST) =>
  (await request(url, 'GET', '/host/health').catch(() => undefined))?.json ?? { status: 'no answer' };
const healthy = (url) => until('a healthy host', async () => (await health(url)).status === 'healthy', 60000);
/** pid of a program of that name whose container it is, as the machine sees it. */
async function pidIn(container, name) {
  const rows = (await docker('top', container, '-eo', 'pid,comm')).split('\n').slice(1);
  // on the machine's own network there may be an adb server already, whose end lab-adb waits for
  const row = rows
    .map((r) => r.trim().split(/\s+/))
    .find(([, comm]) => comm === name || (name === 'adb' && comm === 'lab-adb'));
  assert.ok(row, `${name} in ${rows}`);
  return Number(row[0]);
}

before(
  async () => {
    await startEngine(file);
    const { DOCKER_BASE = BASE } = process.env;
    if (!(await docker('images', '-q', DOCKER_BASE))) loudly('make', 'image-base');
    if (!process.env.IMAGES_BUILT)
      // they are there already: for who works on this file
      loudly('make', 'image', `BASE=${DOCKER_BASE}`, 'NETWORK=host', 'VERSION=test');
    project = scratch('tb-images-');
    mkdirSync(path.join(project, 'supervisord'));
    for (const part of ['docker', 'supervisord', '.env.example'])
      cpSync(path.join(ROOT, part), path.join(project, part), { recursive: true });
    env(readFileSync(path.join(project, '.env.example'), 'utf8').split('\n'));
    works('clean', '--yes'); // what a run before, that was ended, has left
    file.after(() => works('clean', '--yes'));
  },
  { timeout: 3600000 },
);

for (const [name, most] of [
  ['host', 350],
  ['lab', 650],
  ['server', 95],
])
  test(`testbed-${name} is at most ${most} MB`, async (t) => {
    const size = Number(await docker('image', 'inspect', '-f', '{{.Size}}', `testbed-${name}:test`));
    t.diagnostic(`${(size / MB).toFixed(0)} MB`);
    assert.ok(size <= most * MB, `${size / MB} MB`);
  });

test('host and server: read-only root, no capability, a user, healthy, and SIGTERM ends them with 0', async (t) => {
  for (const [name, port, route] of [
    ['host', 6109, '/host/health'],
    ['server', 5109, '/health'],
  ]) {
    const begun = Date.now();
    const id = await docker(
      ...['run', '-d', '--network', 'host', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'],
      ...['-e', `TESTBED_TOKEN=${TOKEN}`, `testbed-${name}:test`],
    );
    await until(
      'an answer',
      async () => (await request(`http://localhost:${port}`, 'GET', route)).status === 200,
      20000,
    );
    t.diagnostic(`${name}: healthy ${Date.now() - begun} ms after docker run`);
    const pid = await pidIn(id, `testbed-${name}`);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t1000\t/m);
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    const denied = await request(`http://localhost:${port}`, 'GET', name === 'host' ? '/host/devices' : '/api/devices');
    assert.equal(denied.status, 401);
    const stop = Date.now();
    await docker('stop', '-t', '5', id);
    t.diagnostic(`${name}: docker stop took ${Date.now() - stop} ms`);
    assert.equal(await docker('inspect', '-f', '{{.State.ExitCode}}', id), '0');
    await docker('rm', '-v', id);
  }
});

test('an image that is not allowed to listen says what to do and ends', async () => {
  const done = spawnSync('docker', ['run', '--rm', 'testbed-host:test'], { encoding: 'utf8' });
  assert.equal(done.status, 1);
  assert.match(done.stderr, /TESTBED_TOKEN/);
});

test('scripts: without .env they say so; help lists them', () => {
  const bare = scratch('tb-bare-');
  cpSync(path.join(ROOT, 'docker'), path.join(bare, 'docker'), { recursive: true });
  const done = spawnSync(path.join(bare, 'docker/scripts/run.sh'), { encoding: 'utf8' });
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /cp \.env\.example \.env/);
  for (const name of ['build', 'run', 'stop', 'restart', 'logs', 'test', 'clean'])
    assert.match(works('help'), new RegExp(`${name}\\.sh`));
});

test('the lab by run.sh: what .env.example says, on this machine alone, desktop by VNC and noVNC, all parts well', async (t) => {
  const said = works('run');
  assert.match(said, /reachable from this machine only/);
  await healthy();
  const now = await health();
  assert.equal(now.host_name, 'docker-host');
  assert.equal(now.services.xvfb, 'running');
  assert.match(works('test'), /ok {6}programs of the lab/);
  const picture = path.join(project, 'lab.jpg');
  const shot = spawnSync('vncsnapshot', ['-quiet', 'localhost:0', picture], { encoding: 'utf8' });
  assert.equal(shot.status, 0, shot.stderr);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, 'http://localhost:6080/');
  await inPage(page, 'the desktop by noVNC', () => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return canvas.width === 1920 && new Set(new Uint32Array(data.buffer)).size > 4;
  });
  const ids = await docker('ps', '-q', '--filter', 'name=testbed_lab');
  const caps = (name) =>
    pidIn(ids, name).then((pid) => /^CapEff:\t(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  for (const name of ['Xvfb', 'blackbox', 'adb', 'testbed-host']) assert.match(await caps(name), /^0+$/, name);
  const stats = await docker('stats', '--no-stream', '--format', '{{.Name}} {{.MemUsage}}');
  t.diagnostic(stats);
});

test('the lab: each program that is killed comes back, health says so', async () => {
  const id = await docker('ps', '-q', '--filter', 'name=testbed_lab');
  process.kill(await pidIn(id, 'Xvfb'), 'SIGKILL');
  await until('degraded', async () => (await health()).status === 'degraded', 2000);
  await healthy();
  for (const name of ['blackbox', 'adb', 'testbed-host']) {
    // the window manager ended with the display, and may be on its way
    const old = await until(`${name}`, () => pidIn(id, name).catch(() => false), 20000);
    process.kill(old, 'SIGKILL');
    await until(`another ${name}`, async () => (await pidIn(id, name).catch(() => old)) !== old, 20000);
  }
  await healthy();
  assert.match(works('restart', 'flask'), /testbed-host/);
  await healthy();
  const server = await docker('ps', '-q', '--filter', 'name=testbed_server');
  process.kill(await pidIn(server, 'testbed-server'), 'SIGKILL');
  await until(
    'the server again',
    async () => (await request('http://localhost:5109', 'GET', '/health')).status === 200,
    20000,
  );
});

test('stop.sh, run.sh: state is kept', async (t) => {
  const made = await request(HOST, 'POST', '/host/devices', { json: { id: 'kept', attach: 'testpattern://' } });
  assert.equal(made.status, 201, made.text);
  const begun = Date.now();
  works('stop');
  t.diagnostic(`stop.sh: ${Date.now() - begun} ms`);
  for (const id of (await docker('ps', '-aq', '--filter', 'name=testbed_')).split('\n'))
    assert.equal(
      await docker('inspect', '-f', '{{.Name}} {{.State.ExitCode}}', id),
      `${await docker('inspect', '-f', '{{.Name}}', id)} 0`,
    );
  works('run');
  await healthy();
  assert.ok((await request(HOST, 'GET', '/host/devices')).json.some((d) => d.id === 'kept'));
  works('clean', '--yes');
});

test(
  'production: Caddy with TLS in front, staging below /staging, a remote observer sees the bench',
  { timeout: 900000 },
  async (t) => {
    await imageOf('test-caddy', 'caddy', 'CMD ["caddy"]\n');
    env([
      ...[
        `TESTBED_TOKEN=${TOKEN}`,
        'DOMAIN=localhost',
        'ACME_EMAIL=me@example.org',
        'CADDY_TLS=tls internal',
        'CADDY_IMAGE=test-caddy',
        'HOST_NAME=lab-1',
      ],
      ...[
        'COMPOSE_PROFILES=server,lab,tls',
        'COMPOSE_OVER=prod',
        'SERVER_URL=http://localhost:5109',
        'WEBRTC_TURN_SECRET=0123456789abcdef',
      ],
    ]);
    works('run');
    await healthy();
    const compose = [
      '-p',
      'staging',
      '--env-file',
      '.env',
      '-f',
      'docker/compose.yaml',
      '-f',
      'docker/compose.dev.yaml',
      '--profile',
      'server',
    ];
    const staging = (...args) =>
      spawnSync('docker-compose', [...compose, ...args], {
        cwd: project,
        encoding: 'utf8',
        env: { ...process.env, VERSION: 'test' },
      });
    t.after(() => staging('down', '-v'));
    const up = staging('up', '-d');
    assert.equal(up.status, 0, up.stderr);
    const curl = (...args) => spawnSync('curl', ['-sSk', ...args], { encoding: 'utf8' });
    await until('HTTPS', () => curl('https://localhost/health').stdout.includes('"status"'), 60000);
    await until('staging', () => curl('https://localhost/staging/health').stdout.includes('"status"'), 60000);
    const headers = curl('-D', '-', '-o', '/dev/null', 'https://localhost/').stdout;
    assert.match(headers, /^strict-transport-security: max-age=/im);
    assert.match(headers, /^x-content-type-options: nosniff/im);
    assert.doesNotMatch(headers, /^server: /im);
    assert.match(
      curl('-o', '/dev/null', '-w', '%{http_code} %{redirect_url}', 'http://localhost/').stdout,
      /^308 https:\/\/localhost\//,
    );

    const session = JSON.parse(
      curl(
        '-H',
        `Authorization: Bearer ${TOKEN}`,
        '-H',
        'Content-Type: application/json',
        '-d',
        '{"device":"lab-1/desktop","mode":"view"}',
        'https://localhost/api/session',
      ).stdout,
    );
    const link = new URL(session.viewUrl, 'https://localhost/');
    assert.equal(link.protocol, 'https:');
    const browser = await startBrowser(t);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    t.after(() => context.close());
    const page = await context.newPage();
    page.problems = [];
    await page.goto(link.href);
    await showsPictureBy(page, 'webrtc', 60000);
    await assertPlays(page);

    const below = JSON.parse(
      curl(
        '-H',
        `Authorization: Bearer ${TOKEN}`,
        '-H',
        'Content-Type: application/json',
        '-d',
        '{}',
        'https://localhost/staging/api/session',
      ).stdout,
    );
    assert.match(below.phoneUrl, /^https:\/\/localhost\/staging\/m\//);
    const phone = await context.newPage();
    const bad = [];
    // 401 is right: who looks has no token of an operator
    phone.on('response', (r) => r.status() >= 400 && r.status() !== 401 && bad.push(`${r.status()} ${r.url()}`));
    await phone.goto(below.desktopUrl);
    await phone.waitForLoadState('networkidle');
    assert.deepEqual(bad, []);
    // consoles and noVNC of the bench over TLS
    assert.match(curl('-H', `Authorization: Bearer ${TOKEN}`, 'https://localhost:6443/host/health').stdout, /"status"/);
    assert.equal(curl('-o', '/dev/null', '-w', '%{http_code}', 'https://localhost:6444/').stdout, '200');
    works('clean', '--yes');
  },
);

test('turn: credentials that the server makes are good for coturn, others are not', { timeout: 600000 }, async () => {
  await imageOf('test-turn', 'coturn');
  env([
    ...[
      `TESTBED_TOKEN=${TOKEN}`,
      'COMPOSE_PROFILES=server,turn',
      'TURN_IMAGE=test-turn',
      'TURN_PRIVATE=true',
      'DOMAIN=localhost',
    ],
    ...[
      'WEBRTC_TURN_SECRET=0123456789abcdef',
      `WEBRTC_TURN_SERVERS=turn:${ADDRESS}:3478?transport=udp`,
      `TURN_RELAY_IP=${ADDRESS}`,
    ],
  ]);
  works('run');
  const ice = (await request('http://localhost:5109', 'GET', '/api/ice', { headers: auth })).json.iceServers.find(
    (s) => s.username,
  );
  const client = (user, password) =>
    spawnSync('turnutils_uclient', ['-y', '-n', '2', '-m', '1', '-u', user, '-w', password, ADDRESS], {
      encoding: 'utf8',
      timeout: 60000,
    });
  const good = client(ice.username, ice.credential);
  assert.match(good.stdout, /tot_recv_msgs=[1-9]/, good.stdout + good.stderr);
  assert.doesNotMatch(client(ice.username, 'wrong').stdout, /tot_recv_msgs=[1-9]/);
  works('clean', '--yes');
});

test('observability: Prometheus takes the metrics of both and loads the alerts', { timeout: 600000 }, async () => {
  await imageOf('test-prometheus', 'prometheus');
  env([...[`TESTBED_TOKEN=${TOKEN}`, 'COMPOSE_PROFILES=server,lab,prometheus', 'PROMETHEUS_IMAGE=test-prometheus']]);
  works('run');
  const api = async (route) => (await request('http://localhost:9090', 'GET', `/api/v1/${route}`)).json.data;
  await until(
    'both targets up',
    async () => (await api('targets')).activeTargets.filter((x) => x.health === 'up').length === 2,
    60000,
  );
  const [group] = (await api('rules')).groups;
  assert.ok(group.rules.length >= 10);
  for (const rule of group.rules) assert.notEqual(rule.health, 'err', `${rule.name}: ${rule.lastError}`);
  works('clean', '--yes');
});
