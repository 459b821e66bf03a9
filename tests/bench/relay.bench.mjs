// The relay's picture on lines between an observer and the server, in network namespaces: what it takes and how old it
// is, H.264 (WebCodecs) and JPEG in turns on the same line.
import { Net } from '../e2e/netns.mjs';
import { openPage, pictureAge, showsPictureBy, startBrowser } from '../e2e/browser.mjs';
import { percentile, sleep, until } from './lib.mjs';

const LINES = [
  { name: '20 Mbit/s, 20 ms', kbps: 20000, delayMs: 10 },
  { name: '2 Mbit/s, 60 ms', kbps: 2000, delayMs: 30 },
  { name: '500 kbit/s, 60 ms', kbps: 500, delayMs: 30 },
  { name: '300 kbit/s, 300 ms', kbps: 300, delayMs: 150 },
];
const SETTLE_S = 12;
const LOOK_S = 6;

async function look(t, browser, line, { server, codec, name, ...set }) {
  line.set();
  const session = await server.session({ device: 'lab-1/bench', mode: 'view', observers: 2 });
  const link = new URL(session.viewUrl, server.url);
  const page = await openPage(t, browser, server.pages + link.pathname + link.search + link.hash, {
    webrtc: false,
    init: codec === 'jpeg' ? () => delete window.VideoDecoder : null,
  });
  const cdp = await page.context().newCDPSession(page);
  let [bytes, pictures] = [0, 0];
  await cdp.send('Network.enable');
  cdp.on('Network.webSocketFrameReceived', ({ response: { opcode, payloadData } }) => {
    if (opcode !== 2) return;
    bytes += payloadData.length * 0.75;
    pictures += 1;
  });
  await showsPictureBy(page, 'fallback');
  line.set({ ...set, queueBytes: 60000 });
  await sleep(SETTLE_S * 1000);
  [bytes, pictures] = [0, 0];
  const ages = [];
  for (const end = Date.now() + LOOK_S * 1000; Date.now() < end; await sleep(50)) ages.push(await pictureAge(page));
  const { width, of } = await page.evaluate(() => {
    const canvas = document.querySelector('.stage .screen canvas');
    return { width: canvas.width, of: canvas.dataset.codec };
  });
  await page.close();
  return { codec: of, kbps: (bytes * 8) / 1000 / LOOK_S, fps: pictures / LOOK_S, width, ages };
}

export default async function () {
  const undo = [];
  const t = { after: (fn) => undo.push(fn), diagnostic: () => {} };
  try {
    const net = await Net.make(t, 'mid', 'far');
    const line = await net.line('far', '10.2.0.2/24', 'mid', '10.2.0.1/24');
    const server = await net.server('mid', '10.2.0.1');
    const host = await net.host('mid', {
      name: 'lab-1',
      server: { url: `http://127.0.0.1:${new URL(server.pages).port}`, insecure: true },
      devices: { bench: { attach: 'testpattern://?width=1280&height=720&fps=30' } },
    });
    await host.state_is('bench/video');
    await until('the bench', async () => (await server.get('/api/devices')).text.includes('lab-1/bench'), 30);
    const secure = `--unsafely-treat-insecure-origin-as-secure=${server.pages}`; // WebCodecs are in such contexts alone
    const browser = await startBrowser(t, net.chromium('far'), [secure]);
    const rows = [];
    for (const set of LINES) {
      const seen = {};
      for (const codec of ['h264', 'jpeg']) seen[codec] = await look(t, browser, line, { server, codec, ...set });
      const said = ({ codec, kbps, fps, width, ages }) =>
        `${codec}: ${percentile(ages, 0.5)} / ${percentile(ages, 0.95)} ms old, ${width} px, ${fps.toFixed(0)} a second, ${kbps.toFixed(0)} kbit/s`;
      const ratio = percentile(seen.h264.ages, 0.5) / percentile(seen.jpeg.ages, 0.5);
      rows.push({
        what: `relay, 720p30 on ${set.name}: age of what is shown p50 / p95`,
        ours: said(seen.h264),
        peer: said(seen.jpeg),
        ratio: ratio.toFixed(2),
        target: `p95 ≤ ${set.delayMs + 300} ms`,
        met: percentile(seen.h264.ages, 0.95) <= set.delayMs + 300,
        rounds: seen.h264.ages.length,
      });
      process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
    }
    return rows;
  } finally {
    for (const fn of undo.reverse()) await fn();
  }
}
