import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loudness, METER } from '../core/sound.js';

test('loudness is dBFS, from silence to full scale', () => {
  assert.equal(loudness(new Float32Array(64)), METER.min);
  assert.equal(loudness([]), METER.min);
  assert.equal(loudness([1, -1, 1, -1]), 0);
  assert.ok(Math.abs(loudness([0.1, -0.1]) + 20) < 1e-9);
  assert.equal(loudness([1e-6]), METER.min); // below what is called silent
  assert.deepEqual([METER.share(METER.min - 10), METER.share(-30), METER.share(0), METER.share(3)], [0, 0.5, 1, 1]);
});
