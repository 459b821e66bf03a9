// How connections went lately, for operators: success, time, way, losses, why they ended.

import { age } from '../core/format.js';
import { fill, h, text } from '../app/dom.js';

const WAYS = { direct: 'direct', nat: 'through NAT', turn: 'TURN', relay: 'by the server', none: 'none' };
const WHY = { left: 'left', ended: 'session ended', network: 'network lost', timeout: 'never connected' };

const some = (v, unit) =>
  v === undefined || v === null ? '–' : `${v < 10 ? Math.round(v * 10) / 10 : Math.round(v)} ${unit}`;
const counts = (o, names) =>
  Object.entries(o)
    .sort((a, b) => b[1] - a[1])
    .map(([k, n]) => `${n} ${names[k] ?? k}`)
    .join(', ') || '–';

function summaryOf(s) {
  const all = s.connected + s.failed;
  const rows = [
    ['Connected', all ? `${s.connected} of ${all} (${Math.round((100 * s.connected) / all)} %)` : 'none yet'],
    [
      'Time to connect',
      s.connect_ms ? `${some(s.connect_ms.p50, 'ms')}, ${some(s.connect_ms.p95, 'ms')} for one in twenty` : '–',
    ],
    ['Ways', counts(s.paths, WAYS)],
    ['Changes of way', String(s.switches)],
    ['Lost packets', s.loss_pct ? `${some(s.loss_pct.p50, '%')}, ${some(s.loss_pct.p95, '%')} for one in twenty` : '–'],
    ['Ended', counts(s.reasons, WHY)],
  ];
  return h(
    'dl',
    { class: 'facts' },
    rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
  );
}

const rowOf = (r) =>
  h(
    'tr',
    {},
    [
      age((Date.now() - Date.parse(r.at)) / 1000),
      r.device ?? 'phone',
      r.connected ? (r.ended ? 'ended' : 'connected') : 'not connected',
      WAYS[r.path] ?? r.path,
      some(r.connect_ms, 'ms'),
      some(r.rtt_ms, 'ms'),
      some(r.loss_pct, '%'),
      r.reason ? (WHY[r.reason] ?? r.reason) : '',
    ].map((cell) => h('td', {}, cell)),
  );

const HEADS = ['', 'What', 'State', 'Way', 'Connected in', 'Round trip', 'Lost', 'Why it ended'];

/** {el}: a section that reads while it is open. */
export function makeConnections({ lists }) {
  const summary = h('div', {});
  const rows = h('tbody', {});
  const problem = h('p', { class: 'muted', role: 'status' });
  const box = h(
    'details',
    { class: 'panel' },
    h('summary', {}, 'Connections'),
    h(
      'div',
      { class: 'body stack' },
      problem,
      summary,
      h(
        'div',
        { class: 'table-wrap', tabindex: '0', role: 'region', 'aria-label': 'Connections' },
        h(
          'table',
          { class: 'grid' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              HEADS.map((c) => h('th', { scope: 'col' }, c)),
            ),
          ),
          rows,
        ),
      ),
    ),
  );
  const show = (got) => {
    text(problem, '');
    fill(summary, summaryOf(got.summary));
    fill(rows, got.reports.map(rowOf));
  };
  let forget = null;
  box.addEventListener('toggle', () => {
    forget?.();
    forget = box.open ? lists.read('telemetry', show, (error) => text(problem, error.message)) : null;
  });
  return { el: box };
}
