// What a plot shows of its samples: a window of time, the figures of what is in it, and the same as CSV.

/** Spans that can be chosen, in s; null: all there is. */
export const SPANS = [
  [null, 'All'],
  [60, '1 min'],
  [300, '5 min'],
  [900, '15 min'],
  [3600, '1 hour'],
  [21600, '6 hours'],
  [86400, '24 hours'],
];

/** [from, to] in s of the last `span` s before `now` (s); null: no bounds. `zoom`: [from, to] that was chosen by hand. */
export const windowOf = ({ span, zoom }, now) => zoom ?? (span === null ? null : [now - span, now]);

/** How long a step of what is asked for of a span (s; null: a day) is: as many as a plot shows apart. */
export const stepOf = (span) => Math.max(1, Math.round((span ?? 86400) / 300));

/** {n, min, mean, max} of [[ms], [values]], and of steps before these, within [from, to] s; null when nothing is. */
export function figures([times, values], within = null, past = null) {
  let n = 0,
    sum = 0,
    min = Infinity,
    max = -Infinity;
  for (let i = 0; i < (past?.t.length ?? 0); i++) {
    if (within && (past.t[i] < within[0] * 1000 || past.t[i] > within[1] * 1000)) continue;
    n += past.n[i];
    sum += past.mean[i] * past.n[i];
    min = Math.min(min, past.min[i]);
    max = Math.max(max, past.max[i]);
  }
  for (let i = 0; i < times.length; i++) {
    const v = values[i];
    if (!Number.isFinite(v) || (within && (times[i] < within[0] * 1000 || times[i] > within[1] * 1000))) continue;
    n += 1;
    sum += v;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  return n ? { n, min, mean: sum / n, max } : null;
}

const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * Samples as CSV, a row for each moment at which one of the streams has one. `streams`: [{name, unit, points: [[ms],
 * [values]]}]
 */
export function csv(streams, within = null) {
  const rows = new Map(); // ms -> values
  streams.forEach(({ points: [times, values] }, k) =>
    times.forEach((t, i) => {
      if (within && (t < within[0] * 1000 || t > within[1] * 1000)) return;
      if (!rows.has(t)) rows.set(t, []);
      rows.get(t)[k] = values[i];
    }),
  );
  const head = ['time', ...streams.map(({ name, unit }) => (unit && unit !== '1' ? `${name} (${unit})` : name))];
  const body = [...rows]
    .sort(([a], [b]) => a - b)
    .map(([t, values]) => [new Date(t).toISOString(), ...streams.map((_, k) => `${values[k] ?? ''}`)]);
  return [head, ...body].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
