// The Debian packages of `make deb`: what is in them, what they need, how they are made; lintian; and how much their
// units may do. Installing, starting, upgrading and purging them under systemd is `make deb-test`: it takes minutes.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { BUILD, ROOT, scratch } from '../integration/harness.mjs';

const dir = scratch();
const MOST_EXPOSED = 2.5;

function run(command, args, env = {}) {
  const { MAKEFLAGS: _, MAKELEVEL: __, ...own } = process.env; // not the jobs of a make above us
  const options = { cwd: ROOT, encoding: 'utf8', env: { ...own, LC_ALL: 'C', ...env } };
  const done = spawnSync(command, args, options);
  return { status: done.status, out: done.stdout, all: `${done.stdout}${done.stderr}` };
}
const read = (...file) => readFileSync(path.join(ROOT, ...file), 'utf8');
const ask = (name, field) => run('dpkg-deb', ['-f', files[name], field]).out.trim();
const unpacked = (name, ...rest) => path.join(dir, name, ...rest);
const unit = (name) => unpacked(name, 'lib/systemd/system', `${name}.service`);
const files = {}; // name of a package → its file
const DAEMONS = ['testbed-host', 'testbed-server'];

before(() => {
  const version = execFileSync(path.join(BUILD, 'testbed-host'), ['--version'], { encoding: 'utf8' });
  const made = run(
    'make',
    ['--no-print-directory', 'deb', `DEB=${dir}/deb`, `VERSION=${version.trim().split(' ')[1]}`],
    {
      DEB_BUILD_OPTIONS: 'noautodbgsym', // symbols are long to pack, and nothing here is about them
    },
  );
  assert.equal(made.status, 0, made.all);
  for (const file of readdirSync(path.join(dir, 'deb')).filter((f) => f.endsWith('.deb')))
    files[file.split('_')[0]] = path.join(dir, 'deb', file);
  for (const name of Object.keys(files)) {
    mkdirSync(unpacked(name));
    run('dpkg-deb', ['-x', files[name], unpacked(name)]);
  }
});

/** Lines of `dpkg-deb -c`: mode, owner and path of what is no folder. */
const contents = (name) =>
  run('dpkg-deb', ['-c', files[name]])
    .out.trim()
    .split('\n')
    .filter((l) => !l.startsWith('d'))
    .map((l) => l.split(/\s+/))
    .map(([mode, owner, , , , file, , to]) => ({ mode, owner, file: file.slice(1) + (to ? ` -> ${to}` : '') }));

test('what is in the packages, whose it is, and who may read it', () => {
  assert.deepEqual(Object.keys(files).sort(), [
    'testbed',
    'testbed-host',
    'testbed-server',
    'testbed-web',
    'testbed-worker',
  ]);
  const common = (n) => [
    `/etc/testbed/${n.slice(8)}.yaml`,
    `/lib/systemd/system/${n}.service`,
    `/usr/bin/${n}`,
    `/usr/lib/sysusers.d/${n}.conf`,
    `/usr/lib/tmpfiles.d/${n}.conf`,
    `/usr/share/bash-completion/completions/${n}`,
    `/usr/share/doc/${n}/changelog.gz`,
    `/usr/share/doc/${n}/copyright`,
    `/usr/share/lintian/overrides/${n}`,
    `/usr/share/man/man1/${n}.1.gz`,
  ];
  const wanted = {
    'testbed-host': [
      ...common('testbed-host'),
      '/lib/udev/rules.d/70-testbed.rules',
      '/usr/bin/testbed-media',
      '/usr/share/man/man1/testbed-media.1.gz -> testbed-host.1.gz',
    ],
    'testbed-server': common('testbed-server'),
    'testbed-worker': [
      '/lib/systemd/system/testbed-worker.service',
      '/usr/bin/testbed-worker',
      '/usr/share/doc/testbed-worker/changelog.gz',
      '/usr/share/doc/testbed-worker/copyright',
      '/usr/share/man/man1/testbed-worker.1.gz',
    ],
    testbed: [
      '/usr/bin/testbed',
      '/usr/share/bash-completion/completions/testbed',
      '/usr/share/doc/testbed/changelog.gz',
      '/usr/share/doc/testbed/copyright',
      '/usr/share/man/man1/testbed.1.gz',
    ],
  };
  for (const [name, list] of Object.entries(wanted)) {
    const found = contents(name);
    assert.deepEqual(found.map((f) => f.file).sort(), list.sort());
    for (const { mode, owner, file } of found) {
      assert.equal(owner, 'root/root', file);
      const right = file.startsWith('/etc/')
        ? '-rw-r-----'
        : /\/bin\//.test(file)
          ? '-rwxr-xr-x'
          : /-> /.test(file)
            ? 'lrwxrwxrwx'
            : '-rw-r--r--';
      assert.equal(mode, right, file);
    }
    if (DAEMONS.includes(name))
      assert.equal(run('dpkg-deb', ['-I', files[name], 'conffiles']).out, `/etc/testbed/${name.slice(8)}.yaml\n`);
  }
  const pages = contents('testbed-web').map((f) => f.file);
  for (const page of [
    'index.html',
    'vendor.json',
    'app/main.js',
    ...Object.values(JSON.parse(read('web/vendor.json'))),
  ])
    assert.ok(
      pages.some((p) => p.startsWith(`/usr/share/testbed/web/${page}`)),
      page,
    );
});

test('dependencies: the pages of the same version, the libraries of the programs, and DEPS_HOST of mk/deps.mk', () => {
  for (const name of DAEMONS) {
    const depends = ask(name, 'Depends');
    assert.ok(depends.startsWith(`testbed-web (= ${ask('testbed-web', 'Version')})`), depends);
    const programs = readdirSync(unpacked(name, 'usr/bin')).map((p) => unpacked(name, 'usr/bin', p));
    const libraries = run('sh', ['docker/image/libraries.sh', ...programs]);
    assert.equal(libraries.status, 0, libraries.all);
    const named = new Set(depends.split(', ').map((d) => d.split(' ')[0]));
    for (const needed of libraries.out.trim().split('\n')) assert.ok(named.has(needed), `${needed}: ${depends}`);
  }
  const host = run('make', ['-s', '--eval=said: ; @echo $(DEPS_HOST)', 'said']).out.trim();
  assert.equal(ask('testbed-host', 'Recommends'), host.split(' ').join(', '));
});

test('lintian has nothing to say', () => {
  const said = run('lintian', ['--allow-root', '--profile', 'debian', '--fail-on', 'warning', ...Object.values(files)]);
  assert.equal(said.status, 0, said.all);
  assert.equal(said.all.match(/^[EW]: .*/gm), null, said.all);
});

test(`units: systemd takes every line, their users and groups are made, exposure at most ${MOST_EXPOSED}`, () => {
  for (const name of DAEMONS) {
    // where the programs are before they are installed
    const here = path.join(dir, `${name}.service`);
    writeFileSync(here, readFileSync(unit(name), 'utf8').replaceAll('/usr/bin/', unpacked(name, 'usr/bin/')));
    const verified = run('systemd-analyze', ['verify', '--man=no', here]);
    assert.equal(verified.status, 0, verified.all);
    assert.doesNotMatch(verified.all, /testbed/);
    const score = run('systemd-analyze', ['security', '--offline=true', '--no-pager', unit(name)]);
    const exposure = Number(score.out.match(/exposure level for \S+: ([\d.]+)/)[1]);
    assert.ok(exposure > 0 && exposure <= MOST_EXPOSED, `${name}: ${exposure}`);
    const text = readFileSync(unit(name), 'utf8');
    const users = readFileSync(unpacked(name, `usr/lib/sysusers.d/${name}.conf`), 'utf8');
    const user = text.match(/^User=(.*)$/m)[1];
    assert.match(users, new RegExp(`^u ${user} - .* /var/lib/${text.match(/^StateDirectory=(.*)$/m)[1]}$`, 'm'));
    for (const group of text.match(/^SupplementaryGroups=(.*)$/m)?.[1].split(' ') ?? [])
      assert.match(users, new RegExp(`^g ${group} -$`, 'm'), `without ${group} the unit does not start`);
    const owner = readFileSync(unpacked(name, `usr/lib/tmpfiles.d/${name}.conf`), 'utf8');
    assert.equal(owner, `z /etc/testbed/${name.slice(8)}.yaml 0640 root ${user}\n`);
    assert.match(text, new RegExp(`^ExecStart=/usr/bin/${name}$`, 'm'));
  }
});

test('a later version is an upgrade: tags, commits after a tag, commits without one', () => {
  const version = (v) => run('make', ['-s', 'deb-version', `VERSION=${v}`, 'DEB_DATE=20260102030405']).out.trim();
  assert.equal(version('v1.2'), '1.2');
  assert.equal(version('1.2-3-gabcdef0-dirty'), '1.2+3.gabcdef0.dirty');
  assert.equal(version('360ebe5'), '0+git20260102030405.360ebe5');
  assert.equal(version('unknown'), '0+git20260102030405.unknown');
  const rising = ['360ebe5', 'v0.9', 'v0.9-3-gabcdef0', 'v0.9-11-g0000000', 'v0.9.1', 'v0.10'].map(version);
  for (let i = 1; i < rising.length; i++)
    assert.equal(
      run('dpkg', ['--compare-versions', rising[i - 1], 'lt', rising[i]]).status,
      0,
      rising.slice(i - 1, i + 1).join(' < '),
    );
});
