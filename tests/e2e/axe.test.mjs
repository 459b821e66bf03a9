// Accessibility as axe-core sees it: no finding on any page of host and server, in any state and dialog that is opened
// here, in both colour schemes. The pages of the host are those of the labelled fake; server, observer and noVNC are
// the real daemons'.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before, test } from 'node:test';

import { startFakeHost } from '../../web/tests/fakehost.mjs';
import { forFile, freePort, until, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { startBrowser } from './browser.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const file = forFile();
let browser, fake, locked, server, novnc;

before(async () => {
  [fake, locked] = await Promise.all([startFakeHost(), startFakeHost({ token: 'a-token' })]);
  file.after(() => Promise.all([fake.close(), locked.close()]));
  server = await withServer(file);
  novnc = await freePort();
  await withHost(file, {
    name: 'lab-1',
    novnc: { port: novnc },
    server: { url: server.url },
    devices: { board: { label: 'A picture', attach: ['testpattern://?width=320&height=240&fps=10', 'vitals://'] } },
  });
  browser = await startBrowser(file);
  await until(
    'the board on the server',
    async () => (await server.get('/api/devices')).text.includes('lab-1/board'),
    30000,
  );
});

/** What axe finds on the page as it is now: ["rule: what (where)"]; `only`: by these rules alone. */
async function findings(page, only = null) {
  return page.evaluate(async (rules) => {
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      ...(rules ? { runOnly: { type: 'rule', values: rules } } : {}),
    });
    return violations.flatMap((v) =>
      v.nodes.map((n) => `${v.id}: ${v.help} (${n.target.join(' ')}) ${n.html.slice(0, 150)}`),
    );
  }, only);
}
const OF_COLOURS = ['color-contrast', 'link-in-text-block']; // all else is the same in both schemes

/** Opens `url`; each of `states`, [name, what to do to get there], in both schemes. Each finding once, with where. */
async function looksAt(url, states, { viewport = { width: 1366, height: 768 }, phone = false } = {}) {
  const found = new Map();
  const context = await browser.newContext({ viewport, hasTouch: phone, isMobile: phone, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(30000);
    await page.goto(url);
    await page.evaluate(AXE);
    for (const [name, reach] of states) {
      await reach(page);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        const only = colorScheme === 'dark' ? OF_COLOURS : null;
        for (const f of await findings(page, only)) found.set(f, [...(found.get(f) ?? []), `${name} ${colorScheme}`]);
      }
    }
  } finally {
    await context.close();
  }
  return [...found].map(([what, where]) => `${what}: ${where.join(', ')}`);
}

const shows = (selector) => (page) => page.waitForSelector(selector);
const goes = (hash, selector) => async (page) => {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
  await page.waitForSelector(selector);
};
/** Presses, and waits for the dialog that comes. */
const opens = (name) => async (page) => {
  await page.getByRole('button', { name }).first().click();
  await page.getByRole('dialog').first().waitFor();
};
const closes = async (page) => {
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
};
const dialog = (what, name) => [
  [what, opens(name)],
  [`${what}, closed`, closes],
];

const HOST = [
  ['bench', shows('.card[data-device="board"] canvas:not([hidden])')],
  ...dialog('power off?', 'Power off board'),
  ...dialog('settings', 'Settings'),
  ['device', goes('#/d/board', '.stage[data-rung="fallback"] img:not([hidden])')],
  ['console', shows('.terminal-bar .dot.good')],
  ...dialog('times', 'Lines with their times, and older ones'),
  ...dialog('line', 'Line …'),
  ...dialog('quality', /^Video quality/),
  ...dialog('detach', 'Detach …'),
  ['find in the terminal', (page) => page.getByRole('button', { name: /^Find in the terminal/ }).click()],
  ['sensors', goes('#/d/board/sensors', '.plot canvas')],
  ['events', goes('#/d/board/events', '.timeline li')],
  ['somebody else has it', goes('#/d/desktop', '.stage-hint.no')],
  ['phone', goes('#/d/phone/apps', 'td:has-text("org.example.camera")')],
  ['shell', goes('#/d/phone/shell', '[aria-label="Output"]')],
  ['files', goes('#/d/phone/files', 'text=init.rc')],
  ...dialog('remove a file', 'Remove init.rc'),
  ...dialog('rename a file', 'Rename init.rc'),
  ['more keys', (page) => page.getByRole('button', { name: 'Keys', exact: true }).click()],
  ['logs', goes('#/d/phone/logs', '.output')],
  ['telescope', goes('#/d/scope', '.mount .facts dd')],
  ['fault', goes('#/d/rack-pi', '.notice.bad')],
  ['only readings', goes('#/d/vitals', '.plot canvas')],
  ['no such device', goes('#/d/nobody', '.empty')],
  ['timeline', goes('#/timeline', '.timeline li')],
  ['rules', goes('#/rules', 'li[data-rule="moves"]')],
  ...dialog('a rule', 'Edit moves'),
  ['hardware', goes('#/resources', 'text=CP2102')],
  ...dialog('attach', 'Attach CP2102'),
  ['usb', goes('#/usb', 'text=FT232R')],
];

test("the host's pages and their dialogs, at a desk", async () => {
  assert.deepEqual(await looksAt(fake.url, HOST), []);
});

test("the host's pages on a phone", async () => {
  const states = HOST.filter(([name]) =>
    ['bench', 'device', 'files', 'fault', 'usb', 'rules', 'timeline'].includes(name),
  );
  assert.deepEqual(await looksAt(fake.url, states, { viewport: { width: 390, height: 844 }, phone: true }), []);
});

test('the API page, and the page to log in', async () => {
  assert.deepEqual(
    await looksAt(`${fake.url}docs`, [
      ['api', shows('.ops details')],
      ['api, opened', (page) => page.locator('summary').first().click()],
    ]),
    [],
  );
  assert.deepEqual(
    await looksAt(locked.url, [
      ['login', shows('#token')],
      [
        'wrong token',
        async (page) => {
          await page.fill('#token', 'not-that-one');
          await page.getByRole('button', { name: 'Log in' }).click();
          await page.getByRole('alert').waitFor();
        },
      ],
    ]),
    [],
  );
});

test("the server's pages: hosts and links, a phone paired, an observer who watches and one who may control, a link that ended", async () => {
  assert.deepEqual(
    await looksAt(`${server.url}/`, [
      ['front page', shows('[data-device="lab-1/board"]')],
      [
        'a link',
        async (page) => {
          await page.getByRole('button', { name: 'Give out a link of lab-1/board' }).click();
          await page.getByLabel('Who has it may').selectOption('control');
        },
      ],
      [
        'the link, made',
        async (page) => {
          await page.getByRole('button', { name: 'Make the link' }).click();
          await page.getByLabel('Control link', { exact: true }).waitFor();
        },
      ],
      [
        'pairing',
        async (page) => {
          await page.getByRole('button', { name: 'Done' }).click();
          await page.getByRole('button', { name: 'Create session' }).click();
          await page.getByRole('img', { name: /QR code/ }).waitFor();
        },
      ],
    ]),
    [],
  );
  assert.deepEqual(await looksAt(`${server.url}/links`, [['links', shows('[data-session]')]]), []);
  await until('the events', async () => (await server.get('/events')).status !== 503);
  const watching = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  const seen = { session_id: watching.session_id, device_id: 'sill', trigger_type: 'motion', clip_uri: 'local://x' };
  await server.post('/events', { ...seen, duration_seconds: 2, clip_mime: 'video/webm', clip_size_bytes: 9 });
  assert.deepEqual(await looksAt(`${server.url}/timeline`, [['events', shows('[data-event]')]]), []);
  const narrow = { viewport: { width: 390, height: 844 }, phone: true };
  assert.deepEqual(await looksAt(`${server.url}/capture`, [['watch', shows('.capture .empty')]], narrow), []);
  const tab = (name, there) => async (page) => {
    await page.getByRole('tab', { name }).click();
    await there(page);
  };
  assert.deepEqual(
    await looksAt(`${server.url}/users`, [
      ['users', shows('#add-user')],
      ['groups', tab('Groups', shows('#add-group'))],
      ['audit', tab('Audit log', shows('table.grid td'))],
      [
        'audit, looked through',
        async (page) => {
          await page.getByRole('button', { name: 'Check the whole log' }).click();
          await page.locator('.notice.good').waitFor();
        },
      ],
    ]),
    [],
  );
  assert.deepEqual(await looksAt(`${server.url}/account`, [['account', shows('.notice')]]), []);
  assert.deepEqual(await looksAt(`${server.url}/wall`, [['wall', shows('.tile canvas:not([hidden])')]]), []);
  const named = (there) => async (page) => {
    await page.locator('#call-user').fill('anna');
    await page.keyboard.press('Enter');
    await page.locator(there).waitFor();
  };
  const call = await server.post('/webrtc/calls', { calleeId: 'bert', callerId: 'anna' });
  assert.deepEqual(
    await looksAt(`${server.url}/call`, [
      ['by which name', shows('#call-user')],
      ['whom one calls', named('.list li')],
    ]),
    [],
  );
  assert.deepEqual(
    await looksAt(`${server.url}/call?id=${call.json.id}`, [
      ['lobby, without a camera', named('.notice.warn')],
      [
        'in the call',
        async (page) => {
          await page.locator('#enter').click();
          await page.locator('.call-tile').waitFor();
          await page.locator('#chat-open').click();
        },
      ],
      ...dialog('ask in', 'Ask in'),
      ...dialog('bring a device', 'Bench device'),
      ...dialog('record', 'Record'),
      [
        'the end',
        async (page) => {
          await page.locator('#leave').click();
          await page.locator('#again').waitFor();
        },
      ],
    ]),
    [],
  );
  assert.deepEqual(await looksAt(`${server.url}/diagnose`, [['network', shows('#verdict .notice')]]), []);
  const session = await server.session({ device: 'lab-1/board', mode: 'control', observers: 4 });
  for (const link of [session.viewUrl, session.controlUrl])
    assert.deepEqual(
      await looksAt(new URL(link, server.url).href, [
        ['observer', shows('.stage[data-rung="webrtc"] video:not(.dim)')],
      ]),
      [],
    );
  assert.deepEqual(await looksAt(`${server.url}/v/nobody?token=none`, [['no session', shows('.notice')]]), []);
  const phone = await server.session({});
  assert.deepEqual(
    await looksAt(phone.phoneUrl, [['phone', shows('main button')]], {
      viewport: { width: 390, height: 844 },
      phone: true,
    }),
    [],
  );
});

test('the noVNC page', async () => {
  assert.deepEqual(
    await looksAt(`http://127.0.0.1:${novnc}/?device=board`, [['connected', shows('html[data-state="connected"]')]]),
    [],
  );
});
