// Who is with a device from elsewhere, through the server's links; nothing while nobody is.

import { nameOf, wayWords } from '../../core/people.js';
import { fill, h, icon, Scope, text } from '../dom.js';

export function mountPeople(root, svc, { id }) {
  const scope = new Scope();
  const count = h('span', { class: 'badge plain' });
  const list = h('ul', { class: 'people' });
  const el = h(
    'section',
    { class: 'panel', 'aria-label': 'People', hidden: true },
    h('header', {}, h('h2', {}, 'People through links'), count),
    h('div', { class: 'body' }, list),
  );
  root.append(el);
  scope.add(
    svc.store.watch(
      (s) => s.devices[id],
      (device) => {
        const people = device?.people ?? [];
        el.hidden = !people.length;
        text(count, people.length);
        fill(
          list,
          people.map((p) =>
            h(
              'li',
              {},
              icon(p.mode === 'control' ? 'keyboard' : 'eye', p.mode === 'control' ? 'may control' : 'watches'),
              h('strong', {}, nameOf(p)),
              h('span', { class: 'muted' }, p.since ? wayWords(p) : ''),
              p.user === device.lease?.holder ? h('span', { class: 'chip' }, 'has control') : null,
            ),
          ),
        );
      },
    ),
  );
  return () => scope.close();
}
