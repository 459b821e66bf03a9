// Calls by REST, on SQLite and on PostgreSQL: the original's paths, states and texts, who may see which call.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { CallLine } from './call-line.mjs';
import { ROOT, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const postgres = { folder: scratch('tb-calls-pg-') };
const stores = {
  SQLite: {},
  PostgreSQL: { DATABASE_URL: `postgresql:///postgres?host=${postgres.folder}&user=testbed` },
};
const tokens = [
  ['anna', 'viewer'],
  ['bert', 'viewer'],
  ['carl', 'operator'],
  ['root', 'admin'],
].map(([name, role]) => ({ name, role, token: `a-token-of-${name}-of-the-test` }));
const by = Object.fromEntries(
  tokens.map(({ name, token }) => [name, { headers: { Authorization: `Bearer ${token}` } }]),
);
const open = {};

before(async () => {
  postgres.child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), postgres.folder], { stdio: 'ignore' });
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', postgres.folder]).status === 0, 30000);
  for (const [name, env] of Object.entries(stores)) open[name] = await Server.start({ tokens }, { env });
});
after(async () => {
  for (const server of Object.values(open)) await server.stop();
  postgres.child.kill('SIGQUIT');
});

const refused = (answer, status, text) => {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.detail, text);
};
const call = async (server, who, body) => {
  const answer = await server.post('/webrtc/calls', body, by[who]);
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};

for (const store of Object.keys(stores)) {
  test(`${store}: a call is begun, answered, measured and ended; others do not see it`, async () => {
    const server = open[store];
    const body = { patientId: 'bert', providerId: 'anna', type: 'video', metadata: { room: 'lab' }, unknown: 1 };
    const begun = await call(server, 'anna', body);
    assert.match(begun.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    assert.match(begun.roomId, /^room_[0-9a-f-]{36}$/);
    assert.equal(begun.status, 'ringing');
    assert.deepEqual([begun.calleeId, begun.callerId, begun.initiatedBy], ['bert', 'anna', 'anna']);
    assert.deepEqual(begun.metadata, { room: 'lab' });
    assert.deepEqual(
      begun.participants.map((p) => [p.userId, p.status]),
      [
        ['anna', 'invited'],
        ['bert', 'invited'],
      ],
    );
    const at = `/webrtc/calls/${begun.id}`;
    const twice = 'There is already an active call between these participants';
    refused(await server.post('/webrtc/calls', body, by.anna), 400, twice);
    refused(await server.post('/webrtc/calls', { calleeId: 'anna' }, by.bert), 400, twice);

    refused(await server.get(at, by.carl), 403, 'Access denied to this call');
    refused(await server.post(`${at}/end`, {}, by.carl), 403, 'Access denied to this call');
    refused(await server.get(`${at}0`, by.anna), 404, 'Call not found');
    assert.equal((await server.get(at)).status, 401);
    refused(await server.post(`${at}/answer`, {}, by.root), 403, 'User is not a participant in this call');
    refused(await server.post(`${at}/cancel`, {}, by.anna), 400, 'Can only cancel scheduled calls');

    const answered = await server.post(`${at}/answer`, { videoEnabled: false, consentToRecording: true }, by.bert);
    assert.equal(answered.status, 200, answered.text);
    assert.equal(answered.json.status, 'in_progress');
    const bert = answered.json.participants.find((p) => p.userId === 'bert');
    assert.deepEqual(
      [bert.status, bert.videoEnabled, bert.audioEnabled, bert.consentedToRecording],
      ['connected', false, true, true],
    );
    refused(await server.post(`${at}/answer`, {}, by.bert), 400, 'Cannot answer call in in_progress status');
    refused(await server.post(`${at}/missed`, {}, by.bert), 400, 'Cannot mark call as missed in in_progress status');

    const report = (json, who) => server.request('PATCH', `${at}/quality`, { json, ...by[who] });
    assert.equal((await report({ bandwidth: 1000, latency: 40, packetLoss: 1.5 }, 'anna')).status, 204);
    assert.equal((await report({ latency: 80, packetLoss: 0.5, fellbackToAudio: true }, 'bert')).status, 204);
    assert.equal((await report({ packetLoss: 101 }, 'bert')).status, 400);
    assert.equal((await report({ latency: 1 }, 'carl')).status, 403);
    const ended = await server.post(`${at}/end`, { reason: 'done' }, by.anna);
    assert.equal(ended.json.status, 'ended');
    assert.deepEqual([ended.json.endReason, ended.json.endedBy], ['done', 'anna']);
    assert.deepEqual(ended.json.qualityMetrics, { bandwidth: 1000, latency: 80, packetLoss: 0.5 });
    assert.equal(ended.json.fellbackToAudio, true);
    assert.deepEqual(ended.json.participants.map((p) => p.status).sort(), ['invited', 'left']);
    refused(await server.post(`${at}/end`, {}, by.anna), 400, 'Call is already ended');

    const stats = (await server.get('/webrtc/stats', by.anna)).json;
    assert.deepEqual([stats.totalCalls, stats.completedCalls, stats.fallbackRate], [1, 1, 100]);
    assert.deepEqual(stats.callTypeBreakdown, { video: 1, audio: 0, screenShare: 0 });
    assert.deepEqual(stats.qualityMetrics, { averageBandwidth: 1000, averageLatency: 60, averagePacketLoss: 1 });
    assert.equal((await server.get('/webrtc/stats', by.carl)).json.totalCalls, 0);
  });

  test(`${store}: scheduled, cancelled, failed, missed; lists by filter and page`, async () => {
    const server = open[store];
    const later = new Date(Date.now() + 60000).toISOString();
    const one = await call(server, 'bert', {
      calleeId: 'carl',
      type: 'audio',
      scheduledAt: later,
      appointmentId: 'a-1',
    });
    assert.deepEqual([one.status, one.scheduledAt, one.callerId], ['scheduled', later, 'bert']);
    const gone = await server.post(`/webrtc/calls/${one.id}/cancel`, {}, by.carl);
    assert.deepEqual([gone.json.status, gone.json.endReason], ['cancelled', 'Call cancelled']);
    // an hour after its time nobody waits for it any more
    const old = await call(server, 'bert', { calleeId: 'carl', scheduledAt: '2020-01-01T10:00:00Z' });
    assert.equal((await server.get(`/webrtc/calls/${old.id}`, by.bert)).json.status, 'missed');
    const two = await call(server, 'bert', { calleeId: 'carl' });
    const details = { code: 7 };
    const failed = await server.post(
      `/webrtc/calls/${two.id}/failed`,
      { reason: 'ice', errorDetails: details },
      by.bert,
    );
    assert.deepEqual([failed.json.status, failed.json.failureReason], ['failed', 'ice']);
    assert.deepEqual(failed.json.errorDetails, details);

    const ids = async (query, who = 'carl') =>
      (await server.get(`/webrtc/calls${query}`, by[who])).json.calls.map((c) => c.id);
    assert.deepEqual((await ids('')).sort(), [one.id, old.id, two.id].sort());
    assert.deepEqual(await ids('?status=failed'), [two.id]);
    assert.deepEqual(await ids('?type=audio&patientId=carl&appointmentId=a-1'), [one.id]);
    assert.deepEqual(await ids('?endDate=2020-01-01'), []);
    assert.deepEqual(await ids('', 'anna').then((all) => all.includes(one.id)), false);
    const page = (await server.get('/webrtc/calls?limit=1&offset=1', by.carl)).json;
    assert.deepEqual([page.calls.length, page.total], [1, 3]);
    assert.equal((await server.get('/webrtc/calls', by.root)).json.total, 4, 'an admin sees all');
    assert.equal((await server.get('/webrtc/calls?startDate=soon', by.carl)).status, 400);
    assert.equal((await server.get('/webrtc/stats?endDate=soon', by.carl)).status, 400);
  });

  test(`${store}: by signaling it rings, is answered by coming in, measured, and over when the last one leaves`, async () => {
    const server = open[store];
    const line = (who) => CallLine.open(server, { token: tokens.find((t) => t.name === who).token });
    const [anna, bert, page] = [await line('anna'), await line('bert'), await line('bert')];
    const { id: callId } = await call(server, 'anna', { calleeId: 'bert', type: 'audio' });
    const at = `/webrtc/calls/${callId}`;
    for (const each of [bert, page]) {
      const { data } = await each.hears('incoming-call');
      assert.deepEqual([data.callId, data.callerId, data.type], [callId, 'anna', 'audio']);
      assert.ok(Date.parse(data.ringsUntil) > Date.now());
    }
    const late = await line('bert'); // a page that is opened while it rings
    assert.equal((await late.hears('incoming-call')).data.callId, callId);
    await anna.ask('join-call', { callId }, 'room-participants');
    assert.equal((await server.get(at, by.anna)).json.status, 'ringing', 'who calls does not answer');
    const { data: room } = await bert.ask('join-call', { callId, videoEnabled: false }, 'room-participants');
    assert.deepEqual(room.participants.map((p) => [p.userId, p.status, p.videoEnabled]).sort(), [
      ['anna', 'connected', true],
      ['bert', 'connected', false],
    ]);
    assert.equal((await anna.hears('participant-joined')).data.userId, 'bert');
    for (const each of [anna, page, late]) assert.equal((await each.hears('call-answered')).data.userId, 'bert');

    bert.say('signal', { callId, type: 'offer', payload: { sdp: 'v=0', deep: [1] }, targetUserId: 'anna' });
    const { data: offer } = await anna.hears('signal');
    assert.deepEqual([offer.type, offer.payload, offer.fromUserId], ['offer', { sdp: 'v=0', deep: [1] }, 'bert']);
    anna.say('ice-candidate', { callId, candidate: 'c', sdpMid: '0' });
    assert.equal((await bert.hears('ice-candidate')).data.candidate, 'c');
    anna.say('update-media', { callId, audioEnabled: false, handRaised: true });
    const { data: media } = await bert.hears('participant-media-updated');
    assert.deepEqual(
      [media.userId, media.audioEnabled, media.videoEnabled, media.handRaised],
      ['anna', false, true, true],
    );
    bert.say('connection-quality', { callId, bandwidth: 500, latency: 301, packetLoss: 10.5, jitter: 4 });
    assert.equal((await anna.hears('quality-warning')).data.type, 'high-packet-loss');
    assert.equal((await anna.hears('quality-warning')).data.type, 'high-latency');
    bert.say('connection-quality', { callId, latency: 300, packetLoss: 10 });
    bert.say('chat', { callId, text: 'good so' });
    assert.equal((await anna.hears('chat')).data.text, 'good so');
    assert.equal(anna.heard.filter((m) => m.event === 'quality-warning').length, 2, 'at the limit nothing is said');

    bert.say('leave-call', { callId });
    assert.equal((await anna.hears('participant-left')).data.userId, 'bert');
    anna.say('leave-call', { callId });
    const { data: end } = await page.hears('call-ended');
    assert.deepEqual([end.callId, end.status, end.reason], [callId, 'ended', 'Everybody has left']);
    const over = (await server.get(at, by.anna)).json;
    assert.equal(over.status, 'ended');
    assert.deepEqual(
      over.participants.map((p) => p.status),
      ['left', 'left'],
    );
    assert.equal(over.qualityMetrics.latency, 300);
    assert.equal((await bert.ask('join-call', { callId }, 'none')).data.message, 'Call is already ended');

    // given up before it is answered; by REST: those who have a page open are told, too
    const two = (await call(server, 'anna', { calleeId: 'bert' })).id;
    await anna.ask('join-call', { callId: two }, 'room-participants');
    anna.say('leave-call', { callId: two });
    assert.equal((await bert.hears('call-ended')).data.status, 'missed');
    const three = (await call(server, 'anna', { calleeId: 'bert', scheduledAt: new Date(Date.now() + 1e6) })).id;
    await server.post(`/webrtc/calls/${three}/cancel`, {}, by.bert);
    assert.equal((await anna.hears('call-cancelled')).data.callId, three);
    await Promise.all([anna, bert, page, late].map((each) => each.close()));
  });
}

test('CALL_ID, CALL_TEXT, CALL_DATA, CALLS_PAGE: at the limit, and one beyond it', async () => {
  const server = open.SQLite;
  const begin = (json) => server.post('/webrtc/calls', json, by.root);
  const status = async (answer) => (await answer).status;
  const name = 'x'.repeat(190);
  const long = await begin({ patientId: name, providerId: 'y' });
  assert.equal(long.status, 201, long.text);
  assert.equal(await status(begin({ patientId: `${name}x`, providerId: 'y' })), 400);
  const end = (n) => server.post(`/webrtc/calls/${long.json.id}/end`, { reason: 'r'.repeat(n) }, by.root);
  assert.equal(await status(end(1025)), 400);
  assert.equal(await status(end(1024)), 200);
  const data = (n) => begin({ patientId: 'z', providerId: 'y', metadata: { a: 'd'.repeat(n - '{"a":""}'.length) } });
  assert.equal(await status(data(8193)), 400);
  assert.equal(await status(data(8192)), 201);
  assert.equal(await status(server.get('/webrtc/calls?limit=100', by.root)), 200);
  assert.equal(await status(server.get('/webrtc/calls?limit=101', by.root)), 400);
});

test('who begins a call: between two, one of whom is oneself', async () => {
  const server = open.SQLite;
  refused(
    await server.post('/webrtc/calls', { patientId: 'p', providerId: 'p' }, by.root),
    400,
    'Patient and provider must be different users',
  );
  assert.equal((await server.post('/webrtc/calls', { patientId: 'bert', providerId: 'carl' }, by.anna)).status, 403);
  assert.equal((await server.post('/webrtc/calls', {}, by.anna)).json.field, 'calleeId');
  const audit = (await server.get('/api/audit?action=calls.', by.root)).json.rows;
  assert.ok(audit.some((row) => row.action === 'calls.end' && row.user === 'anna' && row.outcome === 'ok'));
});

test('CALL_CHANGES_PER_MINUTE: a person is refused beyond it, others are not', async () => {
  const server = open.SQLite;
  const none = (who) => server.post('/webrtc/calls/none/end', {}, by[who]).then((answer) => answer.status);
  const all = await Promise.all(Array.from({ length: 600 }, () => none('carl')));
  // four a second come back meanwhile
  assert.ok(all.filter((status) => status === 404).length >= 200);
  assert.ok(all.includes(429));
  assert.equal(await none('anna'), 404);
});
