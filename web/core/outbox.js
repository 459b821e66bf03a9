// Input on its way to a device that takes its time: a machine that wants a pause after each key is slower than a quick
// typist. A few commands are under way at once, and what comes meanwhile waits here and leaves together, in order; so
// the host's queue never fills and no key is refused. When the line breaks, what waits is not typed late into whatever
// has the device's keyboard by then: it is dropped, and said.

import { systemClock } from './backoff.js';

const IN_FLIGHT = 4;
const MAX_WAITING = 2048; // events; nobody types that far ahead of a device that still answers
const LATE_MS = 1000;

/** Lifts something: never too late, and never dropped. */
const lifts = (event) => event.action === 'up' || (event.type === 'pointer' && !event.buttons);

export class InputOutbox {
  /**
   * @param {object} o
   * @param {(events: object[]) => Promise<unknown>} o.send    one command
   * @param {number} o.atOnce                                  events of one command
   * @param {() => void} [o.onAck]
   * @param {(error: Error) => void} [o.onError]
   * @param {(on: boolean) => void} [o.onHold]                 a key or button is down, as far as was given here
   */
  constructor({ send, atOnce, onAck = () => {}, onError = () => {}, onHold = () => {}, clock = systemClock }) {
    Object.assign(this, {
      _send: send,
      _atOnce: atOnce,
      _onAck: onAck,
      _onError: onError,
      _onHold: onHold,
      _clock: clock,
    });
    this._down = new Set(); // keys
    this._holding = false;
    this._waiting = []; // {event, at}
    this._flying = 0;
    this._buttons = 0;
    this._moves = false; // the last that waits only moves the pointer
  }

  get waiting() {
    return this._waiting.length;
  }

  push(events) {
    let full = false;
    for (const event of events) {
      const moves = event.type === 'pointer' && event.buttons === this._buttons;
      if (event.type === 'pointer') this._buttons = event.buttons;
      if (moves && this._moves && this._waiting.length) this._waiting.pop(); // it is somewhere else by now
      this._moves = moves;
      if (event.type === 'key' && event.action === 'down') this._down.add(event.key);
      else if (event.type === 'key') this._down.delete(event.key);
      if (this._waiting.length < MAX_WAITING || lifts(event)) this._waiting.push({ event, at: this._clock.now() });
      else full = true;
    }
    if (full)
      this._onError(
        new Error(`${MAX_WAITING} keys and clicks wait already: the device is too slow, or does not answer`),
      );
    this._tellHold();
    this._pump();
  }

  _tellHold() {
    const holding = this._down.size > 0 || this._buttons !== 0;
    if (holding === this._holding) return;
    this._holding = holding;
    this._onHold(holding);
  }

  /** The line broke: what it did not take in time is over. */
  _dropLate() {
    const since = this._clock.now() - LATE_MS;
    const kept = this._waiting.filter(({ event, at }) => at >= since || lifts(event));
    const late = this._waiting.length - kept.length;
    this._waiting = kept;
    if (late)
      this._onError(
        new Error(`${late} keys, clicks and moves were not sent: the connection was away, and nothing is typed late`),
      );
  }

  _failed(error) {
    if (error.status === 0 || error.status === 504) this._dropLate();
    this._onError(error);
  }

  _pump() {
    while (this._flying < IN_FLIGHT && this._waiting.length) {
      this._flying++;
      this._send(this._waiting.splice(0, this._atOnce).map(({ event }) => event))
        .then(this._onAck, (error) => this._failed(error))
        .finally(() => {
          this._flying--;
          this._pump();
        });
    }
  }
}
