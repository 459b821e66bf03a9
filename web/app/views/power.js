// Power: what was commanded, what is observed, and the difference between them said out loud.

import { capital, quantity } from '../../core/format.js';
import { interfacesOf, key } from '../../core/store.js';
import { powerTruth, powerWords } from '../../core/truth.js';

const LOOK_MS = 10000; // a switch that nobody asks does not say that it has gone
import { actionButton, confirmDialog, h, icon, notice, Scope, set, text, uid, fill } from '../dom.js';

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
    /** `why`: why it may not be pressed; '' when it may. */
    update(p, why) {
      const on = (p?.observed && p.observed !== 'unknown' ? p.observed : p?.commanded) === 'on';
      next = on ? 'off' : 'on';
      text(label, on ? 'Off' : 'On');
      set(el, { 'aria-label': `Power ${next} ${device}`, title: why || `Power ${next}` });
      el.disabled = !p || Boolean(why);
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
  const was = h('span', { class: 'muted small' });
  observed.append(dot, observedText);
  const mismatch = h('div', { hidden: true });
  const busy = h('p', { class: 'busy', role: 'status', hidden: true });
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
          h('div', {}, h('span', { class: 'label' }, 'Observed'), observed, was),
        ),
        h('div', { class: 'power-buttons' }, buttons), // what is said of them stands below: they stay where they are
        busy,
        mismatch,
        meter,
        at,
      ),
    ),
  );

  const here = (s) => interfacesOf(s.devices[id], 'power').find((i) => i.name === iface.name);
  scope.add(svc.store.watch(here, () => show(svc.store.state.power[key(id, iface.name)])));
  scope.add(svc.store.watch((s) => s.power[key(id, iface.name)], show));
  function show(p) {
    const t0 = powerTruth(p, here(svc.store.state));
    text(commanded, capital(p?.commanded ?? 'nothing yet'));
    text(observedText, p ? capital(t0.observed) : '…');
    text(was, t0.was);
    dot.className = `dot ${{ on: 'good', off: '' }[t0.observed] ?? 'warn'}`;
    text(busy, t0.busy && t0.observed !== 'unknown' ? `${t0.busy} ${t0.observed} now` : t0.busy);
    busy.hidden = !t0.busy;
    mismatch.hidden = !t0.wrong;
    if (mismatch.dataset.words !== t0.wrong) {
      mismatch.dataset.words = t0.wrong;
      fill(mismatch, t0.wrong ? notice(p?.error ? 'bad' : 'warn', t0.wrong) : null);
    }
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
    text(at, t && !Number.isNaN(t.getTime()) && !t0.was ? `Read back at ${t.toLocaleTimeString()}` : '');
  }
  scope.interval(() => {
    if (!document.hidden && svc.store.state.link.state === 'open') svc.readPower(id, iface.name);
  }, LOOK_MS);
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
