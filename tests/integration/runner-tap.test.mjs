// The runner's own reader: what it does not see, nobody sees.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readTap } from '../tap.mjs';

test('GLib: points, plan, skips with their reason', () => {
  const r = readTap(
    'TAP version 13\n# random seed: R02S\n1..3\n# Start of lib tests\nok 1 /lib/a\nok 2 /lib/b # SKIP no camera here\nok 3 /lib/c\n# End of lib tests\n',
  );
  assert.deepEqual(
    [r.passed, r.failures, r.skips, r.planned, r.seen],
    [2, [], [{ name: '/lib/b', reason: 'no camera here' }], 3, 3],
  );
});

test('GLib: a failed assertion brings its text, and the plan shows what never ran', () => {
  const r = readTap(
    '1..3\nok 1 /lib/a\n# ERROR:test.c:7: assertion failed (1 == 2)\nnot ok /lib/b - ERROR:test.c:7: assertion failed (1 == 2)\nBail out!\n',
  );
  assert.equal(r.passed, 1);
  assert.equal(r.failures.length, 1);
  assert.match(r.failures[0].name, /^\/lib\/b/);
  assert.match(r.failures[0].detail, /test\.c:7/);
  assert.notEqual(r.planned, r.seen);
});

const NODE = `TAP version 13
# Subtest: group
    # Subtest: one
    ok 1 - one
      ---
      duration_ms: 1
      ...
    # Subtest: two
    not ok 2 - two
      ---
      failureType: 'testCodeFailure'
      error: 'Expected 1, got 2'
      ...
    1..2
not ok 1 - group
  ---
  error: '1 subtest failed'
  ...
# Subtest: later
ok 2 - later # SKIP no chromium
1..2
`;

test('Node: leaves count, a parent does not count its child twice', () => {
  const r = readTap(NODE);
  assert.equal(r.passed, 1);
  assert.deepEqual(
    r.failures.map((f) => f.name),
    ['two'],
  );
  assert.match(r.failures[0].detail, /Expected 1, got 2/);
  assert.deepEqual(r.skips, [{ name: 'later', reason: 'no chromium' }]);
  assert.deepEqual([r.planned, r.seen], [2, 2]);
});

test('Node: a parent that fails by itself counts', () => {
  const r = readTap('# Subtest: group\n    ok 1 - one\n    1..1\nnot ok 1 - group\n1..1\n');
  assert.deepEqual([r.passed, r.failures.length], [1, 1]);
});

test('a skip without a reason is seen as such', () => {
  assert.deepEqual(readTap('ok 1 - x # SKIP\n1..1\n').skips, [{ name: 'x', reason: '' }]);
});

test('cut short: the test that was running is named', () => {
  assert.equal(readTap('# Subtest: a\nok 1 - a\n# Subtest: hangs\n').running, 'hangs');
});
