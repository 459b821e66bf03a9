#!/usr/bin/env node
// A simulated Kasa plug or strip: SIMULATOR, nothing here comes out of a real device. Written from the vectors and
// fixtures that README.md names; it ends at once where it does not meet them itself.
//
//   node tests/sim/plugs/kasa-sim.mjs [--outputs N] [--bare] [--short] [--klap] [--user TEXT] [--secret TEXT]
//                                     [--port N] [--control]
//
// Lines on stdin: relays.mjs; `fault busy`: hangs up, the protocol has no word for it.
// --bare: measures nothing. --short: outlets are numbered as in old strips.
import assert from 'node:assert';
import http from 'node:http';
import net from 'node:net';
import { Klap } from './klap.mjs';
import { Relays, optionsOf, serve } from './relays.mjs';

const options = optionsOf({
  bare: { type: 'boolean', default: false },
  short: { type: 'boolean', default: false },
  klap: { type: 'boolean', default: false },
  user: { type: 'string', default: 'user@example.com' },
});
const relays = new Relays(options);

function hide(text) {
  let key = 171;
  return Buffer.from(Buffer.from(text).map((byte) => (key = byte ^ key)));
}
function reveal(bytes) {
  let key = 171;
  return Buffer.from(
    bytes.map((byte) => {
      const plain = byte ^ key;
      key = byte;
      return plain;
    }),
  ).toString();
}
assert.equal(hide("{'snowman': '☃'}").toString('hex'), 'd0f784ea85f29ffe90b78dad8a68f0735429');
const VECTOR = 'd0f281f88bff9af7d5ef94b6c5a0d48bf99cf091e8b7c4b0d1a5c0e2d8a381f286e793f6d4eedfa2dfa2';
assert.equal(reveal(Buffer.from(VECTOR, 'hex')), '{"system":{"set_relay_state":{"state":1}}}');

const DEVICE = '8006231E1499BAC4D4BC7EFCD4B075181E6393F2';
const strip = relays.outputs.length > 1;
const childId = (n) => (options.short ? '' : DEVICE) + String(n).padStart(2, '0');
const state = (n) => (relays.outputs[n] ? 1 : 0);

/** The fields of the fixtures of HS110(US) and HS300(US). */
function sysinfo() {
  return {
    alias: 'lab',
    deviceId: DEVICE,
    err_code: 0,
    feature: options.bare ? 'TIM' : 'TIM:ENE',
    hw_ver: '1.0',
    mac: relays.fault === 'another' ? '70:4F:57:00:00:02' : '70:4F:57:00:00:01',
    model: strip ? 'HS300(US)' : 'HS110(US)',
    rssi: -55,
    sw_ver: '1.2.6',
    updating: 0,
    ...(strip
      ? {
          child_num: relays.outputs.length,
          children: relays.outputs.map((_, n) => ({
            id: childId(n),
            alias: `plug ${n + 1}`,
            state: state(n),
            on_time: 0,
          })),
        }
      : { relay_state: state(0), on_time: 0 }),
  };
}
function realtime(n) {
  if (options.bare) return null;
  return strip
    ? { current_ma: 48, err_code: 0, power_mw: relays.watts(n) * 1000, total_wh: 1279, voltage_mv: 122414 }
    : { current: 0.128037, err_code: 0, power: relays.watts(n), total: 30.404, voltage: 118.917389 };
}
function answer(request) {
  const ids = request.context?.child_ids;
  const meant = ids
    ? relays.outputs.map((_, n) => n).filter((n) => ids.includes(DEVICE + String(n).padStart(2, '0')))
    : [0];
  if (ids && meant.length !== ids.length) return { system: { err_code: -14, err_msg: 'entry not exist' } };
  if (request.system?.get_sysinfo) return { system: { get_sysinfo: sysinfo() } };
  if (request.emeter?.get_realtime)
    return {
      emeter: options.bare ? { err_code: -1, err_msg: 'module not support' } : { get_realtime: realtime(meant[0]) },
    };
  const set = request.system?.set_relay_state;
  if (!set) return { system: { err_code: -1, err_msg: 'module not support' } };
  for (const n of ids || !strip ? meant : relays.outputs.keys()) relays.turn(n, set.state === 1);
  return { system: { set_relay_state: { err_code: 0 } } };
}

const said = (text) => (relays.fault === 'garbage' ? '<html>' : JSON.stringify(answer(JSON.parse(text))));

/** Port 9999. */
function plain(socket) {
  let heard = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('data', (data) => {
    heard = Buffer.concat([heard, data]);
    if (heard.length < 4 || heard.length < 4 + heard.readUInt32BE(0)) return;
    relays.requests += 1;
    if (relays.fault === 'silent') return;
    if (relays.isBusy()) {
      socket.destroy();
      return;
    }
    const body = hide(said(reveal(heard.subarray(4))));
    const head = Buffer.alloc(4);
    head.writeUInt32BE(body.length);
    socket.end(Buffer.concat([head, body]));
  });
}

/** Port 80 of newer firmware. */
const klap = new Klap({ version: 1, user: options.user, password: options.secret });
function byHttp(request, response) {
  const parts = [];
  request.on('data', (d) => parts.push(d));
  request.on('end', () => {
    relays.requests += 1;
    if (relays.fault === 'silent') return;
    const url = new URL(request.url, 'http://plug');
    const [status, body, headers] = klap.post(url, request.headers, Buffer.concat(parts), said);
    response.writeHead(status, headers).end(body);
  });
}
serve(options.klap ? http.createServer(byHttp) : net.createServer(plain), options);
