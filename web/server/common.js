// What the server's pages share: top bar, API, signaling for a session.

import { Api, problemOf } from '../core/api.js';
import { Lists } from '../core/lists.js';
import { Signaling } from '../core/signaling.js';
import { Store } from '../core/store.js';
import { unescaped } from '../core/words.js';
import { fill, h, icon, set } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { makeToasts } from '../app/toast.js';
import { askWho, tokenOfLink, userButton } from '../app/views/login.js';
import { declineCall, lineOf, mountRing } from './call-ring.js';
import { askSignIn } from './signin.js';
import { openSettings } from '../app/views/settings.js';

/**
 * `root`: the server's folder, absolute, with a final slash. `onAuth`: told of every 401. `logOut`: what the page does
 * when somebody logs out. `rings`: who is called hears it here.
 */
export function makePage(root, title, { onAuth = () => {}, logOut = () => {}, rings = true } = {}) {
  prefs.applyTheme();
  const theme = h('button', { type: 'button', class: 'btn quiet icon-only', onclick: () => show(prefs.nextTheme()) });
  const show = (name) => {
    fill(theme, icon({ auto: 'auto', light: 'sun', dark: 'moon' }[name]));
    set(theme, { 'aria-label': `Colours: ${name}. Change`, title: `Colours: ${name}` });
    document.dispatchEvent(new CustomEvent('testbed-theme'));
  };
  const end = h('div', { class: 'end' });
  document
    .getElementById('topbar')
    .append(
      h(
        'a',
        { class: 'brand', href: root },
        icon('mark'),
        h('span', {}, 'Testbed'),
        title ? h('span', { class: 'host' }, `/ ${title}`) : null,
      ),
      end,
    );
  const gear = h(
    'button',
    {
      type: 'button',
      class: 'btn quiet icon-only',
      'aria-label': 'Settings',
      title: 'Settings',
      onclick: () => openSettings().then(() => show(prefs.get('theme', 'auto'))),
    },
    icon('gear'),
  );
  const store = new Store();
  const user = userButton(store, {
    logOut: async () => {
      const byPage = store.state.me?.by === 'page';
      prefs.put('token', null);
      if (byPage) await api.raw('POST', 'api/logout').catch((error) => toast.error(error, 'Log out'));
      store.dispatch({ type: 'me', me: null });
      logOut();
    },
    more: accountLinks,
  });
  end.append(user, theme, gear);
  show(prefs.get('theme', 'auto'));
  const api = new Api({
    base: root,
    fetch: (...args) => fetch(...args),
    token: () => prefs.get('token'),
    onAuth: (status) => {
      if (status === 401) onAuth();
    },
  });
  const toast = makeToasts(document.body);
  const signIn = (name, password) => api.json('POST', 'api/login', { body: { name, password } });
  const open = h('a', { class: 'btn quiet', href: 'users', hidden: true }, 'Users');
  user.before(open);
  const announce = (message) => {
    document.getElementById('status').textContent = message;
  };
  let ringing = null; // who is called here
  const ringFor = (me) => {
    const key = JSON.stringify([me.user, me.by]);
    if (ringing?.key === key) return;
    ringing?.end();
    const line = lineOf(api, me);
    if (!line) return;
    const off = mountRing({ line, root, announce, decline: (id) => declineCall(api, id) });
    line.start();
    ringing = {
      key,
      end: () => {
        off();
        line.stop();
      },
    };
  };
  return {
    main: document.getElementById('main'),
    end,
    toast,
    api,
    signIn,
    store,
    /** Who one is here, for the top bar; null: nobody, the login says it. */
    async whoAmI() {
      try {
        const me = await api.get('api/me');
        const named = me.named && (Boolean(prefs.get('token')) || me.by === 'page');
        open.hidden = me.by !== 'open' || me.role !== 'admin';
        store.dispatch({ type: 'me', me: { ...me, named } });
        if (rings) ringFor(me);
        return me;
      } catch (error) {
        if (error.status === 401) return null;
        throw error;
      }
    },
    /** The login within `box`; resolves when somebody is logged in. */
    async askWho(box, { focus = true } = {}) {
      const reason = prefs.get('token') ? 'Your token is not known here any more.' : '';
      store.dispatch({ type: 'me', me: null });
      prefs.put('token', null);
      const ways = await api.get('api/login').catch(() => ({}));
      const byToken = (token) => check(api, token);
      if (ways.passwords || ways.oidc) await askSignIn(box, { signIn, check: byToken, ways, reason, focus });
      else await askWho(box, { reason, focus, place: 'server', check: byToken });
    },
    announce,
  };
}

/** Where else one goes, in the dialog that says who one is. */
const accountLinks = (me) => [
  me.account ? h('a', { class: 'btn', href: 'account' }, 'Your account') : null,
  me.role === 'admin' ? h('a', { class: 'btn', href: 'users' }, 'Users') : null,
];

/** Who that token is, from now on used; null: nobody. */
async function check(api, token) {
  const answer = await fetch(api.url('api/me'), { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store' });
  if (answer.status === 401) return null;
  if (!answer.ok) throw await problemOf(answer);
  prefs.put('token', token);
  return answer.json();
}

/** A token in the link's fragment logs in; the fragment of a session's link holds the session's token instead. */
export function logInByLink() {
  if (/[#&?]session(Id)?=/.test(location.hash)) return;
  const token = tokenOfLink(location, history);
  if (token) prefs.put('token', token);
}

/** The lists of this page. What was told while it was hidden is asked for when it is seen again. */
export function makeLists(api) {
  const lists = new Lists({ api, WebSocket, hidden: () => document.hidden });
  document.addEventListener('visibilitychange', () => !lists.live && lists.refresh());
  return lists;
}

/** A session's QR code, of the token's link, in `img`; asked for without the token in an address. `query`: what else. */
export async function showCode(img, api, { sessionId, token, toast, query = {} }) {
  try {
    const path = `api/session/${encodeURIComponent(sessionId)}/qr.svg`;
    const answer = await api.raw('GET', path, { query, headers: sessionToken(token) });
    const before = img.src;
    img.src = URL.createObjectURL(await answer.blob());
    if (before) URL.revokeObjectURL(before);
  } catch (error) {
    toast.error(error, 'QR code');
  }
}

/** What a ConnectionReport posts by. A report that is lost is no problem of the page's. */
export const reporter = (api, { sessionId, token }) => {
  const url = api.url(`api/session/${encodeURIComponent(sessionId)}/telemetry`);
  return (report, last) =>
    fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...sessionToken(token) },
      body: JSON.stringify(report),
      keepalive: last,
    }).catch(() => {});
};

/** The server's pages, in the top bar. */
export function pageLinks(end, here) {
  const all = [
    ['.', 'Devices'],
    ['wall', 'Wall'],
    ['call', 'Calls'],
    ['links', 'Links'],
    ['timeline', 'Events'],
    ['diagnose', 'Network'],
    ['docs', 'API'],
  ];
  end.before(
    h(
      'nav',
      { class: 'nav', 'aria-label': 'Pages' },
      all.map(([href, name]) => h('a', { href, 'aria-current': name === here ? 'page' : null }, name)),
    ),
  );
}

export function makeSignaling(api, { role, sessionId, token, name }) {
  // the session's token goes in the hello; the server's own token, if it has one, with the protocols
  const hello = { role, sessionId, token, ...(name ? { name } : {}) };
  const signaling = new Signaling({ url: api.wsPath('ws'), protocols: () => api.wsProtocols(), WebSocket, hello });
  // a page that is loaded again is who it was: what it controls is its own still
  const key = `peer.${sessionId}`;
  signaling.peerId = prefs.get(key, null, 'session');
  signaling.on('ready', () => prefs.put(key, signaling.peerId, 'session'));
  return signaling;
}

const KEPT = 'testbed.session.'; // of this tab, by the session's id

function keepToken(id, token) {
  try {
    if (token) sessionStorage.setItem(KEPT + id, token);
    return sessionStorage.getItem(KEPT + id);
  } catch {
    return token; // storage is off: the page cannot be loaded again
  }
}

/**
 * Session and token of this page: /v/{sessionId}#token=…, /m/{sessionId}#token=…, or #sessionId=…&token=…;
 * older links have them behind a "?". The token is kept in this tab and taken out of the address at once: whoever sees
 * the address, the history or a log of what was asked does not have it.
 */
export function sessionOf(location) {
  const hash = new URLSearchParams(location.hash.replace(/^#/, ''));
  const query = new URLSearchParams(location.search);
  const path = location.pathname.match(/\/[vm]\/([^/]+)\/?$/);
  const get = (name) => hash.get(name) ?? query.get(name);
  const sessionId = path ? unescaped(path[1]) : (get('session') ?? get('sessionId'));
  if (!sessionId) return { sessionId, token: null };
  const token = get('token');
  if (token) {
    for (const name of ['token', 'session', 'sessionId']) query.delete(name);
    const rest = query.size ? `?${query}` : '';
    history.replaceState(history.state, '', `${location.pathname}${rest}`);
  }
  // another link of the same session in this tab: the browser only changes what stands behind the "#"
  addEventListener('hashchange', () => /[#&]token=/.test(location.hash) && location.reload());
  return { sessionId, token: keepToken(sessionId, token) };
}

/** What shows a session's token without a URL. */
export const sessionToken = (token) => ({ 'X-Session-Token': token });

/** A link to hand out: the text, a copy button. */
export function linkBox(label, url, toast) {
  const box = secretBox(label, url, toast);
  box.append(h('a', { class: 'btn', href: url, target: '_blank', rel: 'noopener' }, 'Open'));
  return box;
}

/** A text to be copied. */
export function secretBox(label, url, toast) {
  const input = h('input', { class: 'input', readonly: true, value: url, 'aria-label': label });
  input.addEventListener('focus', () => input.select());
  return h(
    'div',
    { class: 'linkbox' },
    input,
    h(
      'button',
      {
        type: 'button',
        class: 'btn',
        onclick: async () => {
          try {
            await navigator.clipboard.writeText(url);
            toast.good('Copied');
          } catch {
            input.focus();
            toast.info('Select and copy it by hand');
          }
        },
      },
      icon('copy'),
      'Copy',
    ),
  );
}
