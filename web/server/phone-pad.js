// The controller of the phone's page: a pad for fingers, a stick, four buttons; a gamepad beside them.

import { h, text } from '../app/dom.js';
import { Pad } from '../core/pad.js';

const FACE = ['x', 'y', 'a', 'b'];

/** A controller as a source (phone-sources.js): nothing is read before it was switched on. {source, el} */
export function makeController({ window, document, pump }) {
  const pad = new Pad({ pump });
  const touchpad = h('div', {
    class: 'touchpad',
    role: 'application',
    tabindex: '0',
    'aria-label': 'Touch pad: any number of fingers',
  });
  const knob = h('div', { class: 'knob' });
  const stick = h(
    'div',
    { class: 'stick', role: 'application', tabindex: '0', 'aria-label': 'Stick: drag, or arrow keys' },
    knob,
  );
  const gamepad = h(
    'p',
    { class: 'muted small', role: 'status' },
    'A gamepad that is connected to this phone works, too: press one of its buttons.',
  );
  const faces = FACE.map((name) => {
    const button = h(
      'button',
      { type: 'button', class: `btn face face-${name}`, 'aria-label': `Button ${name.toUpperCase()}` },
      name.toUpperCase(),
    );
    const set = (down) => () => pad.button(name, down);
    button.addEventListener('pointerdown', (e) => {
      button.setPointerCapture(e.pointerId);
      set(true)();
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(type, set(false));
    button.addEventListener('keydown', (e) => (e.key === 'Enter' || e.key === ' ') && set(true)());
    for (const type of ['keyup', 'blur']) button.addEventListener(type, set(false));
    button.addEventListener('contextmenu', (e) => e.preventDefault());
    return button;
  });

  const dots = new Map();
  const touch = (kind) => (e) => {
    if (!source.on) return;
    const r = touchpad.getBoundingClientRect();
    if (kind === 'down') touchpad.setPointerCapture(e.pointerId);
    const [x, y] = [(e.clientX - r.left) / r.width, (e.clientY - r.top) / r.height];
    pad.touch(kind, e.pointerId, x, y, e.pressure);
    drawDots();
  };
  function drawDots() {
    const now = new Set(pad.fingers.map((f) => f.n));
    for (const [n, dot] of dots) if (!now.has(n)) (dot.remove(), dots.delete(n));
    for (const f of pad.fingers) {
      if (!dots.has(f.n)) {
        dots.set(f.n, h('i', { class: 'finger' }));
        touchpad.append(dots.get(f.n));
      }
      Object.assign(dots.get(f.n).style, { left: `${f.x * 100}%`, top: `${f.y * 100}%` });
    }
  }
  touchpad.addEventListener('pointerdown', touch('down'));
  touchpad.addEventListener('pointermove', touch('move'));
  for (const type of ['pointerup', 'pointercancel']) touchpad.addEventListener(type, touch('up'));

  const deflect = (x, y) => {
    pad.stick(x, y);
    const length = Math.max(1, Math.hypot(x, y));
    knob.style.transform = `translate(${(x / length) * 40}px, ${(-y / length) * 40}px)`;
  };
  let dragged = null;
  const drag = (e) => {
    if (e.pointerId !== dragged) return;
    const r = stick.getBoundingClientRect();
    deflect((e.clientX - r.left - r.width / 2) / (r.width / 2), -(e.clientY - r.top - r.height / 2) / (r.height / 2));
  };
  stick.addEventListener('pointerdown', (e) => {
    if (!source.on || dragged !== null) return;
    dragged = e.pointerId;
    stick.setPointerCapture(e.pointerId);
    drag(e);
  });
  stick.addEventListener('pointermove', drag);
  for (const type of ['pointerup', 'pointercancel'])
    stick.addEventListener(type, (e) => {
      if (e.pointerId !== dragged) return;
      dragged = null;
      deflect(0, 0);
    });
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  stick.addEventListener('keydown', (e) => {
    if (!ARROWS[e.key] || !source.on) return;
    e.preventDefault();
    deflect(...ARROWS[e.key]);
  });
  for (const type of ['keyup', 'blur']) stick.addEventListener(type, () => source.on && deflect(0, 0));

  let frame = null;
  const poll = () => {
    pad.retry();
    const name = pad.gamepads(window.navigator.getGamepads?.());
    text(
      gamepad,
      name ? `Gamepad: ${name}` : 'A gamepad that is connected to this phone works, too: press one of its buttons.',
    );
    frame = window.requestAnimationFrame(poll);
  };
  const letGo = () => {
    pad.letGo();
    dragged = null;
    knob.style.transform = '';
    drawDots();
  };
  document.addEventListener('visibilitychange', () => document.hidden && source.on && letGo());
  window.addEventListener('blur', () => source.on && letGo());

  const source = {
    state: 'off',
    words: '',
    streams: pad.streams,
    onChange: () => {},
    again: () => pad.again(),
    get on() {
      return this.state === 'on';
    },
    start() {
      this.state = 'on';
      this.onChange();
      poll();
    },
    stop() {
      window.cancelAnimationFrame(frame);
      letGo();
      this.state = 'off';
      this.onChange();
    },
  };
  const el = h(
    'div',
    { class: 'controller', hidden: true },
    touchpad,
    h('div', { class: 'thumbs' }, stick, h('div', { class: 'faces' }, faces)),
    gamepad,
  );
  return { source, el };
}
