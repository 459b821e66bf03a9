// The operator console: shell, routes, services. Everything below is one module per view.

import { fill, h, icon, set, text } from './dom.js';
import { mountLinkBanner } from './banner.js';
import { lazy } from './lazy.js';
import { unescaped } from '../core/words.js';
import * as prefs from './prefs.js';
import { makeServices } from './services.js';
import { noticesPlace } from './settle.js';
import { askWho, tokenOfLink, userButton } from './views/login.js';
import { openSettings } from './views/settings.js';
import * as bench from './views/bench.js';
import * as device from './views/device.js';
import * as resources from './views/resources.js';
import * as timeline from './views/timeline.js';
import * as usb from './views/usb.js';

const PAGES = [
  { path: '', label: 'Bench', view: bench },
  { path: 'timeline', label: 'Timeline', view: timeline },
  { path: 'recordings', label: 'Recordings', view: { mount: lazy(() => import('./views/recordings.js')) } },
  { path: 'rules', label: 'Rules', view: { mount: lazy(() => import('./views/rules.js')) } },
  { path: 'resources', label: 'Hardware', view: resources },
  { path: 'usb', label: 'USB', view: usb },
];

prefs.applyTheme();

const linked = tokenOfLink(location, history);
if (linked) prefs.put('token', linked);

let asking = false;
const services = makeServices({
  base: new URL('.', document.baseURI).href,
  onAuth: (status) => {
    if (status === 401 && !asking) logIn(prefs.get('token') ? 'Your token is not known here any more.' : '');
  },
});

/** Everything stands still until it is known who is there. */
async function logIn(reason) {
  asking = true;
  services.stop();
  services.store.dispatch({ type: 'me', me: null });
  prefs.put('token', null);
  leavePage();
  document.body.classList.add('locked');
  await askWho(main, { reason, check: services.logIn });
  document.body.classList.remove('locked');
  asking = false;
  services.start();
  route();
}

function logOut() {
  services.leases.forget();
  logIn('You are logged out.');
}

// ---- shell ----

const main = document.getElementById('main');
const navLinks = PAGES.map((p) => h('a', { href: `#/${p.path}` }, p.label));
const linkDot = h('span', { class: 'dot' });
const linkText = h('span', {}, 'Connecting');
const hostName = h('span', { class: 'host' });
const themeButton = h('button', {
  type: 'button',
  class: 'btn quiet icon-only',
  onclick: () => showTheme(prefs.nextTheme()),
});

function showTheme(theme) {
  fill(themeButton, icon({ auto: 'auto', light: 'sun', dark: 'moon' }[theme]));
  set(themeButton, { 'aria-label': `Colours: ${theme}. Change`, title: `Colours: ${theme}` });
  document.dispatchEvent(new CustomEvent('testbed-theme'));
}

document.getElementById('topbar').append(
  h('a', { class: 'brand', href: '#/' }, icon('mark'), h('span', {}, 'Testbed'), hostName),
  h('nav', { class: 'nav', 'aria-label': 'Pages' }, navLinks, h('a', { href: 'docs' }, 'API')),
  h(
    'div',
    { class: 'end' },
    h('span', { class: 'link-state', id: 'link' }, linkDot, linkText),
    userButton(services.store, { logOut }),
    themeButton,
    h(
      'button',
      {
        type: 'button',
        class: 'btn quiet icon-only',
        'aria-label': 'Settings',
        title: 'Settings',
        onclick: () => openSettings(),
      },
      icon('gear'),
    ),
  ),
);
showTheme(prefs.get('theme', 'auto'));

services.store.watch(
  (s) => s.link,
  ({ state, reason }) => {
    const words = { open: 'Live', connecting: 'Connecting', waiting: 'Reconnecting', closed: 'Offline' };
    linkDot.className = `dot ${{ open: 'good', connecting: 'warn', waiting: 'bad', closed: 'bad' }[state] ?? ''}`;
    text(linkText, words[state] ?? state);
    set(linkText.parentElement, { title: reason ?? '' });
  },
);
// What a rule says is for who is there now; what it said before the page was open stands in the timeline.
services.store.watch(
  (s) => s.timeline[0],
  (e) => {
    if (e?.event === 'rule.notify' && Math.abs(Date.now() - e.t) < 15000)
      services.toast.warn(e.data.text, `Rule ${e.data.rule}: ${e.data.cause}`);
  },
);
services.store.watch(
  (s) => s.me?.host_name,
  (name) => text(hostName, name ? `/ ${name}` : ''),
);

mountLinkBanner((banner) => noticesPlace().append(banner), {
  store: services.store,
  retry: services.again,
  announce: services.announce,
});

const refusal = h('div', { class: 'notice bad ask', role: 'alert' });
services.store.watch(
  (s) => s.refusal,
  (why) => {
    refusal.remove();
    if (why) noticesPlace().append(refusal);
    fill(refusal, icon('warn'), h('p', {}, h('strong', {}, 'The host refuses this page. '), why ?? ''));
  },
);

// ---- routes: #/ · #/timeline · #/d/{device}/{tab} · #/recordings/{device}/{ms} · #/recordings/clip/{clip} ----

let unmount = null;
let current = null;

function leavePage() {
  current = null;
  unmount?.();
  unmount = null;
  main.replaceChildren();
}

function route() {
  if (asking) return;
  const parts = location.hash.replace(/^#\/?/, '').split('/').map(unescaped);
  const isDevice = parts[0] === 'd' && parts[1];
  const where = isDevice ? `d/${parts[1]}` : parts[0];
  if (where === current) {
    unmount?.navigate?.(parts.slice(isDevice ? 2 : 1));
    return;
  }
  current = where;
  unmount?.();
  main.replaceChildren();
  const page = PAGES.find((p) => p.path === where);
  navLinks.forEach((a, i) => {
    if ((page ?? PAGES[0]) === PAGES[i] && (page || isDevice)) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  });
  if (isDevice) {
    document.title = `${parts[1]} – Testbed`;
    unmount = device.mount(main, services, { id: parts[1], rest: parts.slice(2) });
  } else if (page) {
    document.title = page.path ? `${page.label} – Testbed` : 'Testbed';
    unmount = page.view.mount(main, services, { rest: parts.slice(1) });
  } else {
    location.replace('#/');
    return;
  }
  window.scrollTo(0, 0);
  if (moved) main.focus({ preventScroll: true });
  moved = true;
}

let moved = false;
document.querySelector('[data-skip]').addEventListener('click', (e) => {
  e.preventDefault(); // the fragment is ours
  main.focus();
});
window.addEventListener('hashchange', route);
services.start();
route();
