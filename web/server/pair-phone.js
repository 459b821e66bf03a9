// One phone of a pairing on the desktop's page: the connection to it, and what comes from it.

import { systemClock } from '../core/backoff.js';
import { ConnectionReport } from '../core/connection-report.js';
import { RemotePeer } from '../core/peer.js';
import { Intake } from '../core/pairing-streams.js';
import { parse } from '../core/proto.js';
import { h, text } from '../app/dom.js';
import { reporter } from './common.js';
import { makeCamera } from './pair-camera.js';
import { makePlots } from './pair-plots.js';
import { makePose } from './pair-pose.js';
import { recorder } from './pair-record.js';
import { makeTouches } from './pair-touches.js';

const RETRY_MS = 15000; // the data channel again, while readings come by the relay

/**
 * `several`: it is one of several phones, so that messages by the server bear its id.
 * {status, parts, buttons}: its elements. `id`: of the phone that is there; null: none.
 */
export class PhonePanel {
  constructor({ signaling, session, api, toast, several = false }) {
    Object.assign(this, { _signaling: signaling, _toast: toast, _several: several, id: null });
    this._state = h('span', { class: 'badge warn' }, 'waiting for the phone');
    this._path = h('span', { class: 'muted small' });
    this._rate = h('span', { class: 'muted small num' });
    this._intake = new Intake();
    this._camera = makeCamera();
    this._parts = [this._camera, makePose(), makeTouches(), makePlots()];
    this._record = recorder(toast);
    this._report = new ConnectionReport({ post: reporter(api, session) });
    this._peer = null;
    this._retry = null;
    this._link = null; // how the connection goes: direct, TURN
    this._asked = 0;
    const vibrate = h(
      'button',
      {
        type: 'button',
        class: 'btn',
        onclick: () =>
          (this.id !== null && this._ask('phone.vibrate', { ms: 300 })) || toast.info('No phone is there to vibrate'),
      },
      'Vibrate',
    );
    this.status = [this._state, this._path, this._rate];
    this.parts = this._parts.map((p) => p.el);
    this.buttons = [this._record.button, vibrate];
  }

  get recording() {
    return this._record.running;
  }

  _say(tone, words) {
    this._state.className = `badge ${tone}`;
    text(this._state, words);
  }

  /** The line to the server broke. */
  reconnecting() {
    this._say('bad', 'reconnecting');
  }

  _ask(event, data = {}) {
    const message = { type: 'event', event, t: systemClock.now(), data: { ...data, n: ++this._asked } };
    return (
      this._peer?.send('control', JSON.stringify(message)) ||
      this._signaling.send(this._several ? { ...message, to: this.id } : message)
    );
  }

  ping() {
    if (this.id !== null) this._ask('phone.ping', { sent: systemClock.now() });
  }

  /** Whoever comes now is new: it counts from the start, and holds nothing. `id` null: nobody is there. */
  begin(id) {
    this.id = id;
    this._intake.reset();
    for (const p of this._parts) p.letGo?.();
    this._say(id === null ? 'warn' : 'good', id === null ? 'waiting for the phone' : 'phone connected');
    this._connect();
  }

  leave() {
    this.id = null;
    this._intake.reset();
    for (const p of this._parts) p.letGo?.();
    this._say('warn', 'the phone has left');
    this._report.end('ended');
    clearTimeout(this._retry);
    this._peer?.stop();
    this._camera.show(null);
  }

  _connect() {
    clearTimeout(this._retry);
    this._peer?.stop();
    this._camera.show(null);
    if (this.id === null) return;
    this._report.begin(this._signaling.peerId);
    const mine = (this._peer = new RemotePeer({
      signaling: this._signaling,
      to: this.id,
      several: this._several,
      RTCPeerConnection,
      audio: true,
      timeOrigin: performance.timeOrigin,
    }));
    mine.on('sensor', (raw) => this._takeText(raw));
    mine.on('control', (raw) => this._takeText(raw));
    mine.on('track', (stream) => this._camera.show(stream));
    mine.on('channel', (name, open) => {
      if (!open || name !== 'control') return;
      text(this._path, 'by data channel'); // before its first reading, too
      this.ping();
      mine.connection.sample(); // which way it goes, at once
    });
    mine.on('stats', (figures) => {
      this._link = figures.path ?? this._link;
      this._report.way(figures.path);
      const { lossPct } = this._intake.figures(systemClock.now());
      this._report.figures({ rttMs: figures.rttMs, lossPct });
      this._camera.figures(figures);
    });
    mine.on('state', (st) => {
      if (mine !== this._peer || (st !== 'failed' && st !== 'closed')) return;
      if (st === 'failed') this._report.lost();
      text(this._path, 'by relay');
      this._camera.show(null);
      this._link = null;
      this._retry = setTimeout(() => this._connect(), RETRY_MS); // readings come by the relay meanwhile
    });
    mine.start().catch(() => {});
  }

  /** What came by the server. */
  relayed(m, kind) {
    if (kind === 'sensor' || kind === 'sample') this._take(m, 'relay');
    else if (kind === 'event') this._takeEvent(m);
  }

  _take(m, by) {
    if ((m.type !== 'sensor' && m.type !== 'sample') || !this._intake.take(m, systemClock.now())) return;
    text(this._path, `by ${by}`);
    if (by === 'relay') this._report.way('relay');
    this._record.add(m);
    for (const p of this._parts) p.take?.(m);
  }

  _takeEvent(m) {
    if (!this._intake.takeEvent(m)) return;
    const { data = {} } = m;
    if (m.event === 'phone.pong') {
      if (Number.isFinite(data.sent) && Number.isFinite(data.now))
        this._intake.clock(data.sent, systemClock.now(), data.now);
      return;
    }
    if (m.event === 'phone.vibrated' && !data.ok) this._toast.info('This phone does not vibrate for pages');
    this._record.add(m);
    for (const p of this._parts) p.event?.(m);
  }

  _takeText(raw) {
    try {
      const { kind, message } = parse(raw);
      if (kind === 'event') this._takeEvent(message);
      else this._take(message, 'data channel');
    } catch {
      /* not ours */
    }
  }

  draw() {
    for (const p of this._parts) p.draw?.();
  }

  showRate() {
    text(this._rate, figuresInWords(this._intake.figures(systemClock.now()), this._link));
  }

  stop() {
    clearTimeout(this._retry);
    this._peer?.stop();
  }

  /** This page goes, perhaps to come back. */
  pause() {
    this._report.end('left');
    this.stop();
  }

  /** Resolves when the server was told how it went. */
  end() {
    this._record.save();
    const told = this._report.end('ended');
    this.stop();
    for (const p of this._parts) p.destroy?.();
    return told;
  }
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
