// The server's side of a WebSocket, as little of it as the fake host needs.

import { createHash } from 'node:crypto';

export class Socket {
  constructor(raw) {
    this.raw = raw;
    this._in = Buffer.alloc(0);
    this.onmessage = () => {};
    this.onclose = () => {};
    raw.on('data', (d) => this._data(d));
    raw.on('close', () => this.onclose());
    raw.on('error', () => {});
  }

  static accept(req, raw, protocol) {
    const key = createHash('sha1')
      .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    raw.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n${protocol ? `Sec-WebSocket-Protocol: ${protocol}\r\n` : ''}\r\n`,
    );
    return new Socket(raw);
  }

  send(data) {
    const body = Buffer.from(data);
    const head =
      body.length < 126
        ? Buffer.from([0, body.length])
        : body.length < 65536
          ? Buffer.from([0, 126, body.length >> 8, body.length & 255])
          : Buffer.concat([
              Buffer.from([0, 127, 0, 0, 0, 0]),
              Buffer.from(Uint32Array.of(body.length).buffer).reverse(),
            ]);
    head[0] = 0x80 | (typeof data === 'string' ? 1 : 2);
    if (!this.raw.destroyed) this.raw.write(Buffer.concat([head, body]));
  }

  _data(d) {
    this._in = Buffer.concat([this._in, d]);
    for (;;) {
      const b = this._in;
      if (b.length < 6) return;
      let len = b[1] & 127,
        at = 2;
      if (len === 126) {
        len = b.readUInt16BE(2);
        at = 4;
      } else if (len === 127) {
        len = b.readUInt32BE(6);
        at = 10;
      }
      if (b.length < at + 4 + len) return;
      const mask = b.subarray(at, at + 4);
      const body = Buffer.from(b.subarray(at + 4, at + 4 + len)).map((v, i) => v ^ mask[i & 3]);
      this._in = b.subarray(at + 4 + len);
      const op = b[0] & 15;
      if (op === 8) {
        this.raw.end();
        return;
      }
      if (op === 1) this.onmessage(body.toString('utf8'), false);
      else if (op === 2) this.onmessage(body, true);
    }
  }
}
