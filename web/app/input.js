// Keyboard, mouse and fingers over a picture -> input messages. The picture takes the keyboard on click or Enter and
// gives it back on Ctrl+Alt; nothing stays pressed on the device when the page loses it. Fingers scroll the page past
// it until it is tapped, and again from when they are given back.

import { FingerState, HOLD_MS } from '../core/fingers.js';
import { KeyState, textEvents } from '../core/keys.js';
import { buttonsOf, InputBatcher, toPixel, WheelState } from '../core/pointer.js';

export class InputCapture {
  /**
   * @param {object} o
   * @param {HTMLElement} o.el           focusable, as large as the picture's box
   * @param {() => {width: number, height: number}} o.size   of the picture, in pixels
   * @param {(events: object[]) => void} o.send
   * @param {() => {box: DOMRect, turn: number}} [o.where]   of the picture, where it does not just fit into `el`
   * @param {(on: boolean) => void} o.onCapture
   * @param {(on: boolean) => void} [o.onFingers]    fingers go to the device, or scroll the page
   */
  constructor({ el, size, send, onCapture, onFingers = () => {}, where = null, scope }) {
    Object.assign(this, { el, _size: size, _onCapture: onCapture, _onFingers: onFingers });
    this._where = where ?? (() => ({ box: el.getBoundingClientRect(), turn: 0 }));
    this.enabled = false;
    this.touch = false; // taps and swipes instead of a mouse
    this.capturing = false;
    this.fingers = false; // they go to the device
    this._holding = null;
    this._keys = new KeyState();
    this._wheel = new WheelState();
    this._finger = new FingerState();
    this._batch = new InputBatcher({ send, schedule: (fn) => requestAnimationFrame(fn) });

    scope.listen(el, 'pointerdown', (e) => this._pointer(e, 'down'));
    scope.listen(el, 'pointermove', (e) => this._pointer(e, 'move'));
    scope.listen(el, 'pointerup', (e) => this._pointer(e, 'up'));
    // a call, a palm, a gesture of the system: no pointerup comes
    scope.listen(el, 'pointercancel', () => this._letGo());
    scope.listen(el, 'lostpointercapture', (e) => {
      if (!e.buttons && e.pointerType !== 'touch') this._letGo();
    });
    scope.listen(el, 'click', () => {
      if (this._byFinger) this.giveFingers(true); // a tap, no scrolling: then there would be no click
    });
    scope.listen(el, 'contextmenu', (e) => {
      if (this.enabled) e.preventDefault();
    });
    scope.listen(el, 'wheel', (e) => this._onWheel(e), { passive: false });
    scope.listen(el, 'keydown', (e) => this._key(e, true));
    scope.listen(el, 'keyup', (e) => this._key(e, false));
    scope.listen(el, 'blur', () => this.release());
    // nobody sees what a page that is hidden would go on doing
    scope.listen(document, 'visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.release();
    });
    scope.listen(window, 'blur', () => this.release());
    scope.listen(window, 'pagehide', () => this.release());
    scope.listen(el, 'paste', (e) => this._paste(e));
    scope.add(() => this.release());
  }

  enable(on) {
    if (this.enabled && !on) this.release();
    this.enabled = on;
    if (!on) this.giveFingers(false);
  }

  /** From now on fingers go to the device; or the page has them back, and the keyboard with them. */
  giveFingers(on) {
    if (on === this.fingers || (on && !this.enabled)) return;
    this.fingers = on;
    if (on) {
      this.el.focus({ preventScroll: true });
      this.capture();
    } else {
      this.release();
    }
    this._onFingers(on);
  }

  capture() {
    if (!this.enabled || this.capturing) return;
    this.capturing = true;
    this._onCapture(true);
  }

  _letGo() {
    clearTimeout(this._holding);
    this._finger.cancel();
    this._batch.release();
  }

  release() {
    this._batch.push(this._keys.releaseAll());
    this._letGo();
    if (!this.capturing) return;
    this.capturing = false;
    this._onCapture(false);
  }

  _at(e, clamp) {
    const { width, height } = this._size();
    const { box, turn } = this._where();
    return toPixel({ x: e.clientX, y: e.clientY }, box, width, height, clamp, turn);
  }

  _pointer(e, phase) {
    const finger = e.pointerType === 'touch';
    if (phase === 'down') this._byFinger = finger;
    if (!this.enabled || (finger && !this.fingers)) return;
    if (phase === 'down') {
      this.el.focus({ preventScroll: true });
      this.capture();
      if (this._at(e, false)) this.el.setPointerCapture?.(e.pointerId);
    }
    const at = this._at(e, e.buttons !== 0 || phase === 'up');
    if (!at) return;
    e.preventDefault();
    if (finger || this.touch) {
      if (phase === 'down' && e.button !== 0) return;
      this._fingers(e, phase, at);
      return;
    }
    this._batch.pointer({ type: 'pointer', x: at.x, y: at.y, buttons: buttonsOf(e) });
  }

  /** A mouse is a finger, too, where the device has a touch screen. */
  _fingers(e, phase, at) {
    const state = this._finger;
    state.mouse = !this.touch;
    this._say(state[phase](e.pointerId, at, { x: e.clientX, y: e.clientY }, performance.now()));
    if (phase === 'move') return;
    clearTimeout(this._holding);
    if (state.waits) this._holding = setTimeout(() => this._say(state.hold()), HOLD_MS);
  }

  _say(events) {
    for (const event of events) {
      if (event.type === 'pointer') this._batch.pointer(event);
      else this._batch.push([event]);
    }
  }

  _onWheel(e) {
    if (!this.enabled || !this.capturing) return; // before that the wheel scrolls the page
    const at = this._at(e, false);
    if (!at) return;
    e.preventDefault();
    const notches = this._wheel.add(e);
    if (notches) this._batch.push([{ type: 'scroll', x: at.x, y: at.y, ...notches }]);
  }

  _key(e, down) {
    if (!this.enabled || e.target !== this.el) return;
    if (!this.capturing) {
      if (down && e.key === 'Enter') {
        e.preventDefault();
        this.capture();
        this._swallow = e.code; // its keyup is not for the device
      }
      return;
    }
    if (!down && this._swallow === e.code) {
      this._swallow = null;
      e.preventDefault();
      return;
    }
    // Ctrl+V pastes the clipboard of this computer as text
    if (down && (e.ctrlKey || e.metaKey) && e.shiftKey && e.code === 'KeyV') return;
    e.preventDefault();
    const { events, release } = down ? this._keys.down(e) : this._keys.up(e);
    this._batch.push(events);
    if (release) this.release();
  }

  _paste(e) {
    const text = e.clipboardData?.getData('text/plain');
    if (!this.capturing || !text) return;
    e.preventDefault();
    this._batch.push(this._keys.releaseAll());
    this._batch.push(textEvents(text));
  }
}
