import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MOST, moved, urlOfWall, wallOf, wallOfUrl } from '../core/wall.js';

test('a wall is what its address says, and back', () => {
  const wall = { devices: ['lab-1/board', 'lab-2/desk'], columns: 3, large: 'lab-2/desk' };
  assert.equal(urlOfWall(wall), '?d=lab-1/board,lab-2/desk&n=3&large=lab-2/desk');
  assert.deepEqual(wallOfUrl(urlOfWall(wall)), wall);
  assert.equal(wallOfUrl('?access_token=x'), null);
  assert.equal(urlOfWall({ devices: null, columns: 2 }), '');
});

test('of what was kept or given only what makes sense is used', () => {
  assert.deepEqual(wallOf(null), { devices: null, columns: 0, large: null });
  assert.deepEqual(wallOf({ devices: ['a/b', 'a/b', 'x', '../etc/passwd', 5, 'a/c'], columns: 5, large: 'z/z' }), {
    devices: ['a/b', 'a/c'],
    columns: 0,
    large: null,
  });
  const many = Array.from({ length: MOST + 5 }, (_, i) => `lab/d${i}`);
  assert.equal(wallOf({ devices: many }).devices.length, MOST);
});

test('a device goes to another place, not beyond the ends', () => {
  const list = ['a/1', 'a/2', 'a/3'];
  assert.deepEqual(moved(list, 'a/1', 1), ['a/2', 'a/1', 'a/3']);
  assert.deepEqual(moved(list, 'a/3', -1), ['a/1', 'a/3', 'a/2']);
  assert.equal(moved(list, 'a/1', -1), list);
  assert.equal(moved(list, 'b/1', 1), list);
});
