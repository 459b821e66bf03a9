// testbed-worker beside the real server: clips made by GStreamer are looked at; what is no clip fails in words; a
// worker that is killed loses its job to the next one.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { BUILD, SANITIZED, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const WORKER = path.join(BUILD, 'testbed-worker');
const folder = scratch('tb-worker-');
const token = 'a-token-of-workers';
let server;
let session;
let worker;

function film(name, pattern, n, more = '') {
  const file = path.join(folder, name);
  execFileSync('gst-launch-1.0', [
    '-q',
    ...`videotestsrc pattern=${pattern} num-buffers=${n} ! video/x-raw,width=320,height=180,framerate=15/1 ! ${more || 'vp8enc deadline=1 ! webmmux'} ! filesink location=${file}`.split(
      ' ',
    ),
  ]);
  return readFileSync(file);
}

const run = () =>
  spawn(WORKER, ['--server', server.url, '--name', 'w'], {
    env: { ...process.env, WORKER_API_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit'],
  });

async function upload(body, more = {}) {
  const { json } = await server.post('/events/upload/initiate', {
    session_id: session.session_id,
    device_id: 'sill',
    trigger_type: 'motion',
    duration_seconds: 6,
    clip_mime: 'video/webm',
    clip_size_bytes: body.length,
    ...more,
  });
  const id = json.event.event_id;
  assert.equal((await server.request('PUT', `/events/${id}/upload`, { body })).status, 201);
  assert.equal((await server.post(`/events/${id}/upload/finalize`, {})).status, 200);
  return id;
}

const end = (id) =>
  until(
    'a word on it',
    async () => {
      const { json } = await server.get(`/events/${id}`);
      return ['done', 'failed'].includes(json.status) && json;
    },
    30000,
  );

before(async () => {
  server = await Server.start({}, { env: { WORKER_API_TOKEN: token } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  session = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  worker = run();
});
after(async () => {
  worker.kill('SIGKILL');
  await server.stop();
});

test('motion and none: told as what they are, with the model and the time it took', async () => {
  const moving = await upload(film('ball.webm', 'ball', 60));
  const still = await upload(film('still.webm', 'smpte75', 45));
  const seen = await end(moving);
  assert.deepEqual(
    [seen.status, seen.label, seen.should_notify, seen.alert_reason, seen.inference_provider, seen.inference_model],
    ['done', 'motion', true, 'Something moved.', 'pixels', 'difference-160x90'],
  );
  assert.ok(seen.took_ms > 0 && seen.confidence >= 0.5);
  const nothing = await end(still);
  assert.deepEqual([nothing.status, nothing.label, nothing.should_notify], ['done', 'clear', false]);
});

test('what is no film, is cut, or says it is another sort fails in words', async () => {
  const whole = film('cut.webm', 'ball', 60);
  for (const body of [Buffer.alloc(50000, 'x'), Buffer.from('<html>'), whole.subarray(0, 300)]) {
    const failed = await end(await upload(body));
    assert.deepEqual(
      [failed.status, failed.label, failed.matched_rules],
      ['failed', 'error', ['error_type:DecodeError']],
    );
    assert.match(failed.alert_reason, /cannot be decoded/);
  }
});

test('LOOK_FRAMES, LOOK_CPU_S, LOOK_BYTES: the decoder has no more than that', async () => {
  const much = path.join(folder, 'much.mkv');
  film('much.mkv', 'black', 10001, 'videoscale ! video/x-raw,width=16,height=16 ! jpegenc ! matroskamux');
  const look = spawnSync(WORKER, ['--look', much], { encoding: 'utf8' });
  assert.match(look.stdout, /more than 10000 pictures/);
  const fifo = path.join(folder, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const waits = spawn(WORKER, ['--look', fifo], { stdio: 'ignore' });
  const limits = await until('its limits', () => {
    const text = readFileSync(`/proc/${waits.pid}/limits`, 'utf8');
    return /Max cpu time +60 +60/.test(text) && text;
  });
  waits.kill('SIGKILL');
  const space = SANITIZED ? 'unlimited' : 2 * 2 ** 30; // a sanitizer's shadow is larger than any limit
  assert.match(limits, new RegExp(`Max address space +${space} +${space}`));
});

test("a worker that is killed: the decoder goes with it, and the job is another worker's", async () => {
  worker.kill('SIGKILL');
  await new Promise((done) => worker.once('exit', done));
  const id = await upload(film('again.webm', 'ball', 45));
  const claimed = await server.post(
    '/jobs/claim',
    { worker: 'dies' },
    { headers: { Authorization: `Bearer ${token}` } },
  );
  assert.equal(claimed.json.payload.event_id, id);
  execFileSync('python3', [
    '-c',
    'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)\nc.execute("UPDATE ev_jobs SET ready = 1")',
    path.join(server.folder, 'server.db'),
  ]);
  worker = run();
  assert.equal((await end(id)).label, 'motion');
});
