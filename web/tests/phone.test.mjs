// The phone's page: which way its readings turn, and how it comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { attitude, KeepAwake, motionOf } from '../core/phone.js';
import { settle } from './fakes.mjs';

// ---- matrices ----
const multiply = (a, b) => a.map((row) => b[0].map((_, j) => row.reduce((sum, v, k) => sum + v * b[k][j], 0)));
const apply = (m, v) => m.map((row) => row.reduce((sum, x, k) => sum + x * v[k], 0));
const radians = (degrees) => (degrees * Math.PI) / 180;
const near = (a, b, what) =>
  a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) < 0.003, `${what}: ${a.map((x) => x.toFixed(3))} for ${b}`));

/** CSS Transforms Level 2, with y downwards. */
const CSS = {
  rotateX: (t) => [
    [1, 0, 0],
    [0, Math.cos(t), -Math.sin(t)],
    [0, Math.sin(t), Math.cos(t)],
  ],
  rotateY: (t) => [
    [Math.cos(t), 0, Math.sin(t)],
    [0, 1, 0],
    [-Math.sin(t), 0, Math.cos(t)],
  ],
  rotateZ: (t) => [
    [Math.cos(t), -Math.sin(t), 0],
    [Math.sin(t), Math.cos(t), 0],
    [0, 0, 1],
  ],
};
/** Where the page shows a vector of the phone's: right, up, towards the viewer. */
function shown(orientation, [x, y, z]) {
  const matrix = [...attitude(orientation).matchAll(/(rotate[XYZ])\((-?[\d.]+)deg\)/g)]
    .map(([, name, angle]) => CSS[name](radians(Number(angle))))
    .reduce(multiply);
  const [px, py, pz] = apply(matrix, [x, -y, z]);
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
  assert.deepEqual(motionOf(e), { gyro: { x: 1, y: 2, z: 3 }, accel: { x: 4, y: 5, z: 6 } });
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
