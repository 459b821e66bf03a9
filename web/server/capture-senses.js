// What the page looks at and listens to while it watches: a small picture twice a second, loudness four times.

import { Noticer, PICTURE, loudness, motionScore } from '../core/noticing.js';

const LOOK_MS = 500;
const LISTEN_MS = 250;
const SAMPLES = 2048;

export class Senses {
  /** `noticed('motion' | 'audio')`; `shows(kind, value)`: for the meters. */
  constructor({ video, noticed, shows }) {
    Object.assign(this, { _video: video, _noticed: noticed, _shows: shows, _timers: [], _before: null });
    this.region = {};
    this.motion = new Noticer({ threshold: 0.02, cooldownMs: 10000 });
    this.sound = new Noticer({ threshold: 0.15, cooldownMs: 10000 });
    this.uses = { motion: true, audio: false };
    const canvas = Object.assign(document.createElement('canvas'), PICTURE);
    this._picture = canvas.getContext('2d', { willReadFrequently: true });
  }

  start(stream) {
    this._before = null;
    this._timers.push(setInterval(() => this._look(), LOOK_MS));
    if (!stream.getAudioTracks().length || !window.AudioContext) return;
    this._context = new AudioContext();
    this._context.resume().catch(() => {});
    const ears = this._context.createAnalyser();
    ears.fftSize = SAMPLES;
    this._context.createMediaStreamSource(stream).connect(ears);
    const samples = new Float32Array(SAMPLES);
    this._timers.push(
      setInterval(() => {
        ears.getFloatTimeDomainData(samples);
        this._take('audio', this.sound, loudness(samples));
      }, LISTEN_MS),
    );
  }

  stop() {
    for (const timer of this._timers.splice(0)) clearInterval(timer);
    this._context?.close().catch(() => {});
    this._context = null;
  }

  _look() {
    if (!this._video.videoWidth) return;
    this._picture.drawImage(this._video, 0, 0, PICTURE.width, PICTURE.height);
    const { data } = this._picture.getImageData(0, 0, PICTURE.width, PICTURE.height);
    if (this._before) this._take('motion', this.motion, motionScore(this._before, data, this.region));
    this._before = data;
  }

  _take(kind, noticer, value) {
    this._shows(kind, value);
    if (this.uses[kind] && noticer.take(value, performance.now())) this._noticed(kind);
  }
}
