// The main ways through the pages in Firefox, against the labelled fake host: log in, the bench, a board, its console,
// power, the picture by MJPEG and the pointer on it; on a host with a token. The rest is tested in Chromium.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { startFakeHost } from '../../web/tests/fakehost.mjs';
import { forFile, until } from '../integration/harness.mjs';
import { startFirefox } from './firefox.mjs';

const file = forFile();
const TOKEN = 'a-token-of-some-length';
const WAIT = 60000;
let fake, page;

before(async () => {
  fake = await startFakeHost({ token: TOKEN });
  file.after(() => fake.close());
  page = await startFirefox(file);
});

const there = (what, look, arg) => until(what, () => page.evaluate(look, arg), WAIT);
const shows = (selector) =>
  there(
    selector,
    (s) => [...document.querySelectorAll(s)].some((e) => e.checkVisibility({ visibilityProperty: true })),
    selector,
  );

test('log in, bench, board: console, power, picture and pointer', async () => {
  await page.goto(fake.url);
  await shows('#token');
  await page.click('#token');
  await page.press(...TOKEN, 'Enter');
  await shows('.card[data-device="board"]');
  await page.click('.card[data-device="board"] .title-link');
  await shows('.stage[data-rung="fallback"] img');
  const at = await there('picture and console, whole', () => {
    const bottom = (s) => document.querySelector(s)?.getBoundingClientRect().bottom;
    const [stage, terminal] = [bottom('.stage'), bottom('.terminal-box')];
    return stage && terminal && document.querySelector('.stage .wait').hidden && { stage, terminal };
  });
  assert.ok(at.stage <= 768 && at.terminal <= 768, JSON.stringify(at));

  await shows('.terminal-bar .dot.good');
  await page.click('.terminal-box');
  await page.press(...'version', 'Enter');
  await there('the answer', () => document.querySelector('.xterm-rows').textContent.includes('gcc 12.2.0'));

  await page.click('#power-off-power');
  await there('off', () => /Off/.test(document.querySelectorAll('.power-truth > div')[1].textContent));

  fake.calls.length = 0;
  await page.click('#screen');
  const events = () =>
    fake.calls
      .filter((c) => c.path === 'input.send' || (c.method === 'POST' && /\/input$/.test(c.path)))
      .flatMap((c) => (c.method === 'CMD' ? JSON.parse(c.body).params.events : JSON.parse(c.body)));
  const down = await until('the click', () => events().find((e) => e.buttons === 1), WAIT);
  assert.ok(Math.abs(down.x - 320) <= 2 && Math.abs(down.y - 200) <= 2, `${down.x},${down.y} is the middle`);
  await page.press('q');
  await until('the key', () => events().some((e) => e.key === 'q' && e.action === 'up'), WAIT);
});
