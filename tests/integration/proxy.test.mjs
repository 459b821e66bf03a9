// The examples of docs/DEPLOY.md behind the real nginx and Caddy: pages, events, WebSockets, changes get through, below
// a path; a Host or Origin that does not fit is refused by its name, with what to set.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { before, test } from 'node:test';

import {
  ROOT,
  assertProblem,
  certificate,
  forFile,
  freePort,
  request,
  scratch,
  until,
  websocket,
  withHost,
} from './harness.mjs';

const file = forFile();
const TOKEN = 'a-token-for-proxies-0123456789';
const bearer = { Authorization: `Bearer ${TOKEN}` };
const text = readFileSync(path.join(ROOT, 'docs/DEPLOY.md'), 'utf8');
const section = text.slice(text.indexOf('## A bench behind a proxy'));
const example = (kind) => section.match(new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``))[1];
let host;

before(async () => {
  host = await withHost(file, {
    url: 'https://bench.example.org',
    tokens: [{ name: 'anna', role: 'operator', token: TOKEN }],
    devices: { plug: { attach: 'exec://?power_on=["true"]&power_off=["true"]&console=["cat"]' } },
  });
});

/** Starts a proxy by an example with other ports, with TLS and HTTP/2 if `secure`; {base, origin}. */
async function proxy(kind, { change = (s) => s, secure = false } = {}) {
  const folder = scratch(`tb-${kind}-`);
  const port = await freePort();
  const own = new URL(host.url).port;
  const config = change(example(kind).replaceAll('127.0.0.1:6109', `127.0.0.1:${own}`));
  const { cert, key } = secure ? certificate(folder) : {};
  let argv;
  if (kind === 'nginx') {
    mkdirSync(`${folder}/tmp`);
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${folder}/tmp/${n};`);
    writeFileSync(
      `${folder}/conf`,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events {}\nhttp { access_log off; ${temp.join(' ')}\n${config.replace('listen 80;', `listen 127.0.0.1:${port}${secure ? ` ssl http2; ssl_certificate ${cert}; ssl_certificate_key ${key}` : ''};`)}}`,
    );
    argv = ['nginx', '-p', folder, '-e', 'stderr', '-c', `${folder}/conf`];
  } else {
    writeFileSync(
      `${folder}/conf`,
      `{\nadmin off\nauto_https off\n}\n${config.replace(':80 {', secure ? `https://127.0.0.1:${port} {\ntls ${cert} ${key}` : `http://127.0.0.1:${port} {`)}`,
    );
    argv = ['caddy', 'run', '--adapter', 'caddyfile', '--config', `${folder}/conf`];
  }
  const child = spawn(argv[0], argv.slice(1), {
    stdio: 'ignore',
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder },
  });
  child.unref();
  file.after(() => child.kill('SIGKILL'));
  const origin = `http${secure ? 's' : ''}://127.0.0.1:${port}`;
  await until(`${kind} to listen`, () => request(origin, 'GET', '/').then(() => true));
  return { base: `${origin}/bench`, origin };
}

for (const kind of ['nginx', 'caddyfile'])
  test(`${kind}: the example of docs/DEPLOY.md`, async () => {
    const { base, origin } = await proxy(kind);
    const page = await request(origin, 'GET', '/bench/', { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(page.status, 200);
    assert.equal((await request(origin, 'GET', '/bench/app/main.js')).status, 200);
    const headers = { ...bearer, Origin: origin, 'Sec-Fetch-Site': 'same-origin' };
    const events = await websocket(origin, `/bench/host/events?access_token=${TOKEN}`, { headers: { Origin: origin } });
    const consoleWs = await websocket(origin, `/bench/host/devices/plug/console?access_token=${TOKEN}`, {
      headers: { Origin: origin },
    });
    const on = await request(origin, 'PUT', '/bench/host/devices/plug/power', { json: { state: 'on' }, headers });
    assert.equal(on.status, 200, on.text);
    await events.find((e) => e.type === 'command');
    consoleWs.send(Buffer.from('hello\n'));
    await until('the echo', () => consoleWs.bytes().toString().includes('hello'));
    await Promise.all([events.stop(), consoleWs.stop()]);
    assert.ok(base.endsWith('/bench'));
  });

const STREAMS = 30; // at once on one connection: HTTP/1.1 gives a browser six

for (const kind of ['nginx', 'caddyfile'])
  test(`${kind} with HTTP/2 in front: many streams on one connection, what they say comes at once, WebSockets beside`, async (t) => {
    const { origin } = await proxy(kind, { secure: true });
    const client = http2.connect(origin, { rejectUnauthorized: false });
    t.after(() => client.destroy());
    const open = (target, more = {}) => {
      const stream = client.request({ ':path': `/bench${target}`, authorization: bearer.Authorization, ...more });
      stream.text = '';
      stream.on('response', (h) => Object.assign(stream, { status: h[':status'] }));
      stream.on('data', (chunk) => (stream.text += chunk));
      return stream;
    };
    const streams = Array.from({ length: STREAMS }, () => open('/host/events', { accept: 'text/event-stream' }));
    await until('all streams', () => streams.every((s) => s.status === 200));
    const info = open('/host/info');
    await until('an answer beside them', () => info.status === 200);
    const socket = await websocket(origin, `/bench/host/devices/plug/console?access_token=${TOKEN}`, {
      headers: { Origin: origin },
    });
    const put = open('/host/devices/plug/power', {
      ':method': 'PUT',
      'content-type': 'application/json',
      origin: origin,
      'sec-fetch-site': 'same-origin',
    });
    put.end('{"state": "off"}');
    await until('the change', () => put.status === 200);
    await until('the change in every stream', () => streams.every((s) => s.text.includes('"power.set"')));
    socket.send(Buffer.from('hello\n'));
    await until('the echo', () => socket.bytes().toString().includes('hello'));
    await socket.stop();
  });

test('a proxy that leaves the port out of Host: refused by both names, with what to set, also where no WebSocket opens', async () => {
  const { origin } = await proxy('nginx', { change: (s) => s.replace('$http_host', '$host') });
  const headers = { ...bearer, Origin: origin };
  for (const answer of [
    await request(origin, 'POST', '/bench/host/ping', { headers }),
    await request(origin, 'PUT', '/bench/host/devices/plug/power', { json: { state: 'on' }, headers }),
  ])
    assertProblem(answer, 403, {
      detail: new RegExp(
        `of ${origin.replaceAll('.', '\\.')} \\(Origin\\).*names 127\\.0\\.0\\.1 \\(Host\\).*\\$http_host.*"url: ${origin.replaceAll('.', '\\.')}"`,
      ),
    });
});

test("url: its origin is ours, whatever Host says; a name that is nobody's is refused by it", async () => {
  const ours = { ...bearer, Origin: 'https://bench.example.org' };
  assert.equal((await request(host.url, 'POST', '/host/ping', { headers: ours })).status, 204);
  const other = { ...bearer, Origin: 'https://bench.example.org:8443' };
  assertProblem(await request(host.url, 'POST', '/host/ping', { headers: other }), 403, {
    detail: /bench\.example\.org:8443/,
  });
  assertProblem(await request(host.url, 'GET', '/host/info', { headers: { ...bearer, Host: 'evil.example' } }), 421, {
    detail: /Host header.*evil\.example.*url: http:\/\/evil\.example/,
  });
});
