// Kinds that this console has no panel for: what the API says about them, as it says it. And instruments: ask, answer.

import { humanize } from '../../core/format.js';
import { fill, h, Scope, text, uid } from '../dom.js';

export function mountInstrument(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const out = h('pre', { class: 'output logs', role: 'log', tabindex: '0', 'aria-label': 'Replies' });
  const q = h('input', { class: 'input mono', value: '*IDN?', id: uid('q') });
  const ask = h('button', { type: 'submit', class: 'btn primary' }, 'Ask');
  root.append(
    out,
    h(
      'form',
      {
        class: 'terminal-bar',
        onsubmit: async (e) => {
          e.preventDefault();
          out.append(h('span', { class: 'cmd' }, `${q.value}\n`));
          try {
            const { reply } = await svc.api.json('POST', svc.api.iface(id, iface.name), {
              body: { query: q.value, timeout_s: 5 },
              device: id,
            });
            out.append(`${reply}\n`);
          } catch (error) {
            out.append(h('span', { class: 'err' }, `${error.message}\n`));
          }
          out.scrollTop = out.scrollHeight;
        },
      },
      h('label', { class: 'sr-only', for: q.id }, 'Query'),
      h('span', { class: 'grow' }, q),
      ask,
    ),
  );
  scope.add(
    control.watch((may) => {
      ask.disabled = !may;
    }),
  );
  return () => scope.close();
}

function value(v) {
  if (v === null || v === undefined) return h('span', { class: 'muted' }, '–');
  if (typeof v === 'object') return h('code', {}, JSON.stringify(v));
  return String(v);
}

export function mountGeneric(root, svc, { id, iface }) {
  const scope = new Scope();
  const list = h('dl', { class: 'facts' });
  const note = h('p', { class: 'muted' });
  root.append(h('div', { class: 'body stack' }, note, list));
  async function load() {
    try {
      const answer = await svc.api.get(svc.api.iface(id, iface.name));
      if (scope.closed) return;
      text(note, '');
      fill(
        list,
        Object.entries(answer ?? {}).map(([k, v]) => [h('dt', {}, humanize(k)), h('dd', {}, value(v))]),
      );
    } catch (error) {
      text(note, error.message);
    }
  }
  load();
  scope.interval(load, 5000);
  return () => scope.close();
}
