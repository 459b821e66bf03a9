// What the pages cost and how soon they are there, in Chromium: the first page, on a slow line, for a remote observer
// far away, thumbnails, many tabs. Beside the console: noVNC's own page, as Debian packages it, before x11vnc.
import { once } from 'node:events';
import net from 'node:net';

import { startBrowser } from '../e2e/browser.mjs';
import { slowLine } from './slow_line.mjs';
import { folder, freePort, host, median, run, sleep, spread, until, version, xvfb } from './lib.mjs';

const ROUNDS = 3;
const TABS = 20;
const VIEW = { width: 1366, height: 768 };

/** A page of its own context, that counts what crosses the wire from now on: {page, requests, bytes()}. */
async function counted(browser, { webrtc = true } = {}) {
  const context = await browser.newContext({ viewport: VIEW });
  if (!webrtc)
    await context.addInitScript(() => {
      window.RTCPeerConnection = class {
        constructor() {
          throw new Error('there is no WebRTC in this benchmark');
        }
      };
    });
  const page = await context.newPage();
  page.setDefaultTimeout(90000);
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  const count = { page, context, requests: [], bytes: 0 };
  cdp.on('Network.requestWillBeSent', (e) => /^http/.test(e.request.url) && count.requests.push(e.request.url));
  cdp.on('Network.webSocketCreated', (e) => count.requests.push(e.url));
  cdp.on('Network.loadingFinished', (e) => (count.bytes += e.encodedDataLength));
  return count;
}

/** Milliseconds until `look` answers in the page. */
async function timed(page, at, look) {
  await page.waitForFunction(look, null, { polling: 50 });
  return performance.now() - at;
}

// Run in the page.
const usable = () => document.querySelector('#control-switch, .lease button, .card')?.checkVisibility();
const pictured = () => {
  const stage = document.querySelector('.stage');
  if (stage?.dataset.rung === 'webrtc') return stage.querySelector('video').videoWidth > 0;
  const img = stage?.querySelector('.screen img, .screen canvas');
  return stage?.dataset.rung === 'fallback' && (img?.naturalWidth ?? img?.width) > 0;
};
const words = () => document.querySelector('main .stage, main #control-switch')?.checkVisibility();

async function firstPage(browser, url, look) {
  const count = await counted(browser);
  const at = performance.now();
  await count.page.goto(url);
  const ms = await timed(count.page, at, look);
  await sleep(500); // what it still asks for
  const { requests, bytes } = count;
  await count.context.close();
  return { ms, requests: requests.filter((u) => !u.includes('/snapshot.')).length, kb: bytes / 1024, list: requests };
}

async function onSlowLine(browser, url) {
  const line = await slowLine(url, { kbps: 500, roundTripMs: 400 });
  const { page, context } = await counted(browser, { webrtc: false });
  const at = performance.now();
  await page.goto(`${line.url}/#/d/pattern`, { waitUntil: 'commit' });
  const first = await timed(page, at, usable);
  const picture = await timed(page, at, pictured);
  await context.close();
  line.close();
  return { usable: first / 1000, picture: picture / 1000 };
}

async function observer(browser, server, link) {
  const line = await slowLine(server, { roundTripMs: 200 });
  const { page, context } = await counted(browser);
  const at = performance.now();
  await page.goto(link.replace(server, line.url), { waitUntil: 'commit' });
  const said = await timed(page, at, words);
  const picture = await timed(page, at, pictured);
  await context.close();
  line.close();
  return { words: said / 1000, picture: picture / 1000 };
}

async function thumbnails(browser, url) {
  const line = await slowLine(url, { roundTripMs: 1 });
  const { page, context } = await counted(browser);
  await page.goto(`${line.url}/`);
  await page.waitForFunction(() => document.querySelectorAll('.card .thumb canvas:not([hidden])').length >= 3);
  await sleep(3000); // all of them were shown once
  const from = line.down;
  await sleep(10000);
  const kb = (line.down - from) / 10240;
  await context.close();
  line.close();
  return kb;
}

async function tabs(browser, url) {
  const context = await browser.newContext({ viewport: VIEW });
  const pages = [];
  for (let i = 0; i < TABS; i++) {
    const page = await context.newPage();
    pages.push(page);
    await page.goto(url, { waitUntil: 'commit' });
  }
  const live = await Promise.all(
    pages.map((p) =>
      p
        .waitForFunction(() => document.querySelectorAll('.card').length >= 3, null, { timeout: 30000 })
        .then(
          () => 1,
          () => 0,
        ),
    ),
  );
  await context.close();
  return live.reduce((a, b) => a + b, 0);
}

/** 100,000 lines into the terminal of a board's page: ms of the longest task of the page meanwhile. */
async function flood(browser, url, print) {
  const { page, context } = await counted(browser);
  await page.goto(`${url}/#/d/printer`);
  await page.waitForFunction(() => document.querySelector('.terminal-bar .dot.good'));
  await page.evaluate(() => {
    window.longest = 0; // no entry: shorter than 50 ms
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) window.longest = Math.max(window.longest, e.duration);
    }).observe({ type: 'longtask' });
  });
  print(
    `${Array.from({ length: 100000 }, (_, i) => `[${i}] a line as a kernel prints it while it boots`).join('\r\n')}\r\nTHE END`,
  );
  await page.waitForFunction(() => document.querySelector('.xterm-rows').textContent.includes('THE END'));
  const longest = await page.evaluate(() => window.longest);
  await context.close();
  return longest;
}

async function testbedServer() {
  const port = await freePort();
  const p = run([
    `${process.env.TESTBED_BUILD ?? 'build'}/testbed-server`,
    '--port',
    String(port),
    '--state-dir',
    folder('pages'),
  ]);
  const url = `http://127.0.0.1:${port}`;
  await until('testbed-server', () =>
    fetch(url).then(
      (r) => r.ok,
      () => false,
    ),
  );
  return { url, p };
}

async function noVnc(browser) {
  const { display } = await xvfb();
  const [rfb, port] = [await freePort(), await freePort()];
  run(['x11vnc', '-display', display, '-rfbport', String(rfb), '-localhost', '-forever', '-shared', '-q', '-noipv6']);
  run(['websockify', '--web', '/usr/share/novnc', `127.0.0.1:${port}`, `127.0.0.1:${rfb}`]);
  const url = `http://127.0.0.1:${port}/vnc.html?autoconnect=true`;
  await until('noVNC', () =>
    fetch(url).then(
      (r) => r.ok,
      () => false,
    ),
  );
  return firstPage(browser, url, () => document.querySelector('canvas')?.width > 300);
}

export default async function bench() {
  const server = await testbedServer();
  const pattern = { attach: 'testpattern://?width=1280&height=720' };
  const printers = new Set();
  const printer = net.createServer((socket) => printers.add(socket)).listen(0, '127.0.0.1');
  await once(printer, 'listening');
  const ours = await host(
    {
      pattern,
      second: pattern,
      third: pattern,
      meter: { attach: 'vitals://?interval_ms=500' },
      printer: { attach: { console: `tcp://127.0.0.1:${printer.address().port}` } },
    },
    { env: { SERVER_URL: server.url } },
  );
  const here = await until('the device on the server', async () => {
    const devices = await (await fetch(`${server.url}/api/devices`)).json();
    return devices.find((d) => d.device === 'pattern')?.id;
  });
  const ends = [() => printer.close(), () => printers.forEach((socket) => socket.destroy())];
  const browser = await startBrowser({ after: (f) => ends.push(f) });
  try {
    const cold = [],
      slow = [],
      far = [];
    const peer = await noVnc(browser);
    for (let i = 0; i < ROUNDS; i++) {
      cold.push(await firstPage(browser, `${ours.url}/`, () => document.querySelectorAll('.card').length >= 3));
      slow.push(await onSlowLine(browser, ours.url));
      const made = await fetch(`${server.url}/api/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ device: here, mode: 'view' }),
      });
      const { viewUrl } = await made.json();
      far.push(await observer(browser, server.url, new URL(viewUrl, server.url).href));
    }
    const tasks = [];
    for (let i = 0; i < ROUNDS; i++)
      tasks.push({ ms: await flood(browser, ours.url, (text) => printers.forEach((socket) => socket.write(text))) });
    const kb = await thumbnails(browser, ours.url);
    const live = await tabs(browser, ours.url);
    const row = (what, rounds, key, unit, target, other = '') => ({
      what,
      ours: `${median(rounds, key).toFixed(1)} ${unit} (${spread(rounds, key)})`,
      peer: other,
      ratio: '',
      target: `≤ ${target} ${unit}`,
      met: median(rounds, key) <= target,
      rounds: rounds.length,
    });
    const novnc = `noVNC ${version('novnc')}`;
    return [
      row('first page (bench), cold: requests', cold, 'requests', '', 12, `${novnc}: ${peer.requests}`),
      row('… on the wire', cold, 'kb', 'KB', 250, `${novnc}: ${peer.kb.toFixed(0)} KB`),
      row('500 kbit/s, 400 ms round trip, no WebRTC: usable', slow, 'usable', 's', 4),
      row('… first picture', slow, 'picture', 's', 6),
      row('remote observer, 200 ms round trip to the server: words', far, 'words', 's', 1.5),
      row('… first picture', far, 'picture', 's', 2.5),
      row('100,000 lines into the terminal: longest task of the page', tasks, 'ms', 'ms', 100),
      {
        what: 'thumbnails of 3 devices whose picture changes',
        ours: `${kb.toFixed(1)} KB/s`,
        target: '≤ 20 KB/s',
        met: kb <= 20,
        rounds: 1,
      },
      {
        what: 'tabs of one browser on one host, plain HTTP',
        ours: `${live} live`,
        target: TABS,
        met: live === TABS,
        rounds: 1,
      },
    ];
  } finally {
    for (const end of ends) await end();
  }
}
