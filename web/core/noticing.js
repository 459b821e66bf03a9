// When a camera's picture or a microphone's sound is worth a clip: pure, fed by the page (web/server/capture-senses.js).

export const PICTURE = { width: 160, height: 90 }; // what is compared, whatever the camera gives
const PIXEL = 30; // |ΔR| + |ΔG| + |ΔB| above which a pixel counts as changed
const LIGHTING = 40; // mean change of a channel above which somebody has switched a lamp: no motion
const IN_A_ROW = 2; // hits before it is believed

/**
 * What share (0..1) of the pixels has changed between two pictures (RGBA of PICTURE's size); `region`: {left, top,
 * right, bottom}, percent that are left out at each side. 0 where the whole picture became lighter or darker.
 */
export function motionScore(before, now, region = {}) {
  const { width, height } = PICTURE;
  const side = (percent, of) => Math.round((Math.min(Math.max(percent ?? 0, 0), 90) / 100) * of);
  const [x0, x1] = [side(region.left, width), width - side(region.right, width)];
  const [y0, y1] = [side(region.top, height), height - side(region.bottom, height)];
  let changed = 0;
  let sum = 0;
  for (let y = y0; y < y1; y++)
    for (let x = x0; x < x1; x++) {
      const at = (y * width + x) * 4;
      const delta =
        Math.abs(before[at] - now[at]) +
        Math.abs(before[at + 1] - now[at + 1]) +
        Math.abs(before[at + 2] - now[at + 2]);
      sum += delta;
      if (delta > PIXEL) changed += 1;
    }
  const total = (x1 - x0) * (y1 - y0);
  if (total <= 0 || sum / total / 3 > LIGHTING) return 0;
  return changed / total;
}

/** Loudness of samples (-1..1), as their root mean square. */
export function loudness(samples) {
  let sum = 0;
  for (const s of samples) sum += s * s;
  return samples.length ? Math.sqrt(sum / samples.length) : 0;
}

/** Two hits in a row notice something; what follows within `cooldownMs` of that is the same. */
export class Noticer {
  constructor({ threshold, cooldownMs }) {
    Object.assign(this, { threshold, cooldownMs, _hits: 0, _last: -Infinity });
  }

  /** `now`: ms of a clock that never steps. True: something is noticed. */
  take(value, now) {
    this._hits = value >= this.threshold ? this._hits + 1 : 0;
    if (this._hits < IN_A_ROW || now - this._last < this.cooldownMs) return false;
    this._last = now;
    this._hits = 0;
    return true;
  }
}

/** A rectangle that a finger drew ({x0, y0, x1, y1}, 0..1 of the picture) as a region; null: too small to be meant. */
export function regionOf({ x0, y0, x1, y1 }) {
  const part = (v) => Math.min(Math.max(v, 0), 1);
  const [left, right] = [part(Math.min(x0, x1)), part(Math.max(x0, x1))];
  const [top, bottom] = [part(Math.min(y0, y1)), part(Math.max(y0, y1))];
  if (right - left < 0.1 || bottom - top < 0.1) return null;
  const percent = (v) => Math.round(v * 100);
  return { left: percent(left), top: percent(top), right: percent(1 - right), bottom: percent(1 - bottom) };
}
