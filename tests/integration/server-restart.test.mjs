// testbed-server is killed (SIGKILL) while sessions are in every state that they have, and started again: no session,
// link, permission or host is lost, and all go on by the ids and tokens that they had.
import assert from 'node:assert/strict';

import { test } from 'node:test';

import { assertProblem, until, linkToken } from './harness.mjs';
import { hostKey, withServer } from './server-harness.mjs';

const ADMIN = 'an-admin-of-this-server';
const admin = { headers: { Authorization: `Bearer ${ADMIN}` } };
const devices = [{ id: 'board', label: 'Board', state: 'ready', interfaces: [] }];
const config = {
  tokens: [{ name: 'boss', role: 'admin', token: ADMIN }],
  hosts: [{ name: 'lab', token: 'a-token-of-the-lab' }],
};
const typed =
  (type, more = {}) =>
  (m) =>
    m.type === type && Object.entries(more).every(([k, v]) => m[k] === v);

test('SIGKILL in each state of a session', async (t) => {
  const first = await withServer(t, config);
  const make = async (json = {}) => first.session(json, admin);
  const lab = hostKey(),
    elsewhere = hostKey();
  const asLab = { token: 'a-token-of-the-lab', key: lab };

  // one of each: nobody has come; one has; both have; both had, and left; ended
  const empty = await make(),
    half = await make(),
    whole = await make(),
    left = await make(),
    ended = await make();
  const waiting = await first.join('desktop', half);
  const desktop = await first.join('desktop', whole),
    phone = await first.join('phone', whole);
  const gone = await first.join('phone', left);
  const goneId = gone.ready.peerId;
  await gone.stop();
  assert.equal((await first.request('DELETE', `/api/session/${ended.sessionId}`, admin)).status, 204);
  // a host with its observers: one who watches, one who controls, by links of the same session
  const host = await first.host('lab', devices, asLab);
  const bench = await make({ device: 'lab/board', mode: 'control', observers: 4 });
  const links = { view: linkToken(bench.viewUrl), control: bench.token };
  const watcher = await first.join('desktop', { sessionId: bench.sessionId, token: links.view }),
    driver = await first.join('desktop', { sessionId: bench.sessionId, token: links.control });
  assert.deepEqual([watcher.ready.mode, driver.ready.mode], ['view', 'control']);
  // tokens for hosts: one that nobody has used, one that is a key's, one that was taken back
  const enrol = async (name) => (await first.post('/api/enrol', { name }, admin)).json;
  const [unused, used, revoked] = [await enrol('new'), await enrol('mine'), await enrol('never')];
  await first.host('mine', devices, { token: used.token, key: elsewhere });
  assert.equal((await first.request('DELETE', `/api/enrol/${revoked.id}`, admin)).status, 204);

  await first.program.kill();
  const server = await withServer(t, config, { state: first.folder });

  // sessions
  for (const s of [empty, half, whole, left, bench])
    assert.equal((await server.get(`/api/session/${s.sessionId}`)).status, 200);
  assertProblem(await server.get(`/api/session/${ended.sessionId}`), 404);
  const again = await server.join('desktop', half, waiting.ready.peerId);
  assert.equal(again.ready.peerId, waiting.ready.peerId);
  const desktop2 = await server.join('desktop', whole, desktop.ready.peerId),
    phone2 = await server.join('phone', whole, phone.ready.peerId);
  await desktop2.find(typed('peer-connected', { peer: 'phone', peerId: phone.ready.peerId }));
  assert.deepEqual(phone2.ready.peers, [{ peer: 'desktop', peerId: desktop.ready.peerId }]);
  phone2.send({ type: 'event', n: 1 });
  await desktop2.find(typed('event', { n: 1 }));
  assert.equal((await server.join('phone', left, goneId)).ready.peerId, goneId);

  // the host and its observers, whoever comes first: all by the ids of before, and what they may
  const watcher2 = await server.join(
    'desktop',
    { sessionId: bench.sessionId, token: links.view },
    watcher.ready.peerId,
  );
  const host2 = await server.host('lab', devices, asLab);
  const driver2 = await server.join(
    'desktop',
    { sessionId: bench.sessionId, token: links.control },
    driver.ready.peerId,
  );
  assert.equal(host2.ready.peerId, host.ready.peerId);
  for (const [party, mode] of [
    [watcher, 'view'],
    [driver, 'control'],
  ]) {
    const was = await host.find(typed('peer-connected', { peerId: party.ready.peerId })),
      is = await host2.find(typed('peer-connected', { peerId: party.ready.peerId }));
    assert.deepEqual([is.mode, is.device, is.sessionId, is.name], [mode, was.device, was.sessionId, was.name]);
  }
  assert.deepEqual([watcher2.ready.mode, driver2.ready.mode], ['view', 'control']);
  driver2.send({ type: 'offer', sdp: 'x' });
  await host2.find(typed('offer', { from: driver.ready.peerId, sessionId: bench.sessionId }));
  host2.send({ type: 'answer', sdp: 'y', sessionId: bench.sessionId, to: watcher.ready.peerId });
  await watcher2.find(typed('answer'));

  // an id is nobody else's: not by a link for watching, not twice, not in another session, not made up
  const taken = driver.ready.peerId;
  await driver2.stop();
  const thief = await server.join('desktop', { sessionId: bench.sessionId, token: links.view }, taken);
  assert.notEqual(thief.ready.peerId, taken);
  assert.equal(thief.ready.mode, 'view');
  for (const claimed of [watcher.ready.peerId, desktop.ready.peerId, 'p1', `p${'0'.repeat(32)}`]) {
    const other = await server.join('desktop', { sessionId: bench.sessionId, token: links.control }, claimed);
    assert.notEqual(other.ready.peerId, claimed);
    await other.stop();
    await until(
      'it to be gone',
      async () => (await server.get(`/api/session/${bench.sessionId}`)).json.observers === 2,
    );
  }

  // tokens for hosts
  assert.equal((await server.host('mine', devices, { token: used.token, key: elsewhere })).ready.host, 'mine');
  await server.host('new', devices, { token: unused.token, key: hostKey() });
  const stranger = await server.websocket();
  stranger.send({
    type: 'hello',
    role: 'host',
    host: 'never',
    protocol: 2,
    devices,
    token: revoked.token,
    key: lab.publicKey.export({ format: 'jwk' }).x,
  });
  await stranger.find(typed('error', { code: 'unauthorized' }));
});
