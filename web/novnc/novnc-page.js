// The page of port 6080: connects by itself, again when the connection is lost, and asks for a password only when there
// is one. ?device=ID picks the device, ?view_only=1 sends no input, ?access_token= is passed on. No absolute URLs: it
// works below a path prefix.
import RFB from './novnc/core/rfb.js';

const RETRY_MS = [500, 1000, 2000, 5000];
const query = new URLSearchParams(location.search);
const by = (id) => document.getElementById(id);
const status = by('status');
let rfb = null;
let password = '';
let failures = 0;
let timer = 0;
let shown = '';

function address() {
  const url = new URL('websockify', location.href);
  url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  for (const name of ['device', 'access_token', 'lease'])
    if (query.get(name)) url.searchParams.set(name, query.get(name));
  return url.href;
}

function say(text, state) {
  status.textContent = text;
  document.documentElement.dataset.state = state; // for style and for tests
}

function connect() {
  clearTimeout(timer);
  say('Connecting …', 'connecting');
  rfb = new RFB(by('screen'), address(), password ? { credentials: { password } } : {});
  rfb.scaleViewport = true;
  rfb.background = '#07090a';
  rfb.viewOnly = query.get('view_only') === '1';
  rfb.addEventListener('connect', () => {
    failures = 0;
    by('login').hidden = true;
    say('Connected', 'connected');
    rfb.focus();
  });
  rfb.addEventListener('desktopname', (event) => {
    document.title = event.detail.name;
    shown = event.detail.name;
    showDevice();
  });
  rfb.addEventListener('credentialsrequired', () => {
    by('login').hidden = false;
    by('password').focus();
    say('A password is needed', 'password');
  });
  rfb.addEventListener('securityfailure', (event) => {
    password = '';
    failures = RETRY_MS.length;
    say(event.detail.reason || 'Refused', 'refused');
  });
  rfb.addEventListener('disconnect', () => {
    const refused = document.documentElement.dataset.state === 'refused';
    const why = status.textContent;
    rfb = null;
    const wait = RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];
    say(refused ? `${why}: trying again` : 'Connection lost: trying again', refused ? 'refused' : 'lost');
    timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
  });
}

/** Without ?device= the host chooses; its name for the screen, "label (host)", says which one it is. */
function showDevice() {
  const option = [...by('device').options].find((o) => shown === o.text || shown.startsWith(`${o.text} (`));
  if (option && !query.get('device')) option.selected = true;
}

async function fillDevices() {
  const token = query.get('access_token');
  const url = new URL('screens.json', location.href);
  if (token) url.searchParams.set('access_token', token);
  const answer = await fetch(url);
  const select = by('device');
  select.hidden = !answer.ok; // a password opens a screen; the list wants a token
  if (!answer.ok) return;
  for (const { id, label } of await answer.json())
    select.add(new Option(label || id, id, false, id === query.get('device')));
  showDevice();
  select.addEventListener('change', () => {
    query.set('device', select.value);
    location.search = query.toString();
  });
}

by('login').addEventListener('submit', (event) => {
  event.preventDefault();
  password = by('password').value;
  if (rfb) rfb.sendCredentials({ password });
  else connect();
});
by('keys').addEventListener('click', () => {
  rfb?.sendCtrlAltDel();
  rfb?.focus();
});
by('keys').hidden = query.get('view_only') === '1';
by('full').addEventListener('click', () =>
  document.fullscreenElement ? document.exitFullscreen() : by('screen').requestFullscreen(),
);
fillDevices().catch((error) => console.warn('device list:', error));
connect();
