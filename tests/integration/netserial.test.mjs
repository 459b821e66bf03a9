// Consoles by RFC 2217 and bare TCP. The client of RFC 2217 is pyserial (what labgrid uses); the lines are U-Boot in
// QEMU, a pty, a TCP port.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { UBOOT, startSerialPort } from './bench.mjs';
import { Program, assertProblem, freePort, scratch, until, withHost, within } from './harness.mjs';

const LIMIT = 64; // TB_LIMIT_NETSERIAL_CLIENTS

/** Runs Python with `port` open as rfc2217://…; what it prints, as JSON. */
async function pyserial(port, code, { baudrate = 115200 } = {}) {
  const script = `import json, serial, sys, time
port = serial.serial_for_url('rfc2217://127.0.0.1:${port}', baudrate=${baudrate}, timeout=20)
${code}
port.close()`;
  const python = spawn('/usr/bin/python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  python.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const status = await within('pyserial', new Promise((resolve) => python.once('close', resolve)), 60000);
  assert.equal(status, 0, text);
  return text ? JSON.parse(text) : null;
}

/** A bare connection: {socket, text(), ended}. */
async function connect(t, port) {
  const socket = net.connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const chunks = [];
  const seen = { socket, ended: false, bytes: () => Buffer.concat(chunks) };
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    seen.ended = true;
  });
  socket.on('end', () => {
    seen.ended = true;
  });
  await within(
    'the connection',
    new Promise((yes, no) => {
      socket.once('connect', yes);
      socket.once('error', no);
    }),
  );
  return seen;
}

/** A console on a TCP line, and the port at which it is offered. */
async function wired(t, field) {
  const line = await startSerialPort(t);
  const port = await freePort();
  const host = await withHost(t, { devices: { dut: { attach: line.uri, [field]: port } } });
  await host.state_is('dut/console');
  await line.connected();
  return { line, port, host };
}

/** A connection is open before the host has taken it in: what the line says in between is not for it. */
const listening = (host, n) =>
  until(`${n} to listen`, async () => (await host.get('/host/devices/dut/console')).json.clients === n, 30000);

test("pyserial: a board's prompt, every byte both ways, settings, buffers, lines", async (t) => {
  const echo = await startSerialPort(t, { echo: true });
  const [boardPort, echoPort] = [await freePort(), await freePort()];
  const host = await withHost(t, {
    devices: {
      board: { attach: UBOOT, rfc2217: boardPort },
      echo: { attach: echo.uri, rfc2217: { console: echoPort } },
    },
  });
  await host.state_is('board/console');
  await host.state_is('echo/console');
  const version = await pyserial(
    boardPort,
    `
port.write(b'\\r')
port.read_until(b'=> ')
port.write(b'version\\r')
print(json.dumps(port.read_until(b'=> ').decode('latin1')))`,
  );
  assert.match(version, /U-Boot 20\d\d/);

  const seen = await pyserial(
    echoPort,
    `
sent = bytes(range(256)) * 200
port.write(sent)
got = port.read(len(sent))
port.baudrate = 9600
port.bytesize, port.parity, port.stopbits = 7, serial.PARITY_EVEN, 2
port.xonxoff = True
port.xonxoff = False
port.rtscts = True
port.rtscts = False
port.dtr = False
port.rts = False
port.send_break(0.01)
port.reset_input_buffer()
port.reset_output_buffer()
port.write(b'after')
print(json.dumps([sent == got, port.read(5).decode(), port.cts, port.dsr, port.cd, port.ri]))`,
    { baudrate: 57600 },
  );
  assert.deepEqual(
    seen,
    [true, 'after', true, true, true, false],
    'a line without settings agrees to everything; lines nobody knows are on',
  );
  assert.equal(echo.size, 256 * 200 + 5);
});

test('pyserial sets a line that can be set, and is told what it is set to', async (t) => {
  const folder = scratch();
  const ends = [path.join(folder, 'dut'), path.join(folder, 'host')];
  const wire = new Program(['socat', ...ends.map((end) => `pty,raw,echo=0,link=${end}`)]);
  t.after(() => wire.kill());
  const port = await freePort();
  await until('the pty', () => ends.every((end) => existsSync(end)));
  const host = await withHost(t, {
    devices: { dut: { attach: `serial://${realpathSync(ends[1])}?baud=115200`, rfc2217: port } },
  });
  await host.state_is('dut/console');
  const baud = async () => (await host.get('/host/devices/dut/console')).json.baud;
  const now = `import urllib.request
print(urllib.request.urlopen('${host.url}/host/devices/dut/console').read().decode())`;
  const seen = await pyserial(port, `port.baudrate = 19200\n${now}`, { baudrate: 38400 });
  assert.equal(seen.baud, 19200);
  await until('the rate of before', async () => (await baud()) === 115200);
  await pyserial(port, 'port.stopbits = 2; port.stopbits = 1; port.parity = "E"; port.xonxoff = True');
  assert.equal((await host.patch('/host/devices/dut/console', { baud: 19200 })).json.baud, 19200);
  const wrong = await pyserial(
    port,
    `
try:
    port.baudrate = 13000000
except ValueError as error:
    print(json.dumps(str(error)))`,
    { baudrate: 19200 },
  );
  assert.match(wrong, /rejected value for option 'baudrate'/, 'more than a console takes');
  await until('what was set by REST', async () => (await baud()) === 19200);
});

const IAC = 255;
const sub = (code, ...value) => Buffer.from([IAC, 250, 44, code, ...value, IAC, 240]);

test('a port of its own manners: banner, limit, idle time-out, settings that stay, telnet break', async (t) => {
  const folder = scratch();
  const ends = [path.join(folder, 'dut'), path.join(folder, 'host')];
  const wire = new Program(['socat', ...ends.map((end) => `pty,raw,echo=0,link=${end}`)]);
  t.after(() => wire.kill());
  const [port, raw] = [await freePort(), await freePort()];
  await until('the pty', () => ends.every((end) => existsSync(end)));
  const host = await withHost(t, {
    devices: {
      dut: {
        attach: `serial://${realpathSync(ends[1])}?baud=115200`,
        rfc2217: { listen: port, settings: 'client', clients: 1 },
        tcp: { listen: raw, banner: 'rack 2, shelf 3', idle_s: 1 },
      },
    },
  });
  await host.state_is('dut/console');
  const events = await host.sse('/host/events?device=dut');
  const client = await connect(t, port);
  await listening(host, 1);
  const second = await connect(t, port);
  await until('the refusal', () => second.ended);
  assert.match(second.bytes().toString('latin1'), /as many are connected to this console as it allows/);
  client.socket.write(Buffer.from([IAC, 251, 44]));
  client.socket.write(sub(1, 0, 0, 0x4b, 0)); // 19200
  client.socket.write(Buffer.from([IAC, 243]));
  await events.find((e) => e.data?.data?.verb === 'console.break', { what: 'the break' });
  client.socket.end();
  await listening(host, 0);
  assert.equal((await host.get('/host/devices/dut/console')).json.baud, 19200);
  const idle = await connect(t, raw);
  await until('the end of who says nothing', () => idle.ended, 15000);
  assert.equal(idle.bytes().toString(), 'rack 2, shelf 3\r\n');
  const wrong = await host.post('/host/devices', { id: 'x', attach: 'tcp://127.0.0.1:1', tcp: { listen: 1, idle: 3 } });
  assertProblem(wrong, 400, { detail: /idle/ });
  for (const [banner, status] of [
    ['b'.repeat(1024), 201],
    ['b'.repeat(1025), 400],
  ]) // TB_LIMIT_BANNER
    assert.equal(
      (
        await host.post('/host/devices', {
          id: `d${status}`,
          attach: 'tcp://127.0.0.1:1',
          tcp: { listen: await freePort(), banner },
        })
      ).status,
      status,
    );
  for (const [idle_s, status] of [
    [604800, 201],
    [604801, 400],
  ]) // TB_LIMIT_NETSERIAL_IDLE_S
    assert.equal(
      (
        await host.post('/host/devices', {
          id: `i${status}`,
          attach: 'tcp://127.0.0.1:1',
          tcp: { listen: await freePort(), idle_s },
        })
      ).status,
      status,
    );
});

test('under a lease: programs watch by RFC 2217, who writes is told, its holder shows the lease or has a port', async (t) => {
  const line = await startSerialPort(t);
  const [port, his] = [await freePort(), await freePort()];
  const host = await withHost(t, {
    tokens: [{ name: 'ann', role: 'operator', token: 'ann-token-0123456789' }],
    devices: {
      dut: {
        attach: line.uri,
        rfc2217: { listen: port, allow: ['127.0.0.1/32'] },
        tcp: { listen: his, allow: ['127.0.0.1/32'], user: 'ann' },
      },
    },
  });
  const headers = { Authorization: 'Bearer ann-token-0123456789' };
  const ready = async () => (await host.get('/host/devices/dut/console', { headers })).json.state === 'ready';
  await until('the line', ready);
  await line.connected();
  const { lease } = (await host.post('/host/devices/dut/lease', { ttl_s: 60 }, { headers })).json;
  assert.ok(lease);
  const got = pyserial(port, `print(json.dumps(port.read_until(b'watch').decode()))`, { baudrate: 115200 });
  const watching = setInterval(() => line.say('watch'), 100);
  t.after(() => clearInterval(watching));
  assert.match(await got, /watch$/);
  clearInterval(watching);
  const stranger = await connect(t, port);
  stranger.socket.write('poweroff\r');
  await until('the end of the stranger', () => stranger.ended);
  assert.match(stranger.bytes().toString('latin1'), /\[dut is leased by .*\]\r\n$/);
  assert.equal(line.size, 0);
  const shown = await connect(t, port);
  shown.socket.write(Buffer.from([IAC, 251, 44]));
  shown.socket.write(sub(0, ...Buffer.from('token=ann-token-0123456789')));
  shown.socket.write('by token\r');
  await until('his bytes', () => line.received().toString() === 'by token\r');
  const wrong = await connect(t, port);
  wrong.socket.write(Buffer.from([IAC, 251, 44]));
  wrong.socket.write(sub(0, ...Buffer.from('token=guessed')));
  await until('the end of who guesses', () => wrong.ended);
  const owner = await connect(t, his);
  owner.socket.write('by port\r');
  await until('and by his port', () => line.received().toString() === 'by token\rby port\r');
});

test('without tokens the holder shows the lease itself in his signature', async (t) => {
  const { line, port, host } = await wired(t, 'rfc2217');
  const { lease } = (await host.post('/host/devices/dut/lease', { ttl_s: 60 })).json;
  const holder = await connect(t, port);
  holder.socket.write(Buffer.from([IAC, 251, 44]));
  holder.socket.write(sub(0, ...Buffer.from(`lease=${lease}`)));
  holder.socket.write('mine\r');
  await until('his bytes', () => line.received().toString() === 'mine\r');
});

test('bare TCP: several at once, none disturbs another, the line comes back by itself', async (t) => {
  const { line, port, host } = await wired(t, 'tcp');
  const [one, two, stalled] = [await connect(t, port), await connect(t, port), await connect(t, port)];
  stalled.socket.pause();
  await listening(host, 3);
  const { people } = (await host.get('/host/devices/dut')).json;
  assert.deepEqual(
    people.map((p) => [p.user, p.by, p.mode]),
    Array(3).fill([null, 'port', 'control']),
    'an address is not for everybody',
  );
  const megabyte = Buffer.alloc(1 << 20, 'x');
  for (let i = 0; i < 8; i++) await line.say(megabyte);
  for (const client of [one, two]) await until('8 MB', () => client.bytes().length === 8 << 20, 30000);
  line.drop();
  await host.state_is('dut/console', 'ready', 30000);
  await line.connected();
  await line.say('back\n');
  for (const client of [one, two])
    await until('the line again', () => client.bytes().subarray(-5).toString() === 'back\n');
  stalled.socket.resume();
  await until('all of it, late', () => stalled.bytes().length === (8 << 20) + 5, 30000);

  // as `echo reboot | nc`: what was sent before the end arrives
  one.socket.end('reboot\n');
  await until('the last words', () => line.received().toString().endsWith('reboot\n'));
  await until('the end', () => one.ended);
  assert.ok(!two.ended);
});

test('a lease of somebody else: who writes is cut off, who reads goes on; nothing reaches the device', async (t) => {
  const { line, port, host } = await wired(t, 'tcp');
  const [writer, reader] = [await connect(t, port), await connect(t, port)];
  assert.equal((await host.post('/host/devices/dut/lease', { ttl_s: 60 })).status, 200);
  writer.socket.write('poweroff\n');
  await until('the end of who wrote', () => writer.ended);
  await listening(host, 1);
  await line.say('still here\n');
  await until('the line', () => reader.bytes().toString() === 'still here\n');
  assert.equal(line.size, 0);
});

/** A pty of which nobody reads the other end yet: {host, port, read(fd)}. */
async function heldLine(t) {
  const ends = ['line', 'board'].map((name) => path.join(scratch(), name));
  const wire = new Program(['socat', ...ends.map((end) => `pty,raw,echo=0,link=${end}`)]);
  t.after(() => wire.kill());
  await until('the pty', () => ends.every((end) => existsSync(end)));
  const port = await freePort();
  const host = await withHost(t, { devices: { dut: { attach: `serial://${realpathSync(ends[0])}`, tcp: port } } });
  await host.state_is('dut/console');
  const got = [];
  const read = () => {
    const cat = spawn('cat', [realpathSync(ends[1])], { stdio: ['ignore', 'pipe', 'inherit'] });
    cat.stdout.on('data', (chunk) => got.push(chunk));
    t.after(() => cat.kill('SIGKILL'));
  };
  return { host, port, read, got: () => Buffer.concat(got) };
}

const PARTING = 64; // TB_LIMIT_CONSOLE_PARTING

test('a line that takes nothing holds who writes; what was sent before a close arrives, by TCP and by WebSocket', async (t) => {
  const { host, port, read, got } = await heldLine(t);
  const writer = await connect(t, port);
  const sent = Buffer.alloc(1 << 18, 'x');
  writer.socket.end(sent); // it sends all, and closes
  await listening(host, 1);
  for (let n = 0; n < PARTING + 2; n++) {
    const socket = await host.websocket('/host/devices/dut/console');
    socket.send(Buffer.from('y'));
    await socket.stop();
  }
  read();
  await until('all of it', () => got().length >= sent.length + PARTING, 30000);
  const text = got().toString();
  assert.equal(text.replaceAll('y', ''), sent.toString());
  assert.equal(text.replaceAll('x', '').length, PARTING, 'more of those who left than are waited for are let go');
});

test('as many connections as allowed, and one more', async (t) => {
  const { line, port, host } = await wired(t, 'tcp');
  const clients = [];
  while (clients.length < LIMIT) clients.push(await connect(t, port));
  await listening(host, LIMIT);
  await line.say('all\n');
  await until('every one to see it', () => clients.every((c) => c.bytes().toString() === 'all\n'));
  const more = await connect(t, port);
  await until('the refusal', () => more.ended);
  assert.match(more.bytes().toString(), /64 connections to consoles of this host already/);
  clients[0].socket.destroy();
  await listening(host, LIMIT - 1);
  const again = await connect(t, port);
  await listening(host, LIMIT);
  await line.say('again\n');
  await until('room again', () => again.bytes().toString() === 'again\n');
});

test('who asks much and reads no answer is listened to again when it reads; nothing of what it sent is lost', async (t) => {
  const { line, port, host } = await wired(t, 'rfc2217');
  const client = await connect(t, port);
  client.socket.pause();
  const asked = 4 << 20;
  // IAC DO TERMINAL-TYPE, each refused with three bytes
  client.socket.write(Buffer.alloc(3 * asked, Buffer.from([255, 253, 24])));
  client.socket.end('after\n');
  assert.equal((await host.get('/host/health')).status, 200);
  client.socket.resume();
  await until('the last words', () => line.received().toString() === 'after\n', 30000);
  await until('the end', () => client.ended);
  assert.equal(client.bytes().length, 12 + 3 * asked, 'four offers, and every answer');
});

test('ports come and go with devices; what cannot be is refused; tokens keep them closed', async (t) => {
  const line = await startSerialPort(t);
  const [port, other] = [await freePort(), await freePort()];
  const host = await withHost(t, { devices: {} });
  assertProblem(await host.post('/host/devices', { id: 'dut', attach: 'testpattern://', rfc2217: port }), 400, {
    field: 'rfc2217',
  });
  assertProblem(await host.post('/host/devices', { id: 'dut', attach: line.uri, tcp: 65536 }), 400, { field: 'tcp' });
  assertProblem(await host.post('/host/devices', { id: 'dut', attach: line.uri, tcp: { uart9: port } }), 400, {
    field: 'tcp',
  });
  assert.equal((await host.post('/host/devices', { id: 'dut', attach: line.uri, tcp: port })).status, 201);
  const client = await connect(t, port);
  assert.equal((await host.patch('/host/devices/dut', { tcp: other })).status, 200);
  await until('the old connection to end', () => client.ended);
  await assert.rejects(connect(t, port));
  await connect(t, other);
  assert.equal((await host.delete('/host/devices/dut')).status, 204);
  await assert.rejects(connect(t, other));

  const closed = await withHost(t, {
    tokens: [{ name: 'lab', role: 'admin', token: 'an-admin-token-of-a-test' }],
    devices: { dut: { attach: line.uri, rfc2217: port } },
  });
  await assert.rejects(connect(t, port));
  assert.match(closed.program.text, /RFC 2217 on port \d+ stays closed: tokens are configured/);
});

test("a browser's request to a raw port ends the connection before a byte reaches the board; a user's first key does not wait", async (t) => {
  for (const field of ['tcp', 'rfc2217']) {
    const { line, port } = await wired(t, field);
    for (const request of [
      'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n\nreboot\n',
      'GET /?reboot HTTP/1.1\r\n',
      'OPTIONS * HTTP/1.1\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    ]) {
      const whole = await connect(t, port);
      whole.socket.write(Buffer.from(request, 'latin1'));
      await until('the end', () => whole.ended);
      const cut = await connect(t, port); // the same in two pieces
      cut.socket.write(Buffer.from(request.slice(0, 5), 'latin1'));
      cut.socket.write(Buffer.from(request.slice(5), 'latin1'));
      await until('the end', () => cut.ended);
    }
    const user = await connect(t, port);
    user.socket.write('G'); // the first key of GET
    await until('the key', () => line.received().toString() === 'G');
    user.socket.write('ET /x HTTP/1.1\n'); // no first line any more
    await until('the rest', () => line.received().toString() === 'GET /x HTTP/1.1\n');
    assert.ok(!user.ended);
  }
});

test('a port that is bound and allowed on its own goes with tokens; the console says what became of its ports', async (t) => {
  const line = await startSerialPort(t);
  const [port, bare] = [await freePort(), await freePort()];
  const token = 'an-admin-token-of-a-test';
  const headers = { Authorization: `Bearer ${token}` };
  const host = await withHost(t, {
    tokens: [{ name: 'lab', role: 'admin', token }],
    devices: {
      dut: {
        attach: line.uri,
        tcp: { listen: `127.0.0.1:${port}`, allow: ['127.0.0.8/29', 'fd00::/8'] },
        rfc2217: bare,
      },
    },
  });
  const from = (localAddress) =>
    new Promise((resolve) => {
      const socket = net.connect({ port, host: '127.0.0.1', localAddress });
      t.after(() => socket.destroy());
      let open = true;
      socket.on('error', () => {});
      socket.on('close', () => {
        open = false;
      });
      socket.on('connect', () => resolve({ socket, open: () => open }));
    });
  await line.connected();
  const inside = await from('127.0.0.9'),
    outside = await from('127.0.0.1');
  await until('the stranger to be refused', () => !outside.open());
  inside.socket.write('hello\n');
  await until('the words', () => line.received().toString() === 'hello\n');
  assert.ok(inside.open());
  const { json } = await host.get('/host/devices/dut/console', { headers });
  assert.deepEqual(json.tcp, { listen: `127.0.0.1:${port}`, open: true });
  assert.equal(json.rfc2217.listen, `127.0.0.1:${bare}`);
  assert.equal(json.rfc2217.open, false);
  assert.match(json.rfc2217.why, /tokens are configured/);
  for (const tcp of [
    { listen: '0.0.0.0:4001' },
    { listen: `127.0.0.1:${port}`, allow: [] },
    { listen: `127.0.0.1:${port}`, allow: ['10.1.2.3/16'] },
    { listen: 'here' },
    { listen: 0 },
    { listen: `127.0.0.1:${port}`, alow: ['127.0.0.1'] },
    { console: { allow: ['127.0.0.1'] } },
  ])
    assertProblem(await host.post('/host/devices', { id: 'other', attach: line.uri, tcp }, { headers }), 400, {
      field: 'tcp',
    });
});

const RELEASE_S = 86400; // TB_LIMIT_CONSOLE_RELEASE_S

test('a tty is lent to a program of the host, and had again: when it is given back, or when the time is over', async (t) => {
  const { host, port, read } = await heldLine(t);
  read();
  const tty = new URL((await host.get('/host/devices/dut')).json.interfaces[0].uri).pathname;
  const holders = () =>
    readdirSync(`/proc/${host.pid}/fd`).filter((fd) => {
      try {
        return readlinkSync(`/proc/${host.pid}/fd/${fd}`) === tty;
      } catch {
        return false; // closed meanwhile
      }
    }).length;
  const client = await connect(t, port);
  assert.equal(holders(), 1);
  const release = (for_s) => host.post('/host/devices/dut/console/release', { for_s });
  const lent = await release(30);
  assert.equal(lent.status, 200);
  assert.equal(lent.json.state, 'absent');
  assert.ok(Date.parse(lent.json.released.until) > Date.now() + 20000);
  assert.equal(holders(), 0, 'free when the answer comes');
  assert.match((await host.get('/host/devices/dut')).json.interfaces[0].reason, /lent to a program on the host until/);
  assertProblem(await host.post('/host/devices/dut/console/write', { text: 'x' }), 410, { detail: /lent/ });
  const back = await release(0);
  assert.equal(back.json.state, 'ready');
  assert.equal(back.json.released, undefined);
  assert.equal(holders(), 1);
  await release(1);
  await host.state_is('dut/console', 'ready', 5000);
  assert.equal(holders(), 1);
  assert.ok(!client.ended, 'who watches stays');
  assert.equal((await release(RELEASE_S)).status, 200);
  assertProblem(await release(RELEASE_S + 1), 400, { field: 'for_s' });
});
