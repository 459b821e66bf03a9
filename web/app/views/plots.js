// One plot per stream of a sensors interface.

import { capital, clockTime, humanize, quantity, unitName } from '../../core/format.js';
import { withGaps } from '../../core/series.js';
import { empty, fill, h, Scope, text } from '../dom.js';
import { plot } from '../plot.js';
import { byName, own } from './sensors.js';

const DRAW_MS = 500;

export function mountSensors(root, svc, { id, iface }) {
  const scope = new Scope();
  const grid = h('div', { class: 'plots' });
  root.append(grid);
  const plots = new Map();
  let dirty = true;

  function draw() {
    if (!dirty || document.hidden) return;
    dirty = false;
    const samples = own(svc.store.state, id, iface.name).sort(byName);
    if (!samples.length) {
      if (!plots.size)
        fill(grid, empty('sensor', 'No sample has arrived yet. They appear here as the device sends them.'));
      return;
    }
    if (!plots.size) fill(grid);
    for (const s of samples) {
      let p = plots.get(s.stream);
      if (!p) {
        plots.set(s.stream, (p = new SensorPlot(s)));
        grid.append(p.el);
      }
      p.update(s);
    }
  }

  scope.add(
    svc.store.watch(
      (s) => s.samples,
      () => {
        dirty = true;
      },
    ),
  );
  scope.interval(draw, DRAW_MS);
  scope.listen(document, 'visibilitychange', draw);
  scope.add(() => {
    for (const p of plots.values()) p.chart?.destroy();
  });
  draw();
  return () => scope.close();
}

/** One stream: name, latest value, line; under the pointer the value of that moment. */
class SensorPlot {
  constructor(s) {
    this._last = null;
    this._hover = null;
    this._value = h('span', { class: 'value' });
    this._at = h('span', { class: 'at' });
    const canvas = h('div', { class: 'canvas', 'aria-hidden': 'true' });
    const name = humanize(s.stream);
    const kind = s.quantity ? humanize(s.quantity) : unitName(s.unit);
    this.el = h(
      'figure',
      { class: 'plot', dataset: { stream: s.stream } },
      h(
        'figcaption',
        { class: 'top' },
        h('h3', { class: 'ellipsis', title: s.stream }, capital(name)),
        name.includes(kind) ? null : h('span', { class: 'muted small ellipsis' }, kind),
        this._value,
        this._at,
      ),
      canvas,
    );
    this._make = () =>
      plot(canvas, {
        series: [{ label: s.stream, unit: s.unit }],
        height: 120,
        onHover: (at) => {
          this._hover = at;
          this._show();
        },
      });
    this.chart = null;
  }

  update(s) {
    if (this._last === s) return;
    this._last = s;
    this.chart ??= this._make(); // on the page by now: its width is known
    this.chart.setData(withGaps(s.points));
    this._show();
  }

  _show() {
    if (!this._last) return;
    const { value, unit, quantity: kind } = this._last;
    const at = this._hover;
    text(this._value, quantity(at ? at.values[0] : value, unit, kind));
    text(this._at, at ? `at ${clockTime(at.t * 1000)}` : '');
    this._at.hidden = !at;
  }
}
