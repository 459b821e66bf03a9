// Who one is: the page that asks for a token, the name and role in the top bar, logging out. A token in the link
// (#token=…, ?access_token=…) logs in and disappears from the address.

import { unescaped } from '../../core/words.js';
import { noticesPlace } from '../settle.js';
import { actionButton, field, fill, h, icon, modal, text } from '../dom.js';

const ROLES = {
  viewer: 'You may watch everything, and control nothing.',
  operator: 'You may control devices; others see when you have a lease.',
  admin: 'You may control devices, attach and detach them, and end the leases of others.',
};

/**
 * The token of a link, which is taken out of the address: of the fragment (#token=…), which no server and no proxy's
 * log sees, or else of the query (?access_token=…), as scripts write it. null: there is none.
 */
export function tokenOfLink(location, history) {
  const at = /(^#|[&?])(?:access_)?token=([^&]*)/.exec(location.hash);
  const query = new URLSearchParams(location.search);
  const asked = query.get('access_token');
  if (!at && asked === null) return null;
  let { hash, search } = location;
  if (at) hash = hash.replace(at[0], at[1] === '#' ? '#' : '').replace(/^#[&?]/, '#');
  if (asked !== null) {
    query.delete('access_token');
    search = [...query].length ? `?${query}` : '';
  }
  history.replaceState(null, '', `${location.pathname}${search}${hash === '#' ? '' : hash}`);
  return (at && unescaped(at[2])) || asked || null;
}

/**
 * Asks for a token until one is right. `check(token)`: resolves with who that is, null: nobody. Resolves when somebody
 * is logged in. `place`: what wants to know it. `focus`: the form is what the page is for.
 */
export function askWho(root, { reason, check, place = 'host', focus = true }) {
  return new Promise((resolve) => {
    const token = h('input', {
      class: 'input',
      type: 'password',
      id: 'token',
      autocomplete: 'current-password',
      required: true,
    });
    const error = h('p', { class: 'error-text', role: 'alert' }, reason ?? '');
    const submit = h('button', { type: 'submit', class: 'btn primary' }, 'Log in');
    const form = h(
      'form',
      {
        class: 'panel login',
        onsubmit: async (e) => {
          e.preventDefault();
          submit.disabled = true;
          text(error, '');
          try {
            const who = await check(token.value.trim());
            if (who) resolve(who);
            else {
              text(
                error,
                `This token is not known here. Look whether all of it was copied, or ask who set up the ${place}.`,
              );
              token.select();
            }
          } catch (problem) {
            text(error, problem.message);
          } finally {
            submit.disabled = false;
          }
        },
      },
      h('h1', {}, 'Log in'),
      h(
        'p',
        { class: 'muted' },
        `This ${place} wants to know who you are. The token is kept in this browser until you log out.`,
      ),
      field('Access token', token),
      error,
      h('div', { class: 'buttons' }, submit),
    );
    fill(root, form);
    if (focus) token.focus();
  });
}

/**
 * The button of the top bar: shown once it is known who one is, by a token. `store`: its state has `me`. `more(me)`:
 * what else its dialog offers.
 */
export function userButton(store, { logOut, more = () => [] }) {
  const name = h('span', {});
  const role = h('span', { class: 'muted' });
  const button = h(
    'button',
    { type: 'button', class: 'btn quiet user', id: 'user', hidden: true, 'aria-haspopup': 'dialog', onclick: open },
    name,
    role,
  );
  function open() {
    const { me } = store.state;
    modal(
      (close) =>
        h(
          'form',
          { method: 'dialog', onsubmit: (e) => e.preventDefault() },
          h('h2', {}, me.user),
          h('p', {}, h('strong', {}, me.role), `. ${ROLES[me.role] ?? ''}`),
          h('div', { class: 'row' }, more(me)),
          h(
            'div',
            { class: 'buttons' },
            h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Close'),
            h(
              'button',
              {
                type: 'button',
                class: 'btn primary',
                id: 'log-out',
                onclick: () => {
                  close();
                  logOut();
                },
              },
              'Log out',
            ),
          ),
        ),
      { label: `Logged in as ${me.user}` },
    );
  }
  store.watch(
    (s) => s.me,
    (me) => {
      button.hidden = !me?.named;
      text(name, me?.user ?? '');
      text(role, me?.role ? ` · ${me.role}` : '');
      if (me?.named) button.setAttribute('aria-label', `Logged in as ${me.user}, ${me.role}. Log out`);
    },
  );
  return button;
}

/**
 * "bert asks for board": above the page, until it is answered, its time is over, or it has become pointless. Returns what
 * takes it away.
 */
export function showAsk({ device, by, note, seconds, grant, refuse, onError }) {
  const left = h('span', { class: 'num' });
  const end = seconds ? Date.now() + seconds * 1000 : null;
  const button = (label, cls, run) => actionButton({ class: cls }, label, () => run().then(away), onError);
  const strip = h(
    'div',
    { class: 'notice warn ask', role: 'alert' },
    icon('lock'),
    h('p', {}, h('strong', {}, by), ` asks for ${device}${note ? `: ${note}` : ''}.`),
    left,
    button('Grant', 'btn primary', grant),
    button('Refuse', 'btn', refuse),
  );
  const tick = () => {
    const s = Math.ceil((end - Date.now()) / 1000);
    text(left, `${Math.max(0, s)} s left`);
    if (s <= 0) away();
  };
  const timer = end ? setInterval(tick, 1000) : null;
  if (end) tick();
  function away() {
    clearInterval(timer);
    strip.remove();
  }
  noticesPlace().append(strip);
  return away;
}
