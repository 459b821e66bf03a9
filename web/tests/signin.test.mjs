import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aboutWords } from '../server/signin.js';

test('a sign-in is called by its browser and system, a token by what it is for', () => {
  const page = (about) => aboutWords({ kind: 'page', about });
  assert.equal(page('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'), 'Firefox on Linux');
  const chrome = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36';
  assert.equal(page(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome}`), 'Chrome on Windows');
  assert.equal(page(`Mozilla/5.0 (Linux; Android 14) ${chrome}`), 'Chrome on Android');
  assert.equal(page('Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1'), 'Safari on iPhone');
  assert.equal(page('curl/8.0'), 'A browser');
  assert.equal(aboutWords({ kind: 'token', about: 'nightly' }), 'nightly');
});
