// Encoded pictures of the relay: their head, the codec's name from the stream; what is not decoded asks for a keyframe.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseBinary } from '../core/relay.js';
import { codecOf, showsH264, UnitDecoder } from '../core/units.js';

const SPS = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9];
const unit = (key, ...data) => parseBinary(Uint8Array.of(3, key ? 1 : 0, 5, 0, 2, 0xd0, ...data));

class FakeDecoder {
  static made = [];
  constructor(callbacks) {
    Object.assign(this, callbacks, { state: 'unconfigured', decoded: [], decodeQueueSize: 0 });
    FakeDecoder.made.push(this);
  }
  configure(config) {
    this.state = 'configured';
    this.config = config;
  }
  decode(chunk) {
    if (this.broken) throw new Error('closed codec');
    this.decoded.push(chunk.type);
  }
  close() {
    this.state = 'closed';
  }
}
class Chunk {
  constructor(init) {
    Object.assign(this, init);
  }
}

function decoder() {
  FakeDecoder.made = [];
  const seen = { lost: 0, shown: [] };
  const d = new UnitDecoder({
    Decoder: FakeDecoder,
    Chunk,
    show: (frame, screen) => seen.shown.push([frame, screen]),
    lost: () => (seen.lost += 1),
  });
  return { d, seen };
}

test('the head: keyframe, screen, data; what has nothing behind it is none', () => {
  assert.deepEqual(unit(true, 9, 8), {
    kind: 'unit',
    key: true,
    screen: { width: 1280, height: 720 },
    data: Uint8Array.of(9, 8),
  });
  assert.equal(unit(false, 1).key, false);
  assert.equal(parseBinary(Uint8Array.of(3, 0, 5, 0, 2, 0xd0)), null);
  assert.equal(parseBinary(Uint8Array.of(3, 1, 0, 0, 0, 0, 1)).screen, null);
});

test("the codec is that of the stream's parameters", () => {
  assert.equal(codecOf(Uint8Array.from(SPS)), 'avc1.42c01e');
  assert.equal(codecOf(Uint8Array.of(0, 0, 0, 1, 0x41, 1, 2, 3)), null);
  assert.equal(codecOf(Uint8Array.of(0, 0, 1, 0x67)), null);
});

test('whether the browser shows it is asked, and no is no', async () => {
  const says = (supported) => ({ isConfigSupported: async () => ({ supported }) });
  assert.equal(await showsH264(says(true)), true);
  assert.equal(await showsH264(says(false)), false);
  assert.equal(await showsH264(null), false);
  assert.equal(await showsH264({ isConfigSupported: () => Promise.reject(new TypeError()) }), false);
});

test('it begins with a keyframe, goes on with one decoder, and takes another for another codec', () => {
  const { d, seen } = decoder();
  d.push(unit(false, 1));
  assert.equal(FakeDecoder.made.length, 0);
  d.push(unit(true, ...SPS));
  d.push(unit(false, 1));
  d.push(unit(true, ...SPS));
  const [one] = FakeDecoder.made;
  assert.equal(FakeDecoder.made.length, 1);
  assert.deepEqual(one.decoded, ['key', 'delta', 'key']);
  assert.equal(one.config.codec, 'avc1.42c01e');
  one.output('frame');
  assert.deepEqual(seen.shown, [['frame', { width: 1280, height: 720 }]]);
  d.push(unit(true, ...SPS.with(7, 0x28)));
  assert.equal(FakeDecoder.made.length, 2);
  assert.equal(one.state, 'closed');
  assert.equal(seen.lost, 0);
});

for (const [what, harm] of [
  ['an error of the decoder', (one) => one.error(new Error('broken'))],
  ['a decoder that is too slow', (one) => (one.decodeQueueSize = 99)],
  ['a decoder that refuses', (one) => (one.broken = true)],
])
  test(`${what}: a keyframe is asked for once, and it goes on with that`, () => {
    const { d, seen } = decoder();
    d.push(unit(true, ...SPS));
    harm(FakeDecoder.made[0]);
    d.push(unit(false, 1));
    d.push(unit(false, 2));
    assert.equal(seen.lost, 1);
    d.push(unit(true, ...SPS));
    assert.deepEqual(FakeDecoder.made[1].decoded, ['key']);
  });
