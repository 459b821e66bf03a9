// A device's log, live, with a filter; the host keeps the history, so nothing is missing at the start.

import { EventStream } from '../../core/events.js';
import { clockTime } from '../../core/format.js';
import { h, Scope, text, uid } from '../dom.js';

const MAX_LINES = 2000;
const TAIL_BYTES = 128 * 1024; // of history before what comes now

export function mountLogs(root, svc, { id, iface }) {
  const scope = new Scope();
  const out = h('pre', { class: 'output logs', role: 'log', 'aria-label': `Log of ${id}`, tabindex: '0' });
  const word = h('input', { class: 'input', type: 'search', placeholder: 'Show lines with …', id: uid('w') });
  const pause = h('button', { type: 'button', class: 'btn', 'aria-pressed': 'false' }, 'Pause');
  const state = h('span', { class: 'status', role: 'status' }, 'Connecting');
  root.append(
    out,
    h(
      'div',
      { class: 'terminal-bar' },
      h('label', { class: 'sr-only', for: word.id }, 'Filter'),
      h('span', { class: 'grow' }, word),
      pause,
      h(
        'button',
        {
          type: 'button',
          class: 'btn',
          onclick: () => {
            lines.length = 0;
            draw();
          },
        },
        'Clear',
      ),
      state,
    ),
  );

  const lines = [];
  let due = false;
  let paused = false;
  const draw = () => {
    const w = word.value.toLowerCase();
    const end = out.scrollHeight - out.scrollTop - out.clientHeight < 40;
    out.textContent = lines.filter((l) => !w || l.toLowerCase().includes(w)).join('\n');
    if (end) out.scrollTop = out.scrollHeight;
  };
  const soon = () => {
    if (due || paused) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  };
  word.addEventListener('input', draw);
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (!paused) draw();
  });

  // by WebSocket: an event stream would hold one of the six connections that a browser has for all tabs of a host
  const path = svc.api.iface(id, iface.name);
  const from = { from: -TAIL_BYTES };
  const stream = new EventStream({
    url: svc.api.url(path, { query: from }),
    fetch: svc.fetch ?? ((...a) => fetch(...a)),
    wsUrl: (last) => svc.api.wsPath(path, last === null ? from : { last_event_id: last }),
    wsProtocols: () => svc.api.wsProtocols(),
    WebSocket: svc.remote ? null : WebSocket,
    idOf: (line) => line.offset,
    headers: () => svc.api.headers(),
  });
  stream.on('event', ({ data }) => {
    const line = typeof data === 'string' ? data : (data.line ?? data.text ?? data.data?.line ?? JSON.stringify(data));
    const t = data?.t;
    lines.push(t ? `${clockTime(t, true)}  ${line}` : line);
    if (lines.length > MAX_LINES) lines.splice(0, lines.length - MAX_LINES);
    soon();
  });
  stream.on('state', (s, reason) => {
    text(state, { open: 'Live', connecting: 'Connecting', waiting: 'Reconnecting', closed: 'Closed' }[s]);
    state.title = reason ?? '';
  });
  scope.add(() => stream.stop());
  stream.start();
  return () => scope.close();
}
