// The page of a device against the labelled fake host: where its parts stand, fingers and keys on the picture, files,
// plots.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startFakeHost } from '../../web/tests/fakehost.mjs';
import { fakePages } from './fake-pages.mjs';

const pages = fakePages();
const { open, calls, until } = pages;

/** The picture is there, and its size is known. */
async function pictured(page) {
  await page.waitForSelector('.stage[data-rung="fallback"] img:not([hidden])');
  await page.waitForSelector('.stage .wait', { state: 'hidden' });
}

/** Where elements are in the window: {name: {top, bottom, left, right}} */
const places = (page, selectors) =>
  page.evaluate(
    (all) =>
      Object.fromEntries(
        Object.entries(all).map(([name, s]) => [name, document.querySelector(s).getBoundingClientRect().toJSON()]),
      ),
    selectors,
  );

test('picture and console are seen whole without scrolling from 1366×768 on; on a phone power and lease come first', async () => {
  for (const [width, height] of [
    [1366, 768],
    [1920, 1080],
  ])
    for (const hash of ['#/d/board', '#/d/phone/shell']) {
      const page = await open(hash, { width, height });
      await page.waitForSelector('.stage[data-rung="fallback"] img:not([hidden])');
      await page.waitForSelector('.stage .wait', { state: 'hidden' });
      await page.waitForSelector(hash === '#/d/board' ? '.terminal-bar .dot.good' : '[aria-label="Output"]');
      const at = await places(page, { stage: '.stage', panel: '[role="tabpanel"]', power: '.first' });
      for (const name of ['stage', 'panel'])
        assert.ok(at[name].top >= 0 && at[name].bottom <= height, `${hash} ${width}×${height}: ${JSON.stringify(at)}`);
      assert.ok(at.stage.height >= 200, `the picture is ${at.stage.height} px high`);
      assert.ok(at.power.top < height - 40, 'power or control begins within the window');
      if (hash === '#/d/board')
        assert.ok(
          await page.evaluate(() => document.querySelector('.xterm-screen').clientWidth >= 80 * 7.8),
          '80 columns fit',
        );
      await page.done();
    }
  // what stands above the picture is one line, and no page's name in the top bar is cut
  for (const width of [1280, 768]) {
    const page = await open('#/d/board', { width, height: 800 });
    await pictured(page);
    const lines = await page.evaluate(() => {
      const seen = [...document.querySelector('.stage-panel > header').children].filter((el) => el.offsetHeight);
      const nav = document.querySelector('.topbar .nav');
      const cut = nav.scrollWidth - nav.clientWidth + Math.max(0, document.querySelector('.brand').offsetHeight - 48);
      return {
        tops: seen.map((el) => el.getBoundingClientRect().top),
        bottoms: seen.map((el) => el.getBoundingClientRect().bottom),
        cut,
      };
    });
    assert.ok(Math.max(...lines.tops) < Math.min(...lines.bottoms), `${width}: ${JSON.stringify(lines)}`);
    assert.equal(lines.cut, 0, `${width}`);
    await page.done();
  }
  const page = await open('#/d/board', { width: 390, height: 844, touch: true });
  await page.waitForSelector('.stage[data-rung="fallback"] img:not([hidden])');
  const at = await places(page, { power: '#power-off-power', lease: '#lease-take', stage: '.stage' });
  assert.ok(at.power.bottom < at.lease.top && at.lease.bottom < at.stage.top, JSON.stringify(at));
  assert.ok(at.lease.bottom < 844, 'both without scrolling');
  await page.done();
});

/** Fingers on the page: touch([{x, y}, …]) puts them there, touch([]) takes them away. */
async function toucher(page) {
  const cdp = await page.context().newCDPSession(page);
  let were = 0;
  return async (...points) => {
    const type = !points.length ? 'touchEnd' : points.length > were ? 'touchStart' : 'touchMove';
    were = points.length;
    await cdp.send('Input.dispatchTouchEvent', { type, touchPoints: points.map((p, id) => ({ ...p, id })) });
  };
}
const inputs = () =>
  pages.fake.calls.flatMap((c) => {
    if (c.method === 'CMD' && c.path === 'input.send') return JSON.parse(c.body).params.events;
    return c.method === 'POST' && /\/input$/.test(c.path) ? JSON.parse(c.body) : []; // no socket yet
  });

test('fingers scroll the page past the picture until it is tapped; then they drag live, two scroll and click right, until they are given back', async () => {
  const page = await open('#/d/board', { width: 390, height: 844, touch: true });
  await pictured(page);
  const touch = await toucher(page);
  const middle = async () => {
    await page.locator('#screen').scrollIntoViewIfNeeded();
    const box = await page.locator('#screen').boundingBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };
  const scrolled = () => page.evaluate(() => window.scrollY);
  const drag = async (from, dx, dy) => {
    await touch(from);
    for (let i = 1; i <= 8; i++) await touch({ x: from.x + dx * i, y: from.y + dy * i });
    await touch();
  };
  pages.fake.calls.length = 0;
  const at = await middle();
  const before_ = await scrolled();
  await drag(at, 0, -15);
  await until('the page to scroll', async () => (await scrolled()) > before_ + 40);
  assert.deepEqual(inputs(), []);
  await page.locator('#screen').tap();
  await page.waitForSelector('.stage.fingers');
  let stays = -1;
  await until('the page to come to rest', async () => {
    const was = stays;
    stays = await scrolled();
    return stays === was;
  });
  const here = await middle();
  stays = await scrolled();
  await drag(here, 0, 12);
  await until('a live drag', () => {
    const all = inputs();
    return all.filter((e) => e.buttons === 1).length >= 3 && all.at(-1).buttons === 0;
  });
  assert.equal(await scrolled(), stays, 'the page does not move under it');
  pages.fake.calls.length = 0;
  const two = (dy) => [
    { x: here.x - 30, y: here.y + dy },
    { x: here.x + 30, y: here.y + dy },
  ];
  await touch(two(0)[0]);
  await touch(...two(0));
  for (let i = 1; i <= 6; i++) await touch(...two(-12 * i));
  await touch();
  await until('scrolling', () => inputs().some((e) => e.type === 'scroll' && e.dy > 0));
  assert.ok(!inputs().some((e) => e.buttons), 'no button');
  await touch(two(0)[0]);
  await touch(...two(0));
  await touch();
  await until('the right button', () => inputs().some((e) => e.buttons === 2) && inputs().at(-1).buttons === 0);
  await page.getByRole('button', { name: 'Done' }).tap();
  await page.waitForSelector('.stage:not(.fingers)');
  await page.done();
});

test('keys that a phone has not: modifiers stay down for the next key, arrows and function keys are a row', async () => {
  const page = await open('#/d/board', { width: 390, height: 844, touch: true });
  await pictured(page);
  pages.fake.calls.length = 0;
  await page.getByRole('button', { name: 'Keys', exact: true }).tap();
  const more = page.getByRole('group', { name: 'More keys' });
  await more.getByRole('button', { name: 'Ctrl' }).tap();
  await more.getByRole('button', { name: 'Shift' }).tap();
  await more.getByRole('button', { name: 'Arrow left' }).tap();
  await more.getByRole('button', { name: 'Ctrl' }).tap();
  await page.fill('#send-text', 'c');
  await page.press('#send-text', 'Enter');
  await more.getByLabel('Function keys').selectOption('F5');
  await until('F5', () => inputs().some((e) => e.key === 'F5'));
  assert.equal(
    inputs()
      .map((e) => `${{ down: '+', up: '-' }[e.action] ?? '='}${e.key}`)
      .join(' '),
    '+Control +Shift +ArrowLeft -ArrowLeft -Shift -Control +Control +c -c -Control =F5',
  );
  await page.done();
});

test('a picture pixel by pixel, turned, and in full screen with a bar: clicks go where they are seen, keys are locked', async () => {
  const page = await open('#/d/board', {
    init: () => {
      window.locked = 0;
      navigator.keyboard.lock = async (...keys) => {
        window.locked = keys.length ? -1 : window.locked + 1;
      };
    },
  });
  await pictured(page);
  const turn = page.getByRole('button', { name: 'Turn the picture' });
  await page.getByRole('button', { name: '1:1' }).click();
  assert.equal(await page.evaluate(() => document.querySelector('.screen img').getBoundingClientRect().width), 640);
  const clicked = async (fx, fy) => {
    const look = async () => JSON.stringify(await page.locator('.screen img').boundingBox());
    let was;
    await until('it to stand still', async () => was === (was = await look()));
    pages.fake.calls.length = 0;
    const box = JSON.parse(was);
    await page.mouse.click(box.x + box.width * fx, box.y + box.height * fy);
    return until('the click', () => inputs().find((e) => e.buttons === 1));
  };
  const near = ({ x, y }, wx, wy) =>
    assert.ok(Math.abs(x - wx) <= 3 && Math.abs(y - wy) <= 3, `${x},${y}, not ${wx},${wy}`);
  near(await clicked(0.25, 0.25), 160, 100);
  await page.getByRole('button', { name: '1:1' }).click();
  await turn.click();
  near(await clicked(0.25, 0.25), 160, 300);
  await page.reload(); // it is remembered
  await pictured(page);
  near(await clicked(0.25, 0.1), 64, 300);
  for (let i = 0; i < 3; i++) await turn.click();
  await page.getByRole('button', { name: 'Full screen', exact: true }).first().click();
  await until('all keys to be locked', () => page.evaluate(() => window.locked > 0));
  pages.fake.calls.length = 0;
  await page.mouse.move(640, 2);
  await page.getByRole('group', { name: 'Full screen' }).getByRole('button', { name: 'Ctrl+Alt+Del' }).click();
  await until('the keys', () => inputs().filter((e) => e.type === 'key').length === 6);
  await page.getByRole('button', { name: 'Leave full screen' }).click();
  await until('the page again', () => page.evaluate(() => !document.fullscreenElement));
  await page.done();
});

test('files: several go into the folder that is shown, with their progress; what is there is asked about; folders, drops, cancel, rename', async () => {
  const page = await open('#/d/phone/files');
  await page.getByText('init.rc').first().waitFor();
  const puts = () =>
    calls('PUT', /phone\/files/).map((c) => decodeURIComponent(c.path.split('path=')[1].replaceAll('+', ' ')));
  const file = (name, text = 'text') => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  const pick = page.getByLabel('Files to upload');
  pages.fake.calls.length = 0;
  await pick.setInputFiles([file('init.rc'), file('two.txt'), file('grüß dich.txt')]);
  await page.getByRole('heading', { name: 'Replace init.rc?' }).waitFor();
  assert.deepEqual(puts(), [], 'nothing before it is agreed to');
  await page.getByRole('button', { name: 'Leave it as it is' }).click();
  await until('the others', () => puts().length === 2);
  assert.deepEqual(puts(), ['/two.txt', '/grüß dich.txt']);
  await page.getByRole('button', { name: 'sdcard', exact: true }).click();
  await page.getByText('DCIM').waitFor();
  await until('no upload is under way', async () => (await page.locator('.uploads li').count()) === 0);
  pages.fake.calls.length = 0;
  await page.locator('.drop').evaluate((el) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'dropped.txt'));
    for (const type of ['dragover', 'drop'])
      el.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  });
  await until('what was dropped', () => puts().length === 1);
  assert.deepEqual(puts(), ['/sdcard/dropped.txt']);
  // one that does not end is taken back; the next one goes on
  await page.route('**/phone/files?path=%2Fsdcard%2Fslow', () => {});
  await pick.setInputFiles([file('slow'), file('next')]);
  await page.getByRole('button', { name: 'Cancel slow' }).click();
  await until('the next one', () => puts().includes('/sdcard/next'));
  await page.locator('.toast', { hasText: 'slow was taken back' }).waitFor();
  await page.getByRole('button', { name: 'Rename DCIM' }).click();
  await page.getByLabel('New name').fill("it's mine");
  await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
  const [{ body }] = await until('the new name', () => {
    const all = calls('POST', /phone\/files\/rename$/);
    return all.length && all;
  });
  assert.deepEqual(JSON.parse(body), { path: '/sdcard/DCIM', to: "/sdcard/it's mine" });
  await page.getByRole('button', { name: 'Remove DCIM' }).click();
  await page.getByText('/sdcard/DCIM, with all that is in it, is removed from phone').waitFor();
  assert.deepEqual(calls('DELETE', /phone\/files/), [], 'nothing before it is agreed to');
  await page.getByRole('button', { name: 'Remove all of it' }).click();
  await until(
    'the folder to be removed',
    () => calls('DELETE', /phone\/files\?path=%2Fsdcard%2FDCIM&recursive=true$/).length,
  );
  await page.done();
});

test('a fault and who asks for the device come without moving what is under the pointer; when it is elsewhere they have a place', async () => {
  const page = await open('#/d/board', { width: 1440, height: 900 });
  await pictured(page);
  await page.waitForSelector('#fallback-notice:not([hidden])');
  const off = page.locator('#power-off-power');
  const top = async () => Math.round((await off.boundingBox()).y);
  const board = pages.fake.devices.board;
  const video = board.interfaces.find((i) => i.kind === 'video');
  const say = (state, reason) => {
    Object.assign(video, { state, reason });
    pages.fake.emit('interface.state', 'board', 'video', { state, reason });
  };
  const notice = page.locator('.link-banner .notice');
  const settled = (yes) =>
    until(
      yes ? 'its place' : 'to lie over it',
      async () => (await page.locator('.settling.apart').count()) === (yes ? 0 : 1),
    );
  await off.hover();
  const before_ = await top();
  say('fault', 'the cable is out');
  await notice.waitFor();
  await settled(false);
  assert.equal(await top(), before_, 'the button stays under the pointer');
  assert.ok(
    await notice.evaluate((el) => {
      const { x, y, width, height } = el.getBoundingClientRect();
      return y >= 0 && el.contains(document.elementFromPoint(x + width / 2, y + height / 2));
    }),
    'and it can be read',
  );
  await page.mouse.move(600, 4);
  await settled(true);
  const pushed = await top();
  assert.ok(pushed > before_ + 20, 'in its place');
  await off.hover();
  say('ready', null);
  await notice.waitFor({ state: 'hidden' });
  assert.equal(await top(), pushed, 'nor when it goes');
  await page.mouse.move(600, 4);
  await until('no gap', async () => (await top()) === before_);
  await page.click('#lease-take');
  await page.waitForSelector('#lease-release');
  await off.hover();
  const there = await top();
  pages.fake.emit('lease.asked', 'board', null, { by: 'bert' });
  await page.getByText('bert asks for board').waitFor();
  await settled(false);
  assert.equal(await top(), there);
  await page.getByRole('button', { name: 'Grant' }).click();
  await page.waitForSelector('#lease-take');
  await page.done();
});

test('what was copied on the device is copied to this computer, where the driver reaches it', async () => {
  const page = await open('#/d/board', { init: () => (navigator.clipboard.writeText = async (t) => (window.got = t)) });
  await page.locator('#copy-from-device').click();
  await page.locator('.toast', { hasText: '9 characters from board' }).waitFor();
  assert.equal(await page.evaluate(() => window.got), 'grüß dich');
  await page.evaluate(() => (location.hash = '#/d/phone'));
  await pictured(page);
  assert.ok(await page.locator('#copy-from-device').isHidden());
  pages.fake.emit('input.clipboard', 'phone', 'input', { bytes: 3 });
  await page.locator('#copy-from-device').waitFor();
  await page.done();
});

test('an input that is away: control is not offered, and why; it is again when it is back', async () => {
  const page = await open('#/d/board');
  await pictured(page);
  const input = pages.fake.devices.board.interfaces.find((i) => i.kind === 'input');
  const say = (state, reason) => {
    Object.assign(input, { state, reason });
    pages.fake.emit('interface.state', 'board', 'input', { state, reason });
  };
  const control = page.locator('#control-switch');
  assert.equal(await control.getAttribute('aria-pressed'), 'true');
  say('absent', 'QEMU ended');
  await page.locator('.stage-hint', { hasText: 'View only: input is absent: QEMU ended.' }).waitFor();
  assert.ok(await control.isDisabled());
  assert.equal(await control.getAttribute('aria-pressed'), 'false');
  pages.fake.calls.length = 0;
  await page.locator('#screen').click();
  say('ready', null);
  await page.waitForSelector('#control-switch:not([disabled])[aria-pressed="true"]');
  assert.deepEqual(inputs(), []);
  await page.done();
});

test('the log comes by a WebSocket, holds no connection of the browser, and goes on after a cut without a repeat', async () => {
  pages.fake.calls.length = 0;
  const page = await open('#/d/phone/logs');
  const lines = async () => (await page.locator('.logs').innerText()).match(/Start proc \d+/g) ?? [];
  await until('the lines', async () => (await lines()).length === 30);
  page.forgive = /WebSocket|ERR_|Failed to load/;
  pages.fake.drop();
  await until('it to resume', () => calls('WS', /phone\/logs\?last_event_id=2320$/).length === 1);
  assert.equal((await lines()).length, 30);
  assert.deepEqual(calls('GET', /phone\/logs/), []);
  await page.done();
});

test('plots: a span, a zoom that all follow, held, together, figures of what is shown, and as CSV', async () => {
  const page = await open('#/d/vitals');
  const first = page.locator('.plot').first();
  await first.locator('canvas').waitFor();
  await until('figures', async () => /min .* mean .* max/.test(await first.locator('.numbers').innerText()));
  await page.getByLabel('Time that is shown').selectOption('60');
  const over = await first.locator('.u-over').boundingBox();
  await page.mouse.move(over.x + 20, over.y + 30);
  await until(
    'a cursor that all share',
    async () => (await page.locator('.plot .at:not([hidden])').count()) === (await page.locator('.plot').count()),
  );
  await page.mouse.down();
  await page.mouse.move(over.x + over.width / 2, over.y + 30, { steps: 4 });
  await page.mouse.up();
  const out = page.getByRole('button', { name: 'Zoom out' });
  await out.waitFor();
  const save = async () => {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    assert.equal(file.suggestedFilename(), 'vitals-sensors.csv');
    let all = '';
    for await (const part of await file.createReadStream()) all += part;
    return all.trim().split('\r\n');
  };
  const few = await save();
  assert.match(few[0], /^time,cpu\.busy \(%\),cpu\.temperature \(Cel\),load\.1m,memory\.used \(By\)$/);
  assert.ok(few.length > 5 && few.length < 45, `${few.length} rows are less than half a minute`);
  await first.locator('.u-over').dblclick();
  await out.waitFor({ state: 'hidden' });
  await page.getByLabel('Time that is shown').selectOption('null');
  const pause = page.getByRole('button', { name: 'Pause' });
  await pause.click();
  const held = await save();
  assert.ok(held.length > 100, 'all of it');
  const latest = () => page.evaluate(() => document.querySelector('.readings .value').textContent); // these go on beside
  const was = await latest();
  await until('new samples', async () => (await latest()) !== was);
  assert.deepEqual(await save(), held, 'nothing moves while it is held');
  await pause.click();
  await until('it goes on', async () => (await save()).length > held.length);
  await page.getByRole('button', { name: 'Together' }).click();
  await until('one plot for each unit', async () => (await page.locator('.plot').count()) > 0);
  await page.done();
});

test('a telescope: a place as people write it, a pad that stops when it is let go, what is under way in words', async () => {
  const page = await open('#/d/scope', { width: 390, height: 844 });
  const asked = (op) => calls('CMD', new RegExp(`^mount.${op}$`)).map((c) => JSON.parse(c.body).params);
  await page.waitForSelector('.mount .facts dd');
  assert.match(await page.locator('.mount .facts').innerText(), /2h 30m 00\.0s, \+89° 12′ 00″/);

  // words where it is no place; and then one, by the keyboard alone
  await page.getByLabel('Right ascension').fill('25h');
  await page.getByLabel('Declination').fill('−5° 23′ 28″');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.mount .error-text:has-text("0 to 24 hours")');
  assert.equal(asked('goto').length, 0);
  await page.getByLabel('Right ascension').fill('5:35:17.3');
  await page.getByLabel('Name', { exact: true }).fill('M 42');
  await page.keyboard.press('Enter');
  await until('it goes there', () => asked('goto').length === 1);
  const [there] = asked('goto');
  assert.ok(Math.abs(there.ra_hours - 5.588139) < 1e-5 && Math.abs(there.dec_deg + 5.391111) < 1e-5);
  assert.equal(there.target, 'M 42');
  await page.waitForSelector('.doings:has-text("Going to M 42")');

  // held, it goes on; let go, it stops: by the pointer, and by a key
  const up = page.getByRole('button', { name: 'Move up while held' });
  await up.hover();
  await page.mouse.down();
  await until('it goes on', () => asked('move').length >= 2);
  await page.mouse.up();
  await until('it stops', () => asked('stop').length === 1);
  assert.equal(asked('move')[0].angle_deg, 90);
  await page.getByRole('button', { name: 'Move left while held' }).focus();
  await page.keyboard.down('Enter');
  await until('it moves', () => asked('move').some((c) => c.angle_deg === 180));
  await page.keyboard.up('Enter');
  await until('it stops again', () => asked('stop').length === 2);

  // what somebody types is not written over by what comes
  await page.getByLabel('gain', { exact: true }).fill('120');
  await page.getByRole('button', { name: 'Set focus' }).click();
  assert.equal(await page.getByLabel('gain', { exact: true }).inputValue(), '120');
  await page.getByRole('button', { name: 'Set gain' }).click();
  await until('the gain is set', () => asked('gain').length === 1);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing is cut off');
  await page.done();
});

test('lines of a board: what each is, an output switched and pressed, a change of an input seen', async (t) => {
  const lab = await startFakeHost(); // of its own: lines are turned here
  t.after(() => lab.close());
  lab.devices.board.interfaces.push({ name: 'gpio', kind: 'gpio', driver: 'gpio', state: 'ready' });
  const page = await open('#/d/board/gpio', { host: lab });
  const line = (name) => page.locator(`.gpio [data-line="${name}"]`);
  await page.waitForSelector('.gpio [data-line="boot"]');
  assert.match(await line('boot').innerText(), /boot[^]*output, line 17[^]*off/);
  assert.match(await line('button').innerText(), /input, line GPIO4/);
  assert.equal(await line('button').getByRole('button').count(), 0, 'an input cannot be set');

  await page.getByRole('button', { name: 'Switch boot on' }).click();
  await page.getByRole('button', { name: 'Switch boot off' }).waitFor();
  assert.equal(await line('boot').locator('.badge').innerText(), 'on');
  await page.getByLabel('A press lasts (ms)').fill('50');
  await page.getByRole('button', { name: 'Press boot' }).click();
  await page.getByRole('button', { name: 'Switch boot on' }).waitFor();
  const press = lab.calls.filter((c) => c.path === 'gpio.pulse').map((c) => JSON.parse(c.body).params);
  assert.deepEqual(press, [{ line: 'boot', ms: 50, on: true }]);

  lab.gpio[1].on = true;
  lab.emit('gpio.edge', 'board', 'gpio', { line: 'button', on: true });
  await until('the button', async () => (await line('button').locator('.badge').innerText()) === 'on');
  await page.done();
});
