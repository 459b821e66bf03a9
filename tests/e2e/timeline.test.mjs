// The page of events: what devices upload is there without a reload, by day; filters, the clip in its place, removal.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';

import { ROOT, forFile, scratch, until } from '../integration/harness.mjs';
import { withServer } from '../integration/server-harness.mjs';
import { Ntfy } from '../sim/ntfy.mjs';
import { PushService } from '../sim/push.mjs';
import { Telegram } from '../sim/telegram.mjs';
import { openPage, startBrowser } from './browser.mjs';

const file = forFile();
let browser;

before(async () => {
  browser = await startBrowser(file);
});

function film() {
  const to = path.join(scratch(), 'ball.webm');
  const pipe = `videotestsrc pattern=ball num-buffers=30 ! video/x-raw,width=160,height=90,framerate=15/1 ! vp8enc ! webmmux ! filesink location=${to}`;
  execFileSync('gst-launch-1.0', ['-q', ...pipe.split(' ')]);
  return readFileSync(to);
}

test('events as they come, a clip that plays, a filter, an event that is deleted', async (t) => {
  const server = await withServer(t);
  await until('the events', async () => (await server.get('/events')).status !== 503);
  const page = await openPage(t, browser, `${server.url}/timeline`);
  await page.getByText('Nothing was noticed yet').waitFor();
  const session = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  const add = async (body, more) => {
    const { json } = await server.post('/events/upload/initiate', {
      session_id: session.session_id,
      device_id: 'sill',
      trigger_type: 'motion',
      duration_seconds: 2,
      clip_mime: 'video/webm',
      clip_size_bytes: body.length,
      ...more,
    });
    return json.event.event_id;
  };
  const body = film();
  const id = await add(body);
  const row = page.locator(`[data-event="${id}"]`);
  await row.getByText('comes in').waitFor();
  await server.request('PUT', `/events/${id}/upload`, { body });
  await server.post(`/events/${id}/upload/finalize`, {});
  await row.getByText('is looked at').waitFor();
  await row.getByRole('button', { name: /^Play: motion at/ }).press('Enter');
  const plays = () => row.locator('video').evaluate((v) => v.currentTime > 0 && v.videoWidth === 160);
  await until('the clip to play', plays);
  const clip = await row.locator('video').elementHandle();
  await server.post(`/events/${id}/summary`, {
    summary: 'A ball <b>',
    label: 'motion',
    confidence: 0.8,
    should_notify: true,
  });
  await row.getByText('A ball <b>').waitFor();
  await row.getByText('motion, 80 %').waitFor();
  await page.getByText(/^Used: 1 credits this month/).waitFor();
  assert.ok(await clip.evaluate((v) => v.isConnected), 'it plays on while the words change');
  assert.equal(await page.locator('h2.day').count(), 1);

  const other = await add(body, { trigger_type: 'audio' });
  await page.locator(`[data-event="${other}"]`).waitFor();
  await page.getByLabel('Label', { exact: true }).selectOption('motion');
  await page.locator(`[data-event="${other}"]`).waitFor({ state: 'detached' });
  await page.getByLabel('Text in an event').fill('nothing of the sort');
  await page.getByText('No event is like that.').waitFor();
  await page.getByLabel('Text in an event').fill('BALL');
  await row.waitFor();
  await row.getByRole('button', { name: /^Delete/ }).press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).press('Enter');
  await page.getByText('No event is like that.').waitFor();
  assert.equal((await server.get(`/events/${id}`)).status, 404);
});

test('who is told: a topic is added, tried, quiet at night, told no more', async (t) => {
  const ntfy = await Ntfy.start();
  t.after(() => ntfy.stop());
  const server = await withServer(t, { events: { ntfy: { url: ntfy.url } } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  await server.post('/sessions/start', { device_id: 'sill' });
  const page = await openPage(t, browser, `${server.url}/timeline`);
  await page.getByRole('button', { name: 'Who is told …' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Who is told' });
  await dialog.getByText('Nobody is told of this device yet.').waitFor();
  await dialog.getByRole('button', { name: 'Add ntfy' }).press('Enter');
  await dialog.getByLabel('Topic').fill('no topic');
  await dialog.getByRole('button', { name: 'Add', exact: true }).press('Enter');
  await dialog.getByText(/a topic of ntfy has/).waitFor();
  await dialog.getByLabel('Topic').fill('bench-7');
  await dialog.getByRole('button', { name: 'Add', exact: true }).press('Enter');
  await dialog.getByRole('button', { name: 'Test: bench-7' }).press('Enter');
  await page.getByText('bench-7: the test was taken.').waitFor();
  assert.equal(ntfy.told[0].title, 'A test of Testbed');
  ntfy.refuse = { status: 403 };
  await dialog.getByRole('button', { name: 'Test: bench-7' }).press('Enter');
  await dialog.getByText('bench-7 was not reached: it answered 403').waitFor();
  await dialog.getByRole('button', { name: 'Quiet hours: bench-7' }).press('Enter');
  await dialog.getByRole('button', { name: 'Keep' }).press('Enter');
  await dialog.getByText(/not from 22:00 to 07:00/).waitFor();
  await dialog.getByRole('button', { name: 'Tell no more: bench-7' }).press('Enter');
  await dialog.getByText('Nobody is told of this device yet.').waitFor();
});

test('who is told: by mail, by a chat that presses Start, by an invite; a dialog has room around what is in it', async (t) => {
  const bot = await Telegram.start();
  const mailer = spawn('/usr/bin/python3', [path.join(ROOT, 'tests/sim/mails.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => bot.stop() ?? mailer.kill());
  const mails = [];
  createInterface(mailer.stdout).on('line', (line) => mails.push(JSON.parse(line)));
  await until('the mail server', () => mails[0]?.port, 20000);
  const server = await withServer(t, {
    events: {
      email: { url: `smtp://127.0.0.1:${mails[0].port}`, from: 'bench@example.org', tls: false },
      telegram: { token: bot.token, api_url: bot.url, onboarding_url: 'https://t.me/a_bot' },
    },
  });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  await server.post('/sessions/start', { device_id: 'sill' });
  const page = await openPage(t, browser, `${server.url}/timeline`);
  await page.getByRole('button', { name: 'Who is told …' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Who is told' });
  const [outer, inner] = await Promise.all([dialog.boundingBox(), dialog.locator('h2').boundingBox()]);
  assert.ok(inner.x - outer.x >= 8 && inner.y - outer.y >= 8, 'nothing lies on its edge');
  await dialog.getByRole('button', { name: 'Add Mail' }).press('Enter');
  await dialog.getByLabel('Mail address').fill('nobody');
  await dialog.getByRole('button', { name: 'Add', exact: true }).press('Enter');
  await dialog.getByText('a mail address like somebody@example.org is expected').waitFor();
  await dialog.getByLabel('Mail address').fill('somebody@example.org');
  await dialog.getByLabel('Name').fill('Anna');
  await dialog.getByRole('button', { name: 'Add', exact: true }).press('Enter');
  await dialog.getByRole('button', { name: 'Test: Anna (somebody@example.org)' }).press('Enter');
  await until('the mail', () => mails.at(-1).to?.[0] === 'somebody@example.org');
  await dialog.getByRole('button', { name: 'Add Telegram' }).press('Enter');
  bot.says(77, await dialog.locator('code').last().textContent(), 'anna_t');
  await page.getByText('The chat is connected.').waitFor();
  await dialog.getByRole('button', { name: 'Test: anna_t (77)' }).press('Enter');
  await until('its message', () => bot.sent('sendMessage').some((m) => /test/i.test(m.text)));
  await dialog.getByRole('button', { name: 'Invite somebody' }).press('Enter');
  const link = dialog.getByLabel('Link for who is to be told');
  await link.waitFor();
  await page.goto(await link.inputValue());
  const invited = page.getByRole('dialog', { name: 'You were invited' });
  await invited.getByRole('button', { name: 'Accept' }).press('Enter');
  await invited.getByLabel('Link to the bot').or(invited.getByRole('alert')).first().waitFor();
});

// Chromium has no push service here: its subscription is one at a simulated service, and what that got is given to the
// page's real worker as a push.
test('this browser is told: subscribed by a button, a notification by the worker, told no more', async (t) => {
  const service = await PushService.start();
  t.after(() => service.stop());
  const pem = path.join(scratch(), 'push.pem');
  execFileSync('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', pem]);
  const push = { subject: 'mailto:bench@example.org', key_file: pem, services: service.url };
  const server = await withServer(t, { events: { push } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  await server.post('/sessions/start', { device_id: 'sill' });
  const page = await openPage(t, browser, `${server.url}/timeline`, { permissions: ['notifications'] });
  await page.evaluate((subscription) => {
    PushManager.prototype.subscribe = async (options) => {
      window.subscribedFor = options;
      return { toJSON: () => JSON.parse(subscription) };
    };
  }, service.subscription());
  await page.getByRole('button', { name: 'Who is told …' }).press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Who is told' });
  await dialog.getByRole('button', { name: 'Tell this browser' }).press('Enter');
  await dialog.getByRole('button', { name: 'Test: Chrome on Linux' }).press('Enter');
  await page.getByText('Chrome on Linux: the test was taken.').waitFor();
  const asked = await page.evaluate(() => [
    window.subscribedFor.userVisibleOnly,
    window.subscribedFor.applicationServerKey.length,
  ]);
  assert.deepEqual(asked, [true, 65]);
  const [{ said }] = service.pushes;
  const cdp = await page.context().newCDPSession(page);
  const [registrationId] = await new Promise((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      if (registrations.length) resolve(registrations.map((r) => r.registrationId));
    });
    cdp.send('ServiceWorker.enable');
  });
  const deliver = (data) => cdp.send('ServiceWorker.deliverPushMessage', { origin: server.url, registrationId, data });
  const shown = () =>
    page.evaluate(async () => {
      const all = await (await navigator.serviceWorker.getRegistration('capture')).getNotifications();
      return all.map((n) => [n.title, n.body]);
    });
  await deliver(JSON.stringify(said));
  await until('the notification', async () => (await shown()).length === 1);
  assert.deepEqual(await shown(), [['A test of Testbed', 'This is how you will be told of events. Nothing happened.']]);
  await deliver('no JSON');
  await until('the other', async () => (await shown()).some(([, body]) => body === 'Something was noticed.'));
  await dialog.getByRole('button', { name: 'Tell no more: Chrome on Linux' }).press('Enter');
  await dialog.getByText('Nobody is told of this device yet.').waitFor();
});
