// tests/tools/drive.c in the guest: one driver of ours on the guest's real hardware, without the host around it.
import net from 'node:net';
import { until } from './rig.mjs';

// of the guest; Rig.boot({ forward: DRIVE_PORTS })
export const DRIVE_PORTS = Array.from({ length: 24 }, (_, i) => 7101 + i);

export class Drive {
  lines = []; // every line so far
  #socket;
  #rest = '';
  #waiting = new Set();
  #ended = false;

  // args: ['usbhub://1-1.4'] or ['--discover', 'usb']
  static async start(rig, args) {
    rig.drivePort = (rig.drivePort ?? -1) + 1;
    const port = DRIVE_PORTS[rig.drivePort];
    if (!port) throw new Error('more drives than DRIVE_PORTS');
    const words = args.map((a) => `'${a}'`).join(' ');
    await rig.sh(`printf '#!/bin/sh\\nexec drive ${words.replaceAll("'", '"').replaceAll('%', '%%')}\\n' >/tmp/drive${port}; chmod +x /tmp/drive${port}
      nc -l -p ${port} -e /tmp/drive${port} >/dev/null 2>&1 &`);
    await until(`guest's port ${port}`, () => rig.sh(`netstat -ltn | grep ':${port} '`));
    const drive = new Drive();
    drive.#socket = net.connect(rig.ports[port], '127.0.0.1');
    drive.#socket.setEncoding('utf8');
    drive.#socket.on('data', (text) => drive.#take(text));
    drive.#socket.on('error', () => {});
    drive.#socket.on('close', () => {
      drive.#ended = true;
      drive.#wake();
    });
    return drive;
  }

  // The first line at or after `from` that fits; resolves to it, with its index as `index`.
  async wait(what, fits, { from = 0, timeout = 20_000 } = {}) {
    const end = Date.now() + timeout;
    for (let at = from; ; ) {
      for (; at < this.lines.length; at++) {
        if (fits(this.lines[at])) return { ...this.lines[at], index: at };
      }
      if (this.#ended) throw new Error(`drive has ended before: ${what}; ${JSON.stringify(this.lines.slice(-5))}`);
      const left = end - Date.now();
      if (left <= 0)
        throw new Error(`no ${what} within ${timeout} ms; last lines ${JSON.stringify(this.lines.slice(-5))}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  async run(command, options = {}) {
    const from = this.lines.length;
    this.#socket.write(command + '\n');
    return this.wait(`answer to '${command}'`, (line) => line.command === command, { from, ...options });
  }

  close() {
    this.#socket.end('quit\n');
  }

  #take(text) {
    this.#rest += text;
    const parts = this.#rest.split('\n');
    this.#rest = parts.pop();
    for (const part of parts) this.lines.push({ ...JSON.parse(part), seen: Date.now() });
    this.#wake();
  }

  #wake() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call();
  }
}
