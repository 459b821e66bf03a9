// The demo bench with nobody watching: CPU and memory of host and server over 20 s, once every one of the four devices
// is ready. That nobody watches is checked, not assumed: no viewer is counted, and no video source delivers a picture
// during the measurement (a thumbnail somewhere would start one).
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { folder, freePort, host, run, sleep, until, usage, xvfb } from './lib.mjs';

const SECONDS = 20;

/** [viewers of all kinds, live sources, pictures so far] of the host. */
async function watched(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (name) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0);
  return [sum('testbed_viewers'), sum('testbed_video_sources_live'), sum('testbed_video_frames_total')];
}

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? 'build';
  const x = await xvfb();
  const phoneDir = folder('phone');
  const phone = run([join(build, 'sim/android'), '--port', '0', '--state', phoneDir]);
  const phonePort = await until('the simulated phone', () => /listening (\d+)/.exec(phone.text)?.[1]);
  const server = existsSync(join(build, 'testbed-server'))
    ? run([join(build, 'testbed-server'), '--state-dir', folder('server')], { env: { PORT: '0' } })
    : null;
  const h = await host(
    {
      board: { attach: 'qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?memory=256&machine=pc,pic=off' },
      desktop: { attach: `x11://${x.display}` },
      phone: { attach: `adb://127.0.0.1:${phonePort}` },
      vitals: { attach: 'vitals://' },
    },
    { env: { ADB_HOST: `127.0.0.1:${await freePort()}`, HOME: phoneDir } },
  ); // the host starts the adb server itself
  let states = '';
  await until(
    'all four devices',
    async () => {
      const devices = await (await fetch(`${h.url}/host/devices`)).json();
      states = devices.map((d) => `${d.id} ${d.state}`).join(', ');
      return devices.length === 4 && devices.every((d) => d.state === 'ready');
    },
    60,
  ).catch((error) => {
    throw new Error(`${error.message} (${states})`);
  });
  await until('the end of what starting needed', async () => {
    const [viewers, live] = await watched(h.url);
    return viewers + live === 0;
  });
  await sleep(5000); // lint: tests - measured over a length of time
  const [, , pictures] = await watched(h.url),
    before = usage(h.pid);
  await sleep(SECONDS * 1000); // lint: tests - measured over a length of time
  const after = usage(h.pid),
    [viewers, live, picturesNow] = await watched(h.url);
  if (viewers || live || picturesNow !== pictures)
    throw new Error(`not idle: ${viewers} viewers, ${live} live sources, ${picturesNow - pictures} pictures`);
  const cpu = ((after.cpu - before.cpu) / SECONDS) * 100,
    rss = after.rss / 1e6;
  const rows = [
    {
      what: `idle demo bench (4 devices ready, no viewer, ${SECONDS} s): host CPU`,
      ours: `${cpu.toFixed(1)} % of a core`,
      target: '≤ 2 %',
      met: cpu <= 2,
      rounds: 1,
    },
    { what: '… host RSS', ours: `${rss.toFixed(0)} MB`, target: '≤ 60 MB', met: rss <= 60, rounds: 1 },
  ];
  if (server) {
    const own = usage(server.pid).rss / 1e6;
    rows.push({ what: '… server RSS', ours: `${own.toFixed(1)} MB`, target: '≤ 15 MB', met: own <= 15, rounds: 1 });
  }
  return rows;
}
