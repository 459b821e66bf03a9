// Accounts on the server's pages, by keyboard: the first one closes the open server; signing in and out; groups;
// another password; what was done. And what an address or a log knows of it.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { forFile, freePort, linkToken, until } from '../integration/harness.mjs';
import { startProvider } from '../integration/oidc-provider.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { assertQuiet, openPage, startBrowser } from './browser.mjs';

const file = forFile();
const SHOTS = process.env.TESTBED_SHOTS;
let browser;

before(async () => {
  browser = await startBrowser(file);
});

const shot = (page, name) => (SHOTS ? page.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true }) : null);
const signIn = async (page, name, password) => {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
};

test('the first account, a group and its member, signing in and out, another password, the audit log', async (t) => {
  const server = await withServer(t);
  const page = await openPage(t, browser, `${server.url}/`);
  await page.getByRole('link', { name: 'Users' }).click();
  await page.getByText('There are no accounts yet').waitFor();
  await page.getByRole('button', { name: 'Add a user…' }).press('Enter');
  await signIn(page, 'root', 'short');
  await page.getByText('10 to 256 characters').waitFor();
  await page.getByLabel('Password', { exact: true }).fill('correct horse');
  page.problems = []; // that it was refused
  await page.keyboard.press('Enter');
  await page.locator('[data-user=root]').waitFor();
  await page.locator('#user', { hasText: 'root · admin' }).waitFor();

  await page.getByRole('tab', { name: 'Groups' }).press('Enter');
  await page.getByRole('button', { name: 'Add a group…' }).press('Enter');
  await page.getByLabel('Name', { exact: true }).fill('boards');
  await page.getByLabel('Devices', { exact: true }).fill('lab-*/board\nlab-2');
  await page.getByRole('button', { name: 'Add', exact: true }).press('Enter');
  await page.locator('[data-group=boards]').waitFor();
  await shot(page, 'groups');
  await page.getByRole('tab', { name: 'Users' }).press('Enter');
  await page.getByRole('button', { name: 'Add a user…' }).press('Enter');
  await page.getByLabel('Name', { exact: true }).fill('anna');
  await page.getByLabel('boards').check();
  await shot(page, 'add-user');
  await page.getByLabel('Password', { exact: true }).fill('battery staple');
  await page.keyboard.press('Enter');
  await page.locator('[data-user=anna]', { hasText: 'Sees what boards name' }).waitFor();
  await shot(page, 'users');
  // the longest name and note, on the narrowest phone: all of it is there to read
  await page.evaluate((name) => {
    const headers = { 'Content-Type': 'application/json' };
    const post = (to, json) => fetch(to, { method: 'POST', headers, body: JSON.stringify(json) });
    return Promise.all([post('api/users', { name }), post('api/session', { note: name.repeat(3) })]);
  }, 'w'.repeat(64));
  await page.setViewportSize({ width: 360, height: 740 });
  for (const at of ['users', 'links']) {
    await page.goto(`${server.url}/${at}`);
    await page.locator('.list', { hasText: 'wwww' }).waitFor();
    const cut = () =>
      [...document.querySelectorAll('.list *, #user *')].filter((e) => {
        const right = e.closest('.list, #user').getBoundingClientRect().right;
        return e.getBoundingClientRect().right > right + 1;
      }).length;
    assert.equal(await page.evaluate(cut), 0, at);
  }
  await page.goto(`${server.url}/users`);

  const other = await openPage(t, browser, `${server.url}/account`, { viewport: { width: 390, height: 844 } });
  await signIn(other, 'anna', 'not the staple');
  await other.getByText('The name or the password is wrong').waitFor();
  await shot(other, 'sign-in-phone');
  other.problems = []; // 401s
  await signIn(other, 'anna', 'battery staple');
  await other.getByText('You see what your groups name: boards.').waitFor();
  await other.getByLabel('Present password').fill('battery staple');
  await other.getByLabel('New password').fill('another one 4');
  await other.getByLabel('The new one again').fill('another one 4');
  await other.keyboard.press('Enter');
  await other.getByText('The password was changed').waitFor();
  await other.getByRole('button', { name: 'New token…' }).press('Enter');
  await other.getByLabel('What is it for?').fill('nightly');
  await other.keyboard.press('Enter');
  assert.match(await other.getByLabel('Token', { exact: true }).inputValue(), /^login-/);
  await shot(other, 'token-phone');
  await other.getByRole('button', { name: 'Done' }).press('Enter');
  await other.locator('[data-login]', { hasText: 'nightly' }).waitFor();
  await shot(other, 'account-phone');
  await other.locator('#user').press('Enter');
  await other.locator('#log-out').press('Enter');
  await other.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.deepEqual(await other.evaluate(() => document.cookie), '', 'no script sees a cookie');

  await page.emulateMedia({ colorScheme: 'dark' });
  await page.getByRole('tab', { name: 'Audit log' }).press('Enter');
  await page.getByRole('cell', { name: 'password.change' }).waitFor();
  await page.getByRole('button', { name: 'Check the whole log' }).press('Enter');
  await page.getByText(/All \d+ entries since .+ are what was written/).waitFor();
  assert.match(await page.getByRole('link', { name: 'Save as a table' }).getAttribute('href'), /export\?format=csv$/);
  await shot(page, 'audit-dark');
  await page.getByRole('tab', { name: 'Users' }).press('Enter');
  await page.getByRole('button', { name: 'Remove anna' }).press('Enter');
  await page.getByRole('button', { name: 'Remove', exact: true }).press('Enter');
  await until('anna to be gone', async () => (await page.locator('[data-user=anna]').count()) === 0);
  assertQuiet(page);
});

test("a link's token is in no address that is asked for, and leaves the page's own at once", async (t) => {
  const server = await withServer(t, { log_level: 'debug' });
  await server.host('lab', [{ id: 'board', label: 'Board', state: 'ready', interfaces: [] }]);
  const made = await server.session({ device: 'lab/board', mode: 'control' });
  const phone = await server.session({});
  for (const [link, token] of [
    [made.viewUrl, linkToken(made.viewUrl)],
    [made.controlUrl, made.token],
    [made.viewUrl.replace('#', '?'), linkToken(made.viewUrl)], // as links were
    [phone.phoneUrl, phone.token],
    [phone.desktopUrl, phone.token],
  ]) {
    const page = await openPage(t, browser, 'about:blank');
    const asked = [];
    page.on('request', (r) => asked.push(`${r.url()} ${r.headers().referer ?? ''}`));
    await page.goto(link);
    await until('the address to be clean', () => !page.url().includes(token));
    await page.locator('#main').waitFor();
    await page.reload(); // this tab has it still
    await page.locator('#main :is(button, p)').first().waitFor();
    const old = link.includes('?') ? 1 : 0; // what was typed
    const seen = asked.filter((line) => line.replace(/#.*/, '').includes(token));
    assert.equal(seen.length, old, seen.join('\n'));
  }
  for (const token of [made.token, linkToken(made.viewUrl), phone.token])
    assert.ok(!server.program.text.includes(token), 'the log');
});

test('signing in at a provider: from the page that one wanted, by keyboard', async (t) => {
  const port = await freePort();
  const people = { anna: { sub: 's-1', preferred_username: 'anna', groups: ['lab'] } };
  const provider = await startProvider(people, [`http://127.0.0.1:${port}/api/oidc/callback`]);
  t.after(() => provider.stop());
  const oidc = { issuer: provider.issuer, client_id: 'bench', client_secret: 'bench-secret', name: 'Lab ID' };
  const server = await withServer(t, { port, oidc: { ...oidc, role: 'operator' } });
  const page = await openPage(t, browser, `${server.url.replace(/\/$/, '')}/links`);
  const button = page.getByRole('link', { name: 'Sign in with Lab ID' });
  await button.waitFor();
  assert.ok(await button.evaluate((b) => b === document.activeElement));
  assert.equal(await page.getByLabel('Password', { exact: true }).count(), 0, 'nobody has one here');
  await shot(page, 'signin-oidc');
  page.problems = []; // 401
  await page.keyboard.press('Enter');
  await page.locator('[name=login]').fill('anna');
  await page.locator('[name=password]').fill('x');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Continue' }).press('Enter');
  await page.waitForURL(/\/links$/);
  await page.locator('#user', { hasText: 'anna · operator' }).waitFor();
  await page.goto(new URL('account', page.url()).href);
  await page.getByText('It has no password here').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Disconnect' }).count(), 0, 'he could not sign in any more');
  await shot(page, 'account-oidc');
  page.problems = page.problems.filter((p) => !p.includes('fonts.googleapis')); // of the other's pages
  assertQuiet(page);
});
