// What a host answers with JSON reaches who asks through the server as it reaches who asks the host itself, for every
// route, role and error: the carried request takes no connection within the host, and must go around nothing.
import assert from 'node:assert/strict';
import path from 'node:path';
import { before, test } from 'node:test';

import { scriptedDevice } from './bench.mjs';
import { forFile, Host, request, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const TOKENS = [
  { name: 'otto', role: 'operator', token: 'operator-token-123' },
  { name: 'vera', role: 'viewer', token: 'viewer-token-12345' },
  { name: 'lab', role: 'admin', token: 'admin-token-1234567' },
];
const AT = '/api/hosts/lab-1';
const file = forFile();
let server;
let host;

before(async () => {
  server = await Server.start({ tokens: TOKENS });
  host = await Host.start({
    name: 'lab-1',
    tokens: TOKENS,
    server: { url: server.url, token: TOKENS[2].token, role: 'admin' },
    devices: {
      board: scriptedDevice(path.join(scratch(), 'power')),
      screen: { attach: 'testpattern://?width=320&height=240&fps=5' },
    },
  });
  host.token = TOKENS[2].token;
  file.after(async () => {
    await host.stop();
    await server.program.stop();
  });
  await until('the host', async () => (await carried('lab', '/host/devices/board')).json?.state === 'ready');
});

const direct = (...args) => ask(host.url, ...args);
const carried = (who, target, options) => ask(server.url, who, `${AT}${target}`, options);
const ask = (base, who, target, { method = 'GET', headers = {} } = {}) =>
  request(base, method, target, {
    headers: { Authorization: `Bearer ${TOKENS.find((t) => t.name === who).token}`, 'X-Request-Id': 'r1', ...headers },
  });

const HEADERS = ['content-type', 'etag', 'cache-control', 'allow', 'retry-after', 'location', 'link', 'x-request-id'];
/** All that a client sees of an answer; the server's people are named as such. */
const seen = (answer) => [
  answer.status,
  ...HEADERS.map((name) => answer.headers[name]),
  answer.text
    .replace(/("uptime_s":)\d+/, '$10')
    .replaceAll(' (via server)', '')
    .replaceAll(`${server.url}${AT}`, host.url)
    .replaceAll(AT, ''),
];
/** The same without what differs from one moment to the next: values, but for texts' and lists' being there. */
const shape = ([status, type, , ...rest]) => [status, type, ...rest.slice(0, -1), keysOf(JSON.parse(rest.at(-1)))];
function keysOf(value) {
  if (Array.isArray(value)) return value.length ? [keysOf(value[0])] : [];
  if (value === null || typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, keysOf(v)]));
}

async function same(who, target, options) {
  for (let n = 0; ; n++) {
    const first = seen(await direct(who, target, options)),
      through = seen(await carried(who, target, options)),
      after = seen(await direct(who, target, options));
    const what = `${options?.method ?? 'GET'} ${target} as ${who}`;
    if (JSON.stringify(first) === JSON.stringify(after) || n === 2) {
      const moves = JSON.stringify(first) !== JSON.stringify(after) && options?.method !== 'HEAD';
      assert.deepEqual(moves ? shape(through) : through, moves ? shape(after) : after, what);
      return through;
    }
  }
}

test('every route that answers with JSON, for each role: status, headers and body', async () => {
  const { paths } = (await direct('lab', '/host/openapi.json')).json;
  const values = { id: 'board', device: 'board', interface: 'console', name: 'none' };
  let compared = 0;
  const found = new Set();
  for (const [name, methods] of Object.entries(paths)) {
    const types = Object.keys(methods.get?.responses?.['200']?.content ?? {});
    if (
      !methods.get ||
      !name.startsWith('/host/') ||
      name === '/host/openapi.json' || // its routes in another order: below
      types.join() !== 'application/json'
    )
      continue;
    const target = name.replace(/\{([^}]+)\}/g, (_, p) => values[p] ?? 'none');
    for (const who of ['vera', 'otto', 'lab']) {
      found.add((await same(who, target))[0]);
      compared++;
    }
  }
  assert.ok(compared > 60, `${compared} compared`);
  assert.ok(found.has(200) && found.has(404), [...found].join());
});

test('HEAD, and what is refused', async () => {
  const list = await carried('vera', '/host/devices');
  assert.equal(list.status, 200);
  for (const target of ['/host/devices', '/host/info', '/host/drivers']) {
    await same('otto', target, { method: 'HEAD' });
    const [head, get] = [await carried('otto', target, { method: 'HEAD' }), await carried('otto', target)];
    assert.deepEqual([head.text, Number(head.headers['content-length'])], ['', Buffer.byteLength(get.text)], target);
  }
  for (const target of [
    '/host/devices/nobody',
    '/host/devices/board/nothing',
    '/host/devices/%ff',
    '/host/devices/%00',
    '/host/devices/board%00/power',
    '/host/devices/%zz/power',
    '/host/devices/board/console/log?lines=-1',
    '/host/nothing',
    '/host/devices/board/power?x=1',
  ])
    await same('otto', target);
  await same('vera', '/host/devices/board/power/cycle');
  // what is possible there, as it is asked before WHEP: it changes nothing, so whoever sees may ask
  for (const target of ['/host/info', '/host/devices/screen/whep', '/host/devices/board/power', '/host/nothing'])
    await same('vera', target, { method: 'OPTIONS' });
});

test('answers of any size, many at once, and clients that leave in the midst', async () => {
  const whole = await carried('lab', '/host/openapi.json');
  // the parts of the host add their routes for carried requests in another order than for direct ones: the same members
  assert.deepEqual(whole.json, (await direct('lab', '/host/openapi.json')).json);
  assert.ok(whole.text.length > 256 * 1024, 'it is larger than a window');
  const all = await Promise.all(
    Array.from({ length: 100 }, (_, n) => {
      const [who, target] = [
        TOKENS[n % 3].name,
        n % 10 === 9 ? '/host/openapi.json' : `/host/devices/${n % 2 ? 'board' : 'screen'}`,
      ];
      return carried(who, target, { headers: { 'X-Request-Id': `r${n}` } });
    }),
  );
  const answered = all.filter((a) => a.status === 200);
  for (const [n, a] of all.entries()) {
    assert.equal(a.headers['x-request-id'], `r${n}`);
    if (a.status !== 200) assert.deepEqual([a.status, a.headers['retry-after']], [429, '1'], a.text);
    else if (n % 10 === 9) assert.equal(a.text, whole.text);
    else assert.equal(a.json.id, n % 2 ? 'board' : 'screen');
  }
  assert.ok(answered.length >= 60, `${answered.length} of 100`);
  // who leaves while it comes costs nothing: the next have their answers
  for (let n = 0; n < 20; n++) {
    const controller = new AbortController();
    const begun = fetch(`${server.url}${AT}/host/openapi.json`, {
      headers: { Authorization: `Bearer ${TOKENS[2].token}` },
      signal: controller.signal,
    });
    if (n % 2) await begun.then((r) => r.body.getReader().read());
    controller.abort();
    await begun.catch(() => {});
  }
  assert.equal((await carried('lab', '/host/openapi.json')).text, whole.text);
});
