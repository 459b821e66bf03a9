// The lab in a VM: Debian's kernel, an xHCI controller, hubs, an FTDI adapter, keyboard, mouse and vivid cameras, with
// testbed-host inside. As a module it gives tests a Rig; as a program it gives one to a developer:
//
//      node tests/rig/rig.mjs up                       build what is missing, boot, stay until Ctrl-C
//      node tests/rig/rig.mjs plug ID DRIVER PORT [k=v…]       e.g. plug stick usb-tablet 1.5
//      node tests/rig/rig.mjs unplug ID
//      node tests/rig/rig.mjs sh 'ls /sys/bus/usb/devices'     inside the guest
//      node tests/rig/rig.mjs qmp COMMAND ['{"json":"arguments"}']
//
// Ports are those of the guest's tree: 1 is a hub with per-port power (guest 1-1), 2 one without (1-2); 1.3 is port 3
// of the first.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Qmp } from './qmp.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
export const top = path.resolve(here, '../..');
const images = process.env.TB_RIG_DIR || path.join(top, 'build/rig');
const stateFile = path.join(images, 'running.json');
const BOOT_DEADLINE = 120_000; // ms; 4 to 6 s on a free machine, TCG shares its cores with everything else
const WAIT_STEP = 50; // ms between two looks at a condition that cannot announce itself

// until(what, look): the first truthy value of look(), or an error that says what was waited for.
export async function until(what, look, timeout = 15_000) {
  const end = Date.now() + timeout;
  for (let last; ; ) {
    try {
      const value = await look();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(`no ${what} within ${timeout} ms${last ? `: ${last.message}` : ''}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, WAIT_STEP));
  }
}

export function build({ programs = [] } = {}) {
  const { status } = spawnSync(path.join(here, 'build.sh'), [], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PROGRAMS: programs.join(' ') },
  });
  if (status !== 0) throw new Error('tests/rig/build.sh has failed');
}

// One cpio of the files that belong to this run only: { '/etc/testbed/host.yaml': 'text' | Buffer }
function overlay(dir, files) {
  const root = path.join(dir, 'overlay');
  for (const [name, content] of Object.entries(files)) {
    const target = path.join(root, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, content);
  }
  fs.mkdirSync(root, { recursive: true });
  const { status, stderr } = spawnSync('sh', ['-c', 'find . | cpio --quiet -o -H newc -R 0:0 >../overlay.cpio'], {
    cwd: root,
  });
  if (status !== 0) throw new Error(`cpio: ${stderr}`);
  return path.join(dir, 'overlay.cpio');
}

export class Rig {
  #child;
  #exited;

  // Boots a lab. files: extra files of the guest (its host.yaml among them); cameras: number of vivid cameras (0-4);
  // forward: guest ports to reach from here; append: more for the kernel's command line.
  static async boot({ files = {}, cameras = 1, forward = [], append = '', verbose = false } = {}) {
    const rig = new Rig();
    try {
      await rig.#boot({ files, cameras, forward, append, verbose });
    } catch (error) {
      await rig.stop();
      throw error;
    }
    return rig;
  }

  async #boot({ files, cameras, forward, append, verbose }) {
    process.once(
      'exit',
      () => this.dir && !process.env.TB_RIG_KEEP && fs.rmSync(this.dir, { recursive: true, force: true }),
    );
    // Short path: a unix socket's name has 107 bytes.
    this.dir = fs.mkdtempSync(path.join(process.env.XDG_RUNTIME_DIR || os.tmpdir(), 'tbrig-'));
    const at = (name) => path.join(this.dir, name);
    const initrd = at('initrd');
    fs.writeFileSync(initrd, '');
    for (const part of [path.join(images, 'base.cpio'), path.join(images, 'host.cpio'), overlay(this.dir, files)])
      fs.appendFileSync(initrd, fs.readFileSync(part));
    fs.writeFileSync(at('stick.img'), '');
    fs.truncateSync(at('stick.img'), 1 << 20);
    this.guestPorts = [8022, 6109, ...forward];
    const args = [
      '-name',
      'testbed-rig',
      '-accel',
      'tcg',
      '-cpu',
      'Nehalem,+rdrand',
      '-m',
      '1024',
      '-smp',
      '2',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-kernel',
      path.join(images, 'vmlinux'),
      '-initrd',
      initrd,
      '-append',
      `console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off tsc=unstable rig.cameras=${cameras} ${append}`,
      '-chardev',
      'stdio,id=boot,signal=off',
      '-serial',
      'chardev:boot',
      '-chardev',
      `file,id=log,path=${at('host.log')}`,
      '-serial',
      'chardev:log',
      // QEMU serves one client per socket: `qmp` is the one of whoever booted the lab, `control` is the developer's.
      '-qmp',
      `unix:${at('qmp')},server=on,wait=off`,
      '-qmp',
      `unix:${at('control')},server=on,wait=off`,
      '-netdev',
      'user,id=net0,' + this.guestPorts.map((p) => `hostfwd=tcp:127.0.0.1:0-:${p}`).join(','),
      '-device',
      'virtio-net-pci,netdev=net0,romfile=',
      '-device',
      'virtio-rng-pci',
      '-blockdev',
      `driver=file,node-name=stick,filename=${at('stick.img')}`,
      '-device',
      'qemu-xhci,id=xhci,p2=8,p3=8',
      '-device',
      'usb-hub,id=hub1,bus=xhci.0,port=1,port-power=on',
      '-device',
      'usb-hub,id=hub2,bus=xhci.0,port=2,port-power=off',
      '-chardev',
      `socket,id=ftdi1,path=${at('ftdi1')},server=on,wait=off`,
      '-chardev',
      `socket,id=ftdi2,path=${at('ftdi2')},server=on,wait=off`,
      '-device',
      'usb-serial,id=ftdi1,chardev=ftdi1,always-plugged=on,serial=RIG0001,bus=xhci.0,port=1.1',
      '-device',
      'usb-kbd,id=kbd1,bus=xhci.0,port=1.2',
      '-device',
      'usb-mouse,id=mouse1,bus=xhci.0,port=1.3',
    ];
    // QEMU dies with us, however we die.
    const run =
      spawnSync('setpriv', ['--version']).status === 0
        ? ['setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args]]
        : ['qemu-system-x86_64', args];
    const started = Date.now();
    this.#child = spawn(run[0], run[1], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.bootLog = '';
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => resolve(`QEMU does not start: ${error.message}`));
      this.#child.once('exit', (code, signal) => resolve(`QEMU has ended (${signal || code})`));
    });
    let booted;
    const ready = new Promise((resolve) => {
      booted = resolve;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        this.bootLog += text;
        if (verbose) process.stderr.write(text);
        if (this.bootLog.includes('rig: booted')) booted(true);
      });
    }
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, BOOT_DEADLINE, 'the lab does not boot in time');
    });
    const outcome = await Promise.race([ready, this.#exited, late]);
    clearTimeout(timer);
    if (outcome !== true) throw new Error(`${outcome}; its last words:\n${this.bootLog.slice(-2000)}`);
    this.bootMs = Date.now() - started;
    this.qmp = await Qmp.connect(at('qmp'));
    this.ports = await this.#hostPorts();
  }

  // QEMU chose the ports on this side itself, so nothing can take them in between.
  async #hostPorts() {
    const table = await this.qmp.hmp('info usernet');
    const ports = {};
    for (const [, from, to] of table.matchAll(/TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)/g))
      ports[to] = Number(from);
    for (const p of this.guestPorts) {
      if (!ports[p]) throw new Error(`QEMU forwards no port to the guest's ${p}:\n${table}`);
    }
    return ports;
  }

  get url() {
    return `http://127.0.0.1:${this.ports[6109]}`;
  }

  // Runs a script in the guest; resolves with its output (stdout and stderr), rejects when it fails.
  sh(script) {
    return guestShell(this.ports[8022], script);
  }

  // A file of the guest, as a Buffer.
  async pull(file) {
    const answer = await fetch(`http://127.0.0.1:${this.ports[8022]}/cgi-bin/sh`, {
      method: 'POST',
      body: `cat '${file}'`,
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    const end = '\nexit=0\n';
    if (!answer.ok || bytes.subarray(-end.length).toString('latin1') !== end)
      throw new Error(`guest: cannot read ${file}`);
    return bytes.subarray(0, -end.length);
  }

  // Waits until testbed-host answers.
  async hostReady(timeout = 60_000) {
    await until(
      `answer of testbed-host (see ${this.dir}/host.log)`,
      async () => (await fetch(`${this.url}/host/health`, { signal: AbortSignal.timeout(5_000) })).ok,
      timeout,
    );
  }

  hostLog() {
    return fs.readFileSync(path.join(this.dir, 'host.log'), 'utf8');
  }

  // The far end of an FTDI adapter's serial line: 'ftdi1' or 'ftdi2'.
  async serial(name) {
    const socket = net.connect(path.join(this.dir, name));
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  }

  // plug('x', 'usb-tablet', '1.4'): resolves when QEMU has done it; when the guest sees it is what tests measure.
  plug(id, driver, port, options = {}) {
    return this.qmp.run('device_add', { driver, id, bus: 'xhci.0', port, ...options });
  }

  plugFtdi(id, port, serial) {
    return this.plug(id, 'usb-serial', port, { chardev: id, 'always-plugged': true, serial });
  }

  async unplug(id) {
    const gone = this.qmp.event('DEVICE_DELETED', { device: id });
    gone.catch(() => {});
    await this.qmp.run('device_del', { id });
    await gone;
  }

  // Ends with QEMU's own exit; removes what the run has written.
  async stop() {
    if (this.#child && this.#child.exitCode === null && this.#child.signalCode === null) {
      this.qmp?.run('quit').catch(() => {});
      const kill = setTimeout(() => this.#child.kill('SIGKILL'), this.qmp ? 3_000 : 0);
      await this.#exited;
      clearTimeout(kill);
    }
    if (this.dir && !process.env.TB_RIG_KEEP) fs.rmSync(this.dir, { recursive: true, force: true });
  }

  ended() {
    return this.#exited;
  }
}

async function guestShell(port, script) {
  const answer = await fetch(`http://127.0.0.1:${port}/cgi-bin/sh`, { method: 'POST', body: script });
  const text = await answer.text();
  const end = text.match(/\nexit=(\d+)\n$/);
  if (!answer.ok || !end) throw new Error(`guest: ${answer.status} ${text.slice(-300)}`);
  const output = text.slice(0, end.index);
  if (end[1] !== '0') throw new Error(`guest: '${script}' ends with ${end[1]}: ${output.slice(-500)}`);
  return output;
}

async function up() {
  build();
  const config = path.join(here, 'guest/host.yaml');
  const rig = await Rig.boot({ files: { '/etc/testbed/host.yaml': fs.readFileSync(config) }, cameras: 1 });
  fs.writeFileSync(stateFile, JSON.stringify({ dir: rig.dir, ports: rig.ports }));
  const me = 'node tests/rig/rig.mjs';
  console.log(`the lab is up after ${rig.bootMs} ms`);
  if (fs.existsSync(path.join(images, 'host/usr/bin/testbed-host'))) {
    await rig.hostReady();
    console.log(`  console, REST   ${rig.url}/`);
  } else {
    console.log('  testbed-host is not built: the lab runs without it');
  }
  console.log(`  QMP             ${rig.dir}/control       (${me} qmp query-status)
  serial line     ${rig.dir}/ftdi1         (socat -,raw,echo=0 UNIX-CONNECT:${rig.dir}/ftdi1)
  plug, unplug    ${me} plug tab usb-tablet 1.4      ${me} unplug tab
  pull the FTDI   ${me} unplug ftdi1                 ${me} plug ftdi1 usb-serial 1.1 chardev=ftdi1 always-plugged=true
  a shell         ${me} sh 'uhubctl'
  daemon's log    ${rig.dir}/host.log
Ctrl-C stops it.`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => rig.stop());
  const how = await rig.ended();
  fs.rmSync(stateFile, { force: true });
  await rig.stop();
  console.log(how);
}

async function client(command, args) {
  if (!fs.existsSync(stateFile)) throw new Error("no lab is running: start one by 'make rig'");
  const { dir, ports } = JSON.parse(fs.readFileSync(stateFile, 'utf8'));
  if (command === 'sh') {
    process.stdout.write(await guestShell(ports[8022], args.join(' ')));
    return;
  }
  const qmp = await Qmp.connect(path.join(dir, 'control'));
  try {
    if (command === 'plug') {
      const [id, driver, port, ...options] = args;
      const value = (text) => (text === 'true' ? true : text === 'false' ? false : text);
      const more = Object.fromEntries(options.map((o) => o.split('=')).map(([k, v]) => [k, value(v)]));
      await qmp.run('device_add', { driver, id, bus: 'xhci.0', port, ...more });
    } else if (command === 'unplug') {
      await qmp.run('device_del', { id: args[0] });
    } else {
      console.log(JSON.stringify(await qmp.run(args[0], args[1] && JSON.parse(args[1])), null, 2));
    }
  } finally {
    qmp.close();
  }
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [command = 'up', ...args] = process.argv.slice(2);
  const least = { up: 0, plug: 3, unplug: 1, sh: 1, qmp: 1 };
  try {
    if (!(command in least) || args.length < least[command])
      throw new Error(
        'usage: rig.mjs up | plug ID DRIVER PORT [option=value…] | unplug ID | sh SCRIPT | qmp COMMAND [JSON]',
      );
    await (command === 'up' ? up() : client(command, args));
  } catch (error) {
    console.error(`rig: ${error.message}`);
    process.exitCode = 1;
  }
}
