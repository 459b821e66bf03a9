// Firefox by WebDriver BiDi, as far as the tests need it: a window, scripts in it, keys and clicks.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { WebSocket, within } from '../integration/harness.mjs';

const PATIENCE = 60000;
const KEYS = { Enter: '\uE007', Escape: '\uE00C', Control: '\uE009', Alt: '\uE00A' };

// WebRTC with a host on this machine, which Firefox leaves out by itself; pictures play without a click.
const PREFS = {
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
};

/**
 * A headless Firefox with one window, which ends with the test: {goto(url), evaluate(fn, arg), press(…keys),
 * click(selector), wheel(selector, down), size(width, height), errors}; `errors`: what pages logged as such
 */
export async function startFirefox(t, binary = process.env.FIREFOX || '/usr/bin/firefox-esr') {
  const profile = mkdtempSync(path.join(tmpdir(), 'tb-firefox-'));
  const lines = Object.entries(PREFS).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(path.join(profile, 'user.js'), lines.join(''));
  const child = spawn(binary, ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, MOZ_DISABLE_AUTO_SAFE_MODE: '1', HOME: profile },
  });
  const ended = new Promise((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true });
  });
  const address = await within(
    'Firefox to listen',
    new Promise((resolve) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        const [, url] = /WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
    }),
    PATIENCE,
  );
  const socket = new WebSocket(`${address}/session`);
  const waiting = new Map();
  const errors = [];
  let last = 0;
  socket.on('message', (raw) => {
    const m = JSON.parse(raw);
    if (m.method === 'log.entryAdded' && m.params.level === 'error') errors.push(m.params.text);
    const asked = waiting.get(m.id);
    waiting.delete(m.id);
    if (m.type === 'error') asked?.reject(new Error(`${m.error}: ${m.message}`));
    else asked?.resolve(m.result);
  });
  await within('Firefox to let us in', new Promise((resolve) => socket.on('open', resolve)), PATIENCE);
  const ask = (method, params) => {
    const id = ++last;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    socket.send(JSON.stringify({ id, method, params }));
    return within(method, answer, PATIENCE);
  };
  await ask('session.new', { capabilities: {} });
  await ask('session.subscribe', { events: ['log.entryAdded'] });
  const { contexts } = await ask('browsingContext.getTree', {});
  const { context } = contexts[0];
  const size = (width, height) => ask('browsingContext.setViewport', { context, viewport: { width, height } });
  await size(1366, 768);

  /** What `fn(arg)` gives in the page, by way of JSON. */
  async function evaluate(fn, arg = null) {
    const { type, result, exceptionDetails } = await ask('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${fn})(${JSON.stringify(arg)})) ?? 'null')()`,
      target: { context },
      awaitPromise: true,
    });
    if (type === 'exception') throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }
  const act = (source) => ask('input.performActions', { context, actions: [{ id: source.type, ...source }] });
  const middle = (selector) =>
    evaluate((s) => {
      const el = document.querySelector(s);
      el.scrollIntoView({ block: 'nearest' });
      const { x, y, width, height } = el.getBoundingClientRect();
      return { x: Math.round(x + width / 2), y: Math.round(y + height / 2) };
    }, selector);
  return {
    errors,
    size,
    evaluate,
    goto: (url) => ask('browsingContext.navigate', { context, url, wait: 'complete' }),
    async press(...keys) {
      for (const key of keys) {
        const value = KEYS[key] ?? key;
        await act({ type: 'key', actions: [{ type: 'keyDown', value }, { type: 'keyUp', value }] }); // prettier-ignore
      }
    },
    async click(selector) {
      const at = await middle(selector);
      await act({
        type: 'pointer',
        actions: [
          { type: 'pointerMove', ...at },
          { type: 'pointerDown', button: 0 },
          { type: 'pointerUp', button: 0 },
        ],
      });
    },
    async wheel(selector, down) {
      const at = await middle(selector);
      await act({ type: 'wheel', actions: [{ type: 'scroll', ...at, deltaX: 0, deltaY: down }] });
    },
  };
}
