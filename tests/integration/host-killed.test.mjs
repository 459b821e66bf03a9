// What a host that was killed knows, when it is back, of what it had begun.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Host, scratch, until } from './harness.mjs';

test('a host that is killed in the midst of a cycle says, when it is back, what the cycle may have left off', async (t) => {
  const relay = path.join(scratch('tb-cycle-'), 'relay'); // holds "on" or "off"
  writeFileSync(relay, 'off\n');
  const write = (state) => ['/bin/sh', '-c', 'echo "$1" > "$2"', 'relay', state, relay];
  const attach = [{ driver: 'exec', power_on: write('on'), power_off: write('off'), power_get: ['/bin/cat', relay] }];
  const devices = { board: { attach }, other: { attach: [{ ...attach[0], power_get: ['/bin/echo', 'on'] }] } };
  let host = await Host.start({ devices });
  const { state } = host;
  t.after(() => host.stop());
  const power = async (id) => (await host.get(`/host/devices/${id}/power`)).json;
  assert.equal((await host.put('/host/devices/board/power', { state: 'on' })).status, 200);
  host.post('/host/devices/board/power/cycle', { off_s: 60 }).catch(() => {}); // ends with the host
  await until('it is off, and stored', () => {
    const file = path.join(state, 'cycles.json');
    return (
      readFileSync(relay, 'utf8') === 'off\n' && existsSync(file) && readFileSync(file, 'utf8').includes('board/power')
    );
  });
  await host.kill();
  host = await Host.start({ devices }, { state });
  assert.match((await power('board')).reason, /power\.cycle by local, begun at 20.*cut off.*may have been left off/);
  assert.equal((await power('other')).reason, undefined);
  assert.equal(readFileSync(relay, 'utf8'), 'off\n', 'it is said, not switched');
  assert.equal((await host.put('/host/devices/board/power', { state: 'on' })).status, 200);
  assert.equal((await power('board')).reason, undefined);
  // one that ends is not remembered, and a file that is not ours harms nothing
  assert.equal((await host.post('/host/devices/board/power/cycle', { off_s: 0 })).status, 200);
  await until('none is stored', () => readFileSync(path.join(state, 'cycles.json'), 'utf8').trim() === '{}');
  await host.kill();
  const odd = { 'board/power': 7, nobody: {}, '/': { by: 3 }, 'board/sensors': { by: 'x', since_ms: -1e18 } };
  writeFileSync(path.join(state, 'cycles.json'), JSON.stringify(odd));
  host = await Host.start({ devices }, { state });
  assert.match((await power('board')).reason, /power\.cycle by somebody/);
});
