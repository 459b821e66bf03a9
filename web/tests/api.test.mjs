import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Api, ApiError } from '../core/api.js';
import { fakeFetch, response } from './fakes.mjs';

const make = (answers, o = {}) => {
  const fetch = fakeFetch(answers);
  return { fetch, api: new Api({ base: 'http://bench:6109/staging/', fetch, ...o }) };
};

test('URLs stay below the prefix, whatever the ids are', () => {
  const { api } = make([]);
  assert.equal(api.url('host/devices'), 'http://bench:6109/staging/host/devices');
  assert.equal(api.url('/host/devices'), 'http://bench:6109/staging/host/devices', 'a leading slash does not leave it');
  assert.equal(
    api.url(api.iface('a/../b', 'video', '/whep')),
    'http://bench:6109/staging/host/devices/a%2F..%2Fb/video/whep',
  );
  assert.throws(() => new Api({ base: 'http://bench:6109/staging' }), TypeError);
});

test('the token travels in a header, of WebSockets in the one that a page can set, and in a URL only of what the browser asks for', async () => {
  const { api, fetch } = make([response(200, [])], { token: () => 's3cret' });
  await api.devices();
  assert.equal(fetch.calls[0].headers.Authorization, 'Bearer s3cret');
  assert.doesNotMatch(fetch.calls[0].url, /s3cret/);
  assert.equal(api.url('host/x', { auth: true }), 'http://bench:6109/staging/host/x?access_token=s3cret');
  assert.equal(api.wsPath('host/ws', { from: 7, none: null }), 'ws://bench:6109/staging/host/ws?from=7');
  assert.deepEqual(api.wsProtocols(), ['testbed', 'testbed.bearer.czNjcmV0']);
  assert.deepEqual(api.wsProtocols(['binary']), ['binary', 'testbed.bearer.czNjcmV0']);
});

test('control calls show the lease, reading does not', async () => {
  const { api, fetch } = make([response(200, {}), response(200, {})], { lease: (id) => `lease-of-${id}` });
  await api.setPower('board', 'power', 'off');
  await api.power('board', 'power');
  assert.deepEqual(
    [
      fetch.calls[0].method,
      fetch.calls[0].headers['X-Lease'],
      fetch.calls[0].headers['Content-Type'],
      fetch.calls[0].body,
    ],
    ['PUT', 'lease-of-board', 'application/json', '{"state":"off"}'],
  );
  assert.equal(fetch.calls[1].headers['X-Lease'], undefined);
});

test('a problem becomes an error with everything that it says', async () => {
  const told = [];
  const { api } = make(
    [
      response(423, { title: 'Locked', status: 423, detail: 'anna has it', holder: 'anna', expires_at: 'T' }),
      response(400, { title: 'Bad Request', detail: 'baud: too large', field: 'baud' }),
      response(401, { title: 'Unauthorized' }),
    ],
    { onAuth: (s) => told.push(s) },
  );
  await assert.rejects(
    api.setPower('b', 'power', 'on'),
    (e) => e instanceof ApiError && e.status === 423 && e.message === 'anna has it' && e.extra.holder === 'anna',
  );
  await assert.rejects(api.setConsole('b', 'console', {}), (e) => e.field === 'baud' && e.title === 'Bad Request');
  await assert.rejects(api.devices(), { status: 401 });
  assert.deepEqual(told, [401]);
});

test('answers that are no problem documents still make sense', async () => {
  const { api } = make([
    response(502, '<html>Bad gateway</html>'),
    response(200, 'not json'),
    new TypeError('fetch failed'),
    response(204),
    response(429, {}, { 'Retry-After': '3' }),
  ]);
  await assert.rejects(api.devices(), { status: 502, title: 'HTTP 502' });
  await assert.rejects(api.devices(), { title: 'Not JSON' });
  await assert.rejects(api.devices(), { status: 0, title: 'No answer' });
  assert.equal(await api.detach('x'), null);
  await assert.rejects(api.devices(), (e) => e.extra.retry_after_s === 3);
});
