// For administrators: who may come in and do what where, and what was done.

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
  modal,
  notice,
  tabs,
} from '../app/dom.js';
import { aboutWords } from './signin.js';
import { showAudit } from './audit.js';
import { logInByLink, makePage, pageLinks } from './common.js';

const root = new URL('.', document.baseURI).href;
logInByLink();
let asking = false;
const page = makePage(root, 'Users', { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Users');
main.classList.add('narrow');
let view = ['groups', 'audit'].includes(location.hash.slice(1)) ? location.hash.slice(1) : 'users';
const box = h('div', { class: 'stack', role: 'tabpanel', id: `panel-${view}`, 'aria-labelledby': `tab-${view}` });
let me = null;
const bar = tabs({
  label: 'What is shown',
  selected: view,
  items: [
    { id: 'users', label: 'Users' },
    { id: 'groups', label: 'Groups' },
    { id: 'audit', label: 'Audit log' },
  ],
  onSelect: (id) => {
    view = id;
    box.id = `panel-${id}`;
    box.setAttribute('aria-labelledby', `tab-${id}`);
    history.replaceState(null, '', `#${id}`);
    load();
  },
});
fill(main, h('div', { class: 'head' }, h('h1', {}, 'Who may do what')), bar.el, box);

async function logIn() {
  if (asking) return;
  asking = true;
  await page.askWho(box);
  asking = false;
  load();
}

async function load() {
  try {
    me = await page.whoAmI();
    if (!me) return;
    if (me.role !== 'admin') {
      fill(box, empty('lock', `This is for administrators. ${me.user} is ${me.role}.`));
      return;
    }
    await { users: showUsers, groups: showGroups, audit: () => showAudit({ api, box, attempt }) }[view]?.();
  } catch (error) {
    if (!asking) fill(box, empty('warn', error.message));
  }
}

const attempt = (what, run) => run().catch((error) => toast.error(error, what));

/** A dialog with a form; `send()` rejects with words, which stay in it. Resolves with true when it was done. */
const formDialog = (title, parts, action, send) =>
  modal(
    (close) => {
      const error = h('p', { class: 'error-text', role: 'alert' });
      return h(
        'form',
        {
          class: 'stack',
          onsubmit: async (e) => {
            e.preventDefault();
            error.textContent = '';
            try {
              await send();
              close(true);
            } catch (problem) {
              error.textContent = problem.message;
            }
          },
        },
        h('h2', {}, title),
        parts,
        error,
        dialogButtons(close, action),
      );
    },
    { label: title },
  );

const select = (values, selected) =>
  h(
    'select',
    { class: 'input' },
    values.map((v) => h('option', { value: v, selected: v === selected ? true : null }, v)),
  );

const remove = async (title, message, path, said) => {
  if (!(await confirmDialog({ title, message, action: 'Remove', danger: true }))) return;
  await attempt('Remove', async () => {
    await api.raw('DELETE', path);
    announce(said);
    load();
  });
};

// ---- users ----

async function showUsers() {
  const [users, groups] = await Promise.all([api.get('api/users'), api.get('api/groups')]);
  const names = groups.map((g) => g.name);
  fill(
    box,
    users.length
      ? null
      : notice(
          'warn',
          'There are no accounts yet: who may do what is said by the tokens of the server’s configuration, and without any by being on its machine. The first user must be an administrator; from then on everybody signs in or has a token.',
        ),
    h(
      'section',
      { class: 'panel', 'aria-label': 'Users' },
      h(
        'header',
        {},
        h('h2', {}, 'Users'),
        h('span', { class: 'spacer' }),
        h(
          'button',
          { type: 'button', class: 'btn primary', id: 'add-user', onclick: () => editUser(null, names, !users.length) },
          'Add a user…',
        ),
      ),
      h(
        'ul',
        { class: 'list' },
        users.map((u) => userRow(u, names)),
      ),
    ),
  );
}

function userRow(u, names) {
  return h(
    'li',
    { dataset: { user: u.name } },
    h(
      'div',
      { class: 'main' },
      h(
        'div',
        { class: 'row' },
        h('strong', {}, u.name),
        badge(u.role, u.role === 'admin' ? 'accent' : 'neutral', true),
        u.connected
          ? badge('signs in elsewhere', 'neutral', true)
          : u.hasPassword
            ? null
            : badge('tokens only', 'neutral', true),
      ),
      h(
        'span',
        { class: 'muted small' },
        u.groups.length && u.role !== 'admin' ? `Sees what ${u.groups.join(', ')} name. ` : 'Sees everything. ',
        u.sessions ? `${u.sessions} signed in or tokens, last used ${timeOfDay(u.lastSeen)}.` : 'Not signed in.',
      ),
    ),
    h(
      'span',
      { class: 'row tight' },
      h(
        'button',
        { type: 'button', class: 'btn', 'aria-label': `Change ${u.name}`, onclick: () => editUser(u, names) },
        'Change…',
      ),
      h(
        'button',
        { type: 'button', class: 'btn', 'aria-label': `Sign-ins of ${u.name}`, onclick: () => showSessions(u) },
        'Sign-ins…',
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'btn danger',
          'aria-label': `Remove ${u.name}`,
          onclick: () =>
            remove(
              `Remove ${u.name}?`,
              'Sign-ins, tokens and links of this user end at once.',
              `api/users/${encodeURIComponent(u.name)}`,
              `${u.name} was removed`,
            ),
        },
        'Remove',
      ),
    ),
  );
}

/** `u` null: a new one. `first`: there are none, and it closes the server. */
async function editUser(u, names, first = false) {
  const name = h('input', { class: 'input', required: true, maxlength: 64, autocomplete: 'off', value: u?.name ?? '' });
  const role = select(['viewer', 'operator', 'admin'], u?.role ?? (first ? 'admin' : 'operator'));
  const password = h('input', { class: 'input', type: 'password', autocomplete: 'new-password' });
  const groups = names.map((g) =>
    h(
      'label',
      { class: 'row tight' },
      h('input', { type: 'checkbox', value: g, checked: u?.groups.includes(g) ? true : null }),
      g,
    ),
  );
  const chosen = () => groups.map((l) => l.firstChild).filter((c) => c.checked);
  const done = await formDialog(
    u ? `Change ${u.name}` : 'A new user',
    [
      u ? null : field('Name', name),
      field('Role', role, 'viewer: watches. operator: controls. admin: everything, everywhere.'),
      names.length
        ? h(
            'fieldset',
            { class: 'stack' },
            h('legend', {}, 'Groups: the user sees what they name; none: everything'),
            groups,
          )
        : null,
      field(
        u ? 'New password' : 'Password',
        password,
        u ? 'Empty: it stays. A new one signs the user out everywhere.' : 'Empty: the user comes by tokens alone.',
      ),
    ],
    u ? 'Change' : 'Add',
    async () => {
      const body = {
        role: role.value,
        groups: chosen().map((c) => c.value),
        ...(password.value ? { password: password.value } : {}),
      };
      if (u) await api.json('PATCH', `api/users/${encodeURIComponent(u.name)}`, { body });
      else await api.json('POST', 'api/users', { body: { name: name.value.trim(), ...body } });
      if (first) await page.signIn(name.value.trim(), password.value);
    },
  );
  if (done) load();
}

async function showSessions(u) {
  const path = `api/users/${encodeURIComponent(u.name)}/sessions`;
  const list = h('ul', { class: 'list' });
  const fillList = async () => {
    const all = await api.get(path);
    fill(
      list,
      all.length ? null : h('li', { class: 'muted' }, 'Signed in nowhere.'),
      all.map((s) =>
        h(
          'li',
          {},
          h(
            'div',
            { class: 'main' },
            h('strong', {}, aboutWords(s), s.kind === 'token' ? ' (token)' : ''),
            h('span', { class: 'muted small' }, `Last used ${timeOfDay(s.lastSeen)} from ${s.address}.`),
          ),
          actionButton(
            { class: 'btn danger', 'aria-label': `End: ${aboutWords(s)}` },
            'End',
            async () => {
              await api.raw('DELETE', `${path}/${encodeURIComponent(s.id)}`);
              await fillList();
            },
            (e) => toast.error(e, 'End'),
          ),
        ),
      ),
    );
  };
  await attempt('Sign-ins', fillList);
  await modal(
    (close) =>
      h(
        'div',
        { class: 'stack' },
        h('h2', {}, `Sign-ins of ${u.name}`),
        list,
        h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'btn', onclick: () => close() }, 'Close')),
      ),
    { label: `Sign-ins of ${u.name}`, wide: true },
  );
  load();
}

// ---- groups ----

async function showGroups() {
  const groups = await api.get('api/groups');
  fill(
    box,
    h(
      'section',
      { class: 'panel', 'aria-label': 'Groups' },
      h(
        'header',
        {},
        h('h2', {}, 'Groups'),
        h('span', { class: 'spacer' }),
        h(
          'button',
          { type: 'button', class: 'btn primary', id: 'add-group', onclick: () => editGroup(null) },
          'Add a group…',
        ),
      ),
      groups.length
        ? h('ul', { class: 'list' }, groups.map(groupRow))
        : empty('lock', 'A group names hosts and devices. Who is in one sees them, and nothing else.'),
    ),
  );
}

function groupRow(g) {
  return h(
    'li',
    { dataset: { group: g.name } },
    h(
      'div',
      { class: 'main' },
      h('div', { class: 'row' }, h('strong', {}, g.name), badge(g.role, 'neutral', true)),
      h(
        'span',
        { class: 'row tight' },
        g.devices.map((d) => h('span', { class: 'chip' }, d)),
      ),
      h('span', { class: 'muted small' }, g.members.length ? `In it: ${g.members.join(', ')}.` : 'Nobody is in it.'),
    ),
    h(
      'span',
      { class: 'row tight' },
      h(
        'button',
        { type: 'button', class: 'btn', 'aria-label': `Change ${g.name}`, onclick: () => editGroup(g) },
        'Change…',
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'btn danger',
          'aria-label': `Remove ${g.name}`,
          onclick: () =>
            remove(
              `Remove ${g.name}?`,
              'Its members do not see more by that: what only it named, they see no more.',
              `api/groups/${encodeURIComponent(g.name)}`,
              `${g.name} was removed`,
            ),
        },
        'Remove',
      ),
    ),
  );
}

async function editGroup(g) {
  const name = h('input', { class: 'input', required: true, maxlength: 64, value: g?.name ?? '' });
  const role = select(['viewer', 'operator'], g?.role ?? 'operator');
  const devices = h('textarea', { class: 'input', rows: 4, required: true }, g?.devices.join('\n') ?? '');
  const done = await formDialog(
    g ? `Change ${g.name}` : 'A new group',
    [
      g ? null : field('Name', name),
      field('Role', role, 'The most that its members may there.'),
      field('Devices', devices, 'One a line: lab-1/board, or lab-1 for all of a host; * for any name, like lab-*.'),
    ],
    g ? 'Change' : 'Add',
    () =>
      api.json('POST', 'api/groups', {
        body: {
          name: g?.name ?? name.value.trim(),
          role: role.value,
          devices: devices.value.split(/\s+/).filter(Boolean),
        },
      }),
  );
  if (done) load();
}

load();
