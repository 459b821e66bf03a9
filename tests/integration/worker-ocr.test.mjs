// The analyser `ocr` of testbed-worker: text that is drawn on a clip comes with its event, once for all pictures; what
// is asked for in the prompts is told; a worker without Tesseract says so and does not start.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { BUILD, Program, scratch, until, within } from './harness.mjs';
import { Server } from './server-harness.mjs';

const WORKER = path.join(BUILD, 'testbed-worker');
const FONT = '/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf';
const token = 'a-token-of-workers';
const folder = scratch('tb-ocr-');
const clip = path.join(folder, 'text.webm');
let server;

before(async () => {
  const line = (text, y, when) =>
    `drawtext=fontfile=${FONT}:text='${text}':fontcolor=white:fontsize=28:x=60:y=${y}:enable='${when}'`;
  const words = [line('Kernel panic - not syncing', 80, '1'), line('Rebooting in 10 seconds', 180, 'gt(t,1.2)')].join();
  const film = `-v error -f lavfi -i color=c=black:s=1280x720:r=10:d=2 -vf`.split(' ');
  execFileSync('ffmpeg', [...film, words, '-c:v', 'libvpx', '-deadline', 'realtime', clip]);
  server = await Server.start({}, { env: { WORKER_API_TOKEN: token } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
});
after(() => server.stop());

async function look(prompt, env = {}) {
  const { session_id } = (await server.post('/sessions/start', { device_id: 'rack', analysis_prompts: [prompt] })).json;
  const body = readFileSync(clip);
  const { json } = await server.post('/events/upload/initiate', {
    session_id,
    device_id: 'rack',
    trigger_type: 'motion',
    duration_seconds: 2,
    clip_mime: 'video/webm',
    clip_size_bytes: body.length,
  });
  const id = json.event.event_id;
  assert.equal((await server.request('PUT', `/events/${id}/upload`, { body })).status, 201);
  assert.equal((await server.post(`/events/${id}/upload/finalize`, {})).status, 200);
  const worker = new Program([WORKER, '--server', server.url, '--once'], {
    env: { WORKER_API_TOKEN: token, OCR_LANGUAGE: 'eng', ...env },
  });
  await within('the worker', worker.exited, 60000);
  return (await server.get(`/events/${id}`)).json;
}

test('text on a clip: each line once, label text, the rule that matched and why it is told', async () => {
  const seen = await look('text: KERNEL Panic');
  assert.equal(seen.status, 'done');
  assert.deepEqual(seen.detected_entities, ['Kernel panic - not syncing', 'Rebooting in 10 seconds']);
  assert.match(seen.summary, /Text: “Kernel panic - not syncing”, “Rebooting in 10 seconds”$/);
  assert.deepEqual(
    [seen.label, seen.should_notify, seen.matched_rules, seen.inference_provider],
    ['text', true, ['text: KERNEL Panic'], 'pixels, ocr'],
  );
  assert.match(seen.inference_model, /^difference-160x90, tesseract-[45]\./);
  const other = await look('text: Segmentation fault');
  assert.deepEqual([other.label, other.should_notify, other.matched_rules], ['text', false, []]);
  const without = await look('text: KERNEL Panic', { OCR_LANGUAGE: '' });
  assert.deepEqual([without.label, without.detected_entities, without.inference_provider], ['clear', [], 'pixels']);
});

test('what is asked for and not there: --check says so, and no worker starts without it', () => {
  const empty = path.join(folder, 'no-library');
  mkdirSync(empty);
  for (const n of [4, 5]) writeFileSync(path.join(empty, `libtesseract.so.${n}`), '');
  const run = (argument, env) => spawnSync(WORKER, [argument], { encoding: 'utf8', env: { ...process.env, ...env } });
  for (const argument of ['--check', '--once']) {
    const language = run(argument, { OCR_LANGUAGE: 'xx' });
    assert.equal(language.status, 2);
    assert.match(language.stderr, /Tesseract has no data for "xx" on this machine \(Debian: tesseract-ocr-xx\)/);
    const library = run(argument, { OCR_LANGUAGE: 'eng', LD_LIBRARY_PATH: empty });
    assert.equal(library.status, 2);
    assert.match(library.stderr, /install Tesseract there \(Debian: libtesseract5 and tesseract-ocr-eng\)/);
  }
  assert.deepEqual(
    [run('--check', {}).stdout, run('--check', { OCR_LANGUAGE: 'eng' }).stdout],
    ['pixels\n', 'pixels ocr\n'],
  );
});
