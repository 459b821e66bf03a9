// testbed-worker beside a small server that speaks OpenAI's shape: what it is asked, what of its answers counts, and
// who answers where it does not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { BUILD, Program, scratch, until, within } from './harness.mjs';
import { Server } from './server-harness.mjs';

const token = 'a-token-of-workers';
const folder = scratch('tb-vision-');
const verdict = {
  label: 'person',
  summary: 'Somebody walks through the room.',
  confidence: 0.87,
  notify: true,
  reason: 'a person was asked for',
  matched_rules: ['a person'],
  detected_entities: ['person'],
  detected_actions: ['walking'],
};
const said = (content) => ({ choices: [{ message: { role: 'assistant', content } }] });
let server;
let session;
let clip;
const asked = [];
/* what comes next: (request, response) => …; the last one stays */
let answers = [];
const model = http.createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  asked.push({ url: req.url, headers: req.headers, body: JSON.parse(Buffer.concat(chunks)) });
  (answers.length > 1 ? answers.shift() : answers[0])(res);
});
const ok = (content) => (res) => res.end(JSON.stringify(said(content)));
const status = (n) => (res) => res.writeHead(n).end('{}');

before(async () => {
  await new Promise((done) => model.listen(0, '127.0.0.1', done));
  server = await Server.start({}, { env: { WORKER_API_TOKEN: token } });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  session = (await server.post('/sessions/start', { device_id: 'sill', analysis_prompts: ['a person'] })).json;
  const file = path.join(folder, 'ball.webm');
  const pipe = `videotestsrc pattern=ball num-buffers=30 ! video/x-raw,width=1280,height=720,framerate=15/1 ! vp8enc deadline=1 ! webmmux ! filesink location=${file}`;
  execFileSync('gst-launch-1.0', ['-q', ...pipe.split(' ')]);
  clip = readFileSync(file);
});
after(async () => {
  model.closeAllConnections?.();
  model.close();
  await server.stop();
});

/** The event of the clip after a worker has looked at it. */
async function look(env = {}) {
  const { json } = await server.post('/events/upload/initiate', {
    session_id: session.session_id,
    device_id: 'sill',
    trigger_type: 'motion',
    duration_seconds: 2,
    clip_mime: 'video/webm',
    clip_size_bytes: clip.length,
  });
  const id = json.event.event_id;
  assert.equal((await server.request('PUT', `/events/${id}/upload`, { body: clip })).status, 201);
  assert.equal((await server.post(`/events/${id}/upload/finalize`, {})).status, 200);
  asked.length = 0;
  const worker = new Program([path.join(BUILD, 'testbed-worker'), '--server', server.url, '--once'], {
    env: {
      WORKER_API_TOKEN: token,
      VISION_URL: `http://127.0.0.1:${model.address().port}/v1/`,
      VISION_MODEL: 'a-model',
      VISION_API_KEY: 'its-key',
      ...env,
    },
  });
  await within('the worker', worker.exited, 30000);
  const event = (await server.get(`/events/${id}`)).json;
  assert.equal(event.status, 'done', worker.text);
  assert.doesNotMatch(worker.text, /its-key/);
  return event;
}

test('a model is asked with three pictures and the prompts, and what it says is kept', async () => {
  answers = [ok(JSON.stringify(verdict))];
  const event = await look();
  assert.equal(asked.length, 1);
  const [{ url, headers, body }] = asked;
  assert.deepEqual([url, headers.authorization, body.model], ['/v1/chat/completions', 'Bearer its-key', 'a-model']);
  const [text, ...pictures] = body.messages[1].content;
  assert.match(text.text, /a person/);
  assert.equal(pictures.length, 3);
  const jpegs = pictures.map((p) => Buffer.from(p.image_url.url.replace('data:image/jpeg;base64,', ''), 'base64'));
  for (const jpeg of jpegs) assert.deepEqual([...jpeg.subarray(0, 3)], [0xff, 0xd8, 0xff]);
  assert.equal(new Set(jpegs.map(String)).size, 3, 'of different times');
  assert.equal(body.response_format.json_schema.schema.properties.label.enum.length, 6);
  assert.deepEqual(
    [event.label, event.summary, event.confidence, event.should_notify, event.alert_reason],
    ['person', verdict.summary, 0.87, true, verdict.reason],
  );
  assert.deepEqual(
    [event.matched_rules, event.detected_entities, event.detected_actions],
    [['a person'], ['person'], ['walking']],
  );
  assert.deepEqual([event.inference_provider, event.inference_model], ['127.0.0.1', 'a-model']);
});

test('who does not know of schemas is asked without; nonsense and faults are asked again', async () => {
  answers = [status(400), ok(`<think>{}</think>\`\`\`json\n${JSON.stringify(verdict)}\n\`\`\``)];
  assert.equal((await look()).label, 'person');
  assert.deepEqual(
    asked.map((a) => 'response_format' in a.body),
    [true, false],
  );
  answers = [status(503), ok(JSON.stringify(verdict))];
  assert.equal((await look()).label, 'person');
  answers = [ok('I see a person!'), ok(JSON.stringify(verdict))];
  assert.equal((await look()).label, 'person');
  assert.equal(asked.length, 2);
});

test('a model that answers nonsense, refuses, redirects or says nothing: the next one, then differences of pixels', async () => {
  const silent = () => {};
  for (const answer of [
    ok(JSON.stringify({ ...verdict, label: 'dragon' })),
    status(401),
    (res) => res.writeHead(302, { Location: '/elsewhere' }).end(),
    silent,
  ]) {
    answers = [answer];
    const event = await look({ VISION_TIMEOUT_S: '1', VISION_RETRIES: '0' });
    assert.equal(event.inference_provider, 'pixels');
    assert.equal(asked.length, 1);
  }
  answers = [status(500), ok(JSON.stringify(verdict))];
  const second = await look({
    VISION_RETRIES: '0',
    VISION_FALLBACK_URL: `http://127.0.0.1:${model.address().port}/other`,
    VISION_FALLBACK_MODEL: 'second',
  });
  assert.deepEqual([second.label, second.inference_model], ['person', 'second']);
  assert.deepEqual(
    asked.map((a) => [a.url, a.headers.authorization]),
    [
      ['/v1/chat/completions', 'Bearer its-key'],
      ['/other/chat/completions', undefined],
    ],
  );
});
