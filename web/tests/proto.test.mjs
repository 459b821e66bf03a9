import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { LatestBySeq } from '../core/latest.js';
import {
  check,
  candidateOf,
  checkInput,
  INPUT_EVENTS,
  LIMITS,
  MESSAGE_TYPES,
  parse,
  serialize,
} from '../core/proto.js';

const dir = new URL('../../tests/fixtures/proto/', import.meta.url);
const files = readdirSync(dir).filter((f) => f.endsWith('.json'));

test('there are golden files', () => {
  assert.ok(files.length > 80, `${files.length} files`);
});

for (const file of files) {
  const golden = JSON.parse(readFileSync(new URL(file, dir), 'utf8'));
  test(`golden ${file}`, () => {
    assert.equal(/\.bad-/.test(file), !golden.valid, 'name and verdict agree');
    const text = JSON.stringify(golden.message);
    if (golden.valid) {
      const { kind, message } = parse(text);
      assert.equal(kind, check(golden.message));
      assert.deepEqual(JSON.parse(serialize(message)), golden.message, 'round trip keeps every field');
    } else {
      assert.throws(() => parse(text), { name: 'ProtoError', message: golden.error });
      assert.throws(() => serialize(golden.message), { name: 'ProtoError' });
    }
  });
}

test('every typed message and every input event has a valid and an invalid golden file', () => {
  const names = [
    ...MESSAGE_TYPES,
    ...INPUT_EVENTS.map((t) => `input-${t}`),
    'command',
    'result',
    'subscribe',
    'unsubscribe',
  ];
  for (const name of names) {
    assert.ok(files.includes(`${name}.json`), `${name}.json`);
    assert.ok(
      files.some((f) => f.startsWith(`${name}.bad-`)),
      `${name}.bad-*.json`,
    );
  }
});

test('limits hold at +1', () => {
  const text = (n) => ({ type: 'text', text: 'x'.repeat(n) });
  checkInput(text(LIMITS.inputText));
  assert.throws(() => checkInput(text(LIMITS.inputText + 1)), { message: 'value:text' });
  const events = (n) => ({
    id: 1,
    device: 'd',
    verb: 'input.send',
    params: { events: Array(n).fill({ type: 'key', key: 'a' }) },
  });
  check(events(LIMITS.inputEvents));
  assert.throws(() => check(events(LIMITS.inputEvents + 1)), { message: 'value:params.events' });
  const sdp = (n) => ({ type: 'offer', sdp: 'v'.repeat(n) });
  check(sdp(LIMITS.sdp));
  assert.throws(() => check(sdp(LIMITS.sdp + 1)), { message: 'value:sdp' });
  const topics = (n) => ({ subscribe: Array(n).fill('sensor') });
  check(topics(LIMITS.topics));
  assert.throws(() => check(topics(LIMITS.topics + 1)), { message: 'value:subscribe' });
  assert.throws(() => parse(' '.repeat(LIMITS.message + 1)), { message: 'value:message' });
});

test('text that is not JSON is refused', () => {
  assert.throws(() => parse('{"type":"ping"'), { message: 'type:json' });
  assert.throws(() => parse(new Uint8Array(3)), { message: 'type:message' });
});

test('both spellings of a candidate', () => {
  const flat = candidateOf({ type: 'ice', candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 });
  const wrapped = candidateOf({ type: 'ice-candidate', data: { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0 } });
  assert.deepEqual(flat, wrapped);
});

test('a wrapped sensor reading becomes the flat form', () => {
  const { message } = parse('{"type":"sensor","data":{"alpha":1,"beta":2,"gamma":3,"ts":1700000000000.4}}');
  assert.deepEqual(message, {
    type: 'sensor',
    t: 1700000000000,
    seq: 1700000000000,
    orientation: { alpha: 1, beta: 2, gamma: 3 },
  });
  assert.throws(() => parse('{"type":"sensor","data":{"alpha":1}}'), { message: 'missing:t' });
});

test('latest seq per stream wins', () => {
  const latest = new LatestBySeq();
  const s = (stream, seq) => ({ type: 'sample', stream, seq });
  assert.ok(latest.accept(s('a', 5)));
  assert.ok(!latest.accept(s('a', 5)), 'a repeat is dropped');
  assert.ok(!latest.accept(s('a', 4)), 'an older one is dropped');
  assert.ok(latest.accept(s('b', 1)), 'streams are independent');
  assert.ok(latest.accept(s('a', 6)));
  latest.reset();
  assert.ok(latest.accept(s('a', 0)));
});

test('the table of streams is bounded', () => {
  const latest = new LatestBySeq(2);
  for (const stream of ['a', 'b', 'c']) assert.ok(latest.accept({ stream, seq: 9 }));
  assert.ok(latest.accept({ stream: 'a', seq: 1 }), 'the oldest was forgotten');
});
