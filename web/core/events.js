// What happens on the host. By WebSocket, of which a browser gives a host any number: of the six other connections for
// all its tabs none may stand. Where a WebSocket does not get through, Server-Sent Events over fetch: a header can
// carry the token, Last-Event-ID is ours to keep, and the answer says why when there is none. Comes back by itself,
// with back-off; after a pause it resumes where it stopped.

import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { Heartbeat } from './heartbeat.js';
import { problemOf } from './api.js';

const MAX_LINE = 1024 * 1024;

/** The text/event-stream grammar. Feed it text in any pieces; it calls back once per event. */
export class SseParser {
  constructor(onEvent, onRetry = () => {}) {
    this._onEvent = onEvent;
    this._onRetry = onRetry;
    this._rest = '';
    this._skipLf = false;
    this._first = true;
    this._clear();
  }

  push(text) {
    if (this._first && text.length > 0) {
      this._first = false;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let buffer = this._rest + text;
    let start = 0;
    for (let i = this._rest.length; i < buffer.length; i++) {
      const c = buffer[i];
      if (c !== '\n' && c !== '\r') {
        this._skipLf = false;
        continue;
      }
      if (c === '\n' && this._skipLf) {
        this._skipLf = false;
        start = i + 1;
        continue;
      }
      this._skipLf = c === '\r';
      this._line(buffer.slice(start, i));
      start = i + 1;
    }
    this._rest = buffer.slice(start);
    if (this._rest.length > MAX_LINE) throw new RangeError('a line of the event stream is too long');
  }

  _clear() {
    this._data = [];
    this._type = '';
  }

  _line(line) {
    if (line === '') {
      if (this._data.length)
        this._onEvent({ type: this._type || 'message', data: this._data.join('\n'), id: this._id });
      this._clear();
      return;
    }
    if (line[0] === ':') return; // comment: keep-alive
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value[0] === ' ') value = value.slice(1);
    if (field === 'data') this._data.push(value);
    else if (field === 'event') this._type = value;
    else if (field === 'id' && !value.includes('\0')) this._id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this._onRetry(Number(value));
  }
}

/** Emits `event` {type, id, data (parsed JSON, or text)}, `state` ('connecting'|'open'|'waiting'|'closed', reason); `problem`: the ApiError behind the reason, or null.
 * `no-socket`: a WebSocket did not open. */
export class EventStream extends Emitter {
  /**
   * @param {(lastEventId: string|null) => string} [o.wsUrl]   with o.WebSocket; without them by fetch alone
   * @param {() => string[]} [o.wsProtocols]                   what it offers (Api.wsProtocols)
   * @param {(data: object) => any} [o.idOf]                   what resumes after a message of the WebSocket
   */
  constructor({
    url,
    fetch,
    wsUrl = null,
    wsProtocols = () => [],
    WebSocket = null,
    headers = () => ({}),
    clock = systemClock,
    backoff = new Backoff(),
    lastEventId = null,
    idOf = (data) => data.id || undefined,
  }) {
    super();
    Object.assign(this, {
      _url: url,
      _fetch: fetch,
      _wsUrl: wsUrl,
      _wsProtocols: wsProtocols,
      _WebSocket: WebSocket,
      _headers: headers,
      _clock: clock,
      _backoff: backoff,
      _idOf: idOf,
    });
    this.lastEventId = lastEventId;
    this.state = 'closed';
    this._abort = null;
    this._timer = null;
    this._socket = null;
    this._heart = new Heartbeat({
      ask: () => this._socket?.readyState === 1 && this._socket.send('{"type":"ping"}'),
      gone: () => this._socketEnds('the host does not answer'),
      clock,
    });
  }

  start() {
    if (this.state === 'closed') this._connect();
  }

  /** Also a pause: start() resumes after the last event that was seen. */
  stop() {
    this._clock.clearTimeout(this._timer);
    this._abort?.abort();
    this._abort = null;
    this._dropSocket();
    this._set('closed');
  }

  _set(state, reason, problem = null) {
    if (this.state === state && !reason) return;
    this.state = state;
    this.problem = problem;
    this.emit('state', state, reason);
  }

  _connect() {
    if (this._WebSocket) this._bySocket();
    else this._byFetch();
  }

  // ---- WebSocket ----

  _bySocket() {
    this._set('connecting');
    const socket = (this._socket = new this._WebSocket(this._wsUrl(this.lastEventId), this._wsProtocols()));
    const mine = (fn) => (e) => {
      if (socket === this._socket) fn(e);
    };
    let open = false;
    socket.addEventListener(
      'open',
      mine(() => {
        open = true;
        this._heart.start();
        this._set('open');
      }),
    );
    socket.addEventListener(
      'message',
      mine((e) => {
        this._backoff.reset();
        this._heart.heard();
        if (typeof e.data === 'string') this._message(e.data);
      }),
    );
    socket.addEventListener(
      'close',
      mine((e) => {
        if (open) {
          this._socketEnds(e.reason || 'the connection ended');
          return;
        }
        // it does not say why: asked by HTTP, which also serves where no WebSocket gets through
        this._socket = null;
        this.emit('no-socket');
        this._byFetch();
      }),
    );
  }

  _message(text) {
    let data;
    try {
      data = JSON.parse(text);
    } catch {
      return;
    }
    if (data?.type === 'pong') return;
    const id = this._idOf(data ?? {});
    if (id !== undefined) this.lastEventId = String(id);
    this.emit('event', { type: 'message', id: id === undefined ? undefined : String(id), data });
  }

  _dropSocket() {
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  _socketEnds(reason) {
    this._dropSocket();
    this._again(reason);
  }

  _again(reason, error) {
    this._set('waiting', reason, error);
    this._timer = this._clock.setTimeout(() => this._connect(), this._retryMs ?? this._backoff.next());
  }

  // ---- Server-Sent Events ----

  async _byFetch() {
    const abort = (this._abort = new AbortController());
    this._set('connecting');
    let reason = 'the stream ended';
    let error = null;
    try {
      const response = await this._fetch(this._url, {
        signal: abort.signal,
        cache: 'no-store',
        headers: {
          Accept: 'text/event-stream',
          ...this._headers(),
          ...(this.lastEventId ? { 'Last-Event-ID': this.lastEventId } : {}),
        },
      });
      if (!response.ok) throw await problemOf(response);
      await this._read(response, abort);
    } catch (problem) {
      if (abort.signal.aborted) return;
      error = problem;
      reason = problem.status ? problem.message : 'the host does not answer';
    }
    if (abort.signal.aborted) return;
    if ([401, 403, 404].includes(error?.status)) this._set('closed', reason, error);
    else this._again(reason, error);
  }

  async _read(response, abort) {
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parser = new SseParser(
      (e) => this._dispatch(e),
      (ms) => {
        this._retryMs = Math.min(ms, 60000);
      },
    );
    this._set('open');
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done || abort.signal.aborted) return;
        this._backoff.reset();
        parser.push(decoder.decode(value, { stream: true }));
      }
    } finally {
      reader.cancel?.().catch(() => {});
    }
  }

  _dispatch({ type, data, id }) {
    if (id !== undefined) this.lastEventId = id;
    let parsed = data;
    try {
      parsed = JSON.parse(data);
    } catch {
      /* plain text is fine */
    }
    this.emit('event', { type, id, data: parsed });
  }
}
