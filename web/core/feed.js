// What a console says, on its way into the terminal. A device may print faster than a terminal can draw; then what
// nobody could have read is skipped to the end, and the terminal says how much. The log has all of it.

import { systemClock } from './backoff.js';

const HIGH = 1024 * 1024; // not parsed yet: from here on new bytes replace each other
const TAIL = 256 * 1024; // of what was skipped, shown at the end: more than can be scrolled back
const QUIET_MS = 60; // the flood has ended
const LOOK_MS = 1000; // it has not: a look at where it is
const BINARY = { high: 64 * 1024, tail: 2 * 1024 }; // nobody reads that: nothing is shown of it before it ends
const PIECE = 16 * 1024; // given to the terminal at once
const SAMPLE = 1024; // bytes by which it is told
const CONTROLS = 0.04; // the share of controls that no text has; a tenth of random bytes are

/** Whether these bytes are no text: a picture, an archive, memory. */
export function isBinary(bytes) {
  const n = Math.min(SAMPLE, bytes.length);
  let controls = 0;
  for (let i = 0; i < n; i++) {
    const c = bytes[i];
    if (c < 7 || c === 0x7f || (c > 0x0d && c < 0x20 && c !== 0x1b)) controls += 1;
  }
  return n >= 64 && controls > n * CONTROLS;
}

/** `write(bytes, done)` is the terminal's. `told(skipped)` gives the words that stand for what is missing. */
export class Feed {
  constructor({ write, told, high = HIGH, tail = TAIL, clock = systemClock }) {
    Object.assign(this, { _write: write, _told: told, _high: high, _text: tail, _clock: clock });
    this._tail = tail;
    this._binary = false;
    this._waiting = 0; // bytes that the terminal has not parsed
    this._kept = []; // {bytes, done}: the newest of what it was not given
    this._keptBytes = 0;
    this._skipped = 0;
    this._begun = 0; // when the first of them came
    this._timer = null;
  }

  /** `done` is called when the terminal has parsed them, or when they were skipped. */
  push(bytes, done = () => {}) {
    this._binary = bytes.length >= 64 ? isBinary(bytes) : this._binary;
    const high = this._binary ? Math.min(this._high, BINARY.high) : this._high;
    if (!this._kept.length && this._waiting + bytes.length <= high) {
      this._give(bytes, done);
      return;
    }
    if (!this._kept.length) this._begun = this._clock.now();
    this._tail = this._binary ? Math.min(this._text, BINARY.tail) : this._text;
    this._kept.push({ bytes, done });
    this._keptBytes += bytes.length;
    while (this._kept.length > 1 && this._keptBytes - this._kept[0].bytes.length >= this._tail) {
      const old = this._kept.shift();
      this._keptBytes -= old.bytes.length;
      this._skipped += old.bytes.length;
      old.done();
    }
    this._goOnSoon();
  }

  stop() {
    this._clock.clearTimeout(this._timer);
  }

  /** In pieces: a terminal parses each in one go, and the page stands still meanwhile. */
  _give(bytes, done) {
    this._waiting += bytes.length;
    for (let at = 0; at === 0 || at < bytes.length; at += PIECE) {
      const piece = bytes.subarray(at, at + PIECE);
      const last = at + PIECE >= bytes.length;
      this._write(piece, () => {
        this._waiting -= piece.length;
        if (!last) return;
        done();
        if (this._kept.length) this._goOnSoon();
      });
    }
  }

  /** When all that was given is parsed, and it is quiet or a while has passed. */
  _goOnSoon() {
    this._clock.clearTimeout(this._timer);
    if (this._waiting) return;
    const look = this._binary ? QUIET_MS : this._begun + LOOK_MS - this._clock.now();
    if (look <= 0) this._goOn();
    else this._timer = this._clock.setTimeout(() => this._goOn(), Math.min(QUIET_MS, look));
  }

  /** CAN ends a sequence that was cut; then words, then the newest bytes. */
  _goOn() {
    const kept = this._kept;
    const over = Math.max(0, this._keptBytes - this._tail);
    const skipped = this._skipped + over;
    this._kept = [];
    this._keptBytes = 0;
    this._skipped = 0;
    kept[0].bytes = kept[0].bytes.subarray(over);
    if (skipped) this._give(new TextEncoder().encode(`\x18\x1b[0m\r\n${this._told(skipped)}\r\n`), () => {});
    for (const { bytes, done } of kept) this._give(bytes, done);
  }
}
