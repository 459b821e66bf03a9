// What consoles said while they were recorded: their bytes at a moment, and words in them. Pure.

import { countUntil } from './recording.js';

const TAIL = 256 * 1024; // what a terminal is given of what was before: more than it scrolls back

/** {interface: [{t, bytes}, …]}, each in the order of time. */
export function consolesOf(rows) {
  const all = {};
  for (const r of rows) if (r.kind === 'console') (all[r.interface] ??= []).push(r);
  return all;
}

/**
 * What a terminal that shows `shown` rows (-1: nothing) is to be given so that it shows those until `t`:
 * {rows, reset, bytes: [Uint8Array]}. Back is from the beginning, or from what a terminal keeps.
 */
export function stepTo(said, shown, t) {
  const rows = countUntil(said, t);
  const reset = shown < 0 || rows < shown;
  let first = reset ? rows : shown;
  for (let size = 0; reset && first > 0 && size < TAIL; first--) size += said[first - 1].bytes.length;
  return { rows, reset, bytes: said.slice(first, rows).map((r) => r.bytes) };
}

// eslint-disable-next-line no-control-regex
const ESCAPES = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^[\]])|[\r\x07\x08]/g;

/**
 * What it says as it would stand on paper: {text, ends: [[where in the text, t], …]}; words go over lines of the
 * recording.
 */
export function paperOf(said) {
  const decoder = new TextDecoder();
  const raw = [];
  let length = 0;
  const starts = said.map((r) => {
    raw.push(decoder.decode(r.bytes, { stream: true }));
    length += raw.at(-1).length;
    return length;
  });
  const whole = raw.join('');
  let text = '';
  let at = 0;
  let row = 0;
  const ends = [];
  const take = (to) => {
    while (row < starts.length && starts[row] <= to) {
      ends.push([text.length + Math.max(0, starts[row] - at), said[row].t]);
      row += 1;
    }
    text += whole.slice(at, to);
    at = to;
  };
  for (const m of whole.matchAll(ESCAPES)) {
    take(m.index);
    at = m.index + m[0].length;
  }
  take(whole.length);
  while (row < starts.length) ends.push([text.length, said[row++].t]);
  return { text, ends };
}

/** The moment at which `word` stands there the next time after `after`, else the first; null: never. */
export function findText({ text, ends }, word, after = -Infinity) {
  const wanted = word.toLowerCase();
  if (!wanted) return null;
  const all = text.toLowerCase();
  let first = null;
  let row = 0;
  for (let at = all.indexOf(wanted); at >= 0; at = all.indexOf(wanted, at + 1)) {
    while (row < ends.length - 1 && ends[row][0] < at + wanted.length) row += 1;
    const t = ends[row][1];
    first ??= t;
    if (t > after) return t;
  }
  return first;
}
