// The phone's page: one switch per thing that the phone can give. Nothing leaves it before its switch was pressed.

import { systemClock } from '../core/backoff.js';
import { KeepAwake, PhonePeer } from '../core/phone.js';
import { Battery, Light, Media, Motion, Place } from './phone-sources.js';
import { StreamPump } from '../core/phone-streams.js';
import { fixed } from '../core/format.js';
import { fill, h, icon, notice, text } from '../app/dom.js';
import { makePage, makeSignaling, sessionOf } from './common.js';
import { cameraControls } from './phone-camera.js';
import { makeController } from './phone-pad.js';
import { switchRow } from './phone-switches.js';
import { phoneEnd } from './words.js';

const root = new URL('..', document.baseURI.replace(/[?#].*$/, '')).href;
const { main, api, announce } = makePage(root, 'phone');
main.className = 'phone';
const session = sessionOf(location);
const title = () => h('h1', { class: 'sr-only' }, 'This phone as a sensor, camera and controller');

if (!session.sessionId || !session.token) {
  fill(main, title(), notice('bad', 'This link is not complete. Scan the code on the desktop page again.'));
} else {
  run();
}

function run() {
  const state = h('span', { class: 'badge warn', role: 'status' }, 'connecting');
  const how = h('span', { class: 'muted small' });
  const sent = h('span', { class: 'muted small num' });
  const problem = h('div', { hidden: true });
  const end = h('div', { role: 'alert' });
  const signaling = makeSignaling(api, { role: 'phone', ...session });
  const peer = new PhonePeer({ signaling, RTCPeerConnection: window.RTCPeerConnection });
  const pump = new StreamPump({ peer });
  const awake = new KeepAwake({ page: document, wakeLock: navigator.wakeLock });
  const of = { window, pump };

  const motion = motionPart(of, pump, problem, announce);
  const camera = cameraControls();
  const picture = new Media({ ...of, peer, kind: 'video', wish: camera.wish });
  camera.use(picture);
  const sound = new Media({
    ...of,
    peer,
    kind: 'audio',
    wish: () => ({ echoCancellation: false, noiseSuppression: false, autoGainControl: false }),
  });
  const controller = makeController({ window, document, pump });
  const rest = { place: new Place(of), light: new Light(of), battery: new Battery(of) };
  const row = (source, label, gives, symbol, more) => switchRow(source, { label, gives, symbol, more });
  const rows = [
    row(controller.source, 'Controller', 'touch pad, stick, buttons', 'gamepad', controller.el),
    row(picture, 'Camera', 'its picture, directly to who sees this phone', 'camera', camera.more),
    row(sound, 'Microphone', 'its sound, as it is', 'mic'),
    row(rest.place, 'Place', 'latitude, longitude, how exactly', 'pin'),
    row(rest.light, 'Light', 'brightness in lux', 'sun'),
    row(rest.battery, 'Battery', 'how full, and whether it is charging', 'battery'),
  ];
  const noPicture = h('div', { role: 'status' });
  // Who sees it: the desktop page that showed the code, or a bench, which says so by itself.
  let bench = null;
  const seenBy = h('p', { class: 'muted small' });
  const showSeenBy = () =>
    fill(
      seenBy,
      bench
        ? [
            'What is switched on goes to the bench ',
            h('strong', {}, bench.host),
            ', as its device ',
            h('strong', {}, bench.device),
            ': everybody who may watch that bench sees and hears it. Closing this page ends it.',
          ]
        : 'What is switched on goes to the desktop page that showed the code, and nowhere else. Closing this page ends it.',
    );
  showSeenBy();
  fill(
    main,
    title(),
    h('div', { class: 'row' }, state, how),
    end,
    motion.el,
    problem,
    h('ul', { class: 'sources', 'aria-label': 'What this phone gives' }, rows),
    noPicture,
    sent,
    seenBy,
  );

  const all = [motion.source, controller.source, picture, sound, ...Object.values(rest)];
  // the screen stays on, and streams run, while anything is switched on
  const changed = () => {
    if (all.some((s) => s.on)) {
      pump.start();
      awake.start();
    } else awake.stop();
    const media = picture.on || sound.on;
    fill(
      noPicture,
      media && peer.path === 'relay'
        ? notice(
            'warn',
            'Picture and sound need a direct connection, or one by TURN; this network has none so far. Readings go by the server meanwhile.',
          )
        : null,
    );
  };
  // A bench shows how the switches are; a switch that was never pressed says nothing.
  const switches = new Map([
    [motion.source, 'motion'],
    [controller.source, 'controller'],
    [picture, 'camera'],
    [sound, 'microphone'],
    ...Object.entries(rest).map(([name, source]) => [source, name]),
  ]);
  const pressed = new Set();
  const tellSwitch = (source) => {
    if (bench && source.state !== 'asking')
      pump.event('phone.switch', { source: switches.get(source), state: source.state });
  };
  for (const source of all) {
    const show = source.onChange;
    source.onChange = (...args) => {
      show(...args);
      pressed.add(source);
      tellSwitch(source);
      if (source === picture && picture.on) camera.show();
      changed();
    };
  }

  const say = (tone, words) => {
    state.className = `badge ${tone}`;
    text(state, words);
  };
  const status = () => {
    const there = signaling.peerWithRole('desktop');
    const who = bench ? `bench ${bench.host}` : 'desktop';
    if (signaling.state === 'ready')
      say(there ? 'good' : 'warn', there ? `${who} connected` : `waiting for the ${who}`);
  };
  signaling.on('state', (s, reason) => {
    // what is switched on once it is over would reach nobody, and say that it is on
    for (const b of main.querySelectorAll('.switch, #enable-motion')) b.disabled = s === 'refused';
    if (s === 'waiting') say('warn', 'reconnecting');
    else if (s === 'refused') {
      say('bad', 'not connected');
      fill(end, notice('bad', phoneEnd(reason)));
      // nobody is there who could get it: no camera, no microphone, no screen that stays on
      for (const source of all) if (source.state !== 'off') source.stop();
    } else {
      fill(end);
      status();
    }
  });
  signaling.on('ready', status);
  signaling.on('peer', status);
  peer.on('path', (path) => {
    text(how, path === 'none' ? '' : `by ${path}`);
    if (path !== 'none') {
      pump.again();
      controller.source.again();
      for (const source of pressed) tellSwitch(source);
    }
    changed();
  });
  peer.on('event', (m) => {
    if (m.event === 'phone.bench' && typeof m.data?.host === 'string' && typeof m.data?.device === 'string') {
      bench = { host: m.data.host, device: m.data.device };
      showSeenBy();
      status();
      for (const source of pressed) tellSwitch(source);
    } else answer(m, pump);
  });

  setInterval(() => text(sent, pump.sent ? `${pump.sent} reading${pump.sent === 1 ? '' : 's'} sent` : ''), 500);
  window.addEventListener('pagehide', () => {
    controller.source.on && controller.source.stop();
    pump.stop();
    awake.stop();
    peer.close();
  });
  window.addEventListener('pageshow', (e) => {
    if (!e.persisted) return;
    peer.reopen();
    changed();
  });
  signaling.start();
}

/** What the desktop asks for. */
function answer(m, pump) {
  if (m.event === 'phone.ping') pump.event('phone.pong', { of: m.data?.n, sent: m.data?.sent, now: systemClock.now() });
  if (m.event === 'phone.vibrate') {
    const ms = Math.min(2000, Math.max(1, Number(m.data?.ms) || 200));
    pump.event('phone.vibrated', { ok: Boolean(navigator.vibrate?.(ms)), ms });
  }
}

function motionPart(of, pump, problem, announce) {
  const source = new Motion(of);
  const cells = Object.fromEntries(['alpha', 'beta', 'gamma'].map((n) => [n, h('span', { class: 'value' }, '–')]));
  const label = h('span', {}, 'Enable motion');
  const enable = h(
    'button',
    {
      type: 'button',
      class: 'btn primary big',
      id: 'enable-motion',
      'aria-pressed': 'false',
      onclick: () => (source.on ? source.stop() : source.start()),
    },
    icon('sensor'),
    label,
  );
  const zero = h(
    'button',
    { type: 'button', class: 'btn', disabled: true, onclick: () => pump.event('phone.zero') },
    'This pose is zero',
  );
  source.onReading = ({ orientation }) => {
    if (orientation) for (const k of ['alpha', 'beta', 'gamma']) text(cells[k], `${fixed(orientation[k], 0)}°`);
  };
  source.onChange = () => {
    enable.setAttribute('aria-pressed', String(source.on));
    text(label, source.on ? 'Motion is on' : 'Enable motion');
    zero.disabled = !source.on;
    if (source.on && !source.words) announce('Motion is on');
    problem.hidden = !source.words;
    fill(problem, source.words ? notice(source.on ? 'warn' : 'bad', source.words) : null);
  };
  const el = h(
    'div',
    { class: 'stack' },
    enable,
    h(
      'div',
      { class: 'axes' },
      Object.entries(cells).map(([n, c]) => h('div', {}, h('span', { class: 'muted small' }, n), c)),
    ),
    zero,
  );
  return { source, el };
}
