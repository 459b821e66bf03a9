// shell, files, apps, logs over REST: the simulated phone behind the real adb server.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';

import { startPhone } from './bench.mjs';
import { Host, ROOT, assertProblem, request, until } from './harness.mjs';

const cleanup = [];
let host;
let phone;

before(async () => {
  phone = await startPhone({ after: (f) => cleanup.push(f) });
  host = await Host.start({ devices: { phone: { attach: phone.uri } } }, { env: phone.env });
  await host.state_is('phone/shell', 'ready', 20000);
  await host.state_is('phone/files', 'ready', 20000);
});

after(async () => {
  if (host) await host.stop();
  for (const f of cleanup.reverse()) await f();
});

const at = (rest) => `/host/devices/phone/${rest}`;

describe('shell', () => {
  test('a command: exit code, both outputs', async () => {
    const { status, json } = await host.post(at('shell'), { command: 'echo out; echo err >&2; exit 3' });
    assert.equal(status, 200);
    assert.equal(json.exit_code, 3);
    assert.equal(json.stdout, 'out\n');
    assert.equal(json.stderr, 'err\n');
    assert.ok(json.duration_ms >= 0);
  });

  test('argv reaches the device exactly, stdin too', async () => {
    const nasty = `a'b"c $HOME \\ *;|&\n\tä`;
    const one = await host.post(at('shell'), { argv: ['printf', '%s', nasty] });
    assert.equal(one.json?.stdout, nasty, one.text);
    const two = await host.post(at('shell'), { command: 'cat', stdin: 'in\n' });
    assert.equal(two.json?.stdout, 'in\n', two.text);
  });

  test('a timeout is a 504 and ends the command', async () => {
    const answer = await host.post(at('shell'), { command: 'sleep 30', timeout_s: 0.3 }); // lint: tests - on the phone
    assertProblem(answer, 504);
    assert.equal((await host.post(at('shell'), { command: 'true' })).json.exit_code, 0);
  });

  test('bad input', async () => {
    assertProblem(await host.post(at('shell'), {}), 400);
    assertProblem(await host.post(at('shell'), { command: 'a', argv: ['b'] }), 400);
    assertProblem(await host.post(at('shell'), { argv: [1] }), 400, { field: 'argv' });
    assertProblem(await host.post(at('shell'), { argv: [] }), 400, { field: 'argv' });
    assertProblem(await host.post(at('shell'), { command: 'true', timeout_s: 601 }), 400, { field: 'timeout_s' });
    assertProblem(await host.post(at('shell'), { command: 'true', nonsense: 1 }), 400, { field: 'nonsense' });
    assertProblem(await host.get(at('shell')), 405);
  });
});

describe('files', () => {
  test('write, read, list, delete', async () => {
    const bytes = randomBytes(300000);
    const file = '/data/local/tmp/some file ä.bin';
    const target = at(`files?path=${encodeURIComponent(file)}`);
    const put = await host.put(`${target}&mode=0640`, undefined, { body: bytes });
    assert.ok([200, 204].includes(put.status), put.text);
    const got = await host.get(target);
    assert.equal(got.status, 200);
    assert.ok(got.body.equals(bytes));
    const list = await host.get(at('files?path=/data/local/tmp'));
    assert.equal(list.headers['content-type'].split(';')[0], 'application/json');
    const entry = list.json.find((e) => e.name === 'some file ä.bin');
    assert.equal(entry.size, bytes.length);
    assert.equal((await host.delete(target)).status, 204);
    assertProblem(await host.get(target), 404);
  });

  test('any size in constant memory', async () => {
    const total = 96 * 1024 * 1024;
    const block = randomBytes(1024 * 1024);
    const sent = createHash('sha256');
    const body = Readable.from((function* blocks() {
      for (let n = 0; n < total; n += block.length) { sent.update(block); yield block; }
    })());
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))[1]) * 1024;
    const before = rss();
    let peak = before;
    const watch = setInterval(() => { peak = Math.max(peak, rss()); }, 20);
    const put = await host.put(at('files?path=/data/local/tmp/big'), undefined, { body, headers: { 'Content-Length': total }, ms: 60000 });
    assert.ok([200, 204].includes(put.status), put.text);
    const got = await host.get(at('files?path=/data/local/tmp/big'), { stream: true });
    const read = createHash('sha256');
    let size = 0;
    for await (const chunk of got.stream) { read.update(chunk); size += chunk.length; }
    clearInterval(watch);
    assert.equal(size, total);
    assert.equal(read.digest('hex'), sent.digest('hex'));
    if (!process.env.TESTBED_VARIANT) assert.ok(peak - before < 24 * 1024 * 1024, `memory grew by ${peak - before} bytes`);
    await host.delete(at('files?path=/data/local/tmp/big'));
  });

  test('an upload that breaks off leaves no file and no hang', async () => {
    const body = new Readable({ read() {} });
    body.push(randomBytes(100000));
    const pending = host.request('PUT', at('files?path=/data/local/tmp/torn'), { body, headers: { 'Content-Length': 1000000 } }).catch((e) => e);
    await new Promise((resolve) => body.once('pause', resolve) && setTimeout(resolve, 100));
    body.destroy(new Error('gone'));
    await pending;
    await until('no torn file', async () => (await host.get(at('files?path=/data/local/tmp/torn'))).status === 404);
  });

  test('bad input', async () => {
    assertProblem(await host.get(at('files')), 400, { field: 'path' });
    assertProblem(await host.get(at('files?path=relative')), 400, { field: 'path' });
    assertProblem(await host.get(at('files?path=/nix')), 404);
    assertProblem(await host.put(at('files?path=/data/local/tmp/x&mode=9'), undefined, { body: 'x' }), 400, { field: 'mode' });
    assertProblem(await host.get(at('files?path=/data&other=1')), 400, { field: 'other' });
    assertProblem(await host.delete(at('files?path=/nix/nix')), 404);
  });
});

describe('apps', () => {
  test('install, list, start, stop, remove', async () => {
    const apk = readFileSync(path.join(ROOT, 'drivers/adb/fixtures/hello.apk'));
    const installed = await host.post(at('apps'), undefined, { body: apk, headers: { 'Content-Type': 'application/vnd.android.package-archive' } });
    assert.equal(installed.status, 200, installed.text);
    const { package: name } = installed.json;
    assert.match(name, /^[\w.]+$/);
    const packages = async () => (await host.get(at('apps'))).json.map((a) => a.package);
    assert.ok((await packages()).includes(name));
    for (const verb of ['start', 'stop']) {
      const answer = await host.post(at(`apps/${name}/${verb}`));
      assert.ok(answer.status < 300, answer.text);
    }
    assert.ok((await host.delete(at(`apps/${name}`))).status < 300);
    assert.ok(!(await packages()).includes(name));
  });

  test('bad input', async () => {
    assertProblem(await host.post(at('apps'), { package: 'x' }), 415);
    assertProblem(await host.post(at('apps'), undefined, { body: '' }), 400);
    const garbage = await host.post(at('apps'), undefined, { body: 'this is no package', headers: { 'Content-Type': 'application/octet-stream' } });
    assert.ok(garbage.status >= 400 && garbage.status < 600, garbage.text);
    assertProblem(await host.post(at('apps/a%3Bb/start')), 400, { field: 'package' });
    const missing = await host.post(at('apps/org.example.missing/start'));
    assert.ok(missing.status >= 400, missing.text);
  });
});

test('logs: live lines, replay, resume', async () => {
  const live = await host.sse(at('logs'));
  await host.post(at('shell'), { argv: ['log', '-t', 'bench', 'first mark'] });
  const first = await live.find((e) => e.data.text.includes('first mark'));
  live.stop();
  await host.post(at('shell'), { argv: ['log', '-t', 'bench', 'second mark'] });
  const resumed = await host.sse(at('logs'), { headers: { 'Last-Event-ID': first.id } });
  await resumed.find((e) => e.data.text.includes('second mark'));
  assert.ok(!resumed.items.some((e) => e.data.text.includes('first mark')), 'nothing twice');
  resumed.stop();
  const all = await host.sse(at('logs?from=0'));
  await all.find((e) => e.data.text.includes('first mark'));
  all.stop();
  assertProblem(await host.get(at('logs?from=-1')), 400, { field: 'from' });
  assertProblem(await host.get(at('logs'), { headers: { 'Last-Event-ID': 'x' } }), 400);
});

test('sensors: battery as samples', async () => {
  const stream = await host.sse(at('sensors/stream'));
  const sample = await stream.find((e) => /battery/.test(e.data.stream), { ms: 30000 });
  assert.equal(sample.data.type, 'sample');
  stream.stop();
  const latest = await host.get(at('sensors'));
  assert.equal(typeof latest.json[sample.data.stream].value, 'number');
});

test('the adb server goes away and comes back', async () => {
  await phone.adb.kill();
  await until('the phone to be away', async () => (await host.get('/host/devices/phone')).json.state !== 'ready');
  const gone = await host.post(at('shell'), { command: 'true' });
  assert.ok([410, 502, 503].includes(gone.status), gone.text);
  assert.equal((await request(host.url, 'GET', '/host/health')).status, 200);
});
