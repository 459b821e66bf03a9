// The recipe of docs/DEVELOP.md stays true: what `make new-driver` makes builds without a warning and passes the
// contract test and its own.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const top = new URL('../..', import.meta.url).pathname;

for (const kind of ['line', 'http'])
  test(
    `make new-driver KIND=${kind} gives a driver that builds, keeps the contract and passes its tests`,
    { timeout: 900_000 },
    () => {
      const tree = mkdtempSync(join(tmpdir(), 'tb-new-driver-'));
      try {
        // with what is built already, times kept, so that only the new folder is compiled
        for (const part of [
          'Makefile',
          'mk',
          'lib',
          'drivers',
          'host',
          'server',
          'README.md',
          'tests/contract',
          'tests/fuzz/main.c',
          'build',
        ]) {
          if (!existsSync(join(top, part))) continue;
          cpSync(join(top, part), join(tree, part), {
            recursive: true,
            preserveTimestamps: true,
            filter: (from) => !/\/build\/(asan|tsan|fuzz|fuzz-found|engine)(\/|$)/.test(from),
          });
        }
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
        make('WERROR=1', contract, ...own, fuzz);
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
          ['tty', 'tb_tty_ stands in'], // a part that drivers share
          ['json', 'tb_json_ stands in'],
        ]) {
          const again = spawnSync('sh', ['mk/new-driver.sh', name], { cwd: tree, encoding: 'utf8' });
          assert.equal(again.status, 2, `"${name}" must be refused`);
          assert.ok(again.stderr.includes(why), `${name}: ${again.stderr}`);
        }
        for (const name of ['tty', 'json']) assert.ok(!existsSync(join(tree, 'drivers', name)), 'nothing was begun');
        assert.equal(
          spawnSync('sh', ['mk/new-driver.sh', 'other', 'modbus'], { cwd: tree }).status,
          2,
          'a kind that is not there',
        );
      } finally {
        rmSync(tree, { recursive: true, force: true });
      }
    },
  );
