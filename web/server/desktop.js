// The server's front page: devices of all hosts, links to hand out, and pairing a phone.

import { toneOf } from '../core/format.js';
import { actionButton, badge, empty, fill, h, icon, notice, text } from '../app/dom.js';
import { makeConnections } from './connections.js';
import { makeHosts } from './hosts.js';
import { logInByLink, makeLists, makePage, pageLinks, sessionOf } from './common.js';
import { showSession } from './pair.js';
import { keepOwnLink, openShare } from './share.js';

const root = new URL('.', document.baseURI).href;
logInByLink();
const own = sessionOf(location);
let asking = false;
const page = makePage(root, null, { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Devices');

const list = h('ul', { class: 'list' });
const box = h('section', { class: 'panel', 'aria-label': 'Devices' }, list);
const count = h('span', { class: 'muted num' });
const lists = makeLists(api);
const connections = makeConnections({ lists });
const hosts = makeHosts({ api, lists, toast, announce });
const phoneBody = h('div', { class: 'body stack' });
main.classList.add('narrow');
fill(
  main,
  h('div', { class: 'head' }, h('h1', {}, 'Devices'), count, h('span', { class: 'spacer' }), hosts.button),
  box,
  hosts.el,
  connections.el,
  h('h2', { class: 'section-title' }, 'Pair a phone'),
  h('section', { class: 'panel', 'aria-label': 'Pair a phone' }, phoneBody),
);

// ---- devices ----

let shown = '';
const rows = new Map(); // device -> {key, el}
lists.read('hosts', show, failed);
hosts.read();

/** The devices wait until it is known who is there; a phone is paired without. */
async function logIn() {
  if (asking) return;
  asking = true;
  lists.stop();
  shown = '';
  text(count, '');
  hosts.newToken();
  hosts.hide();
  box.classList.remove('panel');
  await page.askWho(box, { focus: !own.sessionId });
  box.classList.add('panel');
  asking = false;
  page.whoAmI().catch(() => {});
  lists.start();
}

function show(known) {
  const all = known.flatMap((host) =>
    (host.devices ?? []).map((d) => ({
      ...d,
      id: `${host.name}/${d.id}`,
      host: host.name,
      device: d.id,
      online: host.online,
    })),
  );
  const now = JSON.stringify([all, known.length]);
  if (now === shown) return;
  shown = now;
  text(count, `${all.length} on ${known.length} host${known.length === 1 ? '' : 's'}`);
  if (!all.length) {
    rows.clear();
    fill(
      box,
      empty('plug', 'No host is connected. A host registers by itself when its configuration names this server.'),
    );
    return;
  }
  if (!list.isConnected) fill(box, list);
  // a row that is as it was stays as it is, with what has the focus
  const next = all.map((d) => {
    const key = JSON.stringify(d) + page.store.state.me?.role;
    const old = rows.get(d.id);
    if (old?.key === key) return old.el;
    const el = deviceRow(d);
    rows.set(d.id, { key, el });
    return el;
  });
  for (const id of [...rows.keys()]) if (!all.some((d) => d.id === id)) rows.delete(id);
  list.replaceChildren(...next);
}

function failed(error) {
  if (asking) return;
  shown = '';
  rows.clear();
  fill(box, empty('warn', away(error)));
}

/** Why there is no list, and what helps. */
function away(error) {
  if (error.status > 0) return error.message;
  return navigator.onLine === false
    ? 'This device has no network. The page goes on by itself when it is back.'
    : 'The server does not answer. Is it running, and is the network there? The page goes on by itself.';
}

function deviceRow(d) {
  const name = d.id ?? `${d.host}/${d.device}`;
  const kinds = [...new Set((d.interfaces ?? []).map((i) => i.kind ?? i))];
  const open = (mode, label, primary) =>
    actionButton(
      { class: `btn${primary ? ' primary' : ''}`, 'aria-label': `${label} ${name}`, disabled: d.online === false },
      [icon(mode === 'view' ? 'eye' : 'keyboard'), label],
      () => watch(name, mode),
      (e) => toast.error(e, label),
    );
  const may = page.store.state.me?.role !== 'viewer';
  return h(
    'li',
    { dataset: { device: name } },
    h(
      'div',
      { class: 'main' },
      h(
        'div',
        { class: 'row' },
        h('strong', {}, name),
        badge(
          d.online === false ? 'offline' : (d.state ?? 'online'),
          d.online === false ? 'neutral' : toneOf(d.state ?? 'online'),
        ),
      ),
      h('span', { class: 'muted' }, d.label ?? ''),
      h(
        'span',
        { class: 'row tight' },
        kinds.map((k) => h('span', { class: 'chip' }, k)),
      ),
    ),
    h(
      'span',
      { class: 'row tight' },
      open('view', 'Watch', true),
      may ? open('control', 'Control') : null,
      h(
        'button',
        {
          type: 'button',
          class: 'btn',
          'aria-label': `Give out a link of ${name}`,
          'aria-haspopup': 'dialog',
          onclick: () => openShare({ api, root, toast, device: name, may }),
        },
        icon('link'),
        'Link …',
      ),
    ),
  );
}

/** Opens the device at once, by a link that is nobody else's. */
async function watch(device, mode) {
  const s = await api.json('POST', 'api/session', { body: { device, mode, observers: 4 } });
  keepOwnLink(s);
  location.assign(new URL(mode === 'control' ? s.controlUrl : s.viewUrl, root).href);
}

// ---- phone ----

const KEPT = 'testbed.pairing'; // of this tab: its session goes on when the page is loaded again

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null; // storage is off, or it is not ours
  }
}

function keep(session) {
  try {
    if (session) sessionStorage.setItem(KEPT, JSON.stringify(session));
    else sessionStorage.removeItem(KEPT);
  } catch {
    /* storage is off: a page that is loaded again begins anew */
  }
}

/** `why`: there was a session, and it ended by itself. */
function showPair(why = null) {
  keep(null);
  const phones = h(
    'select',
    { class: 'input narrow', 'aria-label': 'Phones in the session' },
    [1, 2, 3, 4, 6, 8].map((n) => h('option', { value: n }, n === 1 ? '1 phone' : `${n} phones`)),
  );
  fill(
    phoneBody,
    why ? notice('warn', why) : null,
    h(
      'p',
      { class: 'muted' },
      'A phone streams its motion, camera, sound, place and touches to this page, directly where the network allows it.',
    ),
    h(
      'div',
      { class: 'row' },
      actionButton(
        { class: 'btn primary', id: 'create-session' },
        'Create session',
        () => pair(null, Number(phones.value)),
        (e) => toast.error(e, 'Create session'),
      ),
      phones,
    ),
  );
}

/** `known`: a session that exists, from the address of this page (desktopUrl). */
async function pair(known, phones = 1) {
  const s = known?.sessionId
    ? { ...known }
    : await api.json('POST', 'api/session', { body: phones > 1 ? { phones } : {} });
  // an address says nothing of how many phones
  if (known?.sessionId && !known.phoneUrl)
    s.phones = (await api.get(`api/session/${encodeURIComponent(s.sessionId)}`).catch(() => null))?.phones;
  keep(s);
  showSession(phoneBody, { session: s, root, api, toast, ended: showPair });
}

const session = own.sessionId && own.token ? own : kept();
if (session?.sessionId && session.token) pair(session);
else showPair();
page
  .whoAmI()
  .catch(() => {})
  .then(() => asking || lists.start());
