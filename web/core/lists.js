// Lists of the pairing server that keep themselves up to date: by one WebSocket for all lists of a page, which tells
// what has changed; where none gets through, or while it is cut, by asking every few seconds with the ETag of what is
// there.
// Only what changed is sent, and nothing when nothing has.

import { Backoff, systemClock } from './backoff.js';
import { Heartbeat } from './heartbeat.js';

const POLL_MS = 5000;
// also while the socket is there: what goes by time alone (an enrolment that expires), and so that a sign-in is seen to
// be in use
const SLOW_MS = 60000;

/** Where a list is asked for, and what its rows go by. */
const LISTS = {
  hosts: { path: 'api/hosts', key: (row) => row.name },
  devices: { path: 'api/devices', key: (row) => row.host },
  sessions: { path: 'api/session', key: (row) => row.sessionId },
  enrol: { path: 'api/enrol' },
  users: { path: 'api/users' },
  groups: { path: 'api/groups' },
  logins: { path: 'api/me/sessions' },
  telemetry: { path: 'api/telemetry' },
  events: { path: 'events' }, // told of as they come: then it is asked for
};

const by = (of) => (a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0);
const ORDER = {
  hosts: by((row) => row.name),
  devices: by((row) => `${row.host}/${row.device}`),
  sessions: (a, b) => -by((row) => row.createdAt)(a, b), // the newest first
};

/** Rows of before with a change: those of `keys` are as in `set` now. */
export function changed(list, rows, { keys, set }) {
  const gone = new Set(keys);
  const next = rows.filter((row) => !gone.has(LISTS[list].key(row))).concat(set);
  return next.sort(ORDER[list]);
}

export class Lists {
  /** @param {import('./api.js').Api} o.api  */
  constructor({ api, WebSocket = null, clock = systemClock, backoff = new Backoff(), hidden = () => false }) {
    Object.assign(this, { _api: api, _WebSocket: WebSocket, _clock: clock, _backoff: backoff, _hidden: hidden });
    this._all = new Map(); // list -> {show, failed, rows, etag, asking, again, waiting}
    this._socket = null;
    this._live = false;
    this._heart = new Heartbeat({
      ask: () => this._socket?.send('{"type":"ping"}'),
      gone: () => this._cut(),
      clock,
    });
  }

  /** Reads a list from now on. `show(rows)` whenever it is another; `failed(error)`. `query`: what GET takes. */
  read(list, show, failed = () => {}, { query = {} } = {}) {
    const entry = { show, failed, query, rows: null, etag: null, asking: null, again: false, waiting: [] };
    this._all.set(list, entry);
    if (this._on) this._begin(list);
    return () => {
      if (this._all.get(list) === entry) this._all.delete(list);
      if (this._live) this._socket.send(JSON.stringify({ unsubscribe: [list] }));
    };
  }

  get live() {
    return this._live;
  }

  /** Also anew, as somebody else. */
  start() {
    this.stop();
    this._on = true;
    this._backoff.reset();
    for (const entry of this._all.values()) Object.assign(entry, { rows: null, etag: null, waiting: [], asking: null });
    for (const list of this._all.keys()) this._ask(list);
    this._connect();
    let slow = 0;
    this._poll = this._clock.setInterval(() => {
      slow += POLL_MS;
      if (this._live && slow < SLOW_MS) return;
      slow = 0;
      this.refresh();
    }, POLL_MS);
  }

  stop() {
    this._on = false;
    this._clock.clearInterval(this._poll);
    this._clock.clearTimeout(this._timer);
    this._drop();
  }

  /** Asks now; what is there still costs nothing. */
  refresh() {
    if (!this._on || this._hidden()) return;
    for (const list of this._all.keys()) this._ask(list);
  }

  /** One of them: what the page has just changed shows at once. */
  ask(list) {
    return this._on && this._all.has(list) ? this._ask(list) : null;
  }

  _begin(list) {
    this._ask(list);
    if (this._live) this._subscribe([list]);
  }

  // ---- asked ----

  async _ask(list) {
    const entry = this._all.get(list);
    if (entry.asking) {
      entry.again = true;
      return entry.asking;
    }
    entry.asking = this._get(entry, list);
    try {
      await entry.asking;
    } finally {
      entry.asking = null;
    }
    if (entry.again && this._all.get(list) === entry) {
      entry.again = false;
      return this._ask(list);
    }
  }

  async _get(entry, list) {
    try {
      const got = await this._api.newer(LISTS[list].path, entry.etag, { query: entry.query });
      if (this._all.get(list) !== entry || !this._on) return;
      if (got) this._take(entry, got.rows, got.etag);
      else if (entry.failing) entry.show(entry.rows);
      entry.failing = false;
      const waiting = entry.waiting.splice(0);
      for (const m of waiting) if (m.from === entry.etag) this._change(entry, list, m);
    } catch (error) {
      if (!this._on || this._all.get(list) !== entry) return;
      entry.failing = true;
      entry.failed(error);
    }
  }

  _take(entry, rows, etag) {
    entry.rows = rows;
    entry.etag = etag;
    entry.show(rows);
  }

  _change(entry, list, message) {
    this._take(entry, changed(list, entry.rows, message), message.etag);
  }

  // ---- told ----

  _connect() {
    if (!this._WebSocket || !this._on) return;
    const socket = (this._socket = new this._WebSocket(this._api.wsPath('ws'), this._api.wsProtocols()));
    const mine = (fn) => (e) => {
      if (socket === this._socket) fn(e);
    };
    socket.addEventListener(
      'open',
      mine(() => {
        this._live = true;
        this._heart.start();
        this._subscribe([...this._all.keys()]);
      }),
    );
    socket.addEventListener(
      'message',
      mine((e) => {
        this._heart.heard();
        if (typeof e.data === 'string') this._told(e.data);
      }),
    );
    socket.addEventListener(
      'close',
      mine(() => this._cut()),
    );
  }

  _subscribe(lists) {
    const one = (list) => {
      const { etag, query } = this._all.get(list);
      return { list, ...query, ...(etag ? { etag } : {}) };
    };
    this._socket.send(JSON.stringify({ subscribe: lists.map(one) }));
  }

  _told(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const entry = this._all.get(message?.list);
    if (!entry || message.type === 'error') return; // a list that may not be told of is asked for
    this._backoff.reset();
    if (message.rows) this._take(entry, message.rows, message.etag);
    else if (message.set && entry.asking) entry.waiting.push(message);
    else if (message.set && message.from === entry.etag) this._change(entry, message.list, message);
    else if (message.etag !== entry.etag) this._ask(message.list);
  }

  _drop() {
    this._heart.stop();
    const socket = this._socket;
    this._socket = null;
    this._live = false;
    socket?.close();
  }

  _cut() {
    this._drop();
    if (!this._on) return;
    this._timer = this._clock.setTimeout(() => this._connect(), this._backoff.next());
  }
}
