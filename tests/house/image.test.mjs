// The container images, without a container engine: what docker/ says agrees with mk/deps.mk, with the ports and with
// the programs. Building and running them needs an engine and is not part of the tests (docker/README.md says how).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, Program, ROOT, scratch } from '../integration/harness.mjs';

const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const dockerfiles = { host: read('docker/host/Dockerfile'), server: read('docker/server/Dockerfile') };
const TOKEN = '0123456789abcdef';

function make(args, env = {}) {
  const { MAKEFLAGS: _, MAKELEVEL: __, ...own } = process.env;
  return spawnSync('make', ['--no-print-directory', ...args], { cwd: ROOT, encoding: 'utf8', env: { ...own, ...env } });
}

test('Dockerfiles: one build stage, packages of mk/deps.mk, files that are in the context, the ports of the contract', () => {
  const stage = (text) => text.slice(text.indexOf('FROM '), text.indexOf('# --- what runs'));
  assert.ok(stage(dockerfiles.host).includes('make deps-build'));
  assert.equal(stage(dockerfiles.host), stage(dockerfiles.server), 'the second image takes it from the cache');

  const known = new Set(
    read('mk/deps.mk')
      .split('SUDO :=')[0]
      .split(/[\s\\]+/),
  );
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((l) => l.startsWith('!'))
    .map((l) => l.slice(1));
  for (const [name, text] of Object.entries(dockerfiles)) {
    const installs = [...text.matchAll(/apt-get install ([^\n&]*)/g)].map((m) =>
      m[1]
        .replace(/\\$/, '')
        .trim()
        .split(/\s+/)
        .filter((w) => !w.startsWith('-')),
    );
    assert.ok(installs.length > 1, name);
    for (const word of installs.flat().filter((w) => !/^(\$\(cat|\/usr\/local\/share\/testbed\/packages\))$/.test(w)))
      assert.ok(known.has(word), `${name}: ${word} is not in mk/deps.mk`);
    for (const [, sources] of text.matchAll(/^COPY (?!--from)(.*) \S+$/gm))
      for (const file of sources.split(' ').filter((f) => f !== '.')) {
        assert.ok(existsSync(path.join(ROOT, file)), `${name}: COPY ${file}`);
        assert.ok(
          allowed.some((a) => `${file}/`.startsWith(`${a}/`)),
          `${name}: .dockerignore keeps ${file} out`,
        );
      }
    assert.match(text, /^USER testbed$/m);
    assert.match(text, /^STOPSIGNAL SIGTERM$/m);
    assert.doesNotMatch(text, /^(ARG|ENV) .*(TOKEN|SECRET|PASSWORD)/m);
  }
  assert.match(dockerfiles.host, /^EXPOSE 6109 5900 6080$/m);
  assert.match(dockerfiles.server, /^EXPOSE 5109$/m);
});

test('compose.yaml: every variable is one that a daemon reads, and stands in .env.example', () => {
  const man = read('docs/man/testbed-host.1') + read('docs/man/testbed-server.1');
  const example = new Set([...read('docker/.env.example').matchAll(/^([A-Z_]+)=/gm)].map((m) => m[1]));
  const used = new Set([...read('docker/compose.yaml').matchAll(/\$\{([A-Z_]+)/g)].map((m) => m[1]));
  used.delete('VERSION'); // the image's tag
  assert.ok(used.has('TESTBED_TOKEN'));
  assert.deepEqual([...used].sort(), [...example].sort());
  for (const name of used) assert.ok(man.includes(name), `${name} is in no man page`);
});

for (const name of ['host', 'server'])
  test(`the configuration of testbed-${name} in the image: right with a token, and without one it says what to do`, () => {
    const config = `docker/${name}/${name}.yaml`;
    const check = (env) =>
      spawnSync(path.join(BUILD, `testbed-${name}`), ['--config', config, '--check'], {
        cwd: ROOT,
        encoding: 'utf8',
        env,
      });
    const good = check({ TESTBED_TOKEN: TOKEN });
    assert.equal(good.status, 0, good.stderr);
    const bad = check({});
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, new RegExp(`^${config}:\\d+: address: .*0\\.0\\.0\\.0.*TESTBED_TOKEN`));
  });

test('the health check: 0 while the host answers, not 0 when it answers otherwise or not at all', async (t) => {
  const dir = scratch();
  const config = path.join(dir, 'host.yaml');
  writeFileSync(config, 'port: 0\nvnc: {port: 0}\nnovnc: {port: 0}\n');
  const host = new Program(
    [path.join(BUILD, 'testbed-host'), '--config', config, '--state-dir', path.join(dir, 'state')],
    { env: { TESTBED_TOKEN: TOKEN } },
  );
  t.after(() => host.kill());
  const { port } = new URL((await host.line(/\burl=/)).match(/url=(\S+)/)[1]);
  const health = (route) =>
    spawnSync(path.join(ROOT, 'docker/scripts/health.sh'), [port, route], { stdio: 'ignore' }).status;
  assert.equal(health('/host/health'), 0);
  assert.notEqual(health('/host/devices'), 0, '401');
  assert.deepEqual(await host.stop(), { code: 0, signal: null });
  assert.notEqual(health('/host/health'), 0, 'nobody listens');
});

test('make image: without an engine it says what is missing; with one it builds both, tagged with the version', () => {
  const none = make(['image', 'DOCKER=no-such-engine']);
  assert.notEqual(none.status, 0);
  assert.match(none.stderr, /no-such-engine is not installed/);
  const dir = scratch();
  const engine = (body) => {
    writeFileSync(path.join(dir, 'engine'), `#!/bin/sh\n${body}\n`);
    chmodSync(path.join(dir, 'engine'), 0o755);
    return make(['image', `DOCKER=${dir}/engine`, 'VERSION=1.2', 'BASE=mine:12', 'NETWORK=host']);
  };
  const dead = engine('exit 1');
  assert.notEqual(dead.status, 0);
  assert.match(dead.stderr, /does not answer/);
  const done = engine(`echo "$@" >>${dir}/calls`);
  assert.equal(done.status, 0, done.stderr);
  const calls = readFileSync(path.join(dir, 'calls'), 'utf8').trim().split('\n');
  assert.equal(calls[0], 'info');
  assert.deepEqual(
    calls.slice(1),
    ['host', 'server'].map(
      (i) =>
        `build --network=host --build-arg BASE=mine:12 --build-arg VERSION=1.2 -f docker/${i}/Dockerfile -t testbed-${i}:1.2 -t testbed-${i}:latest .`,
    ),
  );
});

test('libraries.sh: the packages of what a program is linked with', () => {
  const run = spawnSync('sh', ['docker/scripts/libraries.sh', path.join(BUILD, 'testbed-server')], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  const packages = run.stdout.trim().split('\n');
  for (const wanted of ['libc6', 'libglib2.0-0', 'libjansson4', 'libmicrohttpd12', 'libqrencode4'])
    assert.ok(packages.includes(wanted), `${wanted}: ${packages}`);
  assert.notEqual(
    spawnSync('sh', ['docker/scripts/libraries.sh', 'Makefile'], { cwd: ROOT, stdio: 'ignore' }).status,
    0,
    'no program',
  );
});
