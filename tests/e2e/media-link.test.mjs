// A link that falls from 5 Mbit/s to 500 kbit/s and comes back: the picture in Chromium stays younger than half a
// second (once the queue of the fall has drained), and recovers; a viewer on a good link beside it keeps its quality.
// The host, a router and the two viewers are network namespaces, and the narrow link is a tbf qdisc of the router with
// a queue in front: 240 kB, which is nearly four seconds at 500 kbit/s, as cheap routers have it. tbf and not netem,
// for not every kernel has netem: so there is no delay but the queue's, and no loss but what the full queue drops.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Room, chromium, percentile } from './media-lib.mjs';
import { Net } from './netns.mjs';

const QUEUE = 240000; // bytes
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ages of the pictures that are shown during `ms`, and how many. */
async function ages(viewer, name, ms) {
  await viewer.set(name, 'latencies', []);
  await pause(ms); // lint: tests - measured over a length of time
  const all = await viewer.get(name, 'latencies');
  // a coarse picture of a quarter of the pixels may be misread
  const read = all.filter((age) => age >= 0 && age < 60000);
  assert.ok(read.length >= all.length * 0.8, `only ${read.length} of ${all.length} stamps can be read`);
  return read;
}

test('5 Mbit/s -> 500 kbit/s -> 5 Mbit/s', async (t) => {
  const net = await Net.make(t, 'host', 'router', 'far', 'near');
  for (const [i, name] of ['host', 'far', 'near'].entries()) {
    net.cable(name, `10.${i}.0.2/24`, 'router', `10.${i}.0.1/24`);
    net.gateway(name, `10.${i}.0.1`);
  }
  net.forwards('router');
  net.shape('router', 'far', 5000, QUEUE);
  const room = new Room(['--pattern', 'clock'], { wrap: net.enter('host') });
  await room.ready;
  let far, near;
  try {
    far = await chromium(room, { executable: net.chromium('far'), blank: true });
    near = await chromium(room, { executable: net.chromium('near'), blank: true });
    for (const v of [far, near]) {
      const joined = await v.join('v', { codec: 'H264' });
      assert.equal(joined.error, undefined);
      await v.until('v', 'v.frames > 30');
    }
    await far.set('v', 'measure', true);
    await pause(8000); // lint: tests - measured over a length of time
    const good = await ages(far, 'v', 3000);

    net.shape('router', 'far', 500, QUEUE);
    const fallen = Date.now();
    await pause(6000); // lint: tests - the queue of the fall drains
    const fall = await far.get('v', 'latencies');
    const nearBefore = await near.get('v', 'frames');
    const start = { at: Date.now(), ...net.shaped('router', 'far') };
    const bad = await ages(far, 'v', 10000);
    const end = { at: Date.now(), ...net.shaped('router', 'far') };
    const kbps = ((end.bytes - start.bytes) * 8) / (end.at - start.at);
    const stats = await room.ask({ do: 'stats' });
    const nearFrames = (await near.get('v', 'frames')) - nearBefore;

    net.shape('router', 'far', 5000, QUEUE);
    await far.until('v', 'v.latencies.length > 0');
    const risen = Date.now();
    let back;
    for (let i = 0; i < 60; i++) {
      await pause(1000); // lint: tests - looked at once a second
      back = await room.ask({ do: 'stats' });
      if (back.peers.every((p) => p.rung === 0)) break;
    }
    const recovered = Date.now() - risen;
    const line = (name, values) =>
      `${name}: ${values.length} pictures, age p50 ${percentile(values, 50).toFixed(0)} p95 ${percentile(values, 95).toFixed(0)} ms`;
    const rungs = (s) =>
      s.peers.map((p) => `rung ${p.rung} ${p.target_kbps} kbit/s (estimate ${p.estimate_kbps})`).join(', ');
    t.diagnostic(line('5 Mbit/s', good));
    t.diagnostic(
      `${line(`the first ${start.at - fallen} ms of the fall`, fall.slice(good.length))}, oldest ${Math.max(...fall.slice(good.length)).toFixed(0)} ms`,
    );
    t.diagnostic(
      `${line('500 kbit/s', bad)}; ${kbps.toFixed(0)} kbit/s on the link, ${end.dropped} packets dropped; ${rungs(stats)}`,
    );
    t.diagnostic(`back after ${recovered} ms: ${rungs(back)}`);
    assert.ok(kbps > 100 && kbps < 550, `${kbps} kbit/s went over the link`);
    assert.ok(bad.length >= 30, `${bad.length} pictures in 10 s`);
    assert.ok(percentile(bad, 95) < 500, `p95 of the age is ${percentile(bad, 95)} ms`);
    assert.ok(
      stats.peers.some((p) => p.rung === 0),
      'the good viewer keeps the full picture',
    );
    assert.ok(
      stats.peers.some((p) => p.rung > 0),
      'the bad one has a smaller one',
    );
    assert.ok(nearFrames > 100, `the good viewer saw ${nearFrames} pictures in these 10 s`);
    assert.ok(
      back.peers.every((p) => p.rung === 0),
      `after 60 s: ${rungs(back)}`,
    );
  } finally {
    await far?.close();
    await near?.close();
    await room.stop();
  }
});
