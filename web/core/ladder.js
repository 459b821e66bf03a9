// The ladder of video transports: WebRTC first; when it takes long to connect, cannot, or dies, the fallback picture
// (MJPEG on the LAN, JPEG through the relay for a remote observer), with the reason; meanwhile WebRTC is tried again,
// and when it works the page climbs back by itself.

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';

const PATIENCE_MS = 3000; // without a connection: a picture by the fallback, while WebRTC goes on trying
// a connected peer that turns `disconnected` often recovers within this; the fallback shows meanwhile
const GRACE_MS = 4000;

/** What the host says of viewers that its media process lost or does not take yet (host/media/README.md). */
export const isSoon = (error) =>
  /^(the session ended.*: )?media: (re)?starting/.test(error?.detail ?? error?.message ?? '');

/**
 * Events: `change` ({rung, reason, client}) with rung 'connecting' | 'webrtc' | 'fallback' | 'stopped';
 *         `client` (client) for each new attempt, so that whoever wants its events can listen before it starts.
 */
export class VideoLadder extends Emitter {
  /**
   * @param {object} o
   * @param {() => object} o.connect     makes a client: start() -> Promise, stop(), on('state', …), on('track', …)
   * @param {Backoff} [o.soon]   waits after a failure that the other side mends by itself (isSoon): its media restarts
   * @param {() => string|null} [o.unsupported]   why WebRTC cannot work here at all, or null
   */
  constructor({
    connect,
    unsupported = () => null,
    clock = systemClock,
    graceMs = GRACE_MS,
    patienceMs = PATIENCE_MS,
    backoff = new Backoff({ firstMs: 2000, maxMs: 30000 }),
    soon = new Backoff({ firstMs: 200, maxMs: 10000 }),
  }) {
    super();
    Object.assign(this, {
      _connect: connect,
      _unsupported: unsupported,
      _clock: clock,
      _graceMs: graceMs,
      _patienceMs: patienceMs,
      _backoff: backoff,
      _soon: soon,
    });
    this.rung = 'stopped';
    this.reason = null; // why we are not on webrtc
    this.client = null;
    this.enabled = true; // false: the user asked for the fallback
    this._retry = null;
    this._grace = null;
    this._patience = null;
  }

  start() {
    if (this.rung !== 'stopped') return;
    if (!this.enabled) this._fallback('WebRTC is switched off', false);
    else this._attempt();
  }

  stop() {
    this._clear();
    this._drop();
    this._set('stopped', null);
  }

  /** The feature flag: WebRTC on or off. */
  enable(on) {
    if (this.enabled === on) return;
    this.enabled = on;
    if (this.rung === 'stopped') return;
    this._clear();
    this._drop();
    if (on) {
      this._backoff.reset();
      this._attempt();
    } else {
      this._fallback('WebRTC is switched off', false);
    }
  }

  /** Try again now, for example because the user asked or the network came back. */
  retry() {
    if (!this.enabled || this.rung !== 'fallback') return;
    this._clear();
    this._drop();
    this._attempt();
  }

  /** What the next attempt asks for has changed: made now, in place of what there is. */
  restart() {
    if (!this.enabled || this.rung === 'stopped') return;
    this._clear();
    this._drop();
    this._backoff.reset();
    this._set('connecting', null);
    this._attempt();
  }

  /** The other side says that it works again: whoever waits for the next attempt makes it now. */
  hurry() {
    if (this._retry !== null) this.retry();
  }

  /** The other side says that its media restarts: is our connection one of those that are gone? */
  check() {
    this.client?.check?.();
  }

  /** The caller sees what we cannot, for example a connection without a picture. */
  giveUp(error) {
    if (this.client) this._failed(error);
  }

  _set(rung, reason) {
    if (this.rung === rung && this.reason === reason) return;
    this.rung = rung;
    this.reason = reason;
    this.emit('change', { rung, reason, client: this.client });
  }

  _clear() {
    this._clock.clearTimeout(this._retry);
    this._clock.clearTimeout(this._grace);
    this._clock.clearTimeout(this._patience);
    this._retry = this._grace = this._patience = null;
  }

  _drop() {
    const client = this.client;
    this.client = null;
    client?.stop();
  }

  _attempt() {
    const why = this._unsupported();
    if (why) {
      this._fallback(why, false);
      return;
    }
    let client;
    try {
      client = this.client = this._connect();
    } catch (error) {
      this._failed(error);
      return;
    }
    if (this.rung !== 'fallback') {
      // the fallback stays up while we try
      this._set('connecting', null);
      this._patience = this._clock.setTimeout(() => this._set('fallback', 'no connection so far'), this._patienceMs);
    }
    const mine =
      (fn) =>
      (...args) => {
        if (client === this.client) fn(...args);
      };
    client.on(
      'state',
      mine((state, error) => this._onState(state, error)),
    );
    this.emit('client', client);
    client.start().catch(mine((error) => this._failed(error)));
  }

  _onState(state, error) {
    this._clock.clearTimeout(this._grace);
    this._grace = null;
    if (state === 'connected') {
      this._clock.clearTimeout(this._patience);
      this._backoff.reset();
      this._soon.reset();
      this._set('webrtc', null);
    } else if (state === 'disconnected') {
      this._grace = this._clock.setTimeout(() => this._failed(new Error('the connection was lost')), this._graceMs);
      this._set('fallback', 'the connection is interrupted');
    } else if (state === 'failed' || state === 'closed') {
      this._failed(error ?? new Error('the connection was closed'));
    }
  }

  _failed(error) {
    this._clear();
    this._drop();
    const told = error?.extra?.retry_after_s;
    const wait = told ? told * 1000 : (isSoon(error) ? this._soon : this._backoff).next();
    this._fallback(error?.message || 'the connection failed', true, wait);
  }

  _fallback(reason, again, wait) {
    this._set('fallback', reason);
    if (again)
      this._retry = this._clock.setTimeout(() => {
        this._retry = null;
        this._attempt();
      }, wait);
  }
}
