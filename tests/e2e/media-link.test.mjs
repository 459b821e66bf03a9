// A link that falls from 5 Mbit/s to 500 kbit/s and comes back: the picture in Chromium stays younger than half a second (once the queue of the fall
// has drained), and recovers; a viewer on a good link beside it keeps its quality. The link is a UDP relay of ours in front of the host's candidate (this
// needs no privileges and no kernel modules, unlike netem): a queue of 200 packets that drains at the link's rate, and 10 ms each way.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { test } from 'node:test';

import { Room, chromium, percentile } from './media-lib.mjs';

const DELAY_MS = 10;
const QUEUE = 200; // packets
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Relays between one browser and the host's `port` at `address`; link.kbps is the rate towards the browser. */
class Link {
  constructor(address, port, kbps) {
    Object.assign(this, { address, target: port, kbps, freeAt: 0, queued: 0, dropped: 0, browser: null });
    this.front = dgram.createSocket('udp4');
    this.back = dgram.createSocket('udp4');
    this.front.on('message', (data, from) => {
      this.browser = from;
      setTimeout(() => this.open && this.back.send(data, this.target, this.address), DELAY_MS);
    });
    this.back.on('message', (data) => this.down(data));
    this.open = true;
  }

  listen() {
    return new Promise((resolve) => this.front.bind(0, this.address, () => resolve(this.front.address().port)));
  }

  down(data) {
    if (!this.browser) return;
    if (this.queued >= QUEUE) {
      this.dropped++;
      return;
    }
    const now = performance.now();
    this.freeAt = Math.max(this.freeAt, now) + (data.length + 28) * 8 / this.kbps;
    this.queued++;
    setTimeout(() => {
      this.queued--;
      if (this.open) this.front.send(data, this.browser.port, this.browser.address);
    }, this.freeAt - now + DELAY_MS);
  }

  close() {
    this.open = false;
    this.front.close();
    this.back.close();
  }
}

/** A room whose answers lead through `links`, made as answers come. */
function throughLinks(room, links) {
  return {
    async ask(request) {
      const answer = await room.ask(request);
      if (request.do !== 'peer' || !answer.sdp) return answer;
      const candidate = /a=candidate:\S+ 1 UDP \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/.exec(answer.sdp);
      const link = new Link(candidate[1], Number(candidate[2]), 5000);
      links.push(link);
      const port = await link.listen();
      const others = answer.sdp.replace(/a=candidate:.*\r\n/g, '');
      return { ...answer, sdp: others.replace('a=mid:0\r\n', `a=mid:0\r\na=candidate:1 1 UDP 2015363327 ${candidate[1]} ${port} typ host\r\n`) };
    },
  };
}

/** Ages of the pictures that are shown during `ms`, and how many. */
async function ages(viewer, name, ms) {
  await viewer.set(name, 'latencies', []);
  await pause(ms); // lint: tests - measured over a length of time
  const all = await viewer.get(name, 'latencies');
  const read = all.filter((age) => age >= 0 && age < 60000); // a coarse picture of a quarter of the pixels may be misread
  assert.ok(read.length >= all.length * 0.8, `only ${read.length} of ${all.length} stamps can be read`);
  return read;
}

test('5 Mbit/s -> 500 kbit/s -> 5 Mbit/s', async (t) => {
  const room = new Room(['--pattern', 'clock']);
  await room.ready;
  const links = [];
  let far, near;
  try {
    far = await chromium(throughLinks(room, links));
    near = await chromium(room);
    for (const v of [far, near]) {
      const joined = await v.join('v', { codec: 'H264' });
      assert.equal(joined.error, undefined);
      await v.until('v', 'v.frames > 30');
    }
    await far.set('v', 'measure', true);
    await pause(8000); // lint: tests - measured over a length of time
    const good = await ages(far, 'v', 3000);

    links[0].kbps = 500;
    await pause(6000); // lint: tests - the queue of the fall drains
    const bad = await ages(far, 'v', 10000);
    const stats = await room.ask({ do: 'stats' });
    const nearFrames = await near.get('v', 'frames');

    links[0].kbps = 5000;
    await far.until('v', 'v.latencies.length > 0');
    let back;
    for (let i = 0; i < 60; i++) {
      await pause(1000); // lint: tests - looked at once a second
      back = await room.ask({ do: 'stats' });
      if (back.peers.every((p) => p.rung === 0)) break;
    }
    const line = (name, values) => `${name}: ${values.length} pictures, age p50 ${percentile(values, 50).toFixed(0)} p95 ${percentile(values, 95).toFixed(0)} ms`;
    const rungs = (s) => s.peers.map((p) => `rung ${p.rung} ${p.target_kbps} kbit/s (estimate ${p.estimate_kbps})`).join(', ');
    t.diagnostic(line('5 Mbit/s', good));
    t.diagnostic(`${line('500 kbit/s', bad)}; ${rungs(stats)}`);
    t.diagnostic(`back: ${rungs(back)}`);
    assert.ok(bad.length >= 30, `${bad.length} pictures in 10 s`);
    assert.ok(percentile(bad, 95) < 500, `p95 of the age is ${percentile(bad, 95)} ms`);
    assert.ok(stats.peers.some((p) => p.rung === 0), 'the good viewer keeps the full picture');
    assert.ok(stats.peers.some((p) => p.rung > 0), 'the bad one has a smaller one');
    assert.ok(nearFrames > 300);
    assert.ok(back.peers.every((p) => p.rung === 0), `after 60 s: ${rungs(back)}`);
  } finally {
    await far?.close();
    await near?.close();
    await room.stop();
    for (const link of links) link.close();
  }
});
