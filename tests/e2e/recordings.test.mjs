// The page Recordings and the recorder of a device, with a real host: arm, keep, find, play, step, and a link to a
// moment.
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';

import { startSerialPort, startXvfb } from '../integration/bench.mjs';
import { BUILD, Host, Program, forFile, until } from '../integration/harness.mjs';
import { assertQuiet, inPage, openPage, startBrowser } from './browser.mjs';

const file = forFile();
let browser;
let host;
let port;

before(async () => {
  browser = await startBrowser(file);
  port = await startSerialPort(file);
  const x = await startXvfb(file, { width: 640, height: 360 });
  const painter = new Program([path.join(BUILD, 'tools/x11_motion'), '10'], { env: { DISPLAY: x.display } });
  file.after(() => painter.kill());
  await painter.line(/painting/);
  host = await Host.start({
    devices: { bench: { label: 'Bench', attach: { video: x.uri, console: port.uri } } },
  });
  file.after(() => host.stop());
  await host.state_is('bench/console');
});

test('arm, keep the last seconds, play them, step, find a word of the console, come back by a link', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/bench`, { webrtc: false });
  const panel = page.getByRole('region', { name: 'Recorder' });
  await panel.getByRole('button', { name: 'Armed', exact: true }).click();
  await panel.locator('.badge', { hasText: 'armed' }).waitFor();
  await until(
    'pictures in memory',
    async () => (await host.get('/host/devices/bench/recording')).json.memory.ms > 1500,
  );
  await port.say(Buffer.from('U-Boot 2023.01\r\n=> bootm\r\n'));
  await panel.getByRole('button', { name: 'Keep the last 30 s' }).click();
  await panel.getByText('Kept: it is on the page').waitFor();
  await panel.getByRole('link', { name: 'Recordings' }).click();
  await page.getByRole('heading', { name: 'Recordings' }).waitFor();
  await page.getByRole('button', { name: 'Play', exact: true }).first().click();
  await inPage(page, 'the picture', () => document.querySelector('video')?.readyState >= 2);
  await page.getByText('=> bootm').waitFor();
  const moment = () => page.evaluate(() => document.querySelector('video').currentTime);
  await page.getByRole('searchbox', { name: 'Find in the console' }).fill('bootm');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  const at = await moment();
  await page.getByRole('button', { name: 'One picture on' }).click();
  await until('the next picture', async () => (await moment()) > at);
  await inPage(page, 'that it is shown', () => !document.querySelector('video').seeking);
  assert.match(page.url(), /#\/recordings\/clip\//);
  await page.getByRole('slider', { name: /Time line/ }).press('+');
  if (process.env.SHOTS) {
    for (const [name, width, height, scheme] of [
      ['light', 1440, 1000, 'light'],
      ['dark', 1440, 1000, 'dark'],
      ['phone', 390, 844, 'dark'],
    ]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: `${process.env.SHOTS}/rec-${name}.png`, fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
  }
  const again = await openPage(t, browser, page.url(), { webrtc: false });
  await inPage(again, 'the same clip', () => document.querySelector('video')?.readyState >= 2);
  assertQuiet(again);
  assertQuiet(page);
});
