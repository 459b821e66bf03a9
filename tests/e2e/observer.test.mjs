// Remote observers: a board behind a host that registered with the server by its own socket, watched and driven through
// the server's pages, peer to peer and, where WebRTC is impossible, through the relay.
import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';

import { UBOOT } from '../integration/bench.mjs';
import { forFile, linkToken, until, websocket, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import {
  assertPlays,
  assertQuiet,
  BRIGHT,
  channelMessages,
  clickPicture,
  inPage,
  openPage,
  sendOnChannel,
  share,
  showsPictureBy,
  startBrowser,
  terminalText,
  typeKeys,
} from './browser.mjs';

const file = forFile();
const BOARD = '/host/devices/board';
let server;
let host;
let browser;

before(async () => {
  server = await withServer(file);
  host = await withHost(file, {
    name: 'lab-1',
    server: { url: server.url },
    devices: {
      board: { label: 'U-Boot in QEMU', attach: [UBOOT, 'vitals://?interval_ms=500'] },
      meter: { attach: 'vitals://?interval_ms=500' },
      odd: { attach: 'testpattern://?width=321&height=241&fps=20' },
    },
  });
  browser = await startBrowser(file);
  await host.state_is('board/power');
  await until(
    'the board on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/board'),
    30000,
  );
});

// each test finds the board at its prompt, whatever happened in the one before
beforeEach(async () => {
  const { json: at } = await host.get(`${BOARD}/console`);
  const was = (await host.get(`${BOARD}/power`)).json.observed;
  const on = await host.put(`${BOARD}/power`, { state: 'on' });
  assert.equal(on.json.observed, 'on', on.text);
  // Ctrl+C: a new prompt from one that waits already, and no command again as after Enter
  const prompt = await host.post(
    `${BOARD}/console/expect`,
    { pattern: '=> ', from: at.offset, timeout_s: 60, ...(was === 'on' ? { send: '\x03' } : {}) },
    { ms: 90000 },
  );
  assert.equal(prompt.status, 200, prompt.text);
});

const expect = (pattern, from) => host.post(`${BOARD}/console/expect`, { pattern, from, timeout_s: 30 }, { ms: 60000 });
const offset = async () => (await host.get(`${BOARD}/console`)).json.offset;
const create = (mode) => server.session({ device: 'lab-1/board', mode, observers: 4 });
const watch = (t, link, options) => openPage(t, browser, new URL(link, server.url).href, { spy: true, ...options });
const mayControl = (page) => inPage(page, 'control', () => !document.querySelector('#control-switch').disabled);
const say = (page, words, ms) =>
  inPage(page, `the page to say "${words}"`, (w) => document.querySelector('main').textContent.includes(w), words, ms);

test("the server's page lists the board with its host and hands out links", async (t) => {
  const page = await openPage(t, browser, `${server.url}/`);
  const row = page.locator('[data-device="lab-1/board"]');
  await row.waitFor();
  assert.match(await row.textContent(), /lab-1\/board.*U-Boot in QEMU.*power.*console.*video.*input/s);
  await page.getByRole('button', { name: 'Give out a link of lab-1/board' }).click();
  await page.getByLabel('Who has it may').selectOption('control');
  await page.getByLabel('Good for').selectOption('3600');
  await page.getByLabel('Note (optional)').fill('night shift');
  await page.keyboard.press('Enter');
  const link = await page.getByLabel('Control link', { exact: true }).inputValue();
  await page.getByRole('button', { name: 'Done' }).click();
  const observer = await watch(t, link);
  await showsPictureBy(observer, 'webrtc');
  await page.getByRole('link', { name: 'Links' }).click();
  const out = page.locator('[data-session]', { hasText: 'night shift' });
  await out.getByText('1 of 8 in').waitFor();
  assert.match(await out.innerText(), /lab-1\/board.*control.*good until/s);
  await out.getByRole('button', { name: 'Show' }).click();
  assert.equal(await page.getByLabel('Control link', { exact: true }).inputValue(), link);
  await page.getByText('Code to scan').last().click();
  await inPage(page, 'a code', () => [...document.querySelectorAll('img.qr')].at(-1)?.naturalWidth > 0);
  await page.keyboard.press('Escape');
  // by keyboard: another link comes and goes, and one is where one was; behind what is taken back, too
  const focused = () =>
    page.evaluate(() => document.activeElement.closest('[data-session], section.panel')?.innerText ?? null);
  await out.getByRole('button', { name: 'Show' }).focus();
  await create('view');
  const other = page.locator('[data-session]', { hasText: 'nobody in' });
  await other.waitFor();
  assert.match(await focused(), /night shift/);
  await other.getByRole('button', { name: 'Revoke' }).focus();
  await page.keyboard.press('Enter');
  await other.waitFor({ state: 'detached' });
  assert.match(await focused(), /night shift/);
  assertQuiet(page);
  assertQuiet(observer);
  await out.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await say(observer, 'has taken it back');
  await page.getByText('No link is out').waitFor();
  assert.match(await focused(), /No link is out/);
});

test('a view link: two watch at once, see each other, and cannot control', async (t) => {
  const session = await create('view');
  assert.ok(session.viewUrl && !session.controlUrl, JSON.stringify(session));
  const pages = await Promise.all([watch(t, session.viewUrl), watch(t, session.viewUrl)]);
  for (const page of pages) {
    await showsPictureBy(page, 'webrtc');
    await say(page, 'view only');
    assert.equal(await page.locator('.stage-hint').innerText(), 'View only: This link is for watching only.');
    await say(page, 'host connected');
    await say(page, '2 watching');
    assert.ok(await page.locator('#control-switch').isDisabled());
  }
  for (const page of pages) await assertPlays(page);
  assert.equal((await server.get(`/api/session/${session.sessionId}`)).json.observers, 2);

  // what the page does not offer is refused by the host: by data channel …
  const from = await offset();
  const commands = [
    { device: 'board', verb: 'power.set', params: { state: 'off' } },
    { device: 'board', verb: 'input.send', params: { events: [{ type: 'text', text: 'reset' }] } },
    { device: 'board', verb: 'console.write', params: { text: 'reset\r' } },
  ];
  for (const [i, command] of commands.entries()) {
    const id = 900 + i;
    await sendOnChannel(pages[0], 'control', { id, ...command });
    const answer = await until(
      `the answer to ${command.verb}`,
      async () => (await channelMessages(pages[0], 'control')).find((m) => m.id === id),
      30000,
    );
    assert.deepEqual([answer.ok, answer.error.status], [false, 403], JSON.stringify(answer));
  }
  // … and by relay
  const token = linkToken(session.viewUrl, server.url);
  const raw = await server.join('desktop', { sessionId: session.sessionId, token });
  const producer = raw.ready.peers.find((p) => p.peer === 'phone').peerId;
  for (const [i, command] of commands.entries()) {
    raw.send({ id: 1 + i, to: producer, ...command });
    const answer = await raw.find((m) => m.id === 1 + i && 'ok' in m, { what: `the answer to ${command.verb}` });
    assert.deepEqual([answer.ok, answer.error.status], [false, 403], JSON.stringify(answer));
  }
  await raw.stop();
  assert.equal((await host.get(`${BOARD}/power`)).json.observed, 'on');
  assert.equal(await offset(), from, 'nothing reached the board');

  // who is there, what is said, where somebody points: all see it
  await pages[0].getByLabel('Your name, as the others see it').fill('Bert');
  await pages[0].keyboard.press('Enter');
  await pages[1].getByText('Bert (guest)', { exact: true }).waitFor();
  await inPage(pages[1], 'the way of both', () =>
    /directly.*directly/s.test(document.querySelector('.people').innerText),
  );
  // also who has no more than a console, and came by another way
  const script = await websocket(server.url, `/api/hosts/lab-1/host/devices/board/console`);
  await pages[0].locator('#room li', { hasText: 'by the server, on the console' }).waitFor();
  await script.stop();
  await pages[0].locator('#room li', { hasText: 'on the console' }).waitFor({ state: 'detached' });
  await pages[0].getByLabel('Say something to all who watch').fill('look <b>here</b>');
  await pages[0].keyboard.press('Enter');
  await pages[1].locator('.talk', { hasText: 'look <b>here</b>' }).waitFor();
  await pages[0].locator('#point').click();
  const seen = await pages[0].locator('.pointing.on').boundingBox();
  await pages[0].mouse.click(seen.x + seen.width / 2, seen.y + seen.height / 2);
  const marker = await pages[1].locator('.marker').boundingBox();
  const there = await pages[1].locator('#screen').boundingBox();
  assert.ok(Math.abs(marker.x - there.x - there.width / 2) < 3, JSON.stringify([marker, there]));
  assert.equal(await pages[1].locator('.marker').innerText(), 'Bert (guest)');
  await pages[0].keyboard.press('Escape');
  assert.equal(await offset(), from, 'pointing reached no device');

  await pages[1].context().close();
  await say(pages[0], '1 watching');
  assertQuiet(pages[0]);
});

test('a control link: what is typed reaches U-Boot over the data channel, and every command is acknowledged', async (t) => {
  const session = await create('control');
  const page = await watch(t, session.controlUrl);
  await showsPictureBy(page, 'webrtc');
  await mayControl(page);
  await clickPicture(page, 200, 300);
  const from = await offset();
  await typeKeys(page, 'echo REMOTE hand\n');
  assert.equal((await expect('\\nREMOTE hand', from)).status, 200);
  const acks = await until(
    'acknowledgements',
    async () => {
      const [sent, got] = await page.evaluate(() => [window.spied.sent, window.spied.control]);
      const asked = sent.filter((m) => m.verb === 'input.send').map((m) => m.id);
      const answered = got.filter((m) => m.ok === true).map((m) => m.id);
      return asked.length > 0 && asked.every((id) => answered.includes(id)) && asked.length;
    },
    30000,
  );
  assert.ok(acks > 5, `${acks} commands`);

  await page.locator('[aria-label="Power power"]').getByRole('button', { name: 'Off', exact: true }).click();
  await until('the board to be off', async () => (await host.get(`${BOARD}/power`)).json.observed === 'off', 30000);
  await inPage(
    page,
    'the page to show it',
    () =>
      [...document.querySelectorAll('.power-truth .value')].map((e) => e.textContent.toLowerCase()).join() ===
      'off,off',
  );
  const before = await offset();
  await page.locator('[aria-label="Power power"]').getByRole('button', { name: 'On', exact: true }).click();
  assert.equal((await expect('=> ', before)).status, 200);
  assertQuiet(page);
});

test("an observer has what the host's page has: console, plots, events, and the lease, which is asked for and handed over", async (t) => {
  const session = await create('control');
  const page = await watch(t, session.controlUrl);
  await mayControl(page);
  await page.locator('.terminal-bar .status', { hasText: 'Connected' }).waitFor();
  const from = await offset();
  await page.locator('.terminal-box').click();
  await page.keyboard.type('echo by_observer');
  await page.keyboard.press('Enter');
  assert.equal((await expect('\\nby_observer', from)).status, 200);
  await until('the answer in the terminal', async () => /^by_observer/m.test(await terminalText(page)), 30000);
  await page.locator('#tab-sensors').click();
  await inPage(page, 'plots', () => document.querySelectorAll('.plot canvas').length >= 2);
  await page.locator('#tab-console').click();

  const other = await watch(t, (await create('control')).controlUrl);
  await mayControl(other);
  await other.locator('#lease-take').click();
  await other.locator('#lease-release').waitFor();
  await page.getByText(/controls this device, and has it until \d/).waitFor();
  assert.ok(await page.locator('#power-on-power').isDisabled());
  // refused, in words; and granted, by keyboard
  await page.locator('#lease-ask').click();
  await other.getByRole('button', { name: 'Refuse' }).click();
  await page.locator('.toast', { hasText: 'keeps it for now' }).waitFor();
  await page.locator('#lease-ask').click();
  await other.getByRole('button', { name: 'Grant' }).focus();
  await other.keyboard.press('Enter');
  await page.locator('#lease-release').waitFor();
  await other.locator('#lease-ask').waitFor();
  await page.locator('#lease-release').click();
  await page.locator('#lease-take').waitFor();
  assertQuiet(page);
  assertQuiet(other);
});

test('two tabs of one browser: one controls, host and server say which; asked for, it is given at once; reload and copy', async (t) => {
  const session = await create('control');
  const link = new URL(session.controlUrl, server.url).href;
  const first = await watch(t, session.controlUrl);
  await mayControl(first);
  await first.locator('#lease-take').click();
  await first.locator('#lease-release').waitFor();
  const second = await first.context().newPage();
  await second.goto(link);
  await second.locator('#lease-ask').waitFor();
  /** By which name a tab goes, once host and server say that it controls. */
  const controls = async (page) => {
    await page.locator('#lease-release').waitFor();
    const id = await page.evaluate((s) => JSON.parse(sessionStorage.getItem(`testbed.peer.${s}`)), session.sessionId);
    await until('the host to say so', async () => (await host.get(`${BOARD}/lease`)).json?.holder.includes(id));
    await until('the server to say so', async () => {
      const all = (await server.get('/api/session')).json.find((s) => s.sessionId === session.sessionId).people;
      return all.filter((p) => p.controls).length === 1 && all.find((p) => p.controls).peerId === id;
    });
    return id;
  };
  const was = await controls(first);
  await second.locator('#lease-ask').click();
  const id = await controls(second);
  assert.notEqual(id, was);
  await first.locator('#lease-ask').waitFor();
  await second.reload();
  assert.equal(await controls(second), id);
  // as a browser copies a tab: with all that it remembers
  const kept = await second.evaluate(() => Object.entries(sessionStorage));
  const copy = await first.context().newPage();
  await copy.addInitScript((all) => all.forEach(([k, v]) => sessionStorage.setItem(k, v)), kept);
  await copy.goto(link);
  await copy.locator('#lease-ask').waitFor();
  assert.equal(await controls(second), id);
  await second.locator('#lease-release').click();
  await copy.locator('#lease-take').waitFor();
  assertQuiet(first);
});

test('the wall: pictures as large as they are shown, one enlarged peer to peer, by keyboard; it is kept, and what is off it costs nothing', async (t) => {
  const page = await openPage(t, browser, `${server.url}/wall`, { spy: true });
  const tile = (name) => page.locator(`.tile[data-device="lab-1/${name}"]`);
  for (const name of ['board', 'odd']) await tile(name).locator('canvas:not([hidden])').waitFor();
  assert.equal(await page.locator('.tile').count(), 2, 'a device without a picture is not on it');
  const width = () =>
    tile('board')
      .locator('canvas')
      .evaluate((c) => c.width);
  const shown = await tile('board').evaluate((el) => el.clientWidth);
  assert.ok((await width()) <= Math.ceil(shown / 160) * 160, `${await width()} px for ${shown}`);
  const out = async () => (await server.get('/api/session')).json.filter((s) => s.note === 'Wall').map((s) => s.device);
  assert.deepEqual((await out()).sort(), ['lab-1/board', 'lab-1/odd']);

  await tile('odd').focus();
  await page.keyboard.press('Enter');
  await tile('odd').locator('.way', { hasText: 'WebRTC' }).waitFor();
  assert.equal(
    await tile('odd')
      .locator('video')
      .evaluate((v) => v.videoWidth),
    322,
  );
  // Escape makes it small again, also behind its own button, which says that it is the large one
  const enlarge = page.getByRole('button', { name: 'Enlarge lab-1/odd' });
  await enlarge.focus();
  assert.equal(await enlarge.getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('Escape');
  assert.equal(await enlarge.getAttribute('aria-pressed'), 'false');
  await tile('odd').locator('canvas:not([hidden])').waitFor();
  const isFull = () => page.evaluate(() => document.fullscreenElement?.id ?? null);
  await page.keyboard.press('f');
  await until('the wall on the full screen', async () => (await isFull()) === 'wall');
  await page.keyboard.press('f');
  await until('the page to be back', async () => (await isFull()) === null);
  await tile('odd').focus();
  await page.keyboard.press('Shift+ArrowLeft');
  await tile('board').focus();
  await page.keyboard.press('Delete');
  await until('the link of what was taken off to end', async () => (await out()).join() === 'lab-1/odd');
  assert.match(page.url(), /\/wall\?d=lab-1\/odd$/);
  await page.goto(`${server.url}/wall`);
  await tile('odd').locator('canvas:not([hidden])').waitFor();
  assert.equal(await page.locator('.tile').count(), 1, 'it is kept');
  assert.deepEqual(await out(), ['lab-1/odd'], 'by the link of before');

  // out of sight, nothing comes
  const parties = async () => /testbed_parties\{role="desktop"\} (\d+)/.exec((await server.get('/metrics')).text)[1];
  assert.equal(await parties(), '1');
  await page.evaluate(() => {
    document.querySelector('#wall').style.marginTop = '3000px';
  });
  await until('nobody to watch', async () => (await parties()) === '0');
  await page.evaluate(() => {
    document.querySelector('#wall').style.marginTop = '';
  });
  await until('it to be back', async () => (await parties()) === '1');
  assertQuiet(page);
});

test('pointers go by the size of the screen, not of its picture', async (t) => {
  const session = await server.session({ device: 'lab-1/odd', mode: 'control' });
  const page = await watch(t, session.controlUrl);
  assert.deepEqual(await showsPictureBy(page, 'webrtc'), { width: 322, height: 242 });
  await inPage(page, "the screen's own size", () => document.querySelector('.stage').style.aspectRatio === '321 / 241');
});

test('without WebRTC: commands, samples and a reduced picture go through the relay, and the page says so', async (t) => {
  const session = await create('control');
  const page = await watch(t, session.controlUrl, { webrtc: false });
  const size = await showsPictureBy(page, 'fallback');
  await inPage(page, 'H.264', () => document.querySelector('.stage .screen canvas').dataset.codec === 'h264');
  assert.ok(size.width > 0, JSON.stringify(size));
  assert.match(
    await page.locator('#fallback-notice').textContent(),
    /WebRTC does not work right now.*a reduced picture through the server/,
  );
  await until('the screen of U-Boot', async () => (await share(page, BRIGHT)) > 0.005, 30000);
  await mayControl(page);
  await clickPicture(page, 200, 300);
  const from = await offset();
  await typeKeys(page, 'cls\n');
  await typeKeys(page, 'echo by_relay\n');
  assert.equal((await expect('\\nby_relay', from)).status, 200);
  await until('the emptied screen in the reduced picture', async () => (await share(page, BRIGHT)) < 0.004, 30000);
  await inPage(page, 'samples', () => document.querySelectorAll('[aria-label=Sensors] .reading .value').length >= 2);
  assert.equal(
    await page.evaluate(() => window.spied.control.length + window.spied.sensor.length),
    0,
    'nothing came by data channel',
  );
  // a page that nobody looks at takes no pictures; looked at again, it has the one of now
  await page.evaluate(() => {
    const { prototype } = CanvasRenderingContext2D;
    const draw = prototype.drawImage;
    window.drawn = 0;
    prototype.drawImage = function (...what) {
      window.drawn += this.canvas.matches('.stage .screen canvas') ? 1 : 0;
      return draw.apply(this, what);
    };
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.away });
    window.look = (away) => {
      window.away = away;
      document.dispatchEvent(new Event('visibilitychange'));
      return window.drawn;
    };
  });
  const before = await page.evaluate(() => window.look(true));
  const since = await offset();
  await typeKeys(page, 'echo unseen\n');
  assert.equal((await expect('\nunseen', since)).status, 200);
  assert.equal(await page.evaluate(() => window.drawn), before);
  await page.evaluate(() => window.look(false));
  await inPage(page, 'the picture again', (n) => window.drawn > n, before);
  assertQuiet(page);
});

test('the server does not answer when the page begins: it says so, and tries again by itself', async (t) => {
  const session = await create('view');
  const page = await openPage(t, browser, 'about:blank');
  let lost = 0;
  await page.route('**/api/session/*', (route) => (lost++ < 2 ? route.abort() : route.continue()));
  await page.goto(new URL(session.viewUrl, server.url).href);
  await say(page, 'The page tries again by itself.');
  await showsPictureBy(page, 'webrtc');
  assert.ok(lost >= 3, `${lost} requests`);
});

test('a device without a picture: its readings by data channel, and no stage that waits for one', async (t) => {
  const session = await server.session({ device: 'lab-1/meter', mode: 'view' });
  const page = await watch(t, session.viewUrl);
  await say(page, 'Memory used');
  await until(
    'readings by data channel',
    async () => (await channelMessages(page, 'sensor'))?.some((m) => m.type === 'sample' && m.device === 'meter'),
    30000,
  );
  await inPage(page, 'a page without a stage', () => {
    const stage = document.querySelector('#screen');
    return document.querySelector('.stage').dataset.rung === 'webrtc' && !stage.checkVisibility();
  });
  assertQuiet(page);
});

test("the console's history is replayed over the relay from an offset", async (t) => {
  const session = await create('view');
  const token = linkToken(session.viewUrl, server.url);
  const raw = await server.join('desktop', { sessionId: session.sessionId, token });
  t.after(() => raw.stop());
  const start = (await host.get(`${BOARD}/console`)).json.start ?? 0;
  raw.send({
    id: 1,
    subscribe: ['console:board'],
    offset: start,
    to: raw.ready.peers.find((p) => p.peer === 'phone').peerId,
  });
  const first = await raw.find((m) => m.type === 'console', { what: 'history' });
  assert.equal(first.offset, start);
  assert.match(Buffer.from(first.base64, 'base64').toString(), /U-Boot 20\d\d/);
});

test('the host dies and comes back: the observer is told and sees it again without doing anything', async (t) => {
  const session = await create('view');
  const page = await watch(t, session.viewUrl);
  await showsPictureBy(page, 'webrtc');
  await host.kill();
  await say(page, 'host not connected');
  await page.locator('#link-lost', { hasText: 'lab-1 is not connected to the server' }).waitFor();
  host = await withHost(file, host.config, { state: host.state });
  await say(page, 'host connected', 60000);
  await showsPictureBy(page, 'webrtc');
  await assertPlays(page);
});

test('the server is restarted: who watches peer to peer sees and controls on meanwhile, and is known to it again', async (t) => {
  const session = await create('control');
  const page = await watch(t, session.controlUrl);
  await showsPictureBy(page, 'webrtc');
  await mayControl(page);
  await page.evaluate(() => {
    window.rungs = [];
    const stage = document.querySelector('.stage');
    new MutationObserver(() => window.rungs.push(stage.dataset.rung)).observe(stage, {
      attributeFilter: ['data-rung'],
    });
  });
  const peers = () => page.evaluate(() => window.peers.length);
  const before = await peers();
  const port = Number(new URL(server.url).port);
  const state = server.folder;
  await server.program.kill();
  await say(page, 'server away');
  await assertPlays(page);
  await clickPicture(page, 200, 300);
  const from = await offset();
  await typeKeys(page, 'echo BY itself\n');
  assert.equal((await expect('\\nBY itself', from)).status, 200);
  server = await withServer(file, { port }, { state });
  await host.program.line(/observer is known to the server again/, { ms: 60000 });
  await say(page, 'host connected', 60000);
  await assertPlays(page);
  assert.deepEqual(await page.evaluate(() => window.rungs), [], 'the picture was there all the time');
  assert.equal(await peers(), before, 'no connection had to be made');
});

test('a grant that is pressed while the server is away is not delivered: said at once, and nothing of it comes later', async (t) => {
  const { controlUrl } = await create('control');
  const [has, asks] = [await watch(t, controlUrl, { webrtc: false }), await watch(t, controlUrl, { webrtc: false })];
  for (const page of [has, asks]) await mayControl(page);
  await has.locator('#lease-take').click();
  await has.locator('#lease-release').waitFor();
  const holder = (await host.get(`${BOARD}/lease`)).json.holder;
  await asks.locator('#lease-ask').click();
  const grant = has.getByRole('button', { name: 'Grant' });
  await grant.waitFor();
  const [port, state] = [Number(new URL(server.url).port), server.folder];
  await server.program.kill();
  await grant.click();
  await has.locator('.toast', { hasText: 'Your answer did not arrive' }).waitFor();
  server = await withServer(file, { port }, { state });
  for (const page of [has, asks]) await say(page, 'host connected', 60000);
  // asked again and refused: had the grant waited, it would have come first. The request of before ended with the line
  // of who asked; the new one takes its place.
  const strips = has.locator('.notice.ask');
  await strips.evaluateAll((all) => all.forEach((el) => el.classList.add('before')));
  await asks.locator('#lease-ask').click();
  await has.locator('.notice.ask:not(.before)').waitFor();
  assert.equal(await strips.count(), 1);
  await has.getByRole('button', { name: 'Refuse' }).click();
  await asks.locator('.toast', { hasText: 'keeps it for now' }).waitFor();
  assert.equal((await host.get(`${BOARD}/lease`)).json.holder, holder);
});
