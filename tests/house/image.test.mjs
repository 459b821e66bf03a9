// The container images, without a container engine: what docker/ says agrees with mk/deps.mk, with the ports and with
// the programs. Building and using them: make image-test.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, ROOT, scratch, until, withHost } from '../integration/harness.mjs';

const require = createRequire(path.join(ROOT, 'tests', 'package.json'));
const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const NAMES = ['host', 'lab', 'server'];
const dockerfiles = Object.fromEntries(NAMES.map((name) => [name, read(`docker/${name}/Dockerfile`)]));
const TOKEN = '0123456789abcdef';

function make(args, env = {}) {
  const { MAKEFLAGS: _, MAKELEVEL: __, ...own } = process.env;
  return spawnSync('make', ['--no-print-directory', ...args], { cwd: ROOT, encoding: 'utf8', env: { ...own, ...env } });
}

test('Dockerfiles: the same stages are written the same, packages of mk/deps.mk, files that are in the context, the ports of the contract', () => {
  const from = (text, start, end) => text.slice(text.indexOf(start), text.indexOf(end));
  const build = (name) => from(dockerfiles[name], '# --- build', 'RUN make -j');
  const host = (name) => from(dockerfiles[name], '# --- the host', 'ENTRYPOINT');
  assert.ok(build('host').includes('make deps-build'));
  for (const name of NAMES) assert.equal(build(name), build('host'), 'the second image takes it from the cache');
  assert.ok(host('host').includes('HEALTHCHECK'));
  assert.equal(host('lab'), host('host'));

  const known = new Set(
    read('mk/deps.mk')
      .split('SUDO :=')[0]
      .split(/[\s\\]+/),
  );
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((l) => l.startsWith('!'))
    .map((l) => l.slice(1));
  const { stdout } = spawnSync('git', ['ls-files', '*.c'], { cwd: ROOT, encoding: 'utf8' });
  const folders = new Set(stdout.match(/^[^/]+(?=\/)/gm));
  assert.ok(folders.size > 4);
  for (const folder of folders)
    assert.ok(folder === 'tests' || allowed.includes(folder), `.dockerignore keeps ${folder}/ out: it has sources`);
  for (const [name, text] of Object.entries(dockerfiles)) {
    for (const [, words] of text.matchAll(/apt-get install ([^\n&]*)/g))
      for (const word of words
        .trim()
        .split(/\s+/)
        .filter((w) => !w.startsWith('-')))
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
  for (const name of ['host', 'lab']) assert.match(dockerfiles[name], /^EXPOSE 6109 5900 6080$/m);
  assert.match(dockerfiles.server, /^EXPOSE 5109$/m);
});

test('Dockerfiles: a linter that is not ours finds nothing', () => {
  const { validate } = require('dockerfile-utils');
  for (const [name, text] of Object.entries(dockerfiles))
    assert.deepEqual(
      validate(text).map((d) => `docker/${name}/Dockerfile:${d.range.start.line + 1}: ${d.message}`),
      [],
    );
});

test('scripts: shellcheck finds nothing', () => {
  const list = spawnSync('git', ['ls-files', 'docker', 'supervisord', 'mk'], {
    cwd: ROOT,
    encoding: 'utf8',
  }).stdout.trim();
  const scripts = list.split('\n').filter((file) => /^#!.*sh\b|^# shellcheck shell/.test(read(file).split('\n')[0]));
  assert.ok(scripts.length > 15, `${scripts}`);
  const done = spawnSync('shellcheck', ['-x', '--source-path=SCRIPTDIR', ...scripts], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stdout + done.stderr);
});

test('.env.example: a variable of it is read by a daemon, by compose or by a script, and what compose asks for stands there', () => {
  const man = read('docs/man/testbed-host.1') + read('docs/man/testbed-server.1');
  const names = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map((m) => m[1]);
  const files = ['', '.dev', '.prod', '.watch'].map((over) => read(`docker/compose${over}.yaml`));
  const readers = [
    man,
    ...files,
    read('docker/scripts/common.sh'),
    read('docker/caddy/Caddyfile'),
    read('docker/turn/turn-start'),
  ].join('\n');
  assert.ok(names.includes('TESTBED_TOKEN'));
  for (const name of names) assert.ok(new RegExp(`\\b${name}\\b`).test(readers), `nothing reads ${name}`);
  // those have a default in compose.yaml
  const own = /^(VERSION|(HOST|SERVER)_ADDRESS|TURN_CERTS|(TURN|CADDY|POSTGRES|PROMETHEUS|GRAFANA)_IMAGE)$/;
  for (const name of new Set([...files.join('').matchAll(/\$\{([A-Z_]+)/g)].map((m) => m[1])))
    assert.ok(names.includes(name) || own.test(name), `${name} is not in .env.example`);
});

test('scripts read .env as compose does: quotes, comments, spaces, CRLF; the last line wins', () => {
  const dir = scratch();
  mkdirSync(path.join(dir, 'docker/scripts'), { recursive: true });
  copyFileSync(path.join(ROOT, 'docker/scripts/common.sh'), path.join(dir, 'docker/scripts/common.sh'));
  const lines = [
    'A=x\r',
    'B=x # both',
    "C='x y' # z",
    'D="" # none',
    'E= # none',
    'export F=x',
    'G=*',
    'H=a#b',
    'I=',
    'J=1',
    'J=2',
  ];
  writeFileSync(path.join(dir, '.env'), lines.join('\n'));
  const script = path.join(dir, 'docker/scripts/show.sh');
  writeFileSync(
    script,
    '. "$(dirname "$0")/common.sh"\nfor n in A B C D E F G H I J K; do echo "$(value $n none)"; done\n',
  );
  const done = spawnSync('bash', [script], { encoding: 'utf8', env: { PATH: process.env.PATH, K: 'environment' } });
  assert.equal(
    done.stdout,
    ['x', 'x', 'x y', 'none', 'none', 'x', '*', 'a#b', 'none', '2', 'environment', ''].join('\n'),
  );
});

test('test.sh: what .env asks for and is not there is not well, and an engine that says nothing is no good news', () => {
  const dir = path.join(scratch(), 'with a space');
  mkdirSync(path.join(dir, 'docker/scripts'), { recursive: true });
  for (const name of ['common.sh', 'test.sh'])
    copyFileSync(path.join(ROOT, 'docker/scripts', name), path.join(dir, 'docker/scripts', name));
  writeFileSync(
    path.join(dir, 'docker/docker'),
    '#!/bin/sh\ncase "$*" in *"ps -q "*) for s in $RUNS; do case "$*" in *" $s") echo id ;; esac; done ;; esac\n',
    { mode: 0o755 },
  );
  const asked = (profiles, RUNS = '') => {
    writeFileSync(path.join(dir, '.env'), `COMPOSE_PROFILES=${profiles}\n`);
    const env = { PATH: `${path.join(dir, 'docker')}:${process.env.PATH}`, RUNS };
    const done = spawnSync('bash', [path.join(dir, 'docker/scripts/test.sh')], { encoding: 'utf8', env });
    return [done.status, done.stdout.trim()];
  };
  assert.deepEqual(asked('server', 'server'), [0, 'ok      server, 5109']);
  assert.deepEqual(asked('turn, server'), [1, 'FAILED  server: its container']);
  assert.deepEqual(asked('server', 'server host'), [0, 'ok      API, 6109\nok      server, 5109']);
  assert.deepEqual(asked('turn'), [1, '']);
  assert.match(asked('lab', 'lab')[1], /^FAILED {2}programs of the lab$/m);
});

/** What the script of a service hands to its program: a program of that name which shows its environment and files. */
function started(script, program, body, env) {
  const dir = scratch();
  writeFileSync(path.join(dir, program), `#!/bin/sh\n${body}\n`);
  chmodSync(path.join(dir, program), 0o755);
  const done = spawnSync('sh', [path.join(ROOT, script)], {
    encoding: 'utf8',
    env: { PATH: `${dir}:${process.env.PATH}`, ...env },
  });
  return done.stdout + done.stderr;
}

test('caddy-start: an empty name is localhost, an address becomes a line of the Caddyfile', () => {
  const show = 'echo "[${DOMAIN-unset}] [$CADDY_EMAIL]"';
  const run = (env) => started('docker/caddy/caddy-start', 'caddy', show, env);
  assert.equal(run({ DOMAIN: '', ACME_EMAIL: '' }), '[unset] []\n');
  assert.equal(run({ DOMAIN: 'a.example', ACME_EMAIL: 'me@a.example' }), '[a.example] [email me@a.example]\n');
});

test('turn-start: no secret, no relay; the secret is in a file of its own; private networks are closed unless asked for', () => {
  const run = (env) => started('docker/turn/turn-start', 'turnserver', 'echo "args $*"; cat "$2"', env);
  const conf = path.join(ROOT, 'docker/turn');
  assert.match(run({ TURN_CONF: conf }), /WEBRTC_TURN_SECRET is missing/);
  const said = run({ TURN_CONF: conf, TMPDIR: scratch(), WEBRTC_TURN_SECRET: 'the-secret', DOMAIN: 'a.example' });
  assert.match(said, /^args -c \S+ --userdb \S+$/m);
  assert.match(said, /^static-auth-secret=the-secret$/m);
  assert.match(said, /^realm=a\.example$/m);
  assert.match(said, /^use-auth-secret$/m);
  for (const line of ['listening-port=3478', 'tls-listening-port=5349', 'min-port=49152', 'max-port=65535'])
    assert.ok(said.split('\n').includes(line), line);
  for (const line of ['max-bps=1000000', 'bps-capacity=0', 'no-multicast-peers', 'no-cli', 'no-rfc5780', 'verbose'])
    assert.ok(said.split('\n').includes(line), line);
  assert.doesNotMatch(said, /^(external|relay)-ip=/m);
  const addresses = { TURN_EXTERNAL_IP: '203.0.113.1', TURN_RELAY_IP: '10.0.0.1', TURN_REALM: 'lab' };
  const named = run({ TURN_CONF: conf, TMPDIR: scratch(), WEBRTC_TURN_SECRET: 'the-secret', ...addresses });
  assert.match(named, /^realm=lab\nexternal-ip=203\.0\.113\.1\nrelay-ip=10\.0\.0\.1$/m);
  assert.match(said, /^denied-peer-ip=192\.168\.0\.0-192\.168\.255\.255$/m);
  assert.doesNotMatch(
    run({ TURN_CONF: conf, TMPDIR: scratch(), WEBRTC_TURN_SECRET: 'the-secret', TURN_PRIVATE: 'true' }),
    /192\.168/,
  );
});

test('compose files: an old docker-compose reads each combination, and no service has more rights than it says', () => {
  const dir = scratch();
  const services = (env, ...files) => {
    writeFileSync(path.join(dir, 'env'), env);
    const done = spawnSync(
      'docker-compose',
      ['--env-file', path.join(dir, 'env'), ...files.flatMap((f) => ['-f', `docker/${f}`]), 'config'],
      { cwd: ROOT, encoding: 'utf8' },
    );
    assert.equal(done.status, 0, done.stderr);
    return done.stdout;
  };
  const env = path.join(ROOT, '.env');
  const made = !existsSync(env);
  if (made) copyFileSync(path.join(ROOT, '.env.example'), env); // env_file has to be there
  try {
    const base = services('', 'compose.yaml');
    for (const name of ['server', 'host', 'lab', 'turn', 'caddy', 'postgres', 'prometheus', 'grafana'])
      assert.match(base, new RegExp(`^  ${name}:$`, 'm'));
    const count = (what) => base.match(what)?.length ?? 0;
    assert.equal(count(/^    read_only: true$/gm), 8);
    assert.equal(count(/^    - ALL$/gm), 8);
    assert.equal(count(/no-new-privileges:true/g), 8);
    assert.deepEqual([...base.matchAll(/^    cap_add:\n((?:    - .*\n)+)/gm)].map((m) => m[1].match(/\w+/g)).sort(), [
      ['NET_BIND_SERVICE'],
      ['SETUID', 'SETGID', 'KILL'],
    ]);
    // a secret goes to who needs it
    const secrets = [
      'TESTBED_TOKEN',
      'TESTBED_ADMIN_PASSWORD',
      'DATABASE_URL',
      'POSTGRES_PASSWORD',
      'WEBRTC_TURN_SECRET',
    ];
    const marked = services(secrets.map((key) => `${key}=marker-${key}\n`).join(''), 'compose.yaml');
    const has = (name) => marked.split(/^  (?=\w+:$)/m).find((part) => part.startsWith(`${name}:\n`));
    const shown = (name) => secrets.filter((key) => has(name).includes(`marker-${key}`));
    assert.deepEqual(['turn', 'caddy', 'postgres', 'prometheus', 'grafana'].map(shown), [
      ['WEBRTC_TURN_SECRET'],
      [],
      ['POSTGRES_PASSWORD'],
      ['TESTBED_TOKEN'],
      [],
    ]);
    for (const name of ['caddy', 'grafana']) assert.doesNotMatch(has(name), /TESTBED_TOKEN/);
    for (const name of ['host', 'lab'])
      assert.match(has(name), /DATABASE_URL: ''[^]*TESTBED_ADMIN_PASSWORD: ''[^]*WEBRTC_TURN_SECRET: ''/);
    assert.match(
      services('DOMAIN=a.example\n', 'compose.yaml', 'compose.prod.yaml'),
      /SERVER_URL: https:\/\/a\.example$/m,
    );
    assert.match(
      services('DOMAIN=a.example\n', 'compose.yaml', 'compose.dev.yaml'),
      /SERVER_URL: https:\/\/a\.example\/staging$/m,
    );
    services('', 'compose.yaml', 'compose.watch.yaml');
  } finally {
    if (made) rmSync(env);
  }
});

for (const name of NAMES)
  test(`the configuration of testbed-${name} in the image: right with a token, and without one it says what to do`, () => {
    const config = `docker/${name}/${name === 'server' ? 'server' : 'host'}.yaml`;
    const check = (env) =>
      spawnSync(
        path.join(BUILD, name === 'server' ? 'testbed-server' : 'testbed-host'),
        ['--config', config, '--check'],
        {
          cwd: ROOT,
          encoding: 'utf8',
          env,
        },
      );
    const good = check({ TESTBED_TOKEN: TOKEN });
    assert.equal(good.status, 0, good.stderr);
    const bad = check({});
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, new RegExp(`^${config}:\\d+: address: .*0\\.0\\.0\\.0.*TESTBED_TOKEN`));
  });

test('GST_PLUGINS: with these plugins alone the host encodes both codecs and answers a viewer; without one of them it does not', async (t) => {
  const line = /^GST_PLUGINS := (.*)$/m.exec(read('mk/deps.mk'))[1].split(' ');
  const place = spawnSync('pkg-config', ['--variable=pluginsdir', 'gstreamer-1.0'], { encoding: 'utf8' }).stdout.trim();
  const answered = async (names) => {
    const dir = scratch();
    // coreelements is a part of GStreamer's own library package
    for (const name of ['coreelements', ...names])
      symlinkSync(path.join(place, `libgst${name}.so`), path.join(dir, `libgst${name}.so`));
    const env = { GST_PLUGIN_SYSTEM_PATH: dir, GST_REGISTRY: path.join(dir, 'registry') };
    const host = await withHost(t, { devices: { pat: { attach: 'testpattern://' } } }, { env });
    const body = readFileSync(path.join(ROOT, 'tests/fuzz/corpus/offer/chromium-audio-video-data.sdp'));
    await until(
      'the encoders',
      async () => (await host.get('/host/info')).json.media.peers.state !== 'starting',
      20000,
    );
    const answer = await host.request('POST', '/host/devices/pat/video/whep', {
      body,
      headers: { 'Content-Type': 'application/sdp' },
    });
    const { json } = await host.get('/host/info');
    return { status: answer.status, codecs: json.codecs, audio: json.media.audio };
  };
  assert.deepEqual(await answered(line), { status: 201, codecs: ['H264', 'VP8'], audio: ['OPUS'] });
  // openh264 is there for what phones send; it encodes, too
  for (const names of [['vpx'], ['x264', 'openh264']]) {
    const { codecs } = await answered(line.filter((n) => !names.includes(n)));
    assert.equal(codecs.length, 1, `without ${names}: ${codecs}`);
  }
  assert.deepEqual((await answered(line.filter((n) => n !== 'opus'))).audio, []);
  assert.notEqual((await answered(line.filter((n) => n !== 'webrtc'))).status, 201);
});

test('make image: without an engine it says what is missing; with one it builds all, tagged with the version', () => {
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
    NAMES.map(
      (i) =>
        `build --network=host --build-arg BASE=mine:12 --build-arg VERSION=1.2 -f docker/${i}/Dockerfile -t testbed-${i}:1.2 -t testbed-${i}:latest .`,
    ),
  );
});

test('libraries.sh: the packages of what a program is linked with', () => {
  const run = spawnSync('sh', ['docker/image/libraries.sh', path.join(BUILD, 'testbed-server')], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  assert.equal(run.status, 0, run.stderr);
  const packages = run.stdout.trim().split('\n');
  for (const wanted of ['libc6', 'libglib2.0-0', 'libjansson4', 'libmicrohttpd12', 'libqrencode4'])
    assert.ok(packages.includes(wanted), `${wanted}: ${packages}`);
  assert.notEqual(
    spawnSync('sh', ['docker/image/libraries.sh', 'Makefile'], { cwd: ROOT, stdio: 'ignore' }).status,
    0,
    'no program',
  );
});
