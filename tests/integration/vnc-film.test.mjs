// H.264 for VNC viewers that ask for it (encoding 50): while the picture moves, decoded by ffmpeg; sharp when it rests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { before, test } from 'node:test';

import { startXvfb } from './bench.mjs';
import { BUILD, Program, SLOW, forFile, freePort, until, withHost, within } from './harness.mjs';
import { Rfb } from './rfb-client.mjs';

const file = forFile();
const WIDTH = 320;
const HEIGHT = 240;
const H264 = 50;
let host, port, x;

before(async () => {
  x = await startXvfb(file, { width: WIDTH, height: HEIGHT });
  port = await freePort();
  host = await withHost(file, { vnc: { port }, devices: { screen: { attach: x.uri } } });
  await host.state_is('screen/video');
});

const painting = (t) => {
  const painter = new Program([path.join(BUILD, 'tools/x11_motion'), '30'], { env: { DISPLAY: x.display } });
  t.after(() => painter.kill());
  return painter;
};

async function viewer(t, encodings) {
  const client = await Rfb.connect(port, { encodings });
  t.after(() => client.close());
  client.request(false);
  return client;
}

/** Asks on and on until `found` says something of an update. */
async function updates(client, what, found) {
  const end = Date.now() + 20000 * SLOW;
  while (Date.now() < end) {
    const rects = await within(what, client.update());
    const is = found(rects);
    client.request();
    if (is) return is;
  }
  throw new Error(`${what}: not within ${20 * SLOW} s`);
}

/** The access units of a film's first second: it is one rectangle each, of the whole picture, with one slice. */
async function film(client, n) {
  const units = [];
  await updates(client, 'a film', (rects) => {
    for (const r of rects.filter((rect) => rect.encoding === H264)) {
      assert.deepEqual([r.x, r.y, r.w, r.h], [0, 0, WIDTH, HEIGHT]);
      assert.equal(r.flags, units.length ? 0 : 1, 'the first begins a decoder');
      const types = [...r.unit.toString('latin1').matchAll(/\0\0\x01([^])/g)].map((m) => m[1].charCodeAt(0) & 31);
      assert.equal(types.filter((type) => type === 1 || type === 5).length, 1, `slices: ${types}`);
      assert.ok(units.length || (types.includes(7) && types.includes(8) && types.includes(5)), `begins: ${types}`);
      units.push(r.unit);
    }
    return units.length >= n;
  });
  return units;
}

function decoded(units) {
  const argv = ['-v', 'error', '-f', 'h264', '-i', '-', '-vsync', 'passthrough'];
  const gray = ['-vf', 'crop=256:16:0:0,format=gray', '-f', 'rawvideo', '-'];
  const { stdout, stderr, status } = spawnSync('ffmpeg', [...argv, ...gray], {
    input: Buffer.concat(units),
    maxBuffer: 1 << 28,
  });
  assert.equal(status, 0, String(stderr));
  assert.equal(String(stderr), '');
  const numbers = [];
  for (let at = 0; at + 4096 <= stdout.length; at += 4096) {
    let n = 0;
    for (let bit = 0; bit < 16; bit++) if (stdout[at + 8 * 256 + bit * 16 + 8] > 127) n |= 1 << bit;
    numbers.push(n);
  }
  return numbers;
}

test('what moves comes as a film, each picture once; when it rests the last one is exact', async (t) => {
  const painter = painting(t);
  const client = await viewer(t, [H264, 0, -223]);
  const units = await film(client, 20);
  const numbers = decoded(units);
  assert.equal(numbers.length, units.length);
  // One that is painted between the damage of the last and its reading is read then, and once more for its own damage.
  const twice = numbers.filter((n, i) => i && n === numbers[i - 1]).length;
  assert.ok(twice <= numbers.length / 4 && numbers.every((n, i) => !i || n >= numbers[i - 1]), `in order: ${numbers}`);
  const other = await viewer(t, [H264, 0, -223]);
  assert.ok(decoded(await film(other, 5)).length >= 5, 'one who comes later begins with a keyframe');
  await painter.kill();
  await updates(client, 'the picture at rest', (rects) =>
    rects.some((r) => r.encoding === 0 && r.w === WIDTH && r.y + r.h === HEIGHT),
  );
  const plain = await viewer(t, [0, -223]);
  await updates(plain, 'the picture', (rects) => rects.length > 0);
  const where = Buffer.compare(client.pixels, plain.pixels);
  assert.equal(where, 0, 'as a viewer has it who gets no film');
});

test('who names another encoding first, or a picture that changes little: no film', async (t) => {
  const plain = await viewer(t, [0, H264, -223]);
  const late = await viewer(t, [H264, 0, -223]);
  const still = await within('a picture', late.update());
  assert.ok(still.every((r) => r.encoding === 0));
  const painter = painting(t);
  let n = 0;
  await updates(plain, 'pictures', (rects) => {
    assert.ok(rects.every((r) => r.encoding === 0));
    return ++n > 40;
  });
  late.request();
  assert.ok((await film(late, 3)).length >= 3, 'the other gets one of the same pictures');
  await painter.kill();
});

test('a viewer that stops reading, and one that leaves in the midst of it', async (t) => {
  const painter = painting(t);
  const client = await viewer(t, [H264, 0, -223]);
  const gone = await viewer(t, [H264, 0, -223]);
  await film(gone, 2);
  gone.close();
  await film(client, 2);
  client.stream.pause();
  const other = await viewer(t, [H264, 0, -223]);
  assert.ok(decoded(await film(other, 70)).length >= 70, 'nobody else waits for him');
  client.stream.resume();
  await updates(client, 'pictures again', (rects) => rects.length > 0);
  await painter.kill();
  client.close();
  other.close();
  await until('the encoder to end', async () => (await host.get('/metrics')).text.match(/encoders (\d+)/)?.[1] === '0');
});
