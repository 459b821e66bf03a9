// The operator's console on a real board: U-Boot in QEMU, seen and driven through headless Chromium.
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';

import { UBOOT } from '../integration/bench.mjs';
import { forFile, until, withHost } from '../integration/harness.mjs';
import {
  BRIGHT,
  assertPlays,
  assertQuiet,
  clickPicture,
  inPage,
  isSlate,
  openPage,
  share,
  showsPictureBy,
  startBrowser,
  terminalText,
  typeKeys,
} from './browser.mjs';

const file = forFile();
const BOARD = '/host/devices/board';
let host;
let browser;

before(async () => {
  host = await withHost(file, {
    devices: {
      board: { label: 'U-Boot in QEMU', attach: UBOOT },
      vitals: { attach: 'vitals://' },
      pattern: { attach: 'testpattern://' },
    },
  });
  browser = await startBrowser(file);
  await host.state_is('board/power');
});

// each test finds the board at its prompt, whatever happened in the one before
beforeEach(async () => {
  const { json: at } = await host.get(`${BOARD}/console`);
  const was = (await host.get(`${BOARD}/power`)).json.observed;
  const on = await host.put(`${BOARD}/power`, { state: 'on' });
  assert.equal(on.json.observed, 'on', on.text);
  // Ctrl+C: a new prompt from one that waits already, and no command again as after Enter
  const prompt = await host.post(
    `${BOARD}/console/expect`,
    { pattern: '=> ', from: at.offset, timeout_s: 60, ...(was === 'on' ? { send: '\x03' } : {}) },
    { ms: 90000 },
  );
  assert.equal(prompt.status, 200, prompt.text);
});

const expect = (pattern, from) => host.post(`${BOARD}/console/expect`, { pattern, from, timeout_s: 30 }, { ms: 60000 });
const offset = async () => (await host.get(`${BOARD}/console`)).json.offset;
const observed = (page, word) =>
  inPage(
    page,
    `power to be ${word}`,
    (w) => {
      const values = [...document.querySelectorAll('.power-truth .value')].map((e) =>
        e.textContent.trim().toLowerCase(),
      );
      if (values[0] === w && values[1] === w) return true;
      throw new Error(values.join(' / '));
    },
    word,
  );

test('the bench shows a card per device, with a thumbnail, state, power and lease', async (t) => {
  const page = await openPage(t, browser, host.url);
  await inPage(page, 'three cards', () => document.querySelectorAll('.card').length === 3);
  const card = page.locator('.card[data-device=board]');
  await inPage(page, 'the thumbnail of the board', () => {
    const canvas = document.querySelector('.card[data-device=board] canvas');
    return !canvas.hidden && canvas.width > 100;
  });
  await inPage(
    page,
    'the power of the board',
    () => document.querySelector('.card[data-device=board] .foot .line span').textContent === 'On',
  );
  assert.match(await card.textContent(), /U-Boot in QEMU/);
  assert.match(await card.textContent(), /Free/);
  await inPage(
    page,
    'readings on the card that has no screen',
    () => document.querySelectorAll('.card[data-device=vitals] dl dd').length > 0,
  );
  await card.getByRole('link', { name: 'board' }).click();
  await showsPictureBy(page, 'webrtc');
  assert.match(page.url(), /#\/d\/board$/);
  assertQuiet(page);
});

test('the picture plays; what is typed over it reaches the keyboard, what is typed in the terminal reaches the UART', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/board`);
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
  await inPage(page, 'figures on the quality badge', () => /fps/.test(document.querySelector('#quality').textContent));

  // over the picture: U-Boot's keyboard, seen on its screen and on its UART
  await inPage(page, 'commands by data channel', () => !document.querySelector('#control-switch').disabled);
  let from = await offset();
  await clickPicture(page, 200, 200);
  await inPage(page, 'the keyboard to be captured', () =>
    document.querySelector('.stage').classList.contains('capturing'),
  );
  await typeKeys(page, 'cls\n');
  assert.equal((await expect('cls', from)).status, 200);
  const empty = await until(
    'an empty screen',
    async () => {
      const b = await share(page, BRIGHT);
      return b < 0.004 ? { b } : null;
    },
    30000,
  );
  from = await offset();
  await typeKeys(page, 'echo OVER_the_picture; echo "2>1"\n');
  const echoed = await expect('\\nOVER_the_picture\\r?\\n2>1', from);
  assert.equal(echoed.status, 200, echoed.text);
  await until('the text on the screen', async () => (await share(page, BRIGHT)) > empty.b + 0.001, 30000);
  await page.keyboard.down('Control');
  await page.keyboard.press('Alt');
  await page.keyboard.up('Control');
  await inPage(
    page,
    'the keyboard to be given back',
    () => !document.querySelector('.stage').classList.contains('capturing'),
  );

  // in the terminal: history is there, and an answer comes
  await until('history in the terminal', async () => (await terminalText(page)).includes('OVER_the_picture'), 30000);
  from = await offset();
  await page.locator('.terminal-box').click();
  await typeKeys(page, 'version\n');
  assert.equal((await expect('U-Boot 20\\d\\d[\\s\\S]*=> ', from)).status, 200);
  await until(
    'the answer in the terminal',
    async () => /=> version\s+U-Boot 20\d\d/.test(await terminalText(page)),
    30000,
  );
  assertQuiet(page);
});

test('power off: the states say so and so does the picture; on again: it lives', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/board`);
  await showsPictureBy(page, 'webrtc');
  await observed(page, 'on');
  await page.locator('#power-off-power').click();
  await observed(page, 'off');
  assert.equal((await host.get(`${BOARD}/power`)).json.observed, 'off');
  // a slate instead of a dead stream: the connection stays and its picture goes on
  await until('the slate', () => isSlate(page), 30000);
  await assertPlays(page);
  await showsPictureBy(page, 'webrtc');

  const from = await offset();
  await page.locator('#power-on-power').click();
  await observed(page, 'on');
  assert.equal((await expect('=> ', from)).status, 200);
  await until('the screen of U-Boot', async () => !(await isSlate(page)) && (await share(page, BRIGHT)) > 0.005, 30000);
  await assertPlays(page);
  assertQuiet(page);
});

test('by keyboard alone: from the bench to a command in the terminal and on the picture', async (t) => {
  const page = await openPage(t, browser, host.url);
  await inPage(page, 'the card', () => document.querySelector('.card[data-device=board] a'));
  const focused = () =>
    page.evaluate(() => {
      const e = document.activeElement;
      return e.id || e.getAttribute('aria-label') || e.textContent.trim();
    });
  const tabTo = async (fits, what) => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      if (fits(await focused())) return;
    }
    assert.fail(`Tab never reaches ${what}`);
  };
  await tabTo((name) => name === 'board', 'the link of the board');
  await page.keyboard.press('Enter');
  await showsPictureBy(page, 'webrtc');
  await inPage(page, 'control', () => !document.querySelector('#control-switch').disabled);
  await tabTo((name) => name === 'screen', 'the picture');
  await page.keyboard.press('Enter');
  let from = await offset();
  await typeKeys(page, 'echo by_keys\n');
  assert.equal((await expect('\\nby_keys', from)).status, 200);
  await page.keyboard.down('Control');
  await page.keyboard.press('Alt');
  await page.keyboard.up('Control');
  await tabTo((name) => /^Serial console/.test(name), 'the terminal');
  from = await offset();
  await typeKeys(page, 'echo from_the_terminal\n');
  assert.equal((await expect('\\nfrom_the_terminal', from)).status, 200);
  await page.keyboard.press('Shift+Tab');
  assert.ok(!/^Serial console/.test(await focused()), 'Shift+Tab leaves the terminal');
  assertQuiet(page);
});

test('on a phone, in the dark: nothing sticks out sideways, the picture fits, text can be sent', async (t) => {
  const page = await openPage(t, browser, host.url, { viewport: { width: 360, height: 740 }, phone: true, dark: true });
  await inPage(page, 'three cards', () => document.querySelectorAll('.card').length === 3);
  const sideways = () =>
    page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  const background = () =>
    page.evaluate(() => {
      const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
      return (r + g + b) / 3;
    });
  assert.equal(await sideways(), 0);
  assert.ok((await background()) < 70, 'a dark page');
  await page.locator('.card[data-device=board]').getByRole('link', { name: 'board' }).tap();
  await showsPictureBy(page, 'webrtc');
  assert.equal(await sideways(), 0);
  const box = await page.locator('.stage').boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 360, JSON.stringify(box));
  const from = await offset();
  await page.locator('#send-text').fill('echo by_thumb');
  await page.getByRole('button', { name: 'Send', exact: true }).tap();
  await page.getByRole('button', { name: 'Send', exact: true }).tap(); // nothing typed: Enter
  const answer = await expect('\\nby_thumb', from);
  assert.equal(answer.status, 200, answer.text);
  assertQuiet(page);

  const light = await openPage(t, browser, host.url);
  assert.ok(
    await inPage(light, 'a light page', () =>
      getComputedStyle(document.body)
        .backgroundColor.match(/\d+/g)
        .slice(0, 3)
        .every((v) => v > 180),
    ),
  );
});
