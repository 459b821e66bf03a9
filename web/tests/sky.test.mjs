// Places in the sky, as people write them: the same rows as tests/unit/lib/test_sky.c.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { apart, doingWords, formatSky, parseSky } from '../core/sky.js';

test('a place is read as people write it, and nothing else is one', () => {
  for (const [text, ra, value] of [
    ['5h35m17.3s', true, 5 + 35 / 60 + 17.3 / 3600],
    ['5:35:17.3', true, 5 + 35 / 60 + 17.3 / 3600],
    [' 5 35 17.3 ', true, 5 + 35 / 60 + 17.3 / 3600],
    ['5h 35m', true, 5 + 35 / 60],
    ['5h 35.5m', true, 5 + 35.5 / 60],
    ['5.5881', true, 5.5881],
    ['83.82deg', true, 83.82 / 15],
    ['83.82°', true, 83.82 / 15],
    ['23:59:59.9', true, 24 - 0.1 / 3600],
    ['24', true, NaN],
    ['-1', true, NaN],
    ['360deg', true, NaN],
    ['-5d23m28s', false, -(5 + 23 / 60 + 28 / 3600)],
    ['-5°23\'28"', false, -(5 + 23 / 60 + 28 / 3600)],
    ['−5° 23′ 28″', false, -(5 + 23 / 60 + 28 / 3600)],
    ['-0:30', false, -0.5],
    ['+41.27', false, 41.27],
    ['90', false, 90],
    ['90.01', false, NaN],
    ['5:60', false, NaN],
    ['5:30:60', false, NaN],
    ['5.5:30', false, NaN],
    ['5:30:10:10', false, NaN],
    ['5h', false, NaN],
    ['', true, NaN],
    ['M42', true, NaN],
    ['5x', true, NaN],
  ]) {
    const read = parseSky(text, ra);
    assert.ok(Number.isNaN(value) ? Number.isNaN(read) : Math.abs(read - value) < 1e-9, `${text}: ${read}`);
    if (!Number.isNaN(value)) assert.ok(Math.abs(parseSky(formatSky(value, ra), ra) - value) < 1 / 3600, text);
  }
  assert.equal(formatSky(5 + 35 / 60 + 17.3 / 3600, true), '5h 35m 17.3s');
  assert.equal(formatSky(-0.5, false), '−0° 30′ 00″');
  assert.equal(formatSky(null, true), '–');
});

test('how far two places are apart', () => {
  assert.ok(Math.abs(apart(0, 0, 6, 0) - 90) < 1e-9);
  assert.ok(Math.abs(apart(23.9, 89, 0.1, 89) - 0.052) < 0.001);
  assert.ok(Number.isNaN(apart(null ?? NaN, 0, 1, 1)));
});

test('what a mount does is said in words, and what failed too', () => {
  const m = {
    ra_hours: 5,
    dec_deg: 0,
    target: { name: 'M 42', ra_hours: 5, dec_deg: -5 },
    stack: { frames: 3, dropped: 1 },
    doings: [
      { what: 'view', state: 'working', under_way: true },
      { what: 'goto', state: 'working', under_way: true },
      { what: 'solve', state: 'complete', under_way: false },
      { what: 'stack', state: 'frame_complete', under_way: true },
      { what: 'autofocus', state: 'fail', under_way: false, error: 'no stars' },
    ],
  };
  assert.deepEqual(doingWords(m), [
    { words: 'Going to M 42, 5° to go', bad: false },
    { words: 'Stacking: 3 pictures, 1 left out', bad: false },
    { words: 'Focusing failed: no stars', bad: true },
  ]);
  assert.deepEqual(doingWords(null), []);
});
