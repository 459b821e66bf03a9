// One table of messages, lib/proto/messages.json: what the C side makes passes the page's checker, whatever devices and
// users make it say; and both sides take and refuse the same messages, at every limit of the table.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { check, LIMITS, parse } from '../../web/core/proto.js';
import { filled } from '../messages.mjs';
import { Host } from './harness.mjs';

const TOOL = path.join(process.env.TESTBED_BUILD ?? 'build', 'tools', 'messages');
const table = JSON.parse(readFileSync(new URL('../../lib/proto/messages.json', import.meta.url), 'utf8'));

/** Lines that the tool says. */
function tool(mode, lines = []) {
  return new Promise((resolve, reject) => {
    const child = spawn(TOOL, [mode], { stdio: ['pipe', 'pipe', 'ignore'] });
    const out = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.on('error', reject);
    child.stdin.on('error', () => {});
    child.on('close', (code, signal) =>
      code === 0
        ? resolve(Buffer.concat(out).toString().split('\n').slice(0, -1))
        : reject(new Error(`messages ${mode} ended with ${code ?? signal}`)),
    );
    child.stdin.end(lines.map((l) => `${l}\n`).join(''));
  });
}

test('whatever the C side says is a message to the page', async () => {
  const kinds = new Map();
  for (const line of await tool('emit')) {
    try {
      const { kind } = parse(line);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    } catch (error) {
      assert.fail(`${error.message}: ${line.slice(0, 300)}`);
    }
  }
  for (const [kind, least] of [
    ['sample', 40],
    ['event', 20],
    ['result', 90],
    ['error', 90],
  ])
    assert.ok(kinds.get(kind) >= least, `${kinds.get(kind)} × ${kind}`);
});

test('examples of the table are what it says', () => {
  for (const [name, message] of Object.entries(table.messages))
    if (message.example) assert.equal(check(message.example), name);
});

// ---- the same verdict on both sides -------------------------------------------------------------------------------

const limit = (v) => (typeof v === 'string' ? LIMITS[v] : v);
const NAMES = {
  id: ['a', '0', 'a.b-c_d', 'z'.repeat(64), 'z'.repeat(65), '', 'A', '-a', '.a', '_a', 'a/b', 'a b', 'ä', 'a\n'],
  verb: [
    'power.set',
    '0.set',
    'a.b.set',
    'a-.set',
    'power',
    'power.',
    '.set',
    'power.Set',
    'power.9',
    `${'z'.repeat(64)}.set`,
    `${'z'.repeat(65)}.set`,
    'p..set',
    'power.set\n',
  ],
  topic: [
    'event',
    'sensor:board',
    'console:board/uart1',
    `console:${'z'.repeat(64)}/${'z'.repeat(64)}`,
    `console:${'z'.repeat(65)}`,
    'Event',
    ':a',
    'event:',
    'event:a/',
    'event:a/b/c',
    'event:A',
    '',
    'a..b',
    '9',
    'event:../x',
    'e\n',
  ],
};

/** Values at and beyond what a field may be, of every other type too. */
function values(field) {
  const wrong = [null, true, 7, 1.5, 'text', [], {}, -1];
  if (field.type === 'string' && NAMES[field.name]) return [...NAMES[field.name], ...wrong];
  if (field.type === 'string')
    return [
      ...[0, 1, limit(field.max) ?? 0, (limit(field.max) ?? 0) + 1].map((n) => 'x'.repeat(n)),
      'é'.repeat(Math.ceil((limit(field.max) ?? 0) / 2) + 1),
      ...wrong,
    ];
  if (field.type === 'int' || field.type === 'number') {
    const [min, max] = [
      limit(field.min) ?? -1e300,
      limit(field.max) ?? (field.type === 'int' ? LIMITS.integer : 1e300),
    ];
    return [min, max, min - 1, max + 1, 0, ...wrong];
  }
  if (field.type === 'enum') return [...field.values, 'nonsense', '', ...wrong];
  if (field.type === 'array' && field.items.name)
    return [1, limit(field.max), limit(field.max) + 1]
      .map((n) => Array(n).fill('event'))
      .concat([...NAMES[field.items.name].map((v) => [v]), ...wrong]);
  return wrong;
}

function* cases() {
  const valid = {
    command: table.messages.command.example,
    subscribe: table.messages.subscribe.example,
    unsubscribe: table.messages.unsubscribe.example,
    ping: table.messages.ping.example,
    sample: table.messages.sample.example,
    sensor: table.messages.sensor.example,
    bye: table.messages.bye.example,
  };
  for (const [name, message] of Object.entries(valid)) {
    for (const [field, f] of Object.entries(table.messages[name].fields)) {
      // of another's readings the host reads no more
      if (f.const || (['sample', 'sensor'].includes(name) && !['t', 'seq'].includes(field))) continue;
      const { [field]: _, ...without } = message;
      yield without;
      for (const value of values(f)) yield { ...message, [field]: value };
    }
  }
  for (const [verb, { fields }] of Object.entries(table.verbs)) {
    if (verb === 'input.send') continue; // events of input are judged on their way to the device: host-limits
    const device = { id: 7, device: 'board', verb };
    const params = { 'power.set': { state: 'on' }, 'console.write': { text: 'x' } }[verb] ?? {};
    for (const [field, f] of Object.entries(fields)) {
      if (f.type === 'string') continue; // and so is what of text and base64 is there
      for (const value of values(f)) yield { ...device, params: { ...params, [field]: value } };
    }
  }
}

test('the host and the page take and refuse the same', async () => {
  const all = [...cases()];
  const verdicts = await tool(
    'check',
    all.map((m) => JSON.stringify(m)),
  );
  assert.equal(verdicts.length, all.length);
  const differ = [];
  let refused = 0;
  for (const [i, message] of all.entries()) {
    let page = 'ok';
    try {
      check(message);
    } catch (error) {
      page = `refused ${error.path}`;
    }
    const what = JSON.stringify(message).slice(0, 300);
    if (page !== 'ok') refused++;
    if (verdicts[i].replace('params.', '') !== page.replace('params.', ''))
      differ.push(`host: ${verdicts[i]}, page: ${page}: ${what}`);
  }
  assert.deepEqual(differ, []);
  assert.ok(refused > 150 && refused < all.length, `${refused} of ${all.length} refused`);
});

// ---- the document ---------------------------------------------------------------------------------------------------

const whole = (v) =>
  ['device', 'lease', 'recording'].includes(v.kind) ? v.path : `/host/devices/{id}/${v.kind}${v.path}`;

// What is asked of a device and is no verb: what has no end, and what is no JSON.
const STREAMS = [
  'video/snapshot.png',
  'video/snapshot.jpg',
  'video/stream.mjpeg',
  '{interface}/vnc',
  'video/whep',
  'video/whep/{session}',
  'sensors/stream',
  'audio/stream.wav',
  'audio/whep',
  'audio/whep/{session}',
  'recording/{file}',
];

test('a verb for each route of a device, a route for each verb: one table, the same role in both', async () => {
  const host = await Host.start({ devices: {} });
  const { paths } = (await host.get('/host/openapi.json')).json;
  await host.stop();
  const verbs = JSON.parse((await tool('verbs')).join(''));
  for (const v of verbs) {
    const operation = paths[whole(v)]?.[v.method.toLowerCase()];
    assert.ok(operation, `${v.kind}.${v.op}: there is no ${v.method} ${whole(v)}`);
    assert.equal(operation['x-role'], v.role, `${v.kind}.${v.op}`);
  }
  const named = new Map(verbs.map((v) => [`${v.kind}.${v.op}`, v]));
  const rest = [];
  for (const [where, item] of Object.entries(paths).filter(([p]) => p.startsWith('/host/devices'))) {
    for (const [method, operation] of Object.entries(item)) {
      const verb = named.get(operation['x-verb']);
      if (verb) assert.deepEqual([whole(verb), verb.method.toLowerCase()], [where, method], operation['x-verb']);
      else rest.push(`${method} ${where}`);
    }
  }
  const known = STREAMS.map((s) => `/host/devices/{id}/${s}`);
  assert.deepEqual(
    rest.filter((r) => r !== 'get /host/devices' && !known.includes(r.split(' ')[1])),
    [],
    'routes without a verb',
  );
  // each verb has a route of its own, but that one GET stats, lists and reads files
  const shown = new Set(Object.values(paths).flatMap((item) => Object.values(item).map((o) => o['x-verb'])));
  assert.deepEqual(
    [...named.keys()].filter((v) => !shown.has(v)),
    ['files.stat', 'files.list'],
  );
});

test('docs/CONTROL.md lists the verbs that there are', async () => {
  const verbs = JSON.parse((await tool('verbs')).join(''));
  const param = (p) => {
    const range = [p.min, p.max].every((x) => x === undefined) ? '' : ` ${p.min ?? ''}…${p.max ?? ''}`;
    return `\`${p.name}\`${p.required ? '' : '?'}: ${p.choices ? p.choices.map((c) => `"${c}"`).join(', ') : p.type}${range}${p.unit ? ` ${p.unit}` : ''}`;
  };
  const rows = () => [
    '| verb | by REST | role | lease | parameters | what |',
    '|---|---|---|---|---|---|',
    ...verbs.map(
      (v) =>
        `| \`${v.kind}.${v.op}\` | ${v.method} ${whole(v).replace('/host/devices/{id}/', '')} | ${v.role} | ${v.control ? 'yes' : ''} | ${v.params.map(param).join(' · ')} | ${v.summary} |`,
    ),
  ];
  const doc = readFileSync(new URL('../../docs/CONTROL.md', import.meta.url), 'utf8');
  const want = filled(doc, { verbs: rows });
  if (process.env.TESTBED_WRITE_DOCS)
    (await import('node:fs')).writeFileSync(new URL('../../docs/CONTROL.md', import.meta.url), want);
  else
    assert.equal(
      doc,
      want,
      'the table of verbs has changed: TESTBED_WRITE_DOCS=1 node --test tests/integration/messages.test.mjs writes it anew',
    );
});
