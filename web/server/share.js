// A link to a device, for somebody else: for what, how long, how many at once; as text, and as a code to be scanned.

import { actionButton, dialogButtons, field, fill, h, modal, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { linkBox, sessionToken, showCode } from './common.js';

const OWN = 'own-links'; // what this browser made: the server keeps only hashes of their tokens
const LIVES = [
  ['used', 'as long as it is used'],
  ['900', '15 minutes'],
  ['3600', '1 hour'],
  ['28800', '8 hours'],
  ['86400', '1 day'],
  ['604800', '7 days'],
  ['0', 'until I take it back'],
];
const HINTS = {
  used: 'It ends 10 minutes after the last use, and after a day.',
  0: 'It opens the device until you take it back on the page Links.',
};

/** sessionId -> {view?, control?, token}: of links that were made in this browser. */
export const ownLinks = () => prefs.get(OWN, {});

export function keepOwnLink({ sessionId, viewUrl, controlUrl, token }) {
  prefs.put(OWN, { ...ownLinks(), [sessionId]: { view: viewUrl, control: controlUrl, token } });
}

/** Forgets those that are not out any more. `all`: their ids are */
export function keepOwnLinks(all) {
  const own = ownLinks();
  const left = Object.fromEntries(Object.entries(own).filter(([id]) => all.has(id)));
  if (Object.keys(left).length !== Object.keys(own).length) prefs.put(OWN, left);
}

const tokenOf = (url) => new URL(url, document.baseURI).href.match(/[?#&]token=([^&#]*)/)?.[1] ?? '';

/** The link, to be copied and to be scanned. */
export function linkParts({ api, root, toast, sessionId, label, url }) {
  const full = new URL(url, root).href;
  const code = h('img', { class: 'qr', alt: `QR code of the ${label.toLowerCase()}` });
  showCode(code, api, { sessionId, token: decodeURIComponent(tokenOf(full)), toast });
  return h(
    'div',
    { class: 'stack' },
    linkBox(label, full, toast),
    h('details', {}, h('summary', {}, 'Code to scan'), h('div', { class: 'pair' }, code)),
  );
}

/** Takes its links back: they open nothing any more, and who is in is out. */
export const takeBack = (api, { sessionId, token }) =>
  api.raw('DELETE', `api/session/${encodeURIComponent(sessionId)}`, { headers: token ? sessionToken(token) : {} });

/** `may`: whether who is here may give out control. */
export function openShare({ api, root, toast, device, may }) {
  return modal(
    (close) => {
      const mode = h(
        'select',
        { class: 'input' },
        h('option', { value: 'view' }, 'watch, nothing else'),
        may ? h('option', { value: 'control' }, 'control the device') : null,
      );
      const life = h(
        'select',
        { class: 'input' },
        LIVES.map(([value, name]) => h('option', { value }, name)),
      );
      life.value = prefs.get('link-life', 'used');
      const people = h('input', { class: 'input', type: 'number', min: '1', max: '32', value: '8', required: true });
      const note = h('input', { class: 'input', maxlength: '200', placeholder: 'What for?' });
      const problem = h('p', { class: 'error-text', role: 'alert', hidden: true });
      const hint = h('p', { class: 'hint' });
      const submit = h('button', { type: 'submit', class: 'btn primary' }, 'Make the link');
      const inner = h('div', { class: 'inner' });
      const showHint = () => text(hint, HINTS[life.value] ?? 'It ends then, used or not.');
      life.addEventListener('change', showHint);
      showHint();
      const make = async (event) => {
        event.preventDefault();
        if (submit.getAttribute('aria-busy') === 'true') return;
        submit.setAttribute('aria-busy', 'true');
        problem.hidden = true;
        prefs.put('link-life', life.value);
        try {
          const body = {
            device,
            mode: mode.value,
            observers: Number(people.value),
            ...(life.value === 'used' ? {} : { ttl_s: Number(life.value) }),
            ...(note.value.trim() ? { note: note.value.trim() } : {}),
          };
          const made = await api.json('POST', 'api/session', { body });
          keepOwnLink(made);
          showMade(inner, made, close);
        } catch (error) {
          text(problem, error.message);
          problem.hidden = false;
        } finally {
          submit.removeAttribute('aria-busy');
        }
      };
      const showMade = (box, made, done) => {
        const parts = (label, url) => linkParts({ api, root, toast, sessionId: made.sessionId, label, url });
        fill(
          box,
          h('h2', {}, `Link of ${device}`),
          field('View link: watch, nothing else', h('div', {}, parts('View link', made.viewUrl))),
          made.controlUrl
            ? field(
                'Control link: whoever has it can control the device',
                h('div', {}, parts('Control link', made.controlUrl)),
              )
            : null,
          h('p', { class: 'muted small' }, 'The page Links shows who uses it, and takes it back.'),
          h(
            'div',
            { class: 'buttons' },
            actionButton(
              { class: 'btn quiet danger', 'aria-label': `Take back the links of ${device}` },
              'Take back',
              async () => {
                await takeBack(api, made);
                fill(
                  box,
                  h('p', { role: 'status' }, 'Its links open nothing any more.'),
                  h(
                    'div',
                    { class: 'buttons' },
                    h('button', { type: 'button', class: 'btn', onclick: () => done() }, 'Close'),
                  ),
                );
                box.querySelector('button').focus();
              },
              (e) => toast.error(e, 'Take back'),
            ),
            h('button', { type: 'button', class: 'btn primary', onclick: () => done() }, 'Done'),
          ),
        );
        box.querySelector('input').focus();
      };
      return fill(
        inner,
        h(
          'form',
          { class: 'stack', onsubmit: make },
          h('h2', {}, `Give out a link of ${device}`),
          field('Who has it may', mode),
          h('div', {}, field('Good for', life), hint),
          field('People at once', people),
          field('Note (optional)', note, 'Shown to you on the page Links.'),
          problem,
          dialogButtons(() => close(), submit),
        ),
      );
    },
    { label: `Give out a link of ${device}`, wide: true },
  );
}
