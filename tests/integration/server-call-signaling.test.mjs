// Calls by signaling: who may come in, what is relayed to whom, guests by link, places that are kept, a server that is
// killed, and what one socket can do at most. What goes by the store is in server-calls.test.mjs, on both stores.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CallLine } from './call-line.mjs';
import { scratch, until } from './harness.mjs';
import { Server, withServer } from './server-harness.mjs';

const names = ['anna', 'bert', 'carl', 'dora', 'emil', 'fritz', 'gerd'];
const tokens = names.map((name) => ({ name, role: 'viewer', token: `a-token-of-${name}-of-the-test` }));
const tokenOf = (name) => tokens.find((t) => t.name === name).token;
const by = (name) => ({ headers: { Authorization: `Bearer ${tokenOf(name)}` } });
const line = (server, name) => CallLine.open(server, { token: tokenOf(name) });
const begin = async (server, from, to) => {
  const answer = await server.post('/webrtc/calls', { calleeId: to }, by(from));
  assert.equal(answer.status, 201, answer.text);
  return answer.json.id;
};
const enters = async (who, callId, more = {}) => {
  const { event, data } = await who.ask('join-call', { callId, ...more }, 'room-participants');
  assert.equal(event, 'room-participants', JSON.stringify(data));
  return data;
};

test('who is no participant is refused at each message; no token, a wrong one, a token in the message', async (t) => {
  const server = await withServer(t, { tokens });
  const callId = await begin(server, 'anna', 'bert');
  const anna = await line(server, 'anna');
  await enters(anna, callId);
  const carl = await line(server, 'carl');
  for (const event of [
    'join-call',
    'reconnect-call',
    'signal',
    'update-media',
    'chat',
    'connection-quality',
    'offer',
  ]) {
    const { data } = await carl.ask(event, { callId, type: 'offer', text: 'hi', targetUserId: 'anna' }, 'none');
    assert.equal(data.status, 403, `${event}: ${JSON.stringify(data)}`);
  }
  assert.equal((await carl.ask('join-call', { callId: `${callId}x` }, 'none')).data.message, 'Call not found');
  assert.equal((await carl.ask('chat', {}, 'none')).data.field, 'callId');
  assert.match((await carl.ask('dance', { callId }, 'none')).data.message, /not in this call|no event/);
  // the one who is in says nonsense
  for (const [event, data] of [
    ['signal', { type: 'song', targetUserId: 'bert' }],
    ['signal', { type: 'offer', targetUserId: 'bert' }],
    ['update-media', { videoEnabled: 'yes' }],
    ['connection-quality', { packetLoss: 101 }],
    ['chat', { text: '' }],
    ['share-device', { device: 'lab/board' }],
    ['request-control', { device: 'lab/board' }],
    ['sing', {}],
  ]) {
    const answer = await anna.ask(event, { callId, ...data }, 'none');
    assert.ok([400, 404].includes(answer.data.status), JSON.stringify(answer));
  }
  const wrong = await CallLine.open(server, { hello: { token: 'this-is-no-token-at-all' } });
  assert.equal(wrong.message, 'Invalid or expired token');
  assert.equal((await wrong.closed).code, 1008);
  const nobody = await CallLine.open(server, { hello: null });
  assert.equal((await nobody.ask('join-call', { callId }, 'none')).data.message, 'Authentication required');
  await nobody.closed;
  const byMessage = await CallLine.open(server, { hello: { token: `Bearer ${tokenOf('bert')}` } });
  assert.equal(byMessage.userId, 'bert');
  // in the form of the other messages of /ws
  byMessage.socket.send(JSON.stringify({ type: 'join-call', callId }));
  const flat = await byMessage.hears((m) => m.type === 'room-participants');
  assert.deepEqual(flat.participants.map((p) => p.userId).sort(), ['anna', 'bert']);
  byMessage.socket.send(JSON.stringify({ type: 'signal', callId, kind: 'offer', payload: 1, targetUserId: 'anna' }));
  assert.equal((await anna.hears('signal')).data.type, 'offer');
});

test('CALL_GUEST_LINKS, CALL_GUEST_S: a guest by link is in, seen, out when the link is taken back; another call is not his', async (t) => {
  const server = await withServer(t, { tokens });
  const callId = await begin(server, 'anna', 'bert');
  const other = await begin(server, 'anna', 'carl');
  const anna = await line(server, 'anna');
  await enters(anna, callId);
  const at = `/webrtc/calls/${callId}/guests`;
  assert.equal((await server.post(at, {}, by('carl'))).status, 403);
  assert.equal((await server.post(at, { ttl_s: 604801 }, by('anna'))).status, 400);
  const made = await server.post(at, { ttl_s: 604800 }, by('anna'));
  assert.equal(made.status, 201, made.text);
  assert.match(made.json.guestUrl, new RegExp(`/call\\?id=${callId}#guest=${made.json.token}$`));
  const hello = { callId, guest: made.json.token, key: 'k'.repeat(16), name: 'Guest Gitte' };
  const gitte = await CallLine.open(server, { hello });
  assert.match(gitte.userId, /^guest-[0-9a-f]{16}$/);
  assert.equal((await gitte.ask('join-call', { callId: other }, 'none')).data.message, 'This link is of another call');
  const room = await enters(gitte, callId);
  const me = room.participants.find((p) => p.userId === gitte.userId);
  assert.deepEqual([me.name, me.guest], ['Guest Gitte', true]);
  assert.equal((await anna.hears('participant-joined')).data.userId, gitte.userId);
  gitte.say('chat', { callId, text: 'hello' });
  assert.equal((await anna.hears('chat')).data.name, 'Guest Gitte');
  // who comes back with the same key is the same; with another one somebody else
  const again = await CallLine.open(server, { hello });
  assert.equal(again.userId, gitte.userId);
  const second = await CallLine.open(server, { hello: { ...hello, key: 'l'.repeat(16) } });
  assert.notEqual(second.userId, gitte.userId);
  const share = { callId, device: 'lab/board', sessionId: 's', token: 't' };
  assert.equal((await gitte.ask('share-device', share, 'none')).data.message, 'Guests bring no devices');
  anna.say('share-device', share);
  assert.equal((await gitte.hears('device-shared')).data.device, 'lab/board');
  gitte.say('request-control', { callId, device: 'lab/board' });
  const asked = (await anna.hears('request-control')).data;
  assert.deepEqual([asked.fromUserId, asked.name], [gitte.userId, 'Guest Gitte']);
  anna.say('answer-control', {
    callId,
    device: 'lab/board',
    targetUserId: gitte.userId,
    granted: true,
    controlUrl: '/v/1',
  });
  assert.equal((await gitte.hears('answer-control')).data.controlUrl, '/v/1');

  assert.equal((await server.request('DELETE', at, by('anna'))).status, 204);
  assert.equal((await gitte.hears('error')).data.code, 'revoked');
  assert.equal((await anna.hears('participant-left')).data.userId, gitte.userId);
  const late = await CallLine.open(server, { hello });
  assert.match(late.message, /not good any more/);
  const all = [];
  for (let i = 0; i < 9; i++) all.push((await server.post(at, {}, by('anna'))).status);
  assert.deepEqual(all, [...Array(8).fill(201), 429]);
});

test('a server that is killed loses no call: who comes back has his place, who is missing keeps it for a while', async (t) => {
  const state = scratch('tb-call-kill-');
  let server = await Server.start({ tokens }, { state });
  const callId = await begin(server, 'anna', 'bert');
  let anna = await line(server, 'anna');
  let bert = await line(server, 'bert');
  await enters(anna, callId);
  await enters(bert, callId, { audioEnabled: false });
  await anna.hears('call-answered');
  await server.program.kill();
  server = await Server.start({ tokens }, { state });
  t.after(() => server.stop());
  anna = await line(server, 'anna');
  const room = (await anna.ask('reconnect-call', { callId }, 'room-participants')).data;
  const there = Object.fromEntries(room.participants.map((p) => [p.userId, p]));
  assert.equal(there.bert.status, 'disconnected');
  assert.equal(there.bert.audioEnabled, false);
  bert = await line(server, 'bert');
  await bert.ask('reconnect-call', { callId, audioEnabled: false }, 'room-participants');
  const joined = (await anna.hears('participant-joined')).data;
  assert.deepEqual([joined.userId, joined.reconnected], ['bert', true]);
  assert.equal((await server.get(`/webrtc/calls/${callId}`, by('anna'))).json.status, 'in_progress');
  // his socket goes: his place is kept, and from another page it is his
  bert.socket.terminate();
  assert.equal((await anna.hears('participant-disconnected')).data.graceMs, 30000);
  const page = await line(server, 'bert');
  await page.ask('reconnect-call', { callId }, 'room-participants');
  assert.equal((await anna.hears('participant-joined')).data.reconnected, true);
  const another = await line(server, 'bert');
  await enters(another, callId);
  assert.equal((await page.hears('error')).data.code, 'moved');
  assert.equal((await page.ask('chat', { callId, text: 'x' }, 'none')).data.status, 403);
});

test('CALL_PARTICIPANTS, CALL_MESSAGE, CALL_MESSAGES_BURST, CALL_MESSAGES_PER_S, CALL_REFUSED, CALL_SOCKETS, CALL_NAME: at the limit, and one beyond it', async (t) => {
  const server = await withServer(t, { tokens });
  const callId = await begin(server, 'anna', 'bert');
  const invite = (userId) => server.post(`/webrtc/calls/${callId}/invite`, { userId }, by('anna'));
  for (const name of names.slice(2)) assert.equal((await invite(name)).status, 200);
  assert.equal((await server.get('/webrtc/calls', by('gerd'))).json.total, 1, 'who is asked in sees it');
  const lines = {};
  for (const name of names) lines[name] = await line(server, name);
  assert.equal((await lines.carl.hears('incoming-call')).data.callId, callId);
  for (const name of names.slice(0, 6)) await enters(lines[name], callId);
  const full = await lines.gerd.ask('join-call', { callId }, 'none');
  assert.equal(full.data.status, 429);
  // who was not let in is not in: he would keep a place after a restart, and the call from its end
  await until('gerd to be out of it', async () => {
    const { participants } = (await server.get(`/webrtc/calls/${callId}`, by('anna'))).json;
    return participants.find((p) => p.userId === 'gerd').status === 'left';
  });
  lines.fritz.say('leave-call', { callId });
  await until(
    'his place',
    async () => (await lines.gerd.ask('join-call', { callId }, 'room-participants')).event !== 'error',
  );
  // 24 were asked into it at most
  for (let i = names.length; i < 24; i++) assert.equal((await invite(`one-${i}`)).status, 200);
  assert.equal((await invite('one-more')).status, 429);

  const payload = (n) =>
    JSON.stringify({ event: 'signal', data: { callId, type: 'offer', targetUserId: 'bert', payload: 'x'.repeat(n) } });
  const room = 65536 - payload(0).length;
  lines.anna.socket.send(payload(room));
  assert.equal((await lines.bert.hears('signal')).data.payload.length, room);
  lines.anna.socket.send(payload(room + 1));
  assert.equal((await lines.anna.closed).code, 1009);
  // more than he may: dropped, told once, and ended when it goes on
  const { carl } = lines;
  for (let i = 0; i < 1000; i++) carl.say('ping');
  assert.equal((await carl.closed).code, 1008);
  assert.ok(carl.heard.filter((m) => m.event === 'pong').length >= 390);
  assert.ok(carl.heard.some((m) => m.data.status === 429));

  // a name that is too long is none
  for (const n of [64, 65]) {
    const { participants } = await enters(lines.dora, callId, { name: 'x'.repeat(n) });
    assert.equal(participants.find((p) => p.userId === 'dora').name, 'x'.repeat(64));
  }

  const many = [];
  for (let i = 0; i < 16; i++) many.push(await CallLine.open(server, { token: tokenOf('fritz') }));
  assert.ok(many.some((m) => m.status === 429 && /Too many pages/.test(m.message)));
  assert.equal(many.filter((m) => m.userId).length, 15, 'and the one of before');
});
