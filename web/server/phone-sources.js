// Where a phone's readings come from. Each source has a switch of its own: nothing of it is read before start(), and
// its permission is asked for by the browser then, and not before. What went wrong is said with what helps.

import { motionOf, orientationOf, SignOfGravity } from '../core/motion.js';
import { systemClock } from '../core/backoff.js';

const SILENT_MS = 3000; // switched on, and no reading

const SETTINGS = 'Allow it in the browser’s settings for this page, and switch it on again.';
const INSECURE = 'Browsers give this to HTTPS pages only. Ask for an https:// link.';

export class Refused extends Error {}

/**
 * A source: `state` 'off' | 'asking' | 'on' | 'refused' | 'missing', `words` of why. `onChange` is told.
 *
 * `open(wanted)` may wait for a person's answer; who switched it off meanwhile, and on again, is asked a second time. So
 * whatever comes after such a wait asks `wanted()` before it begins anything.
 */
class Source {
  constructor({ window, pump, clock = systemClock, onChange = () => {} }) {
    Object.assign(this, { window, pump, onChange, _clock: clock, state: 'off', words: '', _silent: null, _turn: 0 });
  }

  get on() {
    return this.state === 'on';
  }

  async start() {
    if (this.state === 'on' || this.state === 'asking') return;
    const turn = ++this._turn;
    const wanted = () => turn === this._turn;
    this._set('asking');
    try {
      if (!this.window.isSecureContext) throw new Refused(INSECURE);
      await this.open(wanted);
      if (wanted()) this._set('on');
    } catch (error) {
      if (wanted()) this.fail(error);
    }
  }

  stop() {
    this._end();
    this._set('off');
  }

  /** It was not allowed, is not there, or was taken away while it was on. */
  fail(error) {
    this._end();
    this._set(error instanceof Refused ? 'refused' : 'missing', error.message);
  }

  _end() {
    this._turn += 1;
    this._clock.clearTimeout(this._silent);
    this.close();
    for (const name of this.streams) this.pump.forget(name);
  }

  /** It has begun, and may yet say nothing. */
  expectReading(words) {
    this._got = false;
    this._silent = this._clock.setTimeout(() => {
      if (this.on && !this._got) this._set('on', words);
    }, SILENT_MS);
  }

  got() {
    if (!this._got && this.words) this._set('on');
    this._got = true;
  }

  _set(state, words = '') {
    Object.assign(this, { state, words });
    this.onChange(this);
  }
}

/** Events: `reading` by `onReading`, for who shows it. */
export class Motion extends Source {
  streams = ['motion'];
  onReading = () => {};

  async open(wanted) {
    const { window } = this;
    // iOS asks, and only after a touch
    for (const type of [window.DeviceMotionEvent, window.DeviceOrientationEvent]) {
      if (typeof type?.requestPermission !== 'function') continue;
      const answer = await type.requestPermission().catch((e) => e.message);
      if (answer !== 'granted')
        throw new Refused(
          `The phone did not allow it (${answer}). Allow motion access in the browser’s settings and reload.`,
        );
    }
    if (!wanted()) return;
    const gravity = new SignOfGravity();
    let last = null;
    const take = (reading) => {
      if (!reading) return;
      this.got();
      this.pump.motion(reading);
      this.onReading(reading);
    };
    this._orientation = (e) => {
      const reading = orientationOf(e);
      last = reading?.orientation ?? last;
      take(reading);
    };
    this._motion = (e) => take(motionOf(e, gravity.look(last, e.accelerationIncludingGravity)));
    window.addEventListener('deviceorientation', this._orientation);
    window.addEventListener('devicemotion', this._motion);
    this.expectReading(
      'This device gives no motion data. Is there a sensor, and is it allowed in the browser’s settings?',
    );
  }

  close() {
    this.window.removeEventListener('deviceorientation', this._orientation);
    this.window.removeEventListener('devicemotion', this._motion);
  }
}

export class Place extends Source {
  streams = ['place'];

  open() {
    const { geolocation } = this.window.navigator;
    if (!geolocation) throw new Error('This browser knows no place.');
    return new Promise((resolve, reject) => {
      this._watch = geolocation.watchPosition(
        ({ coords }) => {
          this._put(coords);
          this.got();
          resolve();
        },
        (error) => {
          const refused = error.code === 1 && new Refused(`The place was not allowed. ${SETTINGS}`);
          if (refused && this.on) this.fail(refused);
          else if (refused) reject(refused);
          else if (this.on) this._set('on', 'No place at the moment: is location switched on in the phone’s settings?');
          else resolve(); // it may yet come
        },
        { enableHighAccuracy: true },
      );
      this.expectReading('No place yet. Outdoors it comes sooner; location must be on in the phone’s settings.');
    });
  }

  _put(c) {
    const put = (name, value, unit, quantity) => this.pump.sample(`place.${name}`, value, { unit, quantity });
    put('latitude', c.latitude, 'deg', 'latitude');
    put('longitude', c.longitude, 'deg', 'longitude');
    put('accuracy', c.accuracy, 'm', 'distance');
    put('altitude', c.altitude, 'm', 'altitude');
    put('speed', c.speed, 'm/s', 'speed');
    put('heading', c.heading, 'deg', 'angle');
  }

  close() {
    this.window.navigator.geolocation?.clearWatch(this._watch);
  }
}

export class Light extends Source {
  streams = ['light'];

  open() {
    const { AmbientLightSensor } = this.window;
    if (!AmbientLightSensor)
      throw new Error('This browser has no light sensor for pages. Chrome on Android has one behind chrome://flags.');
    return new Promise((resolve, reject) => {
      const sensor = (this._sensor = new AmbientLightSensor({ frequency: 5 }));
      sensor.addEventListener('reading', () => {
        this.pump.sample('light', sensor.illuminance, { unit: 'lx', quantity: 'illuminance' });
        this.got();
      });
      sensor.addEventListener('activate', resolve);
      sensor.addEventListener('error', ({ error }) => {
        const why =
          error?.name === 'NotAllowedError'
            ? new Refused(`The light sensor was not allowed. ${SETTINGS}`)
            : new Error('This phone has no light sensor that a page may read.');
        if (this.on) this.fail(why);
        else reject(why);
      });
      sensor.start();
    });
  }

  close() {
    this._sensor?.stop();
  }
}

export class Battery extends Source {
  streams = ['battery'];

  async open(wanted) {
    const battery = await this.window.navigator.getBattery?.();
    if (!wanted()) return;
    this._battery = battery;
    if (!battery) throw new Error('This browser does not tell the battery to pages (no browser of an iPhone does).');
    this._put = () => {
      this.pump.sample('battery.level', Math.round(battery.level * 100), { unit: '%', quantity: 'charge' });
      this.pump.sample('battery.charging', Number(battery.charging), { quantity: 'state' });
    };
    for (const type of ['levelchange', 'chargingchange']) battery.addEventListener(type, this._put);
    this._put();
  }

  close() {
    for (const type of ['levelchange', 'chargingchange']) this._battery?.removeEventListener(type, this._put);
  }
}

const MEDIA = { video: 'camera', audio: 'microphone' };

/** Camera or microphone: a track of the peer connection. */
export class Media extends Source {
  streams = [];
  stream = null;

  /** `wish`: () -> the constraints of that kind, as it is set now. */
  constructor({ peer, kind, wish = () => true, ...rest }) {
    super(rest);
    Object.assign(this, { _peer: peer, kind, _wish: wish });
  }

  get track() {
    return this.stream?.getTracks()[0] ?? null;
  }

  async open(wanted) {
    const devices = this.window.navigator.mediaDevices;
    const name = MEDIA[this.kind];
    if (!devices?.getUserMedia) throw new Error(`This browser gives no ${name} to pages.`);
    let stream;
    try {
      stream = await devices.getUserMedia({ [this.kind]: this._wish() });
    } catch (error) {
      if (error.name === 'NotAllowedError' || error.name === 'SecurityError')
        throw new Refused(`The ${name} was not allowed. ${SETTINGS}`);
      if (error.name === 'NotReadableError')
        throw new Error(`Another app uses the ${name}. Close it, and switch it on again.`);
      if (error.name === 'NotFoundError') throw new Error(`This device has no ${name}.`);
      throw new Error(`The ${name} could not be started. Try another setting, or load this page again.`);
    }
    if (!wanted()) {
      stream.getTracks().forEach((t) => t.stop());
      return;
    }
    this.stream = stream;
    const { track } = this;
    track.addEventListener('ended', () => {
      if (track === this.track) this.fail(new Refused(`The phone took the ${name} away. Switch it on again.`));
    });
    await this._peer.setTrack(this.kind, track);
    if (wanted()) this._tell(1);
  }

  /** The other side's browser does not see that a track is gone. */
  _tell(on) {
    this.pump.sample(MEDIA[this.kind], on, { quantity: 'state' });
  }

  close() {
    if (this.stream) this._tell(0);
    this.stream?.getTracks().forEach((t) => t.stop());
    this.stream = null;
    this._peer.setTrack(this.kind, null).catch(() => {});
  }

  /** As it is wished now: another camera, another size. */
  async again() {
    if (!this.on && this.state !== 'asking') return;
    this.stop();
    await this.start();
  }

  /** What this track can do: {torch, zoom: {min, max, step}}. */
  get abilities() {
    return this.track?.getCapabilities?.() ?? {};
  }

  apply(constraint) {
    return this.track?.applyConstraints({ advanced: [constraint] });
  }
}
