// What people read: no headers, no ISO times, no browser's words; a token of the link leaves the address.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../core/api.js';
import { endOfLease } from '../core/lease.js';
import { factWords, timeOfDay, unescaped, whoHasIt } from '../core/words.js';
import { makerWords, whoIs } from '../core/who.js';
import { lostWords } from '../server/words.js';

const at = new Date(2026, 10, 29, 14, 5, 9).getTime();
const iso = new Date(at).toISOString();

test('times are of this day and place', () => {
  assert.equal(timeOfDay(iso, at), '14:05');
  assert.match(timeOfDay(iso, at + 86400000), /29.*14:05|14:05.*29/);
  assert.equal(timeOfDay('soon', at), 'soon');
  assert.equal(whoHasIt({ holder: 'anna', expires_at: iso }, at), 'anna has it until 14:05');
  assert.equal(whoHasIt(null), 'Somebody has it');
});

test('whatever an error of the API says reaches people in words', () => {
  const said = (detail) => new ApiError({ status: 423, title: 'Locked', detail }).message;
  assert.match(
    said(`sh is leased by anna until ${iso}; send X-Lease if that is you, or wait`),
    /^sh is leased by anna until [^;TZ]*14:05$/,
  );
  for (const [api, people] of [
    ['a token is needed (Authorization: Bearer …)', 'a token is needed'],
    ['X-Lease is not the lease that holds sh now', 'yours is not the lease that holds sh now'],
    ['files.list needs role operator, you are viewer', 'This needs the role operator; your role is viewer'],
    ['Failed to fetch', 'no answer'],
    ['NetworkError when attempting to fetch resource.', 'no answer'],
    ['the relay answers HTTP 404', 'the relay answers HTTP 404'],
  ])
    assert.equal(said(api), people);
  assert.doesNotMatch(said(`between ${iso} and ${iso}`), /T\d\d:|Z/);
});

test('who has lost a lease is told who has it now, and that it is free only when it is', () => {
  assert.equal(endOfLease({ reason: 'taken-over', by: 'root' }, null), 'root took it over. You can go on watching.');
  assert.equal(endOfLease({ reason: 'released' }, { holder: 'bert' }), 'bert has it now. You can go on watching.');
  assert.equal(endOfLease({ reason: 'expired' }, null), 'Its time is over. Others may control it now.');
  assert.equal(endOfLease(null, null), 'Others may control it now.');
});

test('what is no text of an address is shown as it is', () => {
  assert.deepEqual(['a%20b', '%zz', '%'].map(unescaped), ['a b', '%zz', '%']);
});

test('who comes by a link is who the session says, and whose link it is', () => {
  const people = [
    { peerId: 'p7f', name: 'Bert', guest: true },
    { peerId: 'p8a', name: 'anna', guest: false },
    { peerId: 'p9c', name: null, guest: true },
  ];
  const cases = [
    ['carl', 'carl'],
    ['carl (via server)', 'carl'],
    ['anna, link p7f (via server)', 'Bert (guest, by a link of anna)'],
    ['127.0.0.1, link p7f (via server)', 'Bert (guest)'],
    ['anna, link p8a (via server)', 'anna'],
    ['anna, link p9c (via server)', 'somebody (guest, by a link of anna)'],
    ['anna, link p0 (via server)', 'somebody (guest, by a link of anna)'],
    [null, 'Somebody'],
  ];
  for (const [user, words] of cases) assert.equal(whoIs(user, people), words);
});

test('who made a link, in words', () => {
  const cases = [
    ['anna', 'anna'],
    ['127.0.0.1', 'somebody at 127.0.0.1'],
    ['fe80::/64', 'somebody at fe80::/64'],
    ['host:lab-1', 'the host lab-1'],
  ];
  for (const [maker, words] of cases) assert.equal(makerWords(maker), words);
});

test('whose place was taken while he was away is told so', () => {
  assert.match(lostWords({ host: 'lab-1', server: false, since: 0, reason: 'Too many observers' }), /took its place/);
  assert.match(lostWords({ host: 'lab-1', server: false, since: 0, reason: 'x' }), /No connection to the server/);
});

test('what a phone is', () => {
  const facts = {
    manufacturer: 'Google',
    model: 'Pixel 8',
    android: '14',
    api: '34',
    abi: 'arm64-v8a',
    serial: '0A1B',
  };
  assert.equal(factWords(facts), 'Google Pixel 8, Android 14 (API 34), arm64-v8a, serial 0A1B');
  assert.equal(factWords({ manufacturer: 'Fairphone', model: 'Fairphone 5' }), 'Fairphone 5');
  assert.equal(factWords({ model: 'X', android: '13' }), 'X, Android 13');
  assert.equal(factWords({}), '');
});
