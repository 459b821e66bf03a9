import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Emitter } from '../core/emitter.js';
import { besides, nameHere, withoutMe } from '../core/people.js';
import { fromPicture, toPicture } from '../core/pointer.js';
import { Room } from '../core/room.js';
import { FakeClock, record } from './fakes.mjs';

function make() {
  const signaling = new Emitter();
  const sent = [];
  Object.assign(signaling, { peerId: 'p1', send: (m) => sent.push(m) > 0, setHello: (m) => sent.push({ hello: m }) });
  const clock = new FakeClock();
  const room = new Room({ signaling, clock, name: 'Bert' });
  return { signaling, sent, clock, room, said: record(room, 'people', 'line', 'point') };
}
test('who else is with a device: not this page, and who has no name is somebody', () => {
  const me = { user: 'anna', named: true };
  const all = [
    { peerId: 'p1', name: 'Bert', guest: true, user: 'anna, link p1 (via server)' },
    { by: 'vnc', user: 'anna' },
    { by: 'webrtc', user: 'anna' },
    { by: 'webrtc', user: 'anna' },
    { by: 'vnc', user: null },
  ];
  const others = withoutMe(all, me);
  assert.equal(others.length, 4);
  assert.deepEqual(
    others.slice(1).map((p) => nameHere(p, me)),
    ['you', 'you', 'somebody'],
  );
  assert.deepEqual(withoutMe([{ by: 'webrtc', user: 'local' }], { user: 'local', named: false }), []);
  assert.equal(nameHere({ by: 'webrtc', user: 'local' }, { user: 'local', named: false }), 'somebody');
  assert.equal(nameHere({ by: 'webrtc', user: 'bob' }, null), 'bob');
  // a page without a picture has its console: that is this page's own
  assert.deepEqual(withoutMe([{ by: 'console', user: 'anna' }], me), []);
  assert.equal(withoutMe([{ by: 'console', user: 'anna' }, ...all], me).length, 5, 'the picture is');
  assert.equal(nameHere({ by: 'console', user: 'carl (via server)' }, me), 'carl');
  assert.equal(nameHere({ by: 'console', user: null, guest: true }, me), 'a guest');
  // a session's list has its own people; the host tells the others
  const told = [...all, { peerId: 'p9', name: null, guest: true }, { by: 'console', user: 'local (via server)' }];
  assert.deepEqual(
    besides(told, [{ peerId: 'p1' }]).map((p) => p.peerId ?? `${p.by} ${nameHere(p)}`),
    ['vnc anna', 'webrtc anna', 'webrtc anna', 'vnc somebody', 'p9', 'console somebody'],
  );
});

const line = (n) => ({ n, t: 1, from: 'p2', name: null, guest: true, text: `line ${n}` });

test('a line is shown once, whoever tells it again; a server that begins anew is read from its start', () => {
  const { signaling, room, said } = make();
  const talk = (...lines) => signaling.emit('message', { type: 'talk', lines }, 'talk');
  talk(line(1), line(2));
  talk(line(3));
  talk(line(2), line(3), line(4));
  assert.deepEqual(
    room.lines.map((l) => l.n),
    [1, 2, 3, 4],
  );
  assert.deepEqual(
    said.map(([, l, { old }]) => [l.n, old]),
    [
      [1, true],
      [2, true],
      [3, false],
      [4, true],
    ],
  );
  talk(line(1));
  assert.equal(room.lines.length, 5);
});

test('a pointer that moves is told now and then, and where it stays', async () => {
  const { clock, room, sent } = make();
  for (let i = 0; i <= 10; i++) {
    room.point(i / 10, 0);
    await clock.advance(10);
  }
  await clock.advance(1000);
  const xs = sent.map((m) => m.x);
  assert.ok(xs.length <= 3, `${xs}`);
  assert.deepEqual([xs[0], xs.at(-1)], [0, 1]);
});

test('of one’s own line the way is told when it changes, the rest every few seconds', async () => {
  const { clock, room, sent } = make();
  for (let i = 0; i < 10; i++) {
    room.report({ path: 'direct', rttMs: i, lossPct: 0 });
    await clock.advance(1000);
  }
  room.report({ path: 'relayed (TURN)', rttMs: 200, lossPct: 120 });
  room.report({ path: 'a way that nobody knows', rttMs: NaN });
  assert.deepEqual(sent, [
    { type: 'me', path: 'direct', rtt_ms: 0, loss_pct: 0 },
    { type: 'me', path: 'direct', rtt_ms: 5, loss_pct: 0 },
    { type: 'me', path: 'turn', rtt_ms: 200, loss_pct: 100 },
    { type: 'me' },
  ]);
});

test('one’s name is said now, and with the next hello', () => {
  const { room, sent } = make();
  room.setName('Anna');
  assert.deepEqual(sent, [{ hello: { name: 'Anna' } }, { type: 'me', name: 'Anna' }]);
});

test('a place of the picture is where it was pointed at, however the picture is turned', () => {
  const box = { left: 10, top: 20, width: 300, height: 200 };
  for (let turn = 0; turn < 4; turn++) {
    const seen = fromPicture({ x: 0.25, y: 0.8 }, { box, turn });
    const back = toPicture(seen, { box, turn });
    assert.ok(Math.abs(back.x - 0.25) < 1e-9 && Math.abs(back.y - 0.8) < 1e-9, `${turn}: ${JSON.stringify(back)}`);
  }
  assert.deepEqual(fromPicture({ x: 0, y: 0 }, { box, turn: 1 }), { x: 310, y: 20 });
  assert.equal(toPicture({ x: 9, y: 50 }, { box }), null);
});
