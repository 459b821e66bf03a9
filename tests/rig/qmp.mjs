// QEMU's machine protocol over a unix socket: commands by promise, events by waiting.
// Source: QEMU docs/interop/qmp-spec (JSON objects, one per line; greeting, qmp_capabilities, then commands with ids).
import { EventEmitter } from 'node:events';
import net from 'node:net';

const GREETING_MS = 10_000;
const MAX_LINE = 1 << 20; // QEMU answers are small; more than this without a newline is not QMP

export class QmpError extends Error {
  constructor(command, { class: kind, desc }) {
    super(`${command}: ${desc}`);
    this.kind = kind;
  }
}

export class Qmp extends EventEmitter {
  #socket;
  #next = 1;
  #waiting = new Map();
  #rest = '';
  #ready;
  #closed = null;

  constructor(socket) {
    super();
    this.#socket = socket;
    this.#ready = new Promise((resolve, reject) => {
      this.once('greeting', resolve);
      this.once('end', (error) => reject(error));
    });
    this.#ready.catch(() => {});
    socket.setEncoding('utf8');
    socket.on('data', (text) => this.#take(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('QMP: QEMU has closed the socket')));
  }

  // Connects and negotiates. Rejects when nobody listens on `path`.
  static async connect(path) {
    const socket = net.connect(path);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const qmp = new Qmp(socket);
    const late = setTimeout(
      () => socket.destroy(new Error(`QMP: no greeting on ${path}: another client has the socket`)),
      GREETING_MS,
    );
    try {
      await qmp.#ready;
    } finally {
      clearTimeout(late);
    }
    await qmp.run('qmp_capabilities');
    return qmp;
  }

  // Runs one command; resolves with its return value, rejects with QmpError.
  run(command, args) {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { command, resolve, reject });
      this.#socket.write(JSON.stringify({ execute: command, arguments: args, id }) + '\n');
    });
  }

  // The next event of this name (and, if given, of this device id).
  event(name, { device, timeout = 10_000 } = {}) {
    return new Promise((resolve, reject) => {
      const done = (error, value) => {
        clearTimeout(timer);
        this.off('event', onEvent);
        this.off('end', onEnd);
        if (error) reject(error);
        else resolve(value);
      };
      const onEvent = (event) => {
        if (event.event === name && (!device || event.data?.device === device)) done(null, event);
      };
      const onEnd = (error) => done(error);
      const timer = setTimeout(() => done(new Error(`QMP: no ${name} within ${timeout} ms`)), timeout);
      this.on('event', onEvent);
      this.on('end', onEnd);
    });
  }

  // HMP has a few things that QMP lacks (info usernet).
  hmp(line) {
    return this.run('human-monitor-command', { 'command-line': line });
  }

  close() {
    this.#socket.end();
  }

  #take(text) {
    this.#rest += text;
    for (let at; (at = this.#rest.indexOf('\n')) >= 0; ) {
      const line = this.#rest.slice(0, at);
      this.#rest = this.#rest.slice(at + 1);
      if (line.trim()) this.#message(line);
    }
    if (this.#rest.length > MAX_LINE) this.#socket.destroy(new Error('QMP: line too long'));
  }

  #message(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#socket.destroy(new Error('QMP: not JSON: ' + line.slice(0, 80)));
      return;
    }
    if (message.QMP) {
      this.emit('greeting', message.QMP);
    } else if (message.event) {
      this.emit('event', message);
    } else if (this.#waiting.has(message.id)) {
      const { command, resolve, reject } = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error) reject(new QmpError(command, message.error));
      else resolve(message.return);
    }
  }

  #end(error) {
    if (this.#closed) return;
    this.#closed = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.emit('end', error);
  }
}
