// The phone as a controller: a pad for fingers, a stick, buttons, and a real gamepad that is connected to the phone.
// Places and deflections are state (the newest counts), what goes down and comes up are events (none may be lost). What
// is held comes up when the page is hidden, the controller is switched off, or the gamepad goes.

export const FINGERS = 10;
const DEAD = 0.08; // of a gamepad's stick: it never rests at zero
const FINE = 1000;

/** The names of the buttons of the standard mapping (W3C Gamepad, §"remapping"), in its order. */
export const BUTTONS = [
  'a', 'b', 'x', 'y', 'l1', 'r1', 'l2', 'r2', 'select', 'start', 'l3', 'r3', 'up', 'down', 'left', 'right', 'home',
]; // prettier-ignore

const rounded = (v) => Math.round(v * FINE) / FINE;
const unit = (v) => rounded(Math.min(1, Math.max(0, v)));

/** `n` of an event is its own number. */
const eventOf = ({ n, ...rest }) => ({ finger: n, ...rest });

export class Pad {
  streams = ['touch', 'stick', 'gamepad'];

  constructor({ pump }) {
    this._pump = pump;
    this._fingers = new Map(); // pointer id -> {n, x, y, pressure}
    this._held = new Set(); // buttons
    this._untold = new Set(); // buttons whose last change found no way out
    this._gamepad = null; // its index
  }

  /** Fingers as they lie: [{n, x, y, pressure}], 0..1 from the pad's upper left corner. */
  get fingers() {
    return [...this._fingers.values()];
  }

  touch(kind, id, x, y, pressure = 0) {
    const had = this._fingers.get(id);
    if (kind === 'up') {
      if (!had) return;
      this._fingers.delete(id);
      this._tell();
      this._pump.event('touch.up', eventOf(had));
      return;
    }
    if (!had && (kind !== 'down' || this._fingers.size >= FINGERS)) return;
    const finger = { n: had?.n ?? this._free(), x: unit(x), y: unit(y), pressure: unit(pressure) };
    this._fingers.set(id, finger);
    this._tell();
    if (!had) this._pump.event('touch.down', eventOf(finger));
  }

  /** The lowest number that no finger has. */
  _free() {
    const taken = new Set(this.fingers.map((f) => f.n));
    let n = 0;
    while (taken.has(n)) n++;
    return n;
  }

  _tell() {
    this._pump.sample('touch', this._fingers.size, { quantity: 'fingers', points: this.fingers });
  }

  /** -1..1, up is positive. */
  stick(x, y, name = 'stick') {
    const length = Math.max(1, Math.hypot(x, y)); // a circle, not its square
    this._pump.sample(`${name}.x`, rounded(x / length), { quantity: 'deflection' });
    this._pump.sample(`${name}.y`, rounded(y / length), { quantity: 'deflection' });
  }

  button(name, down) {
    if (down === this._held.has(name)) return;
    if (down) this._held.add(name);
    else this._held.delete(name);
    this._tellButton(name);
  }

  _tellButton(name) {
    const went = this._pump.event(this._held.has(name) ? 'button.down' : 'button.up', { button: name });
    if (went) this._untold.delete(name);
    else this._untold.add(name);
  }

  /** Changes that found no way out, as things stand now: what went down and up meanwhile is not replayed. */
  retry() {
    for (const name of [...this._untold]) this._tellButton(name);
  }

  /** Whoever comes now has seen nothing yet. */
  again() {
    for (const name of new Set([...this._held, ...this._untold])) this._tellButton(name);
  }

  /** What navigator.getGamepads() says now; the name of the one that is read, or null. */
  gamepads(list) {
    const all = [...(list ?? [])].filter((g) => g?.connected);
    const pad = all.find((g) => g.index === this._gamepad) ?? all[0];
    if (!pad) {
      if (this._gamepad !== null) this._letGo('gamepad.');
      this._gamepad = null;
      return null;
    }
    this._gamepad = pad.index;
    const [lx = 0, ly = 0, rx = 0, ry = 0] = pad.axes.map((v) => (Math.abs(v) < DEAD ? 0 : v));
    this.stick(lx, -ly || 0, 'gamepad.left');
    this.stick(rx, -ry || 0, 'gamepad.right');
    pad.buttons.forEach((b, i) => this.button(`gamepad.${BUTTONS[i] ?? i}`, b.pressed));
    return pad.id;
  }

  _letGo(prefix = '') {
    for (const name of [...this._held]) if (name.startsWith(prefix)) this.button(name, false);
    for (const stick of prefix ? ['gamepad.left', 'gamepad.right'] : ['stick', 'gamepad.left', 'gamepad.right'])
      if (stick === 'stick' || this._gamepad !== null) this.stick(0, 0, stick);
  }

  letGo() {
    for (const id of [...this._fingers.keys()]) this.touch('up', id);
    this._letGo();
  }
}
