// Events of devices by /ws, as they come: each reader gets those that he may read.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until } from './harness.mjs';
import { Server } from './server-harness.mjs';

test('/ws tells of events as they come, each of his own; who may not read them is told so', async (t) => {
  const server = await Server.start({
    tokens: [
      { name: 'boss', role: 'admin', token: 'the-token-of-the-boss' },
      { name: 'anna', role: 'operator', token: 'the-token-of-anna' },
      { name: 'bert', role: 'viewer', token: 'the-token-of-bert' },
    ],
  });
  t.after(() => server.stop());
  await until('the events', async () => (await server.get('/events')).status !== 503);
  const as = (token) => ({ headers: { Authorization: `Bearer ${token}` } });
  const anna = as('the-token-of-anna');
  await server.post('/devices/register', { device_id: 'hers' }, anna);
  const session = (await server.post('/sessions/start', { device_id: 'hers' }, anna)).json;
  const readers = {};
  for (const name of ['boss', 'anna', 'bert']) {
    readers[name] = await server.websocket('/ws', as(`the-token-of-${name === 'boss' ? 'the-boss' : name}`));
    readers[name].send({ subscribe: ['events', 'hosts'] });
    assert.equal((await readers[name].find((m) => m.list === 'events')).get, 'events');
  }
  const made = await server.post(
    '/events',
    {
      session_id: session.session_id,
      device_id: 'hers',
      trigger_type: 'motion',
      duration_seconds: 1,
      clip_uri: 'local://1',
      clip_mime: 'video/webm',
      clip_size_bytes: 1,
    },
    anna,
  );
  assert.equal(made.status, 200, made.text);
  const event = made.json;
  for (const name of ['boss', 'anna']) {
    const told = await readers[name].find((m) => m.type === 'event.changed' && m.event.status === 'processing');
    assert.deepEqual([told.list, told.event.event_id], ['events', event.event_id]);
  }
  readers.anna.send({ unsubscribe: ['events'] });
  readers.anna.send({ type: 'ping' });
  await readers.anna.find((m) => m.type === 'pong');
  const before = readers.anna.items.filter((m) => m.type?.startsWith('event.')).length;
  await server.request('DELETE', `/events/${event.event_id}`, anna);
  await readers.boss.find((m) => m.type === 'event.removed' && m.event_id === event.event_id);
  for (const name of ['anna', 'bert']) {
    readers[name].send({ type: 'ping' });
    await readers[name].find((m) => m.type === 'pong');
  }
  const told = (name) => readers[name].items.filter((m) => m.type?.startsWith('event.')).length;
  assert.deepEqual(
    [told('anna'), told('bert')],
    [before, 0],
    'no more to who asked for none, nothing of hers to others',
  );
  const nobody = await server.websocket();
  nobody.send({ subscribe: ['events'] });
  assert.equal((await nobody.find((m) => m.type === 'error')).status, 401);
});
