// Ladder of video transports, and leases.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { Emitter } from '../core/emitter.js';
import { VideoLadder } from '../core/ladder.js';
import { LeaseKeeper, leaseState, secondsLeft } from '../core/lease.js';
import { FakeClock, record, settle } from './fakes.mjs';

// ---- ladder ----

class Attempt extends Emitter {
  constructor(outcome) {
    super();
    this.outcome = outcome;
    this.stopped = 0;
  }

  async start() {
    if (this.outcome instanceof Error) throw this.outcome;
  }

  stop() {
    this.stopped += 1;
  }
}
function ladder(outcomes, o = {}) {
  const clock = new FakeClock();
  const made = [];
  const l = new VideoLadder({
    clock,
    backoff: new Backoff({ firstMs: 2000, factor: 2, jitter: 0 }),
    connect: () => {
      const a = new Attempt(outcomes.shift());
      made.push(a);
      return a;
    },
    ...o,
  });
  return { l, clock, made, said: record(l, 'change') };
}
const rungs = (said) => said.map(([, c]) => c.rung);

test('webrtc works: no fallback is seen', async () => {
  const { l, made, said } = ladder([null]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  assert.deepEqual(rungs(said), ['connecting', 'webrtc']);
});

test('another network: a second connection takes the place of the first when it shows something, not before', async () => {
  let shown;
  const shows = () => new Promise((done) => (shown = done));
  const { l, clock, made, said } = ladder([null, null], { shows });
  const moved = record(l, 'moved');
  assert.equal(l.move(), false, 'nothing is there yet');
  l.start();
  await settle();
  assert.equal(l.move(), false, 'one that is yet to connect is not made twice');
  made[0].emit('state', 'connected');
  assert.equal(l.move(), true);
  assert.equal(l.move(), false, 'one at a time');
  made[1].emit('state', 'connected');
  await settle();
  assert.equal(l.client, made[0]);
  shown();
  await settle();
  assert.equal(l.client, made[1]);
  assert.deepEqual(moved, [['moved', made[1]]]);
  assert.equal(made[0].stopped, 0, 'what is under way on it arrives');
  await clock.advance(1000);
  assert.equal(made[0].stopped, 1);
  made[0].emit('state', 'closed');
  assert.deepEqual(rungs(said), ['connecting', 'webrtc'], 'nobody saw anything of it');
});

test('another network: what comes to nothing, or is no gain, changes nothing', async () => {
  const { l, made, said } = ladder([null, null, null, new Error('refused')]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  l.move();
  made[1].emit('state', 'failed', new Error('no way'));
  l.move(async () => false);
  made[2].emit('state', 'connected');
  await settle();
  l.move();
  await settle();
  assert.equal(l.client, made[0]);
  assert.deepEqual(
    made.map((a) => a.stopped),
    [0, 1, 1, 1],
  );
  assert.deepEqual(rungs(said), ['connecting', 'webrtc']);
});

test('interrupted: a second one is made at once; whichever is there first goes on', async () => {
  const { l, clock, made, said } = ladder([null, null, null]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  made[0].emit('state', 'disconnected');
  assert.equal(made.length, 2);
  made[0].emit('state', 'connected');
  assert.equal(made[1].stopped, 1, 'it was back by itself');
  made[0].emit('state', 'disconnected');
  await clock.advance(4000);
  assert.equal(l.client, made[2], 'the first is given up, the second goes on connecting');
  assert.equal(made[0].stopped, 1);
  made[2].emit('state', 'connected');
  assert.deepEqual(rungs(said), ['connecting', 'webrtc', 'fallback', 'webrtc', 'fallback', 'fallback', 'webrtc']);
});

test('another choice: the connection that there is ends, and one is made anew at once', async () => {
  const { l, made, said } = ladder([null, null]);
  l.restart(); // not started yet
  assert.equal(made.length, 0);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  l.restart();
  await settle();
  made[1].emit('state', 'connected');
  assert.equal(made[0].stopped, 1);
  assert.deepEqual(rungs(said), ['connecting', 'webrtc', 'connecting', 'webrtc']);
});

test("the host's media restarts: soon again, with waits that grow; at once when the host says that it runs", async () => {
  const gone = new Error('media: restarting (testbed-media was killed by signal 9 (Killed)); watch again');
  const refused = Object.assign(new Error('503'), { detail: 'media: restarting (…): try again in a moment' });
  const soon = new Backoff({ firstMs: 200, factor: 2, jitter: 0 });
  const { l, clock, made } = ladder([null, refused, refused, null, null], { soon });
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  made[0].emit('state', 'failed', gone);
  assert.equal(l.rung, 'fallback');
  await clock.advance(199);
  assert.equal(made.length, 1);
  await clock.advance(1); // refused
  assert.equal(made.length, 2);
  await clock.advance(399);
  assert.equal(made.length, 2);
  await clock.advance(1); // refused again
  assert.equal(made.length, 3);
  l.hurry();
  assert.equal(made.length, 4);
  l.hurry(); // one is under way
  assert.equal(made.length, 4);
  await settle();
  made[3].emit('state', 'connected');
  l.hurry(); // nobody waits
  assert.deepEqual([l.rung, made.length, made[3].stopped], ['webrtc', 4, 0]);
  made[3].emit('state', 'failed', gone);
  await clock.advance(200); // from the start of the waits
  assert.equal(made.length, 5);
});

test('webrtc fails: fallback with the reason; it is tried again behind it, and climbs back', async () => {
  const { l, clock, made, said } = ladder([new Error('UDP may be blocked'), new Error('still'), null]);
  l.start();
  await settle();
  assert.deepEqual([l.rung, l.reason], ['fallback', 'UDP may be blocked']);
  await clock.advance(2000);
  assert.deepEqual([l.rung, l.reason], ['fallback', 'still']);
  await clock.advance(4000);
  made[2].emit('state', 'connected');
  assert.deepEqual(
    rungs(said),
    ['connecting', 'fallback', 'fallback', 'webrtc'],
    'the fallback stays up while it tries',
  );
});

test('webrtc takes long: the fallback is seen meanwhile, and the same attempt may still succeed', async () => {
  const { l, clock, made, said } = ladder([null], { patienceMs: 3000 });
  l.start();
  await clock.advance(2999);
  assert.equal(l.rung, 'connecting');
  await clock.advance(1);
  assert.deepEqual([l.rung, l.reason, l.client, made[0].stopped], ['fallback', 'no connection so far', made[0], 0]);
  made[0].emit('state', 'connected');
  assert.deepEqual(rungs(said), ['connecting', 'fallback', 'webrtc']);
  await clock.advance(10000);
  assert.deepEqual([l.rung, made.length, clock.pending], ['webrtc', 1, 0]);
});

test('a short loss is waited out, a long one is not', async () => {
  const { l, clock, made } = ladder([null, null]);
  l.start();
  await settle();
  made[0].emit('state', 'connected');
  made[0].emit('state', 'disconnected');
  assert.deepEqual([l.rung, l.reason], ['fallback', 'the connection is interrupted'], 'no frozen picture meanwhile');
  await clock.advance(3000);
  made[0].emit('state', 'connected');
  assert.equal(l.rung, 'webrtc');
  await clock.advance(60000);
  assert.equal(l.rung, 'webrtc');
  made[0].emit('state', 'disconnected');
  await clock.advance(4000);
  assert.deepEqual([l.rung, l.reason], ['fallback', 'the connection was lost']);
  assert.equal(made[0].stopped, 1);
});

test('Retry-After of a full host is obeyed', async () => {
  const { l, clock, made } = ladder([Object.assign(new Error('32 viewers'), { extra: { retry_after_s: 30 } }), null]);
  l.start();
  await clock.advance(29000);
  assert.equal(made.length, 1);
  await clock.advance(1000);
  assert.equal(made.length, 2);
});

test('the switch, a browser without WebRTC, a picture that never comes, stop', async () => {
  const off = ladder([null]);
  off.l.enabled = false;
  off.l.start();
  assert.equal(off.l.rung, 'fallback');
  assert.equal(off.made.length, 0);
  off.l.enable(true);
  await settle();
  off.made[0].emit('state', 'connected');
  off.l.giveUp(new Error('no picture'));
  assert.deepEqual([off.l.rung, off.l.reason], ['fallback', 'no picture']);
  off.l.stop();
  assert.equal(off.clock.pending, 0);
  assert.equal(off.l.rung, 'stopped');

  const without = ladder([], { unsupported: () => 'this browser has no WebRTC' });
  without.l.start();
  await without.clock.advance(1e6);
  assert.deepEqual([without.l.rung, without.made.length], ['fallback', 0]);

  const thrown = ladder([], {
    connect: () => {
      throw new Error('the host is not connected');
    },
  });
  thrown.l.start();
  assert.equal(thrown.l.reason, 'the host is not connected');
});

test('states of an attempt that is over change nothing', async () => {
  const { l, made } = ladder([null, null]);
  l.start();
  await settle();
  made[0].emit('state', 'failed', new Error('x'));
  l.retry();
  await settle();
  made[1].emit('state', 'connected');
  made[0].emit('state', 'failed', new Error('late'));
  assert.equal(l.rung, 'webrtc');
});

// ---- lease ----

test('a lease is renewed while somebody works, warned about and lost when nobody does', async () => {
  const clock = new FakeClock();
  let renewed = 0;
  const k = new LeaseKeeper({
    ttlS: 60,
    expiresAt: new Date(clock.t + 60000).toISOString(),
    clock,
    idleMs: 100000,
    renew: async () => {
      renewed += 1;
      return { expires_at: new Date(clock.t + 60000).toISOString() };
    },
  });
  const said = record(k, 'warning', 'lost', 'renewed');
  k.start();
  await clock.advance(90000);
  assert.equal(renewed, 2);
  await clock.advance(100000); // idle by now
  assert.equal(said.filter(([n]) => n === 'warning').length, 1);
  assert.equal(said.filter(([n]) => n === 'lost').length, 1);
  assert.equal(clock.pending, 0);
});

test('a lease that was taken over is lost at once; a host that does not answer is waited for', async () => {
  for (const [status, lost] of [
    [423, 1],
    [404, 1],
    [0, 0],
  ]) {
    const clock = new FakeClock();
    const k = new LeaseKeeper({
      ttlS: 60,
      expiresAt: new Date(clock.t + 60000).toISOString(),
      clock,
      renew: async () => {
        throw Object.assign(new Error('no'), { status });
      },
    });
    const said = record(k, 'lost');
    k.start();
    await clock.advance(35000);
    assert.equal(said.length, lost, `status ${status}`);
    k.stop();
  }
});

test('whose lease it is', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const lease = { holder: 'anna', expires_at: '2026-01-01T00:01:00Z' };
  assert.equal(leaseState(null, null, now), 'free');
  assert.equal(leaseState(lease, null, now), 'other');
  assert.equal(leaseState(lease, 'secret', now), 'mine');
  assert.equal(leaseState(lease, null, now + 61000), 'free', 'expired');
  assert.equal(secondsLeft(lease, now), 60);
  assert.equal(secondsLeft({}, now), null);
});
