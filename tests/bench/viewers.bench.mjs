// 150 WebRTC viewers of the real testbed-host come and go, ten at a time, each by our own WHEP client in headless
// Chromium; a third of them abruptly: their browser's processes are killed, no DELETE, no goodbye of DTLS or SCTP.
// Descriptors, threads and memory before and after, the latter when the host says that all is over.
import { readFileSync, readdirSync } from 'node:fs';

import { startBrowser } from '../e2e/browser.mjs';
import { host, until, usage } from './lib.mjs';

const VIEWERS = Number(process.env.TB_VIEWERS || 150),
  TOGETHER = 10,
  ROOM = 32; // ROOM: media.max_viewers

async function metrics(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
}

/** A page on which ten viewers see pictures. */
async function join(browser, url) {
  const page = await browser.newPage();
  await page.route(`${url}/viewers`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>viewers</title>' }),
  );
  await page.goto(`${url}/viewers`);
  await page.evaluate(
    async ([whep, n]) => {
      const { WhepClient } = await import('/core/whep.js');
      window.clients = Array.from(
        { length: n },
        () => new WhepClient({ url: whep, fetch: (...a) => fetch(...a), RTCPeerConnection, connectMs: 60000 }),
      );
      await Promise.all(window.clients.map((c) => c.start()));
      const decoded = async (c) =>
        [...(await c.connection.pc.getStats()).values()].some((s) => s.type === 'inbound-rtp' && s.framesDecoded > 0);
      while (!(await Promise.all(window.clients.map(decoded))).every(Boolean))
        await new Promise((next) => setTimeout(next, 50));
    },
    [`${url}/host/devices/dut/video/whep`, TOGETHER],
  );
  return page;
}

/** The browser's processes are killed. */
async function kill(browser) {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const gone = new Promise((done) => browser.once('disconnected', done));
  for (const { id } of processInfo)
    try {
      process.kill(id, 'SIGKILL');
    } catch {
      /* it went with another */
    }
  await gone;
}

/** What a process uses when its memory has stopped changing (the host gives back once a second what was freed). */
async function settled(pid) {
  for (let last = usage(pid); ; ) {
    await new Promise((next) => setTimeout(next, 2500));
    const now = usage(pid);
    if (Math.abs(now.rss - last.rss) < 1e6) return now;
    last = now;
  }
}

/** Threads of the host, and what it complained of. */
function left(h) {
  const tasks = `/proc/${h.pid}/task`;
  return [
    readdirSync(tasks)
      .map((t) => readFileSync(`${tasks}/${t}/comm`, 'utf8').trim())
      .join(' '),
    ...h.process.text.split('\n').filter((line) => /warning|error/.test(line)),
  ].join('\n');
}

export default async function bench() {
  const ends = [];
  const start = () => startBrowser({ after: (end) => ends.push(end) });
  const h = await host({ dut: { attach: { video: 'testpattern://' } } });
  await until('the device', async () => (await (await fetch(`${h.url}/host/devices/dut`)).json()).state === 'ready');
  const over = () =>
    until(
      'the last viewer to be over',
      async () => {
        const m = await metrics(h.url);
        return (
          m('testbed_whep_sessions') +
            m('testbed_viewers') +
            m('testbed_video_encoders') +
            m('testbed_video_sources_live') ===
          0
        );
      },
      120,
    );
  let browser = await start();
  const batch = async (abruptly) => {
    // who was killed keeps his place until the host has noticed
    await until('room', async () => (await metrics(h.url))('testbed_whep_sessions') + TOGETHER <= ROOM, 60);
    const page = await join(browser, h.url);
    if (abruptly) {
      await kill(browser);
      browser = await start();
    } else {
      await page.evaluate(() => window.clients.forEach((c) => c.stop()));
      await page.close();
    }
  };
  try {
    // not counted: GLib and GStreamer keep a few threads and caches, malloc its arenas
    for (const abruptly of [false, true, false]) await batch(abruptly);
    await over();
    const before = await settled(h.pid);
    for (let i = 0; i * TOGETHER < VIEWERS; i++) {
      await batch(i % 3 === 2);
      console.error(
        `  ${(i + 1) * TOGETHER} of ${VIEWERS}: ${usage(h.pid).fds} fds, ${(usage(h.pid).rss / 1e6).toFixed(1)} MB`,
      );
    }
    await over();
    const back = (u) => u.fds <= before.fds && u.threads <= before.threads;
    // threads end a moment after what they served; if they do not, the row says so, and here is what is left
    await until('threads to end', () => back(usage(h.pid)), 30).catch(() => console.error(left(h)));
    const after = await settled(h.pid);
    const total = (await metrics(h.url))('testbed_viewers_total');
    if (total < VIEWERS + 3 * TOGETHER) throw new Error(`only ${total} viewers came`);
    const show = (u) => `${u.fds} fds, ${u.threads} threads, ${(u.rss / 1e6).toFixed(1)} MB`;
    return [
      {
        what: `${VIEWERS} viewers join and leave, a third abruptly`,
        ours: `before ${show(before)}; after ${show(after)}`,
        target: 'back to the start',
        met: back(after) && after.rss - before.rss < 12e6,
        rounds: 1,
      },
    ];
  } finally {
    for (const end of ends) await end();
  }
}
