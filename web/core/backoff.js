// Waits between attempts: exponential, bounded, with jitter so that many pages do not return in step.

export class Backoff {
  /** @param {{firstMs?: number, maxMs?: number, factor?: number, jitter?: number, random?: () => number}} o */
  constructor({ firstMs = 500, maxMs = 15000, factor = 1.7, jitter = 0.25, random = Math.random } = {}) {
    Object.assign(this, { _first: firstMs, _max: maxMs, _factor: factor, _jitter: jitter, _random: random });
    this.attempts = 0;
  }

  /** Milliseconds to wait before the next attempt. */
  next() {
    const plain = Math.min(this._max, this._first * this._factor ** this.attempts);
    this.attempts += 1;
    return Math.round(plain * (1 + this._jitter * (2 * this._random() - 1)));
  }

  reset() {
    this.attempts = 0;
  }
}

/** The clock and timers that core uses; tests pass their own. */
export const systemClock = {
  now: () => Date.now(),
  mono: () => performance.now(), // never steps
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => clearTimeout(id),
  setInterval: (fn, ms) => setInterval(fn, ms),
  clearInterval: (id) => clearInterval(id),
};
