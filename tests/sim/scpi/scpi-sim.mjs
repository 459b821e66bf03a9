#!/usr/bin/env node
// A simulated power supply that speaks SCPI over a raw socket, for tests: SIMULATOR. README.md says from what it was
// written.
//
//   node tests/sim/scpi/scpi-sim.mjs [--serial TEXT] [--port N] [--control]
//
// Prints `listening PORT` once it does. With --control it takes lines on stdin, answers each with one line, and ends
// when stdin does:
//   fault NAME         none: works; silent: takes messages and answers none; late: answers the next query 400 ms too
//                      late; stuck: takes OUTP, and its output does not follow; another: another instrument at the
//                      same address; garbage: answers what is none; endless: a block of unknown length; huge: one
//                      that is too long
//   press              the button of its output
//   drop               ends all connections
import net from 'node:net';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    serial: { type: 'string', default: 'SIM0001' },
    port: { type: 'string', default: '0' },
    control: { type: 'boolean', default: false },
  },
});
let fault = 'none';
let volts = 5;
let output = false;
const errors = [];
const sockets = new Set();

// SCPI-99 21.8.9: the queue's overflow is said in place of its last entry.
function fail(code, words) {
  if (errors.length < 20) errors.push(errors.length < 19 ? `${code},"${words}"` : '-350,"Queue overflow"');
}
const nr3 = (number) => `${number < 0 ? '' : '+'}${number.toExponential(8).replace(/e([+-])(\d)$/, 'E$10$2')}`;

/** One program message unit; answers a text, a buffer, or nothing. */
function unit(text) {
  const [, header, args] = /^:?(\S+)\s*(.*)$/.exec(text.trim()) ?? [, '', ''];
  switch (header.toUpperCase()) {
    case '*IDN?':
      return `TESTBED SIMULATOR,PSU-1,${fault === 'another' ? 'SIM9999' : options.serial},1.0`;
    case '*RST':
      output = false;
      return;
    case 'VOLT':
    case 'SOUR:VOLT':
      if (!/^[-+]?\d/.test(args)) return fail(-104, 'Data type error');
      if (!(Number(args) >= 0 && Number(args) <= 30)) return fail(-222, 'Data out of range');
      volts = Number(args);
      return;
    case 'VOLT?':
      return nr3(volts);
    case 'MEAS:VOLT?':
      return nr3(output ? volts : 0);
    case 'MEAS:ALL?':
      return `${nr3(output ? volts : 0)},${nr3(output ? volts / 10 : 0)},9.91E37`;
    case 'OUTP':
      if (!/^(ON|OFF|0|1)$/i.test(args)) return fail(-224, 'Illegal parameter value');
      if (fault !== 'stuck') output = /^(ON|1)$/i.test(args);
      return;
    case 'OUTP?':
      return output ? '1' : '0';
    case 'HCOP:DATA?':
      return Buffer.from('#15\0,\n;\xff', 'latin1');
    case 'CAL:TEXT?':
      return '#205a\nb,c';
    case 'SYST:ERR?':
      return errors.shift() ?? '0,"No error"';
    default:
      fail(-113, 'Undefined header');
  }
}

/** A program message: its responses are one message, by ";" (IEEE 488.2, 8.4.1). An error ends it (6.1.6.1). */
function message(text) {
  const answers = [];
  for (const one of text.split(';')) {
    const before = errors.length;
    const answer = unit(one);
    if (answer !== undefined) answers.push(Buffer.from(answer, 'latin1'));
    if (errors.length > before) break;
  }
  return answers.length ? Buffer.concat(answers.flatMap((a, i) => (i ? [Buffer.from(';'), a] : [a]))) : undefined;
}

function answer(socket, text) {
  if (fault === 'silent') return;
  let reply = message(text);
  if (reply === undefined) return;
  if (fault === 'garbage') reply = Buffer.from('HTTP/1.1 400 Bad Request');
  if (fault === 'endless') reply = Buffer.from('#0abc');
  if (fault === 'huge') reply = Buffer.from('#9999999999');
  const send = () => socket.writable && socket.write(Buffer.concat([reply, Buffer.from('\n')]));
  if (fault !== 'late') return send();
  fault = 'none';
  setTimeout(send, 400);
}

const server = net.createServer((socket) => {
  let held = '';
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => {});
  socket.on('data', (data) => {
    held += data.toString('latin1');
    const lines = held.split('\n');
    held = lines.pop();
    for (const line of lines) if (line.trim()) answer(socket, line);
  });
});
server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening ${server.address().port}`));

if (options.control) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const [word, name] = line.split(' ');
    if (word === 'fault') fault = name;
    if (word === 'press') output = !output;
    if (word === 'drop') for (const socket of sockets) socket.destroy();
    console.log('ok');
  });
  lines.on('close', () => process.exit(0));
}
