#!/usr/bin/env node
// A simulated Seestar, for tests: SIMULATOR, nothing here comes out of a real telescope, and nothing out of our
// driver. README.md says what it was written from.
//
//   node tests/sim/seestar/seestar-sim.mjs [--firmware N] [--port N] [--imaging-port N] [--slew-ms N] [--fps N]
//     [--key FILE] [--control]
//
// From firmware 2718 on who has not signed with the key of FILE is not answered.
//
// Prints `listening PORT`. With --control it takes lines on stdin, answers each with one line, and ends when stdin
// does:
//   fault NAME        one of FAULTS
//   picture KIND [W H [VALUE]]   sends one to all who stream: bayer, rgb (in a ZIP), stored (in a ZIP), jpeg, lie,
//                     tiny, odd, head, half
//   wait-stream       answered when somebody streams
//   stack N           the stacked picture that is sent when it is asked for (VALUE N)
//   event JSON        sends that event to everybody
//   off | on          the telescope is switched off, and on again
//   imaging           its port
//   state             JSON: what was asked of it since the last time
import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32, deflateRawSync } from 'node:zlib';
import net from 'node:net';
import readline from 'node:readline';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    firmware: { type: 'string', default: '2670' },
    port: { type: 'string', default: '0' },
    'imaging-port': { type: 'string', default: '0' },
    'slew-ms': { type: 'string', default: '200' },
    fps: { type: 'string', default: '0' },
    key: { type: 'string' },
    control: { type: 'boolean', default: false },
  },
});
const firmware = Number(options.firmware);
// none: works; silent: never answers; garbage: answers no JSON; long: a line without an end; half: half of an answer,
// then nothing; master: another program is its master
let fault = 'none';
let asked = [];
let place = [2.5, 89.2];
let focus = 1517;
let gain = 80;
let view = null;
let stacking = false;
let stackValue = 40;
let slew = null;
const clients = new Set();
const streams = new Set();
const began = Date.now();
const stamp = () => ((Date.now() - began) / 1000 + 4381).toFixed(9);

// ---- control ----
const say = (socket, message) => {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\r\n`);
};
const event = (name, fields) => {
  if (fault !== 'silent') for (const c of clients) say(c, { Event: name, Timestamp: stamp(), ...fields });
};

/** What a firmware of this age wants of "verify": above 2582 it must be there, from 2706 on not in objects. */
function dialect(method, params) {
  if (['get_verify_str', 'verify_client', 'pi_is_verified'].includes(method)) return { params };
  const last = Array.isArray(params) ? params.at(-1) : undefined;
  const said = last === 'verify' || (params && !Array.isArray(params) && params.verify === true);
  if (firmware <= 2582) return said ? { error: 'unexpected param', code: 109 } : { params };
  if (params && !Array.isArray(params)) {
    if (firmware >= 2706) return said ? { error: 'unexpected param', code: 109 } : { params };
    const { verify: _, ...rest } = params;
    return said ? { params: rest } : { error: 'expected object param', code: 107 };
  }
  if (!said) return { error: 'fail to operate', code: 207 };
  const rest = params.slice(0, -1);
  return { params: rest.length === 0 ? undefined : rest };
}

function startView(params) {
  view = { state: 'working', lapse_ms: 0, mode: params?.mode ?? 'star', cam_id: 0, lp_filter: false, gain };
  if (params?.target_name) view.target_name = params.target_name;
  event('View', { ...view, route: [] });
  const to = params?.target_ra_dec;
  if (!to) {
    event('ContinuousExposure', { state: 'working', lapse_ms: 0, fps: 2.025078, route: ['View'] });
    return;
  }
  event('AutoGoto', { state: 'working', lapse_ms: 0, count: 0, hint: false, route: ['View'] });
  event('AutoGoto', {
    page: 'preview',
    tag: 'Exposure',
    func: 'goto_ra_dec',
    state: 'start',
    target_ra_dec: to,
    target_name: params.target_name,
  });
  slew = setTimeout(() => {
    place = to;
    event('ScopeGoto', { state: 'complete', lapse_ms: 1165, close: false });
    event('PlateSolve', { state: 'complete', lapse_ms: 2733, ra_dec: to, route: ['View', 'AutoGoto'] });
    event('AutoGoto', { state: 'complete', lapse_ms: 3000, route: ['View'] });
  }, Number(options['slew-ms']));
}

// ---- who may speak: scopinator-rs ----
const riddles = new WeakMap(); // of each socket
const known = new WeakSet();
const SIGNED = {
  get_verify_str: (socket) => {
    riddles.set(socket, randomBytes(16).toString('hex'));
    return { str: riddles.get(socket) };
  },
  verify_client: (socket, { sign, data }) => {
    const fine = verify('RSA-SHA1', data, createPublicKey(readFileSync(options.key)), Buffer.from(sign, 'base64'));
    if (!fine || data !== riddles.get(socket)) return { error: 'fail to operate', code: 207 };
    known.add(socket);
    return 0;
  },
  pi_is_verified: (socket) => ({ is_verified: known.has(socket) }),
};

const METHODS = {
  test_connection: () => 'server connected!',
  get_device_state: () => ({
    device: {
      name: 'ASI AIR imager',
      firmware_ver_int: firmware,
      firmware_ver_string: `${Math.floor((firmware - 2000) / 100)}.${String(firmware % 100).padStart(2, '0')}`,
      is_verified: true,
      sn: '00000000',
      product_model: 'Seestar S50',
      focal_len: 250,
      fnumber: 5,
    },
    setting: { temp_unit: 'C', lang: 'en', center_xy: [540, 960], exp_ms: { stack_l: 10000, continuous: 500 } },
  }),
  get_view_state: () => (view ? { View: view } : {}),
  scope_get_equ_coord: () => ({ ra: place[0], dec: place[1] }),
  scope_get_horiz_coord: () => [41.5, 180.25],
  get_focuser_position: () => focus,
  move_focuser: (p) => {
    focus = p.step;
    return { step: focus };
  },
  iscope_start_view: (p) => {
    startView(p);
    return 0;
  },
  iscope_stop_view: (p) => {
    clearTimeout(slew);
    if (p?.stage === 'Stack') stacking = false;
    else if (p?.stage === 'AutoGoto') event('AutoGoto', { state: 'cancel', route: ['View'] });
    else if (view) {
      event('View', { ...view, state: 'cancel', route: [] });
      view = null;
    }
    return 0;
  },
  iscope_start_stack: () => {
    if (stacking) return { error: 'stack is already running', code: 259 };
    stacking = true;
    event('Stack', {
      state: 'frame_complete',
      frame_type: 'light',
      stacked_frame: 1,
      dropped_frame: 0,
      total_frame: 1,
      error: 'no error',
      lapse_ms: 5110,
      code: 0,
    });
    return 0;
  },
  scope_goto: (p) => {
    [place[0], place[1]] = p;
    event('ScopeGoto', { state: 'complete', lapse_ms: 1165, close: false });
    return 0;
  },
  scope_sync: (p) => {
    place = p;
    return 0;
  },
  scope_speed_move: (p) => {
    const newer = 'percent' in p && 'level' in p;
    if (newer !== firmware > 2582)
      return { error: newer ? 'unexpected param' : 'expected object param', code: newer ? 109 : 107 };
    return 0;
  },
  scope_set_track_state: (p) => {
    event('ScopeTrack', { state: p[0] ? 'on' : 'off', tracking: p[0] ?? p, manual: false, route: [] });
    return 0;
  },
  scope_park: () => 0,
  set_control_value: (p) => {
    gain = p[1];
    return 0;
  },
  set_setting: (p) => (p?.auto_power_off === undefined ? 0 : { error: 'not supported', code: 210 }),
  start_auto_focuse: () => {
    event('AutoFocus', { state: 'working', lapse_ms: 0, route: ['View'] });
    return 0;
  },
  stop_auto_focuse: () => 0,
};

function answer(socket, line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    return;
  }
  const { id, method } = request;
  if (!['scope_get_equ_coord', 'scope_get_horiz_coord', 'get_view_state'].includes(method))
    asked.push({ method, params: request.params });
  if (fault === 'silent') return;
  if (fault === 'garbage') {
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    return;
  }
  if (fault === 'long') {
    socket.write(`{"jsonrpc":"2.0","result":"${'x'.repeat(2 * 1024 * 1024)}`);
    return;
  }
  if (fault === 'half') {
    socket.write('{"jsonrpc":"2.0","Timestamp":"43');
    return;
  }
  const head = { jsonrpc: '2.0', Timestamp: stamp(), method };
  const fail = (error, code) => say(socket, { ...head, error, code, id });
  const { params, error, code } = dialect(method, request.params);
  if (error) return fail(error, code);
  if (fault === 'master' && !method.startsWith('get_') && !method.startsWith('scope_get'))
    return fail('fail to operate', 207);
  const signed = firmware >= 2718;
  if (signed && !known.has(socket) && !SIGNED[method]) return;
  if (!METHODS[method] && !(signed && SIGNED[method])) return fail('unknown method', 103);
  const result = SIGNED[method] ? SIGNED[method](socket, params) : METHODS[method](params);
  if (result?.error) return fail(result.error, result.code);
  say(socket, { ...head, result, code: 0, id });
}

// ---- imaging ----
/** The 80 bytes before each payload. */
function head(size, code, id, width, height) {
  const b = Buffer.alloc(80);
  b.writeUInt16BE(0x03c3, 0);
  b.writeUInt16BE(2, 2);
  b.writeUInt16BE(80, 4);
  b.writeUInt32BE(size, 6);
  b.writeUInt16BE(0x7321, 10);
  b[14] = code;
  b[15] = id;
  b.writeUInt16BE(width, 16);
  b.writeUInt16BE(height, 18);
  return b;
}

function zip(raw, stored) {
  const data = stored ? raw : deflateRawSync(raw, { level: 1 });
  const name = Buffer.from('raw_data');
  const h = Buffer.alloc(30);
  h.writeUInt32LE(0x04034b50, 0);
  h.writeUInt16LE(20, 4);
  h.writeUInt16LE(stored ? 0 : 8, 8);
  h.writeUInt32LE(crc32 ? crc32(raw) : 0, 14);
  h.writeUInt32LE(data.length, 18);
  h.writeUInt32LE(raw.length, 22);
  h.writeUInt16LE(name.length, 26);
  return Buffer.concat([h, name, data]);
}

/** A dark sky that scatters a little, and in its middle half a square of `value` thousands. */
function pixels(width, height, planes, value) {
  const b = Buffer.alloc(width * height * planes * 2);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let p = 0; p < planes; p++, at += 2) {
        const inside = x >= width / 4 && x < (width * 3) / 4 && y >= height / 4 && y < (height * 3) / 4;
        b.writeUInt16LE(inside ? Math.min(value * 1000, 65535) : 900 + ((x * 7 + y * 13) % 32), at);
      }
  return b;
}

/** A JPEG as small as they come, 1x1 grey, and what makes it an image (1001 bytes). */
const JPEG = Buffer.concat([
  Buffer.from(
    'ffd8ffdb004300' +
      '01'.repeat(64) +
      'ffc0000b080001000101011100ffc4001400010000000000000000000000000000000' +
      '9ffc40014100100000000000000000000000000000000ffda0008010100003f0054ffd9',
    'hex',
  ),
  Buffer.alloc(1000),
]);

function picture(kind, width = 160, height = 120, value = 40) {
  const bayer = () => pixels(width, height, 1, value);
  switch (kind) {
    case 'bayer':
      return [head(width * height * 2, 3, 21, width, height), bayer()];
    case 'rgb':
    case 'stored': {
      const body = zip(pixels(width, height, 3, value), kind === 'stored');
      return [head(body.length, 3, 23, width, height), body];
    }
    case 'jpeg':
      return [head(JPEG.length, 3, 20, width, height), JPEG];
    case 'lie': // more than the largest picture
      return [head(0xffffffff, 3, 21, width, height)];
    case 'tiny': // 1000 bytes are no picture
      return [head(1000, 3, 21, 100, 100), Buffer.alloc(1000)];
    case 'odd': // bytes that are no form of it
      return [head(width * height * 2 - 2, 3, 21, width, height), bayer().subarray(2)];
    case 'head': // not even a head
      return [Buffer.from('GET / HTTP/1.1\r\n\r\n')];
    case 'half': // the rest never comes
      return [head(width * height * 2, 3, 21, width, height), bayer().subarray(0, 1000)];
    default:
      return [];
  }
}

const hello = () => [head(17, 0, 2, 0, 0), Buffer.from('server connected!')];
function imaging(socket, line) {
  let request;
  try {
    request = JSON.parse(line);
  } catch {
    return;
  }
  if (request.method !== 'test_connection') asked.push({ method: request.method, imaging: true });
  if (fault === 'silent') return;
  if (request.method === 'begin_streaming') streams.add(socket);
  if (request.method === 'stop_streaming') streams.delete(socket);
  if (request.method === 'test_connection') for (const part of hello()) socket.write(part);
  if (request.method === 'get_stacked_img' && stacking)
    for (const part of picture('rgb', 160, 120, stackValue)) socket.write(part);
}

// ---- the sockets ----
const all = new Set();
const serve = (begin, take, end) =>
  net.createServer((socket) => {
    all.add(socket);
    socket.setNoDelay(true);
    begin(socket);
    const lines = readline.createInterface({ input: socket });
    lines.on('line', (line) => take(socket, line));
    lines.on('error', () => {});
    socket.on('error', () => {});
    socket.on('close', () => {
      all.delete(socket);
      end(socket);
    });
  });
const servers = [
  serve(
    (s) => clients.add(s),
    answer,
    (s) => clients.delete(s),
  ),
  serve(
    (s) => hello().forEach((part) => s.write(part)),
    imaging,
    (s) => streams.delete(s),
  ),
];
const ports = [Number(options.port), Number(options['imaging-port'])];
const listen = () =>
  Promise.all(
    servers.map(
      (server, i) =>
        new Promise((done) => {
          server.listen(ports[i], '127.0.0.1', () => {
            ports[i] = server.address().port;
            done();
          });
        }),
    ),
  );
await listen();
console.log(`listening ${ports[0]}`);
if (Number(options.fps) > 0) {
  const shots = [30, 60].map((v) => Buffer.concat(picture('bayer', 1080, 1920, v)));
  let n = 0;
  setInterval(
    () => {
      for (const s of streams) s.write(shots[n % 2]);
      n++;
    },
    1000 / Number(options.fps),
  );
}

const COMMANDS = {
  fault: (name) => {
    fault = name;
    return 'ok';
  },
  picture: (kind, ...numbers) => {
    const parts = picture(kind, ...numbers.map(Number));
    for (const s of streams) for (const part of parts) s.write(part);
    return 'ok';
  },
  stack: (value) => {
    stackValue = Number(value);
    return 'ok';
  },
  event: (...words) => {
    const o = JSON.parse(words.join(' '));
    event(o.Event, o);
    return 'ok';
  },
  off: () => {
    for (const server of servers) server.close();
    for (const s of all) s.destroy();
    return 'ok';
  },
  on: async () => {
    await listen();
    return 'ok';
  },
  imaging: () => String(ports[1]),
  'wait-stream': async () => {
    while (streams.size === 0) await new Promise((done) => setTimeout(done, 5));
    return 'ok';
  },
  state: () => {
    const text = JSON.stringify({ asked, place, focus, gain, stacking });
    asked = [];
    return text;
  },
};
if (options.control) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const [word, ...rest] = line.split(' ');
    console.log(COMMANDS[word] ? await COMMANDS[word](...rest) : 'what?');
  });
  lines.on('close', () => process.exit(0));
}
