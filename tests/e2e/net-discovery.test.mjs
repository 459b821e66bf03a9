// What is found in the network: devices that python3-zeroconf announces, in a namespace across a cable.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BUILD, Program, ROOT, until } from '../integration/harness.mjs';
import { Net } from './netns.mjs';

const FOUND = ['shelly://10.3.0.10', 'tasmota://10.3.0.11', 'vnc://10.3.0.14:5901'];
const ANSWERED = ['kasa://10.3.0.10?output=0', 'seestar://10.3.0.10'];

test('plugs and screens that announce themselves are offered, attached by one click, and gone when they say so', async (t) => {
  const net = await Net.make(t, 'host', 'lab');
  net.cable('host', '10.3.0.1/24', 'lab', '10.3.0.10/24');
  const lab = new Program(
    [...net.enter('lab'), '/usr/bin/python3', path.join(ROOT, 'tests/sim/announce.py'), '10.3.0.10'],
    { name: 'announce' },
  );
  t.after(() => lab.kill());
  const host = await net.host('host', { discovery: true });
  await lab.line(/^announced$/);
  const resources = async () => (await host.get('/host/resources')).json;
  const has = async (uri) => (await resources()).find((r) => r.uri === uri);
  for (const uri of [...FOUND, ...ANSWERED]) await until(uri, () => has(uri));
  await until('ESPHome', async () => (await resources()).some((r) => r.label === 'ESPHome, Kitchen plug'));

  const shelly = await has(FOUND[0]);
  assert.equal(shelly.driver, 'shelly');
  assert.equal(shelly.properties.kind, 'power');
  assert.match(shelly.why, /a Shelly announces itself by mDNS as shellyplus1pm-a8032ab12345\.local/);
  const all = await resources();
  assert.equal(all.filter((r) => r.uri.startsWith('shelly:')).length, 1, 'announced twice, offered once');
  assert.equal((await has(ANSWERED[0])).label, 'Kasa HS300(US), Rack');
  assert.ok(!all.some((r) => r.uri.includes('10.3.0.12')), 'a printer is none of ours');
  const made = await host.post('/host/devices', { id: 'plug', attach: [shelly.uri] });
  assert.equal(made.status, 201);
  assert.equal((await has(FOUND[0])).device, 'plug');

  lab.child.stdin.write('bye tasmota\n');
  await until('the Tasmota to vanish', async () => !(await has(FOUND[1])));
  assert.ok(await has(FOUND[2]));

  // what --discover prints is a configuration; a configuration may forbid to search
  const run = async (name, config) => {
    const file = path.join(net.folder, `${name}.yaml`);
    writeFileSync(file, JSON.stringify({ name: 'lab-1', ...config }));
    const argv = [...net.enter('host'), path.join(BUILD, 'testbed-host'), '--config', file, '--discover'];
    return (await promisify(execFile)(argv[0], argv.slice(1))).stdout;
  };
  const [yaml, quiet] = await Promise.all([run('open', {}), run('closed', { discovery: false })]);
  assert.match(yaml, /^ {2}shelly-plus1pm-shellyplus1pm-a8032ab12345: # a Shelly .*\n {4}label: "Shelly Plus1PM/m);
  assert.ok(yaml.includes('    attach: ["shelly://10.3.0.10"]\n'), yaml);
  assert.ok(!quiet.includes('10.3.0.'), quiet);
  const pasted = path.join(net.folder, 'pasted.yaml');
  writeFileSync(pasted, `name: lab-1\n${yaml}`);
  await promisify(execFile)(path.join(BUILD, 'testbed-host'), ['--config', pasted, '--check']);
});
