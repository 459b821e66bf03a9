// Signing in with a name and a password, or with a token, where the server has accounts.

import { field, fill, h, text } from '../app/dom.js';

/** What a sign-in is, for people: a browser by what it says of itself, a token by what it is for. */
export function aboutWords({ kind, about }) {
  if (kind === 'token') return about || 'A token';
  const found = (words) => words.find((word) => about.includes(word));
  const browser = found(['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari']);
  const system = found(['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'Linux']);
  const name = { Edg: 'Edge', OPR: 'Opera' }[browser] ?? browser ?? 'A browser';
  return system ? `${name} on ${system.replace('Mac OS X', 'macOS')}` : name;
}

/** Where a provider's sign-in begins; it comes back to this page. */
export function signInElsewhere(connect = false) {
  const root = new URL('.', document.baseURI).href;
  const here = location.href.slice(root.length).replace(/#.*/, '');
  const to = /^[\w.~/?=&%-]{0,512}$/.test(here) ? here : '';
  return `${root}api/oidc/start?to=${encodeURIComponent(to)}${connect ? '&connect=true' : ''}`;
}

/**
 * Asks until somebody is signed in, and resolves with who that is. `signIn(name, password)` rejects with words;
 * `check(token)` resolves with null: nobody. `ways`: what `GET api/login` says. `reason`: why one is asked. `focus`: the form is
 * what the page is for.
 */
export function askSignIn(root, { signIn, check, ways = { passwords: true }, reason = '', focus = true }) {
  return new Promise((resolve) => {
    const name = h('input', {
      class: 'input',
      id: 'sign-in-name',
      autocomplete: 'username',
      autocapitalize: 'none',
      spellcheck: 'false',
      required: true,
      maxlength: 64,
    });
    const password = h('input', {
      class: 'input',
      type: 'password',
      id: 'sign-in-password',
      autocomplete: 'current-password',
      required: true,
    });
    const token = h('input', { class: 'input', type: 'password', id: 'token', autocomplete: 'off', required: true });
    const error = h('p', { class: 'error-text', role: 'alert' }, reason);
    const trying = (button, run) => async (e) => {
      e.preventDefault();
      button.disabled = true;
      text(error, '');
      try {
        const who = await run();
        if (who) resolve(who);
      } catch (problem) {
        text(
          error,
          problem.message.replace(/^./, (c) => c.toUpperCase()),
        );
      } finally {
        button.disabled = false;
      }
    };
    const enter = h('button', { type: 'submit', class: 'btn primary' }, 'Sign in');
    const use = h('button', { type: 'submit', class: 'btn' }, 'Use the token');
    const elsewhere = h('a', { class: 'btn primary', href: signInElsewhere() }, `Sign in with ${ways.oidc}`);
    const plain = location.protocol === 'http:' && !/^(localhost|127\.|\[::1\])/.test(location.hostname);
    fill(
      root,
      h(
        'div',
        { class: 'panel login' },
        h('h1', {}, 'Sign in'),
        h('p', { class: 'muted' }, 'This server wants to know who you are.'),
        plain
          ? h(
              'p',
              { class: 'notice warn', role: 'status' },
              'This page came without TLS: everybody on the way can read the password.',
            )
          : null,
        ways.oidc ? h('div', { class: 'buttons' }, elsewhere) : null,
        ways.oidc && ways.passwords ? h('p', { class: 'muted' }, 'Or with a password of this server:') : null,
        !ways.passwords
          ? null
          : h(
              'form',
              {
                class: 'stack',
                onsubmit: trying(enter, async () => {
                  try {
                    return await signIn(name.value.trim(), password.value);
                  } catch (problem) {
                    password.select();
                    throw problem;
                  }
                }),
              },
              field('Name', name),
              field('Password', password),
              h('div', { class: 'buttons' }, enter),
            ),
        error,
        h(
          'details',
          {},
          h('summary', {}, 'With an access token'),
          h(
            'form',
            {
              class: 'stack',
              onsubmit: trying(use, async () => {
                const who = await check(token.value.trim());
                if (who) return who;
                token.select();
                throw new Error('This token is not known here. Look whether all of it was copied.');
              }),
            },
            field('Access token', token, 'It is kept in this browser until you log out.'),
            h('div', { class: 'buttons' }, use),
          ),
        ),
      ),
    );
    if (focus) (ways.oidc ? elsewhere : name).focus();
  });
}
