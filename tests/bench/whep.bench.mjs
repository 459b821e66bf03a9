// WHEP request -> first decoded picture: our own client in headless Chromium joins testbed-host's 1280x720 desktop,
// leaves when the first picture is shown, and joins again. From the POST of the offer to requestVideoFrameCallback;
// what the browser does before (gathering, making the offer) is in the second row.
import { join } from 'node:path';
import { startBrowser } from '../e2e/browser.mjs';
import { host, percentile, run, until, xvfb } from './lib.mjs';

const JOINS = 60;

export default async function bench() {
  const ends = [];
  const x = await xvfb('1280x720x24');
  const painter = run([join(process.env.TESTBED_BUILD ?? 'build', 'tools/x11_motion'), '30'], {
    env: { DISPLAY: x.display },
  });
  await until('the painter', () => painter.text.includes('painting'));
  const h = await host({ desktop: { attach: `x11://${x.display}` } });
  await until(
    'the desktop',
    async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === 'ready',
  );
  const browser = await startBrowser({ after: (end) => ends.push(end) });
  try {
    const page = await browser.newPage();
    await page.route(`${h.url}/viewer`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: '<!doctype html><title>viewer</title><video muted autoplay playsinline></video>',
      }),
    );
    await page.goto(`${h.url}/viewer`);
    const times = await page.evaluate(
      async ([url, n]) => {
        const { WhepClient } = await import('/core/whep.js');
        const video = document.querySelector('video'),
          out = [];
        for (let i = 0; i < n; i++) {
          let asked = 0;
          const post = (...a) => {
            asked ||= performance.now();
            return fetch(...a);
          };
          const begun = performance.now(),
            client = new WhepClient({ url, fetch: post, RTCPeerConnection });
          client.on('track', (stream) => {
            video.srcObject = stream;
          });
          const shown = new Promise((done) => video.requestVideoFrameCallback(() => done(performance.now())));
          await client.start();
          const at = await shown;
          out.push({ request: at - asked, click: at - begun });
          client.stop();
          video.srcObject = null;
        }
        return out;
      },
      [`${h.url}/host/devices/desktop/video/whep`, JOINS],
    );
    const row = (key) =>
      [0.5, 0.95, 1].map((p) =>
        percentile(
          times.map((t) => t[key]),
          p,
        ),
      );
    const cells = ([p50, p95, max]) => ({
      ours: `p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms (longest ${max.toFixed(0)} ms)`,
      target: 'p95 ≤ 400 ms',
      met: p95 <= 400,
      rounds: JOINS,
    });
    return [
      { what: 'WHEP request → first picture shown', ...cells(row('request')) },
      { what: '… from before the offer is made', ...cells(row('click')) },
    ];
  } finally {
    for (const end of ends) await end();
  }
}
