// Commands that wait for a host that is away: what, for how long yet, and a way to take each back. Nothing is sent in
// secret.

import { humanize } from '../core/format.js';
import { fill, h, icon } from './dom.js';

/** `power.set {"state":"off"}` -> "power off" */
export function commandWords({ verb, params = {} }) {
  const dot = verb.lastIndexOf('.');
  const [iface, op] = [verb.slice(0, dot), verb.slice(dot + 1)];
  return humanize(`${iface} ${op === 'set' && typeof params.state === 'string' ? params.state : op}`);
}

export function mountQueue(root, commands) {
  const list = h('ul', {});
  const bar = h(
    'section',
    { class: 'queue', id: 'queue', hidden: true, 'aria-label': 'Commands that wait', 'aria-live': 'polite' },
    list,
  );
  root.append(bar);
  let timer = null;
  const show = () => {
    const waiting = commands.waiting();
    bar.hidden = !waiting.length;
    if (!waiting.length) {
      clearInterval(timer);
      timer = null;
    } else timer ??= setInterval(tick, 1000);
    fill(
      list,
      waiting.map((c) =>
        h(
          'li',
          { dataset: { until: c.until } },
          icon('warn'),
          h('p', {}, h('strong', {}, `${c.device}: ${commandWords(c)}`), ' waits for the connection'),
          h('span', { class: 'num left', 'aria-hidden': 'true' }),
          h(
            'button',
            {
              type: 'button',
              class: 'btn',
              'aria-label': `Cancel ${commandWords(c)} of ${c.device}`,
              onclick: () => commands.cancel(c.id),
            },
            'Cancel',
          ),
        ),
      ),
    );
    tick();
  };
  const tick = () => {
    for (const li of list.children)
      li.querySelector('.left').textContent =
        `${Math.max(0, Math.ceil((Number(li.dataset.until) - Date.now()) / 1000))} s`;
  };
  commands.on('queue', show);
  show();
}
