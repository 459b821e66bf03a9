// A connection by TURN is a detour, and the network that made it one may change without a word: now and then another
// one is made beside it (ladder.move()), which takes its place when it is direct.

import { Backoff, systemClock } from './backoff.js';

const FIRST_MS = 15000;
const MAX_MS = 300000;
const SETTLE_MS = 5000; // the detour is often found first, and left as soon as a check of the direct way succeeds
const LOOK_MS = 500;

/**
 * Whether a connection that has just come about goes, or soon goes, directly.
 * @param {() => Promise<boolean | null>} isDirect   now; null: not known
 */
export async function settlesDirect(isDirect, clock = systemClock) {
  for (let waited = 0; ; waited += LOOK_MS) {
    if (await isDirect()) return true;
    if (waited >= SETTLE_MS) return false;
    await new Promise((next) => clock.setTimeout(next, LOOK_MS));
  }
}

export class Climb {
  /**
   * @param {object} o
   * @param {() => boolean} o.is     whether the connection is one to climb from
   * @param {() => boolean} o.move   tries
   */
  constructor({ is, move, clock = systemClock, backoff = new Backoff({ firstMs: FIRST_MS, maxMs: MAX_MS }) }) {
    Object.assign(this, { _is: is, _move: move, _clock: clock, _backoff: backoff });
    this._timer = null;
  }

  /** What the connection is may have changed. */
  look() {
    if (!this._is()) {
      this.stop();
      this._backoff.reset();
    } else if (this._timer === null) {
      this._timer = this._clock.setTimeout(() => this._try(), this._backoff.next());
    }
  }

  /** The network has changed: what was tried in vain before may work now. */
  soon() {
    this.stop();
    this._backoff.reset();
    this.look();
  }

  _try() {
    this._timer = null;
    if (this._is()) this._move();
    this.look();
  }

  stop() {
    this._clock.clearTimeout(this._timer);
    this._timer = null;
  }
}
