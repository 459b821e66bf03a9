// Makes the pages as they are served: `node mk/pages.mjs OUT` writes web/ into OUT, bundled (one script for what a
// page always needs, packages when they are needed), with gzip and brotli beside each file. web/ itself stays what is
// edited, and can be served as it lies there.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import path from 'node:path';

import { icon } from './icons.mjs';

const WEB = 'web';
const out = path.relative('', path.resolve(process.argv[2]));
const vendor = JSON.parse(readFileSync(`${WEB}/vendor.json`, 'utf8'));
const { build, transformSync } = createRequire(path.resolve(WEB, 'package.json'))('esbuild');
const TEXT = /\.(html|js|mjs|css|svg|json)$/;
const LEAST = 512; // bytes; below that compressing gains nothing

/** web/vendor/<name>/… is a URL: the file that is served there. */
const vendorFile = (url) => {
  const [, name, rest] = /(?:^|\/)vendor\/([^/]+)\/(.+)$/.exec(url);
  return path.resolve(WEB, vendor[name], rest);
};
const PACKAGES = 'packages'; // what is imported when it is needed, one file each, for all pages
const packages = new Map(); // its file there -> the package's file
const later = new Set(); // pages of the console that are fetched when they are opened: import('./views/…')
const laterPlugin = {
  name: 'later',
  setup: (b) =>
    b.onResolve({ filter: /^\.\/views\// }, ({ path: p, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      later.add(path.relative(WEB, path.resolve(resolveDir, p)));
      return { path: p, external: true };
    }),
};
/** `there`: how scripts of that bundle write the folder of the packages. */
const vendorPlugin = (there) => ({
  name: 'vendor',
  setup: (b) =>
    b.onResolve({ filter: /(^|\/)(vendor|novnc)\// }, ({ path: p, resolveDir, kind }) => {
      if (kind === 'entry-point' || resolveDir.includes('node_modules')) return undefined;
      // the page of port 6080 finds noVNC at novnc/, as the host serves it there
      const file = /(^|\/)vendor\//.test(p)
        ? vendorFile(p)
        : path.resolve(WEB, vendor.novnc, p.replace(/^\.\/novnc\//, ''));
      if (kind !== 'dynamic-import') return { path: file };
      const name = `${path.basename(file).replace(/\.(esm\.)?m?js$/, '')}.js`;
      packages.set(name, file);
      return { path: `${there}/${name}`, external: true };
    }),
});

const html = ['', 'server/', 'novnc/'].flatMap((dir) =>
  readdirSync(path.join(WEB, dir))
    .filter((f) => f.endsWith('.html'))
    .map((f) => dir + f),
);
/** Attribute values of tags that `tag` matches: [{whole, url}] */
const refs = (text, tag) => [...text.matchAll(tag)].map(([whole, url]) => ({ whole, url }));
const below = (page, url) => path.posix.normalize(path.posix.join(ROOTS[page] ?? path.posix.dirname(page), url));
// pages that are served at another place than they lie: URLs in them are as seen from there
const ROOTS = {
  'server/index.html': '.',
  'server/links.html': '.',
  'server/timeline.html': '.',
  'server/wall.html': '.',
  'server/call.html': '.',
  'server/account.html': '.',
  'server/users.html': '.',
  'server/diagnose.html': '.',
  'server/capture.html': '.',
};

const pages = html.map((page) => {
  const text = readFileSync(path.join(WEB, page), 'utf8');
  return {
    page,
    text,
    modules: refs(text, /<script type="module" src="([^"]+)"><\/script>/g),
    scripts: refs(text, /<script src="([^"]+)"><\/script>/g),
    styles: refs(text, /[ \t]*<link rel="stylesheet" href="([^"]+)">\n/g),
  };
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const bundle = (entryPoints, more, there = '.') =>
  build({
    entryPoints,
    bundle: true,
    format: 'esm',
    target: ['es2022', 'safari16'],
    minify: true,
    legalComments: 'eof',
    plugins: [vendorPlugin(there), laterPlugin],
    logLevel: 'warning',
    ...more,
  });

const modules = [...new Set(pages.flatMap((p) => p.modules.map((m) => below(p.page, m.url))))];
const scriptsOf = async (list) => {
  for (const dir of new Set(list.map((m) => path.posix.dirname(m))))
    await bundle(
      list.filter((m) => path.posix.dirname(m) === dir).map((m) => path.join(WEB, m)),
      { outbase: WEB, outdir: out },
      path.posix.relative(dir, PACKAGES),
    );
};
await scriptsOf(modules);
if (later.size) await scriptsOf([...later]);
for (const [name, file] of packages) await bundle([file], { outfile: path.join(out, PACKAGES, name) });

const minified = (file, loader) =>
  transformSync(readFileSync(file, 'utf8'), { loader, minify: true, legalComments: 'inline' }).code;
for (const { page, text, modules: mods, scripts, styles } of pages) {
  const dir = ROOTS[page] ?? path.posix.dirname(page);
  const root = page.startsWith('novnc/') ? 'novnc/' : '';
  const sheet = `${root}css/${path.basename(path.dirname(path.join(WEB, page)))}-${path.basename(page, '.html')}.css`;
  // the script is asked for before the style sheet is read
  const preload = mods.map((m) => `  <link rel="modulepreload" href="${m.url}">\n`).join('');
  let done = text.replace(/([ \t]*<script)/, `${preload}$1`);
  if (styles.length) {
    const css = styles.map((s) => {
      const at = below(page, s.url);
      return minified(/(^|\/)vendor\//.test(at) ? vendorFile(at) : path.join(WEB, at), 'css');
    });
    mkdirSync(path.dirname(path.join(out, sheet)), { recursive: true });
    writeFileSync(path.join(out, sheet), css.join(''));
    const link = `  <link rel="stylesheet" href="${path.posix.relative(dir, sheet)}">\n`;
    styles.forEach((s, i) => {
      done = done.replace(s.whole, i ? '' : link);
    });
  }
  for (const s of scripts) {
    // the page of port 6080 has the other's crash.js at app/
    const at = below(page, s.url).replace(/^novnc\/app\//, 'app/');
    const target = path.join(out, at);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, minified(path.join(WEB, at), 'js'));
  }
  mkdirSync(path.dirname(path.join(out, page)), { recursive: true });
  writeFileSync(path.join(out, page), done);
}
for (const f of ['favicon.svg', 'novnc/favicon.svg', 'vendor.json', 'capture.webmanifest'])
  cpSync(path.join(WEB, f), path.join(out, f));

// what is installed on a phone: its icons, and the worker that keeps the page, which knows its files and their version
const mark = readFileSync(path.join(WEB, 'favicon.svg'), 'utf8');
mkdirSync(path.join(out, 'icons'), { recursive: true });
for (const [name, pixels, whole] of [
  ['192', 192, false],
  ['512', 512, false],
  ['maskable-512', 512, true],
  ['180', 180, true],
])
  writeFileSync(path.join(out, 'icons', `${name}.png`), icon(mark, pixels, whole));
const KEPT = { capture: 'server/capture.html' }; // an address, where the file has another name
for (const f of ['app/crash.js', 'server/capture.js', 'css/server-capture.css', 'favicon.svg', 'capture.webmanifest'])
  KEPT[f] = f;
const version = createHash('sha256');
for (const file of Object.values(KEPT)) version.update(readFileSync(path.join(out, file)));
const ours = version.digest('hex').slice(0, 16);
const worker = readFileSync(path.join(WEB, 'server', 'capture-worker.js'), 'utf8')
  .replace("VERSION = 'source'", `VERSION = '${ours}'`)
  .replace('SHELL = []', `SHELL = ${JSON.stringify(Object.keys(KEPT))}`);
const kept = path.join(out, KEPT.capture);
writeFileSync(
  kept,
  readFileSync(kept, 'utf8').replace('name="version" content="source"', `name="version" content="${ours}"`),
);
writeFileSync(path.join(out, 'server', 'capture-worker.js'), worker);

// as modules, for pages of one's own and for tests
cpSync(path.join(WEB, 'core'), path.join(out, 'core'), { recursive: true });

const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((e) => e.isFile() && TEXT.test(e.name));
for (const e of files) {
  const file = path.join(e.parentPath ?? e.path, e.name);
  const bytes = readFileSync(file);
  if (bytes.length < LEAST) continue;
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(
    `${file}.br`,
    brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  );
}
// vendored packages are served beside them (licences, /vendor/…); make install copies them
if (!existsSync(path.join(out, 'node_modules')))
  symlinkSync(path.relative(out, path.resolve(WEB, 'node_modules')), path.join(out, 'node_modules'));
