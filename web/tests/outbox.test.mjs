import assert from 'node:assert/strict';
import { test } from 'node:test';

import { InputOutbox } from '../core/outbox.js';

const key = (k) => ({ type: 'key', key: k });
const at = (x, buttons = 0) => ({ type: 'pointer', x, y: 0, buttons });

/** An outbox over a device that answers when told to. */
function bench(atOnce = 3, clock = undefined) {
  const sent = [],
    answers = [],
    errors = [];
  let acks = 0;
  const holds = [];
  const outbox = new InputOutbox({
    atOnce,
    onHold: (on) => holds.push(on),
    ...(clock ? { clock } : {}),
    onAck: () => {
      acks++;
    },
    onError: (e) => errors.push(e.message),
    send: (events) =>
      new Promise((resolve, reject) => {
        sent.push(events);
        answers.push({ resolve, reject });
      }),
  });
  const answer = async (how = 'resolve', what) => {
    answers.shift()[how](what);
    await new Promise((r) => setImmediate(r));
  };
  return { outbox, sent, errors, holds, answer, acks: () => acks };
}

test('a device that is slow: few commands are under way, the rest waits, nothing is lost, the order holds', async () => {
  const b = bench();
  for (const k of 'abcdefghij') b.outbox.push([key(k)]);
  assert.equal(b.sent.length, 4);
  assert.equal(b.outbox.waiting, 6);
  await b.answer();
  assert.deepEqual(
    b.sent[4].map((e) => e.key),
    ['e', 'f', 'g'],
    'what waited leaves together',
  );
  for (let i = 0; i < 5; i++) await b.answer();
  assert.equal(
    b.sent
      .flat()
      .map((e) => e.key)
      .join(''),
    'abcdefghij',
  );
  assert.equal(b.acks(), 6);
});

test('moves that wait are replaced by the latest; a click between them is not', async () => {
  const b = bench(100);
  for (const k of '1234') b.outbox.push([key(k)]);
  b.outbox.push([at(1)]);
  b.outbox.push([at(2)]);
  b.outbox.push([at(2, 1)]);
  b.outbox.push([at(3, 1)]);
  b.outbox.push([at(5, 1)]);
  b.outbox.push([at(4, 0)]);
  await b.answer();
  assert.deepEqual(b.sent[4], [at(2), at(2, 1), at(5, 1), at(4, 0)]);
});

test('a refusal is told and the next ones go on; there is an end to waiting', async () => {
  const b = bench(4096);
  b.outbox.push([key('a')]);
  await b.answer('reject', new Error('423 taken'));
  assert.deepEqual(b.errors, ['423 taken']);
  for (const k of '1234') b.outbox.push([key(k)]);
  b.outbox.push(Array.from({ length: 2048 }, () => key('x')));
  assert.equal(b.errors.length, 1);
  b.outbox.push([key('y')]);
  assert.match(b.errors[1], /2048 .* wait already/);
  await b.answer();
  assert.equal(b.sent.at(-1).length, 2048);
});

test('when the line breaks, what waits is not typed late: it is dropped and said, but for what lifts something', async () => {
  const clock = { t: 0, now: () => clock.t };
  const b = bench(8, clock);
  for (const k of '1234') b.outbox.push([key(k)]);
  b.outbox.push([key('a'), { type: 'key', key: 'Shift', action: 'up' }, at(1, 0)]);
  clock.t = 700;
  b.outbox.push([key('b')]);
  clock.t = 1500;
  await b.answer('reject', Object.assign(new Error('gone'), { status: 0 }));
  assert.deepEqual(b.errors, [
    '1 keys, clicks and moves were not sent: the connection was away, and nothing is typed late',
    'gone',
  ]);
  assert.deepEqual(b.sent[4], [{ type: 'key', key: 'Shift', action: 'up' }, at(1, 0), key('b')]);
  await b.answer('reject', Object.assign(new Error('taken'), { status: 423 })); // an answer: the line is well
  assert.equal(b.errors.length, 3);
});

test('whether something is down is told when it changes, and what lifts is never dropped', () => {
  const b = bench();
  const down = (k) => ({ type: 'key', key: k, action: 'down' });
  const up = (k) => ({ type: 'key', key: k, action: 'up' });
  b.outbox.push([key('a'), at(1)]);
  assert.deepEqual(b.holds, []);
  b.outbox.push([down('Shift'), down('B')]);
  b.outbox.push([at(1, 1), up('B')]);
  b.outbox.push([up('Shift')]);
  assert.deepEqual(b.holds, [true], 'a button is down still');
  b.outbox.push([at(1, 0)]);
  assert.deepEqual(b.holds, [true, false]);
  b.outbox.push([down('c')]);
  b.outbox.push(Array.from({ length: 3000 }, () => key('x')));
  assert.equal(b.errors.length, 1);
  const before = b.outbox.waiting;
  b.outbox.push([key('y'), up('c')]);
  assert.equal(b.outbox.waiting, before + 1);
  assert.deepEqual(b.holds, [true, false, true, false]);
});
