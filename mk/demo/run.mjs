#!/usr/bin/env node
// The demo bench: starts what the devices need (a desktop in Xvfb, a simulated phone behind the real adb server), then
// testbed-server and testbed-host, keeps them running, and stops everything in order on Ctrl-C. Everything it writes is
// below ./state/.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
process.chdir(root);
const state = 'state',
  logs = join(state, 'logs');
mkdirSync(logs, { recursive: true });

const children = []; // in the order of their start; stopped the other way round
let stopping = false;

const say = (text) => process.stdout.write(`${text}\n`);

async function stop(code) {
  if (stopping) return;
  stopping = true;
  say('stopping …');
  for (const child of [...children].reverse()) await end(child);
  say('stopped.');
  process.exit(code);
}

// Children have process groups of their own: Ctrl-C reaches only us, and we stop them in order.
function end(child) {
  return new Promise((done) => {
    if (child.ended || !child.process) return done();
    const kill = (signal) => {
      try {
        process.kill(-child.process.pid, signal);
      } catch {
        /* it is gone already */
      }
    };
    const hard = setTimeout(() => kill('SIGKILL'), child.patience);
    child.process.once('exit', () => {
      clearTimeout(hard);
      kill('SIGKILL');
      done();
    });
    kill('SIGTERM');
  });
}

function start(name, argv, { env = {}, cwd, once = false, patience = 6000, onLine } = {}) {
  const child = { name, patience, ended: false, starts: 0 };
  const run = () => {
    child.ended = false;
    child.since = Date.now();
    child.starts++;
    const log = openSync(join(logs, `${name}.log`), child.starts === 1 ? 'w' : 'a');
    const p = spawn(argv[0], argv.slice(1), {
      env: { ...process.env, ...env },
      cwd,
      detached: true,
      stdio: ['ignore', onLine ? 'pipe' : log, onLine ? 'pipe' : log],
    });
    child.process = p;
    if (onLine) {
      for (const stream of [p.stdout, p.stderr]) {
        let rest = '';
        stream.setEncoding('utf8');
        stream.on('data', (text) => {
          writeFileSync(log, text);
          const lines = (rest + text).split('\n');
          rest = lines.pop();
          lines.forEach((line) => onLine(line));
        });
      }
    }
    p.on('error', (e) => {
      child.ended = true;
      say(`${name}: ${e.message}`);
      stop(1);
    });
    p.on('exit', (code, signal) => {
      child.ended = true;
      if (stopping || once) return;
      // What ends at once with an error will do so again; what ran for a while (or was killed) is started again.
      if (code && Date.now() - child.since < 2000) {
        say(
          `${name} ended (${code}):\n${readFileSync(join(logs, `${name}.log`), 'utf8')
            .trimEnd()
            .split('\n')
            .slice(-8)
            .join('\n')}`,
        );
        return stop(1);
      }
      setTimeout(() => stopping || run(), 500);
    });
  };
  run();
  children.push(child);
  return child;
}

async function until(what, test, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  while (!(await test())) {
    if (stopping) await new Promise(() => {}); // stop() ends the process
    if (Date.now() > deadline) {
      say(`${what} did not come up in ${seconds} s; see ${logs}/`);
      await stop(1);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

const freePort = () =>
  new Promise((done) => {
    const s = createServer().listen(0, '127.0.0.1', () => {
      const { port } = s.address();
      s.close(() => done(port));
    });
  });

async function mustBeFree(port, who) {
  const free = await new Promise((done) => {
    const s = createServer()
      .once('error', () => done(false))
      .listen(port, '127.0.0.1', () => s.close(() => done(true)));
  });
  if (!free) {
    say(`port ${port} (${who}) is in use: stop what uses it, or is another "make run" running?`);
    process.exit(1);
  }
}

function freeDisplay() {
  const used = new Set([
    ...(existsSync('/tmp/.X11-unix') ? readdirSync('/tmp/.X11-unix') : []),
    ...readdirSync('/tmp'),
  ]);
  for (let n = 80; n < 200; n++) if (!used.has(`X${n}`) && !used.has(`.X${n}-lock`)) return n;
  throw new Error('no free X display number');
}

async function desktop() {
  const n = freeDisplay();
  start('xvfb', ['Xvfb', `:${n}`, '-screen', '0', '1280x720x24', '-nolisten', 'tcp', '-noreset']);
  await until('Xvfb', () => existsSync(`/tmp/.X11-unix/X${n}`));
  const env = { DISPLAY: `:${n}` };
  const home = join(root, state, 'desktop'),
    box = join(home, '.fluxbox');
  mkdirSync(box, { recursive: true });
  // says nothing, so that Debian's own does not: that one wants a picture behind the windows, and a message box
  // complains that nothing can show it
  writeFileSync(join(box, 'overlay'), "! the root window is xsetroot's\n");
  writeFileSync(
    join(box, 'init'),
    readFileSync('mk/demo/fluxbox.init', 'utf8').replace('@OVERLAY@', join(box, 'overlay')),
  );
  start('xsetroot', ['xsetroot', '-solid', '#24435a'], { env, once: true });
  // it notices SIGTERM with the next event of X only; there is nothing that it would have to save
  start('fluxbox', ['fluxbox', '-rc', join(box, 'init')], { env: { ...env, HOME: home }, patience: 300 });
  start(
    'xterm',
    [
      'xterm',
      '-geometry',
      '88x27+30+40',
      '-fa',
      'DejaVu Sans Mono',
      '-fs',
      '11',
      '-bg',
      '#10202b',
      '-fg',
      '#d7e3ea',
      '-T',
      'shell',
      '-e',
      'bash',
      '--norc',
    ],
    { env: { ...env, HOME: home, PS1: '\\w$ ' }, cwd: home },
  );
  start('xclock', ['xclock', '-update', '1', '-geometry', '200x200-40+40'], { env });
  start('xeyes', ['xeyes', '-geometry', '200x130-40+290'], { env });
  return n;
}

async function phone() {
  let port;
  start('phone', ['build/sim/android', '--port', '0', '--state', join(state, 'phone')], {
    onLine: (line) => {
      const m = /^listening (\d+)/.exec(line);
      if (m) port = Number(m[1]);
    },
  });
  await until('the simulated phone', () => port);
  const server = await freePort();
  start('adb', ['adb', '-P', String(server), 'nodaemon', 'server'], {
    env: { HOME: join(root, state, 'phone'), ADB_MDNS: '0' },
  });
  return { port, server };
}

// LAN=1: the pairing server is for phones in the same room, with https, which their sensors need, and a token.
const lan = Boolean(process.env.LAN && process.env.LAN !== '0');
const authority = join(root, state, 'server', 'tls', 'authority.crt');

function serverConfig() {
  if (!lan) return 'mk/demo/server.yaml';
  const path = join(state, 'server.yaml'),
    file = join(state, 'lan-token');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  const token = readFileSync(file, 'utf8');
  const text = readFileSync('mk/demo/server.yaml', 'utf8').replace('127.0.0.1', '"0.0.0.0"');
  writeFileSync(path, `${text}tls: local\ntokens:\n  - {name: me, role: admin, token: "${token}"}\n`, { mode: 0o600 });
  return path;
}

function config(display, phonePort) {
  const server = lan
    ? `  url: https://localhost:5109\n  ca: ${authority}\n  token: "${readFileSync(join(state, 'lan-token'), 'utf8')}"`
    : '  url: http://localhost:5109';
  const text = readFileSync('mk/demo/host.yaml', 'utf8')
    .replace('  url: http://localhost:5109', server)
    .replaceAll('@DISPLAY@', `:${display}`)
    .replaceAll('@PHONE@', `127.0.0.1:${phonePort}`);
  const path = join(state, 'host.yaml');
  writeFileSync(path, text);
  return path;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));

for (const [port, who] of [
  [Number(process.env.HOST_PORT ?? 6109), 'testbed-host'],
  [5109, 'testbed-server'],
  [5900, 'VNC'],
  [6080, 'noVNC'],
])
  await mustBeFree(port, who);
say('starting the demo bench …');
const display = await desktop();
say(`  desktop    Xvfb :${display} with real programs`);
const { port: phonePort, server: adbPort } = await phone();
say('  phone      simulated, behind the real adb server');

const listening = (line) => /\blistening\b.*?(https?:\S+)/.exec(line)?.[1];
let serverUrl, hostUrl;
if (existsSync('build/testbed-server')) {
  start('server', ['build/testbed-server', '--config', serverConfig(), '--state-dir', join(state, 'server')], {
    onLine: (line) => {
      serverUrl = listening(line) ?? serverUrl;
    },
  });
  await until('testbed-server', () => serverUrl);
}
start('host', ['build/testbed-host', '--config', config(display, phonePort), '--state-dir', join(state, 'host')], {
  env: { ADB_HOST: `127.0.0.1:${adbPort}` },
  onLine: (line) => {
    hostUrl = listening(line) ?? hostUrl;
    if (/ error /.test(line)) say(`  host: ${line}`);
  },
});
await until('testbed-host', () => hostUrl);
const shown = (url) => url.replace('127.0.0.1', 'localhost');
say('  board      U-Boot in QEMU\n  vitals     sensors of this machine\n');
say(`Console          ${shown(hostUrl)}`);
say(`REST, OpenAPI    ${shown(hostUrl)}docs.html`);
say('VNC              localhost:5900 (desktop), localhost:5901 (board)\nnoVNC            http://localhost:6080/');
if (serverUrl && !lan)
  say(`Pairing server   ${shown(serverUrl)}    (for a phone in this room: make run LAN=1, docs/PHONE.md)`);
if (serverUrl && lan)
  say(
    `Pairing server   ${serverUrl.replace('0.0.0.0', 'localhost')}/#token=${readFileSync(join(state, 'lan-token'), 'utf8')}`,
  );
say(`Logs             ${logs}/\n\nCtrl-C stops everything.`);
