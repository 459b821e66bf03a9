// WHEP player (draft-ietf-wish-whep): POST the offer, take the answer, PATCH candidates, DELETE at the end.
// One WhepClient is one attempt; whoever wants another one after a failure makes a new client (core/ladder.js does).

import { problemOf } from './api.js';
import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { ViewerConnection } from './rtc.js';
import { iceServersOf, parseOffer, sdpFragment } from './sdp.js';

const TRICKLE_MS = 30; // candidates that come within this time share one PATCH
const CONNECT_MS = 8000; // from start to connected
const WITHOUT_TURN_MS = 3000; // from the answer to connected, if the next attempt will have TURN and this one has not

const isTurn = (server) => server.urls.some((url) => url.startsWith('turn'));

export class WhepClient extends Emitter {
  /**
   * @param {object} o
   * @param {string} o.url                      the WHEP endpoint
   * @param {Function} o.fetch
   * @param {Function} o.RTCPeerConnection
   * @param {() => object} [o.headers]          Authorization and the like, for every request
   * @param {{servers: object[]}} [o.ice]       ICE servers that the host named last; the caller keeps it from one
   *                                            attempt to the next. They come with
   *                                            the answer, which is too late for the attempt that asked: gathering
   *                                            began with the offer
   */
  constructor({
    url,
    fetch,
    headers = () => ({}),
    ice = { servers: [] },
    clock = systemClock,
    connectMs = CONNECT_MS,
    ...rtc
  }) {
    super();
    Object.assign(this, {
      _url: url,
      _fetch: fetch,
      _headers: headers,
      _ice: ice,
      _clock: clock,
      _connectMs: connectMs,
    });
    this.connection = new ViewerConnection({ iceServers: ice.servers, ...rtc, clock });
    this.session = null; // URL of the session, once there is one
    this.error = null;
    this._turn = ice.servers.some(isTurn);
    this._etag = null;
    this._offer = null;
    this._pending = []; // candidates that no PATCH has carried yet
    this._ended = false; // gathering is over
    this._timers = { trickle: null, connect: null };
    this._patching = Promise.resolve();
    this._canTrickle = true;
    this._checking = false;
    this._stopped = false;
    for (const name of ['track', 'control', 'sensor', 'channel', 'stats', 'log']) {
      this.connection.on(name, (...args) => this.emit(name, ...args));
    }
    this.connection.on('state', (state) => this._onState(state));
  }

  get state() {
    return this.connection.state;
  }
  get figures() {
    return this.connection.figures;
  }
  get stream() {
    return this.connection.stream;
  }

  /** Resolves when the answer is in place (not yet connected); rejects with the reason. */
  async start() {
    this._limit(this._connectMs);
    this.connection.onCandidate = (candidate) => this._onCandidate(candidate);
    try {
      const sdp = await this.connection.offer();
      if (this._stopped) return;
      this._offer = parseOffer(sdp);
      const response = await this._fetch(this._url, {
        method: 'POST',
        body: sdp,
        cache: 'no-store',
        headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp', ...this._headers() },
      });
      if (response.status !== 201 && response.status !== 200) throw await problemOf(response);
      const location = response.headers.get('Location');
      if (location) this.session = new URL(location, response.url || this._url).href;
      this._etag = response.headers.get('ETag');
      this._ice.servers = iceServersOf(response.headers.get('Link'));
      const answer = await response.text();
      if (this._stopped) {
        this._delete();
        return;
      }
      if (!this._turn && this._ice.servers.some(isTurn)) this._limit(WITHOUT_TURN_MS);
      await this.connection.answer(answer);
      this._schedule();
    } catch (error) {
      if (!this._stopped) this._fail(error);
      throw error;
    }
  }

  _limit(ms) {
    this._clock.clearTimeout(this._timers.connect);
    this._timers.connect = this._clock.setTimeout(
      () => this._fail(new Error('no connection within the time limit: UDP may be blocked')),
      ms,
    );
  }

  send(name, text) {
    return this.connection.send(name, text);
  }

  _onCandidate(candidate) {
    if (candidate) this._pending.push(candidate.toJSON ? candidate.toJSON() : candidate);
    else this._ended = true;
    this._schedule();
  }

  _schedule() {
    if (!this.session || !this._canTrickle || this._stopped || this._timers.trickle !== null) return;
    if (!this._pending.length && !this._ended) return;
    this._timers.trickle = this._clock.setTimeout(() => {
      this._timers.trickle = null;
      this._patching = this._patching.then(() => this._patch());
    }, TRICKLE_MS);
  }

  async _patch() {
    if (this._stopped || (!this._pending.length && !this._ended)) return;
    const candidates = this._pending.splice(0);
    const end = this._ended;
    this._ended = false;
    try {
      const response = await this._fetch(this.session, {
        method: 'PATCH',
        body: sdpFragment(this._offer, candidates, end),
        headers: {
          'Content-Type': 'application/trickle-ice-sdpfrag',
          ...(this._etag ? { 'If-Match': this._etag } : {}),
          ...this._headers(),
        },
      });
      if (response.ok) return;
      this.emit('log', `trickle refused: ${response.status}`);
      this._canTrickle = ![404, 405, 415, 422, 501].includes(response.status); // it may still connect without
    } catch (error) {
      this.emit('log', `trickle failed: ${error.message}`);
    }
  }

  /** Asks the host whether it still has the session; fails when not. A trickle without candidates changes nothing. */
  async check() {
    if (!this.session || this._stopped || this._checking) return;
    this._checking = true;
    try {
      const { status } = await this._fetch(this.session, {
        method: 'PATCH',
        body: sdpFragment(this._offer, []),
        headers: {
          'Content-Type': 'application/trickle-ice-sdpfrag',
          ...(this._etag ? { 'If-Match': this._etag } : {}),
          ...this._headers(),
        },
      });
      if (status !== 404 && status !== 410) return;
      this.session = null; // nothing to delete
      this._fail(new Error('media: restarting'));
    } catch (error) {
      this.emit('log', `no answer about the session: ${error.message}`);
    } finally {
      this._checking = false;
    }
  }

  _onState(state) {
    if (state === 'connected') {
      this._clock.clearTimeout(this._timers.connect);
      this._timers.connect = null;
    }
    if (state === 'failed') this._fail(new Error('the connection failed (ICE found no working path)'));
    else this.emit('state', state, this.error);
  }

  _fail(error) {
    if (this._stopped) return;
    this.error = error;
    this.stop('failed');
  }

  /** Ends the session here and on the host. Safe to call twice. */
  stop(state = 'closed') {
    if (this._stopped) return;
    this._stopped = true;
    for (const t of Object.values(this._timers)) this._clock.clearTimeout(t);
    this._delete();
    this.connection.close();
    this.emit('state', state, this.error);
  }

  _delete() {
    if (!this.session) return;
    const session = this.session;
    this.session = null;
    // keepalive: it must also leave when the page is going away
    Promise.resolve(this._fetch(session, { method: 'DELETE', keepalive: true, headers: this._headers() })).catch(
      () => {},
    );
  }
}
