// The packages as a lab PC has them: installed on a Debian 12 that its own systemd started as PID 1, used, upgraded,
// removed, purged. `make deb-test` prepares what this needs (build/deb-test/*, $DEB_BASE). Steps build on each other.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { ROOT, until } from '../integration/harness.mjs';

const BASE = path.resolve(ROOT, process.env.DEB_BASE);
const HOST = 'http://127.0.0.1:6109';
const NAMES = ['testbed', 'testbed-host', 'testbed-server', 'testbed-web'];
const DEVICE = JSON.stringify({ id: 'machine', label: 'This machine', attach: ['vitals://'] });
let booted, init;

/** In the Debian. */
function inside(...argv) {
  const done = spawnSync('nsenter', ['-t', init, '-a', '-r', '-w/', ...argv], { encoding: 'utf8' });
  return { ...done, out: done.stdout.trim(), all: `${done.stdout}${done.stderr}` };
}
function must(...argv) {
  const done = inside(...argv);
  assert.equal(done.status, 0, `${argv.join(' ')}\n${done.all}`);
  return done.out;
}
const at = (file) => `/proc/${init}/root${file}`;
/** In its network, by this machine's curl. */
function http(url, ...args) {
  const done = spawnSync('nsenter', ['-t', init, '-n', 'curl', '-sS', '-m', '10', ...args, url], { encoding: 'utf8' });
  return done.status === 0 ? done.stdout : null;
}
const json = (...args) => JSON.parse(http(...args) ?? 'null');
const health = () => json(`${HOST}/host/health`);
const pid = (unit) => Number(must('systemctl', 'show', '-P', 'MainPID', unit));
const active = (unit) => inside('systemctl', 'is-active', unit).out;

const packages = (version) => {
  const from = path.join(ROOT, 'build/deb-test', version);
  const files = readdirSync(from).filter((f) => f.endsWith('.deb'));
  mkdirSync(at(`/tmp/${version}`), { recursive: true });
  for (const file of files) copyFileSync(path.join(from, file), at(`/tmp/${version}/${file}`));
  return files.map((f) => `/tmp/${version}/${f}`);
};
const apt = (...args) =>
  must('env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-y', '-qq', '--no-install-recommends', ...args);
/** Every file that a purge must give back: no logs, no caches, none of dpkg's, apt's and systemd's own books. */
const tree = () =>
  must(
    'find',
    '/',
    '-xdev',
    '-not',
    '-regex',
    String.raw`/\(proc\|sys\|dev\|run\|tmp\|var/log\|var/cache\|var/lib/\(dpkg\|apt\|systemd\)\)\(/.*\)?`,
  )
    .split('\n')
    .filter((f) => !/^\/etc\/\.?(passwd|group|shadow|gshadow|subuid|subgid)[-.\w]*$/.test(f))
    .sort();

before(async () => {
  booted = spawn(path.join(ROOT, 'tests/deb/boot.sh'), [BASE], { stdio: 'inherit' });
  await until('systemd is PID 1', () => {
    init = spawnSync('pgrep', ['-P', String(booted.pid)], { encoding: 'utf8' }).stdout.trim();
    return init && inside('systemctl', 'is-system-running').out === 'running';
  });
});
after(() => {
  booted?.kill('SIGKILL'); // unshare takes PID 1 along, and that everything
  const cgroups = readFileSync('/proc/mounts', 'utf8').match(/^\S+ (\S+) cgroup2 /m)[1];
  const remove = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory()) remove(path.join(folder, entry.name));
    rmdirSync(folder);
  };
  return until('its processes are gone', () => {
    try {
      remove(path.join(cgroups, `testbed-deb-${booted.pid}`));
      return true;
    } catch (error) {
      if (error.code !== 'EBUSY') throw error;
      return false;
    }
  });
});

let clean;
test('installed: both run, as users of their own, the page opens, and nothing is reached from elsewhere', async () => {
  clean = {
    files: tree(),
    users: must('cut', '-d:', '-f1', '/etc/passwd'),
    groups: must('cut', '-d:', '-f1', '/etc/group'),
  };
  apt('install', ...packages('1.0'));
  for (const unit of ['testbed-host', 'testbed-server'])
    assert.equal(active(unit), 'active', must('journalctl', '-u', unit));
  await until('the host answers', () => health()?.version === '1.0');
  assert.match(http(`${HOST}/`), /<!doctype html>/i);
  assert.ok(http(`${HOST}/vendor/xterm/lib/xterm.mjs`).length > 10000);
  assert.equal(json('http://127.0.0.1:5109/health').version, '1.0');
  for (const [unit, user] of [
    ['testbed-host', 'testbed'],
    ['testbed-server', 'testbed-server'],
  ]) {
    assert.equal(must('ps', '-o', 'user:20=', '-p', String(pid(unit))).trim(), user);
    const file = `/etc/testbed/${unit.slice(8)}.yaml`;
    assert.equal(must('stat', '-c', '%U:%G %a', file), `root:${user} 640`);
    must('setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', unit, '--check');
  }
  const listening = must('ss', '-Hltn')
    .split('\n')
    .map((l) => l.split(/\s+/)[3]);
  assert.deepEqual(
    listening.filter((a) => !/^(127\.0\.0\.1|\[::1\]):/.test(a)),
    [],
  );
});

test('it comes again: kill -9, and a restart keeps what it had', async () => {
  assert.ok(json(`${HOST}/host/devices`, '-H', 'Content-Type: application/json', '-d', DEVICE).id, 'machine');
  for (const unit of ['testbed-host', 'testbed-server']) {
    const first = pid(unit);
    must('kill', '-9', String(first));
    await until(`${unit} runs again`, () => ![0, first].includes(pid(unit)) && active(unit) === 'active');
  }
  must('systemctl', 'restart', 'testbed-host');
  await until('the device is there', () => health() && json(`${HOST}/host/devices/machine`)?.label === 'This machine');
  assert.match(must('testbed', 'ls'), /^machine\b/m);
});

test('the host joins by the command of the server, given twice', async () => {
  for (let twice = 0; twice < 2; twice++) {
    const body = JSON.stringify({ name: 'lab-deb' });
    const made = json('http://127.0.0.1:5109/api/enrol', '-H', 'Content-Type: application/json', '-d', body);
    must('sh', '-c', `sudo() { "$@"; }; ${made.commands.systemd}`);
    await until('the host to have joined', () =>
      json('http://127.0.0.1:5109/api/enrol').some((e) => e.id === made.id && e.online && e.host === 'lab-deb'),
    );
    assert.equal(must('stat', '-c', '%U %a', '/etc/testbed/join.env'), 'root 600');
  }
  must('mv', '/etc/testbed/join.env', '/tmp/'); // to leave; it comes back before the packages go
  must('systemctl', 'restart', 'testbed-host');
  await until('the host answers', () => health()?.status);
});

test('a wrong configuration: it is not started, the journal names file and line, and mended it runs', async () => {
  const before_ = readFileSync(at('/etc/testbed/host.yaml'), 'utf8');
  appendFileSync(at('/etc/testbed/host.yaml'), 'prot: 1\n');
  inside('systemctl', 'restart', 'testbed-host');
  const line = before_.split('\n').length;
  await until('it is said', () =>
    must('journalctl', '-u', 'testbed-host').includes(`/etc/testbed/host.yaml:${line}: prot`),
  );
  must('sed', '-i', 's/^prot: 1$/name: bench-7/', '/etc/testbed/host.yaml');
  must('systemctl', 'restart', 'testbed-host');
  await until('it runs', () => health()?.host_name === 'bench-7');
});

// A board that prints without a pause: lines come in by UDP, and stand at the other end of a pty.
const BOARD = JSON.stringify({ id: 'board', attach: ['serial:///run/board'] });
const held = () => must('systemctl', 'show', '-P', 'NFileDescriptorStore', 'testbed-host');
const print = (from, to) =>
  spawn('nsenter', [
    '-t',
    init,
    '-n',
    'bash',
    '-c',
    `for i in {${from}..${to}}; do echo "line $i" >/dev/udp/127.0.0.1/7000; sleep 0.02; done`,
  ]);
const ended = (child) => new Promise((resolve) => child.once('exit', resolve));
const printed = () => (http(`${HOST}/host/devices/board/console/log?limit=10000`) ?? '').match(/line \d+/g) ?? [];
const lines = (count) => Array.from({ length: count }, (_, i) => `line ${i + 1}`);

test('a console goes on over a restart and over kill -9: systemd holds the line meanwhile, and no byte is lost', async () => {
  must('systemd-run', '-q', '--unit=board', 'socat', 'PTY,link=/run/board,raw,echo=0,mode=666', 'UDP-RECV:7000');
  await until('the line', () => inside('test', '-e', '/run/board').status === 0);
  assert.ok(http(`${HOST}/host/devices`, '-H', 'Content-Type: application/json', '-d', BOARD));
  await until('systemd holds it', () => held() === '1');
  const first = print(1, 250);
  await until('it prints', () => printed().length > 10);
  must('systemctl', 'restart', 'testbed-host');
  await ended(first);
  await until('every line', () => printed().length >= 250);
  assert.equal(held(), '1');
  // what is printed while nobody runs
  must('kill', '-9', String(pid('testbed-host')));
  await until('it is down', () => pid('testbed-host') === 0);
  await ended(print(251, 350));
  await until('every line', () => printed().length >= 350, 20000);
  assert.deepEqual(printed(), lines(350));
  assert.equal(held(), '1');
  http(`${HOST}/host/devices/board`, '-X', 'DELETE');
  await until('who detaches it gives it up', () => held() === '0');
  assert.ok(http(`${HOST}/host/devices`, '-H', 'Content-Type: application/json', '-d', BOARD));
  await until('it is held for the upgrade', () => held() === '1');
});

test('upgraded: the new version runs, with the state and the configuration that were there, and every byte of a console', async () => {
  const first = pid('testbed-host');
  const files = packages('1.1');
  const log = printed().length;
  const board = print(1001, 1600); // longer than it takes
  apt('install', ...files);
  await until('the new version runs', () => health()?.version === '1.1');
  await ended(board);
  await until('every line of the board', () => printed().length >= log + 600);
  assert.deepEqual(printed().slice(log), lines(1600).slice(1000));
  assert.notEqual(pid('testbed-host'), first);
  await until('the server, too', () => json('http://127.0.0.1:5109/health')?.version === '1.1');
  assert.equal(health().host_name, 'bench-7');
  assert.equal(json(`${HOST}/host/devices/machine`).label, 'This machine');
  assert.equal(must('stat', '-c', '%U:%G %a', '/etc/testbed/host.yaml'), 'root:testbed 640');
});

test('removed: nothing runs, state and configuration stay; purged: nothing is left', async () => {
  must('mv', '/tmp/join.env', '/etc/testbed/');
  apt('remove', ...NAMES);
  for (const unit of ['testbed-host', 'testbed-server']) assert.notEqual(active(unit), 'active');
  assert.equal(inside('pgrep', '-f', '^/usr/bin/testbed').status, 1);
  for (const kept of [
    '/etc/testbed/host.yaml',
    '/etc/testbed/server.yaml',
    '/var/lib/testbed/devices.json',
    '/var/lib/testbed-server/server.db',
  ])
    assert.ok(existsSync(at(kept)), kept);
  apt('purge', 'testbed-host', 'testbed-server'); // the others had nothing that stayed
  assert.deepEqual(
    tree().filter((f) => !clean.files.includes(f)),
    [],
  );
  assert.equal(must('cut', '-d:', '-f1', '/etc/passwd'), clean.users);
  assert.equal(must('cut', '-d:', '-f1', '/etc/group').replace(/\nrender$/, ''), clean.groups);
});
