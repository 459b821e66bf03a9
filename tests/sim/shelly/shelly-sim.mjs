#!/usr/bin/env node
// A simulated Shelly plug, for tests: SIMULATOR, nothing here comes out of a real device. It speaks as the public
// fixtures do (README.md names them).
//
//   node tests/sim/shelly/shelly-sim.mjs [--gen 1|2] [--auth none|basic|digest] [--password TEXT] [--user NAME]
//                                        [--outputs N] [--port N] [--control]
//
// Prints `listening PORT` once it does. With --control it takes lines on stdin, answers each with one line, and ends
// when stdin does:
//   fault NAME         one of FAULTS below
//   press [N]          the button on the plug: toggles output N
//   load WATTS         what hangs on output 0
//   state              JSON: {"outputs":[…],"requests":…,"challenges":…}
import crypto from 'node:crypto';
import http from 'node:http';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    gen: { type: 'string', default: '2' },
    auth: { type: 'string', default: 'none' },
    user: { type: 'string', default: 'admin' },
    password: { type: 'string', default: 'secret' },
    outputs: { type: 'string', default: '1' },
    port: { type: 'string', default: '0' },
    control: { type: 'boolean', default: false },
  },
});

const mac = () => (fault === 'another' ? 'FFEEDDCCBBAA' : 'AABBCCDDEEFF');
const ID = 'shellyplusplugs-aabbccddeeff';
const FAULTS = {
  none: 'works',
  silent: 'takes requests and never answers',
  error: 'answers everything but /shelly with 500',
  stuck: 'acknowledges, and its relay does not follow',
  refuse: 'Gen1: overpower keeps it off; Gen2: an RPC error',
  huge: 'answers more than anybody wants to read',
  garbage: 'answers what is not JSON',
  nonce: 'forgets its nonces after each use',
  busy: 'says 503 to everything',
  'busy-once': 'says 503 to the next request',
  redirect: 'sends everything but /shelly elsewhere',
  another: 'is another plug at the same address, which was never silent',
};

const outputs = Array.from({ length: Number(options.outputs) }, () => ({ on: false, energyWh: 7258.589 }));
let fault = 'none';
let load = 27.5;
const seen = { requests: 0, challenges: 0 };

function turn(output, on) {
  if (fault !== 'stuck') output.on = on;
}

const watts = (output) => (output.on ? load : 0);
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');
const same = (a, b) => a.length === b.length && crypto.timingSafeEqual(Buffer.from(a), Buffer.from(b));

function answer(response, status, value, headers = {}) {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

// ---- passwords ------------------------------------------------------------------------------------------------

const nonces = new Map(); // nonce -> the highest nc that was used with it

function freshNonce() {
  const nonce = crypto.randomInt(1, 2 ** 31);
  nonces.set(String(nonce), 0);
  seen.challenges += 1;
  return nonce;
}

/** A nonce of ours, with a count that was not used before (a replayed request is refused). */
function spend(nonce, nc) {
  const last = nonces.get(String(nonce));
  if (last === undefined || !(nc > last)) return false;
  if (fault === 'nonce') nonces.delete(String(nonce));
  else nonces.set(String(nonce), nc);
  return true;
}

function basicOk(request) {
  const given = (request.headers.authorization ?? '').replace(/^Basic /, '');
  return given === Buffer.from(`${options.user}:${options.password}`).toString('base64');
}

/** RFC 7616 with SHA-256 and qop=auth. */
function digestOk(request) {
  const header = request.headers.authorization ?? '';
  if (!header.startsWith('Digest ')) return false;
  const given = {};
  for (const [, key, quoted, plain] of header.slice(7).matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g))
    given[key] = quoted ?? plain;
  if (
    given.username !== 'admin' ||
    given.realm !== ID ||
    given.uri !== request.url ||
    given.qop !== 'auth' ||
    given.algorithm !== 'SHA-256'
  )
    return false;
  if (!/^[0-9a-f]{8}$/.test(given.nc ?? '') || !spend(given.nonce, parseInt(given.nc, 16))) return false;
  const ha1 = sha256(`admin:${ID}:${options.password}`);
  const ha2 = sha256(`${request.method}:${request.url}`);
  return same(given.response ?? '', sha256(`${ha1}:${given.nonce}:${given.nc}:${given.cnonce}:auth:${ha2}`));
}

// ---- Gen1 -----------------------------------------------------------------------------------------------------

const gen1Relay = (output) => ({
  ison: output.on,
  has_timer: false,
  timer_started: 0,
  timer_duration: 0,
  timer_remaining: 0,
  overpower: fault === 'refuse',
  source: 'http',
});

const gen1Status = () => ({
  wifi_sta: { connected: true, ssid: 'Wi-Fi-Network', ip: '192.168.1.100', rssi: -56 },
  cloud: { enabled: false, connected: false },
  mqtt: { connected: false },
  time: '10:18',
  serial: 1,
  has_update: false,
  mac: mac(),
  relays: outputs.map(gen1Relay),
  meters: outputs.map((o) => ({
    power: watts(o),
    overpower: 0,
    is_valid: true,
    timestamp: 1707300000,
    counters: [watts(o), 0, 0],
    total: Math.round(o.energyWh * 60),
  })),
  temperature: 29.04,
  overtemperature: false,
  tmp: { tC: 29.04, tF: 84.27, is_valid: true },
  ram_total: 51688,
  ram_free: 39820,
  uptime: 1201,
});

function gen1(request, response, body) {
  const url = new URL(request.url, 'http://plug');
  if (url.pathname === '/shelly')
    return answer(response, 200, {
      type: 'SHPLG-S',
      mac: mac(),
      auth: options.auth !== 'none',
      fw: '20230913-113421/v1.14.0-gcb84623',
      num_outputs: outputs.length,
      num_meters: outputs.length,
    });
  if (options.auth === 'basic' && !basicOk(request))
    return answer(response, 401, '401 Unauthorized', { 'WWW-Authenticate': 'Basic realm="shellyplug-s-DDEEFF"' });
  if (fault === 'error') return answer(response, 500, 'Internal error');
  if (url.pathname === '/status') return answer(response, 200, gen1Status());
  const relay = /^\/relay\/(\d+)$/.exec(url.pathname);
  const output = relay && outputs[Number(relay[1])];
  if (!output) return answer(response, 404, 'Not Found');
  const wish = new URLSearchParams(request.method === 'POST' ? body : url.search).get('turn');
  if (wish === 'on' && fault !== 'refuse') turn(output, true);
  else if (wish === 'off') turn(output, false);
  else if (wish === 'toggle') turn(output, !output.on);
  else if (wish !== null && wish !== 'on') return answer(response, 400, 'Bad turn!');
  return answer(response, 200, gen1Relay(output));
}

// ---- Gen2+ ----------------------------------------------------------------------------------------------------

const gen2Switch = (output, id) => ({
  id,
  source: 'init',
  output: output.on,
  apower: watts(output),
  voltage: 227.9,
  current: Number((watts(output) / 227.9).toFixed(3)),
  aenergy: { total: output.energyWh, by_minute: [34.786, 45.552, 45.552], minute_ts: 1707326925 },
  temperature: { tC: 32.1, tF: 89.7 },
});

const gen2Info = () => ({
  name: null,
  id: ID,
  mac: mac(),
  slot: 0,
  model: 'SNPL-00112EU',
  gen: 2,
  fw_id: '20231219-133940/1.1.0-g34b5d4f',
  ver: '1.1.0',
  app: 'PlusPlugS',
  auth_en: options.auth !== 'none',
  auth_domain: options.auth !== 'none' ? ID : null,
});

function call(method, params) {
  if (method === 'Shelly.GetDeviceInfo') return { result: gen2Info() };
  if (!/^Switch\.(Set|Toggle|GetStatus)$/.test(method))
    return { error: { code: 404, message: `No handler for ${method}` } };
  const output = outputs[params.id];
  if (!output) return { error: { code: -105, message: `Argument 'id', value ${params.id} not found!` } };
  if (method === 'Switch.GetStatus') return { result: gen2Switch(output, params.id) };
  if (method === 'Switch.Set' && typeof params.on !== 'boolean')
    return { error: { code: -103, message: "Missing required argument 'on'!" } };
  if (fault === 'refuse') return { error: { code: -106, message: 'Overpower detected, switch is off!' } };
  const was = output.on;
  turn(output, method === 'Switch.Toggle' ? !was : params.on);
  return { result: { was_on: was } };
}

function gen2(request, response, body) {
  const url = new URL(request.url, 'http://plug');
  if (url.pathname === '/shelly') return answer(response, 200, gen2Info());
  if (!url.pathname.startsWith('/rpc')) return answer(response, 404, 'Not Found');
  if (options.auth === 'digest' && !digestOk(request)) {
    const nonce = freshNonce();
    return answer(response, 401, '', {
      'WWW-Authenticate': `Digest qop="auth", realm="${ID}", nonce="${nonce}", algorithm=SHA-256`,
    });
  }
  if (fault === 'error') return answer(response, 500, 'Internal error');
  if (url.pathname !== '/rpc') {
    // GET /rpc/Switch.Set?id=0&on=true
    const params = Object.fromEntries([...url.searchParams].map(([k, v]) => [k, JSON.parse(v)]));
    const reply = call(url.pathname.slice('/rpc/'.length), params);
    return answer(response, reply.error ? 500 : 200, reply.error ?? reply.result);
  }
  let frame;
  try {
    frame = JSON.parse(body);
  } catch {
    return answer(response, 400, { code: -103, message: 'Bad frame' });
  }
  const head = { id: frame.id, src: ID, dst: frame.src };
  return answer(response, 200, { ...head, ...call(frame.method, frame.params ?? {}) });
}

// ---- server and control ----------------------------------------------------------------------------------------

const server = http.createServer((request, response) => {
  seen.requests += 1;
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    if (fault === 'silent') return;
    if (fault === 'busy' || fault === 'busy-once') {
      if (fault === 'busy-once') fault = 'none';
      answer(response, 503, 'busy');
      return;
    }
    if (fault === 'redirect' && request.url !== '/shelly') {
      answer(response, 302, '', { Location: 'http://127.0.0.1:1/login' });
      return;
    }
    if (fault === 'garbage') answer(response, 200, '<html>not here</html>');
    else if (fault === 'huge') answer(response, 200, JSON.stringify({ noise: 'x'.repeat(1024 * 1024) }));
    else (options.gen === '1' ? gen1 : gen2)(request, response, Buffer.concat(chunks).toString());
  });
});

function control(line) {
  const [verb, word] = line.trim().split(/\s+/);
  if (verb === 'fault' && word in FAULTS) fault = word;
  else if (verb === 'press' && outputs[Number(word ?? 0)])
    outputs[Number(word ?? 0)].on = !outputs[Number(word ?? 0)].on;
  else if (verb === 'load' && Number.isFinite(Number(word))) load = Number(word);
  else if (verb === 'state') return JSON.stringify({ outputs: outputs.map((o) => o.on), ...seen });
  else return `unknown: ${line}`;
  return 'ok';
}

if (options.control) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => console.log(control(line)));
  lines.on('close', () => process.exit(0));
}
server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
