#!/usr/bin/env node
// A simulated PDU that speaks SNMP v1 and v2c itself, for answers that no honest agent gives: SIMULATOR, written from
// RFC 1157 and RFC 3416. Outlet N is OBJECT.N: 1 on, 2 off.
//
//   node tests/sim/pdu/agent-sim.mjs [--outputs N] [--port N] [--control]
//
// Lines on stdin: plugs/relays.mjs; `fault object`: answers for the object beside the one asked for; `fault text`: a text
// where a number belongs; `fault huge`: one of 60000 bytes; `fault twice`: each answer two times; `fault late`: each
// answer once more before the next one; `fault number`: answers to a request that nobody made.
import dgram from 'node:dgram';
import { Relays, optionsOf } from '../plugs/relays.mjs';

const OBJECT = '1.3.6.1.4.1.318.1.1.4.4.2.1.3';
const ENGINE = '1.3.6.1.6.3.10.2.1.1.0';
const INTEGER = 2;
const OCTETS = 4;
const NULL = 5;
const OID = 6;
const SEQUENCE = 0x30;
const RESPONSE = 0xa2;
const SET = 0xa3;
const MISSING = 0x81; // noSuchInstance

const options = optionsOf();
const relays = new Relays(options);
let kept = null; // of "late"

/** BER: one value, and where the next one begins. */
function read(bytes, at = 0) {
  let [size, from] = [bytes[at + 1], at + 2];
  if (size & 0x80) {
    const n = size & 0x7f;
    [size, from] = [bytes.readUIntBE(from, n), from + n];
  }
  return { tag: bytes[at], body: bytes.subarray(from, from + size), next: from + size };
}

function list(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; at = found.at(-1).next) found.push(read(bytes, at));
  return found;
}

function value(tag, ...parts) {
  const body = Buffer.concat(parts);
  const size = body.length < 128 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}

const integer = (n) => value(INTEGER, Buffer.from([n]));

function oidText(body) {
  const arcs = [];
  let arc = 0;
  for (const byte of body) {
    arc = arc * 128 + (byte & 0x7f);
    if (!(byte & 0x80)) [arc] = [0, arcs.push(arc)];
  }
  return [Math.floor(arcs[0] / 40), arcs[0] % 40, ...arcs.slice(1)].join('.');
}

/** What stands at an object; `wanted` is written there before. */
function at(oid, wanted) {
  if (oid === ENGINE) return value(OCTETS, Buffer.from(relays.fault === 'another' ? 'engine-2' : 'engine-1'));
  const n = oid.startsWith(`${OBJECT}.`) ? Number(oid.slice(OBJECT.length + 1)) - 1 : -1;
  if (!(n in relays.outputs)) return value(MISSING);
  if (relays.fault === 'text') return value(OCTETS, Buffer.from('\x1b[31m"on"\0'));
  if (relays.fault === 'huge') return value(OCTETS, Buffer.alloc(60000, 'x'));
  if (wanted) relays.turn(n, wanted[0] === 1);
  return integer(relays.outputs[n] ? 1 : 2);
}

function answer(packet) {
  const [version, community, pdu] = list(read(packet).body);
  const [id, , , objects] = list(pdu.body);
  const [name, given] = list(read(objects.body).body);
  const found = at(oidText(name.body), pdu.tag === SET ? given.body : null);
  const shown = Buffer.from(name.body);
  if (relays.fault === 'object') shown[shown.length - 1] += 1;
  const number = Buffer.from(id.body);
  if (relays.fault === 'number') number[number.length - 1] ^= 1;
  const pair = value(SEQUENCE, value(OID, shown), found ?? value(NULL));
  const reply = value(RESPONSE, value(INTEGER, number), integer(0), integer(0), value(SEQUENCE, pair));
  return value(SEQUENCE, value(INTEGER, version.body), value(OCTETS, community.body), reply);
}

const socket = dgram.createSocket('udp4');
socket.on('message', (packet, from) => {
  relays.requests++;
  if (relays.fault === 'silent') return;
  const reply = relays.fault === 'garbage' ? Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2]) : answer(packet);
  const sent = relays.fault === 'twice' ? [reply, reply] : relays.fault === 'late' ? [kept, reply] : [reply];
  kept = reply;
  for (const one of sent) if (one) socket.send(one, from.port, from.address);
});
socket.bind(Number(options.port), '127.0.0.1', () => console.log(`listening ${socket.address().port}`));
