// Client of the server's /ws: hello, ready, relayed messages, presence, ping. Comes back by itself with back-off,
// except when the server has said that it makes no sense (bad token, taken role).

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { parse, ProtoError, serialize } from './proto.js';

const PING_MS = 20000;
const PONG_MS = 10000; // silence after a ping that means: gone
const PROBE_MS = 4000; // … when there is reason to think so
const READY_MS = 10000;

/** Errors after which trying again with the same hello cannot help. */
const FINAL = new Set(['Expected hello message', 'Invalid role', 'Invalid session or token']);
/** The end, also for who is in. */
const ENDED = new Set([
  'Session ended',
  'Session expired',
  'Session time is over',
  'Too many observers: somebody who controls came',
]);
/**
 * Final for a newcomer only. Who was in already (and changed its network, say) meets its own dead socket there, until
 * the server has missed its pings.
 */
const TAKEN = new Set(['Desktop already connected', 'Phone already connected', 'Too many observers']);

/**
 * Events:
 *   state (state, reason)      closed | connecting | ready | waiting | refused
 *   ready (message)            peers, iceServers, our peerId
 *   message (message, kind)    relayed: offer answer ice bye, commands, results, samples
 *   binary (Uint8Array)        for example a relayed picture
 *   peer (id, role, present)   presence
 *   renewed (iceServers)       TURN credentials for the next peer connection: those of before end soon
 *   problem (text)             a message that we refused, an error that the server reported
 */
export class Signaling extends Emitter {
  constructor({ url, protocols = () => [], WebSocket, hello, clock = systemClock, backoff = new Backoff() }) {
    super();
    Object.assign(this, {
      _url: url,
      _protocols: protocols,
      _WebSocket: WebSocket,
      _hello: hello,
      _clock: clock,
      _backoff: backoff,
    });
    this.state = 'closed';
    this.peerId = null;
    this.peers = new Map(); // peerId -> role
    this.iceServers = [];
    this.attempts = 0; // peer connections that were offered by it (peer.js)
    this._socket = null;
    this._timers = {};
    this._wasReady = false; // since start(): the place is ours
  }

  /** Opens the connection, while something else is waited for that start() needs. */
  dial() {
    if (this.state === 'closed' && !this._socket) this._open();
  }

  start() {
    if (this.state === 'closed' || this.state === 'refused') this._connect();
  }

  stop() {
    if (this.state !== 'closed') this.send({ type: 'bye' });
    this._drop();
    this._wasReady = false;
    this._set('closed');
  }

  /** The network may have changed: is the server still there? Asked now, not when it is the next ping's turn. */
  probe() {
    if (this.state === 'waiting') this._connect();
    else if (this.state === 'ready' && this.send({ type: 'ping', t: this._clock.now() }))
      this._timer('pong', PROBE_MS, () => this._lost('the server stopped answering'));
  }

  /** What the next hello says, too: a name, for example. */
  setHello(more) {
    this._hello = { ...this._hello, ...more };
  }

  /** The first peer with that role, which is all that a pairing of two needs. */
  peerWithRole(role) {
    for (const [id, r] of this.peers) if (r === role) return id;
    return null;
  }

  /** Sends a message (checked); false when there is no connection. */
  send(message) {
    if (this._socket?.readyState !== 1) return false;
    this._socket.send(serialize(message));
    return true;
  }

  get bufferedAmount() {
    return this._socket?.bufferedAmount ?? 0;
  }

  _set(state, reason) {
    this.state = state;
    this.emit('state', state, reason);
  }

  _timer(name, ms, fn) {
    this._clock.clearTimeout(this._timers[name]);
    this._timers[name] = ms === null ? null : this._clock.setTimeout(fn, ms);
  }

  _connect() {
    this._set('connecting');
    this._timer('retry', null);
    if (this._socket?.readyState === 1) this._sayHello();
    else if (!this._socket) this._open();
  }

  _sayHello() {
    // who comes back goes by the same id, also after a restart of the server: so its peers may go on
    const again = this.peerId ? { peerId: this.peerId } : {};
    this._socket.send(serialize({ type: 'hello', ...this._hello, ...again }));
    this._timer('ready', READY_MS, () => this._lost('the server did not answer the hello'));
  }

  _open() {
    const socket = (this._socket = new this._WebSocket(this._url, this._protocols()));
    socket.binaryType = 'arraybuffer';
    const mine = (fn) => (e) => {
      if (socket === this._socket) fn(e);
    };
    socket.addEventListener(
      'open',
      mine(() => {
        if (this.state !== 'closed') this._sayHello();
      }),
    );
    socket.addEventListener(
      'message',
      mine((e) => this._onMessage(e.data)),
    );
    socket.addEventListener(
      'close',
      mine((e) => this._lost(e.reason || 'the connection closed')),
    );
    socket.addEventListener(
      'error',
      mine(() => {
        this._lastError = 'the connection failed';
      }),
    );
  }

  _drop() {
    for (const name of Object.keys(this._timers)) this._timer(name, null);
    const socket = this._socket;
    this._socket = null;
    this.peers.clear();
    if (socket && socket.readyState < 2) socket.close(1000);
  }

  _lost(reason) {
    this._drop();
    if (this.state === 'refused' || this.state === 'closed') return;
    this._set('waiting', reason);
    this._timer('retry', this._backoff.next(), () => this._connect());
  }

  _onMessage(data) {
    this._timer('pong', null);
    if (typeof data !== 'string') {
      this.emit('binary', new Uint8Array(data));
      return;
    }
    let kind, message;
    try {
      ({ kind, message } = parse(data));
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      this.emit('problem', `a message was refused (${error.message})`);
      return;
    }
    switch (kind) {
      case 'ready':
        this._onReady(message);
        break;
      case 'error':
        this._onError(message);
        break;
      case 'ping':
        this.send({ type: 'pong', ...(message.t === undefined ? {} : { t: message.t }) });
        break;
      case 'pong':
        break;
      case 'ice-servers':
        this.iceServers = message.iceServers;
        this.emit('renewed', this.iceServers);
        break;
      case 'peer-connected':
        this._presence(message, true);
        break;
      case 'peer-disconnected':
        this._presence(message, false);
        break;
      default:
        this.emit('message', message, kind);
    }
  }

  _onReady(message) {
    this._timer('ready', null);
    this._backoff.reset();
    this._wasReady = true;
    this.peerId = message.peerId ?? null;
    this.iceServers = message.iceServers ?? [];
    this.peers = new Map((message.peers ?? []).map((p) => [p.peerId, p.peer]));
    this._set('ready');
    this._ping();
    this.emit('ready', message);
  }

  _onError({ message, code }) {
    if (this.state === 'closed') return; // dialled, and not begun in time
    this.emit('problem', message);
    const ended = ENDED.has(message);
    if (this.state === 'ready' && !ended) return;
    if (ended || FINAL.has(message) || code === 'unauthorized' || (TAKEN.has(message) && !this._wasReady)) {
      this._drop();
      this._set('refused', message);
    }
  }

  _presence({ peer, peerId = peer }, present) {
    if (present) this.peers.set(peerId, peer);
    else this.peers.delete(peerId);
    this.emit('peer', peerId, peer, present);
  }

  _ping() {
    this._timer('ping', PING_MS, () => {
      if (!this.send({ type: 'ping', t: this._clock.now() })) return;
      this._timer('pong', PONG_MS, () => this._lost('the server stopped answering'));
      this._ping();
    });
  }
}
