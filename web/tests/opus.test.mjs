// Sound of the relay: its head, whether the browser has a decoder, and when what comes is played.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OpusDecoder, Places, PlayPlan, whyNoOpus } from '../core/opus.js';
import { parseBinary } from '../core/relay.js';

const PACKET = 960; // samples of 20 ms

test('the head: where it begins; what has nothing behind it is none', () => {
  const at = [0xff, 0xff, 0xfc, 0x40];
  assert.deepEqual(parseBinary(Uint8Array.of(4, ...at, 9, 8)), {
    kind: 'sound',
    at: 0xfffffc40,
    data: Uint8Array.of(9, 8),
  });
  assert.equal(parseBinary(Uint8Array.of(4, ...at)), null);
});

test('a browser without a decoder says why, and so does a page without HTTPS', async () => {
  const says = (supported) => ({ isConfigSupported: async () => ({ supported }) });
  assert.equal(await whyNoOpus(says(true), true), '');
  assert.match(await whyNoOpus(says(false), true), /cannot decode/);
  assert.match(await whyNoOpus(undefined, true), /no WebCodecs/);
  assert.match(await whyNoOpus(undefined, false), /HTTPS/);
});

test('places go on where 32 bits wrap, and a step back is one', () => {
  const places = new Places();
  assert.deepEqual(
    [0xfffffc40, 0, 960, 0xfffffc40].map((at) => places.of(at) - 0xfffffc40),
    [0, 960, 1920, 0],
  );
});

/** Plays packets that arrive at the times given (s); the longest that one waits, and the gaps in what is heard. */
function play(arrivals) {
  const plan = new PlayPlan();
  let end = null;
  const got = { gaps: 0, left: 0, flushed: 0, waits: [] };
  arrivals.forEach((now, n) => {
    const next = plan.next(n * PACKET, now);
    if (!next) {
      got.left += 1;
      return;
    }
    got.flushed += next.flush;
    assert.ok(next.when > now, `packet ${n}`);
    if (end !== null && !next.flush) assert.ok(next.when > end - 1e-6, `packet ${n} over the one before`);
    got.gaps += end !== null && next.when > end + 1e-6;
    got.waits.push(next.when - now);
    end = next.when + 0.02;
  });
  return got;
}
const even = (n, jitter = () => 0) => Array.from({ length: n }, (_, i) => 1 + i * 0.02 + jitter(i));

test('what comes evenly is heard without a gap, 80 ms later', () => {
  const { gaps, left, waits } = play(even(500));
  assert.deepEqual([gaps, left], [0, 0]);
  assert.ok(Math.max(...waits) < 0.081);
});

test('what comes unevenly costs a gap or two, then the lead is large enough', () => {
  const { gaps, waits } = play(even(3000, (i) => (i % 7 === 3 ? 0.15 : 0)));
  assert.ok(gaps > 0 && gaps <= 3, `${gaps} gaps`);
  assert.ok(Math.max(...waits) < 0.4);
});

test('what was held up for two seconds and comes at once is not two seconds late', () => {
  const { flushed, waits } = play(even(1000, (i) => (i >= 200 && i < 300 ? 3 - (i - 200) * 0.02 : 0)));
  assert.ok(flushed > 0);
  assert.ok(waits.slice(-500).every((w) => w < 0.41));
});

test('a lead that is not needed any more becomes smaller', () => {
  const { left, waits } = play(even(6000, (i) => (i < 200 && i % 7 === 3 ? 0.15 : 0)));
  assert.ok(left > 0);
  assert.ok(waits.at(-1) < 0.16, `${waits.at(-1)}`);
});

test('the decoder is made anew after what it refuses', () => {
  const made = [];
  class Decoder {
    constructor(callbacks) {
      Object.assign(this, callbacks, { state: 'configured', chunks: [] });
      made.push(this);
    }
    configure(config) {
      this.config = config;
    }
    decode(chunk) {
      if (this.broken) throw new Error('closed codec');
      this.chunks.push(chunk);
    }
    close() {
      this.state = 'closed';
    }
  }
  const heard = [];
  const decoder = new OpusDecoder({
    heard: (block, place) => heard.push(place),
    Decoder,
    Chunk: class {
      constructor(init) {
        Object.assign(this, init);
      }
    },
  });
  decoder.push({ at: 48000, data: Uint8Array.of(1) });
  decoder.push({ at: 48960, data: Uint8Array.of(2) });
  assert.deepEqual([made[0].config.codec, made[0].chunks.map((c) => c.timestamp)], ['opus', [1000000, 1020000]]);
  made[0].output({ timestamp: 1020000 });
  assert.deepEqual(heard, [48960]);
  made[0].error(new Error('broken'));
  decoder.push({ at: 49920, data: Uint8Array.of(3) });
  made[1].broken = true;
  decoder.push({ at: 50880, data: Uint8Array.of(4) });
  decoder.push({ at: 51840, data: Uint8Array.of(5) });
  assert.deepEqual([made.length, made[0].state, made[1].state], [3, 'closed', 'closed']);
});
