// The labelled fake host of web/tests in a real browser, for the tests of the host's pages.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { chromium } from 'playwright-core';

import { startFakeHost } from '../../web/tests/fakehost.mjs';

const BROWSER = process.env.CHROMIUM ?? '/usr/bin/chromium';
const WAIT = 30000; // other tests may be running on the same cores

/** For one file of tests: {open(hash, options), calls(method, path), until(what, check), fake}; cleans up itself. */
export function fakePages() {
  let browser, fake;
  before(async () => {
    fake = await startFakeHost({ prefix: '/staging/' });
    browser = await chromium.launch({
      executablePath: BROWSER,
      args: ['--no-sandbox', '--headless=new', '--disable-gpu'],
    });
  });
  after(async () => {
    await browser?.close();
    await fake?.close();
  });

  // A test that failed leaves its page open: the next one must not run beside it.
  afterEach(async () => {
    for (const c of browser?.contexts() ?? []) await c.close();
  });

  /** A page that collects what a page must never have: errors, refused content, answers that nobody expects. */
  async function open(
    hash = '',
    { width = 1280, height = 800, colorScheme = 'light', touch = false, init, host = fake } = {},
  ) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      hasTouch: touch,
      reducedMotion: 'reduce',
    });
    if (init) await context.addInitScript(init);
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT);
    page.faults = [];
    page.on('pageerror', (e) => page.faults.push(e.message));
    page.on('console', (m) => {
      // 503: the fake has no WebRTC, and one of its plugs does not answer
      if (m.type() === 'error' && !/status of 503/.test(m.text()) && !page.forgive?.test(m.text()))
        page.faults.push(`${m.text()} ${m.location().url}`);
    });
    await page.goto(host.url + hash);
    page.done = async () => {
      assert.deepEqual(page.faults, []);
      await context.close();
    };
    return page;
  }

  const calls = (method, path) => fake.calls.filter((c) => c.method === method && path.test(c.path));
  async function until(what, check) {
    const end = Date.now() + WAIT;
    while (Date.now() < end) {
      const value = await check();
      if (value) return value;
      await new Promise((r) => setTimeout(r, 20));
    }
    throw new Error(
      `not within ${WAIT} ms: ${what}; last calls: ${fake.calls
        .slice(-8)
        .map((c) => `${c.method} ${c.path} ${c.body.slice(0, 60)}`)
        .join('; ')}`,
    );
  }

  return {
    open,
    calls,
    until,
    get fake() {
      return fake;
    },
  };
}
