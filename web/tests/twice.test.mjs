import assert from 'node:assert/strict';
import { test } from 'node:test';

import { clipOf, twiceOf, viewBoxOf } from '../core/twice.js';

const PICTURE = { width: 722, height: 402 };

test('the last column and row that are there twice, and nothing of a smaller picture', () => {
  assert.deepEqual(twiceOf(PICTURE, { width: 721, height: 401 }), { across: 1, down: 1 });
  assert.deepEqual(twiceOf(PICTURE, { width: 722, height: 401 }), { across: 0, down: 1 });
  assert.equal(twiceOf(PICTURE, PICTURE), null);
  assert.equal(twiceOf({ width: 642, height: 360 }, { width: 1281, height: 719 }), null);
});

test('shown by object-view-box, or cut off by clip-path, wherever the picture is in its element', () => {
  const both = { across: 1, down: 1 };
  assert.equal(viewBoxOf({ width: 200, height: 400 }, both), 'inset(0 0.5% 0.25% 0)');
  assert.equal(clipOf(PICTURE, PICTURE, both), 'inset(0 1px 1px 0)');
  assert.equal(clipOf({ width: 1444, height: 804 }, PICTURE, { across: 0, down: 1 }), 'inset(0 0px 2px 0)');
  // bars left and right: the one on the right is cut off, too
  assert.equal(clipOf({ width: 822, height: 402 }, PICTURE, both), 'inset(0 51px 1px 0)');
  assert.equal(clipOf({ width: 361, height: 401 }, PICTURE, both), 'inset(0 0.5px 100.5px 0)');
});
