// Telling on the real server, on SQLite and on PostgreSQL: a bot beside a simulated Bot API, ntfy beside a simulated
// server, mail beside Debian's aiosmtpd, the webhook; links, invites, retries, a restart, quiet hours, a device that
// goes wild.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Ntfy } from '../sim/ntfy.mjs';
import { Telegram } from '../sim/telegram.mjs';
import { Program, ROOT, certificate, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const CLIP = Buffer.from('not really a film, but bytes');
const SECRET = 'a-secret-of-the-webhook';
const postgres = { folder: scratch('tb-tell-pg-') };
const stores = {
  SQLite: {},
  PostgreSQL: { DATABASE_URL: `postgresql:///postgres?host=${postgres.folder}&user=testbed` },
};
const open = {};
const mails = [];
let bot;
let ntfy;
let mailer;

before(async () => {
  postgres.child = spawn('sh', [path.join(ROOT, 'tests/postgres.sh'), postgres.folder], { stdio: 'ignore' });
  mailer = spawn('/usr/bin/python3', [path.join(ROOT, 'tests/sim/mails.py')], { stdio: ['pipe', 'pipe', 'inherit'] });
  let rest = '';
  mailer.stdout.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    mails.push(...lines.map((l) => JSON.parse(l)));
  });
  bot = await Telegram.start();
  ntfy = await Ntfy.start();
  await until('the mail server', () => mails[0]?.port, 20000);
  mailer.port = mails.shift().port;
  await until('PostgreSQL', () => spawnSync('pg_isready', ['-q', '-h', postgres.folder]).status === 0, 30000);
  for (const [name, env] of Object.entries(stores)) open[name] = await start({}, { env });
});
after(async () => {
  for (const server of Object.values(open)) await server.stop();
  bot.stop();
  ntfy.stop();
  mailer.kill();
  postgres.child.kill('SIGQUIT');
});

async function start(events = {}, options = {}) {
  const server = await Server.start(
    {
      events: {
        ntfy: { url: ntfy.url },
        email: { url: `smtp://127.0.0.1:${mailer.port}`, from: 'bench@example.org', tls: false },
        telegram: {
          token: bot.token,
          api_url: bot.url,
          onboarding_url: 'https://t.me/a_bot',
          webhook_secret: SECRET,
        },
        tell: { pause_s: 0 },
        ...events,
      },
    },
    options,
  );
  await until('the events', async () => (await server.get('/events')).status !== 503);
  return server;
}

async function device(server, id) {
  await server.post('/devices/register', { device_id: id, label: `Sill ${id}` });
  return (await server.post('/sessions/start', { device_id: id })).json;
}

/** An event that is to be told of, with a clip that is there. */
async function event(server, session, summary = 'A person <b>') {
  const { json } = await server.post('/events/upload/initiate', {
    session_id: session.session_id,
    device_id: session.device_id,
    trigger_type: 'motion',
    duration_seconds: 2,
    clip_mime: 'video/webm;codecs=vp8',
    clip_size_bytes: CLIP.length,
  });
  const id = json.event.event_id;
  assert.equal((await server.request('PUT', `/events/${id}/upload`, { body: CLIP })).status, 201);
  await server.post(`/events/${id}/upload/finalize`, {});
  const said = { summary, label: 'person', confidence: 0.93, should_notify: true, alert_reason: 'at the door' };
  for (let i = 0; i < 2; i++) assert.equal((await server.post(`/events/${id}/summary`, said)).status, 200);
  return id;
}

const attempts = (server, id, n) =>
  until(`${n} tries of ${id}`, async () => {
    const { json } = await server.get(`/events/${id}/notification-attempts`);
    return json.length >= n && json;
  });
const brief = (list) => list.map((a) => [a.provider, a.recipient, a.status, a.failure_reason, a.attempt_number]);

async function link(server, id, chat, username) {
  const begun = (await server.post('/notifications/telegram/link/start', { device_id: id })).json;
  assert.equal(begun.status, 'pending', JSON.stringify(begun));
  bot.says(chat, `/start@A_bot ${begun.link_code}`, username);
  return begun;
}
const status = async (server, id, attempt) =>
  (await server.get(`/notifications/telegram/link/status?device_id=${id}&attempt_id=${attempt}`)).json;

for (const name of Object.keys(stores)) {
  test(`${name}: a chat is linked by its token, once, in spite of a webhook; the clip comes, or words`, async () => {
    const server = open[name];
    const id = `dev-${name}`;
    const session = await device(server, id);
    const at = `device_id=${id}`;
    const ready = async () => (await server.get(`/notifications/telegram/readiness?${at}`)).json;
    assert.deepEqual([(await ready()).status, (await ready()).ready], ['needs_user_action', false]);
    assert.equal(
      (await server.get('/notifications/telegram/readiness?device_id=nobody')).json.status,
      'unknown_device',
    );
    assert.equal((await server.post('/notifications/telegram/test', { device_id: id })).status, 409);

    bot.webhook = true; // somebody has set one: it goes, what waits stays
    const begun = await link(server, id, 77);
    assert.match(begun.connect_url, /^https:\/\/t\.me\/a_bot\?start=[A-Za-z0-9_-]{32}$/);
    assert.equal(begun.fallback_command, `/start ${begun.link_code}`);
    assert.equal((await status(server, id, begun.attempt_id)).status, 'ready');
    assert.equal((await status(server, id, 'other')).status, 'not_found');
    assert.deepEqual(bot.sent('deleteWebhook').at(-1), { drop_pending_updates: false });
    await until('its word', () => bot.sent('sendMessage').some((m) => m.chat_id === '77' && /^Connected/.test(m.text)));
    assert.deepEqual((await server.get(`/notifications/telegram/target?${at}`)).json, {
      enabled: true,
      linked: true,
      device_id: id,
      chat_id: '77',
    });
    assert.equal((await ready()).status, 'ready');

    // a token that was used links nobody else
    const web = (text, secret = SECRET) =>
      server.post(
        '/notifications/telegram/webhook',
        { update_id: 9, message: { text, chat: { id: 666 }, from: { username: 'thief' } } },
        { headers: { 'X-Telegram-Bot-Api-Secret-Token': secret } },
      );
    assert.deepEqual((await web(`/start ${begun.link_code}`)).json, { ok: true });
    await until('a refusal', () => bot.sent('sendMessage').some((m) => m.chat_id === '666' && /was used/.test(m.text)));
    const wrong = await web('/start x', 'guessed');
    assert.deepEqual([wrong.status, wrong.json.detail], [401, 'invalid webhook secret']);
    assert.deepEqual((await server.get(`/notifications/telegram/targets?${at}`)).json.recipients, [
      { chat_id: '77', telegram_username: 'anna' },
    ]);

    const film = await event(server, session);
    assert.deepEqual(brief(await attempts(server, film, 1)), [['telegram', '77', 'succeeded', null, 1]]);
    const video = bot.sent('sendVideo').at(-1);
    assert.deepEqual(
      [video.video.bytes.toString(), video.video.type, video.video.file, video.supports_streaming],
      [CLIP.toString(), 'video/webm', `clip-${film}.webm`, 'true'],
    );
    assert.match(
      video.caption,
      /^Ping Watch alert\nEvent: .*\nLabel: person\nConfidence: 93%\nSummary: A person <b>\nReason: .*\nClip: local:/,
    );
    bot.answers.push(['sendVideo', 400, 'Bad Request: wrong file']);
    const words = await event(server, session);
    assert.deepEqual(brief(await attempts(server, words, 1)), [['telegram', '77', 'succeeded', null, 1]]);
    assert.match(bot.sent('sendMessage').at(-1).text, new RegExp(`Event: ${words}`));
    // a limit is waited for, as long as it says, and no more than one message comes of it
    bot.answers.push(['sendVideo', 429, 'Too Many Requests: retry after 1', { retry_after: 1 }]);
    const limited = await attempts(server, await event(server, session), 2);
    assert.deepEqual(
      limited.map((a) => [a.status, a.failure_reason, a.retryable]),
      [
        ['failed', 'Too Many Requests: retry after 1', true],
        ['succeeded', null, false],
      ],
    );
    assert.ok(Date.parse(limited[1].attempted_at) >= Date.parse(limited[0].finished_at) + 900);
    assert.equal(bot.sent('sendVideo').filter((v) => v.caption.includes(film)).length, 1, 'told once');
    const tried = await server.post('/notifications/telegram/test', { device_id: id });
    assert.deepEqual([tried.status, tried.json], [200, { ok: true, delivered_count: 1 }]);
  });

  test(`${name}: ntfy and mail; a test of each; quiet hours; somebody is told no more`, async () => {
    const server = open[name];
    const id = `both-${name}`;
    const session = await device(server, id);
    const add = (more) => server.post('/notifications/recipients', { device_id: id, ...more });
    const topic = (await add({ provider: 'ntfy', address: `bench-${name}`, name: 'Bench' })).json;
    assert.deepEqual([topic.provider, topic.subscribed, topic.name], ['ntfy', true, 'Bench']);
    const mail = (await add({ provider: 'email', address: `later@${name}.example` })).json;
    for (const bad of [
      { provider: 'ntfy', address: 'a b' },
      { provider: 'email', address: 'a@b\r\nRCPT TO:<c@d>' },
      { provider: 'telegram', address: '77' },
      { provider: 'pigeon', address: 'x' },
      { endpoint_id: topic.endpoint_id, quiet_from: '25:00', quiet_to: '07:00' },
      { endpoint_id: topic.endpoint_id, quiet_from: '22:00', quiet_to: '07:00', zone: 'Atlantis' },
    ]) {
      const answer = await add(bad);
      assert.equal(answer.status, 400, `${JSON.stringify(bad)} ${answer.text}`);
    }
    assert.equal((await add({ endpoint_id: 'nobody' })).status, 404);
    const check = (endpoint) =>
      server.post('/notifications/test', { device_id: id, endpoint_id: endpoint.endpoint_id });
    assert.deepEqual((await check(topic)).json, { ok: true, reason: null });
    assert.deepEqual([ntfy.told.at(-1).topic, ntfy.told.at(-1).title], [`bench-${name}`, 'A test of Testbed']);

    ntfy.refuse = { status: 429, headers: { 'Retry-After': '1' } };
    const first = await event(server, session, 'Größe <b>');
    const told = await attempts(server, first, name === 'SQLite' ? 4 : 3); // “not now” of the mail server comes once
    assert.deepEqual(
      brief(told).filter(([p]) => p === 'ntfy'),
      [
        ['ntfy', `bench-${name}`, 'failed', 'it answered 429', 1],
        ['ntfy', `bench-${name}`, 'succeeded', null, 2],
      ],
    );
    assert.equal(ntfy.told.at(-1).message, 'Größe <b>\nat the door');
    assert.equal(ntfy.told.at(-1).title, `person: Sill ${id}`);
    const letter = await until('the mail', () => mails.find((m) => m.to[0] === `later@${name}.example`));
    assert.deepEqual(
      [letter.from, letter.subject, letter.text.trim()],
      ['bench@example.org', `person: Sill ${id}`, 'Größe <b>\nat the door'],
    );
    if (name === 'SQLite')
      assert.match(told.find((a) => a.provider === 'email').failure_reason, /the mail server answered 451/);
    const nobody = (await add({ provider: 'email', address: `refused@${name}.example` })).json;
    assert.deepEqual((await check(nobody)).json, { ok: false, reason: 'the mail server answered 550' });

    // quiet from an hour ago to in an hour: it waits; with these over, all of it comes as one
    for (const who of [nobody, mail])
      assert.equal(
        (await server.request('DELETE', `/notifications/recipients?device_id=${id}&endpoint_id=${who.endpoint_id}`))
          .json.removed,
        true,
      );
    const hour = (h) => `${String((new Date().getUTCHours() + h + 24) % 24).padStart(2, '0')}:30`;
    const quiet = await add({ endpoint_id: topic.endpoint_id, quiet_from: hour(-2), quiet_to: hour(2) });
    assert.deepEqual([quiet.json.quiet_from, quiet.json.quiet_to], [hour(-2), hour(2)]);
    const n = ntfy.messages.length;
    const held = [await event(server, session, 'one'), await event(server, session, 'two')];
    await add({ endpoint_id: topic.endpoint_id, quiet_from: '', quiet_to: '' });
    assert.equal(ntfy.messages.length, n, 'nothing came in the quiet hours');
    sql(name, server, 'UPDATE ev_tellings SET due = 1');
    const last = await event(server, session, 'three');
    await attempts(server, last, 1);
    for (const one of held) assert.equal((await attempts(server, one, 1))[0].status, 'succeeded');
    assert.equal(ntfy.messages.length, n + 1, JSON.stringify(ntfy.messages.slice(n)));
    assert.match(ntfy.told.at(-1).message, /^3 events at Sill .*: person 3\.\n- one\n- two\n- three$/);
    const list = (await server.get(`/notifications/recipients?device_id=${id}`)).json;
    assert.deepEqual(
      [list.recipients.filter((r) => r.subscribed).map((r) => r.address), list.providers],
      [[`bench-${name}`], ['telegram', 'ntfy', 'email']],
    );
  });
}

function sql(name, server, text) {
  const run =
    name === 'SQLite'
      ? spawnSync('python3', [
          '-c',
          'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)\nfor r in c.execute(sys.argv[2]): print(*r)',
          path.join(server.folder, 'server.db'),
          text,
        ])
      : spawnSync('psql', ['-qtA', stores.PostgreSQL.DATABASE_URL, '-c', text]);
  assert.equal(run.status, 0, String(run.stderr));
  return String(run.stdout).trim();
}

test('INVITES, RECIPIENTS: one use, by whoever has the code; taken back, he is told no more; a stranger sees nothing', async (t) => {
  const server = await start({ dev_login: true, auth_required: true });
  t.after(() => server.stop());
  const login = async (email) => ({
    headers: {
      Authorization: `Bearer ${(await server.post('/auth/dev/login', { email })).json.access_token}`,
    },
  });
  const [owner, guest, other] = [await login('owner@x'), await login('guest@x'), await login('other@x')];
  await server.post('/devices/register', { device_id: 'mine' }, owner);
  const made = (await server.post('/notifications/invites', { device_id: 'mine' }, owner)).json;
  assert.deepEqual([made.status, made.recipient_chat_id], ['pending', null]);
  assert.equal((await server.post('/notifications/invites', { device_id: 'mine' }, guest)).status, 404);
  assert.equal((await server.get('/notifications/recipients?device_id=mine', guest)).status, 404);
  assert.deepEqual((await server.get('/notifications/invites?device_id=mine', owner)).json.invites, [
    { ...made, invite_code: null },
  ]);
  const accept = (who, code = made.invite_code) =>
    server.post('/notifications/invites/accept', { invite_code: code }, who);
  assert.equal((await accept(guest, 'guessed')).status, 404);
  const [first, second] = [(await accept(guest)).json, (await accept(other)).json];
  bot.says(222, `/start ${first.link_code}`, 'guest');
  bot.says(333, `/start ${second.link_code}`, 'other');
  const state = async (a, who) =>
    (await server.get(`/notifications/telegram/link/status?device_id=mine&attempt_id=${a.attempt_id}`, who)).json
      .status;
  assert.equal(await state(first, guest), 'ready');
  assert.equal(await state(second, other), 'pending', 'the invite was used up');
  assert.equal((await accept(other)).status, 409);
  const people = async () =>
    (await server.get('/notifications/recipients?device_id=mine', owner)).json.recipients.map((r) => r.chat_id);
  assert.deepEqual(await people(), ['222']);
  const listed = (await server.get('/notifications/invites?device_id=mine', owner)).json.invites[0];
  assert.deepEqual([listed.status, listed.recipient_chat_id], ['accepted', '222']);
  const revoked = await server.request(
    'DELETE',
    `/notifications/invites?device_id=mine&invite_id=${made.invite_id}`,
    owner,
  );
  assert.deepEqual([revoked.status, revoked.json.status], [200, 'revoked']);
  assert.deepEqual(await people(), []);

  // INVITES: so many may be open, and as many links; RECIPIENTS of one owner
  for (let i = 0; i < 20; i++)
    assert.equal((await server.post('/notifications/invites', { device_id: 'mine' }, owner)).status, 200);
  const over = await server.post('/notifications/invites', { device_id: 'mine' }, owner);
  assert.deepEqual([over.status, /^20 invites are open/.test(over.json.detail)], [429, true]);
  for (let i = 0; i < 20; i++)
    assert.equal((await server.post('/notifications/telegram/link/start', { device_id: 'mine' }, owner)).status, 200);
  assert.equal((await server.post('/notifications/telegram/link/start', { device_id: 'mine' }, owner)).status, 429);
  const add = (i) =>
    server.post('/notifications/recipients', { device_id: 'mine', provider: 'ntfy', address: `t${i}` }, owner);
  for (let i = 0; i < 100; i++) assert.equal((await add(i)).status, 200);
  assert.equal((await add(100)).status, 429);
  assert.equal((await add(7)).status, 200, 'one that is known');
});

test('NOTIFY_BURST, NOTIFY_BURST_S, NOTIFY_DIGEST: of a device that goes wild the rest comes together', async (t) => {
  t.after(() => open.SQLite.stop());
  const server = open.SQLite;
  const session = await device(server, 'wild');
  await server.post('/notifications/recipients', { device_id: 'wild', provider: 'ntfy', address: 'wild' });
  const of = () => ntfy.told.filter((m) => m.topic === 'wild').map((m) => m.message);
  for (let i = 0; i < 5; i++) await attempts(server, await event(server, session, `n${i}`), 1);
  assert.equal(of().length, 5);
  const rest = [];
  for (let i = 5; i < 9; i++) rest.push(await event(server, session, `n${i}`));
  const due = () =>
    sql('SQLite', server, "SELECT due FROM ev_tellings WHERE state = 'waiting'").split('\n').map(Number);
  await until('all to wait', () => due().length === 4 && due().every((ms) => ms > Date.now() + 500_000));
  assert.ok(due().every((ms) => ms < Date.now() + 600_000));
  assert.equal(of().length, 5);
  // ten minutes later, with many more of them: each in one message, 100 in the first
  await server.stop({ keepState: true });
  sql(
    'SQLite',
    server,
    `WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 116)
     INSERT INTO events (event_id, session_id, user_id, device_id, status, trigger_type, created, duration,
       clip_uri, clip_mime, clip_size, label, should_notify, seq)
     SELECT 'k' || n, session_id, user_id, device_id, status, trigger_type, created, duration,
       clip_uri, clip_mime, clip_size, 'motion', 1, seq + n FROM events, k WHERE event_id = '${rest[3]}'`,
  );
  sql(
    'SQLite',
    server,
    `INSERT INTO ev_tellings SELECT event_id, (SELECT endpoint_id FROM ev_subscriptions WHERE device_id = 'wild'),
       'waiting', 0, 1 FROM events WHERE event_id LIKE 'k%'`,
  );
  sql('SQLite', server, "UPDATE ev_tellings SET due = 1 WHERE state = 'waiting'");
  open.SQLite = await start({}, { state: server.folder });
  await until('two more messages', () => of().length === 7);
  assert.match(of()[5], /^100 events at Sill wild since .*: motion 96, person 4\.\n- n5\n- n6/);
  assert.match(of()[6], /^20 events at Sill wild since .*: motion 20\./);
});

test('told after a restart: what waited, and what was begun is not told twice', async (t) => {
  let server = await start({ tell: { pause_s: 1, retries: 5 } });
  t.after(() => server.stop());
  const session = await device(server, 'again');
  for (const address of ['waits', 'begun'])
    await server.post('/notifications/recipients', { device_id: 'again', provider: 'ntfy', address });
  ntfy.refuse = { status: 503, headers: { 'Retry-After': '3600' } };
  const id = await event(server, session, 'before');
  await attempts(server, id, 2);
  const [waits] = ntfy.messages.filter((m) => m.status === 503).slice(-1);
  const good = waits.topic === 'waits' ? 'begun' : 'waits';
  await server.program.kill(); // with all that it had in mind
  // as if it had ended while one was being told, and the other's time had come
  sql('SQLite', server, `UPDATE ev_tellings SET due = 1 WHERE state = 'waiting'`);
  sql('SQLite', server, `UPDATE ev_tellings SET state = 'begun' WHERE state = 'done'`);
  const told = () => ntfy.told.filter((m) => m.message.startsWith('before')).map((m) => m.topic);
  assert.deepEqual(told(), [good]);
  server = await start({ tell: { pause_s: 1, retries: 5 } }, { state: server.folder });
  const list = await attempts(server, id, 4);
  assert.deepEqual(told(), [good, waits.topic], 'one each');
  assert.match(list.find((a) => /may have arrived/.test(a.failure_reason)).recipient, new RegExp(`^${good}$`));
  const again = list.filter((a) => a.recipient === waits.topic);
  assert.deepEqual(
    again.map((a) => [a.status, a.attempt_number]),
    [
      ['failed', 1],
      ['succeeded', 2],
    ],
  );
});

test("the webhook: told once of each, by the original's keys and secret, with a signature; a test of it", async (t) => {
  const got = [];
  const hook = http.createServer((req, res) => {
    let text = '';
    req.on('data', (c) => (text += c));
    req.on('end', () => {
      got.push(JSON.parse(text));
      res.writeHead(200).end();
    });
  });
  await new Promise((done) => hook.listen(0, '127.0.0.1', done));
  t.after(() => hook.close());
  const server = await start({ webhook: { url: `http://127.0.0.1:${hook.address().port}/hook?key=1` } });
  t.after(() => server.stop());
  const session = await device(server, 'hooked');
  const ids = [await event(server, session), await event(server, session)];
  for (const id of ids)
    assert.equal((await attempts(server, id, 1))[0].recipient, `http://127.0.0.1:${hook.address().port}/hook`);
  assert.deepEqual(
    got.map((b) => b.event_id),
    ids,
    'one each, never together',
  );
  const tried = await server.post('/notifications/test', { device_id: 'hooked', endpoint_id: 'webhook' });
  assert.deepEqual([tried.json.ok, got.at(-1).test], [true, true]);
});

test('mail by STARTTLS and by TLS from the first byte, to a server whose certificate the system knows; to no other', async () => {
  const at = scratch('tb-tell-tls-');
  const { cert, key } = certificate(at);
  const mail = new Program(['/usr/bin/python3', path.join(ROOT, 'tests/sim/mails.py'), cert, key]);
  const ports = JSON.parse(await mail.line('"port"', { ms: 20000 }));
  const known = scratch('tb-tell-ca-');
  copyFileSync(cert, path.join(known, 'ca-certificates.crt'));
  const wrap = ['unshare', '-m', 'sh', '-c', `mount --bind ${known} /etc/ssl/certs && exec "$@"`, 'sh'];
  for (const url of [`smtp://localhost:${ports.port}`, `smtps://localhost:${ports.tls}`])
    for (const trusted of [true, false]) {
      const server = await start({ email: { url, from: 'bench@example.org' } }, trusted ? { wrap } : {});
      await device(server, 'sill');
      const who = { device_id: 'sill', provider: 'email', address: `to-${trusted}@example.org` };
      const { endpoint_id } = (await server.post('/notifications/recipients', who)).json;
      const { json } = await server.post('/notifications/test', { device_id: 'sill', endpoint_id });
      assert.equal(json.ok, trusted, JSON.stringify([url, json]));
      if (trusted) assert.match(await mail.line(`"to-true@example.org"`), /A test of Testbed/);
      else assert.match(json.reason, /certificate/);
      await server.stop();
    }
  assert.doesNotMatch(mail.text, /to-false/);
  await mail.kill();
});
