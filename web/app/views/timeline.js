// What happens on the bus, newest first, as it happens.

import { clockTime } from '../../core/format.js';
import { describe } from '../../core/store.js';
import { empty, fill, h, Scope, text, uid } from '../dom.js';

const PAGE_ROWS = 300;

export function mount(root, svc) {
  const scope = new Scope();
  const id = uid('f');
  const filter = h('input', { class: 'input', type: 'search', placeholder: 'Device, type or word', id });
  const pause = h('button', { type: 'button', class: 'btn', 'aria-pressed': 'false' }, 'Pause');
  const count = h('span', { class: 'muted num' });
  const list = h('ol', { class: 'timeline', 'aria-label': 'Events, newest first' });
  const box = h('section', { class: 'panel' }, list);
  root.append(
    h(
      'div',
      { class: 'head' },
      h('h1', {}, 'Timeline'),
      count,
      h('span', { class: 'spacer' }),
      h('div', { class: 'filter' }, h('label', { class: 'sr-only', for: id }, 'Filter events'), filter),
      pause,
    ),
    box,
  );

  let paused = false;
  const show = (events) => {
    if (paused) return;
    const word = filter.value.trim().toLowerCase();
    const rows = events.filter(
      (e) => !word || `${e.event} ${e.device ?? ''} ${e.interface ?? ''} ${describe(e)}`.toLowerCase().includes(word),
    );
    text(count, `${rows.length} event${rows.length === 1 ? '' : 's'}`);
    if (!rows.length) {
      fill(
        box,
        empty('sensor', word ? 'No event matches.' : 'Nothing has happened yet. Events appear here as they happen.'),
      );
      return;
    }
    if (!list.isConnected) fill(box, list);
    list.replaceChildren(...rows.slice(0, PAGE_ROWS).map((e) => row(e)));
  };
  pause.addEventListener('click', () => {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    show(svc.store.state.timeline);
  });
  filter.addEventListener('input', () => show(svc.store.state.timeline));
  scope.add(svc.store.watch((s) => s.timeline, show));
  return () => scope.close();
}

function row(e) {
  return h(
    'li',
    {},
    h('time', { datetime: new Date(e.t).toISOString(), title: new Date(e.t).toLocaleString() }, clockTime(e.t, true)),
    h(
      'span',
      { class: 'dev ellipsis' },
      e.device
        ? h('a', { href: `#/d/${encodeURIComponent(e.device)}` }, e.device)
        : h('span', { class: 'muted' }, 'host'),
    ),
    h('span', { class: 'what' }, describe(e), h('span', { class: 'type mono' }, e.event)),
  );
}

/** The last events of one device, as a panel. */
export function mountDeviceTimeline(root, svc, { id }) {
  const scope = new Scope();
  const list = h('ol', { class: 'timeline compact' });
  root.append(list);
  scope.add(
    svc.store.watch(
      (s) => s.timeline,
      (events) => {
        const own = events.filter((e) => e.device === id).slice(0, 100);
        if (!own.length)
          fill(
            list,
            h(
              'li',
              { class: 'muted' },
              h('span', {}),
              h('span', {}, 'Nothing has happened since this page was opened.'),
            ),
          );
        else
          list.replaceChildren(
            ...own.map((e) =>
              h(
                'li',
                {},
                h('time', { datetime: new Date(e.t).toISOString() }, clockTime(e.t)),
                h('span', { class: 'what' }, describe(e)),
              ),
            ),
          );
      },
    ),
  );
  return () => scope.close();
}
