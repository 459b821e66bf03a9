// Sound of the relay: packets of Opus, 20 ms each, decoded by WebCodecs, and when each is to be played. No DOM; who
// plays has an AudioContext (server/relay-sound.js).

const RATE = 48000;
const CONFIG = { codec: 'opus', sampleRate: RATE, numberOfChannels: 2 };
const LEAD_S = 0.08; // between what comes and what is heard, to begin with
const LEAD_MOST_S = 0.4;
const AHEAD_S = 0.25; // beyond that: it has waited somewhere, and is too late
const SOON_S = 0.005; // that a block has to be there before it is played
const LOOK = 250; // packets, between two looks at what could be spared
const SPARE_S = 0.06;

/** Why this browser does not play what the server carries; '' when it does. */
export async function whyNoOpus(Decoder = globalThis.AudioDecoder, secure = globalThis.isSecureContext) {
  const noDecoder = 'this browser cannot decode it (it has no WebCodecs for sound)';
  if (!Decoder) return secure ? noDecoder : 'browsers decode it on pages that came by HTTPS only';
  try {
    return (await Decoder.isConfigSupported(CONFIG)).supported ? '' : noDecoder;
  } catch {
    return noDecoder;
  }
}

/** Where a packet begins, in samples that do not wrap (`at` has 32 bits). */
export class Places {
  constructor() {
    this._last = null;
  }
  of(at) {
    this._last = this._last === null ? at : this._last + ((at - this._last) | 0);
    return this._last;
  }
}

/**
 * When what begins at a place is to be played, on the clock of who plays. What is late makes the lead larger, what was
 * held up on its way and comes at once is not played late, and a lead that is never needed becomes smaller.
 */
export class PlayPlan {
  constructor() {
    this._base = null; // when place 0 is played
    this._lead = LEAD_S;
    this._least = Infinity; // what was to spare, of the last packets
    this._n = 0;
  }

  /** {when, flush}: `flush`: what was planned before is not to be played. null: it is left out. */
  next(place, now) {
    const at = place / RATE;
    if (this._base === null) this._base = now + this._lead - at;
    const spare = this._base + at - now;
    if (spare < SOON_S) {
      this._lead = Math.min(this._lead * 1.5, LEAD_MOST_S);
      return this._begin(at, now, false);
    }
    if (spare > this._lead + AHEAD_S) return this._begin(at, now, true);
    this._least = Math.min(this._least, spare);
    this._n += 1;
    if (this._n >= LOOK) {
      const much = this._least > LEAD_S + SPARE_S;
      this._n = 0;
      this._least = Infinity;
      if (much) {
        this._base -= 0.02; // this packet, which is left out
        this._lead = Math.max(LEAD_S, this._lead - 0.02);
        return null;
      }
    }
    return { when: this._base + at, flush: false };
  }

  _begin(at, now, flush) {
    this._base = now + this._lead - at;
    this._n = 0;
    this._least = Infinity;
    return { when: this._base + at, flush };
  }
}

/** Packets -> blocks of samples, in their order. */
export class OpusDecoder {
  /**
   * @param {object} o
   * @param {(block: AudioData, place: number) => void} o.heard   closes the block
   */
  constructor({ heard, Decoder = globalThis.AudioDecoder, Chunk = globalThis.EncodedAudioChunk }) {
    Object.assign(this, { _heard: heard, _Decoder: Decoder, _Chunk: Chunk });
    this._decoder = null;
    this._places = new Places();
  }

  push({ at, data }) {
    try {
      this._decoder ??= this._make();
      const timestamp = Math.round((this._places.of(at) / RATE) * 1e6);
      this._decoder.decode(new this._Chunk({ type: 'key', timestamp, duration: 20000, data }));
    } catch {
      this.stop(); // the next packet begins anew
    }
  }

  _make() {
    const decoder = new this._Decoder({
      output: (block) =>
        decoder === this._decoder ? this._heard(block, Math.round((block.timestamp / 1e6) * RATE)) : block.close(),
      error: () => decoder === this._decoder && this.stop(),
    });
    decoder.configure(CONFIG);
    return decoder;
  }

  stop() {
    const decoder = this._decoder;
    this._decoder = null;
    this._places = new Places();
    if (decoder && decoder.state !== 'closed') decoder.close();
  }
}
