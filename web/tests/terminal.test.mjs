// What passes between clipboard, terminal and device: pastes, OSC 52, floods, the log's lines.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Feed, isBinary } from '../core/feed.js';
import { printable } from '../core/format.js';
import { copyRequest, MAX_COPY_BYTES, pasteable } from '../core/paste.js';
import { FakeClock } from './fakes.mjs';

test('no control character of a paste reaches the device as one: none can end a bracketed paste', () => {
  for (const [raw, text, made, lines] of [
    ['ls', 'ls', 0, 1],
    ['a\tb\nc\r\nd\re', 'a\tb\rc\rd\re', 0, 4],
    ['one line\n', 'one line\r', 0, 1],
    ['ls \x1b[201~\ntouch x\n', 'ls ␛[201~\rtouch x\r', 1, 2],
    ['\x9b201~', '\ufffd201~', 1, 1], // CSI of eight bits
    ['\x03\x04\x1a\x00\x7f', '␃␄␚␀␡', 5, 1],
    ['é€😀', 'é€😀', 0, 1],
  ])
    assert.deepEqual(pasteable(raw), { text, made, lines }, JSON.stringify(raw));
  for (let c = 0; c < 0xa0; c++) {
    const { text } = pasteable(String.fromCharCode(c));
    if (c !== 9 && c !== 10 && c !== 13) assert.doesNotMatch(text, /[\x00-\x1f\x7f-\x9f]/, `character ${c}`);
  }
});

test('OSC 52 can ask to copy text, and nothing else', () => {
  assert.equal(copyRequest('c;aGVsbG8='), 'hello');
  assert.equal(copyRequest(`p;${Buffer.from('grüß 😀').toString('base64')}`), 'grüß 😀');
  for (const bad of ['c;?', 'c;', 'c', '', 'c;***', `c;${Buffer.from([0xff, 0xfe]).toString('base64')}`])
    assert.equal(copyRequest(bad), null, bad);
  const most = Buffer.alloc(MAX_COPY_BYTES - (MAX_COPY_BYTES % 3), 'a');
  assert.equal(copyRequest(`c;${most.toString('base64')}`).length, most.length);
  assert.equal(copyRequest(`c;${Buffer.alloc(MAX_COPY_BYTES + 3, 'a').toString('base64')}`), null);
});

/** A terminal that parses when it is told to. */
function terminal(options = {}) {
  const clock = new FakeClock();
  const shown = [];
  const todo = [];
  const feed = new Feed({
    write: (bytes, done) => {
      shown.push(Buffer.from(bytes).toString('latin1'));
      todo.push(done);
    },
    told: (n) => `[${n} skipped]`,
    clock,
    high: 4000,
    tail: 100,
    ...options,
  });
  return { feed, clock, text: () => shown.join(''), parse: () => todo.splice(0).forEach((done) => done()) };
}
const line = (i) => Buffer.from(`${String(i).padStart(7)}\r\n`);

test('what a terminal can follow is all shown, in order', () => {
  const t = terminal();
  for (let i = 0; i < 1000; i++) {
    t.feed.push(line(i));
    if (i % 100 === 0) t.parse();
  }
  t.parse();
  assert.equal(t.text(), Array.from({ length: 1000 }, (_, i) => line(i)).join(''));
});

test('a flood is skipped to its end with a word; every write is told done; bytes are shown or counted', async () => {
  const t = terminal();
  let done = 0;
  for (let i = 0; i < 5000; i++) t.feed.push(line(i), () => (done += 1));
  t.parse();
  await t.clock.advance(60);
  t.parse();
  const [, before, skipped, after] = t.text().match(/^([^[]*)\x18\x1b\[0m\r\n\[(\d+) skipped\]\r\n([^]*)$/);
  assert.equal(done, 5000);
  assert.equal(before.length + Number(skipped) + after.length, 5000 * 9);
  assert.ok(before.length <= 4000 && after.length <= 100, `${before.length}, ${after.length}`);
  assert.ok(after.endsWith('   4999\r\n'));
  t.feed.push(Buffer.from('$ '));
  assert.ok(t.text().endsWith('4999\r\n$ '), 'what comes next is shown at once');
});

test('a terminal is given small pieces, since it parses each in one go; done is told after the last', () => {
  const sizes = [];
  const todo = [];
  const feed = new Feed({
    write: (bytes, parsed) => {
      sizes.push(bytes.length);
      todo.push(parsed);
    },
    told: () => '',
    clock: new FakeClock(),
  });
  let done = 0;
  feed.push(Buffer.alloc(16 * 1024, 'a'), () => (done += 1));
  feed.push(Buffer.alloc(40000, 'a'), () => (done += 1));
  feed.push(Buffer.alloc(0), () => (done += 1));
  assert.deepEqual(sizes, [16384, 16384, 16384, 7232, 0]);
  todo.shift()();
  todo.splice(0, 2).forEach((parsed) => parsed());
  assert.equal(done, 1);
  todo.forEach((parsed) => parsed());
  assert.equal(done, 3);
});

test('a flood of text that does not end is looked at now and then, one of binary is not', async () => {
  for (const [chunk, looks] of [
    [() => line(1), true],
    [() => Buffer.from(Array.from({ length: 256 }, (_, i) => i)), false],
  ]) {
    const t = terminal();
    for (let ms = 0; ms < 3000; ms += 50) {
      for (let i = 0; i < 500; i++) t.feed.push(chunk());
      t.parse();
      await t.clock.advance(50);
    }
    assert.equal(/skipped/.test(t.text()), looks);
    await t.clock.advance(60);
    assert.match(t.text(), /skipped/);
  }
});

test('text in any writing is no binary', () => {
  for (const text of ['\x1b[31mred\x1b[0m '.repeat(30), 'grüß dich, 漢字 😀\r\n'.repeat(20), '\b \b\t'.repeat(50)])
    assert.equal(isBinary(Buffer.from(text)), false, text.slice(0, 20));
  assert.equal(isBinary(Buffer.from(Array.from({ length: 1024 }, (_, i) => (i * 7919) % 256))), true);
});

test('lines of the log without what a terminal would not show', () => {
  assert.equal(printable('\x1b[?2004hbash$ \x1b[1;31mls\x1b[0m\x07'), 'bash$ ls');
  assert.equal(printable('\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b(Bc\td\r'), 'abc\td');
});
