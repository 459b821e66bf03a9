// The sound of a device without a picture: a panel of its own, and a connection while somebody listens.

import { VideoLadder } from '../../core/ladder.js';
import { WhepClient } from '../../core/whep.js';
import { humane } from '../../core/words.js';
import { capital, humanize } from '../../core/format.js';
import { h, Scope } from '../dom.js';
import { mountSound } from './sound.js';
import { soundOf } from './video.js';

/** Where the sound of a device without a picture is: {header, panel}. */
export function soundPanel(root, iface) {
  const title = iface.name === 'audio' ? 'Sound' : capital(humanize(iface.name));
  const header = h('header', {}, h('h2', {}, title));
  const panel = h('section', { class: 'panel', 'aria-label': title }, header);
  root.append(panel);
  return { header, panel };
}

export function mountListen(root, svc, { id, iface }) {
  const scope = new Scope();
  const { api } = svc;
  const player = h('audio', { autoplay: true });
  const ice = { servers: [] };
  const ladder = new VideoLadder({
    unsupported: () => (typeof RTCPeerConnection === 'function' ? null : 'this browser has no WebRTC'),
    connect: () =>
      new WhepClient({
        url: api.url(api.iface(id, iface.name, '/whep')),
        fetch: (...args) => fetch(...args),
        headers: () => api.headers(),
        RTCPeerConnection,
        ice,
        video: false,
        audio: true,
      }),
  });
  const sound = mountSound({
    ...soundOf(svc, id, iface.name),
    id,
    scope,
    media: player,
    changed: () => (sound.on ? ladder.start() : ladder.stop()),
  });
  ladder.on('client', (client) =>
    client.on('track', (stream) => {
      if (client !== ladder.client) return;
      player.srcObject = stream;
      sound.heard(stream);
    }),
  );
  ladder.on('change', ({ rung, reason }) => {
    const words = humane(reason ?? '').replace(/[.\s]+$/, '');
    sound.carried(rung === 'fallback' ? `${words}. It is tried again by itself.` : null);
  });
  const { header, panel } = soundPanel(root, iface);
  header.append(...sound.tools);
  panel.append(sound.note);
  if (sound.on) ladder.start();
  scope.add(() => {
    ladder.stop();
    player.srcObject = null;
  });
  scope.add(svc.events.on('event', ({ data }) => data?.type === 'media.state' && ladder.check()));
  return () => scope.close();
}
