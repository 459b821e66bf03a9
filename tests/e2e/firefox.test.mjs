// The main ways through the pages in Firefox, on the real daemons: log in, the bench, a board's console and power; the
// picture by WebRTC, with clicks, keys and the wheel by the data channel; an observer's page with its console by the
// data channel, too; and MJPEG with the same input where WebRTC is switched off. The rest is tested in Chromium.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice, startSerialPort, startXvfb } from '../integration/bench.mjs';
import { Program, forFile, scratch, until, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { startFirefox } from './firefox.mjs';

const file = forFile();
const TOKEN = 'a-token-of-some-length';
const WAIT = 60000;
const folder = scratch('tb-firefox-');
const SEEN = path.join(folder, 'seen'); // what the terminal on the desktop was given: keys, and its mouse reports
let host, server, line, page;

before(async () => {
  const desk = await startXvfb(file, { width: 640, height: 360 });
  writeFileSync(SEEN, '');
  const script = 'stty raw -echo; printf "\\033[?1000h\\033[?1006h"; exec cat >"$0"';
  const xterm = new Program([
    'xterm', '-display', desk.display, '-geometry', '120x40+0+0', '-e', 'sh', '-c', script, SEEN,
  ]); // prettier-ignore
  file.after(() => xterm.kill());
  line = await startSerialPort(file, { echo: true });
  server = await withServer(file);
  const { attach } = scriptedDevice(path.join(folder, 'power'));
  host = await withHost(file, {
    name: 'lab-1',
    tokens: [{ name: 'doer', role: 'operator', token: TOKEN }],
    server: { url: server.url, insecure: true }, // which has no tokens
    devices: {
      board: {
        attach: { power: attach[0], console: line.uri, video: desk.uri, input: desk.uri },
      },
    },
  });
  page = await startFirefox(file);
  await until(
    'the board on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/board'),
    WAIT,
  );
});

const there = (what, look, arg) => until(what, () => page.evaluate(look, arg), WAIT);
const shows = (selector) =>
  there(
    selector,
    (s) => [...document.querySelectorAll(s)].some((e) => e.checkVisibility({ visibilityProperty: true })),
    selector,
  );
const plays = () =>
  there('a picture by WebRTC', () => {
    const video = document.querySelector('.stage[data-rung="webrtc"] video:not(.dim)');
    return video?.videoWidth === 640 && video.currentTime > 0.2;
  });

/** Row of the dialog behind the badge. */
async function quality(name) {
  await page.click('#quality');
  const value = await there(
    name,
    (n) =>
      [...document.querySelectorAll('dialog dt')].find((dt) => dt.textContent === n)?.nextElementSibling.textContent,
    name,
  );
  await page.press('Escape');
  await there('the page again', () => !document.querySelector('dialog[open]'));
  return value;
}

/** The middle of the picture is clicked, the wheel turned there, and a word typed: the desktop has all of it. */
async function drives(word) {
  const begun = readFileSync(SEEN).length;
  const seen = () => readFileSync(SEEN, 'latin1').slice(begun);
  await page.click('#screen');
  await until('the click', () => /\x1b\[<0;\d+;\d+M[\s\S]*\x1b\[<0;\d+;\d+m/.test(seen()), WAIT);
  await page.wheel('#screen', 200);
  await until('the wheel', () => /\x1b\[<65;/.test(seen()), WAIT);
  await page.press(...word);
  await until(
    'the word',
    () =>
      seen()
        .replaceAll(/\x1b\[<[\d;]+[Mm]/g, '')
        .includes(word),
    WAIT,
  );
}

test('log in, bench, board: console, power, the picture by WebRTC, input by the data channel', async () => {
  await page.goto(`${host.url}/`);
  await shows('#token');
  await page.click('#token');
  await page.press(...TOKEN, 'Enter');
  await shows('.card[data-device="board"]');
  await page.click('.card[data-device="board"] .title-link');
  await plays();
  const at = await there('picture and console, whole', () => {
    const bottom = (s) => document.querySelector(s)?.getBoundingClientRect().bottom;
    const [stage, terminal] = [bottom('.stage'), bottom('.terminal-box')];
    return stage && terminal && document.querySelector('.stage .wait').hidden && { stage, terminal };
  });
  assert.ok(at.stage <= 768 && at.terminal <= 768, JSON.stringify(at));

  await shows('.terminal-bar .dot.good');
  await page.click('.terminal-box');
  await page.press(...'version');
  await there('the echo', () => document.querySelector('.xterm-rows').textContent.includes('version'));
  await page.click('#power-on-power');
  await there('on', () => /On/.test(document.querySelectorAll('.power-truth > div')[1].textContent));

  await drives('by-webrtc');
  assert.equal(await quality('Commands go by'), 'data channel');
});

test('WebRTC is switched off: MJPEG, and the same input by WebSocket', async () => {
  await page.evaluate(() => {
    localStorage.setItem('testbed.webrtc', 'false');
    location.reload();
  });
  await there('a picture by MJPEG', () => {
    const img = document.querySelector('.stage[data-rung="fallback"] img:not([hidden])');
    return img?.naturalWidth === 640 && document.querySelector('.stage .wait').hidden;
  });
  assert.match(
    await page.evaluate(() => document.querySelector('#fallback-notice').textContent),
    /WebRTC is switched off in the settings/,
  );
  await drives('by-mjpeg');
  assert.equal(await quality('Commands go by'), 'websocket');
});

test("an observer's page: the picture, the console and input, all peer to peer", async () => {
  const session = await server.session({ device: 'lab-1/board', mode: 'control', observers: 2 });
  await page.goto(new URL(session.controlUrl, server.url).href);
  await plays();
  await there('the console', () => /^Connected/.test(document.querySelector('.terminal-bar .status')?.textContent));
  await page.click('.terminal-box');
  await page.press(...'observed');
  await until('the word on the line', () => line.received().includes('observed'), WAIT);
  await there('its echo', () => document.querySelector('.xterm-rows').textContent.includes('observed'));
  await drives('by-observer');
  assert.equal(await quality('Commands go by'), 'data channel');
});

test("the server's other pages, wide and on a phone's width: what they are for is there, and nothing is cut off", async () => {
  const watching = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  const seen = { session_id: watching.session_id, device_id: 'sill', trigger_type: 'motion', clip_uri: 'local://x' };
  await server.post('/events', { ...seen, duration_seconds: 2, clip_mime: 'video/webm', clip_size_bytes: 9 });
  const pages = {
    links: '.list li',
    timeline: '[data-event]',
    users: '#add-user',
    account: '.notice',
    diagnose: '#verdict .notice',
    wall: '.tile canvas:not([hidden])',
    capture: '.capture .empty',
  };
  page.errors.length = 0;
  for (const [name, selector] of Object.entries(pages)) {
    await page.goto(`${server.url}/${name}`);
    await shows(selector);
    for (const width of [1366, 360]) {
      await page.size(width, 768);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, name);
    }
    await page.size(1366, 768);
    if (name !== 'timeline') continue;
    const ends = await page.evaluate(() =>
      ['li.event', 'li.event .btn:last-child'].map((s) => document.querySelector(s).getBoundingClientRect().right),
    );
    assert.ok(ends[0] - ends[1] < 40, `what can be done with an event stands at its end: ${ends}`);
  }
  assert.deepEqual(page.errors, []);
});
