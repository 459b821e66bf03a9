// What carries commands and telemetry between the console page and the host: data channel, WebSocket, the queue while
// the host is away; the switches for WebRTC and debug mode; the quality dashboard.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice } from '../integration/bench.mjs';
import { Host, forFile, freePort, scratch, until, withHost } from '../integration/harness.mjs';
import { assertPlays, assertQuiet, inPage, openPage, showsPictureBy, startBrowser } from './browser.mjs';

const file = forFile();
const state = scratch('tb-connection-');
const POWER = path.join(state, 'power');
let browser;
let devices;

before(async () => {
  browser = await startBrowser(file);
  const scripted = scriptedDevice(POWER).attach[0];
  const pattern = 'testpattern://?width=320&height=240&fps=20&interval_ms=200';
  devices = {
    dut: { attach: { power: scripted, video: pattern, sensors: pattern } },
    plain: { attach: 'testpattern://?interval_ms=200' },
  };
});

const startHost = (t, more = {}, options = {}) => withHost(t, { devices, ...more }, options);
const spied = (page, name) => page.evaluate((n) => window.spied[n], name);
const reading = (page) =>
  page.evaluate(() => document.querySelector('[aria-label=Sensors] .reading .value')?.textContent);

test('while the picture comes by WebRTC, samples come by the data channel "sensor" and states by "control"; without it, by WebSocket', async (t) => {
  const host = await startHost(t);
  const page = await openPage(t, browser, 'about:blank', { spy: true });
  const open = new Set();
  page.on('websocket', (ws) => {
    if (!ws.url().endsWith('/sensors/stream')) return;
    open.add(ws);
    ws.on('close', () => open.delete(ws));
  });
  await page.goto(`${host.url}/#/d/dut`);
  await showsPictureBy(page, 'webrtc');
  const samples = async () => (await spied(page, 'sensor')).filter((m) => m.type === 'sample' && m.device === 'dut');
  await until('samples by data channel', async () => (await samples()).length > 3, 30000);
  await until('no second way for them', () => open.size === 0, 30000);
  const value = await reading(page);
  await until('another value on the page', async () => (await reading(page)) !== value, 30000);

  await page.locator('#power-on-power').click();
  const told = await until(
    'the state by data channel',
    async () =>
      (await spied(page, 'control')).find(
        (m) => m.type === 'event' && m.event === 'power.state' && m.data.observed === 'on',
      ),
    30000,
  );
  assert.ok(Number.isInteger(told.id), JSON.stringify(told));
  await inPage(page, 'the state on the page, once', () =>
    [...document.querySelectorAll('.power-truth .value')].every((e) => /^On$/.test(e.textContent)),
  );
  await page.locator('#tab-events').click();
  await inPage(
    page,
    'the event, once',
    () =>
      [...document.querySelectorAll('.timeline li')].filter((li) => /observed on/.test(li.textContent)).length === 1,
  );
  assertQuiet(page);

  // the connection goes away under it
  const before = (await samples()).length;
  await page.evaluate(() => {
    window.RTCPeerConnection = class {
      constructor() {
        throw new Error('taken away by the test');
      }
    };
    for (const channel of Object.values(window.spied.channels)) channel.close();
  });
  await until('a WebSocket for the samples', () => open.size > 0, 30000);
  const then = await reading(page);
  await until('another value on the page', async () => (await reading(page)) !== then, 30000);
  assert.ok((await samples()).length >= before);
});

test('commands given while the host is away wait in sight; one is taken back, the other is carried out when the host is there again', async (t) => {
  const fixed = { port: await freePort() };
  const first = await startHost(t, fixed);
  await first.put('/host/devices/dut/power', { state: 'off' });
  const page = await openPage(t, browser, `${first.url}/#/d/dut`);
  await showsPictureBy(page, 'webrtc');
  await first.stop({ keepState: true });
  await inPage(page, 'the page to notice', () => /Reconnecting/.test(document.querySelector('#link').textContent));
  await inPage(page, 'the picture to be gone', () => document.querySelector('.stage').dataset.rung === 'fallback');
  const waiting = () =>
    page.evaluate(() =>
      [...document.querySelectorAll('#queue:not([hidden]) li')].map((li) => li.textContent.replace(/\d+ s/, 'n s')),
    );

  await page.locator('#power-cycle-power').click();
  await page.locator('#power-on-power').click();
  await until('both to wait', async () => (await waiting()).length === 2, 30000);
  assert.deepEqual(await waiting(), [
    'dut: power cycle waits for the connectionn sCancel',
    'dut: power on waits for the connectionn sCancel',
  ]);
  await page.getByRole('button', { name: 'Cancel power cycle of dut' }).click();
  await until('one to wait', async () => (await waiting()).length === 1, 30000);
  assert.ok(!existsSync(POWER), 'nothing was sent');

  const second = await Host.start({ devices, ...fixed }, { state: first.state });
  t.after(() => second.stop());
  await until('none to wait', async () => (await waiting()).length === 0, 30000);
  await until(
    'power to be on',
    async () => (await second.get('/host/devices/dut/power')).json.observed === 'on',
    30000,
  );
  await inPage(page, 'the page to say so', () =>
    [...document.querySelectorAll('.power-truth .value')].every((e) => /^On$/.test(e.textContent)),
  );
  const audit = readFileSync(path.join(second.state, 'audit.jsonl'), 'utf8');
  assert.match(audit, /power\.set/);
  assert.doesNotMatch(audit, /power\.cycle/, 'what was taken back never arrived');
});

test("the switch for WebRTC: off shows MJPEG and says why, on brings it back; debug mode tells the browser's console about commands and states", async (t) => {
  const host = await startHost(t);
  const page = await openPage(t, browser, `${host.url}/#/d/dut`);
  const lines = [];
  page.on('console', (m) => lines.push(m.text()));
  await showsPictureBy(page, 'webrtc');
  const settings = async (change) => {
    await page.getByRole('button', { name: 'Settings' }).click();
    const dialog = page.getByRole('dialog');
    await change(dialog);
    await dialog.getByRole('button', { name: 'Save' }).click();
  };
  await page.locator('#power-off-power').click();
  await inPage(page, 'power off', () =>
    [...document.querySelectorAll('.power-truth .value')].every((e) => /^Off$/.test(e.textContent)),
  );
  assert.deepEqual(
    lines.filter((l) => l.startsWith('testbed:')),
    [],
    'quiet unless asked',
  );

  await settings(async (d) => {
    await d.getByLabel(/^Live video by WebRTC/).uncheck();
    await d.getByLabel(/Debug mode/).check();
  });
  assert.deepEqual(await showsPictureBy(page, 'fallback'), { width: 320, height: 240 });
  assert.match(
    await page.locator('#fallback-notice').textContent(),
    /WebRTC is switched off in the settings. Showing MJPEG/,
  );
  await page.locator('#power-on-power').click();
  await until(
    'the command in the console',
    () => lines.some((l) => /^testbed: command \d+ dut power\.set: sent by websocket/.test(l)),
    30000,
  );
  await until(
    'its end',
    () => lines.some((l) => /^testbed: command \d+ dut power\.set: acknowledged after \d+ ms/.test(l)),
    30000,
  );

  await settings((d) => d.getByLabel(/^Live video by WebRTC/).check());
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
  await until('ICE states in the console', () => lines.some((l) => /^testbed: dut: iceConnectionState/.test(l)), 30000);
  await page.reload();
  await showsPictureBy(page, 'webrtc');
  assertQuiet(page);
});

test('the quality dashboard: figures, path, what commands go by, the states so far; the badge has its short form', async (t) => {
  const host = await startHost(t);
  const page = await openPage(t, browser, `${host.url}/#/d/dut`);
  await showsPictureBy(page, 'webrtc');
  await inPage(page, 'the badge', () => /ms.*fps.*bit\/s.*loss/.test(document.querySelector('#quality').textContent));
  await page.locator('#power-on-power').click();
  await page.locator('#quality').click();
  await inPage(page, 'the figures', () => {
    const rows = Object.fromEntries(
      [...document.querySelectorAll('dialog dt')].map((dt) => [dt.textContent, dt.nextElementSibling.textContent]),
    );
    const want = {
      Video: /^WebRTC$/,
      Latency: /ms/,
      'Frame rate': /^\d+ fps$/,
      Bitrate: /bit\/s/,
      'Lost packets': /%/,
      Picture: /^320 × 240$/,
      Codec: /./,
      Path: /direct/,
      'Frames decoded': /^\d+$/,
      'Commands go by': /^data channel$/,
    };
    const wrong = Object.entries(want).filter(([k, v]) => !v.test(rows[k] ?? ''));
    if (wrong.length) throw new Error(JSON.stringify([wrong.map(([k]) => k), rows]));
    return true;
  });
  await inPage(page, 'a line of the plot', () => document.querySelector('dialog .plot canvas')?.width > 0);
  assert.match(
    await page.getByRole('log', { name: 'Connection log' }).textContent(),
    /signalingState have-local-offer[\s\S]*connection connected[\s\S]*video: webrtc/,
  );
  const asked = page.waitForResponse((r) => /\/whep\?max_kbps=300$/.test(r.url()));
  await page.getByLabel('Most that WebRTC takes of the line').selectOption('300');
  assert.equal((await asked).status(), 201);
  await showsPictureBy(page, 'webrtc');
  assertQuiet(page);
});
