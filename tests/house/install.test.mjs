// What `make install` puts in place runs from there, and every recipe of docs/DEVELOP.md that has a command does what
// it says.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, Program, ROOT, request, scratch } from '../integration/harness.mjs';

function make(args, options = {}) {
  // not the jobs of a make above us
  const { MAKEFLAGS: _, MAKELEVEL: __, ...env } = process.env;
  const result = spawnSync('make', ['--no-print-directory', ...args], { cwd: ROOT, encoding: 'utf8', env, ...options });
  assert.equal(result.status, 0, `make ${args.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
}

const version = () =>
  execFileSync(path.join(BUILD, 'testbed-host'), ['--version'], { encoding: 'utf8' }).trim().split(' ')[1];

test('make install: binaries, pages, units, rules and man pages; the binaries run from there', async (t) => {
  const dest = path.join(scratch(), 'with a space');
  const prefix = '/opt/testbed';
  // the version that is built: nothing is linked anew below tests that run
  make(['install', `DESTDIR=${dest}`, `PREFIX=${prefix}`, `VERSION=${version()}`]);
  const at = (...parts) => path.join(dest, prefix, ...parts);
  assert.deepEqual(readdirSync(at('bin')).sort(), [
    'testbed',
    'testbed-host',
    'testbed-media',
    'testbed-server',
    'testbed-worker',
  ]);
  for (const name of ['host', 'server']) {
    const unit = readFileSync(at(`lib/systemd/system/testbed-${name}.service`), 'utf8');
    assert.match(unit, new RegExp(`^ExecStart=${prefix}/bin/testbed-${name}( |$)`, 'm'));
    assert.ok(statSync(at(`share/man/man1/testbed-${name}.1`)).size > 500);
    for (const kind of ['sysusers.d', 'tmpfiles.d'])
      assert.ok(existsSync(at('lib', kind, `testbed-${name}.conf`)), `${kind}: ${name}`);
    const file = path.join(dest, 'etc/testbed', `${name}.yaml`);
    assert.equal(statSync(file).mode & 0o777, 0o640);
    // the configuration that comes with it is one that starts
    execFileSync(at(`bin/testbed-${name}`), ['--config', file, '--check'], { cwd: '/', env: {} });
    writeFileSync(file, 'port: 0\n');
  }
  assert.ok(existsSync(at('lib/udev/rules.d/70-testbed.rules')));
  assert.ok(statSync(at('share/man/man1/testbed.1')).size > 500);
  assert.match(
    readFileSync(at('share/bash-completion/completions/testbed'), 'utf8'),
    /^complete -F _testbed testbed$/m,
  );
  assert.ok(!existsSync(at('share/testbed/web/tests')));
  make(['install', `DESTDIR=${dest}`, `PREFIX=${prefix}`, `VERSION=${version()}`]);
  assert.equal(
    readFileSync(path.join(dest, 'etc/testbed/server.yaml'), 'utf8'),
    'port: 0\n',
    'a configuration that is there stays',
  );

  const config = path.join(dest, 'host.yaml');
  writeFileSync(config, 'port: 0\nvnc: {port: 0}\nnovnc: {port: 0}\ndevices:\n  a: {attach: ["vitals://"]}\n');
  const host = new Program([at('bin/testbed-host'), '--config', config, '--state-dir', path.join(dest, 'state')], {
    cwd: '/',
  });
  t.after(() => host.kill());
  const base = (await host.line(/\burl=/)).match(/url=(\S+)/)[1];
  const vendor = JSON.parse(readFileSync(path.join(ROOT, 'web/vendor.json'), 'utf8'));
  for (const page of [
    '',
    'host/health',
    'vendor/xterm/lib/xterm.mjs',
    'vendor/novnc/core/rfb.js',
    'vendor/uplot/dist/uPlot.esm.js',
  ])
    assert.equal((await fetch(new URL(page, base))).status, 200, page);
  // the first page is few requests and few bytes (a browser by plain http takes gzip): the API's are seven or so more
  for (const [page, most] of [
    ['', 100],
    ['docs', 40],
  ]) {
    const html = await (await fetch(new URL(page, base))).text();
    const parts = new Set([page, ...[...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, url]) => url)]);
    assert.ok(parts.size <= 5, `${page}: ${[...parts]}`);
    let bytes = 0;
    for (const part of parts) {
      const answer = await request(base, 'GET', `/${part}`, { headers: { 'Accept-Encoding': 'gzip, deflate' } });
      assert.equal(answer.status, 200, part);
      if (answer.body.length > 512) assert.equal(answer.headers['content-encoding'], 'gzip', part);
      bytes += answer.body.length;
    }
    assert.ok(bytes < most * 1024, `${page}: ${bytes} bytes`);
    const script = await (
      await fetch(
        new URL(
          [...parts].find((u) => u.startsWith('app/') && !u.includes('crash')),
          base,
        ),
      )
    ).text();
    assert.doesNotMatch(script, /from ?"\.|import ?"\./, 'nothing else is loaded before it runs');
  }
  for (const folder of Object.values(vendor))
    assert.ok(
      readdirSync(at('share/testbed/web', folder)).some((f) => /^licen[sc]e/i.test(f)),
      `${folder} keeps its licence`,
    );
  assert.deepEqual(await host.stop(), { code: 0, signal: null });
  const server = new Program(
    [
      at('bin/testbed-server'),
      '--config',
      path.join(dest, 'etc/testbed/server.yaml'),
      '--state-dir',
      path.join(dest, 'state'),
    ],
    { cwd: '/' },
  );
  t.after(() => server.kill());
  const url = (await server.line(/\burl=/)).match(/url=(\S+)/)[1];
  assert.equal((await fetch(url)).status, 200);
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});
