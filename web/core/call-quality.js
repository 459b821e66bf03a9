// How good the lines of a call are, of what the browser's statistics say, and what is given up when they are not: the
// own picture first, then the direct way. Pure.

export const WARN = { latency: 300, packetLoss: 10 };
const POOR = { latency: 500, packetLoss: 20, bandwidth: 300 };
const TIMES = 3; // looks in a row that say so
const GOOD_TIMES = 8;

const sum = (list) => list.reduce((a, b) => a + b, 0);

/** Of one connection's getStats(), beside that of before (null: none). Numbers that are not known are undefined. */
export function measured(report, before) {
  const all = [...report.values()];
  const inbound = all.filter((s) => s.type === 'inbound-rtp');
  const pair = all.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
  const far = all.filter((s) => s.type === 'remote-inbound-rtp');
  const received = sum(inbound.map((s) => s.packetsReceived ?? 0));
  const lost = sum(inbound.map((s) => Math.max(0, s.packetsLost ?? 0)));
  const bytes = sum(inbound.map((s) => s.bytesReceived ?? 0));
  const now = Math.max(0, ...inbound.map((s) => s.timestamp));
  const picture = inbound.find((s) => s.kind === 'video' && s.frameWidth);
  const seconds = before ? (now - before.now) / 1000 : 0;
  const packets = before ? received - before.received + (lost - before.lost) : 0;
  const local = all.find((s) => s.id === pair?.localCandidateId);
  return {
    now,
    received,
    lost,
    bytes,
    frames: sum(inbound.filter((s) => s.kind === 'video').map((s) => s.framesDecoded ?? 0)),
    latency: Number.isFinite(pair?.currentRoundTripTime) ? pair.currentRoundTripTime * 1000 : undefined,
    packetLoss: Math.max(
      packets > 0 ? (100 * (lost - before.lost)) / packets : 0,
      ...far.map((s) => 100 * (s.fractionLost ?? 0)),
    ),
    jitter: inbound.length ? Math.max(...inbound.map((s) => (s.jitter ?? 0) * 1000)) : undefined,
    /** what may be sent, kbit/s, as congestion control has found it */
    bandwidth: Number.isFinite(pair?.availableOutgoingBitrate) ? pair.availableOutgoingBitrate / 1000 : undefined,
    receiving: seconds > 0 ? ((bytes - before.bytes) * 8) / 1000 / seconds : undefined,
    videoResolution: picture ? `${picture.frameWidth}x${picture.frameHeight}` : undefined,
    way: local?.candidateType === 'relay' ? 'relay' : pair ? 'p2p' : undefined,
  };
}

const known = (list) => list.filter((n) => Number.isFinite(n));
const clamp = (n, max) => Math.round(Math.min(max, Math.max(0, n)) * 10) / 10;

/** What `connection-quality` says: the worst of all lines. */
export function reportOf(lines) {
  const most = (name) => known(lines.map((l) => l[name]));
  const out = {};
  for (const [name, max] of [
    ['latency', 600000],
    ['packetLoss', 100],
    ['jitter', 600000],
  ])
    if (most(name).length) out[name] = clamp(Math.max(...most(name)), max);
  if (most('bandwidth').length) out.bandwidth = clamp(Math.min(...most('bandwidth')), 1e9);
  const resolution = lines.find((l) => l.videoResolution)?.videoResolution;
  if (resolution) out.videoResolution = resolution;
  return out;
}

/** In words; '': good. */
export function troubleOf({ latency, packetLoss }) {
  const words = [];
  if (packetLoss > WARN.packetLoss) words.push(`${Math.round(packetLoss)} % is lost on the way`);
  if (latency > WARN.latency) words.push(`${Math.round(latency)} ms there and back`);
  return words.join(', ');
}

const isPoor = (r) => r.latency > POOR.latency || r.packetLoss > POOR.packetLoss || r.bandwidth < POOR.bandwidth;

/**
 * What to give up, and what to take back: `look(report)` gives 'video-off', 'relay', 'video-on' or null. A line that
 * carries no pictures may have little to say of its bandwidth: loss and latency alone say that it is good again.
 */
export class Fallback {
  constructor() {
    this.step = 0; // 1: no picture is sent; 2: by the relay, too
    this._bad = 0;
    this._good = 0;
  }

  look(report) {
    const poor = isPoor(this.step ? { ...report, bandwidth: undefined } : report);
    this._bad = poor ? this._bad + 1 : 0;
    this._good = poor || troubleOf(report) ? 0 : this._good + 1;
    if (this._bad >= TIMES && this.step < 2) {
      this._bad = 0;
      this.step += 1;
      return this.step === 1 ? 'video-off' : 'relay';
    }
    if (this._good >= GOOD_TIMES && this.step > 0) {
      this._good = 0;
      this.step = 0;
      return 'video-on';
    }
    return null;
  }
}

/** Who speaks: of {userId: level 0…1}; who did before stays for a while, so that it does not jump. null: nobody. */
export class Speaker {
  constructor({ least = 0.02, holdMs = 1200 } = {}) {
    Object.assign(this, { _least: least, _hold: holdMs, _at: -Infinity });
    this.userId = null;
  }

  look(levels, now) {
    const [loudest, level] = Object.entries(levels).reduce((a, b) => (b[1] > a[1] ? b : a), [null, 0]);
    if (loudest === this.userId && level >= this._least) this._at = now;
    if (now - this._at < this._hold) return this.userId;
    this.userId = level >= this._least ? loudest : null;
    if (this.userId) this._at = now;
    return this.userId;
  }
}
