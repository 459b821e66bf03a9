// The page Rules: what this host does by itself, with the live value beside its limit.

import { clockTime, short } from '../../core/format.js';
import { isSo, limitOf, stateOf, thenWords, whenWords } from '../../core/rules.js';
import { actionButton, badge, confirmDialog, empty, fill, h, Scope, text } from '../dom.js';
import { openEditor, showTest } from './ruleform.js';

export function mount(root, svc) {
  const scope = new Scope();
  const list = h('ul', { class: 'list rules', 'aria-label': 'Rules' });
  const box = h('section', { class: 'panel' }, h('div', { class: 'body' }, 'Loading'));
  const add = h('button', { type: 'button', class: 'btn primary', onclick: () => edit() }, 'New rule');
  root.append(h('div', { class: 'head' }, h('h1', {}, 'Rules'), h('span', { class: 'spacer' }), add), box);

  let rules = [];
  let may = false;
  const live = new Map(); // name -> {rule, value: element}
  const wanted = new Map(); // device -> undo

  /** Samples of the devices whose values are shown; what is not shown is not asked for. */
  function follow() {
    const devices = new Set(rules.filter((r) => r.enabled && limitOf(r)).map((r) => r.device));
    for (const [device, undo] of wanted)
      if (!devices.has(device)) {
        undo();
        wanted.delete(device);
      }
    for (const device of devices)
      if (!wanted.has(device)) wanted.set(device, svc.commands.subscribe(`sensor:${device}`));
  }

  function showValue(rule, el, value) {
    const l = limitOf(rule);
    const limit = [l.low === null ? '' : `below ${l.low}`, l.high === null ? '' : `above ${l.high}`]
      .filter(Boolean)
      .join(' or ');
    el.className = `value num${isSo(rule, value) ? ' so' : ''}`;
    text(el, `${Number.isFinite(value) ? short(value) : 'no value yet'} · ${limit}`);
  }

  scope.add(
    svc.commands.on('sample', (s) => {
      for (const { rule, value } of live.values())
        if (rule.device === s.device && rule.when.stream === s.stream) showValue(rule, value, s.value);
    }),
  );

  async function edit(rule = null) {
    const saved = await openEditor(svc, rule);
    if (saved) await load();
  }

  async function change(rule, part) {
    const { state, configured, ...whole } = rule;
    await svc.api.putRule(rule.name, { ...whole, ...part });
    await load();
  }

  async function remove(rule) {
    const sure = await confirmDialog({
      title: `Remove ${rule.name}?`,
      message: 'It is gone, with its cooldown and its counts. What it keeps by clips stays.',
      action: 'Remove',
      danger: true,
    });
    if (!sure) return;
    await svc.api.removeRule(rule.name);
    await load();
  }

  const problem = (error) => svc.toast.error(error);

  function row(rule) {
    const how = stateOf(rule);
    const l = limitOf(rule);
    const value = l ? h('span', { 'aria-label': 'Value and limit' }) : null;
    if (l) {
      showValue(rule, value, rule.state?.value ?? NaN);
      live.set(rule.name, { rule, value });
    }
    const fired = rule.state?.fired
      ? `fired ${rule.state.fired} time${rule.state.fired === 1 ? '' : 's'}, last ${clockTime(rule.state.fired_at)}`
      : '';
    const why = rule.configured ? 'It stands in the host’s configuration: change it there.' : null;
    return h(
      'li',
      { dataset: { rule: rule.name } },
      h(
        'div',
        { class: 'main' },
        h(
          'div',
          { class: 'row' },
          h('strong', {}, rule.name),
          badge(how.label, how.tone),
          rule.device ? h('a', { href: `#/d/${encodeURIComponent(rule.device)}` }, rule.device) : null,
          value,
        ),
        h(
          'div',
          {},
          'When ',
          whenWords(rule),
          rule.while?.power ? `, while power is ${rule.while.power}` : '',
          ': ',
          thenWords(rule),
        ),
        h(
          'div',
          { class: 'muted small' },
          // what somebody wrote turns the words beside it nowhere (right-to-left, overrides)
          [rule.note, how.words, fired, why].filter(Boolean).map((words, i) => h('bdi', {}, i ? ` · ${words}` : words)),
        ),
      ),
      h(
        'div',
        { class: 'row tight' },
        actionButton({ 'aria-label': `Test ${rule.name}` }, 'Test', () => showTest(svc, rule), problem),
        may && !rule.configured
          ? [
              actionButton(
                { 'aria-label': `${rule.enabled ? 'Switch off' : 'Switch on'} ${rule.name}` },
                rule.enabled ? 'Switch off' : 'Switch on',
                () => change(rule, { enabled: !rule.enabled }),
                problem,
              ),
              h(
                'button',
                { type: 'button', class: 'btn', 'aria-label': `Edit ${rule.name}`, onclick: () => edit(rule) },
                'Edit',
              ),
              actionButton(
                { 'aria-label': `Remove ${rule.name}`, class: 'btn danger' },
                'Remove',
                () => remove(rule),
                problem,
              ),
            ]
          : null,
      ),
    );
  }

  /** What is drawn anew under somebody's hands keeps the focus. */
  function draw() {
    const at = list.contains(document.activeElement) ? document.activeElement.getAttribute('aria-label') : null;
    live.clear();
    follow();
    if (!rules.length) {
      fill(
        box,
        empty(
          'sensor',
          'No rule yet. A rule watches a value, a console or an event, and then keeps a clip, switches power, tells somebody.',
        ),
      );
      return;
    }
    fill(list, rules.map(row));
    if (!list.isConnected) fill(box, list);
    if (at) [...list.querySelectorAll('button')].find((b) => b.getAttribute('aria-label') === at)?.focus();
  }

  async function load() {
    try {
      const got = await svc.api.rules();
      if (scope.closed) return;
      rules = got;
      draw();
    } catch (error) {
      if (!scope.closed && error.status !== 0) fill(box, empty('warn', error.message));
    }
  }

  scope.add(
    svc.store.watch(
      (s) => s.me,
      (me) => {
        may = !me?.role || me.role === 'admin';
        add.hidden = !may;
        draw();
      },
    ),
  );
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => {
        if (e && /^rules?\./.test(e.event)) load();
      },
    ),
  );
  scope.add(() => wanted.forEach((undo) => undo()));
  load();
  return () => scope.close();
}
