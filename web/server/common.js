// What the server's pages share: top bar, API, signaling for a session.

import { Api } from '../core/api.js';
import { Signaling } from '../core/signaling.js';
import { fill, h, icon, set } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { makeToasts } from '../app/toast.js';
import { openSettings } from '../app/views/settings.js';

/** `root`: the server's folder, absolute, with a final slash. `onToken`: told after the access token was changed. */
export function makePage(root, title, { onToken = () => {} } = {}) {
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
      onclick: () =>
        openSettings({
          onToken,
          tokenHint: 'Kept in this browser. Only needed when this server was configured with tokens.',
        }).then(() => show(prefs.get('theme', 'auto'))),
    },
    icon('gear'),
  );
  end.append(theme, gear);
  show(prefs.get('theme', 'auto'));
  return {
    main: document.getElementById('main'),
    end,
    toast: makeToasts(document.body),
    api: new Api({ base: root, fetch: (...args) => fetch(...args), token: () => prefs.get('token') }),
    announce: (message) => {
      document.getElementById('status').textContent = message;
    },
  };
}

export function makeSignaling(api, { role, sessionId, token }) {
  // the session's token goes in the hello; the server's own token, if it has one, in the URL
  return new Signaling({ url: api.wsUrl('ws'), WebSocket, hello: { role, sessionId, token } });
}

/** Session and token of this page: /v/{sessionId}?token=…, /m/{sessionId}?token=…, or #session=…&token=… */
export function sessionOf(location) {
  const hash = new URLSearchParams(location.hash.replace(/^#/, ''));
  const query = new URLSearchParams(location.search);
  const path = location.pathname.match(/\/[vm]\/([^/]+)\/?$/);
  const get = (name) => query.get(name) ?? hash.get(name);
  return { sessionId: path ? decodeURIComponent(path[1]) : (get('session') ?? get('sessionId')), token: get('token') };
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
