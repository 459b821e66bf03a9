// video.find: a picture or a text on a live screen, until it is there; where it is, how well, and the picture of it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, test } from 'node:test';

import { startXvfb } from './bench.mjs';
import { Program, assertProblem, forFile, until, withHost } from './harness.mjs';

const file = forFile();
const FIND = '/host/devices/desk/video/find';
let host, display;

/** A window that shows `words` on its own colour, at x, y. */
function window_(words, x, y, colour = 'white') {
  const w = new Program(
    ['xmessage', '-geometry', `240x80+${x}+${y}`, '-bg', colour, '-fn', '10x20', '-buttons', '', words],
    { env: { DISPLAY: display } },
  );
  file.after(() => w.kill());
  return w;
}
/** Part of the screen as PNG, base64, cut out by ffmpeg: what a person would have cut. */
async function cut(x, y, w, h) {
  const { body } = await host.get('/host/devices/desk/video/snapshot.png');
  return execFileSync(
    'ffmpeg',
    ['-v', 'error', '-i', '-', '-vf', `crop=${w}:${h}:${x}:${y}`, '-f', 'image2pipe', '-c:v', 'png', '-'],
    { input: body },
  ).toString('base64');
}
const find = (body) => host.post(FIND, body, { ms: 40000 });

before(async () => {
  const x = await startXvfb(file, { width: 640, height: 480 });
  display = x.display;
  host = await withHost(file, { devices: { desk: { attach: x.uri }, none: { attach: 'vitals://' } } });
  await host.state_is('desk/video');
});

test('a picture is waited for, found where it comes, and shown', async () => {
  const first = window_('Ready to flash', 40, 60, 'white');
  await until('the window', async () => (await find({ text: 'flash', timeout_s: 2 })).status === 200, 20000);
  const image = await cut(40, 60, 200, 60);
  await first.kill();
  const late = find({ image, timeout_s: 15 });
  setTimeout(() => window_('Ready to flash', 320, 300, 'white'), 500);
  const { status, json } = await late;
  assert.equal(status, 200, JSON.stringify(json));
  assert.deepEqual([json.found, json.x, json.y, json.width, json.height], [true, 320, 300, 200, 60]);
  assert.ok(json.score > 0.99);
  assert.ok(Math.abs(Date.now() - json.taken_at) < 5000);
  assert.equal(Buffer.from(json.screenshot, 'base64').readUInt16BE(0), 0xffd8, 'a JPEG');
  const there = { x: 300, y: 280, width: 300, height: 150 };
  assert.equal((await find({ image, area: there, screenshot: false })).json.screenshot, undefined);
  const elsewhere = await find({ image, area: { ...there, x: 0, width: 250 }, timeout_s: 0.5 });
  assertProblem(elsewhere, 504, { detail: /was not on the screen in time; what was most like it had \d+\.\d %/ });
  assert.equal(elsewhere.json.found, false);
  assert.ok(elsewhere.json.score < 0.96 && elsewhere.json.screenshot);
});

test('areas of a whole screen, as openQA has them', async () => {
  const image = await cut(0, 0, 640, 480);
  const at = { xpos: 320, ypos: 300, width: 200, height: 60, match: 96, type: 'match' };
  assert.equal((await find({ image, areas: [at] })).status, 200);
  const moved = await find({ image, areas: [at, { x: 0, y: 0, width: 50, height: 50, match: 99 }] });
  assert.deepEqual([moved.json.x, moved.json.y], [0, 0]);
  for (const [areas, detail] of [
    [[{ ...at, width: 400 }], /beyond/],
    [[{ ...at, type: 'exclude' }], /type/],
    [[{}], /width/],
  ])
    assertProblem(await find({ image, areas }), 400, { field: 'areas', detail });
});

test('a text is read; what is there instead is told', async () => {
  const { json } = await find({ text: 'ready TO  flash', timeout_s: 10 });
  assert.ok(
    json.found && json.x >= 320 && json.y >= 300 && json.height < 60,
    JSON.stringify({ ...json, screenshot: 0 }),
  );
  assertProblem(await find({ text: ' \t\u00a0 ', timeout_s: 0.1 }), 400, { field: 'text' });
  const not = await find({ text: 'login:', timeout_s: 2 });
  assertProblem(not, 504, { detail: /"login:" was not read/ });
  assertProblem(await find({ text: 'x', language: 'xxx' }), 501, { detail: /tesseract-ocr-xxx/ });
  assertProblem(await find({ text: 'x', language: '../x' }), 400, { field: 'language' });
});

test('FIND_TEXT, NEEDLE, NEEDLE_AREAS, FINDS: at their limit, and one more', async () => {
  assertProblem(await find({}), 400, { field: 'image' });
  assertProblem(await find({ image: 'AAAA', text: 'x' }), 400, { field: 'image' });
  assertProblem(await find({ image: 'AAAA' }), 400, { field: 'image' });
  assertProblem(await find({ image: 'A'.repeat(1000000) }), 400, { field: 'image', detail: /PNG/ });
  assertProblem(await find({ image: 'A'.repeat(1000001) }), 400, { field: 'image', detail: /1000000/ });
  assertProblem(await find({ text: 'x'.repeat(256), timeout_s: 0.1 }), 504);
  assertProblem(await find({ text: 'x'.repeat(257) }), 400, { field: 'text' });
  const image = await cut(0, 0, 20, 20);
  const area = { x: 0, y: 0, width: 10, height: 10 };
  assert.equal((await find({ image, areas: Array(32).fill(area) })).status, 200);
  assertProblem(await find({ image, areas: Array(33).fill(area) }), 400, { field: 'areas' });
  assertProblem(await host.post('/host/devices/none/video/find', { text: 'x' }), 404);
  const waits = Array.from({ length: 16 }, () => find({ image, area: { ...area, x: 600 }, match: 100, timeout_s: 3 }));
  await until('their places', async () => (await find({ text: 'x', timeout_s: 0.1 })).status === 429);
  assert.deepEqual([...new Set((await Promise.all(waits)).map((a) => a.status))], [504]);
  assert.equal((await host.get('/host/devices/desk/video')).json.viewers, 0, 'who looks is no viewer');
});
