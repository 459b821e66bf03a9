// What a page tells of its connection: once when it has settled, when its way changes, and at its end.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ConnectionReport } from '../core/connection-report.js';
import { FakeClock } from './fakes.mjs';

function page() {
  const clock = new FakeClock();
  const sent = [];
  const report = new ConnectionReport({ post: (r, last) => sent.push({ ...r, last }), clock });
  return { clock, sent, report };
}

test('the relay that carries the first words is no change of the way; a later one is', async () => {
  const { clock, sent, report } = page();
  report.begin('p1');
  await clock.advance(300);
  report.way('relay');
  await clock.advance(900);
  report.way('direct, through NAT');
  report.way('direct, through NAT');
  report.figures({ rttMs: 12.4, lossPct: 0.04 });
  await clock.advance(6000);
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0], {
    peer: 'p1',
    connected: true,
    ended: false,
    path: 'nat',
    switches: 0,
    connect_ms: 300,
    duration_s: 5,
    rtt_ms: 12,
    loss_pct: 0,
    last: false,
  });
  report.way(null);
  report.way('relayed (TURN)');
  report.way('relay');
  await clock.advance(6000);
  assert.deepEqual([sent.length, sent[1].path, sent[1].switches], [2, 'relay', 2], 'what flaps is told together');
  report.end('left');
  report.end('ended');
  assert.deepEqual([sent.length, sent[2].last, sent[2].reason, sent[2].path], [3, true, 'left', 'relay']);
  report.begin('p1'); // the other side came again
  report.way('direct');
  report.end('left');
  assert.deepEqual([sent[3].peer, sent[3].path, sent[3].switches], ['p1.2', 'direct', 0]);
});

test('nobody was there: nothing is told; nobody answered: that is', () => {
  const { sent, report } = page();
  report.way('relay');
  report.end('left');
  assert.deepEqual(sent, []);
  report.begin('p2');
  report.lost();
  report.end('left');
  const said = { peer: 'p2', connected: false, ended: true, path: 'none', switches: 0, reason: 'timeout' };
  assert.deepEqual(sent, [{ ...said, last: true }]);
});

test('a connection that failed and was not replaced ended by the network; one that the relay replaced did not', () => {
  const { sent, report } = page();
  for (const [peer, ways, reason] of [
    ['p3', ['direct', null], 'network'],
    ['p4', ['direct', null, 'relay'], 'left'],
  ]) {
    report.begin(peer);
    for (const way of ways) way ? report.way(way) : report.lost();
    report.end('left');
    const last = sent.at(-1);
    assert.deepEqual([last.peer, last.reason], [peer, reason]);
  }
  assert.equal(sent[0].path, 'direct', 'what it was');
});
