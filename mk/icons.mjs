// The icons of the installed page as PNG, drawn from web/favicon.svg's shapes: a rounded square and a line. Launchers
// and iOS take no SVG.
import { deflateSync } from 'node:zlib';

const INK = [255, 255, 255];
const FINE = 4; // samples of a pixel in each direction

const crcs = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crc = (bytes) => {
  let c = 0xffffffff;
  for (const b of bytes) c = crcs[(c ^ b) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};
function chunk(type, data) {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, 'latin1');
  data.copy(out, 8);
  out.writeUInt32BE(crc(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** Size of the picture, corner, colour, points and width of the line, as the SVG has them. */
function shapes(svg) {
  const [, size, rx, fill] = /<rect width="(\d+)" height="\d+" rx="(\d+)" fill="(#\w{6})"/.exec(svg);
  const [, path, width] = /<path d="([^"]+)".*?stroke-width="([\d.]+)"/.exec(svg);
  const points = [];
  for (const [, op, rest] of path.matchAll(/([A-Za-z])([^A-Za-z]*)/g)) {
    const n = (rest.match(/-?\d*\.?\d+/g) ?? []).map(Number);
    const last = points.at(-1);
    if (op === 'M') points.push([n[0], n[1]]);
    else if (op === 'h') points.push([last[0] + n[0], last[1]]);
    else if (op === 'l')
      for (let i = 0; i + 1 < n.length; i += 2) points.push([points.at(-1)[0] + n[i], points.at(-1)[1] + n[i + 1]]);
    else throw new Error(`favicon.svg: "${op}" is not drawn (mk/icons.mjs)`);
  }
  const ground = [1, 3, 5].map((i) => parseInt(fill.slice(i, i + 2), 16));
  return { size: Number(size), rx: Number(rx), ground, points, width: Number(width) };
}

const toLine = ([x, y], [x0, y0], [x1, y1]) => {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const t = Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
};

/** PNG of `pixels` a side. `whole`: no round corners, the line within the middle 80 % (maskable, iOS). */
export function icon(svg, pixels, whole = false) {
  const { size, rx, ground, points, width } = shapes(svg);
  const rows = Buffer.alloc(pixels * (1 + pixels * 4));
  const inside = (x, y) => {
    if (whole) return true;
    const [dx, dy] = [Math.max(rx - x, x - (size - rx), 0), Math.max(rx - y, y - (size - rx), 0)];
    return Math.hypot(dx, dy) <= rx;
  };
  const scale = whole ? 1.3 : 1;
  for (let py = 0; py < pixels; py++)
    for (let px = 0; px < pixels; px++) {
      let [held, inked] = [0, 0];
      for (let s = 0; s < FINE * FINE; s++) {
        const at = [px + ((s % FINE) + 0.5) / FINE, py + (Math.floor(s / FINE) + 0.5) / FINE];
        const [x, y] = at.map((v) => (v / pixels) * size);
        if (!inside(x, y)) continue;
        held += 1;
        const p = [x, y].map((v) => (v - size / 2) * scale + size / 2);
        if (points.some((q, i) => i && toLine(p, points[i - 1], q) <= width / 2)) inked += 1;
      }
      const o = py * (1 + pixels * 4) + 1 + px * 4;
      for (let c = 0; c < 3; c++)
        rows[o + c] = held ? Math.round((ground[c] * (held - inked) + INK[c] * inked) / held) : 0;
      rows[o + 3] = Math.round((held / FINE / FINE) * 255);
    }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(pixels, 0);
  head.writeUInt32BE(pixels, 4);
  head.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
