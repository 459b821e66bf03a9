// A host and an observer behind a NAT each: network namespaces with the server and coturn in the middle. What the
// observer sees is decoded video, by the path that the two NATs leave: a hole punched through them, or the TURN server,
// by UDP or by TCP. Credentials are those that testbed-server makes for both sides (WEBRTC_TURN_SERVERS,
// WEBRTC_TURN_SECRET).
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { before, test } from 'node:test';

import { certificate, childOf, forFile, until } from '../integration/harness.mjs';
import { assertPlays, inPage, openPage, pairOf, pictureAge, showsPictureBy, startBrowser } from './browser.mjs';
import { Net } from './netns.mjs';

const file = forFile();
const SECRET = 'a-secret-of-coturn-and-the-server';
const MID = '203.0.113.1'; // the only address that both can reach
const PUBLIC = ['203.0.113.2', '198.51.100.2']; // of the two NATs
let net;
let server;
let turn;
let browser;

before(async () => {
  net = await Net.make(file, 'host', 'hostnat', 'mid', 'farnat', 'far', 'world');
  net.cable('host', '192.168.1.2/24', 'hostnat', '192.168.1.1/24');
  net.cable('hostnat', `${PUBLIC[0]}/24`, 'mid', `${MID}/24`);
  net.cable('mid', '198.51.100.1/24', 'farnat', `${PUBLIC[1]}/24`);
  // both are at home in the same private network, as homes are
  net.cable('farnat', '192.168.1.1/24', 'far', '192.168.1.2/24');
  // whom nobody here knows is lost out there, as in the world, and not refused: coturn ends a session whose peer is
  // unreachable by its own routes
  net.cable('mid', '192.0.2.1/24', 'world', '192.0.2.2/24');
  for (const [name, gateway] of [
    ['mid', '192.0.2.2'],
    ['host', '192.168.1.1'],
    ['hostnat', MID],
    ['farnat', '198.51.100.1'],
    ['far', '192.168.1.1'],
  ])
    net.gateway(name, gateway);
  net.forwards('mid');
  turn = await net.turn('mid', MID, SECRET);
  browser = await startBrowser(file, net.chromium('far'), ['--ignore-certificate-errors']); // coturn's is nobody's
});

/** Server and host for one test, with these ICE servers. */
async function start(t, env, config = {}) {
  const own = net.during(t);
  const server = await own.server('mid', MID, { env, config });
  const host = await own.host('host', {
    name: 'lab-1',
    server: { url: server.pages, insecure: true },
    devices: { bench: { attach: 'testpattern://?width=1280&height=720&fps=20' } },
  });
  await host.state_is('bench/video');
  await until(
    'the bench on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/bench'),
    30000,
  );
  return { server, host };
}

async function observe(t, server) {
  const session = await server.session({ device: 'lab-1/bench', mode: 'control', observers: 2 });
  const link = new URL(session.controlUrl, server.url);
  return openPage(t, browser, server.pages + link.pathname + link.hash, { spy: true });
}

/** Video is decoded, and the candidate pair that carries it. */
async function watched(t, page, what) {
  await showsPictureBy(page, 'webrtc', 60000);
  await assertPlays(page);
  const { pair, frames } = await inPage(page, 'thirty decoded frames', pairOf);
  t.diagnostic(
    `${what}: ${pair.local} -> ${pair.remote}, ${frames} frames, the picture is ${await pictureAge(page)} ms old`,
  );
  return pair;
}

const TTL_S = 20; // new ones come after half of it

// Runs in the page: from now on, the longest time between two pictures, and what the page fell back to.
function watchFrames() {
  const video = document.querySelector('.stage video');
  const rungs = [];
  let gapMs = 0;
  let at = performance.now();
  const look = () => {
    const now = performance.now();
    gapMs = Math.max(gapMs, now - at);
    at = now;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  const stage = document.querySelector('.stage');
  new MutationObserver(() => rungs.push(stage.dataset.rung)).observe(stage, { attributeFilter: ['data-rung'] });
  window.framesWatched = () => ({ gapMs: Math.round(gapMs), rungs });
}

const TURN = {
  WEBRTC_STUN_SERVERS: `stun:${MID}:3478`,
  WEBRTC_TURN_SERVERS: `turn:${MID}:3478?transport=udp,turn:${MID}:3478?transport=tcp`,
  WEBRTC_TURN_SECRET: SECRET,
};

function nats(symmetric) {
  net.nat('hostnat', 'host', 'mid', { symmetric });
  net.nat('farnat', 'far', 'mid', { symmetric });
}

test('NATs that keep their ports: a hole is punched, and TURN is left alone', async (t) => {
  nats(false);
  const { server } = await start(t, TURN);
  const pair = await watched(t, await observe(t, server), 'hole punched');
  assert.match(pair.local, /^(srflx|prflx) udp/);
  assert.match(pair.remote, /^(srflx|prflx) udp/);
});

test("symmetric NATs: video comes through TURN, with credentials of the server's making", async (t) => {
  nats(true);
  const begun = turn.text.length;
  const { server, host } = await start(t, TURN);
  const page = await observe(t, server);
  const pair = await watched(t, page, 'symmetric NATs');
  assert.match(`${pair.local} ${pair.remote}`, /relay/);

  // the host's ports at the TURN server, by UDP and by TCP, are given back when the viewer leaves, not ten minutes
  // later
  const log = () => turn.text.slice(begun);
  const allocated = [...log().matchAll(/session (\d+): new, realm=<testbed>, username=<\d+:lab-1>, lifetime=600/g)].map(
    (m) => m[1],
  );
  const left = () => allocated.filter((id) => !log().includes(`session ${id}: delete: `));
  assert.ok(allocated.length > 0 && left().length > 0, log().slice(-3000));
  await page.close();
  await until('the relay ports to be given back', () => left().length === 0, 20000);
  assert.doesNotMatch(host.program.text, /TURN refreshes/); // libnice's complaint of ports that are left behind
});

test('symmetric NATs, a session that outlives its TURN credentials: both sides have new ones in time, and the picture goes on', async (t) => {
  nats(true);
  const begun = turn.text.length;
  const { server } = await start(t, TURN, { turn: { ttl_s: TTL_S } });
  const page = await observe(t, server);
  await watched(t, page, 'with the first credentials');
  await page.evaluate(watchFrames);
  const ends = (who) =>
    new Set(
      [...turn.text.slice(begun).matchAll(new RegExp(`: new, realm=<testbed>, username=<(\\d+):${who}>`, 'g'))].map(
        (m) => m[1],
      ),
    );
  const [p, first] = await Promise.all([
    page.evaluate(() => window.peers.length),
    page.evaluate(() => window.peers.at(-1).getConfiguration().iceServers.at(-1).username.split(':')),
  ]);
  await inPage(page, 'another connection', (n) => window.peers.length > n, p, 60000);
  await inPage(page, 'the first one to be gone', (n) => window.peers[n - 1].connectionState === 'closed', p, 60000);
  await watched(t, page, 'with the next credentials');
  const [now, whom] = await page.evaluate(() =>
    window.peers.at(-1).getConfiguration().iceServers.at(-1).username.split(':'),
  );
  assert.equal(whom, first[1]);
  assert.ok(Number(now) > Number(first[0]), `${first[0]} -> ${now}`);
  for (const who of [whom, 'lab-1']) assert.ok(ends(who).size > 1, `${who} of coturn: ${[...ends(who)]}`);
  const { gapMs, rungs } = await page.evaluate(() => window.framesWatched());
  t.diagnostic(`the longest time without a new picture was ${gapMs} ms`);
  assert.deepEqual(rungs, [], 'it was by WebRTC all the time');
});

test('symmetric NATs, credentials of another secret: coturn refuses them, and the reduced picture comes through the server', async (t) => {
  nats(true);
  const { server } = await start(t, { ...TURN, WEBRTC_TURN_SECRET: 'a-secret-that-coturn-does-not-know' });
  const page = await observe(t, server);
  await showsPictureBy(page, 'fallback', 60000);
  await turn.line('Unauthorized');
});

for (const [who, from, pattern] of [
  ['for the observer', ['farnat'], { local: /^relay udp tcp$/ }],
  ['for the host', ['hostnat'], { remote: /^relay/ }],
  ['for both', ['farnat', 'hostnat'], { local: /^relay udp tcp$/, remote: /^relay/ }],
]) {
  test(`symmetric NATs, UDP blocked ${who}: TURN by TCP`, async (t) => {
    nats(true);
    net.blockUdp('mid', ...from);
    t.after(() => net.blockUdp('mid'));
    const { server } = await start(t, TURN);
    const pair = await watched(t, await observe(t, server), `UDP blocked ${who}`);
    for (const [side, wanted] of Object.entries(pattern)) assert.match(pair[side], wanted);
    if (who !== 'for the observer') return;
    const page = await openPage(t, browser, `${server.pages}/diagnose?device=lab-1/bench`);
    const found = await inPage(page, 'the diagnosis', () => document.querySelector('#verdict .notice')?.textContent);
    assert.match(found, /UDP does not get out of this network. Pictures come through TURN by TCP/);
    assert.match(await page.locator('#open').textContent(), /UDP 3478 to 203\.0\.113\.1/);
    assert.match(await page.locator('[data-check="server"]').textContent(), /sees you as 198\.51\.100\.2/);
    assert.match(await page.locator('[data-about="host"]').textContent(), /lab-1 is connected and answers/);
  });
}

test('UDP blocked, and TURN by TLS alone: it is used; a direct way is taken by itself once there is one', async (t) => {
  nats(true);
  net.blockUdp('mid', 'farnat');
  t.after(() => net.blockUdp('mid'));
  await turn.kill();
  turn = await net.turn('mid', MID, SECRET, { tls: certificate(net.folder, 'turn', { names: `IP:${MID}` }) });
  t.after(async () => {
    await turn.kill();
    turn = await net.turn('mid', MID, SECRET);
  });
  // the host is reached from TURN by UDP; the browser has nothing but TLS
  const uris = `turns:${MID}:5349?transport=tcp`;
  const { server } = await start(t, {
    WEBRTC_STUN_SERVERS: `stun:${MID}:3478`,
    WEBRTC_TURN_SERVERS: uris,
    WEBRTC_TURN_SECRET: SECRET,
  });
  const page = await observe(t, server);
  const pair = await watched(t, page, 'TURN by TLS');
  assert.match(pair.local, /^relay udp tls$/);
  await page.evaluate(watchFrames);
  nats(false);
  net.blockUdp('mid');
  await inPage(page, 'another connection', () => window.peers.length > 1, null, 60000);
  const direct = await until('a direct way', async () => {
    const now = await inPage(page, 'thirty decoded frames', pairOf);
    return !/relay/.test(`${now.pair.local} ${now.pair.remote}`) && now.pair;
  });
  const { gapMs, rungs } = await page.evaluate(() => window.framesWatched());
  t.diagnostic(`${direct.local} -> ${direct.remote}; the longest time without a new picture was ${gapMs} ms`);
  assert.deepEqual(rungs, [], 'it was by WebRTC all the time');
});

test('coturn by UDP dies under a viewer that leaves: it is let go all the same, with its descriptors', async (t) => {
  nats(true);
  // by UDP alone: libnice 0.1.21 may abort when a TURN server's TCP connection ends under a viewer
  // (priv_prune_pending_checks), and there is a test of that below
  const { server, host } = await start(t, { ...TURN, WEBRTC_TURN_SERVERS: `turn:${MID}:3478?transport=udp` });
  // what a viewer brings; files are opened when there is something to be written, viewers or not
  const isFile = (pid, fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('/');
    } catch {
      return true; // it was closed meanwhile
    }
  };
  const fds = (pid) => readdirSync(`/proc/${pid}/fd`).filter((fd) => !isFile(pid, fd)).length;
  const held = () => fds(host.pid) + fds(childOf(host.pid));
  const watch = async () => {
    const page = await observe(t, server);
    await watched(t, page, 'coturn alive');
    return page;
  };
  const first = await watch(); // leaves behind what a first viewer brings for good: libraries' descriptors
  const watching = held();
  await first.close();
  let before = watching;
  await until(
    'the descriptors to settle',
    async () => {
      const now = held();
      const same = now === before && now < watching;
      before = now;
      if (!same) await new Promise((next) => setTimeout(next, 500)); // longer than between two steps of its end
      return same;
    },
    30000,
  );
  const second = await watch();
  assert.ok(held() > before);
  await turn.kill();
  await second.close();
  await until('the descriptors to be back', () => held() <= before, 30000);
  assert.doesNotMatch(host.program.text, /does not end/); // the reaper's complaint of a pipeline that it leaves behind
});

for (const [what, end] of [
  ['coturn dies', (turn) => turn.kill()],
  [
    'testbed-media aborts, as libnice 0.1.21 does it on such an end',
    (_, host) => process.kill(childOf(host.pid), 'SIGABRT'),
  ],
]) {
  test(`TURN by TCP, ${what} under a viewer: the host goes on, and the viewer is back`, async (t) => {
    nats(true);
    const { server, host } = await start(t, { ...TURN, WEBRTC_TURN_SERVERS: `turn:${MID}:3478?transport=tcp` });
    if (turn.how) turn = await net.turn('mid', MID, SECRET);
    const page = await observe(t, server);
    await watched(t, page, 'TURN by TCP');
    await end(turn, host);
    if (turn.how) turn = await net.turn('mid', MID, SECRET);
    await inPage(page, 'the first connection to have ended', () => window.peers.length > 1);
    await watched(t, page, 'again');
    assert.ok(!host.program.how, 'the host runs');
  });
}
