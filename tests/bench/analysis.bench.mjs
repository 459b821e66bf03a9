// The motion of a screen: what looking at one 720p30 stream four times a second costs the host, beside Debian's `motion` on
// the same pictures (the host's own MJPEG of that screen), and whether both begin their events at the same moments. The
// screen stands still, moves for a while, stands still: each time is an event.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, host, percentile, run, sleep, stop, until, usage, version, xvfb } from './lib.mjs';

const SECONDS = 12; // of a measurement
const EVENTS = 3;
const MOVES_MS = 2500;
const STILL_MS = 4500; // more than motion's event_gap
const build = process.env.TESTBED_BUILD ?? 'build';

/** Samples of video.motion as they come, [wall clock in ms, value]; they are made for as long as this is open. */
function follow(url) {
  const ending = new AbortController();
  const seen = [];
  const done = (async () => {
    const answer = await fetch(`${url}/host/devices/d/analysis/stream?stream=video.motion`, { signal: ending.signal });
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream()))
      for (const [, t, value] of chunk.matchAll(/"t":(\d+).*?"value":([\d.e-]+)/g))
        seen.push([Number(t), Number(value)]);
  })().catch(() => {});
  return {
    seen,
    stop() {
      ending.abort();
      return done;
    },
  };
}

/** The rule of the first system: 0.02 in two samples, one behind the other. */
function onsets(seen) {
  const all = [];
  let hits = 0;
  for (const [t, value] of seen) {
    hits = value >= 0.02 ? hits + 1 : 0;
    if (hits === 2 && (!all.length || t - all.at(-1).last > 2000)) all.push({ t, last: t });
    if (hits >= 2) all.at(-1).last = t;
  }
  return all.map((e) => e.t);
}

async function cpuOf(look) {
  const [before, at] = [look(), performance.now()];
  await sleep(SECONDS * 1000); // lint: tests - measured over a length of time
  return (look() - before) / ((performance.now() - at) / 1000);
}

function startMotion(url, dir) {
  const events = join(dir, 'events');
  const config = join(dir, 'motion.conf');
  writeFileSync(events, '');
  writeFileSync(
    config,
    [
      'daemon off',
      'setup_mode off',
      'log_level 6',
      `log_file ${join(dir, 'motion.log')}`,
      `target_dir ${dir}`,
      `netcam_url ${url.replace('http://', 'mjpeg://')}/host/devices/d/video/stream.mjpeg?fps=30`,
      ...['width 1280', 'height 720', 'framerate 4', 'minimum_motion_frames 2', 'event_gap 2'],
      ...['picture_output off', 'movie_output off', 'webcontrol_port 0', 'stream_port 0'],
      `on_event_start date +%%s%%3N >> ${events}`,
      '',
    ].join('\n'),
  );
  const process = run(['motion', '-n', '-c', config]);
  return {
    process,
    log: () => readFileSync(join(dir, 'motion.log'), 'utf8'),
    onsets: () => readFileSync(events, 'utf8').trim().split('\n').filter(Boolean).map(Number),
  };
}

export default async function bench() {
  const x = await xvfb();
  const h = await host({
    d: { attach: { video: `x11://${x.display}`, analysis: 'analysis://?interval_ms=250' } },
  });
  await until('the device', async () => (await (await fetch(`${h.url}/host/devices/d`)).json()).state === 'ready');
  const paint = async () => {
    const p = run([`${build}/tools/x11_motion`, '30'], { env: { DISPLAY: x.display } });
    await until('the first picture', () => p.text.includes('painting'));
    return p;
  };

  // what it costs: the source runs for a viewer of raw pictures in any case
  const dir = folder('motion');
  const motion = startMotion(h.url, dir);
  await until('motion has pictures', async () => {
    const v = await (await fetch(`${h.url}/host/devices/d/video`)).json();
    return v.viewers === 1 && v.state === 'live';
  });
  let painter = await paint();
  const host0 = () => usage(h.pid).cpu;
  const costs = [];
  for (let i = 0; i < 3; i++) {
    const without = await cpuOf(host0);
    const samples = follow(h.url);
    await until('samples', () => samples.seen.length > 1);
    const beside = usage(motion.process.pid).cpu;
    const at = performance.now();
    const withIt = await cpuOf(host0);
    costs.push({
      ours: Math.max(withIt - without, 0),
      peer: (usage(motion.process.pid).cpu - beside) / ((performance.now() - at) / 1000),
    });
    await samples.stop();
  }
  await stop(painter);

  // when both begin
  const samples = follow(h.url);
  await sleep(8000); // lint: tests - motion's last event ends, the picture stands still
  const skip = [onsets(samples.seen).length, motion.onsets().length];
  for (let i = 0; i < EVENTS; i++) {
    painter = await paint();
    await sleep(MOVES_MS); // lint: tests - so long is the event
    await stop(painter);
    await sleep(STILL_MS); // lint: tests - … and the pause behind it
  }
  await samples.stop();
  const ours = onsets(samples.seen).slice(skip[0]);
  const peer = motion.onsets().slice(skip[1]);
  if (ours.length !== EVENTS || peer.length !== EVENTS)
    throw new Error(`${EVENTS} events; ours ${ours.length}, motion's ${peer.length}\n${motion.log().slice(-2000)}`);
  const apart = Math.max(...ours.map((t, i) => Math.abs(t - peer[i])));
  await stop(motion.process);

  const share = (key) =>
    percentile(
      costs.map((c) => c[key] * 100),
      0.5,
    );
  const [mine, theirs] = [share('ours'), share('peer')];
  return [
    {
      what: 'motion of one 720p30 screen at 4 Hz: CPU of a core',
      ours: `${mine.toFixed(1)} %`,
      peer: `motion ${version('motion')}: ${theirs.toFixed(1)} %`,
      ratio: (mine / theirs).toFixed(2),
      target: '≤ 1.5 %, ≤ 0.25',
    },
    {
      what: `${EVENTS} movements: onsets apart, at most`,
      ours: `${(apart / 1000).toFixed(2)} s`,
      peer: `motion ${version('motion')}`,
      ratio: '',
      target: '≤ 1 s',
    },
  ];
}
