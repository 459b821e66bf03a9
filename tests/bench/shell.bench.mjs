// A shell round trip (`true`) through REST, against `adb shell true` as a process: the same simulated phone, the same
// adb server, in turns.
import { join } from 'node:path';
import { folder, freePort, host, output, percentile, run, until, version } from './lib.mjs';

const rounds = 60;

export default async function bench() {
  const build = process.env.TESTBED_BUILD ?? 'build';
  const phone = run([join(build, 'sim/android'), '--port', '0', '--state', folder('phone')]);
  const port = await until('the simulated phone', () => /listening (\d+)/.exec(phone.text)?.[1]);
  const adbPort = await freePort(),
    home = folder('adb');
  const env = { HOME: home, ANDROID_ADB_SERVER_PORT: String(adbPort), ADB_MDNS: '0' };
  run(['adb', '-P', String(adbPort), 'nodaemon', 'server'], { env });
  const h = await host(
    { phone: { attach: `adb://127.0.0.1:${port}` } },
    { env: { ADB_HOST: `127.0.0.1:${adbPort}`, HOME: home } },
  );
  const device = `${h.url}/host/devices/phone`;
  await until(
    'the phone',
    async () => (await (await fetch(device)).json()).interfaces.find((i) => i.kind === 'shell').state === 'ready',
  );
  const shell = () =>
    fetch(`${device}/shell`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"command":"true"}',
    }).then((r) => r.json());

  const ours = [],
    peer = [];
  for (let i = 0; i < rounds + 5; i++) {
    let begin = performance.now();
    const answer = await shell();
    const us = performance.now() - begin;
    if (answer.exit_code !== 0) throw new Error(JSON.stringify(answer));
    begin = performance.now();
    const { code, text } = await output(['adb', '-s', `127.0.0.1:${port}`, 'shell', 'true'], { env });
    const them = performance.now() - begin;
    if (code !== 0) throw new Error(`adb: ${text}`);
    if (i >= 5) {
      ours.push(us);
      peer.push(them);
    } // the first are warm-up
  }
  const p50 = [percentile(ours, 0.5), percentile(peer, 0.5)];
  const show = (ms) =>
    `${percentile(ms, 0.5).toFixed(1)} ms (p5–p95 ${percentile(ms, 0.05).toFixed(1)}–${percentile(ms, 0.95).toFixed(1)})`;
  return [
    {
      what: 'shell round trip `true`, p50',
      ours: show(ours),
      peer: `adb ${version('adb')} shell: ${show(peer)}`,
      ratio: (p50[0] / p50[1]).toFixed(2),
      target: '≤ 0.6',
      met: p50[0] / p50[1] <= 0.6,
      rounds,
    },
  ];
}
