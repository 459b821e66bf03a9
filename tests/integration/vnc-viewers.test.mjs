// The VNC room with viewers that others wrote, and with ones that behave badly. The room shows a made-up picture
// (tests/tools/vnc_room.c): pixel (x, y) is (x & 255, y & 255, (x ^ y) & 255).
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';

import { passwordFile, Rfb } from './rfb-client.mjs';

const build = process.env.TESTBED_BUILD ?? 'build';
const slow = { '': 1, asan: 3, tsan: 8 }[process.env.TESTBED_VARIANT ?? ''];
const within = (ms, promise, what) => {
  let timer;
  return Promise.race([
    promise,
    new Promise((_, no) => {
      timer = setTimeout(() => no(new Error(`${what}: not within ${ms * slow} ms`)), ms * slow);
    }),
  ]).finally(() => clearTimeout(timer));
};

class Lines {
  #all = [];
  #wanted = [];

  constructor(stream) {
    createInterface({ input: stream }).on('line', (line) => {
      this.#all.push(line);
      this.#wanted = this.#wanted.filter((w) => !w(line));
    });
  }

  /** The first line from now on, or one that came already, that matches. */
  wait(pattern, ms = 10000) {
    const found = this.#all.find((l) => pattern.test(l));
    if (found) return Promise.resolve(pattern.exec(found));
    return within(
      ms,
      new Promise((yes) => {
        this.#wanted.push((l) => pattern.test(l) && (yes(pattern.exec(l)), true));
      }),
      String(pattern),
    );
  }

  get all() {
    return this.#all;
  }
}

async function room(t, ...args) {
  const child = spawn(path.join(build, 'tools/vnc_room'), args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (d) => {
    stderr += d;
  });
  const lines = new Lines(child.stdout);
  const ended = new Promise((yes) => child.on('exit', (code, signal) => yes(code ?? signal)));
  t.after(async () => {
    child.stdin.end();
    assert.equal(await within(10000, ended, 'end of the room'), 0, stderr);
  });
  return { port: Number((await lines.wait(/^port (\d+)/))[1]), lines, pid: child.pid };
}

const run = (file, args, options = {}) =>
  new Promise((yes) => {
    execFile(file, args, { timeout: 30000 * slow, ...options }, (error, stdout, stderr) =>
      yes({ code: error ? (error.code ?? 'signal') : 0, out: stdout + stderr }),
    );
  });

function scratch(t) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'vnc-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** 8-bit RGB or RGBA, not interlaced: what gvnccapture writes. */
function readPng(file) {
  const png = readFileSync(file);
  let at = 8;
  const data = [];
  let head;
  while (at < png.length) {
    const size = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    if (type === 'IHDR') head = png.subarray(at + 8, at + 8 + size);
    if (type === 'IDAT') data.push(png.subarray(at + 8, at + 8 + size));
    at += 12 + size;
  }
  const [width, height] = [head.readUInt32BE(0), head.readUInt32BE(4)];
  const bpp = { 2: 3, 6: 4 }[head[9]];
  assert.ok(head[8] === 8 && bpp && head[12] === 0, 'a PNG that this test can read');
  const raw = inflateSync(Buffer.concat(data));
  const rows = Buffer.alloc(width * height * bpp);
  const stride = width * bpp;
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let i = 0; i < stride; i++) {
      const a = i >= bpp ? rows[y * stride + i - bpp] : 0;
      const b = y ? rows[(y - 1) * stride + i] : 0;
      const c = y && i >= bpp ? rows[(y - 1) * stride + i - bpp] : 0;
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const add = [0, a, b, (a + b) >> 1, pa <= pb && pa <= pc ? a : pb <= pc ? b : c][filter];
      rows[y * stride + i] = raw[y * (stride + 1) + 1 + i] + add;
    }
  }
  return { width, height, pixel: (x, y) => [...rows.subarray((y * width + x) * bpp, (y * width + x) * bpp + 3)] };
}

const expected = (x, y) => [x & 255, y & 255, (x ^ y) & 255];
const places = [
  [0, 0],
  [1, 0],
  [0, 1],
  [100, 200],
  [255, 255],
  [256, 300],
  [639, 479],
  [31, 32],
  [333, 111],
];

test('gvnccapture sees every pixel as it is', async (t) => {
  const { port } = await room(t);
  const file = path.join(scratch(t), 'shot.png');
  const { code, out } = await run('gvnccapture', [`127.0.0.1:${port - 5900}`, file]);
  assert.equal(code, 0, out);
  const png = readPng(file);
  assert.deepEqual([png.width, png.height], [640, 480]);
  for (let y = 0; y < 480; y++)
    for (let x = 0; x < 640; x++) assert.deepEqual(png.pixel(x, y), expected(x, y), `pixel ${x},${y}`);
});

test('Tight with JPEG: bands of whole blocks, and the picture is right', async (t) => {
  const { port } = await room(t, '--size', '1280x720');
  const file = path.join(scratch(t), 'picture');
  const { code, out } = await run(path.join(build, 'tools/vnc_count'), [
    `127.0.0.1:${port}`,
    '0.2',
    'tight copyrect hextile raw',
    file,
  ]);
  assert.equal(code, 0, out);
  assert.equal(JSON.parse(out.trim().split('\n').pop()).rows, 64);
  const rgbx = readFileSync(file);
  assert.equal(rgbx.length, 1280 * 720 * 4);
  // JPEG is not exact: each strip's mean error, so that one in the wrong place would show
  for (let top = 0; top < 704; top += 64) {
    let error = 0;
    for (let y = top; y < top + 64; y++)
      for (let x = 0; x < 1280; x++)
        expected(x, y).forEach((v, i) => {
          error += Math.abs(rgbx[(y * 1280 + x) * 4 + i] - v);
        });
    assert.ok(error / (64 * 1280 * 3) < 6, `rows from ${top}: mean error ${error / (64 * 1280 * 3)}`);
  }
});

test('vncsnapshot: passwords open, wrong ones do not, and five of them end the tries', async (t) => {
  const { port, lines } = await room(t, '--password', 'secretpw', '--view-password', 'lookonly');
  const folder = scratch(t);
  const shot = async (password) => {
    writeFileSync(path.join(folder, 'pw'), passwordFile(password));
    return run('vncsnapshot', [
      '-passwd',
      path.join(folder, 'pw'),
      `127.0.0.1::${port}`,
      path.join(folder, 'shot.jpg'),
    ]);
  };
  assert.equal((await shot('secretpw')).code, 0);
  await lines.wait(/^joined operator/);
  assert.equal(readFileSync(path.join(folder, 'shot.jpg')).readUInt16BE(0), 0xffd8);
  assert.equal((await shot('lookonly')).code, 0);
  await lines.wait(/^joined viewer/);
  for (let i = 0; i < 5; i++) {
    const wrong = await shot('wrongpw');
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /authentication failed/i);
  }
  await assert.rejects(Rfb.connect(port, { password: 'secretpw' }), /too many wrong passwords/);
});

test('a wrong password says so in RFB 3.8; "None" cannot be chosen around it', async (t) => {
  const { port, lines } = await room(t, '--password', 'secretpw');
  await assert.rejects(Rfb.connect(port, { password: 'secretpx' }), /refused: wrong password/);
  const socket = net.connect(port, '127.0.0.1');
  const closed = new Promise((yes) => socket.on('close', yes));
  socket.on('error', () => {});
  socket.write('RFB 003.008\n\x01\x01');
  socket.resume();
  await within(5000, closed, 'close');
  assert.ok(!lines.all.some((l) => l.startsWith('joined')));
});

test('a view-only viewer watches and cannot type or click', async (t) => {
  const { port, lines } = await room(t, '--password', 'secretpw', '--view-password', 'lookonly');
  const viewer = await Rfb.connect(port, { password: 'lookonly' });
  t.after(() => viewer.close());
  viewer.request(false);
  await within(5000, viewer.update(), 'picture');
  for (const [x, y] of places) assert.deepEqual(viewer.pixel(x, y), expected(x, y));
  viewer.key(0x61, true);
  viewer.pointer(10, 10, 1);
  viewer.request(false);
  await within(5000, viewer.update(), 'picture after the key'); // the room has read the key by then
  const controller = await Rfb.connect(port, { password: 'secretpw' });
  t.after(() => controller.close());
  controller.key(0x62, true);
  const [, input] = await lines.wait(/^input (.*)/);
  assert.deepEqual(JSON.parse(input), [{ type: 'key', key: 'b', action: 'down' }]);
});

test('a change of size reaches who can follow, and ends who cannot', async (t) => {
  const { port, lines } = await room(t, '--resize', '800x300');
  const able = await Rfb.connect(port);
  const unable = await Rfb.connect(port, { encodings: [0] });
  t.after(() => able.close());
  for (const client of [able, unable]) {
    client.request(false);
    await within(5000, client.update(), 'picture');
  }
  able.request(true);
  unable.request(true);
  able.key(0x61, true);
  const rects = await within(5000, able.update(), 'new size');
  assert.deepEqual(rects, [{ x: 0, y: 0, w: 800, h: 300, encoding: -223 }]);
  able.request(false);
  await within(5000, able.update(), 'picture in the new size');
  assert.deepEqual(able.pixel(799, 299), expected(799, 299));
  await assert.rejects(within(5000, unable.update(), 'end'), /closed/);
  await lines.wait(/^gone the picture changed its size/);
});

test('a viewer that stops reading slows nobody', async (t) => {
  const { port } = await room(t, '--size', '1280x720', '--fps', '50');
  const good = await Rfb.connect(port);
  const stalled = await Rfb.connect(port);
  t.after(() => {
    good.close();
    stalled.close();
  });
  const fiftyUpdates = async () => {
    const start = performance.now();
    for (let i = 0; i < 50; i++) {
      good.request(true);
      await within(10000, good.update(), 'update');
    }
    return performance.now() - start;
  };
  good.request(false);
  await good.update();
  const alone = await fiftyUpdates();
  stalled.stream.pause(); // 3.6 MB a picture: more than any socket buffer
  for (let i = 0; i < 20; i++) stalled.request(false);
  const beside = await fiftyUpdates();
  assert.ok(
    beside < alone * 1.5 + 300 * slow,
    `${Math.round(alone)} ms alone, ${Math.round(beside)} ms beside a stalled viewer`,
  );
});

test('32 viewers are served, the 33rd is told why not, and a place that is left is free again', async (t) => {
  const { port, lines } = await room(t);
  const clients = await Promise.all(Array.from({ length: 32 }, () => Rfb.connect(port)));
  t.after(() => clients.forEach((c) => c.close()));
  clients.forEach((c) => c.request(false));
  await within(20000, Promise.all(clients.map((c) => c.update())), '32 pictures');
  for (const client of clients) assert.deepEqual(client.pixel(100, 200), expected(100, 200));
  await assert.rejects(Rfb.connect(port), /refused: too many viewers/);
  clients[7].close();
  await lines.wait(/^gone/);
  const next = await within(5000, Rfb.connect(port), 'the freed place');
  next.close();
});

test('peers that say nothing, or nonsense, are let go and cost no place', async (t) => {
  const { port } = await room(t);
  const silent = Array.from({ length: 40 }, () => net.connect(port, '127.0.0.1'));
  silent.forEach((s) => s.on('error', () => {}));
  t.after(() => silent.forEach((s) => s.destroy()));
  for (const nonsense of ['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(64), 'RFB 003.008\n\x02']) {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.write(nonsense);
    await within(5000, new Promise((yes) => socket.on('close', yes)), 'close');
  }
  for (const message of [[6, 0, 0, 0, 0x7f, 255, 255, 255], [99]]) {
    const client = await Rfb.connect(port); // a clipboard of 2 GB, unknown
    client.stream.write(Buffer.from(message));
    await assert.rejects(within(5000, client.read(1), `end after message ${message[0]}`), /closed|ECONNRESET/);
    client.close();
  }
  // what mistakes nobody: a fence, continuous updates, scaling, a file, chat
  const client = await Rfb.connect(port);
  for (const message of [
    [248, 0, 0, 0, 0, 0, 0, 0, 1, 65],
    [150, 1, 0, 0, 0, 0, 0, 9, 0, 9],
    [8, 2, 0, 0],
    [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [11, 0, 0, 0, 255, 255, 255, 255],
  ])
    client.stream.write(Buffer.from(message));
  client.request(false);
  await within(5000, client.update(), 'picture');
  client.close();
});

test('xtigervncviewer shows the screen and types', async (t) => {
  const { port, lines } = await room(t, '--size', '320x240');
  const xvfb = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const display = await within(
    10000,
    new Promise((yes) => xvfb.stdio[3].once('data', (d) => yes(`:${String(d).trim()}`))),
    'Xvfb',
  );
  const env = { ...process.env, DISPLAY: display };
  const viewer = spawn('xtigervncviewer', ['-AlertOnFatalError=0', `127.0.0.1::${port}`], { env, stdio: 'ignore' });
  t.after(async () => {
    for (const child of [viewer, xvfb]) {
      const gone = new Promise((yes) => child.once('exit', yes));
      if (child.exitCode === null && child.signalCode === null && child.kill()) await gone;
    }
  });
  await lines.wait(/^joined/);
  await run('xdotool', ['search', '--sync', '--name', 'test picture'], { env });
  // without a window manager the pointer's window has the focus
  for (let i = 0; i < 20 && !lines.all.some((l) => /"key":"é"/.test(l)); i++)
    await run('xdotool', ['mousemove', '100', '120', 'click', '1', 'key', 'eacute', 'sleep', '0.1'], { env });
  await lines.wait(/^input .*"key":"é","action":"down"/);
  await lines.wait(/^input .*"type":"pointer".*"buttons":1/);
});
