// Power: 200 outlets behind ten backends, each looked at every 5 s, and what that costs the host; how fast REST answers
// meanwhile. Then one outlet is switched in turns by REST (which reads it back before it answers) and by the backend's
// own command line (which does not): request or program start -> answer or its end, on the same counterpart.
import http from 'node:http';
import { host, median, output, percentile, sleep, spread, until, usage, version } from './lib.mjs';
import { APC, COUNT, counterparts } from './power_counterparts.mjs';

const SECONDS = 15;
const ROUNDS = 3;
const SWITCHES = 20; // of each side in a round

const agent = new http.Agent({ keepAlive: true });
function ask(url, body) {
  return new Promise((done, failed) => {
    const headers = { 'Content-Type': 'application/json' };
    const request = http.request(url, { agent, method: body ? 'PUT' : 'GET', headers }, (answer) => {
      let text = '';
      answer.on('data', (part) => (text += part));
      answer.on('end', () => (answer.statusCode === 200 ? done(JSON.parse(text)) : failed(new Error(text))));
    });
    request.on('error', failed);
    request.end(body && JSON.stringify(body));
  });
}

/** Four readers, 150 questions a second in all: what the host knows, what it asks the outlet for, and, beside it, the
 * same of a plug without us. ms of the 99th percentile of each. */
async function readers(url, names, plug, seconds) {
  const [known, asked, floor] = [[], [], []];
  const timed = async (list, where) => {
    const at = performance.now();
    await ask(where);
    list.push(performance.now() - at);
  };
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    [0, 1, 2, 3].map(async (r) => {
      for (let i = r; performance.now() < end; i += 4) {
        const device = `${url}/host/devices/${names[i % names.length]}`;
        const turns = [
          [known, device],
          [asked, `${device}/power`],
          [floor, plug],
        ];
        for (const [list, where] of turns) {
          await timed(list, where);
          await sleep(15); // lint: tests - a rate that is measured at
        }
      }
    }),
  );
  return { known: percentile(known, 0.99), asked: percentile(asked, 0.99), floor: percentile(floor, 0.99) };
}

async function polled(h, names, plug) {
  const rounds = [];
  for (let i = 0; i < ROUNDS; i++) {
    const [cpu, at] = [usage(h.pid).cpu, performance.now()];
    await sleep(SECONDS * 1000); // lint: tests - measured over a length of time
    const core = ((usage(h.pid).cpu - cpu) / ((performance.now() - at) / 1000)) * 100;
    rounds.push({ core, ...(await readers(h.url, names, plug, 5)) });
  }
  return rounds;
}

/** ms of switching by REST and by the command line, in turns. */
async function race(h, device, argv) {
  const url = `${h.url}/host/devices/${device}/power`;
  const rounds = [];
  for (let r = 0; r < ROUNDS; r++) {
    const [ours, theirs] = [[], []];
    for (let i = 0; i < SWITCHES; i++) {
      let at = performance.now();
      await ask(url, { state: 'on' });
      ours.push(performance.now() - at);
      at = performance.now();
      const { code, text } = await output(argv(false));
      if (code) throw new Error(`${argv(false).join(' ')}: ${text}`);
      theirs.push(performance.now() - at);
      await until('off', async () => (await ask(url)).observed === 'off');
    }
    rounds.push({ ours: percentile(ours, 0.5), theirs: percentile(theirs, 0.5) });
  }
  return rounds;
}

export default async function bench() {
  const { uris, ports } = await counterparts();
  const devices = {};
  for (const [name, uri] of Object.entries(uris))
    for (let n = 0; n < COUNT; n++) devices[`${name}-${n}`] = { attach: { power: uri(n) } };
  const h = await host(devices);
  const names = Object.keys(devices);
  await until('all outlets', async () => (await ask(`${h.url}/host/devices`)).every((d) => d.state === 'ready'), 60);
  const plug = `http://127.0.0.1:${ports.tasmota}/cm?cmnd=Status%2011&user=admin&password=secret`;
  const rounds = await polled(h, names, plug);
  const [core, known, asked, floor] = ['core', 'known', 'asked', 'floor'].map((key) => median(rounds, key));
  const rows = [
    {
      what: `${names.length} power interfaces over ${Object.keys(uris).length} backends, polled each 5 s: host CPU`,
      ours: `${core.toFixed(1)} % of a core (rounds ${spread(rounds, 'core')})`,
      target: '≤ 5 %',
      met: core <= 5,
      rounds: ROUNDS,
    },
    {
      what: '… REST p99 meanwhile, GET of a device',
      ours: `${known.toFixed(1)} ms (rounds ${spread(rounds, 'known')})`,
      target: '≤ 10 ms',
      met: known <= 10,
      rounds: ROUNDS,
    },
    {
      what: '… of its power, which asks the outlet itself',
      ours: `${asked.toFixed(1)} ms (rounds ${spread(rounds, 'asked')})`,
      peer: `${floor.toFixed(1)} ms (one question to a plug without us; rounds ${spread(rounds, 'floor')})`,
      ratio: (asked / floor).toFixed(2),
      target: '',
      rounds: ROUNDS,
    },
  ];
  const word = (on) => (on ? 'on' : 'off');
  const snmp = ['snmpset', '-m', '', '-v2c', '-cprivate', `127.0.0.1:${ports.snmp}`, `${APC}.1`, 'i'];
  const races = [
    ['snmp', `snmpset ${version('snmp')}`, (on) => [...snmp, on ? '1' : '2']],
    [
      'mqtt',
      `mosquitto_pub ${version('mosquitto-clients')}`,
      (on) => ['mosquitto_pub', '-p', String(ports.mqtt), '-t', 'lab/0', '-m', word(on)],
    ],
    [
      'kasa',
      'python3 with the vectors',
      (on) => ['/usr/bin/python3', 'tests/bench/kasa_set.py', ports.kasa, '0', on ? '1' : '0'],
    ],
  ];
  for (const [backend, peer, argv] of races) {
    const both = await race(h, `${backend}-0`, argv);
    const [ours, theirs] = [median(both, 'ours'), median(both, 'theirs')];
    rows.push({
      what: `power set through REST and read back, ${backend}: p50`,
      ours: `${ours.toFixed(1)} ms (rounds ${spread(both, 'ours')})`,
      peer: `${peer}, not read back: ${theirs.toFixed(1)} ms (rounds ${spread(both, 'theirs')})`,
      ratio: (ours / theirs).toFixed(2),
      target: '≤ 1.0',
      met: ours <= theirs,
      rounds: ROUNDS,
    });
  }
  return rows;
}
