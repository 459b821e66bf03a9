// The console's USB page in Chromium, on a real kernel's bus in the lab: what it shows and switches is what the hub
// does.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';

import { assertQuiet, inPage, openPage, startBrowser } from '../e2e/browser.mjs';
import { forFile, request, until } from '../integration/harness.mjs';
import { Rig, build, top } from './rig.mjs';

const file = forFile();
let rig, browser;

before(
  async () => {
    build();
    rig = await Rig.boot({
      cameras: 0,
      files: { '/etc/testbed/host.yaml': fs.readFileSync(path.join(top, 'tests/rig/guest/host.yaml')) },
    });
    file.after(() => rig.stop());
    await rig.hostReady();
    browser = await startBrowser(file);
  },
  { timeout: 300_000 },
);

// Every device and port of GET /host/usb: [{port, device?, power?}]
const flat = (device) => [device, ...(device.ports ?? []).flatMap((p) => [p, ...(p.device ? flat(p.device) : [])])];
const tree = async () => (await request(rig.url, 'GET', '/host/usb')).json.buses.flatMap(flat);
const node = (page, port) => page.locator(`.node[data-port="${port}"]`);

test('every device and port of the bus is on the page, with its name, ids, speed, driver and node', async (t) => {
  const page = await openPage(t, browser, `${rig.url}/#/usb`);
  const all = await until(
    'the serial adapter to be bound',
    async () => {
      const found = await tree();
      return found.some((d) => d.nodes?.some((n) => /ttyUSB/.test(n))) && found;
    },
    60_000,
  );
  await inPage(page, 'the adapter on the page', () =>
    [...document.querySelectorAll('.node')].some((n) => /\/dev\/ttyUSB/.test(n.textContent)),
  );
  const shown = await page.evaluate(() => [...document.querySelectorAll('.node')].map((n) => n.dataset.port));
  assert.deepEqual(shown.sort(), [...new Set(all.map((d) => d.port))].sort());
  for (const d of all.filter((x) => x.vendor_id)) {
    const words = await node(page, d.port).textContent();
    for (const part of [
      d.product,
      `${d.vendor_id}:${d.product_id}`,
      `${d.speed_mbps >= 1000 ? d.speed_mbps / 1000 : d.speed_mbps} `,
      ...(d.interfaces ?? []).map((i) => i.driver),
    ].filter(Boolean))
      assert.ok(words.includes(part), `${d.port}: "${part}" in "${words}"`);
  }
  assertQuiet(page);
});

test('power of a port: off asks first and takes the device away, on brings it back; ports that cannot switch offer nothing', async (t) => {
  const page = await openPage(t, browser, `${rig.url}/#/usb`);
  const all = await tree();
  const hub = all.find((d) => d.power_switching === 'per-port' && d.ports.some((p) => p.device?.vendor_id === '0403'));
  assert.ok(hub, JSON.stringify(all.map((d) => [d.port, d.power_switching])));
  const { port } = hub.ports.find((p) => p.device?.vendor_id === '0403');
  for (const fixed of all.filter((d) => d.ports && d.power_switching !== 'per-port').flatMap((d) => d.ports))
    assert.equal(
      await node(page, fixed.port)
        .getByRole('button', { name: /^Power/ })
        .count(),
      0,
      fixed.port,
    );

  await page.getByRole('button', { name: `Power off port ${port}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Power off' }).click();
  await inPage(
    page,
    'the port to be empty and off',
    (at) => /Empty port.*power off/.test(document.querySelector(`.node[data-port="${at}"]`).textContent),
    port,
  );
  const off = (await tree()).find((p) => p.port === port && 'power' in p);
  assert.deepEqual([off.power, off.device], ['off', null]);

  await page.getByRole('button', { name: `Power on port ${port}` }).click();
  await inPage(
    page,
    'the adapter to be back',
    (at) =>
      /power on/.test(document.querySelector(`.node[data-port="${at}"]`).textContent) &&
      /0403:.*ftdi_sio.*\/dev\/ttyUSB/.test(document.querySelector(`.node[data-port="${at}"]`).textContent),
    port,
    60_000,
  );
  assertQuiet(page);
});
