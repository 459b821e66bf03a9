// Lists of the server: by GET with ETag and filter, by event (WebSocket, Server-Sent Events); each reader what he may
// see, also when that changes.
import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { test } from 'node:test';

import { assertProblem, until } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const device = (id, label = id) => ({ id, label, state: 'ready', interfaces: [{ name: 'power', kind: 'power' }] });
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });
const BOSS = 'boss-0123456789abcdef';
const names = (rows) => rows.map((r) => r.name ?? r.id);
const change = (list) => (m) => m.list === list && m.set;

/** An event stream, read until `enough` says so of the messages. */
function stream(server, target, headers, enough) {
  return new Promise((resolve, reject) => {
    const got = [];
    const client = server.url.startsWith('https') ? https : http;
    const request = client.get(new URL(target, server.url), { headers, rejectUnauthorized: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece) => {
        text += piece;
        for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
          const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
          if (data) got.push(JSON.parse(data));
        }
        if (enough(got)) (request.destroy(), resolve(got));
      });
      answer.on('end', () => resolve(got));
    });
    request.on('error', reject);
  });
}

test('lists by GET: an ETag, 304, and a filter', async (t) => {
  const server = await withServer(t);
  const lab = await server.host('lab-1', [device('board'), device('phone')]);
  await server.host('lab-2', [device('board')]);
  for (const [path, filtered, found] of [
    ['/api/hosts', '/api/hosts?host=lab-2', ['lab-2']],
    ['/api/devices', '/api/devices?device=*/board', ['lab-1/board', 'lab-2/board']],
  ]) {
    const first = await server.get(path);
    const etag = first.headers.etag;
    assert.match(etag, /^"[\w-]+"$/);
    const again = await server.get(path, { headers: { 'If-None-Match': etag } });
    assert.deepEqual([again.status, again.text], [304, '']);
    assert.equal(again.headers.etag, etag);
    lab.send({ type: 'devices', devices: [device('board', `for ${path}`), device('phone')] });
    await until('the change', async () => (await server.get(path)).text.includes(`for ${path}`));
    const next = await server.get(path, { headers: { 'If-None-Match': etag } });
    assert.equal(next.status, 200);
    assert.deepEqual(names((await server.get(filtered)).json), found);
  }
  assertProblem(await server.get('/api/hosts?host=lab%201'), 400, { field: 'host' });
  const made = await server.session({ device: 'lab-1/board' });
  const sessions = await server.get('/api/session?device=lab-1');
  assert.equal(sessions.json[0].sessionId, made.sessionId);
  const same = await server.get('/api/session?device=lab-1', { headers: { 'If-None-Match': sessions.headers.etag } });
  assert.equal(same.status, 304);
  assert.deepEqual((await server.get('/api/session?device=lab-2/*')).json, []);
});

test('a subscription is told what changed, and of nothing else', async (t) => {
  const server = await withServer(t);
  const lab = await server.host('lab-1', [device('board')]);
  const page = await server.websocket('/ws');
  page.send({ subscribe: ['hosts', { list: 'sessions', device: 'lab-1/board' }, 'nothing'] });
  const first = await page.find((m) => m.list === 'hosts');
  assert.deepEqual(names(first.rows), ['lab-1']);
  assert.equal(first.etag, (await server.get('/api/hosts')).headers.etag);
  assert.equal((await page.find((m) => m.type === 'error')).status, 400);
  for (const wrong of [{ device: 7 }, { host: ['lab-1'] }, { device: false }, { etag: 1 }]) {
    page.send({ subscribe: [{ list: 'devices', ...wrong }] }); // a filter that is not understood is none that shows all
    const field = Object.keys(wrong)[0];
    const refused = await page.find((m) => m.type === 'error' && m.message.includes(`${field} must be`));
    assert.deepEqual([refused.status, refused.list], [400, 'devices']);
  }
  await server.host('lab-2', [device('board')]);
  const came = await page.find(change('hosts'));
  assert.deepEqual([came.keys, names(came.set)], [['lab-2'], ['lab-2']]);
  assert.equal(came.from, first.etag);
  const made = await server.session({ device: 'lab-1/board' });
  await server.session({ device: 'lab-2/board' });
  const link = await page.find(change('sessions'));
  assert.deepEqual(link.keys, [made.sessionId]);
  await server.join('desktop', { sessionId: made.sessionId, token: made.token });
  const joined = await page.find((m) => change('sessions')(m) && m.set[0]?.people.length === 1);
  assert.equal(joined.set[0].device, 'lab-1/board');
  page.send({ type: 'ping' });
  await page.find((m) => m.type === 'pong');
  // who comes back with what he has is told that alone
  const again = await server.websocket('/ws');
  const { etag } = (await server.get('/api/hosts')).headers;
  again.send({ subscribe: [{ list: 'hosts', etag }] });
  assert.deepEqual(await again.find((m) => m.list === 'hosts'), { list: 'hosts', etag });
  page.send({ unsubscribe: ['hosts'] });
  page.send({ type: 'ping' });
  await page.find((m) => m.type === 'pong');
  lab.send({ type: 'devices', devices: [] });
  await again.find(change('hosts'));
  assert.equal(page.items.filter(change('hosts')).length, 1);
  // the same as an event stream
  const events = stream(server, '/api/events?list=devices', {}, (got) => got.length === 2);
  await until('its reader', async () => /testbed_list_readers 3/.test((await server.get('/metrics')).text));
  lab.send({ type: 'devices', devices: [device('other')] });
  const [all, more] = await events;
  assert.deepEqual(names(all.rows), ['lab-2/board']);
  assert.deepEqual([more.keys, names(more.set)], [['lab-1'], ['lab-1/other']]);
});

test('each reads what he may see, and when that changes his list does', async (t) => {
  const server = await withServer(t, { tokens: [{ name: 'boss', role: 'admin', token: BOSS }] });
  const boss = bearer(BOSS);
  for (const name of ['lab-1', 'lab-2']) await server.host(name, [device('board')], { token: BOSS });
  const group = (devices) => server.post('/api/groups', { name: 'boards', role: 'operator', devices }, boss);
  assert.equal((await group(['lab-1'])).status, 201);
  const user = { name: 'anna', role: 'operator', password: 'correct horse 1', groups: ['boards'] };
  assert.equal((await server.post('/api/users', user, boss)).status, 201);
  const { token } = (await server.post('/api/users/anna/sessions', { about: 'test' }, boss)).json;
  // the token as a page shows it: in no address
  const open = () =>
    server.websocket('/ws', {
      protocols: ['testbed', `testbed.bearer.${Buffer.from(token).toString('base64url')}`],
    });
  const page = await open();
  assert.equal(page.ws.protocol, 'testbed');
  page.send({ subscribe: ['hosts', 'enrol'] });
  assert.deepEqual(names((await page.find((m) => m.list === 'hosts')).rows), ['lab-1']);
  assert.equal((await page.find((m) => m.type === 'error')).status, 403); // it is for admins
  assertProblem(await server.get('/api/events?list=users', bearer(token)), 403);
  const stranger = await server.websocket('/ws');
  stranger.send({ subscribe: ['hosts'] });
  await until('its end', () => stranger.code === 1008);
  assert.equal(stranger.items.filter((m) => m.rows).length, 0);
  // also when he may see more: nobody waits for his own next request
  await group(['lab-1', 'lab-2']);
  await until('its end', () => page.code);
  assert.equal(page.reason, 'what this account may has changed: connect again');
  const wider = await open();
  wider.send({ subscribe: ['hosts'] });
  assert.deepEqual(names((await wider.find((m) => m.list === 'hosts')).rows), ['lab-1', 'lab-2']);
  await group(['lab-2']);
  await until('its end', () => wider.code);
  assert.deepEqual(names((await server.get('/api/hosts', bearer(token))).json), ['lab-2']);
});

test('lists without rows say that there is another one', async (t) => {
  const server = await withServer(t, { tokens: [{ name: 'boss', role: 'admin', token: BOSS }] });
  const boss = bearer(BOSS);
  const page = await server.websocket('/ws', boss);
  page.send({ subscribe: ['users', 'enrol', 'telemetry', 'groups', 'logins'] });
  const first = await page.find((m) => m.list === 'enrol');
  assert.equal(first.get, 'api/enrol');
  const before = await server.get('/api/enrol', boss);
  assert.equal((await server.post('/api/enrol', { name: 'lab-9' }, boss)).status, 201);
  await page.find((m) => m.list === 'enrol' && m.etag !== first.etag);
  const { etag } = before.headers;
  const tagged = { headers: { ...boss.headers, 'If-None-Match': etag } };
  const after = await server.get('/api/enrol', tagged);
  assert.equal(after.status, 200);
  tagged.headers['If-None-Match'] = after.headers.etag;
  assert.equal((await server.get('/api/enrol', tagged)).status, 304);
});
