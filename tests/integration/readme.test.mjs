// The README's examples, as they stand there: only the ports are others.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { UBOOT } from './bench.mjs';
import { BUILD, Host, ROOT, scratch, until, within } from './harness.mjs';
import { decode } from './png.mjs';

const blocks = [
  ...readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/\*\*(\d)\. [\s\S]*?```sh\n([\s\S]*?)```/g),
];
const example = (n) => blocks.find((b) => b[1] === String(n))[2];
let host;

before(async () => {
  host = await Host.start({ devices: { board: { attach: `${UBOOT}&autostart=true` } } });
  await host.state_is('board/power');
});

after(() => host?.stop());

/** The attachments that the drivers' READMEs show: URIs, and objects of a configuration. */
function* attachments() {
  for (const driver of readdirSync(path.join(ROOT, 'drivers'))) {
    let text;
    try {
      text = readFileSync(path.join(ROOT, 'drivers', driver, 'README.md'), 'utf8').replaceAll('…', 'x'.repeat(12));
    } catch {
      continue; // a part that is no driver
    }
    for (const [, uri] of text.matchAll(/^ {4}(\w[\w+.-]*:\/\/\S+)/gm)) yield [driver, `[${JSON.stringify(uri)}]`];
    for (const [, block] of text.matchAll(/```yaml\n([\s\S]*?)```/g))
      for (const one of block.split(/^(?=uri:)/m))
        if (/^uri:/.test(one)) yield [driver, `\n      power:\n${one.replace(/^/gm, '        ')}`];
  }
}

test("what the drivers' READMEs show is taken as it stands there", () => {
  const devices = [...attachments()].map(([driver, attach], i) => `  ${driver}-${i}:\n    attach: ${attach}`);
  const file = path.join(scratch('tb-examples-'), 'host.yaml');
  writeFileSync(file, `name: examples\nport: 0\ndevices:\n${devices.join('\n')}\n`);
  const { stdout, stderr } = spawnSync(path.join(BUILD, 'testbed-host'), ['--check', '--config', file], {
    encoding: 'utf8',
  });
  const wrong = (stdout + stderr).split('\n').filter((line) => /host\.yaml/.test(line) && !/ is that of /.test(line));
  assert.ok(devices.length > 40, `${devices.length} examples were found`);
  assert.deepEqual(wrong, []);
});

async function sh(script) {
  const dir = scratch('tb-readme-');
  const child = spawn('sh', ['-e', '-c', script.replaceAll('http://localhost:6109', host.url)], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '',
    err = '';
  child.stdout.on('data', (d) => {
    out += d;
  });
  child.stderr.on('data', (d) => {
    err += d;
  });
  const code = await within('the example', new Promise((resolve) => child.on('close', resolve)), 90000);
  assert.equal(code, 0, `${script}\n${out}\n${err}`);
  return { dir, out };
}

const colours = ({ data, channels }) => {
  const seen = new Set();
  for (let at = 0; at < data.length; at += channels) seen.add(data.readUIntBE(at, 3));
  return seen.size;
};

// Nobody watches the board: its VNC session sees the screen of U-Boot for the first time when the picture is asked for.
test('1: power cycle, prompt, version, and a picture of the screen that shows them', async () => {
  const { dir, out } = await sh(example(1));
  assert.match(out, /U-Boot 20\d\d/);
  const shot = decode(readFileSync(path.join(dir, 'board.png')));
  assert.deepEqual([shot.width, shot.height], [1024, 768], "the size of U-Boot's screen");
  assert.ok(colours(shot) > 1, 'a picture with something in it');
});

test('2: a lease, its control call, and the board free again; 3: the bus tells all of it', async () => {
  const {
    json: { offset },
  } = await host.get('/host/devices/board/console');
  await sh(example(2));
  assert.equal((await host.get('/host/devices/board')).json.lease, null);
  assert.equal(
    (
      await host.post(
        '/host/devices/board/console/expect',
        { pattern: '=> ', from: offset, timeout_s: 60 },
        { ms: 90000 },
      )
    ).status,
    200,
    'it was cycled',
  );

  const curl = spawn('sh', ['-c', `exec ${example(3).trim().replaceAll('http://localhost:6109', host.url)}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  curl.stdout.setEncoding('utf8').on('data', (d) => {
    told += d;
  });
  try {
    await until(
      'what example 2 did',
      () => /soak test/.test(told) && /"reason":"released"/.test(told) && /"observed":"off"/.test(told),
    );
  } finally {
    curl.kill();
  }
});
