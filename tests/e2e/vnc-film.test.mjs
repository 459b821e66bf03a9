// The noVNC page in Chromium: a picture that moves comes as H.264, and is decoded there; at rest it is exact.
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';

import { startXvfb } from '../integration/bench.mjs';
import { BUILD, Program, forFile, freePort, until, withHost } from '../integration/harness.mjs';
import { assertQuiet, inPage, openPage, startBrowser } from './browser.mjs';

const file = forFile();
let host, browser, novnc, x;

before(async () => {
  x = await startXvfb(file, { width: 640, height: 360 });
  novnc = await freePort();
  host = await withHost(file, { novnc: { port: novnc }, devices: { screen: { attach: x.uri } } });
  browser = await startBrowser(file);
  await host.state_is('screen/video');
});

/** The number that x11_motion painted, as the page shows it. */
const shown = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d', { willReadFrequently: true }).getImageData(0, 8, 256, 1);
    let n = 0;
    for (let bit = 0; bit < 16; bit++) if (data[4 * (bit * 16 + 8) + 1] > 127) n |= 1 << bit;
    return n;
  });
const encoders = async () => /^testbed_video_encoders (\d+)/m.exec((await host.get('/metrics')).text)?.[1];

test('a film in the noVNC page', async (t) => {
  const page = await openPage(t, browser, `http://127.0.0.1:${novnc}/?device=screen`);
  await inPage(page, 'the screen', () => document.querySelector('canvas')?.width === 640);
  assert.equal(await encoders(), '0');
  const painter = new Program([path.join(BUILD, 'tools/x11_motion'), '30'], { env: { DISPLAY: x.display } });
  t.after(() => painter.kill());
  await until('the encoder', async () => (await encoders()) === '1');
  const seen = new Set();
  await until('pictures', async () => seen.add(await shown(page)).size >= 20);
  const all = [...seen];
  assert.ok(
    all.slice(1).every((n, i) => n > all[i]),
    `in their order: ${all}`,
  );
  await painter.kill();
  const black = () => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.every((value) => value === 0 || value === 255); // the pointer is white
  };
  await inPage(page, "the painter's window to be gone, without a trace", black);
  assertQuiet(page);
});
