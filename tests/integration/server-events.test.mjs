// Events on the real server, on SQLite and on PostgreSQL: the flows that the original published, clips through the
// server, the queue, what is pushed, and what is refused. The texts and codes are the original's.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { ROOT, SANITIZED, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const CLIP = Buffer.from('not really a film, but bytes');
const ETAG = `"${createHash('md5').update(CLIP).digest('hex')}"`;
const WORKER = 'a-worker-token-of-the-test';

const PLANS = {
  events: {
    dev_login: true,
    plans: [
      { name: 'small', users: ['limited'], credits_month: 3, uploads_hour: 2, clip_s: 30, keep_days: 1 },
      { name: 'few', users: ['few'], credits_month: 3 },
    ],
  },
};
const postgres = { folder: scratch('tb-ev-pg-') };
const stores = {
  SQLite: {},
  PostgreSQL: { DATABASE_URL: `postgresql:///postgres?host=${postgres.folder}&user=testbed` },
};
const open = {};

before(async () => {
  postgres.child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), postgres.folder], { stdio: 'ignore' });
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', postgres.folder]).status === 0, 30000);
  for (const [name, env] of Object.entries(stores)) open[name] = await start({}, { env });
});
after(async () => {
  for (const server of Object.values(open)) await server.stop();
  postgres.child.kill('SIGQUIT');
});

async function start(config, options) {
  const server = await Server.start(config, options);
  await until('the events', async () => (await server.get('/events')).status !== 503);
  return server;
}

async function begin(server, device = 'dev_1', options) {
  const { status, json, text } = await server.post('/sessions/start', { device_id: device }, options);
  assert.equal(status, 200, text);
  return json;
}
const clip = (session, more = {}) => ({
  session_id: session.session_id,
  device_id: session.device_id,
  trigger_type: 'motion',
  duration_seconds: 3.5,
  clip_mime: 'video/webm',
  clip_size_bytes: CLIP.length,
  ...more,
});
const put = (server, id, body = CLIP, options = {}) =>
  server.request('PUT', `/events/${id}/upload`, {
    body,
    ...options,
    headers: { 'Content-Type': 'video/webm', 'x-ms-blob-type': 'BlockBlob', ...options.headers },
  });
async function upload(server, session, more, options) {
  const initiated = await server.post('/events/upload/initiate', clip(session, more), options);
  assert.equal(initiated.status, 200, initiated.text);
  const { event_id: id } = initiated.json.event;
  const answer = await put(server, id, CLIP, options);
  assert.equal(answer.status, 201, answer.text);
  const final = await server.post(`/events/${id}/upload/finalize`, { etag: answer.headers.etag }, options);
  assert.equal(final.status, 200, final.text);
  return final.json;
}
function sql(name, server, text) {
  const run =
    name === 'SQLite'
      ? spawnSync('python3', [
          '-c',
          'import sqlite3, sys\nsqlite3.connect(sys.argv[1], timeout=10, isolation_level=None).execute(sys.argv[2])',
          path.join(server.folder, 'server.db'),
          text,
        ])
      : spawnSync('psql', ['-qtA', stores.PostgreSQL.DATABASE_URL, '-c', text]);
  assert.equal(run.status, 0, String(run.stderr));
}
const refused = (answer, status, detail) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.detail, detail);
};

for (const name of Object.keys(stores)) {
  test(`${name}: the flow that the original published`, async () => {
    const server = open[name];
    const registered = await server.post('/devices/register', { device_id: 'dev_1', label: 'Kitchen' });
    assert.deepEqual(
      [registered.status, registered.json.device_id, registered.json.label],
      [200, 'dev_1', 'Kitchen'],
      registered.text,
    );
    assert.ok(Date.parse(registered.json.created_at) > 0);
    const again = await server.post('/devices/register', { device_id: 'dev_1', label: 'Other' });
    assert.equal(again.json.label, 'Kitchen');
    assert.match((await server.post('/devices/register', { label: null })).json.device_id, /^[0-9a-f-]{36}$/);

    const session = (
      await server.post('/sessions/start', { device_id: 'dev_1', analysis_prompts: [' a person ', '', 'a cat'] })
    ).json;
    assert.deepEqual(
      [session.status, session.stopped_at, session.analysis_prompt],
      ['active', null, 'a person\na cat'],
    );
    const elsewhere = await server.post(
      '/events',
      clip(session, { clip_uri: 'local://clip-1', clip_size_bytes: 1234 }),
    );
    assert.deepEqual([elsewhere.status, elsewhere.json.status], [200, 'processing'], elsewhere.text);

    const initiated = await server.post('/events/upload/initiate', clip(session, { event_id: `clip-${name}` }));
    assert.equal(initiated.status, 200, initiated.text);
    const { event, upload_url, blob_url, expires_at } = initiated.json;
    assert.deepEqual(
      [event.event_id, event.status, event.duration_seconds, event.clip_blob_name],
      [`clip-${name}`, 'queued', 3.5, `sessions/${session.session_id}/events/clip-${name}.webm`],
    );
    assert.equal(upload_url, `${server.url}/events/clip-${name}/upload`);
    assert.equal(blob_url, upload_url);
    assert.ok(Date.parse(expires_at) > Date.now() + 800_000);
    // again: the same event; in another session: refused
    assert.deepEqual(
      (await server.post('/events/upload/initiate', clip(session, { event_id: `clip-${name}` }))).json.event,
      event,
    );
    const other = await begin(server);
    refused(
      await server.post('/events/upload/initiate', clip(other, { event_id: `clip-${name}` })),
      409,
      'event_id already exists for a different session',
    );
    refused(
      await server.post(`/events/${event.event_id}/upload/finalize`, { etag: null }),
      409,
      'clip upload not found',
    );

    const answer = await put(server, event.event_id);
    assert.deepEqual([answer.status, answer.headers.etag], [201, ETAG], answer.text);
    refused(
      await server.post(`/events/${event.event_id}/upload/finalize`, { etag: '"0123"' }),
      409,
      'clip etag does not match what was uploaded',
    );
    const final = await server.post(`/events/${event.event_id}/upload/finalize`, { etag: ETAG });
    assert.deepEqual(
      [
        final.status,
        final.json.status,
        final.json.queue_job_id,
        final.json.enqueue_attempt_count,
        final.json.clip_etag,
      ],
      [200, 'processing', `event-${event.event_id}`, 1, ETAG],
      final.text,
    );
    assert.deepEqual((await server.post(`/events/${event.event_id}/upload/finalize`, { etag: ETAG })).json, final.json);
    refused(await server.get(`/events/${event.event_id}/summary`), 404, 'event summary not found');

    // what was uploaded is there, and any part of it
    const whole = await server.get(`/events/${event.event_id}/upload`);
    assert.deepEqual([whole.status, whole.headers.etag, whole.text], [200, ETAG, CLIP.toString()]);
    const part = await server.get(`/events/${event.event_id}/upload`, { headers: { Range: 'bytes=4-9' } });
    assert.deepEqual(
      [part.status, part.headers['content-range'], part.text],
      [206, `bytes 4-9/${CLIP.length}`, CLIP.toString().slice(4, 10)],
    );
    const beyond = await server.get(`/events/${event.event_id}/upload`, { headers: { Range: 'bytes=400-' } });
    assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, `bytes */${CLIP.length}`]);

    const told = await server.post(`/events/${event.event_id}/summary`, {
      summary: 'A person at the door',
      label: 'person',
      confidence: 0.93,
      inference_provider: null,
      should_notify: false,
      matched_rules: ['a person'],
    });
    assert.deepEqual([told.status, told.json.status], [200, 'done'], told.text);
    const summary = (await server.get(`/events/${event.event_id}/summary`)).json;
    assert.deepEqual(summary, {
      event_id: event.event_id,
      summary: 'A person at the door',
      label: 'person',
      confidence: 0.93,
      inference_provider: null,
      inference_model: null,
      should_notify: false,
      alert_reason: null,
      matched_rules: ['a person'],
      detected_entities: null,
      detected_actions: null,
    });
    const listed = await server.get(`/events?session_id=${session.session_id}`);
    assert.deepEqual(
      listed.json.map((e) => [e.event_id, e.status]),
      [
        [elsewhere.json.event_id, 'processing'],
        [event.event_id, 'done'],
      ],
    );
    const stopped = await server.post('/sessions/stop', { session_id: session.session_id });
    assert.deepEqual([stopped.status, stopped.json.status], [200, 'stopped']);
    assert.ok(stopped.json.stopped_at);
    assert.deepEqual(
      (await server.get('/sessions?device_id=dev_1')).json.map((s) => [s.session_id, s.status]),
      [
        [session.session_id, 'stopped'],
        [other.session_id, 'active'],
      ],
    );
    assert.deepEqual((await server.get('/sessions?device_id=nobody')).json, []);
  });

  test(`${name}: a plan: what is used up says until when, and nothing that was taken is lost; days that are over`, async () => {
    const again = async (config) => {
      await open[name].stop({ keepState: true });
      return (open[name] = await start(config, { env: stores[name], state: open[name].folder }));
    };
    const server = await again(PLANS);
    const login = async (user) => ({
      headers: {
        Authorization: `Bearer ${(await server.post('/auth/dev/login', { user_id: user })).json.access_token}`,
      },
    });
    const as = { limited: await login('limited'), few: await login('few') };
    const sessions = {};
    for (const user of Object.keys(as)) {
      await server.post('/devices/register', { device_id: `${user}-${name}` }, as[user]);
      sessions[user] = await begin(server, `${user}-${name}`, as[user]);
    }
    const initiate = (user, more) => server.post('/events/upload/initiate', clip(sessions[user], more), as[user]);
    const usage = async (user) => (await server.get('/usage', as[user])).json;
    const long = await initiate('limited', { duration_seconds: 31 });
    assert.deepEqual([long.status, /plan small has 30 s at most/.test(long.json.detail)], [402, true], long.text);
    assert.equal((await initiate('limited', { event_id: `p1-${name}` })).status, 200);
    assert.equal((await put(server, `p1-${name}`, CLIP, as.limited)).status, 201);
    await initiate('limited', { event_id: `p2-${name}` });
    const over = await initiate('limited');
    assert.equal(over.status, 429, over.text);
    assert.match(over.json.detail, /2 uploads an hour, and all of them were used; it begins anew at .*:00:00.000Z/);
    assert.ok(Number(over.headers['retry-after']) > 0 && Number(over.headers['retry-after']) <= 3600);
    assert.equal((await initiate('limited', { event_id: `p1-${name}` })).status, 200, 'the same again is the same');
    assert.equal((await put(server, `p2-${name}`, CLIP, as.limited)).status, 201, 'what was taken goes on');
    assert.deepEqual([(await usage('limited')).credits_used, (await usage('limited')).uploads_this_hour], [2, 2]);

    assert.equal((await initiate('few', { duration_seconds: 20 })).status, 200);
    const much = await initiate('few', { duration_seconds: 11 });
    assert.equal(much.status, 402, much.text);
    assert.match(much.json.detail, /3 credits a month \(of 10 s each\): 2 were used, and this clip takes 2; it begins/);
    assert.ok(Number(much.headers['retry-after']) <= 31 * 86400);
    const { json: taken } = await initiate('few', { duration_seconds: 0 });
    assert.equal((await server.request('DELETE', `/events/${taken.event.event_id}`, as.few)).status, 204);
    assert.equal((await initiate('few')).status, 402, 'what was deleted was looked at all the same');
    const { month_ends_at, ...rest } = await usage('few');
    assert.ok(Date.parse(month_ends_at) > Date.now());
    assert.deepEqual(
      [rest.plan, rest.credits_used, rest.seconds_analysed, rest.credits_month, rest.uploads_hour],
      ['few', 3, 30, 3, null],
    );

    // two days later, and with clips that no event refers to
    const clips = path.join(server.folder, 'clips/sessions');
    const orphan = (leaf, days) => {
      mkdirSync(path.join(clips, 'x/events'), { recursive: true });
      writeFileSync(path.join(clips, 'x/events', leaf), 'clip');
      const then = Date.now() / 1000 - days * 86400;
      utimesSync(path.join(clips, 'x/events', leaf), then, then);
    };
    sql(name, server, `UPDATE events SET created = created - 172800000 WHERE device_id = 'limited-${name}'`);
    sql(name, server, 'UPDATE migrations SET applied = applied - 432000000');
    orphan('gone.webm', 2);
    orphan('fresh.webm', 0);
    orphan('older-than-the-store.webm', 9);
    for (let i = 0; i < 501; i++) orphan(`n${i}.webm`, 3); // CLIPS_SWEPT, and one more
    const kept = path.join(clips, sessions.limited.session_id, `events/p1-${name}.webm`);
    assert.ok(existsSync(kept));
    const later = await again(PLANS);
    await until('its end', async () => (await later.get(`/events/p1-${name}`)).status === 404);
    await until('its clip', () => !existsSync(kept));
    await until('the rest', () => readdirSync(path.join(clips, 'x/events')).length === 2);
    assert.deepEqual(readdirSync(path.join(clips, 'x/events')).sort(), ['fresh.webm', 'older-than-the-store.webm']);
    assert.equal((await later.get('/events?device_id=dev_1')).json.length > 0, true, 'no plan: they are kept');
    sql(name, server, 'DELETE FROM ev_logins');
    await again({});
  });

  test(`${name}: a failure, attempts, pages and filters, removal`, async () => {
    const server = open[name];
    const session = await begin(server, 'dev_pages');
    const ids = [];
    for (let i = 0; i < 5; i++) {
      const { json } = await server.post('/events', clip(session, { clip_uri: `local://${i}`, trigger_type: `t${i}` }));
      ids.push(json.event_id);
    }
    const failed = await server.post(`/events/${ids[0]}/failure`, {
      error_message: 'Download failed',
      error_type: 'RuntimeError',
    });
    assert.deepEqual(
      ['status', 'summary', 'label', 'confidence', 'should_notify', 'alert_reason', 'matched_rules'].map(
        (k) => failed.json[k],
      ),
      ['failed', 'Processing failed', 'error', 0, false, 'Download failed', ['error_type:RuntimeError']],
      failed.text,
    );
    const late = await server.post(`/events/${ids[0]}/summary`, { summary: 'Recovered' });
    assert.deepEqual([late.status, late.json.status, late.json.summary], [200, 'failed', 'Processing failed']);
    await server.post(`/events/${ids[1]}/summary`, { summary: '100% a_cat', label: 'animal', should_notify: true });
    const after_done = await server.post(`/events/${ids[1]}/failure`, { error_message: 'too late' });
    assert.deepEqual([after_done.status, after_done.json.status], [200, 'done']);

    const about = async (query) =>
      (await server.get(`/events?device_id=dev_pages&${query}`)).json.map((e) => ids.indexOf(e.event_id));
    assert.deepEqual(await about('label=animal'), [1]);
    assert.deepEqual(await about('text=A_CAT'), [1]);
    assert.deepEqual(await about('text=100%25'), [1]);
    assert.deepEqual(await about('text=aXcat'), []);
    assert.deepEqual(await about('should_notify=true'), [1]);
    assert.deepEqual(await about('should_notify=false'), [0]);
    assert.deepEqual(await about('status=processing'), [2, 3, 4]);
    assert.deepEqual(await about('from=2100-01-01T00:00:00Z'), []);
    assert.deepEqual(await about('to=2100-01-01T00:00:00Z'), [0, 1, 2, 3, 4]);
    const first = await server.get('/events?device_id=dev_pages&limit=2');
    assert.deepEqual(
      first.json.map((e) => ids.indexOf(e.event_id)),
      [3, 4],
    );
    const next = await server.get(`/events?device_id=dev_pages&limit=3&before=${first.headers['x-next-cursor']}`);
    assert.deepEqual(
      next.json.map((e) => ids.indexOf(e.event_id)),
      [0, 1, 2],
    );
    assert.equal((await server.get('/events?from=yesterday')).status, 400);

    const attempt = {
      provider: 'webhook',
      recipient: 'ops',
      status: 'failed',
      failure_reason: '503',
      retryable: true,
      attempt_number: 1,
      max_attempts: 3,
      attempted_at: '2026-02-16T20:00:00+00:00',
      finished_at: '2026-02-16T20:00:01Z',
    };
    const noted = await server.post(`/events/${ids[1]}/notification-attempts`, attempt);
    assert.deepEqual(
      [noted.status, noted.json.status, noted.json.attempted_at, noted.json.next_retry_at],
      [200, 'failed', '2026-02-16T20:00:00.000Z', null],
      noted.text,
    );
    assert.deepEqual((await server.get(`/events/${ids[1]}/notification-attempts`)).json, [noted.json]);
    assert.deepEqual((await server.get(`/events/${ids[2]}/notification-attempts`)).json, []);
    refused(await server.get('/events/none/notification-attempts'), 404, 'event not found');

    assert.equal((await server.request('DELETE', `/events/${ids[4]}`)).status, 204);
    refused(await server.get(`/events/${ids[4]}`), 404, 'event not found');
  });

  test(`${name}: unknown sessions, clips that are not as promised, paths that lead out`, async () => {
    const server = open[name];
    const session = await begin(server, 'dev_bad');
    refused(
      await server.post('/events/upload/initiate', clip({ session_id: 'x', device_id: 'y' })),
      404,
      'session not found',
    );
    refused(
      await server.post('/events/upload/initiate', clip({ ...session, device_id: 'another' })),
      404,
      'session not found',
    );
    refused(await server.get('/events?session_id=none'), 404, 'session not found');
    refused(await server.post('/sessions/stop', { session_id: 'none' }), 404, 'session not found');
    refused(await put(server, 'none'), 404, 'event not found');
    refused(await server.post('/events/none/upload/finalize', {}), 404, 'event not found');
    refused(await server.post('/events/none/summary', { summary: 'x' }), 404, 'event not found');
    assert.equal((await server.post('/events/upload/initiate', clip(session, { clip_size_bytes: 0 }))).status, 400);

    const out = await server.post('/events/upload/initiate', clip(session, { event_id: `../../../../${name}` }));
    assert.equal(out.status, 200);
    refused(
      await server.request('PUT', new URL(out.json.upload_url).pathname, { body: CLIP }),
      400,
      'invalid upload path',
    );
    for (const [body, status] of [
      [CLIP.subarray(1), 400],
      [Buffer.concat([CLIP, CLIP]), 413],
    ]) {
      const { json } = await server.post('/events/upload/initiate', clip(session));
      const answer = await put(server, json.event.event_id, body);
      assert.equal(answer.status, status, answer.text);
      assert.match(answer.json.detail, /were promised/);
      refused(await server.post(`/events/${json.event.event_id}/upload/finalize`, {}), 409, 'clip upload not found');
      assert.equal((await put(server, json.event.event_id)).status, 201, 'as promised, it is taken');
    }
    const done = await upload(server, session);
    assert.equal((await put(server, done.event_id)).status, 409, 'one that was finished is not replaced');
  });

  test(`${name}: jobs: claimed, renewed, done; a session that is force-stopped drops its own`, async () => {
    const server = open[name];
    const claim = (json = {}) => server.post('/jobs/claim', { worker: 'w', ...json });
    for (;;) {
      const { status, json } = await claim();
      if (status === 204) break;
      await server.post(`/events/${json.payload.event_id}/summary`, { summary: 'of another test' });
    }
    const waiting = claim({ wait_s: 20 });
    const session = await begin(server, 'dev_jobs');
    const event = await upload(server, session);
    const { status, json: job } = await waiting;
    assert.equal(status, 200);
    assert.deepEqual([job.job_id, job.attempt], [`event-${event.event_id}`, 1]);
    assert.deepEqual(job.payload, {
      event_id: event.event_id,
      session_id: session.session_id,
      device_id: 'dev_jobs',
      clip_blob_name: event.clip_blob_name,
      clip_container: 'local',
      clip_mime: 'video/webm',
      analysis_prompt: null,
    });
    assert.deepEqual([job.clip_size_bytes, job.clip_etag], [CLIP.length, ETAG]);
    assert.equal((await claim()).status, 204, 'it is leased');
    const progress = (lease) => server.post(`/jobs/${job.job_id}/progress`, { lease, fraction: 0.5 });
    assert.equal((await progress(job.lease)).status, 200);
    assert.equal((await progress('another')).status, 409);

    const second = await upload(server, session);
    const dropped = await server.post('/sessions/force-stop', { session_id: session.session_id });
    assert.deepEqual(
      ['status', 'dropped_processing_events', 'dropped_queued_jobs'].map((k) => dropped.json[k]),
      ['stopped', 2, 1],
      dropped.text,
    );
    assert.equal((await progress(job.lease)).status, 409, 'whoever was at it is told');
    const late = await server.post(`/events/${event.event_id}/summary`, { summary: 'too late' });
    assert.deepEqual([late.json.status, late.json.summary], ['canceled', null]);
    assert.equal((await claim()).status, 204);
    assert.equal((await server.get(`/events/${second.event_id}`)).json.status, 'canceled');
  });
}

test('what happens is pushed, as Server-Sent Events', async () => {
  const server = open.SQLite;
  const controller = new AbortController();
  const answer = await fetch(`${server.url}/events/stream`, { signal: controller.signal });
  assert.equal(answer.headers.get('content-type').split(';')[0], 'text/event-stream');
  let text = '';
  const reading = (async () => {
    for await (const bytes of answer.body) text += Buffer.from(bytes).toString();
  })().catch(() => {});
  const event = await upload(server, await begin(server, 'dev_live'));
  await server.post(`/events/${event.event_id}/summary`, { summary: 'seen' });
  const states = () =>
    [...text.matchAll(/^data: (.*)$/gm)]
      .map((m) => JSON.parse(m[1]))
      .filter((m) => m.event?.event_id === event.event_id)
      .map((m) => m.event.status);
  await until('all of it', () => states().at(-1) === 'done');
  assert.deepEqual(states(), ['queued', 'queued', 'processing', 'done']);
  controller.abort();
  await reading;
});

test('tokens: dev logins see their own, workers have theirs, and who comes too often waits', async (t) => {
  const state = scratch('tb-ev-');
  const env = { AUTH_REQUIRED: 'true', AUTH_DEV_LOGIN_ENABLED: 'true', WORKER_API_TOKEN: WORKER };
  let server = await start({}, { env, state });
  t.after(() => server.program.how || server.stop());
  const login = async (email) => {
    const { status, json, text } = await server.post('/auth/dev/login', { email });
    assert.equal(status, 200, text);
    assert.equal(json.token_type, 'bearer');
    return { headers: { Authorization: `Bearer ${json.access_token}` }, user: json.user_id };
  };
  const owner = await login(' Owner@Example.com ');
  const other = await login('other@example.com');
  assert.equal((await login('owner@example.com')).user, owner.user);
  for (const target of ['/sessions', '/events', '/events/stream', '/events/x/summary', '/events/x/upload'])
    refused(await server.get(target), 401, 'missing bearer token');
  refused(await server.post('/sessions/start', { device_id: 'd' }), 401, 'missing bearer token');
  refused(await server.get('/events', { headers: { Authorization: 'Bearer nonsense' } }), 401, 'invalid auth token');
  const register = (who) => server.post('/devices/register', { device_id: 'device-1' }, who);
  assert.equal((await register(owner)).json.user_id, owner.user);
  refused(await register(other), 404, 'device not found');
  refused(await server.post('/sessions/start', { device_id: 'device-1' }, other), 404, 'device not found');
  const session = await begin(server, 'device-1', owner);
  const event = await upload(server, session, {}, owner);
  refused(await server.post('/sessions/stop', { session_id: session.session_id }, other), 404, 'session not found');
  refused(await server.post('/events/upload/initiate', clip(session), other), 404, 'session not found');
  refused(await server.get(`/events?session_id=${session.session_id}`, other), 404, 'session not found');
  assert.deepEqual((await server.get('/events', other)).json, []);
  refused(await server.get(`/events/${event.event_id}/upload`, other), 404, 'event not found');
  assert.equal((await server.get(`/events/${event.event_id}/upload`, owner)).status, 200);

  const worker = { headers: { Authorization: `Bearer ${WORKER}` } };
  for (const who of [undefined, owner])
    refused(await server.post(`/events/${event.event_id}/summary`, { summary: 'x' }, who), 401, 'invalid worker token');
  assert.equal((await server.post('/jobs/claim', { worker: 'w' }, owner)).status, 401);
  assert.equal((await server.post('/jobs/claim', { worker: 'w' }, worker)).json.payload.event_id, event.event_id);
  assert.equal((await server.get(`/events/${event.event_id}/upload`, worker)).status, 200);
  refused(await server.get('/events', worker), 401, 'invalid auth token');
  assert.equal((await server.post(`/events/${event.event_id}/summary`, { summary: 'x' }, worker)).json.status, 'done');

  // it holds over a restart; what is in the store is no token
  await server.program.kill();
  const bytes = ['server.db', 'server.db-wal']
    .map((f) => path.join(state, f))
    .filter(existsSync)
    .map((f) => readFileSync(f));
  assert.ok(!Buffer.concat(bytes).includes(owner.headers.Authorization.slice(7)));
  server = await start({}, { env, state });
  assert.equal((await server.get('/events', owner)).json[0].status, 'done');

  let answer;
  for (let i = 0; i < 11; i++) answer = await server.post('/auth/dev/login', { email: 'a@b' });
  refused(answer, 429, 'rate limit exceeded');
  assert.ok(Number(answer.headers['retry-after']) >= 1);
});

test('dev logins are off unless they are switched on; pages of neighbours may call, others not; the log names what is named', async () => {
  const server = open.SQLite;
  refused(await server.post('/auth/dev/login', { email: 'a@b' }), 404, 'not found');
  const from = (Origin, more = {}) => ({ headers: { Origin, ...more } });
  const neighbour = await server.post(
    '/sessions/start',
    { device_id: 'd' },
    from('http://192.168.1.7:5173', { 'X-Device-Id': 'named 1', 'X-Event-Id': 'e-7' }),
  );
  assert.deepEqual(
    [
      neighbour.status,
      neighbour.headers['access-control-allow-origin'],
      neighbour.headers['access-control-allow-credentials'],
    ],
    [200, 'http://192.168.1.7:5173', undefined],
    neighbour.text,
  );
  assert.match(neighbour.headers['access-control-expose-headers'], /etag/);
  await server.program.line(/POST \/sessions\/start 200 .*device="named 1".* event=e-7/);
  for (const origin of ['https://evil.example', 'http://192.168.1.7.evil.example', 'https://x.ngrok.io', 'null'])
    assert.equal((await server.post('/sessions/start', { device_id: 'd' }, from(origin))).status, 403, origin);
  const preflight = await server.request('OPTIONS', '/events/x/upload', from('http://localhost:5173'));
  assert.equal(preflight.headers['access-control-allow-origin'], 'http://localhost:5173');
  assert.match(preflight.headers['access-control-allow-methods'], /PUT/);
  assert.match(preflight.headers['access-control-allow-headers'], /x-ms-blob-type/);
  // of everything else of the server the rule is what it was
  assert.equal((await server.post('/api/session', {}, from('http://192.168.1.7:5173'))).status, 403);
  assert.equal(
    (await server.request('OPTIONS', '/api/session', from('http://localhost:5173'))).headers[
      'access-control-allow-origin'
    ],
    undefined,
  );
});

test('100 clips of one megabyte through the server take no memory', async () => {
  const server = open.SQLite;
  const session = await begin(server, 'dev_much');
  const body = Buffer.alloc(1 << 20, 'x');
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.program.child.pid}/status`, 'utf8'))[1]);
  const one = async () => {
    const { json } = await server.post('/events/upload/initiate', clip(session, { clip_size_bytes: body.length }));
    assert.equal((await put(server, json.event.event_id, body)).status, 201);
    return json.event.event_id;
  };
  for (let i = 0; i < 10; i++) await one();
  const start_kb = rss();
  let id;
  for (let i = 0; i < 90; i++) id = await one();
  const grown = rss() - start_kb;
  assert.ok(grown < (SANITIZED ? 300 : 8) * 1024, `grew by ${grown} KB`); // sanitizers keep freed memory
  const whole = await server.get(`/events/${id}/upload`);
  assert.equal(whole.text.length, body.length);
});

test('EVENT_ID, EVENT_TEXT, EVENTS_PAGE, CLIP_BYTES: at the limit and one beyond', async () => {
  const server = open.SQLite;
  const session = await begin(server, 'dev_limits');
  const initiate = (more) => server.post('/events/upload/initiate', clip(session, more));
  const long = 'e'.repeat(190);
  assert.equal((await initiate({ event_id: `${long}x` })).status, 400);
  assert.equal((await initiate({ event_id: long })).status, 200);
  assert.equal((await put(server, long)).status, 201);
  assert.equal((await initiate({ clip_size_bytes: (256 << 20) + 1 })).status, 400);
  assert.equal((await initiate({ clip_size_bytes: 256 << 20 })).status, 200);
  for (const [n, status] of [
    [4097, 400],
    [4096, 200],
  ])
    assert.equal((await server.post(`/events/${long}/summary`, { summary: 's'.repeat(n) })).status, status);
  assert.equal((await server.get('/events?limit=1001')).status, 400);
  assert.equal((await server.get('/events?limit=1000')).status, 200);
});

/** Requests that are sent and not answered yet, as far as `sent` says. */
function hang(server, n, sent) {
  const { hostname, port } = new URL(server.url);
  return Array.from({ length: n }, (_, i) => {
    const socket = net.connect(port, hostname, () => socket.write(sent(i)));
    socket.on('error', () => {});
    return socket;
  });
}
const value = async (server, name) =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await server.get('/metrics')).text)[1]);

test('CLIPS_MOVING, JOB_WAITERS, JOB_WAIT_S: at the limit and one beyond, and who leaves makes room', async () => {
  const server = open.SQLite;
  const session = await begin(server, 'dev_many');
  const event = async () => (await server.post('/events/upload/initiate', clip(session))).json.event.event_id;
  const ids = await Promise.all(Array.from({ length: 65 }, event));
  const kept = await value(server, 'testbed_clip_bytes');
  const puts = hang(
    server,
    64,
    (i) => `PUT /events/${ids[i]}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${CLIP.length}\r\n\r\nhalf`,
  );
  await until('all of them', async () => (await value(server, 'testbed_clip_bytes')) === kept + 64 * CLIP.length);
  const busy = await put(server, ids[64]);
  assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '2'], busy.text);
  puts.forEach((s) => s.destroy());
  await until('room', async () => (await put(server, ids[64])).status === 201);
  await until('nothing of them', async () => (await value(server, 'testbed_clip_bytes')) === kept + CLIP.length);

  assert.equal((await server.post('/jobs/claim', { worker: 'w', wait_s: 31 })).status, 400);
  for (let status = 200; status !== 204; ) {
    const { json, ...answer } = await server.post('/jobs/claim', { worker: 'w' });
    status = answer.status;
    if (json) await server.post(`/events/${json.payload.event_id}/failure`, { error_message: 'not of this test' });
  }
  const body = JSON.stringify({ worker: 'w', wait_s: 30 });
  const claims = hang(
    server,
    64,
    () =>
      `POST /jobs/claim HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await until('all of them', async () => (await value(server, 'testbed_event_workers_waiting')) === 64);
  assert.equal((await server.post('/jobs/claim', { worker: 'w', wait_s: 30 })).status, 204);
  claims.forEach((s) => s.destroy());
  await until('nobody', async () => (await value(server, 'testbed_event_workers_waiting')) === 0);
});

test('JOB_ATTEMPTS, JOB_LEASE_S, EVENT_LOGINS: workers that die, and a job that is dead after three; too many logins', async () => {
  const env = stores.PostgreSQL;
  let server = open.PostgreSQL;
  const psql = (text) => {
    const run = spawnSync('psql', ['-qtA', env.DATABASE_URL, '-c', text], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    return run.stdout.trim();
  };
  psql('DELETE FROM ev_jobs');
  const event = await upload(server, await begin(server, 'dev_dead'));
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { status, json } = await server.post('/jobs/claim', { worker: 'w', wait_s: 20 });
    assert.deepEqual([status, json.attempt, json.lease_s], [200, attempt, 60]);
    assert.match(psql('SELECT ready - extract(epoch FROM now()) * 1000 FROM ev_jobs'), /^(59|60)\d\d\d/);
    psql('UPDATE ev_jobs SET ready = 1');
  }
  const dead = await until('its end', async () => {
    const { json } = await server.get(`/events/${event.event_id}`);
    return json.status === 'failed' && json;
  });
  assert.deepEqual(
    [dead.alert_reason, dead.matched_rules],
    ['no worker finished it in 3 tries', ['error_type:dead_letter']],
  );
  assert.equal(psql('SELECT state FROM ev_jobs'), 'dead');

  await server.stop({ keepState: true });
  psql(
    `INSERT INTO ev_logins SELECT decode(md5(n::text) || md5('x' || n), 'hex'), 'u', n, 9000000000000 FROM generate_series(1, 9999) n`,
  );
  server = open.PostgreSQL = await start({ events: { dev_login: true } }, { env, state: server.folder });
  assert.equal((await server.post('/auth/dev/login', { email: 'a' })).status, 200);
  const full = await server.post('/auth/dev/login', { email: 'a' });
  assert.deepEqual([full.status, full.headers['retry-after']], [429, '60']);
});

test("the webhook: told once of what should be told, by the original's keys and secret; tries are noted", async (t) => {
  const got = [];
  const hook = http.createServer((req, res) => {
    let text = '';
    req.on('data', (c) => (text += c));
    req.on('end', () => {
      got.push({ headers: req.headers, text });
      res.writeHead(got.length === 1 ? 503 : 200).end();
    });
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  t.after(() => hook.close());
  const env = { NOTIFY_WEBHOOK_URL: `http://127.0.0.1:${hook.address().port}/hook`, NOTIFY_WEBHOOK_SECRET: 's3cret' };
  const server = await start({}, { env });
  t.after(() => server.stop());
  const session = await begin(server);
  const quiet = await upload(server, session);
  await server.post(`/events/${quiet.event_id}/summary`, { summary: 'nothing', should_notify: false });
  const event = await upload(server, session);
  const summary = { summary: 'a person', label: 'person', should_notify: true, alert_reason: 'at the door' };
  for (let i = 0; i < 2; i++) await server.post(`/events/${event.event_id}/summary`, summary);
  const attempts = await until('both tries', async () => {
    const { json } = await server.get(`/events/${event.event_id}/notification-attempts`);
    return json.length === 2 && json;
  });
  assert.deepEqual(
    attempts.map((a) => [a.provider, a.status, a.failure_reason, a.retryable, a.attempt_number, a.max_attempts]),
    [
      ['webhook', 'failed', 'it answered 503', true, 1, 3],
      ['webhook', 'succeeded', null, false, 2, 3],
    ],
  );
  assert.equal(got.length, 2, 'told once, although it was summed up twice');
  const { headers, text } = got[1];
  assert.deepEqual(
    [headers['x-ping-watch-webhook-secret'], headers['x-testbed-signature']],
    ['s3cret', `sha256=${createHmac('sha256', 's3cret').update(text).digest('hex')}`],
  );
  const body = JSON.parse(text);
  assert.deepEqual(
    [body.event_id, body.session_id, body.label, body.alert_reason, body.clip_mime, body.confidence],
    [event.event_id, session.session_id, 'person', 'at the door', 'video/webm', null],
  );
});
