// Pictures over REST: state, snapshots with nobody watching, MJPEG, and what they say when there is no picture.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { before, test } from 'node:test';

import { startXvfb } from './bench.mjs';
import { Host, Program, assertProblem, forFile, request, until, withHost, within } from './harness.mjs';
import { pixel } from './png.mjs';

const file = forFile();
let host;
let desktop;

before(async () => {
  desktop = await startXvfb(file, { width: 400, height: 300 });
  host = await Host.start({
    devices: {
      pattern: { attach: 'testpattern://?width=320&height=240&fps=20' },
      desktop: { attach: desktop.uri },
      away: { attach: 'x11://:1999' },
    },
  });
  file.after(() => host.stop());
  await host.state_is('pattern/video');
  await host.state_is('desktop/video');
});

function pngSize(buffer) {
  assert.equal(buffer.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  return [buffer.readUInt32BE(16), buffer.readUInt32BE(20)];
}

function jpegSize(buffer) {
  assert.equal(buffer.readUInt16BE(0), 0xffd8);
  for (let at = 2; at < buffer.length; ) {
    const marker = buffer.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) return [buffer.readUInt16BE(at + 7), buffer.readUInt16BE(at + 5)];
    at += 2 + buffer.readUInt16BE(at + 2);
  }
  throw new Error('no frame header');
}

test('snapshots with nobody watching, and the source stops again', async () => {
  const png = await host.get('/host/devices/pattern/video/snapshot.png');
  assert.equal(png.status, 200, png.text);
  assert.equal(png.headers['content-type'], 'image/png');
  assert.deepEqual(pngSize(png.body), [320, 240]);
  assert.ok(Math.abs(Date.now() - Number(png.headers['x-taken-at'])) < 10000);
  const jpg = await host.get('/host/devices/desktop/video/snapshot.jpg?quality=50');
  assert.equal(jpg.headers['content-type'], 'image/jpeg');
  assert.deepEqual(jpegSize(jpg.body), [400, 300]);
  await until('nobody watches', async () => (await host.get('/host/devices/pattern/video')).json.state === 'idle');
});

test("the picture is the device's: a colour painted there comes out here", async () => {
  execFileSync('xsetroot', ['-display', desktop.display, '-solid', '#20c040']);
  await until('green', async () => {
    const { status, body, text } = await host.get('/host/devices/desktop/video/snapshot.png');
    if (status !== 200) throw new Error(`${status} ${text}`);
    const [r, g, b] = pixel(body, 20, 20);
    return r === 0x20 && g === 0xc0 && b === 0x40;
  });
});

test('state: size, rate, viewers', async () => {
  const stream = await host.get('/host/devices/pattern/video/stream.mjpeg?fps=20', { stream: true });
  const state = await until('a viewer', async () => {
    const { json } = await host.get('/host/devices/pattern/video');
    return json.viewers === 1 && json.state === 'live' && json.width === 320 && json;
  });
  assert.equal(state.height, 240);
  stream.req.destroy();
  await until('no viewer', async () => (await host.get('/host/devices/pattern/video')).json.viewers === 0);
});

test('MJPEG: parts that are whole pictures, at the asked rate', async () => {
  const answer = await host.get('/host/devices/pattern/video/stream.mjpeg?fps=10&quality=60', { stream: true });
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^multipart\/x-mixed-replace; ?boundary=/);
  const boundary = /boundary="?([^"]+)"?$/.exec(answer.headers['content-type'])[1];
  let buffer = Buffer.alloc(0);
  const times = [];
  await within(
    'ten pictures',
    new Promise((resolve, reject) => {
      answer.stream.on('error', reject);
      answer.stream.on('data', (chunk) => {
        buffer = Buffer.concat([buffer, chunk]);
        for (;;) {
          const head = buffer.indexOf('\r\n\r\n');
          if (head < 0) return;
          const text = buffer.subarray(0, head).toString();
          const length = Number(/Content-Length: (\d+)/i.exec(text)[1]);
          if (buffer.length < head + 4 + length + 2) return;
          assert.ok(text.includes(`--${boundary}`), text);
          assert.deepEqual(jpegSize(buffer.subarray(head + 4, head + 4 + length)), [320, 240]);
          buffer = buffer.subarray(head + 4 + length + 2);
          times.push(Date.now());
          if (times.length === 10) return resolve();
        }
      });
    }),
    15000,
  );
  answer.req.destroy();
  assert.ok(times[9] - times[0] > 600, `10 pictures at 10 fps in ${times[9] - times[0]} ms`);
});

/** A client that has gone is noticed a moment later. */
const nobody = () =>
  until('room again', async () => (await host.get('/host/devices/pattern/video')).json.viewers === 0);

test('a viewer that does not read costs no memory and slows nobody', async () => {
  const stalled = await host.get('/host/devices/pattern/video/stream.mjpeg?fps=30', { stream: true });
  stalled.stream.pause();
  for (let i = 0; i < 5; i++) assert.equal((await host.get('/host/devices/pattern/video/snapshot.jpg')).status, 200);
  stalled.req.destroy();
  await nobody();
});

test('MJPEG_VIEWERS: 32 streams, the next is told why not, and a place that is left is free', async () => {
  const target = '/host/devices/pattern/video/stream.mjpeg?fps=1';
  const open = await Promise.all(Array.from({ length: 32 }, () => host.get(target, { stream: true })));
  assert.ok(open.every((o) => o.status === 200));
  assertProblem(await host.get(target), 429, { detail: /there are 32 MJPEG streams already/ });
  open[7].req.destroy();
  open[7] = await until('the place to be free', async () => {
    const answer = await host.get(target, { stream: true });
    if (answer.status === 200) return answer;
    answer.stream.resume();
    return null;
  });
  assertProblem(await host.get(target), 429);
  open.forEach((o) => o.req.destroy());
  await nobody();
});

test('bad input', async () => {
  const video = '/host/devices/pattern/video';
  assertProblem(await host.get(`${video}/stream.mjpeg?fps=31`), 400, { field: 'fps' });
  assertProblem(await host.get(`${video}/stream.mjpeg?quality=5`), 400, { field: 'quality' });
  assertProblem(await host.get(`${video}/snapshot.jpg?quality=96`), 400, { field: 'quality' });
  assertProblem(await host.get(`${video}/snapshot.png?timeout_s=61`), 400, { field: 'timeout_s' });
});

test('no picture: a snapshot says why, the stream shows a slate', async () => {
  const none = await host.get('/host/devices/away/video/snapshot.png?timeout_s=1');
  assert.ok([410, 503, 504].includes(none.status), `${none.status} ${none.text}`);
  const stream = await host.get('/host/devices/away/video/stream.mjpeg', { stream: true });
  assert.equal(stream.status, 200);
  const chunk = await within('a slate', new Promise((resolve) => stream.stream.once('data', resolve)));
  assert.ok(chunk.length > 0);
  stream.req.destroy();
});

test('the X server is killed: said, and a new one is picked up', async () => {
  const stream = await host.get('/host/devices/desktop/video/stream.mjpeg?fps=5', { stream: true });
  let bytes = 0;
  stream.stream.on('data', (c) => {
    bytes += c.length;
  });
  await until('pictures', () => bytes > 0);
  await desktop.xvfb.kill();
  await until('the fault', async () => {
    const { json } = await host.get('/host/devices/desktop');
    const video = json.interfaces.find((i) => i.name === 'video');
    return video.state !== 'ready' && video.reason;
  });
  const seen = bytes;
  await until('the stream goes on with a slate', () => bytes > seen);
  assert.equal((await request(host.url, 'GET', '/host/health')).status, 200);
  const again = new Program(['Xvfb', desktop.display, '-screen', '0', '300x200x24', '-nolisten', 'tcp', '-noreset']);
  file.after(() => again.kill());
  await host.state_is('desktop/video', 'ready', 20000);
  await until(
    'the new size',
    async () => {
      const shot = await host.get('/host/devices/desktop/video/snapshot.png');
      return shot.status === 200 && pngSize(shot.body)[0] === 300;
    },
    15000,
  );
  stream.req.destroy();
});

/** Bytes that the kernel holds for who reads from this port: tx_queue of /proc/net/tcp. */
function unread(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((row) => row.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(local) && row[3] === '01')
    .reduce((sum, row) => sum + parseInt(row[4], 16), 0);
}

test('SIGTERM while a viewer does not read: who asks then, on an open connection, hears 503, and the host ends in time, and well', async (t) => {
  const big = await withHost(t, { devices: { big: { attach: 'testpattern://?width=1920&height=1080&fps=30' } } });
  await big.state_is('big/video');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const first = await big.get('/host/health', { agent });
  assert.equal(first.status, 200);
  const events = await big.sse('/host/events');
  const stream = await big.get('/host/devices/big/video/stream.mjpeg?fps=30&quality=95', { stream: true });
  stream.stream.on('error', () => {}).pause();
  let before = 0;
  await until(
    'a full socket',
    async () => {
      const now = unread(Number(new URL(big.url).port));
      const same = now > 0 && now === before;
      before = now;
      if (!same) await new Promise((next) => setTimeout(next, 400)); // longer than between two pictures
      return same;
    },
    30000,
  );
  const stopped = big.stop();
  await until('the events to end', async () => events.closed !== null);
  // a page whose WebRTC just ended does this: a stream of a host that goes must not be begun
  assertProblem(await big.get('/host/devices/big/video/stream.mjpeg', { agent }), 503, { detail: /shutting down/ });
  await stopped;
});
