// The command client: one promise per command, whatever carries it. Commands go by the first route that is open -
// data channel, WebSocket, REST - and every one is acknowledged or fails by itself after a while.

import { ApiError } from './api.js';
import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { LatestBySeq, parse, ProtoError, serialize } from './proto.js';

const TIMEOUT_MS = 10000;
const MAX_PENDING = 256;
const MAX_QUEUE = 32;                // commands that wait for a route
const QUEUE_MS = 5000;               // older ones are not worth sending: nobody wants a late power off

/**
 * A route is {name, ready(): boolean, send(text): boolean}; what it receives goes to receive().
 * Events: `event` (message), `sample` (message, latest seq only), `console` (message), `problem` (text),
 *         `route` (name or null) when the preferred route changes.
 */
export class CommandClient extends Emitter {
  constructor({ clock = systemClock, timeoutMs = TIMEOUT_MS, maxQueue = MAX_QUEUE, queueMs = QUEUE_MS, lease = () => null } = {}) {
    super();
    Object.assign(this, { _clock: clock, _timeoutMs: timeoutMs, _maxQueue: maxQueue, _queueMs: queueMs, _lease: lease });
    this._routes = [];
    this._rest = null;               // async ({device, interface, verb, params}) => result, or undefined: cannot
    this._nextId = 1;
    this._pending = new Map();       // id -> {resolve, reject, timer}
    this._queue = [];                // {text, id, until}
    this._topics = new Map();        // topic -> users
    this._latest = new LatestBySeq();
    this._route = null;
    this._expiry = null;
    this.lastAckMs = null;           // round trip of the last command
  }

  /** Adds a route, behind the others unless `first`: their order is the order of preference. Returns the undo. */
  addRoute(route, { first = false } = {}) {
    if (first) this._routes.unshift(route);
    else this._routes.push(route);
    this.routesChanged();
    return () => {
      this._routes = this._routes.filter((r) => r !== route);
      this.routesChanged();
    };
  }

  setRest(rest) {
    this._rest = rest;
  }

  /** Name of the route that the next command takes. */
  get route() {
    return this._open()?.name ?? (this._rest ? 'rest' : null);
  }

  get queued() { return this._queue.length; }

  _open() {
    return this._routes.find((r) => r.ready());
  }

  /** A route opened or closed: subscriptions move to the best one, waiting commands leave. */
  routesChanged() {
    const open = this._open() ?? null;
    if (open !== this._route) {
      this._route = open;
      if (open && this._topics.size) this._control(open, { subscribe: [...this._topics.keys()] });
      this.emit('route', this.route);
    }
    if (!open) return;
    const now = this._clock.now();
    for (const entry of this._queue.splice(0)) {
      if (entry.until < now) continue;                       // its own timer has rejected or will reject it
      if (this._pending.has(entry.id) && !open.send(entry.text)) this._queue.push(entry);
    }
  }

  /**
   * Sends a command. Resolves with its result; rejects with an ApiError (status, title, detail).
   * @param {string} device
   * @param {string} verb      `<interface>.<op>`
   * @param {object} [params]
   * @param {{timeoutMs?: number, queue?: boolean}} [o]   queue: wait for a route if none is open
   */
  send(device, verb, params = {}, { timeoutMs = this._timeoutMs, queue = true } = {}) {
    const lease = this._lease(device);
    const message = { id: this._nextId++, device, verb, params, ...(lease ? { lease } : {}) };
    let text;
    try {
      text = serialize(message);
    } catch (error) {
      return Promise.reject(new ApiError({ status: 400, title: 'Bad command', detail: error.message, field: error.path }));
    }
    if (this._pending.size >= MAX_PENDING)
      return Promise.reject(new ApiError({ status: 429, title: 'Too many commands', detail: `${MAX_PENDING} commands wait for an answer` }));

    const open = this._open();
    if (!open && this._rest) return this._byRest(message);
    if (!open && (!queue || this._queue.length >= this._maxQueue))
      return Promise.reject(new ApiError({ status: 0, title: 'Not connected', detail: queue ? `${this._maxQueue} commands wait already` : 'No connection to the host' }));

    const sentAt = this._clock.now();
    return new Promise((resolve, reject) => {
      const timer = this._clock.setTimeout(() => this._expire(message.id), open ? timeoutMs : Math.min(timeoutMs, this._queueMs));
      this._pending.set(message.id, { resolve, reject, timer, sentAt, timeoutMs });
      if (!open || !open.send(text)) this._queue.push({ text, id: message.id, until: sentAt + this._queueMs });
    });
  }

  async _byRest(message) {
    const result = await this._rest(message);
    if (result === undefined) throw new ApiError({ status: 0, title: 'Not connected', detail: `${message.verb} needs a connection` });
    return result;
  }

  _expire(id) {
    const waiting = this._pending.get(id);
    if (!waiting) return;
    this._pending.delete(id);
    const before = this._queue.length;
    this._queue = this._queue.filter((e) => e.id !== id);
    const unsent = this._queue.length < before;
    waiting.reject(new ApiError(unsent
      ? { status: 0, title: 'Not connected', detail: 'The connection did not come back in time; the command was not sent' }
      : { status: 504, title: 'No answer', detail: 'The command was sent but not acknowledged in time' }));
  }

  /** Counts users per topic: the first one subscribes, the last one unsubscribes. Returns the undo. */
  subscribe(topic) {
    const users = this._topics.get(topic) ?? 0;
    this._topics.set(topic, users + 1);
    if (!users) this._control(this._open(), { subscribe: [topic] });
    let done = false;
    return () => {
      if (done) return;
      done = true;
      const left = this._topics.get(topic) - 1;
      if (left) {
        this._topics.set(topic, left);
      } else {
        this._topics.delete(topic);
        this._control(this._open(), { unsubscribe: [topic] });
      }
    };
  }

  _control(route, message) {
    if (route) route.send(serialize(message));
  }

  /** Everything that a route receives, as text. */
  receive(text) {
    let kind, message;
    try {
      ({ kind, message } = parse(text));
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      const event = error.message === 'unknown:type' ? busEvent(text) : null;
      if (event) this.emit('event', event);
      else this.emit('problem', `a message was refused (${error.message})`);
      return;
    }
    this.accept(kind, message);
  }

  /** The same for a message that was parsed already. */
  accept(kind, message) {
    switch (kind) {
    case 'result': this._onResult(message); break;
    case 'sample':
    case 'sensor':
      if (this._latest.accept(message)) this.emit('sample', message);
      break;
    case 'event': this.emit('event', message); break;
    case 'console': this.emit('console', message); break;
    default: break;                                          // signaling is not ours
    }
  }

  _onResult(message) {
    const waiting = this._pending.get(message.id);
    if (!waiting) return;                                    // too late, or an acknowledged subscription
    this._pending.delete(message.id);
    this._clock.clearTimeout(waiting.timer);
    this.lastAckMs = this._clock.now() - waiting.sentAt;
    if (message.ok) waiting.resolve(message.result ?? null);
    else waiting.reject(new ApiError(message.error));
  }

  /** A producer that restarted counts its samples from the start again. */
  resetStreams() {
    this._latest.reset();
  }

  close() {
    for (const [id, waiting] of this._pending) {
      this._clock.clearTimeout(waiting.timer);
      waiting.reject(new ApiError({ status: 0, title: 'Closed', detail: 'The connection was closed' }));
      this._pending.delete(id);
    }
    this._queue = [];
    this._topics.clear();
  }
}

/** A WebSocket that comes back by itself, as a route. Opened when first needed, closed by stop(). */
export class SocketRoute extends Emitter {
  constructor({ name = 'websocket', url, WebSocket, clock = systemClock, backoff = new Backoff() }) {
    super();
    Object.assign(this, { name, _url: url, _WebSocket: WebSocket, _clock: clock, _backoff: backoff });
    this._socket = null;
    this._retry = null;
    this._on = false;
  }

  ready() { return this._socket?.readyState === 1; }

  send(text) {
    if (!this.ready()) return false;
    this._socket.send(text);
    return true;
  }

  start() {
    if (this._on) return;
    this._on = true;
    this._connect();
  }

  stop() {
    this._on = false;
    this._clock.clearTimeout(this._retry);
    const socket = this._socket;
    this._socket = null;
    socket?.close(1000);
  }

  _connect() {
    const url = typeof this._url === 'function' ? this._url() : this._url;
    const socket = (this._socket = new this._WebSocket(url));
    const mine = (fn) => (e) => { if (socket === this._socket) fn(e); };
    socket.addEventListener('open', mine(() => {
      this._backoff.reset();
      this.emit('change', true);
    }));
    socket.addEventListener('message', mine((e) => { if (typeof e.data === 'string') this.emit('message', e.data); }));
    socket.addEventListener('close', mine(() => {
      this._socket = null;
      this.emit('change', false);
      if (this._on) this._retry = this._clock.setTimeout(() => this._connect(), this._backoff.next());
    }));
  }
}

/** An event of the bus in its own form, {id,t,type,device?,interface?,data}, as the `event` message; or null. */
function busEvent(text) {
  const m = JSON.parse(text);
  if (!Number.isInteger(m.t) || typeof m.data !== 'object') return null;
  return { type: 'event', event: m.type, id: m.id, t: m.t, device: m.device, interface: m.interface, data: m.data ?? {} };
}

/** Verbs -> REST, for when no channel is open. */
export function restVerbs(api) {
  return async ({ device, verb, params }) => {
    const dot = verb.lastIndexOf('.');
    const iface = verb.slice(0, dot);
    switch (verb.slice(dot + 1)) {
    case 'set': return api.setPower(device, iface, params.state);
    case 'cycle': return api.cyclePower(device, iface, params.off_s);
    case 'send': return api.input(device, iface, params.events);
    case 'write': return api.json('POST', api.iface(device, iface, '/write'), { body: params, device });
    case 'break': return api.sendBreak(device, iface, params.ms);
    default: return undefined;
    }
  };
}
