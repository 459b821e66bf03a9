// A host answers while GStreamer and testbed-media are still on their way: its start waits for neither.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { heldGStreamer } from './bench.mjs';
import { until, withHost } from './harness.mjs';

const OFFER = [
  'v=0',
  'o=- 1 1 IN IP4 0.0.0.0',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=recvonly',
  'a=rtcp-mux',
  'a=rtpmap:96 VP8/90000',
  'a=ice-ufrag:abcd',
  `a=ice-pwd:${'x'.repeat(24)}`,
  'a=setup:actpass',
  `a=fingerprint:sha-256 ${Array(32).fill('AA').join(':')}`,
  '',
].join('\r\n');

test('REST answers before media is ready, says so, and a viewer is told to come again', async (t) => {
  const { env, release } = heldGStreamer();
  const host = await withHost(
    t,
    { devices: { pattern: { attach: 'testpattern://?width=320&height=240&fps=20' } } },
    { env },
  );

  const health = await host.get('/host/health');
  assert.equal(health.status, 200);
  assert.equal(health.json.services.media, 'starting');
  assert.equal(health.json.status, 'healthy', 'starting is no fault');
  const info = await host.get('/host/info');
  assert.equal(info.json.media.peers.state, 'starting');
  assert.deepEqual(info.json.codecs, []);
  await host.state_is('pattern/video');
  assert.equal((await host.get('/host/devices/pattern/video')).json.media, 'starting');
  assert.equal((await host.get('/host/devices/pattern/video/snapshot.jpg')).status, 200, 'pictures need no GStreamer');
  const offer = () =>
    host.request('POST', '/host/devices/pattern/video/whep', {
      body: OFFER,
      headers: { 'content-type': 'application/sdp' },
    });
  const refused = await offer(); // after 5 s: TB_LIMIT_MEDIA_START_MS
  assert.equal(refused.status, 503);
  assert.match(refused.json.detail, /media: starting/);
  const early = offer(); // an offer that need not wait so long is answered

  const events = await host.sse('/host/events');
  t.after(() => events.stop());
  await until(
    'media to run',
    async () => {
      release();
      return (await host.get('/host/health')).json.services.media === 'running';
    },
    120000,
  );
  await events.find((e) => e.data.type === 'media.state' && e.data.data.state === 'running', { ms: 60000 });
  assert.ok((await host.get('/host/info')).json.codecs.length > 0);
  assert.ok([201, 503].includes((await early).status), 'the start may take longer on a slow machine');
  const viewer = await until(
    'a viewer',
    async () => {
      const said = await offer();
      return said.status === 201 && said;
    },
    60000,
  );
  assert.match(viewer.text, /a=fingerprint:sha-256 /);
});
