// A network without IPv4: server, host and browser have IPv6 addresses alone. Pages, sessions, pictures peer to peer
// and, where UDP is blocked, by the relay.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { forFile, until } from '../integration/harness.mjs';
import { assertPlays, inPage, openPage, pairOf, showsPictureBy, startBrowser } from './browser.mjs';
import { Net } from './netns.mjs';

const file = forFile();
let net;
let server;
let host;
let browser;

before(async () => {
  net = await Net.make(file, 'host', 'mid', 'far');
  net.cable('host', 'fd00:1::2/64', 'mid', 'fd00:1::1/64');
  net.cable('far', 'fd00:2::2/64', 'mid', 'fd00:2::1/64');
  net.gateway('host', 'fd00:1::1');
  net.gateway('far', 'fd00:2::1');
  net.run('mid', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/forwarding']);
  server = await net.server('mid', 'fd00:2::1');
  host = await net.host('host', {
    name: 'lab-1',
    address: '::',
    server: { url: `http://[fd00:1::1]:${new URL(server.pages).port}`, insecure: true },
    devices: { bench: { attach: 'testpattern://?width=640&height=360&fps=20' } },
  });
  await host.state_is('bench/video');
  await until('the bench', async () => (await server.get('/api/devices')).text.includes('lab-1/bench'), 30000);
  // its mDNS, which hides addresses, never gets ready where there is no IPv4, and it has no candidates then
  browser = await startBrowser(file, net.chromium('far'), ['--disable-features=WebRtcHideLocalIpsWithMdns']);
});

test('an observer: pictures peer to peer by IPv6, by the relay while UDP is blocked, and peer to peer again', async (t) => {
  const session = await server.session({ device: 'lab-1/bench', mode: 'control', observers: 2 });
  const link = new URL(session.controlUrl, server.url);
  const page = await openPage(t, browser, server.pages + link.pathname + link.search + link.hash, { spy: true });
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
  const { pair } = await inPage(page, 'thirty decoded frames', pairOf);
  t.diagnostic(`${pair.local} -> ${pair.remote}`);
  assert.match(`${pair.local} ${pair.remote}`, /^(host|prflx) udp.* (host|prflx) udp/);
  t.after(() => net.blockUdp('mid'));
  net.blockUdp('mid', 'far', 'host');
  await showsPictureBy(page, 'fallback');
  net.blockUdp('mid');
  await showsPictureBy(page, 'webrtc', 60000);
});

test("the host's own page by its IPv6 address", async (t) => {
  const page = await openPage(t, browser, `http://[fd00:1::2]:${host.port}/#/d/bench`);
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
});
