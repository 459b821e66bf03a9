// Hosts of VirtualPyTest register by HTTP, ping, and leave: the messages as their registration thread sends them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertProblem } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const MESSAGE = {
  host_name: 'docker-host',
  host_url: 'https://lab.example/host',
  host_api_url: 'http://10.0.0.5:6109',
  host_port: '6109',
  host_ip: '10.0.0.5',
  device_count: 1,
  devices: [
    {
      device_id: 'device1',
      device_name: 'Pixel',
      device_model: 'android_mobile',
      device_ip: '10.0.0.7',
      device_port: '5555',
      video_stream_path: null,
      device_capabilities: { av: 'hdmi_stream' },
      device_action_types: { remote: [{ id: 'press_key_up' }] },
    },
  ],
  capabilities: {},
  system_stats: { cpu_percent: 7 },
};
const PING = { host_name: 'docker-host', timestamp: 1, device_count: 1, system_stats: {}, per_device_metrics: [] };

test('register, ping, list, unregister', async (t) => {
  const server = await withServer(t);
  const post = (what, json, options) => server.post(`/server/system/${what}`, json, options);
  const unknown = await post('ping', PING);
  assert.deepEqual([unknown.status, unknown.json.status, unknown.json.action], [404, 'not_registered', 'register']);

  const { status, json } = await post('register', MESSAGE);
  assert.deepEqual([status, json.status, json.host_name], [200, 'success', 'docker-host'], JSON.stringify(json));
  assert.deepEqual([json.host_data.host_port, json.host_data.devices[0].device_model], [6109, 'android_mobile']);
  const pinged = await post('ping', PING);
  assert.deepEqual([pinged.status, pinged.json.status], [200, 'success']);
  assert.ok(Math.abs(pinged.json.server_time - Date.now() / 1000) < 60);

  const all = (await server.get('/server/system/getAllHosts')).json;
  assert.deepEqual([all.success, all.hosts.length, all.hosts[0].host_name], [true, 1, 'docker-host']);
  assert.deepEqual((await server.get('/api/hosts')).json, [], 'it has no socket: nothing can be carried to it');

  for (const [what, field] of [
    [{ ...MESSAGE, host_name: undefined }, 'host_name'],
    [{ ...MESSAGE, host_url: undefined }, 'host_url'],
    [{ ...MESSAGE, devices: undefined }, 'devices'],
    [{ ...MESSAGE, devices: 'none' }, 'devices'],
    [{ ...MESSAGE, host_port: '70000' }, 'host_port'],
    [{ ...MESSAGE, host_name: '../x' }, 'host_name'],
  ]) {
    const answer = await post('register', what);
    assertProblem(answer, 400, { field });
    assert.deepEqual([answer.json.success, typeof answer.json.error], [false, 'string']);
  }
  assertProblem(await post('register', MESSAGE, { headers: { Origin: 'http://evil.example' } }), 403);
  assert.equal((await post('unregister', { host_name: 'docker-host' })).json.status, 'success');
  assert.equal((await post('unregister', { host_name: 'docker-host' })).status, 404);
  assert.equal((await post('ping', PING)).status, 404);
});

test('with tokens, a host speaks for its own name alone', async (t) => {
  const token = 'host-token-0123456789';
  const server = await withServer(t, {
    tokens: [{ name: 'alice', role: 'viewer', token: 'viewer-token-0123456789' }],
    hosts: [{ name: 'docker-host', token }],
  });
  const as = (shown) => ({ headers: { Authorization: `Bearer ${shown}` } });
  const register = (host_name, options) => server.post('/server/system/register', { ...MESSAGE, host_name }, options);
  assertProblem(await register('docker-host'), 401);
  assertProblem(await register('docker-host', as('viewer-token-0123456789')), 403);
  assertProblem(await register('another', as(token)), 403);
  assert.equal((await register('docker-host', as(token))).status, 200);
  assertProblem(await server.post('/server/system/ping', PING), 401);
  assert.equal((await server.post('/server/system/ping', PING, as(token))).status, 200);
  assertProblem(await server.get('/server/system/getAllHosts'), 401);
  assert.equal((await server.get('/server/system/getAllHosts', as('viewer-token-0123456789'))).status, 200);
});
