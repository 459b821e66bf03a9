// What the server's pages share: top bar, API, signaling for a session.

import { Api, problemOf } from '../core/api.js';
import { Signaling } from '../core/signaling.js';
import { Store } from '../core/store.js';
import { unescaped } from '../core/words.js';
import { fill, h, icon, set } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { makeToasts } from '../app/toast.js';
import { askWho, tokenOfLink, userButton } from '../app/views/login.js';
import { openSettings } from '../app/views/settings.js';

/**
 * `root`: the server's folder, absolute, with a final slash. `onAuth`: told of every 401. `logOut`: what the page does
 * when somebody logs out.
 */
export function makePage(root, title, { onAuth = () => {}, logOut = () => {} } = {}) {
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
    logOut: () => {
      prefs.put('token', null);
      store.dispatch({ type: 'me', me: null });
      logOut();
    },
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
  return {
    main: document.getElementById('main'),
    end,
    toast: makeToasts(document.body),
    api,
    store,
    /** Who one is here, for the top bar. */
    async whoAmI() {
      try {
        const me = await api.get('api/me');
        store.dispatch({ type: 'me', me: { ...me, named: me.named && Boolean(prefs.get('token')) } });
      } catch {
        /* nobody: the login says it */
      }
    },
    /** The login within `box`; resolves when somebody is logged in. */
    async askWho(box, { focus = true } = {}) {
      const reason = prefs.get('token') ? 'Your token is not known here any more.' : '';
      store.dispatch({ type: 'me', me: null });
      prefs.put('token', null);
      await askWho(box, { reason, focus, place: 'server', check: (token) => check(api, token) });
    },
    announce: (message) => {
      document.getElementById('status').textContent = message;
    },
  };
}

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

/** What a ConnectionReport posts by. A report that is lost is no problem of the page's. */
export const reporter = (api, { sessionId, token }) => {
  const url = api.url(`api/session/${encodeURIComponent(sessionId)}/telemetry`, { query: { token } });
  return (report, last) =>
    fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(report),
      keepalive: last,
    }).catch(() => {});
};

/** The server's pages, in the top bar. */
export function pageLinks(end, here) {
  const all = [
    ['.', 'Devices'],
    ['links', 'Links'],
    ['docs', 'API'],
  ];
  end.prepend(
    h(
      'nav',
      { class: 'row tight', 'aria-label': 'Pages' },
      all.map(([href, name]) =>
        h('a', { class: 'btn quiet', href, 'aria-current': name === here ? 'page' : null }, name),
      ),
    ),
  );
}

export function makeSignaling(api, { role, sessionId, token, name }) {
  // the session's token goes in the hello; the server's own token, if it has one, in the URL
  const hello = { role, sessionId, token, ...(name ? { name } : {}) };
  const signaling = new Signaling({ url: api.wsUrl('ws'), WebSocket, hello });
  // a page that is loaded again is who it was: what it controls is its own still
  const key = `peer.${sessionId}`;
  signaling.peerId = prefs.get(key, null, 'session');
  signaling.on('ready', () => prefs.put(key, signaling.peerId, 'session'));
  return signaling;
}

/** Session and token of this page: /v/{sessionId}?token=…, /m/{sessionId}?token=…, or #session=…&token=… */
export function sessionOf(location) {
  const hash = new URLSearchParams(location.hash.replace(/^#/, ''));
  const query = new URLSearchParams(location.search);
  const path = location.pathname.match(/\/[vm]\/([^/]+)\/?$/);
  const get = (name) => query.get(name) ?? hash.get(name);
  return { sessionId: path ? unescaped(path[1]) : (get('session') ?? get('sessionId')), token: get('token') };
}

/** A link to hand out: the text, a copy button. */
export function linkBox(label, url, toast) {
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
            toast.info('Select and copy the link by hand');
          }
        },
      },
      icon('copy'),
      'Copy',
    ),
    h('a', { class: 'btn', href: url, target: '_blank', rel: 'noopener' }, 'Open'),
  );
}
