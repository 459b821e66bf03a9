// Plots of a sensors interface: one for each stream, or those of one unit together; all show the same window of time,
// which is chosen, dragged over or held, and share a cursor.

import { capital, clockTime, humanize, quantity, unitName } from '../../core/format.js';
import { drawn, stepsBefore } from '../../core/series.js';
import { csv, figures, SPANS, stepOf, windowOf } from '../../core/window.js';
import { empty, fill, h, icon, Scope, set, text } from '../dom.js';
import { COLORS, joined, plot } from '../plot.js';
import { byName, own } from './sensors.js';

const DRAW_MS = 500;
const PAST_MS = 15000; // how often what the host keeps of longer ago is asked for

export function mountSensors(root, svc, { id, iface }) {
  const scope = new Scope();
  const grid = h('div', { class: 'plots' });
  const view = { span: svc.prefs.get('plot-span', null), zoom: null, together: svc.prefs.get('plots-together', false) };
  let frozen = null; // the samples that were there when it was paused, and when that was
  const plots = new Map(); // name -> SensorPlot
  let dirty = true;

  let past = {}; // stream -> steps of the time before the samples that this page has
  const samples = () => frozen?.samples ?? own(svc.store.state, id, iface.name).sort(byName).map(withPast);
  const known = new WeakMap(); // sample -> the same with its past: what did not change is not drawn again
  function withPast(s) {
    const steps = past[s.stream];
    let one = known.get(s);
    if (one?.steps !== steps) known.set(s, (one = { ...s, steps, past: stepsBefore(steps, s.points) }));
    return one ?? s;
  }
  const now = () => frozen?.now ?? Date.now() / 1000;
  const within = () => windowOf(view, now());

  // ---- the bar ----
  const span = h(
    'select',
    { class: 'input', 'aria-label': 'Time that is shown' },
    SPANS.map(([s, name]) => h('option', { value: `${s}` }, name)),
  );
  span.value = `${view.span}`;
  span.addEventListener('change', () => {
    view.span = span.value === 'null' ? null : Number(span.value);
    svc.prefs.put('plot-span', view.span);
    zoom(null);
    remember();
  });
  const button = (content, onclick, more) => h('button', { type: 'button', class: 'btn', onclick, ...more }, content);
  const pause = button('Pause', () => hold(!frozen), { 'aria-pressed': 'false' });
  const back = button('Zoom out', () => zoom(null), { hidden: true });
  const together = button('Together', () => {
    view.together = !view.together;
    svc.prefs.put('plots-together', view.together);
    clear();
    redraw();
  });
  const save = button([icon('download'), 'CSV'], () => {
    const streams = samples().map((s) => ({ name: s.stream, unit: s.unit, points: table(s) }));
    const blob = new Blob([csv(streams, within())], { type: 'text/csv' });
    const url = URL.createObjectURL(blob);
    h('a', { href: url, download: `${id}-${iface.name}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  });
  set(together, { title: 'Streams of one unit in one plot' });
  set(save, { title: 'What is shown, as a table' });
  const hint = h('span', { class: 'muted small' }, 'Drag over a plot to zoom, double click to zoom out');
  root.append(
    h('div', { class: 'plot-bar', role: 'group', 'aria-label': 'Plots' }, span, pause, back, together, save, hint),
    grid,
  );

  async function remember() {
    if (document.hidden || frozen) return;
    const { span } = view;
    try {
      const from = Math.max(0, Math.round(svc.clock.now() - (span ?? 86400) * 1000));
      const steps = await svc.api.sensorHistory(id, iface.name, { from, step_s: stepOf(span) });
      if (scope.closed || span !== view.span) return;
      past = steps;
      if (!frozen) redraw();
    } catch {
      /* the samples that are here are shown */
    }
  }
  function hold(on) {
    frozen = on ? { samples: samples(), now: now() } : null;
    set(pause, { 'aria-pressed': String(on) });
    redraw();
  }
  function zoom(to) {
    view.zoom = to;
    back.hidden = !to;
    redraw();
  }
  function clear() {
    for (const p of plots.values()) p.destroy();
    plots.clear();
    fill(grid);
  }

  // ---- drawing ----
  function redraw() {
    set(together, { 'aria-pressed': String(view.together) });
    dirty = true;
    for (const p of plots.values()) p.stale();
    draw();
  }
  function draw() {
    if ((!dirty && (view.span === null || frozen)) || document.hidden) return; // a window of time moves on
    dirty = false;
    const all = samples();
    if (!all.length) {
      if (!plots.size)
        fill(grid, empty('sensor', 'No sample has arrived yet. They appear here as the device sends them.'));
      return;
    }
    if (!plots.size) fill(grid);
    const groups = view.together
      ? grouped(all, (s) => unitName(s.unit) || s.quantity || s.stream)
      : new Map(all.map((s) => [s.stream, [s]]));
    for (const [name, streams] of groups) {
      const key = streams.map((s) => s.stream).join(' ');
      let p = plots.get(name);
      if (p && p.key !== key) p = void p.destroy(); // another stream of that unit has come
      if (!p) {
        plots.set(name, (p = new SensorPlot(name, streams, { key, within, zoom, sync: `${id}/${iface.name}` })));
        grid.append(p.el);
      }
      p.update(streams);
    }
  }

  scope.add(
    svc.store.watch(
      (s) => s.samples,
      () => {
        dirty = dirty || !frozen;
      },
    ),
  );
  scope.interval(draw, DRAW_MS);
  scope.interval(remember, PAST_MS);
  scope.listen(document, 'visibilitychange', draw);
  scope.add(clear);
  redraw();
  remember();
  return () => scope.close();
}

/** Of a stream's steps the means, then its samples. */
const table = ({ points: [t, v], past }) =>
  past
    ? [
        [...past.t, ...t],
        [...past.mean, ...v],
      ]
    : [t, v];

/**
 * Streams of one unit: names, latest values, lines, least, mean and most; under the pointer the values of that moment.
 */
class SensorPlot {
  constructor(name, streams, { key, within, zoom, sync }) {
    Object.assign(this, { key, _within: within, _last: null, _hover: null, chart: null });
    const [one] = streams;
    this._many = streams.length > 1;
    this._value = h('span', { class: 'value' });
    this._at = h('span', { class: 'at' });
    this._numbers = h('p', { class: 'numbers' });
    this._rows = streams.map(() => h('span', { class: 'value' }));
    const canvas = h('div', { class: 'canvas', 'aria-hidden': 'true' });
    const title = this._many ? name : humanize(one.stream);
    const kind = one.quantity ? humanize(one.quantity) : unitName(one.unit);
    this.el = h(
      'figure',
      { class: 'plot', dataset: { stream: streams.map((s) => s.stream).join(' ') } },
      h(
        'figcaption',
        { class: 'top' },
        h('h3', { class: 'ellipsis', title: one.stream }, this._many ? `${capital(kind)}` : capital(title)),
        this._many || title.includes(kind) ? null : h('span', { class: 'muted small ellipsis' }, kind),
        this._many ? null : this._value,
        this._at,
      ),
      canvas,
      this._many
        ? h(
            'ul',
            { class: 'lines' },
            streams.map((s, i) => h('li', {}, swatch(i), capital(humanize(s.stream)), this._rows[i])),
          )
        : this._numbers,
    );
    this._make = () =>
      plot(canvas, {
        series: streams.map((s) => ({ label: s.stream, unit: s.unit })),
        height: this._many ? 160 : 120,
        within,
        onZoom: zoom,
        together: sync,
        onHover: (at) => {
          this._hover = at;
          this._show();
        },
      });
  }

  /** It is drawn again, also when no sample is new. */
  stale() {
    this._last = null;
  }

  update(streams) {
    if (this._within() === null && this._last?.every((s, i) => s === streams[i])) return;
    this._last = streams;
    this.chart ??= this._make(); // on the page by now: its width is known
    this.chart.setData(joined(streams.map(drawn)));
    this._show();
  }

  destroy() {
    this.chart?.destroy();
    this.el.remove();
  }

  _show() {
    if (!this._last) return;
    const at = this._hover;
    const words = (s, i) => quantity(at ? at.values[i] : s.value, s.unit, s.quantity);
    this._last.forEach((s, i) => {
      const f = figures(s.points, this._within(), s.past);
      const say = (v) => quantity(v, s.unit);
      if (this._many) {
        text(this._rows[i], words(s, i));
        this._rows[i].title = f ? `${say(f.min)} to ${say(f.max)}, mean ${say(f.mean)}` : '';
      } else {
        text(this._value, words(s, i));
        text(this._numbers, f ? `min ${say(f.min)} · mean ${say(f.mean)} · max ${say(f.max)}` : 'nothing in this time');
      }
    });
    text(this._at, at ? `at ${clockTime(at.t * 1000)}` : '');
    this._at.hidden = !at;
  }
}

function grouped(all, keyOf) {
  const groups = new Map();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** The colour of a line, as a word's beginning. */
function swatch(i) {
  const el = icon('stop');
  el.style.color = `var(${COLORS[i % COLORS.length]})`;
  el.style.fill = 'currentColor';
  return el;
}
