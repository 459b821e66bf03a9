// Attaching hardware, and changing what is attached: a name, a label, one or several connections, each a URI with a
// form made from what its driver says of itself.

import { attachOf, connectionsOf, isHidden, partsOf, uriOf } from '../../core/attach.js';
import { dialogButtons, field, fill, h, icon, modal, set, text, uid } from '../dom.js';
import { listOf } from '../services.js';

const slugOf = (label) =>
  (label ?? '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);

/** A field for one parameter: {el, get(), set(text)}; everything is text, as in the URI. */
function paramField(p, changed) {
  const unit = p.unit ? ` (${p.unit})` : '';
  const usual = p.default === undefined || p.default === null ? '' : String(p.default);
  let input;
  if (p.type === 'enum' || p.type === 'boolean') {
    const choices = p.type === 'enum' ? p.choices : ['true', 'false'];
    input = h(
      'select',
      { class: 'input' },
      h('option', { value: '' }, usual ? `as usual: ${usual}` : 'as usual'),
      choices.map((c) => h('option', { value: c }, c)),
    );
  } else {
    const number = p.type === 'integer' || p.type === 'number';
    input = h('input', {
      class: `input${number ? ' num' : ''}`,
      type: number ? 'number' : p.type === 'secret' ? 'password' : 'text',
      placeholder: usual || (p.type === 'array' ? '["program","argument"]' : ''),
      autocomplete: 'off',
      spellcheck: 'false',
      ...(number ? { min: p.min, max: p.max, step: p.type === 'integer' ? 1 : 'any' } : {}),
    });
  }
  input.dataset.param = p.name;
  if (p.required) input.required = true;
  input.addEventListener('input', changed);
  return {
    el: field(`${p.name.replaceAll('_', ' ')}${unit}${p.required ? ', needed' : ''}`, input, p.help),
    get: () => input.value.trim(),
    set: (value) => {
      if (input.value !== value) input.value = value;
    },
  };
}

/** One connection: the URI, and the parameters of its driver, each of which follows the other. */
function connection(drivers, { uri = '', names = null }, { first, remove }) {
  const input = h('input', {
    class: 'input mono',
    required: true,
    value: uri,
    placeholder: 'serial:///dev/serial/by-id/…?baud=115200',
    spellcheck: 'false',
    autocapitalize: 'off',
    id: first ? 'attach-uri' : uid('attach-uri'),
  });
  const pick = h(
    'select',
    { class: 'input', 'aria-label': 'Driver' },
    h('option', { value: '' }, 'Driver …'),
    drivers.map((d) => h('option', { value: d.name, title: d.summary }, d.name)),
  );
  const about = h('p', { class: 'muted small' });
  const more = h('details', { class: 'params' });
  more.addEventListener('invalid', () => (more.open = true), true); // the browser says it of what can be seen only
  const called = h('div', { class: 'row' });
  const el = h(
    'fieldset',
    { class: 'connection stack' },
    h('legend', { class: 'sr-only' }, 'Connection'),
    h(
      'div',
      { class: 'row' },
      pick,
      h('span', { class: 'grow' }, h('label', { class: 'sr-only', for: input.id }, 'Attach URI'), input),
      first
        ? null
        : h(
            'button',
            { type: 'button', class: 'btn quiet icon-only', 'aria-label': 'Remove this connection', onclick: remove },
            icon('close'),
          ),
    ),
    about,
    more,
    called,
  );
  let driver = null;
  let fields = new Map();
  let nameInputs = new Map();

  function fromForm() {
    const parts = partsOf(input.value);
    for (const [name, f] of fields) {
      if (f.get()) parts.params.set(name, f.get());
      else parts.params.delete(name);
    }
    input.value = uriOf(parts);
  }
  function toForm() {
    const parts = partsOf(input.value);
    if (parts.driver !== driver) build(parts.driver);
    for (const [name, f] of fields) f.set(parts.params.get(name) ?? '');
    text(about, isHidden(input.value) ? `${aboutOf()} A password is not shown (***): give it again.` : aboutOf());
  }
  const of = () => drivers.find((d) => d.name === driver);
  const aboutOf = () => {
    const d = of();
    if (d) return `${d.summary ?? ''} Offers ${(d.kinds ?? []).join(', ')}.`;
    return driver ? `There is no driver “${driver}”.` : '';
  };
  function build(name) {
    driver = name;
    const d = of();
    pick.value = d ? name : '';
    const params = d?.params ?? [];
    fields = new Map(params.map((p) => [p.name, paramField(p, fromForm)]));
    const row = (p) => fields.get(p.name).el;
    more.open = params.some((p) => p.required);
    more.hidden = !params.length;
    fill(more, h('summary', {}, 'Parameters'), h('div', { class: 'param-grid' }, params.map(row)));
    const kinds = names ? Object.keys(names) : (d?.kinds ?? []);
    nameInputs = new Map(
      kinds.map((k) => [
        k,
        h('input', {
          class: 'input',
          value: names?.[k] && names[k] !== k ? names[k] : '',
          placeholder: k,
          pattern: '[a-z0-9][a-z0-9._\\-]{0,63}',
          autocapitalize: 'off',
          spellcheck: 'false',
          'aria-label': `Name of the interface ${k}`,
        }),
      ]),
    );
    fill(called, kinds.length ? h('span', { class: 'muted small' }, 'Called') : null, [...nameInputs.values()]);
  }
  pick.addEventListener('change', () => {
    const d = drivers.find((x) => x.name === pick.value);
    if (!d) return;
    names = null;
    const before = partsOf(input.value);
    input.value = before.driver && before.driver !== d.name ? `${d.name}://` : uriOf({ ...before, driver: d.name });
    set(input, { placeholder: d.example ?? '' });
    toForm();
    input.focus();
  });
  input.addEventListener('input', toForm);
  toForm();
  return {
    el,
    input,
    get: () => {
      const called1 = [...nameInputs].map(([k, i]) => [k, i.value.trim() || k]);
      return { uri: input.value.trim(), names: Object.fromEntries(called1) };
    },
  };
}

/**
 * The dialog. `resource`: hardware that was found ({uri, label}); `device`: one that is attached already, to be changed.
 * Resolves with its id when it was done, else null.
 */
export async function openAttach(svc, { resource = {}, device = null } = {}) {
  const drivers = listOf(await svc.api.drivers(), 'drivers');
  const before = device ? connectionsOf(device) : [{ uri: resource.uri ?? resource.attach ?? '' }];
  const done = await modal(
    (close) => {
      const id = h('input', {
        class: 'input',
        required: true,
        pattern: '[a-z0-9][a-z0-9._\\-]{0,63}',
        value: device?.id ?? slugOf(resource.label),
        readonly: Boolean(device),
        autocapitalize: 'off',
        spellcheck: 'false',
        id: 'attach-id',
      });
      const label = h('input', {
        class: 'input',
        maxlength: '200',
        id: 'attach-label',
        value: device?.label ?? resource.label ?? '',
      });
      const list = h('div', { class: 'stack' });
      const all = [];
      const more = (c) => {
        const made = connection(drivers, c, {
          first: !all.length,
          remove: () => {
            all.splice(all.indexOf(made), 1);
            made.el.remove();
            add.focus();
          },
        });
        all.push(made);
        list.append(made.el);
        return made;
      };
      const add = h(
        'button',
        { type: 'button', class: 'btn', id: 'attach-more', onclick: () => more({}).input.focus() },
        'Another connection',
      );
      before.forEach(more);
      const asWas = () => JSON.stringify(all.map((c) => c.get()));
      const was = asWas();
      const error = h('p', { class: 'error-text', role: 'alert' });
      const send = h('button', { type: 'submit', class: 'btn primary' }, device ? 'Change' : 'Attach');
      async function go() {
        const attach = attachOf(
          all.map((c) => c.get()),
          drivers,
        );
        if (!device)
          await svc.api.attach({
            id: id.value.trim(),
            ...(label.value.trim() ? { label: label.value.trim() } : {}),
            attach,
          });
        else
          await svc.api.changeDevice(device.id, {
            label: label.value.trim(),
            ...(asWas() === was ? {} : { attach }),
          });
        svc.reload('*');
        svc.toast.good(device ? 'Changed' : 'Attached', id.value.trim());
        close(id.value.trim());
      }
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: async (e) => {
            e.preventDefault();
            text(error, '');
            set(send, { 'aria-busy': 'true' });
            try {
              await go();
            } catch (problem) {
              text(error, problem.field ? `${problem.message} (${problem.field})` : problem.message);
              const blamed = String(problem.field ?? '');
              id.setAttribute('aria-invalid', String(blamed.startsWith('id')));
              label.setAttribute('aria-invalid', String(blamed.startsWith('label')));
              for (const c of all) c.input.setAttribute('aria-invalid', String(blamed.startsWith('attach')));
            } finally {
              send.removeAttribute('aria-busy');
            }
          },
        },
        h('h2', {}, device ? `Change ${device.id}` : 'Attach hardware'),
        field('Name', id, device ? 'It stays as it is.' : 'Small letters, digits, . _ -'),
        field('Label', label),
        h('h3', {}, 'Connections'),
        list,
        h('div', {}, add),
        error,
        dialogButtons(() => close(null), send),
      );
    },
    { label: device ? `Change ${device.id}` : 'Attach hardware', wide: true },
  );
  return done;
}

/** Why this user may not attach, change or detach; '' when he may. */
export function whyNoAttach(me) {
  return !me || me.role === 'admin' ? '' : `Attaching and detaching needs the role admin; your role is ${me.role}.`;
}
