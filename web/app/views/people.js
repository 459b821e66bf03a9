// Who is with a device: through the server's links, and at this host itself; nothing while one is alone.

import { BY, nameHere, nameOf, wayWords, withoutMe } from '../../core/people.js';
import { fill, h, icon, Scope, text } from '../dom.js';

export function mountPeople(root, svc, { id }) {
  const scope = new Scope();
  const count = h('span', { class: 'badge plain' });
  const list = h('ul', { class: 'people' });
  const el = h(
    'section',
    { class: 'panel', 'aria-label': 'People', hidden: true },
    h('header', {}, h('h2', {}, 'Who else is there'), count),
    h('div', { class: 'body' }, list),
  );
  root.append(el);
  scope.add(
    svc.store.watch(
      (s) => s.devices[id],
      (device) => {
        const { me } = svc.store.state;
        const people = withoutMe(device?.people ?? [], me);
        el.hidden = !people.length;
        text(count, people.length);
        fill(
          list,
          people.map((p) =>
            h(
              'li',
              {},
              icon(p.mode === 'control' ? 'keyboard' : 'eye', p.mode === 'control' ? 'may control' : 'watches'),
              h('strong', {}, p.by ? nameHere(p, me) : nameOf(p)),
              h('span', { class: 'muted' }, [p.since ? wayWords(p) : '', BY[p.by] ?? ''].filter(Boolean).join(', ')),
              p.user && p.user !== 'local' && p.user === device.lease?.holder
                ? h('span', { class: 'chip' }, 'has control')
                : null,
            ),
          ),
        );
      },
    ),
  );
  return () => scope.close();
}
