// What the page looks for: thresholds beside their meters, the region that counts, times, the camera.

import { regionOf } from '../core/noticing.js';
import { field, h, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';

const DEFAULTS = {
  device: '',
  prompt: '',
  motion: true,
  motionAt: 0.02,
  audio: false,
  audioAt: 0.15,
  region: {},
  before: 2,
  after: 2,
  cooldown: 10,
  facing: 'environment',
};
const LEAST = { before: 1, after: 1, cooldown: 2 };
const MOST = { before: 10, after: 30, cooldown: 600 };

export const settings = { ...DEFAULTS, ...prefs.get('capture', {}) };

/** `changed()`: something was set. */
export function controls({ changed }) {
  const keep = () => {
    prefs.put('capture', settings);
    changed();
  };
  const line = (name, label, props = {}) => {
    const input = h('input', { class: 'input', value: settings[name], maxlength: 120, ...props });
    input.addEventListener('change', () => {
      settings[name] = input.value.trim();
      keep();
    });
    return field(label, input, props.hint);
  };
  const number = (name, label) => {
    const input = h('input', {
      class: 'input num',
      type: 'number',
      min: LEAST[name],
      max: MOST[name],
      value: settings[name],
    });
    input.addEventListener('change', () => {
      settings[name] = Math.min(MOST[name], Math.max(LEAST[name], Number(input.value) || DEFAULTS[name]));
      input.value = settings[name];
      keep();
    });
    return field(label, input);
  };
  const facing = h(
    'select',
    { class: 'input' },
    h('option', { value: 'environment' }, 'Back'),
    h('option', { value: 'user' }, 'Front'),
  );
  facing.value = settings.facing;
  facing.addEventListener('change', () => {
    settings.facing = facing.value;
    keep();
  });

  const meters = {};
  const sense = (kind, label, most) => {
    const name = `${kind}At`;
    const use = h('input', { type: 'checkbox', checked: settings[kind] });
    use.addEventListener('change', () => {
      settings[kind] = use.checked;
      keep();
    });
    const meter = h('meter', { min: 0, max: most, 'aria-label': `${label} now` });
    const range = h('input', {
      type: 'range',
      min: most / 100,
      max: most,
      step: most / 100,
      value: settings[name],
      'aria-label': `${label} that makes a clip`,
    });
    const percent = h('span', { class: 'muted small num' });
    const tell = () => text(percent, `from ${(settings[name] * 100).toFixed(1)} %`);
    range.addEventListener('input', () => {
      settings[name] = Number(range.value);
      tell();
      keep();
    });
    tell();
    meters[kind] = (value) => (meter.value = Math.min(value, most));
    return h(
      'div',
      { class: 'capture-sense', role: 'group', 'aria-label': label },
      h('label', { class: 'check' }, use, label),
      meter,
      percent,
      range,
    );
  };
  return {
    who: h(
      'div',
      { class: 'capture-settings' },
      line('device', 'Name of this device', { placeholder: 'kitchen-window', required: true }),
      line('prompt', 'What to look for', { placeholder: 'a person at the door', maxlength: 1000 }),
    ),
    senses: h('div', { class: 'stack' }, sense('motion', 'Movement', 0.25), sense('audio', 'Noise', 0.5)),
    times: h(
      'div',
      { class: 'capture-settings' },
      number('before', 'Seconds before'),
      number('after', 'Seconds after'),
      number('cooldown', 'Pause after a clip, s'),
      field('Camera', facing),
    ),
    shows: (kind, value) => meters[kind](value),
    keep,
  };
}

/** Draws the region over the picture; a finger makes another one. */
export function regionPad({ keep }) {
  const canvas = h('canvas', { 'aria-hidden': 'true' });
  const whole = h('button', { type: 'button', class: 'btn quiet' }, 'Whole picture');
  let from = null;
  const draw = (box) => {
    [canvas.width, canvas.height] = [canvas.clientWidth || 1, canvas.clientHeight || 1];
    const g = canvas.getContext('2d');
    const { left = 0, top = 0, right = 0, bottom = 0 } = box ?? {};
    whole.hidden = !(left || top || right || bottom);
    if (whole.hidden) return;
    const [x, y] = [(left / 100) * canvas.width, (top / 100) * canvas.height];
    const [w, t] = [canvas.width * (1 - (left + right) / 100), canvas.height * (1 - (top + bottom) / 100)];
    g.fillStyle = 'rgb(0 0 0 / 55%)';
    g.fillRect(0, 0, canvas.width, canvas.height);
    g.clearRect(x, y, w, t);
    g.lineWidth = 2;
    g.strokeStyle = '#fff';
    g.strokeRect(x, y, w, t);
  };
  const at = (e) => {
    const box = canvas.getBoundingClientRect();
    return [(e.clientX - box.x) / box.width, (e.clientY - box.y) / box.height];
  };
  const drawn = (e) => {
    const [x1, y1] = at(e);
    return regionOf({ x0: from[0], y0: from[1], x1, y1 });
  };
  canvas.addEventListener('pointerdown', (e) => {
    from = at(e);
    canvas.setPointerCapture(e.pointerId);
  });
  canvas.addEventListener('pointermove', (e) => from && draw(drawn(e) ?? settings.region));
  canvas.addEventListener('pointerup', (e) => {
    const region = from && drawn(e);
    from = null;
    if (region) settings.region = region;
    draw(settings.region);
    keep();
  });
  whole.addEventListener('click', () => {
    settings.region = {};
    draw({});
    keep();
  });
  new ResizeObserver(() => draw(settings.region)).observe(canvas);
  return { canvas, whole };
}
