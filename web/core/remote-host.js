// A host of which there are only commands and topics (a data channel, the server's relay), as the views want it: the
// REST routes of one device as a `fetch`, its sockets as a `WebSocket`. What moves bytes of any size (files, packages,
// pictures) does not come this way, and says so.

import { ApiError } from './api.js';
import { MOUNT_OPS } from './sky.js';

const LINES = 300; // of a log in one answer: a message of a data channel has 64 KiB
const TAIL_BYTES = 24 * 1024;
const WAIT_MS = 15000; // beyond what the command itself may take

const GET_OF = { apps: 'list', files: 'list' }; // what reading an interface is, where it is not `get`
const PUT_OF = { power: 'set', gpio: 'set' };
const POST_OF = { input: 'send', shell: 'run', instrument: 'query', sensors: 'post' };
const LEASE_OF = { GET: 'get', POST: 'take', PUT: 'renew', DELETE: 'release' };
const READS = /\.(get|list|history|log)$/;
const NOW = /^lease\.answer$/; // it is of one request: later it would meet another one, or nobody
const BELOW = new Set(['cycle', 'pulse', 'write', 'break', 'expect', 'history', 'log', 'rename', 'clipboard']);

/**
 * A REST call of one device as a command: {verb, params}; null: there is none.
 * @param {string} method
 * @param {string[]} path    behind `host/devices/{id}/`
 * @param {(name: string) => string|undefined} kindOf
 */
export function commandOf(method, path, { query = {}, body }, kindOf) {
  const [name, op, last] = path;
  const params = { ...query, ...(Array.isArray(body) ? { events: body } : (body ?? {})) };
  if (name === undefined) return method === 'GET' ? { verb: 'device.get', params: {} } : null;
  if (name === 'lease') return { verb: `lease.${op ?? LEASE_OF[method]}`, params };
  const kind = kindOf(name);
  const verb = (what) => ({ verb: `${name}.${what}`, params });
  if (kind === 'apps' && op)
    return { verb: `${name}.${method === 'DELETE' ? 'remove' : last}`, params: { package: decodeURIComponent(op) } };
  if (kind === 'mount' && op) return MOUNT_OPS.has(op) ? verb(op) : null;
  if (op !== undefined) return BELOW.has(op) ? verb(op) : null;
  if (method === 'GET') return verb(GET_OF[kind] ?? 'get');
  if (method === 'PATCH') return verb('set');
  if (method === 'PUT') return PUT_OF[kind] ? verb(PUT_OF[kind]) : null;
  if (method === 'DELETE') return kind === 'files' ? verb('remove') : null;
  return method === 'POST' && POST_OF[kind] ? verb(POST_OF[kind]) : null;
}

const NUMBER = /^-?\d+$/;
const queryOf = (url) =>
  Object.fromEntries(
    [...url.searchParams].map(([k, v]) => [
      k,
      k === 'recursive' ? v === 'true' : NUMBER.test(v) && k !== 'path' ? Number(v) : v,
    ]),
  );
const problem = (error) =>
  Response.json(
    {
      ...error.extra,
      title: error.title,
      status: error.status,
      detail: error.detail ?? error.message,
      field: error.field,
    },
    { status: error.status >= 400 ? error.status : 504 },
  );
const TOO_LARGE = new ApiError({
  status: 501,
  title: 'Not through a link',
  detail: 'Files and packages do not come through a link: use the host’s own page',
});

const base64 = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''));
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

export class RemoteHost {
  /**
   * @param {object} o
   * @param {string} o.base       what the URLs of its Api begin with
   * @param {import('./command.js').CommandClient} o.commands
   * @param {string} o.device     the one that there is
   * @param {(name: string) => string|undefined} o.kindOf   kind of an interface
   */
  constructor({ base, commands, device, kindOf }) {
    Object.assign(this, { _base: base, _commands: commands, _device: device, _kindOf: kindOf });
    const remote = this;
    this.fetch = (url, options) => this._fetch(url, options);
    this.WebSocket = class extends RemoteSocket {
      constructor(url) {
        super(remote, url);
      }
    };
  }

  /** `host/devices/{id}/…` -> what comes behind the id. */
  _path(url) {
    const from = (href) => href.slice(href.indexOf('//')); // http and ws alike
    const path = from(url.href.replace(/[?#].*$/, '')).slice(from(this._base).length);
    const parts = path.split('/');
    return parts[0] === 'host' && parts[1] === 'devices' ? parts.slice(3).map(decodeURIComponent) : null;
  }

  async _fetch(href, { method = 'GET', body, signal } = {}) {
    const url = new URL(href);
    const path = this._path(url);
    const kind = path && this._kindOf(path[0]);
    if (kind === 'logs' && method === 'GET') return this._log(path[0], signal);
    let sent;
    try {
      sent = typeof body === 'string' ? JSON.parse(body) : undefined;
    } catch {
      sent = undefined;
    }
    const bytes = body !== undefined && typeof body !== 'string';
    const command = path && !bytes ? commandOf(method, path, { query: queryOf(url), body: sent }, this._kindOf) : null;
    if (!command) return problem(TOO_LARGE);
    const { verb, params } = command;
    const log = verb.endsWith('.log');
    if (log) {
      delete params.format;
      params.limit = Math.min(params.limit ?? LINES, LINES);
    }
    try {
      const result = await this._asked(verb, params, signal);
      if (log) return new Response((result?.lines ?? []).map((l) => JSON.stringify(l)).join('\n'));
      return result === null || result === undefined
        ? new Response(null, { status: 204 })
        : Response.json(verb === 'device.get' ? (result.device ?? result) : result);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 0) throw new TypeError('no answer'); // as a fetch that got nowhere
      return problem(error);
    }
  }

  /** Who gives up while he waits for the lease and is given it all the same gives it back. */
  async _asked(verb, params, signal) {
    const timeoutMs = (params.wait_s ?? params.timeout_s ?? params.off_s ?? 0) * 1000 + WAIT_MS;
    // who only looks asks again; what waits is shown to the user
    const queue = !READS.test(verb) && !NOW.test(verb);
    const answer = this._commands.send(this._device, verb, params, { timeoutMs, queue });
    if (!signal) return answer;
    let off = null;
    const gone = new Promise((_, reject) => {
      const stop = () => {
        if (verb === 'lease.take')
          answer.then(
            () => this._release(),
            () => {},
          );
        else answer.catch(() => {});
        reject(signal.reason ?? new DOMException('given up', 'AbortError'));
      };
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop);
      off = () => signal.removeEventListener('abort', stop);
    });
    try {
      return await Promise.race([answer, gone]);
    } finally {
      off?.();
    }
  }

  _release() {
    this._commands.send(this._device, 'lease.release').catch(() => {});
  }

  /** The last lines that the host remembers. */
  async _tail(name) {
    const ask = (params) => this._commands.send(this._device, `${name}.get`, params, { queue: false });
    const { offset = 0, start = 0 } = (await ask({ limit: 1 })) ?? {};
    return (await ask({ from: Math.max(start, offset - TAIL_BYTES), limit: LINES }))?.lines ?? [];
  }

  /** Log lines as they come, as the event stream that the view reads. */
  _log(name, signal) {
    const commands = this._commands;
    let undo = null;
    const stream = new ReadableStream({
      start: (out) => {
        const text = new TextEncoder();
        const off = commands.on('event', (e) => {
          if (e.event === 'line' && e.interface === name)
            out.enqueue(text.encode(`data: ${JSON.stringify(e.data)}\n\n`));
        });
        const end = commands.subscribe(`log:${this._device}/${name}`);
        this._tail(name).then(
          (lines) => {
            for (const line of undo ? lines : []) out.enqueue(text.encode(`data: ${JSON.stringify(line)}\n\n`));
          },
          () => {}, // what comes now is shown all the same
        );
        undo = () => {
          off();
          end();
          undo = null;
        };
        signal?.addEventListener('abort', () => {
          undo?.();
          out.error(signal.reason);
        });
      },
      cancel: () => undo?.(),
    });
    return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } });
  }
}

/** A console's WebSocket (core/console.js), of the topic and `write`. Ends when no way to the host is open. */
class RemoteSocket extends EventTarget {
  constructor(remote, href) {
    super();
    const url = new URL(href);
    this._remote = remote;
    this._name = remote._path(url)?.[0];
    this.readyState = 0;
    this.bufferedAmount = 0;
    this._at = Number(url.searchParams.get('from') ?? 0); // of the next byte
    this._taken = 0;
    this._undo = [];
    queueMicrotask(() => this._begin());
  }

  _begin() {
    const commands = this._remote._commands;
    if (this.readyState !== 0) return;
    if (!commands.route) {
      this.close(1006, 'no way to the host is open');
      return;
    }
    this.readyState = 1;
    this._undo = [
      commands.on('console', (m) => this._data(m)),
      commands.on('route', (route) => {
        if (!route) this.close(1006, 'the host is away');
      }),
      commands.subscribe(`console:${this._remote._device}/${this._name}`, { offset: () => this._at }),
    ];
    this.dispatchEvent(new Event('open'));
  }

  _data({ interface: name, offset, base64: text }) {
    if (name !== this._name) return;
    const bytes = bytesOf(text);
    if (offset > this._at) this._say({ type: 'gap', from: this._at, to: offset });
    const known = Math.max(0, this._at - offset); // by the way before this one
    this._at = Math.max(this._at, offset + bytes.length);
    if (known < bytes.length) this._tell(bytes.slice(known).buffer);
  }

  _tell(data) {
    if (this.readyState === 1) this.dispatchEvent(new MessageEvent('message', { data }));
  }
  _say(notice) {
    this._tell(JSON.stringify(notice));
  }

  send(data) {
    const { _commands: commands, _device: device } = this._remote;
    if (typeof data === 'string') {
      if (JSON.parse(data).type !== 'ping') return;
      commands.send(device, `${this._name}.get`, {}, { queue: false }).then(
        (info) => this._say({ type: 'pong', taken: this._taken, end: info?.offset ?? this._at }),
        () => {},
      );
      return;
    }
    const bytes = new Uint8Array(data);
    this.bufferedAmount += bytes.length;
    commands
      .send(device, `${this._name}.write`, { base64: base64(bytes) }, { queue: false })
      .then(
        () => {
          this._taken += bytes.length;
        },
        (error) =>
          this._say({ type: 'error', status: error.status, title: error.title, detail: error.detail ?? error.message }),
      )
      .finally(() => {
        this.bufferedAmount -= bytes.length;
      });
  }

  close(code = 1000, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    for (const undo of this._undo) undo();
    const end = new Event('close');
    Object.assign(end, { code, reason });
    this.dispatchEvent(end);
  }
}
