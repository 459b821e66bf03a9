// A page's socket for calls: it hears what rings for its user, and carries what is said in a call (docs/CALLS.md).
// Comes back by itself, except when the server has said that nobody is known by what it shows.

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { Heartbeat } from './heartbeat.js';

const REFUSED = new Set(['Authentication required', 'Invalid or expired token']);

/**
 * Events:
 *   state (state, reason)   connecting | open | waiting | refused | closed
 *   said (event, data)      whatever the server says; `authenticated` among it
 */
export class CallLine extends Emitter {
  /** @param {() => object} o.hello   what `authenticate` says besides the token of the socket */
  constructor({
    url,
    protocols = () => [],
    WebSocket,
    hello = () => ({}),
    clock = systemClock,
    backoff = new Backoff(),
  }) {
    super();
    Object.assign(this, { _url: url, _protocols: protocols, _WebSocket: WebSocket, _hello: hello });
    Object.assign(this, { _clock: clock, _backoff: backoff });
    this.state = 'closed';
    this.userId = null;
    this._socket = null;
    this._timer = null;
    this._heart = new Heartbeat({
      ask: () => this.send('ping'),
      gone: () => this._lost('the server stopped answering'),
      clock,
    });
  }

  start() {
    if (this.state === 'closed' || this.state === 'refused') this._open();
  }

  stop() {
    this._drop();
    this._set('closed');
  }

  /** Now, not when it is time: the network has changed. */
  probe() {
    if (this.state === 'waiting') this._open();
  }

  send(event, data = {}) {
    if (this._socket?.readyState !== 1) return false;
    this._socket.send(JSON.stringify({ event, data }));
    return true;
  }

  _set(state, reason) {
    this.state = state;
    this.emit('state', state, reason);
  }

  _open() {
    this._clock.clearTimeout(this._timer);
    this._set('connecting');
    const socket = (this._socket = new this._WebSocket(this._url, this._protocols()));
    const mine = (fn) => (e) => {
      if (socket === this._socket) fn(e);
    };
    socket.addEventListener(
      'open',
      mine(() => this.send('authenticate', this._hello())),
    );
    socket.addEventListener(
      'message',
      mine((e) => this._heard(e.data)),
    );
    socket.addEventListener(
      'close',
      mine((e) => this._lost(e.reason || 'the connection closed')),
    );
  }

  _drop() {
    this._clock.clearTimeout(this._timer);
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    if (socket && socket.readyState < 2) socket.close(1000);
  }

  _lost(reason) {
    this._drop();
    if (this.state === 'refused' || this.state === 'closed') return;
    this._set('waiting', reason);
    this._timer = this._clock.setTimeout(() => this._open(), this._backoff.next());
  }

  _heard(text) {
    let said;
    this._heart.heard();
    try {
      said = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof said?.event !== 'string' || typeof said.data !== 'object' || said.data === null) return;
    const { event, data } = said;
    if (event === 'authenticated') {
      this.userId = data.userId;
      this._backoff.reset();
      this._heart.start();
      this._set('open');
    } else if (event === 'error' && data.event === 'authenticate') {
      const final = REFUSED.has(data.message) || data.status === 401;
      this._drop();
      if (final) this._set('refused', data.message);
      else this._lost(data.message);
    }
    this.emit('said', event, data);
  }
}
