// VNC, 1280x720, full motion, one viewer: pictures that reach the viewer per second of the server's CPU, beside x11vnc
// on the same Xvfb in the same run. The viewer (tests/tools/vnc_count.c) asks as TigerVNC does on a LAN: Tight with
// JPEG, quality 8; it reads the number that is painted into each picture, and only pictures with a new one count. CPU
// is the server process alone, all its threads; Xvfb and the painter are the same for both. Several rounds, in turns,
// medians.
import { join } from 'node:path';
import { freePort, host, median, output, percentile, run, spread, until, usage, version, xvfb } from './lib.mjs';

const SECONDS = Number(process.env.TB_VNC_SECONDS || 8);
const ROUNDS = Number(process.env.TB_VNC_ROUNDS || 7);
const FPS = 30;

async function measure(port, pid) {
  const before = usage(pid).cpu;
  const { code, text } = await output([
    join(process.env.TESTBED_BUILD ?? 'build', 'tools/vnc_count'),
    `127.0.0.1:${port}`,
    String(SECONDS),
  ]);
  if (code !== 0) throw new Error(`vnc_count: ${text}`);
  const cpu = usage(pid).cpu - before;
  const { frames, seconds } = JSON.parse(text.trim().split('\n').pop());
  return { perCpu: frames / cpu, fps: frames / seconds, core: (cpu / seconds) * 100 };
}

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? 'build';
  const x = await xvfb('1280x720x24');
  const painter = run([join(build, 'tools/x11_motion'), String(FPS)], { env: { DISPLAY: x.display } });
  await until('the painter', () => painter.text.includes('painting'));
  const port = await freePort(),
    peerPort = await freePort();
  const h = await host({ desktop: { attach: `x11://${x.display}` } }, { config: { vnc: { port, device: 'desktop' } } });
  await until(
    'the desktop',
    async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === 'ready',
  );
  const peer = run([
    'x11vnc',
    '-display',
    x.display,
    '-rfbport',
    String(peerPort),
    '-localhost',
    '-forever',
    '-shared',
    '-nopw',
    '-quiet',
    '-no6',
    '-noxrecord',
  ]);
  await until('x11vnc', () => /PORT=\d+/.test(peer.text));

  const ours = [],
    theirs = [],
    ratios = [];
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(await measure(port, h.pid));
    theirs.push(await measure(peerPort, peer.pid));
    ratios.push({ ratio: ours[i].perCpu / theirs[i].perCpu });
    console.error(`  ours ${ours[i].perCpu.toFixed(1)}, x11vnc ${theirs[i].perCpu.toFixed(1)} pictures per CPU second`);
  }
  const show = (rounds) =>
    `${median(rounds, 'perCpu').toFixed(0)} (${spread(rounds, 'perCpu', 0)}; ${median(rounds, 'fps').toFixed(1)} fps, ${median(rounds, 'core').toFixed(0)} % of a core)`;
  const ratio = percentile(
    ratios.map((r) => r.ratio),
    0.5,
  );
  return [
    {
      what: 'VNC, 720p full motion, one viewer: pictures per CPU second',
      ours: show(ours),
      peer: `x11vnc ${version('x11vnc')}: ${show(theirs)}`,
      ratio: `${ratio.toFixed(2)} (${spread(ratios, 'ratio', 2)})`,
      target: "≥ x11vnc's",
      met: ratio >= 1,
      rounds: ROUNDS,
    },
  ];
}
