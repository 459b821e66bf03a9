// Rules of a host: they watch, they act by commands, and what they may not do is said.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { BUILD, Host, Inbox, Program, assertProblem, documented, scratch, until } from './harness.mjs';

const state = scratch('tb-rules-');
const power = path.join(state, 'power');
const config = {
  devices: {
    board: {
      attach: {
        console: { driver: 'exec', console: ['cat'] },
        power: {
          driver: 'exec',
          power_on: ['cp', path.join(state, 'on'), power],
          power_off: ['cp', path.join(state, 'off'), power],
          power_get: ['cat', power],
        },
        video: 'testpattern://?width=320&height=240',
        analysis: 'analysis://?interval_ms=100',
      },
    },
  },
  rules: {
    moves: {
      device: 'board',
      when: { stream: 'video.motion', above: 0.001, samples: 2 },
      then: [{ notify: 'the screen moves' }],
      dry_run: true,
    },
  },
};
const hooks = new Inbox('the webhook');
let host, events, receiver, url, watch;
let status = 200;

before(async () => {
  for (const s of ['on', 'off']) writeFileSync(path.join(state, s), `${s}\n`);
  writeFileSync(power, 'on\n');
  receiver = createServer((req, res) => {
    let body = '';
    req.on('data', (chunk) => (body += chunk));
    req.on('end', () => {
      hooks.push({ headers: req.headers, body });
      res.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => receiver.once('listening', resolve));
  url = `http://127.0.0.1:${receiver.address().port}/hook`;
  host = await Host.start(config, { state });
  watch = documented(host, (await host.get('/host/openapi.json')).json);
  events = await host.sse('/host/events');
  await host.state_is('board/console');
  await host.state_is('board/power');
});
after(async () => {
  receiver.close();
  await host.stop();
  assert.deepEqual(watch.findings(), []);
});

const made = async (rule) => {
  const answer = await host.post('/host/rules', { device: 'board', cooldown_s: 0, ...rule });
  assert.equal(answer.status, 201, answer.text);
  return answer.json;
};
const remove = async (name) => assert.equal((await host.delete(`/host/rules/${name}`)).status, 204);
const told = (type, rule, more = () => true) =>
  events.find((e) => e.data.event === type && e.data.data.rule === rule && more(e.data.data));
const say = (text) => host.post('/host/devices/board/console/write', { text });
const rule = async (name) => (await host.get(`/host/rules/${name}`)).json;

test('a stream: the rule alone has the screen looked at; a dry run says so and does nothing', async () => {
  const { data } = (await told('rule.fired', 'moves')).data;
  assert.equal(data.dry_run, true);
  assert.match(data.cause, /^video\.motion of board is 0\.\d+$/);
  const { state: now, configured } = await rule('moves');
  assert.ok(configured && now.on && now.value > 0.001 && now.cool_until > Date.now());
  assert.ok(!events.items.some((e) => e.data.event === 'rule.notify'), 'nothing was done');
  const tried = await host.post('/host/rules/moves/test', {});
  assert.equal(tried.status, 200, tried.text);
  assert.equal(tried.json.fired.length, 1);
  assert.ok(tried.json.looked_at >= 2);
  assertProblem(await host.put('/host/rules/moves', { enabled: false }), 409, { detail: /configuration/ });
  assertProblem(await host.delete('/host/rules/moves'), 409);
});

test('a pattern: commands one behind the other under the name of the rule, and a signed webhook', async () => {
  const secret = 'known to both';
  const rest = { when: { console: '^panic: (\\w+)\\r?\\n' }, then: [{ verb: 'power.set', params: { state: 'off' } }] };
  rest.then.push({ webhook: url, secret }, { notify: 'look at it' });
  const shown = await made({ name: 'panic', ...rest });
  assert.equal(shown.then[1].secret, '***');
  await say('all well\npanic: oops\n');
  const { data } = (await told('rule.fired', 'panic')).data;
  assert.equal(data.cause, 'the console of board printed "panic: oops"');
  const command = await events.find((e) => e.data.event === 'command' && e.data.data.user === 'rule:panic');
  assert.deepEqual([command.data.data.verb, command.data.data.via, command.data.data.ok], ['power.set', 'rule', true]);
  await told('rule.notify', 'panic', (d) => d.text === 'look at it');
  assert.equal((await host.get('/host/devices/board/power')).json.observed, 'off');
  const hook = await hooks.find((h) => h.body.includes('oops'));
  const sum = createHmac('sha256', secret).update(hook.body).digest('hex');
  assert.equal(hook.headers['x-testbed-signature'], `sha256=${sum}`);
  assert.equal(hook.headers['content-type'], 'application/json');
  assert.deepEqual([JSON.parse(hook.body).rule, JSON.parse(hook.body).device], ['panic', 'board']);
  await told('rule.webhook', 'panic', (d) => d.state === 'sent');
  await until('the audit trail', () =>
    readFileSync(path.join(state, 'audit.jsonl'), 'utf8').includes('"user":"rule:panic"'),
  );
  const tried = (await host.post('/host/rules/panic/test', {})).json; // the terminal's echo, and what cat said
  assert.deepEqual(
    tried.fired.map((f) => f.cause),
    ['printed "panic: oops"', 'printed "panic: oops"'],
  );
  const other = { rule: { ...rest, device: 'board', when: { console: 'well' } } };
  assert.equal((await host.post('/host/rules/not-there/test', other)).json.fired.length > 0, true, 'as it is written');
  // what was read can be given back: the secret stays
  const again = await host.put('/host/rules/panic', { ...(await rule('panic')), note: 'seen once' });
  assert.equal(again.json.note, 'seen once');
  assert.match(readFileSync(path.join(state, 'rules.json'), 'utf8'), /known to both/);
});

test('a lease of somebody else is respected, with words; or taken, when the rule says so', async () => {
  const lease = await host.post('/host/devices/board/lease', { ttl_s: 60, note: 'mine' });
  assert.equal(lease.status, 200, lease.text);
  const then = [{ verb: 'power.set', params: { state: 'on' } }];
  const when = { console: 'please on' };
  await made({ name: 'polite', when, then });
  const mine = { headers: { 'X-Lease': lease.json.lease } };
  await host.request('POST', '/host/devices/board/console/write', { json: { text: 'please on\n' }, ...mine });
  const { data } = (await told('rule.refused', 'polite')).data;
  assert.deepEqual([data.verb, data.error.status], ['power.set', 423]);
  await remove('polite');
  await made({ name: 'firm', when, then, lease: 'take' });
  await host.request('POST', '/host/devices/board/console/write', { json: { text: 'please on\n' }, ...mine });
  const ended = await events.find((e) => e.data.event === 'lease.ended');
  assert.equal(ended.data.data.by, 'rule:firm');
  await until('power', async () => (await host.get('/host/devices/board/power')).json.observed === 'on');
  await remove('firm');
});

test('power that is not as commanded, a silent console while power is on, and what rules do is no event for rules', async () => {
  await made({
    name: 'fell',
    when: { event: 'power.state', differ: ['commanded', 'observed'] },
    then: [{ notify: 'it fell' }],
  });
  await made({ name: 'echo', when: { event: 'command' }, then: [{ verb: 'console.write', params: { text: 'hi\n' } }] });
  await made({
    name: 'silent',
    when: { missing: 'console', for_s: 1 },
    while: { power: 'on' },
    then: [{ notify: 'it hangs' }],
  });
  await host.put('/host/devices/board/power', { state: 'on' });
  writeFileSync(power, 'off\n'); // somebody pulled the plug
  await host.get('/host/devices/board/power');
  await told('rule.fired', 'fell');
  const echoes = () => events.items.filter((e) => e.data.event === 'rule.fired' && e.data.data.rule === 'echo').length;
  await told('rule.fired', 'echo');
  assert.equal(echoes(), 1, 'its own commands do not fire it');
  await host.put('/host/devices/board/power', { state: 'on' });
  await told('rule.fired', 'silent', (d) => /^nothing of the console of board for 1 s$/.test(d.cause));
  for (const name of ['fell', 'echo', 'silent']) await remove(name);
});

test('a webhook that nobody takes waits on the disk, over a restart', async () => {
  status = 503;
  await made({ name: 'hourly', device: undefined, when: { every_s: 1 }, then: [{ webhook: url }], cooldown_s: 600 });
  await told('rule.webhook', 'hourly', (d) => d.state === 'tried again' && /503/.test(d.why));
  await until('it to be kept', () => readFileSync(path.join(state, 'webhooks.json'), 'utf8').includes('"tries": 1'));
  await host.stop({ keepState: true });
  status = 200;
  const { headers } = hooks.items.find((h) => h.body.includes('hourly'));
  const from = hooks.items.length;
  host = await Host.start(config, { state });
  const same = (h) => h.headers['x-testbed-delivery'] === headers['x-testbed-delivery'];
  await hooks.find(same, { from, what: 'the same delivery once more' });
  assert.deepEqual(
    (await host.get('/host/rules')).json.map((r) => r.name),
    ['hourly', 'moves', 'panic'],
  );
});

test('a receiver that never answers keeps no other one waiting; a pattern of no bytes is no flood', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const nobody = { webhook: `http://127.0.0.1:${silent.address().port}/` };
  const then = [...Array(7).fill(nobody), { webhook: url }];
  await made({ name: 'silence', when: { console: '(?=tell them)' }, then, per_hour: 3600 });
  const from = hooks.items.length;
  await say('tell them\n');
  await hooks.find((h) => h.body.includes('silence'), { from, ms: 5000 });
  assert.ok((await rule('silence')).state.fired <= 3);
  await remove('silence');
  silent.closeAllConnections();
  silent.close();
});

test('RULE_WEBHOOKS, RULE_TRIES: at their limit, and one more; what is under way is not given up', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  t.after(() => (silent.closeAllConnections(), silent.close()));
  const item = (n, more) => ({
    ...{ id: `w${n}`, rule: `of-${n}`, url, body: '{}', tries: 1, next: Date.now() + 600000, since: Date.now() },
    ...more,
  });
  const underWay = item(0, { next: 0, url: `http://127.0.0.1:${silent.address().port}/` });
  await host.stop({ keepState: true });
  writeFileSync(
    path.join(state, 'webhooks.json'),
    JSON.stringify([underWay, ...Array.from({ length: 199 }, (_, i) => item(i + 1))]),
  );
  host = await Host.start(config, { state });
  await until(
    'the first to be under way',
    () => new Promise((resolve) => silent.getConnections((_, n) => resolve(n > 0))),
  );
  await made({ name: 'one-more', device: undefined, when: { every_s: 1 }, then: [{ webhook: url }], cooldown_s: 600 });
  const kept = await until('one to be given up', () => {
    const all = JSON.parse(readFileSync(path.join(state, 'webhooks.json'), 'utf8'));
    return !all.some((w) => w.id === 'w1') && all;
  });
  assert.ok(kept.some((w) => w.id === 'w0') && kept.some((w) => w.id === 'w2'), 'the oldest that was not under way');
  await remove('one-more');
  const tried = (n) => Promise.all(Array.from({ length: n }, () => host.post('/host/rules/panic/test', {})));
  assert.deepEqual([...new Set((await tried(4)).map((a) => a.status))], [200]);
  const more = (await tried(60)).map((a) => a.status);
  assert.ok(more.includes(429) && more.filter((s) => s === 200).length >= 4, `${more}`);
});

test('what is no rule is refused by field, in the configuration with its line', async () => {
  const bad = async (json, field) => assertProblem(await host.post('/host/rules', json), 400, { field });
  const then = [{ notify: 'x' }];
  await bad({ name: 'x', device: 'board', when: { stream: 'a' }, then }, 'when');
  await bad({ name: 'x', device: 'board', when: { console: '(' }, then }, 'when.console');
  await bad({ name: 'x', device: 'board', when: { console: 'x' }, then: [{ verb: 'device.remove' }] }, 'then[0].verb');
  await bad({ name: 'x', device: 'board', when: { console: 'x' }, then: [{ verb: 'power.dance' }] }, 'then[0].verb');
  assertProblem(await host.post('/host/rules', { name: 'panic', when: { at: '03:00' }, then }), 409, { field: 'name' });
  assertProblem(await host.get('/host/rules/nix'), 404);
  const file = path.join(scratch('tb-rules-check-'), 'host.yaml');
  writeFileSync(file, 'rules:\n  odd:\n    when: {at: "3"}\n    then: [{notify: x}]\n');
  const check = new Program([path.join(BUILD, 'testbed-host'), '--check', '--config', file]);
  await check.line(/host\.yaml:\d+: rules\.odd: .*at least 5|host\.yaml:\d+: rules\.odd: when: /, {
    what: 'the problem',
  });
  assert.ok(existsSync(file));
});

test('RULE_CHAIN: rules that set each other off through a device are held, and named', async (t) => {
  const told = await host.sse('/host/events');
  t.after(() => told.stop());
  const answers = (to, text) => ({
    device: 'board',
    when: { console: `${to}[.]` },
    then: [{ verb: 'console.write', params: { text: `${text}.\n` } }],
    cooldown_s: 0,
  });
  assert.equal((await host.post('/host/rules', { name: 'tick', ...answers('tock', 'tick') })).status, 201);
  assert.equal((await host.post('/host/rules', { name: 'tock', ...answers('tick', 'tock') })).status, 201);
  await host.post('/host/devices/board/console/write', { text: 'tick.\n' });
  const loop = await told.find((e) => e.data.type === 'rule.loop', { ms: 20000, what: 'the loop to be told' });
  assert.deepEqual(loop.data.data.rules.split(', ').sort(), ['tick', 'tock']);
  const held = await told.find((e) => e.data.type === 'rule.held' && /each other/.test(e.data.data.why));
  assert.equal(held.data.data.rule, loop.data.data.rule);
  await host.post('/host/devices/board/console/write', { text: 'tick.\n' });
  await host.post('/host/devices/board/console/expect', { pattern: 'done', send: 'done\n', timeout_s: 10 });
  const acted = told.items.filter((e) => e.data.type === 'rule.fired' && /^t[io]ck$/.test(e.data.data.rule)).length;
  assert.ok(acted <= 6 * 2, `${acted} acted`);
  for (const name of ['tick', 'tock']) assert.equal((await host.delete(`/host/rules/${name}`)).status, 204);
});

test('RULES: 64 of a host, not more', async () => {
  const then = [{ notify: 'x' }];
  for (let n = (await host.get('/host/rules')).json.length; n < 64; n++)
    assert.equal((await host.post('/host/rules', { name: `r${n}`, when: { at: '03:00' }, then })).status, 201);
  assertProblem(await host.post('/host/rules', { name: 'last', when: { at: '03:00' }, then }), 429);
});
