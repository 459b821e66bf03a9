// How this page's connection goes, told to the server: when it is there, when its way changes, when it ends. What the
// server cannot see (WebRTC's ways and losses) operators see there.

import { systemClock } from './backoff.js';

const LEAST_MS = 5000; // between reports: a way that flaps is told once

/** How the picture's connection is called (core/stats.js) -> what the server is told. */
export const WAYS = { direct: 'direct', 'direct, through NAT': 'nat', 'relayed (TURN)': 'turn', relay: 'relay' };

export class ConnectionReport {
  /** `post`: (report, last) -> sends it; `last`: the page is about to go. */
  constructor({ post, clock = systemClock }) {
    Object.assign(this, { _post: post, _clock: clock });
    this._timer = null;
    this._of = this._peer = this._begun = null;
    this._n = 0;
    this._clear();
  }

  /** Somebody is there to be connected with, as `peer` of the session. After the end it is another connection. */
  begin(peer) {
    if (this._of === peer && !this._ended) return;
    this._n = this._of === peer ? this._n + 1 : 1;
    this._of = peer;
    this._peer = this._n > 1 ? `${peer}.${this._n}` : peer;
    this._begun = this._clock.now();
    this._clear();
  }

  _clear() {
    this._first = null;
    this._switches = 0;
    this._way = 'none';
    this._figures = {};
    this._lost = null;
    this._ended = false;
    this._settles = true;
  }

  /** The way that is used now: of stats.js, or 'relay'; null: none. */
  way(name) {
    const way = WAYS[name] ?? 'none';
    if (!this._peer || way === this._way) return;
    this._way = way;
    if (way === 'none') return;
    this._lost = null;
    if (this._first === null) this._first = this._clock.now();
    else if (!this._settles && this._last !== way) this._switches += 1;
    this._last = way;
    this._timer ??= this._clock.setTimeout(() => {
      this._timer = null;
      this._settles = false; // the relay that carries the first words until there is another way is no change of it
      this._send(false);
    }, LEAST_MS);
  }

  figures({ rttMs, lossPct }) {
    if (Number.isFinite(rttMs)) this._figures.rtt_ms = Math.min(60000, Math.round(rttMs));
    if (Number.isFinite(lossPct)) this._figures.loss_pct = Math.min(100, Math.round(lossPct * 10) / 10);
  }

  /** The connection failed. If nothing replaces it before the end, that is why it ended. */
  lost() {
    this._lost = this._first === null ? 'timeout' : 'network';
    this._way = 'none';
  }

  /** 'left' | 'ended': what ends it now. What `post` gives; null: there is nothing to tell. */
  end(reason) {
    this._clock.clearTimeout(this._timer);
    this._timer = null;
    if (!this._peer || this._ended) return null;
    this._ended = true;
    return this._send(true, this._lost ?? reason);
  }

  _send(ended, reason) {
    const now = this._clock.now();
    const connected = this._first !== null;
    return this._post(
      {
        peer: this._peer,
        connected,
        ended,
        path: connected ? (this._way === 'none' ? this._last : this._way) : 'none',
        switches: this._switches,
        ...(connected
          ? {
              connect_ms: Math.min(600000, this._first - this._begun),
              duration_s: Math.round((now - this._first) / 1000),
            }
          : {}),
        ...this._figures,
        ...(reason ? { reason } : {}),
      },
      ended,
    );
  }
}
