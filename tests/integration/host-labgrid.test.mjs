// labgrid (Debian's packages) drives U-Boot in QEMU as docs/LABGRID.md says: the place is reserved by the device's lease, power is
// read back, the console is RFC 2217 of the holder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { UBOOT } from './bench.mjs';
import { ROOT, freePort, scratch, until, withHost, within } from './harness.mjs';

/** The environment file of the documentation with this host's ports; what labgrid's program prints, as JSON. */
async function labgrid(host, port) {
  const folder = scratch();
  const file = path.join(folder, 'env.yaml');
  const text = readFileSync(path.join(ROOT, 'docs/labgrid/env.yaml'), 'utf8');
  writeFileSync(file, text.replace('http://127.0.0.1:6109', host.url).replace('port: 4001', `port: ${port}`));
  copyFileSync(path.join(ROOT, 'docs/labgrid/testbed_labgrid.py'), path.join(folder, 'testbed_labgrid.py'));
  const program = spawn('/usr/bin/python3', [path.join(ROOT, 'tests/integration/labgrid_board.py'), file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  program.stdout.on('data', (chunk) => (said.out += chunk));
  program.stderr.on('data', (chunk) => (said.err += chunk));
  const status = await within('labgrid', new Promise((resolve) => program.once('close', resolve)), 90000);
  assert.equal(status, 0, said.err);
  return JSON.parse(said.out);
}

test('labgrid reserves the board, boots it, runs commands, switches it off, and gives it back', async (t) => {
  const port = await freePort();
  const host = await withHost(t, { devices: { board: { attach: UBOOT, rfc2217: port } } });
  await until(
    'power',
    async () =>
      (await host.get('/host/devices/board')).json.interfaces.find((i) => i.kind === 'power').state === 'ready',
  );
  const seen = await labgrid(host, port);
  assert.equal(seen.held.note, 'labgrid');
  assert.match(seen.version.join('\n'), /U-Boot 20\d\d/);
  assert.deepEqual(seen.echo, [['hello-0'], ['hello-1'], ['hello-2']]);
  assert.equal(seen.dump, 0x20);
  assert.deepEqual([seen.on, seen.off, seen.after], [true, false, null]);
});
