// Accounts: the first one by the command line, signing in and out by a cookie, roles, groups, tokens of one's own,
// signed tokens, guessing, the audit log. Black box, over HTTP.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BUILD, ROOT, assertProblem, sse, until } from './harness.mjs';
import { HEAD, frame, serve } from './link.mjs';
import { hostKey, Server, withServer } from './server-harness.mjs';

const PASSWORD = 'correct horse 1';
const OTHER = 'battery staple 2';
const SECRET = 'of-a-signer-elsewhere-with-32-bytes-or-more';
const device = (id) => ({ id, label: id, state: 'ready', interfaces: [{ name: 'power', kind: 'power' }] });

/** testbed-server --add-user, as an administrator types it. */
const addUser = (state, name, role, password, env = {}) =>
  spawnSync(path.join(BUILD, 'testbed-server'), ['--state-dir', state, '--add-user', name, '--role', role], {
    input: `${password}\n`,
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });

/** A browser: it keeps cookies, and says of which page it asks. */
class Browser {
  constructor(server) {
    this.server = server;
    this.jar = new Map();
  }
  async request(method, target, { json, headers = {}, ...rest } = {}) {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await this.server.request(method, target, {
      json,
      headers: { Origin: this.server.url, ...(cookie ? { Cookie: cookie } : {}), ...headers },
      ...rest,
    });
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) this.jar.set(name, value);
      else this.jar.delete(name);
    }
    return answer;
  }
  get(target, options) {
    return this.request('GET', target, options);
  }
  signIn(name, password) {
    return this.request('POST', '/api/login', { json: { name, password } });
  }
}

const signedIn = async (server, name, password) => {
  const browser = new Browser(server);
  const answer = await browser.signIn(name, password);
  assert.equal(answer.status, 200, answer.text);
  return browser;
};
const must = async (status, answer) => {
  const got = await answer;
  assert.equal(got.status, status, `${got.status} ${got.text}`);
  return got.json;
};
const bearer = (token) => ({ headers: { Authorization: `Bearer ${token}` } });

/** A server whose first account, root, the command line has made. */
async function withAdmin(t, config = {}, options = {}) {
  const first = await Server.start({});
  await first.stop({ keepState: true });
  const made = addUser(first.folder, 'root', 'admin', PASSWORD, options.env);
  assert.equal(made.status, 0, made.stderr);
  const server = await withServer(t, config, { ...options, state: first.folder });
  return { server, root: await signedIn(server, 'root', PASSWORD) };
}

test('the first account closes the server; a cookie signs in, and out; nothing secret is kept or logged', async (t) => {
  const server = await withServer(t);
  assert.deepEqual(await must(200, server.get('/api/login')), { passwords: false, open: true });
  assert.equal((await must(200, server.get('/api/me'))).user, 'local');
  for (const first of [
    { name: 'root', role: 'admin' },
    { name: 'root', role: 'operator', password: PASSWORD },
  ])
    assertProblem(await server.post('/api/users', first), 409, /first user must be an administrator/);
  assertProblem(await server.post('/api/users', { name: 'root', role: 'admin', password: 'short' }), 400);
  await must(201, server.post('/api/users', { name: 'root', role: 'admin', password: PASSWORD }));

  assertProblem(await server.get('/api/devices'), 401);
  assert.deepEqual(await must(200, server.get('/api/login')), { passwords: true, open: false });
  const browser = new Browser(server);
  assertProblem(await browser.signIn('root', OTHER), 401, /name or the password is wrong/);
  assertProblem(await browser.signIn('nobody', OTHER), 401, /name or the password is wrong/);
  const answer = await browser.signIn('root', PASSWORD);
  assert.deepEqual([answer.json.user, answer.json.role, answer.json.by], ['root', 'admin', 'page']);
  const cookies = [answer.headers['set-cookie']].flat();
  for (const cookie of cookies) assert.match(cookie, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+/);
  await must(200, browser.get('/api/users'));

  // a page of somebody else, and a program that has the cookie but says of no page
  const users = { json: { name: 'anna', password: OTHER } };
  assertProblem(
    await browser.request('POST', '/api/users', { ...users, headers: { Origin: 'http://evil.example' } }),
    403,
  );
  const [name, value] = [...browser.jar].find(([n]) => n.startsWith('testbed-login'));
  assertProblem(
    await server.post('/api/users', users.json, { headers: { Cookie: `${name}=${value}` } }),
    403,
    /Origin/,
  );
  await must(201, browser.request('POST', '/api/users', users));

  await must(204, browser.request('POST', '/api/logout'));
  assertProblem(await server.get('/api/users', { headers: { Cookie: `${name}=${value}` } }), 401);
  assertProblem(await browser.get('/api/users'), 401);

  // restarted, and with its store lost, it is not open again
  await server.program.kill();
  const files = readdirSync(server.folder).filter((f) => f.startsWith('server.db'));
  const kept = files.map((f) => readFileSync(path.join(server.folder, f), 'latin1')).join('');
  assert.match(kept, /\$argon2id\$v=19\$m=32768,t=3,p=1\$/);
  for (const secret of [PASSWORD, OTHER, value]) {
    assert.ok(!kept.includes(secret), 'not in the store');
    assert.ok(!server.program.text.includes(secret), 'not in the log');
  }
  assert.ok(existsSync(path.join(server.folder, 'accounts')));
  const again = await withServer(t, {}, { state: server.folder });
  await signedIn(again, 'anna', OTHER);
});

test('the command line makes accounts, also while the server runs; SIGHUP takes them over', async (t) => {
  const { server, root } = await withAdmin(t);
  assert.match(addUser(server.folder, 'anna', 'operator', 'short').stderr, /10 to 256 characters/);
  assert.match(addUser(server.folder, 'an na', 'operator', OTHER).stderr, /a name has/);
  assert.match(addUser(server.folder, 'anna', 'king', OTHER).stderr, /viewer, operator or admin/);
  const made = addUser(server.folder, 'anna', 'operator', OTHER);
  assert.match(made.stdout, /anna may sign in, as operator/, made.stderr);
  assertProblem(await new Browser(server).signIn('anna', OTHER), 401);
  server.program.child.kill('SIGHUP');
  await until('anna to be known', async () => (await new Browser(server).signIn('anna', OTHER)).status === 200);
  assert.match(addUser(server.folder, 'Anna', 'operator', OTHER).stderr, /"anna" already.*case alone/);
  // a forgotten password is set anew by the same command
  assert.equal(addUser(server.folder, 'root', 'admin', OTHER).status, 0);
  server.program.child.kill('SIGHUP');
  await until('the new password', async () => (await new Browser(server).signIn('root', OTHER)).status === 200);
  assert.equal((await must(200, root.get('/api/me'))).user, 'root');
});

test('groups: one sees and controls what they name, by every way; whoever may less loses what he holds', async (t) => {
  const tokens = [
    { name: 'ci', role: 'operator', token: 'ci-0123456789abcdef', devices: ['lab-1/board'] },
    { name: 'boss', role: 'admin', token: 'boss-0123456789abcdef' },
  ];
  const server = await withServer(t, { tokens });
  const boss = bearer('boss-0123456789abcdef');
  const ci = bearer('ci-0123456789abcdef');
  for (const name of ['lab-1', 'lab-2'])
    await server.host(name, [device('board'), device('phone')], { token: boss.headers.Authorization.slice(7) });
  await must(201, server.post('/api/groups', { name: 'boards', role: 'operator', devices: ['*/board'] }, boss));
  await must(201, server.post('/api/groups', { name: 'lab-2', role: 'viewer', devices: ['lab-2'] }, boss));
  assertProblem(await server.post('/api/groups', { name: 'x', devices: ['lab 1'] }, boss), 400, /HOST\/DEVICE/);
  const user = { name: 'anna', role: 'operator', password: PASSWORD, groups: ['boards', 'lab-2'] };
  assertProblem(await server.post('/api/users', { ...user, groups: ['none'] }, boss), 400, /no group/);
  assertProblem(await server.post('/api/users', { ...user, name: 'ci' }, boss), 409, /token of the configuration/);
  await must(201, server.post('/api/users', user, boss));
  const anna = await signedIn(server, 'anna', PASSWORD);

  const ids = async (who) => (await must(200, who('/api/devices'))).map((d) => d.id);
  const hosts = async (who) =>
    (await must(200, who('/api/hosts'))).map((h) => [h.name, ...h.devices.map((d) => d.id)].join(' '));
  const asCi = (target) => server.get(target, ci);
  const asAnna = (target) => anna.get(target);
  assert.deepEqual(await ids(asCi), ['lab-1/board']);
  assert.deepEqual(await hosts(asCi), ['lab-1 board']);
  assert.deepEqual(await ids(asAnna), ['lab-1/board', 'lab-2/board', 'lab-2/phone']);
  assert.deepEqual(await hosts(asAnna), ['lab-1 board', 'lab-2 board phone']);
  assert.equal((await ids((target) => server.get(target, boss))).length, 4);

  // what is not theirs: links, carried requests of any shape, what is about all
  const link = (who, name, mode) => who('POST', '/api/session', { json: { device: name, mode } });
  const byCi = (method, target, options) => server.request(method, target, { ...ci, ...options });
  const byAnna = (method, target, options) => anna.request(method, target, options);
  for (const [who, name, mode, status] of [
    [byCi, 'lab-1/board', 'control', 201],
    [byCi, 'lab-1/phone', 'view', 404],
    [byCi, 'lab-2/board', 'view', 404],
    [byAnna, 'lab-1/board', 'control', 201],
    [byAnna, 'lab-1/phone', 'view', 404],
    [byAnna, 'lab-2/phone', 'view', 201],
    [byAnna, 'lab-2/phone', 'control', 403],
  ])
    await must(status, link(who, name, mode));
  for (const [target, status] of [
    ['/api/hosts/lab-1/host/devices/phone/power', 403],
    ['/api/hosts/lab-1/host/devices', 403],
    ['/api/hosts/lab-1/host/devices/..%2Fphone', 403],
    ['/api/hosts/lab-1/host/devices/board/../phone', 403],
    ['/api/hosts/lab-1/host/events?device=board&device=phone', 403],
    ['/api/hosts/lab-1/power/control/off?hostname=phone', 404],
    ['/api/hosts/lab-2/host/devices/board', 404],
    ['/api/hosts/lab-9/host/devices/board', 404],
    ['/api/telemetry', 403],
    ['/server/system/getAllHosts', 403],
    ['/api/users', 403],
    ['/api/audit', 403],
    ['/api/audit/export', 403],
    ['/api/audit/check', 403],
    ['/api/users/anna/data', 403],
    ['/api/enrol', 403],
  ])
    await must(status, byCi('GET', target));
  await must(403, byAnna('PUT', '/api/hosts/lab-2/host/devices/phone/power', { json: { state: 'on' } }));

  // every route of the description: with a token that sees one device, it is closed, or one of those that ask
  const spec = await must(200, server.get('/openapi.json'));
  const asks = [
    '/api/hosts',
    '/api/devices',
    '/api/session',
    '/api/ice',
    '/webrtc/turn-credentials',
    '/api/diagnose',
    '/api/me',
    '/api/me/sessions',
    '/api/me/data',
    '/health',
    '/metrics',
    '/openapi.json',
    '/api/login',
    '/api/oidc/start', // browsers, of whom nothing is known yet
    '/api/oidc/callback',
    '/ws',
    '/events', // of each his own
    '/sessions',
    '/usage',
    '/webrtc/calls', // in which he takes part
    '/webrtc/stats',
    '/notifications/telegram/target', // of his own devices
    '/notifications/telegram/targets',
    '/notifications/telegram/readiness', // whether there is a bot
    '/notifications/telegram/link/status', // whether there is such a link
  ];
  for (const [target, methods] of Object.entries(spec.paths)) {
    const streams = ['/events/stream', '/api/events']; // server-events, server-lists
    if (!methods.get || target.includes('{') || streams.includes(target)) continue;
    const wanted = (methods.get.parameters ?? []).filter((q) => q.in === 'query' && q.required);
    const answer = await byCi('GET', `${target}?${wanted.map((q) => `${q.name}=of-somebody-else`).join('&')}`);
    assert.ok(asks.includes(target) || [403, 404].includes(answer.status), `${target}: ${answer.status}`);
    if (answer.status === 200 && target !== '/openapi.json') assert.doesNotMatch(answer.text, /lab-2/, target);
  }

  // his links end with the right to them
  const mine = await must(201, link(byAnna, 'lab-1/board', 'control'));
  const other = await must(201, link(byAnna, 'lab-2/board', 'view'));
  await must(200, server.request('PATCH', '/api/users/anna', { json: { groups: ['lab-2'] }, ...boss }));
  await must(404, server.get(`/api/session/${mine.sessionId}`));
  await must(200, server.get(`/api/session/${other.sessionId}`));
  assert.deepEqual(await ids(asAnna), ['lab-2/board', 'lab-2/phone']);
  // a group that is no more opens nothing
  await must(204, server.request('DELETE', '/api/groups/lab-2', boss));
  assert.deepEqual(await ids(asAnna), []);
  await must(404, server.get(`/api/session/${other.sessionId}`));
  await must(204, server.request('DELETE', '/api/users/anna', boss));
  // so do those of a token that has less in the configuration that is read again, and of one that is taken out of it
  const his = await must(201, link(byCi, 'lab-1/board', 'view'));
  const hands = await must(201, link(byCi, 'lab-1/board', 'control'));
  const yaml = path.join(server.folder, 'server.yaml');
  const less = [{ ...tokens[0], role: 'viewer' }, ...tokens.slice(1)];
  writeFileSync(yaml, JSON.stringify({ ...JSON.parse(readFileSync(yaml, 'utf8')), tokens: less }));
  server.program.child.kill('SIGHUP');
  await until('his control to end', async () => (await server.get(`/api/session/${hands.sessionId}`)).status === 404);
  await must(200, server.get(`/api/session/${his.sessionId}`));
  writeFileSync(yaml, JSON.stringify({ ...JSON.parse(readFileSync(yaml, 'utf8')), tokens: [tokens[1]] }));
  server.program.child.kill('SIGHUP');
  await until('his link to end', async () => (await server.get(`/api/session/${his.sessionId}`)).status === 404);
  assertProblem(await anna.get('/api/me'), 401);
});

test('tokens of ones own, sign-ins that are listed and ended, another password, the last administrator', async (t) => {
  const { server, root } = await withAdmin(t);
  await must(201, root.request('POST', '/api/users', { json: { name: 'anna', role: 'operator', password: PASSWORD } }));
  const [here, there] = [await signedIn(server, 'anna', PASSWORD), await signedIn(server, 'anna', PASSWORD)];
  const made = await must(201, here.request('POST', '/api/me/sessions', { json: { about: '\u202enight\u200bly\n' } }));
  assert.match(made.token, /^login-[\w-]{43}$/);
  const me = await must(200, server.get('/api/me', bearer(made.token)));
  assert.deepEqual([me.user, me.role, me.by], ['anna', 'operator', 'token']);
  const more = server.post('/api/me/sessions', { about: 'for ever' }, bearer(made.token));
  assertProblem(await more, 403, /a token makes no other one/);
  // the cookie's secret is no token, nor the other way round
  const [name, value] = [...there.jar].find(([n]) => n.startsWith('testbed-login'));
  assertProblem(await server.get('/api/me', bearer(value)), 401);
  assertProblem(await server.get('/api/me', { headers: { Cookie: `${name}=${made.token}` } }), 401);

  const list = await must(200, here.get('/api/me/sessions'));
  assert.deepEqual(list.map((s) => [s.kind, s.about === 'nightly', s.current]).sort(), [
    ['page', false, false],
    ['page', false, true],
    ['token', true, false],
  ]);
  assert.ok(!JSON.stringify(list).includes(made.token));
  const there2 = list.find((s) => s.kind === 'page' && !s.current);
  await must(404, root.request('DELETE', `/api/me/sessions/${there2.id}`)); // it is not his
  await must(204, here.request('DELETE', `/api/me/sessions/${there2.id}`));
  assertProblem(await there.get('/api/me'), 401);

  assertProblem(
    await here.request('PUT', '/api/me/password', { json: { password: OTHER, new: OTHER } }),
    403,
    /present password/,
  );
  await must(204, here.request('PUT', '/api/me/password', { json: { password: PASSWORD, new: OTHER } }));
  assertProblem(await server.get('/api/me', bearer(made.token)), 401);
  await must(200, here.get('/api/me'));
  await signedIn(server, 'anna', OTHER);

  // an administrator lists and ends them, makes tokens for programs, sets a password
  const bot = await must(201, root.request('POST', '/api/users', { json: { name: 'bot', role: 'viewer' } }));
  assert.equal(bot.hasPassword, false);
  const token = await must(
    201,
    root.request('POST', '/api/users/bot/sessions', { json: { about: 'a robot', ttl_s: 60 } }),
  );
  assert.equal((await must(200, server.get('/api/me', bearer(token.token)))).user, 'bot');
  await must(204, root.request('DELETE', `/api/users/bot/sessions/${token.id}`));
  assertProblem(await server.get('/api/me', bearer(token.token)), 401);
  await must(200, root.request('PATCH', '/api/users/anna', { json: { password: 'set by somebody' } }));
  assertProblem(await here.get('/api/me'), 401);

  for (const [method, json] of [['DELETE'], ['PATCH', { role: 'operator' }]])
    assertProblem(await root.request(method, '/api/users/root', { json }), 409, /nobody would be left/);
  await must(200, root.request('PATCH', '/api/users/anna', { json: { role: 'admin' } }));
  await must(204, root.request('DELETE', '/api/users/root'));
  assertProblem(await root.get('/api/me'), 401);
});

test('there is a limit to all of it, and whoever comes to it is told', async (t) => {
  const { server, root } = await withAdmin(t, { limits: { users: 2, groups: 1 } }); // TB_LIMIT_USERS, TB_LIMIT_GROUPS
  const user = (name, more) => root.request('POST', '/api/users', { json: { name, ...more } });
  const group = (name, devices) => root.request('POST', '/api/groups', { json: { name, devices } });
  const patterns = (n) => Array.from({ length: n }, (_, i) => `lab-${i}`);
  await must(201, group('a', patterns(64))); // TB_LIMIT_GROUP_DEVICES
  assertProblem(await group('a', patterns(65)), 400);
  await must(200, group('a', ['lab-1']));
  assertProblem(await group('b', ['lab-1']), 429, /1 groups, more are not kept/);
  assertProblem(await user('anna', { groups: Array(33).fill('a') }), 400); // TB_LIMIT_USER_GROUPS
  await must(201, user('anna', { groups: Array(32).fill('a') }));
  assertProblem(await user('bert'), 429, /2 users, more are not kept/);
  assert.match(server.program.text, /group a is changed/);
});

test('who guesses waits; a browser that was here before, and neighbours who are signed in, do not', async (t) => {
  const { server, root } = await withAdmin(t);
  for (const name of ['anna', 'bert'])
    await must(201, root.request('POST', '/api/users', { json: { name, password: PASSWORD } }));
  const known = await signedIn(server, 'anna', PASSWORD);
  await must(204, known.request('POST', '/api/logout'));
  const guesser = new Browser(server);
  for (let i = 0; i < 10; i++) await must(401, guesser.signIn('anna', OTHER)); // TB_LIMIT_GUESSES
  const refused = await guesser.signIn('anna', PASSWORD);
  assertProblem(refused, 429, /too many wrong passwords: again in (1 minute|\d{2,} minutes|[2-9] minutes)\. /);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  await must(200, known.signIn('anna', PASSWORD)); // by its cookie
  await must(200, guesser.signIn('bert', PASSWORD)); // another account, same address
  await must(200, new Browser(server).signIn('anna', PASSWORD)); // she is signed in from here by now
  await must(200, root.get('/api/me'));
});

const jwt = (claims, { secret = SECRET, head = { alg: 'HS256', typ: 'JWT' } } = {}) => {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  const text = `${part(head)}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
};

test('signed tokens (JWT): HS256 with the secret, and nothing else', async (t) => {
  const server = await withServer(t, {}, { env: { JWT_SECRET: SECRET } });
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'carl', role: 'operator', exp: now + 60 };
  const me = async (token) => server.get('/api/me', bearer(token));
  const answer = await must(200, me(jwt(claims)));
  assert.deepEqual([answer.user, answer.role, answer.by, answer.everywhere], ['carl', 'operator', 'signed', true]);
  for (const [token, words] of [
    [jwt({ ...claims, exp: now - 61 }), /expired/],
    [jwt(claims, { secret: `${SECRET}x` }), /not signed with this server's secret/],
    [jwt(claims, { head: { alg: 'none' } }), /HS256/],
    [
      `${jwt(claims, { head: { alg: 'none' } })
        .split('.')
        .slice(0, 2)
        .join('.')}.`,
      /HS256/,
    ],
    [jwt({ ...claims, role: 'king' }), /role/],
    [jwt({ sub: 'carl', exp: now + 60 }), /no role/],
    [jwt({ role: 'admin', exp: now + 60 }), /names no user/],
  ])
    assertProblem(await me(token), 401, words);
  // no groups narrow nothing, a list without one leaves nothing
  const everywhere = async (more) => (await must(200, me(jwt({ ...claims, ...more })))).everywhere;
  const groups = [undefined, [], ['gone']];
  assert.deepEqual(await Promise.all(groups.map((list) => everywhere({ groups: list }))), [true, false, false]);
  // of somebody with an account the account is the ceiling
  const admin = bearer(jwt({ sub: 'dora', role: 'admin', exp: now + 60 }));
  await must(201, server.post('/api/users', { name: 'carl', role: 'viewer' }, admin));
  assert.equal((await must(200, me(jwt(claims)))).role, 'viewer');
  assert.equal((await must(200, me(jwt({ sub: 'carl', exp: now + 60 })))).role, 'viewer');
  assert.ok(!server.program.text.includes(SECRET));
  const weak = Server.start({}, { env: { JWT_SECRET: 'too-short' } });
  await assert.rejects(weak, /less than 32 characters/);
});

test('what a group loses is lost at once to who is in it by a signature: streams, sockets, links; an account is a ceiling', async (t) => {
  const tokens = [{ name: 'boss', role: 'admin', token: 'a-token-of-the-boss' }];
  const hosts = [{ name: 'lab-1', token: 'a-token-of-the-host' }];
  const server = await withServer(t, { tokens, hosts }, { env: { JWT_SECRET: SECRET } });
  const boss = bearer(tokens[0].token);
  const host = await server.host('lab-1', [device('board'), device('phone')], { token: hosts[0].token });
  serve(host, (head, stream) =>
    host.send(frame(HEAD, stream, { status: 200, headers: { 'content-type': 'text/event-stream' } })),
  );
  const group = (devices) => server.post('/api/groups', { name: 'boards', role: 'operator', devices }, boss);
  await must(201, group(['lab-1/board', 'lab-1/phone']));
  const exp = Math.floor(Date.now() / 1000) + 60;
  const signed = (sub, more) => bearer(jwt({ sub, role: 'operator', exp, ...more }));
  const carl = signed('carl', { groups: ['boards'] });
  const dora = signed('dora'); // no group says what she may
  const open = (who) => sse(server.url, '/api/hosts/lab-1/host/events?device=board', who);
  const carls = await open(carl);
  const doras = await open(dora);
  const link = async (name) =>
    (await must(201, server.post('/api/session', { device: `lab-1/${name}`, mode: 'view' }, carl))).sessionId;
  const [lost, kept] = [await link('board'), await link('phone')];
  const socket = await server.websocket(`/ws?access_token=${carl.headers.Authorization.slice(7)}`);
  socket.send({ subscribe: ['devices'] });
  await socket.find((m) => m.list === 'devices');

  await must(200, group(['lab-1/phone']));
  await until('his stream and his socket to end', () => carls.closed !== null && socket.closed !== null);
  assert.equal(doras.closed, null);
  await must(404, server.get(`/api/session/${lost}`, boss));
  await must(200, server.get(`/api/session/${kept}`, boss));

  await must(201, server.post('/api/users', { name: 'dora', role: 'viewer', groups: ['boards'] }, boss));
  await until('her stream to end', () => doras.closed !== null);
});

test('the audit log: who did what, from where, by which request; filters and a cursor; over a restart', async (t) => {
  const { server, root } = await withAdmin(t);
  await must(
    201,
    root.request('POST', '/api/users', {
      json: { name: 'anna', password: OTHER },
      headers: { 'X-Request-Id': 'made-by-root' },
    }),
  );
  await must(401, new Browser(server).signIn('anna', PASSWORD));
  await signedIn(server, 'anna', OTHER);
  const rows = async (query = '') => (await must(200, root.get(`/api/audit${query}`))).rows;
  const all = await until('the rows', async () => {
    const now = await rows();
    return now.length >= 4 && now;
  });
  assert.deepEqual(
    all.map((r) => [r.user, r.action, r.object, r.outcome]),
    [
      ['', 'login', 'anna', 'ok'],
      ['', 'login', 'anna', '401'],
      ['root', 'users.add', 'anna', 'ok'],
      ['', 'login', 'root', 'ok'],
    ],
  );
  assert.equal(all[2].request, 'made-by-root');
  assert.equal(all[0].address, '127.0.0.1');
  assert.equal((await rows('?request=made-by-root')).length, 1);
  assert.equal((await rows('?action=users.')).length, 1);
  assert.equal((await rows('?action=us%25')).length, 0);
  assert.equal((await rows('?user=root&object=anna')).length, 1);
  assert.equal((await rows(`?to=${all[3].at}`)).length, 0);
  assertProblem(await root.get('/api/audit?from=yesterday'), 400);
  const page = await must(200, root.get('/api/audit?limit=3'));
  assert.deepEqual(
    (await rows(`?before=${page.next}`)).map((r) => r.id),
    [all[3].id],
  );
  // strangers, and whoever is refused, fill it with no names of theirs
  const looker = await must(201, root.request('POST', '/api/users/anna/sessions', { json: { about: 'looks' } }));
  for (let i = 0; i < 20; i++) {
    await must(401, server.get(`/api/hosts/h${i}/host/devices/board`));
    await must(401, server.post('/api/users', { name: `n${i}` }));
    await must(403, server.request('PUT', `/api/hosts/h${i}/host/devices/x`, { json: {}, ...bearer(looker.token) }));
  }
  const few = await rows();
  assert.deepEqual(
    few
      .slice(0, -4)
      .map((r) => [r.user, r.action, r.object, r.outcome])
      .sort(),
    [
      ['', 'users.add', '', '401'],
      ['anna', 'carry', '', '403'],
      ['root', 'token.make', 'anna', 'ok'],
    ],
  );
  // who saw, and did what, at a host: by a link, by carried requests; the host is told by which request
  const made = await must(201, root.request('POST', '/api/enrol', { json: {} }));
  const key = hostKey();
  const host = await server.host('lab-1', [device('board')], { token: made.token, key });
  const link = await must(
    201,
    root.request('POST', '/api/session', { json: { device: 'lab-1/board', mode: 'control' } }),
  );
  const guest = await server.join('desktop', link);
  await guest.stop();
  const power = '/api/hosts/lab-1/host/devices/board/power';
  const carried = root.request('PUT', power, { json: { state: 'on' }, headers: { 'X-Request-Id': 'travels' } });
  await until('the request at the host', () => host.bytes().includes('"X-Request-Id":"travels"'));
  await host.stop();
  await carried;
  for (const name of ['Anna', 'LOCAL'])
    assertProblem(await root.request('POST', '/api/users', { json: { name } }), 409);
  const seen = await until('the rows', async () => {
    const now = await rows('?object=lab-1/board');
    return now.some((r) => r.action === 'leave') && now.some((r) => r.request === 'travels') && now;
  });
  assert.deepEqual(seen.map((r) => [r.user, r.action]).sort(), [
    ['guest (link of root)', 'join.control'],
    ['guest (link of root)', 'leave'],
    ['root', 'PUT /host/devices/board/power'],
    ['root', 'link.make'],
  ]);
  for (const secret of [PASSWORD, OTHER, link.token, made.token])
    assert.ok(!JSON.stringify(await rows()).includes(secret));
  for (const secret of [PASSWORD, OTHER]) assert.ok(!JSON.stringify(all).includes(secret));
  await server.stop({ keepState: true });
  const again = await withServer(t, {}, { state: server.folder });
  const later = await signedIn(again, 'root', PASSWORD);
  assert.ok((await must(200, later.get('/api/audit?user=root'))).rows.some((r) => r.action === 'users.add'));
});

test('the audit log is a chain: as a file anybody can check it, and what a hand in the store does is found', async (t) => {
  const { server, root } = await withAdmin(t);
  for (const name of ['anna', '=1+1']) await root.request('POST', '/api/users', { json: { name, password: OTHER } });
  const sha = (text) => createHash('sha256').update(text).digest('hex');
  const names = ['user', 'action', 'object', 'outcome', 'address', 'request'];
  let prev = '0'.repeat(64);
  const entries = await until('the entries', async () => {
    const { text, headers } = await root.get('/api/audit/export');
    assert.match(headers['content-disposition'], /audit\.jsonl/);
    const all = text.trim().split('\n').map(JSON.parse);
    return all.length >= 3 && all;
  });
  for (const e of entries) {
    const digests = names.map((n) => sha(`${sha(`${n}:${e.salts}`).slice(0, 32)}:${e[n]}`));
    const lines = ['testbed-audit-1', prev, e.id, Date.parse(e.at), ...digests];
    assert.equal(e.prev, prev);
    assert.equal(e.hash, sha(`${lines.join('\n')}\n`));
    prev = e.hash;
  }
  // … by the lines that the manual gives, too
  const [, script] = /```python\n([\s\S]+?)```/.exec(readFileSync(path.join(ROOT, 'docs/ACCOUNTS.md'), 'utf8'));
  const python = async () =>
    spawnSync('python3', ['-c', script], { input: (await root.get('/api/audit/export')).text });
  assert.equal((await python()).status, 0);
  const csv = await root.get('/api/audit/export?action=users.', { headers: { Accept: 'text/csv' } });
  assert.match(csv.headers['content-type'], /^text\/csv/);
  assert.match(csv.text, /^id,at,user,action,[\w,]+\r\n\d+,\S+Z,"root","users.add","anna","ok",/);
  assert.ok(csv.text.includes(`,"'=1+1","400",`), csv.text); // no formula in a spreadsheet
  const check = (query = '') => must(200, root.get(`/api/audit/check${query}`));
  assert.equal((await check(`?head=${prev}`)).ok, true);
  assert.equal((await check(`?head=${'a'.repeat(64)}`)).ok, false);
  assertProblem(await root.get('/api/audit/check?head=abc'), 400);
  assertProblem(await root.get('/api/audit/export?format=xml'), 400);
  // who took the log along, or looked through it, is in it
  const who = (await must(200, root.get('/api/audit?action=audit.'))).rows.map((r) => `${r.user} ${r.action}`);
  assert.deepEqual([...new Set(who)].sort(), ['root audit.check', 'root audit.export']);
  // beside the server that runs
  const verify = (...args) =>
    spawnSync(path.join(BUILD, 'testbed-server'), ['--state-dir', server.folder, '--verify-audit', ...args], {
      encoding: 'utf8',
    });
  assert.deepEqual([verify('--head', prev).status, verify('--head', 'f'.repeat(64)).status], [0, 3]);
  const hand = `UPDATE audit SET object = 'bert' WHERE object = 'anna'`;
  const sql =
    'import sqlite3, sys\nsqlite3.connect(sys.argv[1], timeout=10, isolation_level=None).execute(sys.argv[2])';
  assert.equal(spawnSync('python3', ['-c', sql, path.join(server.folder, 'server.db'), hand]).status, 0);
  const said = await check();
  assert.deepEqual(
    said.findings.map((f) => [f.kind, f.id]),
    [['changed', entries.find((e) => e.object === 'anna').id]],
  );
  assert.notEqual((await python()).status, 0);
  const told = verify();
  assert.equal(told.status, 3);
  assert.match(
    told.stdout,
    /entry \d+ of \S+Z: this entry is not what was written[\s\S]+NOT what was written: 1 finding/,
  );
});

test('a program signs in: a signed token for minutes, the next one for another token each time', async (t) => {
  const { server, root } = await withAdmin(t, {}, { env: { JWT_SECRET: SECRET } });
  await must(201, root.request('POST', '/api/users', { json: { name: 'anna', role: 'operator', password: OTHER } }));
  const signIn = (password) => server.post('/api/token', { name: 'anna', password });
  const next = (refreshToken) => server.post('/api/token/refresh', { refreshToken });
  const me = (pair) => server.get('/api/me', bearer(pair.accessToken));
  assertProblem(await signIn(PASSWORD), 401);
  const first = await must(200, signIn(OTHER));
  // TB_LIMIT_ACCESS_TOKEN_S, TB_LIMIT_REFRESH_TOKEN_S
  assert.deepEqual([first.tokenType, first.expiresIn, first.refreshExpiresIn], ['Bearer', 900, 604800]);
  const claims = JSON.parse(Buffer.from(first.accessToken.split('.')[1], 'base64url'));
  assert.deepEqual(
    [claims.sub, claims.email, claims.role, claims.organizationId, claims.exp - claims.iat],
    ['anna', null, 'operator', null, 900],
  );
  const is = await must(200, me(first));
  assert.deepEqual([is.user, is.role, is.by], ['anna', 'operator', 'signed']);
  const ice = await must(200, server.get('/webrtc/turn-credentials', bearer(first.accessToken)));
  assert.ok(Array.isArray(ice.iceServers) && ice.ttl > 0);
  assertProblem(await server.get('/webrtc/turn-credentials'), 401);
  // what it may is what the account may, now
  await must(200, root.request('PATCH', '/api/users/anna', { json: { role: 'viewer' } }));
  assert.equal((await must(200, me(first))).role, 'viewer');
  // each refresh token is good once: who shows one that was used ends the sign-in, whoever has the newest
  const second = await must(200, next(first.refreshToken));
  const third = await must(200, next(second.refreshToken));
  assert.notEqual(third.refreshToken, second.refreshToken);
  await must(200, me(first));
  assert.match((await must(401, next(second.refreshToken))).detail, /used before/);
  for (const pair of [first, third]) assert.match((await must(401, me(pair))).detail, /has ended/);
  assert.match((await must(401, next(third.refreshToken))).detail, /sign in again/);
  await must(401, next('refresh-nobody.x'));
  await must(401, server.get('/api/me', bearer(third.refreshToken)));
  const { rows } = await must(200, root.get('/api/audit?action=token.reuse'));
  assert.deepEqual(
    rows.map((r) => [r.user, r.outcome]),
    [['anna', '401']],
  );
  // signing out ends both; so do another password and the list of sign-ins; a restart does not
  const own = await must(200, signIn(OTHER));
  await must(204, server.request('POST', '/api/logout', bearer(own.accessToken)));
  await must(401, me(own));
  await must(401, next(own.refreshToken));
  const kept = await must(200, signIn(OTHER));
  const seen = await must(200, next(kept.refreshToken));
  await server.stop({ keepState: true });
  const again = await withServer(t, {}, { state: server.folder, env: { JWT_SECRET: SECRET } });
  const later = await must(200, again.post('/api/token/refresh', { refreshToken: seen.refreshToken }));
  await must(200, again.get('/api/me', bearer(seen.accessToken)));
  const page = await signedIn(again, 'anna', OTHER);
  await must(204, page.request('DELETE', '/api/me/sessions'));
  await must(401, again.get('/api/me', bearer(later.accessToken)));
  await again.stop({ keepState: true });
  const plain = await withServer(t, {}, { state: server.folder });
  assertProblem(await plain.post('/api/token', { name: 'anna', password: OTHER }), 501);
});

test('two who change one user at once: what the one has not named, the other has', async (t) => {
  const { root } = await withAdmin(t);
  const make = (target, json) => must(201, root.request('POST', target, { json }));
  await make('/api/groups', { name: 'boards', devices: ['lab-*/board'] });
  await make('/api/users', { name: 'anna', role: 'operator' });
  const change = (json) => must(200, root.request('PATCH', '/api/users/anna', { json }));
  const [anna] = await Promise.all([change({ password: OTHER }), change({ groups: ['boards'], role: 'viewer' })]);
  assert.deepEqual([anna.groups, anna.role, anna.hasPassword], [['boards'], 'viewer', true]);
});
