// What the console page does when things break: WebRTC that cannot connect, a host that restarts under it, a viewer
// that wants to control.
import assert from 'node:assert/strict';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { startSerialPort, startXvfb } from '../integration/bench.mjs';
import { Host, forFile, freePort, scratch, until, withHost } from '../integration/harness.mjs';
import {
  allowWebRTC,
  assertPlays,
  assertQuiet,
  inPage,
  openPage,
  showsPictureBy,
  startBrowser,
  terminalText,
} from './browser.mjs';

const file = forFile();
const TOKENS = {
  viewer: 'only-looks-0123456789abcdef',
  operator: 'may-control-0123456789abcdef',
  admin: 'may-attach-0123456789abcdef',
};
let browser;
let devices;
let port;

before(async () => {
  browser = await startBrowser(file);
  const desk = await startXvfb(file, { width: 320, height: 240 });
  port = await startSerialPort(file, { echo: true });
  devices = {
    pattern: { attach: 'testpattern://?width=320&height=240&fps=20' },
    desktop: { attach: { video: desk.uri, input: desk.uri, console: port.uri } },
  };
});

const startHost = (t, more = {}, options = {}) => withHost(t, { devices, ...more }, options);

test('H.264 of an odd size: the last column and row that are there twice are not shown, and pointers go by the screen', async (t) => {
  const host = await startHost(t, { devices: { odd: { attach: 'testpattern://?width=321&height=241&fps=20' } } });
  const page = await openPage(t, browser, `${host.url}/#/d/odd`);
  assert.deepEqual(await showsPictureBy(page, 'webrtc'), { width: 322, height: 242 });
  await inPage(page, 'the size of the screen', () => {
    const stage = document.querySelector('.stage');
    return (
      stage.style.aspectRatio === '321 / 241' && /^inset\(0/.test(stage.querySelector('video').style.objectViewBox)
    );
  });
});

test('a program in a terminal is told how large that is on the page, and when that changes', async (t) => {
  const script = "stty -echo; trap 'stty size' WINCH; while :; do read x; stty size; done";
  const attach = `exec://?console=${encodeURIComponent(JSON.stringify(['sh', '-c', script]))}`;
  const host = await startHost(t, { devices: { shell: { attach } } });
  const page = await openPage(t, browser, `${host.url}/#/d/shell`);
  const size = async () => {
    const { text } = await host.get('/host/devices/shell/console/log');
    return text.trim().split('\n').at(-1)?.trim();
  };
  await until('a size of its own', async () => /^\d+ \d+$/.test(await size()) && (await size()) !== '24 80');
  const before = await size();
  await page.setViewportSize({ width: 900, height: 700 });
  await until('the new size', async () => /^\d+ \d+$/.test(await size()) && (await size()) !== before);
  await page.locator('.xterm').click();
  const { json } = await host.get('/host/devices/shell/console');
  assert.equal(json.terminal, true);
});

test('WebRTC cannot connect: MJPEG by itself, the page says so, and climbs back when it can', async (t) => {
  const host = await startHost(t);
  const page = await openPage(t, browser, `${host.url}/#/d/pattern`, { webrtc: false });
  assert.deepEqual(await showsPictureBy(page, 'fallback'), { width: 320, height: 240 });
  const notice = page.locator('#fallback-notice');
  assert.ok(await notice.isVisible());
  assert.match(await notice.textContent(), /WebRTC does not work right now: blocked by the test.*MJPEG/);
  assert.match(await page.locator('#quality').textContent(), /MJPEG/);
  // its picture lives too
  const frame = () =>
    page.evaluate(() => {
      const img = document.querySelector('.stage .screen img');
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [img.naturalWidth, img.naturalHeight];
      const g = canvas.getContext('2d');
      g.drawImage(img, 0, 0);
      return canvas.toDataURL();
    });
  const first = await frame();
  await until('another frame', async () => (await frame()) !== first, 30000);
  // it tries again by itself: nobody presses anything here
  await allowWebRTC(page);
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
  assert.ok(!(await notice.isVisible()));
  assertQuiet(page);
});

test('the host restarts under a live viewer: the page says so and reconnects by itself, the console goes on where it was', async (t) => {
  const fixed = { port: await freePort() };
  const host = await startHost(t, fixed);
  const page = await openPage(t, browser, `${host.url}/#/d/desktop`);
  await showsPictureBy(page, 'webrtc');
  await port.connected();
  await port.say('before-the-restart\r\n');
  await until('the line in the terminal', async () => (await terminalText(page)).includes('before-the-restart'), 30000);
  await host.stop({ keepState: true });
  await inPage(page, 'the page to say that the host is gone', () =>
    /Reconnecting/.test(document.querySelector('#link').textContent),
  );
  const second = await Host.start({ devices, ...fixed }, { state: host.state });
  t.after(() => second.stop());
  await inPage(page, 'the page to be live again', () => /Live/.test(document.querySelector('#link').textContent));
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
  await port.connected();
  await inPage(page, 'the console to be connected', () =>
    /^Connected/.test(document.querySelector('.terminal-bar .status').textContent),
  );
  await port.say('after-the-restart\r\n');
  const text = await until(
    'both lines',
    async () => {
      const seen = await terminalText(page);
      return seen.includes('after-the-restart') && seen;
    },
    30000,
  );
  assert.equal(text.split('before-the-restart').length, 2, 'history once, not twice');
  assert.deepEqual(
    page.problems.filter((p) => /exception|Content Security|Refused/.test(p)),
    [],
  );
});

test("data channel: commands are acknowledged; a viewer's are refused with 403 and change nothing", async (t) => {
  const host = await startHost(t, {
    tokens: [
      { token: TOKENS.viewer, role: 'viewer', name: 'looker' },
      { token: TOKENS.operator, role: 'operator', name: 'doer' },
    ],
  });
  const session = async (token) => {
    const page = await openPage(t, browser, `${host.url}/`);
    // a WHEP client of its own, made of the page's parts: what it sends is what we say
    return page
      .evaluateHandle(async (secret) => {
        const { WhepClient } = await import(new URL('core/whep.js', document.baseURI).href);
        const client = new WhepClient({
          url: new URL('host/devices/desktop/video/whep', document.baseURI).href,
          fetch: (...a) => fetch(...a),
          headers: () => ({ Authorization: `Bearer ${secret}` }),
          RTCPeerConnection,
        });
        const got = (window.got = []);
        client.on('control', (text) => got.push(JSON.parse(text)));
        const open = new Promise((resolve, reject) => {
          client.on('channel', (name, on) => {
            if (name === 'control' && on) resolve();
          });
          client.on('state', (state, error) => {
            if (state === 'failed') reject(error);
          });
        });
        await client.start();
        await open;
        window.ask = (message) => client.send('control', JSON.stringify(message));
        return true;
      }, token)
      .then(() => page);
  };
  const ask = async (page, message) => {
    assert.ok(await page.evaluate((m) => window.ask(m), message));
    return inPage(page, `the answer to ${message.verb}`, (id) => window.got.find((m) => m.id === id), message.id);
  };
  const write = (text) => ({ device: 'desktop', verb: 'console.write', params: { text } });

  await port.connected();
  const doer = await session(TOKENS.operator);
  assert.equal((await ask(doer, { id: 1, ...write('by-operator') })).ok, true);
  await until('the text on the line', () => port.received().includes('by-operator'));
  const bad = await ask(doer, { id: 2, device: 'desktop', verb: 'console.write', params: { nonsense: 1 } });
  assert.deepEqual([bad.ok, bad.error.status], [false, 400], JSON.stringify(bad));
  const missing = await ask(doer, { id: 3, device: 'nobody', verb: 'power.set', params: { state: 'off' } });
  assert.equal(missing.error.status, 404, JSON.stringify(missing));

  const looker = await session(TOKENS.viewer);
  for (const [i, command] of [
    write('by-viewer'),
    { device: 'desktop', verb: 'input.send', params: { events: [{ type: 'text', text: 'x' }] } },
  ].entries()) {
    const refused = await ask(looker, { id: 10 + i, ...command });
    assert.deepEqual([refused.ok, refused.error?.status], [false, 403], JSON.stringify(refused));
  }
  // the channel is in order: what came after the refusal was carried out after it
  assert.equal((await ask(doer, { id: 4, ...write('end') })).ok, true);
  await until('the end', () => port.received().includes('by-operatorend'));
  assert.ok(!port.received().includes('by-viewer'));
});

/** A plug and a probe that are files in `dir`: `dead` makes the plug fail, `silent` the probe hang. */
function rig(dir) {
  const script = (name, body) => {
    const file = path.join(dir, name);
    writeFileSync(file, `#!/bin/sh\ncd ${dir}\n${body}`);
    chmodSync(file, 0o755);
    return [file];
  };
  writeFileSync(path.join(dir, 'power'), 'on\n');
  const dead = '[ ! -e dead ] || { echo the plug is silent >&2; exit 1; }\n';
  return {
    driver: 'exec',
    power_on: script('on', `${dead}echo on > power`),
    power_off: script('off', `${dead}echo off > power`),
    power_get: script('get', `${dead}cat power`),
    sensors: script('probe', '[ ! -e silent ] || exec sleep 1000\necho temp 21.5 Cel'),
    interval_ms: 300,
    timeout_ms: 60000,
  };
}

test('what is not known any more looks like it: a cycle, a silent probe, a plug that does not answer, a host that is gone', async (t) => {
  const dir = scratch('tb-rig-');
  const host = await startHost(t, { name: 'lab-1', devices: { rig: { attach: [rig(dir)] } } });
  const page = await openPage(t, browser, `${host.url}/#/d/rig`);
  const power = page.locator('[aria-label="Power power"]');
  await page.locator('.reading .value', { hasText: '21.5' }).waitFor();
  await page.evaluate(() => {
    window.alarms = [];
    new MutationObserver(() => {
      const words = document.querySelector('[aria-label="Power power"] .notice')?.textContent;
      if (words) window.alarms.push(words);
    }).observe(document.querySelector('[aria-label="Power power"]'), { childList: true, subtree: true });
  });
  const events = await host.sse('/host/events?device=rig&type=power.state');
  await power.getByRole('button', { name: 'Cycle' }).click();
  await power.getByText('Cycling … off now').waitFor();
  await inPage(page, 'the end of the cycle', () => document.querySelector('.busy').hidden);
  const seen = await until('on and off', () => {
    const all = events.items.map((e) => e.data.data).map((d) => `${d.observed} ${d.running ?? ''}`);
    return all.includes('off cycle') && all.includes('on cycle') && all.at(-1) === 'on ' && all;
  });
  assert.ok(seen.indexOf('off cycle') < seen.lastIndexOf('on cycle'), seen.join());
  assert.deepEqual(await page.evaluate(() => window.alarms), [], 'a board that is off within a cycle is no fault');

  writeFileSync(path.join(dir, 'silent'), '');
  await page.locator('.reading .value.old').waitFor();
  assert.match(await page.locator('.reading .value').getAttribute('title'), /Nothing came for/);

  writeFileSync(path.join(dir, 'dead'), '');
  await power.getByText('Unknown').waitFor();
  await power.getByText(/The switch does not answer: .*the plug is silent/).waitFor();
  await power.getByText(/was on at \d/).waitFor();
  rmSync(path.join(dir, 'dead'));
  await inPage(
    page,
    'the switch that answers again',
    () => !document.querySelector('[aria-label="Power power"] .notice'),
  );

  await host.kill();
  await page.locator('#link-lost', { hasText: 'lab-1 does not answer. What you see is from' }).waitFor();
  assert.equal(await page.locator('.notice.bad').count(), 1, 'one banner');
  assert.equal(await page.locator('.toast').count(), 0, 'and nothing else that says it');
  assert.equal(await page.locator('html').getAttribute('data-link'), 'lost');
});

test("attaching: a form of the driver's parameters, several connections, changed, taken away; only for who may", async (t) => {
  const tokens = Object.entries(TOKENS).map(([role, token]) => ({ name: role, role, token }));
  const host = await startHost(t, { tokens });
  const page = await openPage(t, browser, `${host.url}/#/resources&token=${TOKENS.admin}`);
  await page.locator('#attach-by-hand').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Driver').selectOption('testpattern');
  await dialog.getByText('Parameters').click();
  await dialog.locator('[data-param="width"]').fill('320');
  await dialog.locator('[data-param="height"]').fill('240');
  assert.equal(await page.locator('#attach-uri').inputValue(), 'testpattern://?width=320&height=240');
  await page.locator('#attach-id').fill('made');
  await page.locator('#attach-more').click();
  const second = dialog.locator('.connection').nth(1);
  await second.getByLabel('Attach URI').fill('vitals://?interval_ms=5');
  await dialog.getByRole('button', { name: 'Attach', exact: true }).click();
  await second.locator('[data-param="interval_ms"]').waitFor(); // too small: shown where it is
  await second.locator('[data-param="interval_ms"]').fill('500');
  await second.getByLabel('Name of the interface sensors').fill('health');
  page.problems = [];
  await dialog.getByRole('button', { name: 'Attach', exact: true }).click();
  await page.locator('h1', { hasText: 'made' }).waitFor();
  const auth = { headers: { Authorization: `Bearer ${TOKENS.admin}` } };
  const names = async () => (await host.get('/host/devices/made', auth)).json.interfaces?.map((i) => i.name).sort();
  assert.deepEqual(await names(), ['health', 'input', 'sensors', 'video']);

  await page.locator('#device-change').click();
  await page.locator('#attach-label').fill('A made one');
  await dialog.getByLabel('Name of the interface sensors').last().fill('vitals');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await page.locator('.head', { hasText: 'A made one' }).waitFor();
  await until('the new name', async () => (await names()).includes('vitals'));
  await page.goto(`${host.url}/#/d/pattern`);
  await page.locator('h1', { hasText: 'pattern' }).waitFor();
  for (const name of ['Detach …', 'Change …'])
    assert.ok(!(await page.getByRole('button', { name }).isVisible()), `${name} cannot work here`);
  assertQuiet(page);

  const looker = await openPage(t, browser, `${host.url}/#/resources&token=${TOKENS.operator}`);
  await looker.getByText('needs the role admin; your role is operator').waitFor();
  assert.ok(!(await looker.locator('#attach-by-hand').isVisible()));
  assert.equal(await looker.getByRole('button', { name: /^Attach/ }).count(), 0);
  assertQuiet(looker);
});
