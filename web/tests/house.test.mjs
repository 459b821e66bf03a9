// Rules of the web room: arrows, no inline code, no HTML from data, relative URLs, contrast of the colour pairs.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const list = (dir) =>
  readdirSync(join(root, dir), { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? list(join(dir, e.name)) : [join(dir, e.name)],
  );
const read = (f) => readFileSync(join(root, f), 'utf8');
const scripts = ['core', 'app', 'server'].flatMap(list).filter((f) => f.endsWith('.js'));
const pages = [...readdirSync(root), ...list('server')].filter((f) => f.endsWith('.html'));
const code = (f) =>
  read(f)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '');

test('core knows no page: no document, window, location, navigator; it imports core only', () => {
  for (const f of scripts.filter((s) => s.startsWith('core'))) {
    assert.doesNotMatch(code(f), /\b(document|window|location|navigator|localStorage|sessionStorage)\s*[.[(]/, f);
    for (const [, from] of code(f).matchAll(/from '([^']+)'/g))
      assert.match(from, /^\.\/[a-z-]+\.js$/, `${f} imports ${from}`);
  }
});

test('no HTML is ever parsed from data, no code from text', () => {
  for (const f of scripts)
    assert.doesNotMatch(
      code(f),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|createContextualFragment/,
      f,
    ); // lint: web - the rule itself
});

test('pages: no inline script or style, no absolute URL', () => {
  assert.ok(pages.length >= 5, String(pages));
  for (const f of pages) {
    const html = read(f);
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)[^>]*>/, `${f}: inline script`);
    assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+=/, `${f}: inline style or handler`);
    for (const [, url] of html.matchAll(/(?:src|href)="([^"#]+)"/g))
      assert.doesNotMatch(url, /^(\/|https?:)/, `${f}: ${url}`);
    assert.match(html, /<html lang="en">/, f);
    assert.match(
      html,
      /name="viewport" content="width=device-width, initial-scale=1"/,
      `${f}: zoom must stay possible`,
    );
  }
});

test('scripts: no absolute URL', () => {
  for (const f of scripts)
    assert.doesNotMatch(code(f), /['"`](\/(host|api|ws|vendor|css)\b|https?:\/\/(?!www\.(w3|webrtc)\.org))/, f);
});

test('a link’s token goes in a header, not in an address: proxies write those down', () => {
  for (const f of scripts) assert.doesNotMatch(code(f), /query: \{ token\b/, f);
});

test('files stay small', () => {
  for (const f of scripts) assert.ok(read(f).split('\n').length <= 500, f);
});

// ---- contrast (WCAG 2.1) ----

const tokens = Object.fromEntries(
  [...read('css/tokens.css').matchAll(/--([\w-]+):\s*(?:light-dark\((#\w{6}),\s*(#\w{6})\)|(#\w{6}));/g)].map(
    ([, n, l, d, one]) => [n, [l ?? one, d ?? one]],
  ),
);
function luminance(hex) {
  const [r, g, b] = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const ratio = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};
const TEXT = [
  ...['ink', 'ink-2', 'ink-3', 'accent', 'accent-hover', 'good', 'warn', 'bad'].flatMap((n) => [
    [n, 'surface'],
    [n, 'bg'],
  ]),
  ['ink', 'surface-2'],
  ['ink-2', 'surface-2'],
  ['ink-3', 'surface-2'],
  ['ink', 'surface-3'],
  ['good', 'good-soft'],
  ['warn', 'warn-soft'],
  ['bad', 'bad-soft'],
  ['accent', 'accent-soft'],
  ['ink', 'warn-soft'],
  ['ink', 'bad-soft'],
  ['accent-ink', 'accent'],
  ['accent-ink', 'accent-hover'],
  ['bad-ink', 'bad-fill'],
  ['stage-ink', 'stage'],
  ['stage-ink-2', 'stage'],
];
for (const [fg, bg] of TEXT) {
  test(`contrast of ${fg} on ${bg}`, () => {
    for (const [i, scheme] of ['light', 'dark'].entries()) {
      const r = ratio(tokens[fg][i], tokens[bg][i]);
      assert.ok(r >= 4.5, `${scheme}: ${r.toFixed(2)}`);
    }
  });
}
test('contrast of borders of fields (3:1)', () => {
  for (const i of [0, 1])
    assert.ok(
      ratio(tokens['line-strong'][i], tokens.surface[i]) >= 3,
      `${ratio(tokens['line-strong'][i], tokens.surface[i])}`,
    );
});
