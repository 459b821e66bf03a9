// Sensors: one plot per stream, drawn from what the API says (quantity, unit), so that a new sensor needs no change.

import { capital, clockTime, humanize, quantity, unitName } from '../../core/format.js';
import { withGaps } from '../../core/series.js';
import { samplesOf } from '../../core/store.js';
import { Backoff } from '../../core/backoff.js';
import { SocketRoute } from '../../core/routes.js';
import { empty, fill, h, Scope, text } from '../dom.js';
import { plot } from '../plot.js';

const DRAW_MS = 500;

/** `load.15m` after `load.5m` */
const byName = (a, b) => a.stream.localeCompare(b.stream, undefined, { numeric: true });

/**
 * Keeps the samples of an interface flowing into the store: by the data channel `sensor` while the picture of the
 * device comes by WebRTC (the host sends them there by itself), otherwise by a WebSocket of their own.
 */
export function followSensors(svc, { id, iface }, scope) {
  const take = (message) => {
    for (const s of samplesOf(message))
      svc.store.dispatch({ type: 'sample', sample: { ...s, device: id, interface: iface.name } });
  };
  const stream = new SocketRoute({
    name: 'sensors',
    url: () => svc.api.wsUrl(svc.api.iface(id, iface.name, '/stream')),
    WebSocket,
    backoff: new Backoff({ firstMs: 1000, maxMs: 20000 }),
  });
  stream.on('message', (raw) => {
    try {
      take(JSON.parse(raw));
    } catch {
      /* not a sample */
    }
  });
  // at each beginning: what was measured before the page was opened, or while the connection was lost
  const remember = () =>
    svc.api.sensorHistory(id, iface.name).then(
      (streams) => svc.store.dispatch({ type: 'sample-history', device: id, interface: iface.name, streams }),
      () => {},
    );
  stream.on('change', (open) => {
    if (open) remember();
  });
  const choose = () => {
    if (!svc.telemetry.direct(id)) return stream.start();
    stream.stop();
    return remember();
  };
  scope.add(
    svc.telemetry.on('change', (device) => {
      if (device === id) choose();
    }),
  );
  scope.add(() => stream.stop());
  choose();
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

/** The latest values, for the side of the page. */
export function mountReadings(root, svc, { id, iface, onOpen }) {
  const scope = new Scope();
  const body = h('div', { class: 'body' });
  root.append(
    h(
      'section',
      { class: 'panel', 'aria-label': 'Sensors' },
      h(
        'header',
        {},
        h('h2', {}, iface.name === 'sensors' ? 'Sensors' : humanize(iface.name)),
        h('button', { type: 'button', class: 'btn quiet', onclick: onOpen }, 'Plots'),
      ),
      body,
    ),
  );
  const rows = new Map();
  scope.add(
    svc.store.watch(
      (s) => s.samples,
      () => {
        const samples = own(svc.store.state, id, iface.name).sort(byName).slice(0, 12);
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
            body.append(
              h(
                'div',
                { class: 'reading' },
                h('span', { class: 'ellipsis', title: s.stream }, capital(humanize(s.stream))),
                row,
              ),
            );
          }
          text(row, quantity(s.value, s.unit, s.quantity));
        }
      },
    ),
  );
  return () => scope.close();
}
