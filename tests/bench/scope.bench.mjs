// A telescope's picture: the first byte of a raw frame goes into the socket of its imaging port (so its way through
// there counts, too) -> displayed in Chromium, by WebRTC, on the page of the console. A frame is what a Seestar sends:
// 1080x1920 raw pixels (u16, Bayer), 4 MB, ten a second; the number of each is in it. The floor: a picture of the same
// size that needs no socket, no curve and no mosaic, painted on an X screen, on the same page, in turns in one run.
import { join } from 'node:path';
import net from 'node:net';
import { startBrowser } from '../e2e/browser.mjs';
import { host, median, run, spread, until, xvfb } from './lib.mjs';
import { round } from './screen.bench.mjs';

const ROUNDS = 3;
const SOME = { warm: 15, pictures: 60 };
const FPS = 9.7; // its phase wanders over the browser's own
const [WIDTH, HEIGHT, HEAD] = [1080, 1920, 80];

/** A frame with its head; number() writes its number into the first 16 rows. */
function frame() {
  const b = Buffer.alloc(HEAD + WIDTH * HEIGHT * 2);
  b.writeUInt16BE(0x03c3, 0);
  b.writeUInt16BE(2, 2);
  b.writeUInt16BE(HEAD, 4);
  b.writeUInt32BE(WIDTH * HEIGHT * 2, 6);
  b[14] = 3;
  b[15] = 21;
  b.writeUInt16BE(WIDTH, 16);
  b.writeUInt16BE(HEIGHT, 18);
  const pixels = new Uint16Array(WIDTH * HEIGHT);
  for (let i = 0, noise = 1; i < pixels.length; i++) {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    pixels[i] = noise >>> 20 === 7 ? 40000 : 900 + (noise >>> 26); // a sky that scatters, and stars
  }
  Buffer.from(pixels.buffer).copy(b, HEAD);
  return b;
}

function number(b, n) {
  for (let y = 0; y < 16; y++)
    for (let x = 0; x < 256; x++) b.writeUInt16LE((n >> (x >> 4)) & 1 ? 60000 : 900, HEAD + (y * WIDTH + x) * 2);
}

/** The imaging port: {port, sent: number -> ms}. */
async function imaging() {
  const sent = new Map();
  const streams = new Set();
  const server = net.createServer((socket) => {
    socket.on('data', (text) => {
      if (/begin_streaming/.test(text)) streams.add(socket);
      if (/stop_streaming/.test(text)) streams.delete(socket);
    });
    socket.on('error', () => {});
    socket.on('close', () => streams.delete(socket));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const b = frame();
  let n = 0;
  let busy = false;
  const timer = setInterval(() => {
    const [socket] = streams;
    if (!socket || busy) return;
    busy = true;
    const mine = (n = (n + 1) & 0xffff);
    number(b, mine);
    sent.set(mine, performance.timeOrigin + performance.now());
    socket.write(b, () => {
      busy = false;
    });
  }, 1000 / FPS);
  return { port: server.address().port, sent, stop: () => (clearInterval(timer), server.close()) };
}

export default async function bench() {
  const ends = [];
  const scope = await imaging();
  const x = await xvfb(`${WIDTH}x${HEIGHT}x24`);
  const painted = new Map();
  const painter = run([join(process.env.TESTBED_BUILD ?? 'build', 'tools/x11_motion'), String(FPS), 'log'], {
    env: { DISPLAY: x.display },
  });
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
  const h = await host({
    scope: { attach: { video: `seestar://127.0.0.1:9?imaging_port=${scope.port}&picture=live` } },
    screen: { attach: { video: `x11://${x.display}` } },
  });
  const side = (device) => ({
    url: `${h.url}/#/d/${device}`,
    element: '.stage video',
    ready: (s) => document.querySelector(s)?.videoWidth > 0,
  });
  const results = { ours: [], floor: [] };
  const browser = await startBrowser({ after: (end) => ends.push(end) });
  try {
    for (let i = 0; i < ROUNDS; i++) {
      results.ours.push(await round(browser, side('scope'), scope.sent, SOME));
      results.floor.push(await round(browser, side('screen'), painted, SOME));
    }
    const [p50, p95] = [median(results.ours, 'p50'), median(results.ours, 'p95')];
    const [f50, f95] = [median(results.floor, 'p50'), median(results.floor, 'p95')];
    return [
      {
        what: 'a telescope’s raw picture (1080×1920, 4 MB) received → displayed in Chromium: p50',
        ours: `${p50.toFixed(1)} ms (rounds ${spread(results.ours, 'p50')})`,
        peer: `floor: ${f50.toFixed(1)} ms (a painted picture of that size; rounds ${spread(results.floor, 'p50')})`,
        ratio: (p50 / f50).toFixed(2),
        target: '≤ 30 ms',
        met: p50 <= 30,
        rounds: ROUNDS,
      },
      {
        what: '… p95',
        ours: `${p95.toFixed(1)} ms (rounds ${spread(results.ours, 'p95')})`,
        peer: `floor: ${f95.toFixed(1)} ms (rounds ${spread(results.floor, 'p95')})`,
        ratio: (p95 / f95).toFixed(2),
        target: '',
        rounds: ROUNDS,
      },
    ];
  } finally {
    scope.stop();
    for (const end of ends) await end();
  }
}
