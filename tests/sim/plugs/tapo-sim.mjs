#!/usr/bin/env node
// A simulated Tapo plug or strip: SIMULATOR, nothing here comes out of a real device. README.md names what it was
// written from.
//
//   node tests/sim/plugs/tapo-sim.mjs [--way v1|v2|passthrough|passthrough2|closed] [--outputs N]
//                                     [--meter none|usage|new] [--user TEXT] [--secret TEXT] [--port N] [--control]
//
// --way: passthrough2 wants the hash of the password; closed: access of other programs is switched off in the app.
// Lines on stdin: relays.mjs; `fault busy`: 503; `fault forgetful N`: forgets all sessions before each of the next N
// requests; `fault stumbles N`: error -1001 to each of the next N.
import assert from 'node:assert';
import crypto from 'node:crypto';
import http from 'node:http';
import { Klap } from './klap.mjs';
import { Relays, optionsOf, serve } from './relays.mjs';

const options = optionsOf({
  way: { type: 'string', default: 'v2' },
  user: { type: 'string', default: 'user@example.com' },
  meter: { type: 'string', default: 'usage' },
});
const relays = new Relays(options);
const strip = relays.outputs.length > 1;
const b64 = (text) => Buffer.from(text).toString('base64');
const sha1 = (text) => crypto.createHash('sha1').update(text).digest('hex');

const info = (n) => ({
  device_id: strip && n >= 0 ? `80AA0${n}` : '80AA',
  ...(strip && n < 0 ? {} : { device_on: relays.outputs[Math.max(n, 0)], on_time: 0 }),
  fw_ver: '1.3.0 Build 230905 Rel.152200',
  hw_ver: '1.0',
  mac: relays.fault === 'another' ? '5C-62-8B-00-00-02' : '5C-62-8B-00-00-01',
  model: strip ? 'P300' : 'P110',
  nickname: b64('lab'),
  overheated: false,
  rssi: -49,
  type: 'SMART.TAPOPLUG',
});
/** What a method answers; `n`: of which outlet, -1: of the whole device. */
function call({ method, params }, n) {
  const one = Math.max(n, 0);
  switch (method) {
    case 'get_device_info':
      return { error_code: 0, result: info(n) };
    case 'component_nego':
      return {
        error_code: 0,
        result: {
          component_list: [
            { id: 'device', ver_code: 2 },
            ...(strip ? [{ id: 'control_child', ver_code: 2 }] : []),
            ...(options.meter === 'none'
              ? []
              : [{ id: 'energy_monitoring', ver_code: options.meter === 'new' ? 2 : 1 }]),
          ],
        },
      };
    case 'get_child_device_list': // not in the order of the slots
      if (!strip) break;
      return {
        error_code: 0,
        result: {
          child_device_list: relays.outputs
            .map((on, i) => ({ ...info(i), device_on: on, slot_number: i + 1 }))
            .reverse(),
          start_index: params?.start_index ?? 0,
          sum: relays.outputs.length,
        },
      };
    case 'control_child': {
      const child = relays.outputs.findIndex((_, i) => info(i).device_id === params.device_id);
      if (!strip || child < 0) return { error_code: -1008 };
      return { error_code: 0, result: { responseData: call(params.requestData, child) } };
    }
    case 'set_device_info':
      if (strip && n < 0) return { error_code: -1008 };
      relays.turn(one, params.device_on);
      return { error_code: 0 };
    case 'get_energy_usage': // P110(UK) 1.3.0
      if (options.meter !== 'usage') break;
      return {
        error_code: 0,
        result: {
          current_power: relays.watts(one) * 1000,
          electricity_charge: [0, 0, 0],
          local_time: '2024-01-20 09:25:31',
          month_energy: 1421,
          month_runtime: 19742,
          today_energy: 12,
          today_runtime: 3,
        },
      };
    case 'get_emeter_data':
      if (options.meter !== 'new') break;
      return {
        error_code: 0,
        result: { current_ma: 96, energy_wh: 16, power_mw: relays.watts(one) * 1000, voltage_mv: 121405 },
      };
  }
  return { error_code: -1002 };
}
function said(text) {
  if (relays.fault === 'garbage') return '<html>';
  if (relays.fault === 'stumbles' && relays.left-- > 0) return '{"error_code":-1001}';
  return JSON.stringify(call(JSON.parse(text), -1));
}

/* --- securePassthrough --- */
const sealed = (key, text) => {
  const cipher = crypto.createCipheriv('aes-128-cbc', key.subarray(0, 16), key.subarray(16));
  return Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
};
const opened = (key, text) => {
  const cipher = crypto.createDecipheriv('aes-128-cbc', key.subarray(0, 16), key.subarray(16));
  return Buffer.concat([cipher.update(Buffer.from(text, 'base64')), cipher.final()]).toString();
};
const COUNTED = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
assert.equal(sealed(COUNTED, '{"method":"get_device_info"}'), 'AoTU/alSJog6QIUAiFg+poqOeIoym5tr6MEsEcHy66o=');
assert.equal(b64(sha1('user@example.com')), 'NjNhNzEwNTY5MjYxYTI0YjM3NjYyNzViNzAwMGNlOGQ3YjMyZTJmNw==');
const sessions = new Map(); // cookie -> {key, token}

function login(params) {
  const hashed = options.way === 'passthrough2';
  const fine =
    params.username === b64(sha1(options.user)) &&
    (hashed ? params.password2 === b64(sha1(options.secret)) : params.password === b64(options.secret));
  return fine ? crypto.randomBytes(16).toString('hex').toUpperCase() : null;
}
function passthrough(url, headers, body) {
  const request = JSON.parse(body);
  if (request.method === 'handshake') {
    assert.match(request.params.key, /^-----BEGIN PUBLIC KEY-----\n\S+\n-----END PUBLIC KEY-----\n$/);
    const key = crypto.randomBytes(32);
    const id = crypto.randomBytes(8).toString('hex');
    sessions.set(id, { key, token: null });
    const wrapped = crypto.publicEncrypt({ key: request.params.key, padding: crypto.constants.RSA_PKCS1_PADDING }, key);
    return [
      200,
      JSON.stringify({ error_code: 0, result: { key: wrapped.toString('base64') } }),
      { 'Set-Cookie': `TP_SESSIONID=${id};TIMEOUT=1440` },
    ];
  }
  const session = sessions.get(/TP_SESSIONID=(\w+)/.exec(headers.cookie ?? '')?.[1]);
  if (!session) return [200, '{"error_code":9999}'];
  if (request.method !== 'securePassthrough') return [200, '{"error_code":-1002}'];
  const inner = opened(session.key, request.params.request);
  const { method, params } = JSON.parse(inner);
  let answer;
  if (method === 'login_device') {
    session.token = login(params);
    answer = JSON.stringify(
      session.token ? { error_code: 0, result: { token: session.token } } : { error_code: -1501, result: {} },
    );
  } else if (!session.token || url.searchParams.get('token') !== session.token) return [200, '{"error_code":9999}'];
  else answer = said(inner);
  return [200, JSON.stringify({ error_code: 0, result: { response: sealed(session.key, answer) } })];
}

const klap = new Klap({ version: options.way === 'v1' ? 1 : 2, user: options.user, password: options.secret });
function post(url, headers, body) {
  if (relays.fault === 'forgetful' && relays.left-- > 0) {
    klap.forget();
    sessions.clear();
  }
  if (options.way === 'closed') return url.pathname === '/app' ? [200, '{"error_code":1003}'] : [403, ''];
  if (!options.way.startsWith('pass')) return url.pathname === '/app' ? [404, ''] : klap.post(url, headers, body, said);
  return url.pathname === '/app' ? passthrough(url, headers, body.toString()) : [404, ''];
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (d) => parts.push(d));
  request.on('end', () => {
    relays.requests += 1;
    if (relays.fault === 'silent') return;
    if (relays.isBusy()) return response.writeHead(503).end();
    const length = request.headers['content-length'];
    const [status, body, headers] =
      request.method === 'POST' && length // some devices have no other way
        ? post(new URL(request.url, 'http://plug'), request.headers, Buffer.concat(parts))
        : [500, ''];
    response.writeHead(status, headers).end(body);
  });
});
serve(server, options);
