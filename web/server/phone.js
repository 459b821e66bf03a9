// The phone's page: asks for the sensors, streams them. Nothing leaves the phone before "Enable motion" was pressed.

import { KeepAwake, motionOf, orientationOf, PhonePeer, ReadingPump } from '../core/phone.js';
import { fixed } from '../core/format.js';
import { fill, h, icon, notice, text } from '../app/dom.js';
import { makePage, makeSignaling, sessionOf } from './common.js';

const SILENT_MS = 3000; // enabled, but the phone gives no reading

const root = new URL('..', document.baseURI.replace(/[?#].*$/, '')).href;
const { main, api, announce } = makePage(root, 'phone');
main.className = 'phone';
const session = sessionOf(location);

if (!session.sessionId || !session.token) {
  fill(
    main,
    h('h1', { class: 'sr-only' }, 'This phone as a sensor'),
    notice('bad', 'This link is not complete. Scan the code on the desktop page again.'),
  );
} else {
  run();
}

function run() {
  const state = h('span', { class: 'badge warn', role: 'status' }, 'connecting');
  const how = h('span', { class: 'muted small' });
  const enable = h(
    'button',
    { type: 'button', class: 'btn primary big', id: 'enable-motion' },
    icon('sensor'),
    'Enable motion',
  );
  const problem = h('div', { hidden: true });
  const cells = Object.fromEntries(['alpha', 'beta', 'gamma'].map((n) => [n, h('span', { class: 'value' }, '–')]));
  const sent = h('span', { class: 'muted small num' });
  fill(
    main,
    h('h1', { class: 'sr-only' }, 'This phone as a sensor'),
    h('div', { class: 'row' }, state, how),
    enable,
    problem,
    h(
      'div',
      { class: 'axes' },
      Object.entries(cells).map(([n, el]) => h('div', {}, h('span', { class: 'muted small' }, n), el)),
    ),
    sent,
    h(
      'p',
      { class: 'muted small' },
      'The readings go to the desktop page that showed the code, and nowhere else. Closing this page ends it.',
    ),
  );

  const signaling = makeSignaling(api, { role: 'phone', ...session });
  const peer = new PhonePeer({ signaling, RTCPeerConnection: window.RTCPeerConnection });
  const pump = new ReadingPump({ peer });
  const awake = new KeepAwake({ page: document, wakeLock: navigator.wakeLock });
  let on = false; // motion
  const say = (tone, words) => {
    state.className = `badge ${tone}`;
    text(state, words);
  };
  const status = () => {
    const there = signaling.peerWithRole('desktop');
    if (signaling.state === 'ready')
      say(there ? 'good' : 'warn', there ? 'desktop connected' : 'waiting for the desktop');
  };
  signaling.on('state', (s, reason) => {
    if (s === 'waiting') say('warn', 'reconnecting');
    else if (s === 'refused') {
      say('bad', 'refused');
      fill(problem, notice('bad', `${reason}. Scan the code again.`));
      problem.hidden = false;
    } else status();
  });
  signaling.on('ready', status);
  signaling.on('peer', status);
  peer.on('path', (path) => text(how, path === 'none' ? '' : `by ${path}`));

  let got = 0;
  const take = (reading) => {
    if (!reading) return;
    got += 1;
    pump.update(reading);
    if (reading.orientation)
      for (const k of ['alpha', 'beta', 'gamma']) text(cells[k], `${fixed(reading.orientation[k], 0)}°`);
  };
  async function start() {
    problem.hidden = true;
    // iOS asks, and only after a touch
    for (const type of [window.DeviceMotionEvent, window.DeviceOrientationEvent]) {
      if (typeof type?.requestPermission !== 'function') continue;
      const answer = await type.requestPermission().catch((e) => e.message);
      if (answer !== 'granted') {
        fill(
          problem,
          notice(
            'bad',
            `The phone did not allow it (${answer}). Allow motion access in the browser’s settings and reload.`,
          ),
        );
        problem.hidden = false;
        return;
      }
    }
    if (!window.isSecureContext) {
      fill(problem, notice('bad', 'Browsers give motion data to HTTPS pages only. Ask for an https:// link.'));
      problem.hidden = false;
      return;
    }
    window.addEventListener('deviceorientation', (e) => take(orientationOf(e)));
    window.addEventListener('devicemotion', (e) => take(motionOf(e)));
    pump.start();
    on = true;
    enable.disabled = true;
    text(enable, 'Motion is on');
    announce('Motion is on');
    awake.start();
    setTimeout(() => {
      if (got) return;
      fill(
        problem,
        notice(
          'warn',
          'This device gives no motion data. Is there a sensor, and is it allowed in the browser’s settings?',
        ),
      );
      problem.hidden = false;
    }, SILENT_MS);
  }
  enable.addEventListener('click', start);
  setInterval(() => text(sent, pump.sent ? `${pump.sent} reading${pump.sent === 1 ? '' : 's'} sent` : ''), 500);
  window.addEventListener('pagehide', () => {
    pump.stop();
    awake.stop();
    peer.close();
  });
  window.addEventListener('pageshow', (e) => {
    if (!e.persisted) return;
    peer.reopen();
    if (!on) return;
    pump.start();
    awake.start();
  });
  signaling.start();
}
