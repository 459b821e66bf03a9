// The server's front page: devices of all hosts, links to hand out, and pairing a phone.

import { toneOf } from '../core/format.js';
import { actionButton, badge, empty, field, fill, h, icon, notice, text } from '../app/dom.js';
import { makeConnections } from './connections.js';
import { makeHosts } from './hosts.js';
import { linkBox, logInByLink, makePage, sessionOf } from './common.js';
import { showSession } from './pair.js';

const POLL_MS = 4000;

const root = new URL('.', document.baseURI).href;
logInByLink();
const own = sessionOf(location);
let asking = false;
const page = makePage(root, null, { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
end.prepend(h('a', { class: 'btn quiet', href: 'docs' }, 'API'));

const list = h('ul', { class: 'list' });
const box = h('section', { class: 'panel', 'aria-label': 'Devices' }, list);
const count = h('span', { class: 'muted num' });
const sessions = h('div', { class: 'stack' });
const connections = makeConnections({ api });
const hosts = makeHosts({ api, toast, announce });
const phoneBody = h('div', { class: 'body stack' });
main.classList.add('narrow');
fill(
  main,
  h('div', { class: 'head' }, h('h1', {}, 'Devices'), count, h('span', { class: 'spacer' }), hosts.button),
  box,
  sessions,
  hosts.el,
  connections.el,
  h('h2', { class: 'section-title' }, 'Pair a phone'),
  h('section', { class: 'panel', 'aria-label': 'Pair a phone' }, phoneBody),
);

// ---- devices ----

let shown = '';
/** The devices wait until it is known who is there; a phone is paired without. */
async function logIn() {
  if (asking) return;
  asking = true;
  shown = '';
  text(count, '');
  hosts.newToken();
  hosts.hide();
  fill(sessions);
  box.classList.remove('panel');
  await page.askWho(box, { focus: !own.sessionId });
  box.classList.add('panel');
  asking = false;
  page.whoAmI();
  load();
}

async function load() {
  if (document.hidden || asking) return;
  try {
    const [devices, online] = await Promise.all([api.get('api/devices'), api.get('api/hosts').catch(() => [])]);
    hosts.load();
    const all = Array.isArray(devices) ? devices : (devices.devices ?? []);
    const known = Array.isArray(online) ? online : (online.hosts ?? []);
    const now = JSON.stringify([all, known]);
    if (now === shown) return;
    shown = now;
    text(count, `${all.length} on ${known.length} host${known.length === 1 ? '' : 's'}`);
    if (!all.length)
      fill(
        box,
        empty('plug', 'No host is connected. A host registers by itself when its configuration names this server.'),
      );
    else (fill(box, list), fill(list, all.map(deviceRow)));
  } catch (error) {
    if (asking) return;
    shown = '';
    fill(box, empty('warn', away(error)));
  }
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
  const kinds = (d.interfaces ?? []).map((i) => i.kind ?? i);
  const share = (mode, label, primary) =>
    actionButton(
      { class: `btn${primary ? ' primary' : ''}`, 'aria-label': `${label} of ${name}` },
      [icon(mode === 'view' ? 'eye' : 'keyboard'), label],
      () => openSession(name, mode),
      (e) => toast.error(e, label),
    );
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
    h('span', { class: 'row tight' }, share('view', 'View link'), share('control', 'Control link', true)),
  );
}

async function openSession(device, mode) {
  const s = await api.json('POST', 'api/session', { body: { device, mode, observers: 8 } });
  const observers = h('span', { class: 'num' }, '0');
  const host = h('span', {});
  const url = (u) => new URL(u, root).href;
  const el = h(
    'section',
    { class: 'panel', 'aria-label': `Session of ${device}` },
    h(
      'header',
      {},
      h('h2', {}, device),
      badge(mode === 'control' ? 'control' : 'view only', mode === 'control' ? 'accent' : 'neutral', true),
      h('span', { class: 'muted small' }, observers, ' watching, host ', host),
      actionButton(
        {
          class: 'btn quiet danger',
          'aria-label': `Take back the links of ${device}`,
          title: 'The links open nothing any more',
        },
        'Take back',
        async () => {
          const path = `api/session/${encodeURIComponent(s.sessionId)}`;
          await api.raw('DELETE', path, { query: { token: s.token } });
          gone('Its links open nothing any more.');
        },
        (e) => toast.error(e, 'Take back'),
      ),
      h(
        'button',
        {
          type: 'button',
          class: 'btn quiet icon-only',
          'aria-label': 'Hide this session',
          onclick: () => {
            clearInterval(timer);
            el.remove();
          },
        },
        icon('close'),
      ),
    ),
    h(
      'div',
      { class: 'body stack' },
      s.viewUrl ? field('View link: watch, nothing else', linkBox('View link', url(s.viewUrl), toast)) : null,
      s.controlUrl
        ? field(
            'Control link: whoever has it can control the device',
            linkBox('Control link', url(s.controlUrl), toast),
          )
        : null,
      h(
        'p',
        { class: 'muted small' },
        `The session ends 10 minutes after the last activity${s.expiresAt ? `, now at ${new Date(s.expiresAt).toLocaleTimeString()}` : ''}.`,
      ),
    ),
  );
  const poll = async () => {
    try {
      const now = await api.get(`api/session/${encodeURIComponent(s.sessionId)}`);
      text(observers, now.observers ?? 0);
      text(host, now.phoneConnected ? 'connected' : 'not connected');
    } catch (error) {
      if (error.status === 404) gone('');
    }
  };
  function gone(more) {
    clearInterval(timer);
    fill(el, h('div', { class: 'body muted', role: 'status' }, `The session of ${device} has ended. ${more}`));
  }
  const timer = setInterval(poll, POLL_MS);
  poll();
  sessions.prepend(el);
  el.querySelector('input')?.focus();
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
      {},
      actionButton(
        { class: 'btn primary', id: 'create-session' },
        'Create session',
        () => pair(),
        (e) => toast.error(e, 'Create session'),
      ),
    ),
  );
}

/** `known`: a session that exists, from the address of this page (desktopUrl). */
async function pair(known) {
  const s = known?.sessionId ? known : await api.json('POST', 'api/session', { body: {} });
  keep(s);
  showSession(phoneBody, { session: s, root, api, toast, ended: showPair });
}

const session = own.sessionId && own.token ? own : kept();
if (session?.sessionId && session.token) pair(session);
else showPair();
page.whoAmI().then(load);
setInterval(load, POLL_MS);
document.addEventListener('visibilitychange', load);
