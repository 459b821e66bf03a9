// A phone on the bench: Chromium's fake camera and its overridden sensors on the phone's page, a real server, a real host, whose device
// it becomes.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Host, forFile, freePort, scratch, sse, until } from '../integration/harness.mjs';
import { decode } from '../integration/png.mjs';
import { Server } from '../integration/server-harness.mjs';
import { assertPlays, assertQuiet, inPage, killBrowser, openPage, startBrowser } from './browser.mjs';

const file = forFile();
const state = scratch('tb-bench-phone-');
let server, host, link, port;

const startServer = async () => (server = await Server.start({ port }, { state: server?.folder }));
const startHost = async () => {
  host = await Host.start({ server: { url: server.url, insecure: true } }, { state });
  await until(
    'the host at the server',
    async () => (await host.get('/host/health')).json.services.server === 'running',
  );
};

before(async () => {
  port = await freePort();
  await startServer();
  file.after(() => server.stop());
  await startHost();
  file.after(() => host.stop());
});

const says = (page, words) =>
  inPage(page, `the page to say "${words}"`, (w) => document.querySelector('main').textContent.includes(w), words);
const phone = async () => (await host.get('/host/phones/pixel')).json;
const phoneIs = (wanted) => until(`the phone to be ${wanted}`, async () => (await phone()).state === wanted);
const sensors = async () => (await host.get('/host/devices/pixel/sensors')).json;

async function openPhone(t, browser) {
  const page = await openPage(t, browser, link, {
    phone: true,
    viewport: { width: 390, height: 844 },
    permissions: ['camera', 'microphone', 'geolocation', 'accelerometer', 'gyroscope'],
  });
  const cdp = await page.context().newCDPSession(page);
  const turn = (alpha, beta, gamma) =>
    cdp.send('DeviceOrientation.setDeviceOrientationOverride', { alpha, beta, gamma });
  return { page, turn, press: (name) => page.getByRole('switch', { name }).click() };
}

/** The fake camera's picture is green all over but for what moves in it. */
async function seesCamera() {
  await until('the fake camera’s picture', async () => {
    const shot = await host.get('/host/devices/pixel/video/snapshot.png');
    if (shot.status !== 200) throw new Error(shot.text);
    const { width, height, channels, data } = decode(shot.body);
    const [r, g, b] = data.subarray(((height >> 2) * width + (width >> 1)) * channels);
    if (!(g > r + 40 && g > b + 40)) throw new Error(`${r} ${g} ${b}`);
    return true;
  });
}

test('"Add a phone": the code is scanned, and the phone is a device that everybody can watch', async (t) => {
  const browser = await startBrowser(t);
  const console_ = await openPage(t, browser, `${host.url}/#/resources`);
  await console_.getByRole('button', { name: 'Add a phone' }).click();
  await console_.getByLabel('Name').fill('pixel');
  await console_.getByRole('button', { name: 'Show the code' }).click();
  link = await console_.getByLabel('Phone link').inputValue();
  assert.match(link, /\/m\/[\w-]{22,}#token=[\w-]{22,}$/);
  await inPage(console_, 'the QR code', () => document.querySelector('dialog img.qr').naturalWidth > 0);

  const p = await openPhone(t, browser);
  await says(p.page, 'bench bench connected');
  await says(p.page, 'as its device pixel');
  await inPage(console_, 'the state in words', () =>
    document.querySelector('dialog').textContent.includes('nothing is switched on there'),
  );
  await phoneIs('connected');
  await host.state_is('pixel/video', 'ready', 10000);
  assert.deepEqual(await sensors(), {}, 'nothing leaves the phone before its switch was pressed');

  await p.press('Camera');
  await seesCamera();
  // who can show what the phone sends gets it as it came: no encoder runs, and the picture goes on
  const encoders = async () => Number(/^testbed_video_encoders (\d+)/m.exec((await host.get('/metrics')).text)[1]);
  const viewer = await openPage(t, browser, `${host.url}/#/d/pixel`);
  await inPage(viewer, 'a picture', () => document.querySelector('.stage video')?.videoWidth > 0);
  await until('no encoder to run', async () => (await encoders()) === 0);
  await assertPlays(viewer);
  assert.equal(await encoders(), 0);
  await p.page.getByRole('button', { name: 'Enable motion' }).click();
  await p.turn(10, 20, 30);
  await until('its attitude', async () => (await sensors())['orientation.alpha']?.value === 10);
  assert.equal((await sensors())['orientation.beta'].unit, 'deg');
  const events = await sse(host.url, '/host/events?device=pixel');
  t.after(() => events.stop());
  await p.press('Controller');
  await p.page.getByRole('button', { name: 'Button A' }).click();
  await events.find((e) => e.data.event === 'button.down' && e.data.data.button === 'a');
  await events.find((e) => e.data.event === 'button.up');
  assert.deepEqual((await phone()).switches, {
    camera: 'on',
    motion: 'on',
    controller: 'on',
  });

  await host.state_is('pixel/audio', 'ready', 10000);
  await p.press('Microphone');
  const wav = (await host.get('/host/devices/pixel/audio/stream.wav?seconds=1.5')).body;
  const loudest = new Int16Array(wav.buffer.slice(wav.byteOffset + 44)).reduce(
    (most, v) => Math.max(most, Math.abs(v)),
    0,
  );
  assert.ok(loudest > 1000, `the fake microphone beeps each second; its loudest sample is ${loudest}`);

  await p.press('Camera');
  await until('words in place of the picture', async () =>
    /switched off/.test((await host.get('/host/devices/pixel/video/snapshot.png')).text),
  );
  await until('the slate to be encoded', async () => (await encoders()) === 1);
  await viewer.close();
  await p.press('Camera');
  await seesCamera();

  // its page loaded anew: the same device, with its name
  await p.page.reload();
  await says(p.page, 'bench bench connected');
  await phoneIs('connected');
  await p.press('Camera');
  await seesCamera();

  // the server goes and comes back: the picture has not noticed
  await server.stop({ keepState: true });
  await startServer();
  await until(
    'the host at the server',
    async () => (await host.get('/host/health')).json.services.server === 'running',
  );
  await says(p.page, 'bench bench connected');
  assert.equal((await phone()).state, 'connected');
  await seesCamera();
  assertQuiet(console_);
  await killBrowser(browser);
});

test('killed and started again, and over a restart of the host: the same device', async (t) => {
  await phoneIs('away');
  assert.match((await phone()).words, /away since 20\d\d-/);
  const browser = await startBrowser(t);
  const p = await openPhone(t, browser);
  await phoneIs('connected');
  await p.press('Camera');
  await seesCamera();
  await host.stop({ keepState: true });
  await startHost();
  await phoneIs('connected');
  await seesCamera();
  assert.equal((await phone()).phoneUrl, link);

  const gone = await host.request('DELETE', '/host/phones/pixel');
  assert.equal(gone.status, 204, gone.text);
  await says(p.page, 'ended');
  assert.equal((await host.get('/host/devices/pixel')).status, 404);
  assert.deepEqual((await host.get('/host/phones')).json, []);
  await p.page.reload();
  await says(p.page, 'not connected');
});
