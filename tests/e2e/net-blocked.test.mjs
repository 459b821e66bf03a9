// UDP is really blocked: host, server and browser in network namespaces of their own, and a firewall in the server's
// that drops every UDP packet. The remote observer's page goes on through the WebSocket relay and the console page by
// MJPEG; both say so, commands are acknowledged all the while, and WebRTC comes back by itself when the firewall lets
// it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice } from '../integration/bench.mjs';
import { forFile, scratch, until } from '../integration/harness.mjs';
import { assertPlays, inPage, openPage, pairOf, pictureAge, showsPictureBy, startBrowser } from './browser.mjs';
import { Net } from './netns.mjs';

const file = forFile();
const SIZE = { width: 1280, height: 720 };
const CLIMB_MS = 60000; // the longest pause between two tries of the page, and a try
let net;
let server;
let host;
let browser;

before(async () => {
  net = await Net.line(file);
  server = await net.server('mid', '10.2.0.1');
  const exec = scriptedDevice(path.join(scratch(), 'power')).attach[0];
  host = await net.host('host', {
    name: 'lab-1',
    server: { url: `http://10.1.0.1:${new URL(server.pages).port}`, insecure: true },
    devices: { bench: { attach: ['testpattern://?width=1280&height=720&fps=20', exec] } },
  });
  await host.state_is('bench/power');
  await until(
    'the bench on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/bench'),
    30000,
  );
  browser = await startBrowser(file, net.chromium('far'));
});

const block = (on) => net.blockUdp('mid', ...(on ? ['far', 'host'] : []));
const notice = (page) => page.locator('#fallback-notice');

/** Power by the page's own button, which ends in the host's audit as having come `via`. */
async function switchPower(page, to, via) {
  await page.getByRole('button', { name: to === 'on' ? 'On' : 'Off', exact: true }).click();
  await inPage(
    page,
    'the acknowledgement',
    (words) => document.getElementById('status').textContent === words,
    `Power of bench: ${to === 'on' ? 'On' : 'Off'}`,
  );
  assert.equal((await host.get('/host/devices/bench/power')).json.observed, to);
  const last = readFileSync(path.join(host.state, 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((l) => JSON.parse(l))
    .filter((l) => l.verb === 'power.set')
    .at(-1);
  assert.equal(last.via, via, JSON.stringify(last));
}

async function observe(t) {
  const session = await server.session({ device: 'lab-1/bench', mode: 'control', observers: 2 });
  const link = new URL(session.controlUrl, server.url);
  return openPage(t, browser, server.pages + link.pathname + link.hash);
}

test('remote observer behind the wall from the start: the relay, then WebRTC by itself', async (t) => {
  block(true);
  const page = await observe(t);
  const reduced = await showsPictureBy(page, 'fallback');
  assert.ok(reduced.width <= SIZE.width && reduced.height <= SIZE.height, JSON.stringify(reduced));
  assert.match(
    await notice(page).textContent(),
    /WebRTC does not work right now: .*a reduced picture through the server/,
  );
  assert.match(await page.locator('#quality').textContent(), /Relay/);
  const age = await pictureAge(page);
  t.diagnostic(`relayed picture ${reduced.width}x${reduced.height}, ${age} ms old`);
  assert.ok(age < 2000, `the relayed picture is ${age} ms old`);
  await switchPower(page, 'on', 'relay');

  block(false);
  assert.deepEqual(await showsPictureBy(page, 'webrtc', CLIMB_MS), SIZE);
  await assertPlays(page);
  assert.ok(!(await notice(page).isVisible()));
  await switchPower(page, 'off', 'datachannel');
});

test('the wall goes up under a live observer: the picture moves to the relay, and back', async (t) => {
  block(false);
  const page = await observe(t);
  await showsPictureBy(page, 'webrtc');
  await switchPower(page, 'on', 'datachannel');
  block(true);
  const at = Date.now();
  await showsPictureBy(page, 'fallback');
  t.diagnostic(`relayed picture ${Date.now() - at} ms after the wall`);
  assert.match(
    await notice(page).textContent(),
    /WebRTC does not work right now: .*a reduced picture through the server/,
  );
  await switchPower(page, 'off', 'relay');
  block(false);
  await showsPictureBy(page, 'webrtc', CLIMB_MS);
  await assertPlays(page);
  await switchPower(page, 'on', 'datachannel');
});

test('console page: MJPEG, then WebRTC by itself', async (t) => {
  block(true);
  const page = await openPage(t, browser, `http://10.1.0.2:${host.port}/#/d/bench`);
  assert.deepEqual(await showsPictureBy(page, 'fallback'), SIZE);
  assert.match(await notice(page).textContent(), /WebRTC does not work right now: .*MJPEG/);
  assert.match(await page.locator('#quality').textContent(), /MJPEG/);
  const age = await pictureAge(page);
  t.diagnostic(`MJPEG picture ${age} ms old`);
  assert.ok(age < 2000, `the picture is ${age} ms old`);
  block(false);
  await showsPictureBy(page, 'webrtc', CLIMB_MS);
  await assertPlays(page);
  assert.ok(!(await notice(page).isVisible()));
});

test('console page of a host that has TURN servers: WebRTC through TURN by TCP, though UDP is blocked', async (t) => {
  const secret = 'a-secret-of-coturn-and-the-host';
  const own = net.during(t);
  await own.turn('mid', '10.2.0.1', secret);
  const second = await own.host(
    'host',
    { name: 'lab-2', devices: { bench: { attach: 'testpattern://?width=1280&height=720&fps=20' } } },
    { env: { WEBRTC_TURN_SERVERS: 'turn:10.2.0.1:3478?transport=tcp', WEBRTC_TURN_SECRET: secret } },
  );
  await second.state_is('bench/video');
  const { headers } = await second.request('OPTIONS', '/host/devices/bench/video/whep');
  assert.match(
    headers.link,
    /^<turn:10\.2\.0\.1:3478\?transport=tcp>; rel="ice-server"; username="\d+:local"; credential="[^"]+="; credential-type="password"$/,
  );
  block(true);
  const page = await openPage(t, browser, `http://10.1.0.2:${second.port}/#/d/bench`, { spy: true });
  await showsPictureBy(page, 'webrtc', CLIMB_MS);
  await assertPlays(page);
  const { pair } = await inPage(page, 'thirty decoded frames', pairOf);
  t.diagnostic(`${pair.local} -> ${pair.remote}`);
  assert.match(pair.local, /^relay udp tcp$/);
  assert.match(pair.remote, /^relay/);
});
