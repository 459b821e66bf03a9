// How loud something is, as the page shows it. No DOM.

/** The meter goes from -60 dBFS, which is called silent, to full scale. */
export const METER = {
  min: -60,
  /** 0 to 1 */
  share: (dbfs) => Math.min(1, Math.max(0, (dbfs - METER.min) / -METER.min)),
};

/** dBFS of samples from -1 to 1 (their root mean square); METER.min at least. */
export function loudness(samples) {
  let sum = 0;
  for (const s of samples) sum += s * s;
  const rms = Math.sqrt(sum / (samples.length || 1));
  return rms > 0 ? Math.max(METER.min, 20 * Math.log10(rms)) : METER.min;
}
