// Many consoles with several clients each, against ser2net: the lines are ptys, every client gets all that its device
// prints, and together they send as much. CPU of the server alone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { folder, freePort, host, median, run, spread, stop, until, usage, version } from './lib.mjs';

const [CONSOLES, CLIENTS, BYTES, ROUNDS] = [16, 4, 1 << 20, 3];
const here = new URL('.', import.meta.url).pathname;

/** The load of one round on the server that `start(lines)` gives: {pid, ports, end()}. */
async function round(start) {
  const load = spawn('/usr/bin/python3', [join(here, 'consoles_load.py'), CONSOLES, CLIENTS, BYTES].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = createInterface({ input: load.stdout })[Symbol.asyncIterator]();
  const line = async () => (await said.next()).value;
  const server = await start(JSON.parse(await line()));
  load.stdin.write(`${JSON.stringify(server.ports)}\n`);
  await line();
  const before = usage(server.pid).cpu;
  load.stdin.write('go\n');
  const seen = JSON.parse(await line());
  const cpu = usage(server.pid).cpu - before;
  await server.end();
  load.kill();
  return { ...seen, cpu };
}

async function ours(lines) {
  const devices = {};
  const ports = [];
  for (const [i, line] of lines.entries()) {
    ports.push(await freePort());
    devices[`dut${i}`] = { attach: { console: `serial://${line}` }, tcp: ports[i] };
  }
  const h = await host(devices);
  await until('the consoles', async () =>
    (await (await fetch(`${h.url}/host/devices`)).json()).every((d) => d.state === 'ready'),
  );
  return { pid: h.process.pid, ports, end: () => stop(h.process) };
}

async function ser2net(lines) {
  const ports = [];
  let config = '%YAML 1.1\n---\n';
  for (const [i, line] of lines.entries()) {
    ports.push(await freePort());
    config += `connection: &c${i}\n  accepter: tcp,127.0.0.1,${ports[i]}\n  connector: serialdev,${line},115200n81,local\n  options:\n    max-connections: ${CLIENTS}\n`;
  }
  const file = join(folder('ser2net'), 'ser2net.yaml');
  writeFileSync(file, config);
  const p = run(['/usr/sbin/ser2net', '-n', '-c', file]);
  await until('ser2net', async () => usage(p.pid).fds > CONSOLES);
  return { pid: p.pid, ports, end: () => stop(p) };
}

export default async function bench() {
  const all = CONSOLES * CLIENTS;
  const [us, peer] = [[], []];
  for (let i = 0; i < ROUNDS; i++) {
    us.push(await round(ours));
    peer.push(await round(ser2net));
  }
  const words = (rounds) =>
    `${Math.min(...rounds.map((r) => r.whole))} of ${all} clients got all, ${Math.min(...rounds.map((r) => r.taken))} of ${all} were taken whole`;
  const ratio = median(us, 'cpu') / median(peer, 'cpu');
  return [
    {
      what: `${CONSOLES} consoles × ${CLIENTS} clients, 1 MB each way: what arrived`,
      ours: words(us),
      peer: `ser2net ${version('ser2net')}: ${words(peer)}`,
      target: 'nothing lost',
      met: us.every((r) => r.whole === all && r.taken === all),
      rounds: ROUNDS,
    },
    {
      what: '… CPU of the server',
      ours: `${median(us, 'cpu').toFixed(2)} s (${spread(us, 'cpu', 2)})`,
      peer: `${median(peer, 'cpu').toFixed(2)} s (${spread(peer, 'cpu', 2)})`,
      ratio: ratio.toFixed(2),
      target: "≤ 0.7 × ser2net's",
      met: ratio <= 0.7,
      rounds: ROUNDS,
    },
  ];
}
