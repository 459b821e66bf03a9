// Whether the other side of a socket is still there. A laptop that slept or a NAT that forgot leaves a connection that
// is open, takes what is written and never says anything again: nobody tells the page, so it asks.

import { systemClock } from './backoff.js';

const EVERY_MS = 3000; // without a word: asks
const LIMIT_MS = 5000; // without an answer: gone. Together they stay under 10 s
const TICK_MS = 1000;
const ASLEEP_MS = 4000; // between two ticks: it was this page that stood still

export class Heartbeat {
  /**
   * @param {() => void} o.ask      sends something that is answered
   * @param {() => void} o.gone     the other side does not answer any more
   * @param {() => boolean} [o.eager]   an answer is wanted at once
   */
  constructor({ ask, gone, eager = () => false, clock = systemClock, everyMs = EVERY_MS, limitMs = LIMIT_MS }) {
    Object.assign(this, { _ask: ask, _gone: gone, _eager: eager, _clock: clock, _every: everyMs, _limit: limitMs });
    this._timer = null;
  }

  start() {
    this.stop();
    this._heard = this._ticked = this._clock.now();
    this._asked = null;
    this._timer = this._clock.setInterval(() => this._tick(), TICK_MS);
  }

  stop() {
    this._clock.clearInterval(this._timer);
    this._timer = null;
  }

  /** Something came. */
  heard() {
    this._heard = this._clock.now();
    this._asked = null;
  }

  _tick() {
    const now = this._clock.now();
    const slept = Math.abs(now - this._ticked) > ASLEEP_MS; // or the clock was set
    this._ticked = now;
    if (slept && this._asked !== null) this._asked = now; // what came meanwhile is not looked at yet
    if (this._asked !== null && now - this._asked >= this._limit) {
      this.stop();
      this._gone();
    } else if (this._asked === null && (slept || now - this._heard >= this._every || this._eager())) {
      this._asked = now;
      this._ask();
    }
  }
}
