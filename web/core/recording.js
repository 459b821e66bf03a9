// What was recorded: lines to rows, moments to places on a time line and back. Pure.

import { whoIs } from './who.js';

const TYPED = 4096; // bytes of one write that are recorded (docs/RECORDING.md)
const encode = new TextEncoder();

/** The bytes of a line of the type `console`. */
export function bytesOf({ text, base64 }) {
  if (typeof text === 'string') return encode.encode(text);
  try {
    return Uint8Array.from(atob(base64 ?? ''), (c) => c.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/**
 * JSON lines to rows, in the order of time: {t, kind: 'console'|'event'|'input'|'sample', …}. Lines that are none are
 * left out.
 */
export function rowsOf(text) {
  const rows = [];
  for (const line of text.split('\n')) {
    let said;
    try {
      said = JSON.parse(line);
    } catch {
      continue;
    }
    if (!Number.isFinite(said?.t)) continue;
    const { t } = said;
    if (said.type === 'console') rows.push({ t, kind: 'console', interface: said.interface, bytes: bytesOf(said) });
    else if (said.type === 'sample')
      rows.push({ t, kind: 'sample', stream: said.stream, value: said.value, unit: said.unit ?? '' });
    else if (said.type === 'input') rows.push(inputRow(said));
    else if (said.event) rows.push({ t, kind: 'event', event: said });
  }
  return rows.sort((a, b) => a.t - b.t);
}

function inputRow({ t, interface: iface, user, events, bytes, text = '', failed }) {
  const row = { t, kind: 'input', who: whoIs(user), interface: iface, failed };
  if (Array.isArray(events)) return { ...row, events };
  return { ...row, bytes, text, cut: bytes > TYPED };
}

/** What a clip's pictures lack, in words; '' when all are there. */
export function gapsOf({ left_out: leftOut = 0, behind_ms: behind = 0 }) {
  const says = [];
  if (leftOut === 1) says.push('One picture was left out: the encoder was too slow.');
  else if (leftOut > 1) says.push(`${leftOut} pictures were left out: the encoder was too slow.`);
  if (behind > 0) says.push(`Its last ${(behind / 1000).toFixed(1)} s lack pictures: the encoder was behind.`);
  return says.join(' ');
}

/** How far a clip is on its way elsewhere, in words; `is`: of /host/uplink, undefined: it goes nowhere. */
export function uplinkOf(is, now = Date.now()) {
  if (!is) return '';
  if (is.state === 'sending') return `Being sent: ${is.percent} %.`;
  if (is.state === 'done') return 'Sent.';
  if (is.state === 'failed') return `Not sent: ${is.why}`;
  const again = is.next > now ? `; again in ${Math.ceil((is.next - now) / 1000)} s` : '';
  return is.why ? `Waits to be sent${again}: ${is.why}` : 'Waits to be sent.';
}

/** How many of `rows` are at or before `t`. */
export function countUntil(rows, t) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].t <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** {stream: {unit, points: [[t, value], …]}} */
export function streamsOf(rows) {
  const all = {};
  for (const r of rows) {
    if (r.kind !== 'sample' || !Number.isFinite(r.value)) continue;
    (all[r.stream] ??= { unit: r.unit, points: [] }).points.push([r.t, r.value]);
  }
  return all;
}

/** The points as an SVG path in a box of `width` by `height`. */
export function pathOf(points, { from, to }, width, height) {
  const values = points.map(([, v]) => v);
  const least = Math.min(...values);
  const span = Math.max(...values) - least || 1;
  return points
    .map(([t, v], i) => {
      const x = ((t - from) / (to - from)) * width;
      const y = height - 1 - ((v - least) / span) * (height - 2);
      return `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

const LEAST_MS = 1000; // some pictures
const MOST_MS = 90 * 24 * 3600 * 1000;

/** What a time line shows: {from, to} in ms. */
export function zoomed({ from, to }, factor, around = (from + to) / 2) {
  const span = Math.min(Math.max((to - from) * factor, LEAST_MS), MOST_MS);
  const share = (around - from) / (to - from);
  const start = around - span * share;
  return { from: start, to: start + span };
}
export const panned = ({ from, to }, ms) => ({ from: from + ms, to: to + ms });
export const shareOf = ({ from, to }, t) => (t - from) / (to - from);

const STEPS = [
  100,
  500,
  1000,
  5000,
  10000,
  30000,
  60000,
  300000,
  900000,
  3600000,
  3 * 3600000,
  6 * 3600000,
  24 * 3600000,
  7 * 24 * 3600000,
  30 * 24 * 3600000,
];

/** Moments that are labelled: no more than `most`, at even times of the clock where `offsetMin` is the zone. */
export function ticksOf({ from, to }, most, offsetMin = 0) {
  const step = STEPS.find((s) => (to - from) / s <= most) ?? STEPS.at(-1);
  const shift = offsetMin * 60000;
  const out = [];
  for (let t = Math.ceil((from - shift) / step) * step + shift; t <= to; t += step) out.push(t);
  return { step, ticks: out };
}

/** What is loaded around a moment that somebody chose: two minutes, within what there is. */
export function windowAround(spans, t, length = 120000) {
  const span = spans.find((s) => t >= s.from && t <= s.to);
  if (!span) return null;
  const from = Math.max(span.from, Math.min(t - length / 4, span.to - length));
  return { from: Math.floor(from), to: Math.ceil(Math.min(span.to, from + length)) };
}
