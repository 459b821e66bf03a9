// Holds N WebSockets of testbed-server open, two of each session, and does nothing but answer pings:
//   node sockets_client.mjs PORT N     prints "open" when all are in
// Raw sockets: 20,000 clients of a library would be what is measured.
import http from 'node:http';
import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';

const [port, n] = process.argv.slice(2).map(Number);
const AT_ONCE = 32;
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });
const address = (i) => `198.51.${(i >> 8) & 127}.${i & 255}`; // of as many networks: a proxy on this machine is believed

function frame(opcode, payload) {
  const mask = Buffer.alloc(4); // of zeros: what is masked stays as it is
  const head =
    payload.length < 126
      ? [0x80 | opcode, 0x80 | payload.length]
      : [0x80 | opcode, 0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(head), mask, payload]);
}

const create = (i) =>
  new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': address(i) };
    http
      .request({ port, path: '/api/session', method: 'POST', agent, headers }, (answer) => {
        let text = '';
        answer
          .on('data', (d) => (text += d))
          .on('end', () => (answer.statusCode === 201 ? resolve(JSON.parse(text)) : reject(new Error(text))));
      })
      .on('error', reject)
      .end('{}');
  });

/** Resolves with "ready". */
const join = (role, session, i) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let ready = false;
    let got = '';
    socket.setNoDelay(true);
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Forwarded-For: ${address(i)}\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    socket.on('data', (data) => {
      if (!ready) {
        const before = got;
        got += data.toString('latin1');
        if (!before.includes('\r\n\r\n') && got.includes('\r\n\r\n'))
          socket.write(
            frame(
              1,
              Buffer.from(JSON.stringify({ type: 'hello', role, sessionId: session.sessionId, token: session.token })),
            ),
          );
        if (!got.includes('"ready"')) return;
        ready = true;
        got = null;
        resolve();
      } else if (data[0] === 0x89) socket.write(frame(10, data.subarray(2, 2 + (data[1] & 127))));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed: ${got}`)));
  });

let next = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (next < n / 2) {
      const i = next++;
      const session = await create(i);
      await join('desktop', session, i);
      await join('phone', session, i);
    }
  }),
);
agent.destroy();
console.log('open');
setInterval(() => {}, 1 << 30); // until it is ended
