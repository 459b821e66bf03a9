// The phone's page: which way its readings turn, and how it comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { motionOf, SignOfGravity } from '../core/motion.js';
import { KeepAwake } from '../core/phone.js';
import { anglesOf, cssOf, quaternionOf, relative, upOf } from '../core/pose.js';
import { settle } from './fakes.mjs';

// ---- matrices ----
const multiply = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
const apply = (m, v) => m.map((row) => row.reduce((sum, x, k) => sum + x * v[k], 0));
const radians = (degrees) => (degrees * Math.PI) / 180;
const near = (a, b, what) =>
  a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) < 0.003, `${what}: ${a.map((x) => x.toFixed(3))} for ${b}`));

/** Where the page shows a vector of the phone's: right, up, towards the viewer. CSS has y downwards, and columns. */
function shown(orientation, [x, y, z], zero = null) {
  const css = cssOf(relative(quaternionOf(orientation), zero && quaternionOf(zero)));
  const m = css.match(/-?[\d.]+(?=[,)])/g).map(Number);
  assert.equal(m.length, 16, css);
  const [px, py, pz] = [0, 1, 2].map((row) => m[row] * x + m[4 + row] * -y + m[8 + row] * z);
  return [px, -py, pz];
}

/** The specification's rotation from the phone to the earth (east, north, up): its equation of Z, X' and Y''. */
function rotation({ alpha, beta, gamma }) {
  const [x, y, z] = [radians(beta), radians(gamma), radians(alpha)];
  const [cX, cY, cZ, sX, sY, sZ] = [Math.cos(x), Math.cos(y), Math.cos(z), Math.sin(x), Math.sin(y), Math.sin(z)];
  return [
    [cZ * cY - sZ * sX * sY, -cX * sZ, cY * sZ * sX + cZ * sY],
    [cY * sZ + cZ * sX * sY, cZ * cX, sZ * sY - cZ * cY * sX],
    [-cX * sY, sX, cX * cY],
  ];
}

const X = [1, 0, 0];
const TOP = [0, 1, 0];
const SCREEN = [0, 0, 1];

test('the slab lies as the phone does, in every pose', () => {
  for (let alpha = 0; alpha < 360; alpha += 30)
    for (let beta = -180; beta < 180; beta += 30)
      for (let gamma = -90; gamma < 90; gamma += 30)
        for (const axis of [X, TOP, SCREEN])
          near(
            shown({ alpha, beta, gamma }, axis),
            apply(rotation({ alpha, beta, gamma }), axis),
            `${alpha} ${beta} ${gamma}`,
          );
});

test('the examples of the specification', () => {
  near(shown({ alpha: 0, beta: 0, gamma: 0 }, TOP), [0, 1, 0], 'flat, its top to the north');
  near(shown({ alpha: 90, beta: 0, gamma: 0 }, TOP), [-1, 0, 0], 'flat, its top to the west');
  near(shown({ alpha: 90, beta: 0, gamma: 0 }, SCREEN), [0, 0, 1], 'flat, the screen upwards');
  for (const alpha of [0, 45, 200]) {
    near(shown({ alpha, beta: 90, gamma: 0 }, TOP), [0, 0, 1], 'upright, its top upwards');
    // held by somebody who looks to a heading of `heading`: upright, the top of the screen to the right
    const heading = alpha;
    const right = [Math.sin(radians(heading + 90)), Math.cos(radians(heading + 90)), 0];
    near(shown({ alpha: 270 - heading, beta: 0, gamma: 90 }, TOP), right, `its top to the right of ${heading}`);
  }
});

test('the gyroscope turns about the axes that it names', () => {
  const e = { rotationRate: { alpha: 1, beta: 2, gamma: 3 }, acceleration: { x: 4, y: 5, z: 6 } };
  const { gyro, accel } = motionOf(e);
  near([gyro.x, gyro.y, gyro.z], [1, 2, 3].map(radians), 'rad/s');
  assert.deepEqual(accel, { x: 4, y: 5, z: 6 });
});

test('seen from the pose that is zero, the phone lies flat with its top to the north; its angles are of the same pose', () => {
  for (const zero of [
    { alpha: 0, beta: 0, gamma: 0 },
    { alpha: 200, beta: 80, gamma: -60 },
    { alpha: 13, beta: -120, gamma: 45 },
  ]) {
    near(shown(zero, TOP, zero), [0, 1, 0], 'the top');
    near(shown(zero, SCREEN, zero), [0, 0, 1], 'the screen');
  }
  // turned by a quarter about its own long side, from a pose in which it was upright
  const upright = { alpha: 0, beta: 90, gamma: 0 };
  near(shown({ alpha: 0, beta: 90, gamma: 89.999 }, SCREEN, upright), [1, 0, 0], 'the screen to the right');
  for (let beta = -180; beta < 180; beta += 30)
    for (let gamma = -90; gamma < 90; gamma += 30) {
      const pose = { alpha: 77, beta, gamma };
      const again = anglesOf(quaternionOf(pose));
      near(shown(again, TOP), shown(pose, TOP), `${beta} ${gamma}`);
      near(shown(again, SCREEN), shown(pose, SCREEN), `${beta} ${gamma}`);
      assert.ok(
        again.alpha >= 0 && again.alpha < 360 && Math.abs(again.beta) <= 180 && Math.abs(again.gamma) <= 90.001,
      );
    }
});

test('whose gravity points the other way is turned round, once the orientation has shown it', () => {
  const lies = { alpha: 10, beta: 30, gamma: 20 };
  const up = upOf(lies);
  for (const sign of [1, -1]) {
    const gravity = new SignOfGravity();
    const a = { x: sign * 9.8 * up[0], y: sign * 9.8 * up[1], z: sign * 9.8 * up[2] };
    for (let i = 0; i < 6; i++) gravity.look(lies, a);
    assert.equal(gravity.sign, sign);
    gravity.look(lies, { x: -a.x, y: -a.y, z: -a.z }); // thrown about: it stays as it is
    assert.equal(gravity.sign, sign);
    const { accel } = motionOf({ accelerationIncludingGravity: a }, gravity.sign);
    near(
      [accel.x, accel.y, accel.z],
      up.map((v) => 9.8 * v),
      'upwards',
    );
  }
  const falls = new SignOfGravity();
  assert.equal(falls.look(lies, { x: 0, y: 0, z: -1 }), 1, 'free fall says nothing');
});

test('the screen stays on: the lock is asked for again at each return', async () => {
  const document = new EventTarget();
  document.visibilityState = 'visible';
  const locks = [];
  let refuse = false;
  const wakeLock = {
    request: async () => {
      if (refuse) throw new Error('battery');
      const lock = { released: false, release: async () => (lock.released = true) };
      locks.push(lock);
      return lock;
    },
  };
  const go = async (state) => {
    document.visibilityState = state;
    if (state === 'hidden') locks.forEach((lock) => (lock.released = true)); // as browsers do
    document.dispatchEvent(new Event('visibilitychange'));
    await settle();
  };
  const awake = new KeepAwake({ page: document, wakeLock });
  await go('visible');
  assert.equal(locks.length, 0, 'not wanted yet');
  await awake.start();
  for (let i = 2; i < 5; i++) {
    await go('hidden');
    await go('visible');
    assert.equal(locks.length, i);
    assert.equal(locks.at(-1).released, false);
  }
  await go('visible');
  assert.equal(locks.length, 4, 'one is enough');
  await go('hidden');
  refuse = true;
  await go('visible');
  refuse = false;
  await go('hidden');
  await go('visible');
  assert.equal(locks.length, 5, 'a refusal is not the last word');
  awake.stop();
  assert.equal(locks.at(-1).released, true);
  await go('visible');
  assert.equal(locks.length, 5);
});
