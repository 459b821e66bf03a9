// A small disk of the recordings that is full: recording stops, and says so; nothing else does. It goes on when there
// is room, and what is there plays.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { assertProblem, scratch, until, withHost } from './harness.mjs';

test(
  'a disk that is full: recording stops with an event and nothing else does; it goes on when there is room',
  { skip: process.getuid() !== 0 && 'mounting a small disk needs root' },
  async (t) => {
    const disk = path.join(scratch('tb-full-'), 'disk');
    mkdirSync(disk);
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tb-small', disk]).status, 0);
    t.after(() => spawnSync('umount', ['-l', disk]));
    const attach = {
      video: 'testpattern://?width=320&height=240&fps=10',
      console: { driver: 'exec', console: ['cat'] },
    };
    const host = await withHost(t, {
      recording: { folder: disk, mode: 'on' },
      devices: { board: { attach }, other: { attach: { console: attach.console } } },
    });
    await host.state_is('board/console');
    const recording = async (id = 'board') => (await host.get(`/host/devices/${id}/recording`)).json;
    const events = await host.sse('/host/events?device=board');
    t.after(() => events.stop());
    const said = (type) => events.find((e) => e.data.type === type, { ms: 20000, what: type });
    await until('it to record', async () => (await recording()).spans.length > 0);
    const line = `${'x'.repeat(4000)}\n`;
    await until('the disk to be full', async () => {
      for (let i = 0; i < 8; i++) await host.post('/host/devices/board/console/write', { text: line });
      return (await recording()).stopped;
    });
    assert.match((await recording()).stopped, /No space left on device/);
    assert.match(JSON.stringify(await said('recording.stopped')), /No space left/);
    spawnSync('dd', ['if=/dev/zero', `of=${path.join(disk, 'others')}`, 'bs=4k']); // to its last byte
    // everything else does what it did
    const { json: lease } = await host.post('/host/devices/other/lease', { ttl_s: 60 });
    assert.ok(lease.lease);
    const echo = { pattern: 'still here', send: 'still here\n', timeout_s: 10 };
    const expected = await host.post('/host/devices/board/console/expect', echo);
    assert.equal(expected.status, 200, expected.text);
    assert.equal((await host.get('/host/devices/board/video/snapshot.png')).status, 200);
    assert.equal((await host.post('/host/devices', { id: 'third', attach: 'vitals://' })).status, 201);
    assert.equal((await host.get('/host/health')).json.status, 'healthy');
    assertProblem(await host.post('/host/devices/board/clips', {}), 503, { detail: /No space left on device/ });
    assert.equal((await host.get('/host/clips')).json.length, 0);
    assert.equal(spawnSync('mount', ['-o', 'remount,size=20m', disk]).status, 0);
    await said('recording.resumed');
    assert.equal((await recording()).stopped, null);
    const { json: order } = await host.post('/host/devices/board/clips', { pre_s: 1, post_s: 0.5 });
    const clip = await until('a clip', async () => {
      const { json } = await host.get(`/host/clips/${order.clip}`);
      return json.state !== 'recording' && json;
    });
    assert.equal(clip.state, 'done', clip.reason);
    for (const [day] of [readdirSync(path.join(disk, 'devices/board'))])
      for (const name of readdirSync(path.join(disk, 'devices/board', day))) {
        const file = path.join(disk, 'devices/board', day, name);
        if (name.endsWith('.jsonl'))
          for (const l of readFileSync(file, 'utf8').trimEnd().split('\n')) assert.ok(JSON.parse(l).t, name);
        else {
          const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-']);
          assert.equal(`${status} ${stderr}`, '0 ', name);
        }
      }
  },
);
