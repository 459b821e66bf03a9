// Browser push on the real server: a subscription, what its browser reads of an event, refusals, one that has ended.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';

import { PushService } from '../sim/push.mjs';
import { scratch, until } from './harness.mjs';
import { Server, withServer } from './server-harness.mjs';

function keyFile() {
  const file = path.join(scratch(), 'push.pem');
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', file]);
  return file;
}

test('a browser is told of an event, sealed; again after 503; where it has ended, it is forgotten', async (t) => {
  const service = await PushService.start();
  t.after(() => service.stop());
  const push = { subject: 'mailto:bench@example.org', key_file: keyFile(), services: service.url };
  const server = await withServer(t, { url: 'https://bench.example', events: { push, tell: { pause_s: 0 } } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  await server.post('/devices/register', { device_id: 'sill', label: 'Window' });
  const { session_id } = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  const list = async () => (await server.get('/notifications/recipients?device_id=sill')).json;
  const { push_key: key, providers } = await list();
  assert.ok(providers.includes('push'));
  assert.equal(Buffer.from(key, 'base64url').length, 65);

  const add = (address) =>
    server.post('/notifications/recipients', { device_id: 'sill', provider: 'push', address, name: 'Chrome' });
  for (const bad of [
    'x',
    service.subscription().replace(service.url, 'https://10.0.0.1'),
    service.subscription('/x'.repeat(800)),
  ])
    assert.equal((await add(bad)).status, 400, bad);
  const { json: it } = await add(service.subscription());
  assert.deepEqual([it.provider, it.name, it.subscribed, it.address], ['push', 'Chrome', true, 'a browser']);
  assert.doesNotMatch(JSON.stringify(await list()), /p256dh|push\/1/, 'its keys and its address stay with us');

  const seen = { session_id, device_id: 'sill', trigger_type: 'motion', clip_uri: 'local://x', duration_seconds: 2 };
  const happens = async () => {
    const event = (await server.post('/events', { ...seen, clip_mime: 'video/webm', clip_size_bytes: 9 })).json;
    const said = { summary: 'A cat 🐈', label: 'animal', should_notify: true, confidence: 0.9 };
    await server.post(`/events/${event.event_id}/summary`, said);
    return event.event_id;
  };
  service.refuse = { status: 503 };
  const id = await happens();
  await until('it to be told', () => service.pushes.length === 1 || service.wrong);
  assert.ifError(service.wrong);
  const [one] = service.pushes;
  assert.deepEqual(one.said, {
    title: 'animal: Window',
    body: 'A cat 🐈',
    url: `https://bench.example/timeline?event=${id}`,
    tag: id,
  });
  assert.deepEqual(
    [one.headers.ttl, one.headers.urgency, one.headers['content-encoding']],
    ['43200', 'high', 'aes128gcm'],
  );
  assert.deepEqual([one.claims.aud, one.claims.sub, one.key], [service.url, push.subject, key]);
  assert.ok(one.claims.exp * 1000 > Date.now() && one.claims.exp * 1000 < Date.now() + 86400000);
  const attempts = async () => (await server.get(`/events/${id}/notification-attempts`)).json;
  await until('the attempts to be noted', async () => (await attempts()).length === 2);
  const tries = await attempts();
  assert.deepEqual(
    tries.map((a) => [a.status, a.failure_reason]),
    [
      ['failed', 'it answered 503'],
      ['succeeded', null],
    ],
  );
  assert.doesNotMatch(JSON.stringify(tries), /p256dh/);
  const trial = { device_id: 'sill', endpoint_id: it.endpoint_id };
  assert.equal((await server.post('/notifications/test', trial)).json.ok, true);

  for (const [status, tell] of [
    [410, happens],
    [
      404,
      async () =>
        server.post('/notifications/test', { ...trial, endpoint_id: (await list()).recipients[0].endpoint_id }),
    ],
  ]) {
    await add(service.subscription());
    service.refuse = { status };
    await tell();
    await until(`${status}: nobody`, async () => (await list()).recipients.length === 0);
  }
});

test('a key that is none, and one without somebody to ask, are refused at the start', async () => {
  const wrong = async (push, words, env = {}) => assert.rejects(Server.start({ events: { push } }, { env }), words);
  await wrong({ subject: 'mailto:a@b', key_file: '/dev/null' }, /push.*cannot be read, or holds no key/s);
  await wrong({ key_file: keyFile() }, /push services want to know whom they may ask/);
  await wrong({ subject: 'mailto:a@b' }, /a private key of P-256 is expected/, { VAPID_PRIVATE_KEY: 'abc' });
});
