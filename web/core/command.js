// The command client: one promise per command, whatever carries it. Commands go by the first route that is open -
// data channel, WebSocket, REST - and every one is acknowledged or fails by itself after a while.

import { ApiError } from './api.js';
import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { LatestBySeq } from './latest.js';
import { parse, ProtoError, serialize } from './proto.js';

const TIMEOUT_MS = 10000;
const MAX_PENDING = 256;
const MAX_QUEUE = 32; // commands that wait for a route
const SUSPECT_MS = 3000; // a route that may be dead is tried again when there is no other
const HOLD_MS = 1500; // of silence: then the host lets go of what this page holds
const HOLD_EVERY_MS = 500;
const QUEUE_MS = 5000; // older ones are not worth sending: nobody wants a late power off

/**
 * A route is {name, ready(): boolean, send(text): boolean, tells?(): boolean}; what it receives goes to receive().
 * `tells`: whether its end may be the host's (without: it may), so that the others have to show that they work.
 * Events: `event` (message), `sample` (message, latest seq only), `console` (message), `problem` (text),
 *         `route` (name or null) when the preferred route changes, `queue` when waiting() has changed,
 *         `trace` (text): what was sent and how it ended, for debugging.
 */
export class CommandClient extends Emitter {
  constructor({
    clock = systemClock,
    timeoutMs = TIMEOUT_MS,
    maxQueue = MAX_QUEUE,
    queueMs = QUEUE_MS,
    lease = () => null,
    client = null,
  } = {}) {
    super();
    Object.assign(this, {
      _clock: clock,
      _timeoutMs: timeoutMs,
      _maxQueue: maxQueue,
      _queueMs: queueMs,
      _lease: lease,
      _client: client, // what this page calls itself: what goes down by one route may come up by another
    });
    this._routes = [];
    this._known = new Set(); // routes that were ready when we last looked
    this._suspect = new Map(); // route -> since when: another way to the same host broke, and it was not heard since
    this._rest = null; // async ({device, interface, verb, params}) => result, or undefined: cannot
    this._reachable = null;
    this._nextId = 1;
    this._pending = new Map(); // id -> {resolve, reject, timer}
    this._queue = []; // {text, id, until}
    this._topics = new Map(); // topic -> {users, offset}
    this._latest = new LatestBySeq();
    this._route = null;
    this._expiry = null;
    this._holders = new Set(); // who holds keys or buttons down
    this._holdRoute = null; // told the host to let go when we are silent
    this._holdTimer = null;
    this.lastAckMs = null; // round trip of the last command
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

  /**
   * `reachable`: async, whether the host answers; while it does not, commands wait for it in place of failing at once.
   */
  setRest(rest, reachable = null) {
    this._rest = rest;
    this._reachable = reachable;
  }

  /** Name of the route that the next command takes. */
  get route() {
    return this._open()?.name ?? (this._rest ? 'rest' : null);
  }

  get queued() {
    return this._queue.length;
  }

  /** Commands that wait for a route: [{id, device, verb, params, until}], oldest first. */
  waiting() {
    return this._queue.map(({ message, until }) => ({
      id: message.id,
      device: message.device,
      verb: message.verb,
      params: message.params,
      until,
    }));
  }

  /** Takes a command back that has not been sent yet; false when it has. */
  cancel(id) {
    if (!this._queue.some((e) => e.message.id === id)) return false;
    this._settle(id)?.reject(new ApiError({ status: 0, title: 'Not sent', detail: 'The command was taken back' }));
    this._setQueue(this._queue.filter((e) => e.message.id !== id));
    return true;
  }

  _setQueue(queue) {
    const changed = queue.length || this._queue.length;
    this._queue = queue;
    if (changed) this.emit('queue');
  }

  /** Ends the wait for an answer; returns who waited. */
  _settle(id) {
    const waiting = this._pending.get(id);
    if (!waiting) return null;
    this._pending.delete(id);
    this._clock.clearTimeout(waiting.timer);
    return waiting;
  }

  _open() {
    const ready = this._routes.filter((r) => r.ready());
    const now = this._clock.now();
    return (
      ready.find((r) => !this._suspect.has(r)) ??
      ready.find((r) => now - this._suspect.get(r) >= SUSPECT_MS) ??
      undefined
    );
  }

  /**
   * Of two ways to a host that was started anew one is told at once, and the other one stays open for seconds and
   * swallows what it is given. So when one breaks the others have to answer first; and when it is back, what was
   * given to one that did not is over.
   */
  _lookAtRoutes() {
    const ready = new Set(this._routes.filter((r) => r.ready()));
    const ended = [...this._known].filter((r) => !ready.has(r));
    const lost = ended.some((r) => this._routes.includes(r) && (r.tells?.() ?? true));
    const back = [...ready].some((r) => !this._known.has(r));
    if (this._client)
      // whichever way ends first tells the host that the page has gone
      for (const r of ready) if (!this._known.has(r)) r.send(JSON.stringify({ type: 'ping', client: this._client }));
    this._known = ready;
    for (const r of this._suspect.keys()) if (!ready.has(r)) this._suspect.delete(r);
    for (const [id, waiting] of this._pending)
      if (ended.includes(waiting.route) && !waiting.route.ready()) this._broke(id);
    if (lost)
      for (const r of ready) {
        if (!this._suspect.has(r)) this._suspect.set(r, this._clock.now());
        r.send('{"type":"ping"}');
      }
    if (!back) return;
    for (const [id, waiting] of this._pending)
      if (this._suspect.has(waiting.route) && waiting.message.t !== undefined) this._broke(id);
  }

  /** Its answer would have come by a way that is not there any more. */
  _broke(id) {
    this._settle(id).reject(
      new ApiError({ status: 504, title: 'No answer', detail: 'The connection broke before this was acknowledged' }),
    );
  }

  /** Something came by the route of this name. */
  _heard(name) {
    for (const r of this._suspect.keys())
      if (r.name === name) {
        this._suspect.delete(r);
        this.routesChanged();
      }
  }

  /** A route opened or closed: subscriptions move to the best one, waiting commands leave. */
  routesChanged() {
    this._lookAtRoutes();
    const open = this._open() ?? null;
    if (open !== this._route) {
      this._route = open;
      if (open) this._subscribeAll(open);
      this.emit('route', this.route);
    }
    if (!open) return;
    const now = this._clock.now();
    const left = [];
    for (const entry of this._queue) {
      const { id } = entry.message;
      if (entry.until < now || !this._pending.has(id)) continue; // its own timer has rejected or will reject it
      if (!open.send(this._text(entry.message))) {
        left.push(entry);
        continue;
      }
      // from now on it waits for its answer
      const waiting = this._pending.get(id);
      this._clock.clearTimeout(waiting.timer);
      waiting.sentAt = now;
      waiting.route = open;
      waiting.timer = this._clock.setTimeout(() => this._expire(id), waiting.timeoutMs);
      this._trace(entry.message, `sent late by ${open.name}`);
    }
    if (this._queue.length) this._setQueue(left);
  }

  /**
   * Sends a command. Resolves with its result; rejects with an ApiError (status, title, detail).
   * @param {string} device
   * @param {string} verb      `<interface>.<op>`
   * @param {object} [params]
   * @param {{timeoutMs?: number, queue?: boolean, fresh?: boolean}} [o]   queue: wait for a route if none is open;
   *                        fresh: input, which the host drops when it comes late
   */
  send(device, verb, params = {}, { timeoutMs = this._timeoutMs, queue = true, fresh = false } = {}) {
    const lease = this._lease(device);
    const message = {
      id: this._nextId++,
      device,
      verb,
      params,
      ...(lease ? { lease } : {}),
      ...(fresh
        ? {
            t: Math.round(this._clock.mono?.() ?? this._clock.now()),
            ...(this._client ? { client: this._client } : {}),
          }
        : {}),
    };
    try {
      serialize(message);
    } catch (error) {
      return Promise.reject(
        new ApiError({ status: 400, title: 'Bad command', detail: error.message, field: error.path }),
      );
    }
    if (this._pending.size >= MAX_PENDING)
      return Promise.reject(
        new ApiError({ status: 429, title: 'Too many commands', detail: `${MAX_PENDING} commands wait for an answer` }),
      );

    const open = this._open();
    if (!open && this._rest) return this._byRest(message, { timeoutMs, queue });
    return this._byRoute(message, { timeoutMs, queue });
  }

  /** As it is sent now: what a line gives out much later is not done any more. */
  _text(message) {
    return serialize({ t: Math.round(this._clock.mono?.() ?? this._clock.now()), ...message });
  }

  _byRoute(message, { timeoutMs, queue }) {
    const open = this._open();
    if (!open && (!queue || this._queue.length >= this._maxQueue))
      return Promise.reject(
        new ApiError({
          status: 0,
          title: 'Not connected',
          detail: queue ? `${this._maxQueue} commands wait already` : 'No connection to the host',
        }),
      );

    const sentAt = this._clock.now();
    return new Promise((resolve, reject) => {
      const timer = this._clock.setTimeout(() => this._expire(message.id), open ? timeoutMs : this._queueMs);
      this._pending.set(message.id, { message, resolve, reject, timer, sentAt, timeoutMs });
      if (open?.send(this._text(message))) {
        this._pending.get(message.id).route = open;
        this._trace(message, `sent by ${open.name}`);
      } else {
        this._trace(message, 'waits for a connection');
        this._setQueue([...this._queue, { message, until: sentAt + this._queueMs }]);
      }
    });
  }

  _trace({ id, device, verb }, what) {
    this.emit('trace', `command ${id} ${device} ${verb}: ${what}`);
  }

  async _byRest(message, options) {
    if (this._reachable && !(await this._reachable())) return this._byRoute(message, options);
    this._trace(message, 'sent by rest');
    const result = await this._rest(message);
    if (result === undefined)
      throw new ApiError({ status: 0, title: 'Not connected', detail: `${message.verb} needs a connection` });
    return result;
  }

  _expire(id) {
    const waiting = this._settle(id);
    if (!waiting) return;
    const unsent = this._queue.some((e) => e.message.id === id);
    if (unsent) this._setQueue(this._queue.filter((e) => e.message.id !== id));
    this._trace(waiting.message, unsent ? 'given up, not sent' : 'not acknowledged in time');
    waiting.reject(
      new ApiError(
        unsent
          ? {
              status: 0,
              title: 'Not connected',
              detail: 'The connection did not come back in time; the command was not sent',
            }
          : { status: 504, title: 'No answer', detail: 'The command was sent but not acknowledged in time' },
      ),
    );
  }

  /**
   * Counts users per topic: the first one subscribes, the last one unsubscribes. Returns the undo.
   * `offset()`: of consoles, the byte to begin with, asked again for each way; `more`: what else the message says.
   */
  subscribe(topic, { offset = null, more = null } = {}) {
    const entry = this._topics.get(topic) ?? { users: 0, offset, more };
    this._topics.set(topic, entry);
    entry.users += 1;
    if (entry.users === 1) this._subscribe(this._open(), topic, entry);
    let done = false;
    return () => {
      if (done) return;
      done = true;
      entry.users -= 1;
      if (entry.users) return;
      this._topics.delete(topic);
      this._control(this._open(), { unsubscribe: [topic] });
    };
  }

  /** Once more, by who has it: what it sends begins anew. */
  subscribeAgain(topic) {
    const entry = this._topics.get(topic);
    if (entry) this._subscribe(this._open(), topic, entry);
  }

  _subscribe(route, topic, { offset, more }) {
    this._control(route, { subscribe: [topic], ...(offset ? { offset: offset() } : {}), ...more });
  }

  _subscribeAll(route) {
    const plain = [...this._topics].filter(([, e]) => !e.offset && !e.more).map(([topic]) => topic);
    if (plain.length) this._control(route, { subscribe: plain });
    for (const [topic, e] of this._topics) if (e.offset || e.more) this._subscribe(route, topic, e);
  }

  _control(route, message) {
    if (route) route.send(serialize(message));
  }

  /**
   * Keys or buttons are down, or not any more, as far as `owner` knows. While they are, the host hears of us: when it
   * does not (the browser was killed, the line broke) it lets go by itself.
   */
  hold(owner, on) {
    if (on) this._holders.add(owner);
    else this._holders.delete(owner);
    if (this._holders.size && this._holdTimer === null) {
      this._holdTimer = this._clock.setInterval(() => this._beat(), HOLD_EVERY_MS);
      this._beat();
    } else if (!this._holders.size) this._stopHolding();
  }

  _stopHolding() {
    this._clock.clearInterval(this._holdTimer);
    this._holdTimer = null;
    this._tellHold(null);
  }

  _beat() {
    const open = this._open() ?? null;
    this._tellHold(open);
    if (open)
      open.send(JSON.stringify({ type: 'ping', hold: HOLD_MS, ...(this._client ? { client: this._client } : {}) }));
  }

  /** Another way is used from now on: on the one before, silence means nothing. */
  _tellHold(route) {
    const before = this._holdRoute;
    this._holdRoute = route;
    if (before && before !== route && before.ready()) before.send('{"type":"ping","hold":0}');
  }

  /** Everything that a route receives, as text; `from`: the route's name. */
  receive(text, from = null) {
    if (from) this._heard(from);
    let kind, message;
    try {
      ({ kind, message } = parse(text));
    } catch (error) {
      if (!(error instanceof ProtoError)) throw error;
      this.emit('problem', `a message was refused (${error.message})`);
      return;
    }
    this.accept(kind, message);
  }

  /** The same for a message that was parsed already. */
  accept(kind, message, from = null) {
    if (from) this._heard(from);
    switch (kind) {
      case 'result':
        this._onResult(message);
        break;
      case 'sample':
      case 'sensor':
        if (this._latest.accept(message)) this.emit('sample', message);
        break;
      case 'event':
        this.emit('event', message);
        break;
      case 'console':
        this.emit('console', message);
        break;
      default:
        break; // signaling is not ours
    }
  }

  _onResult(message) {
    const waiting = this._settle(message.id);
    if (!waiting) return; // too late, or an acknowledged subscription
    this.lastAckMs = this._clock.now() - waiting.sentAt;
    this._trace(
      waiting.message,
      `${message.ok ? 'acknowledged' : `refused (${message.error.status})`} after ${this.lastAckMs} ms`,
    );
    if (message.ok) waiting.resolve(message.result ?? null);
    else waiting.reject(new ApiError(message.error));
  }

  /** A producer that restarted counts its samples from the start again. */
  resetStreams() {
    this._latest.reset();
  }

  close() {
    this._holders.clear();
    this._stopHolding();
    for (const [id, waiting] of this._pending) {
      this._clock.clearTimeout(waiting.timer);
      waiting.reject(new ApiError({ status: 0, title: 'Closed', detail: 'The connection was closed' }));
      this._pending.delete(id);
    }
    this._setQueue([]);
    this._topics.clear();
  }
}

/** What a page calls itself on all its connections: made anew by each load. */
export function pageName() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, '0')).join('');
}
