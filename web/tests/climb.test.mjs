// From a detour (TURN) a direct way is looked for now and then, less and less often, and never from a direct one.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { Climb, settlesDirect } from '../core/climb.js';
import { FakeClock } from './fakes.mjs';

function make() {
  const clock = new FakeClock();
  const seen = { turned: true, tries: [] };
  const climb = new Climb({
    is: () => seen.turned,
    move: () => seen.tries.push(clock.now()),
    clock,
    backoff: new Backoff({ firstMs: 1000, maxMs: 4000, factor: 2, jitter: 0 }),
  });
  return { clock, seen, climb };
}

test('it tries after a while, then less often, and not more than one at a time', async () => {
  const { clock, seen, climb } = make();
  const begun = clock.now();
  climb.look();
  for (let i = 0; i < 120; i++) {
    climb.look(); // with each round of statistics
    await clock.advance(100);
  }
  assert.deepEqual(
    seen.tries.map((at) => at - begun),
    [1000, 3000, 7000, 11000],
  );
});

test('a direct connection is left alone, and what comes after it begins anew', async () => {
  const { clock, seen, climb } = make();
  climb.look();
  await clock.advance(3000);
  assert.equal(seen.tries.length, 2);
  seen.turned = false;
  climb.look();
  await clock.advance(60000);
  assert.equal(seen.tries.length, 2);
  seen.turned = true;
  climb.look();
  await clock.advance(1000);
  assert.equal(seen.tries.length, 3);
});

test('another network is a reason to try sooner; the end is the end', async () => {
  const { clock, seen, climb } = make();
  climb.look();
  await clock.advance(7000);
  assert.equal(seen.tries.length, 3);
  climb.soon();
  await clock.advance(1000);
  assert.equal(seen.tries.length, 4);
  climb.stop();
  await clock.advance(60000);
  assert.equal(seen.tries.length, 4);
});

test('a connection that begins by the detour has some seconds to become direct', async () => {
  const clock = new FakeClock();
  let looks = 0;
  const soon = settlesDirect(async () => ++looks === 4, clock);
  await clock.advance(3000);
  assert.equal(await soon, true);
  const never = settlesDirect(async () => null, clock);
  await clock.advance(20000);
  assert.equal(await never, false);
});
