// Recordings of calls by REST, on SQLite and on PostgreSQL, in a folder and in a bucket: consent, chunks that come
// again, what was changed where it lies, keys that are rotated, what is deleted.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Bucket } from './buckets.mjs';
import { CallLine } from './call-line.mjs';
import { BUILD, ROOT, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const KEY = randomBytes(32).toString('base64');
const postgres = { folder: scratch('tb-recordings-pg-') };
const places = {
  'SQLite, a folder': {},
  'PostgreSQL, a folder': { DATABASE_URL: `postgresql:///postgres?host=${postgres.folder}&user=testbed` },
  'SQLite, a bucket': {},
};
const tokens = [
  ['anna', 'viewer'],
  ['bert', 'viewer'],
  ['carl', 'operator'],
  ['root', 'admin'],
].map(([name, role]) => ({ name, role, token: `a-token-of-${name}-of-the-test` }));
const tokenOf = Object.fromEntries(tokens.map(({ name, token }) => [name, token]));
const by = Object.fromEntries(
  tokens.map(({ name, token }) => [name, { headers: { Authorization: `Bearer ${token}` } }]),
);
const open = {};
const ways = {};
const film = { chunks: [] };
let bucket;

before(async () => {
  postgres.child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), postgres.folder], { stdio: 'ignore' });
  bucket = await Bucket.start('S3');
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', postgres.folder]).status === 0, 30000);
  for (const [name, more] of Object.entries(places)) {
    const env = { TESTBED_RECORDINGS_KEY: KEY, ...more, ...(name.endsWith('bucket') ? bucket.env : {}) };
    ways[name] = { env, state: scratch('tb-recordings-') };
    open[name] = await Server.start({ tokens }, ways[name]);
  }
  const file = path.join(scratch('tb-film-'), 'film.webm');
  const made = spawnSync('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=25:duration=4,noise=alls=20:allf=t'],
    ...['-c:v', 'libvpx', '-b:v', '300k', '-f', 'webm', file],
  ]);
  assert.equal(made.status, 0, `${made.stderr}`);
  film.bytes = readFileSync(file);
  for (let at = 0; at < film.bytes.length; at += 7001) film.chunks.push(film.bytes.subarray(at, at + 7001));
  assert.ok(film.chunks.length > 4);
});
after(async () => {
  for (const server of Object.values(open)) await server.stop();
  await bucket.stop();
  postgres.child.kill('SIGQUIT');
});

const refused = (answer, status, text) => {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.json.detail, text instanceof RegExp ? text : new RegExp(text));
};
const good = (answer, status = 200) => {
  assert.equal(answer.status, status, answer.text);
  return answer.json;
};
/** A call that goes on; both are in it. */
async function callOf(server, caller = 'anna', callee = 'bert') {
  const begun = good(await server.post('/webrtc/calls', { calleeId: callee, callerId: caller }, by[caller]), 201);
  const lines = [];
  for (const who of [caller, callee]) {
    const line = await CallLine.open(server, { token: tokenOf[who] });
    await line.ask('join-call', { callId: begun.id }, 'room-participants');
    lines.push(line);
  }
  return {
    at: `/webrtc/calls/${begun.id}`,
    id: begun.id,
    lines,
    async end(now = server) {
      good(await now.post(`/webrtc/calls/${begun.id}/end`, {}, by[caller]));
      for (const line of lines) await line.close();
    },
  };
}
const told = { consentObtained: true, consentedParticipants: ['anna', 'bert'], consentMethod: 'verbal' };
const put = (server, at, n, body, who = 'anna') =>
  server.request('PUT', `${at}/chunks/${n}`, { body, headers: { ...by[who].headers } });
const track = (server, at, who = 'anna', more = {}) =>
  server.request('PUT', at, { json: { mimeType: 'video/webm;codecs=vp8', offsetMs: 0, ...more }, ...by[who] });
/** A recording of that call, with one whole track. */
async function recorded(server, call) {
  const { id } = good(await server.post(`${call.at}/record`, told, by.anna), 201);
  const at = `${call.at}/recordings/${id}`;
  good(await track(server, `${at}/tracks/cam`));
  for (const [n, chunk] of film.chunks.entries()) good(await put(server, `${at}/tracks/cam`, n, chunk), 201);
  good(await server.post(`${at}/tracks/cam/end`, { chunks: film.chunks.length }, by.anna));
  good(await server.post(`${at}/stop`, {}, by.anna));
  return { id, at, film: `${at}/tracks/cam` };
}
/** Rows of it that the store still has. */
function rowsOf(id) {
  const sql =
    'import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1], timeout=10).execute("SELECT count(*) FROM call_recordings WHERE id = ?", sys.argv[2:]).fetchone()[0])';
  const asked = spawnSync('python3', ['-c', sql, path.join(ways['SQLite, a folder'].state, 'server.db'), id]);
  assert.equal(asked.status, 0, `${asked.stderr}`);
  return Number(asked.stdout);
}
const same = async (server, target, options = by.anna) => {
  const answer = await server.get(target, options);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(film.bytes.equals(answer.body), `${answer.body.length} of ${film.bytes.length} bytes`);
};

for (const place of Object.keys(places)) {
  test(`${place}: everybody agrees, chunks come in any order and again, a track is played from anywhere`, async () => {
    let server = open[place];
    const call = await callOf(server);
    const ask = (body, who = 'anna') => server.post(`${call.at}/record`, body, by[who]);
    refused(await ask({ ...told, consentObtained: false }), 400, 'Recording consent must be obtained');
    refused(await ask({ ...told, consentedParticipants: [] }), 400, 'At least one participant must consent');
    refused(await ask({ ...told, consentedParticipants: ['zoe'] }), 400, 'does not take part in this call');
    assert.equal((await ask({ ...told, consentMethod: 'telepathic' })).status, 400);
    refused(await ask(told, 'carl'), 403, 'Access denied to this call');
    assert.equal((await server.post(`${call.at}/record`, told)).status, 401);

    const begun = good(await ask({ ...told, consentMethod: 'electronic', enableTranscription: true }), 201);
    assert.equal(begun.status, 'pending');
    assert.deepEqual(
      begun.people.map((p) => [p.userId, p.answer]),
      [
        ['anna', 'agreed'],
        ['bert', 'asked'],
      ],
    );
    refused(await ask(told), 400, 'Call is already being recorded');
    const at = `${call.at}/recordings/${begun.id}`;
    refused(await track(server, `${at}/tracks/cam`), 400, 'Recording is not in progress');
    const asked = await call.lines[1].hears('recording-requested');
    assert.deepEqual([asked.data.recordingId, asked.data.startedBy], [begun.id, 'anna']);
    refused(await server.post(`${at}/consent`, { granted: true }, by.carl), 403, 'Access denied');
    const agreed = good(await server.post(`${at}/consent`, { granted: true }, by.bert));
    assert.equal(agreed.status, 'recording');
    assert.deepEqual(agreed.consentedParticipants, ['anna', 'bert']);
    assert.deepEqual(agreed.people.map((p) => p.saidBy).sort(), ['anna', 'bert']);
    assert.ok(Date.parse(agreed.people[1].answeredAt) > 0);
    for (const line of call.lines) await line.hears('recording-started');

    const cam = `${at}/tracks/cam`;
    refused(await put(server, cam, 0, film.chunks[0]), 404, 'Track not found');
    good(await track(server, cam, 'anna', { offsetMs: 40 }));
    good(await track(server, cam, 'anna', { offsetMs: 90 }));
    refused(await track(server, cam, 'bert'), 409, 'somebody else');
    refused(await track(server, `${at}/tracks/text`, 'anna', { mimeType: 'text/html' }), 400, 'mimeType');
    refused(await track(server, `${at}/tracks/a.b`), 400, 'letters, digits');
    good(await track(server, `${at}/tracks/bert_1`, 'bert', { offsetMs: 1250, kind: 'screen' }));
    const last = film.chunks.length - 1;
    for (let n = last; n > 0; n--) good(await put(server, cam, n, film.chunks[n]), 201);
    good(await put(server, cam, last, film.chunks[last]), 204);
    refused(await put(server, cam, last, film.chunks[last].subarray(1)), 409, 'Another chunk');
    refused(await put(server, cam, 'x', film.chunks[0]), 400, 'Chunks have numbers');
    refused(await put(server, cam, 0, film.chunks[0], 'bert'), 409, 'somebody else');

    // a server that is killed has lost nothing of it
    if (!place.startsWith('PostgreSQL')) {
      await server.program.kill();
      server = open[place] = await Server.start({ tokens }, ways[place]);
    }
    good(await server.post(`${at}/stop`, {}, by.bert));
    refused(await server.post(`${at}/stop`, {}, by.bert), 400, 'Recording is not in progress');
    good(await put(server, cam, 0, film.chunks[0]), 201);
    const ends = (name, chunks, who) => server.post(`${at}/tracks/${name}/end`, { chunks }, by[who]);
    assert.deepEqual(good(await ends('cam', last + 1, 'anna')), { track: 'cam', chunks: last + 1, received: last + 1 });
    refused(await ends('cam', last, 'anna'), 409, 'another number');
    assert.equal(good(await server.get(`${call.at}/recordings`, by.anna)).recordings[0].status, 'processing');
    good(await ends('bert_1', 0, 'bert'));

    const one = good(await server.get(at, by.bert));
    assert.deepEqual([one.status, one.fileSize, one.viewCount], ['completed', film.bytes.length, 1]);
    assert.deepEqual(
      one.tracks.map((t) => [t.track, t.userId, t.kind, t.offsetMs, t.complete, t.bytes]),
      [
        ['cam', 'anna', 'camera', 40, true, film.bytes.length],
        ['bert_1', 'bert', 'screen', 1250, true, 0],
      ],
    );
    assert.equal(good(await server.get(at, by.root)).viewCount, 2);
    refused(await server.get(at, by.carl), 403, 'Access denied to this recording');
    refused(await server.get(cam, by.carl), 403, 'Access denied to this recording');
    await same(server, one.tracks[0].url);
    const range = await server.get(cam, { headers: { ...by.bert.headers, Range: 'bytes=6990-14010' } });
    assert.equal(range.status, 206);
    assert.equal(range.headers['content-range'], `bytes 6990-14010/${film.bytes.length}`);
    assert.ok(film.bytes.subarray(6990, 14011).equals(range.body));
    assert.equal((await server.get(cam, { headers: { ...by.bert.headers, Range: 'bytes=99999999-' } })).status, 416);

    const link = good(await server.post(`${at}/links`, { ttl_s: 60 }, by.anna), 201);
    const { pathname, search } = new URL(link.url);
    const shown = good(await server.get(pathname + search));
    assert.equal(shown.viewCount, 3);
    await same(server, shown.tracks[0].url, {});
    refused(await server.get(`${pathname}?token=${'x'.repeat(32)}`), 404, 'not good any more');
    await call.end(server);
    const audit = good(await server.get('/api/audit?limit=100', by.root)).rows;
    const seen = audit.filter((e) => e.action === 'recording.view' && e.object.startsWith(begun.id)).map((e) => e.user);
    assert.equal(seen.length, 3);

    refused(await server.request('DELETE', at, by.bert), 403, 'It is deleted by who has begun it');
    const proof = good(await server.request('DELETE', at, by.anna));
    assert.deepEqual([proof.chunks, proof.bytes, proof.keyDestroyed], [last + 1, film.bytes.length, true]);
    refused(await server.get(at, by.anna), 404, 'Recording not found');
    refused(await server.get(pathname + search), 404, 'not good any more');
    const entry = good(await server.get('/api/audit?action=recording.delete', by.root)).rows[0];
    assert.equal(
      entry.object,
      `${begun.id} ${last + 1} chunks, ${film.bytes.length} bytes, sha256:${proof.manifestSha256}`,
    );
    await until(
      'no chunk is left',
      async () =>
        / (\d+)$/m.exec(
          /^testbed_clip_bytes \d+$/m.exec((await server.get('/metrics', by.root)).text)?.[0] ?? '',
        )?.[1] === '0',
    );
  });
}

test('a late one is asked, and is not recorded before; his refusal ends it. A refusal at first: nothing is recorded', async () => {
  const server = open['SQLite, a folder'];
  const call = await callOf(server);
  good(await server.post(`${call.at}/invite`, { userId: 'carl' }, by.anna));
  const first = good(await server.post(`${call.at}/record`, { ...told, consentMethod: 'electronic' }, by.anna), 201);
  const refusal = await server.post(`${call.at}/recordings/${first.id}/consent`, { granted: false }, by.bert);
  assert.deepEqual(
    [good(refusal).status, refusal.json.processingError, refusal.json.startedAt],
    ['failed', 'Somebody does not agree to be recorded', null],
  );

  const { id, status } = good(await server.post(`${call.at}/record`, told, by.anna), 201);
  const at = `${call.at}/recordings/${id}`;
  assert.equal(status, 'recording');
  const late = await CallLine.open(server, { token: tokenOf.carl });
  await late.ask('join-call', { callId: call.id }, 'room-participants');
  assert.equal((await late.hears('recording-requested')).data.recordingId, id);
  refused(await track(server, `${at}/tracks/carl`, 'carl'), 403, 'You have not agreed');
  good(await track(server, `${at}/tracks/cam`));
  good(await put(server, `${at}/tracks/cam`, 0, film.chunks[0]), 201);
  const over = good(await server.post(`${at}/consent`, { granted: false }, by.carl));
  assert.equal(over.status, 'processing');
  for (const line of call.lines) await line.hears((m) => m.event === 'recording-stopped' && m.data.recordingId === id);
  await late.close();

  // the end of the call is the end of its recording
  const last = good(
    await server.post(`${call.at}/record`, { ...told, consentedParticipants: ['anna', 'bert', 'carl'] }, by.anna),
    201,
  );
  await call.lines[0].hears((m) => m.event === 'recording-started' && m.data.recordingId === last.id);
  good(await server.post(`${call.at}/end`, {}, by.anna));
  await call.lines[0].hears((m) => m.event === 'recording-stopped' && m.data.recordingId === last.id);
  assert.equal(good(await server.get(`${call.at}/recordings/${last.id}`, by.anna)).status, 'processing');
  refused(await server.post(`${call.at}/record`, told, by.anna), 400, 'Can only record calls in progress');
  for (const line of call.lines) await line.close();
});

test('without a master key nothing is recorded, in words; a key that is none is told with its line', async () => {
  const server = await Server.start({ tokens });
  const begun = good(await server.post('/webrtc/calls', { calleeId: 'bert' }, by.anna), 201);
  good(await server.post(`/webrtc/calls/${begun.id}/answer`, {}, by.bert));
  refused(await server.post(`/webrtc/calls/${begun.id}/record`, told, by.anna), 503, 'no master key of recordings');
  await server.stop();
  const folder = scratch('tb-keys-');
  writeFileSync(path.join(folder, 'keys'), '# ours\nnot a key\n');
  writeFileSync(path.join(folder, 'server.yaml'), 'recordings:\n  key_file: keys\n');
  const check = spawnSync(path.join(BUILD, 'testbed-server'), [
    '--check',
    '--config',
    path.join(folder, 'server.yaml'),
  ]);
  assert.equal(check.status, 1);
  assert.match(`${check.stderr}`, /server\.yaml:2: recordings\.key_file: .*keys: line 2: a key is 32 random bytes/);
});

test('what was changed where it lies is found and told: a byte, a piece cut off, a chunk in the place of another, one that is gone', async () => {
  const place = 'SQLite, a folder';
  const server = open[place];
  const call = await callOf(server);
  const one = await recorded(server, call);
  const folder = path.join(ways[place].state, 'clips/recordings', one.id, 'cam');
  const file = (n) => path.join(folder, `${n}`.padStart(6, '0'));
  assert.equal(readdirSync(folder).length, film.chunks.length);
  for (const [n, chunk] of film.chunks.entries()) {
    const sealed = readFileSync(file(n));
    assert.equal(sealed.length, chunk.length + 28);
    assert.equal(sealed.indexOf(chunk.subarray(0, 32)), -1, 'it lies there as it is');
  }
  const kept = readFileSync(file(0));
  const spoiled = Buffer.from(kept);
  spoiled[100] ^= 1;
  const ways0 = {
    'a byte': () => writeFileSync(file(0), spoiled),
    'cut off': () => writeFileSync(file(0), kept.subarray(0, -5)),
    'another place': () => copyFileSync(file(1), file(0)),
    gone: () => rmSync(file(0)),
  };
  for (const [what, spoil] of Object.entries(ways0)) {
    spoil();
    const answer = await server.get(one.film, by.anna);
    assert.ok(answer.status >= 404, `${what}: ${answer.status}`);
    if (what === 'a byte' || what === 'another place')
      assert.match(answer.json.detail, /chunk 0 of track cam was changed/);
    writeFileSync(file(0), kept);
  }
  await same(server, one.film);
  assert.match((await server.get('/metrics', by.root)).text, /^testbed_recordings_tampered_total 2$/m);
  await call.end();
});

test('--rotate-keys: by the new key alone all of them open, also when it was killed; without the old one it is told', async () => {
  const server = await Server.start({ tokens }, { env: { TESTBED_RECORDINGS_KEY: KEY }, state: scratch('tb-rotate-') });
  const call = await callOf(server);
  const all = [await recorded(server, call), await recorded(server, call)];
  await call.end();
  const next = randomBytes(32).toString('hex');
  const rotate = (keys) =>
    spawnSync(
      path.join(BUILD, 'testbed-server'),
      ['--rotate-keys', '--config', path.join(server.folder, 'server.yaml'), '--state-dir', server.folder],
      { env: { ...process.env, TESTBED_RECORDINGS_KEY: keys } },
    );
  const blind = rotate(next);
  assert.equal(blind.status, 1);
  assert.match(`${blind.stderr}`, /master key [0-9a-f]{16}, which the configuration does not have/);
  const killed = spawn(
    path.join(BUILD, 'testbed-server'),
    ['--rotate-keys', '--config', path.join(server.folder, 'server.yaml'), '--state-dir', server.folder],
    { env: { ...process.env, TESTBED_RECORDINGS_KEY: `${next}\n${KEY}` }, stdio: 'ignore' },
  );
  killed.kill('SIGKILL');
  await new Promise((done) => killed.on('exit', done));
  const done = rotate(`${next}\n${KEY}`);
  assert.match(
    `${done.stdout}${done.stderr}`,
    /[0-2] keys of recordings are sealed by the master key [0-9a-f]{16} now/,
  );
  assert.match(`${rotate(next).stdout}`, /^0 keys/);
  await server.stop({ keepState: true });
  const again = await Server.start({ tokens }, { env: { TESTBED_RECORDINGS_KEY: next }, state: server.folder });
  for (const one of all) await same(again, one.film);
  await again.stop({ keepState: true });
  const other = await Server.start({ tokens }, { env: { TESTBED_RECORDINGS_KEY: KEY }, state: server.folder });
  refused(await other.get(all[0].film, by.anna), 503, 'which the configuration does not have');
  await other.stop();
});

test('RECORDING_BYTES, RECORDING_CHUNK, RECORDING_CHUNKS, RECORDING_DAYS, RECORDING_KEY_DAYS: what ends, and what goes', async () => {
  const state = scratch('tb-keep-');
  const way = { env: { TESTBED_RECORDINGS_KEY: KEY, RECORDING_MAX_FILE_SIZE: '1048576' }, state };
  let server = await Server.start({ tokens, recordings: { keep_days: 30 } }, way);
  const call = await callOf(server);
  const one = await recorded(server, call);
  const kept = good(await server.get(one.at, by.anna));
  assert.ok(Math.abs(Date.parse(kept.expiresAt) - Date.parse(kept.createdAt) - 30 * 86400e3) < 1000);
  const { id } = good(await server.post(`${call.at}/record`, told, by.anna), 201);
  const at = `${call.at}/recordings/${id}/tracks/cam`;
  good(await track(server, at));
  good(await put(server, at, 0, Buffer.alloc(1048576)), 201);
  refused(await put(server, at, 1, Buffer.alloc(1)), 413, 'as many bytes as one may have');
  assert.equal(
    (await put(server, at, 1, Buffer.alloc(4 * 1048576 + 1))).status,
    413,
    'TB_LIMIT_RECORDING_CHUNK, and a byte',
  );
  refused(await put(server, at, 20000, film.chunks[0]), 400, 'from 0 to 19999');
  await call.end();
  await server.stop({ keepState: true });
  const sql =
    'import sqlite3, sys\nsqlite3.connect(sys.argv[1], timeout=10, isolation_level=None).execute(sys.argv[2], sys.argv[3:])';
  const change = (...args) =>
    assert.equal(spawnSync('python3', ['-c', sql, path.join(state, 'server.db'), ...args]).status, 0);
  change('UPDATE call_recordings SET expires_at = 1 WHERE id = ?', one.id);
  server = await Server.start({ tokens }, way);
  await until('it has gone', async () => (await server.get(one.at, by.anna)).status === 404);
  assert.equal(good(await server.get('/api/audit?action=recording.expire', by.root)).rows[0].object, one.id);

  const mine = good(await server.get('/api/users/bert/data', by.root));
  assert.deepEqual(
    mine.recordings.map((r) => [r.id, r.agreed, r.method]),
    [[id, 1, 'verbal']],
  );

  // somebody without an account was in it: what he was recorded in goes as a whole
  const other = good(await server.post('/webrtc/calls', { calleeId: 'dora' }, by.anna), 201);
  const line = await CallLine.open(server, { token: tokenOf.anna });
  await line.ask('join-call', { callId: other.id }, 'room-participants');
  const link = good(await server.post(`/webrtc/calls/${other.id}/guests`, {}, by.anna), 201);
  const guest = await CallLine.open(server, { hello: { callId: other.id, guest: link.token, key: 'k'.repeat(16) } });
  await guest.ask('join-call', { callId: other.id }, 'room-participants');
  const agreed = { ...told, consentedParticipants: ['anna', 'dora', guest.userId] };
  const his = good(await server.post(`/webrtc/calls/${other.id}/record`, agreed, by.anna), 201);
  assert.equal(his.status, 'recording');
  good(await server.request('DELETE', '/api/users/dora/data', by.root));
  assert.equal((await server.get(`/webrtc/calls/${other.id}/recordings/${his.id}`, by.root)).status, 404);
  await line.close();
  await guest.close();

  await server.stop({ keepState: true });
  change('UPDATE call_recordings SET wrapped_at = wrapped_at - 91 * 86400000');
  server = await Server.start({ tokens }, way);
  await server.program.line(/the master key of recordings has been in use for 91 days/);
  await server.stop();
});

test('RECORDING_TRACKS, RECORDING_LINKS, RECORDING_LINK_S, RECORDING_PEOPLE, RECORDING_SWEPT, RECORDINGS_OF_CALL: and one', async () => {
  const server = open['SQLite, a folder'];
  const call = await callOf(server);
  const record = (more = {}) => server.post(`${call.at}/record`, { ...told, ...more }, by.anna);
  assert.equal((await record({ consentedParticipants: Array(25).fill('anna') })).status, 400);
  const { id } = good(await record({ consentedParticipants: Array(24).fill('bert') }), 201);
  const at = `${call.at}/recordings/${id}`;
  for (let n = 0; n < 64; n++) good(await track(server, `${at}/tracks/t${n}`));
  refused(await track(server, `${at}/tracks/t64`), 429, 'as many tracks as one can have');
  for (let n = 0; n < 201; n++) good(await put(server, `${at}/tracks/t0`, n, 'x'), 201);
  good(await server.post(`${at}/stop`, {}, by.anna));
  for (let n = 0; n < 16; n++) good(await server.post(`${at}/links`, { ttl_s: 604800 }, by.anna), 201);
  refused(await server.post(`${at}/links`, {}, by.anna), 429, 'So many links');
  assert.equal((await server.post(`${at}/links`, { ttl_s: 604801 }, by.anna)).status, 400);
  good(await server.request('DELETE', at, by.anna));
  const folder = path.join(ways['SQLite, a folder'].state, 'clips/recordings', id);
  await until('all 201 chunks are gone', () => !existsSync(path.join(folder, 't0', '000200')));
  await until('the rows, too', async () => rowsOf(id) === 0);
  for (let n = 1; n < 100; n++) {
    const next = good(await record(), 201);
    good(await server.post(`${call.at}/recordings/${next.id}/stop`, {}, by.anna));
  }
  good(await record(), 201);
  const last = good(await server.get(`${call.at}/recordings`, by.anna)).recordings;
  assert.equal(last.length, 100);
  good(await server.post(`${call.at}/recordings/${last[0].id}/stop`, {}, by.anna));
  refused(await record(), 429, 'was recorded 100 times');
  await call.end();
});

test('RECORDING_TRANSFERS: 24 chunks wait for a bucket that does not answer, one more is told to come again', async () => {
  const dead = http.createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((done) => dead.on('listening', done));
  const at = `http://127.0.0.1:${dead.address().port}`;
  const server = await Server.start(
    { tokens },
    { env: { ...bucket.env, AWS_ENDPOINT_URL_S3: at, TESTBED_RECORDINGS_KEY: KEY } },
  );
  const call = await callOf(server);
  const { id } = good(await server.post(`${call.at}/record`, told, by.anna), 201);
  const cam = `${call.at}/recordings/${id}/tracks/cam`;
  good(await track(server, cam));
  const answers = Array.from({ length: 25 }, (_, n) => put(server, cam, n, 'x').catch((error) => error));
  const first = await Promise.race(answers);
  refused(first, 429, 'come again');
  for (const line of call.lines) await line.close();
  dead.closeAllConnections();
  dead.close();
  await server.stop();
  await Promise.all(answers);
});
