// The page Recordings and the recorder of a device, with a real host: arm, keep, find, play, step, and a link to a
// moment.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { startSerialPort, startXvfb } from '../integration/bench.mjs';
import { BUILD, Host, Program, forFile, scratch, until } from '../integration/harness.mjs';
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
    devices: { bench: { label: 'Bench', attach: { video: x.uri, input: x.uri, console: port.uri } } },
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
  await port.say(Buffer.from('U-Boot 2023.01\r\n=> \x1b[1mboo'));
  await host.post('/host/devices/bench/input', [{ type: 'tap', x: 320, y: 180 }]);
  await port.say(Buffer.from('tm\x1b[0m\r\n'));
  await panel.getByRole('button', { name: 'Keep the last 30 s' }).click();
  await panel.getByText('Kept: it is on the page').waitFor();
  await panel.getByRole('link', { name: 'Recordings' }).click();
  await page.getByRole('heading', { name: 'Recordings' }).waitFor();
  await page.getByRole('button', { name: 'Play', exact: true }).first().click();
  await inPage(page, 'the picture', () => document.querySelector('video')?.readyState >= 2);
  await page.locator('.rec-console').getByText('bootm').waitFor();
  await page.getByText('local tapped at 320, 180').waitFor();
  const moment = () => page.evaluate(() => document.querySelector('video').currentTime);
  await page.getByRole('searchbox', { name: 'Find in the console' }).fill('bootm');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.locator('.rec-pointer circle.pressed').waitFor();
  // back, before anything was said, and forth again: the terminal shows what stood there then
  const place = page.getByRole('slider', { name: 'Moment' });
  const found = String(Number(await place.inputValue()) + 100); // it counts in steps
  await place.fill('0');
  await page.locator('.rec-console').getByText('bootm').waitFor({ state: 'detached' });
  await place.fill(found);
  await page.locator('.rec-console').getByText('bootm').waitFor();
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
  const [span] = (await host.get('/host/devices/bench/recording')).json.spans;
  const link = `${host.url}/#/recordings/bench/${Math.round((span.from + span.to) / 2)}`;
  const third = await openPage(t, browser, link, { webrtc: false });
  await inPage(third, 'that moment', () => document.querySelector('video')?.readyState >= 2);
  assertQuiet(page);
});

test('odd words on a telephone: HTML, quotes, right to left, very long; and how far a clip is on its way', async (t) => {
  const odd = {
    html: `<img src=x onerror="document.title='taken'"> & "quotes" 'and' <script>document.title='taken'</script>`,
    rtl: '\u202e\u05d0\u05d1\u05d2 reversed \u0627\u0644\u0641',
    long: 'W'.repeat(1000),
  };
  const now = Date.now();
  const state = scratch('tb-odd-');
  for (const [n, note] of Object.values(odd).entries()) {
    const clip = `odd-${n}`;
    const folder = path.join(state, 'recordings/clips', clip);
    mkdirSync(folder, { recursive: true });
    const about = { clip, device: 'bench', label: note, at: now - n * 1000, from: Date.now() - 2000, to: Date.now() };
    const more = { note, user: note, rule: n ? null : note, keep: false, state: 'done', video: false, bytes: 1 };
    writeFileSync(path.join(folder, 'clip.json'), JSON.stringify({ ...about, ...more }));
  }
  const then = [{ notify: odd.html }, { notify: odd.long.slice(0, 200) }];
  const other = await Host.start(
    {
      uplink: { to: 'folder', folder: path.join(state, 'not "there" <b>') },
      devices: { bench: { label: odd.html, attach: { console: { driver: 'exec', console: ['cat'] } } } },
      rules: {
        odd: { device: 'bench', when: { console: `${odd.html}\u05d0${'x'.repeat(300)}` }, then, note: odd.rtl },
      },
    },
    { state },
  );
  t.after(() => other.stop());
  const page = await openPage(t, browser, `${other.url}/#/recordings`, {
    webrtc: false,
    viewport: { width: 360, height: 780 },
    dark: true,
  });
  await page.getByText('Clips go to the folder').waitFor();
  await page
    .getByText(/Waits to be sent.*it is not there/)
    .first()
    .waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Note' }).first().inputValue(), odd.html);
  const fits = () => document.documentElement.scrollWidth <= document.documentElement.clientWidth;
  await inPage(page, 'all of it within the width', fits);
  await inPage(page, 'no line of a clip that is cut off', () =>
    [...document.querySelectorAll('.rec-about > *')].every((e) => {
      const [own, room] = [e.getBoundingClientRect(), e.closest('.panel').getBoundingClientRect()];
      return own.right <= room.right && e.scrollWidth <= e.clientWidth + (e.tagName === 'INPUT' ? 1e6 : 1);
    }),
  );
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/odd-recordings.png`, fullPage: true });
  mkdirSync(path.join(state, 'not "there" <b>'));
  await page.getByRole('button', { name: 'Send now' }).click();
  await page.getByText('Sent.', { exact: true }).first().waitFor();
  await page.goto(`${other.url}/#/rules`);
  await page.getByText('odd', { exact: true }).first().waitFor();
  await inPage(page, 'the rules within the width', fits);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/odd-rules.png`, fullPage: true });
  assert.notEqual(await page.title(), 'taken');
  page.problems = page.problems.filter((p) => !p.includes('/thumb.jpg: 404')); // these clips have none
  assertQuiet(page);
});
