// What a phone sends: the newest of each stream at the rate of the path, and events at once. No flood, no queue.

import { systemClock } from './backoff.js';

export const CHANNEL_HZ = 60;
export const SOCKET_HZ = 20; // the relay carries 15 to 30

/** Of the messages `sensor`; a `sample` has its own. */
export const UNITS = { orientation: 'deg', gyro: 'rad/s', accel: 'm/s2' };

export class StreamPump {
  constructor({ peer, clock = systemClock }) {
    Object.assign(this, { _peer: peer, _clock: clock });
    this._motion = null;
    this._motionSeq = 0;
    this._fresh = false;
    this._samples = new Map(); // stream -> {fields, seq, fresh}
    this._events = 0;
    this._timer = null;
    this.sent = 0;
  }

  start() {
    if (this._timer === null) this._next();
  }

  stop() {
    this._clock.clearTimeout(this._timer);
    this._timer = null;
  }

  /** {orientation?, gyro?, accel?}: merged into the newest. */
  motion(reading) {
    this._motion = { ...this._motion, ...reading };
    this._fresh = true;
  }

  /** `more`: {unit, quantity, points}. The same value again is no news. */
  sample(stream, value, more = {}) {
    if (!Number.isFinite(value)) return;
    const had = this._samples.get(stream);
    const fields = { unit: '1', ...more, value };
    if (had && JSON.stringify(had.fields) === JSON.stringify(fields)) return;
    this._samples.set(stream, { fields, seq: had?.seq ?? 0, fresh: true });
  }

  /** What was switched off is not sent when the path comes back. Streams of that name, and below it. */
  forget(name) {
    if (name === 'motion') this._motion = ((this._fresh = false), null);
    for (const [stream, s] of this._samples)
      if (stream === name || stream.startsWith(`${name}.`)) Object.assign(s, { fresh: false, fields: null });
  }

  /** Something that happened. False: it did not go out, and will not. */
  event(event, data = {}) {
    return this._peer.sendEvent({
      type: 'event',
      event,
      t: Math.round(this._clock.now()),
      data: { ...data, n: ++this._events },
    });
  }

  /** Whoever comes now has seen nothing yet. */
  again() {
    this._fresh = this._motion !== null;
    for (const s of this._samples.values()) s.fresh = s.fields !== null;
  }

  _flush() {
    const t = Math.round(this._clock.now());
    if (this._fresh) {
      const units = Object.fromEntries(Object.keys(this._motion).map((k) => [k, UNITS[k]]));
      const message = { type: 'sensor', t, seq: this._motionSeq + 1, ...this._motion, units };
      if (this._peer.send(message)) {
        this._motionSeq += 1;
        this._fresh = false;
        this.sent += 1;
      }
    }
    for (const [stream, s] of this._samples) {
      if (!s.fresh || !this._peer.send({ type: 'sample', stream, t, seq: s.seq + 1, ...s.fields })) continue;
      s.seq += 1;
      s.fresh = false;
      this.sent += 1;
    }
  }

  _next() {
    const hz = this._peer.path === 'data channel' ? CHANNEL_HZ : SOCKET_HZ;
    this._timer = this._clock.setTimeout(() => {
      this._flush();
      this._next();
    }, 1000 / hz);
  }
}
