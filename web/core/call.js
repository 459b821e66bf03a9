// One call, as this page takes part in it: who is there, the connections to each, what is said. The server's word is
// what counts; a socket that is lost comes back with what is here, and connections that stand go on meanwhile.

import { systemClock } from './backoff.js';
import { CallPeer } from './call-peer.js';
import { Fallback, measured, reportOf, Speaker, troubleOf } from './call-quality.js';
import { Emitter } from './emitter.js';

const LOOK_MS = 2000;
const LISTEN_MS = 300;
const SIGNALS = new Set(['offer', 'answer', 'ice-candidate']);

/**
 * Events: `people` (), `peer` (userId), `chat` (line, {old}), `devices` (), `control` (event, data), `speaker` (userId),
 * `quality` (report, trouble), `fallback` (what), `ended` (data), `problem` (text), `refused` (data), `moved` ().
 */
export class Call extends Emitter {
  /** @param {import('./call-line.js').CallLine} o.line */
  constructor({ line, callId, RTCPeerConnection, MediaStream, clock = systemClock }) {
    super();
    Object.assign(this, { _line: line, callId, _clock: clock, _rtc: { RTCPeerConnection, MediaStream } });
    this.people = new Map(); // userId -> participant, oneself among them
    this.peers = new Map(); // userId -> CallPeer
    this.devices = [];
    this.chat = [];
    this.media = {
      videoEnabled: true,
      audioEnabled: true,
      screenSharing: false,
      handRaised: false,
      lowBandwidth: false,
    };
    this.tracks = { audio: null, video: null };
    this.in = false; // it was in: a socket that comes back does so as who was there
    this.over = null; // why
    this._iceServers = [];
    this._before = new Map();
    this._lines = [];
    this._fallback = new Fallback();
    this._speaker = new Speaker();
    this._off = [
      line.on('said', (event, data) => this._said(event, data)),
      line.on('state', (state) => state === 'open' && this._wanted && this._enter()),
    ];
    this._timers = [];
  }

  get me() {
    return this._line.userId;
  }

  /** Comes in; `tracks` are what is sent. */
  join({ name, tracks }) {
    this._name = name;
    this.tracks = { ...tracks };
    this._wanted = true;
    this._timers = [
      this._clock.setInterval(() => this._look(), LOOK_MS),
      this._clock.setInterval(() => this._listen(), LISTEN_MS),
    ];
    if (this._line.state === 'open') this._enter();
  }

  _enter() {
    const { videoEnabled, audioEnabled } = this.media;
    const say = { callId: this.callId, videoEnabled, audioEnabled, ...(this._name ? { name: this._name } : {}) };
    this._line.send(this.in ? 'reconnect-call' : 'join-call', say);
  }

  leave(reason) {
    if (this._wanted) this._line.send('leave-call', { callId: this.callId, ...(reason ? { reason } : {}) });
    this._end({ status: 'left' });
  }

  _end(data) {
    if (this.over) return;
    this.over = data;
    this._wanted = false;
    for (const timer of this._timers) this._clock.clearInterval(timer);
    for (const off of this._off) off();
    for (const peer of this.peers.values()) peer.close();
    this.peers.clear();
    this.emit('ended', data);
  }

  // ---- what is sent ----

  say(event, data = {}) {
    return this._line.send(event, { callId: this.callId, ...data });
  }

  setMedia(changed) {
    Object.assign(this.media, changed);
    if (this.in) this.say('update-media', changed);
    if ('lowBandwidth' in changed) this._bound();
    this.emit('people');
  }

  async setTrack(kind, track) {
    this.tracks[kind] = track;
    await Promise.all([...this.peers.values()].map((peer) => peer.setTrack(kind, track)));
  }

  _bound() {
    for (const [userId, peer] of this.peers)
      peer.setLow(this.media.lowBandwidth || this.people.get(userId)?.lowBandwidth === true);
  }

  // ---- who is there ----

  _said(event, data) {
    if (data.callId !== this.callId) return;
    if (SIGNALS.has(event) || event === 'signal') this._signal(event === 'signal' ? data.type : event, data);
    else this[`_on_${event.replaceAll('-', '_')}`]?.(data);
  }

  _on_room_participants(data) {
    this.in = true;
    this._iceServers = data.iceServers ?? this._iceServers;
    this.people = new Map(data.participants.map((p) => [p.userId, p]));
    this.devices = data.devices ?? [];
    const last = this.chat.at(-1)?.n ?? 0;
    // a server that was started anew counts from the start
    for (const line of data.chat ?? []) if (line.n > last) this._line_of_chat(line, { old: true });
    this.say('update-media', this.media);
    for (const userId of [...this.peers.keys()]) if (!this.people.has(userId)) this._drop(userId);
    for (const [userId, p] of this.people) {
      if (userId === this.me || p.status !== 'connected') continue;
      const peer = this.peers.get(userId);
      if (!peer || peer.state === 'failed') this._connect(userId);
      else peer.restart();
    }
    this.emit('people');
    this.emit('devices');
  }

  _on_participant_joined({ userId, participant }) {
    this.people.set(userId, participant);
    this.emit('joined', participant);
    this.emit('people');
  }

  _on_participant_disconnected({ userId }) {
    const p = this.people.get(userId);
    if (p) this.people.set(userId, { ...p, status: 'disconnected' });
    this.emit('people');
  }

  _on_participant_left({ userId }) {
    const p = this.people.get(userId);
    this.people.delete(userId);
    this._drop(userId);
    if (p) this.emit('left', p);
    this.emit('people');
  }

  _on_participant_media_updated({ callId: _, userId, ...media }) {
    const p = this.people.get(userId);
    if (!p) return;
    this.people.set(userId, { ...p, ...media });
    this._bound();
    if (media.handRaised && !p.handRaised && userId !== this.me) this.emit('hand', p);
    this.emit('people');
  }

  _on_chat(line) {
    this._line_of_chat(line, { old: false });
  }

  _line_of_chat(line, how) {
    this.chat.push(line);
    if (this.chat.length > 200) this.chat.shift();
    this.emit('chat', line, how);
  }

  _on_device_shared(device) {
    this.devices = [...this.devices.filter((d) => d.device !== device.device), device];
    this.emit('devices');
  }

  _on_device_unshared({ device }) {
    this.devices = this.devices.filter((d) => d.device !== device);
    this.emit('devices');
  }

  _on_request_control(data) {
    this.emit('control', 'request', data);
  }

  _on_answer_control(data) {
    this.emit('control', 'answer', data);
  }

  _on_quality_warning({ userId, type, value }) {
    if (userId !== this.me) this.emit('warning', { userId, type, value });
  }

  _on_request_quality_stats() {
    const report = reportOf(this._lines);
    if (Object.keys(report).length) this.say('connection-quality', report);
  }

  _on_call_answered() {
    this.answered = true;
    this.emit('people');
  }

  _on_call_ended(data) {
    this._end(data);
  }

  _on_call_cancelled(data) {
    this._end({ status: 'cancelled', ...data });
  }

  _on_error({ message, event, code, status }) {
    if (code === 'moved' || code === 'revoked') this._end({ status: code, reason: message });
    else if (event === 'join-call' || event === 'reconnect-call') {
      if (status < 500 && status !== 409) this._end({ status: 'refused', reason: message });
      else this._clock.setTimeout(() => this._wanted && this._enter(), LOOK_MS);
    } else if (event !== 'signal') this.emit('problem', message);
  }

  // ---- connections ----

  _connect(userId, { link = null, relay = false } = {}) {
    this._drop(userId);
    const peer = new CallPeer({
      ...this._rtc,
      iceServers: this._iceServers,
      ...(relay ? { iceTransportPolicy: 'relay' } : {}),
      link,
      polite: this.me < userId,
      tracks: this.tracks,
      clock: this._clock,
      send: (type, payload) => this.say('signal', { type, payload, targetUserId: userId }),
    });
    this.peers.set(userId, peer);
    const mine = (fn) => (value) => {
      if (this.peers.get(userId) === peer) fn(value);
    };
    peer.on(
      'state',
      mine((state) => {
        if (state === 'failed' && peer.canRelay && !peer.relayed) this._connect(userId, { relay: true });
        else this.emit('peer', userId);
      }),
    );
    peer.on(
      'stream',
      mine(() => this.emit('peer', userId)),
    );
    this._bound();
    this.emit('peer', userId);
    return peer;
  }

  /** Anew, as somebody asks for it. */
  retry(userId) {
    this._connect(userId);
  }

  _drop(userId) {
    this.peers.get(userId)?.close();
    this.peers.delete(userId);
    this._before.delete(userId);
  }

  _signal(type, { fromUserId, payload }) {
    if (!SIGNALS.has(type) || typeof payload?.link !== 'string') return;
    let peer = this.peers.get(fromUserId);
    if (type === 'offer' && peer?.link !== payload.link) peer = this._connect(fromUserId, { link: payload.link });
    if (peer?.link === payload.link) peer.hear(type, payload);
  }

  // ---- how good they are, and who speaks ----

  async _look() {
    const lines = [];
    for (const [userId, peer] of this.peers) {
      if (peer.state !== 'connected') continue;
      const now = measured(await peer.pc.getStats(), this._before.get(userId) ?? null);
      if (this.peers.get(userId) !== peer) continue;
      if (this._before.has(userId)) lines.push(now);
      this._before.set(userId, now);
    }
    if (this.over) return;
    this._lines = lines;
    if (!lines.length) return;
    const report = reportOf(lines);
    this.emit('quality', report, troubleOf(report));
    const what = this._fallback.look(report);
    if (what === 'relay')
      for (const [userId, peer] of [...this.peers])
        if (peer.canRelay && !peer.relayed && this.me < userId) this._connect(userId, { relay: true });
    if (what) this.emit('fallback', what);
  }

  _listen() {
    const levels = Object.fromEntries([...this.peers].map(([userId, peer]) => [userId, peer.level]));
    if (this.ownLevel) levels[this.me] = this.media.audioEnabled ? this.ownLevel() : 0;
    const before = this._speaker.userId;
    if (this._speaker.look(levels, this._clock.now()) !== before) this.emit('speaker', this._speaker.userId);
  }
}
