// The recipe of docs/DEVELOP.md stays true: what `make new-driver` makes builds without a warning and passes the
// contract test and its own, and breaks no rule of the house.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const top = new URL('../..', import.meta.url).pathname;
const version = execFileSync(join(top, 'build/testbed-host'), ['--version'], { encoding: 'utf8' }).trim().split(' ')[1];

for (const kind of ['line', 'http'])
  test(
    `make new-driver KIND=${kind} gives a driver that builds, keeps the contract and passes its tests`,
    { timeout: 900_000 },
    () => {
      const tree = mkdtempSync(join(tmpdir(), 'tb-new-driver-'));
      try {
        // with what is built already, times kept, so that only the new folder is compiled
        const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: top, encoding: 'utf8' });
        const there = files
          .trim()
          .split('\n')
          .filter((f) => existsSync(join(top, f)));
        execFileSync('cp', ['-a', '--parents', '-t', tree, ...there], { cwd: top });
        mkdirSync(join(tree, 'build'));
        for (const part of readdirSync(join(top, 'build')).filter((f) => /^(obj|gen|lib.*\.a)$/.test(f)))
          execFileSync('cp', ['-a', join(top, 'build', part), join(tree, 'build')]);
        execFileSync('git', ['init', '-q'], { cwd: tree });
        execFileSync('git', ['add', '-A'], { cwd: tree });
        const make = (...args) =>
          execFileSync('make', args, { cwd: tree, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
        make('new-driver', 'NAME=acme9', `KIND=${kind}`);
        assert.match(readFileSync(join(tree, 'drivers/acme9/acme9.c'), 'utf8'), /const TbDriver tb_driver_acme9 = /);
        const names = [...readFileSync(join(tree, 'README.md'), 'utf8').matchAll(/^\| `([a-z0-9]+)` \|/gm)].map(
          (m) => m[1],
        );
        assert.ok(names.includes('acme9'), 'a row in the README');
        assert.deepEqual(names, [...names].sort());
        const contract = 'build/tests/tests/contract/test_driver_contract',
          fuzz = 'build/fuzz/fuzz_acme9';
        const own = ['build/tests/drivers/acme9/test_acme9', 'build/tests/drivers/acme9/test_acme9_lane'];
        make('-j2', 'WERROR=1', `VERSION=${version}`, contract, ...own, fuzz);
        const run = (program, ...args) =>
          execFileSync(join(tree, program), args, { cwd: tree, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
        const out = run(contract, '-p', '/contract/acme9');
        assert.equal(out.match(/^ok /gm)?.length, 5, out);
        for (const program of own) assert.match(run(program), /^ok 1 /m);
        run(fuzz, 'tests/fuzz/corpus/acme9/on');

        for (const [name, why] of [
          ['acme9', 'exists already'],
          ...['', 'Acme', '9x', 'a/b'].map((bad) => [bad, 'usage:']),
          ['transport', 'is taken'],
          ['finder', 'tb_finder_ stands in'], // a part that drivers share
          ['error', 'tb_error_ stands in'],
        ]) {
          const again = spawnSync('sh', ['mk/new-driver.sh', name], { cwd: tree, encoding: 'utf8' });
          assert.equal(again.status, 2, `"${name}" must be refused`);
          assert.ok(again.stderr.includes(why), `${name}: ${again.stderr}`);
        }
        for (const name of ['finder', 'error'])
          assert.ok(!existsSync(join(tree, 'drivers', name)), 'nothing was begun');
        assert.equal(
          spawnSync('sh', ['mk/new-driver.sh', 'other', 'modbus'], { cwd: tree }).status,
          2,
          'a kind that is not there',
        );
        if (kind !== 'http') return; // once: what both have in common is most of it
        const rules = spawnSync('sh', ['tests/lint.sh', 'rules'], { cwd: tree, encoding: 'utf8' });
        assert.equal(rules.status, 0, rules.stdout);
      } finally {
        rmSync(tree, { recursive: true, force: true });
      }
    },
  );
