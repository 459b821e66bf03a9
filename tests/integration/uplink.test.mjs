// Finished clips on their way to a folder, an S3 bucket, a container of Azure and the pairing server; what becomes of
// them when the place is away, the host is killed, or a clip is refused for good.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { Bucket } from './buckets.mjs';
import { Host, assertProblem, forFile, freePort, scratch, until } from './harness.mjs';
import { Server } from './server-harness.mjs';

const file = forFile();
const NOW = Date.now(); // what is older than recording.days goes
const FILMS = { small: 20_000, large: 120_000 };

/** A clip as a host leaves it: what goes elsewhere is the folder, whoever made it. */
function putClip(state, clip, { bytes = FILMS.small, device = 'bench' } = {}) {
  const folder = path.join(state, 'recordings/clips', clip);
  mkdirSync(folder, { recursive: true });
  const film = Buffer.alloc(bytes, clip);
  const about = {
    clip,
    device,
    label: 'Bench "1"',
    at: NOW,
    from: NOW - 3000,
    to: NOW + 1000,
    note: '',
    user: 'local',
  };
  const all = {
    'clip.json': JSON.stringify({ ...about, rule: null, keep: false, state: 'done', video: true, bytes }),
    'console.txt': 'Kernel panic\n',
    'marks.vtt': 'WEBVTT\n\n',
    'video.mp4': film,
  };
  for (const [name, content] of Object.entries(all)) writeFileSync(path.join(folder, name), content);
  return Object.fromEntries(Object.entries(all).map(([name, content]) => [name, Buffer.from(content)]));
}

const kept = (host, clip) => JSON.parse(readFileSync(path.join(host.state, `recordings/clips/${clip}/uplink.json`)));
const stateOf = (host, clip) => host.get('/host/uplink').then(({ json }) => json.clips[clip]);
const becomes = (host, clip, state) =>
  until(`${clip} to be ${state}`, async () => {
    const is = await stateOf(host, clip);
    return is?.state === state && is;
  });
const hostOf = async (uplink, { state = scratch('tb-uplink-'), env = {} } = {}) => {
  file.after(() => rmSync(state, { recursive: true, force: true }));
  const host = await Host.start({ name: 'lab-1', uplink }, { state, env });
  file.after(() => host.program.how || host.stop());
  return host;
};

test('into a folder: each file, once; the state is on the disk, and one that is not there keeps it waiting', async () => {
  const state = scratch('tb-uplink-');
  const folder = path.join(scratch('tb-share-'), 'mounted');
  const all = putClip(state, 'c1');
  let host = await hostOf({ to: 'folder', folder, prefix: 'labs/berlin' }, { state });
  const waits = await until('why it waits', async () => {
    const is = await stateOf(host, 'c1');
    return is?.why && is;
  });
  assert.equal(waits.state, 'waiting');
  assert.match(waits.why, /it is not there/);
  assert.ok(waits.next > Date.now());
  mkdirSync(folder);
  assert.equal((await host.post('/host/uplink/retry')).status, 204);
  assert.deepEqual(await becomes(host, 'c1', 'done'), { state: 'done', percent: 100 });
  const there = path.join(folder, 'labs/berlin/lab-1/bench/c1');
  assert.deepEqual(readdirSync(there).sort(), Object.keys(all).sort());
  for (const [name, content] of Object.entries(all)) assert.deepEqual(readFileSync(path.join(there, name)), content);
  await host.kill();
  rmSync(there, { recursive: true });
  host = await hostOf({ to: 'folder', folder, prefix: 'labs/berlin' }, { state });
  await becomes(host, 'c1', 'done');
  assert.throws(() => readdirSync(there), 'what went is not sent again');
  await host.stop();
});

/** What stands under `name` of a container of Azure. */
async function readAzure(url, name, account, key) {
  const at = new URL(`${url}/clips/${name}`);
  const date = new Date().toUTCString();
  const text = `GET${'\n'.repeat(12)}x-ms-date:${date}\nx-ms-version:2021-10-04\n/${account}${at.pathname}`;
  const sum = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
  const answer = await fetch(at, {
    headers: { 'x-ms-date': date, 'x-ms-version': '2021-10-04', Authorization: `SharedKey ${account}:${sum}` },
  });
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
}

test('into buckets: signed; one that is away is tried again; after kill -9 it goes on with the file it was at', async () => {
  for (const kind of ['S3', 'Azure']) {
    const bucket = await Bucket.start(kind);
    const { env } = bucket;
    const uplink =
      kind === 'S3'
        ? { to: 's3', bucket: 'clips', url: bucket.url, kbps: 400 }
        : {
            to: 'azure',
            container: 'clips',
            account: env.AZURITE_ACCOUNT_NAME,
            url: env.AZURITE_BLOB_ENDPOINT,
            kbps: 400,
          };
    await bucket.stop();
    const state = scratch('tb-uplink-');
    const all = putClip(state, 'c2', { bytes: FILMS.large });
    let host = await hostOf(uplink, { state, env });
    const waits = await until('why it waits', async () => {
      const is = await stateOf(host, 'c2');
      return is?.why && is;
    });
    assert.match(waits.why, kind === 'S3' ? /the bucket clips/ : /the container clips/);
    await bucket.again();
    await host.post('/host/uplink/retry');
    const begun = Date.now();
    // 120 kB at 400 kbit/s: the film takes more than two seconds
    await until('the small ones to be there', () => kept(host, 'c2').files?.['marks.vtt']);
    await until('some of the film', async () => (await stateOf(host, 'c2')).percent > 0);
    await host.kill();
    assert.equal(kept(host, 'c2').state, 'waiting');
    host = await hostOf(uplink, { state, env });
    await becomes(host, 'c2', 'done');
    assert.ok(Date.now() - begun > 2000, 'no faster than kbps');
    for (const [name, content] of Object.entries(all)) {
      const where = `lab-1/bench/c2/${name}`;
      const is =
        kind === 'S3'
          ? await fetch(`http://127.0.0.1:${bucket.port}/clips/${where}`).then(async (r) => ({
              status: r.status,
              body: Buffer.from(await r.arrayBuffer()),
            }))
          : await readAzure(bucket.env.AZURITE_BLOB_ENDPOINT, where, env.AZURITE_ACCOUNT_NAME, env.AZURITE_ACCOUNT_KEY);
      assert.equal(is.status, 200, `${kind} ${where}`);
      assert.deepEqual(is.body, content);
    }
    const secret = env.AWS_SECRET_ACCESS_KEY ?? env.AZURITE_ACCOUNT_KEY;
    const shown = JSON.stringify((await host.get('/host/uplink')).json) + JSON.stringify(kept(host, 'c2'));
    assert.ok(!shown.includes(secret) && !host.program.text.includes(secret), 'keys are never shown');
    await host.stop();
    await bucket.stop();
  }
});

test('to the pairing server: an event with its film; one that is refused for good is failed, and can be tried again', async () => {
  const server = await Server.start({});
  file.after(() => server.stop());
  const state = scratch('tb-uplink-');
  const all = putClip(state, '20261130-210344-abc');
  const ca = server.ca ? { ca: server.ca } : {};
  const host = await hostOf({ to: 'server', url: server.url, ...ca }, { state });
  await becomes(host, '20261130-210344-abc', 'done');
  const { json } = await server.get('/events/20261130-210344-abc');
  assert.deepEqual([json.device_id, json.trigger_type, json.duration_seconds], ['bench', 'clip', 4]);
  assert.deepEqual((await server.get('/events/20261130-210344-abc/upload')).body, all['video.mp4']);
  await host.stop();

  const port = await freePort();
  let fails = true;
  const there = http
    .createServer((req, res) => {
      req.resume();
      req.on('end', () => res.writeHead(fails ? 413 : 200).end('<Error><Code>EntityTooLarge</Code></Error>'));
    })
    .listen(port, '127.0.0.1');
  file.after(() => there.close());
  const env = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'very secret' };
  putClip(state, 'c3');
  const other = await hostOf({ to: 's3', bucket: 'clips', url: `http://127.0.0.1:${port}` }, { state, env });
  const failed = await becomes(other, 'c3', 'failed');
  assert.match(failed.why, /the bucket clips answered 413 EntityTooLarge/);
  fails = false;
  await other.post('/host/uplink/retry');
  await becomes(other, 'c3', 'done');
  assert.equal((await other.delete('/host/clips/c3')).status, 204);
  await until('it to be forgotten', async () => !(await stateOf(other, 'c3')));
});

test('what the configuration lacks is said; without one clips stay here', async () => {
  const state = scratch('tb-uplink-');
  file.after(() => rmSync(state, { recursive: true, force: true }));
  const env = { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AZURITE_ACCOUNT_KEY: '' };
  for (const [uplink, words] of [
    [{ to: 'attic' }, /uplink\.to/],
    [{ to: 'folder' }, /uplink\.folder: which folder/],
    [{ to: 'server' }, /uplink\.url: the server's address/],
    [{ to: 's3', bucket: 'clips' }, /uplink\.key_file: its key is needed: key_file, or AWS_ACCESS_KEY_ID/],
    [{ to: 's3', bucket: 'UPPER', key_file: '/nowhere' }, /uplink\.bucket: 3 to 63[^]*\/nowhere cannot be read/],
    [{ to: 'azure', container: 'clips' }, /uplink\.account/],
    [{ to: 'folder', folder: '/tmp', prefix: '../up' }, /uplink\.prefix: names between slashes/],
  ])
    await assert.rejects(
      Host.start({ uplink }, { state, env }),
      (e) => words.test(e.message) || assert.fail(e.message),
    );
  const host = await hostOf(undefined, { state });
  assert.deepEqual((await host.get('/host/uplink')).json, { to: null, clips: {} });
  assertProblem(await host.post('/host/uplink/retry'), 409);
});
