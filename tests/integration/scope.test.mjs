// A telescope by every door: our own (REST, /host/ws, sensors), and those of astrophotograph's pages, which speak as
// they always did. Its counterpart is the simulated one of tests/sim/seestar.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import {
  assertProblem,
  BUILD,
  documented,
  forFile,
  Program,
  ROOT,
  sse,
  until,
  websocket,
  within,
  withHost,
} from './harness.mjs';

const all = forFile();
let host;
let sim;
let answers;
const ask = async (line) => {
  const from = sim.out.items.length;
  sim.child.stdin.write(`${line}\n`);
  return sim.out.find(() => true, { from, what: `an answer to ${line}` });
};
const asked = async () => JSON.parse(await ask('state'));
const mount = '/host/devices/scope/mount';

before(async () => {
  sim = new Program(['node', path.join(ROOT, 'tests/sim/seestar/seestar-sim.mjs'), '--control', '--firmware', '2706']);
  all.after(() => sim.kill());
  const port = /listening (\d+)/.exec(await sim.line('listening'))[1];
  const uri = `seestar://127.0.0.1:${port}?imaging_port=${await ask('imaging')}`;
  host = await withHost(all, {
    devices: { scope: { label: 'Attic', attach: uri }, bare: { attach: 'vitals://' } },
    tokens: [
      { name: 'anna', role: 'operator', token: 'anna-0123456789abcdef' },
      { name: 'bert', role: 'viewer', token: 'bert-0123456789abcdef' },
    ],
  });
  const plain = host.request.bind(host);
  host.request = (method, target, options = {}) =>
    plain(method, target, { ...options, headers: { ...bearer, ...options.headers } });
  await host.state_is('scope/mount');
  answers = documented(host, (await host.get('/host/openapi.json')).json);
});
const bert = { headers: { Authorization: 'Bearer bert-0123456789abcdef' } };
const bearer = { Authorization: 'Bearer anna-0123456789abcdef' };

test('our own door: roles, the lease, words for a refusal, states on the bus, sensors', async () => {
  const ws = await websocket(host.url, '/host/ws', { headers: bearer });
  ws.send({ subscribe: ['event:scope'] });
  const went = await host.post(`${mount}/goto`, { ra: '5h35m17s', dec: '-5:23:28', equinox: 'now', target: 'M 42' });
  assert.equal(went.status, 200);
  assert.equal(went.json.target.name, 'M 42');
  await ws.find(
    (m) => m.event === 'mount.state' && m.data.doings.some((d) => d.what === 'goto' && d.state === 'complete'),
    { what: 'the end of the goto' },
  );
  assert.ok((await asked()).asked.some((a) => a.params?.target_name === 'M 42' && a.params.verify === undefined));
  const moved = await ws.command('scope', 'mount.move', { angle_deg: 90, duration_s: 1 });
  assert.equal(moved.ok, true, JSON.stringify(moved));
  assertProblem(await host.post(`${mount}/goto`, { ra: '25h', dec: '0' }), 400, { field: 'ra' });
  assertProblem(await host.post(`${mount}/goto`, {}), 400, { field: 'ra_hours' });
  assertProblem(await host.post(`${mount}/focus`, { step: 1, position: 2 }), 400, { field: 'position' });
  assertProblem(await host.post(`${mount}/stop`, {}, bert), 403);
  assert.equal((await host.get(mount, bert)).json.model, 'Seestar S50');
  await ask('fault master');
  assertProblem(await host.post(`${mount}/park`, {}), 422, { detail: /another program its master/ });
  await ask('fault none');
  await until('its sensors', async () => (await host.get('/host/devices/scope/sensors')).json['mount.dec']);
  await ws.stop();
});

test('the command line', async () => {
  const said = async (...args) => {
    const program = new Program([path.join(BUILD, 'testbed'), '--host', host.url, 'mount', ...args], {
      env: { TESTBED_TOKEN: 'anna-0123456789abcdef' },
    });
    return { how: await within('testbed to end', program.exited), text: program.text };
  };
  const there = await said('scope', 'goto', '--', '5:35:17', '-5:23:28', 'M 42');
  assert.equal(there.how.code, 0, there.text);
  assert.match(there.text, /^scope\/mount: \d+h \d+m [\d.]+s .*, M 42/);
  assert.equal((await said('scope', 'focus', '+5')).how.code, 0);
  assert.equal((await said('scope', 'goto', '25h', '0')).how.code, 2);
  assert.match((await said('scope', 'move', 'around')).text, /up, down, left or right/);
});

test('the pages of ALP Experimental: sessions with offer and answer, trickle, their list, and their end', async () => {
  const offer = { type: 'offer', sdp: readFileSync(path.join(ROOT, 'tests/fixtures/offers/aiortc-video.sdp'), 'utf8') };
  assert.ok(Array.isArray((await host.get('/api/webrtc/config')).json.iceServers));
  const made = await host.post('/api/webrtc/sessions', { telescope_name: 'Attic', offer, stream_type: 'live' });
  assert.equal(made.status, 200, made.text);
  assert.equal(made.json.answer.type, 'answer');
  assert.match(made.json.answer.sdp, /^v=0[\s\S]*m=video/);
  const session = `/api/webrtc/sessions/${made.json.session_id}`;
  const { json: one } = await host.get(session);
  assert.equal(one.telescope_name, 'scope');
  assert.ok(['new', 'connecting'].includes(one.state));
  assert.deepEqual(
    (await host.get('/api/webrtc/sessions')).json.map((s) => s.session_id),
    [one.session_id],
  );
  const candidate = { candidate: 'candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host', sdpMLineIndex: 0, sdpMid: '0' };
  assert.deepEqual((await host.post(`${session}/ice-candidates`, candidate)).json, { success: true });
  assertProblem(await host.post(`${session}/ice-candidates`, { candidate: 'a\r\nb' }), 400);
  // A session's id lets its viewer end it: nobody else is shown it, or may use it.
  assert.deepEqual((await host.get('/api/webrtc/sessions', bert)).json, []);
  assertProblem(await host.get(session, bert), 404);
  assertProblem(await host.delete(session, bert), 404);
  assertProblem(await host.post(`${session}/ice-candidates`, candidate, bert), 404);
  const alive = await sse(host.url, `${session}/ice-candidates/stream`, { headers: bearer });
  await alive.find((e) => e.data.type === 'keepalive');
  assert.equal((await host.delete(session)).json.success, true);
  await until('the stream ends with the session', () => alive.closed !== null);
  assertProblem(await host.get(session), 404);
  assertProblem(await host.post('/api/webrtc/sessions', { telescope_name: 'nobody', offer }), 404);
  assertProblem(await host.post('/api/webrtc/sessions', { telescope_name: 'scope', offer: {} }), 400);
});

test('… its WebSocket: states, commands and their answers, in their words', async () => {
  const ws = await websocket(host.url, '/api/ws', { headers: bearer });
  const list = await ws.find((m) => m.type === 'telescope_list');
  assert.deepEqual(
    list.payload.telescopes.map((t) => [t.id, t.serial_number, t.connected]),
    [['scope', '00000000', true]],
  );
  ws.send({ id: 's', type: 'subscribe', telescope_id: '00000000', payload: { subscription_types: ['all'] } });
  const first = await ws.find((m) => m.type === 'status_update');
  assert.equal(first.telescope_id, 'scope');
  assert.equal(first.payload.full_update, true);
  const command = async (id, action, parameters, more = {}) => {
    ws.send({ id, type: 'control_command', telescope_id: '00000000', payload: { action, parameters }, ...more });
    return (await ws.find((m) => m.type === 'command_response' && m.payload.command_id === id)).payload;
  };
  assert.equal((await command('1', 'goto', { ra: 2, dec: 3, target_name: 'x', is_j2000: false })).success, true);
  assert.equal((await command('2', 'focus_increment', { increment: -10 })).success, true);
  assert.equal((await command('3', 'set_gain', { gain: 90 })).result.gain, 90);
  assert.equal((await command('4', 'set_exposure', { exposure: 500 })).success, true);
  assert.equal((await command('5\n5', 'move', { direction: 'up', duration: 500 })).success, true);
  assert.equal((await command('6', 'get_image_enhancement', {})).success, true);
  assert.match((await command('7', 'fly', {})).error, /action is one of/);
  assert.match((await command('8', 'goto', {}, { telescope_id: 'nobody' })).error, /no telescope of that name/);
  assert.match((await command('9', 'set_gain', { gain: 90000 })).error, /gain/);
  await ws.find((m) => m.type === 'status_update' && m.payload.status.gain === 90, { what: 'the gain as a state' });
  await ask('event {"Event":"Alert","state":"fail","error":"too hot","code":7}');
  assert.equal((await ws.find((m) => m.type === 'alert')).payload.error, 'too hot');
  ws.send({ type: 'heartbeat', payload: {} });
  await ws.find((m) => m.type === 'heartbeat');
  ws.send('nonsense');
  await ws.find((m) => m.type === 'error' && m.payload.error_code === 'INVALID_JSON');
  const watcher = await websocket(host.url, '/ws/scope', { headers: bert.headers });
  watcher.send({ id: '1', type: 'control_command', payload: { action: 'park', parameters: {} } });
  const refused = await watcher.find((m) => m.type === 'command_response');
  assert.equal(refused.payload.success, false, 'who watches does not park it');
  await watcher.stop();
  await ws.stop();
});

test('… its REST, status as events, MJPEG; switched off in the middle it is lost, and found again', async () => {
  const scope = '/api/telescopes/scope';
  assert.equal((await host.get('/api/telescopes')).json[0].name, 'scope');
  assert.equal((await host.post(`${scope}/focus-inc`, { increment: 10 })).json.success, true);
  assertProblem(await host.post(`${scope}/goto`, {}), 400, { field: 'ra' });
  const status = await sse(host.url, `${scope}/status/stream`, { headers: bearer });
  assert.equal((await status.find(() => true)).data.is_connected, true);
  const ws = await websocket(host.url, '/ws/scope', { headers: bearer });
  await ask('off');
  await ws.find((m) => m.type === 'telescope_lost');
  await status.find((e) => e.data.is_connected === false);
  await ask('on');
  await ws.find((m) => m.type === 'telescope_discovered', { ms: 20000 });
  await status.find((e) => e.data.is_connected, { from: status.items.length - 1 });
  status.stop();
  const { status: code, headers, req } = await host.get(`${scope}/video-stream`, { stream: true });
  assert.equal(code, 200);
  assert.match(headers['content-type'], /multipart\/x-mixed-replace; *boundary=frame/);
  req.destroy();
  await ws.stop();
  assert.deepEqual(answers.findings(), []);
});
