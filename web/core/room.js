// The room of a device's session: who is in it, what is said there, where somebody points. All of it is relayed and
// bounded by the server; what comes from there is checked as every message is (proto.js).

import { systemClock } from './backoff.js';
import { WAYS } from './connection-report.js';
import { Emitter } from './emitter.js';

const LINES = 200; // that are kept here
const POINT_MS = 120; // between two places of a pointer that moves
const TELL_MS = 5000; // between two reports of one's own line
const KINDS = new Set(['people', 'talk', 'point']);

/** Whether a message is the room's, and none of the host's. */
export const isOfRoom = (kind) => KINDS.has(kind);

/**
 * Events: `people` (list), `line` (line, {old}), `point` ({from, name, guest, x, y}), `name` (text).
 */
export class Room extends Emitter {
  /** @param {{signaling: object, name?: string}} o   `name`: what one calls oneself */
  constructor({ signaling, name = '', clock = systemClock }) {
    super();
    Object.assign(this, { _signaling: signaling, _clock: clock });
    this.people = [];
    this.lines = [];
    this.name = name;
    this._last = 0; // number of the last line
    this._pointed = -Infinity;
    this._later = null; // where the pointer is, until it may be told
    this._told = { at: -Infinity, key: '' };
    this._off = [
      signaling.on('message', (message, kind) => this._onMessage(message, kind)),
      signaling.on('ready', () => {
        this._told = { at: -Infinity, key: '' };
      }),
    ];
  }

  close() {
    this._off.splice(0).forEach((undo) => undo());
    this._clock.clearTimeout(this._later?.timer);
  }

  /** Oneself, as the others see one; undefined: not told yet. */
  get me() {
    return this.people.find((p) => p.peerId === this._signaling.peerId);
  }

  person(peerId) {
    return this.people.find((p) => p.peerId === peerId) ?? null;
  }

  setName(name) {
    this.name = name;
    this._signaling.setHello?.({ name });
    this.emit('name', name);
    return this._signaling.send({ type: 'me', name });
  }

  /** False: there is no connection. */
  say(text) {
    return this._signaling.send({ type: 'chat', text });
  }

  /** x, y: 0 to 1 of the picture. A pointer that moves is told now and then, and where it stays. */
  point(x, y) {
    const now = this._clock.now();
    const wait = this._pointed + POINT_MS - now;
    if (this._later) this._clock.clearTimeout(this._later.timer);
    this._later = null;
    if (wait > 0) {
      this._later = { timer: this._clock.setTimeout(() => this.point(x, y), wait) };
      return;
    }
    this._pointed = now;
    this._signaling.send({ type: 'point', x, y });
  }

  /** How one's own picture comes: told when the way changes, and every few seconds. */
  report({ path, rttMs, lossPct }) {
    const now = this._clock.now();
    const known = WAYS[path];
    const key = `${known}`;
    if (now - this._told.at < (key === this._told.key ? TELL_MS : 0)) return;
    this._told = { at: now, key };
    this._signaling.send({
      type: 'me',
      ...(known ? { path: known } : {}),
      ...(Number.isFinite(rttMs) ? { rtt_ms: Math.max(0, rttMs) } : {}),
      ...(Number.isFinite(lossPct) ? { loss_pct: Math.min(100, Math.max(0, lossPct)) } : {}),
    });
  }

  _onMessage(message, kind) {
    if (kind === 'people') {
      this.people = message.people;
      this.emit('people', this.people);
    } else if (kind === 'talk') {
      // who comes back is told the last lines again; a server that was started anew counts from the start
      const old = message.lines.length > 1;
      if (message.lines.at(-1)?.n < this._last) this._last = 0;
      for (const line of message.lines) {
        if (line.n <= this._last) continue;
        this._last = line.n;
        this.lines.push(line);
        if (this.lines.length > LINES) this.lines.shift();
        this.emit('line', line, { old });
      }
    } else if (kind === 'point') {
      this.emit('point', message);
    }
  }
}
