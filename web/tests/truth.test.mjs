// What is true of what a page shows.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { linkWords } from '../app/banner.js';
import { HostClock, powerTruth, powerWords, staleFor } from '../core/truth.js';

const READY = { state: 'ready' };
const AT = '2026-01-02T03:04:05.000Z';
const POWER = [
  ['on, nothing said', { observed: 'on' }, READY, 'On', /^$/],
  ['as commanded', { commanded: 'off', observed: 'off' }, READY, 'Off', /^$/],
  [
    'in the middle of a cycle',
    { commanded: 'on', observed: 'off', running: 'cycle' },
    READY,
    'Cycling … off now',
    /^$/,
  ],
  ['being switched', { commanded: 'off', observed: 'on', running: 'set' }, READY, 'Switching … on now', /^$/],
  [
    'switched elsewhere',
    { commanded: 'on', observed: 'off' },
    READY,
    'Should be on, is off',
    /should be on and is off/,
  ],
  ['left half-way', { commanded: 'on', observed: 'on', reason: 'left on' }, READY, 'On', /^left on$/],
  [
    'does not answer',
    { observed: 'on', at: AT, error: 'no answer' },
    READY,
    /^Unknown, was on at /,
    /not answer: no ans/,
  ],
  ['unplugged', { observed: 'on', at: AT }, { state: 'absent', reason: 'gone' }, /^Unknown, was on at /, /gone/],
  ['blind switch', { commanded: 'on', observed: 'unknown' }, READY, 'Commanded on, not observed', /^$/],
  ['never seen', { observed: 'unknown' }, READY, 'Not observed', /^$/],
];
for (const [name, p, iface, words, wrong] of POWER)
  test(`power: ${name}`, () => {
    if (words instanceof RegExp) assert.match(powerWords(p, iface), words);
    else assert.equal(powerWords(p, iface), words);
    assert.match(powerTruth(p, iface).wrong, wrong);
  });

test('a sample is old when the next one is overdue, by the clock of the host', () => {
  const every = (ms) => ({ t: 100000, points: [[0, 1, 2, 3].map((i) => 100000 - (3 - i) * ms), []] });
  assert.equal(staleFor(every(500), 104000), null);
  assert.equal(staleFor(every(500), 106000), 6);
  assert.equal(staleFor(every(10000), 135000), null);
  assert.equal(staleFor(every(10000), 145000), 45);
  assert.equal(staleFor({ t: 100000 }, 125000), null, 'nobody knows how often it comes');
  assert.equal(staleFor({ t: 100000 }, 131000), 31);
  const clock = new HostClock(() => 5000000);
  assert.equal(clock.now(), 5000000);
  clock.set(1000000);
  assert.equal(clock.now(), 1000000);
  clock.heard(999000); // an old one says nothing
  assert.equal(clock.now(), 1000000);
  clock.heard(1000050); // made later than it was thought to be
  assert.equal(clock.now(), 1000050);
});

test('one banner says which way is broken, since when, and what helps', () => {
  const link = { state: 'waiting', reason: 'the connection ended', name: 'lab-1', since: Date.now() };
  assert.match(linkWords(link), /^lab-1 does not answer\. What you see is from \d\d:\d\d\. Is testbed-host running/);
  assert.match(linkWords({ ...link, since: 0, name: null }), /^The host does not answer\. Is testbed-host running/);
  assert.match(linkWords({ ...link, online: false }), /^This device has no network/);
  assert.match(linkWords({ ...link, reason: '502 Bad Gateway' }), /in front of it says: 502 Bad Gateway/);
  assert.match(linkWords({ ...link, reason: 'the host is stopping' }), /^lab-1 was stopped/);
  assert.match(linkWords({ ...link, state: 'closed', reason: 'no' }), /^lab-1 does not let this page in: no\./);
});

test('a cause that ends in a question is not ended twice', () => {
  const wrong = (error) => powerTruth({ error, observed: 'on' }, { state: 'ready' }).wrong;
  assert.equal(wrong('is the address right?'), 'The switch does not answer: is the address right?');
  assert.equal(wrong('timeout.'), 'The switch does not answer: timeout.');
});
