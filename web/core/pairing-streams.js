// What a desktop makes of a phone's messages: the newest of each stream, how many were lost and how late they are, and
// a recording of all as CSV.

import { LatestBySeq } from './latest.js';
import { UNITS } from './phone-streams.js';

const FIELDS = {
  orientation: ['alpha', 'beta', 'gamma'],
  gyro: ['x', 'y', 'z'],
  accel: ['x', 'y', 'z'],
};
export const MAX_STREAMS = 64;
export const MAX_ROWS = 500_000; // of a recording: an hour and a half of motion at 60 a second

/** A message `sensor` or `sample` as values: [{stream, unit, value}]. */
export function valuesOf(m) {
  if (m.type === 'sample') return [{ stream: m.stream, unit: m.unit, value: m.value }];
  return Object.keys(FIELDS)
    .filter((name) => m[name])
    .flatMap((name) =>
      FIELDS[name].map((axis) => ({
        stream: `${name}.${axis}`,
        unit: m.units?.[name] ?? UNITS[name],
        value: m[name][axis],
      })),
    );
}

/** Counts over a moving second: how many came, how many are missing, how late they were. */
export class Intake {
  constructor() {
    this._latest = new LatestBySeq(MAX_STREAMS);
    this._seq = new Map();
    this._events = 0;
    this._offset = null; // ms: the phone's clock is so far ahead of ours
    this._best = Infinity; // the round trip that it comes from
    this._came = [];
  }

  /** Another phone, or the same one from the start again. */
  reset() {
    this._latest.reset();
    this._seq.clear();
    this._came = [];
    this._events = 0;
    this._offset = null;
    this._best = Infinity;
  }

  /** True: it is news. */
  take(m, now) {
    if (!this._latest.accept(m)) return false;
    const key = m.stream ?? m.type;
    const had = this._seq.get(key);
    this._seq.set(key, m.seq);
    this._came.push({
      at: now,
      lost: had === undefined ? 0 : m.seq - had - 1,
      late: this._offset === null ? null : now + this._offset - m.t,
    });
    return true;
  }

  /** False: it came before; one channel may carry it more than once. */
  takeEvent(m) {
    const n = m.data?.n;
    if (!Number.isInteger(n)) return true;
    if (n <= this._events) return false;
    this._events = n;
    return true;
  }

  /** An answer to our ping: `sent` and `now` by our clock, `theirs` by the phone's. */
  clock(sent, now, theirs) {
    const trip = now - sent;
    this._best *= 1.05; // clocks drift: an old good one gives way in time
    if (trip > this._best) return;
    this._best = trip;
    this._offset = theirs - (sent + now) / 2;
  }

  /** {rate, lossPct, latencyMs} of the last second; null: not known. */
  figures(now) {
    this._came = this._came.filter((c) => now - c.at < 1000);
    const late = this._came
      .map((c) => c.late)
      .filter((l) => l !== null)
      .sort((a, b) => a - b);
    const lost = this._came.reduce((sum, c) => sum + c.lost, 0);
    return {
      rate: this._came.length,
      lossPct: this._came.length ? (100 * lost) / (lost + this._came.length) : null,
      latencyMs: late.length ? Math.max(0, late[late.length >> 1]) : null,
    };
  }
}

const quoted = (s) => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);

/** One row per value: time by the phone's clock (ISO), stream, unit, value. */
export class Recording {
  constructor() {
    this._rows = [];
    this.full = false;
  }

  get length() {
    return this._rows.length;
  }

  add(m) {
    if (m.type === 'event') return this._put(m.t, m.event, '', JSON.stringify(m.data ?? {}));
    for (const { stream, unit, value } of valuesOf(m)) this._put(m.t, stream, unit, value);
    for (const p of m.points ?? [])
      for (const k of ['x', 'y', 'pressure']) this._put(m.t, `${m.stream}.${p.n}.${k}`, '1', p[k]);
  }

  _put(t, stream, unit, value) {
    if (this._rows.length >= MAX_ROWS) this.full = true;
    else this._rows.push(`${new Date(t).toISOString()},${quoted(stream)},${quoted(unit)},${quoted(String(value))}\r\n`);
  }

  /** For a Blob. */
  csv() {
    return ['time,stream,unit,value\r\n', ...this._rows];
  }
}
