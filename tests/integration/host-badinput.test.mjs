// Every route of the OpenAPI document is asked for what it must refuse: a precise 4xx, problem+json, nothing changed.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { scriptedDevice } from './bench.mjs';
import { Host, assertProblem, documented, scratch } from './harness.mjs';

let host;
let document;
let answers;
const state = scratch('tb-bad-');

before(async () => {
  const scripted = scriptedDevice(path.join(state, 'power')).attach[0];
  // every kind that has routes; what the drivers do does not matter here: nothing may reach them
  host = await Host.start(
    {
      devices: {
        dut: {
          attach: {
            power: scripted,
            console: scripted,
            video: 'testpattern://',
            input: 'testpattern://',
            sensors: 'testpattern://',
            shell: 'adb://nobody',
            files: 'adb://nobody',
            apps: 'adb://nobody',
            logs: 'adb://nobody',
            audio: 'testtone://',
            mount: 'seestar://127.0.0.1:9?picture=none',
            gpio: 'gpio://gpiochip77?lines=boot=1:out', // not there: what is asked for is looked at first
          },
        },
        bare: { attach: 'vitals://' },
      },
    },
    { state, env: { ADB_HOST: '127.0.0.1:9' } },
  );
  await host.state_is('dut/power');
  document = (await host.get('/host/openapi.json')).json;
  answers = documented(host, document);
});

after(() => host?.stop());

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];
const operations = () =>
  Object.entries(document.paths).flatMap(([where, item]) =>
    METHODS.filter((m) => item[m]).map((m) => ({ where, method: m.toUpperCase(), op: item[m] })),
  );
/** Those that `dut` can be asked: no driver offers an instrument yet. */
const askable = () => operations().filter((o) => !o.where.endsWith('/instrument'));
const filled = (where, values = {}) =>
  where.replace(/\{(\w+)\}/g, (_, name) =>
    encodeURIComponent(
      {
        id: 'dut',
        interface: 'video',
        package: 'org.example.app',
        session: 'nosuchsession',
        port: '1-1',
        command: 'on',
        ...values,
      }[name] ?? 'x',
    ),
  );
const bodyOf = (op) => op.requestBody?.content?.['application/json'];
const snapshot = async () =>
  JSON.stringify(
    (await host.get('/host/devices')).json.map((d) => [
      d.id,
      d.label,
      d.lease,
      d.interfaces.map((i) => [i.name, i.uri]),
    ]),
  );

/** A value that a JSON schema does not allow, with the reason. */
function* wrongValues(schema) {
  const type = schema.type;
  if (type === 'string') {
    yield 7;
    if (schema.maxLength) yield 'x'.repeat(schema.maxLength + 1);
    if (schema.minLength) yield '';
    if (schema.enum) yield 'nonsense';
  }
  if (type === 'integer') {
    yield 'seven';
    yield 1.5;
  }
  if (type === 'number') yield 'seven';
  if (type === 'integer' || type === 'number') {
    if (schema.maximum !== undefined) yield schema.maximum + 1;
    if (schema.minimum !== undefined) yield schema.minimum - 1;
  }
  if (type === 'boolean') yield 'yes';
  if (type === 'array') {
    yield {};
    if (schema.maxItems && schema.maxItems < 5000) yield Array(schema.maxItems + 1).fill('x');
  }
  if (type === 'object') yield [];
  if (schema.enum && type !== 'string') yield 'nonsense';
}

test('the document lists the contract', () => {
  assert.match(document.openapi, /^3\.1/);
  assert.equal(
    new URL(document.servers[0].url, `${host.url}/host/openapi.json`).href,
    `${host.url}/`,
    'where the paths begin',
  );
  const have = new Set(operations().map((o) => `${o.method} ${o.where}`));
  const contract = [
    'GET /host/health',
    'GET /host/info',
    'GET /host/drivers',
    'GET /host/resources',
    'GET /host/events',
    'GET /host/openapi.json',
    'GET /metrics',
    'GET /host/devices',
    'POST /host/devices',
    'GET /host/devices/{id}',
    'PATCH /host/devices/{id}',
    'DELETE /host/devices/{id}',
    'POST /host/devices/{id}/lease',
    'PUT /host/devices/{id}/lease',
    'DELETE /host/devices/{id}/lease',
    'GET /host/usb',
    'PUT /host/usb/{port}/power',
    'POST /host/usb/{port}/reset',
    'GET /power/control/{command}',
    'GET /host/compat/power/{id}',
    'PUT /host/compat/power/{id}',
    'GET /host/ws',
    ...[
      'GET power',
      'PUT power',
      'POST power/cycle',
      'GET console',
      'PATCH console',
      'POST console/write',
      'POST console/break',
      'POST console/expect',
      'GET console/log',
      'GET video',
      'GET video/snapshot.png',
      'GET video/snapshot.jpg',
      'GET video/stream.mjpeg',
      'POST video/whep',
      'PATCH video/whep/{session}',
      'DELETE video/whep/{session}',
      'POST input',
      'POST shell',
      'GET files',
      'PUT files',
      'DELETE files',
      'GET apps',
      'POST apps',
      'DELETE apps/{package}',
      'POST apps/{package}/start',
      'POST apps/{package}/stop',
      'GET logs',
      'GET sensors',
      'GET sensors/stream',
      'POST sensors',
      'POST instrument',
      'GET mount',
      'POST mount/goto',
      'GET gpio',
      'PUT gpio',
      'POST gpio/pulse',
    ].map((s) => s.replace(' ', ' /host/devices/{id}/')),
  ];
  assert.deepEqual(
    contract.filter((c) => !have.has(c)),
    [],
  );
  for (const { where, method, op } of operations()) {
    assert.ok(op.operationId && op.summary, `${method} ${where} has an id and a summary`);
    assert.ok(Object.keys(op.responses).length, `${method} ${where} has answers`);
    for (const [, name] of where.matchAll(/\{(\w+)\}/g))
      assert.ok(
        op.parameters?.some((p) => p.in === 'path' && p.name === name),
        `${method} ${where}: {${name}}`,
      );
  }
  const ids = operations().map((o) => o.op.operationId);
  assert.equal(new Set(ids).size, ids.length, 'operation ids are unique');
});

test('an unknown device is a 404 on every route', async () => {
  for (const { where, method, op } of operations().filter(
    (o) => o.where.includes('/devices/{id}') && !o.where.endsWith('/vnc'),
  )) {
    const query = (op.parameters ?? [])
      .filter((p) => p.in === 'query' && p.required)
      .map((p) => `${p.name}=/x`)
      .join('&');
    const options = bodyOf(op) ? { json: {} } : {};
    const answer = await host.request(method, `${filled(where, { id: 'nix' })}${query ? `?${query}` : ''}`, options);
    // a body that lacks fields may be refused first
    if (answer.status === 400 && bodyOf(op)) continue;
    assertProblem(answer, 404, { detail: /nix/ });
  }
});

test('an interface that the device does not have, or of another kind', async () => {
  assertProblem(await host.get('/host/devices/bare/power'), 404, { detail: /sensors/ });
  assertProblem(await host.put('/host/devices/dut/console', { state: 'on' }), 405, {
    detail: /console interface.*allowed: GET, PATCH/,
  });
  const wrong = await host.post('/host/devices/dut/console/cycle', {});
  assertProblem(wrong, 404, { detail: /which is for power/ });
  assertProblem(await host.get('/host/devices/dut/power/log'), 404, { detail: /which is for console/ });
  assertProblem(await host.get('/host/devices/dut/power/nonsense'), 404);
  const not = await host.delete('/host/devices/dut/power');
  assertProblem(not, 405);
  assert.match(not.headers.allow, /GET/);
});

test('every JSON parameter: wrong types, limits + 1, unknown fields', async () => {
  const before = await snapshot();
  let asked = 0;
  for (const { where, method, op } of askable().filter((o) => bodyOf(o.op)?.schema?.properties)) {
    const { schema } = bodyOf(op);
    const target = filled(where);
    if (schema.additionalProperties !== true) {
      // what programs of another product send has fields that we do not know
      const unknown = await host.request(method, target, { json: { ...requiredOf(schema), nonsense_field: 1 } });
      assertProblem(unknown, 400, { field: 'nonsense_field' });
    }
    for (const name of schema.required ?? []) {
      const rest = requiredOf(schema);
      delete rest[name];
      assertProblem(await host.request(method, target, { json: rest }), 400, { field: name });
    }
    for (const [name, property] of Object.entries(schema.properties)) {
      for (const value of wrongValues(property)) {
        const json = { ...requiredOf(schema), [name]: value };
        if (JSON.stringify(json).length > 900000) continue; // the body's own limit comes first: below
        const answer = await host.request(method, target, { json });
        assert.ok(
          [400, 413].includes(answer.status),
          `${method} ${target} ${name}=${JSON.stringify(value).slice(0, 60)}: ${answer.status} ${answer.text}`,
        );
        assertProblem(answer, answer.status, { field: name });
        asked++;
      }
    }
  }
  assert.ok(asked > 40, `${asked} values`);
  assert.equal(await snapshot(), before);
});

function requiredOf(schema) {
  const value = { string: 'abc', integer: 1, number: 1, boolean: true, array: ['x'], object: {} };
  return Object.fromEntries(
    (schema.required ?? []).map((name) => {
      const p = schema.properties[name];
      return [name, p.enum ? p.enum[0] : (value[p.type] ?? 'vitals://')];
    }),
  );
}

test('every query parameter: wrong types, limits + 1, unknown ones', async () => {
  let asked = 0;
  for (const { where, method, op } of operations()) {
    const params = (op.parameters ?? []).filter((p) => p.in === 'query');
    const required = params.filter((p) => p.required).map((p) => `${p.name}=/x`);
    if (!params.length) continue;
    const ask = (more) => host.request(method, `${filled(where)}?${[...required, more].join('&')}`);
    assertProblem(await ask('nonsense_field=1'), 400, { field: 'nonsense_field' });
    for (const p of params) {
      for (const value of wrongValues(p.schema)) {
        // all values of a query are strings
        if (typeof value === 'object' || p.required || value === 7 || String(value).length > 3000) continue;
        const answer = await ask(`${p.name}=${encodeURIComponent(value)}`);
        assertProblem(answer, 400, { field: p.name });
        asked++;
      }
    }
  }
  assert.ok(asked > 10, `${asked} values`);
});

describe('bodies', () => {
  const withBody = () => askable().filter((o) => bodyOf(o.op));
  test('no JSON, another type, an array where an object belongs, NUL, deep nesting', async () => {
    for (const { where, method, op } of withBody()) {
      const target = filled(where);
      const send = (body, type = 'application/json') =>
        host.request(method, target, { body, headers: { 'Content-Type': type } });
      assertProblem(await send('{"broken'), 400);
      assertProblem(await send('{}', 'text/plain'), 415);
      assertProblem(await send(`${'['.repeat(40)}${']'.repeat(40)}`), 400);
      assertProblem(await send('{"a":1,"a":2}'), 400);
      assertProblem(await send(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])), 400);
      if (bodyOf(op).schema?.properties) assertProblem(await send('[]'), 400);
    }
  });

  test('one byte more than the limit', async () => {
    for (const { where, method } of withBody().slice(0, 6)) {
      const answer = await host.request(method, filled(where), {
        body: `{"x":"${'y'.repeat(1024 * 1024 - 8 + 1)}"}`,
        headers: { 'Content-Type': 'application/json' },
      });
      assertProblem(answer, 413);
    }
  });

  test('a body where none belongs', async () => {
    for (const { where, method, op } of operations().filter(
      (o) => o.method === 'GET' && !o.op.requestBody && !o.op['x-websocket'] && !o.where.includes('whep'),
    )) {
      if (
        op.responses['200']?.content?.['text/event-stream'] ||
        op.responses['200']?.content?.['multipart/x-mixed-replace']
      )
        continue;
      assertProblem(
        await host.request(method, filled(where), { body: '{}', headers: { 'Content-Type': 'application/json' } }),
        400,
      );
    }
  });
});

test('WHEP refuses what is no offer', async () => {
  const whep = '/host/devices/dut/video/whep';
  const post = (body, type = 'application/sdp') =>
    host.request('POST', whep, { body, headers: { 'Content-Type': type } });
  assertProblem(await post('hello'), 400);
  assertProblem(await post(''), 400);
  assertProblem(await post('v=0\r\n', 'application/json'), 415);
  assertProblem(await post(`v=0\r\n${'a=x\r\n'.repeat(20000)}`), 413);
  assertProblem(await post('v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=\0\r\n'), 400);
  assertProblem(
    await host.request('PATCH', `${whep}/nosuchsession`, {
      body: 'a=x',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag' },
    }),
    404,
  );
  assertProblem(await host.delete(`${whep}/nosuchsession`), 404);
  const options = await host.request('OPTIONS', whep);
  assert.equal(options.status, 204);
  assert.equal(options.headers['accept-post'], 'application/sdp');
});

test('every refusal above is among the answers that the document lists', () => {
  assert.deepEqual(answers.findings(), []);
  assert.ok(answers.seen > 300, `${answers.seen} refusals`);
});

test('the host is well after all that', async () => {
  assert.equal((await host.get('/host/health')).status, 200);
  assert.equal((await host.put('/host/devices/dut/power', { state: 'on' })).json.observed, 'on');
});
