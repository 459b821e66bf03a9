// Lines of a GPIO chip: what each is now; outputs are switched and pressed.

import { actionButton, badge, empty, fill, h, icon, Scope, set, text, uid } from '../dom.js';

const LOOK_MS = 5000; // what nobody tells: an output that another program turned

export function mountGpio(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const list = h('ul', { class: 'list gpio' });
  const box = h('div', {}, list);
  const ms = h('input', {
    class: 'input num',
    type: 'number',
    min: '1',
    max: '60000',
    value: '200',
    id: uid('pulse'),
  });
  const rows = new Map(); // line -> its row
  let why = '';
  root.append(box, h('div', { class: 'terminal-bar' }, h('label', { for: ms.id }, 'A press lasts (ms)'), ms));

  const run = async (op, params) => {
    const answer = await svc.commands.send(id, `${iface.name}.${op}`, params, { timeoutMs: 75000 });
    if (answer?.lines) show(answer.lines);
  };
  const failed = (line) => (e) => svc.toast.error(e, line);

  function rowOf(line) {
    const state = badge('', 'neutral');
    const toggle = actionButton(
      { class: 'btn' },
      h('span', {}),
      () => run('set', { line: line.line, on: toggle.dataset.next === 'on' }),
      failed(line.line),
    );
    const press = actionButton(
      { class: 'btn quiet', 'aria-label': `Press ${line.line}` },
      'Press',
      () => run('pulse', { line: line.line, ms: Number(ms.value) || 200, on: true }),
      failed(line.line),
    );
    const out = line.direction === 'out';
    const el = h(
      'li',
      { dataset: { line: line.line } },
      icon('plug'),
      h(
        'div',
        { class: 'main' },
        h('strong', {}, line.line),
        h('span', { class: 'muted small' }, `${out ? 'output' : 'input'}, line ${line.pin ?? '?'}`),
      ),
      state,
      out ? toggle : null,
      out ? press : null,
    );
    return {
      el,
      update(now) {
        text(state, now.on ? 'on' : 'off');
        set(state, { class: `badge ${now.on ? 'good' : 'neutral'}` });
        toggle.dataset.next = now.on ? 'off' : 'on';
        text(toggle.querySelector('span'), now.on ? 'Off' : 'On');
        set(toggle, { 'aria-label': `Switch ${now.line} ${now.on ? 'off' : 'on'}`, title: why });
        toggle.disabled = press.disabled = Boolean(why);
      },
    };
  }
  let lines = [];
  function show(now) {
    if (scope.closed) return;
    const same = now.length === rows.size && now.every((l) => rows.has(l.line));
    lines = now;
    if (!same) {
      rows.clear();
      for (const line of now) rows.set(line.line, rowOf(line));
      fill(
        list,
        [...rows.values()].map((r) => r.el),
      );
      fill(box, now.length ? list : empty('plug', 'No lines are attached.'));
    }
    for (const line of now) rows.get(line.line).update(line);
  }
  async function load() {
    try {
      show((await svc.api.get(svc.api.iface(id, iface.name))).lines);
    } catch (error) {
      rows.clear();
      if (!scope.closed) fill(box, empty('warn', error.message));
    }
  }
  scope.add(
    control.watch((may, reason) => {
      why = may ? '' : reason || 'Somebody else has this device';
      show(lines);
    }),
  );
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => {
        if (!e || e.device !== id || e.interface !== iface.name) return;
        if (e.event === 'gpio.state' && e.data?.lines) show(e.data.lines);
        else if (e.event === 'gpio.edge') load();
      },
    ),
  );
  load();
  scope.interval(load, LOOK_MS);
  return () => scope.close();
}
