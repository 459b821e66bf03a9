// The picture of an observed device: peer to peer, and as a reduced one through the server while that does not work.

import { ApiError } from '../core/api.js';
import { Climb, settlesDirect } from '../core/climb.js';
import { RemotePeer } from '../core/peer.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { capital, humanize } from '../core/format.js';
import { awayWords, clipboardOf, interfacesOf, isPhone } from '../core/store.js';
import { showsH264, UnitDecoder } from '../core/units.js';
import { h } from '../app/dom.js';
import { mountScreen } from '../app/views/screen.js';
import { relaySound } from './relay-sound.js';

const WAY_OF_TURN = 'relayed (TURN)'; // of core/stats.js

/**
 * The screen, once for the whole page: its connection carries commands and readings, too, and a device without a
 * picture has one that nobody sees. `svc.mountVideo` of a device's page puts it in its place.
 */
export function mountPicture(root, svc, { id, control, signaling, producer, scope, report, figures: told }) {
  const device = () => svc.store.state.devices[id];
  let ownSize = null; // of the screen, as the host said
  let listens = null; // the interface whose sound was asked for last
  const heard = () => {
    const all = interfacesOf(device(), 'audio');
    return all.find((i) => i.name === listens) ?? all[0];
  };
  const probe = () => signaling.probe();
  const hasVideo = () => !device() || interfacesOf(device(), 'video').length > 0;
  const screen = mountScreen(root, {
    id,
    control,
    commands: svc.commands,
    toast: svc.toast,
    announce: svc.announce,
    touched: () => svc.leases.keeper(id)?.touch(),
    hasInput: () => interfacesOf(device(), 'input').length > 0,
    inputAway: () => awayWords(interfacesOf(device(), 'input')[0]),
    clipboard: clipboardOf(svc, id, () => interfacesOf(device(), 'input')[0]),
    hasVideo,
    ownSize: async () => ownSize,
    isPhone: () => isPhone(device()),
    send: (events) =>
      svc.commands.send(
        id,
        `${interfacesOf(device(), 'input')[0].name}.send`,
        { events },
        { queue: false, fresh: true },
      ),
    fallbackName: 'Relay',
    fallbackText: 'a reduced picture through the server',
    start: false,
    fallback: (report) => relayPicture(report, { id, signaling, commands: svc.commands, scope }),
    sound: {
      has: () => interfacesOf(device(), 'audio').length > 0,
      why: async () => heard()?.reason ?? '',
      choices: () => interfacesOf(device(), 'audio').map(({ name }) => ({ name, label: capital(humanize(name)) })),
    },
    connect: ({ audio, which }) => {
      listens = which;
      const to = producer();
      if (!to)
        throw new ApiError({ status: 0, title: 'Not connected', detail: 'the host is not connected to the server' });
      const peer = new RemotePeer({
        signaling,
        to,
        asks: true,
        RTCPeerConnection,
        video: hasVideo(),
        audio,
        sound: audio ? which : null,
        timeOrigin: performance.timeOrigin,
      });
      peer.on('channel', (name, open) => open && name === 'control' && peer.connection.sample());
      peer.on('stats', (figures) => {
        climb.look();
        report.way(figures.path);
        report.figures(figures);
        told(figures);
      });
      peer.on('state', (state) => {
        if (state !== 'failed') return;
        report.lost();
        if (svc.commands.route === 'relay') report.way('relay'); // which carries on
      });
      peer.on('screen', (size) => {
        ownSize = size;
        screen.refresh();
      });
      return peer;
    },
  });
  scope.add(screen.unmount);
  // a TURN server may end what goes through it with the credentials that it began with
  const isTurned = () => screen.ladder.client?.figures?.path === WAY_OF_TURN;
  scope.add(signaling.on('renewed', () => isTurned() && screen.ladder.move()));
  // … and is a detour: now and then a direct way is looked for, beside the one that there is
  const isBetter = (client) =>
    settlesDirect(async () => {
      const figures = await client.connection.sample();
      return !!figures?.path && figures.path !== WAY_OF_TURN;
    });
  const climb = new Climb({ is: isTurned, move: () => screen.ladder.move(isBetter) });
  scope.add(() => climb.stop());
  scope.listen(window, 'online', () => climb.soon());
  screen.ladder.on('moved', () => climb.look());
  scope.listen(window, 'online', probe);
  if (navigator.connection?.addEventListener) scope.listen(navigator.connection, 'change', probe);
  let known = null;
  // who goes by another name has a connection that is another's: the server ends it when it misses him
  const named = () => {
    if (known !== null && known !== signaling.peerId) screen.ladder.move();
    known = signaling.peerId;
  };
  scope.add(signaling.on('ready', named));
  screen.ladder.on('change', ({ rung }) => rung === 'fallback' && probe());
  return { screen, hasVideo };
}

function relayPicture(report, { id, signaling, commands, scope }) {
  const canvas = h('canvas', { role: 'img', 'aria-label': `Screen of ${id}` });
  let undo = null;
  let frames = 0;
  let known = null; // what this browser shows
  /** `screen`: what pointers go by; null: as large as the picture. */
  const draw = (picture, [width, height], screen) => {
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    canvas.getContext('2d').drawImage(picture, 0, 0);
    frames += 1;
    report.shown(screen?.width ?? width, screen?.height ?? height);
    picture.close();
  };
  const sink = new PictureSink(async ({ jpeg, screen }) => {
    const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
    canvas.dataset.codec = 'jpeg';
    draw(bitmap, [bitmap.width, bitmap.height], screen);
  });
  // H.264 of an odd size has its last column and row twice
  const own = (size, of) => (size === of + 1 ? of : size);
  const decoder = new UnitDecoder({
    show: (frame, screen) => {
      const { displayWidth: w, displayHeight: h } = frame;
      canvas.dataset.codec = 'h264';
      draw(frame, screen ? [own(w, screen.width), own(h, screen.height)] : [w, h], screen);
    },
    lost: () => commands.subscribeAgain('picture'),
  });
  scope.add(
    signaling.on('binary', (bytes) => {
      const m = undo ? parseBinary(bytes) : null;
      if (m?.kind === 'picture') sink.push(m);
      else if (m?.kind === 'unit') decoder.push(m);
    }),
  );
  scope.add(() => decoder.stop());
  let wanted = false;
  const subscribe = async () => {
    known ??= { h264: await showsH264() };
    if (wanted && !document.hidden)
      undo ??= commands.subscribe('picture', known.h264 ? { more: { codecs: ['h264'] } } : {});
  };
  const pause = () => {
    undo?.();
    undo = null;
    decoder.stop();
  };
  // a page that nobody looks at takes none of what the host and its line can send
  scope.listen(document, 'visibilitychange', () => (document.hidden ? pause() : subscribe()));
  scope.interval(() => {
    if (undo) report.rate(frames);
    frames = 0;
  }, 1000);
  return {
    el: canvas,
    sound: relaySound({ id, signaling, commands, scope }),
    start() {
      wanted = true;
      subscribe();
    },
    stop() {
      wanted = false;
      pause();
    },
  };
}
