// Calls: whom one calls, the calls that there were, and one call from its lobby to its end. /call, /call?id=…, and
// for guests /call?id=…#guest=….

import { Call } from '../core/call.js';
import { CallLine } from '../core/call-line.js';
import { age } from '../core/format.js';
import { empty, field, fill, h, icon, notice, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { askLobby } from './call-lobby.js';
import { OwnMedia } from './call-media.js';
import { declineCall, lineOf, mountRing } from './call-ring.js';
import { openRecordings, openUploads } from './call-recording.js';
import { mountCall } from './call-room.js';
import { logInByLink, makePage, pageLinks } from './common.js';

const RING_MS = 60000;
const root = new URL('.', document.baseURI.replace(/[?#].*$/, '')).href;
const callId = new URLSearchParams(location.search).get('id');
const guest = takeGuest();
if (!guest) logInByLink();
const page = makePage(root, 'Call', {
  onAuth: () => !guest && location.reload(),
  logOut: () => location.assign('call'),
  rings: false,
});
const { main, end, api, toast, announce } = page;
if (!guest) pageLinks(end, 'Calls');

/** The link's token: kept in this tab, and out of the address at once. */
function takeGuest() {
  const token = new URLSearchParams(location.hash.replace(/^#/, '')).get('guest');
  const key = `call.guest.${callId}`;
  if (token) {
    const own = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
    const before = prefs.get(key, null, 'session');
    prefs.put(key, { token, key: before?.token === token ? before.key : own }, 'session');
    history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  }
  return prefs.get(key, null, 'session');
}

const box = h('div', { class: 'call-page' });
fill(main, box);
begin();

async function begin() {
  if (guest) {
    await inCall({ me: null, who: '', line: guestLine(), title: 'You are asked into a call' });
    return;
  }
  const me = (await page.whoAmI().catch(() => null)) ?? null;
  if (!me) {
    await page.askWho(box);
    location.reload();
    return;
  }
  if (me.by === 'open' && !prefs.get('call-name', '')) await askName();
  const line = lineOf(api, me);
  const who = me.by === 'open' ? prefs.get('call-name', '') : me.user;
  line.on('state', (state, reason) => state === 'refused' && fill(box, notice('bad', reason)));
  mountRing({ line, root, announce, skip: (id) => id === callId, decline: (id) => declineCall(api, id) });
  if (callId) await inCall({ me, who, line, title: 'Call' });
  else {
    openUploads(api, toast).catch(() => {}); // what a page that was closed has left
    line.start();
    await start(who, line);
  }
}

function guestLine() {
  return new CallLine({
    url: api.wsPath('ws'),
    protocols: () => [],
    WebSocket,
    hello: () => ({ callId, guest: guest.token, key: guest.key }),
  });
}

/** Where nobody needs a token: who one is for those who call. */
function askName() {
  return new Promise((resolve) => {
    const name = h('input', { class: 'input', id: 'call-user', maxlength: '60', required: true, pattern: '[^\\s].*' });
    const form = h(
      'form',
      {
        class: 'stack',
        onsubmit: (e) => {
          e.preventDefault();
          prefs.put('call-name', name.value.trim());
          resolve();
        },
      },
      field('Your name: others call you by it', name, 'This server knows nobody. With accounts it is your account’s.'),
      h('div', { class: 'buttons' }, h('button', { type: 'submit', class: 'btn primary' }, 'Go on')),
    );
    fill(box, h('h1', {}, 'Calls'), h('div', { class: 'panel body login' }, form));
    name.focus();
  });
}

// ---- whom one calls ----

async function start(who, line) {
  const to = h('input', { class: 'input', id: 'call-to', maxlength: '190', list: 'call-known', autocomplete: 'off' });
  const known = h('datalist', { id: 'call-known' });
  const problem = h('p', { class: 'error-text', role: 'alert' });
  const begun = async (body) => {
    text(problem, '');
    try {
      const call = await api.json('POST', 'webrtc/calls', { body: { callerId: who, ...body } });
      location.assign(`call?id=${encodeURIComponent(call.id)}${body.type === 'audio' ? '&audio=1' : ''}`);
    } catch (error) {
      text(problem, error.message);
    }
  };
  const form = h(
    'form',
    {
      class: 'stack',
      onsubmit: (e) => {
        e.preventDefault();
        if (to.value.trim()) begun({ calleeId: to.value.trim(), type: e.submitter?.value ?? 'video' });
      },
    },
    field('Whom do you call?', to, 'A user of this server. It rings in every page that he has open.'),
    known,
    problem,
    h(
      'div',
      { class: 'row' },
      h('button', { type: 'submit', class: 'btn primary', value: 'video', id: 'call-video' }, icon('camera'), 'Call'),
      h('button', { type: 'submit', class: 'btn', value: 'audio', id: 'call-audio' }, icon('mic'), 'Without pictures'),
      h('span', { class: 'grow' }),
      h(
        'button',
        {
          type: 'button',
          class: 'btn',
          id: 'call-guests',
          onclick: () =>
            begun({ calleeId: `guests-${crypto.randomUUID().slice(0, 8)}`, scheduledAt: new Date().toISOString() }),
        },
        icon('link'),
        'A call for guests',
      ),
    ),
  );
  const list = h('div', { class: 'body flush' });
  fill(
    box,
    h('h1', {}, 'Calls'),
    h('div', { class: 'panel' }, h('div', { class: 'body' }, form)),
    h(
      'section',
      { class: 'panel', 'aria-label': 'Calls that there were' },
      h('header', {}, h('h2', {}, 'Your calls')),
      list,
    ),
  );
  to.focus();
  const show = async () => {
    try {
      const { calls } = await api.get('webrtc/calls');
      const mine = calls.filter((c) => c.participants.some((p) => p.userId === who) || c.callerId === who);
      const others = new Set(mine.flatMap((c) => [c.callerId, c.calleeId]));
      fill(
        known,
        [...others].filter((u) => u !== who && !/^guests-/.test(u)).map((u) => h('option', { value: u })),
      );
      fill(
        list,
        mine.length
          ? h(
              'ul',
              { class: 'list' },
              mine.map((c) => rowOf(c, who)),
            )
          : empty('camera', 'There was no call yet.'),
      );
    } catch (error) {
      fill(list, notice('warn', error.message));
    }
  };
  line.on('said', (event) => /^call-|^incoming/.test(event) && show());
  await show();
}

const WORDS = {
  scheduled: 'waits',
  ringing: 'rings',
  in_progress: 'goes on',
  ended: '',
  cancelled: 'cancelled',
  failed: 'failed',
  missed: 'nobody answered',
};

function rowOf(c, who) {
  const other = c.callerId === who ? c.calleeId : c.callerId;
  const live = ['scheduled', 'ringing', 'in_progress'].includes(c.status);
  const length = c.actualDuration ? `${age(c.actualDuration)} long` : '';
  return h(
    'li',
    {},
    icon(c.type === 'audio' ? 'mic' : 'camera'),
    h(
      'div',
      { class: 'main' },
      h('strong', {}, /^guests-/.test(other) ? 'A call for guests' : other),
      h(
        'span',
        { class: 'muted small' },
        [new Date(c.createdAt).toLocaleString(), WORDS[c.status], length].filter(Boolean).join(', '),
      ),
    ),
    c.status === 'ended'
      ? h(
          'button',
          { type: 'button', class: 'btn', onclick: () => openRecordings({ api, root, callId: c.id, userId: who }) },
          'Recordings',
        )
      : null,
    live ? h('a', { class: 'btn', href: `call?id=${encodeURIComponent(c.id)}` }, 'Come in') : null,
  );
}

// ---- one call ----

async function inCall({ me, who, line, title }) {
  const audioOnly = new URLSearchParams(location.search).get('audio') === '1';
  const media = new OwnMedia();
  const known = me ? await api.get(`webrtc/calls/${encodeURIComponent(callId)}`).catch((error) => error) : null;
  if (known instanceof Error) {
    fill(box, notice('bad', known.message, h('a', { class: 'btn', href: 'call' }, 'All calls')));
    return;
  }
  const video = !audioOnly && known?.type !== 'audio';
  const other = known ? (known.callerId === who ? known.calleeId : known.callerId) : '';
  const { name } = await askLobby(box, {
    media,
    title: other && !/^guests-/.test(other) ? `Call with ${other}` : title,
    hint: known?.status === 'ringing' && known.initiatedBy === who ? `It rings for ${other} now, for a minute.` : '',
    who: me ? who : '',
    wantsVideo: video,
  });
  const call = new Call({ line, callId, RTCPeerConnection, MediaStream });
  call.media.videoEnabled = Boolean(media.tracks.video);
  call.media.audioEnabled = Boolean(media.tracks.audio);
  call.ownLevel = () => media.level();
  mountCall(box, { call, line, media, api, root, toast, announce, guest: !me, known, again: () => location.reload() });
  call.join({ name: me ? '' : name, tracks: media.tracks });
  line.start();
  // nobody came within a minute: the server says so when it is asked
  if (known?.status === 'ringing')
    setTimeout(
      async () => {
        if (call.over || call.people.size > 1) return;
        const now = await api.get(`webrtc/calls/${encodeURIComponent(callId)}`).catch(() => null);
        if (now?.status === 'missed') call.leave('nobody answered');
      },
      Math.max(0, Date.parse(known.createdAt) + RING_MS - Date.now()) + 1000,
    );
  addEventListener('pagehide', () => media.close());
}
