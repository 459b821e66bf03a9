// The producer's side of a pairing, for a phone: waits for the offer and answers it. State goes over the data channel
// `sensor`, where the newest counts, events over `control`, which loses nothing; both over the server's WebSocket while
// there is no channel. Camera and microphone are put into the sections that the offer has for them, and taken out
// again, without a further offer.

import { Emitter } from './emitter.js';
import { candidateOf, parse } from './proto.js';

const MAX_BUFFERED = 64 * 1024; // a slow link: drop readings, never queue them
// So many bytes of readings that have not left: packets were lost, and SCTP waits for its timer (0.4 s and more).
// The server's TCP, which repeats them after a round trip, carries the newest meanwhile.
const STANDS = 512;
const REPEATS = 3;

function put(channel, message) {
  if (channel.bufferedAmount > MAX_BUFFERED) return false;
  channel.send(JSON.stringify(message));
  return true;
}

/** Events: `path` ('data channel' | 'relay' | 'none'), `event` (message): what the other side asks for. */
export class PhonePeer extends Emitter {
  constructor({ signaling, RTCPeerConnection, MediaStream = globalThis.MediaStream }) {
    super();
    Object.assign(this, { _signaling: signaling, _RTC: RTCPeerConnection });
    this.path = 'none';
    this._pc = null;
    this._to = null;
    this._channel = null;
    this._control = null;
    this._tracks = { video: null, audio: null };
    this._together = MediaStream ? new MediaStream() : null; // one: played in step
    this._early = [];
    signaling.on('message', (m, kind) => this._onMessage(m, kind));
    signaling.on('state', () => this._update());
    signaling.on('peer', (id, role, present) => {
      // a desktop that the server does not see may be there all the same: then its channels say when it is not
      if (role === 'desktop' && !present && this.path !== 'data channel') this._drop();
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
        await this._fillSections(pc);
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
    } else if (kind === 'event') {
      this.emit('event', m);
    }
  }

  /** Each section of the offer sends from now on, though nothing yet. */
  async _fillSections(pc) {
    for (const t of pc.getTransceivers?.() ?? []) {
      if (t.stopped) continue;
      t.direction = 'sendonly';
      if (this._together) t.sender.setStreams?.(this._together);
      await t.sender.replaceTrack(this._tracks[t.receiver.track.kind] ?? null);
    }
  }

  /**
   * What is sent of that kind ('video' | 'audio') from now on; null: nothing. False: there is no connection that could
   * carry it yet; it goes out as soon as there is one.
   */
  async setTrack(kind, track) {
    this._tracks[kind] = track;
    const mine = (this._pc?.getTransceivers?.() ?? []).filter((t) => !t.stopped && t.receiver.track.kind === kind);
    for (const t of mine) await t.sender.replaceTrack(track);
    return mine.length > 0 && this._pc?.connectionState === 'connected';
  }

  _adopt(channel) {
    const field = { sensor: '_channel', control: '_control' }[channel.label];
    if (!field) return;
    this[field] = channel;
    channel.addEventListener('open', () => this._update());
    channel.addEventListener('close', () => {
      if (channel !== this[field]) return;
      this[field] = null;
      if (!this._signaling.peerWithRole('desktop')) this._drop();
      this._update();
    });
    channel.addEventListener('message', (e) => {
      if (channel !== this[field] || typeof e.data !== 'string') return;
      try {
        const { kind, message } = parse(e.data);
        if (kind === 'event') this.emit('event', message);
      } catch {
        /* nothing of ours */
      }
    });
    this._update();
  }

  _send(message) {
    return this._signaling.send(this._to ? { ...message, to: this._to } : message);
  }

  _drop() {
    const pc = this._pc;
    this._pc = this._channel = this._control = this._to = null;
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

  /** One reading, of which the newest counts; false when it was dropped. */
  send(message) {
    const stands = this.path === 'data channel' && this._channel.bufferedAmount > STANDS;
    if (this.path === 'data channel' && !stands) return put(this._channel, message);
    if (this.path === 'none' || this._signaling.bufferedAmount > (stands ? STANDS : MAX_BUFFERED)) return false;
    return this._signaling.send(message);
  }

  /** One event, of which none may be lost; false when there is no way for it. */
  sendEvent(message) {
    if (this._control?.readyState === 'open') return put(this._control, message);
    if (this.path !== 'data channel') return this.send(message);
    // a desktop with the one channel that may lose it: again is no harm, its `data.n` says that it is the same
    const sent = put(this._channel, message);
    for (let i = 1; i < REPEATS; i++) put(this._channel, message);
    return sent;
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
