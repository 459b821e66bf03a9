// What a plot shows: windows of time, figures, CSV.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tickLabels, tickSteps } from '../core/format.js';
import { drawn, envelope, stepsBefore } from '../core/series.js';
import { csv, figures, stepOf, windowOf } from '../core/window.js';

const points = [
  [1000, 2000, 3000, 4000],
  [5, 1, 3, 7],
];

test('a window is the last of the time, or what was zoomed to', () => {
  assert.equal(windowOf({ span: null, zoom: null }, 100), null);
  assert.deepEqual(windowOf({ span: 60, zoom: null }, 100), [40, 100]);
  assert.deepEqual(windowOf({ span: 60, zoom: [1, 2] }, 100), [1, 2]);
});

test('least, mean and most are of what is shown', () => {
  assert.deepEqual(figures(points), { n: 4, min: 1, mean: 4, max: 7 });
  assert.deepEqual(figures(points, [2, 3]), { n: 2, min: 1, mean: 2, max: 3 });
  assert.equal(figures(points, [9, 10]), null);
  assert.equal(figures([[1], ['on']]), null, 'words have none');
});

test('CSV has a row for each moment, and quotes what it must', () => {
  const other = [[2000], [0.5]];
  assert.equal(
    csv([
      { name: 'a', unit: 'W', points: [points[0].slice(0, 2), points[1].slice(0, 2)] },
      { name: 'b,"c"', unit: '1', points: other },
    ]),
    'time,a (W),"b,""c"""\r\n1970-01-01T00:00:01.000Z,5,\r\n1970-01-01T00:00:02.000Z,1,0.5\r\n',
  );
  assert.equal(csv([{ name: 'a', unit: 'W', points }], [3.5, 9]), 'time,a (W)\r\n1970-01-01T00:00:04.000Z,7\r\n');
});

test('ticks are round in the unit that is shown', () => {
  const steps = tickSteps('By', 1.9 * 2 ** 30);
  const step = steps.find((s) => s >= 0.08 * 2 ** 30);
  assert.deepEqual(
    tickLabels(
      [17, 18, 19].map((k) => k * step),
      'By',
    ),
    ['1.7\u00a0GiB', '1.8\u00a0GiB', '1.9\u00a0GiB'],
  );
  assert.ok(tickSteps('Cel', 50).includes(2) && tickSteps('V', 0.02).some((s) => Math.abs(s - 0.005) < 1e-12));
});

test('a plot of long ago: steps before the samples, none of them twice, with their peaks', () => {
  const steps = { step_s: 10, t: [0, 10000, 20000], min: [1, 2, 3], mean: [2, 2, 4], max: [3, 2, 9], n: [4, 1, 2] };
  const points = [
    [25000, 30000],
    [5, 5],
  ];
  const past = stepsBefore(steps, points);
  assert.deepEqual(past.t, [0, 10000]);
  assert.equal(stepsBefore(undefined, points), null);
  assert.deepEqual(stepsBefore(steps, [[], []]).t, steps.t);
  assert.deepEqual(envelope(past), [
    [0, 5000, 10000],
    [1, 3, 2],
  ]);
  assert.deepEqual(drawn({ points, past })[0], [0, 5, 10, 25, 30]);
  assert.deepEqual(figures(points, null, past), { n: 7, min: 1, mean: 20 / 7, max: 5 });
  assert.deepEqual(figures(points, [9, 26], past), { n: 2, min: 2, mean: 3.5, max: 5 });
});

test('a step of a span: some 300 of them', () => {
  assert.deepEqual([60, 3600, 86400, null].map(stepOf), [1, 12, 288, 288]);
});
