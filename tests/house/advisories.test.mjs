// The list of known advisories (tests/advisories.mjs): what it finds, and that it finds nothing here.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compare, findings, locked, within } from '../advisories.mjs';

test('versions compare as npm has them', () => {
  for (const [a, b] of [
    ['6.0.0', '6.0.1'],
    ['6.9.0', '6.10.0'],
    ['6.1.0-beta.300', '6.1.0'],
    ['9.0.0', '10.0.0'],
  ])
    assert.ok(compare(a, b) < 0 && compare(b, a) > 0, `${a} ${b}`);
  assert.equal(compare('1.2.3', '1.2.3+build'), 0);
  for (const [version, range, is] of [
    ['8.17.0', '<5.2.4 || >=8.0.0 <8.17.1', true],
    ['8.17.1', '<5.2.4 || >=8.0.0 <8.17.1', false],
    ['6.0.0', '<5.2.4 || >=8.0.0 <8.17.1', false],
    ['6.0.0', '<=6.0.0', true],
    ['1.2.3', '=1.2.3', true],
  ])
    assert.equal(within(version, range), is, `${version} ${range}`);
  assert.throws(() => within('1.0.0', '^1.0.0'), /no comparator/);
});

test('a package that is affected, or at which nobody looked, is a finding with its file and line', () => {
  const lock = (versions) =>
    JSON.stringify(
      {
        packages: {
          '': {},
          ...Object.fromEntries(Object.entries(versions).map(([n, version]) => [`node_modules/${n}`, { version }])),
        },
      },
      null,
      2,
    );
  const list = {
    looked: { ws: '8.18.3', '@xterm/xterm': '6.0.0' },
    advisories: [
      { id: 'GHSA-x', package: 'ws', affected: '>=8.0.0 <8.21.0', what: 'fills memory' },
      {
        id: 'GHSA-y',
        package: '@xterm/xterm',
        affected: '<=6.0.0',
        what: 'pastes',
        held: { by: 'a.js', test: 'a.test.mjs: title' },
      },
    ],
  };
  const look = (versions, has = () => true) => findings(locked('web/package-lock.json', lock(versions)), list, has);
  assert.deepEqual(look({ ws: '8.18.3', '@xterm/xterm': '6.0.0' }), [
    'web/package-lock.json:4: ws 8.18.3: GHSA-x, fills memory (affected: >=8.0.0 <8.21.0): take another version, or say in tests/advisories.json what holds it',
  ]);
  assert.match(
    look({ ws: '8.22.0', '@xterm/xterm': '6.0.0' }).join(),
    /^web\/package-lock.json:4: ws 8.22.0: nobody looked/,
  );
  assert.match(
    look({ ws: '8.18.3', 'a/node_modules/ws': '7.0.0', '@xterm/xterm': '6.0.0' }).join(),
    /:7: ws 7\.0\.0: nobody/,
  );
  const gone = look({ ws: '8.18.3', '@xterm/xterm': '6.0.0' }, () => false);
  assert.match(gone.join(), /GHSA-y: the test .* is not there/);
  assert.match(look({ ws: '8.18.3' }).join(), /@xterm\/xterm is not used any more/);
});
