// An admin adds a host on the server's front page, by keyboard: the command is shown once, a real host joins by what it
// says, the page follows, and revoking sends the host away. Who is no admin finds none of it.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Host, forFile, freePort, until, withHost } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { assertQuiet, inPage, openPage, startBrowser } from './browser.mjs';

const file = forFile();
const tokens = ['admin', 'operator', 'viewer'].map((role) => ({ name: role, role, token: `${role}-0123456789abcdef` }));
let server;
let browser;

before(async () => {
  server = await withServer(file, { tokens });
  browser = await startBrowser(file);
});

async function front(t, role, options) {
  const page = await openPage(t, browser, `${server.url}/`, options);
  await page.getByLabel('Access token').fill(`${role}-0123456789abcdef`);
  page.problems = []; // that it asked without one
  await page.keyboard.press('Enter');
  return page;
}

const token = (role) => `${role}-0123456789abcdef`;
const logIn = async (page, role) => {
  await page.getByLabel('Access token').fill(role === 'nobody' ? 'not-a-token-0123456789' : token(role));
  await page.keyboard.press('Enter');
};

test("the server's front page says who one is, asks again for a wrong token, lets go of it, and takes one from the link", async (t) => {
  const page = await openPage(t, browser, `${server.url}/`);
  await logIn(page, 'nobody');
  await page.getByText('This token is not known here').waitFor();
  await logIn(page, 'viewer');
  await page.locator('#user', { hasText: 'viewer · viewer' }).waitFor();
  await page.getByText('No host is connected').waitFor();
  await page.locator('#user').click();
  await page.locator('#log-out').click();
  await page.getByRole('heading', { name: 'Log in' }).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Create session' }).isVisible(), 'a phone is paired without');
  await page.goto(`${server.url}/?x#token=${token('admin')}`);
  await page.locator('#user', { hasText: 'admin · admin' }).waitFor();
  assert.ok(!page.url().includes('token'), page.url());
  await page.locator('#add-host').waitFor();
});

test('the page of the noVNC port logs in as the others do, and says what to do instead of trying for ever', async (t) => {
  const port = await freePort();
  const host = await withHost(t, {
    tokens,
    novnc: { port },
    devices: { pattern: { attach: 'testpattern://?width=320&height=240&fps=5' } },
  });
  const url = `http://127.0.0.1:${port}/`;
  const page = await openPage(t, browser, url);
  const says = (words) =>
    inPage(page, `"${words}"`, (w) => document.querySelector('#status').textContent.includes(w), words);
  await logIn(page, 'nobody');
  await page.getByText('This token is not known here').waitFor();
  await logIn(page, 'viewer');
  await says('Connected, you may watch: your role is viewer');
  assert.match(await page.locator('#user').textContent(), /viewer · viewer/);
  await page.locator('#user').click();
  await page.locator('#log-out').click();
  await page.getByText('You are logged out.').waitFor();
  await page.goto(`${url}?device=pattern#token=${token('admin')}`);
  await says('Connected');
  assert.ok(!page.url().includes('token'), page.url());
  const lease = await host.post(
    '/host/devices/pattern/lease',
    { ttl_s: 600 },
    { headers: { Authorization: `Bearer ${token('operator')}` } },
  );
  assert.ok(lease.json.lease, lease.text);
  await says('you may watch: operator has it until');
  await page.goto(`${url}?device=other`);
  await says('There is no screen “other” here now');
  assert.deepEqual(
    page.problems.filter((p) => !/ 401 |\/websockify|Connection closed \(code: 1006\)/.test(p)),
    [],
  );
});

/** Nothing is wider than the window. */
const assertFits = async (page) =>
  assert.deepEqual(
    await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('dialog')]
        .filter((e) => e.scrollWidth > e.clientWidth)
        .map((e) => `${e.tagName} ${e.scrollWidth} > ${e.clientWidth}`),
    ),
    [],
  );

const says = (page, words) =>
  inPage(
    page,
    `the list to say "${words}"`,
    (w) => document.querySelector('[aria-label="Hosts added here"]').textContent.includes(w),
    words,
  );

test('a host is added by keyboard, joins by the command, and is revoked; the page follows', async (t) => {
  const page = await front(t, 'admin', { phone: true, viewport: { width: 390, height: 844 }, dark: true });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const add = page.getByRole('button', { name: 'Add a host…' });
  await add.focus();
  await page.keyboard.press('Enter');
  await page.getByLabel('Name (optional)').fill('lab 5');
  await page.keyboard.press('Enter');
  await inPage(page, 'what is wrong with the name', () =>
    document.querySelector('dialog [role=alert]')?.textContent.includes('name must be'),
  );
  assert.equal(await page.evaluate(() => document.activeElement.id), 'host-name');
  page.problems = [];
  await page.getByLabel('Name (optional)').fill('lab-5');
  await page.keyboard.down('Enter');

  const command = page.getByLabel('On the host, with Docker', { exact: true });
  const shown = await command.textContent();
  assert.match(shown, /&& docker run -d .* -e SERVER_TOKEN=enrol-[\w-]{43} -e HOST_NAME=lab-5 testbed-host$/);
  for (let i = 0; i < 5; i++) await page.keyboard.down('Enter'); // it is held
  await page.keyboard.up('Enter');
  assert.equal(await command.textContent(), shown, 'what is shown once stays');
  assert.match(await page.locator('dialog').textContent(), /This address is good on this machine alone/);
  await assertFits(page);
  await page.getByRole('button', { name: 'Copy: On the host, with Docker' }).press('Enter');
  await inPage(page, 'that it was copied', () => document.querySelector('#status').textContent === 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shown);
  await inPage(page, 'that it waits', () => document.querySelector('dialog').textContent.includes('waiting'));

  const env = Object.fromEntries([...shown.matchAll(/-e ([A-Z_]+)='?([^' ]+)'?/g)].map((m) => [m[1], m[2]]));
  const host = await Host.start({}, { env });
  t.after(() => host.stop());
  await inPage(page, 'that it has joined', () =>
    document.querySelector('dialog').textContent.includes('joined as lab-5, '),
  );
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'add-host', 'focus is where it was');
  await says(page, 'joined as lab-5');
  await says(page, 'connected');
  await inPage(page, 'the dialog to be gone', () => !document.querySelector('dialog'));
  assert.ok(!(await page.content()).includes('SERVER_TOKEN'), 'shown once');
  await assertFits(page);

  await page.getByRole('button', { name: 'Revoke the token of lab-5' }).press('Enter');
  await page.getByRole('button', { name: 'Revoke', exact: true }).press('Enter');
  await host.program.line('The token was revoked');
  await inPage(page, 'the list to be gone', () => document.querySelector('[aria-label="Hosts added here"]').hidden);
  assertQuiet(page);
});

test('a viewer is not offered it, and asks once whether he may', async (t) => {
  const page = await front(t, 'viewer');
  await inPage(page, 'the devices', () => document.querySelector('.head .num').textContent.includes('host'));
  await until('the answer about hosts', () => page.problems.some((p) => p.includes('/api/enrol: 403')));
  for (const state of ['ready', 'absent']) {
    const devices = [{ id: 'board', label: 'Board', state, interfaces: [] }];
    const lab = await server.host('lab-8', devices, { token: token('admin') });
    await page.locator('[data-device="lab-8/board"]', { hasText: state }).waitFor();
    lab.ws.close();
    await page.locator('[data-device="lab-8/board"]', { hasText: 'offline' }).waitFor();
  }
  assert.equal(page.problems.length, 1, page.problems.join('\n'));
  assert.ok(await page.locator('#add-host').isHidden());
  assert.ok(await page.getByLabel('Hosts added here').isHidden());
});
