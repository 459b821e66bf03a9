// How the phone lies, as a model that turns with it, and its motion in figures.

import { fixed } from '../core/format.js';
import { anglesOf, cssOf, quaternionOf, relative } from '../core/pose.js';
import { h, set, text } from '../app/dom.js';

const ROWS = [
  ['orientation', ['alpha', 'beta', 'gamma'], (v) => `${fixed(v, 0)}°`, ''],
  ['gyro', ['x', 'y', 'z'], (v) => fixed(v, 2), 'rad/s'],
  ['accel', ['x', 'y', 'z'], (v) => fixed(v, 1), 'm/s²'],
];

export function makePose() {
  const model = h(
    'div',
    { class: 'slab' },
    h('div', { class: 'face front' }, h('i', { class: 'speaker' }), 'top'),
    h('div', { class: 'face back' }, h('i', { class: 'lens' })),
    ...['left', 'right', 'top', 'bottom'].map((side) => h('div', { class: `face ${side}` })),
  );
  const cells = new Map();
  const rows = h(
    'div',
    { class: 'axes' },
    ROWS.flatMap(([name, axes, , unit]) =>
      axes.map((axis) => {
        const value = h('span', { class: 'value' }, '–');
        cells.set(`${name}.${axis}`, value);
        const label = name === 'orientation' ? axis : `${name} ${axis}`;
        return h('div', {}, h('span', { class: 'muted small' }, label, unit ? ` ${unit}` : ''), value);
      }),
    ),
  );
  let newest = null; // what was not drawn yet
  let pose = null;
  let zero = null;
  const zeroHere = () => {
    zero = pose;
    set(level, { hidden: !zero });
    newest ??= {};
  };
  const button = h('button', { type: 'button', class: 'btn', onclick: zeroHere }, 'This pose is zero');
  const level = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet',
      hidden: true,
      onclick: () => {
        zero = null;
        level.hidden = true;
        newest ??= {};
      },
    },
    'As it lies',
  );
  const el = h(
    'div',
    { class: 'pose' },
    h(
      'div',
      { class: 'stack' },
      h('div', { class: 'attitude', 'aria-hidden': 'true' }, model),
      h('div', { class: 'row' }, button, level),
    ),
    rows,
  );
  return {
    el,
    /** What was read last is old from now on, and looks like it. */
    letGo() {
      el.classList.add('stale');
    },
    take(m) {
      if (m.type !== 'sensor') return;
      el.classList.remove('stale');
      newest = { ...newest, ...m };
      if (m.orientation) pose = quaternionOf(m.orientation);
    },
    event(m) {
      if (m.event === 'phone.zero') zeroHere();
    },
    draw() {
      if (!newest) return;
      if (pose) {
        const seen = relative(pose, zero);
        model.style.transform = cssOf(seen);
        newest.orientation = zero ? anglesOf(seen) : (newest.orientation ?? anglesOf(seen));
      }
      for (const [name, axes, show] of ROWS)
        for (const axis of newest[name] ? axes : []) text(cells.get(`${name}.${axis}`), show(newest[name][axis]));
      newest = null;
    },
  };
}
