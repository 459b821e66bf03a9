// What every viewer's peer connection has in common, however its signaling travels: one recvonly video (and sound), the
// two data channels that the browser makes, states, statistics. The browser offers, always.

import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { wantCaptureTime } from './sdp.js';
import { figuresOf } from './stats.js';

/**
 * Events:
 *   state (state, reason)      new | connecting | connected | disconnected | failed | closed
 *   track (MediaStream)        the picture
 *   control | sensor (text)    a message on that data channel
 *   channel (name, open)       a data channel opened or closed
 *   stats (figures)            once per statsMs while connected
 *   log (text)                 ICE and signaling states, for the debug panel
 */
export class ViewerConnection extends Emitter {
  /**
   * @param {object} o
   * @param {Function} o.RTCPeerConnection
   * @param {object[]} [o.iceServers]
   * @param {boolean} [o.video]              false: data channels only
   * @param {boolean} [o.audio]              true: sound beside the picture
   * @param {string} [o.iceTransportPolicy]  'relay' forces TURN, for tests of the network
   */
  constructor({
    RTCPeerConnection,
    iceServers = [],
    iceTransportPolicy,
    statsMs = 1000,
    clock = systemClock,
    timeOrigin = 0,
    MediaStream = globalThis.MediaStream,
    video = true,
    audio = false,
  }) {
    super();
    Object.assign(this, {
      _clock: clock,
      _statsMs: statsMs,
      _timeOrigin: timeOrigin,
      _MediaStream: MediaStream,
      _video: video,
      _audio: audio,
    });
    this.state = 'new';
    this.figures = null;
    this.stream = null;
    this.control = null;
    this.sensor = null;
    this.onCandidate = () => {}; // (RTCIceCandidate | null); null: gathering is over
    this.pc = new RTCPeerConnection({
      iceServers,
      bundlePolicy: 'max-bundle',
      ...(iceTransportPolicy ? { iceTransportPolicy } : {}),
    });
    this._receiver = null;
    this._timer = null;
    this._closed = false;
    this._wire();
  }

  _wire() {
    const { pc } = this;
    pc.addEventListener('icecandidate', (e) => {
      if (!this._closed) this.onCandidate(e.candidate && e.candidate.candidate ? e.candidate : null);
    });
    pc.addEventListener('track', (e) => this._onTrack(e));
    pc.addEventListener('connectionstatechange', () => this._set(pc.connectionState));
    for (const [event, field] of [
      ['iceconnectionstatechange', 'iceConnectionState'],
      ['icegatheringstatechange', 'iceGatheringState'],
      ['signalingstatechange', 'signalingState'],
    ]) {
      pc.addEventListener(event, () => this.emit('log', `${field} ${pc[field]}`));
    }
    pc.addEventListener('icecandidateerror', (e) =>
      this.emit('log', `candidate error ${e.errorCode ?? ''} ${e.errorText ?? ''} ${e.url ?? ''}`.trim()),
    );
  }

  _onTrack(event) {
    if (event.track.kind === 'audio') {
      this._join(event);
      return;
    }
    this._receiver = event.receiver;
    // The sender asks for no delay by the playout-delay extension; this is for senders without it.
    try {
      event.receiver.jitterBufferTarget = 0;
    } catch {
      /* not every browser has it */
    }
    this._join(event);
  }

  /** Picture and sound of one sender are one stream, which is played in step. */
  _join(event) {
    this.stream = event.streams?.[0] ?? this.stream ?? new this._MediaStream();
    if (!event.streams?.[0]) this.stream.addTrack(event.track);
    this.emit('track', this.stream);
  }

  /** Makes the offer, sets it as local description, and returns its SDP. */
  async offer() {
    if (this._video) wantCaptureTime(this.pc.addTransceiver('video', { direction: 'recvonly' }));
    if (this._audio) this.pc.addTransceiver('audio', { direction: 'recvonly' });
    this._adopt('control', this.pc.createDataChannel('control', { ordered: true }));
    this._adopt('sensor', this.pc.createDataChannel('sensor', { ordered: false, maxRetransmits: 0 }));
    const offer = await this.pc.createOffer();
    if (this._closed) return null;
    this._set('connecting');
    await this.pc.setLocalDescription(offer);
    return this.pc.localDescription?.sdp ?? offer.sdp;
  }

  async answer(sdp) {
    if (this._closed) return;
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  async addCandidate(init) {
    if (this._closed) return;
    try {
      await this.pc.addIceCandidate(init);
    } catch (error) {
      this.emit('log', `candidate refused: ${error.message}`); // one bad candidate is not the end
    }
  }

  _adopt(name, channel) {
    this[name] = channel;
    channel.addEventListener('open', () => {
      if (!this._closed) this.emit('channel', name, true);
    });
    channel.addEventListener('close', () => {
      if (!this._closed) this.emit('channel', name, false);
    });
    channel.addEventListener('message', (e) => {
      if (!this._closed && typeof e.data === 'string') this.emit(name, e.data);
    });
  }

  /** Sends on a data channel; false when it is not open. */
  send(name, text) {
    const channel = this[name];
    if (this._closed || !channel || channel.readyState !== 'open') return false;
    try {
      channel.send(text);
      return true;
    } catch {
      return false;
    }
  }

  _set(state, reason) {
    if (this._closed || this.state === state) return;
    this.state = state;
    this.emit('log', `connection ${state}${reason ? `: ${reason}` : ''}`);
    if (state === 'connected') this._startStats();
    else if (state !== 'disconnected') this._stopStats();
    this.emit('state', state, reason);
  }

  _startStats() {
    if (this._timer === null) this._timer = this._clock.setInterval(() => this.sample(), this._statsMs);
  }

  _stopStats() {
    this._clock.clearInterval(this._timer);
    this._timer = null;
  }

  /** One round of statistics now. */
  async sample() {
    try {
      const report = await this.pc.getStats();
      if (this._closed) return null;
      this.figures = figuresOf(report, this.figures, {
        sources: this._receiver?.getSynchronizationSources?.(),
        now: this._clock.now(),
        timeOrigin: this._timeOrigin,
      });
      this.emit('stats', this.figures);
      return this.figures;
    } catch (error) {
      this.emit('log', `statistics: ${error.message}`);
      return null;
    }
  }

  close(reason) {
    if (this._closed) return;
    this._stopStats();
    this._set('closed', reason);
    this._closed = true;
    this.onCandidate = () => {};
    this.pc.close();
  }
}
