// A container engine for the tests of the images: the machine's own where one answers, else Debian's dockerd, started by
// hand with all that it keeps in build/engine. Root is needed then.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

import { Program, ROOT, until } from '../integration/harness.mjs';

const run = promisify(execFile);
export const BASE = 'testbed-base:12';

/** Starts an engine if there is none; it ends with the file. Programs that the file starts find it by DOCKER_HOST. */
export async function startEngine(t) {
  const answers = () => spawnSync('docker', ['info'], { stdio: 'ignore' }).status === 0;
  if (answers()) return;
  const folder = path.join(ROOT, 'build', 'engine');
  mkdirSync(folder, { recursive: true });
  process.env.DOCKER_HOST = `unix://${folder}/socket`;
  const dockerd = new Program([
    'dockerd',
    ...['--data-root', `${folder}/data`, '--exec-root', `${folder}/run`, '--pidfile', `${folder}/pid`],
    ...['-H', process.env.DOCKER_HOST],
  ]);
  t.after(() => dockerd.stop(30000));
  await until('dockerd to answer', answers, 60000);
}

/** docker ARGUMENTS: what it said, or an error with what it said. */
export async function docker(...args) {
  const { stdout } = await run('docker', args, { maxBuffer: 64 << 20, cwd: ROOT });
  return stdout.trim();
}

/** A command that takes long, its output shown; it must succeed. */
export function loudly(...argv) {
  const done = spawnSync(argv[0], argv.slice(1), { cwd: ROOT, stdio: 'inherit' });
  assert.equal(done.status, 0, argv.join(' '));
}

/** An image made of the base and Debian's own packages: what stands in for a public one where there is no registry. */
export async function imageOf(tag, packages, more = '') {
  const child = spawnSync('docker', ['build', '--network=host', '-t', tag, '-'], {
    input: `FROM ${BASE}\nRUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists\n${more}`,
    encoding: 'utf8',
  });
  assert.equal(child.status, 0, child.stderr + child.stdout.slice(-2000));
}
