// A phone on a window sill: it watches, keeps the seconds around what it notices, and uploads them when it can.

import { systemClock } from '../core/backoff.js';
import { ClipStore } from '../core/clip-store.js';
import { ClipUploads } from '../core/clip-uploads.js';
import { bytes } from '../core/format.js';
import { KeepAwake } from '../core/phone.js';
import { fill, h, notice, text } from '../app/dom.js';
import * as prefs from '../app/prefs.js';
import { logInByLink, makePage } from './common.js';
import { clipList } from './capture-clips.js';
import { installButton, keepPage, missing, watchState } from './capture-install.js';
import { Senses } from './capture-senses.js';
import { controls, regionPad, settings } from './capture-settings.js';
import { Takes, typeOf } from './capture-takes.js';

const root = new URL('.', document.baseURI).href;
const noMedia = new URLSearchParams(location.search).get('media') === 'off';
logInByLink();
const page = makePage(root, 'Watch', { onAuth: logIn, logOut: logIn });
const { main, end, toast, api, announce } = page;
const failed = (error, what = 'Watch') => toast.error(error, what);

const type = noMedia ? null : typeOf(window.MediaRecorder);
const state = h('span', { class: 'badge neutral', role: 'status' }, 'off');
const waiting = h('p', { class: 'muted', role: 'status' });
const news = h('div', { role: 'status' });
const problem = h('div', { role: 'alert' });
const login = h('div');
const facts = h('dl', { class: 'facts' });
const video = h('video', { muted: true, autoplay: true, playsinline: true, 'aria-label': 'What the camera sees' });
const toggle = h('button', { type: 'button', class: 'btn primary big', disabled: !type }, 'Start watching');
const byHand = h('button', { type: 'button', class: 'btn', disabled: true }, 'Record a clip now');
const dark = h('button', { type: 'button', class: 'btn', hidden: true }, 'Darken the screen');
const set = controls({ changed: apply });
const pad = regionPad({ keep: () => set.keep() });
const stage = h('div', { class: 'capture-stage', hidden: true }, video, pad.canvas);
const awake = new KeepAwake({ page: document, wakeLock: navigator.wakeLock });

let store, uploads, list, takes;
let stream = null;
let session = null; // of the server, while there is one for this watch
let asking = false;

main.classList.add('capture');
end.before(installButton(), h('nav', { class: 'nav', 'aria-label': 'Pages' }, h('a', { href: 'timeline' }, 'Events')));
const absent = missing({ type });
fill(
  main,
  h('div', { class: 'head' }, h('h1', {}, 'Watch with this device'), state),
  news,
  noMedia ? notice('warn', 'Capture is switched off by this address (media=off).') : null,
  problem,
  set.who,
  stage,
  h('div', { class: 'row' }, toggle, byHand, dark, pad.whole),
  set.senses,
  h('details', {}, h('summary', {}, 'Times and camera'), set.times),
  absent.length
    ? h(
        'details',
        { open: !type },
        h('summary', {}, 'What this browser does not have'),
        h(
          'ul',
          {},
          absent.map((w) => h('li', {}, w)),
        ),
      )
    : null,
  facts,
  h('h2', {}, 'Clips'),
  login,
  waiting,
);

const senses = new Senses({ video, noticed, shows: set.shows });
const room = watchState({
  bytes,
  show: (all) =>
    fill(
      facts,
      all.flatMap(([name, words]) => [h('dt', {}, name), h('dd', {}, words)]),
    ),
});

function apply() {
  senses.uses = { motion: settings.motion, audio: settings.audio };
  senses.region = settings.region;
  senses.motion.threshold = settings.motionAt;
  senses.sound.threshold = settings.audioAt;
  for (const s of [senses.motion, senses.sound]) s.cooldownMs = settings.cooldown * 1000;
}

function say(tone, words) {
  state.className = `badge ${tone}`;
  text(state, words);
}

const WORDS = {
  sending: (n) => `${n} ${n === 1 ? 'clip is' : 'clips are'} being uploaded.`,
  offline: (n) =>
    `${n} ${n === 1 ? 'clip waits' : 'clips wait'}: there is no way to the server. They go when there is one.`,
  waiting: (n, why) => `${n} ${n === 1 ? 'clip waits' : 'clips wait'}: ${why}`,
  login: (n) => `${n} ${n === 1 ? 'clip waits' : 'clips wait'} until somebody has logged in.`,
};
async function show() {
  const n = await list.show();
  const lost = store.dropped ? ` ${store.dropped} of the oldest were removed before they were uploaded: no room.` : '';
  text(waiting, `${n ? (WORDS[uploads.state]?.(n, uploads.why?.message) ?? `${n} wait.`) : 'Nothing waits.'}${lost}`);
  await room();
}

function noticed(trigger) {
  const about = { device: settings.device, trigger, prompt: settings.prompt || null, session };
  if (!takes?.notice(about)) return;
  say('warn', 'a clip is being recorded');
  announce('A clip is being recorded');
}

async function start() {
  fill(problem);
  if (!settings.device) {
    fill(problem, notice('bad', 'Give this device a name first: events come under it.'));
    set.who.querySelector('input').focus();
    return;
  }
  toggle.disabled = true;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: settings.facing, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 15 } },
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    const words = {
      NotAllowedError: 'Camera and microphone were not allowed for this page.',
      NotFoundError: 'There is no camera.',
    };
    fill(problem, notice('bad', words[error.name] ?? `The camera does not start: ${error.message}`));
    return;
  } finally {
    toggle.disabled = false;
  }
  for (const track of stream.getTracks())
    track.addEventListener('ended', () =>
      stop(`The ${track.kind === 'video' ? 'camera' : 'microphone'} was taken away.`),
    );
  video.srcObject = stream;
  stage.hidden = false;
  apply();
  takes.start(stream, { preMs: settings.before * 1000, postMs: settings.after * 1000 });
  senses.start(stream);
  awake.start();
  prefs.put('capture.on', true, 'session');
  text(toggle, 'Stop');
  byHand.disabled = dark.hidden = false;
  say('good', 'capture active');
  navigator.storage?.persist?.().catch(() => {});
  // offline: clips get a session when they are uploaded
  session = await uploads.begin(settings.device, settings.prompt).catch(() => null);
  if (!stream) endSession();
}

function endSession() {
  const id = session;
  session = null;
  if (id) api.json('POST', 'sessions/stop', { body: { session_id: id } }).catch(() => {});
}

function stop(why = null) {
  if (!stream) return;
  prefs.put('capture.on', null, 'session');
  senses.stop();
  takes.stop();
  for (const track of stream.getTracks()) track.stop();
  stream = null;
  video.srcObject = null;
  stage.hidden = true;
  awake.stop();
  text(toggle, 'Start watching');
  byHand.disabled = dark.hidden = true;
  say('neutral', 'off');
  if (why) fill(problem, notice('bad', `${why} Nothing is watched any more.`));
  endSession();
}

toggle.addEventListener('click', () => (stream ? stop() : start()));
byHand.addEventListener('click', () => noticed('manual'));
dark.addEventListener('click', () => {
  const cover = h('button', { type: 'button', class: 'capture-dark' }, 'Watching. Tap for the page.');
  cover.addEventListener('click', () => cover.remove() ?? dark.focus());
  document.body.append(cover);
  cover.focus();
});

async function logIn() {
  if (asking) return;
  asking = true;
  await page.askWho(login, { focus: false });
  asking = false;
  fill(login);
  page.whoAmI().catch(() => {});
  uploads?.run();
}

async function begin() {
  keepPage(news, failed).catch((error) => failed(error, 'Offline use'));
  page
    .whoAmI()
    .then((me) => me ?? logIn())
    .catch(() => {});
  store = await ClipStore.open(window.indexedDB);
  uploads = new ClipUploads({
    store,
    api,
    clock: systemClock,
    fetch: (...args) => fetch(...args),
    online: () => navigator.onLine,
    changed: () => show().catch(() => {}),
  });
  list = clipList({ store, uploads, failed, changed: show });
  main.append(list.box);
  takes = new Takes({
    store,
    MediaRecorder: window.MediaRecorder,
    done: async () => {
      if (stream) say('good', 'capture active');
      await show();
      uploads.run();
    },
    failed: (error) => {
      stop(`It cannot be recorded: ${error.message || error.name}.`);
    },
  });
  const found = await store.recover();
  if (found) toast.info(`${found} ${found === 1 ? 'clip was' : 'clips were'} cut off when this page ended.`);
  await show();
  addEventListener('online', () => uploads.run());
  addEventListener('offline', () => uploads.run());
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && uploads.run());
  uploads.run();
  // it was watching when it was loaded anew
  if (type && prefs.get('capture.on', null, 'session')) await start();
}

begin().catch((error) => {
  toggle.disabled = true;
  fill(problem, notice('bad', `This browser keeps no clips (${error.message}): private windows are like that.`));
});
