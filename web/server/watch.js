// A remote observer's page: the device's page of the host, over what a link opens. The picture comes peer to peer, and
// commands, readings and consoles by its data channels; through the server's relay when WebRTC does not work.

import { ApiError } from '../core/api.js';
import { ConnectionReport } from '../core/connection-report.js';
import { isOfRoom, Room } from '../core/room.js';
import { Backoff } from '../core/backoff.js';
import { badge, fill, h, notice, Scope, text } from '../app/dom.js';
import { mountLinkBanner } from '../app/banner.js';
import { mountQueue } from '../app/queue.js';
import { noticesPlace } from '../app/settle.js';
import * as prefs from '../app/prefs.js';
import * as device from '../app/views/device.js';
import { controlOf } from '../app/views/lease.js';
import { soundPanel } from '../app/views/listen.js';
import { makePage, makeSignaling, reporter, sessionOf } from './common.js';
import { mountPicture } from './picture.js';
import { remoteServices } from './remote.js';
import { mountPointing, mountRoom } from './room.js';
import { endWords, lostWords, mayTryAgain } from './words.js';

const STATUS_MS = 5000;
const BEGIN_MS = 10000;

const root = new URL('..', document.baseURI.replace(/[?#].*$/, '')).href;
const page = makePage(root);
const { main, api, toast, announce } = page;
const session = sessionOf(location);
/** Instead of all else on the page. */
const only = (...what) => fill(main, h('h1', { class: 'sr-only' }, 'Watch a device'), what);

if (!session.sessionId || !session.token)
  only(
    notice('bad', 'This link is not complete: a part of it was lost on the way. Copy all of it, or ask for a new one.'),
  );
else begin();

async function begin() {
  const pause = new Backoff({ maxMs: 8000 });
  const signaling = makeSignaling(api, { role: 'desktop', ...session, name: prefs.get('my-name', '') });
  signaling.dial();
  only(h('p', { class: 'muted' }, 'Connecting'));
  for (;;) {
    try {
      run(
        await api.get(`api/session/${encodeURIComponent(session.sessionId)}`, {
          signal: AbortSignal.timeout(BEGIN_MS),
        }),
        signaling,
      );
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const passes = error.status === 0 || error.status === 429 || error.status >= 500;
      only(
        passes
          ? notice('warn', `The server does not answer (${error.message}). The page tries again by itself.`)
          : notice('bad', error.status === 404 ? endWords('gone') : error.message),
      );
      if (!passes) {
        signaling.stop();
        return;
      }
    }
    await new Promise((next) => setTimeout(next, pause.next()));
  }
}

function run(status, signaling) {
  const scope = new Scope();
  const full = status.device ?? '';
  const hostName = full.slice(0, full.indexOf('/')) || 'The host';
  const id = full.slice(full.indexOf('/') + 1) || 'device';
  document.title = `${full || 'Watch'} – Testbed`;

  const producer = () => signaling.peerWithRole('phone');
  const room = new Room({ signaling, name: prefs.get('my-name', '') });
  scope.add(() => room.close());
  const svc = remoteServices({ root, session, id, full, toast, announce, scope, people: () => room.people });
  const { commands, store } = svc;
  scope.add(signaling.on('ready', () => svc.leases.iAm(signaling.peerId)));
  const report = new ConnectionReport({ post: reporter(api, session) });
  mountQueue(document.body, commands);

  // The relay is a route like any other, behind the data channel.
  commands.addRoute({
    name: 'relay',
    ready: () => signaling.state === 'ready' && Boolean(producer()),
    tells: () => signaling.state === 'ready', // else it is the server that is away
    send: (raw) => signaling.send({ ...JSON.parse(raw), to: producer() }),
  });
  signaling.on('message', (m, kind) => {
    if (!isOfRoom(kind)) commands.accept(kind, m, 'relay');
  });
  svc.mountRoom = (box) => mountRoom(box, { room, signaling, store, id, toast, announce });

  // ---- page ----
  const mode = badge('', 'neutral', true);
  const people = h('button', {
    type: 'button',
    class: 'btn quiet num',
    title: 'Who is there, and what they say',
    onclick: () => document.getElementById('room')?.scrollIntoView({ behavior: 'smooth', block: 'nearest' }),
  });
  const host = h('span', { class: 'badge warn' }, 'connecting');
  svc.title = full || 'Session';
  const network = h(
    'a',
    {
      class: 'btn quiet',
      href: `${root}diagnose?device=${encodeURIComponent(full)}#${new URLSearchParams(session)}`,
      target: '_blank',
      rel: 'noopener',
      title: 'What this network allows, and what to open',
    },
    'Network',
  );
  svc.head = [mode, host, h('span', { class: 'spacer' }), h('div', { class: 'row tight' }, people, network)];
  const spare = h('div', { class: 'device' }); // where the picture is while the device's page has no place for it
  const place = h('div', { class: 'place' });
  fill(main, place, spare);
  mountLinkBanner((banner) => noticesPlace().append(banner), {
    store,
    announce,
    words: (link) => lostWords({ ...link, host: hostName, server: signaling.state === 'ready' }),
    retry: () => {
      if (signaling.state === 'ready') return connect();
      signaling.stop();
      return signaling.start();
    },
  });

  /** Who one is: what the link says; the host decides. */
  function showMode(name) {
    const may = name === 'control';
    mode.className = `badge plain ${may ? 'accent' : ''}`;
    text(mode, may ? 'control' : 'view only');
    const me = may ? { role: 'operator' } : { role: 'viewer', why: 'This link is for watching only.' };
    store.dispatch({ type: 'me', me: { ...me, user: null, named: false, host_name: hostName } });
  }
  showMode('view');

  // ---- the picture, and the connection that carries the rest ----
  const picture = mountPicture(spare, svc, {
    id,
    control: controlOf(svc, id, scope),
    signaling,
    producer,
    scope,
    report,
    figures: (figures) => room.report(figures),
  });
  const { screen, hasVideo } = picture;
  mountPointing({ screen, room, scope, announce });
  const stage = spare.firstChild;
  svc.mountVideo = (box) => {
    box.append(stage);
    return () => spare.append(stage);
  };
  svc.mountListen = (box, _, { iface }) => {
    const { header, panel } = soundPanel(box, iface);
    const home = screen.mountSoundIn(header, panel);
    return () => {
      home();
      panel.remove();
    };
  };
  scope.add(store.watch((s) => s.devices[id]?.interfaces, screen.refresh));
  scope.add(device.mount(place, svc, { id }));

  /** Offers for video at once; a device that turns out to have none is asked again for the rest of it. */
  async function connect() {
    if (producer()) report.begin(signaling.peerId);
    const offered = hasVideo();
    if (screen.ladder.rung === 'stopped') screen.ladder.start();
    else screen.ladder.retry();
    if (producer()) await svc.readDevice();
    if (signaling.state !== 'ready' || hasVideo() === offered) return;
    screen.ladder.giveUp(new Error('the device has no picture'));
    screen.ladder.retry();
  }

  // ---- presence ----
  function showHost(reason = null) {
    const ready = signaling.state === 'ready';
    const there = ready && producer();
    const direct = !ready && commands.route !== null; // all goes on without the server
    host.className = `badge ${there ? 'good' : ready ? 'bad' : 'warn'}`;
    text(host, there ? 'host connected' : ready ? 'host not connected' : direct ? 'server away' : signaling.state);
    host.title = direct ? 'The server is away; picture and commands go on without it' : '';
    const state = there || direct ? 'open' : !ready && signaling.state !== 'waiting' ? 'connecting' : 'waiting';
    if (store.state.link.state !== state || reason) store.dispatch({ type: 'link', state, reason });
    const others = [...signaling.peers.values()].filter((r) => r === 'desktop').length;
    text(people, ready ? `${others + 1} watching` : '');
  }
  signaling.on('ready', (m) => {
    showMode(m.mode ?? status.mode ?? 'view');
    commands.resetStreams();
    commands.routesChanged();
    showHost();
    connect();
  });
  scope.add(
    commands.on('route', () => {
      if (commands.route === 'relay') {
        report.way('relay');
        room.report({ path: 'relay' });
      }
      showHost();
    }),
  );
  signaling.on('peer', (peerId, role, present) => {
    commands.routesChanged();
    showHost();
    if (role === 'phone' && present) connect();
    announce(
      role === 'phone' ? `The host is ${present ? 'connected' : 'gone'}` : `Somebody ${present ? 'joined' : 'left'}`,
    );
  });
  signaling.on('problem', (message) => {
    if (signaling.state !== 'refused' && !endWords(message)) toast.warn('Server', message);
  });
  function end(why) {
    report.end('ended');
    signaling.stop();
    scope.close();
    commands.close();
    store.dispatch({ type: 'link', state: 'open' });
    const again = h('button', { type: 'button', class: 'btn', onclick: () => location.reload() }, 'Try again');
    const said = notice('bad', endWords(why) ?? `${why}. Ask for a new link.`);
    only(h('div', { class: 'stack' }, said, mayTryAgain(why) ? h('div', {}, again) : null));
  }
  signaling.on('state', (state, reason) => {
    if (state === 'refused') {
      end(reason);
      return;
    }
    commands.routesChanged();
    showHost(state === 'waiting' ? reason : null);
  });
  scope.interval(async () => {
    if (document.hidden) return;
    try {
      const now = await api.get(`api/session/${encodeURIComponent(session.sessionId)}`);
      text(people, `${now.observers} watching`);
    } catch (error) {
      if (error.status === 404) end('gone');
    }
  }, STATUS_MS);
  window.addEventListener('pagehide', () => {
    report.end('left');
    signaling.stop();
  });
  window.addEventListener('pageshow', (e) => {
    if (e.persisted) signaling.start();
  });
  showHost();
  signaling.start();
}
