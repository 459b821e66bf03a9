// GET /host/health is honest: what was configured and is not there is said by name; what was switched off or may be
// away is no problem; a display that is back is found at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { UBOOT, startXvfb } from './bench.mjs';
import { Program, until, withHost } from './harness.mjs';

const health = async (host, headers = {}) => (await host.get('/host/health', { headers })).json;
const becomes = (host, status, ms) =>
  until(
    `health to be ${status}`,
    async () => {
      const seen = await health(host);
      if (seen.status === status) return seen;
      throw new Error(JSON.stringify(seen));
    },
    ms,
  );

test('an X server that is killed: degraded by name within 2 s, healthy within 2 s of its return', async (t) => {
  const [lost, there] = [await startXvfb(t), await startXvfb(t)];
  const host = await withHost(t, { devices: { desktop: { attach: lost.uri }, other: { attach: there.uri } } });
  for (const name of ['desktop/video', 'desktop/input', 'other/video', 'other/input']) await host.state_is(name);
  const well = await becomes(host, 'healthy');
  assert.deepEqual([well.services.xvfb, well.reasons], ['running', []]);

  await lost.xvfb.kill();
  const ill = await becomes(host, 'degraded', 2000);
  assert.equal(ill.services.xvfb, 'stopped', 'the other display does not hide it');
  assert.equal(ill.reasons.length, 1, JSON.stringify(ill));
  assert.match(ill.reasons[0], /^desktop: .*absent: .*display :\d+/);

  const again = new Program(['Xvfb', lost.display, '-displayfd', '1', '-nolisten', 'tcp', '-noreset']);
  t.after(() => again.kill());
  // the longest pause is a second (TB_LIMIT_DISPLAY_RETRY_MS), counted from when the server can be reached
  await again.line(/^\d+$/);
  await becomes(host, 'healthy', 2000);
  for (const name of ['desktop/video', 'desktop/input']) await host.state_is(name); // 'starting' is well, too
  assert.equal((await health(host)).services.xvfb, 'running');
});

test('what is switched off or optional is no problem; one that is neither is', async (t) => {
  const nowhere = 'x11://:59535';
  const says = (state) => ({ driver: 'exec', power_on: ['true'], power_off: ['true'], power_get: ['echo', state] });
  const host = await withHost(t, {
    devices: {
      board: { attach: UBOOT },
      dark: { attach: [says('off'), nowhere] },
      spare: { attach: nowhere, optional: true },
    },
  });
  for (const name of ['spare/video', 'dark/video']) await host.state_is(name, 'absent');
  for (const name of ['power', 'console', 'video', 'input']) await host.state_is(`board/${name}`);
  assert.equal((await host.get('/host/devices/dark/power')).json.observed, 'off');
  const well = await becomes(host, 'healthy');
  assert.deepEqual([well.services.qemu, well.services.xvfb], ['running', 'unused']);

  assert.equal((await host.post('/host/devices', { id: 'needed', attach: nowhere })).status, 201);
  for (const name of ['needed/video', 'needed/input']) await host.state_is(name, 'absent');
  const ill = await becomes(host, 'degraded');
  assert.equal(ill.reasons.length, 1, JSON.stringify(ill));
  assert.match(ill.reasons[0], /^needed: video, input absent: /);
  assert.equal((await host.patch('/host/devices/needed', { optional: true })).status, 200);
  await host.state_is('needed/video', 'absent');
  await becomes(host, 'healthy');
});

test('who shows no token is told how many devices are not well, and not which', async (t) => {
  const token = 'viewer-of-this-bench';
  const host = await withHost(t, {
    tokens: [{ name: 'eve', role: 'viewer', token }],
    devices: { secret: { attach: 'x11://:59535' } },
  });
  const ill = await becomes(host, 'degraded');
  assert.deepEqual(ill.reasons, ['devices that are not well: 1 (who shows a token is told which)']);
  const named = async () => (await health(host, { Authorization: `Bearer ${token}` })).reasons[0];
  await until('both to be named', async () => (await named()).startsWith('secret: video, input absent'));
});
