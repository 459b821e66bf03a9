// The page Rules: a rule is made, tried before it is saved, seen beside its limit, switched off and removed; by
// keyboard, on the width of a phone.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, withHost } from '../integration/harness.mjs';
import { openPage, startBrowser } from './browser.mjs';

test('a rule is made, tried, watched, switched off and removed', async (t) => {
  const host = await withHost(t, {
    devices: {
      board: {
        attach: { video: 'testpattern://?width=320&height=240', analysis: 'analysis://?interval_ms=100' },
      },
    },
    rules: { fixed: { when: { at: '03:00' }, then: [{ notify: 'good night' }] } },
  });
  await host.state_is('board/analysis');
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, `${host.url}/#/rules`, { viewport: { width: 390, height: 844 } });
  const fixed = page.locator('li[data-rule=fixed]');
  await fixed.getByText('It stands in the host’s configuration').waitFor();
  assert.equal(await fixed.getByRole('button', { name: 'Edit' }).count(), 0);

  await page.getByRole('button', { name: 'New rule' }).press('Enter');
  const form = page.getByRole('dialog');
  const field = (name) => form.getByLabel(name, { exact: true });
  await field('Name').fill('moves');
  await field('Stream').fill('video.motion');
  await field('Limit').fill('much');
  await field('Action 1: text').fill('The screen moves');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByRole('alert').getByText('above').waitFor(); // what the host says of it stays in the dialog
  await field('Limit').fill('0.001');
  await form.getByRole('button', { name: 'Test', exact: true }).click();
  await form.getByText('would not have fired').waitFor();
  await page.keyboard.press('Escape');
  await form.waitFor({ state: 'detached' });
  assert.equal((await host.get('/host/rules')).json.length, 1, 'nothing is saved by leaving');

  await page.getByRole('button', { name: 'New rule' }).click();
  await field('Name').fill('moves');
  await field('Stream').fill('video.motion');
  await field('Limit').fill('0.001');
  await field('Action 1: text').fill('The screen moves');
  await field('Limit').press('Enter');
  const row = page.locator('li[data-rule=moves]');
  await row.getByText(/^0\.\d+ · above 0\.001$/).waitFor();
  await page.locator('.toast').getByText('The screen moves').waitFor();
  await row.getByText('fired 1 time').waitFor();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= 390, `nothing is wider than the phone: ${wide}`);

  await row.getByRole('button', { name: 'Test moves' }).click();
  await page.getByRole('dialog').getByText('would have fired 1 time').waitFor();
  await page.keyboard.press('Enter');
  await row.getByRole('button', { name: 'Switch off moves' }).click();
  await row.getByRole('button', { name: 'Switch on moves' }).waitFor();
  await until('the screen to rest', async () => (await host.get('/host/devices/board/video')).json.state === 'idle');
  await row.getByRole('button', { name: 'Remove moves' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await row.waitFor({ state: 'detached' });
  assert.deepEqual(
    page.problems.filter((p) => !/host\/rules: 400 .*when\.above/.test(p)),
    [],
  );
});
