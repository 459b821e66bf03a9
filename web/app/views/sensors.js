// Sensors, from what the API says (quantity, unit), so that a new sensor needs no change: their samples, and the latest
// values beside the device. The plots are plots.js.

import { age, capital, humanize, quantity } from '../../core/format.js';
import { interfacesOf, samplesOf } from '../../core/store.js';
import { staleFor } from '../../core/truth.js';
import { Backoff } from '../../core/backoff.js';
import { SocketRoute } from '../../core/routes.js';
import { fill, h, Scope, text } from '../dom.js';

const TOGETHER_MS = 100;

/** `load.15m` after `load.5m` */
export const byName = (a, b) => a.stream.localeCompare(b.stream, undefined, { numeric: true });

/**
 * Keeps the samples of an interface flowing into the store: by the data channel `sensor` while the picture of the
 * device comes by WebRTC (the host sends them there by itself), otherwise by a WebSocket of their own.
 */
export function followSensors(svc, { id, iface }, scope) {
  let waiting = [],
    timer = null; // a fast sensor's are taken together: each turn of the store costs who watches it
  const flush = () => {
    timer = null;
    svc.store.dispatch({ type: 'samples', samples: waiting });
    waiting = [];
  };
  const take = (message) => {
    for (const s of samplesOf(message)) {
      svc.clock.heard(s.t);
      waiting.push({ ...s, device: id, interface: iface.name });
      timer ??= setTimeout(flush, TOGETHER_MS);
    }
  };
  scope.add(() => clearTimeout(timer));
  const stream = new SocketRoute({
    name: 'sensors',
    url: () => svc.api.wsPath(svc.api.iface(id, iface.name, '/stream')),
    protocols: () => svc.api.wsProtocols(),
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

/** The samples of one interface. */
export const own = (state, id, iface) =>
  Object.values(state.samples).filter((s) => s.device === id && s.interface === iface);

/** The latest values, for the side of the page. */
export function mountReadings(root, svc, { id, iface, onOpen }) {
  const scope = new Scope();
  const body = h('div', { class: 'body readings', tabindex: '0', role: 'group', 'aria-label': 'Latest values' });
  const title = iface.name === 'sensors' ? 'Sensors' : capital(humanize(iface.name));
  root.append(
    h(
      'section',
      { class: 'panel', 'aria-label': title },
      h(
        'header',
        {},
        h('h2', {}, title),
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
        const samples = own(svc.store.state, id, iface.name).sort(byName);
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
        showAge();
      },
    ),
  );
  function showAge() {
    const here = interfacesOf(svc.store.state.devices[id], 'sensors').find((i) => i.name === iface.name);
    const lost = here?.state && here.state !== 'ready' && here.state !== 'busy';
    for (const s of own(svc.store.state, id, iface.name)) {
      const row = rows.get(s.stream);
      if (!row) continue;
      const old = staleFor(s, svc.clock.now()) ?? (lost ? Math.max(0, (svc.clock.now() - s.t) / 1000) : null);
      row.classList.toggle('old', old !== null);
      row.dataset.age = old === null ? '' : `${age(old)} ago`;
      row.title = old === null ? '' : `Nothing came for ${age(old)}`;
    }
  }
  scope.interval(showAge, 1000);
  return () => scope.close();
}
