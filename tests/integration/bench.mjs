// The devices that integration tests use, each a real program: U-Boot in QEMU, a desktop in Xvfb, a serial device on a
// TCP port, the simulated phone behind the real adb server.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, linkSync, openSync, readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { BUILD, Program, ROOT, freePort, scratch, until } from './harness.mjs';

export const UBOOT = 'qemu:///usr/lib/u-boot/qemu-x86/u-boot.rom?memory=256&machine=pc,pic=off';

// Simulators are built once, without a sanitizer if that build has none.
function simulator(name) {
  const own = path.join(BUILD, 'sim', name);
  return existsSync(own) ? own : path.join(ROOT, 'build', 'sim', name);
}

/**
 * {uri, env, phone}: the simulated phone. The host itself starts an adb server on the port in `env`, which ends with
 * it.
 */
export async function startPhone(t) {
  const state = scratch('tb-phone-');
  const phone = new Program([simulator('android'), '--port', '0', '--state', state], { name: 'phone' });
  t.after(() => phone.stop());
  const port = Number(/\d+/.exec(await phone.line(/^listening \d+/))[0]);
  return {
    uri: `adb://127.0.0.1:${port}?log_replay=10&interval_ms=500`,
    env: { ADB_HOST: `127.0.0.1:${await freePort()}`, HOME: state },
    phone,
    state,
  };
}

export function reachable(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

let displays = 0;

/** {display, uri}: an X server of its own. */
export async function startXvfb(t, { width = 640, height = 480 } = {}) {
  // Not the first one that is free: another test's server takes that while ours is started again. What is written to
  // the descriptor says that it is there.
  const xvfb = new Program([
    'Xvfb',
    `:${1000 + ((process.pid * 8 + displays++) % 50000)}`,
    '-displayfd',
    '1',
    '-screen',
    '0',
    `${width}x${height}x24`,
    '-nolisten',
    'tcp',
    '-noreset',
  ]);
  const display = `:${(await xvfb.line(/^\d+$/)).trim()}`;
  t.after(() => xvfb.kill());
  return { display, uri: `x11://${display}`, xvfb };
}

/**
 * A device on a TCP port, one connection at a time or many: what the host writes arrives as `received`; `say()` talks
 * to it. {uri, received: Buffer, say(bytes), drop()}
 */
export async function startSerialPort(t, { echo = false } = {}) {
  const device = { chunks: [], sockets: new Set(), connections: 0, size: 0 };
  const server = net.createServer((socket) => {
    device.connections++;
    device.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      device.chunks.push(chunk);
      device.size += chunk.length;
      if (echo) socket.write(chunk);
    });
    socket.on('error', () => {});
    socket.on('close', () => device.sockets.delete(socket));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  device.port = port;
  device.uri = `tcp://127.0.0.1:${port}`;
  device.received = () => Buffer.concat(device.chunks);
  device.say = (bytes) =>
    Promise.all([...device.sockets].map((s) => new Promise((resolve) => s.write(bytes, resolve))));
  device.drop = () => device.sockets.forEach((s) => s.destroy());
  device.connected = () => until('the host to connect', () => device.sockets.size > 0);
  device.stop = () =>
    new Promise((resolve) => {
      device.drop();
      server.close(resolve);
    });
  t.after(() => device.stop());
  return device;
}

const readFile = (file) => readFileSync(file, 'utf8');

/** Pids of children of `pid` whose command line has `text`. */
export function childrenOf(pid, text) {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => {
      try {
        return readFile(`/proc/${pid}/task/${task}/children`).trim().split(/\s+/).filter(Boolean);
      } catch {
        return [];
      }
    })
    .map(Number)
    .filter((child) => {
      try {
        return readFile(`/proc/${child}/cmdline`).includes(text);
      } catch {
        return false;
      }
    });
}

/** A device of real commands: power is a file that exists or not; the console is `cat`, which says what it is told. */
export function scriptedDevice(file) {
  const exec = {
    driver: 'exec',
    power_on: ['touch', file],
    power_off: ['rm', '-f', file],
    power_get: ['sh', '-c', '[ -e "$0" ] && echo on || echo off', file],
    console: ['cat'],
    pty: false,
  };
  return { label: 'Scripted device', attach: [exec] };
}

/**
 * GStreamer waits for its registry until somebody writes it: a pipe stands in its place. {env, release}: what a host is
 * started with, and what lets it go on; false: nobody reads at the moment.
 */
export function heldGStreamer() {
  const registry = path.join(scratch(), 'registry.bin');
  const held = `${registry}.held`;
  execFileSync('mkfifo', [registry]);
  linkSync(registry, held); // GStreamer puts a file in the place of the first
  return {
    env: { GST_REGISTRY: registry },
    release() {
      try {
        closeSync(openSync(held, constants.O_WRONLY | constants.O_NONBLOCK));
        return true;
      } catch {
        return false;
      }
    },
  };
}
