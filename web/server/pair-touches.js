// The phone's controller, mirrored: fingers on its pad, sticks, and which buttons are down.

import { h } from '../app/dom.js';

const STICKS = ['stick', 'gamepad.left', 'gamepad.right'];

export function makeTouches() {
  const pad = h('div', { class: 'touchpad mirror', role: 'img', 'aria-label': 'Fingers on the phone’s pad' });
  const dots = new Map();
  const sticks = new Map(
    STICKS.map((name) => {
      const knob = h('div', { class: 'knob' });
      const el = h('div', { class: 'stick', hidden: true, role: 'img', 'aria-label': name.replace('.', ', ') }, knob);
      return [name, { el, knob, x: 0, y: 0 }];
    }),
  );
  const buttons = h('div', { class: 'row tight', role: 'status', 'aria-label': 'Buttons that are down' });
  const down = new Map();
  const el = h(
    'div',
    { class: 'stack', hidden: true },
    pad,
    h(
      'div',
      { class: 'row' },
      [...sticks.values()].map((s) => s.el),
      buttons,
    ),
  );
  let points = null;
  return {
    el,
    take(m) {
      if (m.type !== 'sample') return;
      const [, name, axis] = m.stream.match(/^(stick|gamepad\.(?:left|right))\.([xy])$/) ?? [];
      if (m.stream === 'touch') points = Array.isArray(m.points) ? m.points.slice(0, 16) : [];
      else if (name) Object.assign(sticks.get(name), { [axis]: Math.max(-1, Math.min(1, m.value)), moved: true });
      else return;
      el.hidden = false;
    },
    event(m) {
      const name = m.data?.button;
      if (typeof name !== 'string' || !/^button\./.test(m.event)) return;
      el.hidden = false;
      if (m.event === 'button.up') {
        down.get(name)?.remove();
        down.delete(name);
      } else if (!down.has(name) && down.size < 32) {
        down.set(name, h('span', { class: 'chip' }, name.slice(0, 32)));
        buttons.append(down.get(name));
      }
    },
    draw() {
      for (const s of sticks.values()) {
        if (!s.moved) continue;
        s.moved = false;
        s.el.hidden = false;
        s.knob.style.transform = `translate(${s.x * 40}px, ${-s.y * 40}px)`;
      }
      if (!points) return;
      const now = new Set(points.map((p) => p.n));
      for (const [n, dot] of dots) if (!now.has(n)) (dot.remove(), dots.delete(n));
      for (const p of points) {
        if (!Number.isFinite(p.x) || !Number.isFinite(p.y)) continue;
        if (!dots.has(p.n)) {
          dots.set(p.n, h('i', { class: 'finger' }));
          pad.append(dots.get(p.n));
        }
        const size = 28 + 28 * (Number(p.pressure) || 0);
        Object.assign(dots.get(p.n).style, {
          left: `${p.x * 100}%`,
          top: `${p.y * 100}%`,
          width: `${size}px`,
          height: `${size}px`,
        });
      }
      points = null;
    },
    /** The phone is gone, or is another one: whatever it held, it holds no more. */
    letGo() {
      points = [];
      for (const s of sticks.values()) if (s.x || s.y) Object.assign(s, { x: 0, y: 0, moved: true });
      for (const chip of down.values()) chip.remove();
      down.clear();
    },
  };
}
