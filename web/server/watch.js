// A remote observer's page: the device's picture peer to peer, control by data channel with every command
// acknowledged; commands, samples and a reduced picture through the server's relay when WebRTC does not work.

import { ApiError } from '../core/api.js';
import { Backoff } from '../core/backoff.js';
import { CommandClient, pageName } from '../core/command.js';
import { capital, humanize, quantity } from '../core/format.js';
import { RemotePeer } from '../core/peer.js';
import { parseBinary, PictureSink } from '../core/relay.js';
import { interfacesOf, isPhone } from '../core/store.js';
import { actionButton, badge, fill, h, icon, notice, Scope, text } from '../app/dom.js';
import { debug } from '../app/debug.js';
import { mountQueue } from '../app/queue.js';
import { deviceLayout } from '../app/views/layout.js';
import { mountScreen } from '../app/views/screen.js';
import { makePage, makeSignaling, sessionOf } from './common.js';

const STATUS_MS = 5000;
const BEGIN_MS = 10000;

const root = new URL('..', document.baseURI.replace(/[?#].*$/, '')).href;
const page = makePage(root);
const { main, api, toast, announce } = page;
const session = sessionOf(location);
/** Instead of all else on the page. */
const only = (what) => fill(main, h('h1', { class: 'sr-only' }, 'Watch a device'), what);

if (!session.sessionId || !session.token)
  only(notice('bad', 'This link is not complete: session or token is missing.'));
else begin();

async function begin() {
  const pause = new Backoff({ maxMs: 8000 });
  only(h('p', { class: 'muted' }, 'Connecting'));
  for (;;) {
    try {
      run(
        await api.get(`api/session/${encodeURIComponent(session.sessionId)}`, {
          signal: AbortSignal.timeout(BEGIN_MS),
        }),
      );
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const passes = error.status === 0 || error.status === 429 || error.status >= 500;
      only(
        passes
          ? notice('warn', `The server does not answer (${error.message}). The page tries again by itself.`)
          : notice(
              'bad',
              error.status === 404
                ? 'This session does not exist, or it has ended. Ask for a new link.'
                : error.message,
            ),
      );
      if (!passes) return;
    }
    await new Promise((next) => setTimeout(next, pause.next()));
  }
}

function run(status) {
  const scope = new Scope();
  const full = status.device ?? '';
  const id = full.slice(full.indexOf('/') + 1) || 'device';
  document.title = `${full || 'Watch'} – Testbed`;

  const signaling = makeSignaling(api, { role: 'desktop', ...session });
  const commands = new CommandClient({ client: pageName() });
  commands.on('trace', debug);
  mountQueue(document.body, commands);
  const producer = () => signaling.peerWithRole('phone');
  const addressed = (message) => (producer() ? { ...message, to: producer() } : message);

  // The relay is a route like any other, behind the data channel.
  commands.addRoute({
    name: 'relay',
    ready: () => signaling.state === 'ready' && Boolean(producer()),
    send: (raw) => signaling.send(addressed(JSON.parse(raw))),
  });
  signaling.on('message', (m, kind) => commands.accept(kind, m, 'relay'));

  // ---- page ----
  const mode = badge('', 'neutral', true);
  const people = h('span', { class: 'muted small num' });
  const host = h('span', { class: 'badge warn' }, 'connecting');
  const lost = h('div', { class: 'link-banner', hidden: true });
  const { el: parts, picture: stageBox, first: powerBox } = deviceLayout();
  fill(
    main,
    h('div', { class: 'head' }, h('h1', {}, full || 'Session'), mode, host, h('span', { class: 'spacer' }), people),
    lost,
    parts,
  );

  // ---- who may control: the link says, the host decides ----
  let device = null;
  let may = false;
  let why = 'this link is for watching only';
  const listeners = new Set();
  const control = {
    get may() {
      return may;
    },
    watch(fn) {
      listeners.add(fn);
      fn(may, why);
      return () => listeners.delete(fn);
    },
  };
  function setControl(on, reason) {
    if (may === on && why === reason) return;
    may = on;
    why = reason;
    for (const fn of listeners) fn(may, why);
  }
  function showMode(name) {
    mode.className = `badge plain ${name === 'control' ? 'accent' : ''}`;
    text(mode, name === 'control' ? 'control' : 'view only');
    setControl(name === 'control', name === 'control' ? '' : 'this link is for watching only');
  }
  showMode('view');

  // ---- picture ----
  const hasVideo = () => !device || interfacesOf(device, 'video').length > 0;
  const screen = mountScreen(stageBox, {
    id,
    control,
    commands,
    toast,
    announce,
    hasInput: () => interfacesOf(device, 'input').length > 0,
    hasVideo,
    isPhone: () => isPhone(device),
    send: (events) =>
      commands.send(id, `${interfacesOf(device, 'input')[0].name}.send`, { events }, { queue: false, fresh: true }),
    fallbackName: 'Relay',
    fallbackText: 'a reduced picture through the server',
    start: false,
    fallback: (report) => relayPicture(report),
    connect: () => {
      const to = producer();
      if (!to)
        throw new ApiError({ status: 0, title: 'Not connected', detail: 'the host is not connected to the server' });
      return new RemotePeer({
        signaling,
        to,
        RTCPeerConnection,
        video: hasVideo(),
        timeOrigin: performance.timeOrigin,
      });
    },
  });
  scope.add(screen.unmount);

  function relayPicture(report) {
    const canvas = h('canvas', { role: 'img', 'aria-label': `Screen of ${id}` });
    let undo = null;
    let frames = 0;
    const sink = new PictureSink(async (jpeg) => {
      const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
      }
      canvas.getContext('2d').drawImage(bitmap, 0, 0);
      frames += 1;
      report.shown(bitmap.width, bitmap.height);
      bitmap.close();
    });
    const off = signaling.on('binary', (bytes) => {
      const m = undo ? parseBinary(bytes) : null;
      if (m?.kind === 'picture') sink.push(m.jpeg);
    });
    scope.add(off);
    scope.interval(() => {
      if (undo) report.rate(frames);
      frames = 0;
    }, 1000);
    return {
      el: canvas,
      start() {
        undo ??= commands.subscribe('picture');
      },
      stop() {
        undo?.();
        undo = null;
      },
    };
  }

  // ---- what the host says about the device ----
  async function readDevice() {
    try {
      const got = await commands.send(id, 'device.get', {}, { timeoutMs: 8000 });
      device = got?.device ?? got;
      screen.refresh();
      showPower();
    } catch (error) {
      if (error.status !== 0) toast.warn('The device could not be read', error.message);
    }
  }
  const readings = new Map();
  const readingBody = h('div', { class: 'body' });
  const readingPanel = h(
    'section',
    { class: 'panel', 'aria-label': 'Sensors', hidden: true },
    h('header', {}, h('h2', {}, 'Sensors')),
    readingBody,
  );
  commands.on('sample', (s) => {
    if (s.type !== 'sample') return;
    const key = `${s.interface ?? ''}/${s.stream}`;
    let row = readings.get(key);
    if (!row) {
      if (readings.size >= 40) return;
      row = h('span', { class: 'value' });
      readings.set(key, row);
      readingBody.append(
        h(
          'div',
          { class: 'reading' },
          h('span', { class: 'ellipsis', title: s.stream }, capital(humanize(s.stream))),
          row,
        ),
      );
      readingPanel.hidden = false;
    }
    text(row, quantity(s.value, s.unit, s.quantity));
  });
  commands.subscribe('sensor');
  commands.subscribe('event');
  commands.on('event', (e) => {
    if (e.event === 'power.state') {
      for (const p of powers) if (p.name === e.interface) p.show(e.data);
    }
  });

  let powers = [];
  function showPower() {
    powers = interfacesOf(device, 'power').map((i) => {
      const commanded = h('span', { class: 'value' }, '…');
      const observed = h('span', { class: 'value' }, '…');
      const show = (p) => {
        text(commanded, capital(p?.commanded ?? 'nothing yet'));
        text(observed, capital(p?.observed ?? 'unknown'));
      };
      const fail = (e) => toast.error(e, 'Power');
      const run1 = async (verb, params) => {
        const result = await commands.send(id, `${i.name}.${verb}`, params, { timeoutMs: 45000 });
        if (result?.observed) show(result);
        announce(`Acknowledged: power is ${result?.observed ?? 'switched'}`);
      };
      const buttons = [
        actionButton({ class: 'btn' }, 'On', () => run1('set', { state: 'on' }), fail),
        actionButton({ class: 'btn danger' }, 'Off', () => run1('set', { state: 'off' }), fail),
        actionButton({ class: 'btn' }, [icon('cycle'), 'Cycle'], () => run1('cycle', { off_s: 2 }), fail),
      ];
      const el = h(
        'section',
        { class: 'panel', 'aria-label': `Power ${i.name}` },
        h('header', {}, h('h2', {}, i.name === 'power' ? 'Power' : i.name)),
        h(
          'div',
          { class: 'body stack' },
          h(
            'div',
            { class: 'power-truth' },
            h('div', {}, h('span', { class: 'label' }, 'Commanded'), commanded),
            h('div', {}, h('span', { class: 'label' }, 'Observed'), observed),
          ),
          h('div', { class: 'power-buttons' }, buttons),
        ),
      );
      control.watch((on, reason) => {
        for (const b of buttons) {
          b.disabled = !on;
          b.title = reason;
        }
      });
      commands.send(id, `${i.name}.get`, {}, { timeoutMs: 8000 }).then(show, () => {});
      return { name: i.name, el, show };
    });
    fill(
      powerBox,
      powers.map((p) => p.el),
    );
    (hasVideo() ? powerBox : stageBox).append(readingPanel);
  }
  fill(powerBox, readingPanel);

  /** Offers for video at once; a device that turns out to have none is asked again for the rest of it. */
  async function connect() {
    const offered = hasVideo();
    if (screen.ladder.rung === 'stopped') screen.ladder.start();
    else screen.ladder.retry();
    if (producer()) await readDevice();
    if (signaling.state !== 'ready' || hasVideo() === offered) return;
    screen.ladder.giveUp(new Error('the device has no picture'));
    screen.ladder.retry();
  }

  // ---- presence ----
  function showHost() {
    const there = signaling.state === 'ready' && producer();
    host.className = `badge ${there ? 'good' : signaling.state === 'ready' ? 'bad' : 'warn'}`;
    text(host, there ? 'host connected' : signaling.state === 'ready' ? 'host not connected' : signaling.state);
    lost.hidden = Boolean(there) || signaling.state === 'connecting';
    if (!lost.hidden)
      fill(
        lost,
        notice(
          signaling.state === 'refused' ? 'bad' : 'warn',
          signaling.state === 'ready'
            ? 'The host is not connected to the server right now. This page goes on by itself when it is back.'
            : 'No connection to the server. The page reconnects by itself.',
        ),
      );
    const others = [...signaling.peers.values()].filter((r) => r === 'desktop').length;
    text(people, signaling.state === 'ready' ? `${others + 1} watching` : '');
  }
  signaling.on('ready', (m) => {
    showMode(m.mode ?? status.mode ?? 'view');
    commands.resetStreams();
    commands.routesChanged();
    showHost();
    connect();
  });
  signaling.on('peer', (peerId, role, present) => {
    commands.routesChanged();
    showHost();
    if (role === 'phone' && present) connect();
    announce(
      role === 'phone' ? `The host is ${present ? 'connected' : 'gone'}` : `Somebody ${present ? 'joined' : 'left'}`,
    );
  });
  signaling.on('problem', (message) => toast.warn('Server', message));
  signaling.on('state', (state, reason) => {
    commands.routesChanged();
    showHost();
    if (state === 'refused') {
      scope.close();
      commands.close();
      only(notice('bad', `${reason}. Ask for a new link.`));
    }
  });
  scope.interval(async () => {
    if (document.hidden) return;
    try {
      const now = await api.get(`api/session/${encodeURIComponent(session.sessionId)}`);
      text(people, `${now.observers} watching`);
    } catch (error) {
      if (error.status !== 404) return;
      signaling.stop();
      scope.close();
      only(notice('warn', 'This session has ended. Ask for a new link.'));
    }
  }, STATUS_MS);
  window.addEventListener('pagehide', () => signaling.stop());
  showHost();
  signaling.start();
}
