// The whole way of a desktop's picture: handed to the X server by a program -> displayed in Chromium. Ours:
// testbed-host with an x11:// device, WebRTC, the console's own page. The peer: x11vnc + websockify + noVNC, as Debian
// packages them. Both show the same Xvfb (1280x720, tests/tools/x11_motion.c: full motion with a frame number in it),
// in turns, several rounds in one run. A picture counts as displayed at the page's rendering step that first finds its
// number on the element: the same small read-back into a canvas on both sides, in requestVideoFrameCallback for the
// video (not before the picture was handed to the compositor) and in requestAnimationFrame for noVNC's canvas. Nothing
// else differs; the machine's load falls on both.
import { startBrowser } from '../e2e/browser.mjs';
import { freePort, host, median, percentile, run, spread, until, version, xvfb } from './lib.mjs';
import { join } from 'node:path';

const ROUNDS = Number(process.env.TB_SCREEN_ROUNDS || 5);
const PICTURES = 180; // measured in a round of one side
const WARM_UP = 45; // pictures before them: the first keyframe, noVNC's first full update
// nearly 30: the painter's phase wanders over the whole of the browser's 60 Hz, else it would be a matter of luck
const FPS = 29.7;

// In the page: reads the frame number off the element (a video or a canvas) and keeps [number, wall clock in ms] of
// each new one.
export function watchNumbers(selector) {
  const strip = document.createElement('canvas');
  strip.width = 256;
  strip.height = 16;
  const g = strip.getContext('2d', { willReadFrequently: true });
  // performance.now() as wall clock: at the edge of a millisecond of Date.now(), the greatest of several looks, because
  // each may only be late
  let offset = -Infinity;
  for (let i = 0; i < 8; i++) {
    const from = Date.now();
    let now = from;
    while (now === from) now = Date.now();
    offset = Math.max(offset, now - performance.now());
  }
  window.seen = [];
  let last = -1;
  const look = () => {
    const at = performance.now() + offset;
    const source = document.querySelector(selector);
    if (source) {
      g.drawImage(source, 0, 0, 256, 16, 0, 0, 256, 16);
      const { data } = g.getImageData(0, 8, 256, 1);
      let number = 0;
      for (let bit = 0; bit < 16; bit++) if (data[(bit * 16 + 8) * 4 + 1] > 127) number |= 1 << bit;
      if (number !== last) window.seen.push([number, at]);
      last = number;
    }
    return source;
  };
  const video = document.querySelector(selector);
  const byVideo = () => {
    look();
    video.requestVideoFrameCallback(byVideo);
  };
  const byFrame = () => {
    look();
    requestAnimationFrame(byFrame);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(byVideo);
  else requestAnimationFrame(byFrame);
}

/** Paint -> displayed of one side, in ms, and pictures displayed a second. */
export async function round(browser, { url, element, ready }, painted, { warm = WARM_UP, pictures = PICTURES } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  try {
    await page.goto(url);
    await page.waitForFunction(ready, element, { timeout: 30000, polling: 50 });
    await page.evaluate(watchNumbers, element);
    await page.waitForFunction((n) => window.seen.length >= n, warm + pictures, { timeout: 60000, polling: 200 });
    const seen = (await page.evaluate(() => window.seen)).slice(warm, warm + pictures);
    const ms = seen.filter(([number]) => painted.has(number)).map(([number, at]) => at - painted.get(number));
    if (ms.length < pictures * 0.95 || ms.some((v) => v < 0 || v > 5000))
      throw new Error(
        `${url}: ${pictures - ms.length} of ${pictures} numbers were never painted, or a latency makes no sense: ${Math.min(...ms)} to ${Math.max(...ms)} ms`,
      );
    return {
      p50: percentile(ms, 0.5),
      p95: percentile(ms, 0.95),
      fps: ((seen.length - 1) * 1000) / (seen.at(-1)[1] - seen[0][1]),
    };
  } finally {
    await context.close();
  }
}

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? 'build',
    ends = [];
  const x = await xvfb('1280x720x24');
  const painted = new Map();
  const painter = run([join(build, 'tools/x11_motion'), String(FPS), 'log'], { env: { DISPLAY: x.display } });
  let rest = '';
  painter.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const m = /^(\d+) (\d+)$/.exec(line);
      if (m) painted.set(Number(m[1]), Number(m[2]) / 1000);
    }
  });
  await until('the painter', () => painted.size > 0);
  const h = await host({ desktop: { attach: `x11://${x.display}` } });
  await until(
    'the desktop',
    async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === 'ready',
  );
  const [rfb, web] = [await freePort(), await freePort()];
  const peer = run([
    'x11vnc',
    '-display',
    x.display,
    '-rfbport',
    String(rfb),
    '-localhost',
    '-forever',
    '-shared',
    '-nopw',
    '-quiet',
    '-no6',
    '-noxrecord',
  ]);
  await until('x11vnc', () => /PORT=\d+/.test(peer.text));
  run(['websockify', '--web', '/usr/share/novnc', `127.0.0.1:${web}`, `127.0.0.1:${rfb}`]);
  await until('websockify', () =>
    fetch(`http://127.0.0.1:${web}/vnc_lite.html`).then(
      (r) => r.ok,
      () => false,
    ),
  );

  const sides = {
    ours: {
      url: `${h.url}/#/d/desktop`,
      element: '.stage video',
      ready: (s) => document.querySelector(s)?.videoWidth === 1280,
    },
    peer: {
      url: `http://127.0.0.1:${web}/vnc_lite.html`,
      element: '#screen canvas',
      ready: (s) => document.querySelector(s)?.width === 1280,
    },
  };
  const results = { ours: [], peer: [] };
  const browser = await startBrowser({ after: (end) => ends.push(end) });
  try {
    for (let i = 0; i < ROUNDS; i++)
      for (const side of ['ours', 'peer']) {
        const r = await round(browser, sides[side], painted);
        results[side].push(r);
        console.error(`  ${side}: p50 ${r.p50.toFixed(1)} ms, p95 ${r.p95.toFixed(1)} ms, ${r.fps.toFixed(1)} fps`);
      }
  } finally {
    for (const end of ends) await end();
  }
  const of = (side, key) => median(results[side], key);
  const name = `x11vnc ${version('x11vnc')} + websockify ${version('websockify')} + noVNC ${version('novnc')}`;
  return ['p50', 'p95'].map((key, i) => ({
    what: `${i ? '…' : 'X11 paint → displayed in Chromium, 1280×720, 30 fps, full motion:'} ${key}`,
    ours: `${of('ours', key).toFixed(1)} ms (${i ? '' : `${of('ours', 'fps').toFixed(0)} fps; `}rounds ${spread(results.ours, key)})`,
    peer: `${of('peer', key).toFixed(1)} ms (${i ? '' : `${name}, ${of('peer', 'fps').toFixed(0)} fps; `}rounds ${spread(results.peer, key)})`,
    ratio: (of('ours', key) / of('peer', key)).toFixed(2),
    target: `≤ ${i ? 35 : 20} ms, ≤ 0.6`,
    rounds: ROUNDS,
    met: of('ours', key) <= (i ? 35 : 20) && of('ours', key) / of('peer', key) <= 0.6,
  }));
}
