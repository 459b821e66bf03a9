// What others feel while somebody misbehaves: hostile sockets, consoles that never stop, costly patterns, a reader that
// does not read. The loud side is a process of its own (flood.mjs). `quiet` is the same client on the same host with
// nobody else, in turns with the loud rounds.
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { cleanUp, folder, host, percentile, run, sleep, stop, until, usage } from './lib.mjs';

const FLOOD = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, 'flood.mjs');
const SAMPLES = 400;

async function flood(...args) {
  const p = run(['node', FLOOD, ...args.map(String)]);
  await until(`flood ${args.join(' ')}`, () => /^(ready|ports .*)$/m.test(p.text));
  return p;
}

/** Latencies in ms of `n` requests, one after the other on one connection, `pause` ms apart. */
async function latencies(url, { n = SAMPLES, pause = 5, headers = {}, until: enough = () => false } = {}) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  for (let i = 0; i < n && !enough(); i++) {
    const begin = performance.now();
    await new Promise((done, fail) => {
      const r = request(url, { agent, headers }, (answer) => {
        if (answer.statusCode !== 200) fail(new Error(`${url}: ${answer.statusCode}`));
        answer.resume().on('end', done);
      });
      r.setTimeout(60000, () => r.destroy(new Error(`${url}: no answer in 60 s`)));
      r.on('error', fail).end();
    });
    times.push(performance.now() - begin);
    await sleep(pause); // lint: tests - the pace of the client
  }
  agent.destroy();
  return times;
}
const p99 = (times) => percentile(times, 0.99);
const mb = (bytes) => bytes / 1e6;

async function hostile() {
  const h = await host({ pattern: { attach: 'testpattern://' } });
  const health = `${h.url}/host/health`,
    ws = `${h.url}/host/ws`;
  await latencies(health, { n: 100 });
  const rss = usage(h.pid).rss;
  let worst = { ratio: 0 },
    grown = 0;
  for (const [kind, ...args] of [
    ['ping', 'ws', ws],
    ['pong', 'ws', ws],
    ['cont', 'ws', ws],
    ['bytes', 'ws', ws],
    ['text', 'ws', ws],
    ['http', 'http', new URL(h.url).port],
  ]) {
    const quiet = p99(await latencies(health));
    const p = await flood(...args, ...(args[0] === 'ws' ? [kind] : []));
    const loud = p99(await latencies(health));
    grown = Math.max(grown, usage(h.pid).rss - rss);
    await stop(p, 'SIGKILL');
    if (loud / quiet > worst.ratio) worst = { ratio: loud / quiet, kind, loud, quiet };
  }
  await stop(h.process);
  return [
    {
      what: '1 hostile socket at full speed (worst of ping, pong, empty and 1-byte fragments, text, pipelined HTTP): p99 of another client',
      ours: `${worst.loud.toFixed(1)} ms (${worst.kind})`,
      peer: `${worst.quiet.toFixed(1)} ms (nobody else)`,
      ratio: worst.ratio.toFixed(2),
      target: '≤ 2 × quiet',
      met: worst.ratio <= 2,
      rounds: 6,
    },
    { what: '… RSS', ours: `+${mb(grown).toFixed(1)} MB`, target: '≤ +2 MB', met: mb(grown) <= 2, rounds: 6 },
  ];
}

async function consoles() {
  const p = await flood('consoles', 6, 25);
  const ports = /ports (.*)/.exec(p.text)[1].split(' ');
  const h = await host({ quiet: { attach: 'testpattern://' } });
  await latencies(`${h.url}/host/health`, { n: 100 });
  const rss = usage(h.pid).rss;
  for (const [i, port] of ports.entries()) {
    const answer = await fetch(`${h.url}/host/devices`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: `wire${i}`, attach: { console: `tcp://127.0.0.1:${port}` } }),
    });
    if (answer.status !== 201) throw new Error(await answer.text());
  }
  const offset = async () =>
    (
      await Promise.all(
        ports.map(async (_, i) => (await (await fetch(`${h.url}/host/devices/wire${i}/console`)).json()).offset),
      )
    ).reduce((a, b) => a + b);
  await until('bytes', async () => (await offset()) > 1e6);
  const from = await offset(),
    begin = performance.now();
  let top = 0;
  const times = await latencies(`${h.url}/host/devices`, {
    n: 1500,
    until: () => {
      top = Math.max(top, usage(h.pid).rss);
      return false;
    },
  });
  const rate = mb((await offset()) - from) / ((performance.now() - begin) / 1000);
  await stop(p, 'SIGKILL');
  await stop(h.process);
  return [
    {
      what: `6 consoles that print 25 MB/s each (${rate.toFixed(0)} MB/s taken in and kept): REST p99`,
      ours: `${p99(times).toFixed(1)} ms (longest ${Math.max(...times).toFixed(0)} ms)`,
      target: '≤ 50 ms',
      met: p99(times) <= 50,
      rounds: times.length,
    },
    { what: '… RSS', ours: `+${mb(top - rss).toFixed(1)} MB`, target: '≤ +32 MB', met: mb(top - rss) <= 32, rounds: 1 },
  ];
}

async function expect() {
  const CALLERS = 50,
    SECONDS = 3,
    BYTES = 60e6;
  const p = await flood('blocks', 1, BYTES);
  const port = /ports (.*)/.exec(p.text)[1];
  const h = await host({ wire: { attach: { console: `tcp://127.0.0.1:${port}` } } });
  const consoleUrl = `${h.url}/host/devices/wire/console`;
  const { start } = await until(
    '60 MB',
    async () => {
      const c = await (await fetch(consoleUrl)).json();
      return c.offset >= BYTES && c;
    },
    60,
  );
  const patterns = ['(w+w+)+!', '\\w{3,}[:=]', '[A-Za-z0-9+/]{40,}[=!]', '(.*)(.*)(.*)(.*)[^a]x!', '(a|w|ww)+!'];
  let open = CALLERS,
    late = 0;
  const begin = performance.now();
  const calls = Array.from({ length: CALLERS }, async (_, i) => {
    const answer = await fetch(`${consoleUrl}/expect`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pattern: patterns[i % patterns.length], from: start, timeout_s: SECONDS }),
    });
    await answer.text();
    open--;
    late = Math.max(late, (performance.now() - begin) / 1000 - SECONDS);
    return answer.status;
  });
  const times = await latencies(`${h.url}/host/health`, { n: 5000, pause: 2, until: () => open === 0 });
  const statuses = [...new Set(await Promise.all(calls))];
  await stop(p, 'SIGKILL');
  await stop(h.process);
  return [
    {
      what: `expect of ${CALLERS} callers over 60 MB, worst patterns (answers ${statuses.join(', ')}): REST p99`,
      ours: `${p99(times).toFixed(1)} ms (longest ${Math.max(...times).toFixed(0)} ms)`,
      target: '≤ 20 ms',
      met: p99(times) <= 20,
      rounds: times.length,
    },
    {
      what: '… the last answer after its deadline',
      ours: `+${late.toFixed(2)} s`,
      target: 'each by its deadline (+1 s)',
      met: late <= 1,
      rounds: CALLERS,
    },
  ];
}

async function carried() {
  const build = process.env.TESTBED_BUILD ?? 'build';
  const server = run([join(build, 'testbed-server'), '--state-dir', folder('server')], { env: { PORT: '0' } });
  const url = await until('testbed-server', () => /\burl="?(http:\/\/[^\s"]+)/.exec(server.text)?.[1]);
  const h = await host(
    { big: { attach: 'testpattern://?width=1280&height=720&fps=30' } },
    { env: { SERVER_URL: url } },
  );
  const carriedUrl = `${url}/api/hosts/bench/host`;
  await until('the host at the server', async () => (await fetch(`${carriedUrl}/info`)).status === 200);
  const quiet = await latencies(`${carriedUrl}/info`);
  // asks for a stream of pictures and reads 20 KB now and then
  const slow = connect(new URL(url).port, '127.0.0.1', () =>
    slow.write(
      `GET /api/hosts/bench/host/devices/big/video/stream.mjpeg?fps=30&quality=95 HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`,
    ),
  );
  slow.on('error', () => {});
  slow.pause();
  const reader = setInterval(() => slow.read(20000), 100);
  await until('its first bytes', () => slow.bytesRead > 0 || slow.readableLength > 0);
  await sleep(2000); // lint: tests - until its buffers are full
  const times = await latencies(`${carriedUrl}/info`);
  clearInterval(reader);
  slow.destroy();
  await stop(h.process);
  await stop(server);
  return [
    {
      what: "carried stream of a reader that is too slow: p99 of others' requests to that host",
      ours: `${p99(times).toFixed(1)} ms`,
      peer: `${p99(quiet).toFixed(1)} ms (nobody else)`,
      ratio: (p99(times) / p99(quiet)).toFixed(2),
      target: '≤ 20 ms',
      met: p99(times) <= 20,
      rounds: times.length,
    },
  ];
}

export default async function bench() {
  const rows = [];
  for (const part of [hostile, consoles, expect, carried]) {
    // one that ends the daemon shall not hide the others
    try {
      rows.push(...(await part()));
    } catch (error) {
      rows.push({ what: part.name, ours: `failed: ${error.message.split('\n')[0]}`, target: 'an answer', met: false });
      await cleanUp();
    }
  }
  return rows;
}
