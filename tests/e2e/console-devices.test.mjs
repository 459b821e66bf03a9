// The operator's console on a desktop (Xvfb with xterm) and on a phone (the simulated one behind the real adb server);
// VNC in the console page and on the noVNC port.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { startPhone, startXvfb } from '../integration/bench.mjs';
import { Program, forFile, freePort, scratch, until, withHost } from '../integration/harness.mjs';
import {
  BRIGHT,
  assertQuiet,
  clickPicture,
  inPage,
  killBrowser,
  openPage,
  share,
  showsPictureBy,
  startBrowser,
  typeKeys,
} from './browser.mjs';

const file = forFile();
const [WIDTH, HEIGHT] = [640, 480];
let host;
let browser;
let display;
let folder;
let novnc;
let serial;

before(async () => {
  folder = scratch('tb-desk-');
  file.after(() => rmSync(folder, { recursive: true, force: true }));
  const desk = await startXvfb(file, { width: WIDTH, height: HEIGHT });
  display = desk.display;
  // two terminals side by side: a click decides which one is typed into
  for (const [name, x] of [
    ['left', 0],
    ['right', WIDTH / 2],
  ]) {
    mkdirSync(path.join(folder, name));
    const xterm = new Program(
      [
        'xterm',
        '-display',
        desk.display,
        '-geometry',
        `50x36+${x}+0`,
        '-bg',
        'white',
        '-fg',
        'black',
        '-e',
        'sh',
        '-c',
        'cd "$0" && exec sh',
        path.join(folder, name),
      ],
      { env: { PS1: '$ ', ENV: '' } },
    );
    file.after(() => xterm.kill());
  }
  const phone = await startPhone(file);
  const ends = ['line', 'board'].map((name) => path.join(folder, name));
  const wire = new Program(['socat', ...ends.map((end) => `pty,raw,echo=0,link=${end}`)]);
  file.after(() => wire.kill());
  await until('the pty', () => ends.every((end) => existsSync(end)));
  novnc = await freePort();
  serial = await freePort();
  host = await withHost(
    file,
    {
      novnc: { port: novnc },
      devices: {
        desktop: { attach: desk.uri },
        phone: { label: 'Phone', attach: phone.uri },
        uart: { attach: `serial://${realpathSync(ends[0])}`, rfc2217: serial },
      },
    },
    { env: phone.env },
  );
  browser = await startBrowser(file);
  await host.state_is('desktop/video');
  await host.state_is('phone/shell', 'ready', 30000);
});

/** The file that a typed command wrote, with its content. */
const written = (name, content) =>
  until(
    `${name} to be written`,
    () => existsSync(path.join(folder, name)) && readFileSync(path.join(folder, name), 'utf8').trim() === content,
    30000,
  );

/** A point of the screen of noVNC in the page, given in pixels of the desktop. */
async function clickVnc(page, x, y) {
  const box = await page.locator('canvas').first().boundingBox();
  await page.mouse.click(box.x + (x * box.width) / WIDTH, box.y + (y * box.height) / HEIGHT);
}
const vncShows = (page) =>
  inPage(page, 'the desktop by VNC', () => {
    const canvas = document.querySelector('canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let white = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] > 200 && data[i + 1] > 200 && data[i + 2] > 200) white += 1;
    return canvas.width === 640 && white > data.length / 4 / 3;
  });

test('a desktop is clicked and typed into: the command lands in the terminal under the pointer', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/desktop`);
  assert.deepEqual(await showsPictureBy(page, 'webrtc'), { width: WIDTH, height: HEIGHT });
  await until('the terminals on the picture', async () => (await share(page, BRIGHT)) > 0.5, 30000);
  await inPage(page, 'control', () => !document.querySelector('#control-switch').disabled);
  await clickPicture(page, WIDTH / 4, HEIGHT / 2);
  await typeKeys(page, 'echo "Left & (1)" > clicked\n');
  await written('left/clicked', 'Left & (1)');
  await clickPicture(page, (WIDTH * 3) / 4, HEIGHT / 2);
  await typeKeys(page, 'echo right > clicked\n');
  await written('right/clicked', 'right');
  assertQuiet(page);
});

test('a browser that is killed while it holds Shift and the button: both come up', async (t) => {
  const events = ['keyboard', 'button'].flatMap((kind) => ['-event', kind]);
  const argv = ['stdbuf', '-oL', 'xev', '-display', display, '-geometry', `${WIDTH}x${HEIGHT}+0+0`, ...events];
  const xev = new Program(argv);
  t.after(() => xev.kill());
  const mortal = await startBrowser(t);
  const page = await openPage(t, mortal, `${host.url}/#/d/desktop`);
  await showsPictureBy(page, 'webrtc');
  await inPage(page, 'control', () => !document.querySelector('#control-switch').disabled);
  await clickPicture(page, WIDTH / 2, HEIGHT / 2);
  await xev.line(/^ButtonRelease event/);
  await page.keyboard.down('Shift');
  await xev.line(/keysym 0x[0-9a-f]+, Shift_L\)/);
  await page.mouse.down();
  const from = xev.out.items.length;
  await until('the button', () => xev.out.items.filter((line) => /^ButtonPress event/.test(line)).length === 2);
  await killBrowser(mortal);
  for (const what of [/^ButtonRelease event/, /^KeyRelease event/]) await xev.line(what, { from });
});

test('a phone is tapped, and its shell runs a command', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/phone/shell`);
  const size = await showsPictureBy(page, 'webrtc');
  assert.ok(size.height > size.width, 'portrait');
  await inPage(page, 'control', () => !document.querySelector('#control-switch').disabled);
  const started = await host.post('/host/devices/phone/apps/com.testbed.demo/start');
  assert.ok(started.status < 300, started.text);
  const red = () => share(page, [190, 20, 20], [255, 90, 90]); // the button after an odd number of taps
  await until('the app', async () => (await share(page, [90, 10, 10], [150, 60, 60])) > 0.005, 30000);
  assert.ok((await red()) < 0.001, 'the button was not tapped yet');
  await clickPicture(page, 105, 290);
  await until('the tap on the page', async () => (await red()) > 0.005, 30000);

  const command = page.getByLabel('Command', { exact: true });
  await command.fill('echo "from $((40 + 2))"; exit 3');
  await command.press('Enter');
  await inPage(page, 'the answer of the shell', () => {
    const out = document.querySelector('[aria-label=Output]').textContent;
    return /\nfrom 42\n/.test(out) && /exit 3,/.test(out);
  });
  assertQuiet(page);
});

test('the same desktop by VNC, inside the console page', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/desktop`);
  await page.getByRole('button', { name: 'VNC', exact: true }).click();
  await inPage(page, 'the connection', () =>
    /^Connected$/.test(document.querySelector('[aria-label=VNC] [role=status]').textContent),
  );
  await vncShows(page);
  await clickVnc(page, WIDTH / 4, HEIGHT / 2);
  await typeKeys(page, 'echo vnc > by-tab\n');
  await written('left/by-tab', 'vnc');
  await page.getByRole('button', { name: 'Live', exact: true }).click();
  await showsPictureBy(page, 'webrtc');
  assertQuiet(page);
});

test('the noVNC page on its own port shows and drives the desktop', async (t) => {
  const page = await openPage(t, browser, `http://127.0.0.1:${novnc}/?device=desktop`);
  await inPage(page, 'the connection', () => document.documentElement.dataset.state === 'connected');
  await vncShows(page);
  await clickVnc(page, (WIDTH * 3) / 4, HEIGHT / 2);
  await typeKeys(page, 'echo novnc > by-port\n');
  await written('right/by-port', 'novnc');
  assertQuiet(page);
});

test('a serial line: its ports are named beside its settings, and it is lent to a program of the host and taken back', async (t) => {
  const page = await openPage(t, browser, `${host.url}/#/d/uart`);
  await page.getByRole('button', { name: 'Line …' }).click();
  const dialog = page.getByRole('dialog', { name: 'Line settings' });
  await dialog.getByText(`RFC 2217 at 127.0.0.1:${serial} is open`).waitFor();
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/line.png` });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Lend …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Lend', exact: true }).click();
  await page
    .getByText(/Lent to a program on the host until \d/)
    .first()
    .waitFor();
  assert.equal((await host.get('/host/devices/uart/console')).json.state, 'absent');
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/lent.png` });
  await page.getByRole('button', { name: 'Take back' }).click();
  await page.getByRole('button', { name: 'Lend …' }).waitFor();
  await page.getByText('Connected', { exact: true }).waitFor();
  assert.equal((await host.get('/host/devices/uart/console')).json.state, 'ready');
});
