// What this network allows: each way to a picture is tried by this browser, and the server says what it knows. In
// words, with what to open where something does not get through.

import { problemOf } from '../core/api.js';
import { gather, natOf, toOpen, verdictOf, waysOf } from '../core/diagnose.js';
import { actionButton, badge, fill, h, notice, text } from '../app/dom.js';
import { logInByLink, makePage, pageLinks, sessionOf, sessionToken } from './common.js';

const SOCKET_MS = 8000;

const root = new URL('.', document.baseURI).href;
logInByLink();
const session = sessionOf(location);
const asked = new URLSearchParams(location.search);
const page = makePage(root, 'Network');
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Network');

const CHECKS = [
  ['server', 'Server', 'Pages and commands by HTTP'],
  ['webSocket', 'WebSocket', 'What is live, and the picture when nothing else works'],
  ['stun', 'UDP (STUN)', 'Pictures peer to peer'],
  ['udp', 'TURN by UDP', 'Pictures through a TURN server'],
  ['tcp', 'TURN by TCP', '… where UDP is blocked'],
  ['tls', 'TURN by TLS', '… where only HTTPS is let out'],
  ['ipv6', 'IPv6', 'A direct path without address translation'],
];
const rows = new Map();

const verdict = h('div', { id: 'verdict' });
const open = h('div', { id: 'open' });
const server = h('ul', { class: 'list', id: 'findings' });
const again = actionButton({ class: 'btn primary', id: 'again' }, 'Test again', run, (e) => toast.error(e, 'Test'));
const copy = actionButton({ class: 'btn' }, 'Copy as text', copyText, (e) => toast.error(e, 'Copy'));
main.classList.add('narrow');
fill(
  main,
  h(
    'div',
    { class: 'head' },
    h('h1', {}, 'This network'),
    h('span', { class: 'spacer' }),
    h('div', { class: 'row tight' }, copy, again),
  ),
  verdict,
  h('section', { class: 'panel', 'aria-label': 'What gets through' }, h('ul', { class: 'list' }, CHECKS.map(rowOf))),
  open,
  h('h2', { class: 'section-title' }, 'What the server says'),
  h('section', { class: 'panel', 'aria-label': 'What the server says' }, server),
);

function rowOf([id, name, about]) {
  const state = badge('waits', 'neutral');
  const detail = h('span', { class: 'muted small' });
  rows.set(id, { name, state, detail });
  return h(
    'li',
    { dataset: { check: id } },
    h(
      'div',
      { class: 'main' },
      h('div', { class: 'row' }, h('strong', {}, name), state),
      h('span', { class: 'muted' }, about),
      detail,
    ),
  );
}

const WORDS = { true: ['works', 'good'], false: ['does not get through', 'bad'], null: ['not tried', 'neutral'] };
function show(id, result, words = '') {
  const { state, detail } = rows.get(id);
  const [word, tone] = WORDS[result];
  state.className = `badge ${tone}`;
  text(state, word);
  text(detail, words);
}
function shows(id) {
  const { state, detail } = rows.get(id);
  state.className = 'badge neutral';
  text(state, 'testing');
  text(detail, '');
}

// ---- the tries ----

async function trySocket() {
  const begun = performance.now();
  const socket = new WebSocket(api.wsPath('ws'), api.wsProtocols());
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no answer')), SOCKET_MS);
      const done = (fn, arg) => {
        clearTimeout(timer);
        fn(arg);
      };
      socket.addEventListener('open', () => done(resolve));
      socket.addEventListener('error', () => done(reject, new Error('refused')));
    });
    show('webSocket', true, `open in ${Math.round(performance.now() - begun)} ms`);
    return true;
  } catch {
    show('webSocket', false, 'A proxy or a firewall on the way does not let it through.');
    return false;
  } finally {
    socket.close();
  }
}

async function tryStun(servers) {
  if (!servers.length) {
    show('stun', null, 'The server names no STUN server.');
    return { works: null, symmetric: false, addressV6: null };
  }
  const nat = natOf(await gather({ RTCPeerConnection, iceServers: servers }));
  const seen = [nat.address, nat.addressV6].filter(Boolean).join(' and ');
  show(
    'stun',
    nat.works,
    nat.works
      ? `Seen from outside as ${seen}${nat.symmetric ? '; another port for each destination' : ''}.`
      : 'No STUN server answers: UDP is blocked, or the server is down.',
  );
  return nat;
}

async function tryTurn(way, servers) {
  if (!servers.length) {
    show(way, null, 'The server offers none.');
    return null;
  }
  const [relay] = (await gather({ RTCPeerConnection, iceServers: servers, relay: true })).filter(
    (c) => c.type === 'relay',
  );
  const names = servers.map((s) => s.urls.replace(/^turns?:/, '').replace(/\?.*/, '')).join(', ');
  show(way, Boolean(relay), relay ? `${names} answers in ${relay.ms} ms.` : `${names} is not reached.`);
  return Boolean(relay);
}

/** With credentials of who is logged in, or of the link by which one came; without either TURN is not tried. */
async function iceServers() {
  try {
    return (await api.get('api/ice')).iceServers;
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) throw error;
  }
  if (!session.sessionId || !session.token) return null;
  const path = `api/session/${encodeURIComponent(session.sessionId)}/ice`;
  const answer = await fetch(api.url(path), { headers: sessionToken(session.token), cache: 'no-store' });
  if (!answer.ok) throw await problemOf(answer);
  return (await answer.json()).iceServers;
}

// ---- what is shown ----

let last = null; // of the last run, for copying

function showFindings(said) {
  fill(
    server,
    said.findings.map((f) =>
      h(
        'li',
        { dataset: { about: f.about } },
        h(
          'div',
          { class: 'main' },
          h(
            'div',
            { class: 'row' },
            badge({ good: 'good', warn: 'look', bad: 'wrong' }[f.level], f.level),
            h('span', {}, f.text),
          ),
          f.open ? h('span', { class: 'muted small' }, f.open) : null,
        ),
      ),
    ),
  );
}

async function run() {
  for (const id of rows.keys()) shows(id);
  fill(verdict, h('p', { class: 'muted' }, 'Testing. It takes some seconds where something does not get through.'));
  fill(open);
  const begun = performance.now();
  let said;
  try {
    said = await api.get('api/diagnose', { query: asked.get('device') ? { device: asked.get('device') } : {} });
  } catch (error) {
    for (const id of rows.keys()) show(id, null);
    show('server', false, error.message);
    fill(verdict, notice('bad', `The server does not answer: ${error.message}`));
    return;
  }
  const { you } = said;
  show(
    'server',
    true,
    `Answers in ${Math.round(performance.now() - begun)} ms, and sees you as ${you.address}${you.forwarded ? ', by a proxy' : ''}${you.secure ? ', encrypted' : ''}.`,
  );
  showFindings(said);
  const servers = await iceServers();
  const ways = waysOf(servers ?? said.stun.servers.map((urls) => ({ urls })));
  const [webSocket, nat, udp, tcp, tls] = await Promise.all([
    trySocket(),
    tryStun(ways.stun),
    ...['udp', 'tcp', 'tls'].map((way) => tryTurn(way, ways[way])),
  ]);
  if (!servers && said.turn.configured)
    for (const way of ['udp', 'tcp', 'tls']) show(way, null, 'Log in, or come by a link, to try it.');
  const v6 = you.family === 'IPv6' || Boolean(nat.addressV6);
  show('ipv6', v6 || null, v6 ? 'This network has it.' : 'Not seen from here. Nothing needs it.');
  const results = { webSocket, stun: nat.works, symmetric: nat.symmetric, udp, tcp, tls };
  const found = verdictOf(results);
  const missing = toOpen(results, ways);
  fill(verdict, notice(found.level, found.text));
  fill(
    open,
    missing.length
      ? [
          h('h2', { class: 'section-title' }, 'What to open'),
          h(
            'p',
            { class: 'muted' },
            'For whoever looks after this network, so that pictures come sooner and larger: let these out.',
          ),
          h(
            'ul',
            {},
            missing.map((line) => h('li', {}, line)),
          ),
        ]
      : null,
  );
  last = { found, missing, said };
  announce(found.text);
}

async function copyText() {
  const lines = [
    last ? last.found.text : 'Not tested yet.',
    ...[...rows.values()].map((r) => `${r.name}: ${r.state.textContent}. ${r.detail.textContent}`.trim()),
    ...(last?.missing.length ? ['To open:', ...last.missing.map((l) => `  ${l}`)] : []),
    ...(last
      ? ['The server says:', ...last.said.findings.map((f) => `  ${f.text}${f.open ? ` (${f.open})` : ''}`)]
      : []),
  ];
  await navigator.clipboard.writeText(lines.join('\n'));
  announce('Copied');
}

page.whoAmI();
run().catch((error) => fill(verdict, notice('bad', error.message)));
