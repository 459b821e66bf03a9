// What a phone that watches notices, which clips go when there is no room, and how they get to the server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../core/api.js';
import { MOST_BYTES, MOST_CLIPS, tooMany } from '../core/clip-store.js';
import { ClipUploads, pauseOf } from '../core/clip-uploads.js';
import { Noticer, PICTURE, loudness, motionScore, regionOf } from '../core/noticing.js';

const picture = (paint = () => 0) => {
  const data = new Uint8ClampedArray(PICTURE.width * PICTURE.height * 4);
  for (let y = 0; y < PICTURE.height; y++)
    for (let x = 0; x < PICTURE.width; x++)
      data.fill(paint(x, y), (y * PICTURE.width + x) * 4, (y * PICTURE.width + x) * 4 + 3);
  return data;
};

test('motion: the share of pixels that changed; noise and a lamp are none; only the region counts', () => {
  const still = picture();
  assert.equal(motionScore(still, picture()), 0);
  assert.equal(
    motionScore(
      still,
      picture(() => 10),
    ),
    0,
    'the noise of a camera: 30 of all channels is not enough',
  );
  assert.equal(
    motionScore(
      still,
      picture(() => 200),
    ),
    0,
    'a lamp',
  );
  const left = picture((x) => (x < 16 ? 255 : 0));
  assert.equal(motionScore(still, left), 0.1);
  assert.equal(motionScore(still, left, { left: 10 }), 0);
  assert.equal(motionScore(still, left, { left: 60, right: 60 }), 0, 'a region with nothing in it');
});

test('loudness is the root mean square; two hits in a row are noticed, and a pause comes after', () => {
  assert.equal(loudness(new Float32Array([0.5, -0.5])), 0.5);
  assert.equal(loudness(new Float32Array()), 0);
  const noticer = new Noticer({ threshold: 0.1, cooldownMs: 1000 });
  const took = [0.2, 0, 0.2, 0.2, 0.2, 0.2].map((v, i) => noticer.take(v, i * 100));
  assert.deepEqual(took, [false, false, false, true, false, false]);
  assert.equal(noticer.take(0.2, 1400), true, 'it is still loud after the pause');
});

test('a finger draws a region in any direction; a tap is none', () => {
  assert.deepEqual(regionOf({ x0: 0.75, y0: 0.8, x1: 0.25, y1: -3 }), { left: 25, top: 0, right: 25, bottom: 20 });
  assert.equal(regionOf({ x0: 0.5, y0: 0.5, x1: 0.52, y1: 0.9 }), null);
});

test('clips are bounded by number and bytes: what was uploaded goes first, then the oldest', () => {
  const clip = (at, state, size = 1) => ({ id: `c${at}`, at, state, size });
  const some = [clip(1, 'waiting'), clip(2, 'sent'), clip(3, 'waiting')];
  const ids = (list) => list.map((c) => c.id);
  assert.deepEqual(tooMany(some, 1), []);
  assert.deepEqual(ids(tooMany(some, 1, { most: 3 })), ['c2']);
  assert.deepEqual(ids(tooMany(some, 1, { most: 2 })), ['c2', 'c1']);
  assert.deepEqual(ids(tooMany(some, 8, { mostBytes: 9 })), ['c2', 'c1']);
  const full = Array.from({ length: MOST_CLIPS }, (_, i) => clip(i, 'waiting'));
  assert.deepEqual(ids(tooMany(full, 1)), ['c0']);
  assert.deepEqual(ids(tooMany([clip(1, 'waiting', MOST_BYTES)], 1)), ['c1']);
  const sent = Array.from({ length: 25 }, (_, i) => clip(i, 'sent'));
  assert.equal(tooMany(sent).length, 5, 'twenty are kept for looking at them');
});

/** A store in memory and a server that answers `answers` (status of each request that is not 200), one after another. */
function rig(clips, answers = [], bucket = null) {
  const timers = [];
  const asked = [];
  const bodies = new Map(clips.map((c) => [c.id, new Blob(['x'.repeat(c.size)])]));
  const store = {
    clips,
    list: async () => [...clips].sort((a, b) => b.at - a.at),
    body: async (id) => bodies.get(id),
    change: async (id, change) => void Object.assign(clips.find((c) => c.id === id) ?? {}, change),
  };
  let sessions = 0;
  const answer = (method, path, body) => {
    asked.push(`${method} ${path}`);
    const status = answers.shift() ?? 200;
    if (status !== 200) throw new ApiError({ status, detail: `no: ${status}` });
    const upload_url = bucket ? 'https://bucket.example/x' : 'https://bench.example/x';
    return { session_id: `s${++sessions}`, upload_url, upload_headers: { 'x-a': 'b' }, ...body };
  };
  const api = {
    base: 'https://bench.example/',
    json: async (method, path, { body } = {}) => answer(method, path, body),
    raw: async (method, path) => answer(method, path) && { headers: new Headers({ ETag: '"e"' }) },
  };
  let now = 0;
  const fetch = async (url, options) => {
    asked.push(`${options.method} ${url} ${JSON.stringify(options.headers)}`);
    return bucket();
  };
  const clock = { now: () => now, setTimeout: (fn, ms) => timers.push({ fn, ms }), clearTimeout: () => {} };
  const uploads = new ClipUploads({ store, api, clock, fetch, random: () => 0 });
  return { uploads, asked, timers, store, pass: (ms) => (now += ms) };
}
const waits = (at, more = {}) => ({ id: `c${at}`, at, device: 'sill', state: 'waiting', size: 3, tries: 0, ...more });

test('the oldest goes first, in a session that begins and ends for it', async () => {
  const { uploads, asked, store } = rig([waits(2, { session: 'known' }), waits(1)]);
  await uploads.run();
  assert.deepEqual(asked, [
    'POST sessions/start',
    'POST events/upload/initiate',
    'PUT events/c1/upload',
    'POST events/c1/upload/finalize',
    'POST events/upload/initiate',
    'PUT events/c2/upload',
    'POST events/c2/upload/finalize',
    'POST sessions/stop',
  ]);
  assert.deepEqual(
    store.clips.map((c) => c.state),
    ['sent', 'sent'],
  );
  assert.equal(uploads.state, 'idle');
});

test('a try whose answer was lost is the same event; a session that is gone is another one', async () => {
  const { uploads, asked, store } = rig([waits(1, { session: 'gone' })], [404, 200, 200, 409]);
  await uploads.run();
  assert.deepEqual(asked.slice(0, 5), [
    'POST events/upload/initiate',
    'POST sessions/start',
    'POST events/upload/initiate',
    'PUT events/c1/upload',
    'POST events/c1/upload/finalize',
  ]);
  assert.equal(store.clips[0].state, 'sent');
});

test('what fails is tried again, later each time; what the server refuses is not, and does not hold up the rest', async () => {
  const { uploads, store, timers } = rig([waits(1, { session: 's' }), waits(2, { session: 's' })], [413, 503]);
  await uploads.run();
  assert.deepEqual(
    store.clips.map((c) => [c.state, c.tries]),
    [
      ['refused', 0],
      ['waiting', 1],
    ],
  );
  assert.equal(store.clips[0].why, 'no: 413');
  assert.equal(uploads.state, 'waiting');
  assert.equal(timers.at(-1).ms, 1000);
  await timers.at(-1).fn();
  assert.equal(store.clips[1].state, 'sent');
  const error = (status, retry_after_s) => new ApiError({ status, retry_after_s });
  assert.deepEqual(
    [1, 2, 3, 20].map((n) => pauseOf(n, error(503), () => 0)),
    [1000, 2000, 4000, 30000],
  );
  assert.equal(pauseOf(1, error(429, 77)), 77000);
  assert.equal(pauseOf(9, error(0)), 10000, 'no network: it may be back at any time');
});

test('without a network nothing is asked; without a login it waits for one', async () => {
  const off = rig([waits(1)]);
  off.uploads._online = () => false;
  await off.uploads.run();
  assert.deepEqual([off.uploads.state, off.asked.length], ['offline', 0]);
  const out = rig([waits(1)], [401]);
  await out.uploads.run();
  assert.equal(out.uploads.state, 'login');
  await out.uploads.run();
  assert.equal(out.uploads.state, 'idle');
});

test('a clip goes straight to the bucket; where no page gets through, by the server, and so do those after it for a while', async () => {
  const good = rig([waits(1, { session: 's' })], [], () => new Response(null, { headers: { ETag: '"b"' } }));
  await good.uploads.run();
  assert.deepEqual(good.asked.slice(1), ['PUT https://bucket.example/x {"x-a":"b"}', 'POST events/c1/upload/finalize']);
  const puts = ({ asked }) => asked.filter((a) => a.startsWith('PUT')).map((a) => a.split(' ')[1]);
  for (const closed of [() => Promise.reject(new TypeError('CORS')), () => new Response(null, { status: 403 })]) {
    const bad = rig([waits(1, { session: 's' }), waits(2, { session: 's' })], [], closed);
    await bad.uploads.run();
    const bucket = 'https://bucket.example/x';
    assert.deepEqual(puts(bad), [bucket, 'events/c1/upload', 'events/c2/upload']);
    bad.store.clips[0].state = 'waiting';
    bad.pass(600000);
    await bad.uploads.run();
    assert.deepEqual(puts(bad).slice(3), [bucket, 'events/c1/upload']);
  }
});
