// Fast sensors: 100 streams at 100 samples a second each, by UDP into ten devices, and one page that plots ten of them.
// What was sent and what the host numbered must be the same; how much of a core the host takes, and how often the page
// draws.
import dgram from 'node:dgram';
import { startBrowser } from '../e2e/browser.mjs';
import { freePort, host, sleep, until, usage } from './lib.mjs';

const SECONDS = 10;
const DEVICES = 10;
const STREAMS = 10; // of each
const HZ = 100;

/** Sends until it is stopped: {sent(): samples of each stream, stop()}. */
function source(ports) {
  const socket = dgram.createSocket('udp4');
  const begun = performance.now();
  let n = 0;
  const timer = setInterval(() => {
    for (; n < ((performance.now() - begun) / 1000) * HZ; n++)
      ports.forEach((port, d) => {
        const values = Array.from({ length: STREAMS }, (_, s) => [`s${s}`, Math.sin(n / 50 + s) + d]);
        socket.send(`${JSON.stringify(Object.fromEntries(values))}\n`, port, '127.0.0.1');
      });
  }, 5);
  return {
    sent: () => n,
    stop: () => {
      clearInterval(timer);
      socket.close();
    },
  };
}

export default async function bench() {
  const ports = await Promise.all(Array.from({ length: DEVICES }, freePort));
  const h = await host(
    Object.fromEntries(
      ports.map((port, d) => [`d${d}`, { attach: `line://127.0.0.1:${port}?transport=udp&format=json` }]),
    ),
  );
  const get = async (path) => (await fetch(`${h.url}/host/${path}`)).json();
  await until('all devices', async () => (await get('devices')).every((d) => d.state === 'ready'));
  const from = source(ports);
  const ends = [];
  const browser = await startBrowser({ after: (end) => ends.push(end) });
  const page = await (await browser.newContext({ viewport: { width: 1366, height: 768 } })).newPage();
  await page.goto(`${h.url}/#/d/d0`);
  await page.waitForFunction((n) => document.querySelectorAll('.plot canvas').length === n, STREAMS);
  await page.evaluate(() => {
    window.frames60 = 0;
    const count = () => {
      window.frames60++;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  const frames = () => page.evaluate(() => window.frames60);
  const [cpu, drawn, at] = [usage(h.pid).cpu, await frames(), performance.now()];
  await sleep(SECONDS * 1000); // lint: tests - measured over a length of time
  const seconds = (performance.now() - at) / 1000;
  const core = ((usage(h.pid).cpu - cpu) / seconds) * 100;
  const fps = ((await frames()) - drawn) / seconds;
  from.stop();
  const sent = from.sent();
  await sleep(500); // lint: tests - what is on its way arrives
  let lost = 0;
  for (let d = 0; d < DEVICES; d++)
    for (const one of Object.values(await get(`devices/d${d}/sensors`))) lost += sent - one.seq;
  for (const end of ends) await end();
  return [
    {
      what: `${DEVICES * STREAMS} streams at ${HZ} Hz each, a page plots ${STREAMS} of them: host CPU`,
      ours: `${core.toFixed(1)} % of a core`,
      target: '≤ 25 %',
      met: core <= 25,
      rounds: 1,
    },
    {
      what: '… samples lost',
      ours: `${lost} of ${sent * DEVICES * STREAMS}`,
      target: 'none',
      met: lost === 0,
      rounds: 1,
    },
    { what: '… the page draws', ours: `${fps.toFixed(0)} times a second`, target: '60', met: fps >= 57, rounds: 1 },
  ];
}
