// testbed clips and testbed rules: what was kept is listed, fetched over lines that break, noted and removed; rules are
// tried, rest, and are changed.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { before, test } from 'node:test';

import { ok, refused, started, testbed } from './cli.mjs';
import { Host, forFile, scratch, until, within } from './harness.mjs';

const file = forFile();
let host;
let clip;

const run = (...args) => ok(host.url, args);
const json = async (...args) => JSON.parse(await run(...args, '--json'));

before(async () => {
  host = await Host.start({
    recording: { mode: 'armed' },
    devices: { board: { attach: { console: { driver: 'exec', console: ['cat'] } } } },
    rules: { fixed: { device: 'board', when: { console: 'never' }, then: [{ notify: 'no' }] } },
  });
  file.after(() => host.stop());
  await host.state_is('board/console');
});

test('clips: make, list, show, note, keep, get, remove', async () => {
  await run('expect', 'board', 'panic', '--send', 'panic\\n');
  clip = (
    await run('clips', 'make', 'board', '--pre-s', '5', '--post-s', '0.2', '--note', 'it hangs', '--wait')
  ).trim();
  const all = await run('clips');
  assert.match(all, /^CLIP +DEVICE +AT +LENGTH +SIZE +STATE +BY +NOTE$/m);
  assert.match(all, new RegExp(`^${clip} +board .* done +local +it hangs$`, 'm'));
  assert.equal((await json('clips', 'list', 'board', '--since', '1h', '--text', 'HANGS')).length, 1);
  assert.deepEqual(await json('clips', 'list', '--rule', 'other'), []);
  await run('clips', 'note', clip, 'the boot that hangs');
  await run('clips', 'keep', clip);
  assert.match(await run('clips', 'show', clip), / done, kept .* the boot that hangs$/m);
  assert.equal((await json('clips', 'keep', clip, 'off')).keep, false);
  assert.match(await run('clips', 'get', clip, 'console.txt', '-o', '-'), /panic/);
  const folder = scratch('tb-clips-');
  const name = (await run('clips', 'get', clip, 'bundle.tar', '-o', folder)).trim();
  assert.equal(name, path.join(folder, `${clip}-bundle.tar`));
  assert.match(readFileSync(name, 'latin1'), /index\.html/);
  await refused(host.url, ['clips', 'get', clip], 1, /this clip has no video\.mp4/); // the board has no screen
  await refused(host.url, ['clips', 'get', clip, '../clip.json'], 2, /no file of a clip/);
  await refused(host.url, ['clips', 'note', clip], 2, /note CLIP TEXT/);
  await refused(host.url, ['clips', 'show', 'nobody'], 1, /there is no clip "nobody"/);
  assert.deepEqual(await json('clips', 'remove', clip), { device: clip, removed: true });
  await until('it to be gone', async () => (await json('clips')).length === 0);
});

/** A host with one file of `whole` bytes; `how(req, res, from)` answers. */
async function breaking(t, how) {
  const asked = [];
  const server = http.createServer((req, res) => {
    const from = Number(/^bytes=(\d+)-/.exec(req.headers.range)?.[1] ?? 0);
    asked.push(from);
    how(res, from, asked.length);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { asked, url: `http://127.0.0.1:${server.address().port}` };
}
const WHOLE = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
const part = (res, from, bytes = WHOLE) => {
  const head = { 'Content-Length': bytes.length - from };
  if (from) head['Content-Range'] = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  res.writeHead(from ? 206 : 200, head);
};

test('clips get goes on where the line broke, and where the last call of it was killed', async (t) => {
  const folder = scratch('tb-clips-');
  const to = path.join(folder, 'film.mp4');
  let wait = true;
  const { asked, url } = await breaking(t, (res, from, n) => {
    part(res, from);
    if (n === 1) res.write(WHOLE.subarray(from, from + 1000), () => res.destroy());
    else if (wait) res.write(WHOLE.subarray(from, from + 1000));
    else res.end(WHOLE.subarray(from));
  });
  const program = started(url, ['clips', 'get', 'a-clip', '-o', to]);
  const have = () => readdirSync(folder).map((f) => readFileSync(path.join(folder, f)).length);
  await until('what came after the line broke', () => have()[0] === 1999);
  const second = await testbed(url, ['clips', 'get', 'a-clip', '-o', to]);
  assert.match(second.err, /another testbed is fetching it/);
  process.kill(program.pid, 'SIGKILL');
  await within('it to end', program.exited);
  wait = false;
  await ok(url, ['clips', 'get', 'a-clip', '-o', to]);
  assert.deepEqual(asked, [0, 999, 1998]);
  assert.deepEqual(readFileSync(to), WHOLE);
  assert.deepEqual(readdirSync(folder), ['film.mp4']);
});

test('clips get: a file that became another one is fetched from its beginning', async (t) => {
  const folder = scratch('tb-clips-');
  for (const other of [Buffer.alloc(5000, 1), WHOLE.subarray(0, 10)]) {
    writeFileSync(path.join(folder, '.part-a-clip-video.mp4'), WHOLE.subarray(0, 100));
    const { asked, url } = await breaking(t, (res, from) => {
      if (from >= other.length) return res.writeHead(416).end();
      part(res, from, other);
      return res.end(other.subarray(from));
    });
    await ok(url, ['clips', 'get', 'a-clip', '-o', folder]);
    assert.deepEqual(asked, [99, 0]);
    assert.deepEqual(readFileSync(path.join(folder, 'a-clip-video.mp4')), other);
  }
  assert.ok(!existsSync(path.join(folder, '.part-a-clip-video.mp4')));
});

test('rules: list, put, show, test, disable, remove', async () => {
  const rule = path.join(scratch('tb-rules-'), 'rule.json');
  const spec = { device: 'board', when: { console: 'oops' }, then: [{ verb: 'recording.clip' }] };
  writeFileSync(rule, JSON.stringify(spec));
  await run('rules', 'put', 'oops', rule);
  assert.match(await run('rules'), /^oops +board +console oops +watches +0 +-$/m);
  assert.deepEqual(JSON.parse(await run('rules', 'show', 'oops')).when, spec.when);
  await run('rules', 'disable', 'oops');
  assert.match(await run('rules', 'list'), /^oops .* disabled /m);
  await run('expect', 'board', 'oops', '--send', 'oops\\n');
  await until('it to be in the history', async () => (await json('rules', 'test', 'oops')).fired.length > 0);
  const tried = await testbed(host.url, ['rules', 'test', 'oops', '--since', '10m']);
  assert.match(tried.out, /^\d{4}-\S+Z {2}\S/m);
  assert.match(tried.err, /would have fired 1 times; nothing was done/);
  assert.equal((await json('clips')).length, 0);
  writeFileSync(rule, JSON.stringify({ ...spec, enabled: true, cooldown_s: 7 }));
  assert.equal((await json('rules', 'put', 'oops', rule)).cooldown_s, 7);
  await refused(host.url, ['rules', 'disable', 'fixed'], 1, /stands in the host's configuration/);
  writeFileSync(rule, '{"device"');
  await refused(host.url, ['rules', 'put', 'oops', rule], 2, /rule\.json: /);
  await refused(host.url, ['rules', 'enable'], 2, /enable RULE/);
  assert.deepEqual(await json('rules', 'remove', 'oops'), { device: 'oops', removed: true });
  await refused(host.url, ['rules', 'show', 'oops'], 1, /there is no rule "oops"/);
});
