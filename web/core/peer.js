// A remote observer's connection to a producer (a host or a phone) through the server's signaling: the browser
// offers, the producer answers. One RemotePeer is one attempt, as in whep.js. Attempts have numbers, by which a host
// tells them apart: one may stand while the next is made. A producer that knows of no numbers has one at a time.

import { systemClock } from './backoff.js';
import { Emitter } from './emitter.js';
import { candidateOf } from './proto.js';
import { ViewerConnection } from './rtc.js';

const ASK_MS = 2000; // that an answer by data channel may take
const AGAIN_S = 0.1;
const CONNECT_MS = 12000; // TURN and a far producer take longer than WHEP on the LAN

export class RemotePeer extends Emitter {
  /**
   * @param {object} o
   * @param {import('./signaling.js').Signaling} o.signaling
   * @param {string|null} o.to      peer id of the producer; null when there is only one it can be
   * @param {boolean} [o.several]   others of its role are others, and never the same one with another id
   * @param {string|null} [o.sound]   the interface that is heard; null: the device's first
   * @param {boolean} [o.asks]      it answers pings by data channel: one that is new to the server has to
   */
  constructor({
    signaling,
    to = null,
    clock = systemClock,
    connectMs = CONNECT_MS,
    several = false,
    asks = false,
    sound = null,
    ...rtc
  }) {
    super();
    Object.assign(this, { _signaling: signaling, to, _clock: clock, _connectMs: connectMs, _sound: sound });
    this.connection = new ViewerConnection({ iceServers: signaling.iceServers, ...rtc, clock });
    this.error = null;
    this.attempt = signaling.attempts += 1;
    this._numbered = false; // the producer knows of numbers
    this._answered = false;
    this._early = []; // candidates that came before the answer
    this._asked = () => {}; // ends the wait for an answer to _ask()
    this._timer = null;
    this._stopped = false;
    // Server and producer may go and come back under a connection: the producer may have another id then, and may have
    // been started anew.
    const role = to && signaling.peers.get(to);
    const follow = () => {
      const now = signaling.peers.has(this.to) ? this.to : several ? null : signaling.peerWithRole(role);
      if (now === null) return;
      this.to = now;
      if (asks) this._ask();
    };
    const off = [
      signaling.on('message', (message, kind) => this._onMessage(message, kind)),
      signaling.on('ready', () => role && follow()),
      signaling.on('peer', (id, of, present) => present && of === role && follow()),
    ];
    this._off = () => off.forEach((undo) => undo());
    for (const name of ['track', 'control', 'sensor', 'channel', 'stats', 'log']) {
      this.connection.on(name, (...args) => this.emit(name, ...args));
    }
    this.connection.on('state', (state) => {
      if (state === 'connected') this._clock.clearTimeout(this._timer);
      if (state === 'failed') this._fail(new Error('the connection failed (ICE found no working path)'));
      else this.emit('state', state, this.error);
    });
  }

  get state() {
    return this.connection.state;
  }
  get figures() {
    return this.connection.figures;
  }
  get stream() {
    return this.connection.stream;
  }

  async start() {
    this._timer = this._clock.setTimeout(
      () => this._fail(new Error('no connection within the time limit: UDP may be blocked')),
      this._connectMs,
    );
    this.connection.onCandidate = (c) =>
      this._send({
        type: 'ice',
        candidate: c?.candidate ?? '',
        sdpMid: c?.sdpMid ?? null,
        sdpMLineIndex: c?.sdpMLineIndex ?? null,
      });
    const sdp = await this.connection.offer();
    if (this._stopped) return;
    const which = this._sound ? { sound: this._sound } : {};
    if (!this._send({ type: 'offer', sdp, ...which })) this._fail(new Error('the server is not connected'));
  }

  /** Is the producer who it was, or was it started anew and knows nothing of us? ICE would notice seconds later. */
  _ask() {
    if (!this.connection.send('control', '{"type":"ping"}')) return;
    this._asked();
    const off = ['control', 'sensor'].map((name) => this.connection.on(name, () => this._asked()));
    const timer = this._clock.setTimeout(() => {
      this._fail(Object.assign(new Error('the host was started anew'), { extra: { retry_after_s: AGAIN_S } }));
    }, ASK_MS);
    this._asked = () => {
      this._clock.clearTimeout(timer);
      off.splice(0).forEach((undo) => undo());
    };
  }

  send(name, text) {
    return this.connection.send(name, text);
  }

  _send(what) {
    const message = { ...what, attempt: this.attempt };
    return this._signaling.send(this.to ? { ...message, to: this.to } : message);
  }

  async _onMessage(message, kind) {
    if (this._stopped || (this.to && message.from && message.from !== this.to)) return;
    if (message.attempt !== undefined && message.attempt !== this.attempt) return;
    if (kind === 'answer') {
      if (this._answered) return;
      this._numbered = message.attempt !== undefined;
      this._answered = true;
      try {
        await this.connection.answer(message.sdp);
      } catch (error) {
        this._fail(error);
        return;
      }
      for (const c of this._early.splice(0)) this.connection.addCandidate(c);
    } else if (kind === 'ice' || kind === 'ice-candidate') {
      const candidate = candidateOf(message);
      if (!candidate.candidate) return;
      if (this._answered && this.connection.pc.remoteDescription) this.connection.addCandidate(candidate);
      else if (this._early.length < 64) this._early.push(candidate);
    } else if (kind === 'screen') {
      this.emit('screen', { width: message.width, height: message.height });
    } else if (kind === 'bye') {
      this._fail(new Error(message.reason || 'the producer ended the session'));
    }
  }

  _fail(error) {
    if (this._stopped) return;
    this.error = error;
    this.stop('failed');
  }

  stop(state = 'closed') {
    if (this._stopped) return;
    this._stopped = true;
    this._off();
    if (this._numbered) this._send({ type: 'bye' }); // of this one: another may stand beside it
    this._asked();
    this._clock.clearTimeout(this._timer);
    this.connection.close();
    this.emit('state', state, this.error);
  }
}
