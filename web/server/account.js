// One's own account: what one may, another password, where one is signed in, and tokens for programs.

import { timeOfDay } from '../core/words.js';
import {
  actionButton,
  badge,
  confirmDialog,
  dialogButtons,
  empty,
  field,
  fill,
  h,
  icon,
  modal,
  notice,
} from '../app/dom.js';
import { aboutWords, signInElsewhere } from './signin.js';
import { logInByLink, makeLists, makePage, pageLinks, secretBox } from './common.js';

const root = new URL('.', document.baseURI).href;
logInByLink();
let asking = false;
const page = makePage(root, 'Account', { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Account');
const lists = makeLists(api);
main.classList.add('narrow');
const box = h('div', { class: 'stack' });
fill(main, h('div', { class: 'head' }, h('h1', {}, 'Your account')), box);

let forget = null; // the list of sign-ins, while it is shown
const MAY = {
  viewer: 'You may watch, and control nothing.',
  operator: 'You may control devices.',
  admin: 'You may do everything, and say who may do what.',
};

async function logIn() {
  if (asking) return;
  asking = true;
  forget?.();
  forget = null;
  lists.stop();
  await page.askWho(box);
  asking = false;
  load();
}

/** Where one is signed in is told as it changes, and nothing else on the page moves for that. */
function readLogins() {
  forget ??= lists.read('logins', (all) => {
    const old = box.querySelector('[data-part="logins"]');
    const held = old?.contains(document.activeElement) ? document.activeElement : null;
    const [row, name] = [held?.closest('[data-login]')?.dataset.login, held?.textContent];
    old?.replaceWith(sessionsPanel(all));
    if (!held) return;
    const within = row ? box.querySelector(`[data-login="${CSS.escape(row)}"]`) : box;
    [...(within?.querySelectorAll('button') ?? [])].find((b) => b.textContent === name)?.focus();
  });
  lists.start();
}

async function load() {
  try {
    const me = await page.whoAmI();
    if (!me) return;
    if (!me.account) {
      fill(
        box,
        notice(
          'info',
          me.by === 'open'
            ? 'Nobody needs an account here: whoever is on this machine may do everything. The page “Users” makes the first one.'
            : `${me.user} comes by a token of the configuration, or of somebody else’s signature: there is no account of that name here.`,
        ),
      );
      return;
    }
    show(me, await api.get('api/me/sessions'), await api.get('api/login'));
    readLogins();
  } catch (error) {
    if (!asking) fill(box, empty('warn', error.message));
  }
}

function show(me, all, ways) {
  fill(
    box,
    h(
      'section',
      { class: 'panel', 'aria-label': 'What you may' },
      h(
        'div',
        { class: 'body stack' },
        h('div', { class: 'row' }, h('strong', {}, me.user), badge(me.role, 'accent', true)),
        h('p', {}, MAY[me.role]),
        me.everywhere
          ? null
          : h(
              'p',
              {},
              me.groups.length
                ? `You see what your groups name: ${me.groups.join(', ')}.`
                : 'You see the devices that you were given, and no others.',
            ),
      ),
    ),
    ways.oidc || me.connected ? elsewherePanel(me, ways.oidc ?? 'the provider') : null,
    me.hasPassword ? passwordPanel(me) : null,
    sessionsPanel(all),
  );
}

function elsewherePanel(me, name) {
  const cut = () => disconnect(me, name);
  const refused = (error) => toast.error(error, 'Not disconnected');
  const connect = h('a', { class: 'btn', href: signInElsewhere(true) }, `Connect with ${name}`);
  const action = me.connected ? me.hasPassword && actionButton({}, 'Disconnect', cut, refused) : connect;
  return h(
    'section',
    { class: 'panel', 'aria-label': `Sign-in with ${name}` },
    h('header', {}, h('h2', {}, `Sign-in with ${name}`)),
    h(
      'div',
      { class: 'body stack' },
      h(
        'p',
        {},
        me.connected
          ? `Whoever you are at ${name} signs in to this account.${me.hasPassword ? '' : ' It has no password here.'}`
          : `Connect this account, and you can sign in to it with ${name}, too.`,
      ),
      action ? h('div', { class: 'buttons' }, action) : null,
    ),
  );
}

async function disconnect(me, name) {
  await api.json('DELETE', 'api/me/oidc');
  toast.good(`${me.user} signs in here with the password alone, and not with ${name}.`);
  load();
}

function passwordPanel(me) {
  const input = (auto) => h('input', { class: 'input', type: 'password', autocomplete: auto, required: true });
  const [old, next, again] = [input('current-password'), input('new-password'), input('new-password')];
  const error = h('p', { class: 'error-text', role: 'alert' });
  const button = h('button', { type: 'submit', class: 'btn primary' }, 'Change the password');
  return h(
    'section',
    { class: 'panel', 'aria-label': 'Password' },
    h('header', {}, h('h2', {}, 'Password')),
    h(
      'form',
      {
        class: 'body stack',
        onsubmit: async (e) => {
          e.preventDefault();
          error.textContent = next.value === again.value ? '' : 'The two new ones are not the same.';
          if (error.textContent) return;
          button.disabled = true;
          try {
            await api.json('PUT', 'api/me/password', { body: { password: old.value, new: next.value } });
            e.target.reset();
            toast.good('The password was changed. Elsewhere you are signed out.');
            load();
          } catch (problem) {
            error.textContent = problem.message;
          } finally {
            button.disabled = false;
          }
        },
      },
      h('input', { type: 'text', autocomplete: 'username', value: me.user, hidden: true, readonly: true }),
      field('Present password', old),
      field('New password', next, '10 characters or more: some words that nobody guesses.'),
      field('The new one again', again),
      error,
      h('div', { class: 'buttons' }, button),
    ),
  );
}

const isToken = (s) => s.kind === 'token';

function sessionsPanel(all) {
  const others = all.some((s) => !s.current);
  return h(
    'section',
    { class: 'panel', 'aria-label': 'Signed in', dataset: { part: 'logins' } },
    h('header', {}, h('h2', {}, 'Signed in, and tokens')),
    h('ul', { class: 'list' }, all.map(sessionRow)),
    h(
      'div',
      { class: 'body row' },
      h('button', { type: 'button', class: 'btn', onclick: makeToken }, 'New token…'),
      others
        ? h('button', { type: 'button', class: 'btn danger', onclick: endOthers }, 'Sign out everywhere else')
        : null,
    ),
  );
}

function sessionRow(s) {
  return h(
    'li',
    { dataset: { login: s.id } },
    h(
      'div',
      { class: 'main' },
      h(
        'div',
        { class: 'row' },
        icon(isToken(s) ? 'link' : 'eye'),
        h('strong', {}, aboutWords(s)),
        isToken(s) ? badge('token', 'neutral', true) : null,
        s.current ? badge('this browser', 'good') : null,
      ),
      h(
        'span',
        { class: 'muted small' },
        `Since ${timeOfDay(s.createdAt)}, last used ${timeOfDay(s.lastSeen)} from ${s.address}; ends ${timeOfDay(s.expiresAt)}.`,
      ),
    ),
    s.current
      ? null
      : actionButton(
          { class: 'btn danger', 'aria-label': `${isToken(s) ? 'Revoke' : 'Sign out'}: ${aboutWords(s)}` },
          isToken(s) ? 'Revoke' : 'Sign out',
          async () => {
            await api.raw('DELETE', `api/me/sessions/${encodeURIComponent(s.id)}`);
            announce(isToken(s) ? 'The token is revoked' : 'Signed out');
            load();
          },
          (e) => toast.error(e, 'Sign out'),
        ),
  );
}

async function endOthers() {
  const sure = await confirmDialog({
    title: 'Sign out everywhere else?',
    message: 'Every other browser and every token of yours ends at once.',
    action: 'Sign out',
    danger: true,
  });
  if (!sure) return;
  await api.raw('DELETE', 'api/me/sessions').catch((e) => toast.error(e, 'Sign out'));
  load();
}

async function makeToken() {
  const about = h('input', { class: 'input', required: true, maxlength: 100, placeholder: 'Nightly tests' });
  const days = h(
    'select',
    { class: 'input' },
    [1, 7, 30, 90, 365].map((n) =>
      h('option', { value: n, selected: n === 90 ? true : null }, `${n} day${n > 1 ? 's' : ''}`),
    ),
  );
  const made = await modal(
    (close) =>
      h(
        'form',
        {
          class: 'stack',
          onsubmit: async (e) => {
            e.preventDefault();
            const body = { about: about.value, ttl_s: Number(days.value) * 86400 };
            await api
              .json('POST', 'api/me/sessions', { body })
              .then(close)
              .catch((problem) => toast.error(problem, 'New token'));
          },
        },
        h('h2', {}, 'A token for a program'),
        h('p', {}, 'Whoever has it is you, with all that you may.'),
        field('What is it for?', about),
        field('It holds for', days),
        dialogButtons(close, 'Make it'),
      ),
    { label: 'A token for a program' },
  );
  if (!made) return;
  load();
  await modal(
    (close) =>
      h(
        'div',
        { class: 'stack' },
        h('h2', {}, 'Your new token'),
        notice('warn', 'It is shown only now. Copy it to where it is used.'),
        secretBox('Token', made.token, toast),
        h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Done')),
      ),
    { label: 'Your new token' },
  );
}

load();
