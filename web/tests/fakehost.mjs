// A FAKE host for the pages' own tests: the real daemon is tested elsewhere (tests/e2e). It answers the routes that
// the console uses from memory, with the static files of web/ under the content security policy of the product.
// No packages: node:http and a WebSocket server of its own. Also started by hand: node tests/fakehost.mjs [port]
// [prefix]

import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { bench, mountState, OPENAPI, STREAMS, switchPort, usbTree } from './fake-bench.mjs';
import { png, SCREENS } from './fake-pictures.mjs';
import { Socket } from './fake-socket.mjs';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const MADE = fileURLToPath(new URL('../../build/pages/', import.meta.url));
const VENDOR = JSON.parse(readFileSync(join(WEB, 'vendor.json'), 'utf8'));
const CSP =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'; form-action 'self'";
const LOG = Array.from({ length: 30 }, (_, k) => ({
  offset: k * 80,
  t: Date.now() - (30 - k) * 1000,
  text: `I ActivityManager: Start proc ${1000 + k}:org.example.camera/u0a${k} for activity`,
}));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** What `make` made of web/ (one script in place of sixty), unless something in web/ is younger: as the host serves it. */
function pagesOfTree() {
  const youngest = (dir) =>
    Math.max(
      ...readdirSync(dir, { withFileTypes: true })
        .filter((e) => !e.name.startsWith('.') && !['node_modules', 'tests'].includes(e.name))
        .map((e) => (e.isDirectory() ? youngest(join(dir, e.name)) : statSync(join(dir, e.name)).mtimeMs)),
    );
  try {
    return statSync(join(MADE, '.made')).mtimeMs >= youngest(WEB) ? MADE : WEB;
  } catch {
    return WEB; // never made
  }
}

/**
 * {url, port, close(), calls: [method path body], emit(event), drop()}; `prefix`: served below it, as behind a proxy;
 * `source`: the modules of web/ as they lie there.
 */
export async function startFakeHost({ port = 0, prefix = '/', token = null, tick = 500, source = false } = {}) {
  const pages = source ? WEB : pagesOfTree();
  const devices = bench();
  const gpio = [
    { line: 'boot', direction: 'out', on: false, pin: '17' },
    { line: 'button', direction: 'in', on: false, pin: 'GPIO4' },
  ];
  const usb = usbTree();
  const power = {
    'board/power': {
      commanded: 'on',
      observed: 'on',
      watts: 3.2,
      volts: 230.1,
      amps: 0.03,
      at: new Date().toISOString(),
    },
    'rack-pi/power': { commanded: 'on', observed: 'unknown', at: null },
  };
  const calls = [];
  const log = [];
  const sse = new Set();
  const readers = new Set(); // of events, by WebSocket
  const sockets = new Set();
  let eventId = 100;
  let turn = 0;
  const secrets = {};
  let history = Buffer.from(
    '\r\n\r\nU-Boot 2023.01+dfsg-2+deb12u1 (fake)\r\n\r\nCPU:   QEMU Virtual CPU version 2.5+\r\nDRAM:  128 MiB\r\nCore:  20 devices, 12 uclasses, devicetree: separate\r\nLoading Environment from nowhere... OK\r\nModel: QEMU x86 (I440FX)\r\nNet:   e1000: 52:54:00:12:34:56\r\n\x1b[32mHit any key to stop autoboot:\x1b[0m  0\r\n=> ',
  );
  const terms = new Set();

  function emit(type, device, iface, data = {}) {
    const event = {
      id: ++eventId,
      t: Date.now(),
      type,
      ...(device ? { device } : {}),
      ...(iface ? { interface: iface } : {}),
      data,
    };
    log.push(event);
    for (const res of sse) res.write(`id: ${event.id}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`);
    for (const s of readers) s.send(JSON.stringify(event));
  }
  emit('server.connected', null, null, { url: 'http://127.0.0.1:5109' });
  emit('interface.state', 'rack-pi', 'power', {
    state: 'fault',
    reason: 'the plug at 192.0.2.9 does not answer (timeout after 5 s)',
  });
  emit('lease.taken', 'desktop', null, { holder: 'anna', note: 'release tests' });
  emit('command', 'board', 'power', { verb: 'power.set', user: 'local', via: 'rest', ok: true });
  emit('power.state', 'board', 'power', { commanded: 'on', observed: 'on', watts: 3.2 });

  function say(bytes) {
    history = Buffer.concat([history, bytes]);
    for (const t of terms) t.send(bytes);
  }
  function sample(device) {
    turn += 1;
    return Object.fromEntries(
      Object.entries(STREAMS[device] ?? {}).map(([name, [quantity, unit, base]], k) => [
        name,
        {
          t: Date.now(),
          seq: turn,
          quantity,
          unit,
          value: base * (1 + 0.06 * Math.sin(turn / 9 + k) + 0.01 * Math.sin(turn * 1.7)),
        },
      ]),
    );
  }
  /** Two minutes, a sample a second. */
  function past(device) {
    const t = Array.from({ length: 120 }, (_, i) => Date.now() - (120 - i) * 1000);
    return Object.fromEntries(
      Object.entries(STREAMS[device] ?? {}).map(([name, [quantity, unit, base]]) => [
        name,
        { quantity, unit, t, value: t.map((at) => base * (1 + 0.05 * Math.sin(at / 7000))) },
      ]),
    );
  }
  const timer = setInterval(() => {
    for (const s of sockets)
      if (s.sensorsOf)
        for (const [stream, v] of Object.entries(sample(s.sensorsOf)))
          s.send(JSON.stringify({ type: 'sample', stream, ...v }));
  }, tick);

  function problem(res, status, title, detail, extra = {}) {
    res.writeHead(status, {
      'Content-Type': 'application/problem+json',
      ...(status === 429 ? { 'Retry-After': '1' } : {}),
    });
    res.end(JSON.stringify({ type: 'about:blank', title, status, detail, ...extra }));
  }
  function json(res, body, status = 200) {
    res.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    res.end(JSON.stringify(body));
  }
  function mayControl(req, res, id) {
    const lease = devices[id]?.lease;
    if (!lease || (req.headers['x-lease'] && req.headers['x-lease'] === secrets[id])) return true;
    problem(res, 423, 'Locked', `${id} is leased by ${lease.holder}`, {
      holder: lease.holder,
      expires_at: lease.expires_at,
    });
    return false;
  }
  function setPower(id, state) {
    const p = (power[`${id}/power`] = {
      ...power[`${id}/power`],
      commanded: state,
      observed: state,
      watts: state === 'on' ? 3.2 : 0.1,
      at: new Date().toISOString(),
    });
    emit('command', id, 'power', { verb: 'power.set', user: 'local', via: 'ws', ok: true });
    emit('power.state', id, 'power', p);
    if (state === 'on') say(Buffer.from('\r\n\r\nU-Boot 2023.01 (fake)\r\n=> '));
    return p;
  }
  const mount = mountState();
  function onMount(id, op, params) {
    if (op === 'goto') {
      mount.target = { name: params.target ?? null, ra_hours: params.ra_hours, dec_deg: params.dec_deg };
      mount.doings = [{ what: 'goto', state: 'working', under_way: true, for_s: 0 }];
    } else if (op === 'stop') mount.doings = [];
    else if (op === 'gain') mount.gain = params.gain;
    else if (op === 'focus') mount.focus = { position: params.position ?? mount.focus.position + (params.step ?? 0) };
    emit('mount.state', id, 'mount', mount);
  }
  function picture(id) {
    const s = SCREENS[id];
    return s ? png(s.w, s.h, s.pixel(Math.floor(Date.now() / 1000))) : null;
  }

  async function api(req, res, url, body) {
    const path = url.pathname.slice(prefix.length - 1);
    const m = path.match(/^\/host\/devices\/([^/]+)(?:\/([^/]+))?(?:\/(.*))?$/);
    if (path === '/host/health')
      return json(res, {
        status: 'healthy',
        host_name: 'lab-1',
        version: '0.1.0',
        uptime_s: 4211,
        services: { host: 'running' },
      });
    if (path === '/host/info') return json(res, { version: '0.1.0', host_name: 'lab-1', user: 'local', role: 'admin' });
    if (path === '/host/devices' && req.method === 'GET') return json(res, Object.values(devices));
    if (path === '/host/devices' && req.method === 'POST') {
      const d = JSON.parse(body);
      if (devices[d.id]) return problem(res, 409, 'Conflict', `there is a device “${d.id}” already`, { field: 'id' });
      devices[d.id] = {
        id: d.id,
        label: d.label ?? d.id,
        state: 'opening',
        lease: null,
        interfaces: [{ name: 'console', kind: 'console', driver: 'serial', uri: d.attach[0], state: 'opening' }],
      };
      emit('device.added', d.id, null, {});
      return json(res, devices[d.id], 201);
    }
    if (path === '/host/events') {
      res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      const after = Number(req.headers['last-event-id'] ?? 0);
      for (const e of log.filter((x) => x.id > after))
        res.write(`id: ${e.id}\nevent: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`);
      res.write(': hello\n\n');
      sse.add(res);
      res.on('close', () => sse.delete(res));
      return undefined;
    }
    if (path === '/host/openapi.json') return json(res, OPENAPI);
    if (path === '/host/drivers')
      return json(res, [
        {
          name: 'qemu',
          kinds: ['power', 'console', 'video', 'input'],
          summary: 'Runs a machine in QEMU',
          example: 'qemu:///path/to/rom',
        },
        {
          name: 'serial',
          kinds: ['console'],
          summary: 'A serial port of this machine',
          example: 'serial:///dev/ttyUSB0?baud=115200',
        },
        {
          name: 'shelly',
          kinds: ['power', 'sensors'],
          summary: 'Shelly plugs, first and later generations',
          example: 'shelly://192.0.2.7',
        },
      ]);
    if (path === '/host/resources')
      return json(res, [
        {
          uri: 'serial:///dev/serial/by-id/usb-Silicon_Labs_CP2102_0001-if00-port0',
          label: 'CP2102 USB to UART',
          why: 'a serial port that no device uses',
          driver: 'serial',
        },
        {
          uri: 'v4l2:///dev/video0',
          label: 'HDMI capture',
          why: 'a camera that can stream YUYV 1280×720',
          driver: 'v4l2',
          properties: { kind: 'video' },
        },
        {
          uri: 'shelly://192.0.2.7',
          label: 'Shelly Plus1PM, shellyplus1pm-a8032ab12345',
          why: 'a Shelly announces itself by mDNS as shellyplus1pm-a8032ab12345.local',
          driver: 'shelly',
          properties: { kind: 'power', found_by: 'mdns', address: '192.0.2.7' },
        },
      ]);
    if (path === '/host/phones') return json(res, []);
    if (path === '/host/clips') return json(res, []);
    if (path === '/host/uplink') return json(res, { to: null, clips: {} });
    if (path === '/host/rules')
      return json(res, [
        {
          name: 'moves',
          device: 'board',
          enabled: true,
          dry_run: false,
          when: { stream: 'video.motion', above: 0.02, samples: 2 },
          then: [{ verb: 'recording.clip', params: { pre_s: 10 } }, { notify: 'the screen moves' }],
          state: {
            on: false,
            value: 0.31,
            fired: 2,
            held: 0,
            fired_at: 1700000000000,
            cool_until: null,
            trouble: null,
          },
          configured: false,
        },
      ]);
    if (path === '/host/usb') return json(res, usb);
    const port = path.match(/^\/host\/usb\/([^/]+)\/power$/);
    if (port && req.method === 'PUT') {
      const state = switchPort(usb.buses, port[1], JSON.parse(body).state);
      if (!state) return problem(res, 404, 'Not Found', `there is no USB port ${port[1]}`);
      emit('usb.power', null, null, state);
      return json(res, state);
    }
    if (!m) return problem(res, 404, 'Not Found', `no route ${req.method} ${path}`);
    const [, id, iface, rest] = m.map((x) => (x === undefined ? x : decodeURIComponent(x)));
    const device = devices[id];
    if (!device) return problem(res, 404, 'Not Found', `no device “${id}”`);
    if (!iface) {
      if (req.method === 'DELETE') {
        delete devices[id];
        emit('device.removed', id);
        res.writeHead(204).end();
        return undefined;
      }
      return json(res, device);
    }
    if (iface === 'recording')
      return json(res, {
        mode: 'armed',
        pre_s: 30,
        memory: { bytes: 1, ms: 1 },
        trouble: null,
        stopped: null,
        bytes: 0,
        spans: [],
      });
    if (iface === 'lease') {
      if (req.method === 'POST') {
        if (device.lease && Date.parse(device.lease.expires_at) > Date.now())
          return problem(res, 423, 'Locked', `${id} is leased by ${device.lease.holder}`, {
            holder: device.lease.holder,
            expires_at: device.lease.expires_at,
          });
        const { ttl_s, note } = JSON.parse(body);
        secrets[id] = `secret-${id}-${eventId}`;
        device.lease = {
          holder: 'local',
          note: note ?? null,
          expires_at: new Date(Date.now() + ttl_s * 1000).toISOString(),
        };
        emit('lease.taken', id, null, device.lease);
        return json(res, { lease: secrets[id], holder: 'local', expires_at: device.lease.expires_at }, 201);
      }
      if (req.method === 'PUT') {
        if (req.headers['x-lease'] !== secrets[id]) return problem(res, 423, 'Locked', 'not your lease');
        device.lease.expires_at = new Date(Date.now() + 900000).toISOString();
        return json(res, device.lease);
      }
      emit('lease.ended', id, null, { holder: device.lease?.holder, reason: 'released' });
      device.lease = null;
      delete secrets[id];
      res.writeHead(204).end();
      return undefined;
    }
    const known = device.interfaces.find((x) => x.name === iface);
    if (!known) return problem(res, 404, 'Not Found', `${id} has no interface “${iface}”`);
    if (req.method !== 'GET' && !rest?.startsWith('whep') && !mayControl(req, res, id)) return undefined;
    switch (known.kind) {
      case 'power':
        if (known.state === 'fault') return problem(res, 503, 'Unavailable', known.reason);
        if (req.method === 'PUT') return json(res, setPower(id, JSON.parse(body).state));
        if (rest === 'cycle') {
          setPower(id, 'off');
          return json(res, setPower(id, 'on'));
        }
        return json(res, power[`${id}/power`]);
      case 'mount':
        if (req.method === 'POST') onMount(id, rest, JSON.parse(body || '{}'));
        return json(res, mount);
      case 'video':
        if (/^snapshot\.(png|jpg)$/.test(rest ?? '')) {
          res.writeHead(200, { 'Content-Type': 'image/png', 'Cache-Control': 'no-store' });
          return res.end(picture(id));
        }
        if (rest === 'stream.mjpeg') {
          res.writeHead(200, {
            'Content-Type': 'multipart/x-mixed-replace; boundary=frame',
            'Cache-Control': 'no-store',
          });
          const part = () => {
            const p = picture(id);
            res.write(`--frame\r\nContent-Type: image/png\r\nContent-Length: ${p.length}\r\n\r\n`);
            res.write(p);
            res.write('\r\n');
          };
          part();
          const again = setInterval(part, 500);
          res.on('close', () => clearInterval(again));
          return undefined;
        }
        if (rest === 'whep') return problem(res, 503, 'Unavailable', 'this fake host has no WebRTC');
        return json(res, { width: SCREENS[id]?.w, height: SCREENS[id]?.h, fps: 30, state: 'live', viewers: 1 });
      case 'console':
        return json(res, {
          settings: { baud: 115200, data_bits: 8, parity: 'none', stop_bits: 1, flow: 'none', dtr: true, rts: true },
          start: 0,
          offset: history.length,
          clients: terms.size,
        });
      case 'gpio':
        return json(res, { lines: gpio });
      case 'input':
        return json(res, { accepted: JSON.parse(body).length });
      case 'sensors':
        return json(res, rest === 'history' ? past(id) : sample(id));
      case 'shell':
        return json(res, {
          exit_code: 0,
          stdout: `you ran: ${JSON.parse(body).command}\n`,
          stderr: '',
          duration_ms: 12,
        });
      case 'files': {
        const at = url.searchParams.get('path');
        if (req.method === 'PUT') return json(res, { path: at, size: body.length });
        if (req.method === 'DELETE' || rest === 'rename') return res.writeHead(204).end();
        if (at === '/')
          return json(res, [
            { name: 'sdcard', directory: true, size: 4096, mode: 0o755, mtime: Date.now() },
            { name: 'init.rc', directory: false, size: 5120, mode: 0o644, mtime: Date.now() - 86400000 },
          ]);
        if (at === '/sdcard')
          return json(res, [{ name: 'DCIM', directory: true, size: 4096, mode: 0o755, mtime: Date.now() }]);
        return problem(res, 404, 'Not Found', 'no such file');
      }
      case 'apps':
        return json(res, [
          { package: 'org.example.camera', version: '2.1' },
          { package: 'org.example.settings', version: '14' },
        ]);
      case 'logs':
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        for (const line of LOG) res.write(`id: ${line.offset}\ndata: ${JSON.stringify(line)}\n\n`);
        return undefined;
      default:
        return json(res, {});
    }
  }

  function files(req, res, url) {
    let path = decodeURIComponent(url.pathname.slice(prefix.length));
    if (path === '' || path === 'index.html') path = 'index.html';
    if (path === 'docs') path = 'docs.html';
    const vendor = path.match(/^vendor\/([^/]+)\/(.*)$/);
    if (vendor && VENDOR[vendor[1]]) path = `${VENDOR[vendor[1]]}/${vendor[2]}`;
    const full = normalize(join(pages, path));
    try {
      if (!full.startsWith(pages) || !statSync(full).isFile()) throw new Error('no file');
      res.writeHead(200, {
        'Content-Type': TYPES[extname(full)] ?? 'application/octet-stream',
        'Content-Security-Policy': CSP,
        'X-Content-Type-Options': 'nosniff',
      });
      createReadStream(full).pipe(res);
    } catch {
      problem(res, 404, 'Not Found', `no page ${url.pathname}`);
    }
  }

  const raws = new Set(); // every TCP connection, upgraded ones included: close() must end them all
  const server = createServer(async (req, res) => {
    const url = new URL(req.url, 'http://fake');
    if (!url.pathname.startsWith(prefix)) return problem(res, 404, 'Not Found', `outside of ${prefix}`);
    const parts = [];
    for await (const d of req) parts.push(d);
    const body = Buffer.concat(parts);
    if (!url.pathname.startsWith(`${prefix}host/`)) return files(req, res, url);
    calls.push({
      method: req.method,
      path: url.pathname.slice(prefix.length - 1) + url.search,
      body: body.toString('utf8'),
      lease: req.headers['x-lease'] ?? null,
    });
    if (token && req.headers.authorization !== `Bearer ${token}` && url.searchParams.get('access_token') !== token)
      return problem(res, 401, 'Unauthorized', 'a token is needed');
    try {
      return await api(req, res, url, body.toString('utf8'));
    } catch (error) {
      return problem(res, 500, 'Fake host broke', error.message);
    }
  });
  server.on('upgrade', (req, raw) => {
    const url = new URL(req.url, 'http://fake');
    const path = url.pathname.slice(prefix.length - 1);
    calls.push({ method: 'WS', path: path + url.search, body: '' });
    const offers = (req.headers['sec-websocket-protocol'] ?? '').split(/, */);
    if (token && !offers.includes(`testbed.bearer.${Buffer.from(token).toString('base64url')}`)) {
      raw.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const s = Socket.accept(req, raw, req.headers['sec-websocket-protocol']?.split(',')[0]);
    sockets.add(s);
    s.onclose = () => {
      sockets.delete(s);
      terms.delete(s);
      readers.delete(s);
    };
    const pong = (more = {}) => s.send(JSON.stringify({ type: 'pong', ...more }));
    if (path === '/host/events') {
      const after = Number(url.searchParams.get('last_event_id') ?? 0);
      for (const e of log.filter((x) => x.id > after)) s.send(JSON.stringify(e));
      readers.add(s);
      s.onmessage = () => pong();
    }
    const stream = path.match(/^\/host\/devices\/([^/]+)\/sensors\/stream$/);
    if (stream) {
      s.sensorsOf = stream[1];
      s.onmessage = () => pong();
    }
    if (/\/logs$/.test(path)) {
      const after = Number(url.searchParams.get('last_event_id') ?? -1);
      for (const line of LOG) if (line.offset > after) s.send(JSON.stringify(line));
      s.onmessage = () => pong();
    }
    if (/\/console$/.test(path)) {
      s.send(history.subarray(Number(url.searchParams.get('from') ?? history.length)));
      terms.add(s);
      let line = '';
      let taken = 0;
      s.onmessage = (data, binary) => {
        if (!binary) {
          pong({ taken, end: history.length });
          return;
        }
        taken += data.length;
        for (const c of data.toString('latin1')) {
          calls.push({ method: 'TYPED', path, body: c });
          if (c === '\r') {
            say(
              Buffer.from(
                `\r\n${line === 'version' ? 'U-Boot 2023.01+dfsg-2+deb12u1 (fake)\r\ngcc 12.2.0\r\n' : line ? `Unknown command '${line}' - try 'help'\r\n` : ''}=> `,
              ),
            );
            line = '';
          } else if (c >= ' ') {
            line += c;
            say(Buffer.from(c, 'latin1'));
          }
        }
      };
    }
    if (path === '/host/ws')
      s.onmessage = (text) => {
        const m = JSON.parse(text);
        if (m.type === 'ping') {
          pong();
          return;
        }
        calls.push({ method: 'CMD', path: m.verb ?? 'subscribe', body: text });
        if (!m.verb) return;
        const lease = devices[m.device]?.lease;
        if (lease && m.lease !== secrets[m.device]) {
          s.send(
            JSON.stringify({
              id: m.id,
              ok: false,
              error: { status: 423, title: 'Locked', detail: `${m.device} is leased by ${lease.holder}` },
            }),
          );
          return;
        }
        if (m.verb === 'input.clipboard')
          s.send(
            JSON.stringify(
              m.device === 'board'
                ? { id: m.id, ok: true, result: { text: 'grüß dich' } }
                : { id: m.id, ok: false, error: { status: 501, title: 'Not Implemented', detail: 'out of reach' } },
            ),
          );
        else if (m.verb === 'power.set')
          s.send(JSON.stringify({ id: m.id, ok: true, result: setPower(m.device, m.params.state) }));
        else if (m.verb === 'gpio.set' || m.verb === 'gpio.pulse') {
          const line = gpio.find((l) => l.line === m.params.line);
          line.on = m.verb === 'gpio.set' && m.params.on;
          emit('gpio.state', m.device, 'gpio', { lines: gpio });
          s.send(JSON.stringify({ id: m.id, ok: true, result: { lines: gpio } }));
        } else if (m.verb === 'power.cycle') {
          setPower(m.device, 'off');
          s.send(JSON.stringify({ id: m.id, ok: true, result: setPower(m.device, 'on') }));
        } else if (m.verb.startsWith('mount.')) {
          onMount(m.device, m.verb.slice(6), m.params);
          s.send(JSON.stringify({ id: m.id, ok: true, result: mount }));
        } else s.send(JSON.stringify({ id: m.id, ok: true }));
      };
  });
  server.on('connection', (raw) => {
    raws.add(raw);
    raw.on('close', () => raws.delete(raw));
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: server.address().port,
    url: `http://127.0.0.1:${server.address().port}${prefix}`,
    calls,
    devices,
    gpio,
    emit,
    /** Every board prints that. */
    say: (text) => say(Buffer.from(text)),
    /** Cuts every open connection, as a restart would. */
    drop() {
      for (const s of sockets) s.raw.destroy();
      for (const r of sse) r.destroy();
    },
    close() {
      clearInterval(timer);
      return new Promise((resolve) => {
        server.close(resolve);
        for (const raw of raws) raw.destroy();
      });
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const fake = await startFakeHost({ port: Number(process.argv[2] ?? 0), prefix: process.argv[3] ?? '/' });
  console.log(fake.url);
}
