// Events of phones and benches, the newest first, by day: what was seen, where it stands, the clip in its place.

import { duration } from '../core/format.js';
import { timeOfDay } from '../core/words.js';
import { actionButton, badge, confirmDialog, empty, fill, h, text } from '../app/dom.js';
import { logInByLink, makeLists, makePage, pageLinks } from './common.js';
import { openInvite, openRecipients } from './recipients.js';

const PAGE = 100; // events that are asked for at once

const root = new URL('.', document.baseURI).href;
logInByLink();
const asked = new URLSearchParams(location.search).get('event');
const invited = new URLSearchParams(location.search).get('invite');
let asking = false;
const page = makePage(root, 'Events', { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Events');
const lists = makeLists(api);

const count = h('span', { class: 'muted num' });
const LABELS = ['person', 'animal', 'vehicle', 'motion', 'text', 'clear', 'unknown', 'error'];
const STATES = { queued: 'comes in', processing: 'is looked at', done: 'seen', failed: 'failed', canceled: 'dropped' };
const TONES = { queued: 'neutral', processing: 'accent', done: 'good', failed: 'bad', canceled: 'neutral' };

const filter = {
  text: h('input', {
    class: 'input filter',
    type: 'search',
    placeholder: 'Summary, reason, trigger',
    'aria-label': 'Text in an event',
    oninput: soon,
  }),
  device_id: h('input', {
    class: 'input filter',
    type: 'search',
    placeholder: 'Device',
    'aria-label': 'Device',
    oninput: soon,
  }),
  label: select('Label', ['', 'Any label'], ...LABELS.map((l) => [l, l])),
  status: select('State', ['', 'Any state'], ...Object.entries(STATES)),
  should_notify: select('Told', ['', 'All'], ['true', 'Somebody was to be told'], ['false', 'Nobody was']),
};
const used = h('p', { class: 'muted small', hidden: true });
const box = h('section', { 'aria-label': 'Events' });
const older = h('button', { type: 'button', class: 'btn', hidden: true, onclick: () => more() }, 'Older ones');
main.classList.add('narrow');
fill(
  main,
  h(
    'div',
    { class: 'head' },
    h('h1', {}, 'Events'),
    count,
    h('span', { class: 'spacer' }),
    h('a', { class: 'btn', href: 'capture' }, 'Watch with this device'),
    actionButton({ class: 'btn' }, 'Who is told …', recipients, (e) => toast.error(e, 'Who is told')),
  ),
  h('div', { class: 'row', role: 'search' }, Object.values(filter)),
  used,
  box,
  h('p', {}, older),
);

let newest = []; // the page that is asked for again and again
let past = []; // what “Older ones” has brought
let timer = null;
let stopReading = () => {};
const rows = new Map(); // event_id -> {key, el}

function select(label, ...options) {
  return h(
    'select',
    { class: 'input', 'aria-label': label, onchange: soon },
    options.map(([value, words]) => h('option', { value }, words)),
  );
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    past = [];
    load();
  }, 250);
}

const query = () => Object.fromEntries(Object.entries(filter).map(([name, el]) => [name, el.value.trim()]));

async function logIn() {
  if (asking) return;
  asking = true;
  lists.stop();
  rows.clear();
  await page.askWho(box);
  asking = false;
  page.whoAmI().catch(() => {});
  lists.start();
}

/** The newest first; `before`: a cursor. */
const ask = async (before) =>
  (await api.get('events', { query: { ...query(), limit: PAGE, ...(before ? { before } : {}) } })).reverse();

/** Reads them from now on, as the filters say. */
function load() {
  const failed = (error) => {
    if (asking) return;
    rows.clear();
    fill(box, empty('warn', error.status > 0 ? error.message : 'The server does not answer. The page tries again.'));
  };
  const take = (list) => {
    newest = list;
    if (!past.length) older.hidden = Boolean(asked) || newest.length < PAGE;
    show();
    showUsage().catch(() => {});
  };
  stopReading();
  stopReading = asked
    ? lists.read(
        'events',
        () => api.get(`events/${encodeURIComponent(asked)}`).then((e) => take([e]), failed),
        failed,
        {
          query: { limit: 1 },
        },
      )
    : lists.read('events', (list) => take([...list].reverse()), failed, { query: { ...query(), limit: PAGE } });
}

async function more() {
  const last = past.at(-1) ?? newest.at(-1);
  const some = await ask(last.cursor);
  past.push(...some);
  older.hidden = some.length < PAGE;
  show();
}

/** What was used of one's plan; nothing where nothing was. */
async function showUsage() {
  const u = await api.get('usage');
  const of = (n, most) => (most === null ? `${n}` : `${n} of ${most}`);
  const until = (time) => new Date(time).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const parts = [
    `${of(u.credits_used, u.credits_month)} credits this month (10 s of clips each), until ${until(u.month_ends_at)}`,
    u.uploads_hour === null ? null : `${of(u.uploads_this_hour, u.uploads_hour)} uploads this hour`,
    u.clip_s === null ? null : `clips of ${u.clip_s} s at most`,
    u.keep_days === null ? null : `kept ${u.keep_days} days`,
  ];
  text(used, `${u.plan ? `Plan ${u.plan}: ` : 'Used: '}${parts.filter(Boolean).join('; ')}`);
  used.hidden = !u.plan && !u.credits_used;
}

async function recipients() {
  const sessions = await api.get('sessions');
  const devices = [...new Set([...newest, ...sessions.reverse()].map((x) => x.device_id))];
  if (!devices.length) throw new Error('There is no device yet: it is here once it has begun to watch.');
  openRecipients({ api, toast, devices });
}

const dayOf = (event) =>
  new Date(event.created_at).toLocaleDateString([], {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
  });

function show() {
  const held = newest.length ? newest.at(-1).cursor : Infinity;
  const all = [...newest, ...past.filter((e) => e.cursor < held)];
  text(count, all.length ? `${all.length}${older.hidden ? '' : ' or more'}` : '');
  if (!all.length) {
    rows.clear();
    const some = Object.values(query()).some(Boolean);
    fill(
      box,
      some
        ? empty('eye', 'No event is like that.')
        : empty('eye', 'Nothing was noticed yet. Events come from phones and benches that upload clips.'),
    );
    return;
  }
  for (const id of [...rows.keys()]) if (!all.some((e) => e.event_id === id)) rows.delete(id);
  const parts = [];
  let day = null;
  for (const event of all) {
    if (dayOf(event) !== day) {
      day = dayOf(event);
      parts.push({ title: day, list: [] });
    }
    parts.at(-1).list.push(rowOf(event));
  }
  // what is playing stays where it is: elements move only when their order has changed
  const next = parts.flatMap(({ title, list }) => [title, ...list]);
  const now = [...box.querySelectorAll('.day, li.event')].map((el) => (el.matches('.day') ? el.textContent : el));
  if (next.length === now.length && next.every((x, i) => x === now[i])) return;
  fill(
    box,
    parts.map(({ title, list }) => [h('h2', { class: 'day' }, title), h('ul', { class: 'list panel' }, list)]),
  );
}

function rowOf(event) {
  const key = JSON.stringify(event);
  const old = rows.get(event.event_id);
  if (old?.key === key) return old.el;
  const el = old?.el ?? h('li', { class: 'event', dataset: { event: event.event_id } });
  const video = el.querySelector('video');
  fill(el, about(event), video ?? h('div', { class: 'clip' }));
  rows.set(event.event_id, { key, el });
  return el;
}

function about(event) {
  const name = `${event.trigger_type} at ${timeOfDay(event.created_at)}`;
  const told = event.should_notify ? badge('to be told', 'warn') : null;
  const act = (label, run, cls = 'btn') =>
    actionButton({ class: cls, 'aria-label': `${label}: ${name}` }, label, run, (e) => toast.error(e, label));
  return h(
    'div',
    { class: 'row' },
    h(
      'div',
      { class: 'main' },
      h(
        'div',
        { class: 'row' },
        h('strong', {}, timeOfDay(event.created_at)),
        h('span', {}, event.device_id),
        badge(STATES[event.status] ?? event.status, TONES[event.status]),
        event.label && event.label !== 'error'
          ? badge(
              event.confidence === null ? event.label : `${event.label}, ${Math.round(event.confidence * 100)} %`,
              'accent',
              true,
            )
          : null,
        told,
      ),
      event.summary ? h('span', {}, event.summary) : null,
      event.alert_reason && event.alert_reason !== event.summary
        ? h('span', { class: 'muted small' }, event.alert_reason)
        : null,
      h(
        'span',
        { class: 'muted small' },
        [
          `${event.trigger_type}, ${duration(event.duration_seconds)}`,
          event.inference_provider ? `looked at by ${event.inference_provider}` : null,
          event.took_ms === null ? null : `in ${(event.took_ms / 1000).toFixed(1)} s`,
        ]
          .filter(Boolean)
          .join(', '),
      ),
    ),
    h(
      'span',
      { class: 'row tight' },
      event.clip_container === 'local' && event.clip_uploaded_at ? act('Play', () => play(event)) : null,
      h('a', { class: 'btn quiet', href: `timeline?event=${encodeURIComponent(event.event_id)}` }, 'Link'),
      act('Delete', () => remove(event, name), 'btn danger'),
    ),
  );
}

function play(event) {
  const el = rows.get(event.event_id).el;
  const src = api.url(`events/${encodeURIComponent(event.event_id)}/upload`, { auth: true });
  const video = h('video', { src, controls: true, playsinline: true, 'aria-label': `Clip of ${event.device_id}` });
  video.addEventListener('error', () => toast.error(new Error('The browser cannot play this clip.'), 'Play'));
  (el.querySelector('video') ?? el.querySelector('.clip')).replaceWith(video);
  return video.play().catch(() => {});
}

async function remove(event, name) {
  const sure = await confirmDialog({
    title: `Delete ${name}?`,
    message: 'The event and its clip are gone then.',
    action: 'Delete',
    danger: true,
  });
  if (!sure) return;
  await api.json('DELETE', `events/${encodeURIComponent(event.event_id)}`);
  past = past.filter((e) => e.event_id !== event.event_id);
  announce('The event is gone');
  await lists.ask('events');
}

load();
page
  .whoAmI()
  .catch(() => {})
  .then(() => lists.start())
  .then(() => invited && openInvite({ api, toast, code: invited }));
document.addEventListener('visibilitychange', () => lists.refresh());
