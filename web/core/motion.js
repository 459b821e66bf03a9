// Motion of a phone as its browser tells it, turned into what the messages say: degrees, rad/s, m/s².

import { upOf } from './pose.js';

const RADIANS = Math.PI / 180;
const LEAST = 4; // m/s² along the vertical: a phone in free fall says nothing of signs
const SURE = 5; // readings that agree

const rounded = (v) => (Number.isFinite(v) ? Math.round(v * 1e4) / 1e4 : 0);

/** DeviceOrientationEvent -> reading */
export function orientationOf(e) {
  if (e.alpha === null && e.beta === null && e.gamma === null) return null;
  return { orientation: { alpha: rounded(e.alpha), beta: rounded(e.beta), gamma: rounded(e.gamma) } };
}

/**
 * DeviceMotionEvent -> reading. Browsers give the rate of rotation in degrees a second; there alpha, beta and gamma are
 * about X, Y and Z (of the orientation they are about Z, X and Y). `sign`: of the acceleration, see SignOfGravity.
 */
export function motionOf(e, sign = 1) {
  const r = e.rotationRate;
  const a = e.accelerationIncludingGravity ?? e.acceleration;
  const out = {};
  if (r && r.alpha !== null)
    out.gyro = { x: rounded(r.alpha * RADIANS), y: rounded(r.beta * RADIANS), z: rounded(r.gamma * RADIANS) };
  if (a && a.x !== null) out.accel = { x: rounded(sign * a.x), y: rounded(sign * a.y), z: rounded(sign * a.z) };
  return Object.keys(out).length ? out : null;
}

/**
 * A phone that lies on its back shall say +9.8 along Z, by the specification; those of one maker say -9.8. Which it is
 * shows where the orientation is known.
 */
export class SignOfGravity {
  constructor() {
    this.sign = 1;
    this._votes = 0;
  }

  look(orientation, a) {
    if (Math.abs(this._votes) >= SURE || !orientation || !a || a.x === null) return this.sign;
    const up = upOf(orientation);
    const along = up[0] * a.x + up[1] * a.y + up[2] * a.z;
    if (Math.abs(along) > LEAST) this._votes += Math.sign(along);
    this.sign = this._votes < 0 ? -1 : 1;
    return this.sign;
  }
}
