// Calls: POST /webrtc/calls on PostgreSQL beside fastify + pg, two processes, that do the same on the same store; and
// how long who comes into a call waits for the first picture of who is there.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folder, freePort, median, output, percentile, run, spread, until } from './lib.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const require = createRequire(join(root, 'tests/package.json'));
const counterparts = createRequire(join(root, 'tests/counterparts/package.json'));
const rounds = 3,
  seconds = 4,
  connections = 32,
  entries = 20;

// What the original does of it (NestJS, TypeORM on pg): is there one, the call, its two people, in one transaction;
// then the call with its people.
const APP = `
const cluster = require('node:cluster');
const { randomUUID } = require('node:crypto');
const { Pool } = require(process.env.PG);
const pool = new Pool({ host: process.env.AT, user: 'testbed', database: 'postgres', max: 5 });
const MAKE = \`
  CREATE TABLE IF NOT EXISTS bench_calls (id uuid PRIMARY KEY, patient_id text, provider_id text, type text,
    status text, room_id text, initiated_by text, metadata jsonb, scheduled_at timestamptz,
    created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
  CREATE INDEX IF NOT EXISTS bench_pair ON bench_calls (patient_id, provider_id);
  CREATE TABLE IF NOT EXISTS bench_people (call_id uuid, user_id text, status text,
    invited_at timestamptz DEFAULT now(), PRIMARY KEY (call_id, user_id))\`;
const ACTIVE = \`SELECT id FROM bench_calls WHERE status IN ('scheduled', 'ringing', 'in_progress')
  AND ((patient_id = $1 AND provider_id = $2) OR (patient_id = $2 AND provider_id = $1)) LIMIT 1\`;
const ADD = \`INSERT INTO bench_calls (id, patient_id, provider_id, type, status, room_id, initiated_by, metadata,
  scheduled_at) VALUES ($1, $2, $3, $4, 'ringing', $5, $3, $6, now())\`;
const INVITE = \`INSERT INTO bench_people (call_id, user_id, status) VALUES ($1, $2, 'invited'), ($1, $3, 'invited')\`;
const READ = \`SELECT c.*, p.user_id, p.status AS person_status, p.invited_at
  FROM bench_calls c JOIN bench_people p ON p.call_id = c.id WHERE c.id = $1\`;
const text = { type: 'string' };
const body = {
  type: 'object',
  required: ['patientId', 'providerId', 'type'],
  properties: {
    patientId: text,
    providerId: text,
    type: { enum: ['video', 'audio', 'screen_share'] },
    metadata: { type: 'object' },
  },
};
async function create(request, reply) {
  const { patientId, providerId, type, metadata = {} } = request.body;
  const bad = (message) => reply.code(400).send({ message });
  if (patientId === providerId) return bad('Patient and provider must be different users');
  const { rows } = await pool.query(ACTIVE, [patientId, providerId]);
  if (rows.length) return bad('There is already an active call between these participants');
  const id = randomUUID();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(ADD, [id, patientId, providerId, type, 'room_' + randomUUID(), metadata]);
    await client.query(INVITE, [id, patientId, providerId]);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
  const found = await pool.query(READ, [id]);
  const [call] = found.rows;
  const participants = found.rows.map((r) => ({ userId: r.user_id, status: r.person_status, at: r.invited_at }));
  const { status, room_id: roomId, scheduled_at: scheduledAt, created_at: createdAt } = call;
  const answer = { id, patientId, providerId, type, status, roomId, scheduledAt, createdAt, participants };
  return reply.code(201).send({ ...answer, metadata: call.metadata, updatedAt: call.updated_at });
}
if (cluster.isPrimary) {
  pool.query(MAKE).then(() => pool.end()).then(() => [cluster.fork(), cluster.fork()]);
} else {
  const app = require(process.env.FASTIFY)({ logger: false });
  app.post('/webrtc/calls', { schema: { body } }, create);
  app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
}
`;

async function server(config, env = {}) {
  const dir = folder('calls'),
    file = join(dir, 'server.yaml');
  writeFileSync(file, JSON.stringify({ port: 0, web: join(root, 'web'), ...config }));
  const p = run([join(root, 'build/testbed-server'), '--config', file, '--state-dir', dir], { env });
  return (await until('the server', () => /url="?(http:\/\/[^\s"]+)/.exec(p.text)))[1];
}

const begin = (url, body) =>
  fetch(`${url}/webrtc/calls`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ patientId: 'bert', providerId: 'anna', type: 'video', ...body }),
  });

async function peer(at) {
  const dir = folder('fastify'),
    port = await freePort(),
    app = join(dir, 'app.cjs');
  writeFileSync(app, APP);
  const found = { FASTIFY: counterparts.resolve('fastify'), PG: counterparts.resolve('pg') };
  run([process.execPath, app], { env: { ...found, AT: at, PORT: String(port), NODE_ENV: 'production' } });
  const url = `http://127.0.0.1:${port}`;
  await until('fastify', () =>
    begin(url, {}).then(
      (r) => r.status === 201 || r.status === 400,
      () => false,
    ),
  );
  return url;
}

async function load(url, round) {
  const script = join(folder('wrk'), 'post.lua');
  writeFileSync(
    script,
    `local n = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  n = n + 1
  return wrk.format(nil, nil, nil, '{"patientId":"p${round}-' .. n .. '","providerId":"anna-' .. n % 997 .. '","type":"video"}')
end
`,
  );
  const { text } = await output([
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '-s',
    script,
    `${url}/webrtc/calls`,
  ]);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const errors = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1];
  if (!requests || errors) throw new Error(`wrk on ${url}: ${errors ?? text}`);
  return { rate: requests / seconds };
}

async function begins() {
  const dir = folder('pg');
  run(['sh', join(root, 'tests/postgres.sh'), dir]);
  await until('PostgreSQL', async () => (await output(['pg_isready', '-q', '-h', dir])).code === 0);
  const ours = await server({}, { DATABASE_URL: `postgresql:///postgres?host=${dir}&user=testbed` });
  await until('its store', () =>
    begin(ours, { patientId: 'first' }).then(
      (r) => r.status === 201,
      () => false,
    ),
  );
  const theirs = await peer(dir);
  const us = [],
    them = [];
  for (let i = 0; i < rounds; i++) {
    us.push(await load(ours, i));
    them.push(await load(theirs, i));
  }
  const [a, b] = [median(us, 'rate'), median(them, 'rate')];
  const versionOf = (name) => counterparts(`${name}/package.json`).version;
  return {
    what: `POST /webrtc/calls, PostgreSQL, ${connections} connections: requests/s`,
    ours: `${a.toFixed(0)} (${spread(us, 'rate', 0)})`,
    peer: `fastify ${versionOf('fastify')} + pg ${versionOf('pg')}, 2 processes: ${b.toFixed(0)} (${spread(them, 'rate', 0)})`,
    rounds,
    ratio: `${(a / b).toFixed(1)} ×`,
    target: '≥ 8 ×',
    met: a / b >= 8,
  };
}

// Runs in a page before its own code: when its first offer is made, and when the first picture that comes is there to
// be shown.
function watchFirst() {
  window.first = {};
  const Real = window.RTCPeerConnection;
  window.RTCPeerConnection = new Proxy(Real, {
    construct(target, args) {
      const pc = new target(...args);
      const set = pc.setLocalDescription;
      pc.setLocalDescription = (...what) => {
        window.first.offer ??= performance.now();
        return set.apply(pc, what);
      };
      pc.addEventListener('track', ({ track }) => {
        if (track.kind !== 'video') return;
        const video = document.createElement('video');
        video.muted = true;
        video.srcObject = new MediaStream([track]);
        video.requestVideoFrameCallback(() => {
          window.first.picture ??= performance.now();
        });
        video.play().catch(() => {});
      });
      return pc;
    },
  });
}

async function comes() {
  const url = await server({});
  const call = await (await begin(url, {})).json();
  const { chromium } = require('playwright-core');
  const args = [
    '--headless=new',
    '--no-sandbox',
    '--use-fake-device-for-media-stream',
    '--disable-renderer-backgrounding',
    '--autoplay-policy=no-user-gesture-required',
  ];
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  const browsers = await Promise.all([1, 2].map(() => chromium.launch({ executablePath, headless: true, args })));
  const open = async (browser, name) => {
    const context = await browser.newContext({ permissions: ['camera', 'microphone'] });
    await context.addInitScript(`localStorage.setItem('testbed.call-name', '"${name}"')`);
    await context.addInitScript(watchFirst);
    return context.newPage();
  };
  const enter = async (page) => {
    await page.goto(`${url}/call?id=${call.id}`);
    await page.locator('#lobby-video[aria-pressed="true"]').waitFor();
    await page.locator('#enter').click();
    await page.locator('.call-tile.own').waitFor();
  };
  const [anna, bert] = [await open(browsers[0], 'anna'), await open(browsers[1], 'bert')];
  await enter(anna);
  const took = [];
  for (let i = 0; i < entries; i++) {
    await enter(bert);
    await bert.waitForFunction(() => window.first.picture);
    took.push(await bert.evaluate(() => window.first.picture - window.first.offer));
    await bert.locator('#leave').click();
    await anna.locator('#call-state', { hasText: 'Nobody else' }).waitFor();
  }
  await Promise.all(browsers.map((b) => b.close()));
  const [p50, p95] = [percentile(took, 0.5), percentile(took, 0.95)];
  return {
    what: 'a call of two browsers: offer → first picture of the other',
    ours: `p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`,
    peer: '',
    rounds: entries,
    ratio: '',
    target: 'p95 ≤ 700 ms',
    met: p95 <= 700,
  };
}

export default async function bench() {
  return [await begins(), await comes()];
}
