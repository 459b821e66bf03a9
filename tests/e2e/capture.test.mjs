// A phone that watches (/capture): it notices, keeps what there is no network for, opens offline, is renewed.
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { ROOT, forFile, scratch, until } from '../integration/harness.mjs';
import { Bucket } from '../integration/buckets.mjs';
import { Server, withServer } from '../integration/server-harness.mjs';
import { openPage, startBrowser } from './browser.mjs';

const file = forFile();
const PHONE = { viewport: { width: 390, height: 844 }, phone: true, permissions: ['camera', 'microphone'] };
let browser;

before(async () => {
  browser = await startBrowser(file, undefined, ['--use-fake-ui-for-media-stream']);
});

const kept = (page) => page.evaluate(() => navigator.serviceWorker.ready.then(() => caches.keys()));
const start = async (page) => {
  await page.getByRole('button', { name: 'Start watching' }).click();
  await page.getByText('capture active', { exact: true }).waitFor();
};
/** Events of the server that are complete, once there are so many. */
const events = (server, n) =>
  until(
    `${n} clips on the server`,
    async () => {
      const all = (await server.get('/events')).json ?? [];
      return all.filter((e) => e.clip_uploaded_at).length === n && all;
    },
    30000,
  );

test('movement, and by hand; without a network clips wait, also of a page that was killed, and go when it is back', async (t) => {
  const server = await withServer(t, { web: path.join(ROOT, 'build/pages') });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  const page = await openPage(t, browser, `${server.url}/capture`, PHONE);
  await page.getByRole('button', { name: 'Start watching' }).click();
  await page.getByText('Give this device a name first').waitFor();
  await page.getByLabel('Name of this device').fill('sill');
  await page.getByLabel('What to look for').fill('a cat');
  await page.getByText('Times and camera').click();
  await page.getByLabel('Seconds before').fill('1');
  await page.getByLabel('Seconds after').fill('2');
  await page.getByLabel('Movement that makes a clip').fill('0.0025');
  await start(page);
  const [first] = await events(server, 1);
  assert.deepEqual(
    [first.device_id, first.trigger_type, first.clip_mime, first.status],
    ['sill', 'motion', 'video/webm', 'processing'],
  );
  assert.ok(first.duration_seconds >= 1 && first.duration_seconds < 20, `${first.duration_seconds} s`);
  const clip = await server.get(`/events/${first.event_id}/upload`);
  assert.equal(Number(clip.headers['content-length'] ?? clip.headers.get?.('content-length')), first.clip_size_bytes);
  const sessions = (await server.get('/sessions?device_id=sill')).json;
  assert.deepEqual([sessions.length, sessions[0].analysis_prompt], [1, 'a cat']);
  await page.getByRole('button', { name: 'Play: Movement' }).first().click();
  await until('it to play', () =>
    page.locator('.capture-clip video').evaluate((v) => v.currentTime > 0 && v.videoWidth > 0),
  );
  await page.getByRole('checkbox', { name: 'Movement' }).uncheck();
  await kept(page);

  // the page opens without a network, and what it records waits
  await page.context().setOffline(true);
  page.problems.length = 0;
  await page.reload();
  await page.getByText('capture active', { exact: true }).waitFor(); // as it was before
  const byHand = page.getByRole('button', { name: 'Record a clip now' });
  const recorded = () => page.getByText('a clip is being recorded', { exact: true }).waitFor();
  await byHand.click();
  await page.getByText(/1 clip waits: there is no way to the server/).waitFor();
  await byHand.click();
  await recorded();
  const chunks = () =>
    page.evaluate(
      () =>
        new Promise((resolve) => {
          indexedDB.open('testbed-capture').onsuccess = ({ target: { result: db } }) => {
            db.transaction('chunks').objectStore('chunks').count().onsuccess = (e) => {
              db.close();
              resolve(e.target.result);
            };
          };
        }),
    );
  await until('some of it to be kept', async () => (await chunks()) > 0);
  await page.goto('about:blank'); // killed in the middle of it
  await page.goto(`${server.url}/capture`);
  await page.getByText(/2 clips wait: there is no way to the server/).waitFor();
  await page.context().setOffline(false);
  const all = await events(server, 3);
  assert.deepEqual(all.map((e) => e.trigger_type).sort(), ['manual', 'manual', 'motion']);
  await page.getByText('Nothing waits.').waitFor();
  await page.getByRole('button', { name: 'Delete: By hand' }).first().click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await until('two left', async () => (await page.locator('.capture-clip').count()) === 2);
});

test('clips go straight to a bucket, as its CORS and our policy allow', async (t) => {
  const bucket = await Bucket.start('S3');
  t.after(() => bucket.stop());
  const server = await Server.start({}, { env: bucket.env });
  t.after(() => server.stop());
  await until('the events', async () => (await server.get('/events')).status !== 503);
  const policy = async (page) => (await server.get(page)).headers['content-security-policy'];
  assert.ok((await policy('/capture')).includes(` ${bucket.url};`));
  assert.ok(!(await policy('/timeline')).includes(bucket.url), 'other pages have no business there');
  const page = await openPage(t, browser, `${server.url}/capture`, PHONE);
  const puts = [];
  page.on('request', (r) => r.method() === 'PUT' && puts.push(new URL(r.url()).origin));
  await page.getByRole('checkbox', { name: 'Movement' }).uncheck();
  await page.getByLabel('Name of this device').fill('sill');
  await start(page);
  await page.getByRole('button', { name: 'Record a clip now' }).click();
  const [event] = await events(server, 1);
  assert.deepEqual(puts, [bucket.url]);
  assert.match(event.clip_etag, /^"?[0-9a-f]{32}"?$/, 'the page could read the ETag');
  assert.deepEqual(page.problems, []);
});

test('it can be installed, and a newer version replaces the old one: at once when the page is opened, by a button before', async (t) => {
  const web = path.join(scratch(), 'web');
  cpSync(path.join(ROOT, 'build/pages'), web, { recursive: true, verbatimSymlinks: false });
  const renew = (n) => {
    for (const [name, change] of [
      ['server/capture.js', (s) => `${s}\ndocument.documentElement.dataset.version = '${n}';`],
      ['server/capture.html', (s) => s.replace(/name="version" content="[^"]*"/, `name="version" content="v${n}"`)],
      ['server/capture-worker.js', (s) => s.replace(/VERSION = '[^']*'/, `VERSION = 'v${n}'`)],
    ]) {
      for (const ending of ['.gz', '.br']) rmSync(path.join(web, name) + ending, { force: true });
      writeFileSync(path.join(web, name), change(readFileSync(path.join(ROOT, 'build/pages', name), 'utf8')));
    }
  };
  renew(1);
  const server = await withServer(t, { web });
  const page = await openPage(t, browser, `${server.url}/capture`, PHONE);
  const version = () => page.evaluate(() => document.documentElement.dataset.version);
  assert.equal(await version(), '1');
  assert.deepEqual(await kept(page), ['testbed-capture-v1']);
  const cdp = await page.context().newCDPSession(page);
  const { errors } = await cdp.send('Page.getAppManifest');
  assert.deepEqual(errors, []);
  const { installabilityErrors } = await cdp.send('Page.getInstallabilityErrors');
  assert.deepEqual(
    installabilityErrors.map((e) => e.errorId).filter((e) => e !== 'in-incognito'),
    [],
  );
  renew(2);
  await page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.update()));
  await page.getByText('There is a newer version of this page.').waitFor();
  assert.equal(await version(), '1', 'nothing is taken away from who is using it');
  await page.getByRole('button', { name: 'Use it now' }).click();
  await until('the second', async () => (await version().catch(() => null)) === '2');
  assert.deepEqual(await kept(page), ['testbed-capture-v2']);
  renew(3);
  await page.evaluate(() => navigator.serviceWorker.ready.then((r) => r.update()));
  await page.getByText('There is a newer version of this page.').waitFor();
  const context = page.context();
  await page.close();
  const again = await context.newPage();
  await again.goto(`${server.url}/capture`);
  await until('the third', () => again.evaluate(() => document.documentElement.dataset.version === '3').catch(() => 0));
});

test('what a browser does not have is said, and nothing fails by it; the address may switch the camera off', async (t) => {
  const server = await withServer(t);
  const init = () => {
    for (const [of, name] of [
      [Navigator.prototype, 'serviceWorker'],
      [Navigator.prototype, 'wakeLock'],
      [Navigator.prototype, 'getBattery'],
      [window, 'MediaRecorder'],
      [window, 'PressureObserver'],
    ])
      delete of[name];
  };
  const page = await openPage(t, browser, `${server.url}/capture`, { ...PHONE, init });
  await page.getByText('This browser cannot record').waitFor();
  for (const words of ['keeps no page', 'cannot keep the screen on', 'does not tell its battery'])
    await page.getByText(words).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Start watching' }).isDisabled(), true);
  assert.deepEqual(page.problems, []);
  await page.goto(`${server.url}/capture?media=off`);
  await page.getByText('Capture is switched off by this address').waitFor();
});
