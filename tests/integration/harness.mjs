// Starts the real programs for a test and talks to them: REST, Server-Sent Events, WebSockets. Ports are free ones,
// waits have deadlines, and what a test started is gone when it ends.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
export const BUILD = process.env.TESTBED_BUILD || path.join(ROOT, 'build');
/** Waits are longer under sanitizers. */
export const SANITIZED = Boolean(process.env.TESTBED_VARIANT);
// how many others want each core, told by the kernel (the load of the last minute): a deadline is of a machine of one's
// own
const CROWD = Math.min(8, Math.max(1, os.loadavg()[0] / os.cpus().length));
export const SLOW = ({ asan: 3, tsan: 6 }[process.env.TESTBED_VARIANT] || 1) * CROWD;

const require = createRequire(path.join(ROOT, 'tests', 'package.json'));
/** The package ws: Node 18 has no WebSocket of its own. */
export const { WebSocket } = require('ws');

// ---- waiting ---------------------------------------------------------------------------------------------------

export class Deadline extends Error {}

/**
 * Resolves with the first truthy answer of `look()`; asks again every few milliseconds; fails after `ms` with what was
 * seen last.
 */
export async function until(what, look, ms = 10000) {
  const end = Date.now() + ms * SLOW;
  let last;
  for (;;) {
    try {
      last = await look();
      if (last) return last;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      last = error;
    }
    if (Date.now() > end)
      throw new Deadline(
        `${what}: not within ${ms * SLOW} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

/** `promise`, or a Deadline. */
export function within(what, promise, ms = 10000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Deadline(`${what}: not within ${ms * SLOW} ms`)), ms * SLOW);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Items that arrive, and a way to wait for one. */
export class Inbox {
  constructor(name) {
    this.name = name;
    this.items = [];
    this.closed = null;
    this._wake = [];
  }

  push(item) {
    this.items.push(item);
    this._wake.splice(0).forEach((f) => f());
  }

  close(reason) {
    this.closed ??= reason ?? 'closed';
    this._wake.splice(0).forEach((f) => f());
  }

  /** The first item from index `from` on that fits; items stay. */
  async find(fits, { ms = 10000, from = 0, what = String(fits) } = {}) {
    const end = Date.now() + ms * SLOW;
    for (let i = from; ; ) {
      for (; i < this.items.length; i++) if (fits(this.items[i])) return this.items[i];
      if (this.closed !== null) throw new Error(`${this.name} ended (${this.closed}) before: ${what}`);
      const left = end - Date.now();
      if (left <= 0)
        throw new Deadline(`${this.name}: ${what} did not come; last: ${JSON.stringify(this.items.slice(-3))}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this._wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

// ---- processes ---------------------------------------------------------------------------------------------------

/**
 * What a whole file of tests has set up: pass it where a test's `t` goes (withHost, startXvfb …). It is undone behind
 * the last test, last first; one step that fails (a host that ended badly) does not leave the rest standing, because
 * what still runs keeps this process from ending.
 */
export function forFile() {
  const steps = [];
  after(async () => {
    const failures = [];
    for (const step of steps.reverse())
      await Promise.resolve()
        .then(step)
        .catch((error) => failures.push(error));
    if (failures.length) throw failures[0];
  });
  return { after: (step) => steps.push(step) };
}

// What a failed test left open (a server, a socket) must not keep the whole run waiting.
after(() => {
  setTimeout(() => {
    console.error(
      `${path.basename(process.argv[1] ?? '')}: still open a minute after the last test: ${process.getActiveResourcesInfo().join(' ')}`,
    );
    process.exit(1);
  }, 60000 * SLOW).unref();
});

const running = new Set();
// When a hook fails, node --test leaves out the ones behind it: what they would have stopped must not keep this process
// alive, nor outlive it.
process.on('exit', () => running.forEach((program) => program.child.kill('SIGKILL')));

/** A program with its output as lines. It ends with this process at the latest. */
export class Program {
  constructor(argv, { env = {}, name = path.basename(argv[0]), cwd = ROOT } = {}) {
    this.name = name;
    this.out = new Inbox(name);
    this.text = '';
    this.child = spawn(argv[0], argv.slice(1), {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let rest = '';
    const take = (chunk) => {
      this.text = (this.text + chunk).slice(-400000);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      lines.forEach((line) => this.out.push(line));
    };
    this.child.stdout.setEncoding('utf8').on('data', take);
    this.child.stderr.setEncoding('utf8').on('data', take);
    this.exited = new Promise((resolve) => {
      this.child.on('error', (error) => resolve({ code: null, signal: null, error }));
      this.child.on('close', (code, signal) => resolve({ code, signal }));
    });
    running.add(this);
    for (const handle of [this.child, ...this.child.stdio]) handle.unref();
    this.exited.then((how) => {
      running.delete(this);
      if (rest) this.out.push(rest);
      this.how = how;
      this.out.close(
        `exit code ${how.code}, signal ${how.signal}${how.error ? `, ${how.error.message}` : ''}\n${this.text.slice(-3000)}`,
      );
    });
  }

  get pid() {
    return this.child.pid;
  }

  line(fits, options) {
    return this.out.find((l) => (fits instanceof RegExp ? fits.test(l) : l.includes(fits)), {
      what: `a line like ${fits}`,
      ...options,
    });
  }

  /** SIGTERM; must end by itself within `ms`. */
  async stop(ms = 5000) {
    if (!this.how) this.child.kill('SIGTERM');
    try {
      return await within(`${this.name} to stop`, this.exited, ms);
    } catch (error) {
      this.child.kill('SIGKILL');
      throw error;
    }
  }

  async kill() {
    if (!this.how) this.child.kill('SIGKILL');
    await within(`${this.name} to be killed`, this.exited);
  }
}

export function scratch(prefix = 'tb-') {
  return mkdtempSync(path.join(os.tmpdir(), prefix));
}

/**
 * A certificate made by openssl: {cert, key} are files (PEM). `by`: another one that signs it (its own otherwise); `days`
 * may be negative.
 */
export function certificate(
  folder,
  name = 'localhost',
  { by, days = 30, ca = false, names = 'DNS:localhost,IP:127.0.0.1' } = {},
) {
  const at = (what) => path.join(folder, `${name}.${what}`);
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
  const ext = ca ? 'basicConstraints=critical,CA:TRUE' : `subjectAltName=${names}`;
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', at('key'));
  chmodSync(at('key'), 0o600);
  openssl('req', '-new', '-key', at('key'), '-subj', `/CN=${name}`, '-out', at('csr'));
  writeFileSync(at('ext'), `${ext}\n`);
  const signer = by ? ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial'] : ['-signkey', at('key')];
  const args = ['x509', '-req', '-in', at('csr'), ...signer, '-extfile', at('ext'), '-days', String(days)];
  openssl(...args, '-out', at('cert'));
  return { cert: at('cert'), key: at('key') };
}

/** For a daemon's configuration: with TESTBED_TLS=1 every test's daemons speak TLS that does not say more. */
export const tls = (folder) => (process.env.TESTBED_TLS ? { tls: certificate(folder) } : {});

/** A port nobody listens on now. For programs that cannot be asked which port they got. */
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * How many connections the daemon at this URL has: those it accepted (one that waits in the kernel has no inode yet)
 * and neither side has closed. The kernel's list is read in pieces while it changes: a row may be there twice, or be
 * missed once.
 */
export function held(base) {
  const port = `:${Number(new URL(base).port).toString(16).toUpperCase().padStart(4, '0')}`;
  return new Set(
    readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((field) => field[1]?.endsWith(port) && field[3] === '01' && field[9] !== '0')
      .map((field) => field[9]),
  ).size;
}

// ---- HTTP ----------------------------------------------------------------------------------------------------------

/**
 * One request. `json` or `body` (string, Buffer, stream) goes up; the answer is {status, headers, body: Buffer, text,
 * json}. With `stream` the answer comes as soon as its headers did: {status, headers, stream}.
 */
export function request(base, method, target, { json, body, headers = {}, stream = false, agent, ms = 20000 } = {}) {
  const url = new URL(base);
  const all = { ...headers };
  if (json !== undefined) {
    body = JSON.stringify(json);
    all['Content-Type'] ??= 'application/json';
  }
  if (typeof body === 'string' || Buffer.isBuffer(body)) all['Content-Length'] ??= Buffer.byteLength(body);
  const promise = new Promise((resolve, reject) => {
    const req = (url.protocol === 'https:' ? https : http).request(
      {
        host: url.hostname,
        port: url.port,
        method,
        path: target,
        headers: all,
        agent: agent ?? false,
        rejectUnauthorized: false,
      },
      (res) => {
        const answer = { status: res.statusCode, headers: res.headers, req };
        if (stream) return resolve({ ...answer, stream: res });
        const chunks = [];
        res.on('data', (c) => chunks.push(c));
        res.on('error', reject);
        res.on('aborted', () => reject(new Error(`${method} ${target}: the answer was cut`)));
        res.on('end', () => {
          answer.body = Buffer.concat(chunks);
          answer.text = answer.body.toString();
          try {
            answer.json = JSON.parse(answer.text);
          } catch {
            /* not JSON */
          }
          resolve(answer);
        });
      },
    );
    req.on('error', reject);
    if (body && typeof body.pipe === 'function') body.pipe(req);
    else req.end(body);
  });
  return within(`${method} ${target}`, promise, ms);
}

/**
 * Asserts a problem+json answer of this status that says something. `want`: {field, detail}, or the field (a string),
 * or the detail (a pattern).
 */
export function assertProblem(answer, status, want = {}) {
  const { field, detail } =
    typeof want === 'string' ? { field: want } : want instanceof RegExp ? { detail: want } : want;
  assert.equal(answer.status, status, `expected ${status}, got ${answer.status}: ${answer.text}`);
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/);
  assert.equal(answer.json.status, status);
  assert.ok(answer.json.title, 'a title');
  assert.ok(answer.json.type, 'a type');
  assert.match(answer.json.detail ?? '', /\S+\s+\S+\s+\S+/, `says what and where: ${answer.text}`);
  assert.ok(answer.headers['x-request-id'], 'a request id');
  if (field) assert.equal(answer.json.field, field, answer.text);
  if (detail) assert.match(answer.json.detail, detail);
}

/**
 * Looks over the shoulder of a host or server: what its OpenAPI document does not list among the answers of an
 * operation, and it gave.
 * `findings()` ends it; `seen` counts the refusals that were looked up.
 */
export function documented(daemon, document) {
  const templates = Object.entries(document.paths)
    .map(([where, item]) => ({
      item,
      where,
      pattern: new RegExp(`^${where.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
      fixed: where.split('/').filter((s) => !s.startsWith('{')).length,
    }))
    .sort((a, b) => b.fixed - a.fixed);
  const asked = daemon.request.bind(daemon);
  const found = new Set();
  const watch = {
    seen: 0,
    findings: () => {
      delete daemon.request;
      return [...found].sort();
    },
  };
  daemon.request = async (method, target, options) => {
    const answer = await asked(method, target, options);
    const hit = templates.find((t) => t.pattern.test(String(target).split('?')[0]) && t.item[method.toLowerCase()]);
    if (hit) {
      if (answer.status >= 400) watch.seen++;
      if (!hit.item[method.toLowerCase()].responses[answer.status])
        found.add(`${method} ${hit.where}: ${answer.status}`);
    }
    return answer;
  };
  return watch;
}

/** Server-Sent Events as an inbox of {id, event, data (parsed)}. */
export async function sse(base, target, { headers = {} } = {}) {
  const answer = await request(base, 'GET', target, {
    headers: { Accept: 'text/event-stream', ...headers },
    stream: true,
  });
  if (answer.status !== 200) {
    const chunks = [];
    for await (const c of answer.stream) chunks.push(c);
    throw new Error(`GET ${target}: ${answer.status} ${Buffer.concat(chunks)}`);
  }
  const inbox = new Inbox(`events of ${target}`);
  let buffer = '';
  answer.stream.setEncoding('utf8');
  answer.stream.on('data', (chunk) => {
    buffer += chunk;
    for (let end = buffer.indexOf('\n\n'); end >= 0; end = buffer.indexOf('\n\n')) {
      const block = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      const event = { id: undefined, event: undefined, data: [] };
      for (const line of block.split('\n')) {
        if (line.startsWith('id: ')) event.id = line.slice(4);
        else if (line.startsWith('event: ')) event.event = line.slice(7);
        else if (line.startsWith('data: ')) event.data.push(line.slice(6));
      }
      if (event.data.length) inbox.push({ ...event, data: JSON.parse(event.data.join('\n')) });
    }
  });
  answer.stream.on('error', () => inbox.close('error'));
  answer.stream.on('close', () => inbox.close('end'));
  inbox.stop = () => answer.req.destroy();
  return inbox;
}

/** A WebSocket with an inbox: binary messages as Buffer, text ones parsed when they are JSON. */
export async function websocket(base, target, { headers = {}, protocols = [] } = {}) {
  const url = new URL(target, base.replace(/^http/, 'ws'));
  const ws = new WebSocket(url, protocols, { headers, perMessageDeflate: false, rejectUnauthorized: false });
  const inbox = new Inbox(`WebSocket ${target}`);
  ws.on('message', (data, binary) => {
    let item = data;
    if (!binary)
      try {
        item = JSON.parse(data.toString());
      } catch {
        item = data.toString();
      }
    inbox.push(item);
  });
  ws.on('close', (code, reason) => {
    inbox.code = code;
    inbox.reason = String(reason);
    inbox.close(`close ${code} ${reason}`);
  });
  const opened = new Promise((resolve, reject) => {
    ws.on('open', resolve);
    ws.on('error', reject);
    ws.on('unexpected-response', (req, res) => {
      const chunks = [];
      res.on('data', (c) => chunks.push(c));
      res.on('end', () => {
        const error = new Error(`no upgrade: ${res.statusCode}`);
        error.status = res.statusCode;
        error.headers = res.headers;
        error.text = Buffer.concat(chunks).toString();
        reject(error);
      });
    });
  });
  await within(`WebSocket ${target} to open`, opened);
  inbox.ws = ws;
  inbox.send = (message) =>
    ws.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
  /** All binary messages so far, as one buffer. */
  inbox.bytes = () => Buffer.concat(inbox.items.filter(Buffer.isBuffer));
  inbox.stop = () =>
    new Promise((resolve) => {
      if (ws.readyState === WebSocket.CLOSED) return resolve();
      ws.once('close', resolve);
      ws.close();
      setTimeout(() => ws.terminate(), 2000 * SLOW).unref();
    });
  /** A command over /host/ws; resolves with its acknowledgement. */
  let next = 1;
  inbox.command = (device, verb, params, more = {}) => {
    const id = next++;
    inbox.send({ id, device, verb, params, ...more });
    return inbox.find((m) => m.id === id && 'ok' in m, { what: `the answer to ${verb}`, ms: 20000 });
  };
  return inbox;
}

/** A child process by its name: its id; 0: none. */
export function childOf(pid, name = 'testbed-media') {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const [, comm, state, parent] = /\((.*)\) (\S) (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'));
      if (comm === name && Number(parent) === pid && state !== 'Z') return Number(entry);
    } catch {
      /* it has ended meanwhile */
    }
  }
  return 0;
}

// ---- the host
// --------------------------------------------------------------------------------------------------------

/** testbed-host on a free port with a generated configuration. */
export class Host {
  static async start(config = {}, { state, env = {}, args = [], wrap = [] } = {}) {
    const host = new Host();
    host.ownState = !state;
    host.state = state ?? scratch('tb-host-');
    host.config = {
      name: 'bench',
      address: '127.0.0.1',
      port: 0,
      vnc: { port: 0 },
      novnc: { port: 0 },
      discovery: false, // nobody's network is asked by a test
      devices: {},
      ...tls(host.state),
      ...config,
    };
    const file = path.join(host.state, 'host.yaml');
    writeFileSync(file, JSON.stringify(host.config, null, 2)); // YAML holds JSON
    const binary = path.join(BUILD, 'testbed-host');
    assert.ok(existsSync(binary), `${binary} is not built`);
    const clean = {
      HOST_NAME: '',
      HOST_PORT: '',
      HOST_URL: '',
      PORT: '',
      RENDER_EXTERNAL_URL: '',
      SERVER_URL: '',
      TESTBED_TOKEN: '',
      STATE_DIRECTORY: '',
    };
    for (const name of Object.keys(clean)) delete process.env[name];
    host.program = new Program([...wrap, binary, '--config', file, '--state-dir', host.state, ...args], {
      env,
      name: 'testbed-host',
    });
    try {
      const line = await host.program.line(/\burl=/, { ms: 20000, what: 'the line with url=' });
      host.url = /\burl="?(https?:\/\/[^\s"]+?)\/?"?(\s|$)/.exec(line)[1];
    } catch (error) {
      await host.program.kill();
      throw error;
    }
    return host;
  }

  get pid() {
    return this.program.pid;
  }

  request(method, target, options) {
    return request(this.url, method, target, options);
  }
  get(target, options) {
    return this.request('GET', target, options);
  }
  post(target, json, options) {
    return this.request('POST', target, { json, ...options });
  }
  put(target, json, options) {
    return this.request('PUT', target, { json, ...options });
  }
  patch(target, json, options) {
    return this.request('PATCH', target, { json, ...options });
  }
  delete(target, options) {
    return this.request('DELETE', target, options);
  }
  sse(target, options) {
    return sse(this.url, target, options);
  }
  websocket(target, options) {
    return websocket(this.url, target, options);
  }

  /** Waits until an interface ("board/power") is in a state. */
  state_is(id, state = 'ready', ms = 15000) {
    const [device, name] = id.split('/');
    return until(
      `${id} to be ${state}`,
      async () => {
        const { json } = await this.get(`/host/devices/${device}`);
        const iface = json?.interfaces?.find((i) => i.name === name);
        if (iface?.state === state) return iface;
        throw new Error(`${id} is ${iface?.state}: ${iface?.reason}`);
      },
      ms,
    );
  }

  /** SIGTERM: exit 0 within 5 s (longer under a sanitizer), no sanitizer report. */
  async stop({ keepState = false } = {}) {
    const how = await this.program.stop();
    assert.deepEqual(
      { code: how.code, signal: how.signal },
      { code: 0, signal: null },
      `testbed-host ended badly:\n${this.program.text.slice(-6000)}`,
    );
    if (!keepState) rmSync(this.state, { recursive: true, force: true });
  }

  async kill() {
    await this.program.kill();
  }
}

/** Starts a host for one test and stops it behind it, whatever happened. */
export async function withHost(t, config, options) {
  const host = await Host.start(config, options);
  t.after(async () => {
    if (!host.program.how) await host.stop();
  });
  return host;
}

/** A host whose disk stands still, in `dir` of its state folder and below, between stall.begin() and stall.end(). */
export async function withStall(
  t,
  config = {},
  { dir = '.', stalled = false, env = {}, state = scratch('tb-disk-') } = {},
) {
  const file = path.join(scratch('tb-stall-'), 'stall');
  const stall = { begin: () => writeFileSync(file, ''), end: () => rmSync(file, { force: true }) };
  if (stalled) stall.begin();
  const host = await withHost(t, config, {
    state,
    env: {
      ...env,
      LD_PRELOAD: path.join(BUILD, 'preload/stalldisk.so'),
      STALL: file,
      STALL_DIR: path.join(state, dir),
      ASAN_OPTIONS: `${process.env.ASAN_OPTIONS || ''}:verify_asan_link_order=0`,
    },
  });
  t.after(stall.end);
  return { host, state, stall };
}

/** The token of a link that the server made: it stands in the fragment. */
export const linkToken = (url, base) => new URL(url, base).hash.match(/[#&]token=([^&]*)/)[1];
