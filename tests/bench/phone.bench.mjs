// A phone on the bench: its camera (a picture drawn with its time in it, 1280 × 720 at 30 a second, in one Chromium)
// over the host's hub to a viewer by WHEP in another Chromium: drawn -> displayed. And from the opening of the phone's
// page to its first reading at the host. All on this machine: what both browsers encode and decode is in the figures.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBrowser } from '../e2e/browser.mjs';
import { folder, host, median, percentile, run, spread, until } from './lib.mjs';

const ROUNDS = 5;
const PICTURES = 150; // of a round
const OPENINGS = 20;
const BLOCKS = 44;
const SIDE = 16; // pixels of a block

async function server() {
  const file = join(folder('server'), 'server.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, sessions_per_minute: 100000 })); // YAML holds JSON
  const p = run([
    `${process.env.TESTBED_BUILD ?? 'build'}/testbed-server`,
    '--config',
    file,
    '--state-dir',
    folder('state'),
  ]);
  return until('testbed-server', () => /\burl="?(https?:\/\/[^\s"]+)/.exec(p.text)?.[1]);
}

// Runs in the phone's page before its own code: its camera is a canvas that bears its time in blocks along the top.
function drawnCamera({ blocks, side }) {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const pen = canvas.getContext('2d');
    let n = 0;
    setInterval(() => {
      pen.fillStyle = `hsl(${(n * 7) % 360} 60% 50%)`;
      pen.fillRect(0, 0, 1280, 720);
      pen.fillStyle = '#888';
      for (let i = 0; i < 40; i++) pen.fillRect((n * 13 + i * 97) % 1280, 40 + i * 17, 120, 12);
      n += 1;
      const now = BigInt(Math.round(performance.timeOrigin + performance.now()));
      for (let i = 0; i < blocks; i++) {
        pen.fillStyle = (now >> BigInt(blocks - 1 - i)) & 1n ? '#fff' : '#000';
        pen.fillRect(i * side, 0, side, side);
      }
    }, 1000 / 30);
    return canvas.captureStream(30);
  };
}

// Runs in the viewer's page: plays `url`, and keeps how old each displayed picture is.
async function watch({ url, blocks, side }) {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  pc.addTransceiver('video', { direction: 'recvonly' });
  const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true });
  document.body.append(video);
  const canvas = Object.assign(document.createElement('canvas'), { width: blocks, height: 1 });
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  window.ages = [];
  const onFrame = (_, meta) => {
    if (meta.width === 1280) {
      pen.drawImage(video, 0, side / 4, blocks * side, side / 2, 0, 0, blocks, 1);
      const { data } = pen.getImageData(0, 0, blocks, 1);
      let at = 0n;
      for (let i = 0; i < blocks; i++) at = (at << 1n) | BigInt(data[i * 4 + 1] > 128);
      window.ages.push(performance.timeOrigin + meta.expectedDisplayTime - Number(at));
    }
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
  pc.ontrack = (e) => (video.srcObject = new MediaStream([e.track]));
  await pc.setLocalDescription();
  const answer = await fetch(url, {
    method: 'POST',
    body: pc.localDescription.sdp,
    headers: { 'Content-Type': 'application/sdp' },
  });
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
}

export default async function bench() {
  const url = await server();
  const h = await host({}, { config: { server: { url, insecure: true } } });
  const get = async (path) => (await fetch(`${h.url}${path}`)).json();
  await until('the host at the server', async () => (await get('/host/health')).services.server === 'running');
  const { phoneUrl } = await (
    await fetch(`${h.url}/host/phones`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' })
  ).json();
  const steps = [];
  const after = { after: (step) => steps.push(step) };
  try {
    const [phones, viewers] = [await startBrowser(after), await startBrowser(after)];
    const context = await phones.newContext({ permissions: ['camera', 'accelerometer', 'gyroscope'] });
    const page = await context.newPage();
    await page.addInitScript(drawnCamera, { blocks: BLOCKS, side: SIDE });
    const cdp = await context.newCDPSession(page);

    const openings = [];
    for (let i = 0; i < OPENINGS; i++) {
      const asked = Date.now();
      await page.goto(phoneUrl);
      await page.click('#enable-motion');
      await cdp.send('DeviceOrientation.setDeviceOrientationOverride', { alpha: i + 1, beta: 0, gamma: 0 });
      const first = await until('a reading', async () => {
        const reading = (await get('/host/devices/phone1/sensors'))['orientation.alpha'];
        return reading?.value === i + 1 && reading.t;
      });
      openings.push(first - asked);
    }

    await page.getByRole('switch', { name: 'Camera' }).click();
    const viewer = await viewers.newPage();
    await viewer.goto(`${h.url}/docs.html`);
    await viewer.evaluate(watch, { url: `${h.url}/host/devices/phone1/video/whep`, blocks: BLOCKS, side: SIDE });
    await until('full pictures', () => viewer.evaluate(() => window.ages.length > 60), 60);
    const rounds = [];
    while (rounds.length < ROUNDS) {
      await viewer.evaluate(() => (window.ages = []));
      await until('pictures', () => viewer.evaluate((n) => window.ages.length >= n, PICTURES), 60);
      const ages = await viewer.evaluate(() => window.ages);
      rounds.push({ p50: percentile(ages, 0.5), p95: percentile(ages, 0.95) });
    }
    const [p50, p95] = ['p50', 'p95'].map((key) => median(rounds, key));
    const most = percentile(openings, 0.95);
    return [
      {
        what: 'phone camera → host’s hub → another browser, 720p30, drawn → displayed, p50 / p95',
        ours: `${p50.toFixed(0)} / ${p95.toFixed(0)} ms (p50 of rounds ${spread(rounds, 'p50', 0)})`,
        target: 'p50 ≤ 60 ms',
        met: p50 <= 60,
        rounds: ROUNDS,
      },
      {
        what: '… open the phone’s page → its first reading at the host, p50 / p95',
        ours: `${percentile(openings, 0.5).toFixed(0)} / ${most.toFixed(0)} ms`,
        target: 'p95 ≤ 1 s',
        met: most <= 1000,
        rounds: OPENINGS,
      },
    ];
  } finally {
    for (const step of steps.reverse()) await step();
  }
}
