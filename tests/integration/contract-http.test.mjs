// What docs promise of every answer of both daemons: problem+json and a request id whatever went wrong, a path prefix,
// and what a client is told about where to go on (Location, Link).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { ROOT, assertProblem, request, until, within, withHost, websocket } from './harness.mjs';
import { withServer } from './server-harness.mjs';

const offer = readFileSync(path.join(ROOT, 'tests/fuzz/corpus/offer/chromium-audio-video-data.sdp'));
const sdp = { headers: { 'Content-Type': 'application/sdp' } };

/** Bytes in, everything that comes back until the other side closes. */
function raw(base, bytes) {
  const url = new URL(base);
  return within(
    'the end of the connection',
    new Promise((resolve, reject) => {
      const socket = net.connect(Number(url.port), url.hostname, () =>
        socket.write(bytes.replaceAll('@HOST', `Host: ${url.host}`)),
      );
      let text = '';
      socket
        .setEncoding('latin1')
        .on('data', (chunk) => {
          text += chunk;
        })
        .on('close', () => resolve(text))
        .on('error', (e) => (text ? resolve(text) : reject(e)));
    }),
  );
}

test('malformed HTTP: a precise 4xx or 5xx with an RFC 9457 body and a request id, once', async (t) => {
  const host = await withHost(t, {}),
    server = await withServer(t);
  const cases = [
    ['GARBAGE\r\n\r\n', 400],
    ['\x16\x03\x01\x02\n\x01\n', 400],
    ['GET /\r\n\r\n', 400],
    ['GET / HTTP/2.0\r\n@HOST\r\n\r\n', 505],
    ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\n@HOST\r\nno colon\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\n@HOST\r\nConnection: close\r\nContent-Length : 3\r\n\r\n', 400],
    ['POST /x HTTP/1.1\r\n@HOST\r\nContent-Length: abc\r\n\r\n', 400],
    ['POST /x HTTP/1.1\r\n@HOST\r\nContent-Length: 99999999999999999999\r\n\r\n', 413],
    ['POST /x HTTP/1.1\r\n@HOST\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
    ['POST /x HTTP/1.1\r\n@HOST\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['POST /x HTTP/1.1\r\n@HOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    [`GET /${'a'.repeat(4096)} HTTP/1.1\r\n@HOST\r\nConnection: close\r\n\r\n`, 414],
    [`GET /${'a'.repeat(60000)} HTTP/1.1\r\n@HOST\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\n@HOST\r\nConnection: close\r\nX: ${'a'.repeat(33000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\n@HOST\r\nX: ${'a'.repeat(60000)}\r\n\r\n`, 431],
  ];
  for (const { url, program } of [host, { url: server.url, program: server.program }]) {
    for (const [bytes, status] of cases) {
      const text = await raw(url, bytes),
        what = JSON.stringify(bytes.slice(0, 80));
      const [head, body] = [text.slice(0, text.indexOf('\r\n\r\n')), text.slice(text.indexOf('\r\n\r\n') + 4)];
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `), what);
      assert.match(head, /\r\nContent-Type: application\/problem\+json/, what);
      assert.match(head, /\r\nConnection: close/i, what);
      const problem = JSON.parse(body); // one answer, not two
      assert.equal(problem.status, status, what);
      assert.ok(problem.title && problem.type && problem.detail, what);
      const id = /\r\nX-Request-Id: (\S+)/.exec(head)?.[1];
      assert.equal(id, problem.requestId, what);
      await program.line(id, { what: `the log line of ${what}` });
    }
  }
  assert.equal((await host.get('/host/health')).status, 200);
});

test('health: the services that monitoring looks for, running or switched off', async (t) => {
  const host = await withHost(t, {}); // no VNC, no noVNC, no pairing server, no device
  const { json } = await host.get('/host/health');
  assert.equal(json.status, 'healthy', JSON.stringify(json));
  assert.deepEqual(
    [json.services.host, json.services.vnc, json.services.novnc, json.services.server, json.services.xvfb],
    ['running', 'off', 'off', 'off', 'unused'],
  );
  assert.ok('adb' in json.services);
  assert.deepEqual(
    [json.services.flask, json.services.x11vnc],
    ['running', 'off'],
    'names of the host that Testbed replaces',
  );
});

/** The answer once media has started: 503 meanwhile. */
const started = (ask) =>
  until('media to have started', async () => {
    const answer = await ask();
    return answer.status !== 503 && answer;
  });

test('WHEP: Link with STUN and with TURN and its credentials; 412 for a session that is not meant', async (t) => {
  const host = await withHost(t, {
    ice: { stun: ['stun:127.0.0.1:3478'], turn: ['turn:127.0.0.1:3478?transport=udp'], turn_secret: 'the-turn-secret' },
    devices: { pat: { attach: 'testpattern://' } },
  });
  const answer = await started(() => host.request('POST', '/host/devices/pat/video/whep', { body: offer, ...sdp }));
  assert.equal(answer.status, 201, answer.text);
  const [stun, turn] = answer.headers.link.split(/, (?=<)/);
  assert.equal(stun, '<stun:127.0.0.1:3478>; rel="ice-server"');
  const [, expiry] =
    /^<turn:127\.0\.0\.1:3478\?transport=udp>; rel="ice-server"; username="(\d+):local"; credential="[A-Za-z0-9+/]+="; credential-type="password"$/.exec(
      turn,
    ) ?? [];
  assert.ok(Number(expiry) > Date.now() / 1000 + 3600, answer.headers.link);
  assert.ok(!answer.headers.link.includes('the-turn-secret'));
  assert.match(answer.text, /^a=max-message-size:65536\r$/m, 'GStreamer 1.22 takes larger messages in pieces');
  const fragment = {
    body: 'a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n',
    headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '"another"' },
  };
  assertProblem(await host.request('PATCH', answer.headers.location, fragment), 412);
  assert.equal((await host.delete(answer.headers.location)).status, 200);
});

test('WHEP as RFC 9725 has it: what is taken, entity tags, trickle, ICE that begins anew, DELETE', async (t) => {
  const host = await withHost(t, { devices: { pat: { attach: 'testpattern://' } } });
  const whep = '/host/devices/pat/video/whep';
  const options = await host.request('OPTIONS', whep);
  assert.equal(options.headers['accept-post'], 'application/sdp');
  const created = await started(() => host.request('POST', whep, { body: offer, ...sdp }));
  assert.equal(created.status, 201, created.text);
  const { location, etag } = created.headers;
  const of = (text, name) => new RegExp(`^a=${name}:(.*?)\r?$`, 'm').exec(text)?.[1];
  const patch = (lines, match) =>
    host.request('PATCH', location, {
      body: `${lines.join('\r\n')}\r\n`,
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', ...(match ? { 'If-Match': match } : {}) },
    });
  const old = [`a=ice-ufrag:${of(offer.toString(), 'ice-ufrag')}`, `a=ice-pwd:${of(offer.toString(), 'ice-pwd')}`];
  const candidate = 'a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host';
  for (const match of [etag, '*', undefined]) assert.equal((await patch([...old, candidate], match)).status, 204);

  const anew = ['a=ice-ufrag:anew', 'a=ice-pwd:anewanewanewanewanewanew'];
  assertProblem(await patch([anew[0]], '*'), 400, { detail: /ice-pwd/ });
  assertProblem(await patch([...anew, 'a=candidate:1'], '*'), 400, { detail: /candidate/ });
  assertProblem(await patch(anew, '"another"'), 412);
  const restarted = await patch([...anew, candidate], '*'); // as npm's whip-whep does
  assert.equal(restarted.status, 200, restarted.text);
  assert.match(restarted.headers['content-type'], /^application\/trickle-ice-sdpfrag/);
  assert.notEqual(restarted.headers.etag, etag);
  for (const name of ['ice-ufrag', 'ice-pwd']) {
    assert.ok(of(restarted.text, name));
    assert.notEqual(of(restarted.text, name), of(created.text, name));
  }
  assert.equal(restarted.text.match(/^a=candidate:/gm).length, 1, 'whip-whep joins several by commas');
  assertProblem(await patch([...anew, candidate], etag), 412); // of before
  const late = await patch([...old, candidate]);
  assertProblem(late, 412);
  assert.equal(late.headers.etag, restarted.headers.etag);
  assert.equal((await patch([...anew, candidate], restarted.headers.etag)).status, 204);

  for (let i = 0; i < 2; i++) assert.equal((await host.delete(location)).status, 200);
  assertProblem(await patch([...anew, candidate]), 404);
  assertProblem(await host.delete(`${whep}/nosuchsession`), 404);
});

/** A reverse proxy for /staging, as Caddy's handle_path (strip) and handle (not) are. */
async function proxy(t, target, { strip }) {
  const url = new URL(target);
  const to = (req) => ({
    host: url.hostname,
    port: url.port,
    method: req.method,
    path: strip ? req.url.replace(/^\/staging/, '') || '/' : req.url,
    headers: { ...req.headers, ...(strip ? { 'x-forwarded-prefix': '/staging' } : {}) },
  });
  const server = http.createServer((req, res) =>
    req.pipe(
      http.request(to(req), (answer) => {
        res.writeHead(answer.statusCode, answer.headers);
        answer.pipe(res);
      }),
    ),
  );
  server.on('upgrade', (req, socket) => {
    http
      .request(to(req))
      .on('upgrade', (answer, upstream, head) => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\n${Object.entries(answer.headers)
            .map(([k, v]) => `${k}: ${v}\r\n`)
            .join('')}\r\n`,
        );
        socket.write(head);
        upstream.pipe(socket).pipe(upstream);
        for (const s of [socket, upstream]) s.on('error', () => socket.destroy());
      })
      .on('response', () => socket.destroy())
      .end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

for (const strip of [true, false]) {
  test(`below /staging, behind a proxy that ${strip ? 'strips' : 'keeps'} the prefix`, async (t) => {
    const named = strip ? {} : { url: 'http://127.0.0.1/staging' };
    const host = await withHost(t, { ...named, devices: { pat: { attach: 'testpattern://' } } });
    const front = await proxy(t, host.url, { strip });
    const get = (target, base = front) => request(base, 'GET', target);
    for (const page of ['/staging/', '/staging/docs', '/staging/docs.html', '/staging/host/health', '/staging/metrics'])
      assert.equal((await get(page)).status, 200, page);
    const made = await request(front, 'POST', '/staging/host/devices', { json: { id: 'made', attach: 'vitals://' } });
    assert.equal(made.headers.location, '/staging/host/devices/made');
    assert.equal((await get(made.headers.location)).json.id, 'made');
    const whep = await started(() =>
      request(front, 'POST', '/staging/host/devices/pat/video/whep', { body: offer, ...sdp }),
    );
    assert.match(whep.headers.location, /^\/staging\/host\/devices\/pat\/video\/whep\//);
    assert.equal((await request(front, 'DELETE', whep.headers.location)).status, 200);
    const ws = await websocket(front, '/staging/host/ws');
    assert.equal((await ws.command('made', 'sensors.get')).ok, true);
    await ws.stop();
    if (!strip) {
      const bare = await get('/staging');
      assert.equal(bare.status, 301);
      assert.equal(new URL(bare.headers.location, `${front}/staging`).pathname, '/staging/');
      assert.equal((await host.get('/host/health')).status, 200, 'without the prefix too: health checks');
    }

    const server = await withServer(t, strip ? {} : { url: 'http://lab.example/staging' });
    const other = await proxy(t, server.url, { strip });
    for (const page of [
      '/staging/',
      '/staging/m/some-session',
      '/staging/docs',
      '/staging/openapi.json',
      '/staging/health',
      '/staging/favicon.ico',
    ])
      assert.equal((await get(page, other)).status, 200, page);
    const session = (await request(other, 'POST', '/staging/api/session', { json: {} })).json;
    assert.equal(new URL(session.phoneUrl).pathname, `/staging/m/${session.sessionId}`);
    assert.equal(new URL(session.desktopUrl).pathname, '/staging/');
    assert.equal((await get(`/staging/api/session/${session.sessionId}`, other)).json.sessionId, session.sessionId);
    const desktop = await websocket(other, '/staging/ws');
    desktop.send({ type: 'hello', role: 'desktop', sessionId: session.sessionId, token: session.token });
    assert.equal((await desktop.find((m) => m.type === 'ready')).role, 'desktop');
    await desktop.stop();
  });
}

test('carried to a host: one request id, and a Location that leads back through the server', async (t) => {
  const server = await withServer(t);
  const host = await withHost(
    t,
    { name: 'lab-1', server: { url: server.url, role: 'admin' }, devices: { pat: { attach: 'testpattern://' } } },
    { env: { LOG_LEVEL: 'debug' } },
  );
  const below = '/api/hosts/lab-1';
  await until('the host to be registered', async () => (await server.get(`${below}/host/health`)).status === 200);
  const lost = await server.get(`${below}/host/devices/nix`);
  assertProblem(lost, 404);
  assert.equal(lost.json.requestId, lost.headers['x-request-id'], 'the log of server and host bear the same');
  await host.program.line(lost.json.requestId);
  const refused = await server.request('PUT', `${below}/host/devices/none/files?path=/x`, {
    body: Buffer.alloc(32 << 20),
    headers: { 'Content-Type': 'application/octet-stream' },
  });
  assertProblem(refused, 404); // the host's word, although most of the body never reached it
  const wrong = await server.request('PUT', `${below}/host/devices/pat`, { json: {} });
  assertProblem(wrong, 405);
  assert.match(wrong.headers.allow ?? '', /PATCH/);
  const whep = await server.request('POST', `${below}/host/devices/pat/video/whep`, { body: offer, ...sdp });
  assert.equal(whep.status, 201, whep.text);
  assert.ok(whep.headers.location.startsWith(`${below}/host/devices/pat/video/whep/`), whep.headers.location);
  assert.equal((await server.request('DELETE', whep.headers.location)).status, 200);
  const made = await server.post(`${below}/host/devices`, { id: 'made', attach: 'vitals://' });
  assert.equal(made.headers.location, `${below}/host/devices/made`);
});
