// One serial console over WebSocket: history first, then live bytes, both ways. Knows the offset of every byte, so
// that a lost connection resumes at the next one and nothing is shown twice or lost.

import { ApiError } from './api.js';
import { Backoff, systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { Heartbeat } from './heartbeat.js';

const HISTORY_BYTES = 128 * 1024; // replayed when a terminal opens
const CHUNK_BYTES = 4096; // one frame of pasted text
const MAX_BUFFERED = 1024 * 1024; // typed or pasted while the socket cannot keep up
const MAX_BEHIND = 8 * 1024 * 1024; // printed and not here yet: more is skipped, the log has it
const MAX_UNSURE = 64 * 1024; // of what was typed and not acknowledged

/**
 * Events: `data` (Uint8Array, {offset, replay}), `state` ('connecting'|'open'|'waiting'|'closed', reason),
 *         `gap` (from, to, skipped): history that the host no longer has, or that was skipped because it is too far behind,
 *         `held` (bytes): the device takes nothing, and so many bytes wait for it,
 *         `refused` (ApiError): what was written is lost, `unsure` (Uint8Array): whether the device got this, nobody knows.
 */
export class ConsoleClient extends Emitter {
  /**
   * @param {object} o
   * @param {() => Promise<{offset: number, start?: number}>} o.info   GET of the console
   * @param {(from: number) => string} o.url
   * @param {() => string[]} [o.protocols]                             what its WebSocket offers
   */
  constructor({
    info,
    url,
    protocols = () => [],
    WebSocket,
    clock = systemClock,
    backoff = new Backoff({ maxMs: 8000 }),
    historyBytes = HISTORY_BYTES,
  }) {
    super();
    Object.assign(this, {
      _info: info,
      _url: url,
      _protocols: protocols,
      _WebSocket: WebSocket,
      _clock: clock,
      _backoff: backoff,
      _history: historyBytes,
    });
    this.state = 'closed';
    this.offset = null; // of the next byte that we expect
    this._replayTo = 0;
    this._socket = null;
    this._retry = null;
    this._run = 0; // attempts are told apart by number
    this._straight = false; // the last connection opened: the next need not ask where it stands
    this._unsure = []; // sent, and not acknowledged yet: Uint8Array
    this._taken = 0; // bytes that were acknowledged on this connection
    this._heart = new Heartbeat({
      ask: () => this._socket?.readyState === 1 && this._socket.send('{"type":"ping"}'),
      gone: () => this._wait('the host does not answer', false),
      eager: () => this._unsure.length > 0,
      clock,
    });
  }

  start() {
    if (this.state === 'closed') this._connect();
  }

  stop() {
    this._run += 1;
    this._clock.clearTimeout(this._retry);
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    this._unsure = [];
    socket?.close(1000);
    this._set('closed');
  }

  /** Bytes or text to the device. False when they could not all be taken. */
  write(data) {
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    if (this._socket?.readyState !== 1) return false;
    if ((this._socket.bufferedAmount ?? 0) + bytes.length > MAX_BUFFERED) return false;
    for (let i = 0; i < bytes.length; i += CHUNK_BYTES) this._socket.send(bytes.slice(i, i + CHUNK_BYTES));
    this._unsure.push(bytes);
    return true;
  }

  _set(state, reason) {
    this.state = state;
    this.emit('state', state, reason);
  }

  async _connect() {
    const run = ++this._run;
    this._set('connecting');
    if (this.offset !== null && this._straight) {
      // it goes on where it was: a line that was dead may have left dead connections for requests, too
      this._replayTo = Infinity; // until a pong tells the end
      this._straight = false;
      this._open(run);
      return;
    }
    let info;
    try {
      info = await this._info();
    } catch (error) {
      if (run === this._run)
        this._wait(error.message, error.status === 401 || error.status === 403 || error.status === 404);
      return;
    }
    if (run !== this._run) return;
    const end = Number.isFinite(info?.offset) ? info.offset : 0;
    const start = Number.isFinite(info?.start) ? info.start : 0;
    if (this.offset === null || this.offset > end) this.offset = Math.max(start, end - this._history);
    if (this.offset < start) {
      this.emit('gap', this.offset, start);
      this.offset = start;
    }
    this._replayTo = end;
    this._open(run);
  }

  _open(run) {
    const socket = (this._socket = new this._WebSocket(this._url(this.offset), this._protocols()));
    socket.binaryType = 'arraybuffer';
    const mine = (fn) => (e) => {
      if (run === this._run) fn(e);
    };
    socket.addEventListener(
      'open',
      mine(() => {
        this._taken = 0;
        this._unsure = [];
        this._heart.start();
        this._straight = true;
        if (this._replayTo === Infinity) socket.send('{"type":"ping"}');
        this._set('open');
      }),
    );
    socket.addEventListener(
      'message',
      mine((e) => {
        this._backoff.reset();
        this._heart.heard();
        if (typeof e.data === 'string') {
          this._onNotice(e.data);
          return;
        }
        const bytes = new Uint8Array(e.data);
        const offset = this.offset;
        this.offset += bytes.length;
        this.emit('data', bytes, { offset, replay: offset < this._replayTo });
      }),
    );
    socket.addEventListener(
      'close',
      mine((e) => this._wait(e.reason || 'the connection closed', false)),
    );
  }

  /** Text frames: {"type":"gap","from","to"}, {"type":"pong","taken","end"}, {"type":"error","status","title","detail"}. */
  _onNotice(text) {
    let notice;
    try {
      notice = JSON.parse(text);
    } catch {
      return;
    }
    if (notice?.type === 'gap' && Number.isFinite(notice.to)) {
      this.emit('gap', notice.from, notice.to, notice.reason === 'skipped');
      this.offset = notice.to;
    } else if (notice?.type === 'pong') {
      this._onPong(notice);
    } else if (notice?.type === 'held') {
      this.emit('held', Number.isFinite(notice.waiting) ? notice.waiting : 0);
    } else if (notice?.type === 'error') {
      this._unsure = []; // said, and dropped: it will not be counted as taken
      this.emit('refused', new ApiError(notice));
    }
  }

  _onPong({ taken, end }) {
    if (this._replayTo === Infinity) this._replayTo = end;
    let n = Number.isFinite(taken) ? taken - this._taken : 0;
    this._taken += Math.max(0, n);
    while (n > 0 && this._unsure.length) {
      const [first] = this._unsure;
      if (first.length <= n) this._unsure.shift();
      else this._unsure[0] = first.subarray(n);
      n -= first.length;
    }
    if (end - this.offset > MAX_BEHIND) this._socket.send(JSON.stringify({ type: 'end', keep: this._history }));
  }

  _wait(reason, final) {
    this._run += 1; // whatever the old socket still says is not ours
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    socket?.close();
    const unsure = this._unsure;
    this._unsure = [];
    if (unsure.length) {
      const all = new Uint8Array(unsure.reduce((n, b) => n + b.length, 0));
      unsure.reduce((at, b) => (all.set(b, at), at + b.length), 0);
      this.emit('unsure', all.subarray(0, MAX_UNSURE));
    }
    if (final) {
      this._set('closed', reason);
      return;
    }
    this._set('waiting', reason);
    this._retry = this._clock.setTimeout(() => this._connect(), this._backoff.next());
  }
}
