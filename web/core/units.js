// Encoded pictures of the relay (H.264, Annex B) by WebCodecs, where the browser has it: only in secure contexts.

const CODEC = 'avc1.42e01f'; // constrained baseline, as hosts make it
const MAX_WAITING = 6; // in the decoder: then it is too slow, and goes on with the next keyframe

/** Codec string of the access unit's sequence parameter set (its profile, constraints and level), or null. */
export function codecOf(unit) {
  for (let i = 0; i + 6 < unit.length; i++) {
    if (unit[i] !== 0 || unit[i + 1] !== 0 || unit[i + 2] !== 1) continue;
    if ((unit[i + 3] & 0x1f) !== 7) continue;
    return `avc1.${[4, 5, 6].map((n) => unit[i + n].toString(16).padStart(2, '0')).join('')}`;
  }
  return null;
}

/** Whether this browser shows H.264 by WebCodecs. */
export async function showsH264(Decoder = globalThis.VideoDecoder) {
  try {
    return (
      !!Decoder && (await Decoder.isConfigSupported({ codec: CODEC, optimizeForLatency: true })).supported === true
    );
  } catch {
    return false;
  }
}

/** Decodes what comes, each at once. What cannot be decoded is told by `lost`: another keyframe is needed. */
export class UnitDecoder {
  /**
   * @param {object} o
   * @param {(frame: VideoFrame, screen: {width, height}) => void} o.show   closes the frame
   * @param {() => void} o.lost
   */
  constructor({ show, lost, Decoder = globalThis.VideoDecoder, Chunk = globalThis.EncodedVideoChunk }) {
    Object.assign(this, { _show: show, _lost: lost, _Decoder: Decoder, _Chunk: Chunk });
    this._decoder = null;
    this._codec = null;
    this._needsKey = true;
    this._screen = null;
    this._n = 0;
  }

  push({ key, screen, data }) {
    if (this._needsKey && !key) return;
    if (!key && this._decoder.decodeQueueSize > MAX_WAITING) {
      this._miss();
      return;
    }
    this._screen = screen;
    try {
      if (key) this._configure(codecOf(data) ?? this._codec ?? CODEC);
      this._needsKey = false;
      const timestamp = (this._n += 1) * 1000;
      this._decoder.decode(new this._Chunk({ type: key ? 'key' : 'delta', timestamp, data }));
    } catch {
      this._miss();
    }
  }

  _configure(codec) {
    if (this._decoder?.state === 'configured' && codec === this._codec) return;
    this.stop();
    const decoder = (this._decoder = new this._Decoder({
      output: (frame) => (decoder === this._decoder ? this._show(frame, this._screen) : frame.close()),
      error: () => decoder === this._decoder && this._miss(),
    }));
    decoder.configure({ codec, optimizeForLatency: true });
    this._codec = codec;
  }

  _miss() {
    this.stop();
    this._lost();
  }

  stop() {
    const decoder = this._decoder;
    this._decoder = null;
    this._needsKey = true;
    if (decoder && decoder.state !== 'closed') decoder.close();
  }
}
