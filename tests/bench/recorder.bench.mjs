// The flight recorder: what it costs the host beyond what is encoded anyway. CPU is of the host with its children;
// armed and off in turns, medians of what armed costs more. Peerless: nothing in the field records all of it.
import { join } from 'node:path';
import { openPage, showsPictureBy, startBrowser } from '../e2e/browser.mjs';
import { host, percentile, run, sleep, stop, until, usage, xvfb } from './lib.mjs';

const SECONDS = Number(process.env.TB_RECORDER_SECONDS || 6);
const ROUNDS = Number(process.env.TB_RECORDER_ROUNDS || 3);
const EIGHT = 8;
const median = (values) => percentile(values, 0.5);

const send = (h, method, path, body) =>
  fetch(`${h.url}/host/${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  }).then((r) => r.json());
const mode = (h, id, m) => send(h, 'PATCH', `devices/${id}/recording`, { mode: m });
const ready = (h, id) =>
  until(id, async () => (await (await fetch(`${h.url}/host/devices/${id}`)).json()).state === 'ready');

async function coreOf(h) {
  const before = usage(h.pid).cpu;
  const at = performance.now();
  await sleep(SECONDS * 1000); // lint: tests - a length of time is measured
  return ((usage(h.pid).cpu - before) / ((performance.now() - at) / 1000)) * 100;
}

/** What armed takes more than off, in percent of a core. */
async function armedCosts(h) {
  const more = [];
  for (let i = 0; i < ROUNDS; i++) {
    const costs = {};
    for (const m of ['off', 'armed']) {
      await mode(h, 'desktop', m);
      await sleep(3000); // lint: tests - an encoder ends, or settles
      costs[m] = await coreOf(h);
    }
    more.push(costs.armed - costs.off);
  }
  return more;
}

async function clipDelays(h) {
  const late = [];
  for (let i = 0; i < 2 * ROUNDS; i++) {
    const { clip, to } = await send(h, 'POST', 'devices/desktop/clips', { pre_s: 5, post_s: 1 });
    await until('the clip', async () => (await (await fetch(`${h.url}/host/clips/${clip}`)).json()).state === 'done');
    late.push(Date.now() - to);
  }
  return late;
}

async function eight() {
  const names = Array.from({ length: EIGHT }, (_, i) => `d${i}`);
  const attach = 'testpattern://?width=1280&height=720&fps=10';
  const h = await host(Object.fromEntries(names.map((n) => [n, { attach }])));
  for (const n of names) await ready(h, n);
  const idle = await coreOf(h);
  for (const n of names) await mode(h, n, 'on');
  await sleep(5000); // lint: tests - rings fill
  const core = await coreOf(h);
  const { rss } = usage(h.pid);
  await stop(h.process);
  return { core, idle, rss: rss / 1048576 };
}

export default async function bench() {
  const ends = [];
  const x = await xvfb('1280x720x24');
  const h = await host({ desktop: { attach: `x11://${x.display}` } });
  await ready(h, 'desktop');
  try {
    const still = await armedCosts(h);
    const painter = run([join(process.env.TESTBED_BUILD ?? 'build', 'tools/x11_motion'), '30'], {
      env: { DISPLAY: x.display },
    });
    await until('the painter', () => painter.text.includes('painting'));
    const after = { after: (end) => ends.push(end) };
    const page = await openPage(after, await startBrowser(after), `${h.url}/#/d/desktop`);
    await showsPictureBy(page, 'webrtc');
    const watched = await armedCosts(h);
    const late = await clipDelays(h);
    const all = await eight();
    const row = (what, value, unit, most, more = '') => ({
      what,
      ours: `${value.toFixed(1)} ${unit}${more}`,
      peer: '',
      ratio: '',
      target: `≤ ${most} ${unit}`,
      met: value <= most,
      rounds: ROUNDS,
    });
    return [
      row(
        'recorder armed, 720p30 full motion, a WebRTC viewer watches: more CPU of the host',
        median(watched),
        '% of a core',
        3,
      ),
      row('recorder armed, nobody watches, a desktop that stands still: more CPU', median(still), '% of a core', 1),
      row('clip: end of its seconds → playable', median(late), 'ms', 1000),
      row(
        '8 devices recorded, 720p at 10 fps: host CPU, sources and encoders included',
        all.core,
        '% of a core',
        60,
        ` (idle ${all.idle.toFixed(1)})`,
      ),
      row('… RSS', all.rss, 'MB', 250),
    ];
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
