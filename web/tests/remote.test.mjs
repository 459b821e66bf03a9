// A host of which there are only commands and topics, as the views see it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Api } from '../core/api.js';
import { CommandClient } from '../core/command.js';
import { ConsoleClient } from '../core/console.js';
import { commandOf, RemoteHost } from '../core/remote-host.js';
import { LinkApi } from '../core/link-api.js';
import { remoteServices } from '../server/remote.js';
import { endWords, lostWords, mayTryAgain } from '../server/words.js';

const KINDS = { power: 'power', uart: 'console', pad: 'input', files: 'files', apps: 'apps', sh: 'shell', log: 'logs' };
const CALLS = [
  ['GET', [], {}, 'device.get', {}],
  ['POST', ['lease'], { body: { ttl_s: 60 } }, 'lease.take', { ttl_s: 60 }],
  ['DELETE', ['lease'], {}, 'lease.release', {}],
  ['POST', ['lease', 'answer'], { body: { ask: 3, grant: true } }, 'lease.answer', { ask: 3, grant: true }],
  ['GET', ['power'], {}, 'power.get', {}],
  ['PUT', ['power'], { body: { state: 'on' } }, 'power.set', { state: 'on' }],
  ['POST', ['power', 'cycle'], { body: { off_s: 1 } }, 'power.cycle', { off_s: 1 }],
  ['PATCH', ['uart'], { body: { baud: 9600 } }, 'uart.set', { baud: 9600 }],
  ['POST', ['uart', 'break'], { body: { ms: 250 } }, 'uart.break', { ms: 250 }],
  ['POST', ['pad'], { body: [{ type: 'key' }] }, 'pad.send', { events: [{ type: 'key' }] }],
  ['GET', ['files'], { query: { path: '/x' } }, 'files.list', { path: '/x' }],
  ['DELETE', ['files'], { query: { path: '/x' } }, 'files.remove', { path: '/x' }],
  ['POST', ['files', 'rename'], { body: { path: '/x', to: '/y' } }, 'files.rename', { path: '/x', to: '/y' }],
  ['GET', ['pad', 'clipboard'], {}, 'pad.clipboard', {}],
  ['GET', ['apps'], {}, 'apps.list', {}],
  ['POST', ['apps', 'org.x', 'start'], {}, 'apps.start', { package: 'org.x' }],
  ['DELETE', ['apps', 'org.x'], {}, 'apps.remove', { package: 'org.x' }],
  ['POST', ['sh'], { body: { command: 'ls' } }, 'sh.run', { command: 'ls' }],
];
for (const [method, path, more, verb, params] of CALLS)
  test(`${method} ${path.join('/') || 'of the device'} is ${verb}`, () =>
    assert.deepEqual(
      commandOf(method, path, more, (n) => KINDS[n]),
      { verb, params },
    ));

test('what moves bytes, and what a device does not have, is no command', () => {
  for (const [method, path] of [
    ['PUT', ['files']],
    ['GET', ['power', 'snapshot.png']],
    ['DELETE', []],
  ])
    assert.equal(
      commandOf(method, path, {}, (n) => KINDS[n]),
      null,
    );
});

test('a folder is removed with all that is in it, a file renamed, the clipboard read, through a link, too', async () => {
  const { said, api } = remote((m) => (m.verb === 'pad.clipboard' ? { text: 'grüß dich' } : null));
  await api.removeFile('board', 'files', '/a folder', true);
  await api.renameFile('board', 'files', '/1', '/2');
  assert.equal(await api.clipboard('board', 'pad'), 'grüß dich');
  assert.deepEqual(
    said.map(({ verb, params }) => [verb, params]),
    [
      ['files.remove', { path: '/a folder', recursive: true }],
      ['files.rename', { path: '/1', to: '/2' }],
      ['pad.clipboard', {}],
    ],
  );
});

/** A host behind a route: `answer(command)` gives its result, or throws {status, …}. */
function remote(answer) {
  const said = [];
  const commands = new CommandClient();
  const route = {
    name: 'relay',
    ready: () => route.open,
    open: true,
    send: (raw) => {
      const m = JSON.parse(raw);
      said.push(m);
      if (m.verb === undefined) return true;
      queueMicrotask(() => {
        try {
          const result = answer(m);
          if (result !== undefined) commands.receive(JSON.stringify({ id: m.id, ok: true, result }), 'relay');
        } catch (error) {
          commands.receive(JSON.stringify({ id: m.id, ok: false, error }), 'relay');
        }
      });
      return true;
    },
  };
  commands.addRoute(route);
  const base = 'https://server.test/staging/remote/';
  const host = new RemoteHost({ base, commands, device: 'board', kindOf: (n) => KINDS[n] });
  return { said, commands, route, host, api: new Api({ base, fetch: host.fetch }) };
}

test('REST: results, refusals with what they say, and what does not come this way', async () => {
  const { api, said } = remote((m) => {
    if (m.verb === 'lease.take')
      throw { status: 423, title: 'Locked', detail: 'taken', field: 'lease', holder: 'anna' };
    return { commanded: 'on', observed: 'on' };
  });
  assert.deepEqual(await api.power('board', 'power'), { commanded: 'on', observed: 'on' });
  assert.deepEqual([said[0].device, said[0].verb], ['board', 'power.get']);
  await assert.rejects(api.takeLease('board', { ttl_s: 60 }), (e) => e.status === 423 && e.extra.holder === 'anna');
  await assert.rejects(api.putFile('board', 'files', '/x', new Uint8Array(4)), (e) => e.status === 501);
});

test('while no way is open a read fails at once, and a command waits where the user sees it', async () => {
  const { api, commands, route } = remote(() => ({}));
  route.open = false;
  commands.routesChanged();
  await assert.rejects(api.power('board', 'power'), (e) => e.status === 0);
  assert.equal(commands.queued, 0);
  const asked = api.setPower('board', 'power', 'on');
  await new Promise(setImmediate);
  assert.deepEqual(
    commands.waiting().map((w) => w.verb),
    ['power.set'],
  );
  commands.close();
  await assert.rejects(asked);
});

test('who stops asking for the lease and gets it all the same gives it back', async () => {
  let take = null;
  const { api, commands, said } = remote((m) => {
    if (m.verb === 'lease.take') take = m.id;
    else return {};
    return undefined;
  });
  const stop = new AbortController();
  const asked = api.takeLease('board', { ttl_s: 60, wait_s: 600 }, stop.signal);
  await new Promise(setImmediate);
  stop.abort();
  await assert.rejects(asked, (e) => e.name === 'AbortError');
  commands.receive(JSON.stringify({ id: take, ok: true, result: { lease: 'x', holder: 'me' } }), 'relay');
  await new Promise(setImmediate);
  assert.equal(said.at(-1).verb, 'lease.release');
});

test('a console: its history from an offset, each byte once by whichever way, what is typed, and its end', async () => {
  const { commands, host, api, route, said } = remote((m) => (m.verb === 'uart.get' ? { offset: 4, start: 0 } : {}));
  const client = new ConsoleClient({
    info: () => api.console('board', 'uart'),
    url: (from) => api.wsPath(api.iface('board', 'uart'), { from }),
    WebSocket: host.WebSocket,
  });
  const got = [];
  const states = [];
  client.on('data', (bytes) => got.push(String.fromCharCode(...bytes)));
  client.on('state', (s) => states.push(s));
  client.start();
  const until = async (check) => {
    while (!check()) await new Promise(setImmediate);
  };
  await until(() => client.state === 'open');
  const subscribed = said.find((m) => m.subscribe);
  assert.deepEqual([subscribed.subscribe, subscribed.offset], [['console:board/uart'], 0]);
  const tell = (offset, text) =>
    commands.receive(
      JSON.stringify({ type: 'console', device: 'board', interface: 'uart', offset, base64: btoa(text) }),
      'relay',
    );
  tell(0, 'boot');
  tell(2, 'ot ok'); // again, by another way
  assert.deepEqual(got, ['boot', ' ok']);
  client.write('ls\n');
  const written = said.find((m) => m.verb === 'uart.write');
  assert.equal(atob(written.params.base64), 'ls\n');
  route.open = false;
  commands.routesChanged();
  await until(() => client.state === 'waiting');
  assert.deepEqual(states, ['connecting', 'open', 'waiting']);
  client.stop();
});

test('the end, and a host that is away, in words', () => {
  assert.match(endWords('Session ended'), /taken it back/);
  assert.match(endWords('Session expired'), /expired/);
  assert.match(endWords('Too many observers: somebody who controls came'), /took the last place/);
  assert.equal(endWords('nonsense'), undefined);
  for (const [why, may] of [
    ['Session ended', false],
    ['Too many observers', true],
    ['nonsense', true],
  ])
    assert.equal(mayTryAgain(why), may, why);
  const link = { host: 'lab-1', server: true, since: 0 };
  assert.match(lostWords(link), /^lab-1 is not connected to the server/);
  assert.match(lostWords({ ...link, server: false }), /^No connection to the server/);
  assert.match(lostWords({ ...link, online: false }), /^This device has no network/);
});

test('an answer to who asks for the lease goes now or not at all: what waits would meet another request', async () => {
  const sent = [];
  const way = { name: 'relay', open: false, ready: () => way.open, send: (text) => sent.push(text) > 0 };
  const commands = new CommandClient({ client: 'page', direct: false });
  commands.addRoute(way);
  const host = new RemoteHost({ base: 'http://server/remote/', commands, device: 'board', kindOf: (n) => KINDS[n] });
  const api = new Api({ base: 'http://server/remote/', fetch: host.fetch, direct: false });
  await assert.rejects(api.answerLease('board', 3, true), { status: 0 });
  assert.equal(commands.queued, 0);
  way.open = true;
  commands.routesChanged();
  assert.deepEqual(
    sent.filter((text) => text.includes('lease')),
    [],
  );
  commands.close();
});

test('files and packages go by the link’s own routes, with its token, and the lease that the page has', async () => {
  const asked = [];
  const link = new LinkApi({
    root: 'https://lab.example/staging/',
    session: { sessionId: 'S1', token: 'T/1' },
    fetch: async (url, o) => (
      asked.push([o.method, url, o.headers['X-Lease'], o.headers['X-Session-Token']]),
      new Response('{}')
    ),
    lease: () => 'L1',
  });
  await link.putFile('board', 'files', '/tmp/a b', new Uint8Array(4));
  await link.installApp('board', 'apps', new Uint8Array(4));
  const at = 'https://lab.example/staging/api/session/S1/device';
  assert.deepEqual(asked, [
    ['PUT', `${at}/files?path=%2Ftmp%2Fa+b`, 'L1', 'T/1'],
    ['POST', `${at}/apps`, 'L1', 'T/1'],
  ]);
  assert.equal(
    link.url(link.iface('board', 'files'), { query: { path: '/x' }, auth: true }),
    `${at}/files?path=%2Fx&token=T%2F1`,
  );
});

test('by each way that opens the device is read anew: what ended with the one before was not told', async (t) => {
  globalThis.window = { addEventListener() {}, removeEventListener() {} }; // what a page's leases ask for
  t.after(() => delete globalThis.window);
  const off = [];
  const svc = remoteServices({
    root: new URL('http://server/'),
    session: { sessionId: 's', token: 't' },
    id: 'board',
    full: 'lab-1/board',
    toast: {},
    announce() {},
    scope: { add: (fn) => off.push(fn) },
    people: () => [],
  });
  let told = null;
  const way = (name) => ({
    name,
    open: true,
    ready() {
      return this.open;
    },
    send(text) {
      const { type, id, verb } = JSON.parse(text);
      if (type === 'ping') queueMicrotask(() => svc.commands.receive('{"type":"pong"}', name));
      if (this.open && verb === 'device.get')
        queueMicrotask(() => svc.commands.receive(JSON.stringify({ id, ok: true, result: told })));
      return this.open;
    },
  });
  const leaseOf = async (holder) => {
    told = { id: 'board', interfaces: [], lease: holder && { holder } };
    const until = Date.now() + 5000;
    const now = () => svc.store.state.devices.board?.lease?.holder ?? null;
    while (now() !== holder && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
    return now();
  };
  const [relay, channel] = [way('relay'), way('data channel')];
  svc.commands.addRoute(channel);
  svc.commands.addRoute(relay);
  assert.equal(await leaseOf('somebody'), 'somebody');
  channel.open = false;
  svc.commands.routesChanged();
  assert.equal(await leaseOf(null), null);
  off.forEach((fn) => fn());
  svc.commands.close();
});
