// The media room (tests/tools/media_room.c) and headless Chromium as its viewer.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const BUILD = process.env.TESTBED_BUILD || path.join(ROOT, 'build');
const require = createRequire(path.join(ROOT, 'tests', 'package.json'));

/** A running media_room: ask({do:…}) -> answer; events by peer. */
export class Room {
  constructor(args = [], { wrap = [] } = {}) {
    const argv = [...wrap, path.join(BUILD, 'tools', 'media_room'), ...args];
    this.child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = new Map();
    this.listeners = new Map();
    this.next = 0;
    this.exit = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve(signal || code)));
    this.ready = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.exit.then((code) => {
        reject(new Error(`media_room ended: ${code}`));
        for (const { reject: r } of this.waiting.values()) r(new Error(`media_room ended: ${code}`));
      });
      readline.createInterface({ input: this.child.stdout }).on('line', (line) => {
        const m = JSON.parse(line);
        if (m.event === 'ready') resolve(m);
        else if (m.event) for (const call of this.listeners.get(m.peer) || []) call(m);
        else this.waiting.get(m.id)?.resolve(m);
        this.waiting.delete(m.id);
      });
    });
    this.ready.catch(() => {});
  }

  ask(request) {
    const id = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.child.stdin.write(JSON.stringify({ id, ...request }) + '\n');
    });
  }

  on(peer, call) {
    if (!this.listeners.has(peer)) this.listeners.set(peer, []);
    this.listeners.get(peer).push(call);
  }

  async stop() {
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill('SIGKILL'), 10000);
    const code = await this.exit;
    clearTimeout(late);
    return code;
  }
}

// What runs in the page. A viewer is window.viewers[name].
function pageCode() {
  window.viewers = {};
  window.join = async (
    name,
    { codec = 'H264', channels = false, audio = false, audioFirst = false, bundlePolicy = 'balanced' } = {},
  ) => {
    const v = (window.viewers[name] = { frames: 0, latencies: [], first: 0, sizes: [], messages: [] });
    const pc = (v.pc = new RTCPeerConnection({ bundlePolicy }));
    if (audioFirst) pc.addTransceiver('audio', { direction: 'recvonly' });
    const t = pc.addTransceiver('video', { direction: 'recvonly' });
    if (audio) pc.addTransceiver('audio', { direction: 'recvonly' });
    if (codec) {
      const all = RTCRtpReceiver.getCapabilities('video').codecs;
      t.setCodecPreferences(all.filter((c) => c.mimeType === `video/${codec}` || c.mimeType === 'video/rtx'));
    }
    if (channels) {
      v.control = pc.createDataChannel('control');
      v.sensor = pc.createDataChannel('sensor', { ordered: false, maxRetransmits: 0 });
      v.control.onmessage = (e) => v.messages.push(e.data);
      v.sensor.onmessage = (e) => v.messages.push(e.data);
    }
    const video = (v.video = document.createElement('video'));
    video.muted = video.autoplay = video.playsInline = true;
    document.body.append(video);
    const canvas = (v.canvas = document.createElement('canvas'));
    const strip = document.createElement('canvas');
    strip.width = 704;
    strip.height = 16;
    const ctx = strip.getContext('2d', { willReadFrequently: true });
    const frame = (now, meta) => {
      const at = performance.timeOrigin + performance.now();
      v.frames++;
      if (!v.first) v.first = at;
      v.last = at;
      if (v.measure) {
        // a lower rung sends the 1280x720 picture smaller
        ctx.drawImage(video, 0, 0, (704 * meta.width) / 1280, (16 * meta.height) / 720, 0, 0, 704, 16);
        const px = ctx.getImageData(0, 8, 704, 1).data;
        let ms = 0;
        for (let b = 0; b < 44; b++) ms = ms * 2 + (px[(b * 16 + 8) * 4] > 127 ? 1 : 0);
        v.latencies.push(at - ms);
      }
      const size = `${meta.width}x${meta.height}`;
      if (v.sizes[v.sizes.length - 1] !== size) v.sizes.push(size);
      if (!v.stopped) video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    pc.ontrack = (e) => {
      video.srcObject = new MediaStream([e.track]);
      video.play().catch(() => {});
    };
    v.asked = performance.timeOrigin + performance.now();
    await pc.setLocalDescription();
    const answer = await window.tbAsk({ do: 'peer', sdp: pc.localDescription.sdp });
    if (answer.error) return answer;
    v.peer = answer.peer;
    v.answered = performance.timeOrigin + performance.now();
    pc.onicecandidate = (e) =>
      e.candidate && window.tbAsk({ do: 'candidate', peer: v.peer, candidate: e.candidate.candidate });
    await pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
    return { peer: v.peer, sdp: answer.sdp };
  };
  window.leave = (name) => {
    const v = window.viewers[name];
    v.stopped = true;
    v.pc.close();
    v.video.remove();
    delete window.viewers[name];
  };
  window.pixels = (name, points) => {
    const v = window.viewers[name];
    const c = v.canvas;
    c.width = v.video.videoWidth;
    c.height = v.video.videoHeight;
    const ctx = c.getContext('2d', { willReadFrequently: true });
    ctx.drawImage(v.video, 0, 0);
    return points.map(([x, y]) => [
      ...ctx.getImageData(Math.floor(x * c.width), Math.floor(y * c.height), 1, 1).data.slice(0, 3),
    ]);
  };
  window.inbound = async (name) => {
    for (const s of (await window.viewers[name].pc.getStats()).values())
      if (s.type === 'inbound-rtp' && s.kind === 'video') return s;
    return null;
  };
}

/** Chromium with one page that knows join(), leave(), pixels(). */
export async function chromium(room, { executable = '/usr/bin/chromium', args = [], blank = false } = {}) {
  const { chromium: launcher } = require('playwright-core');
  const server = http.createServer((req, res) =>
    res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>viewer</title><body>'),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launcher.launch({
    executablePath: executable,
    headless: true,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-features=CalculateNativeWinOcclusion',
      ...args,
    ],
  });
  const page = await browser.newPage();
  await page.exposeFunction('tbAsk', (request) => room.ask(request));
  // else about:blank, for a browser that cannot reach us
  if (!blank) await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(pageCode);
  return {
    page,
    browser,
    join: (name, options) => page.evaluate(([n, o]) => window.join(n, o), [name, options]),
    leave: (name) => page.evaluate((n) => window.leave(n), name),
    pixels: (name, points) => page.evaluate(([n, p]) => window.pixels(n, p), [name, points]),
    get: (name, field) => page.evaluate(([n, f]) => window.viewers[n][f], [name, field]),
    set: (name, field, value) =>
      page.evaluate(
        ([n, f, x]) => {
          window.viewers[n][f] = x;
        },
        [name, field, value],
      ),
    until: (name, expression, ms = 45000) =>
      page.waitForFunction(
        `(() => { const v = window.viewers[${JSON.stringify(name)}]; return v && (${expression}); })()`,
        null,
        { timeout: ms, polling: 20 },
      ),
    inbound: (name) => page.evaluate((n) => window.inbound(n), name),
    /** The page's process ends without a goodbye. */
    async kill() {
      // not Browser.crash: that once left the browser standing still, and us waiting for its end
      const session = await browser.newBrowserCDPSession();
      const gone = new Promise((resolve) => browser.once('disconnected', resolve));
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      for (const { id } of processInfo) process.kill(id, 'SIGKILL');
      await gone;
      server.close();
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] : NaN;
}
