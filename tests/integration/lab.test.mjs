// The lab container's inside, without a container: its supervisord, its programs and files in namespaces of their own
// (lab-room.sh). The images themselves: make image-test.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import { BUILD, Program, ROOT, forFile, scratch, until, within } from './harness.mjs';

const run = promisify(execFile);
const file = forFile();
const SUDO = process.getuid() === 0 ? [] : ['sudo', '-n', '--preserve-env'];
let lab;
let init; // the pid of supervisord, seen from here

/** Runs a program inside. */
async function inside(...argv) {
  const all = [...SUDO, 'nsenter', '--target', String(init), '--mount', '--net', '--pid', '--', ...argv];
  try {
    return { status: 0, ...(await run(all[0], all.slice(1), { maxBuffer: 64 << 20, encoding: 'latin1' })) };
  } catch (error) {
    if (typeof error.code !== 'number') throw error;
    return { status: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}
const ctl = (...args) => inside('/mnt/src/supervisord/bin/supervisorctl', ...args);
const health = async () =>
  JSON.parse((await inside('curl', '-sS', 'http://localhost:6109/host/health')).stdout || '{}');
const childrenOf = (pid) =>
  readdirSync('/proc')
    .filter((p) => /^\d+$/.test(p))
    .filter((p) => {
      try {
        return readFileSync(`/proc/${p}/stat`, 'latin1').replace(/.*\) /, '').split(' ')[1] === String(pid);
      } catch {
        return false; // it ended meanwhile
      }
    })
    .map(Number);
const nameOf = (pid) => readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
const programs = () => Object.fromEntries(childrenOf(init).map((pid) => [nameOf(pid), pid]));

before(async () => {
  const state = scratch('tb-lab-');
  lab = new Program(
    [
      ...SUDO,
      ...['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child'],
      ...[
        path.join(ROOT, 'tests/integration/lab-room.sh'),
        ROOT,
        BUILD.startsWith('/') ? BUILD : path.join(ROOT, BUILD),
        state,
      ],
    ],
    {
      env: {
        HOST_ADDRESS: '127.0.0.1',
        HOST_NAME: 'docker-host',
        TESTBED_TOKEN: '',
        LOG_LEVEL: '',
        WEBRTC_TURN_SECRET: 'of-the-host-alone',
      },
      name: 'lab',
    },
  );
  file.after(() => lab.kill());
  await lab.line('success: testbed-host entered RUNNING state', { ms: 30000 });
  // unshare -> its child, which is supervisord by then
  let unshare = lab.pid;
  while (nameOf(unshare) !== 'unshare') [unshare] = childrenOf(unshare);
  [init] = childrenOf(unshare);
  await until('a healthy lab', async () => (await health()).status === 'healthy', 20000).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await health())}`);
  });
});

test('the programs run in their order, supervisord as root, the others as a user', async () => {
  const { stdout } = await ctl('status');
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/).slice(0, 2).join(' ')),
    ['adb RUNNING', 'desktop RUNNING', 'testbed-host RUNNING', 'xvfb RUNNING'],
    stdout,
  );
  const order = [...lab.text.matchAll(/spawned: '([a-z-]+)'/g)].map((m) => m[1]);
  assert.deepEqual(order.slice(0, 4), ['xvfb', 'desktop', 'adb', 'testbed-host']);
  const owner = (pid) => /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1];
  assert.equal(owner(init), '0');
  const found = programs();
  for (const name of ['adb', 'testbed-host']) assert.equal(owner(found[name]), '1000', name);
  for (const name of ['Xvfb', 'blackbox']) assert.equal(owner(found[name]), '1001', name);
});

test('who has a shell on the desktop reads nothing of the host: not its state, not its environment', async () => {
  const asDesktop = (...argv) =>
    inside('setpriv', '--reuid', '1001', '--regid', '1001', '--clear-groups', '--inh-caps=-all', ...argv);
  const pid = (await inside('pgrep', '-x', 'testbed-host')).stdout.trim();
  for (const file of ['/var/lib/testbed/.', `/proc/${pid}/environ`, `/proc/${pid}/fd/.`]) {
    assert.equal((await inside('ls', '-d', file)).status, 0);
    assert.match(
      (await asDesktop('sh', '-c', `cat ${file} || ls ${file}`)).stderr,
      /(Permission denied.*){1,2}/s,
      file,
    );
  }
  assert.match((await asDesktop('kill', pid)).stderr, /not permitted/);
  const { stdout } = await inside(
    ...['sh', '-c', "grep -zlF of-the-host-alone /proc/[0-9]*/environ | sed 's/environ/comm/' | xargs cat | sort -u"],
  );
  const others = ['cat']; // lab-room.sh's own, no part of the lab
  assert.deepEqual(
    stdout.split('\n').filter((name) => name && !others.includes(name)),
    ['supervisord', 'testbed-host'],
  );
});

test('health says what runs; VNC and noVNC show the desktop', async () => {
  const said = await health();
  assert.equal(said.host_name, 'docker-host');
  assert.equal(said.services.xvfb, 'running');
  assert.equal(said.services.vnc, 'running');
  assert.equal(said.services.novnc, 'running');
  assert.equal(said.services.adb, 'running');
  const jpg = '/var/lib/testbed/seen.jpg';
  const snapshot = await inside('vncsnapshot', '-quiet', 'localhost:0', jpg);
  assert.equal(snapshot.status, 0, snapshot.stderr);
  // a desktop, and not the black of an empty display: its toolbar and its ground have colours of their own
  const { stdout } = await inside(
    'python3',
    '-c',
    `
import subprocess
ppm = subprocess.run(["djpeg", "-pnm", "${jpg}"], capture_output=True, check=True).stdout
head, size, depth, rest = ppm.split(b"\\n", 3)
print(size.decode(), len(set(rest[i:i+3] for i in range(0, len(rest), 3))) > 4)`,
  );
  assert.equal(stdout.trim(), '1920 1080 True');
  const page = await inside('curl', '-sSo', '/dev/null', '-w', '%{http_code}', 'http://localhost:6080/');
  assert.equal(page.stdout, '200');
});

test('what each says bears its name', () => {
  for (const name of ['testbed-host', 'adb']) assert.match(lab.text, new RegExp(`^${name}: `, 'm'));
});

test('a killed display: degraded at once, healthy again when it is back', async () => {
  process.kill(programs().Xvfb, 'SIGKILL');
  await until('degraded', async () => (await health()).status === 'degraded', 2000);
  const said = await health();
  assert.match(JSON.stringify(said.reasons), /desktop/);
  await lab.line(/exited: xvfb .*not expected/);
  await until('healthy', async () => (await health()).status === 'healthy', 20000);
  assert.ok(programs().Xvfb);
});

for (const [name, comm] of [
  ['testbed-host', 'testbed-host'],
  ['desktop', 'blackbox'],
])
  test(`${name} comes back when it is killed`, async () => {
    const before = programs()[comm];
    process.kill(before, 'SIGKILL');
    await until(`another ${name}`, () => (programs()[comm] ?? before) !== before, 20000);
    await until('healthy', async () => (await health()).status === 'healthy', 20000);
  });

test('a killed adb server: there is one again, by the lab or by the host, whoever is first', async () => {
  process.kill(programs().adb, 'SIGKILL');
  await lab.line(/exited: adb .*not expected/);
  const listens = async () => (await inside('ss', '-ltnp', 'sport = 5037')).stdout.includes('"adb"');
  await until('an adb server', listens, 20000);
  await until('adb RUNNING', async () => /^adb +RUNNING/m.test((await ctl('status')).stdout), 20000);
  await until('healthy', async () => (await health()).status === 'healthy', 20000);
});

test('supervisorctl restarts by old names, too, and says what they are now', async () => {
  const before = programs()['testbed-host'];
  for (const old of ['flask', 'x11vnc', 'novnc']) {
    const done = await ctl('restart', old);
    assert.equal(done.status, 0, done.stdout + done.stderr);
    assert.match(done.stderr, new RegExp(`^${old}: .*testbed-host`));
    assert.match(done.stdout, /testbed-host: started/);
  }
  assert.notEqual(programs()['testbed-host'], before);
  const none = await ctl('restart', 'nginx');
  assert.match(none.stdout, /no such process/);
});

test('devices that were made are there after a restart of everything, and SIGTERM ends it with 0', async () => {
  const made = await inside(
    'curl',
    '-sS',
    '-H',
    'Content-Type: application/json',
    '-d',
    '{"id":"kept","attach":"testpattern://"}',
    'http://localhost:6109/host/devices',
  );
  assert.equal(JSON.parse(made.stdout).id, 'kept', made.stdout);
  assert.equal((await ctl('restart', 'all')).status, 0);
  await until(
    'the device',
    async () =>
      JSON.parse((await inside('curl', '-sS', 'http://localhost:6109/host/devices')).stdout || '[]').some(
        (d) => d.id === 'kept',
      ),
    20000,
  );
  process.kill(init, 'SIGTERM');
  assert.deepEqual(await within('the lab to end', lab.exited, 8000), { code: 0, signal: null });
});
