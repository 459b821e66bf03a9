// Hardware that was found and is not attached yet: one click attaches it. And attaching by hand, by URI.

import { actionButton, dialogButtons, empty, field, fill, h, icon, modal, Scope, text } from '../dom.js';
import { listOf } from '../services.js';

export function mount(root, svc) {
  const scope = new Scope();
  const list = h('ul', { class: 'list' });
  const box = h('section', { class: 'panel', 'aria-label': 'Found hardware' }, list);
  const drivers = h('div', { class: 'table-wrap' });
  root.append(
    h(
      'div',
      { class: 'head' },
      h('h1', {}, 'Hardware'),
      h('span', { class: 'spacer' }),
      h(
        'button',
        { type: 'button', class: 'btn', id: 'attach-by-hand', onclick: () => attach({}) },
        icon('plug'),
        'Attach by URI',
      ),
    ),
    box,
    h('h2', { class: 'section-title' }, 'Drivers'),
    h('section', { class: 'panel' }, drivers),
  );

  async function load() {
    try {
      const found = listOf(await svc.api.resources(), 'resources');
      if (scope.closed) return;
      if (!found.length) fill(box, empty('plug', 'Nothing new was found. What is plugged in appears here by itself.'));
      else (fill(box, list), fill(list, found.map(row)));
    } catch (error) {
      if (!scope.closed) fill(box, empty('warn', error.message));
    }
  }
  function row(r) {
    const why = r.why ?? r.reason;
    return h(
      'li',
      {},
      icon(r.kind === 'video' ? 'camera' : 'plug'),
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
        : actionButton(
            { class: 'btn primary', 'aria-label': `Attach ${r.label ?? r.uri}` },
            'Attach',
            () => attach(r),
            (e) => svc.toast.error(e, 'Attach'),
          ),
    );
  }
  function attach(r) {
    return modal(
      (close) => {
        const slug = (r.label ?? '')
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-+|-+$/g, '')
          .slice(0, 32);
        const id = h('input', {
          class: 'input',
          required: true,
          pattern: '[a-z0-9][a-z0-9._\\-]{0,63}',
          value: slug,
          autocapitalize: 'off',
          spellcheck: 'false',
          id: 'attach-id',
        });
        const label = h('input', { class: 'input', maxlength: '200', value: r.label ?? '' });
        const uri = h('input', {
          class: 'input mono',
          required: true,
          value: r.uri ?? r.attach ?? '',
          placeholder: 'serial:///dev/serial/by-id/…?baud=115200',
          spellcheck: 'false',
          id: 'attach-uri',
        });
        const error = h('p', { class: 'error-text', role: 'alert' });
        return h(
          'form',
          {
            method: 'dialog',
            onsubmit: async (e) => {
              e.preventDefault();
              text(error, '');
              try {
                await svc.api.attach({
                  id: id.value.trim(),
                  ...(label.value.trim() ? { label: label.value.trim() } : {}),
                  attach: [uri.value.trim()],
                });
                close(true);
                svc.reload('*');
                svc.toast.good('Attached', id.value.trim());
                location.hash = `#/d/${encodeURIComponent(id.value.trim())}`;
              } catch (problem) {
                text(error, problem.field ? `${problem.message} (${problem.field})` : problem.message);
                for (const [name, el] of [
                  ['id', id],
                  ['label', label],
                  ['attach', uri],
                ])
                  el.setAttribute('aria-invalid', String(String(problem.field ?? '').startsWith(name)));
              }
            },
          },
          h('h2', {}, 'Attach hardware'),
          field('Name', id, 'Small letters, digits, . _ -'),
          field('Label', label),
          field('Attach URI', uri),
          error,
          dialogButtons(() => close(null), 'Attach'),
        );
      },
      { label: 'Attach hardware' },
    );
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
  load();
  loadDrivers();
  return () => scope.close();
}
