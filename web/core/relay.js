// Binary messages of the relay: the first byte says what follows. 0x01: one JPEG of the reduced picture. 0x03: flags,
// the screen's width and height (16 bits each), one access unit of H.264. 0x04: where it begins, one packet of Opus.

export const PICTURE = 0x01;
const UNIT = 0x03;
const UNIT_HEAD = 6;
const SOUND = 0x04;
const SOUND_HEAD = 5;
const KEY = 1;
const MAX_PICTURE = 1024 * 1024;

/** A picture that was made smaller says of which size the screen is, in a comment right behind SOI; or null. */
function screenOf(jpeg) {
  if (jpeg.length < 6 || jpeg[2] !== 0xff || jpeg[3] !== 0xfe) return null;
  const text = String.fromCharCode(...jpeg.subarray(6, Math.min(4 + ((jpeg[4] << 8) | jpeg[5]), 64)));
  const [, width, height] = /^screen (\d{1,5})x(\d{1,5})$/.exec(text) ?? [];
  return width > 0 && height > 0 ? { width: Number(width), height: Number(height) } : null;
}

/**
 * {kind: 'picture', jpeg, screen}, {kind: 'unit', key, screen, data}, {kind: 'sound', at, data}, or null for what we do
 * not know.
 */
export function parseBinary(bytes) {
  if (bytes.length < 2 || bytes.length > MAX_PICTURE + 1) return null;
  if (bytes[0] === UNIT) {
    if (bytes.length <= UNIT_HEAD) return null;
    const [width, height] = [(bytes[2] << 8) | bytes[3], (bytes[4] << 8) | bytes[5]];
    return {
      kind: 'unit',
      key: (bytes[1] & KEY) !== 0,
      screen: width > 0 && height > 0 ? { width, height } : null,
      data: bytes.subarray(UNIT_HEAD),
    };
  }
  if (bytes[0] === SOUND) {
    if (bytes.length <= SOUND_HEAD) return null;
    const at = ((bytes[1] << 24) | (bytes[2] << 16) | (bytes[3] << 8) | bytes[4]) >>> 0;
    return { kind: 'sound', at, data: bytes.subarray(SOUND_HEAD) };
  }
  if (bytes[0] !== PICTURE) return null;
  const jpeg = bytes.subarray(1);
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return null; // not a JPEG: SOI is missing
  return { kind: 'picture', jpeg, screen: screenOf(jpeg) };
}

/** Latest wins: while one picture is being decoded, only the newest waits. */
export class PictureSink {
  /** @param {(picture) => Promise<void>} show   of what parseBinary() gives */
  constructor(show) {
    this._show = show;
    this._busy = false;
    this._next = null;
    this.shown = 0;
    this.dropped = 0;
  }

  async push(picture) {
    if (this._busy) {
      if (this._next) this.dropped += 1;
      this._next = picture;
      return;
    }
    this._busy = true;
    for (let now = picture; now; now = this._take()) {
      try {
        await this._show(now);
        this.shown += 1;
      } catch {
        this.dropped += 1; // a broken picture; the next one comes soon
      }
    }
    this._busy = false;
  }

  _take() {
    const next = this._next;
    this._next = null;
    return next;
  }
}
