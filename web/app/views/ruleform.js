// A rule that is being written, tried over what was recorded, and saved.

import { clockTime } from '../../core/format.js';
import { formOf, ruleOf } from '../../core/rules.js';
import { actionButton, field, fill, h, icon, modal, notice, text } from '../dom.js';

const SORTS = [
  ['stream', 'A value of a sensor'],
  ['console', 'The console prints'],
  ['event', 'An event'],
  ['missing', 'Nothing comes'],
  ['at', 'A time of the day'],
  ['every_s', 'Again and again'],
];
const TEXTS = {
  stream: ['Stream', 'video.motion'],
  console: ['Pattern', 'Kernel panic'],
  event: ['Event', 'power.state'],
  missing: ['Of', 'console, or a stream'],
  at: ['Time', '03:00'],
  every_s: ['Seconds', '3600'],
};
const ACTIONS = [
  ['verb', 'Command'],
  ['notify', 'Tell the pages'],
  ['webhook', 'Webhook'],
];
const ACTION_HINTS = {
  verb: 'power.cycle',
  notify: 'The board died',
  webhook: 'an address: chat.example/hook, with https:// before it',
};

const select = (options, value, props = {}) => {
  const el = h(
    'select',
    { class: 'input', ...props },
    options.map(([v, label]) => h('option', { value: v }, label)),
  );
  el.value = value;
  return el;
};

// ---- test ----

function resultOf(result) {
  const n = result.fired.length;
  const looked = `${result.looked_at} ${result.looked_at === 1 ? 'thing' : 'things'} looked at`;
  return [
    h(
      'p',
      { role: 'status' },
      n
        ? `It would have fired ${n}${result.more ? ' times and more' : n === 1 ? ' time' : ' times'} within a day`
        : 'It would not have fired within a day',
      ` (${looked}${result.held ? `, held back ${result.held} times` : ''}).`,
    ),
    n
      ? h(
          'ol',
          { class: 'tried' },
          result.fired
            .slice(-20)
            .map((f) => h('li', {}, h('span', { class: 'num muted' }, clockTime(f.t)), ' ', f.cause)),
        )
      : null,
  ];
}

export async function showTest(svc, rule) {
  const result = await svc.api.testRule(rule.name, {});
  await modal(
    (close) =>
      h(
        'form',
        { method: 'dialog', class: 'stack', onsubmit: (e) => (e.preventDefault(), close(true)) },
        h('h2', {}, `Test of ${rule.name}`),
        resultOf(result),
        h('p', { class: 'muted small' }, 'By what the host has kept. Nothing was done.'),
        h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'btn primary', autofocus: true }, 'Close')),
      ),
    { label: `Test of ${rule.name}` },
  );
}

// ---- editor ----

/** One line of `then`. */
function actionRow(a, n, drop) {
  const sort = select(ACTIONS, a.sort, { 'aria-label': `Action ${n}: what` });
  const what = h('input', { class: 'input', value: a.text, required: true, 'aria-label': `Action ${n}: text` });
  const params = h('input', {
    class: 'input mono',
    value: a.params,
    placeholder: '{"pre_s": 10}',
    'aria-label': `Action ${n}: parameters`,
  });
  const device = h('input', {
    class: 'input',
    value: a.device,
    placeholder: 'its device',
    'aria-label': `Action ${n}: device`,
  });
  const secret = h('input', {
    class: 'input',
    type: 'password',
    value: a.secret,
    placeholder: 'Secret of the signature',
    autocomplete: 'off',
    'aria-label': `Action ${n}: secret`,
  });
  const show = () => {
    what.placeholder = ACTION_HINTS[sort.value];
    params.hidden = device.hidden = sort.value !== 'verb';
    secret.hidden = sort.value !== 'webhook';
  };
  sort.addEventListener('change', show);
  show();
  const el = h(
    'div',
    { class: 'row action', role: 'group', 'aria-label': `Action ${n}` },
    sort,
    what,
    params,
    device,
    secret,
    h(
      'button',
      { type: 'button', class: 'btn quiet icon-only', 'aria-label': `Remove action ${n}`, onclick: () => drop() },
      icon('close'),
    ),
  );
  const read = () => ({
    sort: sort.value,
    text: what.value,
    params: params.value,
    device: device.value,
    secret: secret.value,
  });
  return { el, read };
}

export function openEditor(svc, rule) {
  const f = formOf(rule ?? {});
  const input = (props) => h('input', { class: 'input', ...props });
  const devices = [
    ['', 'Any, or none'],
    ...Object.keys(svc.store.state.devices)
      .sort()
      .map((d) => [d, d]),
  ];
  if (f.device && !devices.some(([d]) => d === f.device)) devices.push([f.device, `${f.device} (not there)`]);
  const e = {
    name: input({
      value: f.name,
      required: true,
      pattern: '[a-z0-9][a-z0-9._\\-]{0,63}',
      disabled: !!rule,
      autocapitalize: 'off',
    }),
    device: select(devices, f.device || (rule ? '' : (devices[1]?.[0] ?? ''))),
    sort: select(SORTS, f.sort),
    text: input({ value: f.text, required: true }),
    interface: input({ value: f.interface, placeholder: 'any' }),
    how: select(
      [
        ['above', 'above'],
        ['below', 'below'],
        ['outside', 'outside of two'],
      ],
      f.how,
      { 'aria-label': 'Above, below or outside' },
    ),
    limit: input({ value: f.limit, 'aria-label': 'Limit', placeholder: '0.02', inputmode: 'decimal' }),
    samples: input({ value: f.samples, type: 'number', min: 1 }),
    for_s: input({ value: f.for_s, type: 'number', min: 0, step: 'any' }),
    hysteresis: input({ value: f.hysteresis, type: 'number', min: 0, step: 'any' }),
    repeat: h('input', { type: 'checkbox', checked: f.repeat }),
    where: input({ value: f.where, placeholder: 'state=fault' }),
    differ: input({ value: f.differ, placeholder: 'commanded observed' }),
    power: select(
      [
        ['', 'whatever'],
        ['on', 'on'],
        ['off', 'off'],
      ],
      f.power,
    ),
    cooldown_s: input({ value: f.cooldown_s, type: 'number', min: 0, step: 'any' }),
    per_hour: input({ value: f.per_hour, type: 'number', min: 1 }),
    active: input({ value: f.active, placeholder: '22:00-06:00' }),
    lease: select(
      [
        ['respect', 'be refused, and say so'],
        ['take', 'take it over'],
      ],
      f.lease,
    ),
    dry_run: h('input', { type: 'checkbox', checked: f.dry_run }),
    enabled: h('input', { type: 'checkbox', checked: f.enabled }),
    note: input({ value: f.note, maxlength: 200 }),
  };
  const check = (box, label) => h('label', { class: 'row' }, box, label);
  const text_ = field('Stream', e.text);
  const parts = {
    limit: h('div', { class: 'row' }, e.how, e.limit),
    samples: field('Values in a row', e.samples),
    for_s: field('For so many seconds', e.for_s),
    hysteresis: field('Back by', e.hysteresis, 'It is over when the value is so far beyond the limit.'),
    repeat: check(e.repeat, 'Again and again while it is so'),
    where: field('Where', e.where, 'Fields of the event, with = and spaces between.'),
    differ: field('Two fields that differ', e.differ),
    interface: field('Interface', e.interface),
  };
  const shown = {
    stream: ['limit', 'samples', 'for_s', 'hysteresis', 'repeat', 'interface'],
    console: ['interface'],
    event: ['where', 'differ', 'interface'],
    missing: ['for_s', 'interface'],
    at: [],
    every_s: [],
  };
  const showSort = () => {
    const [label, hint] = TEXTS[e.sort.value];
    text(text_.querySelector('label'), label);
    e.text.placeholder = hint;
    e.limit.required = e.sort.value === 'stream';
    for (const [name, el] of Object.entries(parts)) el.hidden = !shown[e.sort.value].includes(name);
  };
  e.sort.addEventListener('change', showSort);
  showSort();

  let actions = [];
  const actionBox = h('div', { class: 'stack' });
  const drawActions = (from) => {
    actions = from.map((a, i) =>
      actionRow(a, i + 1, () => {
        const rest = actions.map((r) => r.read()).filter((_, k) => k !== i);
        drawActions(rest.length ? rest : [formOf().then[0]]);
        more.focus();
      }),
    );
    fill(
      actionBox,
      actions.map((r) => r.el),
    );
  };
  const more = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      onclick: () => drawActions([...actions.map((r) => r.read()), { ...formOf().then[0], sort: 'verb' }]),
    },
    'Another action',
  );
  drawActions(f.then);

  const read = () => {
    const form = {};
    for (const [name, el] of Object.entries(e)) form[name] = el.type === 'checkbox' ? el.checked : el.value;
    return ruleOf({ ...form, then: actions.map((r) => r.read()) });
  };
  const said = h('div', { 'aria-live': 'polite' });
  const failed = (error) => fill(said, notice('bad', error.message));
  return modal(
    (close) => {
      const form = h(
        'form',
        { method: 'dialog', class: 'stack rule-form' },
        h('h2', {}, rule ? `Rule ${rule.name}` : 'New rule'),
        h(
          'div',
          { class: 'param-grid' },
          rule ? null : field('Name', e.name, 'Small letters, digits, . _ -'),
          field('Device', e.device),
          field('What it is for', e.note),
        ),
        h('h3', {}, 'When'),
        h(
          'div',
          { class: 'param-grid' },
          field('What happens', e.sort),
          text_,
          parts.limit,
          parts.samples,
          parts.for_s,
          parts.hysteresis,
          parts.where,
          parts.differ,
          parts.interface,
          field('While its power is', e.power),
          parts.repeat,
        ),
        h('h3', {}, 'Then'),
        actionBox,
        h('div', {}, more),
        h('h3', {}, 'But'),
        h(
          'div',
          { class: 'param-grid' },
          field('Not again for (s)', e.cooldown_s),
          field('In an hour at most', e.per_hour),
          field('Only in these hours', e.active),
          field('When somebody else has the device', e.lease),
        ),
        check(e.dry_run, 'Dry run: it says that it fires, and does nothing'),
        check(e.enabled, 'It watches'),
        said,
        h(
          'div',
          { class: 'buttons' },
          actionButton(
            {},
            'Test',
            async () => {
              const given = read();
              fill(said, resultOf(await svc.api.testRule(given.name || 'new', { rule: given })));
            },
            failed,
          ),
          h('button', { type: 'button', class: 'btn', onclick: () => close(null) }, 'Cancel'),
          h('button', { type: 'submit', class: 'btn primary' }, 'Save'),
        ),
      );
      form.addEventListener('submit', async (event) => {
        event.preventDefault();
        try {
          const given = read();
          await (rule ? svc.api.putRule(rule.name, given) : svc.api.addRule(given));
          close(true);
        } catch (error) {
          failed(error);
        }
      });
      return form;
    },
    { wide: true, label: rule ? `Rule ${rule.name}` : 'New rule' },
  );
}
