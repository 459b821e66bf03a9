// Control of a device through links: asked for, refused, granted, kept over a restart of server and of host, ended
// with the link. What the server shows is what the host has. Over the relay, with clients that are only sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { until, withHost } from './harness.mjs';
import { Server, withServer } from './server-harness.mjs';

const DEVICE = '/host/devices/screen';

/** An observer that commands by the relay. */
class Observer {
  static async join(server, session, peerId) {
    const o = new Observer();
    o.ws = await server.join('desktop', session, peerId);
    o.id = o.ws.ready.peerId;
    o.mode = o.ws.ready.mode;
    o.n = Date.now();
    return o;
  }
  async producer() {
    const there = (m) => m.type === 'peer-connected' && m.peer === 'phone';
    return (
      this.ws.ready.peers.find((p) => p.peer === 'phone')?.peerId ??
      (await this.ws.find(there, { what: 'the host', ms: 20000 })).peerId
    );
  }
  async send(verb, params = {}, more = {}) {
    const id = ++this.n;
    this.ws.send({ id, device: 'screen', verb, params, to: await this.producer(), ...more });
    return { id, answer: this.ws.find((m) => m.id === id && 'ok' in m, { what: verb, ms: 20000 }) };
  }
  async ask(verb, params, more) {
    return (await this.send(verb, params, more)).answer;
  }
  /** To the device's events; resolves when the host has heard it. */
  async listen() {
    const id = ++this.n;
    this.ws.send({ id, subscribe: ['event'], to: await this.producer() });
    await this.ws.find((m) => m.id === id && 'ok' in m, { what: 'the subscription' });
  }
  people(fits, what) {
    return this.ws.find((m) => m.type === 'people' && fits(m), { what, ms: 20000 });
  }
}

test('a held control: refused, granted, over a restart of server and host, until the link is taken back', async (t) => {
  let server = await withServer(t);
  const port = Number(new URL(server.url).port);
  let host = await withHost(t, {
    name: 'lab-1',
    server: { url: server.url },
    devices: { screen: { attach: 'testpattern://?width=320&height=240&fps=5' } },
  });
  await until('the device', async () => (await server.get('/api/devices')).text.includes('lab-1/screen'), 20000);
  const session = await server.session({ device: 'lab-1/screen', mode: 'control', ttl_s: 0 });
  const type = { events: [{ type: 'key', key: 'a' }] };
  let anna = await Observer.join(server, session);
  const bert = await Observer.join(server, session);

  const taken = await anna.ask('lease.take', { ttl_s: 600 });
  assert.ok(taken.ok, JSON.stringify(taken));
  const { lease } = taken.result;
  const controls = (id) => (m) => m.people.find((p) => p.peerId === id)?.controls === true;
  assert.match((await bert.people(controls(anna.id), 'who has it')).holder, new RegExp(`link ${anna.id}`));
  assert.equal((await bert.ask('input.send', type)).error.status, 423);

  // asked for, refused, asked for again
  await anna.listen();
  const asking = await bert.send('lease.take', { ttl_s: 60, wait_s: 60, note: 'please' });
  const asked = await anna.ws.find((m) => m.event === 'lease.asked', { what: 'the question' });
  assert.deepEqual([asked.data.note, asked.data.wait_s], ['please', 60]);
  assert.equal((await bert.ask('lease.answer', { ask: asked.data.ask, grant: true })).error.status, 423);
  assert.ok((await anna.ask('lease.answer', { ask: asked.data.ask, grant: false })).ok);
  const refused = await asking.answer;
  assert.deepEqual([refused.error.status, /said no/.test(refused.error.detail)], [423, true]);

  // the server is killed: the control stays, and so does what is shown of it
  await server.program.kill();
  server = await Server.start({ port }, { state: server.folder });
  t.after(() => server.program.how ?? server.stop());
  anna = await Observer.join(server, session, anna.id);
  assert.ok((await anna.ask('input.send', type, { lease })).ok, 'hers still');
  await anna.people(controls(anna.id), 'control after a restart of the server');

  // the host is killed
  await host.kill();
  await anna.people((m) => m.holder === null, 'nobody is known to have it');
  host = await withHost(t, host.config, { state: host.state });
  const back = anna.ws.items.length;
  await anna.ws.find((m) => m.type === 'peer-connected' && m.peer === 'phone', { what: 'the host', ms: 30000 });
  await anna.ws.find((m) => m.type === 'people' && controls(anna.id)(m), {
    from: back,
    what: 'control after',
    ms: 20000,
  });
  assert.match((await host.get(`${DEVICE}/lease`)).json.holder, new RegExp(`link ${anna.id}`));
  assert.ok((await anna.ask('input.send', type, { lease })).ok, 'hers still');
  const there = await until('the host to know of people', async () => (await host.get(DEVICE)).json.people);
  assert.deepEqual(
    there.map((p) => [p.peerId, p.mode]),
    [[anna.id, 'control']],
  );

  // granted
  const carl = await Observer.join(server, session);
  await anna.listen();
  const from = anna.ws.items.length;
  const again = await carl.send('lease.take', { ttl_s: 60, wait_s: 60 });
  const second = await anna.ws.find((m) => m.event === 'lease.asked', { from, what: 'again' });
  assert.ok((await anna.ask('lease.answer', { ask: second.data.ask, grant: true }, { lease })).ok);
  assert.ok((await again.answer).ok);
  await anna.people(controls(carl.id), 'handed over');
  assert.equal((await anna.ask('input.send', type, { lease })).error.status, 423);

  // taken back: the link opens nothing, and control ends with it
  await server.request('DELETE', `/api/session/${session.sessionId}?token=${session.token}`);
  await until('the end at the host', async () => (await host.get(`${DEVICE}/lease`)).json === null);
  await until('nobody there', async () => (await host.get(DEVICE)).json.people === undefined);
});

test('a link that is for watching from now on: who controls has nothing at once, and watches', async (t) => {
  const server = await withServer(t);
  const host = await withHost(t, {
    name: 'lab-1',
    server: { url: server.url },
    devices: { screen: { attach: 'testpattern://?width=320&height=240&fps=5' } },
  });
  await until('the device', async () => (await server.get('/api/devices')).text.includes('lab-1/screen'), 20000);
  const session = await server.session({ device: 'lab-1/screen', mode: 'control' });
  const anna = await Observer.join(server, session);
  assert.ok((await anna.ask('lease.take', { ttl_s: 600 })).ok);
  await server.request('PATCH', `/api/session/${session.sessionId}`, { json: { mode: 'view' } });
  await until('the end at the host', async () => (await host.get(`${DEVICE}/lease`)).json === null);
  const back = await Observer.join(server, session, anna.id);
  assert.deepEqual([back.mode, back.id === anna.id], ['view', false]);
  assert.equal((await back.ask('lease.take', { ttl_s: 600 })).error.status, 403);
});
