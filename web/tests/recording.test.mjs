import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  countUntil,
  findText,
  gapsOf,
  pathOf,
  rowsOf,
  streamsOf,
  ticksOf,
  uplinkOf,
  windowAround,
  zoomed,
} from '../core/recording.js';

const lines = [
  { type: 'segment', t: 1, device: 'b' },
  { type: 'console', t: 30, text: '\x1b[32mU-Boot\x1b[0m 2023\r\n' },
  { type: 'console', t: 20, base64: btoa('\x80raw') },
  { type: 'sample', t: 25, stream: 'power.watts', value: 3.5, unit: 'W' },
  { type: 'event', t: 40, event: 'power.state', id: 7, data: { observed: 'on' } },
];
const text = `${lines.map((l) => JSON.stringify(l)).join('\n')}\nnot json\n{"t":"x"}\n{"type":"cons`;

test('lines become rows in the order of time, and what is none is left out', () => {
  const rows = rowsOf(text);
  assert.deepEqual(
    rows.map((r) => [r.t, r.kind]),
    [
      [20, 'console'],
      [25, 'sample'],
      [30, 'console'],
      [40, 'event'],
    ],
  );
  assert.equal(rows[2].text, 'U-Boot 2023\n');
  assert.deepEqual(
    [19, 20, 29, 40, 99].map((t) => countUntil(rows, t)),
    [0, 1, 2, 4, 4],
  );
  assert.deepEqual(streamsOf(rows), { 'power.watts': { unit: 'W', points: [[25, 3.5]] } });
});

test('a word of the console is found behind the moment, then from the beginning', () => {
  const rows = rowsOf(text);
  assert.equal(findText(rows, 'u-boot'), 30);
  assert.equal(findText(rows, 'u-boot', 30), 30);
  assert.equal(findText(rows, 'nowhere'), null);
  assert.equal(findText(rows, ''), null);
});

test('a time line zooms around the pointer, from days to pictures', () => {
  const view = { from: 0, to: 10000 };
  assert.deepEqual(zoomed(view, 0.5, 2500), { from: 1250, to: 6250 });
  assert.equal(zoomed(view, 0.0001).to - zoomed(view, 0.0001).from, 1000);
  const { ticks, step } = ticksOf({ from: 61000, to: 125000 }, 8);
  assert.deepEqual([step, ticks[0], ticks.length], [10000, 70000, 6]);
});

test('two minutes are loaded around a moment, within what is there', () => {
  const spans = [
    { from: 0, to: 50000 },
    { from: 100000, to: 1000000 },
  ];
  assert.deepEqual(windowAround(spans, 20000), { from: 0, to: 50000 });
  assert.deepEqual(windowAround(spans, 500000), { from: 470000, to: 590000 });
  assert.deepEqual(windowAround(spans, 999000), { from: 880000, to: 1000000 });
  assert.equal(windowAround(spans, 70000), null);
});

test('samples are drawn within their box', () => {
  assert.equal(
    pathOf(
      [
        [0, 1],
        [10, 3],
      ],
      { from: 0, to: 10 },
      100,
      20,
    ),
    'M0.0 19.0L100.0 1.0',
  );
});

test('what a clip lacks is said in words', () => {
  assert.equal(gapsOf({ state: 'done' }), '');
  assert.equal(gapsOf({ left_out: 1, behind_ms: 0 }), 'One picture was left out: the encoder was too slow.');
  assert.match(gapsOf({ left_out: 3, behind_ms: 2340 }), /^3 pictures .* Its last 2\.3 s lack pictures/);
});

test('how far a clip is on its way', () => {
  assert.equal(uplinkOf(undefined), '');
  assert.equal(uplinkOf({ state: 'sending', percent: 43 }), 'Being sent: 43 %.');
  assert.equal(uplinkOf({ state: 'waiting', percent: 0 }), 'Waits to be sent.');
  assert.equal(
    uplinkOf({ state: 'waiting', percent: 0, why: 'it is away', next: 5500 }, 1000),
    'Waits to be sent; again in 5 s: it is away',
  );
  assert.equal(uplinkOf({ state: 'failed', percent: 9, why: 'too large' }), 'Not sent: too large');
});
