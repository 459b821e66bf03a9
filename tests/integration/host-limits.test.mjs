// What bounds the peers of testbed-host (lib/limits.h), from outside: at the limit all goes on, one beyond it is
// refused, waits or is cut, and nothing stays behind. Those that take their time (a connection idle for 60 s, three
// pings, a pause of 10 s) wait side by side: the file takes about a minute, nearly all of it without work.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { before, describe, test } from 'node:test';

import { scriptedDevice, startPhone, startSerialPort } from './bench.mjs';
import {
  ROOT,
  SLOW,
  WebSocket,
  assertProblem,
  forFile,
  freePort,
  held,
  scratch,
  until,
  withHost,
  within,
} from './harness.mjs';
import { Rfb } from './rfb-client.mjs';

const fdsOf = (host) => readdirSync(`/proc/${host.pid}/fd`).length;

/** One connection that is kept: ask() sends a GET on it and resolves with the status when the whole answer is there. */
class Line {
  constructor(base) {
    const { hostname, port, host } = new URL(base);
    this.name = host;
    this.text = '';
    this.socket = net.connect(Number(port), hostname).setNoDelay(true);
    this.opened = new Promise((resolve) => this.socket.once('connect', resolve));
    this.ended = new Promise((resolve) => this.socket.once('close', () => resolve(Date.now())));
    this.socket.on('error', () => {});
    this.socket.setEncoding('latin1').on('data', (chunk) => {
      this.text += chunk;
      this.take();
    });
  }

  take() {
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const size = end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(this.text.slice(0, end + 2))[1]);
    if (this.text.length < size) return;
    const status = Number(this.text.slice(9, 12));
    this.text = this.text.slice(size);
    this.answered(status);
  }

  answered() {} // nobody has asked: half a request may be told 408, or be closed as idle, whichever is first

  ask(target = '/host/health') {
    const answer = new Promise((resolve, reject) => {
      this.answered = resolve;
      this.ended.then(() => reject(new Error('closed without an answer')));
    });
    answer.catch(() => {});
    this.socket.write(`GET ${target} HTTP/1.1\r\nHost: ${this.name}\r\n\r\n`);
    return within(`the answer to GET ${target}`, answer, 30000);
  }

  close() {
    this.socket.destroy();
  }
}

/** Sends the beginning of a request, then a byte every few seconds; `ended` is {at, text} with what was heard. */
class Drip {
  constructor(url, begin) {
    const { hostname, port } = new URL(url);
    this.begin = begin;
    const socket = net.connect(port, hostname, () => socket.write(begin));
    const timer = setInterval(() => socket.write('x'), 5000);
    let text = '';
    socket
      .on('data', (data) => {
        text += data;
      })
      .on('error', () => {});
    this.ended = new Promise((resolve) =>
      socket.on('close', () => {
        clearInterval(timer);
        resolve({ at: Date.now(), text });
      }),
    );
  }
}

async function* slowly(drops) {
  for (let n = 0; n < drops; n++) {
    yield 'x';
    await new Promise((next) => setTimeout(next, 5000)); // a client's own pace
  }
}

// ---- what takes a minute -----------------------------------------------------------------------------------------

function silence() {
  const file = forFile();
  let host;
  let tries; // when the host tried to reach a device that hangs up at once

  before(async () => {
    const wire = await startSerialPort(file);
    tries = [];
    const deaf = net.createServer((socket) => {
      tries.push(Date.now());
      socket.destroy();
    });
    await new Promise((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    file.after(() => deaf.close());
    const phone = await startPhone(file);
    host = await withHost(
      file,
      {
        devices: {
          phone: { attach: phone.uri },
          wire: { attach: { console: wire.uri } },
          deaf: { attach: { video: `vnc://127.0.0.1:${deaf.address().port}` } },
        },
      },
      { env: phone.env },
    );
    await host.state_is('wire/console');
    await host.state_is('phone/files', 'ready', 20000);
  });

  test('HTTP_IDLE_S, HTTP_REQUEST_S: a connection without a request is closed after 60 s, and one whose request drips; one that is used, a stream, an answer that takes longer and an upload to a device are not', async () => {
    const idle = new Line(host.url),
      silent = new Line(host.url),
      half = new Line(host.url),
      used = new Line(host.url);
    const drips = [
      'GET /host/hea',
      'GET /host/health HTTP/1.1\r\nX-Drip: ',
      `POST /host/devices/wire/console/write HTTP/1.1\r\nHost: ${new URL(host.url).host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n`,
    ].map((begin) => new Drip(host.url, begin));
    await Promise.all([silent.opened, half.opened]);
    half.socket.write('GET /host/health HTTP/1.1\r\n');
    assert.deepEqual(await Promise.all([idle.ask(), used.ask()]), [200, 200]);
    const since = Date.now();
    const uses = [];
    const use = setInterval(() => uses.push(used.ask()), 10000);
    const events = await host.sse('/host/events');
    const late = host.post('/host/devices/wire/console/expect', { pattern: 'never', timeout_s: 63 }, { ms: 100000 });
    const drops = 14; // of an upload, one every 5 s
    const upload = host.put('/host/devices/phone/files?path=/data/local/tmp/slow', undefined, {
      body: Readable.from(slowly(drops)),
      headers: { 'Content-Length': drops },
      ms: 100000,
    });
    const ends = await within(
      'the end of the idle ones',
      Promise.all([idle, silent, half].map((line) => line.ended)),
      75000,
    );
    clearInterval(use);
    ends.forEach((at, i) =>
      assert.ok(at - since > 59000, `${['idle', 'silent', 'half a request'][i]}: closed after ${at - since} ms`),
    );
    assert.ok((await Promise.all(uses)).every((status) => status === 200));
    assert.equal(await used.ask(), 200, 'the one that was used');
    const dripped = await within('the end of those that drip', Promise.all(drips.map((drip) => drip.ended)), 20000);
    dripped.forEach(({ at }, i) => assert.ok(at - since > 59000, `${drips[i].begin}: closed after ${at - since} ms`));
    assert.equal(dripped[0].text, '', 'half a first line');
    for (const { text } of dripped.slice(1)) {
      assert.match(text, /^HTTP\/1\.1 408 /);
      assert.match(text, /"detail":"the request was not complete within 60 s"/);
    }
    assertProblem(await late, 504);
    assert.equal((await upload).status, 204, 'an upload that took more than a minute');
    assert.equal((await host.get('/host/devices/phone/files?path=/data/local/tmp/slow')).text, 'x'.repeat(drops));
    assert.equal(events.closed, null, 'a stream on which nothing happens');
    events.stop();
    used.close();
  });

  test('WS_PING_S: who is silent is pinged after 20 s and ended after two missed pings; one missed ping is forgiven', async () => {
    const open = async (options) => {
      const ws = new WebSocket(`${host.url.replace('http', 'ws')}/host/ws`, [], options);
      ws.pings = [];
      ws.on('error', () => {});
      ws.on('ping', () => ws.pings.push(Date.now() - ws.since));
      ws.ended = new Promise((resolve) => ws.on('close', (code) => resolve({ code, ms: Date.now() - ws.since })));
      await within('the WebSocket', new Promise((resolve) => ws.on('open', resolve)));
      ws.since = Date.now();
      return ws;
    };
    const silent = await open({ autoPong: false }),
      late = await open({ autoPong: false }),
      live = await open({ autoPong: true });
    late.on('ping', () => {
      if (late.pings.length === 2) late.pong();
    });
    const { code, ms } = await within('the end of the silent one', silent.ended, 75000);
    assert.equal(code, 1006);
    assert.ok(ms > 59000, `ended after ${ms} ms`);
    assert.equal(silent.pings.length, 2);
    [20000, 40000].forEach((at, i) => assert.ok(silent.pings[i] > at - 1000, `pinged at ${silent.pings}`));
    for (const [name, ws] of Object.entries({ late, live })) {
      await until(`three pings of the ${name} one`, () => ws.pings.length >= 3);
      const pong = new Promise((resolve) => ws.once('message', (text) => resolve(JSON.parse(text))));
      ws.send(JSON.stringify({ type: 'ping', t: 7 }));
      assert.deepEqual(await within(`a pong to the ${name} one`, pong), { type: 'pong', t: 7 });
      ws.terminate();
    }
  });

  test('OPEN_RETRY_MS: a lost device is tried again with pauses that grow to 10 s and no further', async () => {
    const pauses = () => tries.slice(1).map((at, i) => at - tries[i]);
    await until('two of the longest pauses', () => pauses().filter((ms) => ms > 9000).length >= 2, 80000);
    const all = pauses();
    assert.ok(all.length >= 5, `it begins with short ones: ${all}`);
    assert.ok(Math.max(...all) < 10000 + 2000 * SLOW, `pauses of ${all} ms`);
  });
}

// ---- the rest ----------------------------------------------------------------------------------------------------

function atOnce() {
  test('HTTP_REFUSALS_SAID, TALLY_S: 100 refusals of one kind are written down in 10 s, the next is counted', async (t) => {
    const host = await withHost(t);
    const lines = () => host.program.text.match(/GET \/no-such-page 404/g)?.length ?? 0;
    for (let i = 0; i < 101; i++) assert.equal((await host.get('/no-such-page')).status, 404);
    await host.program.line(/answered 404 to \S+: and 1 more in (1\d|[2-9]\d) s/, { ms: 25000 });
    assert.equal(lines(), 100);
  });

  test('HTTP_CONNECTIONS: 2048 at once; more wait until others go, and none is lost', async (t) => {
    const limit = 2048,
      more = 5;
    const host = await withHost(t);
    // these do not count
    const sockets = await Promise.all(Array.from({ length: 4 }, () => host.websocket('/host/ws')));
    await host.get('/host/health');
    const before = fdsOf(host);
    const lines = [];
    t.after(() => lines.forEach((line) => line.close()));
    while (lines.length < limit) {
      const wave = Array.from({ length: 128 }, () => new Line(host.url));
      lines.push(...wave);
      assert.ok((await Promise.all(wave.map((line) => line.ask()))).every((status) => status === 200));
    }
    let served = 0;
    const waiting = Array.from({ length: more }, () => new Line(host.url));
    lines.push(...waiting);
    const answers = waiting.map((line) =>
      line.ask().then((status) => {
        served++;
        return status;
      }),
    );
    for (let i = 0; i < 50; i++) assert.equal(await lines[i].ask(), 200, 'who is in is served');
    for (const ws of sockets) {
      ws.send({ type: 'ping', t: 1 });
      await ws.find((m) => m.type === 'pong');
    }
    assert.equal(served, 0, 'limit + 1');
    await until('no more than the limit', () => held(host.url) === limit + sockets.length);
    assert.equal(served, 0);
    lines[7].close(); // nothing else happens on the host now
    await until('one more to be served', () => served === 1);
    assert.equal(await lines[8].ask(), 200);
    assert.equal(served, 1);
    lines.slice(9, 9 + more - 1).forEach((line) => line.close());
    assert.deepEqual(await Promise.all(answers), Array(more).fill(200));
    lines.forEach((line) => line.close());
    await until('all to be gone', () => held(host.url) === sockets.length);
    await until('the descriptors to come back', () => fdsOf(host) < before + 8);
    assert.equal((await host.get('/host/health')).status, 200);
    await Promise.all(sockets.map((ws) => ws.stop()));
  });

  describe('readers that stop', { concurrency: 1 }, () => {
    const file = forFile();
    const state = scratch('tb-limits-');
    let host;
    let wire;

    before(async () => {
      wire = await startSerialPort(file);
      host = await withHost(
        file,
        {
          devices: {
            wire: { attach: { console: wire.uri } },
            dut: scriptedDevice(path.join(state, 'power')),
            own: { attach: { sensors: 'testpattern://' } },
          },
        },
        { state },
      );
      await host.state_is('wire/console');
      await host.state_is('dut/power');
    });

    const power = async (to) => assert.equal((await host.put('/host/devices/dut/power', { state: to })).status, 200);
    const observed = (event) => event.data.type === 'power.state' && event.data.data.observed;

    test('SSE_QUEUE: an event stream that is not read is cut; others lose nothing, and Last-Event-ID makes up for it', async () => {
      const target = '/host/events?device=own,dut&type=sample,power.state',
        posts = 50;
      const stream = 's'.repeat(64),
        quantity = '\u0001'.repeat(64),
        unit = '\u0001'.repeat(32); // each of these has 6 bytes in JSON
      const value = (event) =>
        event.data.type === 'sample' && event.data.data.stream === stream ? event.data.data.value : undefined;
      const fast = await host.sse(target);
      const slow = await host.get(target, { stream: true });
      await power('on');
      const first = await fast.find((e) => observed(e) === 'on');
      slow.stream.pause();
      for (let n = 1, from = 0; n <= posts; n++) {
        // 800 bytes an event: more than the kernel and the queue hold
        from = fast.items.length;
        const posted = await host.post(
          '/host/devices/own/sensors',
          Array.from({ length: 256 }, (_, i) => ({ stream, quantity, unit, value: 256 * (n - 1) + i })),
        );
        assert.equal(posted.status, 200, posted.text);
        await fast.find((e) => value(e) === 256 * n - 1, { from, what: `the samples of post ${n}` });
      }
      await power('off');
      await power('on');
      await until('the fast reader', () => fast.items.filter((e) => observed(e)).length >= 3);
      const all = fast.items.map(value).filter((v) => v !== undefined);
      assert.ok(all.length === 256 * posts && all.every((v, i) => v === i), 'the fast one has every sample, in order');
      const text = await within(
        'the end of the slow one',
        (async () => {
          const chunks = [];
          for await (const chunk of slow.stream) chunks.push(chunk);
          return Buffer.concat(chunks).toString();
        })(),
        20000,
      );
      assert.ok(text.length > 1024 * 1024, `${text.length} bytes: what waited still came`);
      const got = [...text.matchAll(/^data: (.*)$/gm)].map((m) => ({ data: JSON.parse(m[1]) }));
      const samples = got.map(value).filter((v) => v !== undefined);
      assert.ok(
        samples.length < all.length && samples.every((v, i) => v === i),
        `${samples.length} samples, then it was cut`,
      );
      // before the first "on" stands what the outlet was when it was looked at first
      const behind = got.slice(got.findIndex((e) => observed(e) === 'on'));
      assert.ok(!behind.some((e) => observed(e) === 'off'), 'what came behind it was not kept for it');
      const again = await host.sse(target, { headers: { 'Last-Event-ID': first.id } });
      const missed = (inbox) =>
        inbox.items.filter((e) => observed(e) && Number(e.id) > Number(first.id)).map((e) => [e.id, observed(e)]);
      await until('what it missed', () => missed(again).length >= 2);
      assert.deepEqual(missed(again), missed(fast));
      again.stop();
      fast.stop();
    });

    test('WS_QUEUE: a WebSocket that is not read is cut with 4 MB waiting; others go on', async () => {
      const { json: at } = await host.get('/host/devices/wire/console');
      // long lines: a sanitizer's time goes by their number
      await wire.say(`${'y'.repeat(999)}\n`.repeat(1000));
      await until(
        'history',
        async () => (await host.get('/host/devices/wire/console')).json.offset === at.offset + 1000000,
      );
      await until('the connections of before to be gone', () => held(host.url) === 0);
      const fast = await host.websocket('/host/ws'),
        slow = await host.websocket('/host/ws');
      await until('both to be held', () => held(host.url) === 2);
      slow.ws.pause();
      for (let id = 1; id <= 20; id++) {
        // answers of 1 MB: 20 are more than the kernel and the queue hold
        slow.send({ id, device: 'wire', verb: 'console.log', params: { from: at.offset, limit: 1000 } });
        const answer = await fast.command('wire', 'console.log', { from: at.offset, limit: 10 });
        assert.equal(answer.result.lines.length, 10);
      }
      // a sanitizer takes a second and more for each answer
      await until('the slow one to be cut', () => held(host.url) === 1, 60000);
      const answers = slow.items.length;
      assert.equal(
        (await fast.command('wire', 'console.log', { from: at.offset, limit: 1000 })).result.lines.length,
        1000,
      );
      slow.ws.resume();
      await until('it to notice', () => slow.code);
      assert.ok([1006, 1008].includes(slow.code), `closed with ${slow.code}`);
      assert.ok(slow.items.length >= answers && slow.items.length < 20, `${slow.items.length} answers`);
      assert.ok(
        slow.items.every((m) => m.ok && m.result.lines.length),
        'what came is whole',
      );
      assert.equal(new Set(slow.items.map((m) => m.id)).size, slow.items.length, 'each answer once');
      await fast.stop();
    });

    test('EXPECT_WINDOW: a match of 256 KiB is found wherever it begins, one of more than 512 KiB is not; output before it is no reason', async () => {
      const limit = 256 * 1024,
        expect = (from, timeout_s) =>
          host.post('/host/devices/wire/console/expect', { pattern: '<z*>', from, timeout_s }, { ms: 60000 });
      for (const [size, found] of [
        [limit, true],
        [2 * limit + 1, false],
      ]) {
        const { json: at } = await host.get('/host/devices/wire/console');
        await wire.say(`${'.'.repeat(limit - 1)}<${'z'.repeat(size - 2)}>.`);
        await until(
          'all of it',
          async () => (await host.get('/host/devices/wire/console')).json.offset >= at.offset + limit + size,
          60000,
        );
        const answer = await expect(at.offset, found ? 30 : 0);
        assert.equal(answer.status, found ? 200 : 504);
        if (found) assert.equal(answer.json.offset, at.offset + limit - 1 + size);
      }
    });
  });

  test('SENSOR_MS_MIN: 100 ms between samples, not less', async (t) => {
    const host = await withHost(t);
    const drivers = (await host.get('/host/drivers')).json
      .map((d) => [d.name, d.params.find((p) => p.name === 'interval_ms')])
      .filter(([, p]) => p);
    assert.ok(drivers.length >= 4);
    for (const [name, param] of drivers) assert.ok(param.min >= 100, `${name}: ${param.min}`);
    for (const [driver, uri] of [
      ['testpattern', 'testpattern://'],
      ['vitals', 'vitals://'],
    ]) {
      const add = (ms) => host.post('/host/devices', { id: driver, attach: { sensors: `${uri}?interval_ms=${ms}` } });
      assertProblem(await add(99), 400);
      assertProblem(await host.get(`/host/devices/${driver}`), 404);
      assert.equal((await add(100)).status, 201);
    }
    const samples = await host.sse('/host/devices/testpattern/sensors/stream?stream=pattern.counter');
    await until('eleven samples', () => samples.items.length >= 11);
    const [first, last] = [samples.items[0].data, samples.items[10].data];
    assert.ok(last.t - first.t > 900, `ten samples in ${last.t - first.t} ms`);
    samples.stop();
  });

  test('VIEWERS: 32; offers that nobody connects to keep out neither others nor their own maker', async (t) => {
    const host = await withHost(t, {
      tokens: ['eve', 'ann'].map((name) => ({ name, role: 'operator', token: `${name}-token-0123456789` })),
      devices: { pattern: { attach: 'testpattern://?width=176&height=144&fps=5' } },
    });
    const as = (name) => ({ Authorization: `Bearer ${name}-token-0123456789` });
    const offer = readFileSync(path.join(ROOT, 'tests/fuzz/corpus/offer/chromium-video.sdp'));
    const post = (name) =>
      host.request('POST', '/host/devices/pattern/video/whep', {
        body: offer,
        headers: { 'Content-Type': 'application/sdp', ...as(name) },
      });
    const { limits } = (await host.request('GET', '/host/info', { headers: as('ann') })).json;
    assert.equal(limits.viewers, 32);
    const share = limits.viewers / 2;
    const at = await until('media to have started', async () => {
      const answer = await post('ann');
      return answer.status !== 503 && answer;
    });
    assert.equal(at.status, 201, at.text);
    const all = await Promise.all(Array.from({ length: share + 1 }, () => post('eve')));
    const places = all.filter((a) => a.status === 201).map((a) => a.headers.location);
    assert.equal(places.length, share, 'at once, before any of them has had its second');
    const refused = all.find((a) => a.status !== 201);
    assertProblem(refused, 429, { detail: /16 of your viewers are not connected yet/ });
    assert.ok(Number(refused.headers['retry-after']) > 0);
    assert.equal((await post('ann')).status, 201, 'another user is let in');
    const next = await until('the oldest to make room', async () => {
      const answer = await post('eve');
      return answer.status === 201 && answer;
    });
    const alive = async (location) => (await host.request('GET', location, { headers: as('eve') })).status === 200;
    await until('the one that made room to be gone', async () => {
      const left = await Promise.all(places.map(alive));
      return left.filter((x) => !x).length === 1;
    });
    for (const place of [next.headers.location, ...places])
      assert.equal((await host.request('DELETE', place, { headers: as('eve') })).status, 200);
  });

  test('VNC_CLIENTS: 32 viewers, the next is told why not, and a place that is left is free', async (t) => {
    const port = await freePort();
    const host = await withHost(t, {
      vnc: { port },
      devices: { pattern: { attach: 'testpattern://?width=176&height=144&fps=5' } },
    });
    await host.state_is('pattern/video');
    const clients = await Promise.all(Array.from({ length: 32 }, () => Rfb.connect(port)));
    t.after(() => clients.forEach((c) => c.close()));
    for (let i = 0; i < 2; i++)
      await assert.rejects(Rfb.connect(port), /refused: too many viewers: there are 32 VNC viewers already/);
    clients.forEach((c) => c.request(false));
    await within('32 pictures', Promise.all(clients.map((c) => c.update())), 20000);
    clients[7].close();
    clients[7] = await until('the place to be free', () => Rfb.connect(port));
    await assert.rejects(Rfb.connect(port), /refused: too many viewers/);
  });
}

describe('limits', { concurrency: true }, () => {
  describe('silence', { concurrency: true }, silence);
  describe('at once', { concurrency: 1 }, atOnce);
});
