// The picture of a device on the host's own page: WHEP, and MJPEG when WebRTC does not work.

import { awayWords, clipboardOf, inputOf, interfacesOf, isPhone } from '../../core/store.js';
import { WhepClient } from '../../core/whep.js';
import { h, Scope, set } from '../dom.js';
import * as prefs from '../prefs.js';
import { mountScreen } from './screen.js';

const MJPEG = {
  fps: { label: 'Pictures a second of MJPEG', usual: 15, options: [2, 5, 10, 15, 30] },
  quality: { label: 'Quality of MJPEG', usual: 75, options: [40, 60, 75, 90] },
};
const KBPS = [300, 600, 1000, 2000, 4000];
const MJPEG_RETRY_MS = 2000;

export function mountVideo(root, svc, { id, iface, control, tools = [] }) {
  const scope = new Scope();
  const { api } = svc;
  const device = () => svc.store.state.devices[id];
  const input = () => inputOf(device(), iface);

  const ice = { servers: [] }; // of the host's last answer, for the next attempt
  const screen = mountScreen(root, {
    id,
    control,
    tools,
    commands: svc.commands,
    toast: svc.toast,
    announce: svc.announce,
    touched: () => svc.leases.keeper(id)?.touch(),
    hasInput: () => Boolean(input()),
    inputAway: () => awayWords(input()),
    clipboard: clipboardOf(svc, id, input),
    ownSize: () => api.get(api.iface(id, iface.name)),
    isPhone: () => isPhone(device()),
    send: (events) => svc.commands.send(id, `${input().name}.send`, { events }, { queue: false, fresh: true }),
    telemetry: () => svc.telemetry.opened(id),
    snapshot: api.url(api.iface(id, iface.name, '/snapshot.png'), { auth: true }),
    fallbackName: 'MJPEG',
    fallback: (report) =>
      mjpeg(
        () =>
          api.url(api.iface(id, iface.name, '/stream.mjpeg'), {
            query: { fps: mjpegOf(id, 'fps'), quality: mjpegOf(id, 'quality') },
            auth: true,
          }),
        id,
        report,
      ),
    choices: [
      {
        label: 'Most that WebRTC takes of the line',
        options: [
          ['', 'as much as it carries'],
          ...KBPS.map((k) => [`${k}`, k < 1000 ? `${k} kbit/s` : `${k / 1000} Mbit/s`]),
        ],
        value: () => `${prefs.get(`webrtc.kbps.${id}`) ?? ''}`,
        choose: (v) => {
          prefs.put(`webrtc.kbps.${id}`, v ? Number(v) : null);
          screen.ladder.restart();
        },
      },
    ],
    sound: soundOf(svc, id),
    connect: ({ audio }) =>
      new WhepClient({
        audio,
        url: api.url(api.iface(id, iface.name, '/whep'), { query: { max_kbps: prefs.get(`webrtc.kbps.${id}`) } }),
        fetch: (...args) => fetch(...args),
        headers: () => api.headers(svc.leases.secret(id) ? { 'X-Lease': svc.leases.secret(id) } : {}),
        RTCPeerConnection,
        ice,
        timeOrigin: performance.timeOrigin,
      }),
  });
  scope.add(screen.unmount);
  scope.add(svc.store.watch((s) => s.devices[id]?.interfaces, screen.refresh));
  // The host's media process ended, or is back. Events of the past come too: the host is asked what holds.
  scope.add(
    svc.events.on('event', ({ data }) => {
      if (data?.event !== 'media.state' && data?.type !== 'media.state') return;
      screen.ladder.check();
      if (data.data?.state === 'running') screen.ladder.hurry();
    }),
  );
  return () => scope.close();
}

/** Whether a device has sound (of that name, or any), and why nothing of it is heard. */
export function soundOf(svc, id, name) {
  const iface = () => interfacesOf(svc.store.state.devices[id], 'audio').find((i) => !name || i.name === name);
  return {
    has: () => Boolean(iface()),
    why: async () => {
      if (iface()?.state !== 'ready') return iface()?.reason ?? '';
      return (await svc.api.get(svc.api.iface(id, iface().name))).fault ?? '';
    },
  };
}

const mjpegOf = (id, what) => prefs.get(`mjpeg.${what}.${id}`, MJPEG[what].usual);

/** MJPEG in an <img>: the browser decodes it; we only start, stop and restart it. */
function mjpeg(url, id, report) {
  const name = `Screen of ${id}`;
  const el = h('img', { alt: '' });
  let on = false;
  let timer = null;
  const load = () => {
    el.src = `${url()}#${Date.now()}`;
  }; // the fragment: a new request, not a cached one
  el.addEventListener('load', () => {
    if (!on) return;
    set(el, { alt: name });
    report.shown(el.naturalWidth, el.naturalHeight);
  });
  el.addEventListener('error', () => {
    if (!on) return;
    report.failed();
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (on) load();
    }, MJPEG_RETRY_MS);
  });
  // a browser has six connections for all tabs of a host: one that nobody looks at gives its own back
  const onVisibility = () => {
    if (!on) return;
    clearTimeout(timer);
    if (document.hidden) el.removeAttribute('src');
    else load();
  };
  return {
    el,
    choices: Object.entries(MJPEG).map(([what, { label, options }]) => ({
      label,
      options: options.map((v) => [v, what === 'fps' ? `${v}` : `${v} %`]),
      value: () => mjpegOf(id, what),
      choose: (v) => {
        prefs.put(`mjpeg.${what}.${id}`, Number(v));
        if (on && !document.hidden) load();
      },
    })),
    start() {
      on = true;
      document.addEventListener('visibilitychange', onVisibility);
      if (!document.hidden) load();
    },
    stop() {
      on = false;
      document.removeEventListener('visibilitychange', onVisibility);
      clearTimeout(timer);
      el.removeAttribute('src');
    },
  };
}
