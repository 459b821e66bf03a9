// Both daemons speak TLS themselves: what works without works with it, with the limits that hold without; and what the
// counterparts of others (openssl s_client, curl, Node) say of it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Duplex, Readable } from 'node:stream';
import { test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';

import {
  BUILD,
  Program,
  SLOW,
  WebSocket,
  assertProblem,
  certificate,
  freePort,
  request,
  scratch,
  until,
  within,
  withHost,
} from './harness.mjs';
import { CHUNK, DATA, HEAD, credit, frame, frames, headOf } from './link.mjs';
import { Rfb } from './rfb-client.mjs';
import { withServer } from './server-harness.mjs';

const run = promisify(execFile);
const TOKEN = 'a-token-of-this-test';
const PATTERN = { attach: ['testpattern:///?width=320&height=240&fps=30'] };

function files(t) {
  const folder = scratch('tb-tls-');
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const port = (daemon) => Number(new URL(daemon.url).port);

/** A handshake that is through. */
async function connected(daemon, options = {}) {
  const socket = tls.connect({ port: port(daemon), host: '127.0.0.1', rejectUnauthorized: false, ...options });
  socket.on('error', () => {});
  await within('the handshake', new Promise((yes) => socket.once('secureConnect', yes)));
  return socket;
}

test('pages, REST, events, WebSocket, MJPEG and noVNC by TLS, and nothing else', async (t) => {
  const folder = files(t);
  const pair = certificate(folder);
  const novnc = await freePort();
  const host = await withHost(t, {
    tls: pair,
    vnc: { password: 'secret12', port: await freePort() },
    novnc: { port: novnc },
    devices: { pattern: PATTERN },
  });
  assert.match(host.url, /^https:/);
  await host.program.line(/listening .*tls="CN=localhost, valid until \d{4}-\d\d-\d\d"/);
  await host.state_is('pattern/video');
  const { stdout } = await run('curl', ['-sS', '--cacert', pair.cert, `${host.url}/host/health`]);
  assert.equal(JSON.parse(stdout).status, 'healthy', 'curl trusts it');
  assertProblem(await host.get('/host/devices/none'), 404);
  assert.equal((await host.get('/')).status, 200);
  assert.match((await host.get('/')).text, /<html/i);
  assertProblem(await host.get('/host/devices', { headers: { Host: 'evil.example' } }), 421);

  const events = await host.sse('/host/events');
  const ws = await host.websocket('/host/ws');
  const answer = await ws.command('pattern', 'lease.take', { ttl_s: 60 });
  assert.ok(answer.ok, JSON.stringify(answer));
  await events.find((e) => e.data.type.startsWith('lease.'));
  events.stop();
  await ws.stop();

  const stream = await host.get('/host/devices/pattern/video/stream.mjpeg?fps=20', { stream: true });
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream.stream) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.toString('latin1').split('Content-Type: image/jpeg').length > 6) break;
  }

  for (const url of [
    `wss://127.0.0.1:${novnc}/websockify?device=pattern`,
    `${host.url.replace('https', 'wss')}/host/devices/pattern/video/vnc`,
  ]) {
    const socket = new WebSocket(url, ['binary'], { rejectUnauthorized: false });
    const inner = new Duplex({ read() {}, write: (chunk, _, done) => socket.send(chunk, done) });
    socket.on('message', (data) => inner.push(data));
    const rfb = new Rfb(inner);
    await within('the WebSocket', new Promise((yes, no) => socket.once('open', yes).once('error', no)));
    await rfb.greet({ password: 'secret12' });
    rfb.request(false);
    await within('a picture', rfb.update());
    socket.terminate();
  }

  for (const where of [host.url, `https://127.0.0.1:${novnc}`]) {
    for (const method of ['GET', 'DELETE', 'OPTIONS']) {
      const plain = await request(where.replace('https', 'http'), method, '/host/health');
      assertProblem(plain, 400, { detail: /https:\/\// });
    }
  }
});

test('TLS 1.2 and 1.3 with forward secrecy, nothing older', async (t) => {
  const server = await withServer(t, { tls: certificate(files(t)) });
  const s_client = (...args) =>
    spawnSync('openssl', ['s_client', '-connect', `127.0.0.1:${port(server)}`, ...args], {
      input: '',
      encoding: 'utf8',
    });
  for (const [version, says] of [
    ['-tls1_2', /Protocol *: TLSv1\.2/],
    ['-tls1_3', /TLSv1\.3, Cipher is TLS_/],
  ])
    assert.match(s_client(version).stdout, says);
  assert.match(s_client('-tls1_2', '-cipher', 'ECDHE').stdout, /Cipher is ECDHE-\w+-(AES\d+-GCM|CHACHA20)/);
  for (const args of [
    ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'],
    ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA'],
  ]) {
    const refused = s_client(...args);
    assert.notEqual(refused.status, 0, args.join(' '));
    assert.match(refused.stdout, /Cipher is \(NONE\)/, args.join(' '));
  }
  await server.program.line(/no TLS: .*(protocol|version)/, { what: 'a line that says why' });
  assert.match(s_client('-alpn', 'h2,http/1.1').stdout, /ALPN protocol: http\/1\.1/);
});

test('files that do not do are told with their name and the reason, by --check and at the start', async (t) => {
  const folder = files(t);
  const good = certificate(folder, 'good');
  const other = certificate(folder, 'other');
  const old = certificate(folder, 'old', { days: -1 });
  const at = (name, text) => {
    writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    return path.join(folder, name);
  };
  const large = at('large', Buffer.alloc(1024 * 1024 + 1, '\n'));
  const cases = [
    [{ cert: path.join(folder, 'none'), key: good.key }, /none: No such file/],
    [{ cert: folder, key: good.key }, /it is no plain file/],
    [{ cert: at('text', 'hello\n'), key: good.key }, /text: there is no certificate in it/],
    [{ cert: good.cert, key: at('nokey', 'hello\n') }, /nokey: there is no private key in it/],
    [{ cert: good.cert, key: other.key }, /other\.key: the key is not that of the certificate \S*good\.cert/],
    [old, /old\.cert: the certificate has expired on \d{4}-\d\d-\d\d/],
    [{ cert: large, key: good.key }, /large: it is larger than 1048576 bytes/],
    [{ cert: good.cert }, /tls.*key/],
    ['sometimes', /"optional", "required", "local" or \{cert: FILE, key: FILE\}/],
  ];
  for (const daemon of ['testbed-host', 'testbed-server']) {
    for (const [value, says] of cases) {
      const file = at('config.yaml', JSON.stringify({ port: 0, tls: value }));
      for (const args of [['--check'], ['--state-dir', path.join(folder, 'state')]]) {
        const program = new Program([path.join(BUILD, daemon), '--config', file, ...args]);
        const { code } = await within(`${daemon} ${args} to end`, program.exited, 10000 * SLOW);
        assert.equal(code, 1, program.text);
        assert.match(program.text, says);
        assert.match(program.text, /config\.yaml:1: tls/);
      }
    }
    chmodSync(good.key, 0o644);
    const file = at('config.yaml', JSON.stringify({ port: 0, tls: { cert: 'good.cert', key: 'good.key' } }));
    const program = new Program([path.join(BUILD, daemon), '--config', file, '--check']);
    assert.equal((await within('the check', program.exited)).code, 0, 'from the folder of the configuration');
    assert.match(program.text, /warning .*everybody on this machine can read the key \S*good\.key: chmod o-rwx/);
    chmodSync(good.key, 0o600);
  }
});

test('handshakes that stall keep nobody out, and end', async (t) => {
  const server = await withServer(t, { tls: certificate(files(t)) });
  const open = () => {
    const socket = net.connect(port(server), '127.0.0.1');
    socket.ended = new Promise((yes) => socket.on('close', yes).on('error', () => {}));
    socket.resume();
    t.after(() => socket.destroy());
    return socket;
  };
  const began = Date.now();
  const silent = Array.from({ length: 200 }, open);
  const halves = Array.from({ length: 40 }, open);
  for (const socket of halves) socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])); // a ClientHello that never comes whole
  for (let i = 0; i < 20; i++) assert.equal((await server.get('/health')).status, 200);
  await within('stalled handshakes to be ended', Promise.all([...silent, ...halves].map((s) => s.ended)), 30000 * SLOW);
  assert.ok(Date.now() - began > 9000, 'they had their time');
  await server.program.line(/no TLS: its handshake took too long/);
  assert.equal((await server.get('/health')).status, 200);
});

test('TB_LIMIT_TLS_HANDSHAKES: one more, and the oldest goes', async (t) => {
  const server = await withServer(t, { tls: certificate(files(t)) });
  const sockets = [];
  let ended = 0;
  const open = async () => {
    const socket = net.connect(port(server), '127.0.0.1');
    socket.on('error', () => {}).on('close', () => ended++);
    socket.resume();
    t.after(() => socket.destroy());
    sockets.push(socket);
    await within('a connection', new Promise((yes) => socket.once('connect', yes)));
  };
  for (let i = 0; i < 256; i++) await open();
  assert.equal(ended, 0);
  await open();
  await within('the oldest to go', new Promise((yes) => sockets[0].once('close', yes)));
  assert.equal(ended, 1);
  const through = await connected(server);
  through.destroy();
});

test('100 MB go up by TLS, byte for byte', async (t) => {
  const server = await withServer(t, { tls: certificate(files(t)) });
  const lab = await server.host('lab-1', []);
  const size = 100 * 1024 * 1024;
  const [sent, heard] = [createHash('sha256'), createHash('sha256')];
  const block = randomBytes(CHUNK);
  let left = size;
  const body = new Readable({
    read() {
      const piece = block.subarray(0, Math.min(left, CHUNK));
      block.writeUInt32BE(left, 0);
      left -= piece.length;
      sent.update(piece);
      this.push(piece.length ? Buffer.from(piece) : null);
    },
  });
  const upload = server.request('PUT', '/api/hosts/lab-1/host/up', {
    body,
    headers: { 'Content-Length': size },
    ms: 120000 * SLOW,
  });
  const up = await headOf(lab);
  assert.equal(up.head.length, size);
  let got = 0;
  const take = (message) => {
    lab.items.length = 0; // the inbox would keep all of it
    for (const f of Buffer.isBuffer(message) ? frames(message) : [])
      if (f.type === DATA && f.stream === up.stream) {
        heard.update(f.payload);
        got += f.payload.length;
        lab.send(credit(up.stream, f.payload.length + 32));
      }
  };
  lab.items.splice(0).forEach(take);
  lab.ws.on('message', take);
  await until('the body', () => got === size, 120000 * SLOW);
  assert.equal(heard.digest('hex'), sent.digest('hex'));
  lab.send(frame(HEAD, up.stream, { status: 204, headers: {} }, true));
  assert.equal((await upload).status, 204);
});

test('a reader that stops is held back by TLS too, nobody else is, and its end is seen', async (t) => {
  const host = await withHost(t, { tls: certificate(files(t)), devices: { pattern: PATTERN } });
  await host.state_is('pattern/video');
  const video = async () => (await host.get('/host/devices/pattern/video')).json;
  const slow = await connected(host);
  slow.pause();
  slow.write('GET /host/devices/pattern/video/stream.mjpeg?fps=30&quality=95 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('the viewer', async () => (await video()).viewers === 1);
  for (let i = 0; i < 50; i++) assert.equal((await host.get('/host/devices')).status, 200);
  slow.destroy();
  await until('its end to be seen', async () => (await video()).viewers === 0);
});

test('hellos of one address that nobody waits behind: other addresses shake hands beside them', async (t) => {
  const host = await withHost(t, { tls: certificate(files(t)) });
  const flood = new Program([
    'python3',
    '-c',
    `
import socket, ssl, sys, time
i, o = ssl.MemoryBIO(), ssl.MemoryBIO()
c = ssl.create_default_context().wrap_bio(i, o, server_hostname="localhost")
try: c.do_handshake()
except ssl.SSLWantReadError: pass
hello = o.read()
s = socket.create_connection(("127.0.0.1", ${port(host)}))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
s.sendall(hello)
s.shutdown(socket.SHUT_WR) # it leaves with its hello: in one segment
try: said = len(s.recv(65536))
except ConnectionResetError: said = 0
print("said", said, flush=True)
n = 0
while True:
    s = socket.create_connection(("127.0.0.1", ${port(host)}))
    s.sendall(hello)
    s.close()
    n += 1
    if n == 2000: print("flows", flush=True)`,
  ]);
  t.after(() => flood.kill());
  assert.equal(await flood.line(/^said/), 'said 0', 'who has gone already costs no signature');
  await flood.line('flows');
  for (let i = 0; i < 5; i++) {
    const other = await within('a handshake of another address', connected(host, { localAddress: '127.0.0.9' }), 2000);
    other.destroy();
  }
});

test('an answer is whole although the client stops first; one that is cut is not taken for whole', async (t) => {
  const host = await withHost(t, { tls: certificate(files(t)) });
  let text = '';
  // whose request waits for its turn meanwhile is taken for somebody who has left, and gets nothing
  for (let i = 0; i < 20 && !text; i++) {
    const half = await connected(host, { allowHalfOpen: true });
    half.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    const ended = new Promise((yes) => half.once('end', yes));
    half.end('GET /host/drivers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await within('the end', ended);
  }
  const [head, json] = text.split('\r\n\r\n');
  assert.equal(Buffer.byteLength(json), Number(/content-length: (\d+)/i.exec(head)[1]));
});

test('tokens come by TLS: nothing is said of secrets without it, and X-Forwarded-Proto of a proxy still counts', async (t) => {
  const token = 'a-token-of-an-operator';
  const host = await withHost(t, {
    tls: certificate(files(t)),
    tokens: [{ name: 'op', role: 'operator', token }],
    address: '0.0.0.0',
    trusted_proxies: ['127.0.0.2'],
  });
  const mine = Object.values(os.networkInterfaces())
    .flat()
    .find((a) => a.family === 'IPv4' && !a.internal);
  assert.ok(mine, 'this machine has an address beyond loopback');
  const url = `https://${mine.address}:${port(host)}`;
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal((await request(url, 'GET', '/host/devices', { headers })).status, 200);
  assertProblem(await request(url, 'GET', '/host/devices'), 401);
  assert.doesNotMatch(host.program.text, /without TLS/);
});

test('tls: local: a certificate of its own; who trusts what is handed out needs no more, and nobody else is signed for', async (t) => {
  const server = await withServer(t, { tls: 'local' });
  const { status, text, headers } = await server.get('/authority.crt');
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/x-x509-ca-cert');
  const trusted = async (name) => {
    const socket = tls.connect({ port: port(server), host: '127.0.0.1', servername: name, ca: text });
    try {
      await within('the handshake', new Promise((yes, no) => socket.once('secureConnect', yes).once('error', no)));
    } finally {
      socket.destroy();
    }
  };
  await trusted('localhost');
  await assert.rejects(trusted('bank.example'), /altnames|does not match/);
  const { authorityUrl, phoneUrl } = await server.session({});
  assert.equal(authorityUrl, `${server.url}/authority.crt`);
  assert.ok(phoneUrl.startsWith(`${server.url}/m/`));
  const host = await withHost(t, {
    name: 'lab-1',
    server: { url: server.url, ca: path.join(server.folder, 'tls/authority.crt') },
  });
  await until('the host', async () => (await server.get('/api/hosts')).json?.some((h) => h.online));
  await host.stop();
  const plain = await withServer(t, { tls: undefined });
  assert.equal((await plain.get('/authority.crt')).status, 404);
});

test('a host joins a server of a private CA that server.ca names, and says in words why it does not join another', async (t) => {
  const folder = files(t);
  const ca = certificate(folder, 'Lab CA', { ca: true });
  const start = async (name, options) =>
    withServer(t, { tls: certificate(folder, name, { by: ca, ...options }), hosts: [{ name: 'lab-1', token: TOKEN }] });
  const [good, elsewhere] = [await start('good'), await start('elsewhere', { names: 'DNS:other.example' })];
  const join = (server, more, options) =>
    withHost(t, { name: 'lab-1', server: { url: server.url, token: TOKEN, ...more } }, options);
  const joined = (server, name) =>
    until('the host', async () => (await server.get('/api/hosts')).json?.some((h) => h.name === name && h.online));
  assert.match((await good.post('/api/enrol', {})).text, /signed by nobody whom systems trust/);
  const known = await withServer(
    t,
    { tls: certificate(folder, 'known', { by: ca }) },
    { env: { SSL_CERT_FILE: ca.cert } },
  );
  assert.doesNotMatch((await known.post('/api/enrol', {})).text, /signed by nobody/);
  const host = await join(good, { ca: ca.cert });
  await joined(good, 'lab-1');
  await host.stop();
  const other = await join(good, {}, { env: { SERVER_CA: path.relative('', ca.cert) } });
  await joined(good, 'lab-1~2'); // it has a key of its own

  // the server comes back under another authority: that is said, and the file is read again
  await good.program.stop();
  await other.program.line(/the server is lost/);
  const next = certificate(folder, 'Next CA', { ca: true });
  const renewed = await withServer(t, {
    port: Number(new URL(good.url).port),
    tls: certificate(folder, 'renewed', { by: next }),
    hosts: [{ name: 'lab-1', token: TOKEN }],
  });
  await other.program.line(/cannot be reached: nobody whom this host trusts/);
  assert.ok((await other.get('/host/health')).json.reasons.some((r) => r.startsWith('the service server is ')));
  appendFileSync(ca.cert, readFileSync(next.cert));
  await joined(renewed, 'lab-1');
  await other.stop();
  const alone = await join(good, {});
  await alone.program.line(/cannot be reached: nobody whom this host trusts.*server: \{ca: FILE\}/);
  const misled = await join(elsewhere, { ca: ca.cert });
  await misled.program.line(/cannot be reached: its certificate is for another name/);
  await misled.stop();
  const plain = await withServer(t, { tls: undefined });
  for (const [url, says] of [
    [good.url.replace('https', 'http'), /answered 400 Bad Request: .*scheme/],
    [`${good.url}/nowhere`, /answered 404 Not Found: .*its path/],
    [plain.url.replace(/^http:/, 'https:'), /does it speak TLS/],
  ]) {
    const lost = await join({ url }, { ca: ca.cert });
    await lost.program.line(says);
    await lost.stop();
  }

  writeFileSync(path.join(folder, 'empty'), 'nothing\n');
  for (const [file, says] of [
    ['none', /server\.ca: \S*none: .*No such file/],
    ['empty', /server\.ca: \S*empty: there is no certificate in it/],
  ]) {
    const config = path.join(folder, 'host.yaml');
    writeFileSync(config, JSON.stringify({ server: { url: good.url, ca: file } }));
    const check = new Program([path.join(BUILD, 'testbed-host'), '--config', config, '--check']);
    assert.equal((await within('the check', check.exited)).code, 1);
    assert.match(check.text, says);
  }
});

/** Writes the configuration anew, and tells the daemon. Gives what it says. */
async function reload(daemon, folder, name, change) {
  const file = path.join(folder, name);
  writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')))));
  const from = daemon.program.out.items.length;
  daemon.program.child.kill('SIGHUP');
  return daemon.program.line(/the configuration (was read again|stays as it was)/, { from });
}

const subject = async (daemon) => {
  const socket = await connected(daemon);
  const { CN } = socket.getPeerCertificate().subject;
  socket.destroy();
  return CN;
};

test('SIGHUP: a new certificate for who comes now, who is here goes on; a broken one changes nothing', async (t) => {
  const folder = files(t);
  const pair = certificate(folder, 'first', { days: 15 });
  const host = await withHost(t, { tls: pair, devices: { pattern: PATTERN } });
  const ws = await host.websocket('/host/ws');
  t.after(() => ws.stop());
  assert.equal(await subject(host), 'first');
  assert.doesNotMatch(host.program.text, / ends on /);
  const second = certificate(folder, 'second', { days: 14 }); // TB_LIMIT_TLS_ENDS_SOON_S; the first has a day more

  copyFileSync(second.cert, pair.cert);
  assert.match(
    await reload(host, host.state, 'host.yaml', (c) => c),
    /error .*stays as it was: .*first\.key: the key is not that of the certificate/,
  );
  assert.equal(await subject(host), 'first');
  copyFileSync(second.key, pair.key);
  assert.match(
    await reload(host, host.state, 'host.yaml', (c) => c),
    /all of it holds now tls="CN=second, valid until/,
  );
  assert.equal(await subject(host), 'second');
  await host.program.line(/warning .*first\.cert ends on \d{4}-\d\d-\d\d: .*send SIGHUP/);
  const [, ends] = (await host.get('/metrics')).text.match(/^testbed_tls_certificate_ends_seconds (\S+)$/m);
  assert.ok(Math.abs(Number(ends) - Date.now() / 1000 - 14 * 86400) < 600, ends);
  assert.ok((await ws.command('pattern', 'lease.take', { ttl_s: 60 })).ok, 'who is here goes on');
  assert.match(
    await reload(host, host.state, 'host.yaml', ({ tls: _, ...c }) => ({ ...c, name: 'other', vnc: { port: 5999 } })),
    /these need a restart: (name|tls|vnc)(, (name|tls|vnc)){2}$/,
  );
  assert.match(await reload(host, host.state, 'host.yaml', () => ({ nonsense: 1 })), /stays as it was: .*nonsense/);
  assert.equal(await subject(host), 'second');
});

test('SIGHUP: tokens and the log level hold at once; what a lost token has open ends', async (t) => {
  const token = (name) => ({ name, role: 'operator', token: `the-token-of-${name}-here` });
  const headers = (name) => ({ Authorization: `Bearer ${token(name).token}` });
  const host = await withHost(t, { tokens: [token('ann'), token('bob')], devices: { pattern: PATTERN } });
  const status = async (name) => (await host.get('/host/devices', { headers: headers(name) })).status;
  const [ann, bob] = await Promise.all(
    ['ann', 'bob'].map((name) => host.websocket('/host/ws', { headers: headers(name) })),
  );
  const events = await host.sse('/host/events', { headers: headers('bob') });
  const swap = (c) => ({ ...c, tokens: [token('ann'), token('eve')] });
  assert.match(await reload(host, host.state, 'host.yaml', swap), /all of it holds now/);
  assert.deepEqual([await status('ann'), await status('bob'), await status('eve')], [200, 401, 200]);
  await until('the end of what he has open', () => bob.code === 1008 && events.closed);
  assert.ok((await ann.command('pattern', 'lease.take', { ttl_s: 60 })).ok);
  await ann.stop();
  await reload(host, host.state, 'host.yaml', (c) => ({ ...c, log_level: 'warning' }));
  const from = host.program.out.items.length;
  assert.equal(await status('ann'), 200);
  await reload(host, host.state, 'host.yaml', (c) => ({ ...c, log_level: 'info' }));
  assert.ok(!host.program.out.items.slice(from).some((line) => /GET/.test(line)), 'requests are no warnings');
  assert.equal(await status('ann'), 200);
  await host.program.line(/GET .host.devices 200/, { from });
  assert.match(
    await reload(host, host.state, 'host.yaml', ({ tokens: _, ...c }) => c),
    /these need a restart: tokens/,
    'ports that are open without tokens are decided at the start',
  );
  assert.equal(await status('ann'), 200);

  const hosts = ['lab-1', 'lab-2'].map((name) => ({ name, token: token(name).token }));
  const server = await withServer(t, { hosts });
  const [first, other] = [
    await server.host('lab-1', [], { token: hosts[0].token }),
    await server.host('lab-2', [], { token: hosts[1].token }),
  ];
  const said = await reload(server, server.folder, 'server.yaml', (c) => ({ ...c, hosts: [hosts[1]] }));
  assert.match(said, /all of it holds now/);
  await until('the host to be sent away', () => first.code === 1008);
  assert.equal(other.ws.readyState, WebSocket.OPEN);
  await assert.rejects(server.host('lab-1', [], { token: hosts[0].token }));
});

test('TB_PROBE_S: --health asks by TLS or without, and says why not', async (t) => {
  const folder = files(t);
  const pair = certificate(folder);
  for (const tlsOf of [{ tls: pair }, {}]) {
    const port = await freePort();
    const host = await withHost(t, { port, ...tlsOf, tokens: [{ name: 'ann', role: 'viewer', token: TOKEN }] });
    const file = path.join(host.state, 'host.yaml');
    const ask = async () => {
      const program = new Program([path.join(BUILD, 'testbed-host'), '--config', file, '--health']);
      const { code } = await within('the answer', program.exited, 30000 * SLOW);
      return [code, program.text];
    };
    assert.deepEqual(await ask(), [0, '']);
    await host.program.stop();
    const [code, text] = await ask();
    assert.equal(code, 1);
    assert.match(text, /testbed-host: port \d+ of 127\.0\.0\.1: Connection refused/);
    const deaf = net.createServer(() => {});
    await new Promise((yes) => deaf.listen(port, '127.0.0.1', yes));
    const began = Date.now();
    assert.match((await ask())[1], /no answer came in time/);
    assert.ok(Date.now() - began >= 5000);
    deaf.close();
  }
  const server = await withServer(t, { tls: pair, port: await freePort() });
  const file = path.join(server.folder, 'server.yaml');
  const program = new Program([path.join(BUILD, 'testbed-server'), '--config', file, '--health']);
  assert.equal((await within('the answer', program.exited)).code, 0, program.text);
});
