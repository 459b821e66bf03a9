// From exec to the first HTTP answer, and to media being ready, of testbed-host and testbed-server. What the loader
// needs alone (`--version`: the same libraries, nothing else) is the floor. In turns; medians.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { folder, freePort, median, output, run, spread, stop, until } from './lib.mjs';

const ROUNDS = 9;
const build = process.env.TESTBED_BUILD ?? 'build';

/** Asks every two milliseconds until somebody listens and has answered. */
function answer(port, path, end = performance.now() + 20000) {
  return new Promise((done, fail) => {
    const again = () =>
      performance.now() > end ? fail(new Error(`nobody answers on port ${port}`)) : setTimeout(ask, 2); // lint: tests - the pause between two looks
    const ask = () =>
      get({ host: '127.0.0.1', port, path, agent: false }, (said) => said.resume().on('end', done)).on('error', again);
    ask();
  });
}

async function loader(program) {
  const at = performance.now();
  await new Promise((done) => spawn(join(build, program), ['--version'], { stdio: 'ignore' }).on('exit', done));
  return performance.now() - at;
}

async function host() {
  const dir = folder('start'),
    port = await freePort(),
    file = join(dir, 'host.yaml'); // JSON is YAML
  writeFileSync(
    file,
    JSON.stringify({
      name: 'bench',
      port,
      vnc: { port: 0 },
      novnc: { port: 0 },
      devices: { pattern: { attach: 'testpattern://' } },
    }),
  );
  const at = performance.now();
  const p = run([join(build, 'testbed-host'), '--config', file, '--state-dir', join(dir, 'state')], {
    env: { SERVER_URL: '' },
  });
  await answer(port, '/host/devices');
  const first = performance.now() - at;
  await until(
    'media',
    async () => (await (await fetch(`http://127.0.0.1:${port}/host/health`)).json()).services.media === 'running',
  );
  const media = performance.now() - at;
  await stop(p);
  return { first, media };
}

async function server() {
  const port = await freePort();
  const at = performance.now();
  const p = run([join(build, 'testbed-server'), '--port', String(port), '--state-dir', folder('start')]);
  await answer(port, '/');
  const first = performance.now() - at;
  await stop(p);
  return first;
}

export default async function bench() {
  await output([join(build, 'testbed-host'), '--version']); // libraries in the cache
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++)
    rounds.push({
      floor: await loader('testbed-host'),
      ...(await host()),
      serverFloor: await loader('testbed-server'),
      server: await server(),
    });
  const row = (what, key, floor, target) => {
    const ms = median(rounds, key),
      peer = floor && median(rounds, floor);
    return {
      what,
      ours: `${ms.toFixed(0)} ms (${spread(rounds, key, 0)})`,
      peer: floor ? `\`--version\`: ${peer.toFixed(0)} ms (${spread(rounds, floor, 0)})` : '',
      ratio: floor ? (ms / peer).toFixed(1) : '',
      ...(target ? { target: `≤ ${target} ms`, met: ms <= target } : {}),
      rounds: ROUNDS,
    };
  };
  return [
    row('start of testbed-host: first HTTP answer', 'first', 'floor', 150),
    row('… WebRTC ready (meanwhile `media: starting`)', 'media'),
    row('start of testbed-server: first HTTP answer', 'server', 'serverFloor', 150),
  ];
}
