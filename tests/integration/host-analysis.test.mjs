// What the host sees on a screen: told like any sensor, and looked at only while somebody wants to know.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertProblem, until, withHost } from './harness.mjs';

test('analysis://: streams by SSE and /host/ws while they are wanted; the source stops behind the last', async (t) => {
  const host = await withHost(t, {
    devices: {
      board: {
        attach: {
          video: 'testpattern://?width=320&height=240',
          analysis: 'analysis://?interval_ms=100',
          audio: 'testtone://',
        },
      },
      blind: { attach: { analysis: 'analysis://' } },
    },
  });
  const state = async (kind) => (await host.get(`/host/devices/board/${kind}`)).json.state;
  await host.state_is('board/analysis');
  assert.equal(await state('video'), 'idle');

  const events = await host.sse('/host/devices/board/analysis/stream?stream=video.motion,video.frozen');
  const { data } = await events.find((e) => e.data.stream === 'video.motion' && e.data.value > 0);
  assert.deepEqual([data.interface, data.quantity, data.unit], ['analysis', 'ratio', '1']);
  assert.ok(data.value < 1);
  assert.equal((await events.find((e) => e.data.stream === 'video.frozen')).data.unit, 's');
  assert.ok(!events.items.some((e) => e.data.stream === 'video.black'), 'what nobody wants is not told');
  const video = (await host.get('/host/devices/board/video')).json;
  assert.deepEqual([video.state, video.viewers], ['live', 0], 'who analyses is no viewer');

  const ws = await host.websocket('/host/ws');
  ws.send({ subscribe: ['sensor', 'sensor:blind'] }); // all that is told, and one without a screen
  events.stop();
  await until('the source to stop', async () => (await state('video')) === 'idle');
  ws.send({ subscribe: ['sensor:board'] });
  await ws.find((m) => m.type === 'sample' && m.stream === 'video.black');
  assert.equal(await state('audio'), 'idle', 'a microphone does not start because somebody wants all there is');
  const kept = (await host.get('/host/devices/board/analysis/history?stream=video.motion')).json;
  assert.ok(kept['video.motion'].value.length > 1, 'what was seen is kept');

  const heard = await host.sse('/host/devices/board/analysis/stream?stream=audio.rms');
  const level = await heard.find((e) => e.data.stream === 'audio.rms');
  assert.ok(Math.abs(level.data.value + 23) < 0.5, `a tone of -20 dBFS has an RMS of -23: ${level.data.value}`);

  // a device goes while it is looked at
  const late = { id: 'late', attach: { video: 'testpattern://', analysis: 'analysis://?interval_ms=100' } };
  assert.equal((await host.post('/host/devices', late)).status, 201);
  const last = await host.sse('/host/devices/late/analysis/stream');
  await last.find((e) => e.data.stream === 'video.motion');
  assert.equal((await host.delete('/host/devices/late')).status, 204);
  assertProblem(await host.post('/host/devices', { ...late, attach: { analysis: 'analysis://here' } }), 400);
  await Promise.all([ws.stop(), heard.stop(), last.stop()]);
});
