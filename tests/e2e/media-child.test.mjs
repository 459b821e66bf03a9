// testbed-media, the process in which WebRTC peers live, breaks in every way: it crashes, hangs, is killed. That costs
// pictures for a moment; what is typed into a console, REST and power go on, viewers come back by themselves, and the
// API says so. And what it may not reach, it cannot.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { before, test } from 'node:test';

import { startSerialPort } from '../integration/bench.mjs';
import { childOf, forFile, until, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { assertPlays, inPage, openPage, showsPictureBy, startBrowser } from './browser.mjs';

const file = forFile();
const TOKEN = 'a-token-of-the-bench-0123456789';
let browser;
let port;
let devices;

before(async () => {
  browser = await startBrowser(file);
  port = await startSerialPort(file, {});
  devices = {
    pattern: { attach: 'testpattern://?width=320&height=240&fps=20' },
    board: { attach: { console: port.uri } },
  };
});

const media = (host) =>
  until(
    'testbed-media to be ready',
    async () => {
      const { json } = await host.get('/host/info');
      return json.media.peers.guards && childOf(host.pid);
    },
    60000,
  );

// What the connection that has the picture goes through from now on.
const keepStates = (page) =>
  page.evaluate(() => {
    window.states = [];
    const pc = window.peers.findLast((p) => p.connectionState === 'connected');
    pc.addEventListener('connectionstatechange', () => window.states.push(pc.connectionState));
    window.before = window.peers.length;
  });
async function isBack(page) {
  await inPage(page, 'a new connection', () =>
    window.peers.slice(window.before).some((p) => p.connectionState === 'connected'),
  );
  await showsPictureBy(page, 'webrtc');
}
/** By the host: it left the connection before ICE found out, which takes seconds. */
const assertWasTold = async (page) => assert.deepEqual(await page.evaluate(() => window.states), []);

for (const [what, signal, why] of [
  ['is killed', 'SIGKILL', /killed by signal 9/],
  ['aborts, as libnice does it', 'SIGABRT', /killed by signal 6/],
  ['crashes', 'SIGSEGV', /killed by signal 11/],
  ['hangs', 'SIGSTOP', /does not answer/],
]) {
  test(`testbed-media ${what}: two viewers are back, and a console has missed nothing`, async (t) => {
    const host = await withHost(t, { devices });
    await host.state_is('board/console');
    const events = await host.sse('/host/events');
    t.after(() => events.stop());
    const first = await media(host);
    const pages = [];
    for (let n = 0; n < 2; n++) pages.push(await openPage(t, browser, `${host.url}/#/d/pattern`, { spy: true }));
    for (const page of pages) {
      await showsPictureBy(page, 'webrtc');
      await keepStates(page);
    }
    await port.connected();

    // somebody writes and somebody calls REST all the while
    let writing = true;
    let written = '';
    const slow = [];
    const writer = (async () => {
      for (let n = 0; writing; n++) {
        const text = `line ${n} of many\n`;
        const at = Date.now();
        const answer = await host.post('/host/devices/board/console/write', { text });
        assert.equal(answer.status, 200, answer.text);
        slow.push(Date.now() - at);
        written += text;
      }
    })();

    const at = Date.now();
    process.kill(first, signal);
    const down = await events.find((e) => e.data.type === 'media.state' && e.data.data.state === 'restarting', {
      ms: 30000,
    });
    assert.match(down.data.data.reason, why);
    const again = await events.find((e) => e.data.type === 'media.state' && e.data.data.state === 'running', {
      ms: 60000,
    });
    assert.ok(again);
    const second = await media(host);
    assert.notEqual(second, first);
    let back = 0;
    for (const page of pages) {
      await isBack(page);
      back = Date.now() - at;
      await assertPlays(page);
      if (signal !== 'SIGSTOP') await assertWasTold(page); // a child that hangs is found by both
    }
    t.diagnostic(`${what}: pictures again after ${back} ms; ${slow.length} writes, longest ${Math.max(...slow)} ms`);
    writing = false;
    await writer;
    await until('the console to have sent everything', () => port.received().toString().endsWith(written), 20000);
    assert.equal((await host.get('/host/health')).json.services.media, 'running');
    assert.match(host.program.text, /in a row\); WebRTC viewers have to come again/);
  });
}

test('an observer behind the server is told, too, and is back', async (t) => {
  const server = await withServer(t);
  const host = await withHost(t, { name: 'lab-1', server: { url: server.url }, devices: { pattern: devices.pattern } });
  await until(
    'the device on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/pattern'),
    30000,
  );
  const pid = await media(host);
  const session = await server.session({ device: 'lab-1/pattern', mode: 'view', observers: 4 });
  const page = await openPage(t, browser, new URL(session.viewUrl, server.url).href, { spy: true });
  await showsPictureBy(page, 'webrtc');
  await keepStates(page);
  const at = Date.now();
  process.kill(pid, 'SIGSEGV');
  await isBack(page);
  t.diagnostic(`an observer: picture again after ${Date.now() - at} ms`);
  await assertWasTold(page);
  await assertPlays(page);
});

test('while it is down the API says so, and a viewer is told to try again', async (t) => {
  const host = await withHost(t, { devices });
  const events = await host.sse('/host/events');
  t.after(() => events.stop());
  const sdp = [
    'v=0',
    'o=- 1 1 IN IP4 0.0.0.0',
    's=-',
    't=0 0',
    'a=group:BUNDLE 0',
    'm=video 9 UDP/TLS/RTP/SAVPF 96',
    'c=IN IP4 0.0.0.0',
    'a=mid:0',
    'a=recvonly',
    'a=rtcp-mux',
    'a=rtpmap:96 VP8/90000',
    'a=ice-ufrag:abcd',
    `a=ice-pwd:${'x'.repeat(24)}`,
    'a=setup:actpass',
    `a=fingerprint:sha-256 ${Array(32).fill('AA').join(':')}`,
    '',
  ].join('\r\n');
  const offer = () =>
    host.request('POST', '/host/devices/pattern/video/whep', {
      body: sdp,
      headers: { 'content-type': 'application/sdp' },
    });
  await media(host);
  let n = 0;
  // several crashes in a row: the pauses grow until there is time to look
  const answer = await until(
    'a refusal during a pause',
    async () => {
      const pid = childOf(host.pid);
      if (pid && n < 6) {
        process.kill(pid, 'SIGKILL');
        n++;
        await events
          .find((e) => e.data.type === 'media.state' && e.data.data.state === 'restarting', { ms: 20000 })
          .catch(() => {});
      }
      const said = await offer();
      return said.status === 503 && said;
    },
    60000,
  );
  assert.match(answer.json.detail, /media: restarting|testbed-media/);
  const health = await host.get('/host/health');
  assert.equal(health.json.services.media, 'restarting');
  assert.equal(health.json.status, 'degraded');
  assert.equal((await host.get('/host/devices/pattern/video')).json.media, 'restarting');
  await until('it to run again', async () => (await host.get('/host/health')).json.services.media === 'running', 60000);
});

test('it has no device, no token, no state: descriptors, environment, files, memory', async (t) => {
  const host = await withHost(
    t,
    { devices, tokens: [{ token: TOKEN, role: 'operator', name: 'doer' }] },
    { env: { A_SECRET_OF_SOMEBODY: TOKEN } },
  );
  const headers = { Authorization: `Bearer ${TOKEN}` };
  const pid = await until(
    'testbed-media',
    async () => (await host.get('/host/info', { headers })).json.media.peers.guards && childOf(host.pid),
    60000,
  );
  const fds = readdirSync(`/proc/${pid}/fd`)
    .filter((fd) => fd !== '2')
    .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`)); // 2: the host's log
  const sockets = fds.filter((to) => to.startsWith('socket:'));
  // its ends of the socketpairs: what is said, and pictures of phones; the rest are its own loop's, and /dev/null
  assert.equal(sockets.length, 2, fds.join(' '));
  for (const to of fds) assert.doesNotMatch(to, new RegExp(`${host.state}|/dev/(tty|pts|bus|video|snd)`));
  const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
  assert.doesNotMatch(environment, new RegExp(TOKEN));
  assert.doesNotMatch(environment, /A_SECRET|TESTBED|SERVER_URL/);
  assert.doesNotMatch(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), new RegExp(`${TOKEN}|${host.state}`));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const { guards, landlock } = (await host.get('/host/info', { headers })).json.media.peers;
  t.diagnostic(JSON.stringify({ guards, landlock }));
  assert.equal(guards.no_new_privileges, true);
  assert.match(status, /NoNewPrivs:\s*1/);
  if (guards.system_calls) assert.match(status, /Seccomp:\s*2/);
  if (guards.user) assert.match(status, /CapEff:\s*0000000000000000/);
  assert.equal(guards.files, landlock > 0, 'Landlock is used where the kernel has it');
});

test('its DTLS certificate is of ECDSA, and the answer bears the fingerprint of the one that it shows', async (t) => {
  const host = await withHost(t, { devices });
  const page = await openPage(t, browser, `${host.url}/#/d/pattern`, { spy: true });
  await showsPictureBy(page, 'webrtc');
  const { der, sdp } = await inPage(page, 'the certificate of the host', async () => {
    const pc = window.peers.findLast((p) => p.connectionState === 'connected');
    const all = [...((await pc?.getStats()) ?? new Map()).values()];
    const shown = all.find((s) => s.id === all.find((x) => x.type === 'transport')?.remoteCertificateId);
    return shown && { der: shown.base64Certificate, sdp: pc.remoteDescription.sdp };
  });
  const certificate = new X509Certificate(Buffer.from(der, 'base64'));
  assert.equal(certificate.publicKey.asymmetricKeyType, 'ec');
  assert.equal(certificate.publicKey.asymmetricKeyDetails.namedCurve, 'prime256v1');
  const told = [...sdp.matchAll(/^a=fingerprint:sha-256 (\S+)/gm)].map((m) => m[1]);
  assert.ok(told.length > 0, sdp);
  for (const fingerprint of told) assert.equal(fingerprint, certificate.fingerprint256);
});
