// A device's picture on a page: WebRTC when that works, a fallback when not (and why); control over it is
// views/control.js. Where pictures come from is given: WHEP and MJPEG on the host's page, the server's signaling and
// relay on a watch page.

import { VideoLadder } from '../../core/ladder.js';
import { clipOf, twiceOf, viewBoxOf } from '../../core/twice.js';
import { humane } from '../../core/words.js';
import { h, icon, Scope, text } from '../dom.js';
import { debug } from '../debug.js';
import * as prefs from '../prefs.js';
import { settling } from '../settle.js';
import { mountControl } from './control.js';
import { fullScreen, mountPicture } from './picture.js';
import { Quality } from './quality.js';
import { mountSound, soundWishes } from './sound.js';

const FIRST_FRAME_MS = 8000; // connected, but nothing to see for so long: fall back
const SHOWS_MS = 3000; // that a connection may take to its first picture, while another one shows the device
const SHOWS_LOOK_MS = 60;
const pause = (ms) => new Promise((next) => setTimeout(next, ms));

/**
 * @param {HTMLElement} root
 * @param {object} o
 * @param {string} o.id                          device, for names and what is remembered
 * @param {(wish: {audio: boolean, which: string|null}) => object} o.connect   a client for the ladder
 *                                               (core/ladder.js), with sound or not, and which
 * @param {{has: () => boolean, why: () => Promise<string>}} [o.sound]   of the device: views/sound.js
 * @param {(report: {shown(w, h), failed()}) => {el: Element, start(), stop(), choices, sound}} o.fallback   `choices`: of
 *                                               the dialog behind the badge (quality.js); `sound`: {start(), stop(),
 *                                               turn()}, as relaySound() has them, where it carries any
 * @param {object[]} [o.choices]                 further ones of that dialog
 * @param {string} o.fallbackName                "MJPEG"; fallbackText: the same within a sentence
 * @param {boolean} [o.start]                    false: the caller calls ladder.start()
 * @param {(events: object[]) => Promise} o.send
 * @param {{may: boolean, watch: Function}} o.control
 * @param {() => boolean} o.hasInput
 * @param {object} [o.clipboard]   of the device, as of mountControl()
 * @param {() => string} [o.inputAway]   why the input takes nothing now; '' when it does
 * @param {() => boolean} [o.hasVideo]           false: nothing to show; the connection carries commands and readings
 *                                               only
 * @param {() => Promise<{width, height}>} [o.ownSize]   of the screen itself: its picture may be smaller
 * @param {() => boolean} o.isPhone
 * @param {object} o.commands                    core/command.js
 * @param {() => () => void} [o.telemetry]        called when the data channel `sensor` opens; what it returns, when it
 *                                                closes
 * @returns {{unmount(), refresh(), quality, ladder, stage, header, where(), mountSoundIn(header, below)}}   refresh:
 *                                               what hasInput, hasVideo, isPhone or ownSize say may have changed
 */
export function mountScreen(
  root,
  {
    id,
    connect,
    fallback,
    fallbackName,
    send: sendEvents,
    control,
    hasInput,
    inputAway,
    clipboard,
    isPhone,
    commands,
    toast,
    announce,
    touched = () => {},
    tools = [],
    choices = [],
    snapshot = null,
    fallbackText = fallbackName,
    start = true,
    hasVideo = () => true,
    ownSize = async () => null,
    sound: ofDevice = { has: () => false, why: async () => '' },
    telemetry = () => () => {},
  },
) {
  const scope = new Scope();

  // ---- elements ----
  const quality = new Quality(fallbackName);
  const video = h('video', {
    muted: true,
    autoplay: true,
    playsinline: true,
    'aria-hidden': 'true',
    class: 'dim',
    disablepictureinpicture: true,
  });
  video.muted = true;
  const spare = fallback({
    shown: (w, hgt) => {
      wait.hidden = true;
      setSize(w, hgt);
    },
    failed: () => {
      wait.hidden = false;
      text(wait.lastChild, 'No picture. Trying again.');
    },
    rate: (fps) => {
      quality.fallbackFps = fps;
      quality.update();
    },
  });
  spare.el.hidden = true;
  const screen = h(
    'div',
    { class: 'screen', id: 'screen', tabindex: '0', role: 'application', 'aria-label': `Screen of ${id}` },
    video,
    spare.el,
  );
  const wait = h('div', { class: 'wait' }, icon('screen'), h('span', {}, 'Connecting'));
  const why = h('p', {});
  const retry = h('button', { type: 'button', class: 'btn', onclick: () => ladder.retry() }, 'Try now');
  const whyBar = h(
    'div',
    { class: 'stage-note', role: 'status', hidden: true, id: 'fallback-notice' },
    icon('warn'),
    why,
    retry,
  );
  const note = settling(whyBar);
  scope.add(note.close);
  const stage = h('div', { class: 'stage', dataset: { rung: 'connecting' } }, screen, wait);

  const snap = snapshot
    ? h(
        'a',
        {
          class: 'btn quiet icon-only',
          'aria-label': 'Save a screenshot',
          title: 'Save a screenshot',
          download: `${id}.png`,
          href: snapshot,
        },
        icon('camera'),
      )
    : null;

  const sound = mountSound({
    ...ofDevice,
    id,
    scope,
    media: video,
    // what there is goes on until the one with sound, or without it, shows its picture
    changed: () => {
      if (!ladder.move() && ladder.rung === 'connecting') ladder.restart();
      spare.sound?.turn?.(sound.which);
      carrySound();
    },
  });

  const wishes = soundWishes(sound, connect);
  const header = h('header', {}, tools, h('span', { class: 'grow' }), quality.el);
  const panel = h(
    'section',
    { class: 'panel stage-panel', 'aria-label': 'Screen' },
    header,
    note.el,
    sound.note,
    stage,
  );
  root.append(panel);

  // ---- size ----
  let size = { width: 0, height: 0 };
  const picture = mountPicture({
    id,
    scope,
    stage,
    screen,
    elements: [video, spare.el],
    size: () => size,
    changed: () => {
      if (size.width) layOut(size.width, size.height);
    },
  });
  function setSize(width, height) {
    if (!(width > 0 && height > 0) || (size.width === width && size.height === height)) return;
    size = { width, height };
    prefs.put(`size.${id}`, size);
    layOut(width, height);
    picture.layOut();
  }
  function layOut(...lying) {
    const [width, height] = picture.turn % 2 ? lying.toReversed() : lying;
    const portrait = height > width;
    stage.classList.toggle('tall', portrait);
    root.closest('.device')?.classList.toggle('portrait', portrait);
    // no taller than the picture needs: less black around wide ones
    stage.classList.toggle('wide', !portrait);
    stage.style.aspectRatio = portrait ? '' : `${width} / ${height}`;
  }
  let twice = null; // what of the picture is hidden
  // A lower rung is smaller than the screen, by whose pixels pointers go; and of an odd size H.264 has the last column
  // and row twice.
  async function setVideoSize() {
    const [width, height] = [video.videoWidth, video.videoHeight];
    setSize(width, height);
    const own = await ownSize().catch(() => null);
    if (!(own?.width > 0 && own.height > 0) || width !== video.videoWidth || height !== video.videoHeight) return;
    if (Math.abs((own.width * height) / (own.height * width) - 1) > 0.02) return; // it has changed meanwhile
    twice = twiceOf({ width, height }, own);
    hideTwice();
    setSize(own.width, own.height);
  }
  function hideTwice() {
    const size = { width: video.videoWidth, height: video.videoHeight };
    const box = { width: video.clientWidth, height: video.clientHeight };
    if ('objectViewBox' in video.style) video.style.objectViewBox = twice ? viewBoxOf(size, twice) : '';
    else video.style.clipPath = twice ? clipOf(box, size, twice) : '';
  }
  const boxes = new ResizeObserver(hideTwice);
  boxes.observe(video);
  scope.add(() => boxes.disconnect());
  scope.listen(video, 'resize', setVideoSize);
  const last = prefs.get(`size.${id}`);
  if (last?.width > 0 && last.height > 0) layOut(last.width, last.height); // nothing jumps when the picture comes

  const input = mountControl({
    id,
    scope,
    screen,
    stage,
    control,
    hasInput,
    inputAway,
    clipboard,
    isPhone,
    toast,
    announce,
    touched,
    send: sendEvents,
    size: () => size,
    where: picture.where,
    acked: () => {
      quality.ack = commands.lastAckMs;
    },
    holds: (on) => commands.hold(root, on),
  });
  scope.add(() => commands.hold(root, false));
  const full = fullScreen({ id, scope, stage, keys: input.fullKeys, entered: () => screen.focus() });
  stage.append(input.over, full.bar);
  panel.append(...input.below);
  const home = document.createComment(''); // behind the tools of sound, which a page without a picture has elsewhere
  header.append(...[...sound.tools, home, ...input.tools, ...picture.tools, snap, full.button].filter(Boolean));

  // ---- video ----
  let frameTimer = null;
  let showing = false; // frames of WebRTC are on the screen
  const uses = {
    control: (client) =>
      commands.addRoute(
        {
          name: 'data channel',
          ready: () => client.connection.control.readyState === 'open',
          send: (m) => client.send('control', m),
        },
        { first: true },
      ),
    sensor: () => telemetry(),
  };
  const inUse = { control: null, sensor: null }; // {channel, undo}
  /**
   * Uses the channels of a connection that works: those of an interrupted one are open too, and swallow what they are
   * given.
   */
  function useChannels() {
    for (const name of Object.keys(uses)) {
      const channel = ladder.rung === 'webrtc' ? ladder.client?.connection[name] : null;
      const open = channel?.readyState === 'open' ? channel : null;
      if ((inUse[name]?.channel ?? null) === open) continue;
      const before = inUse[name];
      inUse[name] = open && { channel: open, undo: uses[name](ladder.client) };
      before?.undo(); // last: from one to the other there is always a way
    }
  }
  const ladder = new VideoLadder({
    unsupported: () => (typeof RTCPeerConnection === 'function' ? null : 'this browser has no WebRTC'),
    connect: wishes.connect,
    shows: async (client) => {
      for (const end = Date.now() + SHOWS_MS; hasVideo() && Date.now() < end; await pause(SHOWS_LOOK_MS))
        if ((await client.connection.sample())?.framesDecoded > 0) return;
    },
  });
  const only = () => prefs.get(`way.${id}`) === 'fallback'; // somebody chose that for this device
  const allowed = () => prefs.get('webrtc', true) && !only();
  ladder.enabled = allowed();
  quality.choices = [
    {
      label: 'Picture by',
      options: [
        ['auto', `WebRTC, or ${fallbackText} when it does not work`],
        ['fallback', `${fallbackText} only`],
      ],
      value: () => (only() ? 'fallback' : 'auto'),
      choose: (way) => {
        prefs.put(`way.${id}`, way);
        ladder.enable(allowed());
      },
    },
    ...choices,
    ...(spare.choices ?? []),
  ];

  ladder.on('client', (client) => {
    client.on('track', (stream) => {
      if (client !== ladder.client) return;
      video.srcObject = stream;
      video.play().catch(() => {});
      sound.heard(stream);
    });
    client.on('stats', (f) => {
      if (client !== ladder.client) return;
      quality.setFigures(f);
      if (f.framesDecoded > 0 && ladder.rung === 'webrtc') showVideo();
    });
    client.on('log', (line) => {
      quality.note(line);
      debug(`${id}: ${line}`);
    });
    client.on('control', (message) => commands.receive(message, 'data channel'));
    client.on('sensor', (message) => commands.receive(message));
    client.on('channel', useChannels);
  });
  ladder.on('moved', () => wishes.follow(ladder));
  ladder.on('moved', (client) => {
    if (client.stream) {
      video.srcObject = client.stream;
      video.play().catch(() => {});
      sound.heard(client.stream);
    }
    useChannels();
  });
  ladder.on('change', ({ rung, reason }) => {
    stage.dataset.rung = rung;
    clearTimeout(frameTimer);
    if (rung !== 'webrtc') showing = false;
    useChannels();
    quality.setRung(rung, reason);
    carrySound();
    if (rung === 'webrtc' && hasVideo()) {
      frameTimer = setTimeout(() => {
        if (!showing) ladder.giveUp(new Error('connected, but no picture arrived'));
      }, FIRST_FRAME_MS);
      if (video.readyState >= 2) showVideo();
    } else if (rung === 'fallback') {
      showSpare();
    }
    whyBar.hidden = rung !== 'fallback' || only();
    const hopeless = typeof RTCPeerConnection !== 'function';
    retry.hidden = !ladder.enabled || hopeless;
    text(
      why,
      ladder.enabled
        ? `WebRTC does not work right now: ${humane(reason)}. Showing ${fallbackText}${hopeless ? '' : ' meanwhile; WebRTC is tried again by itself'}.`
        : `WebRTC is switched off in the settings. Showing ${fallbackText}.`,
    );
    text(
      wait.lastChild,
      rung === 'connecting' ? 'Connecting' : rung === 'webrtc' ? 'Waiting for the first frame' : 'Loading the picture',
    );
    if (rung === 'connecting') wait.hidden = false;
  });
  scope.listen(video, 'playing', () => {
    if (ladder.rung === 'webrtc') showVideo();
  });
  scope.listen(video, 'loadeddata', () => {
    if (ladder.rung === 'webrtc') showVideo();
  });

  // Hidden by opacity, not by display: browsers do not start a video that is not laid out.
  function showVideo() {
    if (showing) return;
    clearTimeout(frameTimer);
    setVideoSize();
    showing = true;
    video.classList.remove('dim');
    wait.hidden = true;
    hideSpare(); // only now: no black in between
  }

  /** Where the fallback carries sound, it does while WebRTC does not. */
  function carrySound() {
    const spared = ladder.rung === 'fallback';
    sound.carried(
      spared && !spare.sound ? `it comes by WebRTC alone, and the picture comes by ${fallbackText} now.` : null,
    );
    if (spared && sound.on) spare.sound?.start({ played: sound.played, refused: sound.carried, which: sound.which });
    else if (spare.sound?.stop()) sound.heard(ladder.client?.stream ?? null);
  }

  function showSpare() {
    if (!hasVideo()) return;
    showing = false;
    video.classList.add('dim');
    if (!ladder.client) video.srcObject = null; // else it goes on connecting behind the spare picture
    spare.el.hidden = false;
    spare.start();
  }
  function hideSpare() {
    if (spare.el.hidden) return;
    spare.el.hidden = true;
    spare.stop();
  }

  scope.listen(document, 'testbed-settings', () => ladder.enable(allowed()));
  scope.listen(window, 'online', () => ladder.move() || ladder.retry());
  // another network, another address: the connection would find out seconds later that it is gone, or go the old way
  if (navigator.connection?.addEventListener) scope.listen(navigator.connection, 'change', () => ladder.move());
  scope.listen(window, 'pagehide', () => ladder.stop());
  scope.listen(window, 'pageshow', (e) => {
    if (e.persisted) ladder.start();
  });
  scope.add(
    commands.on('route', (r) => {
      quality.route = r;
    }),
  );
  quality.route = commands.route;
  scope.add(() => {
    spare.sound?.stop();
    clearTimeout(frameTimer);
    ladder.stop();
    hideSpare();
    video.srcObject = null;
  });
  function refresh() {
    panel.hidden = !hasVideo();
    input.refresh();
    sound.refresh();
    if (video.videoWidth) setVideoSize(); // it was not known before whose picture this is
  }
  /** The sound of a device without a picture: its button and its words are in a panel of the page's own. */
  function mountSoundIn(header, below) {
    header.append(...sound.tools);
    below.append(sound.note);
    return () => {
      home.before(...sound.tools);
      stage.before(sound.note);
    };
  }
  if (start) ladder.start();
  return { unmount: () => scope.close(), refresh, quality, ladder, stage, header, where: picture.where, mountSoundIn };
}
