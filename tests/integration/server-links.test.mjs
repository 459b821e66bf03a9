// What a link of a device opens besides its WebSocket: the routes of that device, carried to its host.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertProblem, linkToken } from './harness.mjs';
import { answerTo, serve } from './link.mjs';
import { withServer } from './server-harness.mjs';

const DEVICES = [
  { id: 'board', label: 'U-Boot', state: 'ready', interfaces: [{ name: 'power', kind: 'power', state: 'ready' }] },
  { id: 'desktop', label: 'Desk', state: 'ready', interfaces: [] },
];

test('a link opens the routes of its device, and nothing else: reading by either, writing by the one for control', async (t) => {
  const tokens = [{ name: 'anna', role: 'operator', token: 'a-token-of-annas-own' }];
  const server = await withServer(t, { tokens, hosts: [{ name: 'lab-1', token: 'a-token-of-the-host' }] });
  const host = await server.host('lab-1', DEVICES, { token: 'a-token-of-the-host' });
  serve(host, (head, stream, body) =>
    answerTo(
      host,
      stream,
      200,
      { 'Content-Type': 'application/json' },
      JSON.stringify({ ...head, text: body.toString() }),
    ),
  );
  const made = (json) =>
    server.post('/api/session', json, { headers: { Authorization: `Bearer ${tokens[0].token}` } }).then((a) => a.json);
  const { sessionId, token, viewUrl } = await made({ device: 'lab-1/board', mode: 'control' });
  const view = linkToken(viewUrl);
  const ask = (method, path, as, options) =>
    server.request(
      method,
      `/api/session/${sessionId}/device/${path}${path.includes('?') ? '&' : '?'}token=${as}`,
      options,
    );

  const put = await ask('PUT', 'files?path=/tmp/a%20b&mode=644', token, {
    body: 'bytes',
    headers: { 'X-Lease': 'L1' },
  });
  assert.deepEqual(
    [put.json.path, put.json.text, put.json.role, put.json.user, put.json.headers['X-Lease']],
    ['/host/devices/board/files?path=/tmp/a%20b&mode=644', 'bytes', 'operator', 'anna', 'L1'],
  );
  const get = await server.get(`/api/session/${sessionId}/device/files?path=/tmp&access_token=mine&%74oken=${view}`); // no secret travels on
  assert.deepEqual([get.json.path, get.json.role], ['/host/devices/board/files?path=/tmp', 'viewer']);
  for (const method of ['PUT', 'POST', 'DELETE', 'PATCH'])
    assertProblem(await ask(method, 'files?path=/x', view), 403, { detail: /watching only/ });
  for (const path of [
    '../other/files',
    '%2e%2e/other/files',
    'a/..%2f..%2fother',
    '..%5Cother',
    'a/../../x',
    './x',
    'a%3Fb',
  ])
    assertProblem(await ask('GET', path, token), 404, { detail: /its device alone/ });
  assertProblem(await ask('GET', 'files', 'guess'), 403);
  // each way of a link takes its token as a header, too: out of logs and addresses
  for (const way of ['device/files', 'ice', 'qr.svg'])
    assert.equal(
      (await server.get(`/api/session/${sessionId}/${way}`, { headers: { 'X-Session-Token': view } })).status,
      200,
    );
  assertProblem(await server.get(`/api/session/${sessionId}/device/files`), 401);
  const phone = await made({});
  assertProblem(await server.get(`/api/session/${phone.sessionId}/device/files?token=${phone.token}`), 404);
  await host.stop();
  assertProblem(await ask('GET', 'files', token), 404, { detail: /not connected/ });
  await server.request('DELETE', `/api/session/${sessionId}?token=${token}`);
  assertProblem(await ask('GET', 'files', token), 404);
});

test('links: for how long, for how many, for what; listed with who is in them; taken back at once, also after a restart', async (t) => {
  const tokens = [
    { name: 'anna', role: 'operator', token: 'a-token-of-annas-own' },
    { name: 'bert', role: 'viewer', token: 'a-token-of-berts-own' },
    { name: 'root', role: 'admin', token: 'a-token-of-roots-own' },
  ];
  const [anna, bert, root] = tokens.map(({ token }) => ({ headers: { Authorization: `Bearer ${token}` } }));
  const config = { tokens, hosts: [{ name: 'lab-1', token: 'a-token-of-the-host' }] };
  let server = await withServer(t, config);
  let host = await server.host('lab-1', DEVICES, { token: 'a-token-of-the-host' });
  const made = (json, as = anna) => server.post('/api/session', { device: 'lab-1/board', ...json }, as);
  const forever = (await made({ mode: 'control', ttl_s: null, observers: 1, note: 'night  shift\u202e' })).json;
  const hour = (await made({ ttl_s: 3600 })).json;
  const used = (await made({}, bert)).json;
  assert.equal(forever.expiresAt, null);
  assert.ok(Math.abs(Date.parse(hour.expiresAt) - Date.now() - 3600000) < 60000, hour.expiresAt);
  for (const ttl_s of [-1, 1.5, '60', 366 * 86400 + 1, []])
    assertProblem(await made({ ttl_s }), 400, { detail: /ttl_s must be/ });
  assertProblem(await server.post('/api/session', { ttl_s: 0 }), 401);

  const ids = async (as, query = '') => (await server.get(`/api/session${query}`, as)).json.map((s) => s.sessionId);
  assert.deepEqual(await ids(bert), [used.sessionId]);
  assert.deepEqual((await ids(root)).sort(), [forever, hour, used].map((s) => s.sessionId).sort());
  assert.deepEqual(await ids(root, '?device=lab-1/desktop'), []);
  assertProblem(await server.get('/api/session'), 401);

  const inside = await server.join('desktop', forever);
  const listed = async () =>
    (await server.get('/api/session', anna)).json.find((s) => s.sessionId === forever.sessionId);
  const entry = await listed();
  assert.deepEqual(
    [entry.maker, entry.note, entry.max, entry.untilRevoked, entry.expiresAt, entry.mode, entry.device],
    ['anna', 'night shift', 1, true, null, 'control', 'lab-1/board'],
  );
  assert.deepEqual(
    entry.people.map((p) => [p.peerId, p.mode]),
    [[inside.ready.peerId, 'control']],
  );
  assert.ok(!JSON.stringify(entry).includes(forever.token), 'no token is told again');

  // other terms: by who made it, and who controls is cut
  const change = (json, as) => server.request('PATCH', `/api/session/${forever.sessionId}`, { json, ...as });
  assertProblem(await change({ mode: 'view' }, bert), 403);
  assertProblem(await change({ mode: 'view' }), 401);
  assert.equal((await change({ mode: 'view', note: 'day shift', observers: 2 }, anna)).json.mode, 'view');
  assert.equal((await inside.find((m) => m.type === 'error', { what: 'the end' })).code, 'mode-changed');
  const gone = await host.find((m) => m.type === 'peer-disconnected', { what: 'its end at the host' });
  assert.equal(gone.peerId, inside.ready.peerId);
  assertProblem(
    await server.request('PATCH', `/api/session/${used.sessionId}`, { json: { mode: 'control' }, ...root }),
    409,
    { detail: /made for watching/ },
  );

  // kept over a restart, with its terms
  await server.stop({ keepState: true });
  server = await withServer(t, config, { state: server.folder });
  host = await server.host('lab-1', DEVICES, { token: 'a-token-of-the-host' });
  const after = await listed();
  assert.deepEqual([after.untilRevoked, after.note, after.max, after.mode], [true, 'day shift', 2, 'view']);
  const again = await server.join('desktop', forever);
  assert.equal(again.ready.mode, 'view');
  assertProblem(await server.request('DELETE', `/api/session/${forever.sessionId}`, bert), 403);
  assert.equal((await server.request('DELETE', `/api/session/${forever.sessionId}`, anna)).status, 204);
  assert.equal((await again.find((m) => m.type === 'error', { what: 'the end' })).message, 'Session ended');
  await host.find((m) => m.type === 'session-closed' && m.sessionId === forever.sessionId, { what: 'closed' });
  assert.equal(await listed(), undefined);
});
