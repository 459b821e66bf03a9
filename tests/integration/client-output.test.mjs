// testbed: where what comes goes to: JSON of every command, a standard output that is full, a file that comes in part.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { before, test } from 'node:test';

import { TESTBED, environment, ok, refused, started, testbed } from './cli.mjs';
import { Host, forFile, scratch, until, within } from './harness.mjs';

const file = forFile();
let host;

before(async () => {
  host = await Host.start({ devices: { screen: { attach: ['testpattern://'] }, vitals: { attach: ['vitals://'] } } });
  file.after(() => host.stop());
  for (const id of ['screen/video', 'screen/input', 'vitals/sensors']) await host.state_is(id);
});

test('--json: commands without an answer of their own say what they did', async () => {
  const folder = scratch('tb-cli-');
  const json = async (...args) => JSON.parse(await ok(host.url, [...args, '--json'], { ms: 60000, cwd: folder }));
  const screen = { device: 'screen', interface: 'video' };
  assert.deepEqual(await json('screenshot', 'screen'), { ...screen, pictures: 1, file: 'screen.png' });
  const film = await json('record', 'screen', '2s', '-o', 'film.mjpeg');
  assert.ok(film.pictures > 0);
  assert.deepEqual(film, { ...screen, pictures: film.pictures, file: 'film.mjpeg' });
  await refused(host.url, ['screenshot', 'screen', '-o', '-', '--json'], 2, /the standard output is the picture/);
  assert.deepEqual(await json('input', 'screen', 'key', 'a', 'b'), { device: 'screen', events: 2 });
  await json('lock', 'screen');
  assert.deepEqual(await json('unlock', 'screen', '--force'), { device: 'screen', lease: null });
  await json('attach', 'extra', 'vitals://');
  assert.deepEqual(await json('detach', 'extra'), { device: 'extra', detached: true });
});

test('a standard output that is full ends every command with 1', async () => {
  const stdio = ['ignore', openSync('/dev/full', 'w'), 'pipe'];
  for (const args of [
    ['watch', '--after', '0'],
    ['watch', '--after', '0', '--json'],
    ['sensors', 'vitals', '--follow'],
    ['sensors', 'vitals'],
    ['ls'],
    ['ls', '--json'],
    ['--help'],
    ['completion', 'bash'],
    ['screenshot', 'screen', '-o', '-'],
  ]) {
    const done = await testbed(host.url, args, { stdio });
    assert.equal(done.code, 1, args.join(' '));
    assert.match(done.err, /^testbed: .*cannot be written: No space left on device$/m, args.join(' '));
  }
});

test('a standard output that is closed: nothing is written elsewhere in its place', async () => {
  for (const args of [['ls'], ['watch', '--after', '0'], ['screenshot', 'screen', '-o', '-']]) {
    const done = spawnSync('sh', ['-c', '"$@" >&-', 'sh', TESTBED, ...args], {
      encoding: 'utf8',
      env: environment(host.url),
    });
    assert.equal(done.status, 1, args.join(' '));
    assert.match(done.stderr, /^testbed: .*cannot be written: Bad file descriptor$/m, args.join(' '));
  }
});

/** A host of one file; the second half of it comes when `more` is resolved. */
async function fileHost(t, more) {
  const server = http.createServer(async (req, res) => {
    if (!req.url.includes('?path=')) {
      res.setHeader('Content-Type', 'application/json');
      return res.end(JSON.stringify({ id: 'a', interfaces: [{ name: 'files', kind: 'files' }] }));
    }
    res.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': 10 });
    res.write('first');
    await more;
    return res.end(' half');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return `http://127.0.0.1:${server.address().port}`;
}

test('pull: a signal that ends it takes what came in part with it', async (t) => {
  const url = await fileHost(t, new Promise(() => {}));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const folder = scratch('tb-cli-');
    const program = started(url, ['pull', 'a', '/x', path.join(folder, 'x')]);
    const bytes = () => readdirSync(folder).map((name) => readFileSync(path.join(folder, name), 'utf8'));
    await until('the first half', () => bytes()[0] === 'first');
    process.kill(program.pid, signal);
    assert.equal((await within('pull to end', program.exited)).signal, signal);
    assert.deepEqual(readdirSync(folder), []);
  }
});

test('pull: a name as long as any may be', async (t) => {
  const url = await fileHost(t, Promise.resolve());
  const folder = scratch('tb-cli-');
  const name = 'n'.repeat(255);
  await ok(url, ['pull', 'a', '/x', path.join(folder, name)]);
  assert.equal(readFileSync(path.join(folder, name), 'utf8'), 'first half');
  assert.deepEqual(readdirSync(folder), [name]);
  await refused(url, ['pull', 'a', '/x', path.join(folder, `${name}n`)], 2, /File name too long/);
  assert.deepEqual(readdirSync(folder), [name]);
});
