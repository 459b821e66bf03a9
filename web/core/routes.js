// Ways for commands besides the data channel: a WebSocket that comes back by itself, and REST.

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { Heartbeat } from './heartbeat.js';
import { MOUNT_OPS } from './sky.js';

/** A WebSocket that comes back by itself, as a route. Opened when first needed, closed by stop(). */
export class SocketRoute extends Emitter {
  constructor({
    name = 'websocket',
    url,
    protocols = () => [],
    WebSocket,
    clock = systemClock,
    backoff = new Backoff(),
  }) {
    super();
    Object.assign(this, {
      name,
      _url: url,
      _protocols: protocols,
      _WebSocket: WebSocket,
      _clock: clock,
      _backoff: backoff,
    });
    this._socket = null;
    this._retry = null;
    this._on = false;
    this._heart = new Heartbeat({
      ask: () => this.send('{"type":"ping"}'),
      gone: () => this._lost(),
      clock,
    });
  }

  ready() {
    return this._socket?.readyState === 1;
  }

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
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    socket?.close(1000);
  }

  /** It closed, or nobody is there: a close of ours would wait for an answer, too. */
  _lost() {
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    socket?.close();
    this.emit('change', false);
    if (this._on) this._retry = this._clock.setTimeout(() => this._connect(), this._backoff.next());
  }

  _connect() {
    const url = typeof this._url === 'function' ? this._url() : this._url;
    const socket = (this._socket = new this._WebSocket(url, this._protocols()));
    const mine = (fn) => (e) => {
      if (socket === this._socket) fn(e);
    };
    socket.addEventListener(
      'open',
      mine(() => {
        this._backoff.reset();
        this._heart.start();
        this.emit('change', true);
      }),
    );
    socket.addEventListener(
      'message',
      mine((e) => {
        this._heart.heard();
        if (typeof e.data === 'string') this.emit('message', e.data);
      }),
    );
    socket.addEventListener(
      'close',
      mine(() => this._lost()),
    );
  }
}

/** Verbs -> REST, for when no channel is open. */
export function restVerbs(api) {
  return async ({ device, verb, params }) => {
    const dot = verb.lastIndexOf('.');
    const iface = verb.slice(0, dot);
    switch (verb.slice(dot + 1)) {
      case 'set':
        return api.setPower(device, iface, params.state);
      case 'cycle':
        return api.cyclePower(device, iface, params.off_s);
      case 'send':
        return api.input(device, iface, params.events);
      case 'write':
        return api.json('POST', api.iface(device, iface, '/write'), { body: params, device });
      case 'break':
        return api.sendBreak(device, iface, params.ms);
      default:
        return MOUNT_OPS.has(verb.slice(dot + 1)) && params.package === undefined
          ? api.json('POST', api.iface(device, iface, `/${verb.slice(dot + 1)}`), { body: params, device })
          : undefined;
    }
  };
}
