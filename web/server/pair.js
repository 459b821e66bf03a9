// One pairing on the front page: the code, the connection to the phone, and what comes from it.

import { systemClock } from '../core/backoff.js';
import { ConnectionReport } from '../core/connection-report.js';
import { RemotePeer } from '../core/peer.js';
import { Intake, Recording } from '../core/pairing-streams.js';
import { parse } from '../core/proto.js';
import { fill, h, text } from '../app/dom.js';
import { makeSignaling, reporter, sessionToken } from './common.js';
import { makeCamera } from './pair-camera.js';
import { phoneLink } from './pair-link.js';
import { makePlots } from './pair-plots.js';
import { makePose } from './pair-pose.js';
import { makeTouches } from './pair-touches.js';
import { desktopEnd } from './words.js';

const RETRY_MS = 15000; // the data channel again, while readings come by the relay
const PING_MS = 2000;

/**
 * Fills `body`. `ended(why)`: the session is over; `why` is a sentence where it ended by itself.
 */
export function showSession(body, { session: s, root, api, toast, ended }) {
  const phone = phoneLink({ session: s, root, api, toast });
  const state = h('span', { class: 'badge warn' }, 'waiting for the phone');
  const path = h('span', { class: 'muted small' });
  const rate = h('span', { class: 'muted small num' });
  const signaling = makeSignaling(api, { role: 'desktop', sessionId: s.sessionId, token: s.token });
  const intake = new Intake();
  const camera = makeCamera();
  const parts = [camera, makePose(), makeTouches(), makePlots()];
  const record = recorder(toast);
  const report = new ConnectionReport({ post: reporter(api, s) });
  let peer = null;
  let retry = null;
  let link = null; // how the connection goes: direct, TURN
  const timers = [];
  let over = false;
  let asked = 0;
  let frame = null;

  const ask = (event, data = {}) => {
    const message = { type: 'event', event, t: systemClock.now(), data: { ...data, n: ++asked } };
    return peer?.send('control', JSON.stringify(message)) || signaling.send(message);
  };
  const isThere = () => signaling.peerWithRole('phone') !== null;
  const vibrate = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      onclick: () => (isThere() && ask('phone.vibrate', { ms: 300 })) || toast.info('No phone is there to vibrate'),
    },
    'Vibrate',
  );
  const end = h(
    'button',
    {
      type: 'button',
      class: 'btn',
      onclick: async () => {
        const told = endIt();
        ended();
        await told; // of a session that there is
        // the phone is told, and the code opens nothing any more
        const path = `api/session/${encodeURIComponent(s.sessionId)}`;
        api.raw('DELETE', path, { headers: sessionToken(s.token) }).catch(() => {}); // gone, or it ends by itself
      },
    },
    'End session',
  );
  fill(
    body,
    h(
      'div',
      { class: 'pair' },
      h('div', { class: 'stack' }, phone.code),
      h(
        'div',
        { class: 'stack' },
        h('div', { class: 'row' }, state, path, rate),
        phone.words,
        parts.map((p) => p.el),
        h('div', { class: 'row' }, record.button, vibrate, end),
      ),
    ),
  );

  const say = (tone, words) => {
    state.className = `badge ${tone}`;
    text(state, words);
  };
  const take = (m, by) => {
    if ((m.type !== 'sensor' && m.type !== 'sample') || !intake.take(m, systemClock.now())) return;
    text(path, `by ${by}`);
    if (by === 'relay') report.way('relay');
    record.add(m);
    for (const p of parts) p.take?.(m);
  };
  const takeEvent = (m) => {
    if (!intake.takeEvent(m)) return;
    const { data = {} } = m;
    if (m.event === 'phone.pong') {
      if (Number.isFinite(data.sent) && Number.isFinite(data.now)) intake.clock(data.sent, systemClock.now(), data.now);
      return;
    }
    if (m.event === 'phone.vibrated' && !data.ok) toast.info('This phone does not vibrate for pages');
    record.add(m);
    for (const p of parts) p.event?.(m);
  };
  const takeText = (by) => (raw) => {
    try {
      const { kind, message } = parse(raw);
      if (kind === 'event') takeEvent(message);
      else take(message, by);
    } catch {
      /* not ours */
    }
  };
  const draw = () => {
    if (!body.isConnected || over || signaling.state === 'closed') return;
    for (const p of parts) p.draw?.();
    frame = requestAnimationFrame(draw);
  };
  /** Whoever comes now is new: it counts from the start, and holds nothing. */
  const anew = () => {
    intake.reset();
    for (const p of parts) p.letGo?.();
  };

  function connect() {
    clearTimeout(retry);
    peer?.stop();
    camera.show(null);
    const to = signaling.peerWithRole('phone');
    if (!to) return;
    report.begin(signaling.peerId);
    const mine = (peer = new RemotePeer({
      signaling,
      to,
      RTCPeerConnection,
      audio: true,
      timeOrigin: performance.timeOrigin,
    }));
    mine.on('sensor', takeText('data channel'));
    mine.on('control', takeText('data channel'));
    mine.on('track', (stream) => camera.show(stream));
    mine.on('channel', (name, open) => {
      if (!open || name !== 'control') return;
      ping();
      mine.connection.sample(); // which way it goes, at once
    });
    mine.on('stats', (figures) => {
      link = figures.path ?? link;
      report.way(figures.path);
      report.figures({ rttMs: figures.rttMs, lossPct: intake.figures(systemClock.now()).lossPct });
      camera.figures(figures);
    });
    mine.on('state', (st) => {
      if (mine !== peer || (st !== 'failed' && st !== 'closed')) return;
      if (st === 'failed') report.lost();
      text(path, 'by relay');
      camera.show(null);
      link = null;
      retry = setTimeout(connect, RETRY_MS); // readings come by the relay meanwhile
    });
    mine.start().catch(() => {});
  }
  const ping = () => ask('phone.ping', { sent: systemClock.now() });

  signaling.on('ready', () => {
    anew();
    const there = isThere();
    say(there ? 'good' : 'warn', there ? 'phone connected' : 'waiting for the phone');
    connect();
  });
  signaling.on('peer', (id, role, present) => {
    if (role !== 'phone') return;
    say(present ? 'good' : 'warn', present ? 'phone connected' : 'the phone has left');
    anew();
    if (present) connect();
    else {
      report.end('ended');
      peer?.stop();
      camera.show(null);
    }
  });
  signaling.on('message', (m, kind) => {
    if (kind === 'sensor' || kind === 'sample') take(m, 'relay');
    else if (kind === 'event') takeEvent(m);
  });
  signaling.on('state', (st, reason) => {
    if (st === 'waiting') say('bad', 'reconnecting');
    if (st === 'refused') {
      endIt();
      ended(desktopEnd(reason));
    }
  });
  function stop() {
    clearTimeout(retry);
    cancelAnimationFrame(frame);
    timers.splice(0).forEach(clearInterval);
    peer?.stop();
    signaling.stop();
  }
  function start() {
    timers.push(
      setInterval(() => text(rate, figuresInWords(intake.figures(systemClock.now()), link)), 1000),
      setInterval(() => isThere() && ping(), PING_MS),
    );
    signaling.start();
    draw();
  }
  function endIt() {
    over = true;
    record.save();
    const told = report.end('ended');
    stop();
    for (const p of parts) p.destroy?.();
    return told;
  }
  window.addEventListener('pagehide', () => {
    if (over) return;
    report.end('left');
    stop();
  });
  // a recording is on this page alone: the browser asks before it closes it
  window.addEventListener('beforeunload', (e) => {
    if (!over && record.running) e.preventDefault();
  });
  // back as it was, from the back and forward cache
  window.addEventListener('pageshow', (e) => {
    if (e.persisted && !over) start();
  });
  start();
}

function figuresInWords({ rate, lossPct, latencyMs }, link) {
  if (!rate) return link ?? '';
  return [
    `${rate} readings/s`,
    lossPct === null ? null : `${lossPct < 0.05 ? 0 : lossPct.toFixed(1)} % lost`,
    latencyMs === null ? null : `${Math.round(latencyMs)} ms`,
    link,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Start, stop and save: all that comes, as CSV. `save()`: what was recorded so far is kept, for the session ends. */
function recorder(toast) {
  let recording = null;
  const button = h('button', { type: 'button', class: 'btn', 'aria-pressed': 'false', onclick: toggle }, 'Record');
  function toggle() {
    if (!recording) {
      recording = new Recording();
      button.setAttribute('aria-pressed', 'true');
      text(button, 'Stop and save');
      return;
    }
    save();
  }
  function save() {
    if (!recording) return;
    const url = URL.createObjectURL(new Blob(recording.csv(), { type: 'text/csv' }));
    h('a', { href: url, download: `phone-${new Date().toISOString().replace(/[:.]/g, '-')}.csv` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    if (recording.full) toast.info('The recording was full: it holds what came first');
    recording = null;
    button.setAttribute('aria-pressed', 'false');
    text(button, 'Record');
  }
  return {
    button,
    save,
    get running() {
      return recording !== null;
    },
    add(m) {
      if (!recording) return;
      recording.add(m);
      text(button, `Stop and save ${recording.length} rows${recording.full ? ' (full)' : ''}`);
    },
  };
}
