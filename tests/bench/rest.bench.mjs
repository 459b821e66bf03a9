// GET /host/devices over 64 keep-alive connections: testbed-host against Flask + gunicorn (Debian's, 2 workers) that
// serve the same JSON. The peer gets both cores, and so do we; wrk loads one after the other, three rounds each,
// medians.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, freePort, host, median, output, run, spread, treeCpu, until, version } from './lib.mjs';

const seconds = 4,
  rounds = 3,
  connections = 64;

async function load(url, pid) {
  const before = treeCpu(pid);
  const { text } = await output(['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url]);
  const cpu = treeCpu(pid) - before;
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? /Socket errors: (.*)/.exec(text)?.[1];
  if (!requests || errors) throw new Error(`wrk on ${url}: ${errors ?? text}`);
  const m = /99%\s+([\d.]+)(us|ms|s)/.exec(text);
  const p99 = Number(m[1]) * { us: 0.001, ms: 1, s: 1000 }[m[2]];
  return { rate: requests / seconds, p99, cpu: (cpu / requests) * 1e6 };
}

export default async function bench() {
  const devices = Object.fromEntries(
    Array.from({ length: 8 }, (_, i) => [`dut${i}`, { label: `Device ${i}`, attach: 'testpattern://' }]),
  );
  const ours = await host(devices);
  const url = `${ours.url}/host/devices`;
  await until('devices to be ready', async () => (await (await fetch(url)).json()).every((d) => d.state === 'ready'));
  const body = await (await fetch(url)).text();

  const dir = folder('flask'),
    port = await freePort();
  writeFileSync(join(dir, 'devices.json'), body);
  writeFileSync(
    join(dir, 'app.py'),
    `
import json
from flask import Flask, jsonify
app = Flask(__name__)
devices = json.load(open(${JSON.stringify(join(dir, 'devices.json'))}))
@app.get("/host/devices")
def get():
    return jsonify(devices)
`,
  );
  const gunicorn = run(
    [
      'gunicorn',
      '-w',
      '2',
      '-k',
      'gthread',
      '--threads',
      '4',
      '--keep-alive',
      '30',
      '-b',
      `127.0.0.1:${port}`,
      '--chdir',
      dir,
      'app:app',
    ],
    { env: { PATH: '/usr/bin:/bin' } },
  );
  const peerUrl = `http://127.0.0.1:${port}/host/devices`;
  await until('gunicorn', async () => {
    try {
      return (await fetch(peerUrl)).ok;
    } catch {
      return false;
    }
  });

  const us = [],
    peer = [];
  for (let i = 0; i < rounds; i++) {
    us.push(await load(url, ours.pid));
    peer.push(await load(peerUrl, gunicorn.pid));
  }
  const of = (key) => [median(us, key), median(peer, key)];
  const ratio = (key) => of(key)[0] / of(key)[1];
  const cells = (key, digits, unit = '') => ({
    ours: `${of(key)[0].toFixed(digits)}${unit} (${spread(us, key, digits)})`,
    peer: `${of(key)[1].toFixed(digits)}${unit} (${spread(peer, key, digits)})`,
    rounds,
  });
  const rate = cells('rate', 0);
  rate.peer = `Flask ${version('python3-flask')} + gunicorn ${version('gunicorn')}: ${rate.peer}`;
  return [
    {
      what: `GET /host/devices, ${connections} keep-alive connections: requests/s`,
      ...rate,
      ratio: `${ratio('rate').toFixed(1)} ×`,
      target: '≥ 5 ×',
      met: ratio('rate') >= 5,
    },
    {
      what: '… p99',
      ...cells('p99', 2, ' ms'),
      ratio: ratio('p99').toFixed(3),
      target: '≤ 0.33',
      met: ratio('p99') <= 1 / 3,
    },
    { what: '… CPU per request', ...cells('cpu', 0, ' µs'), ratio: ratio('cpu').toFixed(3), target: '' },
  ];
}
