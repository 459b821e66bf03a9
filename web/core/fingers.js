// Fingers on a picture -> input messages, live. Two sorts of devices: with a mouse (`mouse`), where two fingers scroll
// and click the right button, and with a touch screen, where a quick move is a swipe and a held one is followed.

export const HOLD_MS = 300; // a finger that stays for so long is down on the device, too
const SLOP_PX = 10; // of the page: less is no move
const PIXELS_PER_NOTCH = 36;
const LEAST_SWIPE_MS = 20;

const pointer = (at, buttons) => ({ type: 'pointer', x: at.x, y: at.y, buttons });
const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) >= SLOP_PX;
const LEFT = 1,
  RIGHT = 2;

/** Each call returns the events to send. `at`: pixel of the picture; `client`: where on the page; `now` in ms. */
export class FingerState {
  constructor({ mouse = true } = {}) {
    this.mouse = mouse;
    this._fingers = new Map(); // id -> {at, client}
    this._mode = 'none'; // waits: it may become anything · drag: down on the device · two · over: until all are up
    this._first = null; // {id, at, client, now} of the first finger
  }

  /** A finger is there that may yet turn out to be held: call hold() after HOLD_MS. */
  get waits() {
    return this._mode === 'waits';
  }

  down(id, at, client, now) {
    this._fingers.set(id, { at, client });
    if (this._mode === 'none') {
      this._mode = 'waits';
      this._first = { id, at, client, now };
    } else if (this._mode === 'waits' && this.mouse) {
      this._mode = 'two';
      this._moved = false;
      this._middle = this._from = this._mid();
    }
    return [];
  }

  move(id, at, client, now) {
    const finger = this._fingers.get(id);
    if (!finger) return [];
    Object.assign(finger, { at, client });
    if (this._mode === 'two') return this._scroll();
    if (id !== this._first?.id) return [];
    if (this._mode === 'drag') return [pointer(at, LEFT)];
    if (this._mode !== 'waits' || !far(client, this._first.client)) return [];
    // on a touch screen a quick move is told whole, at its end: the device knows best how it flings
    if (!this.mouse && now - this._first.now < HOLD_MS) return [];
    return [...this.hold(), pointer(at, LEFT)];
  }

  /** The finger stayed, or moved: from now on it is down on the device. */
  hold() {
    if (this._mode !== 'waits') return [];
    this._mode = 'drag';
    return [pointer(this._first.at, LEFT)];
  }

  up(id, at, client, now) {
    if (!this._fingers.delete(id)) return [];
    const events = this._end(id, at, client, now);
    if (!this._fingers.size) this._mode = 'none';
    return events;
  }

  _end(id, at, client, now) {
    const { _mode: mode, _first: first } = this;
    if (mode === 'two') {
      this._mode = 'over';
      return this._moved ? [] : [pointer(first.at, RIGHT), pointer(first.at, 0)];
    }
    if (id !== first?.id || (mode !== 'drag' && mode !== 'waits')) return [];
    this._mode = 'over';
    if (mode === 'drag') return [pointer(at, 0)];
    if (this.mouse) return [pointer(first.at, LEFT), pointer(first.at, 0)];
    const { x, y } = first.at;
    if (!far(client, first.client)) return [{ type: 'tap', x, y }];
    const ms = Math.round(Math.max(LEAST_SWIPE_MS, now - first.now));
    return [{ type: 'swipe', x1: x, y1: y, x2: at.x, y2: at.y, ms }];
  }

  _mid() {
    const all = [...this._fingers.values()];
    const mean = (f) => all.reduce((sum, a) => sum + f(a), 0) / all.length;
    return { x: mean((f) => f.client.x), y: mean((f) => f.client.y) };
  }

  /** What is under the fingers goes with them. */
  _scroll() {
    const mid = this._mid();
    if (far(mid, this._from)) this._moved = true;
    const dx = Math.trunc((this._middle.x - mid.x) / PIXELS_PER_NOTCH) || 0;
    const dy = Math.trunc((this._middle.y - mid.y) / PIXELS_PER_NOTCH) || 0;
    if (!this._moved || (!dx && !dy)) return [];
    this._middle = { x: this._middle.x - dx * PIXELS_PER_NOTCH, y: this._middle.y - dy * PIXELS_PER_NOTCH };
    return [{ type: 'scroll', x: this._first.at.x, y: this._first.at.y, dx, dy }];
  }

  /** A call, a palm, a gesture of the system: whatever is down is let go by the caller. */
  cancel() {
    this._fingers.clear();
    this._mode = 'none';
  }
}
