// A hostile or loud other side, in a process of its own so that it does not slow down who measures. Prints `ready`,
// runs until it is killed.
//   node flood.mjs ws URL KIND       a WebSocket that sends as fast as it may: ping, pong, cont (empty continuations),
//                                    bytes (one-byte fragments), text
//   node flood.mjs http PORT         pipelined requests whose answers nobody reads
//   node flood.mjs consoles N MB/s   N TCP ports that print at that rate to whoever connects; prints `ports P P …` first
//   node flood.mjs blocks N BYTES    the same, but each prints that many bytes of `w`s and lines, and then stays silent
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';

const [mode, ...args] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);

function frame(opcode, payload, fin = true) {
  const head = [(fin ? 0x80 : 0) | opcode, 0x80 | payload.length, 0, 0, 0, 0]; // masked with zeros; payloads are short
  return Buffer.concat([Buffer.from(head), payload]);
}
const many = (one) => Buffer.concat(Array(Math.ceil(65536 / one.length)).fill(one));
const BLOCKS = {
  ping: () => many(frame(9, Buffer.alloc(125, 120))),
  pong: () => many(frame(10, Buffer.alloc(125, 120))),
  cont: () => many(frame(0, Buffer.alloc(0), false)),
  bytes: () => many(frame(0, Buffer.from('x'), false)),
  text: () => many(frame(1, Buffer.from('{"type":"sample","t":1,"seq":1}'))),
};

/** Writes `block` for ever; `pace` bytes a second, 0: as fast as it goes. */
function pour(socket, block, pace = 0) {
  const begin = performance.now();
  let sent = 0;
  const more = () => {
    while (!socket.destroyed) {
      if (pace && sent > (pace * (performance.now() - begin)) / 1000 + block.length) {
        setTimeout(more, 2);
        return;
      }
      sent += block.length;
      if (!socket.write(block)) {
        socket.once('drain', more);
        return;
      }
    }
  };
  more();
}

/** One that is thrown out comes again: that is what an attacker does. */
function attack(port, begin) {
  const socket = connect(port, '127.0.0.1', () => begin(socket));
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(() => attack(port, begin), 20));
}

if (mode === 'ws') {
  const url = new URL(args[0]),
    block = BLOCKS[args[1]]();
  attack(url.port, (socket) => {
    socket.write(
      `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    socket.once('data', () => {
      if (args[1] === 'cont' || args[1] === 'bytes') socket.write(frame(1, Buffer.alloc(0), false));
      pour(socket, block);
    });
    socket.pause(); // answers are not read
    socket.resume();
    socket.once('data', () => socket.pause());
  });
  say('ready');
} else if (mode === 'http') {
  const block = many(Buffer.from('GET /host/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'));
  attack(Number(args[0]), (socket) => {
    socket.pause();
    pour(socket, block);
  });
  say('ready');
} else if (mode === 'consoles' || mode === 'blocks') {
  const [n, amount] = args.map(Number);
  const block =
    mode === 'consoles'
      ? Buffer.alloc(65536, 'the quick brown fox jumps over the lazy dog 0123456789\r\n')
      : Buffer.concat([Buffer.alloc(amount / 2, 'w'), Buffer.alloc(amount / 2, 'Ab1+ line\n')]);
  const ports = await Promise.all(
    Array.from(
      { length: n },
      () =>
        new Promise((done) => {
          const server = createServer((socket) => {
            socket.on('error', () => {});
            if (mode === 'consoles') pour(socket, block, amount * 1e6);
            else socket.write(block);
          }).listen(0, '127.0.0.1', () => done(server.address().port));
        }),
    ),
  );
  say(`ports ${ports.join(' ')}`);
} else {
  console.error('flood.mjs: see its head');
  process.exit(2);
}
