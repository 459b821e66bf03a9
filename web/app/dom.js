// Elements from code, text as text: nothing in this console ever parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** h('button', {class: 'btn', onclick: fn, 'aria-pressed': true}, 'Text', child, [children], null) */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  set(el, props);
  add(el, children);
  return el;
}

export function set(el, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'class') el.className = value;
    else if (name === 'dataset') Object.assign(el.dataset, value);
    else if (
      name === 'value' ||
      name === 'checked' ||
      name === 'disabled' ||
      name === 'hidden' ||
      name === 'indeterminate' ||
      name === 'muted'
    )
      el[name] = value;
    else if (typeof value === 'boolean' && !name.startsWith('aria-')) el.toggleAttribute(name, value);
    else el.setAttribute(name, String(value));
  }
}

export function add(el, children) {
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    el.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replaces what is inside. */
export function fill(el, ...children) {
  el.replaceChildren();
  add(el, children);
  return el;
}

/** Sets text only when it differs: less work for the browser, and live regions stay quiet. */
export function text(el, value) {
  const s = String(value);
  if (el.textContent !== s) el.textContent = s;
}

const ICONS = {
  mark: ['M3 17V7a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v10', 'M1.5 19.5h21', 'M6.5 12.5h2.5l2-4 2.5 7 2-3h2.5'],
  power: ['M12 3v8', 'M6.6 6.6a7.6 7.6 0 1 0 10.8 0'],
  cycle: ['M4 12a8 8 0 0 1 13.7-5.7L20 8.5', 'M20 4v4.5h-4.5', 'M20 12a8 8 0 0 1-13.7 5.7L4 15.5', 'M4 20v-4.5h4.5'],
  record: ['M12 6a6 6 0 1 0 .01 0', 'M12 10a2 2 0 1 0 .01 0'],
  screen: ['M3 5h18v11H3z', 'M8 20h8', 'M12 16v4'],
  terminal: ['M3 5h18v14H3z', 'M7 10l3 2.5L7 15', 'M12.5 15H17'],
  lock: ['M6 11h12v9H6z', 'M8.5 11V8a3.5 3.5 0 0 1 7 0v3'],
  unlock: ['M6 11h12v9H6z', 'M8.5 11V8a3.5 3.5 0 0 1 6.7-1.4'],
  sensor: ['M3 12h4l2.5-7 4 14 2.5-7h5'],
  file: ['M6 3h8l4 4v14H6z', 'M14 3v4h4'],
  folder: ['M3 6h6l2 2h10v11H3z'],
  up: ['M12 19V5', 'M6 11l6-6 6 6'],
  usb: ['M12 20V4', 'M12 4l-2.5 3h5z', 'M12 15l-5-3v-3', 'M12 12l5-2.5V7', 'M5.7 7.5h2.6v2H5.7z'],
  gear: [
    'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
    'M19 12l2-1.2-1.8-3.4-2.3.7-1.7-1L14.7 5h-4l-.6 2.1-1.7 1-2.3-.7L4.3 10.8 6.2 12l-1.9 1.2 1.8 3.4 2.3-.7 1.7 1 .6 2.1h4l.6-2.1 1.7-1 2.3.7 1.8-3.4z',
  ],
  sun: [
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z',
    'M12 2v2.5M12 19.500V22M2 12h2.500M19.500 12H22M5 5l1.700 1.700M17.300 17.300L19 19M5 19l1.700-1.700M17.300 6.700L19 5',
  ],
  moon: ['M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z'],
  auto: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z', 'M12 3v18', 'M12 7h7M12 11h8.700M12 15h8M12 19h4'],
  expand: ['M4 9V4h5', 'M20 9V4h-5', 'M4 15v5h5', 'M20 15v5h-5'],
  camera: ['M4 8h3l2-3h6l2 3h3v11H4z', 'M12 10a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7z'],
  keyboard: ['M3 7h18v10H3z', 'M6.500 10.500h.01M10 10.500h.01M14 10.500h.01M17.500 10.500h.01M8 14h8'],
  sound: ['M4 10v4h3.500L12 18V6L7.500 10z', 'M15 9a4.200 4.200 0 0 1 0 6', 'M17.500 6.500a7.800 7.800 0 0 1 0 11'],
  silent: ['M4 10v4h3.500L12 18V6L7.500 10z', 'M15.500 9.500l5 5', 'M20.500 9.500l-5 5'],
  mic: [
    'M12 3a2.500 2.500 0 0 1 2.500 2.500v6a2.500 2.500 0 0 1-5 0v-6A2.500 2.500 0 0 1 12 3z',
    'M6 11a6 6 0 0 0 12 0',
    'M12 17v4',
  ],
  hand: [
    'M7.500 12.500V6.500a1.300 1.300 0 0 1 2.600 0V11V4.800a1.300 1.300 0 0 1 2.600 0V11V6a1.300 1.300 0 0 1 2.600 0v6.500',
    'M15.300 11.500V8.500a1.300 1.300 0 0 1 2.600 0V15a6 6 0 0 1-6 6c-2.500 0-4-1-5.200-3L4.300 13.700a1.400 1.400 0 0 1 2.300-1.500l.9 1.300',
  ],
  pin: [
    'M12 21s-6.500-6-6.500-11a6.500 6.500 0 0 1 13 0c0 5-6.500 11-6.500 11z',
    'M12 7.700a2.300 2.300 0 1 0 0 4.600 2.300 2.300 0 0 0 0-4.600z',
  ],
  battery: ['M3 8h15v8H3z', 'M21 10.500v3', 'M6 10.500v3M9 10.500v3M12 10.500v3'],
  gamepad: [
    'M7 8h10a4.500 4.500 0 0 1 1 8.900c-1.500.3-2.500-1.900-4-1.900h-4c-1.500 0-2.500 2.200-4 1.900A4.500 4.500 0 0 1 7 8z',
    'M8 10.500v3M6.500 12h3M15.500 11h.01M17 13h.01',
  ],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  back: ['M14 6l-6 6 6 6'],
  warn: ['M12 4l9 16H3z', 'M12 10v4.500', 'M12 17.300h.01'],
  info: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z', 'M12 11v5.500', 'M12 7.700h.01'],
  download: ['M12 4v11', 'M7 10.500l5 5 5-5', 'M4 20h16'],
  upload: ['M12 16V5', 'M7 9.500l5-5 5 5', 'M4 20h16'],
  trash: ['M4 7h16', 'M9 7V4h6v3', 'M6.500 7l1 13h9l1-13'],
  plug: ['M9 3v5M15 3v5', 'M6 8h12v3a6 6 0 0 1-12 0z', 'M12 17v4'],
  eye: [
    'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z',
    'M12 9.300a2.700 2.700 0 1 0 0 5.400 2.700 2.700 0 0 0 0-5.400z',
  ],
  copy: ['M9 9h11v11H9z', 'M15 9V4H4v11h5'],
  target: ['M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z', 'M12 1.500v5M12 17.500v5M1.500 12h5M17.500 12h5'],
  link: [
    'M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1',
    'M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1',
  ],
  play: ['M8 5l11 7-11 7z'],
  stop: ['M6 6h12v12H6z'],
};

export function icon(name, label) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', name === 'mark' ? 'icon mark' : 'icon');
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  for (const d of ICONS[name] ?? []) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}

/** A button that shows that it works, and tells what went wrong by `onError`. */
export function actionButton(props, content, run, onError) {
  const btn = h('button', { type: 'button', class: 'btn', ...props }, content);
  btn.addEventListener('click', async (e) => {
    if (btn.getAttribute('aria-busy') === 'true') return;
    btn.setAttribute('aria-busy', 'true');
    try {
      await run(e);
    } catch (error) {
      onError(error);
    } finally {
      btn.removeAttribute('aria-busy');
    }
  });
  return btn;
}

let ids = 0;
export const uid = (prefix = 'id') => `${prefix}-${++ids}`;

/** A labelled field: {el, input}. */
export function field(label, input, hint) {
  const id = input.id || (input.id = uid('f'));
  const hintId = hint ? uid('h') : null;
  if (hintId) input.setAttribute('aria-describedby', hintId);
  return h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hint ? h('p', { class: 'hint', id: hintId }, hint) : null,
  );
}

export function badge(label, tone = 'neutral', plain = false) {
  return h('span', { class: `badge ${tone}${plain ? ' plain' : ''}` }, label);
}

export function notice(tone, message, ...actions) {
  return h(
    'div',
    { class: `notice ${tone}`, role: tone === 'bad' ? 'alert' : 'status' },
    icon(tone === 'good' ? 'info' : 'warn'),
    h('p', {}, message),
    ...actions,
  );
}

export function empty(iconName, message, ...more) {
  return h('div', { class: 'empty' }, icon(iconName), h('p', {}, message), ...more);
}

/** Collects undo functions; the returned function runs them all, in reverse. */
export class Scope {
  constructor() {
    this._undo = [];
    this.closed = false;
  }

  add(fn) {
    if (this.closed) fn();
    else if (fn) this._undo.push(fn);
    return fn;
  }

  listen(target, event, fn, options) {
    target.addEventListener(event, fn, options);
    this.add(() => target.removeEventListener(event, fn, options));
  }

  interval(fn, ms) {
    const id = setInterval(fn, ms);
    this.add(() => clearInterval(id));
  }

  close() {
    this.closed = true;
    for (const fn of this._undo.splice(0).reverse()) fn();
  }
}

/** Shows a modal dialog; resolves with what close(value) was given, or null. Focus returns to where it was. */
// A held Enter presses once: what it opens or closes puts another button under it.
globalThis.document?.addEventListener?.('keydown', (e) => {
  if (e.repeat && e.key === 'Enter' && e.target.matches('button, a, summary, input, select')) e.preventDefault();
});

export function modal(build, { wide = false, label } = {}) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const dialog = h('dialog', { class: wide ? 'wide' : null, 'aria-label': label });
    let result = null;
    const close = (value = null) => {
      result = value;
      dialog.close();
    };
    const body = build(close, dialog);
    const padded = body instanceof Element && body.matches('form, .inner');
    add(dialog, [padded ? body : h('div', { class: 'inner' }, body)]);
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      resolve(result);
    });
    dialog.addEventListener('click', (e) => {
      if (e.target === dialog) close(null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** What a dialog's form is sent by. */
const submit = (action, { danger = false, autofocus = null } = {}) =>
  h('button', { type: 'submit', class: `btn ${danger ? 'danger-fill' : 'primary'}`, autofocus }, action);

/** The last row of a dialog's form. `action`: words for a button, or a button. */
export const dialogButtons = (cancel, action) =>
  h(
    'div',
    { class: 'buttons' },
    h('button', { type: 'button', class: 'btn', onclick: () => cancel() }, 'Cancel'),
    typeof action === 'string' ? submit(action) : action,
  );

/** A question with two answers. */
export function confirmDialog({ title, message, action, danger = false }) {
  return modal(
    (close) =>
      h(
        'form',
        {
          method: 'dialog',
          onsubmit: (e) => {
            e.preventDefault();
            close(true);
          },
        },
        h('h2', {}, title),
        h('p', {}, message),
        dialogButtons(() => close(false), submit(action, { danger, autofocus: true })),
      ),
    { label: title },
  );
}

/** Tabs by the WAI-ARIA pattern: arrows move, Home and End jump. */
export function tabs({ items, selected, onSelect, label }) {
  const list = h('div', { class: 'tabs', role: 'tablist', 'aria-label': label });
  const buttons = items.map((item) =>
    h(
      'button',
      {
        type: 'button',
        class: 'tab',
        role: 'tab',
        id: `tab-${item.id}`,
        'aria-controls': `panel-${item.id}`,
        onclick: () => select(item.id, true),
      },
      item.label,
    ),
  );
  const select = (id, tell) => {
    buttons.forEach((b, i) => {
      const on = items[i].id === id;
      b.setAttribute('aria-selected', String(on));
      b.tabIndex = on ? 0 : -1;
      if (on && tell) b.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    });
    if (tell) onSelect(id);
  };
  list.addEventListener('keydown', (e) => {
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[e.key];
    if (at < 0 || to === undefined) return;
    e.preventDefault();
    const next = (to + buttons.length) % buttons.length;
    buttons[next].focus();
    select(items[next].id, true);
  });
  add(list, buttons);
  select(selected, false);
  return { el: list, select: (id) => select(id, false) };
}
