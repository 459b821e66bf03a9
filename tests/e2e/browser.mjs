// Headless Chromium on the pages of the real daemons: starting it, opening a page that tells what went wrong in it, and
// the waits that all tests need.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

import { ROOT, until } from '../integration/harness.mjs';

const require = createRequire(path.join(ROOT, 'tests', 'package.json'));
const { chromium } = require('playwright-core');

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--disable-quic',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];
const PATIENCE = 30000; // of one wait; the machine may be busy

/** A browser that ends with the test (t = {after}); `executablePath` may start it elsewhere (netns.mjs). */
export async function startBrowser(t, executablePath = process.env.CHROMIUM || '/usr/bin/chromium', args = []) {
  const browser = await chromium.launch({ executablePath, headless: true, args: [...FLAGS, ...args] });
  t.after(() => browser.close());
  return browser;
}

/** All of its processes end without a goodbye: its connections stay, and say nothing. */
export async function killBrowser(browser) {
  // not Browser.crash: that once left the browser standing still, and us waiting for its end
  const session = await browser.newBrowserCDPSession();
  const gone = new Promise((resolve) => browser.once('disconnected', resolve));
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  for (const { id } of processInfo) process.kill(id, 'SIGKILL');
  await gone;
}

// Runs in the page before its own code. While window.__noWebRTC is set, connections fail as they do where UDP is
// blocked.
function breakWebRTC() {
  const Real = window.RTCPeerConnection;
  window.__noWebRTC = true;
  window.RTCPeerConnection = new Proxy(Real, {
    construct(target, args) {
      const pc = new target(...args);
      if (window.__noWebRTC) pc.setRemoteDescription = () => Promise.reject(new Error('blocked by the test'));
      return pc;
    },
  });
}

// Runs in the page before its own code: its connections are in window.peers.
function keepPeers() {
  window.peers = [];
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(target, args) {
      const pc = new target(...args);
      window.peers.push(pc);
      return pc;
    },
  });
}

// Runs in a page with `spy`: the candidate pair that carries its picture, as "type protocol[ relayProtocol]", and
// decoded frames; throws before the 30th.
export async function pairOf() {
  const pc = window.peers.findLast((p) => p.connectionState === 'connected');
  const all = [...((await pc?.getStats()) ?? new Map()).values()];
  const frames = all.find((s) => s.type === 'inbound-rtp' && s.kind === 'video')?.framesDecoded ?? 0;
  const pair = all.find((s) => s.id === all.find((x) => x.type === 'transport')?.selectedCandidatePairId);
  const side = (id) => {
    const c = all.find((s) => s.id === id);
    return [c.candidateType, c.protocol, c.relayProtocol].filter(Boolean).join(' ');
  };
  if (!pair || frames < 30)
    throw new Error(
      `${frames} frames, pair ${JSON.stringify(pair)}, connections ${window.peers.map((p) => p.connectionState)}`,
    );
  return { frames, pair: { local: side(pair.localCandidateId), remote: side(pair.remoteCandidateId) } };
}

// Runs in the page before its own code: what its data channels send and receive, as {sent, control, sensor} of parsed
// messages.
function spyOnChannels() {
  window.spied = { sent: [], control: [], sensor: [], channels: {} };
  const make = RTCPeerConnection.prototype.createDataChannel;
  RTCPeerConnection.prototype.createDataChannel = function createDataChannel(name, ...rest) {
    const channel = make.call(this, name, ...rest);
    const send = channel.send;
    window.spied.channels[name] = channel;
    channel.send = (text) => {
      window.spied.sent.push(JSON.parse(text));
      return send.call(channel, text);
    };
    channel.addEventListener('message', (e) => window.spied[name]?.push(JSON.parse(e.data)));
    return channel;
  };
}
export const sendOnChannel = (page, name, message) =>
  page.evaluate(([n, m]) => window.spied.channels[n].send(JSON.stringify(m)), [name, message]);
export const channelMessages = (page, name) => page.evaluate((n) => window.spied[n], name);

/**
 * A page of its own context at `url`. `page.problems` collects what a user would find in the console: exceptions,
 * errors, refusals of the content security policy. `webrtc: false` makes every connection fail until
 * `allowWebRTC(page)`; `spy` records its connections and data channels.
 */
export async function openPage(
  t,
  browser,
  url,
  {
    viewport = { width: 1280, height: 900 },
    webrtc = true,
    spy = false,
    phone = false,
    dark = false,
    permissions = null,
    init = null, // runs in the page before its own code
  } = {},
) {
  const context = await browser.newContext({
    viewport,
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: phone,
    isMobile: phone,
    ...(permissions ? { permissions } : {}),
  });
  t.after(() => context.close());
  if (spy) {
    await context.addInitScript(spyOnChannels);
    await context.addInitScript(keepPeers);
  }
  if (init) await context.addInitScript(init);
  if (!webrtc) await context.addInitScript(breakWebRTC);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`exception: ${error.stack ?? error.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error' && !/^Failed to load resource: the server responded/.test(m.text()))
      page.problems.push(`${m.text()} (${m.location().url})`);
  });
  page.on('response', async (r) => {
    // a busy machine may be late with a thumbnail; the card says so and asks again
    if (r.status() >= 400 && !(r.status() >= 503 && r.url().includes('/snapshot.jpg')))
      page.problems.push(`${r.request().method()} ${r.url()}: ${r.status()} ${await r.text().catch(() => '')}`);
  });
  page.failed = [];
  page.pending = new Set(); // requests without an answer: what a page that does not begin waits for
  page.on('request', (r) => page.pending.add(r.url()));
  page.on('requestfinished', (r) => page.pending.delete(r.url()));
  page.on('requestfailed', (r) => {
    page.pending.delete(r.url());
    page.failed.push(`${r.url()}: ${r.failure()?.errorText}`);
  });
  await page.goto(url);
  return page;
}

export const allowWebRTC = (page) =>
  page.evaluate(() => {
    window.__noWebRTC = false;
  });

/** The page said nothing that it should not have. */
export function assertQuiet(page) {
  assert.deepEqual(page.problems, []);
}

/** Waits until `look` (run in the page with `arg`) answers something true, and returns that. */
export const inPage = (page, what, look, arg, ms = PATIENCE) =>
  until(what, () => page.evaluate(look, arg), ms).catch((error) => {
    const { problems, failed = [], pending = [] } = page;
    throw new Error(
      `${error.message}; ${JSON.stringify({ problems, failed: failed.slice(-20), pending: [...pending] })}`,
      { cause: error },
    );
  });

/** The picture comes by `rung` (webrtc, fallback), and frames of it are on the screen. */
export const showsPictureBy = (page, rung, ms) =>
  inPage(
    page,
    `a picture by ${rung}`,
    (want) => {
      const stage = document.querySelector('.stage');
      if (stage?.dataset.rung !== want)
        throw new Error(
          `the page is at ${stage?.dataset.rung}: ${(document.querySelector('#fallback-notice') ?? document.body).textContent.slice(0, 300)}`,
        );
      const video = stage.querySelector('video');
      const spare = stage.querySelector('.screen img, .screen canvas');
      if (want === 'webrtc')
        return (
          !video.classList.contains('dim') &&
          video.videoWidth > 0 &&
          spare.hidden && { width: video.videoWidth, height: video.videoHeight }
        );
      const [width, height] = [spare.naturalWidth ?? spare.width, spare.naturalHeight ?? spare.height];
      return !spare.hidden && document.querySelector('.stage .wait').hidden && width > 0 && { width, height };
    },
    rung,
    ms,
  );

/** The video's own clock goes on. */
export async function assertPlays(page) {
  const clock = () => page.evaluate(() => document.querySelector('.stage video').currentTime);
  const before = await clock();
  await until('the video to go on', async () => (await clock()) > before + 0.2, PATIENCE);
}

/** What share (0..1) of the picture that is shown now has a colour between `low` and `high`, [r, g, b] each. */
export const share = (page, low, high = [255, 255, 255]) =>
  page.evaluate(
    ([from, to]) => {
      const stage = document.querySelector('.stage');
      const source =
        stage.dataset.rung === 'webrtc'
          ? stage.querySelector('video')
          : stage.querySelector('.screen img, .screen canvas');
      const canvas = document.createElement('canvas');
      canvas.width = source.videoWidth ?? source.naturalWidth ?? source.width;
      canvas.height = source.videoHeight ?? source.naturalHeight ?? source.height;
      const g = canvas.getContext('2d');
      g.drawImage(source, 0, 0);
      const { data } = g.getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4)
        if ([0, 1, 2].every((c) => data[i + c] >= from[c] && data[i + c] <= to[c])) n += 1;
      return n / (data.length / 4);
    },
    [low, high],
  );

/**
 * Age in ms of the picture that is shown now, read out of it: a testpattern of 1280 pixels or more, whose first 704
 * bear the time in 44 blocks of 16.
 */
export const pictureAge = (page) =>
  inPage(page, 'a time that can be read in the picture', () => {
    const stage = document.querySelector('.stage');
    const source =
      stage.dataset.rung === 'webrtc'
        ? stage.querySelector('video')
        : stage.querySelector('.screen img, .screen canvas');
    const width = source.videoWidth ?? source.naturalWidth ?? source.width;
    const strip = document.createElement('canvas');
    [strip.width, strip.height] = [704, 16];
    const g = strip.getContext('2d');
    const scale = width / 1280; // a lower rung sends the picture smaller
    g.drawImage(source, 0, 0, 704 * scale, 16 * scale, 0, 0, 704, 16);
    const { data } = g.getImageData(0, 8, 704, 1);
    let ms = 0;
    for (let bit = 0; bit < 44; bit++) ms = ms * 2 + (data[(bit * 16 + 8) * 4] > 127 ? 1 : 0);
    const age = performance.timeOrigin + performance.now() - ms;
    return age >= 0 && age < 3600000 && Math.round(age) + 1;
  });
export const BRIGHT = [140, 140, 140];
/** Whether the picture is the one that says "No signal": its background is dark grey, no screen here is. */
export const isSlate = async (page) => (await share(page, [14, 18, 20], [36, 40, 44])) > 0.7;

/** A point of the picture (in its own pixels) as a point of the page. */
export function pointOf(page, x, y) {
  return page.evaluate(
    ([px, py]) => {
      const stage = document.querySelector('.stage');
      const video = stage.querySelector('video');
      const spare = stage.querySelector('.screen img, .screen canvas');
      const [w, h] =
        stage.dataset.rung === 'webrtc'
          ? [video.videoWidth, video.videoHeight]
          : [spare.naturalWidth ?? spare.width, spare.naturalHeight ?? spare.height];
      const box = document.getElementById('screen').getBoundingClientRect();
      const scale = Math.min(box.width / w, box.height / h);
      return {
        x: box.x + (box.width - w * scale) / 2 + px * scale,
        y: box.y + (box.height - h * scale) / 2 + py * scale,
      };
    },
    [x, y],
  );
}

export async function clickPicture(page, x, y) {
  const at = await pointOf(page, x, y);
  await page.mouse.click(at.x, at.y);
}

/** Types as fingers do: with Shift held where the character needs it (Playwright's own type() leaves Shift out). */
export async function typeKeys(page, text) {
  for (const c of text)
    await page.keyboard.press(
      c === '\n' ? 'Enter' : /[A-Z~!@#$%^&*()_+{}|:"<>?]/.test(c) ? `Shift+${c}` : c === ' ' ? 'Space' : c,
    );
}

/** Text of a console's terminal as it is shown. */
export const terminalText = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('.xterm-rows > div')]
      .map((row) => row.textContent.replace(/\u00a0/g, ' '))
      .join('\n'),
  );
