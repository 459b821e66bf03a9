// A cable is cut and plugged in again: the host's, so that its own outbound socket and its observers lose it; and that
// of a browser at the console page. No end of a connection comes with a cut, so what is seen here is found out by
// silence. Everything comes back by itself, and leases are kept; also when it is the server that dies.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { forFile, until } from '../integration/harness.mjs';
import { assertPlays, inPage, openPage, showsPictureBy, startBrowser } from './browser.mjs';
import { Net } from './netns.mjs';

const file = forFile();
const CUT_MS = 5000;
const BACK_MS = 60000; // the longest pause between two tries, and a try
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let net;
let server;
let host;
let browser;

before(async () => {
  net = await Net.line(file);
  server = await net.server('mid', '10.2.0.1');
  host = await net.host('host', {
    name: 'lab-1',
    server: { url: `http://10.1.0.1:${new URL(server.pages).port}`, insecure: true },
    devices: { bench: { attach: 'testpattern://?width=640&height=360&fps=20' } },
  });
  await host.state_is('bench/video');
  await isOnline(true);
  browser = await startBrowser(file, net.chromium('far'));
});

const isOnline = (online) =>
  until(
    `presence ${online}`,
    async () => (await server.get('/api/hosts')).json.find((h) => h.name === 'lab-1')?.online === online,
    BACK_MS,
  );
const says = (page, words) =>
  inPage(page, `the page to say "${words}"`, (w) => document.body.textContent.includes(w), words, BACK_MS);

async function observe(t, options) {
  await isOnline(true);
  const session = await server.session({ device: 'lab-1/bench', mode: 'view', observers: 2 });
  const link = new URL(session.viewUrl, server.url);
  const page = await openPage(t, browser, server.pages + link.pathname + link.hash, options);
  await showsPictureBy(page, 'webrtc');
  return { page, session };
}

/** The cut, from its begin until `seen` and for CUT_MS at least. */
async function cut(t, cable, seen) {
  const at = Date.now();
  net.plug('mid', cable, false);
  t.after(() => net.plug('mid', cable, true));
  await seen();
  t.diagnostic(`seen after ${Date.now() - at} ms`);
  await pause(Math.max(0, at + CUT_MS - Date.now())); // lint: tests - the length of the cut is what is tested
  net.plug('mid', cable, true);
  return Date.now();
}

test("the host's cable: presence says away, then the picture is back, by the same registration and with the lease", async (t) => {
  const { page, session } = await observe(t);
  const { json: lease } = await host.post('/host/devices/bench/lease', { ttl_s: 600, note: 'kept' });
  t.after(() => host.delete('/host/devices/bench/lease', { headers: { 'X-Lease': lease.lease } }));
  const since = (await server.get('/api/hosts')).json[0].connectedAt;
  const at = await cut(t, 'host', async () => {
    await isOnline(false);
    await says(page, 'host not connected');
  });
  await isOnline(true);
  await says(page, 'host connected');
  t.diagnostic(`present again after ${Date.now() - at} ms`);
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  t.diagnostic(`picture after ${Date.now() - at} ms`);
  assert.equal((await server.get('/api/hosts')).json[0].connectedAt, since, 'a short cut costs no connection');
  assert.equal((await server.get(`/api/session/${session.sessionId}`)).json.observers, 1);
  const held = (await host.get('/host/devices/bench')).json.lease;
  assert.equal(held.note, 'kept');
  assert.equal(
    (await host.put('/host/devices/bench/lease', undefined, { headers: { 'X-Lease': lease.lease } })).status,
    200,
  );
});

test("the host's cable for longer than its connection: it registers again, and the observer goes on", async (t) => {
  const { page } = await observe(t);
  const events = await host.sse('/host/events?type=server.lost');
  t.after(() => events.stop());
  const at = await cut(t, 'host', () =>
    events.find((e) => e.event === 'server.lost' || e.data.type === 'server.lost', {
      ms: BACK_MS,
      what: 'the host to miss its server',
    }),
  );
  await isOnline(true);
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  t.diagnostic(`picture ${Date.now() - at} ms after the cable`);
});

test("the browser's cable at the console page: the picture is back by itself, and the lease is still its own", async (t) => {
  const page = await openPage(t, browser, `http://10.1.0.2:${host.port}/#/d/bench`);
  await showsPictureBy(page, 'webrtc');
  await page.locator('#lease-take').click();
  const lease = await until('the lease', async () => (await host.get('/host/devices/bench')).json.lease);
  const frozen = () =>
    inPage(page, 'the page to notice', () => document.querySelector('.stage').dataset.rung !== 'webrtc', null, BACK_MS);
  const at = await cut(t, 'far', frozen);
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  await inPage(
    page,
    'the page to be live',
    () => /Live/.test(document.querySelector('#link').textContent),
    null,
    BACK_MS,
  );
  t.diagnostic(`picture ${Date.now() - at} ms after the cable`);
  const held = (await host.get('/host/devices/bench')).json.lease;
  assert.equal(held.holder, lease.holder);
  await page.locator('#lease-renew').click(); // which only the holder's page has
  await until(
    'the lease to be renewed',
    async () => Date.parse((await host.get('/host/devices/bench')).json.lease.expires_at) > Date.parse(held.expires_at),
  );
  await page.locator('#lease-release').click();
  await until('the lease to be released', async () => (await host.get('/host/devices/bench')).json.lease === null);
});

test('the server is killed and started again: the host registers again, and the observer goes on with its old link', async (t) => {
  const { page, session } = await observe(t);
  const lost = await host.sse('/host/events?type=server.lost');
  t.after(() => lost.stop());
  await server.program.kill();
  await lost.find((e) => e.data.type === 'server.lost', { what: 'the host to say so on its bus' });
  await says(page, 'server away');
  await assertPlays(page); // it needs no server
  server = await net.server('mid', '10.2.0.1', { before: server });
  const at = Date.now();
  await isOnline(true);
  await says(page, 'host connected');
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  t.diagnostic(`picture ${Date.now() - at} ms after the server`);
  assert.equal((await server.get(`/api/session/${session.sessionId}`)).json.observers, 1);
});

/** The cable's end at `name` has another address, as with another network or a new lease of DHCP. */
function readdress(name, gateway, from, to) {
  net.run(name, ['ip', 'address', 'del', from, 'dev', 'mid']);
  net.run(name, ['ip', 'address', 'add', to, 'dev', 'mid']);
  net.run(name, ['ip', 'route', 'replace', 'default', 'via', gateway]);
}

test("the browser's machine has another address: the picture goes on as if nothing were", async (t) => {
  const { page } = await observe(t);
  const rungs = await page.evaluateHandle(() => {
    const stage = document.querySelector('.stage');
    const seen = [];
    new MutationObserver(() => seen.push(stage.dataset.rung)).observe(stage, { attributeFilter: ['data-rung'] });
    return seen;
  });
  const played = () => page.evaluate(() => document.querySelector('.stage video').currentTime);
  readdress('far', '10.2.0.1', '10.2.0.2/24', '10.2.0.3/24');
  t.after(() => readdress('far', '10.2.0.1', '10.2.0.3/24', '10.2.0.2/24'));
  const before = await played();
  // longer than a browser takes to find out that nobody answers
  await until('the picture to go on', async () => (await played()) > before + 4, BACK_MS);
  assert.deepEqual(await rungs.jsonValue(), []);
});

test("the host's machine has another address: it dials again at once, and the session goes on", async (t) => {
  const { page, session } = await observe(t, { spy: true });
  const at = Date.now();
  readdress('host', '10.1.0.1', '10.1.0.2/24', '10.1.0.3/24');
  t.after(() => readdress('host', '10.1.0.1', '10.1.0.3/24', '10.1.0.2/24'));
  await host.program.line('the address of this machine has changed');
  await inPage(page, 'a second connection', () => window.peers.length > 1, null, BACK_MS);
  await showsPictureBy(page, 'webrtc', BACK_MS);
  await assertPlays(page);
  t.diagnostic(`picture ${Date.now() - at} ms after the change`);
  assert.equal((await server.get(`/api/session/${session.sessionId}`)).json.observers, 1);
});
