// Signing in at a provider of OpenID Connect (npm's oidc-provider): accounts, roles and groups of what it says,
// connecting, refusals.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';

import { assertProblem, freePort, until } from './harness.mjs';
import { Browser, startProvider } from './oidc-provider.mjs';
import { withServer } from './server-harness.mjs';

const MAP = [
  { value: 'bosses', role: 'admin' },
  { value: 'lab', role: 'operator', groups: ['boards'] },
];

/** A server that asks a provider, both on the loopback. `make(oidc)`: what differs. */
async function bench(t, { people, oidc = {}, client, config = {}, env } = {}) {
  const port = await freePort();
  const provider = await startProvider(people, [`http://127.0.0.1:${port}/api/oidc/callback`], { client });
  t.after(() => provider.stop().catch(() => {}));
  const server = await withServer(
    t,
    {
      port,
      oidc: {
        issuer: provider.issuer,
        client_id: 'bench',
        client_secret: 'bench-secret',
        name: 'Lab ID',
        scope: 'openid profile groups',
        map: MAP,
        ...oidc,
      },
      ...config,
    },
    { env },
  );
  const base = server.url.replace(/\/$/, '');
  const start = (to = '') => `${base}/api/oidc/start${to}`;
  const back = `${base}/api/oidc/callback`;
  return { provider, server, base, start, back, people };
}

/** The whole way, as a browser goes it; what the server answers at its end. */
async function signIn(b, browser, who, to) {
  const there = await browser.toProvider(b.start(to), who, b.back);
  assert.ok(there.next, `${there.status} ${there.url} ${there.text}`);
  return browser.go(there.next, { cross: true });
}

const me = async (b, browser) => {
  const answer = await browser.go(`${b.base}/api/me`);
  return answer.status === 200 ? JSON.parse(answer.text) : answer.status;
};

test('one signs in elsewhere: an account with the role and the groups of what is said there; it follows each time', async (t) => {
  const people = { anna: { sub: 's-1', preferred_username: 'anna', groups: ['lab', 'x'] } };
  const b = await bench(t, { people });
  assert.equal((await b.server.get('/api/login')).json.oidc, 'Lab ID');
  assert.equal((await b.server.get('/api/me')).status, 401, 'who shows nothing is nobody');
  const browser = new Browser();
  const answer = await signIn(b, browser, 'anna', '?to=links%3Fa%3D1');
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.text, /<meta http-equiv="refresh" content="0; url=\/links\?a=1">/);
  assert.match(answer.headers.get('content-security-policy'), /default-src 'none'/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const cookies = browser.cookies(b.base);
  assert.deepEqual(cookies.map((c) => c.name.replace(/\d+$/, '')).sort(), ['testbed-browser-', 'testbed-login-']);
  assert.ok(cookies.every((c) => c.strict));
  const is = await me(b, browser);
  assert.deepEqual([is.user, is.role, is.by, is.connected, is.hasPassword], ['anna', 'operator', 'page', true, false]);
  assert.deepEqual(is.groups, ['boards']);

  // There he is called otherwise now, and is in another group: the same account, and another role.
  b.people.anna = { sub: 's-1', preferred_username: 'annabella', groups: ['bosses'] };
  const other = new Browser();
  assert.equal((await signIn(b, other, 'anna')).status, 200);
  const now = await me(b, other);
  assert.deepEqual([now.user, now.role, now.groups], ['anna', 'admin', []]);
  assert.equal((await me(b, browser)).role, 'admin');
  const users = JSON.parse((await other.go(`${b.base}/api/users`)).text);
  assert.deepEqual(
    users.map((u) => [u.name, u.connected, u.hasPassword]),
    [['anna', true, false]],
  );
  const audit = JSON.parse((await other.go(`${b.base}/api/audit?action=oidc`)).text);
  assert.deepEqual(
    audit.rows.map((e) => [e.user, e.action, e.outcome]),
    [
      ['anna', 'oidc.login', '200'],
      ['anna', 'oidc.login', '200'],
    ],
  );

  // In none of the groups that are let in: not any more.
  b.people.anna = { sub: 's-1', preferred_username: 'anna', groups: [] };
  const third = new Browser();
  const refused = await signIn(b, third, 'anna');
  assert.equal(refused.status, 403);
  assert.match(refused.text, /in none of the groups that are let in here/);
  assert.equal(await me(b, third), 401);
});

test('an account of that name that is somebody else’s is not given away; who is signed in to it connects it', async (t) => {
  const people = {
    root: { sub: 's-9', preferred_username: 'Admin', groups: ['lab'] },
    odd: { sub: 's-8', preferred_username: 'an <b>odd</b> name', groups: ['lab'] },
  };
  const b = await bench(t, { people, env: { TESTBED_ADMIN_PASSWORD: 'long enough for anybody' } });
  const thief = new Browser();
  const refused = await signIn(b, thief, 'root');
  assert.equal(refused.status, 409);
  assert.match(refused.text, /there is a user &quot;admin&quot; already, which is not known to be the one of Lab ID/);
  assert.equal(await me(b, thief), 401);
  const odd = await signIn(b, new Browser(), 'odd');
  assert.equal(odd.status, 403);
  assert.match(odd.text, /an &lt;b&gt;odd&lt;\/b&gt; name/);

  const browser = new Browser();
  assert.equal((await browser.go(b.start('?connect=true'))).status, 401);
  const login = await fetch(`${b.base}/api/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: b.base },
    body: JSON.stringify({ name: 'admin', password: 'long enough for anybody' }),
  });
  assert.equal(login.status, 200);
  const cookie = login.headers.getSetCookie().map((c) => c.split(';')[0]);
  const connect = await fetch(b.start('?connect=true&to=account'), {
    redirect: 'manual',
    headers: { Cookie: cookie.join('; ') },
  });
  assert.equal(connect.status, 302);
  const [own] = connect.headers.getSetCookie();
  assert.match(own, /^testbed-oidc-[\w-]{12}=[\w-]{43}; Path=\/api\/oidc\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  const there = await browser.toProvider(connect.headers.get('location'), 'root', b.back);
  const answer = await fetch(there.next, { headers: { Cookie: own.split(';')[0] } });
  assert.equal(answer.status, 200, await answer.clone().text());
  assert.match(await answer.text(), /url=\/account"/);
  assert.deepEqual(
    answer.headers.getSetCookie().filter((c) => /testbed-login/.test(c)),
    [],
    'he is signed in already',
  );

  // From now on he comes by either way, as what he is here: an account with a password keeps its role.
  const again = new Browser();
  assert.equal((await signIn(b, again, 'root')).status, 200);
  const is = await me(b, again);
  assert.deepEqual([is.user, is.role, is.connected, is.hasPassword], ['admin', 'admin', true, true]);
  const headers = {
    Cookie: again
      .cookies(b.base)
      .map((c) => `${c.name}=${c.value}`)
      .join('; '),
    Origin: b.base,
  };
  const gone = await fetch(`${b.base}/api/me/oidc`, { method: 'DELETE', headers });
  assert.equal(gone.status, 204);
  assert.equal((await fetch(`${b.base}/api/me/oidc`, { method: 'DELETE', headers })).status, 404);
  assert.equal((await signIn(b, new Browser(), 'root')).status, 409);
});

test('OIDC_TO: a way back that was not begun here, is used, another browser’s, or of another provider', async (t) => {
  const people = { anna: { preferred_username: 'anna', groups: ['lab'] } };
  const b = await bench(t, { people });
  const browser = new Browser();
  const words = async (answer, status, pattern) => {
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, pattern);
    assert.equal(await me(b, browser), 401);
  };
  await words(await browser.go(`${b.back}?code=x&state=${'A'.repeat(43)}`), 401, /not begun in this browser/);
  await words(await browser.go(`${b.back}?code=x`), 400, /with `code` and `state`/);
  const there = await browser.toProvider(b.start(), 'anna', b.back);
  await words(await new Browser().go(there.next, { cross: true }), 401, /not begun in this browser/);
  await words(await browser.go(there.next, { cross: true }), 401, /has been used/);

  const second = await browser.toProvider(b.start(), 'anna', b.back);
  const from = new URL(second.next);
  from.searchParams.set('iss', 'https://evil.example');
  await words(await browser.go(from.href, { cross: true }), 401, /another provider/);
  const third = await browser.toProvider(b.start(), 'anna', b.back);
  const wrong = new URL(third.next);
  wrong.searchParams.set('code', 'guessed');
  await words(await browser.go(wrong.href, { cross: true }), 503, /token_endpoint answered 400 invalid_grant/);
  const fourth = await browser.toProvider(b.start(), 'anna', b.back);
  const no = new URL(fourth.next);
  no.searchParams.delete('code');
  no.searchParams.set('error', 'access_denied');
  await words(await browser.go(no.href, { cross: true }), 403, /Lab ID says no: access_denied/);
  await words(await browser.go(fourth.next, { cross: true }), 401, /has been used/);

  for (const to of ['//evil.example', '/links', 'https:/evil', 'a b', 'x"y', 'x<y', 'x'.repeat(513)])
    assert.equal((await browser.go(b.start(`?to=${encodeURIComponent(to)}`))).status, 400, to);
  assert.equal((await browser.go(b.start(`?to=${'x'.repeat(512)}`))).status, 302);
  assert.doesNotMatch(b.server.program.output ?? b.server.program.text, /bench-secret|guessed/);
});

test('a provider that is away, that calls itself otherwise; a wrong secret: told in words', async (t) => {
  const people = { anna: { preferred_username: 'anna', groups: ['lab'] } };
  const b = await bench(t, { people, oidc: { client_secret: 'another-secret' } });
  const answer = await signIn(b, new Browser(), 'anna');
  assert.equal(answer.status, 503);
  assert.match(answer.text, /invalid_client: oidc.client_id or oidc.client_secret is not what it knows/);
  await b.provider.stop();
  const away = await bench(t, { people, oidc: { issuer: b.provider.issuer } });
  const gone = await new Browser().go(away.start('?to=links'));
  assert.equal(gone.status, 503);
  assert.match(gone.text, /openid-configuration cannot be asked/);
  assert.match(gone.text, /href="\/links"/);
  const there = await startProvider(people, []);
  t.after(() => there.stop());
  const other = await bench(t, { people, oidc: { issuer: there.issuer.replace('127.0.0.1', 'localhost') } });
  const named = await new Browser().go(other.start());
  assert.equal(named.status, 503);
  assert.match(named.text, /calls itself .* and oidc.issuer is .*: they must be the same/);
});

test('OIDC_UNDER_WAY, OIDC_ASK_S: a provider that does not answer holds up those who ask it, so many and so long', async (t) => {
  const hung = http.createServer((request, response) => {
    const issuer = `http://${request.headers.host}`;
    const about = { issuer, jwks_uri: `${issuer}/keys`, token_endpoint: `${issuer}/token` };
    if (request.url === '/token') return; // never
    response.setHeader('Content-Type', 'application/json');
    response.end(
      JSON.stringify(request.url === '/keys' ? { keys: [] } : { ...about, authorization_endpoint: `${issuer}/auth` }),
    );
  });
  t.after(() => (hung.closeAllConnections(), hung.close()));
  const port = await freePort();
  hung.listen(port, '127.0.0.1');
  const b = await bench(t, { people: {}, oidc: { issuer: `http://127.0.0.1:${port}` } });
  const browser = new Browser();
  const back = async () => {
    const { headers, status } = await browser.go(b.start());
    assert.equal(status, 302);
    return `${b.back}?code=x&state=${new URL(headers.get('location')).searchParams.get('state')}`;
  };
  const waiting = [];
  for (let i = 0; i < 16; i++) waiting.push(browser.go(await back()));
  await until('all of them', async () => Number((await b.server.get('/health')).status === 200));
  const more = await back();
  let over;
  await until('no room', async () => (over = await browser.go(more)).status === 429);
  assert.match(over.text, /too many sign in at once/);
  for (const answer of await Promise.all(waiting)) {
    assert.equal(answer.status, 503);
    assert.match(answer.text, /token_endpoint cannot be asked: there was no answer in time/);
  }
});

test('OIDC_KEYS_AGAIN_S: a provider that has other keys is asked for them, at most so often', async (t) => {
  const people = { anna: { preferred_username: 'anna', groups: ['lab'] } };
  const b = await bench(t, { people });
  assert.equal((await signIn(b, new Browser(), 'anna')).status, 200);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await b.provider.stop();
  const again = await startProvider(people, [b.back], {
    port: Number(new URL(b.provider.issuer).port),
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'new', use: 'sig', alg: 'ES256' }] },
    client: { id_token_signed_response_alg: 'ES256' },
  });
  t.after(() => again.stop());
  await until('the new key', async () => {
    await new Promise((resolve) => setTimeout(resolve, 700));
    const answer = await signIn(b, new Browser(), 'anna');
    if (answer.status !== 200) assert.match(answer.text, /signed by none of its keys/);
    return answer.status === 200;
  });
});

test('OIDC_A_MINUTE: nobody signs in elsewhere where no provider is configured; a public client by PKCE alone', async (t) => {
  const people = { anna: { preferred_username: 'anna' } };
  const client = { token_endpoint_auth_method: 'none', client_secret: undefined };
  const b = await bench(t, { people, client, oidc: { client_secret: undefined, map: undefined, role: 'viewer' } });
  const browser = new Browser();
  assert.equal((await signIn(b, browser, 'anna')).status, 200);
  assert.deepEqual([(await me(b, browser)).role, (await me(b, browser)).everywhere], ['viewer', true]);
  const { json: own } = await b.server.get('/api/me', {
    headers: {
      Cookie: browser
        .cookies(b.base)
        .map((c) => `${c.name}=${c.value}`)
        .join('; '),
    },
  });
  assert.equal(own.user, 'anna');
  let last;
  for (let i = 0; i < 30 && (last = await browser.go(b.start())).status === 302; i++);
  assert.equal(last.status, 429, 'the one above and 29 of these are what a minute has');
  const plain = await withServer(t, {});
  assertProblem(await plain.get('/api/oidc/start'), 501);
  assertProblem(await plain.get('/api/oidc/callback?code=1&state=2'), 501);
  assert.equal((await plain.get('/api/login')).json.oidc, undefined);
  await until('the server', async () => (await plain.get('/health')).json.status === 'running');
});
