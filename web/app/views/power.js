// Power: what was commanded, what is observed, and the difference between them said out loud.

import { capital, quantity } from '../../core/format.js';
import { key } from '../../core/store.js';
import { actionButton, confirmDialog, h, icon, notice, Scope, set, text, uid, fill } from '../dom.js';

/** One line for a card. */
export function powerWords(p) {
  if (!p) return 'Power …';
  if (p.error && !p.observed) return 'Power unknown';
  const observed = p.observed ?? 'unknown';
  if (p.commanded && observed !== 'unknown' && p.commanded !== observed)
    return `Commanded ${p.commanded}, observed ${observed}`;
  if (observed === 'unknown') return p.commanded ? `Commanded ${p.commanded}, not observed` : 'Not observed';
  return observed === 'on' ? 'On' : 'Off';
}

/** The one button of a card: the opposite of what is observed. */
export function powerButton(svc, device, iface) {
  let next = 'on';
  const label = h('span', {}, 'Power');
  const el = actionButton(
    { class: 'btn' },
    label,
    async () => {
      if (next === 'off') {
        const sure = await confirmDialog({
          title: `Power off ${device}?`,
          message: 'What runs on it stops at once.',
          action: 'Power off',
          danger: true,
        });
        if (!sure) return;
      }
      svc.store.dispatch({
        type: 'power',
        device,
        interface: iface,
        power:
          (await svc.commands.send(device, `${iface}.set`, { state: next }, { timeoutMs: 30000 })) ??
          (await svc.api.power(device, iface)),
      });
    },
    (e) => svc.toast.error(e, `Power of ${device}`),
  );
  return {
    el,
    update(p) {
      const on = (p?.observed && p.observed !== 'unknown' ? p.observed : p?.commanded) === 'on';
      next = on ? 'off' : 'on';
      text(label, on ? 'Off' : 'On');
      set(el, { 'aria-label': `Power ${next} ${device}`, title: `Power ${next}` });
      el.disabled = !p;
    },
  };
}

/** The panel of the device page. */
export function mountPower(root, svc, { id, iface, control }) {
  const scope = new Scope();
  const commanded = h('span', { class: 'value' });
  const observed = h('span', { class: 'value' });
  const dot = h('span', { class: 'dot' });
  const observedText = h('span', {});
  observed.append(dot, observedText);
  const mismatch = h('div', { hidden: true });
  const meter = h('div', { class: 'meter' });
  const at = h('p', { class: 'muted small' });
  const off = h('input', {
    class: 'input num',
    type: 'number',
    min: '0',
    max: '120',
    step: '0.5',
    value: '2',
    id: uid('off'),
  });

  const set1 = (state) => run(`${iface.name}.set`, { state });
  async function run(verb, params) {
    const p = await svc.commands.send(id, verb, params, { timeoutMs: 45000 });
    if (p && typeof p === 'object' && p.observed)
      svc.store.dispatch({ type: 'power', device: id, interface: iface.name, power: p });
    else await svc.readPower(id, iface.name);
    svc.announce(`Power of ${id}: ${powerWords(svc.store.state.power[key(id, iface.name)])}`);
  }
  const fail = (e) => {
    svc.toast.error(e, 'Power');
    svc.readPower(id, iface.name);
  };
  const buttons = [
    actionButton({ class: 'btn', id: `power-on-${iface.name}` }, [icon('power'), 'On'], () => set1('on'), fail),
    actionButton({ class: 'btn danger', id: `power-off-${iface.name}` }, 'Off', () => set1('off'), fail),
    actionButton(
      { class: 'btn', id: `power-cycle-${iface.name}` },
      [icon('cycle'), 'Cycle'],
      () => run(`${iface.name}.cycle`, { off_s: Math.min(120, Math.max(0, Number(off.value) || 0)) }),
      fail,
    ),
  ];

  root.append(
    h(
      'section',
      { class: 'panel', 'aria-label': `Power ${iface.name}` },
      h(
        'header',
        {},
        h('h2', {}, iface.name === 'power' ? 'Power' : iface.name),
        h('label', { class: 'small muted', for: off.id }, 'off for'),
        h('span', { class: 'off-s' }, off),
        h('span', { class: 'small muted' }, 's'),
      ),
      h(
        'div',
        { class: 'body stack' },
        h(
          'div',
          { class: 'power-truth' },
          h('div', {}, h('span', { class: 'label' }, 'Commanded'), commanded),
          h('div', {}, h('span', { class: 'label' }, 'Observed'), observed),
        ),
        mismatch,
        h('div', { class: 'power-buttons' }, buttons),
        meter,
        at,
      ),
    ),
  );

  scope.add(
    svc.store.watch(
      (s) => s.power[key(id, iface.name)],
      (p) => {
        text(commanded, capital(p?.commanded ?? 'nothing yet'));
        text(observedText, capital(p?.observed ?? '…'));
        dot.className = `dot ${p?.observed === 'on' ? 'good' : p?.observed === 'off' ? '' : 'warn'}`;
        const differs = p?.commanded && p?.observed && p.observed !== 'unknown' && p.commanded !== p.observed;
        mismatch.hidden = !differs && !p?.error;
        if (p?.error) fill(mismatch, notice('bad', p.error));
        else if (differs) fill(mismatch, notice('warn', `Commanded ${p.commanded}, but the device is ${p.observed}.`));
        const parts = [
          ['watts', 'W', 'Power'],
          ['volts', 'V', 'Voltage'],
          ['amps', 'A', 'Current'],
          ['energy_wh', 'Wh', 'Energy'],
        ].filter(([k]) => Number.isFinite(p?.[k]));
        fill(
          meter,
          parts.map(([k, unit, name]) =>
            h('div', {}, h('span', { class: 'label' }, name), h('strong', { class: 'num' }, quantity(p[k], unit))),
          ),
        );
        meter.hidden = !parts.length;
        const t = p?.at ? new Date(p.at) : null;
        text(at, t && !Number.isNaN(t.getTime()) ? `Read back at ${t.toLocaleTimeString()}` : '');
      },
    ),
  );
  scope.add(
    control.watch((may, why) => {
      for (const b of buttons) {
        b.disabled = !may;
        b.title = may ? '' : why;
      }
    }),
  );
  svc.readPower(id, iface.name);
  return () => scope.close();
}
