// A device's picture on a page: WebRTC when that works, a fallback when not (and why), input over it, text box, special
// keys. Where both come from is given: WHEP and MJPEG on the host's page, the server's signaling and relay on a watch page.

import { chord, SPECIAL_KEYS } from '../../core/keys.js';
import { VideoLadder } from '../../core/ladder.js';
import { fill, h, icon, Scope, set, text, uid } from '../dom.js';
import { InputCapture } from '../input.js';
import * as prefs from '../prefs.js';
import { Quality } from './quality.js';

const EVENTS_AT_ONCE = 64;
const FIRST_FRAME_MS = 8000;         // connected, but nothing to see for so long: fall back

/**
 * @param {HTMLElement} root
 * @param {object} o
 * @param {string} o.id                          device, for names and what is remembered
 * @param {() => object} o.connect               a client for the ladder (core/ladder.js)
 * @param {(report: {shown(w, h), failed()}) => {el: Element, start(), stop()}} o.fallback
 * @param {string} o.fallbackName                "MJPEG"; fallbackText: the same within a sentence
 * @param {boolean} [o.start]                    false: the caller calls ladder.start()
 * @param {(events: object[]) => Promise} o.send
 * @param {{may: boolean, watch: Function}} o.control
 * @param {() => boolean} o.hasInput
 * @param {() => boolean} o.isPhone
 * @param {object} o.commands                    core/command.js
 * @returns {{unmount(), refresh(), quality, ladder}}   refresh: hasInput or isPhone may have changed
 */
export function mountScreen(root, { id, connect, fallback, fallbackName, send: sendEvents, control, hasInput, isPhone, commands, toast, announce, touched = () => {},
  tools = [], snapshot = null, fallbackText = fallbackName, start = true }) {
  const scope = new Scope();

  // ---- elements ----
  const quality = new Quality(fallbackName);
  const video = h('video', { muted: true, autoplay: true, playsinline: true, 'aria-hidden': 'true', class: 'dim', disablepictureinpicture: true });
  video.muted = true;
  const spare = fallback({
    shown: (w, hgt) => { wait.hidden = true; setSize(w, hgt); },
    failed: () => { wait.hidden = false; text(wait.lastChild, 'No picture. Trying again.'); },
    rate: (fps) => { quality.fallbackFps = fps; quality.update(); },
  });
  spare.el.hidden = true;
  const hintId = uid('hint');
  const screen = h('div', { class: 'screen', id: 'screen', tabindex: '0', role: 'application', 'aria-label': `Screen of ${id}`, 'aria-describedby': hintId }, video, spare.el);
  const wait = h('div', { class: 'wait' }, icon('screen'), h('span', {}, 'Connecting'));
  const hint = h('p', { id: hintId });
  const hintBar = h('div', { class: 'overlay', hidden: true }, icon('keyboard'), hint);
  const why = h('p', {});
  const retry = h('button', { type: 'button', class: 'btn', onclick: () => ladder.retry() }, 'Try now');
  const whyBar = h('div', { class: 'stage-note', role: 'status', hidden: true, id: 'fallback-notice' }, icon('warn'), why, retry);
  const stage = h('div', { class: 'stage', dataset: { rung: 'connecting' } }, screen, wait, hintBar);

  const controlSwitch = h('button', { type: 'button', class: 'btn', 'aria-pressed': 'false', id: 'control-switch' }, icon('keyboard'), h('span', {}, 'Control'));
  const touchSwitch = h('button', { type: 'button', class: 'btn', title: 'Send taps and swipes instead of a mouse' }, 'Touch');
  const full = h('button', { type: 'button', class: 'btn quiet icon-only', 'aria-label': 'Full screen', title: 'Full screen', onclick: () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()) }, icon('expand'));
  const snap = snapshot ? h('a', { class: 'btn quiet icon-only', 'aria-label': 'Save a screenshot', title: 'Save a screenshot', download: `${id}.png`, href: snapshot }, icon('camera')) : null;

  const typed = h('input', { class: 'input', 'aria-label': 'Text to type on the device', placeholder: 'Type text, Enter sends it', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', id: 'send-text' });
  const keyButtons = h('div', { class: 'keys', role: 'group', 'aria-label': 'Special keys' });
  const keybar = h('div', { class: 'keybar' },
    h('form', { onsubmit: (e) => { e.preventDefault(); sendText(); } }, typed, h('button', { type: 'submit', class: 'btn' }, 'Send')),
    keyButtons);

  root.append(h('section', { class: 'panel stage-panel', 'aria-label': 'Screen' },
    h('header', {}, tools, h('span', { class: 'grow' }), quality.el, controlSwitch, touchSwitch, snap, full),
    whyBar, stage, keybar));

  // ---- size ----
  let size = { width: 0, height: 0 };
  function setSize(width, height) {
    if (!(width > 0 && height > 0) || (size.width === width && size.height === height)) return;
    size = { width, height };
    const portrait = height > width;
    stage.classList.toggle('tall', portrait);
    root.closest('.main')?.classList.toggle('portrait', portrait);
    // no taller than the picture needs: less black around wide ones
    stage.style.aspectRatio = portrait ? '' : `${width} / ${height}`;
    stage.style.height = portrait ? '' : 'auto';
    stage.style.maxHeight = portrait ? '' : 'min(64vh, 720px)';
  }
  scope.listen(video, 'resize', () => setSize(video.videoWidth, video.videoHeight));

  // ---- input ----
  let failedAt = 0;
  function send(events) {
    if (!events.length || !hasInput() || !control.may) return;
    for (let i = 0; i < events.length; i += EVENTS_AT_ONCE) {
      sendEvents(events.slice(i, i + EVENTS_AT_ONCE)).then(() => { quality.ack = commands.lastAckMs; }, (error) => {
        if (Date.now() - failedAt < 3000) return;             // one message for a burst
        failedAt = Date.now();
        toast.error(error, 'Input');
      });
    }
    touched();
  }
  function sendText() {
    if (!typed.value) {
      send([{ type: 'key', key: 'Enter' }]);
      return;
    }
    send([{ type: 'text', text: typed.value }]);
    typed.value = '';
  }
  scope.listen(typed, 'keydown', (e) => {
    if (e.key === 'Backspace' && !typed.value) {
      e.preventDefault();
      send([{ type: 'key', key: 'Backspace' }]);
    }
  });

  const capture = new InputCapture({
    el: screen, scope, send,
    size: () => size,
    onCapture: (on) => {
      stage.classList.toggle('capturing', on);
      showHint();
      announce(on ? 'The keyboard goes to the device. Control and Alt together give it back.' : 'The keyboard is yours again.');
    },
  });

  let wantControl = prefs.get(`control.${id}`, true);
  let may = control.may, mayNot = '';
  function showHint() {
    const on = capture.enabled;
    stage.classList.toggle('control', on);
    set(controlSwitch, { 'aria-pressed': String(wantControl && may) });
    controlSwitch.disabled = !may || !hasInput();
    controlSwitch.title = may ? 'Mouse and keyboard over the picture go to the device' : mayNot;
    keybar.hidden = !hasInput();
    hintBar.hidden = !(capture.capturing || (!may && hasInput()));
    if (capture.capturing) fill(hint, 'Keyboard goes to the device. ', h('kbd', {}, 'Ctrl'), ' + ', h('kbd', {}, 'Alt'), ' gives it back.');
    else if (!may) text(hint, `View only: ${mayNot}.`);
    else text(hint, on ? 'Click the picture, or press Enter on it, to type on the device.' : 'View only.');
    for (const el of keybar.querySelectorAll('button, input')) el.disabled = !on;
  }
  function refreshInput() {
    const phone = isPhone();
    capture.enable(may && wantControl && hasInput());
    capture.touch = prefs.get(`touch.${id}`, phone);
    set(touchSwitch, { 'aria-pressed': String(capture.touch) });
    touchSwitch.hidden = !hasInput() || !(phone || capture.touch || window.matchMedia('(any-pointer: coarse)').matches);
    const kind = phone ? 'phone' : 'desktop';
    if (keyButtons.dataset.kind !== kind) {
      keyButtons.dataset.kind = kind;
      const own = SPECIAL_KEYS.filter((k) => k.kind === kind || k.kind === 'any');
      const btn = (k) => h('button', { type: 'button', class: 'btn', onclick: () => send(k.keys.length > 1 ? chord(...k.keys) : [{ type: 'key', key: k.keys[0] }]) }, k.label);
      const more = own.filter((k) => k.more);
      const pick = more.length ? h('select', { class: 'input fkeys', 'aria-label': 'Function keys' }, h('option', { value: '' }, 'F…'), more.map((k) => h('option', { value: k.keys[0] }, k.label))) : null;
      pick?.addEventListener('change', () => {
        if (pick.value) send([{ type: 'key', key: pick.value }]);
        pick.value = '';
      });
      fill(keyButtons, own.filter((k) => !k.more).map(btn), pick);
    }
    showHint();
  }
  controlSwitch.addEventListener('click', () => {
    wantControl = !wantControl;
    prefs.put(`control.${id}`, wantControl);
    refreshInput();
  });
  touchSwitch.addEventListener('click', () => {
    prefs.put(`touch.${id}`, !capture.touch);
    refreshInput();
  });
  scope.add(control.watch((on, reason) => {
    may = on;
    mayNot = reason;
    refreshInput();
  }));

  // ---- video ----
  let frameTimer = null;
  let showing = false;               // frames of WebRTC are on the screen
  let routeUndo = null;
  const ladder = new VideoLadder({
    unsupported: () => (typeof RTCPeerConnection === 'function' ? null : 'this browser has no WebRTC'),
    connect,
  });
  ladder.enabled = prefs.get('webrtc', true);

  ladder.on('client', (client) => {
    client.on('track', (stream) => {
      if (client !== ladder.client) return;
      video.srcObject = stream;
      video.play().catch(() => {});
    });
    client.on('stats', (f) => {
      if (client !== ladder.client) return;
      quality.setFigures(f);
      if (f.framesDecoded > 0 && ladder.rung === 'webrtc') showVideo();
    });
    client.on('log', (line) => {
      quality.note(line);
      if (prefs.get('debug', false)) console.debug(`testbed ${id}:`, line);
    });
    client.on('control', (message) => commands.receive(message));
    client.on('sensor', (message) => commands.receive(message));
    client.on('channel', (name, open) => {
      if (name !== 'control') return;
      routeUndo?.();
      routeUndo = open ? commands.addRoute({ name: 'data channel', ready: () => client.connection.control?.readyState === 'open', send: (m) => client.send('control', m) }, { first: true }) : null;
    });
  });
  ladder.on('change', ({ rung, reason }) => {
    stage.dataset.rung = rung;
    clearTimeout(frameTimer);
    if (rung !== 'webrtc') {
      showing = false;
      routeUndo?.();
      routeUndo = null;
    }
    quality.setRung(rung, reason);
    if (rung === 'webrtc') {
      frameTimer = setTimeout(() => { if (!showing) ladder.giveUp(new Error('connected, but no picture arrived')); }, FIRST_FRAME_MS);
      if (video.readyState >= 2) showVideo();
    } else if (rung === 'fallback') {
      showSpare();
    }
    whyBar.hidden = rung !== 'fallback';
    const hopeless = typeof RTCPeerConnection !== 'function';
    retry.hidden = !ladder.enabled || hopeless;
    text(why, ladder.enabled ? `WebRTC does not work right now: ${reason}. Showing ${fallbackText}${hopeless ? '' : ' meanwhile; WebRTC is tried again by itself'}.` : `WebRTC is switched off in the settings. Showing ${fallbackText}.`);
    text(wait.lastChild, rung === 'connecting' ? 'Connecting' : rung === 'webrtc' ? 'Waiting for the first frame' : 'Loading the picture');
    if (rung === 'connecting') wait.hidden = false;
  });
  scope.listen(video, 'playing', () => { if (ladder.rung === 'webrtc') showVideo(); });
  scope.listen(video, 'loadeddata', () => { if (ladder.rung === 'webrtc') showVideo(); });

  // Hidden by opacity, not by display: browsers do not start a video that is not laid out.
  function showVideo() {
    if (showing) return;
    clearTimeout(frameTimer);
    setSize(video.videoWidth, video.videoHeight);
    showing = true;
    video.classList.remove('dim');
    wait.hidden = true;
    hideSpare();                     // only now: no black in between
  }

  function showSpare() {
    showing = false;
    video.classList.add('dim');
    video.srcObject = null;
    spare.el.hidden = false;
    spare.start();
  }
  function hideSpare() {
    if (spare.el.hidden) return;
    spare.el.hidden = true;
    spare.stop();
  }

  scope.listen(document, 'testbed-settings', () => ladder.enable(prefs.get('webrtc', true)));
  scope.listen(window, 'online', () => ladder.retry());
  scope.listen(window, 'pagehide', () => ladder.stop());
  scope.listen(window, 'pageshow', (e) => { if (e.persisted) ladder.start(); });
  scope.add(commands.on('route', (r) => { quality.route = r; }));
  quality.route = commands.route;
  scope.add(() => {
    clearTimeout(frameTimer);
    ladder.stop();
    routeUndo?.();
    hideSpare();
    video.srcObject = null;
  });
  if (start) ladder.start();
  return { unmount: () => scope.close(), refresh: refreshInput, quality, ladder };
}
