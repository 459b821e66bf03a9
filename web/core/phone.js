// The producer's side of a pairing, for a phone: waits for the offer, answers, and streams readings over the data
// channel `sensor`; over the server's WebSocket, at a lower rate, while there is none.

import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { candidateOf } from './proto.js';

export const CHANNEL_HZ = 60;
export const SOCKET_HZ = 20; // the relay carries 15 to 30
const MAX_BUFFERED = 64 * 1024; // a slow link: drop readings, never queue them

/** Events: `path` ('data channel' | 'relay' | 'none'). */
export class PhonePeer extends Emitter {
  constructor({ signaling, RTCPeerConnection }) {
    super();
    Object.assign(this, { _signaling: signaling, _RTC: RTCPeerConnection });
    this.path = 'none';
    this._pc = null;
    this._to = null;
    this._channel = null;
    this._early = [];
    signaling.on('message', (m, kind) => this._onMessage(m, kind));
    signaling.on('state', () => this._update());
    signaling.on('peer', (id, role, present) => {
      if (role === 'desktop' && !present) this._drop();
      this._update();
    });
  }

  async _onMessage(m, kind) {
    if (kind === 'offer') {
      this._drop();
      if (!this._RTC) return; // the relay is what is left
      const pc = (this._pc = new this._RTC({ iceServers: this._signaling.iceServers }));
      this._to = m.from ?? null;
      const mine = (fn) => (e) => {
        if (pc === this._pc) fn(e);
      };
      pc.addEventListener(
        'icecandidate',
        mine((e) => {
          const c = e.candidate;
          this._send({
            type: 'ice',
            candidate: c?.candidate ?? '',
            sdpMid: c?.sdpMid ?? null,
            sdpMLineIndex: c?.sdpMLineIndex ?? null,
          });
        }),
      );
      pc.addEventListener(
        'datachannel',
        mine((e) => this._adopt(e.channel)),
      );
      pc.addEventListener(
        'connectionstatechange',
        mine(() => {
          if (pc.connectionState === 'failed' || pc.connectionState === 'closed') this._drop();
          this._update();
        }),
      );
      try {
        await pc.setRemoteDescription({ type: 'offer', sdp: m.sdp });
        await pc.setLocalDescription(await pc.createAnswer());
      } catch {
        if (pc === this._pc) this._drop();
        return;
      }
      if (pc !== this._pc) return;
      this._send({ type: 'answer', sdp: pc.localDescription.sdp });
      for (const c of this._early.splice(0)) pc.addIceCandidate(c).catch(() => {});
    } else if (kind === 'ice' || kind === 'ice-candidate') {
      const c = candidateOf(m);
      if (!c.candidate) return;
      if (this._pc?.remoteDescription) this._pc.addIceCandidate(c).catch(() => {});
      else if (this._early.length < 64) this._early.push(c);
    } else if (kind === 'bye') {
      this._drop();
    }
  }

  _adopt(channel) {
    if (channel.label !== 'sensor') return;
    this._channel = channel;
    channel.addEventListener('open', () => this._update());
    channel.addEventListener('close', () => {
      if (channel === this._channel) this._channel = null;
      this._update();
    });
    this._update();
  }

  _send(message) {
    return this._signaling.send(this._to ? { ...message, to: this._to } : message);
  }

  _drop() {
    const pc = this._pc;
    this._pc = this._channel = this._to = null;
    this._early = [];
    pc?.close();
    this._update();
  }

  _update() {
    const path =
      this._channel?.readyState === 'open'
        ? 'data channel'
        : this._signaling.state === 'ready' && this._signaling.peerWithRole('desktop')
          ? 'relay'
          : 'none';
    if (path === this.path) return;
    this.path = path;
    this.emit('path', path);
  }

  /** One reading; false when it was dropped. */
  send(message) {
    if (this.path === 'data channel') {
      if (this._channel.bufferedAmount > MAX_BUFFERED) return false;
      this._channel.send(JSON.stringify(message));
      return true;
    }
    if (this.path !== 'relay' || this._signaling.bufferedAmount > MAX_BUFFERED) return false;
    return this._signaling.send(message);
  }

  close() {
    this._drop();
    this._signaling.stop();
  }

  /** A page that came back as it was (from the back and forward cache) joins anew. */
  reopen() {
    this._signaling.start();
  }
}

/**
 * The screen stays on while this is wanted. A lock ends whenever the page is hidden (a call, another app), so it is
 * asked for again at each return.
 */
export class KeepAwake {
  constructor({ page, wakeLock }) {
    Object.assign(this, { _page: page, _wakeLock: wakeLock, _wanted: false, _lock: null, _asking: false });
    page.addEventListener('visibilitychange', () => this._take());
  }

  start() {
    this._wanted = true;
    return this._take();
  }

  stop() {
    this._wanted = false;
    this._lock?.release().catch(() => {});
    this._lock = null;
  }

  async _take() {
    if (!this._wanted || !this._wakeLock || this._page.visibilityState !== 'visible') return;
    if (this._asking || (this._lock && !this._lock.released)) return;
    this._asking = true;
    try {
      const lock = await this._wakeLock.request('screen');
      if (this._wanted) this._lock = lock;
      else await lock.release();
    } catch {
      /* a battery that is low: the browser refuses it, and the next return asks again */
    } finally {
      this._asking = false;
    }
  }
}

/** Keeps the newest reading and sends it at the rate of the path: no flood, no queue. */
export class ReadingPump {
  constructor({ peer, clock = systemClock }) {
    Object.assign(this, { _peer: peer, _clock: clock });
    this._reading = null;
    this._seq = 0;
    this._timer = null;
    this.sent = 0;
  }

  start() {
    if (this._timer === null) this._next();
  }

  stop() {
    this._clock.clearTimeout(this._timer);
    this._timer = null;
  }

  /** {orientation?, gyro?, accel?}: merged into the newest. */
  update(reading) {
    this._reading = { ...this._reading, ...reading };
    this._fresh = true;
  }

  _next() {
    const hz = this._peer.path === 'data channel' ? CHANNEL_HZ : SOCKET_HZ;
    this._timer = this._clock.setTimeout(() => {
      if (
        this._fresh &&
        this._peer.send({ type: 'sensor', t: this._clock.now(), seq: ++this._seq, ...this._reading })
      ) {
        this._fresh = false;
        this.sent += 1;
      }
      this._next();
    }, 1000 / hz);
  }
}

const finite = (v) => (Number.isFinite(v) ? Math.round(v * 1000) / 1000 : 0);

/**
 * An orientation as CSS shows it to somebody who looks down on the phone: right is east, up is north. The
 * specification turns about Z, then the new X, then the new Y, with Y upwards and the screen's side towards the viewer;
 * on a page Y goes down, so that the first two turn the other way.
 */
export function attitude({ alpha, beta, gamma }) {
  const degrees = (v) => `${finite(v).toFixed(1)}deg`;
  return `rotateZ(${degrees(-alpha)}) rotateX(${degrees(-beta)}) rotateY(${degrees(gamma)})`;
}

/** DeviceOrientationEvent -> reading */
export function orientationOf(e) {
  if (e.alpha === null && e.beta === null && e.gamma === null) return null;
  return { orientation: { alpha: finite(e.alpha), beta: finite(e.beta), gamma: finite(e.gamma) } };
}

/**
 * DeviceMotionEvent -> reading. Of the rate of rotation alpha, beta and gamma are about X, Y and Z (of the orientation
 * they are about Z, X and Y).
 */
export function motionOf(e) {
  const r = e.rotationRate;
  const a = e.accelerationIncludingGravity ?? e.acceleration;
  const out = {};
  if (r && r.alpha !== null) out.gyro = { x: finite(r.alpha), y: finite(r.beta), z: finite(r.gamma) };
  if (a && a.x !== null) out.accel = { x: finite(a.x), y: finite(a.y), z: finite(a.z) };
  return Object.keys(out).length ? out : null;
}
