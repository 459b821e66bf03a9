// A provider of OpenID Connect that we did not write (npm's oidc-provider, certified), on the loopback, and a browser
// without pages: it follows redirects, keeps cookies as browsers do (path, SameSite=Strict), and fills in the two
// forms.
import { once } from 'node:events';
import http from 'node:http';

import { Provider } from '../counterparts/node_modules/oidc-provider/lib/index.js';

import { freePort } from './harness.mjs';

/** `people`: {anna: {claims}}; who logs in by such a name is that. `client`: further members of the client "bench". */
export async function startProvider(people, redirects, { client = {}, port, jwks } = {}) {
  port ??= await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'bench',
        client_secret: 'bench-secret',
        redirect_uris: redirects,
        response_types: ['code'],
        ...client,
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name'], groups: ['groups'] },
    scopes: ['openid', 'profile', 'groups'],
    conformIdTokenClaims: false,
    ...(jwks && { jwks }),
    cookies: { keys: ['a key of a test'] },
    pkce: { required: () => true },
    findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  const server = http.createServer(provider.callback());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    provider,
    people,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export class Browser {
  #jar = []; // {origin, name, value, path, strict}
  /** `cross`: the navigation was begun by another site. */
  async go(url, { method = 'GET', form, cross = false } = {}) {
    const at = new URL(url);
    const cookies = this.#jar.filter(
      (c) => c.origin === at.origin && at.pathname.startsWith(c.path) && !(cross && c.strict),
    );
    const answer = await fetch(url, {
      method,
      redirect: 'manual',
      body: form ? new URLSearchParams(form) : undefined,
      headers: { Cookie: cookies.map((c) => `${c.name}=${c.value}`).join('; ') },
    });
    for (const line of answer.headers.getSetCookie()) this.#keep(at, line);
    return { url, status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  #keep(at, line) {
    const [pair, ...attributes] = line.split(/;\s*/);
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    const of = (key) => attributes.find((a) => a.toLowerCase().startsWith(key))?.split('=')[1];
    const cookie = { origin: at.origin, name, value, path: of('path') ?? '/', strict: of('samesite') === 'Strict' };
    this.#jar = this.#jar.filter((c) => c.origin !== cookie.origin || c.name !== name || c.path !== cookie.path);
    if (value && of('max-age') !== '0') this.#jar.push(cookie);
  }
  cookies(origin) {
    return this.#jar.filter((c) => c.origin === origin);
  }
  forget(origin) {
    this.#jar = this.#jar.filter((c) => c.origin !== origin);
  }
  /** Redirects, as far as they go; `until(url)`: that one is not asked for any more. */
  async follow(url, until = () => false, options) {
    let answer = await this.go(url, options);
    for (let n = 0; answer.status >= 300 && answer.status < 400 && n < 12; n++) {
      const next = new URL(answer.headers.get('location'), answer.url).href;
      if (until(next)) return { ...answer, next };
      answer = await this.go(next, { cross: new URL(next).origin !== new URL(answer.url).origin });
    }
    return answer;
  }
  /** Begins at `start`, logs in there as `who`, agrees. `next` of the answer: where the provider sends it back to. */
  async toProvider(start, who, back) {
    const is_back = (url) => url.startsWith(back);
    let answer = await this.follow(start, is_back);
    for (let n = 0; n < 4 && !answer.next; n++) {
      const action = /<form[^>]*action="([^"]+)"/.exec(answer.text)?.[1];
      if (!action) return answer;
      const prompt = /name="prompt" value="([^"]+)"/.exec(answer.text)?.[1];
      const form = prompt === 'login' ? { prompt, login: who, password: 'x' } : { prompt };
      answer = await this.follow(new URL(action, answer.url).href, is_back, { method: 'POST', form });
    }
    return answer;
  }
}
