// The connection between two who are in a call: perfect negotiation (who is polite gives way), one sound and one
// picture each way, and ICE that begins anew when the way is lost: three times at most.

import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';

const TRIES = 3;
const WAIT_MS = 3000; // a way that is interrupted may come back by itself
const TRY_MS = 8000;
const LOW = { maxBitrate: 150000, maxFramerate: 10, scaleResolutionDownBy: 2 };
const FULL = { maxBitrate: 1500000, maxFramerate: 30, scaleResolutionDownBy: 1 };

const randomId = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');

/** Events: `state` (connecting | connected | reconnecting | failed), `stream` (MediaStream), `closed` (). */
export class CallPeer extends Emitter {
  /**
   * @param {object} o
   * @param {string|null} o.link         of the offer that it answers; null: it offers
   * @param {Function} o.send            (type, payload)
   * @param {boolean} o.polite           of two who offer at once, it gives way
   * @param {{audio, video}} o.tracks    MediaStreamTrack or null
   */
  constructor({
    RTCPeerConnection,
    MediaStream,
    iceServers,
    iceTransportPolicy,
    link = null,
    send,
    polite,
    tracks,
    clock = systemClock,
  }) {
    super();
    Object.assign(this, { _send: send, polite, _tracks: { ...tracks }, _clock: clock, _low: false });
    this.link = link ?? randomId();
    this.state = 'connecting';
    this.tries = 0;
    this.relayed = iceTransportPolicy === 'relay';
    this.canRelay = iceServers.some((s) => [s.urls].flat().some((u) => /^turns?:/.test(u)));
    this.stream = new MediaStream();
    this._making = false;
    this._ignores = false;
    this._chain = Promise.resolve();
    this._timer = null;
    const pc = (this.pc = new RTCPeerConnection({
      iceServers,
      bundlePolicy: 'max-bundle',
      ...(iceTransportPolicy ? { iceTransportPolicy } : {}),
    }));
    pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate) this._say('ice-candidate', { candidate: candidate.toJSON?.() ?? candidate });
    });
    pc.addEventListener('negotiationneeded', () => this._offer());
    pc.addEventListener('track', ({ track }) => {
      this.stream.addTrack(track);
      this.emit('stream', this.stream);
    });
    pc.addEventListener('connectionstatechange', () => this._moved());
    if (link === null) {
      for (const kind of ['audio', 'video']) pc.addTransceiver(tracks[kind] ?? kind, { direction: 'sendrecv' });
      this._watch(TRY_MS + WAIT_MS);
    }
  }

  _say(type, payload) {
    if (!this.closed) this._send(type, { ...payload, link: this.link });
  }

  async _offer() {
    if (this.closed) return;
    try {
      this._making = true;
      await this.pc.setLocalDescription();
      this._say('offer', { sdp: this.pc.localDescription.sdp });
      this._bound();
    } catch (error) {
      if (!this.closed) this.emit('problem', error.message);
    } finally {
      this._making = false;
    }
  }

  /** One after the other: a candidate waits for the offer before it. */
  hear(type, payload) {
    this._chain = this._chain
      .then(() => this._take(type, payload))
      .catch((error) => this.emit('problem', error.message));
    return this._chain;
  }

  async _take(type, payload) {
    const { pc } = this;
    if (this.closed) return;
    if (type === 'ice-candidate') {
      try {
        await pc.addIceCandidate(payload.candidate);
      } catch (error) {
        if (!this._ignores) throw error;
      }
      return;
    }
    const collides = type === 'offer' && (this._making || pc.signalingState !== 'stable');
    this._ignores = !this.polite && collides;
    if (this._ignores) return;
    await pc.setRemoteDescription({ type, sdp: payload.sdp });
    if (type !== 'offer' || this.closed) return;
    for (const t of pc.getTransceivers()) {
      if (t.stopped) continue;
      t.direction = 'sendrecv';
      const { kind } = t.receiver.track;
      if (t.sender.track !== (this._tracks[kind] ?? null)) await t.sender.replaceTrack(this._tracks[kind] ?? null);
    }
    await pc.setLocalDescription();
    this._say('answer', { sdp: pc.localDescription.sdp });
    this._bound();
  }

  _sender(kind) {
    return this.pc.getTransceivers().find((t) => t.receiver.track.kind === kind)?.sender ?? null;
  }

  /** null: nothing of that kind is sent. */
  async setTrack(kind, track) {
    this._tracks[kind] = track;
    await this._sender(kind)?.replaceTrack(track);
    this._bound();
  }

  /** Small pictures, few of them: one of the two has a narrow line. */
  setLow(low) {
    this._low = low;
    this._bound();
  }

  async _bound() {
    const sender = this._sender('video');
    const parameters = sender?.getParameters?.();
    if (!parameters?.encodings?.length) return;
    Object.assign(parameters.encodings[0], this._low ? LOW : FULL);
    await sender.setParameters(parameters).catch(() => {}); // while it is negotiated
  }

  /** 0 to 1: how loud the other is just now. */
  get level() {
    const receiver = this.pc.getReceivers().find((r) => r.track.kind === 'audio');
    const [latest] = receiver?.getSynchronizationSources?.() ?? [];
    return latest && performance.timeOrigin + performance.now() - latest.timestamp < 1500
      ? (latest.audioLevel ?? 0)
      : 0;
  }

  _set(state) {
    if (this.closed || this.state === state) return;
    this.state = state;
    this.emit('state', state);
  }

  _watch(ms) {
    this._clock.clearTimeout(this._timer);
    this._timer = this._clock.setTimeout(() => this._again(), ms);
  }

  _moved() {
    const { connectionState } = this.pc;
    if (connectionState === 'connected') {
      this.tries = 0;
      this._clock.clearTimeout(this._timer);
      this._timer = null;
      this._set('connected');
    } else if (connectionState === 'failed') {
      this._again();
    } else if (connectionState === 'disconnected') {
      this._set('reconnecting');
      this._watch(WAIT_MS);
    }
  }

  /** The way is lost: another one is looked for. */
  restart() {
    if (this.closed || this.pc.connectionState === 'connected') return;
    this.tries = 0;
    this._again();
  }

  _again() {
    if (this.closed || this.pc.connectionState === 'connected') return;
    if (this.tries >= TRIES) {
      this._clock.clearTimeout(this._timer);
      this._set('failed');
      return;
    }
    this.tries += 1;
    this._set('reconnecting');
    this.pc.restartIce();
    if (this.pc.signalingState === 'have-local-offer') this._offer(); // the one of before may be lost
    this._watch(TRY_MS);
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this._clock.clearTimeout(this._timer);
    this.pc.close();
    this.emit('closed');
  }
}
