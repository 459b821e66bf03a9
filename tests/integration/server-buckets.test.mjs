// Clips in buckets: S3 (s3rver) and Azure Blob storage (Azurite), both of npm. Clients upload there themselves; what
// they promised is looked at there; a bucket that is away makes events wait.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';

import { Bucket } from './buckets.mjs';
import { BUILD, Program, request, scratch, until, within } from './harness.mjs';
import { Server } from './server-harness.mjs';

const CLIP = Buffer.from('not really a film, but bytes of one');
const WORKER = 'a-worker-token-of-the-test';
const asWorker = { headers: { Authorization: `Bearer ${WORKER}` } };
const open = {};

before(async () => {
  for (const kind of ['S3', 'Azure']) {
    const bucket = await Bucket.start(kind);
    open[kind] = { bucket, server: await start(bucket, { state: scratch('tb-buckets-') }) };
  }
});
after(async () => {
  for (const { bucket, server } of Object.values(open)) {
    await server.stop();
    await bucket.stop();
  }
});

async function start(bucket, more = {}) {
  const server = await Server.start({}, { env: { ...bucket.env, WORKER_API_TOKEN: WORKER }, ...more });
  await until('the events', async () => (await server.get('/events')).status !== 503);
  return server;
}
const counted = async (server) =>
  Number(/^testbed_clip_bytes (\S+)/m.exec((await server.get('/metrics')).text ?? '')?.[1]);

async function initiate(server, bytes, more = {}) {
  const session = (await server.post('/sessions/start', { device_id: 'sill' })).json;
  const answer = await server.post('/events/upload/initiate', {
    session_id: session.session_id,
    device_id: 'sill',
    trigger_type: 'motion',
    duration_seconds: 3,
    clip_mime: 'video/webm',
    clip_size_bytes: bytes,
    ...more,
  });
  assert.equal(answer.status, 200, answer.text);
  return { ...answer.json, id: answer.json.event.event_id };
}
const put = ({ upload_url: url, upload_headers: headers }, body) => {
  const { origin, pathname, search } = new URL(url);
  return request(origin, 'PUT', pathname + search, { body, headers });
};
const finalize = (server, id, etag) => server.post(`/events/${id}/upload/finalize`, etag ? { etag } : {});
const read = (server, id, headers = {}, query = '') => server.get(`/events/${id}/upload${query}`, { headers });

async function whole(server, body = CLIP) {
  const made = await initiate(server, body.length);
  const stored = await put(made, body);
  assert.ok([200, 201].includes(stored.status), stored.text);
  const final = await finalize(server, made.id, stored.headers.etag);
  assert.equal(final.status, 200, final.text);
  return { ...made, event: final.json };
}

for (const kind of ['S3', 'Azure']) {
  test(`${kind}: a client uploads to the bucket itself, and the clip is played from there`, async () => {
    const { server, bucket } = open[kind];
    const made = await initiate(server, CLIP.length);
    assert.ok(made.upload_url.startsWith(bucket.url), made.upload_url);
    assert.doesNotMatch(made.blob_url, /sig|Signature/i);
    const early = await finalize(server, made.id);
    assert.deepEqual([early.status, early.json.detail], [409, 'clip upload not found']);
    const stored = await put(made, CLIP);
    assert.ok([200, 201].includes(stored.status), stored.text);
    const wrong = await finalize(server, made.id, '"another"');
    assert.deepEqual([wrong.status, wrong.json.detail], [409, 'clip etag does not match what was uploaded']);
    const final = await finalize(server, made.id, stored.headers.etag);
    assert.deepEqual(
      [final.status, final.json.status, final.json.clip_container, final.json.clip_uri],
      [200, 'processing', 'clips', made.blob_url],
      final.text,
    );
    const all = await read(server, made.id);
    assert.deepEqual([all.status, all.headers['content-type'], all.body], [200, 'video/webm', CLIP]);
    const part = await read(server, made.id, { Range: 'bytes=4-9' });
    assert.deepEqual([part.status, part.text], [206, CLIP.subarray(4, 10).toString()]);
    const there = await read(server, made.id, {}, '?direct=true');
    assert.equal(there.status, 307);
    const { origin, pathname, search } = new URL(there.headers.location);
    assert.deepEqual((await request(origin, 'GET', pathname + search)).body, CLIP);
    /* that address reads, and no more */
    assert.equal(
      (await request(origin, 'PUT', pathname + search, { body: 'x', headers: made.upload_headers })).status,
      403,
    );
    /* finished: another clip is another event */
    const again = await server.post('/events/upload/initiate', {
      session_id: final.json.session_id,
      device_id: 'sill',
      trigger_type: 'motion',
      duration_seconds: 3,
      clip_mime: 'video/webm',
      clip_size_bytes: 1,
      event_id: made.id,
    });
    assert.ok(again.json.upload_url.startsWith(server.url), again.json.upload_url);
  });

  test(`${kind}: a size that was promised and not kept, and a clip that is replaced, are not taken`, async () => {
    const { server } = open[kind];
    const made = await initiate(server, 10);
    const longer = await put(made, CLIP);
    if (kind === 'S3') {
      assert.equal(longer.status, 403, 'the length is signed');
    } else {
      const refused = await finalize(server, made.id);
      assert.equal(refused.status, 413, refused.text);
      assert.match(refused.json.detail, /35 bytes, and 10 were promised/);
      await until('its removal', async () => (await finalize(server, made.id)).status === 409);
    }
    const other = await whole(server);
    await put(other, Buffer.alloc(CLIP.length, 'x'));
    const answer = await read(server, other.id);
    assert.equal(answer.status, 404, answer.text);
    assert.match(answer.json.detail, /not the one that was finalized/);
  });

  test(`${kind}: through the server, in constant memory and as promised`, async () => {
    const { server } = open[kind];
    const through = async (promised, body) => {
      const { id } = await initiate(server, promised);
      const stream = Readable.from([body.subarray(0, 7), body.subarray(7)]);
      return { id, answer: await server.request('PUT', `/events/${id}/upload`, { body: stream }) };
    };
    const good = await through(CLIP.length, CLIP);
    assert.equal(good.answer.status, 201, good.answer.text);
    assert.equal((await finalize(server, good.id, good.answer.headers.etag)).status, 200);
    assert.deepEqual((await read(server, good.id)).body, CLIP);
    for (const [promised, status] of [
      [CLIP.length - 1, 413],
      [CLIP.length + 1, 400],
    ]) {
      const bad = await through(promised, CLIP);
      assert.equal(bad.answer.status, status, bad.answer.text);
      /* s3rver keeps what was cut off: it is found, and removed */
      await until('nothing to be there', async () => (await finalize(server, bad.id)).status === 409);
    }
    const large = Buffer.alloc(65 * 1048576, 'a large one');
    const big = await through(large.length, large);
    assert.equal(big.answer.status, 201, big.answer.text);
    assert.equal((await finalize(server, big.id)).status, 200);
    const hash = (b) => createHash('sha256').update(b).digest('hex');
    assert.equal(hash((await read(server, big.id)).body), hash(large));
    const used = await counted(server);
    assert.equal((await server.request('DELETE', `/events/${big.id}`)).status, 204);
    await until('its bytes to be gone', async () => (await counted(server)) === used - large.length);
  });

  test(`${kind}: a bucket that is away: events wait, nothing is lost`, async () => {
    const { server, bucket } = open[kind];
    const before_ = await whole(server);
    const made = await initiate(server, CLIP.length);
    const stored = await put(made, CLIP);
    const late = await initiate(server, CLIP.length);
    const claim = async () => (await server.post('/jobs/claim', { worker: 'w' }, asWorker)).json;
    /* those of the tests before */
    for (let job; (job = await claim()); )
      if (job.payload.event_id !== before_.id)
        await server.post(`/events/${job.payload.event_id}/summary`, { summary: 's', label: 'clear' }, asWorker);
      else
        assert.equal(
          (await server.post(`/jobs/${job.job_id}/progress`, { lease: job.lease, later_s: 1 }, asWorker)).status,
          200,
        );
    await bucket.stop();
    const away = await finalize(server, made.id, stored.headers.etag);
    assert.deepEqual([away.status, away.headers['retry-after']], [503, '5'], away.text);
    assert.match(away.json.detail, /the (bucket|container) clips cannot be reached/);
    assert.equal((await read(server, before_.id)).status, 503);
    assert.equal((await server.request('PUT', `/events/${late.id}/upload`, { body: CLIP })).status, 503);
    assert.equal((await initiate(server, 5)).event.status, 'queued');
    await until('the job again', async () => {
      const worker = new Program([path.join(BUILD, 'testbed-worker'), '--server', server.url, '--once'], {
        env: { WORKER_API_TOKEN: WORKER },
      });
      await within('its end', worker.exited);
      return /cannot be reached/.test(worker.text);
    });
    assert.equal((await server.get(`/events/${before_.id}`)).json.status, 'processing');
    await bucket.again();
    assert.equal((await finalize(server, made.id, stored.headers.etag)).status, 200);
    assert.deepEqual((await read(server, made.id)).body, CLIP);
    assert.equal((await server.request('PUT', `/events/${late.id}/upload`, { body: CLIP })).status, 201);
    /* a server that starts anew counts what is there */
    const used = await counted(server);
    await server.stop({ keepState: true });
    open[kind].server = await start(bucket, { state: server.folder });
    await until('the same again', async () => (await counted(open[kind].server)) === used);
  });
}

test('CLIPS_REMOVING: clips that no event refers to go from a bucket, few at once, and count when they are gone', async () => {
  const { bucket } = open.S3;
  const server = await start(bucket, { state: scratch('tb-swept-') });
  const { event } = await whole(server);
  await server.stop({ keepState: true });
  const at = (name) => path.join(bucket.folder, 'clips', `${name}._S3rver_object`);
  const old = (name, days) => {
    const then = Date.now() / 1000 - days * 86400;
    utimesSync(at(name), then, then);
  };
  const orphans = Array.from({ length: 12 }, (_, i) => `sessions/x/events/n${i}.webm`);
  mkdirSync(path.dirname(at(orphans[0])), { recursive: true });
  for (const name of [...orphans, 'sessions/x/events/fresh.webm']) writeFileSync(at(name), 'clip');
  for (const name of [...orphans, event.clip_blob_name]) old(name, 2);
  const born = spawnSync('python3', [
    '-c',
    'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()',
    path.join(server.folder, 'server.db'),
    'UPDATE migrations SET applied = applied - 432000000',
  ]);
  assert.equal(born.status, 0, String(born.stderr));
  Object.assign(bucket.removals, { most: 0, refused: /n7\.webm$/ });
  const later = await start(bucket, { state: server.folder });
  await later.program.line(/11 clips that no event refers to were removed/);
  assert.match(later.program.text, /a clip that no event refers to stays for now/);
  assert.deepEqual(
    orphans.filter((name) => existsSync(at(name))),
    ['sessions/x/events/n7.webm'],
  );
  assert.ok(existsSync(at('sessions/x/events/fresh.webm')) && existsSync(at(event.clip_blob_name)));
  assert.match((await later.get('/metrics')).text, /^testbed_clips_orphaned_total 11$/m);
  assert.ok(bucket.removals.most > 1 && bucket.removals.most <= 4, `${bucket.removals.most} at once`);
  bucket.removals.refused = undefined;
  await later.stop();
});

test('--check says what is missing, and no key is in what is said', async () => {
  const check = (env) =>
    spawnSync(path.join(BUILD, 'testbed-server'), ['--check', '--state-dir', open.S3.bucket.folder], {
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
    });
  const { S3, Azure } = open;
  assert.equal(check(S3.bucket.env).status, 0);
  assert.equal(check(Azure.bucket.env).status, 0);
  const bad = [
    [{ ...S3.bucket.env, AWS_SECRET_ACCESS_KEY: '' }, /its keys are needed: AWS_ACCESS_KEY_ID/],
    [{ ...S3.bucket.env, S3_BUCKET: 'No_Name' }, /S3_BUCKET\): 3 to 63 small letters/],
    [{ ...S3.bucket.env, AWS_ENDPOINT_URL_S3: 'ftp://a' }, /blob.s3.url: an http:/],
    [{ ...Azure.bucket.env, AZURITE_ACCOUNT_KEY: 'not-base64-SECRET' }, /AZURITE_ACCOUNT_KEY, or key_file/],
  ];
  for (const [env, words] of bad) {
    const run = check(env);
    assert.notEqual(run.status, 0);
    assert.match(run.stderr + run.stdout, words);
    assert.doesNotMatch(run.stderr + run.stdout, /SECRET"|not-base64|S3RVER/);
  }
});

test('BUCKET_ANSWER: who answers without end is not listened to', async () => {
  const much = http.createServer((req, res) => res.end(Buffer.alloc(8 * 1048576 + 1, ' '))).listen(0, '127.0.0.1');
  await until('its port', () => much.address());
  const server = await Server.start(
    {},
    { env: { ...open.S3.bucket.env, AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${much.address().port}` } },
  );
  await server.program.line(/what clips take is not known: its answer has more than 8388608 bytes/);
  await server.stop();
  much.close();
});
