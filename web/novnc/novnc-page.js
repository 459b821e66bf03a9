// The page of port 6080: connects by itself, again when the connection is lost, and asks who is there only when the
// host wants to know. ?device=ID picks the device, ?view_only=1 sends no input, #token= (or ?access_token=), kept until
// one logs out and taken out of the address, says who one is. No absolute URLs: it works below a path prefix.
import RFB from './novnc/core/rfb.js';
import { protocolsWith } from '../core/api.js';
import { whoHasIt } from '../core/words.js';
import { askWho, tokenOfLink, userButton } from '../app/views/login.js';
import { Store } from '../core/store.js';
import * as prefs from '../app/prefs.js';

const RETRY_MS = [500, 1000, 2000, 5000];
const LOOK_MS = 5000; // at who has the screen's device
const query = new URLSearchParams(location.search);
const by = (id) => document.getElementById(id);
const status = by('status');
const store = new Store();
let rfb = null;
let password = '';
let failures = 0;
let timer = 0;
let shown = '';
let screens = []; // [{id, label, lease}]; none are known without a token

const linked = tokenOfLink(location, history);
if (linked) prefs.put('token', linked);
const token = () => prefs.get('token');

function say(words, state) {
  status.textContent = words;
  document.documentElement.dataset.state = state; // for style and for tests
}

const auth = (t = token()) => ({ cache: 'no-store', headers: t ? { Authorization: `Bearer ${t}` } : {} });
async function read(name, t) {
  const answer = await fetch(new URL(name, location.href.replace(/[?#].*/, '')), auth(t));
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.json();
}

function address() {
  const url = new URL('websockify', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  url.hash = '';
  const all = { device: query.get('device'), lease: query.get('lease') };
  for (const [name, value] of Object.entries(all)) if (value) url.searchParams.set(name, value);
  return url.href;
}

// ---- who is there ----

/** Whether one may go on: asks for a token where nothing else opens a screen. */
async function known() {
  let me = (await read('me.json')) ?? { role: 'none' };
  if (me.role === 'none' && token()) me = (await read('me.json', null)) ?? me; // what there is for strangers
  if (me.role === 'none' && !me.password) {
    await logIn(token() ? 'Your token is not known here any more.' : '');
    return known();
  }
  if (me.role === 'none') forget(); // the password is asked for instead
  store.dispatch({ type: 'me', me: { ...me, named: me.named && me.role !== 'none' && Boolean(token()) } });
  by('log-in').hidden = me.role !== 'none';
  return true;
}

/** The login in the place of the screen, until a token is right. */
async function logIn(reason) {
  clearTimeout(timer);
  store.dispatch({ type: 'me', me: null });
  forget();
  const last = rfb;
  rfb = null;
  last?.disconnect();
  by('login').hidden = by('log-in').hidden = true;
  say('Not logged in', 'login');
  document.body.classList.add('locked');
  await askWho(by('who'), {
    reason,
    check: async (t) => {
      const me = await read('me.json', t);
      if (!me || me.role === 'none') return null;
      prefs.put('token', t);
      return me;
    },
  });
  by('who').replaceChildren();
  document.body.classList.remove('locked');
}

function forget() {
  prefs.put('token', null);
}

async function again(reason) {
  await logIn(reason);
  begin();
}

// ---- the screen ----

function connect() {
  clearTimeout(timer);
  say('Connecting …', 'connecting');
  const session = (rfb = new RFB(by('screen'), address(), {
    wsProtocols: protocolsWith(token(), ['binary']),
    ...(password ? { credentials: { password } } : {}),
  }));
  let open = false;
  const mine = (fn) => (event) => {
    if (session === rfb) fn(event);
  };
  rfb.scaleViewport = true;
  rfb.background = '#07090a';
  rfb.viewOnly = query.get('view_only') === '1';
  rfb.addEventListener(
    'connect',
    mine(() => {
      failures = 0;
      open = true;
      by('login').hidden = true;
      showConnected();
      rfb.focus();
    }),
  );
  rfb.addEventListener(
    'desktopname',
    mine((event) => {
      document.title = event.detail.name;
      shown = event.detail.name;
      showDevice();
      showConnected();
    }),
  );
  rfb.addEventListener(
    'credentialsrequired',
    mine(() => {
      by('login').hidden = false;
      by('password').focus();
      say('A password is needed', 'password');
    }),
  );
  rfb.addEventListener(
    'securityfailure',
    mine((event) => {
      password = '';
      failures = RETRY_MS.length;
      say(event.detail.reason || 'Refused', 'refused');
    }),
  );
  rfb.addEventListener(
    'disconnect',
    mine(() => {
      const refused = document.documentElement.dataset.state === 'refused' ? status.textContent : '';
      rfb = null;
      lost(open, refused);
    }),
  );
}

/** It ended, or never began: what helps depends on why. */
async function lost(wasOpen, refused) {
  const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
  timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
  if (refused) {
    say(`${refused}: trying again`, 'refused');
    return;
  }
  say('Connection lost: trying again', 'lost');
  if (wasOpen) return;
  try {
    const device = query.get('device');
    await known(); // a token that was taken back
    if (store.state.me?.role === 'none' || !(await readScreens())) return;
    if (device && !screens.some((s) => s.id === device)) {
      say(`There is no screen “${device}” here now. Choose another one, or wait: it is tried again.`, 'lost');
    } else if (!screens.length) {
      say('No device of this host has a screen now. It is tried again.', 'lost');
    }
  } catch {
    say(
      navigator.onLine === false
        ? 'This device has no network: trying again'
        : 'The host does not answer. Is testbed-host running there? It is tried again.',
      'lost',
    );
  }
}

/** "Connected", and why nothing that one types arrives. */
function showConnected() {
  if (!rfb || document.documentElement.dataset.state === 'password') return;
  const here = screens.find((s) => s.id === by('device').value);
  const { me } = store.state;
  const other = here?.lease && here.lease.holder !== me?.user && !query.get('lease');
  const why =
    query.get('view_only') === '1'
      ? 'view only'
      : me?.role === 'viewer'
        ? 'you may watch: your role is viewer'
        : other
          ? `you may watch: ${whoHasIt(here.lease)}`
          : '';
  by('keys').hidden = Boolean(why);
  say(why ? `Connected, ${why}` : 'Connected', 'connected');
}

/** Without ?device= the host chooses; its name for the screen, "label (host)", says which one it is. */
function showDevice() {
  const option = [...by('device').options].find((o) => shown === o.text || shown.startsWith(`${o.text} (`));
  if (option && !query.get('device')) option.selected = true;
}

/** False: a password opens a screen; the list wants a token. */
async function readScreens() {
  const all = await read('screens.json');
  const select = by('device');
  select.hidden = by('device-label').hidden = !all;
  if (!all) return false;
  const same = JSON.stringify(all.map((s) => [s.id, s.label])) === JSON.stringify(screens.map((s) => [s.id, s.label]));
  screens = all;
  if (same) return true;
  const chosen = select.value || query.get('device');
  select.replaceChildren(...all.map(({ id, label }) => new Option(label || id, id, false, id === chosen)));
  if (!all.some((s) => s.id === chosen) && query.get('device')) select.selectedIndex = -1;
  showDevice();
  return true;
}

async function begin() {
  try {
    await known();
    await readScreens();
  } catch {
    /* the connection says it */
  }
  connect();
}

by('device').addEventListener('change', () => {
  query.set('device', by('device').value);
  location.search = query.toString();
});
by('login').addEventListener('submit', (event) => {
  event.preventDefault();
  password = by('password').value;
  if (rfb) rfb.sendCredentials({ password });
  else connect();
});
by('log-in').addEventListener('click', () => again(''));
by('keys').addEventListener('click', () => {
  rfb?.sendCtrlAltDel();
  rfb?.focus();
});
by('full').addEventListener('click', () =>
  document.fullscreenElement ? document.exitFullscreen() : by('screen').requestFullscreen(),
);
by('keys').before(userButton(store, { logOut: () => again('You are logged out.') }));
setInterval(async () => {
  if (document.documentElement.dataset.state !== 'connected' || document.hidden) return;
  await readScreens().catch(() => false);
  if (document.documentElement.dataset.state === 'connected') showConnected();
}, LOOK_MS);
begin();
