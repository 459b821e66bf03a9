// Hardware that was found and is not attached yet: one click attaches it. And attaching by hand. Only for who may.

import { actionButton, empty, fill, h, icon, notice, Scope } from '../dom.js';
import { listOf } from '../services.js';
import { openAttach, whyNoAttach } from './attach.js';
import { phonesSection } from './phones.js';

export function mount(root, svc) {
  const scope = new Scope();
  const box = h('section', { class: 'panel', 'aria-label': 'Found hardware' });
  const drivers = h('div', { class: 'table-wrap' });
  const byHand = actionButton(
    { class: 'btn', id: 'attach-by-hand', hidden: true },
    [icon('plug'), 'Attach by URI'],
    () => attach({}),
    (e) => svc.toast.error(e, 'Attach'),
  );
  const why = h('div', { hidden: true });
  const phones = phonesSection(svc, scope);
  let whyNot = '';
  root.append(
    h('div', { class: 'head' }, h('h1', {}, 'Hardware'), h('span', { class: 'spacer' }), phones.add, byHand),
    why,
    box,
    phones.title,
    phones.el,
    h('h2', { class: 'section-title' }, 'Drivers'),
    h('section', { class: 'panel' }, drivers),
  );

  async function load() {
    try {
      const found = listOf(await svc.api.resources(), 'resources');
      if (scope.closed) return;
      if (!found.length) fill(box, empty('plug', 'Nothing new was found. What is plugged in appears here by itself.'));
      else fill(box, groups(found));
    } catch (error) {
      if (!scope.closed) fill(box, empty('warn', error.message));
    }
  }
  /** What hangs on this machine, and what is in the network; without headings where there is only one of them. */
  function groups(found) {
    const far = found.filter((r) => r.properties?.found_by);
    const near = found.filter((r) => !r.properties?.found_by);
    if (!far.length || !near.length) return h('ul', { class: 'list' }, found.map(row));
    return [
      ['On this machine', near],
      ['In the network', far],
    ].map(([title, those]) => [
      h('h2', { class: 'list-title' }, title),
      h('ul', { class: 'list', 'aria-label': title }, those.map(row)),
    ]);
  }
  function row(r) {
    const why = r.why ?? r.reason;
    return h(
      'li',
      {},
      icon((r.properties?.kind ?? r.kind) === 'video' ? 'camera' : 'plug'),
      h(
        'div',
        { class: 'main' },
        h('strong', {}, r.label ?? r.uri),
        h('span', { class: 'uri' }, r.uri ?? r.attach),
        why ? h('span', { class: 'muted small' }, why) : null,
      ),
      (r.attached ?? r.device)
        ? h(
            'a',
            { class: 'btn quiet', href: `#/d/${encodeURIComponent(r.device ?? r.attached)}` },
            `In use by ${r.device ?? r.attached}`,
          )
        : whyNot
          ? null
          : actionButton(
              { class: 'btn primary', 'aria-label': `Attach ${r.label ?? r.uri}` },
              'Attach',
              () => attach(r),
              (e) => svc.toast.error(e, 'Attach'),
            ),
    );
  }
  async function attach(resource) {
    const id = await openAttach(svc, { resource });
    if (id) location.hash = `#/d/${encodeURIComponent(id)}`;
  }
  async function loadDrivers() {
    try {
      const all = listOf(await svc.api.drivers(), 'drivers');
      fill(
        drivers,
        h(
          'table',
          { class: 'grid drivers' },
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ['Driver', 'Serves', 'What it is', 'Example'].map((t) => h('th', { scope: 'col' }, t)),
            ),
          ),
          h(
            'tbody',
            {},
            all.map((d) =>
              h(
                'tr',
                {},
                h('td', {}, h('strong', {}, d.name)),
                h(
                  'td',
                  {},
                  h(
                    'span',
                    { class: 'row tight' },
                    (d.kinds ?? []).map((k) => h('span', { class: 'chip' }, k)),
                  ),
                ),
                h('td', {}, d.summary ?? d.help ?? ''),
                h('td', {}, h('code', {}, d.example ?? '')),
              ),
            ),
          ),
        ),
      );
    } catch (error) {
      fill(drivers, empty('warn', error.message));
    }
  }
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => {
        if (e && /^(resource|device)\./.test(e.event)) load();
      },
    ),
  );
  scope.add(
    svc.store.watch(
      (s) => s.me,
      (me) => {
        whyNot = whyNoAttach(me);
        byHand.hidden = !me || Boolean(whyNot);
        phones.allow(Boolean(me) && !whyNot);
        why.hidden = !whyNot;
        fill(why, whyNot ? notice('info', whyNot) : null);
        load();
      },
    ),
  );
  loadDrivers();
  return () => scope.close();
}
