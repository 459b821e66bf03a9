// Phones of this bench: "Add a phone" shows a code, a phone that scans it becomes a device; how each is, in words; its code again;
// remove. Only for who may attach.

import { actionButton, confirmDialog, field, fill, h, icon, modal, notice, set, text } from '../dom.js';

const LOOK_MS = 1000; // while the code is shown

const TONES = {
  connected: 'good',
  connecting: 'warn',
  waiting: '',
  away: 'warn',
  'server-away': 'bad',
  asking: 'warn',
  joining: '',
};
const SAYS = {
  connected: 'connected',
  connecting: 'connecting',
  waiting: 'waiting',
  away: 'away',
  'server-away': 'server away',
  asking: 'no code yet',
  joining: 'joining',
};

export function badge(state) {
  return h('span', { class: `badge ${TONES[state] ?? ''}` }, SAYS[state] ?? state);
}

/** What a phone that is given by `phone` scans; with what it needs to trust the server. */
function codeOf(phone) {
  const link = h('input', { class: 'input mono', readonly: true, value: phone.phoneUrl, 'aria-label': 'Phone link' });
  const here = /^https?:\/\/(localhost|127\.|\[::1\])/.test(phone.phoneUrl);
  const plain = phone.phoneUrl.startsWith('http:');
  return [
    phone.qr ? h('img', { class: 'qr', src: phone.qr, alt: `QR code: opens the page of ${phone.name}` }) : null,
    link,
    here
      ? notice(
          'warn',
          'This address is this machine’s own: a phone cannot reach it. Let the pairing server listen on the network (make run LAN=1, or its url:).',
        )
      : null,
    plain && !here
      ? notice('warn', 'Browsers give camera and motion to https pages only: give the pairing server TLS (tls: local).')
      : null,
    phone.authorityUrl
      ? h(
          'p',
          { class: 'muted small' },
          'The phone warns once of a certificate that it does not know; to end that: ',
          h('a', { href: phone.authorityUrl }, phone.authorityUrl),
        )
      : null,
  ];
}

/** The code of one, and how it is, until the dialog is closed. */
function showCode(svc, phone) {
  let timer = null;
  const how = h('div', { class: 'row', role: 'status' });
  const show = (p) => fill(how, badge(p.state), h('span', {}, p.words));
  const look = async () => {
    try {
      show(await svc.api.phone(phone.name));
    } catch (error) {
      fill(how, notice('bad', error.message));
    }
    timer = setTimeout(look, LOOK_MS);
  };
  show(phone);
  timer = setTimeout(look, LOOK_MS);
  return modal(
    (close) =>
      h(
        'form',
        { method: 'dialog', class: 'stack', onsubmit: (e) => (e.preventDefault(), close(true)) },
        h('h2', {}, phone.name),
        h(
          'p',
          {},
          'Scan the code with the phone, and switch on there what it shall give. Whoever has this code is that phone.',
        ),
        h('div', { class: 'pair-code' }, codeOf(phone)),
        how,
        h(
          'div',
          { class: 'buttons' },
          h(
            'a',
            { class: 'btn', href: `#/d/${encodeURIComponent(phone.device)}`, onclick: () => close(true) },
            'Its page',
          ),
          h('button', { type: 'submit', class: 'btn primary' }, 'Done'),
        ),
      ),
    { label: `Code of ${phone.name}` },
  ).finally(() => clearTimeout(timer));
}

/** Asks for a name, adds it, shows its code. */
async function addPhone(svc) {
  const phone = await modal(
    (close) => {
      const name = h('input', {
        class: 'input',
        pattern: '[a-z0-9][a-z0-9._\\-]{0,63}',
        placeholder: 'phone1',
        autocapitalize: 'off',
        spellcheck: 'false',
      });
      const error = h('p', { class: 'error-text', role: 'alert' });
      const send = h('button', { type: 'submit', class: 'btn primary' }, 'Show the code');
      return h(
        'form',
        {
          method: 'dialog',
          onsubmit: async (e) => {
            e.preventDefault();
            text(error, '');
            set(send, { 'aria-busy': 'true' });
            try {
              close(await svc.api.addPhone(name.value.trim() ? { name: name.value.trim() } : {}));
            } catch (problem) {
              text(error, problem.message);
            } finally {
              send.removeAttribute('aria-busy');
            }
          },
        },
        h('h2', {}, 'Add a phone'),
        h(
          'p',
          {},
          'A phone becomes a device of this bench: its camera is video, its microphone is audio, its motion, place and battery are sensors, its buttons are events. Everybody who may watch this bench sees what is switched on there.',
        ),
        field('Name', name, 'Small letters, digits, . _ - (or nothing: it is given one)'),
        error,
        h(
          'div',
          { class: 'buttons' },
          h('button', { type: 'button', class: 'btn', onclick: () => close(null) }, 'Cancel'),
          send,
        ),
      );
    },
    { label: 'Add a phone' },
  );
  if (!phone) return;
  svc.reload('*');
  await showCode(svc, phone);
}

/** A section of the page Hardware: {el, load, allow}. */
export function phonesSection(svc, scope) {
  const list = h('ul', { class: 'list', 'aria-label': 'Phones' });
  const add = actionButton(
    { class: 'btn', id: 'add-phone', hidden: true },
    [icon('camera'), 'Add a phone'],
    () => addPhone(svc).then(load),
    (e) => svc.toast.error(e, 'Add a phone'),
  );
  const el = h('section', { class: 'panel', 'aria-label': 'Phones', hidden: true }, list);
  const title = h('h2', { class: 'section-title', hidden: true }, 'Phones');
  let may = false;

  function row(p) {
    return h(
      'li',
      { dataset: { phone: p.name } },
      icon('camera'),
      h(
        'div',
        { class: 'main' },
        h('a', { href: `#/d/${encodeURIComponent(p.device)}` }, h('strong', {}, p.name)),
        h('span', { class: 'muted small' }, p.words),
      ),
      badge(p.state),
      may
        ? [
            actionButton(
              { class: 'btn quiet', 'aria-label': `Code of ${p.name}` },
              'Code',
              async () => showCode(svc, await svc.api.phone(p.name)),
              (e) => svc.toast.error(e, 'Code'),
            ),
            actionButton(
              { class: 'btn quiet icon-only', 'aria-label': `Remove ${p.name}` },
              icon('trash'),
              () => remove(p),
              (e) => svc.toast.error(e, 'Remove'),
            ),
          ]
        : null,
    );
  }
  async function remove(p) {
    const sure = await confirmDialog({
      title: `Remove ${p.name}?`,
      message: 'Its device goes, and its code opens nothing any more. The phone can be added again by a new code.',
      action: 'Remove',
      danger: true,
    });
    if (!sure) return;
    await svc.api.removePhone(p.name);
    svc.reload('*');
    await load();
  }
  async function load() {
    try {
      const phones = await svc.api.phones();
      if (scope.closed) return;
      el.hidden = title.hidden = !phones.length;
      fill(list, phones.map(row));
    } catch (error) {
      if (!scope.closed && error.status !== 0) fill(list, h('li', {}, notice('bad', error.message)));
    }
  }
  scope.add(
    svc.store.watch(
      (s) => s.timeline[0],
      (e) => {
        if (e && (e.event === 'phone.state' || /^device\.(added|removed)$/.test(e.event))) load();
      },
    ),
  );
  return {
    add,
    title,
    el,
    load,
    allow: (yes) => {
      may = yes;
      add.hidden = !yes;
      load();
    },
  };
}
