// No secret of an attachment reaches a text: every driver's secret parameters with a marker, through attach, failure
// and everything that users read.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { until, withHost } from './harness.mjs';

const MARK = 'Mark3r/of a Test&x';
const FORMS = [
  MARK,
  encodeURIComponent(MARK),
  encodeURIComponent(MARK).toLowerCase(),
  JSON.stringify(MARK).slice(1, -1),
];

/** A device that answers with all that it was told: what a driver quotes of it holds the request. */
async function echo(t) {
  const server = http.createServer((request, response) =>
    response
      .writeHead(500, { 'Content-Type': 'application/json' })
      .end(
        JSON.stringify({ message: `${decodeURIComponent(request.url)} ${MARK} ${JSON.stringify(request.headers)}` }),
      ),
  );
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return server.address().port;
}

test('a marker in every secret parameter of every driver, in every form of attaching, is read nowhere', async (t) => {
  const port = await echo(t);
  const tokens = ['viewer', 'operator', 'admin'].map((role) => ({
    name: role,
    role,
    token: `a-${role}-token-of-a-test`,
  }));
  const as = (role) => ({ headers: { Authorization: `Bearer a-${role}-token-of-a-test` } });
  const host = await withHost(t, { tokens, devices: {} });
  const drivers = (await host.get('/host/drivers', as('viewer'))).json;
  const rows = (drivers.drivers ?? drivers).flatMap((d) =>
    d.params.filter((p) => p.type === 'secret').map((p) => ({ driver: d.name, param: p.name })),
  );
  assert.ok(rows.length >= 2, JSON.stringify(rows));
  assert.ok(rows.some((r) => r.driver === 'shelly') && rows.some((r) => r.driver === 'vnc'));

  const seen = []; // every text that somebody could read
  const keep = (what, text) => seen.push([what, String(text)]);
  const ids = [];
  for (const [i, { driver, param }] of rows.entries()) {
    const q = encodeURIComponent(MARK);
    const forms = [
      `${driver}://127.0.0.1:${port}?${param}=${q}`,
      { uri: `${driver}://127.0.0.2:${port}`, [param]: MARK }, // an outlet is one device's
      `${driver}://admin:${q}@127.0.0.3:${port}`,
    ];
    const bad = [
      `${driver}://127.0.0.1:${port}?${param}=${q}&nothing=1`,
      `${driver}://127.0.0.1:0?${param}=${q}`,
      `${driver}://127.0.0.1:${port}/x?${param}=${q}`,
      { uri: `${driver}://127.0.0.1:${port}`, [param]: MARK, nothing: 1 },
      `no${driver}://127.0.0.1?${param}=${q}`,
      `${driver}://admin:${q}@:x`,
    ];
    for (const [k, form] of forms.entries()) {
      const id = `d${i}-${k}`;
      const made = await host.post(
        '/host/devices',
        { id, attach: typeof form === 'string' ? form : [form] },
        as('admin'),
      );
      keep(`attach ${driver} ${k}`, made.text);
      if (made.status === 201) ids.push(id);
    }
    for (const [k, form] of bad.entries())
      keep(
        `refusal ${driver} ${k}`,
        (await host.post('/host/devices', { id: 'bad', attach: typeof form === 'string' ? form : [form] }, as('admin')))
          .text,
      );
  }
  assert.ok(ids.length >= rows.length, 'they attach');
  for (const id of ids) {
    await until(
      `${id} to fail`,
      async () => {
        const { json } = await host.get(`/host/devices/${id}`, as('viewer'));
        return json.interfaces.every((one) => ['fault', 'absent', 'ready'].includes(one.state));
      },
      30000,
    );
    const device = await host.get(`/host/devices/${id}`, as('viewer'));
    keep(id, device.text);
    for (const one of device.json.interfaces)
      keep(`GET ${id}/${one.name}`, (await host.get(`/host/devices/${id}/${one.name}`, as('viewer'))).text);
    keep(`PUT ${id}`, (await host.put(`/host/devices/${id}/power`, { state: 'on' }, as('operator'))).text);
    keep(`PATCH ${id}`, (await host.patch(`/host/devices/${id}`, { label: 'x' }, as('admin'))).text);
    const other = `shelly://127.0.0.1:1?password=${encodeURIComponent(MARK)}`;
    for (const attach of [other, [other], { power: other }])
      for (const role of ['admin', 'operator', 'viewer'])
        keep(`PATCH attach ${id}`, (await host.patch(`/host/devices/${id}`, { attach }, as(role))).text);
  }
  for (const place of ['/host/devices', '/host/resources', '/host/health', '/host/info', '/metrics'])
    keep(place, (await host.get(place, as('viewer'))).text);
  const events = await fetch(`${host.url}/host/events`, { headers: { ...as('viewer').headers, 'Last-Event-ID': '0' } });
  const reader = events.body.getReader();
  let stream = '';
  await host.delete(`/host/devices/${ids[0]}`, as('admin'));
  while (!stream.includes('device.removed')) stream += Buffer.from((await reader.read()).value).toString();
  await reader.cancel();
  keep('/host/events', stream);
  keep('the log', host.program.text);
  keep('audit.jsonl', readFileSync(path.join(host.state, 'audit.jsonl'), 'utf8'));

  const leaks = seen
    .filter(([, text]) => FORMS.some((form) => text.includes(form)))
    .map(([what, text]) => `${what}: ${text.slice(0, 300)}`);
  assert.deepEqual(leaks, []);
  assert.ok(stream.includes('device.added') && stream.includes('***'), 'what was hidden is shown as hidden');
});
