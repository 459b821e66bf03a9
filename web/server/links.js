// All links that are out: of what, for what, until when, who made them and who is in by them now; to copy, to narrow to
// watching, to take back.

import { age } from '../core/format.js';
import { timeOfDay } from '../core/words.js';
import { actionButton, badge, confirmDialog, empty, fill, h, icon, modal, text } from '../app/dom.js';
import { logInByLink, makeLists, makePage, pageLinks } from './common.js';
import { keepOwnLinks, linkParts, ownLinks, takeBack } from './share.js';
import { personWords } from '../core/people.js';
import { hostOf, makerWords } from '../core/who.js';

const root = new URL('.', document.baseURI).href;
logInByLink();
let asking = false;
const page = makePage(root, 'Links', { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
pageLinks(end, 'Links');
const lists = makeLists(api);

const count = h('span', { class: 'muted num' });
const filter = h('input', {
  class: 'input filter',
  type: 'search',
  placeholder: 'Device, maker, note',
  'aria-label': 'Filter the links',
  oninput: () => show(),
});
const box = h('section', { class: 'panel', 'aria-label': 'Links' });
main.classList.add('narrow');
fill(main, h('div', { class: 'head' }, h('h1', {}, 'Links'), count, h('span', { class: 'spacer' }), filter), box);

let all = [];
let shown = '';
const rows = new Map(); // sessionId -> {key, el}

async function logIn() {
  if (asking) return;
  asking = true;
  lists.stop();
  shown = '';
  rows.clear();
  text(count, '');
  box.classList.remove('panel');
  await page.askWho(box);
  box.classList.add('panel');
  asking = false;
  page.whoAmI().catch(() => {});
  lists.start();
}

lists.read(
  'sessions',
  (sessions) => {
    all = sessions;
    keepOwnLinks(new Set(all.map((s) => s.sessionId)));
    show();
  },
  (error) => {
    if (asking) return;
    shown = '';
    fill(box, empty('warn', error.status > 0 ? error.message : 'The server does not answer. The page tries again.'));
  },
);
const load = () => lists.ask('sessions');

const what = (s) => s.device ?? 'A phone';

/** Of a host's own session it is the host itself that is in, and the phone. */
const inWords = (s) => [
  ...(s.device || !s.phoneConnected ? [] : [[icon('camera'), 'the phone']]),
  ...s.people.map((p) => [
    icon(p.mode === 'control' ? 'keyboard' : 'eye'),
    personWords(hostOf(s.maker) && !p.name ? { ...p, guest: false, name: makerWords(s.maker) } : p),
  ]),
];

export function untilWords(s) {
  if (s.untilRevoked) return 'until it is taken back';
  if (s.whileUsed) return `while it is used, now until ${timeOfDay(s.expiresAt)}`;
  return `until ${timeOfDay(s.expiresAt)}`;
}

function show() {
  const word = filter.value.trim().toLowerCase();
  const some = all.filter((s) => `${what(s)} ${s.maker} ${s.note ?? ''}`.toLowerCase().includes(word));
  const users = all.reduce((n, s) => n + s.people.length, 0);
  text(count, `${all.length} out, ${users} in`);
  const now = JSON.stringify(some) + Object.keys(ownLinks()).length;
  if (now === shown) return;
  shown = now;
  if (!some.length) {
    rows.clear();
    const worked = box.querySelector('ul')?.contains(document.activeElement);
    fill(
      box,
      word
        ? empty('link', 'No link is like that.')
        : empty('link', 'No link is out. A device on the page Devices has “Link …”.'),
    );
    if (worked) land(box);
    return;
  }
  const list = box.querySelector('ul') ?? h('ul', { class: 'list' });
  if (!list.isConnected) fill(box, list);
  const held = list.contains(document.activeElement) ? document.activeElement : null;
  const at = [...list.children].findIndex((el) => el.contains(held));
  const next = some.map((s) => {
    const key = JSON.stringify(s);
    const old = rows.get(s.sessionId);
    if (old?.key === key) return old.el;
    const el = row(s);
    rows.set(s.sessionId, { key, el });
    return el;
  });
  for (const id of [...rows.keys()]) if (!some.some((s) => s.sessionId === id)) rows.delete(id);
  const { session } = list.children[at]?.dataset ?? {};
  list.replaceChildren(...next);
  if (!held) return;
  const place = rows.get(session)?.el;
  const same = place?.querySelector(`[data-do="${held.dataset.do}"]`);
  if (same) same.focus();
  else land(place ?? next[Math.min(at, next.length - 1)]);
}

/** Who works by keyboard goes on here. No button: who holds Enter would press it, and take back link after link. */
function land(el) {
  el.tabIndex = -1;
  el.focus();
}

function row(s) {
  const own = ownLinks()[s.sessionId];
  const act = (name, label, run, cls = 'btn') =>
    actionButton({ class: cls, dataset: { do: name }, 'aria-label': `${label}: ${what(s)}` }, label, run, (e) =>
      toast.error(e, label),
    );
  return h(
    'li',
    { dataset: { session: s.sessionId } },
    h(
      'div',
      { class: 'main' },
      h(
        'div',
        { class: 'row' },
        h('strong', {}, what(s)),
        s.device
          ? badge(s.mode === 'control' ? 'control' : 'view only', s.mode === 'control' ? 'accent' : 'neutral', true)
          : null,
        badge(
          s.people.length ? `${s.people.length} of ${s.max} in` : 'nobody in',
          s.people.length ? 'good' : 'neutral',
        ),
        s.phoneConnected ? null : badge(s.device ? 'host away' : 'no phone', 'warn'),
      ),
      s.note ? h('span', {}, s.note) : null,
      h(
        'span',
        { class: 'muted small' },
        `Made by ${makerWords(s.maker)} ${age((Date.now() - Date.parse(s.createdAt)) / 1000)} ago; good ${untilWords(s)}.`,
      ),
      inWords(s).length
        ? h(
            'ul',
            { class: 'people', 'aria-label': `In by this link` },
            inWords(s).map((words) => h('li', {}, words)),
          )
        : null,
    ),
    h(
      'span',
      { class: 'row tight' },
      own?.view
        ? act('show', 'Show', () => showLinks(s, own))
        : s.device
          ? h('span', { class: 'muted small' }, s.note === 'Wall' ? 'of a wall' : 'made in another browser')
          : null,
      s.device && s.mode === 'control'
        ? act('narrow', 'Watch only', async () => {
            await api.json('PATCH', `api/session/${encodeURIComponent(s.sessionId)}`, { body: { mode: 'view' } });
            announce(`The link of ${what(s)} is for watching only now`);
            load();
          })
        : null,
      act('revoke', 'Revoke', () => revoke(s, own), 'btn danger'),
    ),
  );
}

function showLinks(s, own) {
  const parts = (label, url) => linkParts({ api, root, toast, sessionId: s.sessionId, label, url });
  return modal(
    (close) =>
      h(
        'div',
        { class: 'stack' },
        h('h2', {}, `Links of ${what(s)}`),
        parts('View link', own.view),
        own.control && s.mode === 'control' ? parts('Control link', own.control) : null,
        h(
          'div',
          { class: 'buttons' },
          h('button', { type: 'button', class: 'btn primary', onclick: () => close() }, 'Done'),
        ),
      ),
    { label: `Links of ${what(s)}`, wide: true },
  );
}

async function revoke(s, own) {
  const sure =
    !s.people.length ||
    (await confirmDialog({
      title: `Revoke the link of ${what(s)}?`,
      message: `${s.people.length === 1 ? 'One person is' : `${s.people.length} people are`} in by it, and out at once.`,
      action: 'Revoke',
      danger: true,
    }));
  if (!sure) return;
  await takeBack(api, { sessionId: s.sessionId, token: own?.token });
  announce(`The link of ${what(s)} opens nothing any more`);
  await load();
}

page
  .whoAmI()
  .catch(() => {})
  .then(() => asking || lists.start());
