// Every stream of the phone as a plot of its last seconds: those of one quantity together.

import { joined, loadPlot, plot } from '../app/plot.js';
import { valuesOf } from '../core/pairing-streams.js';
import { append, withGaps } from '../core/series.js';
import { h } from '../app/dom.js';

const SPAN_MS = 30000;
const EVERY_MS = 100;
const GROUPS_MAX = 24;
const SERIES_MAX = 6;

/** `gyro.x` is of the group `gyro`, `battery.level` stands alone: what has another unit has another axis. */
const groupOf = (stream, unit) => `${stream.split('.').slice(0, -1).join('.') || stream} ${unit}`;

export function makePlots() {
  const groups = new Map(); // name -> {unit, streams: Map(name -> [times, values]), chart, el}
  const el = h('details', { class: 'phone-plots' }, h('summary', {}, 'Plots'));
  let drawn = 0;
  let ready = false;
  el.addEventListener('toggle', async () => {
    if (!el.open) return;
    await loadPlot();
    ready = true;
  });

  function put({ stream, unit, value }, t) {
    const name = groupOf(stream, unit);
    let g = groups.get(name);
    if (!g) {
      if (groups.size >= GROUPS_MAX) return;
      groups.set(name, (g = { unit, streams: new Map(), chart: null, el: h('div', { class: 'plot-of' }) }));
      el.append(g.el);
    }
    let s = g.streams.get(stream);
    if (!s) {
      if (g.streams.size >= SERIES_MAX) return;
      g.streams.set(stream, (s = [[], []]));
      g.chart?.destroy();
      g.chart = null;
    }
    append(s, t, value, SPAN_MS);
  }

  function draw() {
    if (!el.open || !ready || performance.now() - drawn < EVERY_MS) return;
    drawn = performance.now();
    for (const g of groups.values()) {
      const names = [...g.streams.keys()];
      if (!g.chart) {
        g.el.replaceChildren(h('div', { class: 'muted small' }, `${names.join(', ')} ${g.unit === '1' ? '' : g.unit}`));
        g.chart = plot(g.el, {
          series: names.map((label) => ({ label, unit: g.unit === '1' ? '' : g.unit })),
          height: 120,
        });
      }
      g.chart.setData(joined([...g.streams.values()].map(withGaps)));
    }
  }

  return {
    el,
    take: (m) => {
      for (const v of valuesOf(m)) put(v, m.t);
    },
    draw,
    destroy: () => {
      for (const g of groups.values()) g.chart?.destroy();
    },
  };
}
