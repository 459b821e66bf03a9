// The server's front page: devices of all hosts, links to hand out, and pairing a phone.

import { LatestBySeq } from '../core/latest.js';
import { parse } from '../core/proto.js';
import { RemotePeer } from '../core/peer.js';
import { attitude } from '../core/phone.js';
import { fixed, toneOf } from '../core/format.js';
import { actionButton, badge, empty, field, fill, h, icon, notice, text } from '../app/dom.js';
import { makeHosts } from './hosts.js';
import { linkBox, logInByLink, makePage, makeSignaling, sessionOf } from './common.js';

const POLL_MS = 4000;
const RETRY_MS = 15000; // the data channel again, while readings come by the relay

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
const hosts = makeHosts({ api, toast, announce });
const phoneBody = h('div', { class: 'body stack' });
main.classList.add('narrow');
fill(
  main,
  h('div', { class: 'head' }, h('h1', {}, 'Devices'), count, h('span', { class: 'spacer' }), hosts.button),
  box,
  sessions,
  hosts.el,
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

/** `why`: there was a session, and it ended by itself. */
function showPair(why = null) {
  fill(
    phoneBody,
    why ? notice('warn', why) : null,
    h(
      'p',
      { class: 'muted' },
      'A phone streams its orientation, rotation and acceleration to this page, directly where the network allows it.',
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
  const phoneUrl = new URL(
    s.phoneUrl ?? `m/${encodeURIComponent(s.sessionId)}?token=${encodeURIComponent(s.token)}`,
    root,
  ).href;
  const state = h('span', { class: 'badge warn' }, 'waiting for the phone');
  const path = h('span', { class: 'muted small' });
  const rate = h('span', { class: 'muted small num' });
  const slab = h('div', { class: 'slab' }, 'top');
  const cells = Object.fromEntries(
    ['alpha', 'beta', 'gamma', 'gyro x', 'gyro y', 'gyro z', 'accel x', 'accel y', 'accel z'].map((n) => [
      n,
      h('span', { class: 'value' }, '–'),
    ]),
  );
  const rows = h(
    'div',
    { class: 'axes' },
    Object.entries(cells).map(([n, el]) => h('div', {}, h('span', { class: 'muted small' }, n), el)),
  );
  fill(
    phoneBody,
    h(
      'div',
      { class: 'pair' },
      h(
        'div',
        { class: 'stack' },
        h('img', {
          class: 'qr',
          alt: 'QR code of the phone’s link',
          src: api.url(`api/session/${encodeURIComponent(s.sessionId)}/qr.svg`, {
            query: { token: s.token },
            auth: true,
          }),
        }),
      ),
      h(
        'div',
        { class: 'stack' },
        h('div', { class: 'row' }, state, path, rate),
        h('p', {}, 'Scan the code with the phone, or open this link on it:'),
        linkBox('Phone link', phoneUrl, toast),
        h('div', { class: 'attitude', 'aria-hidden': 'true' }, slab),
        rows,
        h(
          'div',
          {},
          h(
            'button',
            {
              type: 'button',
              class: 'btn',
              onclick: () => {
                endIt();
                showPair();
              },
            },
            'End session',
          ),
        ),
      ),
    ),
  );

  const signaling = makeSignaling(api, { role: 'desktop', sessionId: s.sessionId, token: s.token });
  const latest = new LatestBySeq();
  let peer = null;
  let timer = null;
  let frame = null;
  let n = 0;
  const say = (tone, words) => {
    state.className = `badge ${tone}`;
    text(state, words);
  };

  const take = (m, by) => {
    if (m.type !== 'sensor' || !latest.accept(m)) return;
    n += 1;
    text(path, `by ${by}`);
    frame = m;
  };
  const draw = () => {
    if (!phoneBody.isConnected || signaling.state === 'closed') return;
    if (frame) {
      const { orientation: o, gyro, accel } = frame;
      if (o) {
        slab.style.transform = attitude(o);
        for (const k of ['alpha', 'beta', 'gamma']) text(cells[k], `${fixed(o[k], 0)}°`);
      }
      for (const [name, v] of [
        ['gyro', gyro],
        ['accel', accel],
      ])
        if (v) for (const k of ['x', 'y', 'z']) text(cells[`${name} ${k}`], fixed(v[k], 1));
      frame = null;
    }
    requestAnimationFrame(draw);
  };
  let rateTimer = null;
  let over = false;

  function connect() {
    clearTimeout(timer);
    peer?.stop();
    const to = signaling.peerWithRole('phone');
    if (!to) return;
    const mine = (peer = new RemotePeer({
      signaling,
      to,
      RTCPeerConnection,
      video: false,
      timeOrigin: performance.timeOrigin,
    }));
    mine.on('sensor', (raw) => {
      try {
        take(parse(raw).message, 'data channel');
      } catch {
        /* not ours */
      }
    });
    mine.on('state', (st) => {
      if (mine !== peer || (st !== 'failed' && st !== 'closed')) return;
      text(path, 'by relay');
      timer = setTimeout(connect, RETRY_MS); // readings come by the relay meanwhile
    });
    mine.start().catch(() => {});
  }
  signaling.on('ready', () => {
    latest.reset();
    say(
      signaling.peerWithRole('phone') ? 'good' : 'warn',
      signaling.peerWithRole('phone') ? 'phone connected' : 'waiting for the phone',
    );
    connect();
  });
  signaling.on('peer', (id, role, present) => {
    if (role !== 'phone') return;
    say(present ? 'good' : 'warn', present ? 'phone connected' : 'the phone has left');
    latest.reset();
    if (present) connect();
    else peer?.stop();
  });
  signaling.on('message', (m, kind) => {
    if (kind === 'sensor') take(m, 'relay');
  });
  signaling.on('state', (st, reason) => {
    if (st === 'waiting') say('bad', 'reconnecting');
    if (st === 'refused') {
      endIt();
      showPair(`The session is over (${reason}). Create a new one, and scan its code.`);
    }
  });
  function stop() {
    clearTimeout(timer);
    clearInterval(rateTimer);
    peer?.stop();
    signaling.stop();
  }
  function start() {
    rateTimer = setInterval(() => {
      text(rate, n ? `${n} readings/s` : '');
      n = 0;
    }, 1000);
    signaling.start();
    draw();
  }
  function endIt() {
    over = true;
    stop();
  }
  window.addEventListener('pagehide', () => {
    if (!over) stop();
  });
  // back as it was, from the back and forward cache
  window.addEventListener('pageshow', (e) => {
    if (e.persisted && !over) start();
  });
  start();
}

if (own.sessionId && own.token) pair(own);
else showPair();
page.whoAmI().then(load);
setInterval(load, POLL_MS);
document.addEventListener('visibilitychange', load);
