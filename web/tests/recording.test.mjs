import assert from 'node:assert/strict';
import { test } from 'node:test';

import { consolesOf, findText, paperOf, stepTo } from '../core/recorded-console.js';
import { inputOf, seenAt } from '../core/recorded-input.js';
import {
  countUntil,
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
  assert.deepEqual([...rows[0].bytes], [0x80, ...Buffer.from('raw')]);
  assert.deepEqual(
    [19, 20, 29, 40, 99].map((t) => countUntil(rows, t)),
    [0, 1, 2, 4, 4],
  );
  assert.deepEqual(streamsOf(rows), { 'power.watts': { unit: 'W', points: [[25, 3.5]] } });
});

test('a word of the console is found behind the moment, then from the beginning; over lines and colours', () => {
  const said = [
    { type: 'console', interface: 'uart', t: 10, text: 'U-Bo' },
    { type: 'console', interface: 'uart', t: 20, text: '\x1b[3' },
    { type: 'console', interface: 'uart', t: 30, text: '2mot\x1b[0m 2023\r\n' },
    { type: 'console', interface: 'other', t: 35, text: 'U-Boot elsewhere' },
    { type: 'console', interface: 'uart', t: 40, base64: btoa('\xff=> boot u-boot') },
  ];
  const rows = rowsOf(said.map((l) => JSON.stringify(l)).join('\n'));
  const all = consolesOf(rows);
  assert.deepEqual(Object.keys(all), ['uart', 'other']);
  const paper = paperOf(all.uart);
  assert.match(paper.text, /^U-Boot 2023\n.=> boot u-boot$/);
  assert.equal(findText(paper, 'u-boot'), 30);
  assert.equal(findText(paper, 'u-boot', 30), 40);
  assert.equal(findText(paper, 'U-BOOT', 40), 30, 'round the end');
  assert.equal(findText(paper, 'u-bo'), 10);
  assert.equal(findText(paper, 'nowhere'), null);
  assert.equal(findText(paper, ''), null);
  assert.equal(findText(paperOf([]), 'x'), null);
});

test('a terminal goes on by what is new, and back from what it keeps', () => {
  const said = [1, 2, 3].map((t) => ({ t, bytes: new Uint8Array([t]) }));
  const plain = ({ rows, reset, bytes }) => [rows, reset, bytes.map((b) => b[0])];
  assert.deepEqual(plain(stepTo(said, -1, 2)), [2, true, [1, 2]]);
  assert.deepEqual(plain(stepTo(said, 2, 2.5)), [2, false, []]);
  assert.deepEqual(plain(stepTo(said, 2, 9)), [3, false, [3]]);
  assert.deepEqual(plain(stepTo(said, 3, 1)), [1, true, [1]]);
  const much = Array.from({ length: 100 }, (_, t) => ({ t, bytes: new Uint8Array(16384) }));
  const back = stepTo(much, 100, 89);
  assert.equal(back.rows, 90);
  assert.equal(back.bytes.length, 16, 'a quarter of a megabyte');
});

test('who typed and pointed, in words and on the picture', () => {
  const line = (t, more) => ({ type: 'input', t, interface: 'input', user: 'ada', ...more });
  const key = (t, name, action = 'press') => line(t, { events: [{ type: 'key', key: name, action }] });
  const pointer = (t, x, buttons) => line(t, { events: [{ type: 'pointer', x, y: 5, buttons }] });
  const rows = rowsOf(
    [
      key(1, '\u2022', 'down'),
      key(2, '\u2022', 'up'),
      key(3, '\u2022'),
      key(4, 'Enter', 'down'),
      key(5, 'Enter', 'up'),
      line(6, { events: [{ type: 'text', characters: 4 }], failed: 'no such key' }),
      pointer(10, 100, 0),
      pointer(11, 101, 1),
      pointer(12, 102, 1),
      pointer(13, 103, 0),
      { type: 'input', t: 20, interface: 'uart', user: 'bob', bytes: 3, text: '\u2022\u2022\r' },
      line(30, { events: [{ type: 'swipe', x1: 1, y1: 2, x2: 3, y2: 4, ms: 300 }] }),
    ]
      .map((l) => JSON.stringify(l))
      .join('\n'),
  );
  const { list, places } = inputOf(rows);
  assert.deepEqual(
    list.map((r) => `${r.t} ${r.text}`),
    [
      '1 ada typed 2 characters',
      '4 ada pressed Enter',
      '6 ada typed 4 characters (no such key)',
      '11 ada pressed the left button at 101, 5',
      '20 bob wrote to uart: \u2022\u2022\u23ce',
      '30 ada swiped from 1, 2 to 3, 4',
    ],
  );
  assert.deepEqual(
    [9, 10, 12, 14].map((t) => seenAt(places, t).map((p) => [p.x, p.pressed])),
    [[], [[100, false]], [[102, true]], [[103, false]]],
  );
  assert.deepEqual(seenAt(places, 100)[0].to, [3, 4]);
  assert.deepEqual(seenAt(places, 5000), []);
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
