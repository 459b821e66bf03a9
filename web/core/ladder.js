// The ladder of video transports: WebRTC first; when it takes long to connect, cannot, or dies, the fallback picture
// (MJPEG on the LAN, JPEG through the relay for a remote observer), with the reason; meanwhile WebRTC is tried again,
// and when it works the page climbs back by itself.

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';

const PATIENCE_MS = 3000; // without a connection: a picture by the fallback, while WebRTC goes on trying
// a connected peer that turns `disconnected` often recovers within this; the fallback shows meanwhile
const GRACE_MS = 4000;
const LINGER_MS = 1000; // that the way of before stays, for what is under way on it

/** What the host says of viewers that its media process lost or does not take yet (host/media/README.md). */
export const isSoon = (error) =>
  /^(the session ended.*: )?media: (re)?starting/.test(error?.detail ?? error?.message ?? '');

/**
 * Events: `change` ({rung, reason, client}) with rung 'connecting' | 'webrtc' | 'fallback' | 'stopped';
 *         `client` (client) for each new attempt, so that whoever wants its events can listen before it starts;
 *         `moved` (client): it carries the picture now, in place of the one of before.
 */
export class VideoLadder extends Emitter {
  /**
   * @param {object} o
   * @param {() => object} o.connect     makes a client: start() -> Promise, stop(), on('state', …), on('track', …)
   * @param {Backoff} [o.soon]   waits after a failure that the other side mends by itself (isSoon): its media restarts
   * @param {(client) => Promise} [o.shows]   resolves when a connected client has a picture
   * @param {() => string|null} [o.unsupported]   why WebRTC cannot work here at all, or null
   */
  constructor({
    connect,
    unsupported = () => null,
    shows = async () => {},
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
      _shows: shows,
      _clock: clock,
      _graceMs: graceMs,
      _patienceMs: patienceMs,
      _backoff: backoff,
      _soon: soon,
    });
    this.rung = 'stopped';
    this.reason = null; // why we are not on webrtc
    this.client = null;
    this._next = null; // a client that is to be in its place, once it works
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
    this._dropNext();
  }

  _dropNext() {
    const next = this._next;
    this._next = null;
    next?.stop();
  }

  /**
   * Another connection is made beside the one that there is, and takes its place when it works: the network has
   * changed, or its credentials end soon. What there is goes on meanwhile, and stays when nothing comes of it.
   * `better(client)`: false, or a promise of it: the new one is no gain, and goes.
   */
  move(better = () => true) {
    if (!this.client || this._next || !this._movable) return false;
    let next;
    try {
      next = this._next = this._connect();
    } catch {
      return false; // it works as long as it does
    }
    const mine =
      (fn) =>
      (...args) => {
        if (next === this._next) fn(...args);
      };
    const off = next.on(
      'state',
      mine(async (state) => {
        if (state === 'failed' || state === 'closed') this._dropNext();
        if (state !== 'connected') return;
        await this._shows(next);
        if (next !== this._next) return;
        off();
        const gain = await better(next);
        if (next !== this._next) return;
        if (gain) this._moveTo(next);
        else this._dropNext();
      }),
    );
    this.emit('client', next);
    next.start().catch(mine(() => this._dropNext()));
    return true;
  }

  /** Whether the client has been connected: one that is yet to connect is not made twice. */
  get _movable() {
    return this.rung === 'webrtc' || this._grace !== null;
  }

  _moveTo(next) {
    const before = this.client;
    this._next = null;
    this.client = next;
    this._clear();
    this._backoff.reset();
    this._follow(next);
    this.emit('moved', next);
    this._set('webrtc', null);
    this._clock.setTimeout(() => before.stop(), LINGER_MS);
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
    this._follow(client);
    this.emit('client', client);
    client.start().catch((error) => {
      if (client === this.client) this._failed(error);
    });
  }

  _follow(client) {
    client.on('state', (state, error) => {
      if (client === this.client) this._onState(state, error);
    });
  }

  _onState(state, error) {
    this._clock.clearTimeout(this._grace);
    this._grace = null;
    if (state === 'connected') {
      this._clock.clearTimeout(this._patience);
      this._backoff.reset();
      this._soon.reset();
      this._set('webrtc', null);
      this._dropNext(); // it is back by itself
    } else if (state === 'disconnected') {
      this._grace = this._clock.setTimeout(() => this._lost(), this._graceMs);
      this.move();
      this._set('fallback', 'the connection is interrupted');
    } else if (state === 'failed' || state === 'closed') {
      this._failed(error ?? new Error('the connection was closed'));
    }
  }

  /** What was begun when it was interrupted is the connection from now on. */
  _lost() {
    const next = this._next;
    if (!next) {
      this._failed(new Error('the connection was lost'));
      return;
    }
    this._next = null;
    const before = this.client;
    this.client = next;
    this._clear();
    this._follow(next);
    this._set('fallback', 'the connection was lost');
    this.emit('moved', next);
    before.stop();
    if (next.state === 'connected') this._onState('connected');
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
