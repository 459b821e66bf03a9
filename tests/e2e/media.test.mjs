// WebRTC of the media room, seen by headless Chromium: codecs, pixels, sizes, data channels, limits, bad offers,
// slates, leaks.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Room, chromium } from './media-lib.mjs';

const BARS = [
  [255, 255, 255],
  [192, 192, 0],
  [0, 192, 192],
  [0, 192, 0],
  [192, 0, 192],
  [192, 0, 0],
  [0, 0, 192],
  [16, 16, 16],
];
const MIDDLES = BARS.map((_, i) => [(i + 0.5) / 8, 0.5]);

let room;
let viewer;
const folder = mkdtempSync(path.join(os.tmpdir(), 'media-'));

before(async () => {
  room = new Room(['--pattern', 'bars', '--max-viewers', '4']);
  await room.ready;
  viewer = await chromium(room);
});

after(async () => {
  await viewer?.close();
  assert.equal(await room.stop(), 0);
  rmSync(folder, { recursive: true });
});

function near(seen, wanted, slack, what) {
  for (let i = 0; i < 3; i++) assert.ok(Math.abs(seen[i] - wanted[i]) <= slack, `${what}: ${seen} is not ${wanted}`);
}

async function until(what, look, ms = 30000) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    last = await look();
    if (last) return last;
    assert.ok(Date.now() < end, `${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

const peers = async (n) => (await room.ask({ do: 'stats' })).peers.length === n;

/** Joins, and waits for pictures. */
async function join(name, options) {
  const joined = await viewer.join(name, options);
  assert.equal(joined.error, undefined);
  await viewer.until(name, 'v.frames > 2');
  return joined;
}

for (const codec of ['H264', 'VP8']) {
  test(`${codec}: the pixels of a known picture, one keyframe to begin with`, async () => {
    await join(codec, { codec });
    await viewer.until(codec, 'v.frames > 20'); // the first picture is coarse
    const seen = await viewer.pixels(codec, MIDDLES);
    BARS.forEach((bar, i) => near(seen[i], bar, 14, `${codec}, bar ${i}`));
    const inbound = await viewer.inbound(codec);
    assert.ok(inbound.keyFramesDecoded >= 1 && inbound.keyFramesDecoded <= 3, `${inbound.keyFramesDecoded} keyframes`);
    const stats = await room.ask({ do: 'stats' });
    assert.equal(stats.peers[0].codec, codec);
    assert.equal(stats.encoders, 1);
    await viewer.leave(codec);
    await until('the peer ends', () => peers(0));
  });
}

test('the answer keeps to the offer: ids of extensions, one codec, audio refused', async () => {
  const { sdp } = await join('sdp', { codec: null, audio: true, channels: true });
  assert.match(sdp, /m=video 9 UDP\/TLS\/RTP\/SAVPF \d+ \d+\r\n/);
  assert.match(sdp, /a=extmap:\d+ .*playout-delay/);
  assert.match(sdp, /a=extmap:\d+ .*transport-wide-cc/);
  assert.match(sdp, /m=audio 0 /);
  assert.match(sdp, /a=candidate:/);
  assert.match(sdp, /a=sendonly/);
  assert.match(sdp, /a=msid:testbed video/);
  assert.match(sdp, /a=fmtp:\d+ .*profile-level-id=42[0-9a-f]{4}\r\n/);
  await viewer.leave('sdp');
  await until('the peer ends', () => peers(0));
});

for (const bundlePolicy of ['max-bundle', 'balanced', 'max-compat']) {
  test(`a player that offers audio first, ${bundlePolicy}: pictures and channels`, async () => {
    const { sdp } = await join('first', { audioFirst: true, channels: true, bundlePolicy });
    assert.match(
      sdp,
      /m=audio 9 .*\r\n(?:a=.*\r\n|c=.*\r\n)*a=inactive\r\n/,
      'held open for its transport, with nothing in it',
    );
    await viewer.until('first', "v.control.readyState === 'open' && v.sensor.readyState === 'open'");
    await viewer.leave('first');
    await until('the peer ends', () => peers(0));
  });
}

test('three viewers, one encoder; who comes late to a still screen sees it, too', async () => {
  await room.ask({ do: 'source', pattern: 'still' });
  for (const name of ['a', 'b', 'c']) await join(name, { codec: 'H264' });
  const stats = await room.ask({ do: 'stats' });
  assert.equal(stats.encoders, 1);
  assert.equal(stats.hub.viewers, 3);
  for (const name of ['a', 'b', 'c']) near((await viewer.pixels(name, [[(0.9 / 8) * 5.5, 0.5]]))[0], BARS[4], 30, name);
  for (const name of ['a', 'b', 'c']) await viewer.leave(name);
  await until('the peers end', () => peers(0));
  await room.ask({ do: 'source', pattern: 'bars' });
});

test('the size changes while it streams', async () => {
  await join('size', { codec: 'H264' });
  await room.ask({ do: 'source', width: 802, height: 601 }); // H.264 has even sizes: none of it is lost
  await viewer.until('size', 'v.sizes.includes("802x602")');
  await room.ask({ do: 'source', width: 1280, height: 720 });
  await viewer.until('size', 'v.sizes[v.sizes.length - 1] === "1280x720"');
  const frames = await viewer.get('size', 'frames');
  await viewer.until('size', `v.frames > ${frames + 20}`);
  near((await viewer.pixels('size', MIDDLES))[3], BARS[3], 20, 'green');
  await viewer.leave('size');
  await until('the peer ends', () => peers(0));
});

test('a fault is a slate in the stream, and pictures come back', async () => {
  await join('fault', { codec: 'H264' });
  await room.ask({ do: 'fault', reason: 'The board is powered off.' });
  await until('the slate', async () => {
    const [p] = await viewer.pixels('fault', [[0.95, 0.95]]);
    return p[0] < 45 && p[1] < 45 && p[2] < 60;
  });
  assert.equal((await room.ask({ do: 'stats' })).hub.state, 'fault');
  await room.ask({ do: 'fault', reason: null });
  await until('the bars', async () => (await viewer.pixels('fault', [MIDDLES[0]]))[0][0] > 220);
  await viewer.leave('fault');
  await until('the peer ends', () => peers(0));
});

test('data channels: text there and back, in order', async () => {
  await join('data', { codec: 'H264', channels: true });
  await viewer.until('data', 'v.control.readyState === "open" && v.sensor.readyState === "open"');
  await viewer.page.evaluate(() => {
    for (let i = 0; i < 200; i++) window.viewers.data.control.send(`{"id":${i}}`);
  });
  await viewer.until('data', 'v.messages.length === 200');
  const messages = await viewer.get('data', 'messages');
  assert.deepEqual(
    messages,
    Array.from({ length: 200 }, (_, i) => `{"id":${i}}`),
  );
  // the answer says how large a message may be, and one of that size goes through
  assert.equal(await viewer.page.evaluate(() => window.viewers.data.pc.sctp.maxMessageSize), 65536);
  await viewer.page.evaluate(() => {
    window.viewers.data.messages = [];
    window.viewers.data.control.send('m'.repeat(65536));
  });
  await viewer.until('data', 'v.messages.length === 1');
  assert.equal((await viewer.get('data', 'messages'))[0].length, 65536);
  const tooLarge = () => {
    try {
      window.viewers.data.control.send('m'.repeat(65537));
      return null;
    } catch (e) {
      return e.name;
    }
  };
  assert.equal(await viewer.page.evaluate(tooLarge), 'TypeError');
  await viewer.leave('data');
  await until('the peer ends', () => peers(0));
});

test('a burst of 12 MB of messages: all of them come back, or their peer ends; nobody else notices', async () => {
  await join('good', { codec: 'H264' });
  const { peer } = await join('burst', { codec: 'H264', channels: true });
  let reason = null;
  room.on(peer, (e) => {
    if (e.event === 'closed') reason = e.reason;
  });
  await viewer.until('burst', 'v.control.readyState === "open"');
  await viewer.page.evaluate(() => {
    for (let i = 0; i < 12000; i++) window.viewers.burst.control.send(`${i}:`.padEnd(1000, 'y'));
  });
  const frames = await viewer.get('good', 'frames');
  await viewer.until('good', `v.frames > ${frames + 10}`);
  await until(
    'the burst is over',
    async () => reason || (await viewer.page.evaluate(() => window.viewers.burst.messages.length)) === 12000,
    60000,
  );
  if (reason) assert.match(reason, /faster than they are read|does not read/);
  else
    assert.ok(await viewer.page.evaluate(() => window.viewers.burst.messages.every((m, i) => m.startsWith(`${i}:`))));
  await viewer.leave('burst');
  await viewer.leave('good');
  await until('the peers end', () => peers(0));
});

test('a viewer gets more by its data channel than it reads: it ends with that reason, instead of missing some of it', async () => {
  await join('good', { codec: 'H264' });
  const { peer } = await join('slow', { codec: 'H264', channels: true });
  const closed = new Promise((resolve) =>
    room.on(peer, (e) => {
      if (e.event === 'closed') resolve(e.reason);
    }),
  );
  await viewer.until('slow', 'v.control.readyState === "open"');
  const answer = await room.ask({ do: 'fill', peer, channel: 'control' });
  assert.match(answer.error, /does not read its data channel "control"/);
  assert.equal(await closed, 'the viewer does not read its data channel');
  const frames = await viewer.get('good', 'frames');
  await viewer.until('good', `v.frames > ${frames + 10}`);
  for (const name of ['slow', 'good']) await viewer.leave(name);
  await until('the peers end', () => peers(0));
});

test('one viewer too many is refused with 429, and room is made by leaving', async () => {
  for (const name of ['1', '2', '3', '4']) await join(name, { codec: 'H264' });
  const fifth = await viewer.join('5', { codec: 'H264' });
  assert.equal(fifth.status, 429);
  assert.match(fifth.error, /4 WebRTC viewers/);
  await viewer.leave('5');
  await viewer.leave('4');
  await until('three peers', () => peers(3));
  await join('5', { codec: 'H264' });
  for (const name of ['1', '2', '3', '5']) await viewer.leave(name);
  await until('the peers end', () => peers(0));
});

test('offers that are wrong say what is wrong', async () => {
  const offers = [
    ['', 400, /v=0/],
    ['v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n', 400, /media sections/],
    [readFileSync(new URL('../fuzz/corpus/offer/chromium-data.sdp', import.meta.url), 'utf8'), 422, /no video section/],
    [
      readFileSync(new URL('../fuzz/corpus/offer/chromium-video.sdp', import.meta.url), 'utf8').replace(
        'a=mid:0\r\n',
        '',
      ),
      400,
      /a=mid/,
    ],
    ['v=0\r\n' + 'a=x\r\n'.repeat(20000), 413, /larger/],
  ];
  for (const [sdp, status, says] of offers) {
    const answer = await room.ask({ do: 'peer', sdp });
    assert.equal(answer.status, status, answer.error);
    assert.match(answer.error, says);
  }
  assert.ok(await peers(0));
});

test('stills with nobody watching', async () => {
  for (const [format, magic] of [
    ['png', '89504e47'],
    ['jpeg', 'ffd8ff'],
  ]) {
    const file = path.join(folder, `still.${format}`);
    const answer = await room.ask({ do: 'still', format, path: file });
    assert.equal(answer.error, undefined);
    assert.equal(
      readFileSync(file)
        .subarray(0, magic.length / 2)
        .toString('hex'),
      magic,
    );
  }
});

test('viewers that come and go, a third of them abruptly, leave nothing behind', async () => {
  const rounds = Number(process.env.MEDIA_ROUNDS || 24);
  const idle = async () => {
    await until(
      'everything ends',
      async () => {
        const s = await room.ask({ do: 'stats' });
        return s.peers.length === 0 && s.encoders === 0 && s.hub.state === 'idle';
      },
      60000,
    );
    return room.ask({ do: 'stats' });
  };
  let warm = null; // after the first ones: GLib and GStreamer keep a few threads
  for (let i = 0; i < rounds; i++) {
    await join(`n${i}`, { codec: i % 2 ? 'H264' : 'VP8', channels: true });
    if (i % 3 === 0) await room.ask({ do: 'close', peer: await viewer.get(`n${i}`, 'peer') });
    await viewer.leave(`n${i}`);
    if (i === 3) warm = await idle();
  }
  // a page that dies says no goodbye
  for (let i = 0; i < 3; i++) {
    const other = await chromium(room);
    await other.join('x', { codec: 'H264', channels: true });
    await other.until('x', 'v.frames > 0');
    await other.kill();
  }
  const end = await until(
    'threads end',
    async () => {
      const s = await idle();
      return s.threads <= warm.threads + 1 && s.fds <= warm.fds + 1 && s;
    },
    90000,
  );
  assert.equal(end.abandoned, 0);
  assert.ok(end.rss_kb - warm.rss_kb < 12000, `RSS grew from ${warm.rss_kb} to ${end.rss_kb} kB`);
});

test('eight at once: half of them leave in any order, the others are killed; what they had is back', async (t) => {
  const eight = new Room(['--pattern', 'bars', '--max-viewers', '8']);
  await eight.ready;
  const stats = () => eight.ask({ do: 'stats' });
  const gone = (what, before) =>
    until(
      what,
      async () => {
        const s = await stats();
        return (
          s.peers.length === 0 &&
          s.threads <= before.threads + 1 &&
          s.fds <= before.fds + 1 &&
          s.rss_kb < before.rss_kb * 1.1 &&
          s
        );
      },
      60000,
    );
  const round = async (order) => {
    const many = await chromium(eight);
    for (let i = 0; i < 8; i++) {
      const joined = await many.join(`v${i}`, { codec: i % 2 ? 'H264' : 'VP8', channels: i % 3 === 0 });
      assert.equal(joined.error, undefined);
    }
    for (let i = 0; i < 8; i++) await many.until(`v${i}`, 'v.frames > 2');
    for (const i of order.slice(0, 4)) await many.leave(`v${i}`);
    await until('half of them are gone', async () => (await stats()).peers.length === 4);
    await many.kill();
    return Date.now();
  };
  try {
    await round([0, 1, 2, 3, 4, 5, 6, 7]);
    await until('the first ones are gone', async () => (await stats()).peers.length === 0, 60000);
    const warm = await until('their threads are gone', async () => {
      const s = await stats();
      return s.encoders === 0 && s.hub.state === 'idle' && s;
    });
    for (const order of [
      [7, 5, 3, 1, 0, 2, 4, 6],
      [4, 0, 6, 1, 7, 2, 5, 3],
    ]) {
      const killed = await round(order);
      const s = await gone('everything is back', warm);
      t.diagnostic(`${Date.now() - killed} ms after the browser was killed; RSS ${warm.rss_kb} -> ${s.rss_kb} kB`);
    }
  } finally {
    await eight.stop();
  }
});
