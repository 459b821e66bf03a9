// A small RFB client for tests: version, None or VNC authentication, raw encoding, DesktopSize, keys and pointer. It
// can also stop reading.
import { createCipheriv } from 'node:crypto';
import net from 'node:net';

const mirror = (byte) => {
  let out = 0;
  for (let i = 0; i < 8; i++) if (byte & (1 << i)) out |= 0x80 >> i;
  return out;
};

/** DES of VNC authentication; EDE3 with three equal keys is DES, which OpenSSL 3 no longer offers by itself. */
export function respond(password, challenge) {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(key, 0, 0, 8);
  const mirrored = Buffer.from(key.map(mirror));
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([mirrored, mirrored, mirrored]), null);
  cipher.setAutoPadding(false);
  return cipher.update(challenge);
}

/** The file that vncsnapshot -passwd reads: the password under a key that everybody knows. */
export function passwordFile(password) {
  const key = Buffer.from([23, 82, 107, 6, 35, 78, 88, 7].map(mirror));
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null);
  cipher.setAutoPadding(false);
  const plain = Buffer.alloc(8);
  Buffer.from(password, 'latin1').copy(plain, 0, 0, 8);
  return cipher.update(plain);
}

export class Rfb {
  #chunks = [];
  #size = 0;
  #wanted = null;
  #error = null;

  /** stream: a net.Socket, or a WebSocket turned into a duplex stream. */
  constructor(stream) {
    this.stream = stream;
    stream.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.#size += chunk.length;
      this.#serve();
    });
    stream.on('error', (error) => this.#fail(error));
    stream.on('end', () => this.#fail(new Error('closed by the server')));
    stream.on('close', () => this.#fail(new Error('closed')));
  }

  static async connect(port, options = {}) {
    const socket = net.connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    const client = new Rfb(socket);
    try {
      await client.greet(options);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  #fail(error) {
    this.#error ??= error;
    this.#wanted?.reject(this.#error);
    this.#wanted = null;
  }

  #serve() {
    if (!this.#wanted || this.#size < this.#wanted.n) return;
    const { n, resolve } = this.#wanted;
    this.#wanted = null;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = all.length > n ? [all.subarray(n)] : [];
    this.#size -= n;
    resolve(all.subarray(0, n));
  }

  read(n) {
    if (n === 0) return Promise.resolve(Buffer.alloc(0));
    return new Promise((resolve, reject) => {
      this.#wanted = { n, resolve, reject };
      this.#serve();
      if (this.#wanted && this.#error) this.#fail(this.#error);
    });
  }

  async #reason() {
    return (await this.read((await this.read(4)).readUInt32BE())).toString();
  }

  async greet({ password = '', encodings = [0, -223], version = 'RFB 003.008\n' } = {}) {
    const banner = (await this.read(12)).toString();
    if (!banner.startsWith('RFB 003.')) throw new Error(`not RFB: ${banner}`);
    this.stream.write(version);
    const types = await this.read((await this.read(1))[0]);
    if (types.length === 0) throw new Error(`refused: ${await this.#reason()}`);
    this.type = types[0];
    this.stream.write(Buffer.from([this.type]));
    if (this.type === 2) this.stream.write(respond(password, await this.read(16)));
    if ((await this.read(4)).readUInt32BE() !== 0) throw new Error(`refused: ${await this.#reason()}`);
    this.stream.write(Buffer.from([1]));
    const init = await this.read(24);
    this.width = init.readUInt16BE(0);
    this.height = init.readUInt16BE(2);
    this.name = (await this.read(init.readUInt32BE(20))).toString();
    const format = Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]); // BGRX
    const list = Buffer.alloc(4 + 4 * encodings.length);
    list[0] = 2;
    list.writeUInt16BE(encodings.length, 2);
    encodings.forEach((e, i) => list.writeInt32BE(e, 4 + 4 * i));
    this.stream.write(Buffer.concat([format, list]));
    this.pixels = Buffer.alloc(this.width * this.height * 4);
  }

  request(incremental = true) {
    const m = Buffer.alloc(10);
    m[0] = 3;
    m[1] = incremental ? 1 : 0;
    m.writeUInt16BE(this.width, 6);
    m.writeUInt16BE(this.height, 8);
    this.stream.write(m);
  }

  /** The next update; returns what it held. Only raw, H.264, DesktopSize and ExtendedMouseButtons may be asked for. */
  async update() {
    const head = await this.read(4);
    if (head[0] !== 0) throw new Error(`message ${head[0]}`);
    const rects = [];
    for (let i = head.readUInt16BE(2); i > 0; i--) {
      const r = await this.read(12);
      const rect = {
        x: r.readUInt16BE(0),
        y: r.readUInt16BE(2),
        w: r.readUInt16BE(4),
        h: r.readUInt16BE(6),
        encoding: r.readInt32BE(8),
      };
      rects.push(rect);
      if (rect.encoding === 0) this.#paste(rect, await this.read(rect.w * rect.h * 4));
      else if (rect.encoding === 50) {
        const sizes = await this.read(8);
        rect.flags = sizes.readUInt32BE(4);
        rect.unit = await this.read(sizes.readUInt32BE(0));
      } else if (rect.encoding === -223) {
        this.width = rect.w;
        this.height = rect.h;
        this.pixels = Buffer.alloc(rect.w * rect.h * 4);
      } else if (rect.encoding === -258) {
        this.takesPlaces = true;
      } else if (rect.encoding === -316) {
        this.extendedButtons = true;
      } else throw new Error(`encoding ${rect.encoding}`);
    }
    return rects;
  }

  #paste({ x, y, w, h }, bytes) {
    for (let row = 0; row < h; row++)
      bytes.copy(this.pixels, ((y + row) * this.width + x) * 4, row * w * 4, (row + 1) * w * 4);
  }

  /** [r, g, b] */
  pixel(x, y) {
    const at = (y * this.width + x) * 4;
    return [this.pixels[at + 2], this.pixels[at + 1], this.pixels[at]];
  }

  key(keysym, down) {
    const m = Buffer.alloc(8);
    m[0] = 4;
    m[1] = down ? 1 : 0;
    m.writeUInt32BE(keysym, 4);
    this.stream.write(m);
  }

  /** QEMU's extended key event: a keysym (0: it has none) and XT's number of the key. */
  place(keysym, place, down) {
    const m = Buffer.alloc(12);
    m[0] = 255;
    m[3] = down ? 1 : 0;
    m.writeUInt32BE(keysym, 4);
    m.writeUInt32BE(place, 8);
    this.stream.write(m);
  }

  /** With more than seven buttons a byte longer, when the server said that it knows that. */
  pointer(x, y, mask) {
    const extended = this.extendedButtons && mask > 127;
    const m = Buffer.alloc(extended ? 7 : 6);
    m[0] = 5;
    m[1] = extended ? 128 | (mask & 127) : mask;
    if (extended) m[6] = mask >> 7;
    m.writeUInt16BE(x, 2);
    m.writeUInt16BE(y, 4);
    this.stream.write(m);
  }

  close() {
    this.stream.on('error', () => {});
    this.stream.destroy();
  }
}
