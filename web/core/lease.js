// Keeping a lease alive while somebody works, and warning before it ends. The host counts every control call as a
// heartbeat; this one is for the time in which the user only looks or types in another window.

import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { whoIs } from './who.js';

const IDLE_MS = 5 * 60 * 1000; // without activity for so long: no more heartbeats, the lease may end

/** What a lease means for us: 'free', 'mine' or 'other'. */
export function leaseState(lease, myLease, now) {
  if (!lease) return 'free';
  if (lease.expires_at && Date.parse(lease.expires_at) <= now) return 'free';
  return myLease ? 'mine' : 'other';
}

/** Seconds left, or null. */
export function secondsLeft(lease, now) {
  const end = Date.parse(lease?.expires_at ?? '');
  return Number.isFinite(end) ? Math.max(0, Math.ceil((end - now) / 1000)) : null;
}

/**
 * What who had a lease is told of its end. `ended`: of the event ({reason, by}), null: none was seen; `now`: the lease
 * that there is since then.
 */
export function endOfLease(ended, now, who = whoIs) {
  const watch = 'You can go on watching.';
  if (ended?.by) return `${who(ended.by)} took it over. ${watch}`;
  if (now) return `${who(now.holder)} has it now. ${watch}`;
  if (ended?.reason === 'left') return 'You were away for too long. Others may control it now.';
  if (ended?.reason === 'revoked') return `The link does not let you control any more. ${watch}`;
  return ended?.reason === 'expired' ? 'Its time is over. Others may control it now.' : 'Others may control it now.';
}

/** Events: `warning` (seconds), `renewed` (lease), `lost` (error), `tick` (seconds). */
export class LeaseKeeper extends Emitter {
  /**
   * @param {object} o
   * @param {() => Promise<object>} o.renew     PUT of the lease; resolves with {holder, expires_at}
   * @param {number} o.ttlS
   */
  constructor({ renew, ttlS, expiresAt, clock = systemClock, idleMs = IDLE_MS }) {
    super();
    Object.assign(this, { _renew: renew, _ttlMs: ttlS * 1000, _clock: clock, _idleMs: idleMs });
    this.expiresAt = Date.parse(expiresAt) || clock.now() + this._ttlMs;
    this._active = clock.now();
    this._timer = null;
    this._warned = false;
    this._busy = false;
  }

  get warnMs() {
    return Math.min(60000, this._ttlMs / 3);
  }

  start() {
    this._timer = this._clock.setInterval(() => this._tick(), 1000);
  }

  stop() {
    this._clock.clearInterval(this._timer);
    this._timer = null;
  }

  /** The user did something. */
  touch() {
    this._active = this._clock.now();
  }

  /** What a control call does on the host: it counts as a heartbeat there. */
  extended(expiresAt) {
    const at = Date.parse(expiresAt);
    if (at > this.expiresAt) this.expiresAt = at;
    if (this.expiresAt - this._clock.now() > this.warnMs) this._warned = false;
  }

  async renew() {
    if (this._busy) return;
    this._busy = true;
    try {
      const lease = await this._renew();
      this.extended(lease?.expires_at ?? new Date(this._clock.now() + this._ttlMs).toISOString());
      this.emit('renewed', lease);
    } catch (error) {
      // gone or taken over: not ours any more; no answer: the host may come back before it ends
      if (
        error.status === 404 ||
        error.status === 409 ||
        error.status === 423 ||
        error.status === 403 ||
        error.status === 410
      ) {
        this.stop();
        this.emit('lost', error);
      }
    } finally {
      this._busy = false;
    }
  }

  _tick() {
    const now = this._clock.now();
    const left = this.expiresAt - now;
    this.emit('tick', Math.max(0, Math.ceil(left / 1000)));
    if (left <= 0) {
      this.stop();
      this.emit('lost', new Error('the lease ended'));
      return;
    }
    const active = now - this._active < this._idleMs;
    if (active && left < this._ttlMs / 2) {
      this.renew();
    } else if (!active && left < this.warnMs && !this._warned) {
      this._warned = true;
      this.emit('warning', Math.ceil(left / 1000));
    }
  }
}
