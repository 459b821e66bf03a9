// What the benchmarks share: processes with their CPU time and memory, waiting for conditions, statistics, the bench
// host.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// only to measure over a length of time, never to wait for something
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export async function until(what, test, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = await test();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not in ${seconds} s`);
    await sleep(20); // lint: tests - the pause between two looks
  }
}

export const freePort = () =>
  new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] : NaN;
}

/** Of several rounds [{key: number}]. */
export const median = (rounds, key) =>
  percentile(
    rounds.map((r) => r[key]),
    0.5,
  );
export const spread = (rounds, key, digits = 1) => {
  const values = rounds.map((r) => r[key]);
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
};

/** The upstream version of a Debian package that a row compares with. */
export function version(name) {
  const text = execFileSync('dpkg-query', ['-W', '-f=${Version}', name], { encoding: 'utf8' });
  return text.replace(/^\d+:/, '').replace(/[-+].*$/, '');
}

const tick = 100; // USER_HZ on Linux
function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const f = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    ppid: Number(f[1]),
    cpu: (Number(f[11]) + Number(f[12])) / tick,
    threads: Number(f[17]),
    rss: Number(f[21]) * 4096,
  };
}
function descendants(pid) {
  const parents = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), stat(name).ppid);
    } catch {
      /* it ended */
    }
  }
  const all = [pid];
  for (let i = 0; i < all.length; i++) for (const [child, parent] of parents) if (parent === all[i]) all.push(child);
  return all;
}
/** CPU seconds, resident bytes, threads and file descriptors of one process; of a host with its testbed-media. */
export function usage(pid) {
  const of = (p) => ({ ...stat(p), fds: readdirSync(`/proc/${p}/fd`).length });
  const own = of(pid),
    media = descendants(pid).find((p) => {
      try {
        return readFileSync(`/proc/${p}/comm`, 'utf8') === 'testbed-media\n';
      } catch {
        return false;
      }
    });
  if (!media) return own;
  const more = of(media);
  return {
    ...own,
    cpu: own.cpu + more.cpu,
    threads: own.threads + more.threads,
    rss: own.rss + more.rss,
    fds: own.fds + more.fds,
  };
}
/** CPU seconds of a process with all its children that run now. */
export function treeCpu(pid) {
  return descendants(pid).reduce((sum, p) => {
    try {
      return sum + stat(p).cpu;
    } catch {
      return sum;
    }
  }, 0);
}

const running = new Set();
export function run(argv, { env = {}, cwd, quiet = true, input } = {}) {
  const p = spawn(argv[0], argv.slice(1), {
    env: { ...process.env, ...env },
    cwd,
    detached: true,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  p.text = '';
  for (const s of [p.stdout, p.stderr]) {
    s.setEncoding('utf8');
    s.on('data', (t) => {
      p.text = (p.text + t).slice(-200000);
      if (!quiet) process.stderr.write(t);
    });
  }
  if (input !== undefined) p.stdin.end(input);
  p.ended = new Promise((done) =>
    p.on('exit', (code, signal) => {
      running.delete(p);
      done(code ?? signal);
    }),
  );
  p.on('error', (e) => {
    p.text += e.message;
  });
  running.add(p);
  return p;
}
export async function stop(p, signal = 'SIGTERM') {
  if (!running.has(p)) return p.ended;
  try {
    process.kill(-p.pid, signal);
  } catch {
    /* gone */
  }
  const hard = setTimeout(() => {
    try {
      process.kill(-p.pid, 'SIGKILL');
    } catch {
      /* gone */
    }
  }, 6000);
  const code = await p.ended;
  clearTimeout(hard);
  return code;
}
export async function output(argv, options) {
  const p = run(argv, options);
  const code = await p.ended;
  return { code, text: p.text };
}

const folders = [];
export function folder(prefix) {
  const dir = mkdtempSync(join(tmpdir(), `tb-${prefix}-`));
  folders.push(dir);
  return dir;
}
/** The last of what each program that still runs has said: why a benchmark failed often stands there. */
export function lastWords() {
  return [...running].map((p) => `--- ${p.spawnargs[0]}\n${p.text.slice(-3000)}`).join('\n');
}

export async function cleanUp() {
  await Promise.all([...running].map((p) => stop(p)));
  folders.splice(0).forEach((dir) => rmSync(dir, { recursive: true, force: true }));
}

/** A testbed-host with these devices, on free ports. {url, pid, process} */
export async function host(devices, { env = {}, config = {} } = {}) {
  const dir = folder('host');
  const file = join(dir, 'host.yaml'); // JSON is YAML
  writeFileSync(
    file,
    JSON.stringify({ name: 'bench', port: 0, vnc: { port: 0 }, novnc: { port: 0 }, devices, ...config }),
  );
  const p = run(
    [`${process.env.TESTBED_BUILD ?? 'build'}/testbed-host`, '--config', file, '--state-dir', join(dir, 'state')],
    { env: { SERVER_URL: '', ...env } },
  );
  const url = await until('testbed-host', () => {
    const m = /\burl=(\S+)/.exec(p.text);
    if (!m && !running.has(p)) throw new Error(`testbed-host ended:\n${p.text}`);
    return m?.[1].replace(/\/$/, '');
  });
  return { url, pid: p.pid, process: p, dir };
}

export async function xvfb(size = '1280x720x24') {
  for (let n = 120 + (process.pid % 500); ; n++) {
    const p = run(['Xvfb', `:${n}`, '-screen', '0', size, '-nolisten', 'tcp', '-noreset']);
    const up = await Promise.race([
      p.ended.then(() => false),
      until(
        'Xvfb',
        () => {
          try {
            return readdirSync('/tmp/.X11-unix').includes(`X${n}`);
          } catch {
            return false;
          }
        },
        5,
      ).then(
        () => true,
        () => false,
      ),
    ]);
    if (up) return { display: `:${n}`, process: p };
  }
}
