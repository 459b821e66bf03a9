// Sensors: one plot per stream, drawn from what the API says (quantity, unit), so that a new sensor needs no change.

import { humanize, quantity, unitName } from '../../core/format.js';
import { samplesOf } from '../../core/store.js';
import { Backoff } from '../../core/backoff.js';
import { SocketRoute } from '../../core/command.js';
import { empty, fill, h, Scope, text } from '../dom.js';
import { plot } from '../plot.js';

const DRAW_MS = 500;

/** Keeps the samples of an interface flowing into the store. */
export function followSensors(svc, { id, iface }, scope) {
  const take = (message) => {
    for (const s of samplesOf(message)) svc.store.dispatch({ type: 'sample', sample: { ...s, device: id, interface: iface.name } });
  };
  const stream = new SocketRoute({
    name: 'sensors', url: () => svc.api.wsUrl(svc.api.iface(id, iface.name, '/stream')), WebSocket, backoff: new Backoff({ firstMs: 1000, maxMs: 20000 }),
  });
  stream.on('message', (raw) => {
    try {
      take(JSON.parse(raw));
    } catch { /* not a sample */ }
  });
  svc.api.sensors(id, iface.name).then(take, () => {});
  stream.start();
  scope.add(() => stream.stop());
}

const own = (state, id, iface) => Object.values(state.samples).filter((s) => s.device === id && s.interface === iface);

export function mountSensors(root, svc, { id, iface }) {
  const scope = new Scope();
  const grid = h('div', { class: 'plots' });
  root.append(grid);
  const plots = new Map();
  let dirty = true;

  function draw() {
    if (!dirty || document.hidden) return;
    dirty = false;
    const samples = own(svc.store.state, id, iface.name).sort((a, b) => a.stream.localeCompare(b.stream));
    if (!samples.length) {
      if (!plots.size) fill(grid, empty('sensor', 'No sample has arrived yet.'));
      return;
    }
    if (!plots.size) fill(grid);
    for (const s of samples) {
      let p = plots.get(s.stream);
      if (!p) {
        const value = h('span', { class: 'value' });
        const canvas = h('div', { class: 'canvas' });
        const el = h('figure', { class: 'plot', dataset: { stream: s.stream } },
          h('figcaption', { class: 'top' }, h('h3', {}, humanize(s.stream)), h('span', { class: 'muted small' }, s.quantity ? humanize(s.quantity) : unitName(s.unit)), value), canvas);
        grid.append(el);
        p = { value, chart: plot(canvas, { series: [{ label: s.stream, unit: s.unit }], height: 120 }) };
        plots.set(s.stream, p);
      }
      if (p.last === s) continue;
      p.last = s;
      text(p.value, quantity(s.value, s.unit));
      p.chart.setData([s.points[0].map((t) => t / 1000), s.points[1]]);
    }
  }

  scope.add(svc.store.watch((s) => s.samples, () => { dirty = true; }));
  scope.interval(draw, DRAW_MS);
  scope.listen(document, 'visibilitychange', draw);
  scope.add(() => { for (const p of plots.values()) p.chart.destroy(); });
  draw();
  return () => scope.close();
}

/** The latest values, for the side of the page. */
export function mountReadings(root, svc, { id, iface, onOpen }) {
  const scope = new Scope();
  const body = h('div', { class: 'body' });
  root.append(h('section', { class: 'panel', 'aria-label': 'Sensors' }, h('header', {}, h('h2', {}, iface.name === 'sensors' ? 'Sensors' : humanize(iface.name)),
    h('button', { type: 'button', class: 'btn quiet', onclick: onOpen }, 'Plots')), body));
  const rows = new Map();
  scope.add(svc.store.watch((s) => s.samples, () => {
    const samples = own(svc.store.state, id, iface.name).sort((a, b) => a.stream.localeCompare(b.stream)).slice(0, 12);
    if (!samples.length) {
      fill(body, h('p', { class: 'muted' }, 'No sample yet.'));
      return;
    }
    if (!rows.size) fill(body);
    for (const s of samples) {
      let row = rows.get(s.stream);
      if (!row) {
        row = h('span', { class: 'value' });
        rows.set(s.stream, row);
        body.append(h('div', { class: 'reading' }, h('span', { class: 'ellipsis', title: s.stream }, humanize(s.stream)), row));
      }
      text(row, quantity(s.value, s.unit));
    }
  }));
  return () => scope.close();
}
