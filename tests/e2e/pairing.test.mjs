// Pairing a phone on the server's pages: two browsers, the desktop page and the phone page of a real server; readings
// by data channel and, where WebRTC is impossible, by the server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';

import { forFile, freePort, until } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { assertQuiet, channelMessages, inPage, openPage, startBrowser } from './browser.mjs';

const file = forFile();
let server;
let browser;

before(async () => {
  server = await withServer(file);
  browser = await startBrowser(file);
});

const panel = '[aria-label="Pair a phone"]';
const says = (page, words, ms) =>
  inPage(page, `the page to say "${words}"`, (w) => document.querySelector('main').textContent.includes(w), words, ms);

/** The front page with a session, and what its link says. */
async function desktop(t, options) {
  const page = await openPage(t, browser, `${server.url}/`, { spy: true, ...options });
  await page.getByRole('button', { name: 'Create session' }).click();
  const link = await page.getByLabel('Phone link').inputValue();
  await says(page, 'waiting for the phone');
  return { page, link };
}

/** The phone's page. Its sensors are those that DevTools overrides: turn() holds the phone another way. */
async function phone(t, link, options) {
  const page = await openPage(t, browser, link, { phone: true, viewport: { width: 390, height: 844 }, ...options });
  const cdp = await page.context().newCDPSession(page);
  const turn = (alpha, beta, gamma) =>
    cdp.send('DeviceOrientation.setDeviceOrientationOverride', { alpha, beta, gamma });
  return { page, turn, motion: () => page.getByRole('button', { name: 'Enable motion' }).click() };
}

/** The desktop page shows that attitude, in figures. */
const shows = (page, alpha, beta, gamma) =>
  inPage(
    page,
    `${alpha}, ${beta}, ${gamma}`,
    ([sel, want]) => {
      const values = [...document.querySelectorAll(`${sel} .axes .value`)].slice(0, 3).map((e) => e.textContent);
      return (
        JSON.stringify(values) === JSON.stringify(want) ||
        (() => {
          throw new Error(values.join(' '));
        })()
      );
    },
    [panel, [alpha, beta, gamma].map((v) => `${v}°`)],
  );

test('the code is the phone\'s link; nothing leaves the phone before somebody asks for it; readings come by the data channel "sensor"', async (t) => {
  const { page, link } = await desktop(t);
  assert.match(link, /\/m\/[\w-]{22,}#token=[\w-]{22,}$/);
  const code = page.getByRole('img', { name: /QR code/ });
  await inPage(page, 'the QR code', () => {
    const img = document.querySelector('img.qr');
    return img.complete && img.naturalWidth > 0;
  });
  await until('the code', async () => /^blob:/.test(await code.getAttribute('src'))); // no token in an address

  const p = await phone(t, link);
  await says(p.page, 'desktop connected');
  await says(page, 'phone connected');
  await says(p.page, 'by data channel');
  await p.turn(10, 20, 30);
  assert.equal((await channelMessages(page, 'sensor')).length, 0, 'motion was not enabled yet');
  await p.motion();
  await inPage(p.page, 'motion to be on', () => document.querySelector('#enable-motion').ariaPressed === 'true');
  await p.turn(30, 40, 20);
  await shows(page, 30, 40, 20);
  await says(page, 'by data channel');
  const [first] = await channelMessages(page, 'sensor');
  assert.equal(first.type, 'sensor');
  assert.ok(Number.isInteger(first.t) && first.seq >= 1 && 'alpha' in first.orientation, JSON.stringify(first));
  await p.turn(120, -10, 5);
  await shows(page, 120, -10, 5);
  await inPage(p.page, 'how many were sent', () =>
    /[1-9]\d* readings? sent/.test(document.querySelector('main').textContent),
  );
  // its long side points away from the camera of the page by sin(-10°), and the screen's side lies as alpha says
  const [, matrix] = (
    await page.evaluate((sel) => document.querySelector(`${sel} .slab`).style.transform, panel)
  ).match(/matrix3d\((.*)\)/);
  assert.equal(matrix.split(',')[6], ` ${Math.sin((10 * Math.PI) / 180).toFixed(5)}`);
  await page.getByRole('button', { name: 'This pose is zero' }).click();
  await shows(page, 0, 0, 0);
  await p.page.getByRole('button', { name: 'Motion is on' }).click();
  await p.turn(1, 1, 1);
  await p.turn(3, 3, 3); // where it is when it is switched on again: that may be told
  await p.page.getByRole('button', { name: 'Enable motion' }).click();
  await p.turn(2, 2, 2);
  await inPage(page, 'readings again', () => window.spied.sensor.at(-1).orientation.alpha === 2);
  assert.ok(!(await channelMessages(page, 'sensor')).some((m) => m.orientation?.alpha === 1), 'it was switched off');
  assertQuiet(page);
  assertQuiet(p.page);
});

test('WebRTC is impossible on either side: readings come by the relay, and both pages say so', async (t) => {
  for (const which of ['desktop', 'phone']) {
    const { page, link } = await desktop(t, { webrtc: which !== 'desktop', spy: false });
    const p = await phone(t, link, { webrtc: which !== 'phone' });
    await says(p.page, 'by relay');
    await p.motion();
    await p.turn(200, 50, -20);
    await shows(page, 200, 50, -20);
    await says(page, 'by relay');
    await p.turn(201, 51, -21);
    await shows(page, 201, 51, -21);
    assertQuiet(page);
    await p.page.context().close();
    await page.context().close();
  }
});

test('camera and microphone, the place, fingers and buttons: each by its own switch, shown on the desktop, and gone when it is off', async (t) => {
  const { page, link } = await desktop(t);
  const p = await phone(t, link, {
    permissions: ['camera', 'microphone', 'geolocation', 'accelerometer', 'gyroscope'],
  });
  await p.page.context().setGeolocation({ latitude: 46.5, longitude: 6.6, accuracy: 7 });
  await says(p.page, 'by data channel');
  const turn = (name) => p.page.getByRole('switch', { name }).click();

  await turn('Camera');
  // by its shape: how large it is the line decides
  const shape = (what, ratio) =>
    inPage(
      page,
      what,
      (want) => {
        const { videoWidth, videoHeight, parentElement } = document.querySelector('video.preview');
        return !parentElement.hidden && Math.abs(videoWidth / videoHeight - want) < 0.02;
      },
      ratio,
    );
  await shape('the camera on the desktop', 16 / 9);
  await p.page.getByRole('combobox', { name: 'Size' }).selectOption('640 × 480');
  await shape('the other size', 4 / 3);
  await turn('Microphone');
  await page.getByRole('button', { name: 'Listen' }).click();
  await inPage(page, 'its sound', async () => {
    const { receiver } = window.peers
      .at(-1)
      .getTransceivers()
      .find((x) => x.receiver.track.kind === 'audio');
    return [...(await receiver.getStats()).values()].some((s) => s.totalAudioEnergy > 0);
  });
  await turn('Camera');
  await inPage(page, 'no picture', () => document.querySelector('video.preview').parentElement.hidden);

  await page.getByRole('button', { name: 'Record' }).click();
  await turn('Place');
  await turn('Controller');
  const pad = await p.page.getByRole('application', { name: /Touch pad/ }).boundingBox();
  const cdp = await p.page.context().newCDPSession(p.page);
  const touches = [
    { x: pad.x + pad.width / 4, y: pad.y + pad.height / 4, id: 1 },
    { x: pad.x + pad.width / 2, y: pad.y + pad.height / 2, id: 2 },
  ];
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: touches });
  await inPage(page, 'two fingers', () => {
    const at = [...document.querySelectorAll('.mirror .finger')].map((f) => Math.round(parseFloat(f.style.left)));
    return String(at) === '25,50';
  });
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await inPage(page, 'no finger', () => document.querySelectorAll('.mirror .finger').length === 0);
  await p.page.getByRole('button', { name: 'Button A' }).tap();
  const events = async () => (await channelMessages(page, 'control')).filter((m) => /^button/.test(m.event));
  await inPage(page, 'a button, down and up', () => window.spied.control.some((m) => m.event === 'button.up'));
  assert.deepEqual(
    (await events()).map((m) => [m.event, m.data.button]),
    [
      ['button.down', 'a'],
      ['button.up', 'a'],
    ],
  );
  await page.getByText('Plots', { exact: true }).click();
  await inPage(page, 'plots below their title, none cut off', () => {
    const of = (el) => el.getBoundingClientRect();
    const all = [...document.querySelectorAll('.plot-of')];
    const bottom = of(document.querySelector('[aria-label="Pair a phone"] details[open]')).bottom;
    const title = of(document.querySelector('[aria-label="Pair a phone"] details[open] summary')).bottom;
    return (
      all.length &&
      all.every((el) => el.querySelector('canvas') && of(el).top >= title && of(el).top + el.scrollHeight <= bottom + 1)
    );
  });
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: /Stop and save \d+ rows/ }).click();
  const csv = readFileSync(await (await download).path(), 'utf8');
  assert.match(csv, /^time,stream,unit,value\r\n/);
  for (const row of [/Z,place\.latitude,deg,46\.5\r/, /Z,touch\.1\.x,1,0\.5\r/, /Z,button\.down,,/])
    assert.match(csv, row);
  // told of the readings of the last second
  const figures = page.locator('[aria-label="Pair a phone"]');
  await until('what the connection is like', async () => {
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: touches });
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    return /\d ms/.test(await figures.textContent());
  });
  assertQuiet(page);
  assertQuiet(p.page);
});

test('the phone leaves and comes back: the desktop page says so and goes on', async (t) => {
  const { page, link } = await desktop(t);
  const p = await phone(t, link);
  await says(page, 'phone connected');
  await p.motion();
  await p.turn(1, 2, 3);
  await shows(page, 1, 2, 3);
  await p.page.context().close();
  await says(page, 'the phone has left');
  await page.getByRole('button', { name: 'Vibrate' }).click();
  await page.getByText('No phone is there').waitFor();
  const again = await phone(t, link);
  await says(page, 'phone connected');
  await page.locator(panel).getByText('by data channel').waitFor(); // with nothing switched on yet
  await again.motion();
  await again.turn(4, 5, 6);
  await shows(page, 4, 5, 6);
  // so does a desktop page that is loaded again: it is the same session, and the phone need not be scanned anew
  await page.reload();
  await says(page, 'phone connected');
  await again.turn(5, 6, 7);
  await shows(page, 5, 6, 7);
  await page.getByRole('button', { name: 'Record' }).click();
  await again.page.getByRole('switch', { name: 'Controller' }).click();
  await again.page.getByRole('button', { name: 'Button B' }).dispatchEvent('keydown', { key: ' ' });
  await inPage(page, 'what is held', () => document.querySelector('[role=status] .chip')?.textContent === 'b');
  // it ends without a word: nothing lets go there
  (await again.page.context().newCDPSession(again.page)).send('Page.crash').catch(() => {});
  await says(page, 'the phone has left');
  await inPage(
    page,
    'nothing that is held, and figures that look old',
    (sel) => !document.querySelector('[role=status] .chip') && document.querySelector(`${sel} .stale .value`),
    panel,
  );

  // the end is an end: what was recorded is kept, the phone's camera is closed, and the code opens nothing
  const last = await phone(t, link, { permissions: ['camera'] });
  await says(last.page, 'desktop connected');
  await last.page.getByRole('switch', { name: 'Camera' }).click();
  await inPage(last.page, 'the camera', () => document.querySelector('video.preview').srcObject?.active);
  const camera = await last.page.evaluateHandle(() => document.querySelector('video.preview').srcObject);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'End session' }).click();
  assert.match(readFileSync(await (await download).path(), 'utf8'), /button\.down/);
  await page.getByRole('button', { name: 'Create session' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem('testbed.pairing')), null, 'nothing to come back to');
  await says(last.page, 'The desktop has ended this session.');
  await inPage(last.page, 'no camera', (c) => !c.active, camera);
  assert.ok(await last.page.getByRole('switch', { name: 'Camera' }).isDisabled(), 'there is nobody to give it to');
  const { reports } = await until('what the page told of it', async () => {
    const { json } = await server.get('/api/telemetry');
    return json.reports.some((r) => r.reason === 'ended') && json;
  });
  const told = reports.find((r) => r.reason === 'ended');
  assert.ok(
    told.connected && told.connect_ms > 0 && ['direct', 'nat', 'relay'].includes(told.path),
    JSON.stringify(told),
  );
  await page.locator('summary', { hasText: 'Connections' }).click();
  await page.getByRole('cell', { name: 'session ended' }).first().waitFor();
});

test('a second phone is refused, a wrong token and half a link too: each says what to do', async (t) => {
  const { page, link } = await desktop(t);
  const p = await phone(t, link);
  await says(page, 'phone connected');
  const second = await phone(t, link);
  await says(second.page, 'Another phone is connected to this session');
  const wrong = await phone(t, link.replace(/token=.{6}/, 'token=AAAAAA'));
  await says(wrong.page, 'This link opens nothing any more');
  const half = await phone(t, link.replace(/#.*/, ''));
  await says(half.page, 'This link is not complete. Scan the code on the desktop page again.');
  await says(p.page, 'desktop connected');
});

test('the server restarts while both look at it: both say so; its sessions are gone, and the pages ask for a new one', async (t) => {
  const port = await freePort();
  const own = await withServer(t, { port });
  const page = await openPage(t, browser, `${own.url}/`);
  await page.getByRole('button', { name: 'Create session' }).click();
  const p = await phone(t, await page.getByLabel('Phone link').inputValue());
  await says(page, 'phone connected');
  await own.program.kill();
  await says(page, 'reconnecting');
  await says(p.page, 'reconnecting');
  await inPage(page, 'the list to say that the server is away', () =>
    /does not answer/.test(document.querySelector('[aria-label=Devices]').textContent),
  );
  await withServer(t, { port });
  await says(page, 'The session is over');
  await says(p.page, 'Scan a new code');
  await page.getByRole('button', { name: 'Create session' }).click();
  const again = await phone(t, await page.getByLabel('Phone link').inputValue());
  await says(page, 'phone connected');
  await says(again.page, 'desktop connected');
});

test('several phones in one session: each with its own readings and camera, one more is refused', async (t) => {
  const page = await openPage(t, browser, `${server.url}/`);
  await page.getByLabel('Phones in the session').selectOption('2');
  await page.getByRole('button', { name: 'Create session' }).click();
  const link = await page.getByLabel('Phone link').inputValue();
  const phones = [
    await phone(t, link, { permissions: ['camera', 'accelerometer', 'gyroscope'] }),
    await phone(t, link),
  ];
  for (const p of phones) await says(p.page, 'by data channel');
  for (const [i, p] of phones.entries()) {
    await p.motion();
    await p.turn(10 * (i + 1), 0, 0);
  }
  const shown = (name, alpha) =>
    inPage(
      page,
      `${name} at ${alpha}°`,
      ([n, want]) => document.querySelector(`section[aria-label="${n}"] .axes .value`)?.textContent === want,
      [name, `${alpha}°`],
    );
  await shown('Phone 1', 10);
  await shown('Phone 2', 20);
  await phones[0].page.getByRole('switch', { name: 'Camera' }).click();
  await inPage(page, 'the camera of the first alone', () =>
    [...document.querySelectorAll('section[aria-label^="Phone "]')].every(
      (s, i) => s.querySelector('video.preview').videoWidth > 0 === (i === 0),
    ),
  );
  const third = await phone(t, link);
  await says(third.page, 'not connected');
  // one that was away is called what it was called before
  await phones[0].page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pagehide')));
  await inPage(page, 'one panel', () => document.querySelectorAll('section[aria-label^="Phone "]').length === 1);
  await phones[0].page.evaluate(() => window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
  await phones[0].turn(22, 0, 0);
  await shown('Phone 1', 22);
  await phones[1].page.context().close();
  await inPage(page, 'one panel', () => document.querySelectorAll('section[aria-label^="Phone "]').length === 1);
  await phones[0].turn(33, 0, 0);
  await shown('Phone 1', 33);
  assertQuiet(page);
});
