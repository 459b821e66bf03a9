// Bad lines between an observer and the server and host: packets get lost, it is far and narrow, it is cut for some
// seconds. `make soak` has the long form (TESTBED_SOAK).
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { forFile, until } from '../integration/harness.mjs';
import { assertPlays, channelMessages, openPage, showsPictureBy, startBrowser } from './browser.mjs';
import { Net } from './netns.mjs';

const file = forFile();
const LOSSY_S = process.env.TESTBED_SOAK ? 60 : 5;
const BACK_MS = 60000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let net;
let line;
let server;
let host;
let browser;

before(async () => {
  net = await Net.make(file, 'mid', 'far');
  line = await net.line('far', '10.2.0.2/24', 'mid', '10.2.0.1/24');
  server = await net.server('mid', '10.2.0.1');
  host = await net.host('mid', {
    name: 'lab-1',
    server: { url: `http://127.0.0.1:${new URL(server.pages).port}`, insecure: true },
    devices: { bench: { attach: ['testpattern://?width=640&height=360&fps=20', 'vitals://'] } },
  });
  await host.state_is('bench/video');
  await until('the bench', async () => (await server.get('/api/devices')).text.includes('lab-1/bench'), 30000);
  browser = await startBrowser(file, net.chromium('far'));
});

async function observe(t) {
  t.after(() => line.set());
  const session = await server.session({ device: 'lab-1/bench', mode: 'control', observers: 4 });
  const link = new URL(session.controlUrl, server.url);
  const page = await openPage(t, browser, server.pages + link.pathname + link.search + link.hash, { spy: true });
  await showsPictureBy(page, 'webrtc', BACK_MS);
  return page;
}

/** Pictures that the page has shown so far. */
const shown = (page) =>
  page.evaluate(() => document.querySelector('.stage video').getVideoPlaybackQuality().totalVideoFrames);

for (const lossPercent of [2, 10])
  test(`${lossPercent} % of the packets are lost: the picture goes on, commands are answered, and all is well at once after`, async (t) => {
    const page = await observe(t);
    const before = await shown(page);
    line.set({ lossPercent });
    await pause(LOSSY_S * 1000); // lint: tests - how long it is bad is what is tested
    const during = (await shown(page)) - before;
    t.diagnostic(`${(during / LOSSY_S).toFixed(1)} pictures a second meanwhile`);
    await page.evaluate(() => window.spied.channels.control.send('{"id":4711,"device":"bench","verb":"device.get"}'));
    await until('the answer', async () => (await channelMessages(page, 'control')).some((m) => m.id === 4711));
    line.set();
    const at = Date.now();
    const then = await shown(page);
    await until('ten pictures', async () => (await shown(page)) >= then + 10, BACK_MS);
    t.diagnostic(`ten pictures within ${Date.now() - at} ms after`);
    assert.equal(await page.evaluate(() => document.querySelector('.stage').dataset.rung), 'webrtc');
    assert.ok(during > 0, 'no picture at all came while packets were lost');
  });

test('far and narrow (300 ms, 300 kbit/s): the picture comes, smaller, and commands are answered beside it', async (t) => {
  const page = await observe(t);
  line.set({ delayMs: 150, kbps: 300, queueBytes: 30000 });
  const before = await shown(page);
  await page.evaluate(() => window.spied.channels.control.send('{"id":4712,"device":"bench","verb":"device.get"}'));
  const at = Date.now();
  await until('the answer', async () => (await channelMessages(page, 'control')).some((m) => m.id === 4712), BACK_MS);
  t.diagnostic(`answered in ${Date.now() - at} ms`);
  await until('pictures', async () => (await shown(page)) > before + 5, BACK_MS);
});

test('cut for 5 s: it recovers by itself, in the same session', async (t) => {
  const page = await observe(t);
  line.set({ lossPercent: 100 });
  await pause(5000); // lint: tests - the length of the cut is what is tested
  line.set();
  const at = Date.now();
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  t.diagnostic(`picture ${Date.now() - at} ms after the cut`);
});
