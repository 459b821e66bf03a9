// What REST refuses for a phone, and bodies of any size; what it does is in phone.test.mjs.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { before, describe, test } from 'node:test';

import { startPhone } from './bench.mjs';
import { Host, SLOW, assertProblem, forFile, until, within, documented } from './harness.mjs';

const file = forFile();
let host;
let answers;
let phone;

before(async () => {
  phone = await startPhone(file);
  host = await Host.start({ devices: { phone: { attach: phone.uri } } }, { env: phone.env });
  file.after(() => host.stop());
  await host.state_is('phone/shell', 'ready', 20000);
  await host.state_is('phone/files', 'ready', 20000);
  answers = documented(host, (await host.get('/host/openapi.json')).json);
});

const at = (rest) => `/host/devices/phone/${rest}`;

describe('shell', () => {
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

test('shell: output at the limit and one byte beyond it', async () => {
  const run = (bytes) =>
    host.post(at('shell'), { command: `head -c ${bytes} /dev/zero | tr '\\0' x`, timeout_s: 60 }, { ms: 90000 });
  const limit = 8 * 1024 * 1024;
  const most = await run(limit);
  assert.equal(most.status, 200, most.text.slice(0, 300));
  assert.equal(most.json.stdout.length, limit);
  assertProblem(await run(limit + 1), 413);
});

describe('files', () => {
  test('a folder with as many entries as are listed, and one with one more', async () => {
    const folder = path.join(phone.state, 'sdcard', 'many');
    mkdirSync(folder);
    for (let i = 0; i < 50000; i++) closeSync(openSync(path.join(folder, `f${i}`), 'w'));
    const most = await host.get(at('files?path=/sdcard/many'), { ms: 60000 });
    assert.equal(most.status, 200, most.text.slice(0, 300));
    assert.equal(most.json.length, 50000);
    closeSync(openSync(path.join(folder, 'one-more'), 'w'));
    assertProblem(await host.get(at('files?path=/sdcard/many'), { ms: 60000 }), 413);
    rmSync(folder, { recursive: true });
    assert.equal((await host.get(at('files?path=/sdcard'))).status, 200, 'the lane goes on');
  });

  test('any size in constant memory', async () => {
    const total = 96 * 1024 * 1024;
    const block = randomBytes(1024 * 1024);
    const sent = createHash('sha256');
    const body = Readable.from(
      (function* blocks() {
        for (let n = 0; n < total; n += block.length) {
          sent.update(block);
          yield block;
        }
      })(),
    );
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${host.pid}/status`, 'utf8'))[1]) * 1024;
    const before = rss();
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, rss());
    }, 20);
    const put = await host.put(at('files?path=/data/local/tmp/big'), undefined, {
      body,
      headers: { 'Content-Length': total },
      ms: 60000,
    });
    assert.ok([200, 204].includes(put.status), put.text);
    const got = await host.get(at('files?path=/data/local/tmp/big'), { stream: true });
    const read = createHash('sha256');
    let size = 0;
    for await (const chunk of got.stream) {
      read.update(chunk);
      size += chunk.length;
    }
    clearInterval(watch);
    assert.equal(size, total);
    assert.equal(read.digest('hex'), sent.digest('hex'));
    if (!process.env.TESTBED_VARIANT)
      assert.ok(peak - before < 24 * 1024 * 1024, `memory grew by ${peak - before} bytes`);
    await host.delete(at('files?path=/data/local/tmp/big'));
  });

  test('an upload that breaks off leaves no file and no hang', async () => {
    const url = new URL(host.url);
    for (let i = 0; i < 20; i++) {
      // more than the phone has workers: none may stay with one that left
      const req = http.request({
        host: url.hostname,
        port: url.port,
        method: 'PUT',
        path: at('files?path=/data/local/tmp/torn'),
        headers: { 'Content-Length': 1000000 },
      });
      req.on('error', () => {});
      await new Promise((resolve) => req.write(randomBytes(100000), resolve));
      req.destroy();
    }
    await until('no torn file', async () => (await host.get(at('files?path=/data/local/tmp/torn'))).status === 404);
  });

  test('a file and a folder get another name, never over what is there; a folder goes with all that is in it', async () => {
    const folder = '/sdcard/a%20folder';
    await host.put(at(`files?path=/sdcard/one`), undefined, { body: '1' });
    mkdirSync(path.join(phone.state, 'sdcard', 'a folder', 'below'), { recursive: true });
    const rename = (body) => host.post(at('files/rename'), body);
    assert.equal((await rename({ path: '/sdcard/one', to: '/sdcard/a folder/two' })).status, 204);
    assert.equal((await host.get(at(`files?path=${folder}/two`))).text, '1');
    assertProblem(await rename({ path: '/sdcard/a folder', to: '/sdcard/DCIM' }), 409, { field: 'to' });
    assertProblem(await rename({ path: '/sdcard/one', to: '/sdcard/three' }), 404);
    assertProblem(await rename({ path: '/sdcard/..', to: '/sdcard/all' }), 400, { field: 'path' });
    assertProblem(await host.delete(at(`files?path=${folder}`)), 422);
    assert.equal((await host.get(at(`files?path=${folder}`))).status, 200, 'not without asking for all of it');
    for (const root of ['/', '//', '/sdcard/..'])
      assertProblem(await host.delete(at(`files?path=${root}&recursive=true`)), 400, { field: 'path' });
    assert.equal((await host.delete(at(`files?path=${folder}&recursive=true`))).status, 204);
    assert.equal((await host.get(at(`files?path=${folder}`))).status, 404);
  });

  test('bad input', async () => {
    assertProblem(await host.get(at('files')), 400, { field: 'path' });
    assertProblem(await host.get(at('files?path=relative')), 400, { field: 'path' });
    assertProblem(await host.get(at('files?path=/nix')), 404);
    assertProblem(await host.put(at('files?path=/data/local/tmp/x&mode=9'), undefined, { body: 'x' }), 400, {
      field: 'mode',
    });
    assertProblem(await host.get(at('files?path=/data&other=1')), 400, { field: 'other' });
    assertProblem(await host.delete(at('files?path=/nix/nix')), 404);
  });
});

/** Announces a body of so many bytes and sends none: the status, or 'continue' when it is wanted. */
function announce(target, size) {
  const url = new URL(host.url);
  return within(
    `the answer to ${size} bytes`,
    new Promise((resolve, reject) => {
      const req = http.request({
        host: url.hostname,
        port: url.port,
        method: 'POST',
        path: target,
        headers: { 'Content-Length': size, Expect: '100-continue' },
      });
      const done = (what) => {
        resolve(what);
        req.destroy();
      };
      req.on('response', (res) => done(res.statusCode));
      req.on('continue', () => setTimeout(done, 500 * SLOW, 'continue')); // the refusal comes behind it, if one does
      req.on('error', reject);
      req.flushHeaders();
    }),
  );
}

describe('apps', () => {
  test('a package at the limit of 4 GiB is wanted, one byte more is not', async () => {
    assert.equal(await announce(at('apps'), 4 * 1024 ** 3), 'continue');
    assert.equal(await announce(at('apps'), 4 * 1024 ** 3 + 1), 413);
  });

  test('bad input', async () => {
    assertProblem(await host.post(at('apps'), { package: 'x' }), 415);
    assertProblem(await host.post(at('apps'), undefined, { body: '' }), 400);
    const garbage = await host.post(at('apps'), undefined, {
      body: 'this is no package',
      headers: { 'Content-Type': 'application/octet-stream' },
    });
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
  assert.ok(
    resumed.items.every((e) => Number(e.id) > Number(first.id)),
    'nothing twice',
  );
  const socket = await host.websocket(at(`logs?last_event_id=${first.id}`)); // as a page does
  assert.deepEqual(await socket.find((m) => m.text?.includes('second mark')), resumed.items.at(-1).data);
  assert.ok(socket.items.every((m) => m.offset > Number(first.id)));
  socket.ws.send('{"type":"ping"}');
  await socket.find((m) => m.type === 'pong');
  socket.ws.close();
  resumed.stop();
  const all = await host.sse(at('logs?from=0'));
  await all.find((e) => e.data.text.includes('first mark'));
  await host.post(at('shell'), {
    command: 'i=0; while [ $i -lt 20 ]; do log -t bench "tail mark $i of twenty"; i=$((i+1)); done',
  });
  await all.find((e) => e.data.text.includes('tail mark 19'));
  const end = Number(all.items.at(-1).id);
  const tail = await host.sse(at('logs?from=-400'));
  const first400 = await tail.find((e) => e.data);
  assert.ok(
    Number(first400.id) > end - 600 && all.items.some((e) => e.id === first400.id),
    `the last 400 bytes of ${end}, from the start of a line: ${JSON.stringify(first400)}`,
  );
  tail.stop();
  const whole = await host.sse(at('logs?from=-9000000000000000'));
  assert.equal((await whole.find((e) => e.data)).id, all.items[0].id, 'more than there is: all of it');
  whole.stop();
  all.stop();
  assertProblem(await host.get(at('logs?from=-9000000000000001')), 400, { field: 'from' });
  assertProblem(await host.get(at('logs?from=x')), 400, { field: 'from' });
  assertProblem(await host.get(at('logs'), { headers: { 'Last-Event-ID': 'x' } }), 400);
});

test('every answer above is among those that the document lists', () => {
  assert.deepEqual(answers.findings(), []);
});
