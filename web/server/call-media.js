// This browser's camera, microphone and screen in a call: which are chosen, what they give, how loud it is.

import { Emitter } from '../core/emitter.js';
import * as prefs from '../app/prefs.js';

const SIZES = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };

const WORDS = {
  NotAllowedError: 'was not allowed for this page. The browser asks again when you change it beside the address.',
  NotFoundError: 'was not found: is it plugged in?',
  NotReadableError: 'is used by another program.',
  OverconstrainedError: 'is not there any more.',
};
const NAMES = { audio: 'Microphone', video: 'Camera' };

/** Why it does not start, in words. */
export const mediaWords = (kind, error) => `${NAMES[kind]} ${WORDS[error.name] ?? `does not start: ${error.message}`}`;

/** Events: `track` (kind, track|null), `problem` (text), `devices` (), `screen` (on). */
export class OwnMedia extends Emitter {
  constructor() {
    super();
    this.tracks = { audio: null, video: null };
    this.chosen = prefs.get('call.devices', {}); // kind -> deviceId
    this.screen = null;
    this._camera = null; // while the screen is shown instead
    this._meter = null;
    navigator.mediaDevices?.addEventListener?.('devicechange', () => this.emit('devices'));
  }

  static get why() {
    return navigator.mediaDevices?.getUserMedia
      ? ''
      : 'Browsers give camera and microphone to pages at https:// alone. You can listen, watch and write.';
  }

  async list() {
    return (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  }

  /** Begins one of both; false: it does not, and why was told. */
  async start(kind, deviceId = this.chosen[kind]) {
    if (OwnMedia.why) return false;
    const what = kind === 'video' ? { ...SIZES } : { echoCancellation: true, noiseSuppression: true };
    const ask = (id) =>
      navigator.mediaDevices.getUserMedia({ [kind]: { ...what, ...(id ? { deviceId: { exact: id } } : {}) } });
    let stream;
    try {
      stream = await ask(deviceId).catch((error) => {
        if (!deviceId || error.name === 'NotAllowedError') throw error;
        return ask(null); // the one of last time is not there
      });
    } catch (error) {
      this.emit('problem', mediaWords(kind, error));
      return false;
    }
    const [track] = stream.getTracks();
    track.addEventListener('ended', () => {
      if (this.tracks[kind] !== track && this._camera !== track) return;
      this.stop(kind);
      this.emit('problem', `${NAMES[kind]} was taken away.`);
    });
    if (kind === 'audio') this._listen(stream);
    if (kind === 'video' && this.screen) {
      this._camera?.stop();
      this._camera = track;
      return true;
    }
    this._put(kind, track);
    return true;
  }

  _put(kind, track) {
    const before = this.tracks[kind];
    this.tracks[kind] = track;
    if (before && before !== this._camera && before !== track) before.stop();
    this.emit('track', kind, track);
  }

  stop(kind) {
    if (kind === 'video' && this.screen) {
      this._camera?.stop();
      this._camera = null;
      return;
    }
    if (this.tracks[kind]) this._put(kind, null);
  }

  async choose(kind, deviceId) {
    this.chosen = { ...this.chosen, [kind]: deviceId };
    prefs.put('call.devices', this.chosen);
    if (this.tracks[kind]) await this.start(kind, deviceId);
  }

  get canShare() {
    return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
  }

  /** The screen is seen instead of the camera, which is seen again after it. */
  async share() {
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({
        video: { height: { max: 1080 }, frameRate: { max: 15 } },
      });
    } catch (error) {
      if (error.name !== 'NotAllowedError') this.emit('problem', `The screen is not shown: ${error.message}`);
      return false;
    }
    const [track] = stream.getVideoTracks();
    track.contentHint = 'detail';
    track.addEventListener('ended', () => this.unshare());
    this._camera = this.tracks.video;
    this.screen = track;
    this._put('video', track);
    this.emit('screen', true);
    return true;
  }

  unshare() {
    if (!this.screen) return;
    const { screen, _camera: camera } = this;
    this.screen = null;
    this._camera = null;
    this._put('video', camera);
    screen.stop();
    this.emit('screen', false);
  }

  _listen(stream) {
    this._meter?.context.close().catch(() => {});
    this._meter = null;
    try {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 512;
      context.createMediaStreamSource(stream).connect(analyser);
      this._meter = { context, analyser, samples: new Float32Array(analyser.fftSize) };
    } catch {
      /* no meter */
    }
  }

  /** 0 to 1. */
  level() {
    if (!this._meter || !this.tracks.audio?.enabled) return 0;
    const { analyser, samples } = this._meter;
    analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((a, x) => a + x * x, 0) / samples.length);
  }

  close() {
    for (const track of [this.tracks.audio, this.tracks.video, this.screen, this._camera]) track?.stop();
    this._meter?.context.close().catch(() => {});
  }
}
