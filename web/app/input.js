// Keyboard, mouse and fingers over a picture -> input messages. The picture takes the keyboard on click or Enter and
// gives it back on Ctrl+Alt; nothing stays pressed on the device when the page loses it.

import { KeyState, textEvents } from '../core/keys.js';
import { buttonsOf, GestureState, InputBatcher, toPixel, WheelState } from '../core/pointer.js';

export class InputCapture {
  /**
   * @param {object} o
   * @param {HTMLElement} o.el           focusable, as large as the picture's box
   * @param {() => {width: number, height: number}} o.size   of the picture, in pixels
   * @param {(events: object[]) => void} o.send
   * @param {(on: boolean) => void} o.onCapture
   */
  constructor({ el, size, send, onCapture, scope }) {
    Object.assign(this, { el, _size: size, _onCapture: onCapture });
    this.enabled = false;
    this.touch = false; // taps and swipes instead of a mouse
    this.capturing = false;
    this._keys = new KeyState();
    this._wheel = new WheelState();
    this._gesture = new GestureState();
    this._batch = new InputBatcher({ send, schedule: (fn) => requestAnimationFrame(fn) });

    scope.listen(el, 'pointerdown', (e) => this._pointer(e, 'down'));
    scope.listen(el, 'pointermove', (e) => this._pointer(e, 'move'));
    scope.listen(el, 'pointerup', (e) => this._pointer(e, 'up'));
    // a call, a palm, a gesture of the system: no pointerup comes
    scope.listen(el, 'pointercancel', () => this._letGo());
    scope.listen(el, 'lostpointercapture', (e) => {
      if (!e.buttons) this._letGo();
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
  }

  capture() {
    if (!this.enabled || this.capturing) return;
    this.capturing = true;
    this._onCapture(true);
  }

  _letGo() {
    this._gesture.cancel();
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
    return toPixel({ x: e.clientX, y: e.clientY }, this.el.getBoundingClientRect(), width, height, clamp);
  }

  _pointer(e, phase) {
    if (!this.enabled || (e.pointerType === 'touch' && !e.isPrimary)) return; // there is one pointer
    const client = { x: e.clientX, y: e.clientY };
    if (phase === 'down') {
      this.el.focus({ preventScroll: true });
      this.capture();
      if (this._at(e, false)) this.el.setPointerCapture?.(e.pointerId);
    }
    const at = this._at(e, e.buttons !== 0 || phase === 'up');
    if (!at) return;
    e.preventDefault();
    if (this.touch) {
      if (phase === 'down' && e.button === 0) this._gesture.down(at, client, performance.now());
      else if (phase === 'up') {
        const event = this._gesture.up(at, client, performance.now());
        if (event) this._batch.push([event]);
      }
      return;
    }
    if (phase !== 'move' || e.pointerType !== 'touch' || e.buttons) {
      this._batch.pointer({
        type: 'pointer',
        x: at.x,
        y: at.y,
        buttons: phase === 'up' && e.pointerType === 'touch' ? 0 : buttonsOf(e),
      });
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
