// What the console page does when things break: WebRTC that cannot connect, a host that restarts under it, a viewer
// that wants to control.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startSerialPort, startXvfb } from '../integration/bench.mjs';
import { Host, forFile, freePort, until, withHost } from '../integration/harness.mjs';
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
const TOKENS = { viewer: 'only-looks-0123456789abcdef', operator: 'may-control-0123456789abcdef' };
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
