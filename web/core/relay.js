// Binary messages of the relay: the first byte says what follows. 0x01: one JPEG of the reduced picture.

export const PICTURE = 0x01;
const MAX_PICTURE = 1024 * 1024;

/** {kind: 'picture', jpeg} or null for what we do not know. */
export function parseBinary(bytes) {
  if (bytes.length < 2 || bytes.length > MAX_PICTURE + 1) return null;
  if (bytes[0] !== PICTURE) return null;
  const jpeg = bytes.subarray(1);
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return null; // not a JPEG: SOI is missing
  return { kind: 'picture', jpeg };
}

/** Latest wins: while one picture is being decoded, only the newest waits. */
export class PictureSink {
  /** @param {(jpeg: Uint8Array) => Promise<void>} show */
  constructor(show) {
    this._show = show;
    this._busy = false;
    this._next = null;
    this.shown = 0;
    this.dropped = 0;
  }

  async push(jpeg) {
    if (this._busy) {
      if (this._next) this.dropped += 1;
      this._next = jpeg;
      return;
    }
    this._busy = true;
    for (let now = jpeg; now; now = this._take()) {
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
