// VNC, 1280x720, beside x11vnc and TigerVNC's x0vncserver on the same Xvfb in the same run: the server's CPU (all its
// threads; Xvfb and the painter are the same for all) for each picture that reaches a viewer, of full motion, in Tight
// (JPEG, quality 8), ZRLE and Raw, with one viewer and with four; and CPU and bytes of what desktops show. The viewer
// (tests/tools/vnc_count.c) reads the number that is painted into each picture, and only pictures with a new one
// count. Several rounds, in turns, medians; the ratio is to the better peer of each round.
import { join } from 'node:path';
import {
  freePort,
  host,
  median,
  output,
  percentile,
  run,
  sleep,
  spread,
  stop,
  until,
  usage,
  version,
  xvfb,
} from './lib.mjs';

const SECONDS = Number(process.env.TB_VNC_SECONDS || 4);
const ROUNDS = Number(process.env.TB_VNC_ROUNDS || 5);
const FPS = 30;
const build = process.env.TESTBED_BUILD ?? 'build';

async function watch(port, encodings) {
  const { code, text } = await output([
    join(build, 'tools/vnc_count'),
    `127.0.0.1:${port}`,
    String(SECONDS),
    ...(encodings ? [encodings] : []),
  ]);
  if (code !== 0) throw new Error(`vnc_count: ${text}`);
  return JSON.parse(text.trim().split('\n').pop());
}

async function measure({ port, pid }, viewers, encodings) {
  const before = usage(pid).cpu;
  const all = await Promise.all(Array.from({ length: viewers }, () => watch(port, encodings)));
  const cpu = usage(pid).cpu - before;
  const sum = (key) => all.reduce((n, v) => n + v[key], 0);
  return {
    ms: (1000 * cpu) / Math.max(sum('frames'), 1),
    fps: sum('frames') / viewers / SECONDS,
    core: (cpu / SECONDS) * 100,
    kb: sum('bytes') / SECONDS / 1000,
    each: sum('bytes') / Math.max(sum('frames'), 1) / 1000,
  };
}

/** Each server in turns: {ours: [..], x11vnc: [..], x0vncserver: [..]}; `own`: encodings that only we have. */
async function rounds(servers, viewers, encodings, own = encodings) {
  const all = Object.fromEntries(Object.keys(servers).map((name) => [name, []]));
  for (let i = 0; i < ROUNDS; i++)
    for (const [name, server] of Object.entries(servers))
      all[name].push(await measure(server, viewers, name === 'ours' ? own : encodings));
  return all;
}

/** Of `key`, less is better: median of the rounds' ratios to the better peer of the round. */
function ratioOf({ ours, ...peers }, key, least) {
  const ratios = ours.map((r, i) => ({
    ratio: Math.max(r[key], least) / Math.max(Math.min(...Object.values(peers).map((p) => p[i][key])), least),
  }));
  const middle = percentile(
    ratios.map((r) => r.ratio),
    0.5,
  );
  return { middle, text: `${middle.toFixed(2)} (${spread(ratios, 'ratio', 2)})` };
}

const peersOf = (all, show) =>
  Object.entries(all)
    .filter(([name]) => name !== 'ours')
    .map(
      ([name, list]) => `${name} ${version(name === 'x11vnc' ? 'x11vnc' : 'tigervnc-scraping-server')}: ${show(list)}`,
    )
    .join('; ');

const KINDS = [
  ['Tight, quality 8', undefined, 0.7, 0.33],
  ['ZRLE', 'zrle copyrect raw', 0.15, 0.1],
  ['Raw', 'raw', 0.4, 0.3],
];

async function motion(servers, display) {
  const painter = run([join(build, 'tools/x11_motion'), String(FPS)], { env: { DISPLAY: display } });
  await until('the painter', () => painter.text.includes('painting'));
  const rows = [];
  const show = (list) =>
    `${median(list, 'ms').toFixed(2)} ms (${spread(list, 'ms', 1)}; ${median(list, 'fps').toFixed(0)} fps)`;
  for (const [name, encodings, ...targets] of KINDS)
    for (const [i, viewers] of [1, 4].entries()) {
      const all = await rounds(servers, viewers, encodings);
      const { middle, text } = ratioOf(all, 'ms', 0.01);
      rows.push({
        what: `${rows.length ? '…' : 'VNC, 720p full motion, CPU per delivered picture:'} ${name}, ${viewers === 1 ? 'one viewer' : 'four viewers'}`,
        ours: show(all.ours),
        peer: peersOf(all, show),
        ratio: text,
        target: `≤ ${targets[i]} × the better one`,
        met: middle <= targets[i],
        rounds: ROUNDS,
      });
      console.error(`  ${rows.at(-1).what}: ${rows.at(-1).ours}, ${rows.at(-1).peer}: ${text}`);
    }
  await stop(painter);
  return rows;
}

/** H.264 for viewers that ask for it, beside the peers' Tight (they have none): CPU and bytes. */
async function film(servers, display) {
  const painter = run([join(build, 'tools/x11_motion'), String(FPS)], { env: { DISPLAY: display } });
  await until('the painter', () => painter.text.includes('painting'));
  const rows = [];
  for (const [viewers, target] of [
    [1, 1 / 1.2],
    [4, 1 / 4],
  ]) {
    const all = await rounds(servers, viewers, undefined, 'h264');
    for (const [key, unit, digits, most] of [
      ['ms', 'ms', 2, target],
      ['each', 'KB', 0, 0.1],
    ]) {
      const show = (list) =>
        `${median(list, key).toFixed(digits)} ${unit} (${spread(list, key, 1)}; ${median(list, 'fps').toFixed(0)} fps)`;
      const { middle, text } = ratioOf(all, key, 0.01);
      rows.push({
        what:
          key === 'ms'
            ? `VNC, 720p full motion by H.264, CPU per delivered picture, ${viewers === 1 ? 'one viewer' : 'four viewers'}; the peers by Tight`
            : '… bytes of a picture',
        ours: show(all.ours),
        peer: peersOf(all, show),
        ratio: text,
        target: `≤ ${most.toFixed(2)} × the better one`,
        met: middle <= most,
        rounds: ROUNDS,
      });
      console.error(`  ${rows.at(-1).what}: ${rows.at(-1).ours}, ${rows.at(-1).peer}: ${text}`);
    }
  }
  await stop(painter);
  return rows;
}

const xterm = (geometry, script, ...more) => ['xterm', '-geometry', geometry, ...more, '-e', 'sh', '-c', script];
const WORDS = 'the quick brown fox jumps over the lazy dog 0123456789 /usr/lib/x86_64-linux-gnu/libfoo.so.$i';
const CONTENTS = {
  'a terminal that scrolls': [
    xterm('150x45+10+10', `i=0; while :; do i=$((i+1)); echo "$i ${WORDS} $(date +%N)"; sleep 0.03; done`),
  ],
  'a window that is dragged': [
    xterm('80x24+10+10', 'ls -l /usr/lib; sleep 10000', '-T', 'dragme'),
    [
      'sh',
      '-c',
      'sleep 1; W=$(xdotool search --name dragme | head -1); x=0; while :; do x=$(((x+9)%700)); xdotool windowmove $W $x $((x/3)); sleep 0.03; done',
    ],
  ],
  'a small video': [[join(build, 'tools/x11_motion'), String(FPS), '480x270']],
  typing: [
    xterm('100x30+50+50', 'cat', '-T', 'typeme'),
    ['sh', '-c', 'sleep 1; while :; do xdotool type --delay 100 "hello, this is somebody who types "; done'],
  ],
  'a still picture': [xterm('100x30+50+50', 'ls -l /usr/lib; printf "\\033[?25l"; sleep 10000')],
};

async function desk(servers, display) {
  const rows = [];
  for (const [name, programs] of Object.entries(CONTENTS)) {
    const running = programs.map((argv) => run(argv, { env: { DISPLAY: display } }));
    await sleep(2500); // lint: tests - the picture that is measured comes up
    const all = await rounds(servers, 1);
    for (const [key, unit, digits, least, target] of [
      ['core', '% of a core', 1, 0.5, 0.8],
      ['kb', 'KB/s', 0, 1, 1],
    ]) {
      const show = (list) => `${median(list, key).toFixed(digits)} ${unit} (${spread(list, key, digits)})`;
      const { middle, text } = ratioOf(all, key, least);
      rows.push({
        what: key === 'core' ? `VNC, Tight, ${name}: CPU` : '… bytes',
        ours: show(all.ours),
        peer: peersOf(all, show),
        ratio: text,
        target: `≤ ${target} × the better one`,
        met: middle <= target,
        rounds: ROUNDS,
      });
      console.error(`  ${name}: ${rows.at(-1).ours}, ${rows.at(-1).peer}: ${text}`);
    }
    await Promise.all(running.map((p) => stop(p)));
  }
  return rows;
}

export default async function bench() {
  const x = await xvfb('1280x720x24');
  const [port, x11vncPort, x0Port] = [await freePort(), await freePort(), await freePort()];
  const h = await host({ desktop: { attach: `x11://${x.display}` } }, { config: { vnc: { port, device: 'desktop' } } });
  await until(
    'the desktop',
    async () => (await (await fetch(`${h.url}/host/devices/desktop`)).json()).state === 'ready',
  );
  const x11vnc = run(
    `x11vnc -display ${x.display} -rfbport ${x11vncPort} -localhost -forever -shared -nopw -quiet -no6 -noxrecord`.split(
      ' ',
    ),
  );
  await until('x11vnc', () => /PORT=\d+/.test(x11vnc.text));
  const x0 = run(
    `X0tigervnc -display ${x.display} -rfbport ${x0Port} -SecurityTypes None -AlwaysShared -localhost`.split(' '),
  );
  await until('x0vncserver', () => /Listening/.test(x0.text));
  const servers = {
    ours: { port, pid: h.pid },
    x11vnc: { port: x11vncPort, pid: x11vnc.pid },
    x0vncserver: { port: x0Port, pid: x0.pid },
  };
  const which = process.env.TB_VNC_PART ?? 'motion,film,desk';
  return [
    ...(which.includes('motion') ? await motion(servers, x.display) : []),
    ...(which.includes('film') ? await film(servers, x.display) : []),
    ...(which.includes('desk') ? await desk(servers, x.display) : []),
  ];
}
