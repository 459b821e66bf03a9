// Pictures of the fake host: PNG by hand, something like the screens of a board, a desktop and a phone.

import { deflateSync } from 'node:zlib';

const CRC = new Uint32Array(256).map((_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});
function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  let c = 0xffffffff;
  for (let i = 4; i < 8 + data.length; i++) c = CRC[(c ^ out[i]) & 255] ^ (c >>> 8);
  out.writeUInt32BE((c ^ 0xffffffff) >>> 0, 8 + data.length);
  return out;
}
/** `pixel(x, y)` -> [r, g, b] */
export function png(width, height, pixel) {
  const raw = Buffer.alloc(height * (1 + width * 3));
  for (let y = 0, o = 0; y < height; y++) {
    raw[o++] = 0;
    for (let x = 0; x < width; x++) for (const v of pixel(x, y)) raw[o++] = v;
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(raw, { level: 3 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
export const SCREENS = {
  board: {
    w: 640,
    h: 400,
    pixel: (t) => (x, y) => {
      const row = y >> 4,
        col = x >> 3; // something like a text screen
      const on =
        row > 1 &&
        row < 18 &&
        col > 1 &&
        col < 10 + ((row * 37) % 55) &&
        (y & 15) > 3 &&
        (y & 15) < 13 &&
        (x * 7 + y * 13 + row * 31 + col * 17) % 5 > 1;
      const cursor = row === 18 && col === 5 && t % 2;
      return on || cursor ? [190, 200, 205] : [8, 10, 12];
    },
  },
  scope: {
    w: 270,
    h: 480,
    pixel: () => (x, y) => ((x * 31 + y * 17) % 211 === 0 ? [240, 240, 230] : [18, 20, 30]), // stars
  },
  desktop: {
    w: 640,
    h: 360,
    pixel: (t) => (x, y) => {
      if (y < 16) return [36, 44, 52];
      const wx = 80 + ((t * 9) % 240);
      if (x > wx && x < wx + 260 && y > 70 && y < 270) return y < 90 ? [20, 96, 112] : [238, 240, 242];
      return [52 + (x >> 4), 78 + (y >> 4), 104];
    },
  },
  phone: {
    w: 270,
    h: 585,
    pixel: (t) => (x, y) => {
      if (y < 22) return [18, 22, 30];
      if (y > 555) return x > 95 && x < 175 && y > 566 && y < 571 ? [230, 230, 235] : [18, 22, 30];
      const cx = (x % 67) - 33,
        cy = ((y - 30) % 90) - 40;
      if (y > 200 && cx * cx + cy * cy < 420) return [90 + (((x >> 6) * 40 + t) % 120), 150, 210 - (y >> 3)];
      return [24 + (y >> 5), 34 + (y >> 4), 66];
    },
  },
};
