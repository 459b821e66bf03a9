// A series of samples as it is drawn: pauses become gaps, so that a line never claims what nobody measured.

const PAUSES = 3; // times the usual interval
const LEAST_MS = 1500; // jitter of a busy host is no pause

/** The usual interval between the samples: the median, which one pause does not move. */
export function usualInterval(times) {
  if (times.length < 3) return null;
  const steps = times
    .slice(1)
    .map((t, i) => t - times[i])
    .sort((a, b) => a - b);
  return steps[steps.length >> 1];
}

/** Two series [[ms], [values]], each in order, as one; of what both have at one moment `a`'s; the last `max` of it. */
export function merged(a, b, max = Infinity) {
  const t = [],
    v = [];
  for (let i = 0, k = 0; i < a[0].length || k < b[0].length; ) {
    const [from, at] = k >= b[0].length || a[0][i] <= b[0][k] ? [a, i] : [b, k];
    t.push(from[0][at]);
    v.push(from[1][at]);
    if (from === b) k++;
    else if (a[0][i++] === b[0][k]) k++;
  }
  return [t.slice(-max), v.slice(-max)];
}

/** One more at the end of [[ms], [values]], which keeps about the last `spanMs`; a time before the last begins anew. */
export function append(series, t, value, spanMs) {
  const [times, values] = series;
  if (t < times.at(-1)) times.length = values.length = 0; // another clock, or it was set
  times.push(t);
  values.push(value);
  let old = 0;
  while (times[old] < t - spanMs) old++;
  if (old > 256) for (const list of series) list.splice(0, old); // now and then, not each time
}

/** [[ms], [values]] -> [[s], [values, null in each pause]] */
export function withGaps([times, values]) {
  const usual = usualInterval(times);
  const pause = usual === null ? Infinity : Math.max(LEAST_MS, usual * PAUSES);
  const t = [],
    v = [];
  for (let i = 0; i < times.length; i++) {
    if (i && times[i] - times[i - 1] > pause) {
      t.push((times[i - 1] + usual) / 1000);
      v.push(null);
    }
    t.push(times[i] / 1000);
    v.push(values[i]);
  }
  return [t, v];
}

/**
 * What the host keeps by steps ({t: [ms], min, mean, max, n, step_s}) of the time before the first sample of [[ms],
 * [values]]: where samples are, they say it better.
 */
export function stepsBefore(steps, [times]) {
  if (!steps?.min) return null; // a host that does not know steps gives samples
  const { length } = times.length ? steps.t.filter((t) => t + steps.step_s * 1000 <= times[0]) : steps.t;
  const of = (key) => steps[key].slice(0, length);
  return { ...steps, t: of('t'), min: of('min'), mean: of('mean'), max: of('max'), n: of('n') };
}

/** Steps as a series that is drawn: of each the least and the most, so that no peak is lost. */
export function envelope({ t, min, max, n, step_s }) {
  const times = [],
    values = [];
  t.forEach((at, i) => {
    times.push(at);
    values.push(min[i]);
    if (n[i] < 2) return;
    times.push(at + step_s * 500);
    values.push(max[i]);
  });
  return [times, values];
}

/** A stream's steps and samples, as withGaps() gives them: each has its own usual interval. */
export function drawn({ points, past }) {
  const own = withGaps(points);
  if (!past?.t.length) return own;
  const before = withGaps(envelope(past));
  return [
    [...before[0], ...own[0]],
    [...before[1], ...own[1]],
  ];
}
