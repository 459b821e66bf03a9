// The console's pages in a real browser, against the labelled fake host of web/tests: policy, keyboard, what is said
// when something fails; the page of a device is pages-device.test.mjs. What needs a real daemon is tested beside these
// files.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startFakeHost } from '../../web/tests/fakehost.mjs';
import { fakePages } from './fake-pages.mjs';

const pages = fakePages();
const { open, calls, until } = pages;

const VIEWS = {
  bench: ['', '.card[data-device="board"] canvas:not([hidden])'],
  device: ['#/d/board', '.stage[data-rung="fallback"] img:not([hidden])'],
  phone: ['#/d/phone/apps', 'td:has-text("org.example.camera")'],
  files: ['#/d/phone/files', 'text=init.rc'],
  sensors: ['#/d/vitals', '.plot canvas'],
  fault: ['#/d/rack-pi', '.notice.bad'],
  recordings: ['#/recordings', '.rec-line .rec-tick'],
  timeline: ['#/timeline', '.timeline li'],
  hardware: ['#/resources', 'text=CP2102'],
  usb: ['#/usb', 'text=FT232R'],
  api: ['docs', '.ops details'],
};
/** What one of these pages must not have, at any size: [what, where] */
const faultsOf = (page, phone) =>
  page.evaluate((small) => {
    const found = [];
    const say = (what, e) => found.push(`${what}: ${e.outerHTML.slice(0, 120)}`);
    const over = document.documentElement.scrollWidth - window.innerWidth;
    if (over > 0) found.push(`${over} px too wide`);
    const shown = (s) => [...document.querySelectorAll(s)].filter((e) => e.checkVisibility());
    for (const e of shown('button, a, input, select, textarea, [role="application"]'))
      if (!(e.ariaLabel || e.labels?.length || e.title || e.textContent.trim() || e.getAttribute('aria-labelledby')))
        say('no name', e);
    if (!small) return found;
    for (const e of shown('button, select, input:not([type=checkbox], [type=file]), a.btn, .nav a, .crumb')) {
      const { width, height } = e.getBoundingClientRect();
      if (!e.closest('.xterm') && (height < 39.5 || width < 24))
        say(`${Math.round(width)}×${Math.round(height)} px`, e);
    }
    return found;
  }, phone);
for (const [width, height, colorScheme] of [
  [1440, 900, 'light'],
  [390, 844, 'dark'],
]) {
  const phone = width < 500;
  test(`at ${width}×${height}, ${colorScheme}: no error, nothing refused, no sideways scroll, everything has a name${phone ? ', and what is pressed is at least 40 px high and 24 px wide' : ''}`, async () => {
    const page = await open(VIEWS.bench[0], { width, height, colorScheme, touch: phone });
    for (const [name, [hash, ready]] of Object.entries(VIEWS)) {
      if (hash === 'docs') await page.goto(pages.fake.url + hash);
      else await page.evaluate((to) => (location.hash = to), hash || '#/');
      await page.waitForSelector(ready);
      const small = phone && !['timeline', 'sensors', 'api'].includes(name);
      assert.deepEqual(await faultsOf(page, small), [], name);
      assert.deepEqual(page.faults, [], name);
    }
    await page.done();
  });
}

test('from the bench to the device, its tabs, and back, by keyboard alone', async () => {
  const page = await open('');
  await page.waitForSelector('.card');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  for (let i = 0; i < 3; i++) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.matches('.title-link'))) break;
  }
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'board');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#tab-console');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main', 'the new page has the focus');
  await page.focus('#tab-console');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.getAttribute('#tab-sensors', 'aria-selected'), 'true');
  assert.match(page.url(), /#\/d\/board\/sensors$/);
  await page.keyboard.press('End');
  assert.equal(await page.getAttribute('#tab-events', 'aria-selected'), 'true');
  await page.goBack();
  await page.waitForSelector('.card');
  await page.done();
});

test('the picture takes the keyboard on Enter and gives it back on Ctrl+Alt; keys reach the device', async () => {
  const page = await open('#/d/board');
  await page.waitForSelector('.stage[data-rung="fallback"] img:not([hidden])');
  await page.waitForSelector('.stage .wait', { state: 'hidden' }); // before that nobody knows how large the picture is
  await page.focus('#screen');
  await page.keyboard.press('x');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.stage.capturing');
  await page.keyboard.press('a');
  await page.keyboard.press('Tab');
  const events = () => calls('CMD', /^input\.send$/).flatMap((c) => JSON.parse(c.body).params.events);
  await until('Tab goes to the device', () => events().some((e) => e.key === 'Tab' && e.action === 'up'));
  assert.deepEqual(
    events()
      .filter((e) => e.type === 'key')
      .map((e) => `${e.key} ${e.action}`),
    ['a down', 'a up', 'Tab down', 'Tab up'],
    'neither x nor Enter',
  );
  await page.keyboard.down('Control');
  await page.keyboard.down('Alt');
  await page.keyboard.up('Alt');
  await page.keyboard.up('Control');
  await page.waitForSelector('.stage:not(.capturing)');
  await until(
    'nothing stays pressed',
    () => events().filter((e) => e.action === 'down').length === events().filter((e) => e.action === 'up').length,
  );
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => document.activeElement.id), 'screen', 'Tab is the page’s again');

  await page.locator('#screen').click(); // in the middle
  const clicks = await until('the click', () => {
    const p = events().filter((e) => e.type === 'pointer');
    return p.some((e) => e.buttons === 1) && p.at(-1).buttons === 0 && p;
  });
  const down = clicks.find((e) => e.buttons === 1);
  assert.ok(Math.abs(down.x - 320) <= 1 && Math.abs(down.y - 200) <= 1, `${down.x},${down.y} is the middle of 640×400`);
  await page.fill('#send-text', 'grüß dich');
  await page.press('#send-text', 'Enter');
  await until('the text', () => events().some((e) => e.type === 'text' && e.text === 'grüß dich'));
  await page.done();
});

test('the terminal replays history, sends what is typed, and resumes after a cut without a gap or a repeat', async () => {
  const page = await open('#/d/board');
  const screen = () => page.locator('.xterm-rows').innerText();
  await page.locator('.terminal-box').scrollIntoViewIfNeeded(); // xterm.js draws nothing that cannot be seen
  await until('history', async () => /Model: QEMU x86/.test(await screen()));
  await page.locator('.xterm-helper-textarea').focus();
  await page.keyboard.type('version\r');
  await until('the answer', async () => /gcc 12\.2\.0/.test(await screen()));
  page.forgive = /WebSocket|ERR_|Failed to load/;
  pages.fake.drop();
  await until(
    'a second connection',
    () =>
      calls('WS', /board\/console/).length >= 2 &&
      calls('WS', /board\/console/).at(-1).path !== calls('WS', /board\/console/)[0].path,
  );
  await until('it is open again', async () =>
    /Connected/.test(await page.locator('.terminal-bar .status').innerText()),
  );
  await page.locator('.xterm-helper-textarea').focus();
  await page.keyboard.type('again\r');
  await until('the new answer', async () => /Unknown command 'again'/.test(await screen()));
  assert.equal((await screen()).match(/Model: QEMU x86/g).length, 1, 'history is not shown twice');
  // out of it by keyboard, to what is behind it, and back
  const inside = (s) => page.evaluate((of) => Boolean(document.activeElement.closest(of)), s);
  await page.keyboard.press('Shift+Tab');
  assert.ok(!(await inside('.terminal-box')), 'left');
  await page.keyboard.press('Tab');
  assert.ok(
    await inside('.terminal-bar'),
    `past it: ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200))}`,
  );
  await page.keyboard.press('Shift+Tab');
  assert.ok(await inside('.terminal-box'), 'into it from behind');
  await until('the bus is back', async () => (await page.locator('#link').innerText()) === 'Live');
  await page.done();
});

test('the terminal is a door: a paste is text and asks before it is several commands, OSC 52 asks, colours are allowed', async () => {
  const page = await open('#/d/board');
  await page.locator('.terminal-box').scrollIntoViewIfNeeded();
  await until('the console', async () => /Connected/.test(await page.locator('.terminal-bar .status').innerText()));
  await page.locator('.xterm-helper-textarea').focus();
  const typed = () =>
    pages.fake.calls
      .filter((c) => c.method === 'TYPED')
      .map((c) => c.body)
      .join('');
  const paste = (text) =>
    page.locator('.xterm-helper-textarea').evaluate((el, what) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', what);
      el.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    }, text);
  pages.fake.calls.length = 0;
  await paste('ls \x1b[201~\x03');
  const bytes = (text) => Buffer.from(text).toString('latin1');
  await until('the paste', () => typed().endsWith(bytes('␃')));
  assert.equal(typed(), bytes('ls ␛[201~␃'));
  await paste('one\ntwo\n');
  await page.getByRole('heading', { name: 'Paste 2 lines?' }).waitFor();
  assert.ok(!typed().includes('one'), 'not before it is agreed to');
  await page.getByRole('button', { name: 'Paste', exact: true }).click();
  await until('two lines', () => typed().endsWith('one\rtwo\r'));
  // where the shell has bracketed paste on, it is the shell that asks
  pages.fake.say('\x1b[?2004h\x1b[38;2;10;200;30mGREEN\x1b[48;5;208m \x1b[4:3mcurl\x1b[0m');
  await until('the colours', async () => /GREEN/.test(await page.locator('.xterm-rows').innerText()));
  await paste('three\nfour \x1b[201~five\n');
  await until('in brackets', () => typed().endsWith(bytes('\x1b[200~three\rfour ␛[201~five\r\x1b[201~')));
  pages.fake.say(`\x1b[?2004l\x1b]52;c;${Buffer.from('from the device').toString('base64')}\x07\x1b]52;c;?\x07`);
  await page.locator('.terminal > .notice', { hasText: 'from the device' }).waitFor();
  await page.getByRole('button', { name: 'Copy it to the clipboard' }).click();
  await page.locator('.toast', { hasText: 'Copied' }).waitFor();
  await page.getByRole('button', { name: /^Find in the terminal/ }).click();
  await page.keyboard.type('GREEN');
  await page.keyboard.press('Enter');
  await until('found', () => page.evaluate(() => document.querySelector('.xterm-selection')?.children.length > 0));
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Larger letters' }).click();
  await until('larger letters', () => page.evaluate(() => localStorage.getItem('testbed.terminal-size') === '14'));
  await page.done();
});

test('power: what was commanded and what is observed; off asks first on the bench', async () => {
  const page = await open('#/d/board');
  await page.click('#power-off-power');
  await until('off', async () => /off/i.test(await page.locator('.power-truth > div').nth(1).innerText()));
  assert.match(calls('CMD', /^power\.set$/).at(-1).body, /"state":"off"/);
  await page.click('#power-cycle-power');
  await until('on again', async () =>
    /on/i.test((await page.locator('.power-truth > div').nth(1).innerText()).replace('Observed', '')),
  );
  await page.goto(`${pages.fake.url}#/`);
  const before_ = calls('CMD', /^power\.set$/).length;
  await page.getByRole('button', { name: 'Power off board' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  assert.equal(calls('CMD', /^power\.set$/).length, before_, 'nothing happened');
  await page.done();
});

test('lease: take it, use it, hand it back; what another one holds can only be watched', async () => {
  const page = await open('#/d/board');
  await page.click('#lease-take');
  await page.waitForSelector('#lease-release');
  await page.click('#power-on-power');
  await until('the lease is shown', () =>
    /"lease":"secret-board/.test(calls('CMD', /^power\.set$/).at(-1)?.body ?? ''),
  );
  const taken = { holder: 'root', expires_at: new Date(Date.now() + 600000).toISOString() };
  pages.fake.devices.board.lease = null;
  pages.fake.emit('lease.ended', 'board', null, { holder: 'local', reason: 'taken-over', by: 'root' });
  pages.fake.devices.board.lease = taken;
  pages.fake.emit('lease.taken', 'board', null, taken);
  await page.locator('.toast', { hasText: 'root took it over. You can go on watching.' }).waitFor();
  assert.doesNotMatch((await page.locator('.toast').allInnerTexts()).join(), /Others may control/);
  pages.fake.devices.board.lease = null;
  pages.fake.emit('lease.ended', 'board', null, { holder: 'root', reason: 'released' });
  await page.click('#lease-take');
  await page.click('#lease-release');
  await page.waitForSelector('#lease-take');
  await page.goto(`${pages.fake.url}#/d/desktop`);
  await page.waitForSelector('text=anna controls this device');
  assert.ok(await page.locator('#control-switch').isDisabled());
  assert.match(await page.locator('.stage-hint').innerText(), /View only: anna has the lease/);
  await page.done();
});

test('when WebRTC does not work the page says so, shows MJPEG, and lets you try', async () => {
  const page = await open('#/d/board');
  await page.waitForSelector('#fallback-notice:not([hidden])');
  assert.match(await page.locator('#fallback-notice').innerText(), /this fake host has no WebRTC.*MJPEG/s);
  const n = calls('POST', /whep$/).length;
  await page.getByRole('button', { name: 'Try now' }).click();
  await until('another attempt', () => calls('POST', /whep$/).length > n);
  await page.click('#quality');
  assert.match(await page.locator('.ice-log').innerText(), /video: fallback/);
  await page.getByLabel('Pictures a second of MJPEG').selectOption('5');
  await page.getByLabel('Quality of MJPEG').selectOption('40');
  await until('another stream', () => calls('GET', /stream\.mjpeg\?fps=5&quality=40/).length > 0);
  await page.getByLabel('Most that WebRTC takes of the line').selectOption('600');
  await until('an offer with that', () => calls('POST', /whep\?max_kbps=600$/).length > 0);
  await page.getByLabel('Picture by').selectOption('fallback');
  await until('no word about WebRTC', () => page.locator('#fallback-notice').isHidden());
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'quality', 'the focus is back where it was');
  await page.done();
});

test('found hardware is attached with one click and a name', async () => {
  const page = await open('#/resources');
  const far = page.getByRole('list', { name: 'In the network' });
  assert.match(await far.innerText(), /^Shelly Plus1PM[^]*shelly:\/\/192\.0\.2\.7[^]*announces itself/);
  assert.equal(await page.getByRole('list', { name: 'On this machine' }).getByRole('listitem').count(), 2);
  await page.getByRole('button', { name: 'Attach CP2102' }).click();
  await page.fill('#attach-id', 'board');
  page.forgive = /status of 409/;
  await page.getByRole('dialog').getByRole('button', { name: 'Attach' }).click();
  await page.waitForSelector('dialog .error-text:has-text("already")');
  await page.fill('#attach-id', 'uart');
  await page.getByRole('dialog').getByRole('button', { name: 'Attach' }).click();
  await page.waitForSelector('h1:has-text("uart")');
  await page.goto(`${pages.fake.url}#/`);
  await page.waitForSelector('.card[data-device="uart"]');
  await page.done();
});

test('USB: what sits where, in the words of the driver; power per port, read back; an occupied port asks first', async (t) => {
  const lab = await startFakeHost(); // of its own: ports are switched here
  t.after(() => lab.close());
  const page = await open('#/usb', { host: lab });
  const node = (port) => page.locator(`.node[data-port="${port}"]`);
  assert.match(
    await node('1-1.1').innerText(),
    /FT232R USB UART.*FTDI.*0403:6001.*12 Mbit\/s.*ftdi_sio.*\/dev\/ttyUSB0.*power on/s,
  );
  assert.equal(
    await page
      .locator('.diagnosis')
      .allInnerTexts()
      .then((all) => all.join()),
    'can do USB 3 and works at 12 Mbit/s: its cable, port or hub is USB 2',
  );
  assert.match(await node('1-1').innerText(), /USB 2\.0 Hub.*power per port/s);
  assert.match(await node('1-1.2').innerText(), /Empty port.*power off/s);
  assert.match(await node('1-1.3').innerText(), /over-current/);
  assert.match(await node('1-1.4').innerText(), /plugged in, but not recognised/);
  assert.equal(
    await node('1-1')
      .getByRole('button', { name: /^Power/ })
      .count(),
    0,
    'the root hub cannot switch',
  );
  await page.getByRole('button', { name: 'Power on port 1-1.2' }).press('Enter');
  await page.getByRole('button', { name: 'Power off port 1-1.2' }).waitFor();
  assert.equal(
    await page.evaluate(() => document.activeElement.getAttribute('aria-label')),
    'Power off port 1-1.2',
    'the focus stays where it was',
  );
  await page.getByRole('button', { name: 'Power off port 1-1.1' }).click();
  await page.getByRole('dialog').getByText('FT232R USB UART loses power.').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'Power off' }).click();
  await until('the device to be gone', async () => /Empty port.*power off/s.test(await node('1-1.1').innerText()));
  assert.deepEqual(
    lab.calls.filter((c) => c.method === 'PUT').map((c) => [c.path, c.body]),
    [
      ['/host/usb/1-1.2/power', '{"state":"on"}'],
      ['/host/usb/1-1.1/power', '{"state":"off"}'],
    ],
  );
  await page.done();
});

test('a part of the page does not come (the network changed): said, and the page is loaded again until all of it is there', async (t) => {
  const lab = await startFakeHost({ prefix: '/staging/', source: true });
  t.after(() => lab.close());
  const page = await open('', { host: lab });
  page.forgive = /ERR_INTERNET_DISCONNECTED/;
  const alerts = [];
  await page.exposeFunction('alerted', (text) => alerts.push(text));
  await page.addInitScript(() =>
    new MutationObserver((all) => {
      for (const { addedNodes } of all)
        for (const e of addedNodes) if (e.role === 'alert') window.alerted(e.textContent);
    }).observe(document, { childList: true, subtree: true }),
  );
  const reload = () => page.evaluate(() => location.reload());
  for (const [part, times] of [
    ['core/ladder.js', 2],
    ['css/layout.css', 1],
    ['app/main.js', 1],
  ]) {
    let asked = 0;
    alerts.length = 0;
    await page.route(`**/${part}`, (route) =>
      asked++ < times ? route.abort('internetdisconnected') : route.continue(),
    );
    await reload();
    await until(`${part} to be asked for again`, () => asked === times + 1);
    await page.waitForSelector(VIEWS.bench[1]);
    assert.equal(await page.locator('.notice.bad').count(), 0, part);
    const file = part.startsWith('core') ? 'app/main.js' : part; // a browser names the script that imports it
    assert.deepEqual(
      alerts,
      [1, 2]
        .slice(0, times)
        .map((s) => `A part of this page could not be loaded (/staging/${file}). Trying again in ${s} s.Try again now`),
    );
    await until('what worked to count anew', () =>
      page.evaluate(() => sessionStorage.getItem('testbed-load-tries') === null),
    );
    await page.unroute(`**/${part}`);
  }
  await page.route('**/app/main.js', (route) => route.abort('internetdisconnected'));
  await page.evaluate(() => sessionStorage.setItem('testbed-load-tries', '8'));
  await reload();
  await page.getByRole('alert').getByText('Is the network there?').waitFor();
  await page.unroute('**/app/main.js');
  await page.getByRole('button', { name: 'Try again now' }).click();
  await page.waitForSelector(VIEWS.bench[1]);
  await page.done();
});

test('sensors: a line is drawn, in the colours of the page; what is under the pointer is read out with its time', async () => {
  const page = await open('#/d/vitals', { colorScheme: 'dark' });
  const plot = page.locator('.plot[data-stream="cpu.busy"]');
  const line = () =>
    plot.evaluate((el) => {
      const probe = document.createElement('i');
      probe.style.color = 'var(--plot-1)';
      document.body.append(probe);
      const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map(Number);
      probe.remove();
      const canvas = el.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 60 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 60)
          n += 1;
      return n;
    });
  await plot.waitFor();
  await until('a line', async () => (await line()) > 20);
  assert.match(await plot.locator('.value').innerText(), /\d\s%$/);
  await plot.locator('.u-over').hover();
  await until('the time under the pointer', async () =>
    /^at \d\d:\d\d:\d\d$/.test(await plot.locator('.at').innerText()),
  );
  await plot.locator('.u-over').hover({ position: { x: 3, y: 40 } });
  const [h, m, s] = /(\d\d):(\d\d):(\d\d)/
    .exec(await plot.locator('.at').innerText())
    .slice(1)
    .map(Number);
  const now = new Date();
  const ago =
    (now.getHours() * 3600 + now.getMinutes() * 60 + now.getSeconds() - (h * 3600 + m * 60 + s) + 86400) % 86400;
  assert.ok(
    ago > 60 && ago < 200,
    `the plot begins ${ago} s ago: it shows what was measured before the page was opened`,
  );
  await page.mouse.move(2, 2);
  await until('the latest value again', () => plot.locator('.at').isHidden());
  await page.done();
});

test('a bench of many devices: a box finds them by name, label, state or holder; long names break nothing', async () => {
  const many = await startFakeHost();
  const name = (i) => (i ? `node-${i}` : 'the-longest-name-that-is-allowed-here-0123456789-0123456789-abcd');
  for (let i = 0; i < 45; i++)
    many.devices[name(i)] = {
      ...structuredClone(many.devices.vitals),
      id: name(i),
      label: i % 2 ? 'Node' : 'A label that somebody wrote at great length, to say everything about this board at once',
      state: i === 7 ? 'fault' : 'ready',
    };
  try {
    const page = await open('', { host: many, width: 390, height: 844 });
    const all = Object.keys(many.devices).length;
    await until(`${all} cards`, async () => (await page.locator('.card').count()) === all);
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
      'no sideways scroll',
    );
    const find = page.getByLabel('Find a device');
    for (const [words, n] of [
      ['node-4', 6],
      ['fault', 2],
      ['anna', 1],
      ['NODE fault', 1],
      ['nothing like it', 0],
    ]) {
      await find.fill(words);
      await until(`${n} for ${words}`, async () => (await page.locator('.card').count()) === n);
    }
    await page.getByText('No device matches “nothing like it”.').waitFor();
    await find.fill('longest');
    await page.locator('.card .title-link').click();
    await page.waitForSelector('h1:has-text("the-longest-name")');
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth),
      "nor on the device's page",
    );
    await page.done();
  } finally {
    await many.close();
  }
});

test('a host with tokens: a page to log in, wrong ones asked again, a token by the link; who one is, and out again', async () => {
  const token = 'a-token-of-some-length';
  const locked = await startFakeHost({ token });
  try {
    const page = await open('', { host: locked });
    page.forgive = /status of 401|HTTP Authentication failed/; // of the socket
    await page.fill('#token', 'not-that-one');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').filter({ hasText: 'not known here' }).waitFor();
    await page.fill('#token', token);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.waitForSelector('.card[data-device="board"]');
    assert.deepEqual(await page.locator('.toast').allInnerTexts(), [], 'the page to log in has said it');
    await page.getByRole('button', { name: 'Logged in as local, admin. Log out' }).click();
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.equal(await page.evaluate(() => localStorage.getItem('testbed.token')), null);
    await page.goto(`${locked.url}?again#/d/board?token=${token}`);
    await page.getByRole('heading', { name: 'board', exact: true }).waitFor();
    assert.ok(!page.url().includes(token), page.url());
    for (const link of [`?a=1&access_token=${token}&b=2#/d/%zz`, `#/d/%zz?access_token=${token}`]) {
      await page.evaluate(() => localStorage.removeItem('testbed.token'));
      await page.goto('about:blank'); // a link that is opened, not a fragment that changes
      await page.goto(`${locked.url}${link}`);
      await page.getByText('There is no device “%zz”').waitFor(); // what is no text of an address is shown as it is
      assert.ok(!page.url().includes(token), page.url());
      assert.equal(new URL(page.url()).search, link.startsWith('?') ? '?a=1&b=2' : '');
    }
    page.faults = page.faults.filter((f) => !page.forgive.test(f));
    await page.done();
  } finally {
    await locked.close();
  }
});

test('the API page sends what its form says and shows the answer', async () => {
  const page = await open('docs');
  await page.locator('summary', { hasText: '/host/devices' }).first().click();
  await page.locator('details[open] button', { hasText: 'Send' }).click();
  await page.waitForSelector('details[open] .output:has-text("U-Boot in QEMU")');
  assert.match(await page.locator('details[open] form').innerText(), /200 .*ms/);
  await page.done();
});
