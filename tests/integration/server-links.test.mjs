// What a link of a device opens besides its WebSocket: the routes of that device, carried to its host.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertProblem } from './harness.mjs';
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
  const view = new URL(viewUrl).searchParams.get('token');
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
  const get = await ask('GET', 'files?path=/tmp', view);
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
  assertProblem(await server.get(`/api/session/${sessionId}/device/files`), 401);
  assertProblem(await ask('GET', 'console', view, { headers: { Upgrade: 'websocket' } }), 501, {
    detail: /not carried/,
  });
  const phone = await made({});
  assertProblem(await server.get(`/api/session/${phone.sessionId}/device/files?token=${phone.token}`), 404);
  await host.stop();
  assertProblem(await ask('GET', 'files', token), 404, { detail: /not connected/ });
  await server.request('DELETE', `/api/session/${sessionId}?token=${token}`);
  assertProblem(await ask('GET', 'files', token), 404);
});
