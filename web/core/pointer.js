// From the element that shows a picture to pixels of the picture, and from pointer events to input messages.

/**
 * Where a picture of w×h lies in a box (object-fit: contain): {x, y, width, height} relative to the box.
 */
export function contain(box, w, h) {
  if (!(w > 0 && h > 0 && box.width > 0 && box.height > 0)) return { x: 0, y: 0, width: box.width, height: box.height };
  const scale = Math.min(box.width / w, box.height / h);
  const width = w * scale,
    height = h * scale;
  return { x: (box.width - width) / 2, y: (box.height - height) / 2, width, height };
}

/**
 * Where a picture of w×h lies in a box: {x, y, width, height} relative to the box, as it is seen. `turn`: quarters
 * clockwise by which it is turned; `whole`: a pixel of it is one of the screen (`ratio` to one of the page), else it is
 * made to fit.
 */
export function place(box, w, h, { turn = 0, whole = false, ratio = 1 } = {}) {
  const [seenW, seenH] = turn % 2 ? [h, w] : [w, h];
  if (!whole || !(w > 0 && h > 0)) return contain(box, seenW, seenH);
  const width = seenW / ratio,
    height = seenH / ratio;
  return { x: Math.max(0, (box.width - width) / 2), y: Math.max(0, (box.height - height) / 2), width, height };
}

/**
 * Client coordinates -> pixel of the picture, or null outside of it. `box`: what holds the picture, which may be
 * turned. `clamp` keeps a drag inside.
 */
export function toPixel(point, box, w, h, clamp = false, turn = 0) {
  if (!(w > 0 && h > 0)) return null;
  const at = turn % 2 ? contain(box, h, w) : contain(box, w, h);
  let sx = (point.x - box.left - at.x) / at.width;
  let sy = (point.y - box.top - at.y) / at.height;
  if (!clamp && (sx < 0 || sy < 0 || sx >= 1 || sy >= 1)) return null;
  sx = Math.min(Math.max(sx, 0), 1);
  sy = Math.min(Math.max(sy, 0), 1);
  const [fx, fy] = [
    [sx, sy],
    [sy, 1 - sx],
    [1 - sx, 1 - sy],
    [1 - sy, sx],
  ][turn % 4];
  return { x: Math.min(w - 1, Math.floor(fx * w)), y: Math.min(h - 1, Math.floor(fy * h)) };
}

/** A place of the picture (0 to 1) -> client coordinates. `box`: the picture as it is seen, `turn`: quarters. */
export function fromPicture({ x, y }, { box, turn = 0 }) {
  const [sx, sy] = [
    [x, y],
    [1 - y, x],
    [1 - x, 1 - y],
    [y, 1 - x],
  ][turn % 4];
  return { x: box.left + sx * box.width, y: box.top + sy * box.height };
}

/** The other way; null: beside the picture. */
export function toPicture(point, { box, turn = 0 }) {
  const sx = (point.x - box.left) / box.width;
  const sy = (point.y - box.top) / box.height;
  if (!(sx >= 0 && sx <= 1 && sy >= 0 && sy <= 1)) return null;
  const [x, y] = [
    [sx, sy],
    [sy, 1 - sx],
    [1 - sx, 1 - sy],
    [1 - sy, sx],
  ][turn % 4];
  return { x, y };
}

/** MouseEvent.buttons, or what a finger means: left. */
export function buttonsOf(e) {
  return e.pointerType === 'touch' ? (e.buttons || e.type === 'pointerdown' ? 1 : 0) : (e.buttons ?? 0) & 31;
}

const PIXELS_PER_NOTCH = 100; // what browsers report for one notch of a wheel
const LINES_PER_NOTCH = 3;

/** Wheel deltas become whole notches; what is left over waits for the next event. */
export class WheelState {
  constructor() {
    this._x = 0;
    this._y = 0;
  }

  /** {dx, dy} in notches, or null when there is not enough for one. */
  add(e) {
    const per = e.deltaMode === 1 ? LINES_PER_NOTCH : e.deltaMode === 2 ? 1 : PIXELS_PER_NOTCH;
    this._x += e.deltaX / per;
    this._y += e.deltaY / per;
    const clamp = (v) => Math.max(-100, Math.min(100, Math.trunc(v)));
    const dx = clamp(this._x),
      dy = clamp(this._y);
    if (!dx && !dy) return null;
    this._x -= dx;
    this._y -= dy;
    return { dx: dx || 0, dy: dy || 0 };
  }
}

/**
 * Many pointer moves, few messages: moves wait for the next flush and the latest wins; everything else first
 * flushes what waits, so that order is kept.
 */
export class InputBatcher {
  /** @param {{send: (events: object[]) => void, schedule: (fn: Function) => void}} o */
  constructor({ send, schedule }) {
    this._send = send;
    this._schedule = schedule;
    this._move = null;
    this._due = false;
    this._buttons = 0;
    this._last = null; // where the pointer was told to be
  }

  pointer(event) {
    const isMove = event.buttons === this._buttons;
    this._buttons = event.buttons;
    this._last = event;
    if (!isMove) {
      this.push([event]);
      return;
    }
    this._move = event;
    if (this._due) return;
    this._due = true;
    this._schedule(() => {
      this._due = false;
      this.flush();
    });
  }

  push(events) {
    if (!events.length) return;
    const move = this._move;
    this._move = null;
    this._send(move ? [move, ...events] : events);
  }

  flush() {
    if (!this._move) return;
    const move = this._move;
    this._move = null;
    this._send([move]);
  }

  /** The position with no button pressed, if one is: for when control ends in the middle of a drag. */
  release() {
    if (!this._buttons) return;
    this._buttons = 0;
    this._move = null;
    this._send([{ ...this._last, buttons: 0 }]);
  }
}
