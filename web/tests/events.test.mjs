import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff } from '../core/backoff.js';
import { EventStream, SseParser } from '../core/events.js';
import { FakeClock, fakeFetch, feed, record, response, settle } from './fakes.mjs';

const STREAM =
  '\ufeff: hello\n\nid: 1\nevent: power.state\ndata: {"a":\ndata: 1}\n\ndata: plain\r\n\r\nid\ndata:x\rdata: y\r\rretry: 250\nevent: nothing\n\n';
const WANT = [
  { type: 'power.state', data: '{"a":\n1}', id: '1' },
  { type: 'message', data: 'plain', id: '1' },
  { type: 'message', data: 'x\ny', id: '' },
];

test('the grammar, whole', () => {
  const got = [],
    retries = [];
  new SseParser(
    (e) => got.push(e),
    (ms) => retries.push(ms),
  ).push(STREAM);
  assert.deepEqual(got, WANT);
  assert.deepEqual(retries, [250]);
});

test('the grammar, split at every offset and character by character', () => {
  for (let i = 0; i <= STREAM.length; i++) {
    const got = [];
    const p = new SseParser((e) => got.push(e));
    p.push(STREAM.slice(0, i));
    p.push(STREAM.slice(i));
    assert.deepEqual(got, WANT, `split at ${i}`);
  }
  const got = [];
  const p = new SseParser((e) => got.push(e));
  for (const c of STREAM) p.push(c);
  assert.deepEqual(got, WANT);
});

test('a line without end is refused', () => {
  const p = new SseParser(() => {});
  p.push('d'.repeat(1024 * 1024));
  assert.throws(() => p.push('x'), RangeError);
});

const stream = (answers) => {
  const clock = new FakeClock();
  const fetch = fakeFetch(answers);
  const s = new EventStream({
    url: 'http://x/host/events',
    fetch,
    clock,
    headers: () => ({ Authorization: 'Bearer t' }),
    backoff: new Backoff({ firstMs: 100, maxMs: 1000, jitter: 0 }),
  });
  return { clock, fetch, s, said: record(s, 'event', 'state') };
};
const sse = (f) => ({ ...response(200), body: f.stream });

test('comes back after a loss, and resumes after the last event', async () => {
  const a = feed(),
    b = feed();
  const { s, clock, fetch, said } = stream([sse(a), new TypeError('refused'), sse(b)]);
  s.start();
  await settle();
  a.push('id: 41\nevent: device.added\ndata: {"t":1}\n\n');
  await clock.advance(0);
  a.end();
  await clock.advance(0);
  assert.equal(s.state, 'waiting');
  await clock.advance(100); // refused
  assert.equal(s.state, 'waiting');
  await clock.advance(170);
  assert.equal(s.state, 'open');
  assert.equal(fetch.calls[0].headers['Last-Event-ID'], undefined);
  assert.equal(fetch.calls[2].headers['Last-Event-ID'], '41');
  assert.equal(fetch.calls[2].headers.Authorization, 'Bearer t');
  b.push('id: 42\ndata: text\n\n');
  await clock.advance(0);
  assert.deepEqual(
    said.filter(([n]) => n === 'event').map(([, e]) => [e.id, e.type, e.data]),
    [
      ['41', 'device.added', { t: 1 }],
      ['42', 'message', 'text'],
    ],
  );
});

test('a refusal that waiting cannot change ends it', async () => {
  const { s, clock, said } = stream([response(401, { title: 'Unauthorized', detail: 'a token is needed' })]);
  s.start();
  await clock.advance(10000);
  assert.deepEqual(said.at(-1), ['state', 'closed', 'a token is needed']);
  assert.equal(clock.pending, 0);
});

test('stop is a pause: start resumes', async () => {
  const a = feed(),
    b = feed();
  const { s, clock, fetch } = stream([sse(a), sse(b)]);
  s.start();
  await settle();
  a.push('id: 7\ndata: 1\n\n');
  await clock.advance(0);
  s.stop();
  assert.ok(fetch.calls[0].signal.aborted);
  await clock.advance(60000);
  assert.equal(fetch.calls.length, 1, 'nothing happens while it is paused');
  s.start();
  await settle();
  assert.equal(fetch.calls[1].headers['Last-Event-ID'], '7');
});

test('back-off grows, is bounded, and jitters', () => {
  const b = new Backoff({ firstMs: 100, maxMs: 1000, factor: 2, jitter: 0.5, random: () => 0.5 });
  assert.deepEqual([b.next(), b.next(), b.next(), b.next(), b.next()], [100, 200, 400, 800, 1000]);
  b.reset();
  assert.equal(b.next(), 100);
  assert.equal(new Backoff({ firstMs: 100, jitter: 0.5, random: () => 0 }).next(), 50);
  assert.equal(new Backoff({ firstMs: 100, jitter: 0.5, random: () => 1 }).next(), 150);
});
